package desk_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

func TestCompleteTransfer(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 1})
	s := l.open(agent)
	c, k := l.consulting()
	snap := s.until("ready", ready)
	if p := snap.Pair; p.CustomerSession != c || p.ConsultSession != k || p.Why != board.WhyOnly || !p.Bound {
		t.Fatalf("pair = %+v", p)
	}
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("confirmed", phase(board.Confirmed))
	l.await(rcsim.Talking(customer, consult))
	if n := l.bridges(); n != 1 {
		t.Errorf("%d bridge requests, want 1", n)
	}
	if len(snap.Today) != 1 || snap.Today[0].End != board.EndJoined {
		t.Errorf("today = %+v", snap.Today)
	}
	// Accepted may be missing: the events may come before the answer.
	phases := l.phases(s.p, board.Confirmed)
	if len(phases) < 3 || phases[0] != board.Checking || phases[1] != board.Sent {
		t.Errorf("ledger phases = %v", phases)
	}
}

// phases reads a person's transfer steps from the ledger until the last is as
// wanted: what settles an attempt is written behind its being shown.
func (l *lab) phases(p session.Person, last board.Phase) []board.Phase {
	l.t.Helper()
	for {
		entries, err := l.ledger.Person(l.t.Context(), p.AccountID, p.ExtensionID, time.Now().Add(-time.Hour))
		l.do(err)
		var phases []board.Phase
		for _, e := range entries {
			if e.Kind != "transfer" {
				continue
			}
			var tr board.Transfer
			l.do(json.Unmarshal(e.Data, &tr))
			phases = append(phases, tr.Phase)
		}
		if len(phases) > 0 && phases[len(phases)-1] == last {
			return phases
		}
	}
}

func TestTwoPressesMakeOneRequest(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 2})
	s := l.open(agent)
	l.consulting()
	snap := s.until("ready", ready)
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			// A press that comes after the transfer is refused as a claim that no longer holds.
			var p *problem.Problem
			if err := s.act(pressed(board.ActionComplete, snap)); err != nil && (!errors.As(err, &p) || p.Code != problem.CodeChanged) {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	s.until("confirmed", phase(board.Confirmed))
	if n := l.bridges(); n != 1 {
		t.Errorf("%d bridge requests, want 1", n)
	}
}

func TestWhatIsNotReadyIsNotSent(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		set  func(l *lab, customerSession string)
		want board.Reason
	}{
		"consult rings although my party says Answered": {
			func(l *lab, c string) { l.ringing(c) }, board.ReasonConsultRinging,
		},
		"consult is a voicemail": {
			func(l *lab, c string) { l.do(l.sim.Voicemail(consult, l.ringing(c))) }, board.ReasonFarVoicemail,
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 3})
			s := l.open(agent)
			test.set(l, l.talk(customer))
			snap := s.until(string(test.want), func(s board.Snapshot) bool { return s.Pair != nil && s.Readiness.Reason == test.want })
			s.mustAct(pressed(board.ActionComplete, snap))
			if n := l.bridges(); n != 0 {
				t.Errorf("%d bridge requests", n)
			}
		})
	}
}

func TestVoicemailLeavesTheCustomerAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 4})
	s := l.open(agent)
	c := l.talk(customer)
	l.do(l.sim.Voicemail(consult, l.ringing(c)))
	s.until("alone", func(s board.Snapshot) bool { return s.Alone == c })
}

func TestSecondCustomerIsNeverOffered(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 5})
	s := l.open(agent)
	c := l.talk(customer)
	l.do(l.sim.Hold(agent, c))
	other := l.talk(second)
	snap := s.until("both proven", leg(other, func(l board.Leg) bool { return l.Far.State == board.FarAnswered }))
	if snap.Pair != nil || snap.Readiness.Ready || len(snap.Choices) != 2 {
		t.Errorf("pair %+v, readiness %+v, choices %+v", snap.Pair, snap.Readiness, snap.Choices)
	}
}

func TestChosenEndsAreJoined(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 6})
	s := l.open(agent)
	a := l.talk(customer)
	l.do(l.sim.Hold(agent, a))
	b := l.talk(second)
	snap := s.until("choices", func(s board.Snapshot) bool { return len(s.Choices) == 2 })
	la, _ := snap.Board.Leg(a)
	lb, _ := snap.Board.Leg(b)
	s.mustAct(board.Claim{Action: board.ActionChoose, Ends: board.Ends{CustomerSession: a, CustomerParty: la.PartyID, ConsultSession: b, ConsultParty: lb.PartyID}, Revision: snap.Revision})
	snap = s.until("chosen", ready)
	if snap.Pair.Why != board.WhyChosen || !snap.Pair.TwoOutside {
		t.Fatalf("pair = %+v", snap.Pair)
	}
	s.mustAct(pressed(board.ActionComplete, snap))
	s.until("confirmed", phase(board.Confirmed))
	l.await(rcsim.Talking(customer, second))
}

// A colleague who called in is offered; when they put an outside caller on the line, the two outside callers are not, and a
// press of what was shown before joins nobody.
func TestAColleagueWhoPutsAnOutsiderThereIsNotOffered(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 32, RingTimeout: -1})
	l.desks.Close()
	l.timing.FreshRead = time.Nanosecond // the calls were not read just now
	l.desks = l.newDesks("two")
	s := l.open(agent)
	l.do(l.sim.Hold(agent, l.talk(customer)))
	k, err := l.sim.Dial(consult, agent)
	l.do(err)
	l.do(l.sim.Answer(agent, k))
	offered := s.until("offered", ready)
	if offered.Pair.Why != board.WhyColleague || offered.Pair.ConsultSession != k {
		t.Fatalf("pair = %+v", offered.Pair)
	}
	l.do(l.sim.Transfer(consult, k, second))
	l.do(l.sim.OutsideAnswer(second, k))
	// Nothing of the agent's own has changed, so nothing tells the desk: the press finds out.
	if err := s.act(pressed(board.ActionComplete, offered)); err != nil {
		var p *problem.Problem
		if !errors.As(err, &p) || p.Code != problem.CodeChanged {
			t.Fatal(err)
		}
	}
	snap := s.until("no pair", func(s board.Snapshot) bool { return s.Pair == nil })
	if leg, _ := snap.Board.Leg(k); leg.Far.Internal || leg.Far.Number != second {
		t.Errorf("far side = %+v", leg.Far)
	}
	if n := l.bridges(); n != 0 {
		t.Errorf("%d bridge requests", n)
	}
}

