package board

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// consulting is a state whose owner's party of the consult turned Answered at
// second 0, which proves nothing of the far side.
func consulting() *State {
	s := NewState(agent, Timing{})
	apply(s, event(consultCall, 2, -1, outgoing(consultCall, "103", tp.Setup)), event(consultCall, 4, 0, outgoing(consultCall, "103", tp.Answered)))
	return s
}

func consultRead(far tp.Code) tp.Session {
	return listed(consultCall, outgoing(consultCall, "103", tp.Answered), someone(consultCall, 2, colleague, far))
}

func TestOwnAnsweredProvesNothing(t *testing.T) {
	s := consulting()
	l := legOf(t, s, consultCall, 1)
	want(t, "own party", l.State, tp.Answered)
	want(t, "far before any read", l.Far.State, FarUnknown)
	want(t, "internal", l.Far.Internal, true)
	read(t, s, 1, consultRead(tp.Proceeding))
	want(t, "far", legOf(t, s, consultCall, 1).Far.State, FarRinging)
	read(t, s, 7, consultRead(tp.Answered))
	l = legOf(t, s, consultCall, 7)
	want(t, "far", l.Far.State, FarAnswered)
	want(t, "far answered", l.Far.Answered, atLeast(7))
	want(t, "far party", l.Far.PartyID, partyID(consultCall, 2))
	want(t, "read", l.Far.Read, at(7))

	apply(s, event(consultCall, 6, 6.7, someone(consultCall, 2, colleague, tp.Answered)))
	want(t, "far answered, by its own event", legOf(t, s, consultCall, 7).Far.Answered, exact(6.7))
}

func TestPollSchedule(t *testing.T) {
	s := consulting()
	read(t, s, 0, consultRead(tp.Proceeding)) // what the event asked for
	var got []float64
	for range 20 {
		wants := s.Wants()
		if len(wants) != 1 || !wants[0].Poll || wants[0].SessionID != consultCall {
			t.Fatalf("wants %+v", wants)
		}
		seconds := wants[0].At.Sub(start).Seconds()
		got = append(got, seconds)
		read(t, s, seconds, consultRead(tp.Proceeding))
	}
	schedule := []float64{1, 2, 3, 5, 10, 15, 20, 25, 30, 35, 40, 45, 50, 55, 60, 70, 80, 90, 100, 110}
	if diff := cmp.Diff(schedule, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	read(t, s, 120, consultRead(tp.Answered))
	if wants := s.Wants(); len(wants) != 0 {
		t.Errorf("polls go on after the proof: %+v", wants)
	}
}

func TestWants(t *testing.T) {
	one := []Want{{SessionID: consultCall}}
	tests := map[string]struct {
		do   func(t *testing.T, s *State)
		want []Want
	}{
		"an event of mine": {func(*testing.T, *State) {}, one},
		"in flight":        {func(_ *testing.T, s *State) { s.StartRead(consultCall, at(1)) }, nil},
		"proven":           {func(t *testing.T, s *State) { t.Helper(); read(t, s, 1, consultRead(tp.Answered)) }, nil},
		"an event of mine after the proof": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 1, consultRead(tp.Answered))
			apply(s, event(consultCall, 7, 9, outgoing(consultCall, "103", tp.Hold)))
		}, one},
		"a late older event of the far side": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 8, consultRead(tp.Answered))
			apply(s, event(consultCall, 5, 2, someone(consultCall, 2, colleague, tp.Proceeding)))
		}, one},
		"a new event of the far side": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 8, consultRead(tp.Answered))
			apply(s, event(consultCall, 7, 9, someone(consultCall, 2, colleague, tp.Answered)))
		}, nil},
		"learnt": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 8, consultRead(tp.Answered))
			s.Learn(consultCall)
		}, one},
		"learnt, never seen": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 8, consultRead(tp.Answered))
			s.Learn("s-9")
		}, []Want{{SessionID: "s-9"}}},
		"a gap": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 8, consultRead(tp.Answered))
			s.RereadAll()
		}, one},
		"failed": {func(_ *testing.T, s *State) {
			s.FailRead(s.StartRead(consultCall, at(1)), at(2))
		}, []Want{{SessionID: consultCall, At: at(3)}}},
		"failed, then an event": {func(_ *testing.T, s *State) {
			s.FailRead(s.StartRead(consultCall, at(1)), at(2))
			apply(s, event(consultCall, 7, 3, outgoing(consultCall, "103", tp.Hold)))
		}, one},
		"over": {func(_ *testing.T, s *State) {
			apply(s, event(consultCall, 7, 3, outgoing(consultCall, "103", tp.Disconnected)))
			s.RereadAll()
		}, nil},
		"moved to another device": {func(_ *testing.T, s *State) {
			apply(s, event(consultCall, 7, 3, because(outgoing(consultCall, "103", tp.Disconnected), tp.ReasonPickup)))
		}, one},
		"a poll after what is due": {func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, 0, consultRead(tp.Proceeding))
			s.Learn("s-9")
		}, []Want{{SessionID: "s-9"}, {SessionID: consultCall, At: at(1), Poll: true}}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := consulting()
			tt.do(t, s)
			if diff := cmp.Diff(tt.want, s.Wants()); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

