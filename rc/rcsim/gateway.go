package rcsim

import (
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/coder/websocket"
)

const (
	gatewayPath         = "/ws"
	maxSocketsOfSession = 50
	maxQueued           = 10000 // frames that a slow reader may leave behind before it is cut
	maxActiveRequests   = 10
	maxSubscriptions    = 30 // of a person in an app (10.4)
)

// gateway holds gateway tokens and WebSocket sessions (API sheet, section 10). The server's lock guards it.
type gateway struct {
	tokens   map[string]*wsToken
	minted   []string // the tokens in the order they were made, which is the order they expire in
	sessions map[string]*gwSession
	ofGrant  map[*grant][]*gwSession
	ofUser   map[*User][]*gwSession
	index    map[string][]*gwSession // by extension that a filter names; "" are account filters
}

type wsToken struct {
	grant   *grant
	expires time.Time
	access  time.Time // expiry of the access token that asked for it
	used    bool
	sock    *socket // that it opened last
}

// gwSession outlives its socket for RecoveryTimeout; its notifications keep numbers, so that a recovery replays what the
// client's wsc token says it has not seen.
type gwSession struct {
	id      string
	grant   *grant
	seq     int // of the newest frame
	sub     *subscription
	buffer  []frame // the newest notifications, sent or not; see keep
	sock    *socket
	forget  func() // stops the timer that ends a session without a socket
	waiting int    // answers that must leave before notifications
	pending []frame
}

type frame struct {
	seq  int
	data []byte
	made time.Time
	due  time.Time
}

// note is a notification before it belongs to a subscription.
type note struct {
	event    string
	body     json.RawMessage
	at       time.Time // of the change
	tape     *Tape
	injected bool
}

type heldNote struct {
	g    *gwSession
	note note
}

func newGateway() *gateway {
	return &gateway{
		tokens: map[string]*wsToken{}, sessions: map[string]*gwSession{}, ofGrant: map[*grant][]*gwSession{}, ofUser: map[*User][]*gwSession{},
		index: map[string][]*gwSession{},
	}
}

// add begins a session.
func (g *gateway) add(s *gwSession) {
	g.sessions[s.id] = s
	g.ofGrant[s.grant] = append(g.ofGrant[s.grant], s)
	g.ofUser[s.grant.user] = append(g.ofUser[s.grant.user], s)
}

// without takes a session out of one entry of an index.
func without[K comparable](index map[K][]*gwSession, key K, s *gwSession) {
	index[key] = slices.DeleteFunc(index[key], func(o *gwSession) bool { return o == s })
	if len(index[key]) == 0 {
		delete(index, key)
	}
}

// listeners are the sessions with a filter for that extension or for the account, each once.
func (g *gateway) listeners(extID string) iter.Seq[*gwSession] {
	return func(yield func(*gwSession) bool) {
		var own []*gwSession
		if extID != "" {
			own = g.index[extID]
		}
		for _, s := range own {
			if !yield(s) {
				return
			}
		}
		for _, s := range g.index[""] {
			if !slices.Contains(own, s) && !yield(s) {
				return
			}
		}
	}
}

// listen makes the index follow a session's subscription.
func (g *gateway) listen(s *gwSession, sub *subscription) {
	g.deaf(s)
	s.sub = sub
	for _, f := range sub.filters {
		if !slices.Contains(g.index[f.extID], s) {
			g.index[f.extID] = append(g.index[f.extID], s)
		}
	}
}

// deaf takes a session out of the index.
func (g *gateway) deaf(s *gwSession) {
	if s.sub == nil {
		return
	}
	for _, f := range s.sub.filters {
		without(g.index, f.extID, s)
	}
	s.sub = nil
}

// match is the session's first filter that fits.
func (g *gwSession) match(fits func(filter) bool) (filter, bool) {
	if g.sub == nil {
		return filter{}, false
	}
	i := slices.IndexFunc(g.sub.filters, fits)
	if i < 0 {
		return filter{}, false
	}
	return g.sub.filters[i], true
}

// remove forgets a session and closes its socket.
func (g *gateway) remove(s *gwSession, code websocket.StatusCode, why string) {
	g.deaf(s)
	delete(g.sessions, s.id)
	without(g.ofGrant, s.grant, s)
	without(g.ofUser, s.grant.user, s)
	if s.forget != nil {
		s.forget()
		s.forget = nil
	}
	if s.sock != nil {
		s.sock.finish(closing{code: code, why: why})
		s.sock = nil
	}
}

