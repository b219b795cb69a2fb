package desk_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

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

var modelSteps = flag.Int("model.steps", 10_000, "steps of the model-based test; see CONTRIBUTING.md")

const (
	stepsOfADay = 1000 // steps with one simulator and one set of desks
	stepsToCalm = 50   // steps between two comparisons of the boards with the truth
	mostCalls   = 14   // that live at once
	calmWithin  = 20 * time.Second
)

// TestAnythingMayHappen: random people do random things on many calls, while events are late, lost, doubled and out of
// order, sockets are cut, tokens end and requests fail; several desks are open, and random presses are made on what they
// show. Whenever it is calm, each desk's board is RingCentral's truth. What was ever offered was a customer on hold and a
// person who answered; what was joined was what a press named, once.
func TestAnythingMayHappen(t *testing.T) {
	days := (*modelSteps + stepsOfADay - 1) / stepsOfADay
	seed := flag.Lookup("rapid.seed").Value.String()
	if seed == "0" {
		seed = strconv.FormatUint(rand.Uint64(), 10)
	}
	for name, value := range map[string]string{
		"rapid.checks": strconv.Itoa(days), "rapid.seed": seed,
		"rapid.nofailfile": "true", "rapid.shrinktime": "1ns", // what happens at the same time can be neither replayed nor made smaller
	} {
		if err := flag.Set(name, value); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("seed %s", seed)
	h := newHouse(t)
	began := time.Now()
	steps := 0
	rapid.Check(t, func(rt *rapid.T) {
		d := h.newDay(rt)
		defer d.end()
		for range min(stepsOfADay, *modelSteps) {
			d.step()
			steps++
		}
		d.calm()
		d.reckon()
	})
	t.Logf("%d steps in %v, %.0f a second", steps, time.Since(began).Round(time.Millisecond), float64(steps)/time.Since(began).Seconds())
}

// house is what all days share: the bus and what stands on it.
type house struct {
	t      *testing.T
	bus    *bus.Bus
	hub    *live.Hub
	ledger *ledger.Ledger
	days   int
}

func newHouse(t *testing.T) *house {
	t.Helper()
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
	book, err := ledger.Open(t.Context(), b, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &house{t: t, bus: b, hub: hub, ledger: book}
}

// day is one simulator with its people, and the desks of some of them.
type day struct {
	*house
	rt     *rapid.T
	chance *rand.Rand
	witness
	server *httptest.Server
	client *rc.Client
	tokens *tokens
	desks  *desk.Desks
	seats  []*chair
	stop   func()

	steps   int
	history []string // what was done since the last calm
	state   rcsim.State
	facts   map[string]*fact // by party id
	heard   map[string]int   // sequence up to which a session's tape was read
	edges   map[string]bool  // sessions that are joined
	pressed []claimed
	bridged map[string]int // claims of Complete that were sent to a desk, by ends
	presses sync.WaitGroup
	missed  bool // events may have been missed since the last calm
	lost    bool // so that no desk can know

	mu      sync.Mutex
	offers  []offer
	strange []string // what a press ended with that it must not
}

// chair is one person with a desk.
type chair struct {
	number string
	person session.Person
	box    *live.Mailbox
	last   board.Snapshot // as of the last step
	since  time.Time      // of its feed
	busy   chan struct{}  // holds a token while a press is under way
}

// offer is a pair that a desk showed.
type offer struct {
	who   string
	ready bool
	snap  board.Snapshot
}

// claimed is a press of Complete transfer.
type claimed struct {
	board.Ends
	far [2]board.Far // whom it showed
}

// fact is what was ever true of a party.
type fact struct {
	session, number, owner string
	direction              string
	queueCall              bool
	held, answered         bool
}

var (
	people   = []string{"101", "102", "103", "104", "105", "106"}
	sitting  = []string{"101", "102", "103", "104"} // 101 supervises the others
	outsider = []string{"+16505550142", "+16505550117", "+16505550118", "+16505550119"}
)

func (h *house) newDay(rt *rapid.T) *day {
	h.days++
	account := rcsim.DemoAccount()
	account.ID = strconv.Itoa(400_000_000_000 + h.days) // nothing of yesterday
	flip := func(what string) bool { return rapid.Bool().Draw(rt, what) }
	d := &day{
		house: h, rt: rt, chance: rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "chance"), 0)), facts: map[string]*fact{}, heard: map[string]int{}, edges: map[string]bool{}, bridged: map[string]int{},
		witness: witness{sim: conform.New(rt, rcsim.Options{
			Seed: uint64(h.days), Account: &account, Limits: rcsim.Unlimited(), RingTimeout: -1, RecoveryPause: time.Millisecond,
			RecoveryBuffer: rapid.SampledFrom([]int{100, 3}).Draw(rt, "recovery buffer"),
			NoVoicemail:    flip("no voicemail"), NoAutoHold: flip("no auto hold"),
			Assume: rcsim.Assumptions{
				SessionReadable: 300 * time.Millisecond, VoicemailSameParty: flip("same party voicemail"),
				UnholdShowsAnswered: flip("unhold shows answered"), BridgeRinging: flip("ringing bridge"),
			},
		})},
	}
	d.server = httptest.NewServer(d.sim)
	var err error
	d.client, err = rc.New(rc.Config{Server: d.server.URL, ClientID: rcsim.ConfidentialClient, Log: quiet(), Timeout: time.Second, Usage: rc.Usage{Window: time.Microsecond, Grace: time.Microsecond}})
	d.must(err)
	d.tokens = &tokens{sim: d.sim, got: map[string]string{}}
	timing := desk.Timing{}.Scaled(0.002)
	timing.Board.Poll = 20 * time.Millisecond // reads are not what this is about
	timing.WS = ws.Timing{Retry: 2 * time.Millisecond, RetryMax: 20 * time.Millisecond, Tokens: time.Millisecond, Ping: time.Second, Dead: 3 * time.Second}
	timing.FirstLook = 10 * time.Second
	d.desks, err = desk.New(h.t.Context(), desk.Config{
		RC: d.client, Bus: h.bus, Hub: h.hub, Ledger: h.ledger, Grants: d.tokens, Log: quiet(), Instance: "day" + strconv.Itoa(h.days), Timing: timing,
	})
	d.must(err)
	d.stop, err = h.bus.Subscribe("live.desk."+account.ID+".*", d.shown)
	d.must(err)
	for _, u := range account.Users {
		if slices.Contains(sitting, u.Number) {
			p := session.Person{AccountID: account.ID, ExtensionID: u.ID, ExtensionNumber: u.Number, Name: u.First + " " + u.Last}
			c := &chair{number: u.Number, person: p, box: d.desks.Follow(p), busy: make(chan struct{}, 1)}
			d.seats = append(d.seats, c)
			d.must(d.desks.Open(h.t.Context(), p))
		}
	}
	d.calm()
	return d
}