func TestFailedReadsBackOff(t *testing.T) {
	s := consulting()
	now := at(1)
	for _, pause := range []float64{1, 2, 4, 8, 10, 10, 10} {
		s.FailRead(s.StartRead(consultCall, now), now)
		next := s.Wants()[0].At
		want(t, "pause", next.Sub(now).Seconds(), pause)
		now = next
	}
	read(t, s, 60, consultRead(tp.Answered))
	s.Learn(consultCall)
	s.FailRead(s.StartRead(consultCall, at(61)), at(61))
	want(t, "after an answer", s.Wants()[0].At, at(62))
}

// A read that an event overtook is thrown away and made again, at most twice.
func TestRacedReads(t *testing.T) {
	s := consulting()
	sequence := int64(10)
	race := func(seconds float64) bool {
		m := s.StartRead(consultCall, at(seconds))
		sequence++
		apply(s, event(consultCall, sequence, seconds+0.1, someone(consultCall, 2, colleague, tp.Proceeding)))
		return s.FinishRead(m, consultRead(tp.Answered), true, at(seconds+0.2))
	}
	for i := range 3 {
		if race(float64(i + 1)) {
			t.Fatal("an overtaken read was applied")
		}
		want(t, "far", legOf(t, s, consultCall, 5).Far.State, FarRinging)
		want(t, "unsure", legOf(t, s, consultCall, 5).Unsure, i == 2)
		due := s.Wants()
		want(t, "wants", len(due), 1)
		want(t, "again at once", !due[0].Poll, i < 2)
		want(t, "fresh", s.Fresh(consultCall, at(float64(i)+1.3), 2*time.Second), false)
	}
	want(t, "an unsure call is polled on, not at once", s.Wants()[0].At, at(5))
	read(t, s, 6, consultRead(tp.Answered))
	l := legOf(t, s, consultCall, 6)
	want(t, "unsure after a quiet read", l.Unsure, false)
	want(t, "far", l.Far.State, FarAnswered)
	want(t, "fresh", s.Fresh(consultCall, at(7), 2*time.Second), true)
	want(t, "a race after a quiet read", race(9), false)
	want(t, "unsure after one race", legOf(t, s, consultCall, 10).Unsure, false)
}

// An older event under way does not overtake a read, but wants one more.
func TestLateOlderEventDuringARead(t *testing.T) {
	s := consulting()
	m := s.StartRead(consultCall, at(5))
	apply(s, event(consultCall, 3, -0.5, outgoing(consultCall, "103", tp.Proceeding)))
	want(t, "applied", s.FinishRead(m, consultRead(tp.Answered), true, at(5.2)), true)
	want(t, "far", legOf(t, s, consultCall, 6).Far.State, FarAnswered)
	want(t, "one more read", len(s.Wants()), 1)
	want(t, "fresh", s.Fresh(consultCall, at(6), 2*time.Second), false)
}

