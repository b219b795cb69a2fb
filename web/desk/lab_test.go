package desk_test

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
	"github.com/cordboard/cordboard/rc/ws"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/desk"
	"github.com/cordboard/cordboard/web/ledger"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	customer = "+16505550142"
	second   = "+16505550117"
	agent    = "102"
	consult  = "103"
	boss     = "101"
)

// patience bounds a wait that never ends by itself; it is not a measure.
const patience = 60 * time.Second

// lab is a simulator, a bus and the desks over both.
type lab struct {
	t      *testing.T
	sim    *rcsim.Server
	client *rc.Client
	bus    *bus.Bus
	hub    *live.Hub
	ledger *ledger.Ledger
	tokens *tokens
	desks  *desk.Desks
	timing desk.Timing // of the desks made from here on
	meter  desk.Meter  // likewise

	mu   sync.Mutex
	sent map[rc.UsageGroup][]time.Time // requests that left
}

func (l *lab) observe(o rc.Observation) {
	if o.Unsent {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent[o.Group] = append(l.sent[o.Group], time.Now().Add(-o.Duration))
}

// most is how many requests of a group left within any one window.
func (l *lab) most(g rc.UsageGroup, window time.Duration) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	sent := slices.SortedFunc(slices.Values(l.sent[g]), time.Time.Compare)
	most := 0
	for i, from := range sent {
		n := 0
		for _, at := range sent[i:] {
			if at.Sub(from) < window {
				n++
			}
		}
		most = max(most, n)
	}
	return most
}

// tokens signs everybody in once, as the grants would.
type tokens struct {
	sim *rcsim.Server
	mu  sync.Mutex
	got map[string]string

	ended bool
	down  error // what a refresh ends with for now

	renewing func() // happens while a token is replaced; nil: nothing
}

func (k *tokens) Token(_ context.Context, p session.Person) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if tok := k.got[p.ExtensionNumber]; tok != "" {
		return tok, nil
	}
	tok, err := k.sim.SignIn(p.ExtensionNumber, rcsim.ConfidentialClient)
	if err != nil {
		return "", err
	}
	k.got[p.ExtensionNumber] = tok.Access
	return tok.Access, nil
}

// Refused signs in anew.
func (k *tokens) Refused(ctx context.Context, p session.Person, access string) (string, error) {
	k.mu.Lock()
	if k.ended || k.down != nil {
		defer k.mu.Unlock()
		return "", cmp.Or(k.down, error(problem.NewSignedOut(nil)))
	}
	if k.got[p.ExtensionNumber] == access {
		delete(k.got, p.ExtensionNumber)
	}
	meanwhile := k.renewing
	k.mu.Unlock()
	if meanwhile != nil {
		meanwhile()
	}
	return k.Token(ctx, p)
}

// inUse is a person's access token.
func (k *tokens) inUse(number string) string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.got[number]
}

// Broken is why the grants ended.
func (k *tokens) Broken(context.Context, session.Person) (string, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.ended {
		return session.ReasonElsewhere, nil
	}
	return "", nil
}

// end makes the grants end for good, or not.
func (k *tokens) end(ended bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.ended = ended
}

// fail makes refreshes end with an error, or not.
func (k *tokens) fail(err error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.down = err
}