func (d *day) end() {
	d.sim.ClearFaults()
	d.presses.Wait()
	d.desks.Close()
	for _, c := range d.seats {
		c.box.Close()
	}
	d.stop()
	_ = d.sim.Close()
	d.server.Close()
	d.client.Close()
}

func (d *day) must(err error) {
	if err != nil {
		d.fail("%v", err)
	}
}

func (d *day) fail(format string, args ...any) {
	d.rt.Helper()
	d.rt.Fatalf("%s\nafter %d steps, the last:\n%s\nRingCentral:\n%s", fmt.Sprintf(format, args...), d.steps, strings.Join(d.history, "\n"), d.sim.State())
}

// shown hears every snapshot of every desk, and keeps those that show a pair.
func (d *day) shown(_ string, message []byte) {
	data := message[min(8, len(message)):]
	if !bytes.Contains(data, []byte(`"pair":`)) {
		return
	}
	var s board.Snapshot
	if err := json.Unmarshal(data, &s); err != nil || s.Pair == nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.offers = append(d.offers, offer{s.Owner.ExtensionNumber, s.Readiness.Ready, s})
}

// pick chooses one of several; false means that there is none.
func pick[T any](d *day, from []T) (T, bool) {
	if len(from) == 0 {
		var zero T
		return zero, false
	}
	return from[d.chance.IntN(len(from))], true
}

