package ws

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/coder/websocket"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const ownFilter = "/restapi/v1.0/account/~/extension/~/telephony/sessions"

// script plays the gateway on one connection; when it returns the socket ends.
type script func(p *peer)

// bench is a feed and a scripted gateway joined by pipes, inside a synctest bubble.
type bench struct {
	t        *testing.T
	feed     *Feed
	cancel   context.CancelFunc
	messages chan Message
	ended    chan error

	playing sync.WaitGroup

	mu      sync.Mutex
	scripts []script
	dials   []url.Values // of every handshake
	tokens  int
	refuse  func(n int) error // for token n
	offline int               // dials that fail before anything is sent
}

// peer is the gateway's end of one connection.
type peer struct {
	*bench
	ctx  context.Context //nolint:containedctx // of the one handshake that it is
	conn *websocket.Conn
	out  chan []byte // a pipe has no buffer of its own
	mute atomic.Bool // sends no pong
}

type pipeListener struct {
	conns chan net.Conn
	done  chan struct{}
	once  sync.Once
}

func (l *pipeListener) Accept() (net.Conn, error) {
	select {
	case c := <-l.conns:
		return c, nil
	case <-l.done:
		return nil, net.ErrClosed
	}
}
func (l *pipeListener) Close() error   { l.once.Do(func() { close(l.done) }); return nil }
func (l *pipeListener) Addr() net.Addr { return &net.UnixAddr{} }

// inBubble runs a feed against scripts, one per connection in order; a connection
// without script is refused with 503.
func inBubble(t *testing.T, test func(b *bench), change func(*bench, *Config), scripts ...script) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &bench{t: t, messages: make(chan Message, 1000), ended: make(chan error, 1), scripts: scripts}
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: b, ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(l) }()
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			b.mu.Lock()
			off := b.offline > 0
			b.offline--
			b.mu.Unlock()
			if off {
				return nil, errors.New("no route")
			}
			here, there := net.Pipe()
			select {
			case l.conns <- there:
				return here, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		cfg := Config{Token: b.token, Filters: []string{ownFilter}, HTTP: &http.Client{Transport: transport}}
		if change != nil {
			change(b, &cfg)
		}
		b.feed = New(cfg)
		ctx, cancel := context.WithCancel(t.Context())
		b.cancel = cancel
		go func() { b.ended <- b.feed.Run(ctx, func(m Message) { b.messages <- m }) }()
		defer func() {
			cancel()
			synctest.Wait()
			_ = server.Close()
			transport.CloseIdleConnections()
			<-served
			b.playing.Wait()
		}()
		test(b)
	})
}

func (b *bench) token(context.Context) (rc.WSToken, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tokens++
	if b.refuse != nil {
		if err := b.refuse(b.tokens); err != nil {
			return rc.WSToken{}, err
		}
	}
	return rc.WSToken{
		URI: "ws://gateway.example/ws", Token: fmt.Sprintf("ws-secret-%d", b.tokens), Expires: time.Now().Add(30 * time.Second),
	}, nil
}

func (b *bench) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	b.playing.Add(1)
	defer b.playing.Done()
	b.mu.Lock()
	b.dials = append(b.dials, r.URL.Query())
	var play script
	if len(b.scripts) > 0 {
		play, b.scripts = b.scripts[0], b.scripts[1:]
	}
	b.mu.Unlock()
	if play == nil {
		http.Error(w, "no more", http.StatusServiceUnavailable)
		return
	}
	p := &peer{bench: b, ctx: r.Context(), out: make(chan []byte, 1000)}
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OnPingReceived: func(context.Context, []byte) bool { return !p.mute.Load() },
	})
	if err != nil {
		b.t.Error(err)
		return
	}
	defer func() { _ = conn.CloseNow() }()
	p.conn = conn
	var writing sync.WaitGroup
	writing.Go(func() {
		for data := range p.out {
			_ = conn.Write(p.ctx, websocket.MessageText, data) // the feed may be gone
		}
	})
	play(p)
	close(p.out)
	writing.Wait()
}