func newLab(t *testing.T, opt rcsim.Options) *lab {
	t.Helper()
	if opt.Limits == (rcsim.Limits{}) {
		opt.Limits = rcsim.Unlimited()
		opt.Limits.Window = time.Microsecond // the client counts on, whatever it is told
	}
	sim := conform.New(t, opt)
	server := httptest.NewServer(sim)
	t.Cleanup(func() {
		_ = sim.Close()
		server.Close()
	})
	l := &lab{t: t, sim: sim, tokens: &tokens{sim: sim, got: map[string]string{}}, sent: map[rc.UsageGroup][]time.Time{}}
	client, err := rc.New(rc.Config{
		Server: server.URL, ClientID: rcsim.ConfidentialClient, Log: quiet(), Observe: l.observe,
		Usage: rc.Usage{Window: opt.Limits.Window, Grace: max(opt.Limits.Window/60, time.Microsecond)},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Log: quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	hub, err := live.NewHub(b, "live")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(hub.Close)
	book, err := ledger.Open(t.Context(), b, time.Hour*24*90)
	if err != nil {
		t.Fatal(err)
	}
	l.client, l.bus, l.hub, l.ledger = client, b, hub, book
	l.timing.WS = ws.Timing{Retry: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond}
	l.desks = l.newDesks("one")
	return l
}

// newDesks is one more instance on the same bus.
func (l *lab) newDesks(instance string) *desk.Desks {
	l.t.Helper()
	ds, err := desk.New(l.t.Context(), desk.Config{
		RC: l.client, Bus: l.bus, Hub: l.hub, Ledger: l.ledger, Grants: l.tokens, Log: quiet(), Instance: instance,
		Timing: l.timing, Meter: l.meter,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(ds.Close)
	return ds
}

func (l *lab) person(number string) session.Person {
	l.t.Helper()
	for _, u := range l.sim.Account().Users {
		if u.Number == number {
			return session.Person{AccountID: l.sim.Account().ID, ExtensionID: u.ID, ExtensionNumber: number, Name: u.First + " " + u.Last}
		}
	}
	l.t.Fatal("nobody has number " + number)
	return session.Person{}
}

// seat is one person with an open page.
type seat struct {
	*lab
	p   session.Person
	box *live.Mailbox
	at  *desk.Desks
}

func (l *lab) open(number string) *seat { return l.openAt(l.desks, number) }

func (l *lab) openAt(ds *desk.Desks, number string) *seat {
	l.t.Helper()
	s := &seat{lab: l, p: l.person(number), at: ds}
	s.box = ds.Follow(s.p)
	l.t.Cleanup(s.box.Close)
	if err := ds.Open(l.t.Context(), s.p); err != nil {
		l.t.Fatal(err)
	}
	s.until("live", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
	return s
}

// until waits for a snapshot that the condition holds for. What was on its way to the page when the desk was asked is older
// than the answer, and does not count.
func (s *seat) until(what string, cond func(board.Snapshot) bool) board.Snapshot {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	last, err := s.at.Snapshot(ctx, s.p)
	for err == nil && !cond(last) {
		select {
		case <-s.box.C():
			if _, data, ok := s.box.Take(); ok {
				var next board.Snapshot
				if err = json.Unmarshal(data, &next); next.Revision >= last.Revision {
					last = next
				}
			}
		case <-ctx.Done():
			raw, _ := json.MarshalIndent(last, "", " ")
			s.t.Fatalf("never came: %s; last:\n%s\nsimulator:\n%s", what, raw, s.sim.State())
		}
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return last
}

func (s *seat) act(c board.Claim) error {
	s.t.Helper()
	return s.at.Act(s.t.Context(), s.p, c)
}

func (s *seat) mustAct(c board.Claim) {
	s.t.Helper()
	if err := s.act(c); err != nil {
		s.t.Fatalf("%s: %v", c.Action, err)
	}
}

func (l *lab) await(cond func(rcsim.State) bool) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	if err := l.sim.Await(ctx, cond); err != nil {
		l.t.Fatalf("%v\n%s", err, l.sim.State())
	}
}

func (l *lab) awaitRequests(n int, method, path string) {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), patience)
	defer cancel()
	l.do(l.sim.AwaitRequest(ctx, n, method, path))
}

func (l *lab) do(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// talk makes the agent talk to a customer who called in.
func (l *lab) talk(from string) string {
	l.t.Helper()
	id, err := l.sim.Call(from, "", agent)
	l.do(err)
	l.do(l.sim.Answer(agent, id))
	l.await(rcsim.Talking(from, agent))
	return id
}

// consulting makes the agent talk to the colleague while the customer is on hold.
func (l *lab) consulting() (customerSession, consultSession string) {
	l.t.Helper()
	c := l.talk(customer)
	k := l.ringing(c)
	l.do(l.sim.Answer(consult, k))
	l.await(rcsim.Talking(agent, consult))
	return c, k
}

// ringing makes the colleague's phone ring while the customer is on hold.
func (l *lab) ringing(customerSession string) string {
	l.t.Helper()
	l.do(l.sim.Hold(agent, customerSession))
	k, err := l.sim.Dial(agent, consult)
	l.do(err)
	return k
}

func ready(s board.Snapshot) bool { return s.Readiness.Ready }

// pressed is the claim of a press on what the snapshot shows.
func pressed(a board.Action, s board.Snapshot) board.Claim {
	c := board.Claim{Action: a, Revision: s.Revision}
	if s.Pair != nil {
		c.Ends = s.Pair.Ends
	}
	return c
}

// onLeg is the claim of a press on one call.
func onLeg(a board.Action, s board.Snapshot, sessionID string) board.Claim {
	l, _ := s.Board.Leg(sessionID)
	return board.Claim{Action: a, SessionID: l.SessionID, PartyID: l.PartyID, Revision: s.Revision}
}

func phase(p board.Phase) func(board.Snapshot) bool {
	return func(s board.Snapshot) bool { return s.Attempt != nil && s.Attempt.Phase == p }
}

func noticed(code board.NoticeCode) func(board.Snapshot) bool {
	return func(s board.Snapshot) bool {
		return slices.ContainsFunc(s.Notices, func(n board.Notice) bool { return n.Code == code })
	}
}

func notice(s board.Snapshot, code board.NoticeCode) board.Notice {
	i := slices.IndexFunc(s.Notices, func(n board.Notice) bool { return n.Code == code })
	if i < 0 {
		return board.Notice{}
	}
	return s.Notices[i]
}

// legIn waits for a leg in a state, as the condition of until.
func leg(sessionID string, cond func(board.Leg) bool) func(board.Snapshot) bool {
	return func(s board.Snapshot) bool {
		l, ok := s.Board.Leg(sessionID)
		return ok && cond(l)
	}
}

func (l *lab) bridges() int { return len(l.sim.Requests("POST", "/bridge")) }
