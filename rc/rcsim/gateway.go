package rcsim

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"iter"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
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

type subscription struct {
	id      string
	created time.Time
	filters []filter
	texts   []string
	refused []disabledWire
	transit json.RawMessage
}

type disabledWire struct {
	Filter  string `json:"filter"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type subscriptionWire struct {
	URI             string          `json:"uri"`
	ID              string          `json:"id"`
	CreationTime    string          `json:"creationTime"`
	Status          string          `json:"status"`
	EventFilters    []string        `json:"eventFilters"`
	DisabledFilters []disabledWire  `json:"disabledFilters,omitempty"`
	ExpirationTime  string          `json:"expirationTime"`
	ExpiresIn       int             `json:"expiresIn"`
	DeliveryMode    json.RawMessage `json:"deliveryMode"`
}

type wscWire struct {
	Token    string `json:"token"`
	Sequence int    `json:"sequence"`
}

type headerWire struct {
	Type      string            `json:"type"`
	MessageID string            `json:"messageId"`
	Status    int               `json:"status,omitempty"`
	WSC       *wscWire          `json:"wsc,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
}

type connectionWire struct {
	CreationTime             string `json:"creationTime"`
	MaxConnectionsPerSession int    `json:"maxConnectionsPerSession"`
	RecoveryBufferSize       int    `json:"recoveryBufferSize"`
	RecoveryTimeout          int    `json:"recoveryTimeout"`
	IdleTimeout              int    `json:"idleTimeout"`
	AbsoluteTimeout          int    `json:"absoluteTimeout"`
	MaxActiveRequests        int    `json:"maxActiveRequests"`
	RecoveryState            string `json:"recoveryState,omitempty"`
	RecoveryErrorCode        string `json:"recoveryErrorCode,omitempty"`
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

// closing says how a socket ends: with a last frame or not, with a close frame or (reset) without.
type closing struct {
	last  []byte
	code  websocket.StatusCode
	why   string
	reset bool
}

// socket is one WebSocket connection. The server's lock guards its queue; one goroutine reads, one writes.
type socket struct {
	g      *gwSession
	conn   *websocket.Conn
	queue  []frame
	more   chan struct{} // capacity 1: the queue or end changed
	end    *closing
	silent atomic.Bool // half-open by fault
	active atomic.Int64
	busy   chan struct{}     // one slot for each request in flight
	stops  map[string]func() // timers: ping, idle, absolute, expiry
}

// later replaces one of the socket's timers.
func (s *Server) later(k *socket, name string, d time.Duration, f func()) {
	if k.stops == nil {
		k.stops = map[string]func(){}
	}
	k.stops[name] = s.after(d, f)
}

func (k *socket) finish(c closing) {
	if k.end == nil {
		k.end = &c
		k.nudge()
	}
}

func (k *socket) nudge() {
	select {
	case k.more <- struct{}{}:
	default:
	}
}

func (k *socket) push(f frame) {
	if len(k.queue) >= maxQueued {
		k.finish(closing{reset: true})
		return
	}
	k.queue = append(k.queue, f)
	k.nudge()
}

// handleSocket is the gateway: it upgrades, sends ConnectionDetails, and serves frames until either side ends.
func (s *Server) handleSocket(w http.ResponseWriter, r *http.Request) {
	if err := s.faultOfUpgrade(w, r); err != nil {
		s.writeError(w, r, err)
		return
	}
	k := &socket{more: make(chan struct{}, 1), busy: make(chan struct{}, maxActiveRequests)}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		InsecureSkipVerify: true, // a bearer token in the URL, no cookie: any origin may try
		CompressionMode:    websocket.CompressionDisabled,
		OnPingReceived: func(context.Context, []byte) bool {
			k.active.Store(s.now().UnixNano())
			return !k.silent.Load()
		},
	})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	k.conn = conn
	conn.SetReadLimit(1 << 20)
	q := r.URL.Query()
	if q.Get("access_token") == "" {
		_ = conn.Close(4400, "access_token is missing")
		return
	}
	ctx, cancel := context.WithCancel(s.ctx)
	defer cancel()
	var refused *restError
	_ = s.change(func() error {
		refused = s.open(k, r, q)
		return nil
	})
	if refused != nil {
		_ = s.write(ctx, conn, []any{
			headerWire{Type: "Error", MessageID: recordID(s, r), Status: refused.status, Headers: map[string]string{"RCRequestId": recordID(s, r)}},
			map[string]string{"errorCode": refused.code, "message": refused.message},
		})
		_ = conn.Close(s.closeCode(), refused.code)
		return
	}
	written := make(chan struct{})
	go func() {
		defer close(written)
		s.writeFrames(ctx, k)
		cancel() // the reader ends with the writer
	}()
	s.readFrames(ctx, k, r)
	_ = s.change(func() error {
		s.lost(k)
		return nil
	})
	cancel()
	<-written
}

