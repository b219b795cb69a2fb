// Package ws keeps one person's RingCentral subscription alive over a WebSocket.
//
// A Feed gets a fresh token, connects, subscribes and hands every notification to
// a sink, in order, from one goroutine. When the socket dies it connects again:
// within RingCentral's recovery time the old session is taken up and what was
// missed is replayed; otherwise it subscribes anew. Up says which of the two
// happened, and so whether state has to be read again; Down says that nothing is
// heard until the next Up.
//
// RingCentral ends every socket after a day. Before that the feed has a token at
// hand and moves to a new socket at once, which takes up the old session: there is
// an Up and, unless the new socket fails, no Down.
//
// Run owns all goroutines of a feed and returns when they are gone. The sink must
// return quickly and must not call SetFilters: while it runs nothing is read, not
// even a pong. A notification that cannot be decoded is counted and logged and
// never ends the feed. No token appears in an error or in the log.
package ws

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/telephony"
)

// Config says how a feed gets its tokens and what it listens to.
type Config struct {
	Token   func(context.Context) (rc.WSToken, error) // called once per connect
	Filters []string                                  // event filters to begin with
	Room    func(context.Context) (rc.Heard, error)   // makes room for a subscription request, which RingCentral counts in the group Medium; nil counts nothing
	Log     *slog.Logger                              // nil means silence
	Timing  Timing
	HTTP    *http.Client // for the handshake; nil means one with the default transport
}

// Timing holds the feed's durations; zero means the default.
type Timing struct {
	Dial     time.Duration // from connecting to being subscribed: 15 s
	Write    time.Duration // of one frame: 10 s
	Ping     time.Duration // between pings: 20 s
	Dead     time.Duration // without frame or pong: 45 s
	Retry    time.Duration // step of the backoff, n² of it before try n: 1 s
	RetryMax time.Duration // most of the backoff: 8 s
	Tokens   time.Duration // in which at most four tokens are asked for: 60 s
	Recovery time.Duration // in which a session can be taken up, unless RingCentral says otherwise: 180 s
	Replay   time.Duration // after a recovery, in which notifications may be replayed ones: 10 s
	Skew     time.Duration // by which RingCentral's clock may differ from ours: 5 s
	Renew    time.Duration // before RingCentral's absolute timeout, at most a tenth of it; up to half as much earlier at random: 1 h
}

// fields are all durations of t, each with its default.
func (t *Timing) fields() map[*time.Duration]time.Duration {
	return map[*time.Duration]time.Duration{
		&t.Dial: 15 * time.Second, &t.Write: 10 * time.Second, &t.Ping: 20 * time.Second, &t.Dead: 45 * time.Second,
		&t.Retry: time.Second, &t.RetryMax: 8 * time.Second, &t.Tokens: time.Minute, &t.Recovery: 3 * time.Minute,
		&t.Replay: 10 * time.Second, &t.Skew: 5 * time.Second, &t.Renew: time.Hour,
	}
}

// Scaled is every time of t, defaults included, multiplied by a factor.
func (t Timing) Scaled(by float64) Timing {
	t = t.Filled()
	for d := range t.fields() {
		*d = time.Duration(float64(*d) * by)
	}
	return t
}

// Filled is t with its defaults.
func (t Timing) Filled() Timing {
	for d, otherwise := range t.fields() {
		if *d <= 0 {
			*d = otherwise
		}
	}
	return t
}

// Message is what a feed tells its sink: Up, Down, Note or Filters.
type Message interface{ message() }

// Up says that the feed hears again. Without Recovered, or with Overflow,
// something may have been missed for good: read everything again. After a
// recovery a second Up with Overflow may follow, when the replay turns out to be
// as long as RingCentral's buffer.
type Up struct {
	At                  time.Time
	Recovered, Overflow bool
	Missed              time.Duration // since the feed last heard; 0 at the first Up
	Disabled            []Disabled
}

// Down says that the feed hears nothing: the socket ended, or try Try to get a
// new one failed with Err. The next try begins after Next.
type Down struct {
	At   time.Time
	Err  error
	Try  int
	Next time.Duration
}

