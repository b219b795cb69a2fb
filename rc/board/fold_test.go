package board

import (
	"testing"
	"time"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

func TestFold(t *testing.T) {
	read := func(seconds float64, code tp.Code) func(*testing.T, *State) {
		return func(t *testing.T, s *State) {
			t.Helper()
			read(t, s, seconds, listed(customerCall, someone(customerCall, 1, "", tp.Answered), incoming(customerCall, 2, rosa, code)))
		}
	}
	gone := func(seconds float64) func(*testing.T, *State) {
		return func(t *testing.T, s *State) {
			t.Helper()
			m := s.StartRead(customerCall, at(seconds))
			if !s.FinishRead(m, tp.Session{}, false, at(seconds)) {
				t.Fatal("a quiet read was thrown away")
			}
		}
	}
	tests := map[string]struct {
		steps []any // telephony.Event or a read
		want  Leg   // State, Since, Answered, Held, HeldUntil, Ended, Reason
	}{
		"Setup -> Proceeding: ring": {
			[]any{in(2, 1, tp.Setup), in(3, 2, tp.Proceeding)},
			Leg{State: tp.Proceeding, Since: exact(2)},
		},
		"Proceeding -> Answered: answer": {
			[]any{in(3, 2, tp.Proceeding), in(4, 5, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(5), Answered: exact(5)},
		},
		"Answered -> Hold: hold": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(9), Answered: exact(5), Held: exact(9)},
		},
		"Hold -> Answered: unhold": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), in(6, 12, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(12), Answered: exact(5), Held: exact(9), HeldUntil: at(12)},
		},
		"Answered -> Hold: hold again": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), in(6, 12, tp.Answered), in(7, 20, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(20), Answered: exact(5), Held: exact(20)},
		},
		"Hold -> Hold: a run starts with its first event": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), in(6, 11, tp.Hold), in(7, 13, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(9), Answered: exact(5), Held: exact(9)},
		},
		"Hold -> Hold: the first event comes last": {
			[]any{in(7, 13, tp.Hold), in(6, 11, tp.Hold), in(4, 5, tp.Answered), in(5, 9, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(9), Answered: exact(5), Held: exact(9)},
		},
		"Hold -> Disconnected: the customer leaves on hold": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), in(6, 30, tp.Disconnected)},
			Leg{State: tp.Disconnected, Since: exact(30), Answered: exact(5), Held: exact(9), HeldUntil: at(30), Ended: at(30)},
		},
		"Disconnected -> Answered: absorbed": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Disconnected), in(6, 10, tp.Answered)},
			Leg{State: tp.Disconnected, Since: exact(9), Answered: exact(5), Ended: at(9)},
		},
		"Gone -> Disconnected: absorbed, the first end counts": {
			[]any{
				in(4, 5, tp.Answered),
				event(customerCall, 5, 9, because(incoming(customerCall, 2, rosa, tp.Gone), "AttendedTransfer")), in(6, 10, tp.Disconnected),
			},
			Leg{State: tp.Gone, Reason: "AttendedTransfer", Since: exact(9), Answered: exact(5), Ended: at(9)},
		},
		"Disconnected -> Disconnected: a second report may say why": {
			[]any{
				in(4, 5, tp.Answered), in(5, 9, tp.Disconnected),
				event(customerCall, 6, 10, because(incoming(customerCall, 2, rosa, tp.Disconnected), "CallFinished")),
			},
			Leg{State: tp.Disconnected, Reason: "CallFinished", Since: exact(9), Answered: exact(5), Ended: at(9)},
		},
		"Disconnected arrives before Answered": {
			[]any{in(3, 2, tp.Proceeding), in(6, 9, tp.Disconnected), in(4, 5, tp.Answered)},
			Leg{State: tp.Disconnected, Since: exact(9), Answered: exact(5), Ended: at(9)},
		},
		"sequence gap: means nothing": {
			[]any{in(3, 2, tp.Proceeding), in(400, 9, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(9), Answered: exact(9)},
		},
		"read Hold: held at least since the read": {
			[]any{in(4, 5, tp.Answered), read(20, tp.Hold)},
			Leg{State: tp.Hold, Since: atLeast(20), Answered: exact(5), Held: atLeast(20)},
		},
		"read Hold, read Hold: the first read counts": {
			[]any{in(4, 5, tp.Answered), read(20, tp.Hold), read(25, tp.Hold)},
			Leg{State: tp.Hold, Since: atLeast(20), Answered: exact(5), Held: atLeast(20)},
		},
		"read Hold, then the event of that hold: exact": {
			[]any{in(4, 5, tp.Answered), read(20, tp.Hold), in(5, 18, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(18), Answered: exact(5), Held: exact(18)},
		},
		"read Hold, then a mute of the held party after it: at least": {
			[]any{in(4, 5, tp.Answered), read(20, tp.Hold), in(6, 22, tp.Hold)},
			Leg{State: tp.Hold, Since: atLeast(20), Answered: exact(5), Held: atLeast(20)},
		},
		"read Hold of a call never seen: answered at least since too": {
			[]any{read(20, tp.Hold)},
			Leg{State: tp.Hold, Since: atLeast(20), Answered: atLeast(20), Held: atLeast(20)},
		},
		"read Answered, then the event of the answer: exact": {
			[]any{in(3, 2, tp.Proceeding), read(8, tp.Answered), in(4, 5, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(5), Answered: exact(5)},
		},
		"event Hold, read Hold: exact stays": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), read(20, tp.Hold)},
			Leg{State: tp.Hold, Since: exact(9), Answered: exact(5), Held: exact(9)},
		},
		"read Answered, then the event of the unhold: the hold ended with the event": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), read(20, tp.Answered), in(6, 18, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(18), Answered: exact(5), Held: exact(9), HeldUntil: at(18)},
		},
		"absent from a read: over, by the time of the read": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), gone(30)},
			Leg{State: tp.Disconnected, Since: atLeast(30), Answered: exact(5), Held: exact(9), HeldUntil: at(30), Ended: at(30)},
		},
		"absent from a read, then Disconnected: over when the event says": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), gone(30), event(customerCall, 6, 28, because(incoming(customerCall, 2, rosa, tp.Disconnected), "CallDropped"))},
			Leg{State: tp.Disconnected, Reason: "CallDropped", Since: exact(28), Answered: exact(5), Held: exact(9), HeldUntil: at(28), Ended: at(28)},
		},
		"absent from a read, then Gone: over when the event says": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), gone(30), event(customerCall, 6, 28, because(incoming(customerCall, 2, rosa, tp.Gone), "AttendedTransfer"))},
			Leg{State: tp.Gone, Reason: "AttendedTransfer", Since: exact(28), Answered: exact(5), Held: exact(9), HeldUntil: at(28), Ended: at(28)},
		},
		"absent from a read, Disconnected, Answered: absorbed": {
			[]any{in(4, 5, tp.Answered), gone(30), in(6, 28, tp.Disconnected), in(7, 31, tp.Answered)},
			Leg{State: tp.Disconnected, Since: exact(28), Answered: exact(5), Ended: at(28)},
		},
		"absent from a read -> Answered: alive after all": {
			[]any{in(4, 5, tp.Answered), gone(30), in(5, 31, tp.Answered)},
			Leg{State: tp.Answered, Since: exact(31), Answered: exact(5)},
		},
		"absent from a read -> listed again: alive after all": {
			[]any{in(4, 5, tp.Answered), gone(30), read(32, tp.Answered)},
			Leg{State: tp.Answered, Since: atLeast(32), Answered: exact(5)},
		},
		"read Disconnected, then its event: over when the event says": {
			[]any{in(4, 5, tp.Answered), in(5, 9, tp.Hold), read(30, tp.Disconnected), in(6, 28, tp.Disconnected)},
			Leg{State: tp.Disconnected, Since: exact(28), Answered: exact(5), Held: exact(9), HeldUntil: at(28), Ended: at(28)},
		},
		"read Disconnected -> Answered: absorbed": {
			[]any{in(4, 5, tp.Answered), read(30, tp.Disconnected), in(6, 31, tp.Answered)},
			Leg{State: tp.Disconnected, Since: atLeast(30), Answered: exact(5), Ended: at(30)},
		},
		"no sequence: oldest of all, in order of time": {
			[]any{in(4, 9, tp.Hold), in(0, 5, tp.Answered), in(0, 2, tp.Proceeding)},
			Leg{State: tp.Hold, Since: exact(9), Answered: exact(5), Held: exact(9)},
		},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewState(agent, Timing{})
			for _, step := range tt.steps {
				switch step := step.(type) {
				case tp.Event:
					if !s.Apply(step) {
						t.Fatalf("event %d was not taken", step.Sequence)
					}
				case func(*testing.T, *State):
					step(t, s)
				}
			}
			l := legOf(t, s, customerCall, 40)
			want(t, "state", l.State, tt.want.State)
			want(t, "reason", l.Reason, tt.want.Reason)
			want(t, "since", l.Since, tt.want.Since)
			want(t, "answered", l.Answered, tt.want.Answered)
			want(t, "held", l.Held, tt.want.Held)
			want(t, "held until", l.HeldUntil, tt.want.HeldUntil)
			want(t, "ended", l.Ended, tt.want.Ended)
			want(t, "left on hold", l.LeftOnHold(), tt.want.LeftOnHold())
		})
	}
}