// Somebody else is at the far side of a call that the agent placed: what was shown is not what would be joined.
func TestAConsultWhoPutsSomebodyElseThereIsNotJoinedUnseen(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 33, RingTimeout: -1})
	l.desks.Close()
	l.timing.FreshRead = time.Nanosecond // the calls were not read just now
	l.desks = l.newDesks("two")
	s := l.open(agent)
	_, k := l.consulting()
	shown := s.until("ready", ready)
	l.do(l.sim.Transfer(consult, k, "104"))
	l.do(l.sim.Answer("104", k))
	s.mustAct(pressed(board.ActionComplete, shown))
	snap := s.until("not sent", phase(board.Failed))
	if snap.Attempt.Reason != board.ReasonFarChanged || l.bridges() != 0 {
		t.Errorf("reason %q, %d bridge requests", snap.Attempt.Reason, l.bridges())
	}
	snap = s.until("the other one is offered", func(s board.Snapshot) bool {
		leg, _ := s.Board.Leg(k)
		return ready(s) && leg.Far.Number == "104" && s.Pair.Revision > shown.Pair.Revision
	})
	s.mustAct(pressed(board.ActionComplete, snap))
	s.until("confirmed", phase(board.Confirmed))
	l.await(rcsim.Talking(customer, "104"))
}

// The presence of a consulted colleague is listened to while their phone rings, and tells at once that they answered.
func TestPresenceTellsThatAConsultAnswered(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 34, RingTimeout: -1})
	l.desks.Close()
	l.timing.Board.Poll = time.Hour // nothing else would tell
	l.desks = l.newDesks("two")
	s := l.open(agent)
	k := l.ringing(l.talk(customer))
	filter := l.person(consult).ExtensionID + "/presence"
	l.await(rcsim.Listening(agent, filter))
	s.until("rings", func(s board.Snapshot) bool { return s.Readiness.Reason == board.ReasonConsultRinging })
	l.do(l.sim.Answer(consult, k))
	s.until("ready", ready)
	l.await(func(st rcsim.State) bool { return rcsim.Subscribed(agent)(st) && !rcsim.Listening(agent, filter)(st) })
}

// Filters that RingCentral could not take now are asked for again.
func TestFiltersThatWereNotTakenAreAskedForAgain(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 36, RingTimeout: -1})
	l.desks.Close()
	l.timing.FiltersAgain = 50 * time.Millisecond
	l.desks = l.newDesks("two")
	l.open(agent)
	l.sim.SetFault("updateSubscription", rcsim.Fault{Status: http.StatusServiceUnavailable, Times: 2, Extension: agent})
	l.ringing(l.talk(customer))
	l.await(rcsim.Listening(agent, l.person(consult).ExtensionID+"/presence"))
	if met := l.sim.State().Faults.Met["updateSubscription"]; met != 2 {
		t.Errorf("%d requests were refused", met)
	}
}

func TestCustomerLeavesOnHold(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 7})
	s := l.open(agent)
	c, k := l.consulting()
	s.until("ready", ready)
	l.do(l.sim.OutsideHangup(customer, c))
	snap := s.until("said", noticed(board.NoticeCustomerLeft))
	n := notice(snap, board.NoticeCustomerLeft)
	if n.Args.Number != customer || n.Args.Held <= 0 || !n.Args.ConsultThere || snap.Pair != nil {
		t.Errorf("notice %+v, pair %+v", n, snap.Pair)
	}
	if len(snap.Today) != 1 || snap.Today[0].End != board.EndLost {
		t.Errorf("today = %+v", snap.Today)
	}
	if st, _ := l.sim.State().Session(k); !st.Alive {
		t.Error("the consult was ended")
	}
}

// What a notice says of the one who is still there is true as long as it stands.
func TestACustomerWhoLeftIsNotWithAColleagueWhoLeftToo(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 7})
	s := l.open(agent)
	c, k := l.consulting()
	s.until("ready", ready)
	l.do(l.sim.OutsideHangup(customer, c))
	s.until("said", func(s board.Snapshot) bool { return notice(s, board.NoticeCustomerLeft).Args.ConsultThere })
	l.do(l.sim.Hangup(consult, k))
	s.until("said anew", func(s board.Snapshot) bool {
		n := notice(s, board.NoticeCustomerLeft)
		return n.Args.Number == customer && !n.Args.ConsultThere
	})
}

// A hang-up that RingCentral accepts and does not do: the page says so, and the call stays.
func TestAHangUpThatShowsNoEffectIsSaid(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 7})
	s := l.open(agent)
	_, k := l.consulting()
	l.sim.SetFault("drop", rcsim.Fault{Pretend: true})
	s.mustAct(onLeg(board.ActionHangUp, s.until("ready", ready), k))
	snap := s.until("said", noticed(board.NoticeActionUnseen))
	if n := notice(snap, board.NoticeActionUnseen); n.SessionID != k || n.Args.Action != board.ActionHangUp {
		t.Errorf("notice = %+v", n)
	}
	l.do(l.sim.Hangup(consult, k))
	s.until("no longer", func(s board.Snapshot) bool { return !noticed(board.NoticeActionUnseen)(s) })
}

func TestRefusalSaysWhatIsStillTrue(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 8})
	s := l.open(agent)
	l.consulting()
	snap := s.until("ready", ready)
	l.sim.SetFault("bridge", rcsim.Fault{Status: 409, Code: "TAS-102", Times: 1})
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("refused", phase(board.Refused))
	if a := snap.Attempt; a.Code != "TAS-102" || a.Status != 409 || a.RequestID == "" || !a.CustomerHeld || !a.ConsultAlive {
		t.Errorf("attempt = %+v", a)
	}
	if !snap.Readiness.Ready {
		t.Errorf("not ready for another press: %+v", snap.Readiness)
	}
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("confirmed", phase(board.Confirmed))
	if snap.Attempt.Attempt != 2 || l.bridges() != 2 {
		t.Errorf("attempt %d, %d requests", snap.Attempt.Attempt, l.bridges())
	}
}