// Note is one notification with the time of its arrival.
type Note struct {
	telephony.Notification
	At time.Time
}

// Filters says that the live subscription was changed to Active, or with Err
// that RingCentral refused, or there was no room to ask, and Active still holds.
type Filters struct {
	At       time.Time
	Active   []string
	Disabled []Disabled
	Err      error
}

// Disabled is a filter that RingCentral took but does not serve to this person.
type Disabled struct{ Filter, Reason, Message string }

func (Up) message()      {}
func (Down) message()    {}
func (Note) message()    {}
func (Filters) message() {}

// Feed is one person's subscription; make it with New and drive it with Run.
type Feed struct {
	token     func(context.Context) (rc.WSToken, error)
	room      func(context.Context) (rc.Heard, error)
	log       *slog.Logger
	timing    Timing
	http      *http.Client
	heard     atomic.Int64
	undecoded atomic.Uint64
	changing  chan struct{} // held by the SetFilters under way

	mu     sync.Mutex
	wanted []string
	live   *link // the subscribed connection, if there is one
}

// New makes a feed that does nothing until Run.
func New(cfg Config) *Feed {
	f := &Feed{
		token:    cfg.Token,
		room:     cfg.Room,
		log:      cfg.Log,
		timing:   cfg.Timing.Filled(),
		http:     handshakeClient(cfg.HTTP),
		changing: make(chan struct{}, 1),
		wanted:   slices.Clone(cfg.Filters),
	}
	if f.room == nil {
		f.room = func(context.Context) (rc.Heard, error) { return func(int, http.Header, []byte) {}, nil }
	}
	if f.log == nil {
		f.log = slog.New(slog.DiscardHandler)
	}
	return f
}