func TestFoldKeepsWhatAPatchLeavesOut(t *testing.T) {
	yes, no := true, false
	full := incoming(customerCall, 2, rosa, tp.Answered)
	full.From.Name, full.Muted, full.QueueCall, full.QueueName, full.ConferenceRole = "Rosa Alvarez", &yes, &yes, "Billing", ""
	bare := tp.Party{ID: partyID(customerCall, 2), Status: status(tp.Hold)}
	nothing := tp.Party{ID: partyID(customerCall, 2)}
	unmuted := tp.Party{ID: partyID(customerCall, 2), Muted: &no}

	s := NewState(agent, Timing{})
	apply(s, event(customerCall, 4, 5, full), event(customerCall, 5, 9, bare), event(customerCall, 6, 11, nothing))
	l := legOf(t, s, customerCall, 12)
	want(t, "state", l.State, tp.Hold)
	want(t, "held", l.Held, exact(9))
	want(t, "direction", l.Direction, tp.Inbound)
	want(t, "far", l.Far.Name+" "+l.Far.Number, "Rosa Alvarez "+rosa)
	want(t, "queue", l.Queue, "Billing")
	want(t, "queue call", l.QueueCall, true)
	want(t, "muted", l.Muted, true)

	apply(s, event(customerCall, 7, 13, unmuted))
	l = legOf(t, s, customerCall, 14)
	want(t, "muted after a patch that says so", l.Muted, false)
	want(t, "state", l.State, tp.Hold)
}