func TestFresh(t *testing.T) {
	const d = 2 * time.Second
	s := consulting()
	want(t, "never read", s.Fresh(consultCall, at(0), d), false)
	want(t, "never seen", s.Fresh("s-9", at(0), d), false)
	read(t, s, 5, consultRead(tp.Answered))
	want(t, "just read", s.Fresh(consultCall, at(5), d), true)
	want(t, "2 s ago", s.Fresh(consultCall, at(7), d), true)
	want(t, "longer ago", s.Fresh(consultCall, at(7.001), d), false)
	apply(s, event(consultCall, 7, 5.5, outgoing(consultCall, "103", tp.Hold)))
	want(t, "after an event", s.Fresh(consultCall, at(6), d), false)
	m := s.StartRead(consultCall, at(6))
	want(t, "while the read that the event asked for is under way", s.Fresh(consultCall, at(6), d), false)
	s.FinishRead(m, consultRead(tp.Answered), true, at(6.1))
	want(t, "after it", s.Fresh(consultCall, at(6.1), d), true)
}

// Two reads may be under way at once: the desk's and a press's. The younger one
// counts, in whichever order they are answered.
func TestReadsAnsweredInTheWrongOrder(t *testing.T) {
	s := consulting()
	older, younger := s.StartRead(consultCall, at(5)), s.StartRead(consultCall, at(6))
	want(t, "younger", s.FinishRead(younger, consultRead(tp.VoiceMail), true, at(6.1)), true)
	s.FinishRead(older, consultRead(tp.Answered), true, at(7))
	l := legOf(t, s, consultCall, 8)
	want(t, "far", l.Far.State, FarVoicemail)
	want(t, "read", l.Far.Read, at(6))
}

func TestReadOfACallThatIsNotMine(t *testing.T) {
	s := NewState(agent, Timing{})
	s.Learn("s-9")
	want(t, "settled before the read", s.Settled(), false)
	read(t, s, 1, listed("s-9", someone("s-9", 1, colleague, tp.Answered), someone("s-9", 2, another, tp.Answered)))
	want(t, "known", s.Knows("s-9"), false)
	want(t, "legs", len(s.Board(at(2)).Legs), 0)
	want(t, "wants", len(s.Wants()), 0)
	want(t, "settled", s.Settled(), true)

	s.Learn("s-9")
	m := s.StartRead("s-9", at(3))
	want(t, "not found", s.FinishRead(m, tp.Session{}, false, at(3)), true)
	want(t, "known", s.Knows("s-9"), false)
}

// An answer that a call is not known may be wrong, and no event would mend it.
func TestACallThatIsNotKnownIsAskedForOnceMore(t *testing.T) {
	unknown := func(t *testing.T, s *State, seconds float64) {
		t.Helper()
		want(t, "applied", s.FinishRead(s.StartRead(consultCall, at(seconds)), tp.Session{}, false, at(seconds)), true)
	}
	wants := func(t *testing.T, s *State, some ...Want) {
		t.Helper()
		if diff := cmp.Diff(some, s.Wants()); diff != "" {
			t.Errorf("-want +got\n%s", diff)
		}
	}
	t.Run("it was wrong", func(t *testing.T) {
		s := consulting()
		unknown(t, s, 5)
		want(t, "alive", legOf(t, s, consultCall, 5).Alive(), false)
		wants(t, s, Want{SessionID: consultCall, At: at(6)})
		want(t, "settled", s.Settled(), false)
		read(t, s, 6, consultRead(tp.Answered))
		want(t, "alive", legOf(t, s, consultCall, 6).Alive(), true)
		wants(t, s)
	})
	t.Run("it was true", func(t *testing.T) {
		s := consulting()
		unknown(t, s, 5)
		unknown(t, s, 6)
		want(t, "alive", legOf(t, s, consultCall, 6).Alive(), false)
		wants(t, s)
		want(t, "settled", s.Settled(), true)
	})
	t.Run("an event had ended it", func(t *testing.T) {
		s := consulting()
		apply(s, event(consultCall, 7, 3, outgoing(consultCall, "103", tp.Disconnected)))
		unknown(t, s, 5)
		wants(t, s)
	})
}