func (d *day) any(from []string) string {
	s, _ := pick(d, from)
	return s
}

// end of a call: a party with its session.
type at struct {
	rcsim.PartyState
	session string
}

func (a at) internal() bool { return slices.Contains(people, a.Number) && a.ExtensionID != "" }

// parties lists the live parties that fit.
func (d *day) parties(fits func(at) bool) []at {
	var out []at
	for _, s := range d.state.Sessions {
		for _, p := range s.Parties {
			if a := (at{p, s.ID}); p.Alive() && fits(a) {
				out = append(out, a)
			}
		}
	}
	return out
}

func (d *day) live() int {
	n := 0
	for _, s := range d.state.Sessions {
		if s.Alive {
			n++
		}
	}
	return n
}

// step does one thing.
func (d *day) step() {
	d.steps++
	kinds := d.kinds()
	total := 0
	for _, k := range kinds {
		total += k.weight
	}
	n := d.chance.IntN(total)
	for _, k := range kinds {
		if n -= k.weight; n < 0 {
			what := k.do()
			d.history = append(d.history, k.name+" "+what)
			d.look(k.name == "join" && !strings.Contains(what, "refused"))
			break
		}
	}
	if d.steps%stepsToCalm == 0 {
		d.calm()
	}
}

// kind is something that may happen, and how often it does.
type kind struct {
	name   string
	weight int
	do     func() string // says what it did
}

func outcomeOf(err error) string {
	if err != nil {
		return " refused: " + err.Error()
	}
	return ""
}

