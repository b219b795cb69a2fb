package board

import (
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Watch follows one extension: its State, the Board made of it, and what only
// the comparison of two boards tells (who left, what was joined). An agent's
// own desk and each colleague on a supervisor's page are one Watch each.
type Watch struct {
	State   *State
	Board   Board
	Pairing Pairing
	Rescue  *Rescue // a customer on hold whose consult failed
	Last    *Joined // the newest joined pair
	recent  Ends    // the newest pair, also when it is over
	consult Leg     // its consult, as it was seen last
}

// Rescue is a customer who waits alone on hold after a consult came to nothing.
type Rescue struct {
	SessionID string     `json:"session"` // the customer's
	Cause     NoticeCode `json:"cause"`   // NoticeConsultLeft or NoticeConsultNone
	Consult   Far        `json:"consult"`
	At        time.Time  `json:"at"`
}

// Happening is something that a change of the board means.
type Happening struct {
	Code       NoticeCode // NoticeCustomerLeft, NoticeConsultLeft, NoticeConsultNone, NoticeMissed; NoticeElsewhere when the pair was joined
	Back       bool       // instead of Code: the consult is over, and the owner is with the customer again
	Leg, Other Leg        // whom it is about, and the other end of the pair
}

// NewWatch follows an extension that has no calls yet.
func NewWatch(owner Owner, timing Timing) *Watch { return &Watch{State: NewState(owner, timing)} }

// JoinedUntil is when the newest joined pair is forgotten; ok is false when
// there is none.
func (w *Watch) JoinedUntil() (at time.Time, ok bool) {
	if w.Last == nil {
		return time.Time{}, false
	}
	return w.Last.At.Add(w.State.timing.JoinedFor), true
}

// Name sets what the owner is called; the extension stays.
func (w *Watch) Name(extensionNumber, name string) {
	w.State.owner.ExtensionNumber, w.State.owner.Name = extensionNumber, name
}

// Step makes the board of now from the state, moves the pairing and reports
// what happened since the step before.
func (w *Watch) Step(now time.Time) []Happening {
	old, pair := w.Board, w.Pairing.Pair
	w.Board = w.State.Board(now)
	w.Pairing = w.Pairing.Next(w.Board, now)

	var happened []Happening
	for _, l := range w.Board.Legs {
		was, ok := old.Leg(l.SessionID)
		if !ok || !was.Alive() || l.Alive() {
			continue
		}
		if h, ok := w.ended(was, l, pair); ok {
			happened = append(happened, h)
		}
	}
	if w.join(now) {
		happened = append(happened, Happening{Code: NoticeElsewhere, Leg: w.Last.Customer, Other: w.Last.Consult})
	}
	if h, ok := w.back(); ok {
		happened = append(happened, h)
	}
	w.rescue()
	return happened
}

// back sees the newest pair come to nothing: its consult is over, and the
// customer is off hold.
func (w *Watch) back() (Happening, bool) {
	if k, ok := w.Board.Leg(w.recent.ConsultSession); ok {
		w.consult = k
	}
	c, ok := w.Board.Leg(w.recent.CustomerSession)
	k := w.consult
	if !ok || !c.Alive() || c.State != telephony.Answered || k.SessionID != w.recent.ConsultSession || k.Alive() ||
		k.Reason == telephony.ReasonAttendedTransfer || moves(k.Reason) {
		return Happening{}, false
	}
	w.recent, w.consult = Ends{}, Leg{}
	return Happening{Back: true, Leg: c, Other: k}, true
}

// join sees the newest pair leave by an attended transfer, also when its two
// ends leave in two steps.
func (w *Watch) join(now time.Time) bool {
	if p := w.Pairing.Pair; p != nil {
		w.recent = p.Ends
	}
	if w.Last != nil && now.Sub(w.Last.At) > w.State.timing.JoinedFor {
		w.Last = nil
	}
	c, okC := w.Board.Leg(w.recent.CustomerSession)
	k, okK := w.Board.Leg(w.recent.ConsultSession)
	if okC && okK && joined(c, k) && leadsTo(c, k.SessionID) {
		w.Last = &Joined{Customer: c, Consult: k, At: later(c.Ended, k.Ended)}
		w.recent = Ends{}
		return true
	}
	return false
}

// ended says what it means that a leg is over.
func (w *Watch) ended(was, l Leg, pair *Pair) (Happening, bool) {
	if l.Reason == telephony.ReasonAttendedTransfer || moves(l.Reason) {
		return Happening{}, false
	}
	if c, ok := w.Board.Leg(w.recent.CustomerSession); ok && w.recent.Names(l.SessionID) && c.Reason == telephony.ReasonAttendedTransfer {
		return Happening{}, false // the second end of a transfer may leave without a reason
	}
	h := Happening{Leg: l}
	if pair != nil && pair.Names(l.SessionID) {
		other := pair.CustomerSession
		if other == l.SessionID {
			other = pair.ConsultSession
		}
		h.Other, _ = w.Board.Leg(other)
		if l.SessionID == pair.ConsultSession {
			h.Code = NoticeConsultLeft
			if l.Far.Answered.IsZero() && was.Far.Answered.IsZero() {
				h.Code = NoticeConsultNone
			}
			if h.Other.OnHold() {
				w.Rescue = &Rescue{SessionID: other, Cause: h.Code, Consult: was.Far, At: l.Ended}
			}
			return h, h.Other.Alive() && h.Other.SessionID != ""
		}
	}
	switch {
	case l.LeftOnHold():
		h.Code = NoticeCustomerLeft
		return h, true
	case l.Direction == telephony.Inbound && l.Answered.IsZero():
		h.Code = NoticeMissed
		return h, true
	}
	return Happening{}, false
}

// rescue ends when the customer is no longer on hold or somebody else is
// consulted.
func (w *Watch) rescue() {
	if w.Rescue == nil {
		return
	}
	l, ok := w.Board.Leg(w.Rescue.SessionID)
	if !ok || !l.OnHold() || w.Pairing.Pair != nil {
		w.Rescue = nil
	}
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Alone reports whether a customer is on hold and nobody is being won for them:
// the consult failed, or a voicemail or fax answered it.
func (w *Watch) Alone() (customer Leg, alone bool) {
	if w.Rescue != nil {
		l, ok := w.Board.Leg(w.Rescue.SessionID)
		return l, ok
	}
	p := w.Pairing.Pair
	if p == nil {
		return Leg{}, false
	}
	c, _ := w.Board.Leg(p.CustomerSession)
	k, _ := w.Board.Leg(p.ConsultSession)
	switch k.Far.State {
	case FarVoicemail, FarFax, FarLeft:
		return c, c.OnHold()
	case FarUnknown, FarWaiting, FarRinging, FarAnswered, FarHolding, FarParked, FarSeveral, FarOther:
	}
	return Leg{}, false
}

// Member is the watched extension as a supervisor's page shows it.
func (w *Watch) Member(now time.Time) Member {
	m := Member{Owner: w.State.Owner(), Reported: true, Board: w.Board, Pair: w.Pairing.Pair}
	if w.Last != nil && now.Sub(w.Last.At) <= w.State.timing.JoinedFor {
		m.Last = w.Last
	}
	m.Stage, m.Since = w.stage(m.Last)
	return m
}

func (w *Watch) stage(last *Joined) (Stage, Since) {
	if c, ok := w.Alone(); ok {
		return StageAlone, c.Held
	}
	if p := w.Pairing.Pair; p != nil {
		c, _ := w.Board.Leg(p.CustomerSession)
		k, _ := w.Board.Leg(p.ConsultSession)
		if c.Alive() && k.Alive() {
			if k.Far.State == FarAnswered && answered(k) {
				return StageConsulting, k.Far.Answered
			}
			return StageConsultRinging, Since{Time: k.Began}
		}
	}
	var held, talking, ringing *Leg
	for i, l := range w.Board.Legs {
		switch {
		case !l.Alive():
		case l.OnHold() && (held == nil || l.Held.Time.Before(held.Held.Time)):
			held = &w.Board.Legs[i]
		case answered(l) && talking == nil:
			talking = &w.Board.Legs[i]
		case ringing == nil:
			ringing = &w.Board.Legs[i]
		}
	}
	switch {
	case held != nil:
		return StageHolding, held.Held
	case talking != nil:
		return StageTalking, talking.Answered
	case ringing != nil:
		return StageRinging, Since{Time: ringing.Began}
	case last != nil:
		return StageJoined, Since{Time: last.At}
	}
	return StageFree, Since{}
}
