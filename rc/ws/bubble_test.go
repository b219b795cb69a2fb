package ws

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

const agent = "102"

// world is a simulated RingCentral, a client of it and a feed with the real
// times, joined by pipes inside a synctest bubble.
type world struct {
	*rcsim.Server
	t       *testing.T
	client  *rc.Client
	caller  *rc.Caller
	feed    *Feed
	offline atomic.Bool

	mu       sync.Mutex
	access   string
	refresh  string
	expires  time.Time
	messages []Message
	up       bool
	reread   time.Time      // of the last Up that says to read again
	noted    map[string]int // how often each injected event came
	sent     map[string]time.Time
	auth     []time.Time // requests of the Auth group
	refused  []string    // requests answered with 429
	ended    error
}

// wire is a connection with buffers, as a real one has: over a bare net.Pipe two
// ends that ping each other at one moment wait for each other for ever.
func wire() (here, there net.Conn) {
	here, near := net.Pipe()
	far, there := net.Pipe()
	go pour(near, far)
	go pour(far, near)
	return here, there
}

// pour carries what one end says to the other, until either is closed.
func pour(from, to net.Conn) {
	under := make(chan []byte, 1000)
	go func() {
		for data := range under {
			_, _ = to.Write(data) // a closed end says so by its reader
		}
		_ = to.Close()
	}()
	defer close(under)
	data := make([]byte, 4<<10)
	for {
		n, err := from.Read(data)
		if n > 0 {
			under <- bytes.Clone(data[:n])
		}
		if err != nil {
			return
		}
	}
}

// withSimulator runs a test in a bubble; the feed is stopped afterwards.
func withSimulator(t *testing.T, opt rcsim.Options, test func(w *world)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		opt.Seed = 7
		w := &world{Server: conform.New(t, opt), t: t, noted: map[string]int{}, sent: map[string]time.Time{}}
		l := &pipeListener{conns: make(chan net.Conn), done: make(chan struct{})}
		server := &http.Server{Handler: http.HandlerFunc(w.count), ReadHeaderTimeout: time.Minute}
		served := make(chan struct{})
		go func() { defer close(served); _ = server.Serve(l) }()
		transport := &http.Transport{DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			if w.offline.Load() {
				return nil, errors.New("no route")
			}
			here, there := wire()
			select {
			case l.conns <- there:
				return here, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		}}
		defer func() {
			if err := w.Close(); err != nil {
				t.Error(err)
			}
			_ = server.Close()
			transport.CloseIdleConnections()
			<-served
		}()
		client, err := rc.New(rc.Config{Server: "http://sim.localhost", ClientID: rcsim.PublicClient, HTTP: &http.Client{Transport: transport}})
		if err != nil {
			t.Fatal(err)
		}
		defer client.Close()
		tokens, err := w.SignIn(agent, rcsim.PublicClient)
		if err != nil {
			t.Fatal(err)
		}
		w.client, w.access, w.refresh, w.expires = client, tokens.Access, tokens.Refresh, time.Now().Add(time.Hour)
		w.caller = client.As(agent, w.token)
		w.feed = New(Config{
			Token: w.caller.WSToken, Filters: []string{ownFilter}, HTTP: &http.Client{Transport: transport},
			Room: func(ctx context.Context) (rc.Heard, error) { return w.caller.Tunnel(ctx, rc.Medium) },
		})
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- w.feed.Run(ctx, w.hear) }()
		over := make(chan struct{})
		go func() {
			defer close(over)
			err := <-ended
			w.mu.Lock()
			defer w.mu.Unlock()
			w.ended = err
		}()
		defer func() {
			cancel()
			<-over
		}()
		pass(time.Second)
		test(w)
	})
}

// count notes what the limits are about.
func (w *world) count(rw http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/ws" {
		w.ServeHTTP(rw, r)
		return
	}
	seen := &statusWriter{ResponseWriter: rw}
	w.mu.Lock()
	if strings.HasPrefix(r.URL.Path, "/restapi/oauth/") {
		w.auth = append(w.auth, time.Now())
	}
	w.mu.Unlock()
	w.ServeHTTP(seen, r)
	if seen.status == http.StatusTooManyRequests {
		w.mu.Lock()
		w.refused = append(w.refused, r.URL.Path)
		w.mu.Unlock()
	}
}