// faultOfUpgrade lets the upgrade meet its fault; an error is to be answered instead.
func (s *Server) faultOfUpgrade(w http.ResponseWriter, r *http.Request) error {
	var f met
	_ = s.change(func() error {
		extension := ""
		if t := s.gate.tokens[r.URL.Query().Get("access_token")]; t != nil {
			extension = t.grant.user.Number
		}
		f = s.meet(r, "gateway", extension, s.hangUp)
		return nil
	})
	return s.perform(w, r, f, func() error { return nil })
}

func recordID(s *Server, r *http.Request) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return record(r).RequestID
}

func (s *Server) write(ctx context.Context, conn *websocket.Conn, v any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return conn.Write(ctx, websocket.MessageText, encode(v))
}

// open checks the token, finds or makes the session, and queues ConnectionDetails and what is to be replayed.
func (s *Server) open(k *socket, r *http.Request, q url.Values) *restError {
	now := s.now()
	t := s.gate.tokens[q.Get("access_token")]
	switch {
	case t == nil || t.grant.ended:
		return refuse(http.StatusUnauthorized, "OAU-213", "Token not found")
	case now.After(t.expires):
		return refuse(http.StatusUnauthorized, "OAU-128", "Access token expired")
	case t.used && s.opt.SingleUseWSToken:
		return refuse(http.StatusUnauthorized, "OAU-213", "Token was used before")
	}
	e := record(r)
	e.Extension, e.Client = t.grant.user.Number, t.grant.client.ID
	if first := t.sock; first != nil && !s.opt.Assume.TokenSharedBySockets {
		first.finish(closing{code: s.closeCode(), why: "the token has opened another connection"})
		s.lost(first)
	}
	if s.sockets(t.grant) >= maxSocketsOfSession {
		return refuse(http.StatusForbidden, "SUB-505", "Connections limit exceeded")
	}
	t.used, t.sock = true, k // which has a session in a moment: nothing refuses it any more
	g, seen, state, code := s.recover(t.grant, q.Get("wsc"))
	if g == nil {
		g = &gwSession{id: s.ids.hex(12), grant: t.grant, seq: 1}
		s.gate.add(g)
		seen = 1
	}
	if g.forget != nil {
		g.forget()
		g.forget = nil
	}
	if old := g.sock; old != nil {
		old.finish(closing{code: s.closeCode(), why: "recovered on another connection"})
	}
	g.sock, k.g = k, g
	g.waiting, g.pending = 0, nil
	k.active.Store(now.UnixNano())
	k.push(frame{data: encode([]any{
		headerWire{Type: "ConnectionDetails", MessageID: e.RequestID, Status: http.StatusOK, WSC: &wscWire{Token: wscToken(g, seen), Sequence: seen}, Headers: map[string]string{"RCRequestId": e.RequestID}},
		connectionWire{
			CreationTime: stamp(now), MaxConnectionsPerSession: maxSocketsOfSession, RecoveryBufferSize: s.opt.RecoveryBuffer,
			RecoveryTimeout: int(s.opt.RecoveryTimeout.Seconds()), IdleTimeout: int(s.opt.IdleTimeout.Seconds()), AbsoluteTimeout: int(s.opt.AbsoluteTimeout.Seconds()),
			MaxActiveRequests: maxActiveRequests, RecoveryState: state, RecoveryErrorCode: code,
		},
	})})
	if state != "" {
		// Official clients attach their listener after ConnectionDetails: leave them the time.
		k.push(frame{due: time.Now().Add(s.opt.RecoveryPause)})
	}
	for _, f := range g.buffer {
		if f.seq > seen {
			k.push(f)
		}
	}
	if s.opt.Assume.SocketDiesOnExpiry {
		s.later(k, "expiry", max(t.access.Sub(now), 0), func() { s.gate.remove(g, s.closeCode(), "access token expired") })
	}
	s.later(k, "absolute", s.opt.AbsoluteTimeout, func() { s.timeout(k, "WSG-903", "Absolute timeout expired") })
	s.watchIdle(k, s.opt.IdleTimeout)
	s.pingLater(k)
	return nil
}

