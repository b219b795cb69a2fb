package board

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// platform is a tiny RingCentral: the truth that a board must come to. Each
// move of it is one second long.
type platform struct {
	calls   []*call
	seconds float64
	events  []tp.Event // in order
}

type call struct {
	id       string
	sequence int64
	parties  []tp.Party
	since    []float64 // start of each party's state; 0 = not there yet
}

// newPlatform has calls of every kind that a desk sees, none of them begun.
func newPlatform(t *rapid.T) *platform {
	p := &platform{}
	for i := range rapid.IntRange(1, 4).Draw(t, "calls") {
		id := fmt.Sprintf("s-%d", i+1)
		in := func(n int, from string) tp.Party { return incoming(id, n, from, tp.CodeUnknown) }
		var parties []tp.Party
		switch rapid.SampledFrom([]string{"outside", "queue", "consult", "outside consult", "colleague"}).Draw(t, "kind") {
		case "outside":
			parties = []tp.Party{someone(id, 1, "", 0), in(2, fmt.Sprintf("+1650555010%d", i))}
		case "queue":
			parties = []tp.Party{someone(id, 1, "", 0), someone(id, 2, another, 0), in(3, fmt.Sprintf("+1650555010%d", i))}
			yes := true
			parties[2].QueueCall = &yes
		case "consult":
			parties = []tp.Party{outgoing(id, "103", 0), someone(id, 2, colleague, 0)}
		case "outside consult":
			parties = []tp.Party{outgoing(id, victor, 0), someone(id, 2, "", 0)}
		case "colleague":
			parties = []tp.Party{someone(id, 1, another, 0), in(2, "104")}
		}
		for j := range parties {
			parties[j].Status = tp.Status{}
		}
		p.calls = append(p.calls, &call{id: id, parties: parties, since: make([]float64, len(parties))})
	}
	return p
}

// next lists where a party may go from a state.
func next(code tp.Code, mine bool) []tp.Code {
	switch code {
	case tp.CodeUnknown:
		return []tp.Code{tp.Setup, tp.Proceeding}
	case tp.Setup:
		return []tp.Code{tp.Proceeding, tp.Answered, tp.Disconnected}
	case tp.Proceeding:
		if !mine {
			return []tp.Code{tp.Answered, tp.Answered, tp.VoiceMail, tp.FaxReceive, tp.Disconnected}
		}
		return []tp.Code{tp.Answered, tp.Answered, tp.Disconnected}
	case tp.Answered:
		return []tp.Code{tp.Hold, tp.Hold, tp.Answered, tp.Disconnected, tp.Gone}
	case tp.Hold:
		return []tp.Code{tp.Answered, tp.Answered, tp.Hold, tp.Disconnected}
	case tp.VoiceMail, tp.FaxReceive:
		return []tp.Code{tp.Disconnected}
	case tp.VoiceMailScreening, tp.Parked, tp.Tds, tp.Disconnected, tp.Gone:
	}
	return nil
}

// advance moves one party of one call, when one can move, and returns what
// RingCentral would report of it.
func (p *platform) advance(t *rapid.T) {
	p.seconds++
	c := rapid.SampledFrom(p.calls).Draw(t, "call")
	i := rapid.IntRange(0, len(c.parties)-1).Draw(t, "party")
	party := &c.parties[i]
	codes := next(party.Status.Code, party.ExtensionID == mineID)
	if len(codes) == 0 {
		return
	}
	code := rapid.SampledFrom(codes).Draw(t, "code")
	if code == party.Status.Code {
		muted := party.Muted == nil || !*party.Muted
		party.Muted = &muted
	} else {
		c.since[i] = p.seconds
	}
	party.Status = status(code)
	if code == tp.Gone {
		party.Status.Reason = tp.ReasonAttendedTransfer
	}
	c.sequence++
	patch := *party
	if rapid.Bool().Draw(t, "bare") && party.ExtensionID != mineID {
		patch = tp.Party{ID: party.ID, ExtensionID: party.ExtensionID, Status: party.Status}
	}
	e := event(c.id, c.sequence, p.seconds, patch)
	e.ExtensionID = party.ExtensionID
	p.events = append(p.events, e)
}