// handshakeClient is a copy that follows no redirect: the next host would learn
// the token.
func handshakeClient(from *http.Client) *http.Client {
	var h http.Client
	if from != nil {
		h = *from
	}
	h.Jar = nil
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// Heard is when the last frame or pong came, the zero time before the first; any
// goroutine may ask.
func (f *Feed) Heard() time.Time {
	if ns := f.heard.Load(); ns != 0 {
		return time.Unix(0, ns)
	}
	return time.Time{}
}

func (f *Feed) hear() { f.heard.Store(time.Now().UnixNano()) }

// Undecoded is how many notifications could not be decoded so far.
func (f *Feed) Undecoded() uint64 { return f.undecoded.Load() }

// Run keeps the feed up until ctx ends, whose error it returns, or until
// RingCentral refuses the token or the subscription for good, which it returns
// as an *rc.Error; one that is rc.ErrSessionEnded says that the person was signed
// out elsewhere. It may be called once at a time.
func (f *Feed) Run(ctx context.Context, sink func(Message)) error {
	var m memory
	for try := 0; ; {
		begin := time.Now()
		err := f.connect(ctx, &m, sink)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if permanent(err) {
			return err
		}
		if errors.Is(err, errAged) && m.tokenLeft(time.Now()) {
			continue
		}
		if m.wasUp && time.Since(begin) > f.timing.RetryMax {
			try = 0
		}
		try++
		next := max(f.backoff(try), askedToWait(err), m.pace(time.Now(), f.timing.Tokens))
		f.log.InfoContext(ctx, "feed down", "error", err, "try", try, "next", next)
		sink(Down{At: time.Now(), Err: err, Try: try, Next: next})
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

// SetFilters changes what the feed listens to. On a live socket it replaces the
// subscription's filters (PUT, group Medium; POST when RingCentral has forgotten
// the subscription) and waits for the answer; a refusal is an *rc.Error and
// leaves the old filters in force. Without a live socket, or when it dies
// meanwhile, the filters are kept and used at the next connect.
// See https://developers.ringcentral.com/api-reference/Subscriptions/updateSubscription.
func (f *Feed) SetFilters(ctx context.Context, filters []string) error {
	select {
	case f.changing <- struct{}{}:
		defer func() { <-f.changing }()
	case <-ctx.Done():
		return ctx.Err()
	}
	filters = slices.Clone(filters)
	f.mu.Lock()
	old := f.wanted
	f.wanted = filters
	l := f.live
	f.mu.Unlock()
	if l == nil {
		return nil
	}
	heard, err := f.room(ctx)
	if err != nil {
		f.unwanted(filters, old)
		return err
	}
	result := make(chan error, 1)
	if err := l.replaceFilters(ctx, filters, heard, result); err != nil {
		// A write that fails ends the socket, perhaps after the answer came.
		f.log.InfoContext(ctx, "filters not sent", "error", err)
	}
	select {
	case err := <-result:
		return err
	case <-l.over:
		select {
		case err := <-result: // the answer came before the end
			return err
		default:
			return nil
		}
	case <-ctx.Done():
		return ctx.Err()
	}
}

// unwanted takes back filters that RingCentral refused, unless others are wanted
// by now.
func (f *Feed) unwanted(refused, instead []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if slices.Equal(f.wanted, refused) {
		f.wanted = instead
	}
}

// tokensEach leaves one of the five requests a minute of the Auth group to
// sign-in and refresh.
const tokensEach = 4

// memory is what outlives one connection.
type memory struct {
	wsc        string // recovery token; "" when there is nothing to recover
	sequence   int64  // of the frame that carried it
	timeout    time.Duration
	buffer     int       // frames that RingCentral keeps for a recovery
	lastHeard  time.Time // on the last subscribed connection
	subscribed string    // subscription of the session that wsc belongs to
	active     []string  // its filters
	disabled   []Disabled
	unused     rc.WSToken
	asked      []time.Time // for tokens, lately
	wasUp      bool        // the last connection was subscribed
}

// pace is how long the next token has to wait.
func (m *memory) pace(now time.Time, window time.Duration) time.Duration {
	if m.tokenLeft(now) {
		return 0
	}
	m.asked = slices.DeleteFunc(m.asked, func(t time.Time) bool { return now.Sub(t) > window })
	if over := len(m.asked) - tokensEach; over >= 0 {
		return m.asked[over].Add(window + window/60).Sub(now)
	}
	return 0
}

// tokenLeft reports whether a token is at hand that no server has seen.
func (m *memory) tokenLeft(now time.Time) bool {
	return m.unused.Token != "" && now.Add(2*time.Second).Before(m.unused.Expires)
}

// takeToken gives a token that was never sent anywhere.
func (f *Feed) takeToken(ctx context.Context, m *memory) (rc.WSToken, error) {
	now := time.Now()
	if !m.tokenLeft(now) {
		if !m.lastHeard.IsZero() || len(m.asked) > 0 { // only the first may take the last request of the minute from a refresh
			ctx = rc.Background(ctx)
		}
		t, err := f.token(ctx)
		if !rc.Unsent(err) {
			m.asked = append(m.asked, now)
		}
		if err != nil {
			return rc.WSToken{}, fmt.Errorf("rc/ws: token: %w", err)
		}
		m.unused = t
	}
	t := m.unused
	m.unused = rc.WSToken{}
	return t, nil
}

// backoff is min(n²·step, max), of which a random half is kept.
func (f *Feed) backoff(try int) time.Duration {
	n := min(try, 1000)
	d := min(time.Duration(n*n)*f.timing.Retry, f.timing.RetryMax)
	return d/2 + rand.N(d/2+1)
}

// permanent reports whether another try would be refused as well. A
// subscription limit (SUB-505) passes when an older socket is forgotten.
func permanent(err error) bool {
	for {
		var e *rc.Error
		if !errors.As(err, &e) {
			return false
		}
		switch e.Status {
		case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
			return e.Code != "SUB-505"
		case 0:
			err = e.Err
		default:
			return false
		}
	}
}

// askedToWait is RingCentral's Retry-After with a little jitter, 0 without one.
func askedToWait(err error) time.Duration {
	var wait time.Duration
	var e *rc.Error
	var d *DialError
	switch {
	case errors.As(err, &e):
		wait = e.RetryAfter
	case errors.As(err, &d):
		wait = d.RetryAfter
	}
	if wait <= 0 {
		return 0
	}
	return wait + rand.N(wait/20+time.Millisecond)
}