// sockets is how many sockets count towards the limit of an OAuth session's next one (API sheet 11.9).
func (s *Server) sockets(gr *grant) int {
	if !s.opt.Assume.SocketsPerPerson {
		return len(connected(s.gate.ofGrant[gr]))
	}
	return len(slices.DeleteFunc(connected(s.gate.ofUser[gr.user]), func(g *gwSession) bool { return g.grant.client != gr.client }))
}

// recover finds the session that a wsc token means; seen is the newest frame that the client has.
func (s *Server) recover(gr *grant, wsc string) (g *gwSession, seen int, state, code string) {
	if wsc == "" {
		return nil, 0, "", ""
	}
	const failed = "WSG-1005"
	raw, _ := base64.RawURLEncoding.DecodeString(wsc)
	id, text, _ := strings.Cut(string(raw), ".")
	seen, err := strconv.Atoi(text)
	g = s.gate.sessions[id]
	if err != nil || g == nil || g.grant != gr || s.faults.refuseRecovery || seen > g.seq {
		return nil, 0, "Failed", failed
	}
	return g, seen, "Successful", ""
}

// next is the wsc of the session's next frame.
func (g *gwSession) next() *wscWire {
	g.seq++
	return &wscWire{Token: wscToken(g, g.seq), Sequence: g.seq}
}

func wscToken(g *gwSession, seq int) string {
	return base64.RawURLEncoding.EncodeToString([]byte(g.id + "." + strconv.Itoa(seq)))
}

// timeout ends a socket with an Error frame; its session cannot be recovered.
func (s *Server) timeout(k *socket, code, message string) {
	if k.g.sock != k {
		return
	}
	id := s.ids.uuid()
	head := headerWire{Type: "Error", MessageID: id, Status: http.StatusForbidden, WSC: k.g.next(), Headers: map[string]string{"RCRequestId": id}}
	k.finish(closing{
		last: encode([]any{head, map[string]string{"errorCode": code, "message": message}}),
		code: s.closeCode(), why: message,
	})
	s.gate.remove(k.g, s.closeCode(), message)
}

func (s *Server) watchIdle(k *socket, d time.Duration) {
	s.later(k, "idle", d, func() {
		idle := s.now().Sub(time.Unix(0, k.active.Load()))
		switch {
		case k.g.sock != k:
		case idle >= s.opt.IdleTimeout:
			s.timeout(k, "WSG-902", "Idle timeout expired")
		default:
			s.watchIdle(k, s.opt.IdleTimeout-idle)
		}
	})
}

// pingLater checks the client after PingEvery; without a pong within PongWithin the socket is cut.
func (s *Server) pingLater(k *socket) {
	s.later(k, "ping", s.opt.PingEvery, func() {
		if k.g.sock != k || k.silent.Load() {
			return
		}
		s.wg.Go(func() {
			ctx, cancel := context.WithTimeout(s.ctx, s.opt.PongWithin)
			defer cancel()
			err := k.conn.Ping(ctx)
			_ = s.change(func() error {
				switch {
				case k.g.sock != k:
				case err != nil:
					k.finish(closing{reset: true})
				default:
					s.pingLater(k)
				}
				return nil
			})
		})
	})
}

// lost is the end of a connection: its session waits for recovery.
func (s *Server) lost(k *socket) {
	for _, stop := range k.stops {
		stop()
	}
	k.stops = nil
	g := k.g
	if g.sock != k {
		return
	}
	g.sock = nil
	g.waiting, g.pending = 0, nil
	g.forget = s.after(s.opt.RecoveryTimeout, func() {
		g.forget = nil
		s.gate.remove(g, websocket.StatusGoingAway, "")
	})
}