type statusWriter struct {
	http.ResponseWriter
	status int
}

func (w *statusWriter) WriteHeader(status int) {
	w.status = status
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// token refreshes as the product does: before the token is over.
func (w *world) token(ctx context.Context) (string, error) {
	w.mu.Lock()
	access, refresh, left := w.access, w.refresh, time.Until(w.expires)
	w.mu.Unlock()
	if left > 5*time.Minute {
		return access, nil
	}
	t, err := w.client.Refresh(rc.ForPerson(ctx, agent), refresh)
	if err != nil {
		return "", err
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.access, w.refresh, w.expires = t.Access, t.Refresh, t.AccessExpires
	return t.Access, nil
}

func (w *world) hear(m Message) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, ok := m.(Note); ok && n.Event != nil {
		w.noted[n.Event.SessionID]++
		return
	}
	w.messages = append(w.messages, m)
	switch m := m.(type) {
	case Up:
		w.up = true
		if !m.Recovered || m.Overflow {
			w.reread = m.At
		}
	case Down:
		w.up = false
	case Note, Filters:
	}
}

// happen makes an event of the agent's and gives its session.
func (w *world) happen() string {
	w.t.Helper()
	w.mu.Lock()
	id := fmt.Sprintf("s-%d", len(w.sent)+1)
	w.sent[id] = time.Now()
	w.mu.Unlock()
	me := w.person()
	event := "/restapi/v1.0/account/" + w.Account().ID + "/extension/" + me + "/telephony/sessions"
	body, err := json.Marshal(m{"telephonySessionId": id, "sequence": 2, "eventTime": time.Now(), "parties": []m{{"id": "p-1", "extensionId": me, "status": m{"code": "Answered"}}}})
	if err != nil {
		w.t.Fatal(err)
	}
	if _, err := w.Inject(event, body); err != nil {
		w.t.Fatal(err)
	}
	return id
}

func (w *world) person() string {
	users := w.Account().Users
	return users[slices.IndexFunc(users, func(u rcsim.User) bool { return u.Number == agent })].ID
}

// since are the messages that came since the last call; no note is among them.
func (w *world) since() []Message {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	ms := w.messages
	w.messages = nil
	return ms
}

func (w *world) came(id string) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.noted[id]
}

// verdict is what is wrong after everything, if anything is: the feed is not up,
// an event neither came nor was followed by an Up that says to read again, or
// RingCentral was asked too often.
func (w *world) verdict() string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.ended != nil {
		return fmt.Sprintf("the feed ended: %v", w.ended)
	}
	if !w.up {
		return "the feed is not up"
	}
	for id, at := range w.sent {
		if w.noted[id] == 0 && w.reread.Before(at) {
			return fmt.Sprintf("%s of %v never came, and nothing was said after %v", id, at, w.reread)
		}
	}
	if len(w.refused) > 0 {
		return fmt.Sprintf("RingCentral refused %v", w.refused)
	}
	for i := 5; i < len(w.auth); i++ {
		if d := w.auth[i].Sub(w.auth[i-5]); d < time.Minute {
			return fmt.Sprintf("six requests of the Auth group within %v", d)
		}
	}
	return ""
}

func (w *world) check() {
	w.t.Helper()
	if wrong := w.verdict(); wrong != "" {
		w.t.Error(wrong)
	}
}

func TestADayEndsWithoutALoss(t *testing.T) {
	withSimulator(t, rcsim.Options{}, func(w *world) {
		ids := []string{w.happen()}
		for range 4 * 24 {
			pass(time.Hour)
			ids = append(ids, w.happen())
		}
		pass(time.Second)
		for _, id := range ids {
			if n := w.came(id); n != 1 {
				t.Errorf("%s came %d times", id, n)
			}
		}
		w.check()
		ups := 0
		for _, m := range w.since() {
			up, ok := m.(Up)
			if !ok || up.Overflow || up.Recovered != (ups > 0) {
				t.Errorf("message %d: %+v", ups, m)
			}
			ups++
		}
		if ups < 4 || ups > 5 {
			t.Errorf("%d times up in four days", ups)
		}
	})
}