func (g *gateway) endAll() {
	for _, s := range g.sessions {
		g.remove(s, websocket.StatusGoingAway, "the simulator was reset")
	}
}

// endSockets ends the sockets of an OAuth session, or (Assumptions.SocketOutlivesSession) leaves them open and useless: nothing is
// notified there any more.
func (s *Server) endSockets(gr *grant) {
	for _, g := range slices.Clone(s.gate.ofGrant[gr]) {
		if s.opt.Assume.SocketOutlivesSession {
			s.gate.deaf(g)
		} else {
			s.gate.remove(g, s.closeCode(), "the OAuth session has ended")
		}
	}
}

// closeCode is the close code of a socket that the gateway ends.
func (s *Server) closeCode() websocket.StatusCode {
	return websocket.StatusCode(s.opt.Assume.SocketCloseCode)
}

// connected are the sessions among these that have a socket.
func connected(all []*gwSession) []*gwSession {
	return slices.DeleteFunc(slices.Clone(all), func(s *gwSession) bool { return s.sock == nil })
}

// wsToken is POST /restapi/oauth/wstoken.
func (c *call) wsToken() (int, any, error) {
	s := c.s
	now := s.now()
	s.gate.dropExpired(now)
	token := s.issue(s.ids.token("d3M"))
	s.gate.minted = append(s.gate.minted, token)
	s.gate.tokens[token] = &wsToken{grant: c.grant, expires: now.Add(s.opt.WSTokenTTL), access: c.grant.accessExpires}
	uri := s.uri(c.r, gatewayPath)
	return http.StatusOK, map[string]any{
		"uri": "ws" + strings.TrimPrefix(uri, "http"), "ws_access_token": token, "expires_in": int(s.opt.WSTokenTTL.Seconds()),
	}, nil
}

// dropExpired forgets the tokens that nobody can use any more.
func (g *gateway) dropExpired(now time.Time) {
	for len(g.minted) > 0 && now.After(g.tokens[g.minted[0]].expires) {
		delete(g.tokens, g.minted[0])
		g.minted = g.minted[1:]
	}
}

// deliver numbers a notification, buffers it for recovery and queues it on the socket, if there is one.
func (s *Server) deliver(g *gwSession, n note) {
	if g.sub == nil || s.gate.sessions[g.id] != g {
		return
	}
	now := s.now()
	s.traffic.Notifications++
	wsc := g.next()
	id := s.ids.decimal()
	said := envelope{UUID: id, Event: n.event, Timestamp: stamp(now.Add(s.opt.EventDelay)), SubscriptionID: g.sub.id, OwnerID: g.grant.user.ID, Body: n.body}
	f := frame{seq: wsc.Sequence, made: time.Now(), data: encode([]any{
		headerWire{Type: "ServerNotification", MessageID: id, Status: http.StatusOK, WSC: wsc, Headers: map[string]string{"RCRequestId": s.ids.uuid()}},
		said,
	})}
	if s.opt.Record != nil {
		s.opt.Record(Exchange{At: stamp(now), Event: n.event, Notification: string(encode(said)), Injected: n.injected})
	}
	if s.opt.EventDelay > 0 {
		f.due = f.made.Add(s.opt.EventDelay)
	}
	s.keep(g, f)
	if n.tape != nil {
		n.tape.said(g.grant.user.Number, now.Add(s.opt.EventDelay).Sub(n.at))
	}
	switch {
	case g.sock == nil:
	case g.waiting > 0:
		g.pending = append(g.pending, f)
	default:
		g.sock.push(f)
	}
}

// keep buffers a notification for recovery: as many as RecoveryBuffer, and none that is older than the longest time that a
// client may have been away without the gateway having forgotten it. Ten thousand full buffers would be a gigabyte.
func (s *Server) keep(g *gwSession, f frame) {
	g.buffer = append(g.buffer, f)
	oldest := f.made.Add(-(s.opt.PingEvery + s.opt.PongWithin + s.opt.RecoveryTimeout))
	n := max(len(g.buffer)-s.opt.RecoveryBuffer, 0)
	for n < len(g.buffer) && g.buffer[n].made.Before(oldest) {
		n++
	}
	g.buffer = slices.Delete(g.buffer, 0, n)
}