// kinds lists what people, RingCentral and agents at their desks may do.
func (d *day) kinds() []kind {
	more := 30
	if d.live() > mostCalls {
		more = 0
	}
	phone := func(verb string, fits func(at) bool) func() string {
		return func() string {
			a, ok := pick(d, d.parties(fits))
			if !ok {
				return "nobody"
			}
			var err error
			if a.internal() {
				err = d.sim.Phone(a.Number, verb, a.session)
			} else {
				err = d.sim.Outside(a.Number, verb, a.session)
			}
			return a.Number + " " + a.session + outcomeOf(err)
		}
	}
	rings := func(a at) bool { return a.Direction == "Inbound" && a.Code == "Proceeding" }
	talks := func(a at) bool { return a.internal() && (a.Code == "Answered" || a.Code == "Hold") }
	with := func(fits func(at) bool, do func(at) (string, error)) func() string {
		return func() string {
			a, ok := pick(d, d.parties(fits))
			if !ok {
				return "nobody"
			}
			what, err := do(a)
			return a.Number + " " + a.session + " " + what + outcomeOf(err)
		}
	}
	return []kind{
		{"call", more, func() string {
			from, to := d.any(outsider), d.any(append([]string{"300"}, sitting...))
			id, err := d.sim.Call(from, "", to)
			return from + " " + to + " " + id + outcomeOf(err)
		}},
		{"menu", more / 10, func() string {
			from, to := d.any(outsider), d.any(sitting)
			id, err := d.sim.CallThroughMenu(from, "", to)
			return from + " " + to + " " + id + outcomeOf(err)
		}},
		{"dial", more, func() string {
			from, to := d.any(people), d.any(slices.Concat(people, outsider, []string{"300"}))
			id, err := d.sim.Dial(from, to)
			return from + " " + to + " " + id + outcomeOf(err)
		}},
		{"answer", 50, phone("answer", rings)},
		{"decline", 5, phone("decline", rings)},
		{"voicemail", 5, phone("voicemail", func(a at) bool { return rings(a) && a.internal() })},
		{"hold", 20, phone("hold", talks)},
		{"unhold", 12, phone("unhold", talks)},
		{"mute", 4, phone("mute", talks)},
		{"unmute", 3, phone("unmute", talks)},
		{"hangup", 24, phone("hangup", func(a at) bool { return a.internal() || slices.Contains(outsider, a.Number) })},
		{"transfer", 4, with(talks, func(a at) (string, error) {
			to := d.any(slices.Concat(people, outsider, []string{"300"}))
			return to, d.sim.Transfer(a.Number, a.session, to)
		})},
		{"to voicemail", 1, with(talks, func(a at) (string, error) {
			return "", d.sim.TransferToVoicemail(a.Number, a.session, d.any(people))
		})},
		{"forward", 3, with(func(a at) bool { return rings(a) && a.internal() }, func(a at) (string, error) {
			to := d.any(slices.Concat(people, outsider))
			return to, d.sim.Forward(a.Number, a.session, to)
		})},
		{"ignore", 1, with(func(a at) bool { return rings(a) && a.QueueCall }, func(a at) (string, error) { return "", d.sim.Ignore(a.Number, a.session) })},
		{"park", 2, with(talks, func(a at) (string, error) { return d.sim.Park(a.Number, a.session) })},
		{"record", 1, with(talks, func(a at) (string, error) { return d.sim.Record(a.Number, a.session) })},
		{"barge", 2, func() string {
			a, ok := pick(d, d.parties(talks))
			who := d.any(people)
			if !ok {
				return "nobody"
			}
			return who + " " + a.session + outcomeOf(d.sim.Join(who, a.session))
		}},
		{"supervise", 2, with(talks, func(a at) (string, error) { return d.sim.Supervise("101", a.Number, a.session) })},
		{"switch", 2, with(func(a at) bool { return a.internal() }, func(a at) (string, error) {
			return "", d.sim.Switch(a.Number, a.session, "")
		})},
		{"flip", 1, with(talks, func(a at) (string, error) { return "", d.sim.Flip(a.Number, a.session, "1") })},
		{"conference", more / 30, func() string {
			host := d.any(sitting)
			id, err := d.sim.Conference(host)
			if err == nil {
				err = d.sim.JoinConference(host, id)
			}
			return host + " " + id + outcomeOf(err)
		}},
		{"join", 5, func() string { // what joins sessions by phone
			a, ok := pick(d, d.parties(talks))
			b, ok2 := pick(d, d.parties(func(b at) bool { return talks(b) && b.Number == a.Number && b.session != a.session }))
			switch {
			case !ok || !ok2:
				return "nobody refused"
			case a.ConferenceRole == "Host":
				return "bring " + a.Number + " " + b.session + outcomeOf(d.sim.BringIn(a.Number, a.session, b.session))
			}
			return a.Number + " " + a.session + " " + b.session + outcomeOf(d.sim.Bridge(a.Number, a.session, b.session))
		}},
		{"join", 2, func() string {
			p, ok := pick(d, d.parties(func(a at) bool { return a.Code == "Parked" && a.Park != "" }))
			if !ok {
				return "nobody refused"
			}
			who := d.any(people)
			id, err := d.sim.PickUp(who, p.Park)
			return "pick up " + who + " " + p.Park + " " + id + outcomeOf(err)
		}},
		{"phone", 2, func() string {
			who, on := d.any(people), d.chance.IntN(4) > 0
			return fmt.Sprint(who, on, outcomeOf(d.sim.SetOnline(who, on)))
		}},

		{"hold events", 4, func() string { d.sim.HoldEvents(); return "" }},
		{"release", 12, func() string {
			how := rcsim.Release{Order: d.any([]string{"", "reverse", "shuffle"}), Duplicate: d.chance.IntN(2) == 0, Keep: d.chance.IntN(2) == 0}
			if d.chance.IntN(10) == 0 {
				how.Drop = 1 + d.chance.IntN(3)
				d.mark(true)
			}
			return fmt.Sprintf("%+v %d", how, d.sim.ReleaseEvents(how))
		}},
		{"lose events", 1, func() string {
			f := rcsim.EventFault{Extension: d.any(sitting), Drop: 1 + d.chance.IntN(4), Times: 1 + d.chance.IntN(8)}
			d.mark(true)
			d.sim.SetEventFault(f)
			return fmt.Sprintf("%+v", f)
		}},
		{"cut", 2, func() string {
			who, how := d.any(sitting), rcsim.CutMode(d.any([]string{string(rcsim.CutClean), string(rcsim.CutReset)}))
			d.mark(false)
			d.sim.CutSocket(who, how)
			return who + " " + string(how)
		}},
		{"refuse recovery", 2, func() string {
			on := d.chance.IntN(2) == 0
			d.sim.RefuseRecovery(on)
			return strconv.FormatBool(on)
		}},
		{"expire", 1, func() string { who := d.any(sitting); d.sim.ExpireAccess(who); return who }},
		{"trouble", 2, func() string {
			op := d.any([]string{"session", "presence", "hold", "unhold", "drop", "wstoken"})
			f := rcsim.Fault{Times: 1, Status: http.StatusServiceUnavailable}
			if d.chance.IntN(2) == 0 {
				f = rcsim.Fault{Times: 1, DelayMs: 3, AnswerDelayMs: 3}
			}
			d.sim.SetFault(op, f)
			return fmt.Sprintf("%s %+v", op, f)
		}},
		{"bridge trouble", 1, func() string {
			f, _ := pick(d, []rcsim.Fault{
				{Status: 409, Code: "TAS-102"}, {Status: 503}, {Pretend: true}, {AnswerDelayMs: 5}, {End: "far"}, {End: "consult"}, {DelayMs: 5},
			})
			f.Times = 1
			d.sim.SetFault("bridge", f)
			return fmt.Sprintf("%+v", f)
		}},

		{"press", 30, d.press},
	}
}