// asked is the query of handshake n, from 0.
func (b *bench) asked(n int) url.Values {
	b.mu.Lock()
	defer b.mu.Unlock()
	if n >= len(b.dials) {
		b.t.Fatalf("%d handshakes, want more than %d", len(b.dials), n)
	}
	return b.dials[n]
}

func (b *bench) tokensAsked() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.tokens
}

// next waits for the next message, which must be an M.
func next[M Message](b *bench) M {
	b.t.Helper()
	select {
	case m := <-b.messages:
		got, ok := m.(M)
		if !ok {
			b.t.Fatalf("got %#v, want %T", m, got)
		}
		return got
	case err := <-b.ended:
		b.t.Fatalf("the feed ended: %v", err)
	case <-time.After(48 * time.Hour): // of the bubble
		b.t.Fatal("nothing happens")
	}
	panic("unreachable")
}

func (p *peer) send(parts ...any) {
	data, err := json.Marshal(parts)
	if err != nil {
		p.t.Error(err)
		return
	}
	p.out <- data
}

type m = map[string]any

// details greets; extra fields go into the body.
func (p *peer) details(sequence int, extra m) {
	body := m{"recoveryBufferSize": 100, "recoveryTimeout": 180, "idleTimeout": 1800, "absoluteTimeout": 86400}
	maps.Copy(body, extra)
	p.send(m{"type": typeDetails, "messageId": "d", "status": 200, "wsc": m{"token": fmt.Sprintf("wsc-%d", sequence), "sequence": sequence}}, body)
}

type request struct {
	Type, MessageID, Method, Path string
	filters                       []string
}

// read is the next frame from the feed; ok is false when the socket is gone.
func (p *peer) read() (request, bool) {
	_, data, err := p.conn.Read(p.ctx)
	if err != nil {
		return request{}, false
	}
	var parts []json.RawMessage
	var r request
	var body struct{ EventFilters []string }
	if err := json.Unmarshal(data, &parts); err != nil || json.Unmarshal(parts[0], &r) != nil {
		p.t.Errorf("frame %s", data)
	}
	if len(parts) > 1 {
		if err := json.Unmarshal(parts[1], &body); err != nil {
			p.t.Error(err)
		}
	}
	r.filters = body.EventFilters
	return r, true
}

// want reads until a request of that method comes.
func (p *peer) want(method string) request {
	for {
		r, ok := p.read()
		if !ok {
			p.t.Errorf("the feed left before its %s", method)
			return r
		}
		if r.Method == method {
			return r
		}
	}
}

func (p *peer) answer(r request, status int, body any) {
	p.send(m{"type": typeRequest, "messageId": r.MessageID, "status": status, "headers": m{"RCRequestId": "req-1", "X-Rate-Limit-Remaining": 3}}, body)
}

// subscribe greets and grants the subscription.
func (p *peer) subscribe(id string) request {
	p.details(1, nil)
	r := p.want("POST")
	p.answer(r, 200, m{"id": id})
	return r
}

// note sends a notification of its own uuid.
func (p *peer) note(uuid string, sequence int) {
	p.send(m{"type": typeNote, "messageId": uuid, "status": 200, "wsc": m{"token": fmt.Sprintf("wsc-%d", sequence), "sequence": sequence}}, m{
		"uuid": uuid, "event": "/restapi/v1.0/account/1/extension/2/telephony/sessions", "timestamp": time.Now().UTC().Format(time.RFC3339Nano),
		"body": m{"telephonySessionId": "s-1", "sequence": sequence, "parties": []m{{"id": "p-1", "status": m{"code": "Answered"}}}},
	})
}

// linger reads, and so answers pings, until the feed leaves.
func (p *peer) linger() {
	for {
		if _, ok := p.read(); !ok {
			return
		}
	}
}