func TestAHalfOpenSocketIsNoticedInTime(t *testing.T) {
	withSimulator(t, rcsim.Options{}, func(w *world) {
		for range 20 { // wherever between two pings it happens
			pass(time.Duration(rand.IntN(60_000)) * time.Millisecond)
			w.since()
			cut := time.Now()
			if w.CutSocket(agent, rcsim.CutSilent) != 1 {
				t.Fatal("no socket was cut")
			}
			id := w.happen()
			pass(50 * time.Second)
			ms := w.since()
			if len(ms) != 2 {
				t.Fatalf("50 s after the cut: %+v", ms)
			}
			if down, ok := ms[0].(Down); !ok || !errors.Is(down.Err, ErrDead) || down.At.Sub(cut) > 45*time.Second {
				t.Errorf("%v after the cut: %+v", down.At.Sub(cut), ms[0])
			}
			if up, ok := ms[1].(Up); !ok || !up.Recovered || w.came(id) != 1 {
				t.Errorf("up %+v, the event came %d times", up, w.came(id))
			}
		}
	})
}

func TestASessionCanBeRecoveredForThreeMinutes(t *testing.T) {
	for gap, recovers := range map[time.Duration]bool{165 * time.Second: true, 185 * time.Second: false} {
		t.Run(gap.String(), func(t *testing.T) {
			withSimulator(t, rcsim.Options{}, func(w *world) {
				w.since()
				w.offline.Store(true)
				w.CutSocket(agent, rcsim.CutReset)
				id := w.happen()
				pass(gap)
				w.offline.Store(false)
				pass(10 * time.Second)
				ms := w.since()
				up, ok := ms[len(ms)-1].(Up)
				if !ok || up.Recovered != recovers || (w.came(id) == 1) != recovers {
					t.Errorf("last %+v, the event came %d times", ms[len(ms)-1], w.came(id))
				}
				tries := 0
				for _, m := range ms[:len(ms)-1] {
					down, ok := m.(Down)
					if most := min(time.Duration(down.Try*down.Try)*time.Second, 8*time.Second); !ok || down.Try != tries+1 || down.Next < most/2 || down.Next > most {
						t.Errorf("%+v", m)
					}
					tries++
				}
				w.check()
			})
		})
	}
}

func TestASessionEndsElsewhere(t *testing.T) {
	withSimulator(t, rcsim.Options{}, func(w *world) {
		for range 5 {
			if _, err := w.SignIn(agent, rcsim.PublicClient); err != nil {
				t.Fatal(err)
			}
		}
		pass(time.Minute)
		w.mu.Lock()
		defer w.mu.Unlock()
		if !errors.Is(w.ended, rc.ErrSessionEnded) {
			t.Errorf("ended with %v", w.ended)
		}
	})
}

// Thirty days of a bad network, of sign-ins elsewhere and of an access token that
// lives for an hour: the feed comes back every time, and RingCentral is never asked
// for too much.
func TestThirtyDaysOfChurn(t *testing.T) {
	withSimulator(t, rcsim.Options{MaxOAuthSessions: 50, PingEvery: 10 * time.Minute}, func(w *world) {
		chance := rand.New(rand.NewPCG(30, 2026))
		end := time.Now().Add(30 * 24 * time.Hour)
		cuts := 0
		for time.Now().Before(end) {
			pass(time.Duration(chance.IntN(4*3600)) * time.Second)
			switch chance.IntN(5) {
			case 0: // a flapping network
				for range 12 {
					cuts += w.CutSocket(agent, rcsim.CutReset)
					pass(time.Duration(chance.IntN(20_000)) * time.Millisecond)
				}
			case 1:
				w.offline.Store(true)
				cuts += w.CutSocket(agent, rcsim.CutSilent)
				pass(time.Duration(chance.IntN(600)) * time.Second)
				w.offline.Store(false)
			case 2: // two sign-ins and a sign-out in the minute in which the socket is cut
				for range 2 {
					tokens, err := w.SignIn(agent, rcsim.PublicClient)
					if err != nil {
						t.Fatal(err)
					}
					w.client.SignedIn(agent)
					if err := w.client.Revoke(rc.ForPerson(w.t.Context(), agent), tokens.Refresh); err != nil && !errors.Is(err, rc.ErrHeldBack) {
						t.Error(err)
					}
					cuts += w.CutSocket(agent, rcsim.CutClean)
				}
			default:
				cuts += w.CutSocket(agent, []rcsim.CutMode{rcsim.CutClean, rcsim.CutReset, rcsim.CutSilent}[chance.IntN(3)])
			}
			w.happen()
		}
		pass(5 * time.Minute)
		w.check()
		w.mu.Lock()
		defer w.mu.Unlock()
		if cuts < 200 || len(w.auth) < cuts/2 {
			t.Errorf("%d cuts, %d requests of the Auth group", cuts, len(w.auth))
		}
		t.Logf("%d cuts, %d events, %d requests of the Auth group", cuts, len(w.sent), len(w.auth))
	})
}