func TestAcceptedAndNothingDoneIsUnconfirmed(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 9})
	s := l.open(agent)
	l.consulting()
	snap := s.until("ready", ready)
	l.sim.SetFault("bridge", rcsim.Fault{Pretend: true, Times: 1})
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("unconfirmed", phase(board.Unconfirmed))
	if a := snap.Attempt; !a.CustomerHeld || !a.ConsultAlive {
		t.Errorf("attempt = %+v", a)
	}
	snap = s.until("a press is safe again", ready)
	if l.bridges() != 1 {
		t.Fatalf("%d requests before the second press", l.bridges())
	}
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("confirmed", phase(board.Confirmed))
	l.await(rcsim.Talking(customer, consult))
	if len(snap.Today) != 2 || snap.Today[0].End != board.EndJoined || snap.Today[1].End != board.EndUnconfirmed {
		t.Errorf("two presses joined once, and today says %+v", snap.Today)
	}
}

func TestUnansweredBridgeIsSettledByEvents(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 10})
	s := l.open(agent)
	l.consulting()
	snap := s.until("ready", ready)
	l.sim.SetFault("bridge", rcsim.Fault{Silent: true})
	s.mustAct(pressed(board.ActionComplete, snap))
	s.until("confirmed", phase(board.Confirmed))
	if l.bridges() != 1 {
		t.Errorf("%d requests", l.bridges())
	}
}

func TestLostEventsOfABridgeAreRead(t *testing.T) {
	t.Parallel()
	for _, how := range []rcsim.BridgeEvents{rcsim.BridgeBothGone, rcsim.BridgeSecondDisconnected, rcsim.BridgeFirstOnly} {
		t.Run("events "+string(how), func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 11})
			l.sim.SetBridgeEvents(how)
			s := l.open(agent)
			l.consulting()
			s.mustAct(pressed(board.ActionComplete, s.until("ready", ready)))
			s.until("confirmed", phase(board.Confirmed))
		})
	}
}

// A process that dies between sent and confirmed leaves an attempt that its
// successor settles by reading.
func TestSettledByReadingAfterACrash(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 12})
	s := l.open(agent)
	l.consulting()
	snap := s.until("ready", ready)
	l.sim.HoldEvents()
	l.sim.SetFault("bridge", rcsim.Fault{Silent: true})
	acted := make(chan struct{})
	go func() {
		defer close(acted)
		_ = s.act(pressed(board.ActionComplete, snap)) // its desk is closed under it
	}()
	l.await(rcsim.Talking(customer, consult))
	l.sim.ClearFaults() // lets the hanging request end
	l.desks.Close()
	<-acted
	l.desks = l.newDesks("two")
	s = l.openAt(l.desks, agent)
	s.until("confirmed", phase(board.Confirmed))
	if l.bridges() != 1 {
		t.Errorf("%d requests", l.bridges())
	}
}

func TestRestartKeepsThePairAndTheHoldClock(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 13})
	s := l.open(agent)
	l.consulting()
	before := s.until("ready", ready)
	l.desks.Close()
	l.desks = l.newDesks("two")
	s = l.openAt(l.desks, agent)
	after := s.until("ready", ready)
	if before.Pair.Ends != after.Pair.Ends || after.Revision <= before.Revision {
		t.Errorf("pair %+v then %+v, revisions %d, %d", before.Pair, after.Pair, before.Revision, after.Revision)
	}
	lb, _ := before.Board.Leg(before.Pair.CustomerSession)
	la, _ := after.Board.Leg(after.Pair.CustomerSession)
	if !lb.Held.Time.Equal(la.Held.Time) || la.Held.AtLeast {
		t.Errorf("held %+v then %+v", lb.Held, la.Held)
	}
}

// However the agent comes back to the customer, the day has a line of it.
func TestEveryWayBackIsRecorded(t *testing.T) {
	t.Parallel()
	ways := map[string]func(s *seat, c, k string){
		"hung up on the page": func(s *seat, _, k string) {
			s.mustAct(onLeg(board.ActionHangUp, s.until("ready", ready), k))
			s.await(rcsim.Over(k))
		},
		"hung up on the phone":  func(s *seat, _, k string) { s.do(s.sim.Hangup(agent, k)) },
		"the colleague hung up": func(s *seat, _, k string) { s.do(s.sim.Hangup(consult, k)) },
	}
	for name, end := range ways {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 14, NoAutoHold: true})
			s := l.open(agent)
			c, k := s.heldByREST()
			s.until("ready", ready)
			end(s, c, k)
			snap := s.until("the consult over", leg(k, func(l board.Leg) bool { return !l.Alive() }))
			s.mustAct(onLeg(board.ActionUnhold, snap, c))
			snap = s.until("recorded", func(s board.Snapshot) bool { return len(s.Today) == 1 })
			if r := snap.Today[0]; r.End != board.EndBack || r.Number != customer || r.ToNumber != consult {
				t.Errorf("today = %+v", snap.Today)
			}
		})
	}
}

func TestBackToCustomer(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 14, NoAutoHold: true})
	s := l.open(agent)
	c, k := s.heldByREST()
	s.mustAct(pressed(board.ActionBack, s.until("ready", ready)))
	s.until("back", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
	l.await(rcsim.Over(k))
	l.await(rcsim.Talking(customer, agent))
	snap := s.until("recorded", func(s board.Snapshot) bool { return len(s.Today) == 1 })
	if snap.Today[0].End != board.EndBack {
		t.Errorf("today = %+v", snap.Today)
	}
}

// heldByREST is consulting with a hold that the desk asked for, so that unhold
// undoes it; the simulator's phones must not hold by themselves.
func (s *seat) heldByREST() (customerSession, consultSession string) {
	s.t.Helper()
	c := s.talk(customer)
	snap := s.until("talking", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
	s.mustAct(onLeg(board.ActionHold, snap, c))
	s.until("held", leg(c, board.Leg.OnHold))
	k, err := s.sim.Dial(agent, consult)
	s.do(err)
	s.do(s.sim.Answer(consult, k))
	return c, k
}

func TestBackSaysWhenOnlyThePhoneCanUnhold(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 15})
	s := l.open(agent)
	c, k := l.consulting() // held by the phone
	s.mustAct(pressed(board.ActionBack, s.until("ready", ready)))
	l.await(rcsim.Over(k))
	snap := s.until("press hold", noticed(board.NoticePressHold))
	if n := notice(snap, board.NoticePressHold); n.SessionID != c || !n.Args.CustomerHeld {
		t.Errorf("notice = %+v", n)
	}
	if st, _ := l.sim.State().Session(c); !st.Alive {
		t.Error("the customer's call ended")
	}
}

