package rcsim

import "slices"

// Hold and mute (API sheet 4.2).

// farReady reports whether the other side of a call can be put on hold: somebody is there, it is not ringing and it is
// not a mailbox or the main-number prompt.
func farReady(p *party) bool {
	if p.early || (p.solo && p.s.conf == nil) {
		return false
	}
	return !slices.ContainsFunc(p.s.live(), func(o *party) bool {
		return o != p && (o.ringing() || o.code == codeVoiceMail)
	})
}

// hold: Answered -> Hold, by REST or by the phone; the two are independent. A second hold of the other kind is no change.
func (e *engine) hold(p *party, rest bool) error {
	flag := &p.deviceHold
	if rest {
		flag = &p.restHold
	}
	if *flag || p.early || (p.code != codeAnswered && p.code != codeHold) || (rest && !farReady(p)) {
		return wrongState("hold", p)
	}
	*flag = true
	if rest && e.opt.Assume.HoldStandAlone {
		p.standAlone = true
	}
	if p.code != codeHold {
		e.turn(p, codeHold, "")
	}
	return nil
}

// unhold: Hold -> Answered when no hold is left. REST cannot undo a hold made on a phone.
func (e *engine) unhold(p *party, rest bool) error {
	switch {
	case !p.alive(),
		rest && p.code != codeHold,
		!rest && !p.deviceHold:
		return wrongState("unhold", p)
	case rest:
		p.restHold = false
	default:
		p.deviceHold = false
	}
	if p.code == codeAnswered || (p.held() && (!rest || !e.opt.Assume.UnholdShowsAnswered)) {
		return nil
	}
	if !rest {
		e.holdOthers(p.user, p.s)
	}
	p.standAlone = false
	e.turn(p, codeAnswered, "")
	return nil
}

// holdOthers is what a phone does before it talks: it holds its other call. What it only listens to stays.
func (e *engine) holdOthers(u *User, except *session) {
	if e.opt.NoAutoHold || u == nil {
		return
	}
	for _, p := range e.onPhone(u.ID) {
		if p.s != except && p.code == codeAnswered && p.established() {
			_ = e.hold(p, false)
		}
	}
}

// mute sets the party's mute and says so.
func (e *engine) mute(p *party, on bool) error { return e.set(p, on, p.standAlone) }

// set mutes a party or not, detaches it from the voices of its call or not, and says so when that changed anything.
func (e *engine) set(p *party, muted, standAlone bool) error {
	if p.code != codeAnswered && p.code != codeHold {
		return wrongState("mute", p)
	}
	if p.muted != muted || p.standAlone != standAlone {
		p.muted, p.standAlone = muted, standAlone
		e.turn(p, p.code, p.reason)
	}
	return nil
}