// writeFrames sends the queue in order, each frame when it is due, and then the end.
func (s *Server) writeFrames(ctx context.Context, k *socket) {
	for {
		s.mu.Lock()
		queue, end := k.queue, k.end
		k.queue = nil
		s.mu.Unlock()
		for _, f := range queue {
			if wait := time.Until(f.due); wait > 0 {
				t := time.NewTimer(wait)
				select {
				case <-t.C:
				case <-ctx.Done():
					t.Stop()
					return
				}
			}
			if len(f.data) == 0 || k.silent.Load() {
				continue
			}
			wctx, cancel := context.WithTimeout(ctx, 10*time.Second)
			err := k.conn.Write(wctx, websocket.MessageText, f.data)
			cancel()
			if err != nil {
				return
			}
		}
		if end != nil {
			switch {
			case end.reset:
				_ = k.conn.CloseNow()
			default:
				if end.last != nil {
					wctx, cancel := context.WithTimeout(ctx, 10*time.Second)
					_ = k.conn.Write(wctx, websocket.MessageText, end.last)
					cancel()
				}
				_ = k.conn.Close(end.code, end.why)
			}
			return
		}
		select {
		case <-k.more:
		case <-ctx.Done():
			return
		}
	}
}

// readFrames answers what the client sends.
func (s *Server) readFrames(ctx context.Context, k *socket, r *http.Request) {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	for {
		_, data, err := k.conn.Read(ctx)
		if err != nil {
			return
		}
		k.active.Store(s.now().UnixNano())
		if k.silent.Load() {
			continue
		}
		var parts []json.RawMessage
		var h struct {
			Type      string            `json:"type"`
			MessageID string            `json:"messageId"`
			Method    string            `json:"method"`
			Path      string            `json:"path"`
			Headers   map[string]string `json:"headers"`
			Query     map[string]any    `json:"query"`
		}
		if json.Unmarshal(data, &parts) != nil || len(parts) == 0 || json.Unmarshal(parts[0], &h) != nil {
			s.answerFrame(k, headerWire{Type: "Error", MessageID: "", Status: http.StatusBadRequest}, encode(map[string]string{"errorCode": "WSG-201", "message": "The frame cannot be parsed"}))
			continue
		}
		switch h.Type {
		case "Heartbeat":
			_ = s.change(func() error {
				k.push(frame{data: encode([]any{headerWire{Type: "Heartbeat", MessageID: h.MessageID}})})
				return nil
			})
		case "ClientRequest":
			var body json.RawMessage
			if len(parts) > 1 {
				body = parts[1]
			}
			target := withQuery(h.Path, h.Query)
			if s.opt.Assume.BusyRefused && len(k.busy) == cap(k.busy) {
				s.answerFrame(k, headerWire{Type: "ClientRequest", MessageID: h.MessageID, Status: http.StatusTooManyRequests}, encode(errorBody(tooBusy())))
				continue
			}
			requests.Go(func() {
				select {
				case k.busy <- struct{}{}:
				case <-ctx.Done():
					return
				}
				s.tunnel(ctx, k, r, h.MessageID, h.Method, target, h.Headers, body)
				<-k.busy
			})
		default:
			s.answerFrame(k, headerWire{Type: "Error", MessageID: h.MessageID, Status: http.StatusBadRequest}, encode(map[string]string{"errorCode": "WSG-201", "message": "Unknown frame type"}))
		}
	}
}