// Back and hang-up race Complete in every order: the customer's call never ends.
func TestRacesNeverEndTheCustomersCall(t *testing.T) {
	t.Parallel()
	for _, other := range []board.Action{board.ActionBack, board.ActionHangUp} {
		for _, slow := range []string{"session", "bridge", "drop"} {
			t.Run(string(other)+" while "+slow+" is slow", func(t *testing.T) {
				t.Parallel()
				l := newLab(t, rcsim.Options{Seed: 16, NoAutoHold: true})
				s := l.open(agent)
				for round := range 3 {
					l.race(s, other, slow, round)
				}
			})
		}
	}
}

func (l *lab) race(s *seat, other board.Action, slow string, round int) {
	l.t.Helper()
	c, k := s.heldByREST()
	snap := s.until("ready", func(s board.Snapshot) bool { return ready(s) && s.Pair.CustomerSession == c })
	l.sim.SetFault(slow, rcsim.Fault{DelayMs: 20 * round})
	claims := []board.Claim{pressed(board.ActionComplete, snap), pressed(board.ActionBack, snap)}
	if other == board.ActionHangUp {
		claims[1] = onLeg(board.ActionHangUp, snap, k)
	}
	if round == 2 {
		claims[0], claims[1] = claims[1], claims[0]
	}
	var wg sync.WaitGroup
	for _, claim := range claims {
		// The loser is refused in one way or another; what counts is the customer.
		wg.Go(func() { _ = s.act(claim) })
	}
	wg.Wait()
	s.until("settled", func(s board.Snapshot) bool {
		return (s.Attempt == nil || s.Attempt.Phase.Settled()) && len(s.Asked) == 0
	})
	if p, ok := l.sim.State().Party(c, customer); !ok || !p.Alive() {
		l.t.Fatalf("round %d: the customer was cut off\n%s", round, l.sim.State())
	}
	l.sim.ClearFaults()
	l.do(l.sim.OutsideHangup(customer, c))
	l.await(rcsim.Over(c))
	if st, _ := l.sim.State().Session(k); st.Alive {
		l.do(l.sim.Hangup(consult, k))
	}
	s.until("idle", func(s board.Snapshot) bool { return s.Board.Alive() == 0 })
}

func TestForeignIDsAreNotFoundAndNothingIsSent(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 17})
	s := l.open(agent)
	l.consulting()
	mine := s.until("ready", ready)
	// Another agent's call.
	theirs, err := l.sim.Call(second, "", "105")
	l.do(err)
	l.do(l.sim.Answer("105", theirs))
	st, _ := l.sim.State().Session(theirs)
	var their string
	for _, p := range st.Parties {
		if p.ExtensionNumber == "105" {
			their = p.ID
		}
	}
	consultsParty := ""
	if st, ok := l.sim.State().Party(mine.Pair.ConsultSession, consult); ok {
		consultsParty = st.ID
	}
	foreign := board.Ends{CustomerSession: mine.Pair.CustomerSession, CustomerParty: mine.Pair.CustomerParty, ConsultSession: theirs, ConsultParty: their}
	farParty := board.Ends{CustomerSession: mine.Pair.CustomerSession, CustomerParty: mine.Pair.CustomerParty, ConsultSession: mine.Pair.ConsultSession, ConsultParty: consultsParty}
	// Reads that the calls themselves asked for end first: a read made for a press is then the only request.
	for quiet := 0; quiet < 2; {
		before := len(l.sim.Requests("", ""))
		s.mustAct(onLeg(board.ActionReread, mine, mine.Pair.ConsultSession))
		if quiet++; len(l.sim.Requests("", "")) != before+1 {
			quiet = 0
		}
	}
	for _, action := range []board.Action{
		board.ActionComplete, board.ActionBack, board.ActionChoose,
		board.ActionHold, board.ActionUnhold, board.ActionHangUp, board.ActionReread,
	} {
		for name, ends := range map[string]board.Ends{"another's call": foreign, "another's party in my call": farParty} {
			t.Run(string(action)+" "+name, func(t *testing.T) {
				before := len(l.sim.Requests("", ""))
				err := s.act(board.Claim{Action: action, Ends: ends, SessionID: ends.ConsultSession, PartyID: ends.ConsultParty, Revision: mine.Revision})
				var p *problem.Problem
				if !errors.As(err, &p) || p.Code != problem.CodeNotFound {
					t.Errorf("err = %v, want not found", err)
				}
				if n := len(l.sim.Requests("", "")); n != before {
					t.Errorf("%d requests were sent", n-before)
				}
			})
		}
	}
}

func TestAClaimThatNoLongerHolds(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 18})
	s := l.open(agent)
	_, k := l.consulting()
	old := s.until("ready", ready)
	l.do(l.sim.Hangup(consult, k))
	s.until("no pair", func(s board.Snapshot) bool { return s.Pair == nil })
	err := s.act(pressed(board.ActionComplete, old))
	var p *problem.Problem
	if !errors.As(err, &p) || p.Code != problem.CodeChanged {
		t.Errorf("err = %v, want changed", err)
	}
	s.until("said", noticed(board.NoticeChanged))
	if l.bridges() != 0 {
		t.Error("a bridge was sent")
	}
}

func TestHoldUnholdHangUp(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 19})
	s := l.open(agent)
	c := l.talk(customer)
	snap := s.until("proven", leg(c, func(l board.Leg) bool { return l.Far.State == board.FarAnswered }))
	s.mustAct(onLeg(board.ActionHold, snap, c))
	snap = s.until("held", leg(c, board.Leg.OnHold))
	s.mustAct(onLeg(board.ActionUnhold, snap, c))
	snap = s.until("unheld", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
	l.sim.SetFault("hold", rcsim.Fault{Status: 409, Code: "TAS-102", Times: 1})
	s.mustAct(onLeg(board.ActionHold, snap, c))
	snap = s.until("refused", noticed(board.NoticeActionRefused))
	if n := notice(snap, board.NoticeActionRefused); n.Args.Code != "TAS-102" || n.Args.RequestID == "" {
		t.Errorf("notice = %+v", n)
	}
	s.mustAct(onLeg(board.ActionHangUp, snap, c))
	s.until("over", leg(c, func(l board.Leg) bool { return !l.Alive() }))
	l.await(rcsim.Over(c))
}

