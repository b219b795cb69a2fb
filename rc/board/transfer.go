package board

import (
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Outcome is how the bridge request ended.
type Outcome struct {
	Accepted  bool   // 2xx
	Unsent    bool   // it certainly never reached RingCentral
	Status    int    // HTTP status of a refusal; 0 when no answer came
	Code      string // RingCentral's
	RequestID string
}

// refused reports whether RingCentral said no for certain. A server error or
// no answer at all proves nothing: the bridge may have been made.
func (o Outcome) refused() bool { return o.Status >= 400 && o.Status < 500 && o.Status != 408 }

// NewTransfer begins an attempt to join the pair: Checking.
func NewTransfer(id string, p Pair, b Board, attempt int, now time.Time) Transfer {
	c, _ := b.Leg(p.CustomerSession)
	k, _ := b.Leg(p.ConsultSession)
	return Transfer{
		Ends: p.Ends, ID: id, Attempt: attempt, Phase: Checking, Why: p.Why, Began: now,
		Customer: c.Far.Name, CustomerNumber: c.Far.Number, CustomerFar: c.Far.PartyID,
		Consult: k.Far.Name, ConsultNumber: k.Far.Number, ConsultFar: k.Far.PartyID,
		Held: c.Held, Talking: k.Far.Answered,
	}
}

// Meets reports whether the people at the two far sides may still be those whom
// the press named.
func (t Transfer) Meets(b Board) bool {
	c, _ := b.Leg(t.CustomerSession)
	k, _ := b.Leg(t.ConsultSession)
	return Who{t.CustomerFar, t.CustomerNumber}.may(who(c)) && Who{t.ConsultFar, t.ConsultNumber}.may(who(k))
}

// Check ends the checking with the readiness that the fresh reads gave:
// "checking -> sent" when it is ready, "checking -> abandoned" when an end is
// over, else "checking -> failed": nothing was sent.
func (t Transfer) Check(r Readiness, b Board, now time.Time) Transfer {
	if t.Phase != Checking {
		return t
	}
	switch {
	case r.Ready:
		t.Phase, t.Checked, t.Sent = Sent, now, now
		return t
	case r.Reason == ReasonEnded:
		t.Reason = r.Reason
		return t.settle(Abandoned, b, now)
	default:
		t.Reason = r.Reason
		return t.settle(Failed, b, now)
	}
}

// Answer ends the bridge request. "sent -> accepted" on 2xx; "sent -> failed"
// when it never left; "sent -> refused" on a clear no, or "sent -> abandoned"
// when an end was over by then; else the attempt stays sent and waits for proof.
func (t Transfer) Answer(o Outcome, b Board, now time.Time) Transfer {
	if t.Phase != Sent || !t.Answered.IsZero() {
		return t
	}
	t.Answered, t.RequestID = now, o.RequestID
	t.Status, t.Code = o.Status, o.Code
	switch {
	case o.Accepted:
		t.Phase, t.Accepted, t.Status, t.Code = Accepted, now, 0, ""
		return t
	case o.Unsent:
		if o.Status == 429 {
			t.Reason = ReasonHeldBack
		}
		return t.settle(Failed, b, now)
	case o.refused():
		if t.over(b) {
			t.Reason = ReasonEnded
			return t.settle(Abandoned, b, now)
		}
		return t.settle(Refused, b, now)
	}
	return t
}

// Observe compares the attempt with a new board. Proof that both own parties
// left, the customer's by AttendedTransfer, confirms it, also when it was
// thought unconfirmed; an end that is over before anything was sent ends it.
func (t Transfer) Observe(b Board, now time.Time) Transfer {
	switch t.Phase {
	case Checking:
		if t.over(b) {
			t.Reason = ReasonEnded
			return t.settle(Abandoned, b, now)
		}
	case Sent, Accepted, Unconfirmed:
		c, okC := b.Leg(t.CustomerSession)
		k, okK := b.Leg(t.ConsultSession)
		if !okC || !okK || !joined(c, k) {
			return t
		}
		if !leadsTo(c, t.ConsultSession) || !leadsTo(k, t.CustomerSession) {
			t.PeerMismatch = true
			if t.Phase != Unconfirmed {
				return t.settle(Unconfirmed, b, now)
			}
			return t
		}
		return t.settle(Confirmed, b, now)
	case PhaseNone, Confirmed, Refused, Failed, Abandoned:
	}
	return t
}

// joined reports whether the legs' own parties both left, the customer's by an
// attended transfer.
func joined(c, k Leg) bool {
	return c.State == telephony.Gone && c.Reason == telephony.ReasonAttendedTransfer && !c.Alive() && !k.Alive()
}

// leadsTo reports whether the leg went to that session, as far as RingCentral
// says where it went: a legacy number names a session that cannot be compared.
func leadsTo(l Leg, sessionID string) bool {
	legacy := strings.Trim(l.Peer.SessionID, "0123456789") == ""
	return legacy || l.Peer.SessionID == sessionID
}

// Tick moves an attempt that waits for proof: first to doubt (both sessions are
// to be read again), then to a named end. A request that RingCentral failed
// (5xx) is refused once reads long enough after it show both parties in place.
func (t Transfer) Tick(b Board, now time.Time, timing Timing) Transfer {
	at, ok := t.Deadline(timing)
	if !ok || now.Before(at) {
		return t
	}
	if t.Doubted.IsZero() {
		t.Doubted = now
		return t
	}
	c, _ := b.Leg(t.CustomerSession)
	k, _ := b.Leg(t.ConsultSession)
	if t.Status >= 500 && t.inPlace(c, k, timing) {
		return t.settle(Refused, b, now)
	}
	return t.settle(Unconfirmed, b, now)
}

// Deadline is when Tick has something to do; ok is false when it never has.
func (t Transfer) Deadline(timing Timing) (at time.Time, ok bool) {
	switch {
	case t.Phase != Sent && t.Phase != Accepted:
		return time.Time{}, false
	case !t.Doubted.IsZero():
		return t.Doubted.Add(timing.ProofAfterDoubt), true
	case !t.Answered.IsZero():
		return t.Answered.Add(timing.ProofAfterAnswer), true
	}
	return t.Sent.Add(timing.ProofAfterSend), true
}

// Resume is what becomes of an unsettled attempt that another process left:
// what was never sent has failed, what may have been sent is doubted at once
// and settled by reading. Nothing is ever sent again.
func (t Transfer) Resume(b Board, now time.Time) Transfer {
	switch t.Phase {
	case Checking:
		t.Reason = ReasonRestart
		return t.settle(Failed, b, now)
	case Sent, Accepted:
		t.Doubted = now
	case PhaseNone, Confirmed, Refused, Failed, Unconfirmed, Abandoned:
	}
	return t
}

func (t Transfer) settle(p Phase, b Board, now time.Time) Transfer {
	t.Phase, t.Settled = p, now
	c, _ := b.Leg(t.CustomerSession)
	k, _ := b.Leg(t.ConsultSession)
	t.CustomerAlive, t.ConsultAlive = t.lives(c, t.CustomerParty), t.lives(k, t.ConsultParty)
	t.CustomerHeld = t.CustomerAlive && c.OnHold()
	return t
}

// lives reports whether the leg is still the party that the attempt named.
func (t Transfer) lives(l Leg, partyID string) bool {
	return l.SessionID != "" && l.Alive() && !l.Moving() && l.PartyID == partyID
}

// over reports whether an end was seen and is over.
func (t Transfer) over(b Board) bool {
	for _, id := range [...]string{t.CustomerSession, t.ConsultSession} {
		if l, ok := b.Leg(id); ok && !l.Alive() {
			return true
		}
	}
	return false
}

// inPlace reports whether reads requested long enough after the answer show
// both own parties alive: the bridge was not made.
func (t Transfer) inPlace(c, k Leg, timing Timing) bool {
	if t.Answered.IsZero() && t.Sent.IsZero() {
		return false
	}
	ended := t.Answered
	if ended.IsZero() {
		ended = t.Sent.Add(timing.ProofAfterSend)
	}
	after := func(l Leg) bool { return !l.Far.Read.Before(ended.Add(timing.PressAfter)) }
	return t.lives(c, t.CustomerParty) && t.lives(k, t.ConsultParty) && after(c) && after(k)
}

// blocks is why the attempt stands in the way of a press on these ends: while it
// is under way, of either call; unconfirmed, of both calls in either role, by
// whichever party of the owner's.
func (t Transfer) blocks(e Ends, b Board, timing Timing) Reason {
	customer, consult := e.Names(t.CustomerSession), e.Names(t.ConsultSession)
	switch t.Phase {
	case Checking, Sent, Accepted:
		if customer || consult {
			return ReasonJoining
		}
	case Unconfirmed, Confirmed:
		if !customer || !consult {
			return ReasonNone
		}
		c, _ := b.Leg(t.CustomerSession)
		k, _ := b.Leg(t.ConsultSession)
		switch {
		case t.Phase == Confirmed, !t.lives(c, t.CustomerParty), !t.lives(k, t.ConsultParty):
			return ReasonLeft
		case !t.inPlace(c, k, timing):
			return ReasonUnconfirmedStill
		}
	case PhaseNone, Refused, Failed, Abandoned:
	}
	return ReasonNone
}