// answer is what a read of the call answers now; a call that is over, or that
// never began, is not found.
func (c *call) answer() (tp.Session, bool) {
	answer := tp.Session{ID: c.id, Origin: "Call"}
	alive := false
	for _, p := range c.parties {
		if p.Status.Word != "" {
			answer.Parties = append(answer.Parties, p)
			alive = alive || !p.Status.Code.Terminal()
		}
	}
	return answer, alive
}

func (c *call) mine() (tp.Party, float64) {
	i := slices.IndexFunc(c.parties, func(p tp.Party) bool { return p.ExtensionID == mineID })
	return c.parties[i], c.since[i]
}

// far is who is at the other end, by the rule of the design.
func (c *call) far() (FarState, string) {
	var ringing, connected []tp.Party
	for _, p := range c.parties {
		switch p.Status.Code {
		case tp.CodeUnknown, tp.Disconnected, tp.Gone:
		case tp.Setup, tp.Proceeding:
			ringing = append(ringing, p)
		case tp.Answered, tp.Hold, tp.VoiceMail, tp.VoiceMailScreening, tp.FaxReceive, tp.Parked, tp.Tds:
			connected = append(connected, p)
		}
	}
	others := func(p tp.Party) bool { return p.ExtensionID == mineID }
	ringing, connected = slices.DeleteFunc(ringing, others), slices.DeleteFunc(connected, others)
	switch {
	case len(connected) > 1:
		return FarSeveral, ""
	case len(connected) == 1:
		return map[tp.Code]FarState{
			tp.Answered: FarAnswered, tp.Hold: FarHolding, tp.VoiceMail: FarVoicemail, tp.FaxReceive: FarFax,
		}[connected[0].Status.Code], connected[0].ID
	case len(ringing) == 1:
		return FarRinging, ringing[0].ID
	case len(ringing) > 1:
		return FarRinging, ""
	}
	return FarWaiting, ""
}

// sameAsTruth compares a board with the platform. exactTimes is set when no
// event was lost.
func sameAsTruth(t *rapid.T, b Board, p *platform, exactTimes bool) {
	t.Helper()
	for _, c := range p.calls {
		mine, since := c.mine()
		_, found := c.answer()
		l, ok := b.Leg(c.id)
		alive := found && mine.Status.Word != "" && !mine.Status.Code.Terminal()
		if !alive {
			if ok && l.Alive() {
				t.Fatalf("%s is over and lives on the board: %+v", c.id, l)
			}
			continue
		}
		if !ok || !l.Alive() {
			t.Fatalf("%s lives and is not on the board: %+v", c.id, l)
		}
		if l.PartyID != mine.ID || l.State != mine.Status.Code {
			t.Fatalf("%s: %s %v, truth %s %v", c.id, l.PartyID, l.State, mine.ID, mine.Status.Code)
		}
		if muted := mine.Muted != nil && *mine.Muted; l.Muted != muted {
			t.Fatalf("%s: muted %v, truth %v", c.id, l.Muted, muted)
		}
		state, party := c.far()
		if l.Far.State == FarLeft {
			l.Far.State = FarWaiting // that somebody was there is not in every read
		}
		if l.Far.State != state || l.Far.PartyID != party {
			t.Fatalf("%s: far %v %q, truth %v %q", c.id, l.Far.State, l.Far.PartyID, state, party)
		}
		switch {
		case !exactTimes:
		case l.Since.AtLeast && l.Since.Time.Before(at(since)), !l.Since.AtLeast && !l.Since.Time.Equal(at(since)):
			t.Fatalf("%s: %v since %v, truth %v", c.id, l.State, l.Since, at(since))
		case l.OnHold() && l.Held != l.Since:
			t.Fatalf("%s: held %v, on hold since %v", c.id, l.Held, l.Since)
		}
	}
}