func TestAnEventOfTheGapIsOnTheBoard(t *testing.T) {
	t.Parallel()
	for name, refuse := range map[string]bool{"recovered": false, "recovery refused": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 20})
			s := l.open(agent)
			c := l.talk(customer)
			k := l.ringing(c)
			s.until("rings", func(s board.Snapshot) bool { return s.Readiness.Reason == board.ReasonConsultRinging })
			l.sim.RefuseRecovery(refuse)
			l.sim.SetFault("wstoken", rcsim.Fault{Status: 503, Code: "CMN-201", Times: 1})
			l.sim.CutSocket(agent, rcsim.CutReset)
			snap := s.until("reconnecting", func(s board.Snapshot) bool { return s.Feed.State == board.FeedReconnecting })
			if snap.Pair != nil && snap.Readiness.Reason != board.ReasonStale {
				t.Errorf("decided from old news: %+v", snap.Readiness)
			}
			l.do(l.sim.Answer(consult, k))
			l.do(l.sim.OutsideHangup(customer, c))
			snap = s.until("live", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
			snap = s.until("the customer left", leg(c, func(l board.Leg) bool { return !l.Alive() }))
			snap = s.until("the consult answered", leg(k, func(l board.Leg) bool { return l.Far.State == board.FarAnswered }))
			if snap.Pair != nil {
				t.Errorf("pair = %+v", snap.Pair)
			}
		})
	}
}

func TestTeamSeesTheTransfer(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 21})
	c := l.talk(customer) // before the supervisor looks
	sup := l.open(boss)
	box := l.desks.FollowTeam(sup.p)
	t.Cleanup(box.Close)
	s := l.open(agent)
	untilStage := func(want board.Stage) board.Member {
		t.Helper()
		for {
			team, err := l.desks.Team(t.Context(), sup.p)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range team.Members {
				if m.Owner.ExtensionNumber == agent && m.Stage == want {
					return m
				}
			}
			select {
			case <-box.C():
				box.Take()
			case <-t.Context().Done():
				t.Fatalf("never %s", want)
			}
		}
	}
	m := untilStage(board.StageTalking)
	if m.Owner.Name != s.p.Name {
		t.Errorf("name = %q", m.Owner.Name)
	}
	k := l.ringing(c)
	untilStage(board.StageConsultRinging)
	l.do(l.sim.Answer(consult, k))
	untilStage(board.StageConsulting)
	s.mustAct(pressed(board.ActionComplete, s.until("ready", ready)))
	m = untilStage(board.StageJoined)
	if m.Last == nil || m.Last.Customer.SessionID != c {
		t.Errorf("member = %+v", m)
	}
	var p *problem.Problem
	if _, err := l.desks.Team(t.Context(), s.p); !errors.As(err, &p) || p.Code != problem.CodeNotSupervisor {
		t.Errorf("an agent got the team: %v", err)
	}
	sent := slices.DeleteFunc(l.sim.Requests(http.MethodPut, "/subscription"), func(r rcsim.Request) bool { return r.Extension != boss })
	if len(sent) > 1 {
		t.Errorf("the team's filters did not change and were sent %d times", len(sent))
	}
}

// However often the page of a team that cannot be read is opened: it is tried again once at a time.
func TestATeamThatCannotBeReadIsTriedAgainOnceAtATime(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 40})
	l.desks.Close()
	l.timing.TeamAgain = 150 * time.Millisecond
	l.desks = l.newDesks("two")
	l.sim.SetFault("monitoringGroups", rcsim.Fault{Status: http.StatusServiceUnavailable, Extension: boss})
	sup := l.open(boss)
	for range 4 {
		var p *problem.Problem
		if _, err := l.desks.Team(t.Context(), sup.p); !errors.As(err, &p) || p.Code != problem.CodeUnavailable {
			t.Fatalf("opened: %v", err)
		}
	}
	opened := len(l.sim.Requests("GET", "/call-monitoring-groups"))
	l.awaitRequests(opened+4, "GET", "/call-monitoring-groups")
	retries := l.sim.Requests("GET", "/call-monitoring-groups")[opened:]
	at := func(i int) time.Time {
		when, err := time.Parse(time.RFC3339, retries[i].At)
		l.do(err)
		return when
	}
	for i := range retries[1:] {
		if gap := at(i + 1).Sub(at(i)); gap < l.timing.TeamAgain-time.Millisecond {
			t.Errorf("tried again after %v", gap)
		}
	}
}

// A colleague's call that begins between the reading of their presence and the filters that tell of it is on the board all
// the same.
func TestTheTeamMissesNothingBeforeItsFiltersHold(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 37})
	l.sim.SetFault("monitoringGroups", rcsim.Fault{Status: http.StatusServiceUnavailable, Extension: boss})
	sup := l.open(boss)
	box := l.desks.FollowTeam(sup.p)
	t.Cleanup(box.Close)
	l.sim.SetFault("updateSubscription", rcsim.Fault{DelayMs: 500, Times: 1, Extension: boss})
	l.sim.ClearFault("monitoringGroups")
	listings := len(l.sim.Requests("GET", "/presence"))
	team, err := l.desks.Team(t.Context(), sup.p)
	l.do(err)
	l.awaitRequests(listings+1, "GET", "/presence")
	c := l.talk(customer)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for {
		i := slices.IndexFunc(team.Members, func(m board.Member) bool { return m.Owner.ExtensionNumber == agent })
		if _, ok := team.Members[i].Board.Leg(c); ok {
			return
		}
		select {
		case <-box.C():
			if _, data, ok := box.Take(); ok {
				team = board.Team{}
				l.do(json.Unmarshal(data, &team))
			}
		case <-ctx.Done():
			t.Fatal("the colleague's call never showed")
		}
	}
}