func TestSettled(t *testing.T) {
	s := consulting()
	want(t, "due", s.Settled(), false)
	m := s.StartRead(consultCall, at(1))
	want(t, "in flight", s.Settled(), false)
	s.FinishRead(m, consultRead(tp.Proceeding), true, at(1))
	want(t, "read", s.Settled(), true)
	s.RereadAll()
	want(t, "after a gap", s.Settled(), false)
	apply(s, event(consultCall, 7, 3, outgoing(consultCall, "103", tp.Disconnected)))
	want(t, "over", s.Settled(), true)
}

func TestOwnsAndOthers(t *testing.T) {
	s := consulting()
	read(t, s, 1, listed(consultCall, outgoing(consultCall, "103", tp.Answered),
		someone(consultCall, 2, colleague, tp.Answered), someone(consultCall, 3, "", tp.Disconnected), someone(consultCall, 4, another, tp.Hold)))
	want(t, "mine", s.Owns(consultCall, partyID(consultCall, 1)), true)
	want(t, "the colleague's", s.Owns(consultCall, partyID(consultCall, 2)), false)
	want(t, "no party", s.Owns(consultCall, ""), false)
	want(t, "no session", s.Owns("s-9", partyID(consultCall, 1)), false)
	want(t, "others alive", s.Others(consultCall), 2)
	want(t, "others of no session", s.Others("s-9"), 0)
	apply(s, event(consultCall, 7, 3, outgoing(consultCall, "103", tp.Disconnected)))
	want(t, "mine, though over", s.Owns(consultCall, partyID(consultCall, 1)), true)
}

func TestPrune(t *testing.T) {
	s := consulting()
	apply(s, in(3, 0, tp.Answered), event(consultCall, 7, 10, outgoing(consultCall, "103", tp.Disconnected)))
	s.Prune(at(610))
	want(t, "known for ten minutes", s.Knows(consultCall), true)
	s.Prune(at(610.1))
	want(t, "known after", s.Knows(consultCall), false)
	want(t, "the live call", s.Knows(customerCall), true)
}

// The owner transferred a call away, and it came back: presence says so when the
// events were missed.
func TestACallThatCameBack(t *testing.T) {
	s := NewState(agent, Timing{})
	apply(s,
		event(customerCall, 2, 0, incoming(customerCall, 2, rosa, tp.Answered)),
		event(customerCall, 3, 1, because(incoming(customerCall, 2, rosa, tp.Disconnected), "BlindTransfer")),
	)
	if wants := s.Wants(); len(wants) != 0 {
		t.Errorf("a call that is over is read: %+v", wants)
	}
	presence := tp.Presence{ActiveCalls: []tp.ActiveCall{{SessionID: customerCall, PartyID: partyID(customerCall, 4), Direction: tp.Inbound, From: rosa, TelephonyStatus: "OnHold"}}}
	for _, id := range s.Observe(presence, at(5)) {
		s.Learn(id)
	}
	l := legOf(t, s, customerCall, 5)
	want(t, "alive", l.Alive(), true)
	want(t, "party", l.PartyID, partyID(customerCall, 4))
	want(t, "held", l.Held, atLeast(5))
	want(t, "settled", s.Settled(), false)
	if wants := s.Wants(); len(wants) != 1 || wants[0].SessionID != customerCall || wants[0].Poll {
		t.Errorf("wants %+v", wants)
	}
	read(t, s, 6, listed(customerCall, incoming(customerCall, 2, rosa, tp.Disconnected), incoming(customerCall, 4, rosa, tp.Hold), someone(customerCall, 1, "", tp.Answered)))
	want(t, "far", legOf(t, s, customerCall, 6).Far.State, FarAnswered)

	// Presence may lag behind: what it lists still is read once, and stays over.
	apply(s, event(customerCall, 9, 7, incoming(customerCall, 4, rosa, tp.Disconnected)))
	for _, id := range s.Observe(presence, at(8)) {
		s.Learn(id)
	}
	want(t, "alive", legOf(t, s, customerCall, 8).Alive(), false)
	want(t, "reads", len(s.Wants()), 1)
	read(t, s, 8, listed(customerCall, incoming(customerCall, 4, rosa, tp.Disconnected)))
	want(t, "reads", len(s.Wants()), 0)
}