func TestAnyOrderOfEventsGivesTheSameBoard(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlatform(t)
		for range rapid.IntRange(1, 60).Draw(t, "moves") {
			p.advance(t)
		}
		inOrder := NewState(agent, Timing{})
		apply(inOrder, p.events...)
		now := at(p.seconds + 1)
		board := inOrder.Board(now)

		shuffled := rapid.Permutation(p.events).Draw(t, "arrival")
		if len(p.events) > 0 {
			shuffled = append(shuffled, rapid.SliceOf(rapid.SampledFrom(p.events)).Draw(t, "copies")...)
		}
		other := NewState(agent, Timing{})
		for _, e := range shuffled {
			other.Apply(e)
			if rapid.Bool().Draw(t, "copy") {
				if other.Apply(e) {
					t.Fatal("a copy changed something")
				}
			}
		}
		if diff := cmp.Diff(board, other.Board(now)); diff != "" {
			t.Fatalf("-in order +as it came\n%s", diff)
		}
		if diff := cmp.Diff(inOrder.Wants(), other.Wants()); diff != "" {
			t.Fatalf("wants: -in order +as it came\n%s", diff)
		}
	})
}

// reading under way: requested, and then served at some moment.
type flight struct {
	mark   Mark
	call   *call
	served bool
	answer tp.Session
	found  bool
}

// Events delayed, reordered, copied and lost, and reads taken at any moment and
// answered later: after the last event and one quiet read of each call the board
// is the truth, and at no time are two outside callers offered as a pair.
func TestEventsAndReadsComeToTheTruth(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := newPlatform(t)
		w := NewWatch(agent, Timing{})
		var flights []*flight
		delivered, lost := 0, false
		var pending []tp.Event
		outside := func(id string) bool {
			for _, c := range p.calls {
				if c.id == id {
					mine, _ := c.mine()
					return mine.Direction == tp.Inbound && len(mine.From.PhoneNumber) > 6
				}
			}
			return false
		}
		check := func() {
			w.Step(at(p.seconds))
			if pair := w.Pairing.Pair; pair != nil {
				if outside(pair.CustomerSession) && outside(pair.ConsultSession) {
					t.Fatalf("two outside callers are a pair: %+v", pair)
				}
				if pair.CustomerSession == pair.ConsultSession {
					t.Fatalf("a call is paired with itself: %+v", pair)
				}
			}
		}
		step := map[string]func(){
			"advance": func() { p.advance(t) },
			"deliver": func() {
				if len(pending) > 0 {
					i := rapid.IntRange(0, len(pending)-1).Draw(t, "which")
					w.State.Apply(pending[i])
					pending = slices.Delete(pending, i, i+1)
				}
			},
			"deliver a copy": func() {
				if delivered > 0 {
					w.State.Apply(p.events[rapid.IntRange(0, delivered-1).Draw(t, "which")])
				}
			},
			"lose": func() {
				if len(pending) > 0 && rapid.IntRange(0, 4).Draw(t, "really") == 0 {
					pending, lost = pending[1:], true
				}
			},
			"request": func() {
				c := rapid.SampledFrom(p.calls).Draw(t, "call")
				flights = append(flights, &flight{mark: w.State.StartRead(c.id, at(p.seconds)), call: c})
			},
			"serve": func() {
				for _, f := range flights {
					if !f.served && rapid.Bool().Draw(t, "now") {
						f.served = true
						f.answer, f.found = f.call.answer()
						f.answer.Parties = slices.Clone(f.answer.Parties)
					}
				}
			},
			"answer": func() {
				i := slices.IndexFunc(flights, func(f *flight) bool { return f.served })
				if i < 0 {
					return
				}
				f := flights[i]
				flights = slices.Delete(flights, i, i+1)
				if rapid.IntRange(0, 9).Draw(t, "failed") == 0 {
					w.State.FailRead(f.mark, at(p.seconds))
				} else {
					w.State.FinishRead(f.mark, f.answer, f.found, at(p.seconds))
				}
			},
			"restart": func() {
				if rapid.IntRange(0, 9).Draw(t, "really") == 0 {
					w = reloaded(t, w, p.seconds)
					flights, lost = nil, true // times are kept, but what comes late is dropped
				}
			},
		}
		names := []string{"advance", "advance", "deliver", "deliver", "deliver a copy", "lose", "request", "serve", "answer", "restart"}
		for range rapid.IntRange(1, 150).Draw(t, "steps") {
			step[rapid.SampledFrom(names).Draw(t, "step")]()
			for ; delivered < len(p.events); delivered++ {
				pending = append(pending, p.events[delivered])
			}
			check()
		}
		for len(pending) > 0 {
			step["deliver"]()
		}
		for _, c := range p.calls {
			p.seconds++
			answer, found := c.answer()
			w.State.Learn(c.id)
			m := w.State.StartRead(c.id, at(p.seconds))
			if !w.State.FinishRead(m, answer, found, at(p.seconds)) {
				t.Fatalf("a quiet read of %s was thrown away", c.id)
			}
		}
		check()
		sameAsTruth(t, w.Board, p, !lost)
		if w.Pairing.Ready(w.Board, nil, DefaultTiming()).Ready {
			readyInTruth(t, w.Pairing.Pair, p)
		}
		sameAfterRestart(t, w, p)
	})
}