// Colleagues are named from the account's directory: one listing for all, kept and
// never searched at RingCentral; while there is none they go by their numbers.
func TestATeamIsNamedByTheDirectory(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 22})
	l.desks.Close()
	l.timing.TeamRefresh, l.timing.DirectoryAgain = 100*time.Millisecond, 100*time.Millisecond
	l.desks = l.newDesks("two")
	l.sim.SetFault("directory", rcsim.Fault{Status: http.StatusTooManyRequests, Code: "CMN-301", RetryAfter: 1})
	sup := l.open(boss)
	box := l.desks.FollowTeam(sup.p)
	t.Cleanup(box.Close)
	until := func(named bool) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		defer cancel()
		for {
			team, err := l.desks.Team(t.Context(), sup.p)
			if err == nil && len(team.Members) > 1 && !slices.ContainsFunc(team.Members, func(m board.Member) bool { return (m.Owner.Name != "") != named || m.Owner.ExtensionNumber == "" }) {
				return
			}
			select {
			case <-box.C():
				box.Take()
			case <-ctx.Done():
				t.Fatalf("never: named %v", named)
			}
		}
	}
	until(false)
	l.sim.ClearFault("directory")
	until(true)
	listed := l.sim.Requests(http.MethodGet, "/directory/entries")
	if n := len(slices.DeleteFunc(listed, func(r rcsim.Request) bool { return r.Status != http.StatusOK })); n != 1 {
		t.Errorf("listed %d times", n)
	}
	for _, path := range []string{"/directory/entries/search", "/account/~/extension"} {
		for _, r := range l.sim.Requests("", path) {
			if !strings.Contains(r.Path, "/extension/") {
				t.Errorf("%s %s", r.Method, r.Path)
			}
		}
	}
}

func TestWhatRingCentralDoesNotAllowIsNamed(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 22})
	l.sim.SetScopes(rcsim.ConfidentialClient, "ReadAccounts", "ReadPresence", "WebSocket")
	p := l.person(agent)
	box := l.desks.Follow(p)
	t.Cleanup(box.Close)
	if err := l.desks.Open(t.Context(), p); err != nil {
		t.Fatal(err)
	}
	s := &seat{lab: l, p: p, box: box, at: l.desks}
	snap := s.until("refused", func(s board.Snapshot) bool { return s.Feed.State == board.FeedRefused })
	if len(snap.Denied) == 0 || snap.Denied[0].Scope != "CallControl" {
		t.Errorf("denied = %+v", snap.Denied)
	}
}

func TestADeskOwnedElsewhere(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 23})
	first := l.desks
	l.open(agent)
	other := l.newDesks("two")
	s := l.openAt(other, agent) // the first instance owns the desk
	l.consulting()
	s.until("ready", ready)
	first.Close() // its owner dies
	for other.Open(t.Context(), s.p) != nil {
		if t.Context().Err() != nil {
			t.Fatal("never taken over")
		}
	}
	snap := s.until("ready again", ready)
	s.mustAct(pressed(board.ActionComplete, snap))
	s.until("confirmed", phase(board.Confirmed))
	if l.bridges() != 1 {
		t.Errorf("%d bridges", l.bridges())
	}
}

// RingCentral's clock is not ours: durations are by RingCentral's alone.
// A renewal of a lease is made and its answer lost: the desk keeps the lease, and goes on renewing it.
func TestARenewalWithoutAnAnswerIsNoLoss(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 24})
	s := l.open(agent)
	leases, err := l.bus.Bucket(t.Context(), "leases", true)
	if err != nil {
		t.Fatal(err)
	}
	owner, revision, err := leases.Get(t.Context(), s.p.Key())
	if err != nil {
		t.Fatal(err)
	}
	if revision, err = leases.RenewFor(t.Context(), s.p.Key(), owner, revision, 5*time.Second); err != nil {
		t.Fatal(err)
	}
	next := make(chan bus.Change, 8)
	stop, err := leases.Watch(t.Context(), s.p.Key(), func(c bus.Change) {
		if c.Revision > revision {
			select {
			case next <- c:
			default:
			}
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(stop)
	select {
	case c := <-next:
		if c.Deleted || string(c.Value) != string(owner) {
			t.Errorf("the lease was lost: %+v", c)
		}
	case <-t.Context().Done():
		t.Fatal("the lease was not renewed")
	}
}

func TestAClockThatIsAheadOfOurs(t *testing.T) {
	t.Parallel()
	for _, skew := range []time.Duration{-time.Hour, time.Hour} {
		l := newLab(t, rcsim.Options{Seed: 24, Now: func() time.Time { return time.Now().Add(skew) }})
		s := l.open(agent)
		l.consulting()
		snap := s.until("ready", ready)
		now := snap.Feed.Clock(time.Now())
		if d := now.Sub(time.Now().Add(skew)).Abs(); d > patience {
			t.Errorf("skew %v: the clock is %v off", skew, d)
		}
		c, _ := snap.Board.Leg(snap.Pair.CustomerSession)
		if held := c.HeldFor(now); held < 0 || held > patience {
			t.Errorf("skew %v: held for %v", skew, held)
		}
		s.mustAct(pressed(board.ActionComplete, snap))
		s.until("confirmed", phase(board.Confirmed))
	}
}

// A token that RingCentral no longer takes is replaced; a grant that is over
// leaves the board readable until the person signs in again.
func TestARefusedToken(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 25})
	s := l.open(agent)
	c := l.talk(customer)
	s.until("talking", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
	tokens := len(l.sim.Requests("POST", "/wstoken"))
	l.sim.ExpireAccess(agent)
	l.sim.CutSocket(agent, rcsim.CutReset)
	l.awaitRequests(tokens+1, "POST", "/wstoken")
	snap := s.until("live with another token", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
	s.mustAct(onLeg(board.ActionHold, snap, c))
	s.until("held", leg(c, board.Leg.OnHold))

	l.tokens.end(true)
	l.sim.EndSessions(agent)
	snap = s.until("signed out", func(s board.Snapshot) bool { return s.Feed.State == board.FeedSignedOut })
	if _, ok := snap.Board.Leg(c); !ok {
		t.Error("the board is gone")
	}
	s.mustAct(onLeg(board.ActionUnhold, snap, c))
	s.until("the press could not be checked", noticed(board.NoticeCheckFailed))

	l.tokens.end(false)
	if err := l.desks.Open(t.Context(), s.p); err != nil {
		t.Fatal(err)
	}
	s.until("live again", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
}

// The access token is over between the pair's becoming ready and the press. With reads before the bridge it is replaced in
// time; a bridge that meets it is refused for certain and not sent again by us, and the agent's next press joins.
func TestAnAccessTokenIsOverInMidTransfer(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		fresh   time.Duration
		presses int
	}{
		"before the reads":                 {time.Nanosecond, 1},
		"between the reads and the bridge": {time.Hour, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 31})
			l.desks.Close()
			l.timing.FreshRead = test.fresh
			l.desks = l.newDesks("two")
			s := l.open(agent)
			l.consulting()
			snap := s.until("ready", ready)
			s.mustAct(onLeg(board.ActionReread, snap, snap.Pair.CustomerSession))
			s.mustAct(onLeg(board.ActionReread, snap, snap.Pair.ConsultSession))
			l.sim.ExpireAccess(agent)
			for press := range test.presses {
				if press > 0 {
					snap = s.until("refused", phase(board.Refused))
					if snap.Attempt.Status != http.StatusUnauthorized || !snap.Attempt.CustomerHeld {
						t.Errorf("attempt = %+v", snap.Attempt)
					}
				}
				s.mustAct(pressed(board.ActionComplete, snap))
			}
			s.until("confirmed", phase(board.Confirmed))
			l.await(rcsim.Talking(customer, consult))
			if n := l.bridges(); n != test.presses {
				t.Errorf("%d bridge requests for %d presses", n, test.presses)
			}
		})
	}
}