// withQuery adds the query of a ClientRequest to its path; a list is a parameter that is named several times.
func withQuery(path string, query map[string]any) string {
	if len(query) == 0 {
		return path
	}
	v := url.Values{}
	for name, value := range query {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, item := range list {
			text, ok := item.(string)
			if !ok {
				text = string(encode(item))
			}
			v.Add(name, text)
		}
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + v.Encode()
}

// tooBusy is the answer to a request above maxActiveRequests; its code is not known.
func tooBusy() *restError {
	return refuse(http.StatusTooManyRequests, "WSG-429", "Too many active requests")
}

// answerFrame queues an answer; it carries the newest wsc.
func (s *Server) answerFrame(k *socket, h headerWire, body json.RawMessage) {
	_ = s.change(func() error {
		if k.g.sock != k {
			return nil // the connection is cut, and what it says last must not count as heard
		}
		seq := 0
		if len(k.g.pending) == 0 { // else a recovery from here would miss those that wait for this answer
			h.WSC = k.g.next()
			seq = h.WSC.Sequence
		}
		parts := []any{h}
		if len(body) > 0 {
			parts = append(parts, body)
		}
		k.push(frame{seq: seq, data: encode(parts)})
		return nil
	})
}

// tunnel runs a ClientRequest through the same routes as HTTP. Notifications wait until its answer is queued, because
// official clients die of a notification that comes first.
func (s *Server) tunnel(ctx context.Context, k *socket, outer *http.Request, id, method, target string, headers map[string]string, body []byte) {
	answer := headerWire{Type: "ClientRequest", MessageID: id}
	req, err := http.NewRequestWithContext(withTunnel(ctx, k.g), method, target, bytes.NewReader(body))
	if err != nil || !strings.HasPrefix(target, "/restapi/") || strings.HasPrefix(target, "/restapi/oauth") {
		answer.Status = http.StatusNotFound
		s.answerFrame(k, answer, encode(errorBody(refuse(http.StatusNotFound, "CMN-120", "Invalid URI"))))
		return
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	if req.UserAgent() == "" {
		req.Header.Set("User-Agent", outer.UserAgent())
	}
	req.Host, req.TLS = outer.Host, outer.TLS
	req = s.arrive(req, true)
	_ = s.change(func() error {
		if k.g.sock == k { // else the session lives on another connection, whose notifications must not wait for this
			k.g.waiting++
		}
		return nil
	})
	rec := &recorder{header: http.Header{}}
	aborted := rec.serve(s, req)
	if !aborted {
		answer.Status = rec.status
		answer.Headers = map[string]string{}
		for name, values := range rec.header {
			answer.Headers[name] = values[0]
		}
		s.answerFrame(k, answer, rec.json(&answer))
	}
	s.afterwards(req)
	_ = s.change(func() error {
		g := k.g
		if g.sock != k || g.waiting == 0 {
			return nil
		}
		if g.waiting--; g.waiting == 0 {
			for _, f := range g.pending {
				k.push(f)
			}
			g.pending = nil
		}
		return nil
	})
}

// recorder is the ResponseWriter of a tunnelled request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// json is the body as it fits into a frame: multipart cannot be tunnelled (10.3), other text becomes a JSON string.
func (w *recorder) json(answer *headerWire) json.RawMessage {
	body := w.body.Bytes()
	switch {
	case len(body) == 0 || json.Valid(body):
		return body
	case strings.HasPrefix(w.header.Get("Content-Type"), "multipart/"):
		answer.Status = http.StatusUnsupportedMediaType
		answer.Headers["Content-Type"] = "application/json;charset=utf-8"
		return encode(errorBody(refuse(answer.Status, "CMN-415", "A multipart answer cannot be sent over this connection")))
	}
	return encode(string(body))
}

// serve runs the request; true means a fault swallowed the answer.
func (w *recorder) serve(s *Server, r *http.Request) (aborted bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(v)
		}
	}()
	s.serveREST(w, r)
	w.WriteHeader(http.StatusOK)
	return false
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

// subscriptionIn is the body of create and update.
type subscriptionIn struct {
	EventFilters []string        `json:"eventFilters"`
	DeliveryMode json.RawMessage `json:"deliveryMode"`
}

// filters reads and judges the filters of a request.
func (c *call) filters() (*subscription, error) {
	if c.sock == nil {
		return nil, invalid("deliveryMode.transportType") // WebHook and PubNub are not modelled
	}
	var in subscriptionIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var mode struct {
		TransportType string `json:"transportType"`
	}
	if len(in.DeliveryMode) > 0 {
		_ = json.Unmarshal(in.DeliveryMode, &mode)
	}
	longest := c.s.opt.Assume.MaxFilterLength
	switch {
	case mode.TransportType != "" && mode.TransportType != "WebSocket":
		return nil, invalid("deliveryMode.transportType")
	case len(in.EventFilters) == 0:
		return nil, invalid("eventFilters")
	case longest > 0 && slices.ContainsFunc(in.EventFilters, func(text string) bool { return len(text) > longest }):
		return nil, refuse(http.StatusBadRequest, "SUB-508", "An event filter is too long")
	case c.s.opt.Assume.MaxFilters > 0 && len(in.EventFilters) > c.s.opt.Assume.MaxFilters:
		return nil, refuse(http.StatusBadRequest, "SUB-508", "There are too many event filters")
	}
	sub := &subscription{transit: encode(map[string]any{"transportType": "WebSocket", "encryption": false}), texts: []string{}}
	for _, text := range in.EventFilters {
		f, ok := parseFilter(text, c.user)
		if !ok {
			return nil, refuse(http.StatusBadRequest, "SUB-508", "Event filter ["+text+"] is invalid")
		}
		if code, why := c.s.allowed(f, c.user, c.grant.client); code != "" {
			if c.s.opt.Assume.FilterRefusal403 {
				return nil, refuse(http.StatusForbidden, code, why)
			}
			sub.refused = append(sub.refused, disabledWire{Filter: f.text, Reason: code, Message: why})
			continue
		}
		sub.filters = append(sub.filters, f)
		sub.texts = append(sub.texts, f.text)
	}
	return sub, nil
}

const subscriptionTTL = 24 * time.Hour

func (c *call) subscriptionWire(sub *subscription) subscriptionWire {
	expires := c.s.now().Add(subscriptionTTL)
	return subscriptionWire{
		URI: c.s.uri(c.r, pathSub+"/"+sub.id), ID: sub.id, CreationTime: stamp(sub.created), Status: "Active", EventFilters: sub.texts,
		DisabledFilters: sub.refused, ExpirationTime: stamp(expires), ExpiresIn: int(subscriptionTTL.Seconds()) - 1, DeliveryMode: sub.transit,
	}
}

// subscribe replaces the session's subscription (10.4).
func (c *call) subscribe() (int, any, error) {
	sub, err := c.filters()
	if err != nil {
		return 0, nil, err
	}
	if c.sock.sub == nil && len(c.subscriptions()) >= maxSubscriptions {
		return 0, nil, refuse(http.StatusForbidden, "SUB-505", "Subscriptions limit exceeded")
	}
	sub.id, sub.created = c.s.ids.uuid(), c.s.now()
	c.s.gate.listen(c.sock, sub)
	return http.StatusOK, c.subscriptionWire(sub), nil
}

// subscriptions are the caller's in this app, on whatever socket.
func (c *call) subscriptions() []*subscription {
	var out []*subscription
	for _, g := range c.s.gate.ofUser[c.user] {
		if g.grant.client == c.grant.client && g.sub != nil {
			out = append(out, g.sub)
		}
	}
	return out
}

func (c *call) listSubscriptions() (int, any, error) {
	return http.StatusOK, map[string]any{"uri": c.s.uri(c.r, pathSub), "records": rows(c.subscriptions(), c.subscriptionWire)}, nil
}

// current is the subscription that the path names, which must be this session's.
func (c *call) current() (*subscription, error) {
	if c.sock == nil || c.sock.sub == nil || c.sock.sub.id != c.r.PathValue("subscriptionId") {
		return nil, refuse(http.StatusNotFound, "SUB-507", "Subscription expired or not found")
	}
	return c.sock.sub, nil
}

func (c *call) readSubscription() (int, any, error) {
	sub, err := c.current()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.subscriptionWire(sub), nil
}

func (c *call) updateSubscription() (int, any, error) {
	old, err := c.current()
	if err != nil {
		return 0, nil, err
	}
	sub, err := c.filters()
	if err != nil {
		return 0, nil, err
	}
	sub.id, sub.created = old.id, old.created
	c.s.gate.listen(c.sock, sub)
	return http.StatusOK, c.subscriptionWire(sub), nil
}

func (c *call) unsubscribe() (int, any, error) {
	if _, err := c.current(); err != nil {
		return 0, nil, err
	}
	c.s.gate.deaf(c.sock)
	return http.StatusNoContent, nil, nil
}

// CutSocket cuts every socket of a person (extension number or id) and returns how many; the sessions can be recovered.
func (s *Server) CutSocket(extension string, how CutMode) int {
	n := 0
	_ = s.change(func() error {
		for _, g := range connected(s.gate.ofUser[s.dir.person(extension)]) {
			n++
			k := g.sock
			switch how {
			case CutSilent:
				k.silent.Store(true)
			case CutReset:
				k.finish(closing{reset: true})
			case CutClean:
				k.finish(closing{code: websocket.StatusGoingAway, why: "cut"})
			}
			s.lost(k)
		}
		return nil
	})
	return n
}