// readyInTruth proves that a pair that may be completed joins two people.
func readyInTruth(t *rapid.T, pair *Pair, p *platform) {
	t.Helper()
	held := 0
	for _, c := range p.calls {
		if pair.Names(c.id) {
			mine, _ := c.mine()
			if state, _ := c.far(); state != FarAnswered {
				t.Fatalf("ready, and the far side of %s is %v", c.id, state)
			}
			if mine.Status.Code == tp.Hold {
				held++
			} else if mine.Status.Code != tp.Answered {
				t.Fatalf("ready, and %s is %v", c.id, mine.Status.Code)
			}
		}
	}
	if held == 0 {
		t.Fatalf("ready without a hold: %+v", pair)
	}
}

// reloaded is the watch after a restart of the program.
func reloaded(t *rapid.T, w *Watch, seconds float64) *Watch {
	t.Helper()
	data, err := json.Marshal(w.Save())
	if err != nil {
		t.Fatal(err)
	}
	var saved Saved
	if err := json.Unmarshal(data, &saved); err != nil {
		t.Fatal(err)
	}
	return Restore(saved, Timing{}, at(seconds))
}

// sameAfterRestart compares the board before and after a restart: only what
// reads alone tell is forgotten, until each call was read again.
func sameAfterRestart(t *rapid.T, w *Watch, p *platform) {
	t.Helper()
	again := reloaded(t, w, p.seconds)
	forgotten := cmp.Options{
		cmpopts.IgnoreFields(Far{}, "Read"), cmpopts.IgnoreFields(Leg{}, "Unsure"),
		cmp.Transformer("waiting", func(s FarState) string {
			if s == FarWaiting {
				s = FarUnknown
			}
			return s.String()
		}),
		cmpopts.IgnoreSliceElements(func(l Leg) bool { return !l.Alive() }),
	}
	if diff := cmp.Diff(w.Board, again.Board, forgotten); diff != "" {
		t.Fatalf("-before +after a restart\n%s", diff)
	}
	if diff := cmp.Diff(w.Pairing, again.Pairing); diff != "" {
		t.Fatalf("pair: -before +after a restart\n%s", diff)
	}
	for _, c := range p.calls {
		answer, found := c.answer()
		again.State.FinishRead(again.State.StartRead(c.id, at(p.seconds)), answer, found, at(p.seconds))
	}
	again.Step(at(p.seconds))
	sameAsTruth(t, again.Board, p, false)
}
