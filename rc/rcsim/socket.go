package rcsim

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
)

// One connection to the gateway: how it opens, recovers, is kept alive and ends (API sheet 10.2, 10.5, 10.6).

type wscWire struct {
	Token    string `json:"token"`
	Sequence int    `json:"sequence"`
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
	if err != nil || g == nil || g.grant != gr || seen > g.seq {
		return nil, 0, "Failed", failed
	}
	if s.faults.refuseRecovery {
		s.gate.remove(g, s.closeCode(), "the session cannot be recovered")
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