// What RingCentral's limits keep from being sent is said with how long they do.
func TestAPressBeyondTheLimitsIsToldForHowLong(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 34})
	l.desks.Close()
	l.timing.FreshRead = time.Nanosecond // each press reads both calls
	l.desks = l.newDesks("two")
	s := l.open(agent)
	c, k := l.consulting()
	snap := s.until("ready", ready)
	l.sim.SetFault("session", rcsim.Fault{Status: http.StatusTooManyRequests, RetryAfter: 3000})
	s.mustAct(onLeg(board.ActionHangUp, snap, k))
	snap = s.until("said", noticed(board.NoticeCheckFailed))
	if d := notice(snap, board.NoticeCheckFailed).Args.For; d < 2900*time.Second || d > 3000*time.Second {
		t.Errorf("for %v", d)
	}
	s.mustAct(onLeg(board.ActionUnhold, snap, c))
	snap = s.until("not sent", noticed(board.NoticeActionUnsent))
	if notice(snap, board.NoticeActionUnsent).Args.For == 0 {
		t.Errorf("%+v", snap.Notices)
	}
	s.mustAct(pressed(board.ActionComplete, snap))
	snap = s.until("failed", phase(board.Failed))
	if snap.Attempt.Reason != board.ReasonHeldBack || l.bridges()+len(l.sim.Requests("POST", "/unhold"))+len(l.sim.Requests("DELETE", "")) != 0 {
		t.Errorf("%+v", snap.Attempt)
	}
}

// A 401 that comes late is about the token that its request carried, not about the one that took its place meanwhile.
func TestALateRefusalLeavesTheNewTokenAlone(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 35})
	s := l.open(agent)
	c := l.talk(customer)
	snap := s.until("talking", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
	listings := len(l.sim.Requests("GET", "/presence"))
	l.sim.SetFault("presence", rcsim.Fault{Status: http.StatusUnauthorized, DelayMs: 500, Times: 1, Extension: agent})
	var press sync.WaitGroup
	press.Go(func() {
		if err := s.at.Act(t.Context(), s.p, board.Claim{Action: board.ActionReread}); err != nil {
			t.Error(err)
		}
	})
	l.awaitRequests(listings+1, "GET", "/presence")
	first := l.tokens.inUse(agent)
	l.sim.SetFault("hold", rcsim.Fault{Status: http.StatusUnauthorized, Times: 1, Extension: agent})
	s.mustAct(onLeg(board.ActionHold, snap, c))
	s.until("held", leg(c, board.Leg.OnHold))
	second := l.tokens.inUse(agent)
	press.Wait()
	if last := l.tokens.inUse(agent); first == second || last != second {
		t.Errorf("the token was replaced by the early refusal: %v, by the late one: %v", first != second, last != second)
	}
}

// What was read before a second gap does not make the board live after it.
func TestAReadingOfBeforeAGapIsNotTheWholeTruth(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 39})
	s := l.open(agent)
	l.sim.RefuseRecovery(true)
	listings := len(l.sim.Requests("GET", "/presence"))
	l.sim.SetFault("presence", rcsim.Fault{AnswerDelayMs: 700, Extension: agent})
	l.sim.CutSocket(agent, rcsim.CutReset)
	l.awaitRequests(listings+1, "GET", "/presence")
	l.sim.SetFault("presence", rcsim.Fault{DelayMs: 1500, Extension: agent})
	l.sim.SetEventFault(rcsim.EventFault{Extension: agent, Drop: 1})
	c := l.talk(customer)
	l.sim.SetEventFault(rcsim.EventFault{Extension: agent})
	l.sim.CutSocket(agent, rcsim.CutReset)
	l.awaitRequests(listings+2, "GET", "/presence")
	snap := s.until("live", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
	if !leg(c, board.Leg.Alive)(snap) {
		t.Error("live, and the call of the gap is not on the board")
	}
}

// What the feed said just before its grant was found to be over changes neither that nor the reason.
func TestWhatTheFeedSaidLastDoesNotChangeWhyItEnded(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 38})
	l.desks.Close()
	busy, release := make(chan struct{}), make(chan struct{})
	var once sync.Once
	l.meter.Lag = func(time.Duration) { // the desk's goroutine, at the first event
		once.Do(func() {
			close(busy)
			<-release
		})
	}
	l.desks = l.newDesks("two")
	s := l.open(agent)
	_, err := l.sim.Call(customer, "", agent)
	l.do(err)
	<-busy
	l.desks.SignedOut(s.p, session.ReasonForbidden)
	tokens := len(l.sim.Requests("POST", "/wstoken"))
	l.sim.CutSocket(agent, rcsim.CutReset)
	l.awaitRequests(tokens+1, "POST", "/wstoken") // it has said that it is down
	close(release)
	snap := s.until("signed out", func(s board.Snapshot) bool { return s.Feed.State == board.FeedSignedOut })
	if snap.Feed.Why != board.SignedOutRole {
		t.Errorf("why = %q", snap.Feed.Why)
	}
}

