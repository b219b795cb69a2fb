package board

import "time"

// Timing holds the times that a board and a transfer keep to. RingCentral
// documents none of them (API.md 11.1): they are the product's. A zero field
// means its default.
type Timing struct {
	ProofAfterAnswer time.Duration // from an accepted bridge to the first doubt: 5 s
	ProofAfterSend   time.Duration // from sending to the first doubt, when no answer came: 10 s
	ProofAfterDoubt  time.Duration // from the doubt to saying what is true: 10 s
	PressAfter       time.Duration // an unconfirmed attempt may be pressed again on reads this long after its answer: 5 s

	StaleAfter time.Duration // without a frame or pong a board is old news: 45 s
	Poll       time.Duration // unit of the schedule by which a far side is polled, see pollAfter: 1 s
	ReadAgain  time.Duration // from a failed read to the next, doubled each time up to ten of it: 1 s

	MovingFor    time.Duration // a party that left for another device may be followed: 10 s
	KeepEnded    time.Duration // an ended leg stays on the board: 60 s
	KeepStranger time.Duration // events of a call that may yet become the owner's are kept: 60 s
	KeepSession  time.Duration // an ended session is remembered, so that late events cannot reopen it: 10 min
	JoinedFor    time.Duration // a joined pair is remembered for the team page: 30 s
}

// DefaultTiming returns the times of the product.
func DefaultTiming() Timing {
	return Timing{
		ProofAfterAnswer: 5 * time.Second, ProofAfterSend: 10 * time.Second, ProofAfterDoubt: 10 * time.Second, PressAfter: 5 * time.Second,
		StaleAfter: StaleAfter, Poll: time.Second, ReadAgain: time.Second,
		MovingFor: 10 * time.Second, KeepEnded: time.Minute, KeepStranger: time.Minute, KeepSession: 10 * time.Minute, JoinedFor: 30 * time.Second,
	}
}

// fields lists every time, so that Filled and Scaled forget none.
func (t *Timing) fields() []*time.Duration {
	return []*time.Duration{
		&t.ProofAfterAnswer, &t.ProofAfterSend, &t.ProofAfterDoubt, &t.PressAfter,
		&t.StaleAfter, &t.Poll, &t.ReadAgain,
		&t.MovingFor, &t.KeepEnded, &t.KeepStranger, &t.KeepSession, &t.JoinedFor,
	}
}

// Filled is t with its defaults.
func (t Timing) Filled() Timing {
	defaults := DefaultTiming()
	for i, d := range t.fields() {
		if *d <= 0 {
			*d = *defaults.fields()[i]
		}
	}
	return t
}

// Scaled is every time of t, defaults included, multiplied by a factor.
func (t Timing) Scaled(by float64) Timing {
	t = t.Filled()
	for _, d := range t.fields() {
		*d = time.Duration(float64(*d) * by)
	}
	return t
}
