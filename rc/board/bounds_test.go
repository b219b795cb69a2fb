package board

import (
	"testing"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// in is a patch of the owner's party 2 of the customer's call.
func in(sequence int64, seconds float64, code tp.Code) tp.Event {
	return event(customerCall, sequence, seconds, incoming(customerCall, 2, rosa, code))
}

// A party remembers 64 observations in order; older ones are folded into its
// base, and what is older than the base comes too late.
func TestFoldIsBounded(t *testing.T) {
	flip := func(i int64) tp.Code {
		if i%2 == 0 {
			return tp.Answered
		}
		return tp.Hold
	}
	t.Run("many events", func(t *testing.T) {
		s := NewState(agent, Timing{})
		for i := int64(2); i <= 1001; i++ {
			apply(s, in(i, float64(i), flip(i)))
		}
		p := s.sessions[customerCall].parties[0]
		want(t, "observations", len(p.observed), maxObservations)
		l := legOf(t, s, customerCall, 1002)
		want(t, "held", l.Held, exact(1001))
		want(t, "answered", l.Answered, exact(2))
		want(t, "an event older than the base", s.Apply(in(3, 3, tp.Disconnected)), false)
		want(t, "alive", legOf(t, s, customerCall, 1003).Alive(), true)
	})
	t.Run("the 65th arrives second to last", func(t *testing.T) {
		s := NewState(agent, Timing{})
		for i := int64(1); i < 64; i++ {
			apply(s, in(i, float64(i), flip(i)))
		}
		apply(s, in(65, 65, flip(65)), in(64, 64, flip(64)))
		l := legOf(t, s, customerCall, 66)
		want(t, "state", l.State, tp.Hold)
		want(t, "held", l.Held, exact(65))
	})
	t.Run("reads alone", func(t *testing.T) {
		s := NewState(agent, Timing{})
		apply(s, in(2, 0, tp.Answered))
		codes := [...]tp.Code{tp.Proceeding, tp.Answered}
		for i := range 200 {
			read(t, s, float64(i+1), listed(customerCall, someone(customerCall, 1, "", codes[i%2]), incoming(customerCall, 2, rosa, tp.Answered)))
			want(t, "far", legOf(t, s, customerCall, float64(i+1)).Far.State, [...]FarState{FarRinging, FarAnswered}[i%2])
		}
	})
}

// What a later read says beside the state counts too.
func TestReadOfTheSameStateMayTellMore(t *testing.T) {
	s := NewState(agent, Timing{})
	yes := true
	answer := listed(customerCall, someone(customerCall, 1, "", tp.Answered), incoming(customerCall, 2, rosa, tp.Answered))
	apply(s, event(customerCall, 4, 0.5, someone(customerCall, 1, "", tp.Answered)))
	read(t, s, 1, answer)
	answer.Parties[1].Muted = &yes
	answer.Parties[1].ConferenceRole = "Host"
	read(t, s, 5, answer)
	l := legOf(t, s, customerCall, 6)
	want(t, "muted", l.Muted, true)
	want(t, "conference", l.Conference, true)
	want(t, "since", l.Since, atLeast(1))

	apply(s, event(customerCall, 3, 0, incoming(customerCall, 2, rosa, tp.Proceeding)), event(customerCall, 2, 0, incoming(customerCall, 2, rosa, tp.Setup)))
	want(t, "muted, folded again", legOf(t, s, customerCall, 7).Muted, true)
}
