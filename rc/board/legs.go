package board

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Board returns all legs as they are at now: those that live, and those that
// ended within the last minute. A leg that an earlier board showed alive stays
// for a minute after the first board that shows it over, however late its end
// became known.
func (s *State) Board(now time.Time) Board {
	var b Board
	for _, sess := range s.sessions {
		l, ok := s.leg(sess, now)
		switch {
		case !ok:
			continue
		case l.Alive():
			sess.shown, sess.over = true, time.Time{}
		case sess.over.IsZero() && sess.shown:
			sess.over = later(now, l.Ended)
		case sess.over.IsZero():
			sess.over = l.Ended
		}
		if l.Alive() || now.Sub(sess.over) < s.timing.KeepEnded {
			b.Legs = append(b.Legs, l)
		}
	}
	slices.SortFunc(b.Legs, func(a, b Leg) int {
		return cmp.Or(a.Began.Compare(b.Began), cmp.Compare(a.SessionID, b.SessionID))
	})
	return b
}

// NextChange is when a board changes by the passing of time alone: a leg that
// moves is given up, an ended leg leaves. ok is false when nothing is pending.
func (s *State) NextChange(now time.Time) (at time.Time, ok bool) {
	for _, sess := range s.sessions {
		p := sess.mine(s)
		if p == nil || p.folded.ended.IsZero() {
			continue
		}
		leaves := cmp.Or(sess.over, p.folded.ended).Add(s.timing.KeepEnded)
		for _, t := range [...]time.Time{p.folded.ended.Add(s.timing.MovingFor), leaves} {
			if t.After(now) && (!ok || t.Before(at)) {
				at, ok = t, true
			}
		}
	}
	return at, ok
}

// mine is the owner's party in the session: the live one, the highest n when
// several; else the one that ended last.
func (sess *session) mine(s *State) *party {
	var mine *party
	for _, p := range sess.parties {
		switch {
		case !p.folded.seen || !s.owns(p.folded.party.ExtensionID):
		case mine == nil, p.folded.ended.IsZero(), !mine.folded.ended.IsZero() && p.folded.ended.After(mine.folded.ended):
			mine = p
		}
	}
	return mine
}

func (s *State) leg(sess *session, now time.Time) (Leg, bool) {
	p := sess.mine(s)
	if p == nil {
		return Leg{}, false
	}
	f := &p.folded
	l := Leg{
		SessionID: sess.id, PartyID: p.id, Direction: f.party.Direction,
		State: f.party.Status.Code, Reason: f.party.Status.Reason, Peer: f.party.Status.Peer,
		Began: sess.began, Since: f.since, Answered: f.answered, Held: f.held, HeldUntil: f.unheld, Ended: f.ended,
		Queue:       f.party.QueueName,
		QueueCall:   f.party.QueueCall != nil && *f.party.QueueCall,
		Muted:       f.party.Muted != nil && *f.party.Muted,
		Conference:  f.party.ConferenceRole != "" || strings.EqualFold(sess.origin, "Conference"),
		Supervising: f.party.Status.Reason == telephony.ReasonSupervising,
		Unsure:      sess.read.unsure,
		ParkData:    f.party.Status.ParkData,
	}
	if l.State == telephony.CodeUnknown {
		l.Word = f.party.Status.Word
	}
	if until := f.ended.Add(s.timing.MovingFor); !f.ended.IsZero() && moves(f.party.Status.Reason) && now.Before(until) {
		l.MovingUntil, l.Ended = until, time.Time{}
	}
	l.Far = sess.far(s, p)
	return l, true
}

// moves reports whether a party that left for this reason lives on as another
// party of the same owner.
func moves(reason string) bool {
	return reason == telephony.ReasonPickup || reason == telephony.ReasonCallSwitch
}

// far is the other side: every party that is not the owner's, not terminal and
// not supervising. Without a read or an event about one of them nothing is
// known but whom the owner's own party is from or to.
func (sess *session) far(s *State, mine *party) Far {
	end := mine.folded.party.From
	if mine.folded.party.Direction == telephony.Outbound {
		end = mine.folded.party.To
	}
	far := Far{Name: end.Name, Number: end.PhoneNumber, ExtensionID: end.ExtensionID, Read: sess.read.requested}
	far.Internal = internal(far)

	var one *party // the far party to speak of
	seen, live, ringing := false, 0, 0
	for _, p := range sess.parties {
		f := &p.folded
		if !f.seen || s.owns(f.party.ExtensionID) || f.party.Status.Reason == telephony.ReasonSupervising {
			continue
		}
		seen = true
		if !f.ended.IsZero() {
			continue
		}
		live++
		if farState(f.party.Status) == FarRinging {
			ringing++
		}
		if one == nil || farState(one.folded.party.Status) == FarRinging {
			one = p
		}
	}
	switch {
	case live-ringing > 1:
		far.State = FarSeveral // a mailbox is somebody too
		return far
	case live == 1, live-ringing == 1:
		far.State = farState(one.folded.party.Status) // the other phones of a queue may ring on
	case live > 1:
		far.State = FarRinging
		return far
	case seen && mine.folded.ended.IsZero():
		far.State = FarLeft
		return far
	case !sess.read.answered.IsZero():
		far.State = FarWaiting
		return far
	default:
		return far
	}
	f := &one.folded
	far.PartyID, far.Since, far.Answered = one.id, f.since, f.answered
	far.identify(one.person(s.owner))
	return far
}

// person is who a far party is, by its own word.
func (p *party) person(owner Owner) Far {
	end := p.folded.party.To
	if p.folded.party.Direction == telephony.Outbound {
		end = p.folded.party.From
	}
	who := Far{Name: end.Name, Number: end.PhoneNumber}
	if p.folded.party.AccountID == "" || p.folded.party.AccountID == owner.AccountID {
		who.ExtensionID = p.folded.party.ExtensionID
	}
	return who
}

// identify says who the one far party is. The owner's own from and to, which f
// has so far, tell whom the owner dialled or who rang; that is somebody else once
// a queue, or a transfer by the other side, has put another person there.
func (f *Far) identify(who Far) {
	var same bool
	switch {
	case f.ExtensionID != "" && who.ExtensionID != "":
		same = f.ExtensionID == who.ExtensionID
	case f.Number != "" && who.Number != "":
		same = f.Number == who.Number
	default:
		same = f.ExtensionID == ""
	}
	if !same {
		f.Name, f.Number, f.ExtensionID = "", "", ""
	}
	f.Name = cmp.Or(f.Name, who.Name)
	f.Number = cmp.Or(f.Number, who.Number)
	f.ExtensionID = cmp.Or(f.ExtensionID, who.ExtensionID)
	f.Internal = internal(*f)
}

// internal reports whether the far side is an extension of the owner's account:
// RingCentral names its extension, or its number is a short one.
func internal(f Far) bool {
	short := f.Number != "" && len(f.Number) <= 6 && strings.Trim(f.Number, "0123456789") == ""
	return f.ExtensionID != "" || short
}

func farState(s telephony.Status) FarState {
	switch s.Code {
	case telephony.Setup, telephony.Proceeding:
		return FarRinging
	case telephony.Answered:
		return FarAnswered
	case telephony.Hold:
		return FarHolding
	case telephony.VoiceMail, telephony.VoiceMailScreening:
		return FarVoicemail
	case telephony.FaxReceive:
		return FarFax
	case telephony.Parked:
		return FarParked
	case telephony.Disconnected, telephony.Gone:
		return FarLeft
	case telephony.CodeUnknown, telephony.Tds:
		return FarOther
	}
	return FarOther
}