// mark notes that events may be missed: for good when they are lost, else until everything is read after a cut.
func (d *day) mark(lost bool) { d.missed, d.lost = true, d.lost || lost }

// press is an agent who presses something that their desk shows, or showed a while ago.
func (d *day) press() string {
	c, _ := pick(d, d.seats)
	select {
	case c.busy <- struct{}{}:
	default:
		return c.number + " is busy"
	}
	if d.chance.IntN(5) > 0 {
		c.last = d.snapshot(c)
	}
	claim := board.Claim{Revision: c.last.Revision, Action: board.Action(d.any([]string{
		string(board.ActionComplete), string(board.ActionComplete), string(board.ActionBack), string(board.ActionChoose),
		string(board.ActionHold), string(board.ActionUnhold), string(board.ActionHangUp), string(board.ActionReread),
	}))}
	var ok bool
	switch claim.Action {
	case board.ActionComplete, board.ActionBack:
		if ok = c.last.Pair != nil; ok {
			claim.Ends = c.last.Pair.Ends
		}
	case board.ActionChoose:
		var one, two board.Choice
		one, ok = pick(d, c.last.Choices)
		two, _ = pick(d, c.last.Choices)
		claim.Ends = board.Ends{CustomerSession: one.SessionID, CustomerParty: one.PartyID, ConsultSession: two.SessionID, ConsultParty: two.PartyID}
	default:
		var l board.Leg
		l, ok = pick(d, c.last.Board.Legs)
		claim.SessionID, claim.PartyID = l.SessionID, l.PartyID
	}
	if !ok {
		<-c.busy
		return c.number + " has nothing to press"
	}
	if claim.Action == board.ActionComplete {
		customer, _ := c.last.Board.Leg(claim.Ends.CustomerSession)
		consult, _ := c.last.Board.Leg(claim.Ends.ConsultSession)
		d.pressed = append(d.pressed, claimed{claim.Ends, [2]board.Far{customer.Far, consult.Far}})
		d.bridged[claim.Ends.CustomerSession+" "+claim.Ends.CustomerParty]++
	}
	d.presses.Go(func() {
		defer func() { <-c.busy }()
		err := d.desks.Act(context.Background(), c.person, claim)
		var p *problem.Problem
		if err != nil && (!errors.As(err, &p) || p.Code != problem.CodeChanged && p.Code != problem.CodeNotFound) {
			d.mu.Lock()
			defer d.mu.Unlock()
			d.strange = append(d.strange, fmt.Sprintf("%s by %s ended with %v", claim.Action, c.number, err))
		}
	})
	return fmt.Sprintf("%s %s %+v %s", c.number, claim.Action, claim.Ends, claim.SessionID)
}

func (d *day) snapshot(c *chair) board.Snapshot {
	s, err := d.desks.Snapshot(d.t.Context(), c.person)
	d.must(err)
	return s
}
