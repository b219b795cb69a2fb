package board

import (
	"slices"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Pairing keeps which two legs of a board a transfer would join. The zero value
// is no pair. It is a value: Next and Choose return the one that follows.
type Pairing struct {
	Pair *Pair `json:"pair,omitempty"`
}

// pairable reports whether a leg may be an end of a pair at all.
func pairable(l Leg) bool { return l.Alive() && !l.Supervising && !l.Conference }

// Takes reports whether leg k may take the call of customer leg c: the owner
// placed k after c began, or k's far side is a colleague and no queue sent it.
// It does not look at states.
func Takes(c, k Leg) bool {
	if c.SessionID == k.SessionID {
		return false
	}
	placedAfter := k.Direction == telephony.Outbound && k.Began.After(c.Began)
	return placedAfter || k.Far.Internal && !k.QueueCall
}

// roles splits the legs that may be paired: a leg that may take the call of
// some other leg is a consult candidate, every other one is a customer leg.
func roles(b Board) (customers, consults []Leg) {
	var legs []Leg
	for _, l := range b.Legs {
		if pairable(l) {
			legs = append(legs, l)
		}
	}
	for _, k := range legs {
		if slices.ContainsFunc(legs, func(c Leg) bool { return Takes(c, k) }) {
			consults = append(consults, k)
		} else {
			customers = append(customers, k)
		}
	}
	return customers, consults
}

// Next is the pairing after the board has changed. A bound pair stays bound to
// its session ids through swap, hold and other calls, until one end is over, or
// the colleague in a pair that nobody chose has put an outside caller there.
// Otherwise a pair is offered only when it is the only one possible: one
// customer leg on hold, no other customer answered, one consult candidate.
func (p Pairing) Next(b Board, now time.Time) Pairing {
	if p.Pair != nil && p.Pair.Bound {
		c, okC := b.Leg(p.Pair.CustomerSession)
		k, okK := b.Leg(p.Pair.ConsultSession)
		if okC && okK && pairable(c) && pairable(k) && (p.Pair.Why == WhyChosen || Takes(c, k)) {
			next := *p.Pair
			next.CustomerParty, next.ConsultParty = c.PartyID, k.PartyID
			return Pairing{Pair: next.with(c, k, now)}
		}
	}
	c, k, ok := only(b)
	if !ok {
		return Pairing{}
	}
	next := Pair{Ends: ends(c, k), Why: WhyOnly, Formed: now}
	if k.Direction != telephony.Outbound {
		next.Why = WhyColleague
	}
	next.Bound = c.OnHold() && k.Far.State == FarAnswered && answered(k)
	if p.Pair != nil && p.Pair.Ends == next.Ends {
		next.Revision = p.Pair.Revision
		next.Customer, next.Consult = p.Pair.Customer, p.Pair.Consult
		if p.Pair.Bound == next.Bound {
			next.Formed = p.Pair.Formed
		}
	}
	return Pairing{Pair: next.with(c, k, now)}
}

// with is the pair with the people who are at its far sides now.
func (p Pair) with(c, k Leg, now time.Time) *Pair {
	if !p.Customer.may(who(c)) || !p.Consult.may(who(k)) {
		p.Revision, p.Formed = 0, now
	}
	p.Customer, p.Consult = p.Customer.now(who(c)), p.Consult.now(who(k))
	p.TwoOutside = twoOutside(c, k)
	return &p
}

// only finds the one customer and the one consult that a transfer could mean.
// A call that only rings in does not count, neither a customer's nor, beside a
// consult, a colleague's: a new call never takes a pair over.
func only(b Board) (c, k Leg, ok bool) {
	customers, consults := roles(b)
	customers = slices.DeleteFunc(customers, func(l Leg) bool { return !answered(l) })
	if len(consults) > 1 {
		consults = slices.DeleteFunc(consults, func(l Leg) bool { return l.Direction != telephony.Outbound && !answered(l) })
	}
	if len(customers) != 1 || len(consults) != 1 || !customers[0].OnHold() || !Takes(customers[0], consults[0]) {
		return Leg{}, Leg{}, false
	}
	return customers[0], consults[0], true
}

// answered reports whether the owner's own party is connected.
func answered(l Leg) bool { return l.State == telephony.Answered || l.State == telephony.Hold }

func ends(c, k Leg) Ends {
	return Ends{CustomerSession: c.SessionID, CustomerParty: c.PartyID, ConsultSession: k.SessionID, ConsultParty: k.PartyID}
}

func twoOutside(c, k Leg) bool { return !c.Far.Internal && !k.Far.Internal }

// Choose binds the two legs that the agent chose by name. It refuses with a
// reason what can never be a pair.
func (p Pairing) Choose(b Board, customerSession, consultSession string, now time.Time) (Pairing, Reason) {
	if customerSession == consultSession {
		return p, ReasonSameCall
	}
	c, okC := b.Leg(customerSession)
	k, okK := b.Leg(consultSession)
	if !okC || !okK || !c.Alive() || !k.Alive() {
		return p, ReasonEnded
	}
	for _, l := range []Leg{c, k} {
		if r := cannotPair(l); r != ReasonNone {
			return p, r
		}
	}
	chosen := Pair{Ends: ends(c, k), Why: WhyChosen, Bound: true, Formed: now}
	return Pairing{Pair: chosen.with(c, k, now)}, ReasonNone
}

// cannotPair is why a live leg can be neither end of a pair.
func cannotPair(l Leg) Reason {
	switch {
	case l.Supervising:
		return ReasonSupervising
	case l.Conference:
		return ReasonConference
	case l.Moving():
		return ReasonMoving
	case !answered(l) && l.Direction != telephony.Outbound:
		return ReasonNotAnswered
	}
	return ReasonNone
}

// Choices is what the picker offers when nothing may be guessed: at least two
// live legs that could be ends, and no pair. A leg may stand on both sides.
func (p Pairing) Choices(b Board) []Choice {
	if p.Pair != nil {
		return nil
	}
	var choices []Choice
	could := 0
	for _, l := range b.Legs {
		if !l.Alive() {
			continue
		}
		c := Choice{SessionID: l.SessionID, PartyID: l.PartyID, Not: cannotPair(l)}
		if c.Not == ReasonNone {
			could++
			c.Customer = answered(l)
			c.Consult = true
		}
		choices = append(choices, c)
	}
	if could < 2 {
		return nil
	}
	customers, consults := roles(b)
	if waitsForHold(customers, consults) {
		return nil
	}
	for i := range choices {
		id := choices[i].SessionID
		is := func(l Leg) bool { return l.SessionID == id }
		choices[i].LikelyCustomer = slices.ContainsFunc(customers, is)
		choices[i].LikelyConsult = slices.ContainsFunc(consults, is)
	}
	return choices
}

// Ready says whether the pair may be completed now. attempt is the newest
// attempt on these ends or under way on one of them, if any; timing is filled.
func (p Pairing) Ready(b Board, attempt *Transfer, timing Timing) Readiness {
	if p.Pair == nil {
		return whyNoPair(b, p)
	}
	c, okC := b.Leg(p.Pair.CustomerSession)
	k, okK := b.Leg(p.Pair.ConsultSession)
	if !okC || !c.Alive() {
		return Readiness{Reason: ReasonEnded, SessionID: p.Pair.CustomerSession}
	}
	if !okK || !k.Alive() {
		return Readiness{Reason: ReasonEnded, SessionID: p.Pair.ConsultSession}
	}
	if c.SessionID == k.SessionID {
		return Readiness{Reason: ReasonSameCall, SessionID: c.SessionID}
	}
	if attempt != nil {
		if r := attempt.blocks(p.Pair.Ends, b, timing); r != ReasonNone {
			return Readiness{Reason: r}
		}
	}
	// The consult first: while it rings, that is what the agent waits for.
	for _, l := range []Leg{k, c} {
		if r := notReady(l); r != ReasonNone {
			return Readiness{Reason: r, SessionID: l.SessionID}
		}
	}
	if !c.OnHold() && !k.OnHold() {
		return Readiness{Reason: ReasonNotHeld, SessionID: c.SessionID}
	}
	return Readiness{Ready: true}
}

// notReady is why one end cannot be joined now.
func notReady(l Leg) Reason {
	if r := cannotPair(l); r != ReasonNone {
		return r
	}
	if l.Unsure {
		return ReasonUnsure
	}
	switch l.Far.State {
	case FarAnswered:
	case FarRinging:
		return ReasonConsultRinging
	case FarWaiting:
		return ReasonFarWaiting
	case FarHolding:
		return ReasonFarHolding
	case FarVoicemail:
		return ReasonFarVoicemail
	case FarFax:
		return ReasonFarFax
	case FarParked:
		return ReasonFarParked
	case FarSeveral:
		return ReasonFarSeveral
	case FarLeft:
		return ReasonFarLeft
	case FarOther:
		return ReasonFarOther
	case FarUnknown:
		return ReasonFarUnknown
	}
	if !answered(l) {
		return ReasonConsultRinging
	}
	return ReasonNone
}

// waitsForHold reports whether one customer and one consult would pair, were
// the customer on hold.
func waitsForHold(customers, consults []Leg) bool {
	return len(customers) == 1 && len(consults) == 1 &&
		customers[0].State == telephony.Answered && !consults[0].OnHold() && Takes(customers[0], consults[0])
}

// whyNoPair is what stands between the board and a pair.
func whyNoPair(b Board, p Pairing) Readiness {
	switch b.Alive() {
	case 0:
		return Readiness{Reason: ReasonNoCall}
	case 1:
		return Readiness{Reason: ReasonOneCall}
	}
	customers, consults := roles(b)
	switch {
	case waitsForHold(customers, consults):
		return Readiness{Reason: ReasonNotHeld, SessionID: customers[0].SessionID}
	case len(p.Choices(b)) == 0:
		return Readiness{Reason: ReasonOneCall}
	case len(consults) == 0 && len(customers) == 2:
		return Readiness{Reason: ReasonTwoOutside}
	}
	return Readiness{Reason: ReasonChoose}
}