func TestApplyReportsWhetherAnythingChanged(t *testing.T) {
	s := NewState(agent, Timing{})
	stranger := event(consultCall, 3, 1, someone(consultCall, 2, colleague, tp.Answered))
	stranger.ExtensionID = colleague
	tests := []struct {
		name  string
		event tp.Event
		want  bool
	}{
		{"new call", in(3, 2, tp.Proceeding), true},
		{"the same again", in(3, 2, tp.Proceeding), false},
		{"another copy with another time", in(3, 3, tp.Proceeding), false},
		{"older", in(2, 1, tp.Setup), true},
		{"no session", event("", 9, 2, incoming(customerCall, 2, rosa, tp.Answered)), false},
		{"no party id", event(customerCall, 9, 2, tp.Party{ExtensionID: mineID, Status: status(tp.Hold)}), false},
		{"somebody else's call", stranger, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) { want(t, "changed", s.Apply(tt.event), tt.want) })
	}
	want(t, "legs", len(s.Board(at(5)).Legs), 1)
}

// An event of one party carries its owner in the party or, from an extension's
// filter, only in the body.
func TestApplyKnowsTheOwnerOfAParty(t *testing.T) {
	s := NewState(agent, Timing{})
	bare := incoming(customerCall, 2, rosa, tp.Answered)
	bare.ExtensionID = ""
	apply(s, event(customerCall, 4, 5, bare))
	want(t, "party", legOf(t, s, customerCall, 6).PartyID, partyID(customerCall, 2))

	two := event(consultCall, 4, 5, someone(consultCall, 1, "", tp.Answered), someone(consultCall, 2, "", tp.Answered))
	want(t, "a body with two parties says nothing of their owner", s.Apply(two), false)
}

func TestUnknownWordsAreKeptAndCounted(t *testing.T) {
	s := NewState(agent, Timing{})
	odd := incoming(customerCall, 2, rosa, tp.CodeUnknown)
	odd.Status.Word = "Alerting"
	e := event(customerCall, 4, 5, odd)
	apply(s, in(3, 2, tp.Proceeding), e, e, e)
	l := legOf(t, s, customerCall, 6)
	want(t, "state", l.State, tp.CodeUnknown)
	want(t, "word", l.Word, "Alerting")
	want(t, "alive", l.Alive(), true)
	want(t, "since", l.Since, exact(5))
	want(t, "counted once for each event, not for each copy", s.UnknownWords()["Alerting"], 1)

	apply(s, in(5, 7, tp.Answered))
	want(t, "word of a known state", legOf(t, s, customerCall, 8).Word, "")
}

func TestFarMailboxIsSpelledBothWays(t *testing.T) {
	for word, state := range map[string]FarState{
		"VoiceMail": FarVoicemail, "Voicemail": FarVoicemail, "VoiceMailScreening": FarVoicemail, "VMScreening": FarVoicemail,
		"FaxReceive": FarFax, "Alerting": FarOther, "Tds": FarOther, "Setup": FarRinging, "Parked": FarParked,
	} {
		t.Run(word, func(t *testing.T) {
			s := NewState(agent, Timing{})
			far := someone(consultCall, 2, colleague, tp.ParseCode(word))
			far.Status.Word = word
			apply(s, event(consultCall, 2, 1, outgoing(consultCall, "103", tp.Answered)))
			read(t, s, 2, listed(consultCall, outgoing(consultCall, "103", tp.Answered), far))
			want(t, "far", legOf(t, s, consultCall, 3).Far.State, state)
		})
	}
}

// Every state has a time, also when RingCentral left it out.
func TestEventWithoutATime(t *testing.T) {
	s := NewState(agent, Timing{})
	e := in(4, 0, tp.Answered)
	e.At, e.Sent = time.Time{}, at(5)
	apply(s, e)
	want(t, "answered", legOf(t, s, customerCall, 6).Answered, exact(5))
	over := in(5, 0, tp.Disconnected)
	over.At = time.Time{}
	apply(s, over)
	if l, ok := s.Board(at(6)).Leg(customerCall); ok && l.Alive() {
		t.Error("a call that is over lives on because its end has no time")
	}
}