// Calls that are read again take away that they could not be read, and with it the lock.
func TestReadingTheCallsAgainTakesTheLockAway(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 36})
	s := l.open(agent)
	_, k := l.consulting()
	snap := s.until("ready", ready)
	l.sim.SetFault("session", rcsim.Fault{Status: http.StatusInternalServerError})
	s.mustAct(onLeg(board.ActionHangUp, snap, k))
	s.until("could not be read", noticed(board.NoticeCheckFailed))
	s.mustAct(board.Claim{Action: board.ActionReread})
	s.until("still could not", noticed(board.NoticeCheckFailed))
	l.sim.ClearFault("session")
	s.mustAct(board.Claim{Action: board.ActionReread})
	s.until("read", func(s board.Snapshot) bool { return !noticed(board.NoticeCheckFailed)(s) })
}

// A feed that the limits keep from connecting says until when, and no longer than that.
func TestAFeedThatTheLimitsKeepSaysUntilWhen(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 35})
	s := l.open(agent)
	l.sim.SetFault("wstoken", rcsim.Fault{Status: http.StatusTooManyRequests, RetryAfter: 1, Times: 1})
	l.sim.CutSocket(agent, rcsim.CutReset)
	snap := s.until("kept", func(s board.Snapshot) bool { return !s.Feed.Until.IsZero() })
	if snap.Feed.State != board.FeedReconnecting || !snap.Feed.Until.After(snap.At) {
		t.Errorf("%+v at %v", snap.Feed, snap.At)
	}
	s.until("live again", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive && s.Feed.Until.IsZero() })
}

// A refresh that RingCentral does not answer now says nothing about the grant.
func TestARefreshThatFailsForNowIsNoSignOut(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 30})
	s := l.open(agent)
	l.tokens.fail(problem.NewUnavailable(problem.ServiceRingCentral, nil))
	l.sim.ExpireAccess(agent)
	l.sim.CutSocket(agent, rcsim.CutReset)
	s.until("several tries", func(s board.Snapshot) bool {
		if s.Feed.State == board.FeedSignedOut {
			t.Fatal("signed out by a refresh that failed for now")
		}
		return s.Feed.Try >= 3
	})
	l.tokens.fail(nil)
	s.until("live again", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
}

// A customer who leaves while the agent goes back to them is news, not the
// agent's doing.
func TestTheCustomerLeavesDuringBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 26, NoAutoHold: true})
	s := l.open(agent)
	c, k := s.heldByREST()
	snap := s.until("ready", ready)
	l.sim.SetFault("unhold", rcsim.Fault{End: "far", Times: 1})
	s.mustAct(pressed(board.ActionBack, snap))
	l.await(rcsim.Over(c))
	l.await(rcsim.Over(k))
	s.until("said", noticed(board.NoticeCustomerLeft))
	snap = s.until("recorded", func(s board.Snapshot) bool { return len(s.Today) == 1 })
	if snap.Today[0].End != board.EndLost {
		t.Errorf("today = %+v", snap.Today)
	}
}

// A call that no event told of is found by reading everything again.
func TestReadingEverythingFindsAMissedCall(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 27})
	s := l.open(agent)
	l.sim.HoldEvents()
	c := l.talk(customer)
	s.mustAct(board.Claim{Action: board.ActionReread})
	s.until("found", leg(c, func(l board.Leg) bool { return l.State == telephony.Answered }))
}

// One answer that the customer's call is not known shows it as over; that it was wrong is found without any event.
func TestACallWronglyNotKnownComesBack(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 34})
	s := l.open(agent)
	c := l.talk(customer)
	l.do(l.sim.Hold(agent, c))
	snap := s.until("on hold", leg(c, board.Leg.OnHold))
	for leg(c, board.Leg.Alive)(snap) { // until the press's own read met it, not one that the hold's event had asked for
		l.sim.SetFault("session", rcsim.Fault{Status: http.StatusNotFound, Times: 1, Extension: agent})
		s.mustAct(onLeg(board.ActionReread, snap, c))
		snap = s.until("anything", func(board.Snapshot) bool { return true })
	}
	s.until("back", func(snap board.Snapshot) bool {
		return leg(c, board.Leg.OnHold)(snap) && !noticed(board.NoticeCustomerLeft)(snap)
	})
}

// An access token that is over when a call is dropped is replaced, but the read that allowed the drop is old by then.
func TestHangUpReadsAgainWithAnotherToken(t *testing.T) {
	t.Parallel()
	for name, joins := range map[string]bool{"nobody joins meanwhile": false, "somebody joins meanwhile": true} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 33})
			s := l.open(agent)
			_, k := l.consulting()
			snap := s.until("ready", ready)
			l.sim.SetFault("drop", rcsim.Fault{Status: http.StatusUnauthorized, Times: 1})
			drops := 2
			if joins {
				drops = 1
				l.tokens.renewing = func() { l.do(l.sim.Join("104", k)) }
			}
			s.mustAct(onLeg(board.ActionHangUp, snap, k))
			if joins {
				s.until("said", noticed(board.NoticeHangUpOnPhone))
				l.await(rcsim.Talking(consult, "104"))
			} else {
				l.await(rcsim.Over(k))
			}
			if n := len(l.sim.Requests("DELETE", "")); n != drops {
				t.Errorf("%d requests to drop, want %d", n, drops)
			}
		})
	}
}

// Dropping a session ends it for everybody in it: with a third person there the
// agent hangs up on the phone.
func TestHangUpNeverEndsACallOfOthers(t *testing.T) {
	t.Parallel()
	l := newLab(t, rcsim.Options{Seed: 29})
	s := l.open(agent)
	_, k := l.consulting()
	snap := s.until("ready", ready)
	l.do(l.sim.Join("104", k))
	s.mustAct(onLeg(board.ActionHangUp, snap, k))
	s.until("said", noticed(board.NoticeHangUpOnPhone))
	if n := len(l.sim.Requests("DELETE", "")); n != 0 {
		t.Errorf("%d sessions dropped", n)
	}
	// Back needs the consult to end first: nothing is sent, the customer is still on hold.
	s.mustAct(pressed(board.ActionBack, snap))
	if n := len(l.sim.Requests("DELETE", "")) + len(l.sim.Requests("POST", "/unhold")); n != 0 {
		t.Errorf("%d requests of Back", n)
	}
}