// trouble is one thing that goes wrong, and for how long nothing else does.
type trouble struct {
	Kind  string
	Cut   rcsim.CutMode
	Count int
	Then  time.Duration
}

func drawTroubles() *rapid.Generator[[]trouble] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) trouble {
		return trouble{
			Kind: rapid.SampledFrom([]string{
				"cut", "cut", "events", "events", "refuse recovery", "allow recovery", "offline", "online", "tokens fail", "subscriptions fail",
				"late", "twice", "mixed", "in order", "filters",
			}).Draw(t, "kind"),
			Cut:   rapid.SampledFrom([]rcsim.CutMode{rcsim.CutClean, rcsim.CutReset, rcsim.CutSilent}).Draw(t, "cut"),
			Count: rapid.IntRange(1, 130).Draw(t, "count"),
			Then:  time.Duration(rapid.OneOf(rapid.IntRange(0, 500), rapid.IntRange(0, 10_000), rapid.IntRange(0, 250_000)).Draw(t, "then")) * time.Millisecond,
		}
	}), 1, 40)
}

func (w *world) suffer(tr trouble) {
	switch tr.Kind {
	case "cut":
		w.CutSocket(agent, tr.Cut)
	case "events":
		for range tr.Count {
			w.happen()
		}
	case "refuse recovery", "allow recovery":
		w.RefuseRecovery(tr.Kind == "refuse recovery")
	case "offline", "online":
		w.offline.Store(tr.Kind == "offline")
	case "tokens fail":
		w.SetFault("wstoken", rcsim.Fault{Status: 503, Times: 1 + tr.Count%4})
	case "subscriptions fail":
		w.SetFault("subscribe", rcsim.Fault{Status: 403, Code: "SUB-505", Times: 1 + tr.Count%3})
	case "late":
		w.SetEventFault(rcsim.EventFault{DelayMs: 10 * tr.Count, JitterMs: 300})
	case "twice":
		w.SetEventFault(rcsim.EventFault{Duplicate: 1 + tr.Count%3})
	case "mixed":
		w.SetEventFault(rcsim.EventFault{Reorder: 2 + tr.Count%8})
	case "in order":
		w.SetEventFault(rcsim.EventFault{})
	case "filters":
		filters := []string{ownFilter, "/restapi/v1.0/account/~/extension/~/presence?detailedTelephonyState=true"}[:1+tr.Count%2]
		go func() {
			ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
			defer cancel()
			_ = w.feed.SetFilters(ctx, filters) // what comes of it is told by the feed
		}()
	}
	pass(tr.Then)
}

// What a notification that RingCentral never sends leaves behind is not for the
// feed to notice; the desk reads again.
func TestWhateverGoesWrongIsMadeGood(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		troubles := drawTroubles().Draw(rt, "troubles")
		var wrong string
		withSimulator(t, rcsim.Options{}, func(w *world) {
			for _, tr := range troubles {
				w.suffer(tr)
			}
			w.offline.Store(false)
			w.RefuseRecovery(false)
			w.ClearFaults()
			w.SetEventFault(rcsim.EventFault{})
			pass(5 * time.Minute)
			w.happen()
			pass(time.Second)
			wrong = w.verdict()
		})
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}
