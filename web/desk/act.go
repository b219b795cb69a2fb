package desk

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/web/problem"
)

// asked is a request whose effect was not reported yet.
type asked struct {
	board.Asked
	reread bool
}

// act does what a press asks for, or returns a problem when its claim does not
// hold. done is called once, when the press has come as far as it will come by
// itself; it is not called when a problem is returned.
func (d *desk) act(c board.Claim, done func()) error {
	switch c.Action {
	case board.ActionComplete:
		return d.complete(c, done)
	case board.ActionBack:
		return d.back(c, done)
	case board.ActionChoose:
		return d.choose(c, done)
	case board.ActionHold, board.ActionUnhold, board.ActionHangUp, board.ActionReread:
		return d.control(c, done)
	}
	return problem.NewBadRequest("action", nil)
}

// control is hold, unhold, hang up and re-read: one leg, which the press names.
func (d *desk) control(c board.Claim, done func()) error {
	if c.Action == board.ActionReread && c.SessionID == "" {
		d.rereadAll(done)
		return nil
	}
	if !d.own.State.Owns(c.SessionID, c.PartyID) {
		return problem.NewNotFound(errors.New("a leg that is not the person's"))
	}
	l, ok := d.own.Board.Leg(c.SessionID)
	if !ok || !l.Alive() || l.PartyID != c.PartyID {
		return d.changed(c.SessionID, c.Action)
	}
	if c.Action == board.ActionReread {
		d.check([]string{c.SessionID}, func(err error) {
			if err != nil {
				d.notChecked(c.SessionID, c.Action, err)
			}
			done()
		})
		return nil
	}
	if !d.free(c.SessionID, c.Action) {
		done()
		return nil
	}
	finish := func() {
		delete(d.busy, c.SessionID)
		done()
	}
	d.begin(c.SessionID, c.Action)
	if c.Action == board.ActionHangUp {
		d.hangUp(c.SessionID, c.PartyID, func(bool) { finish() })
		return nil
	}
	send := func() {
		l, ok := d.own.Board.Leg(c.SessionID)
		switch {
		case !ok || !l.Alive() || l.PartyID != c.PartyID:
			d.refuse(board.NoticeChanged, c.SessionID, c.Action)
			finish()
		case c.Action == board.ActionHold && l.OnHold(), c.Action == board.ActionUnhold && l.State == telephony.Answered:
			finish() // it is so already
		default:
			d.request(c.Action, l, finish)
		}
	}
	d.trusting([]string{c.SessionID}, c.Action, send, finish)
	return nil
}

// begin marks a request for a session as under way, and takes away what was
// said of an earlier one.
func (d *desk) begin(sessionID string, a board.Action) {
	d.busy[sessionID] = a
	d.clear(sessionID, board.NoticeActionRefused, board.NoticeActionUnsent, board.NoticeActionUnseen, board.NoticePressHold, board.NoticeHangUpOnPhone)
}

// trusting runs do on a board that may be decided from: at once, or, when it is
// old news, after reads made for this press. When those fail nothing is sent,
// the first of the sessions says so, and give is run instead.
func (d *desk) trusting(sessions []string, a board.Action, do, give func()) {
	if !d.stale() {
		do()
		return
	}
	d.check(sessions, func(err error) {
		if err != nil {
			d.notChecked(sessions[0], a, err)
			give()
			return
		}
		do()
	})
}

// rereadAll asks RingCentral which calls there are, and reads each of them.
func (d *desk) rereadAll(done func()) {
	d.async(func(ctx context.Context) func() {
		p, err := renewed(ctx, d, d.ownPresence)
		return func() {
			if err != nil {
				d.log.Info("presence not read", "err", err)
			}
			sessions := d.own.State.Observe(p, d.now())
			for _, l := range d.own.Board.Legs {
				if l.Alive() && !slices.Contains(sessions, l.SessionID) {
					sessions = append(sessions, l.SessionID)
				}
			}
			d.check(sessions, func(failed error) {
				if failed = cmp.Or(err, failed); failed != nil {
					d.notChecked("", board.ActionReread, failed)
				}
				done()
			})
		}
	})
}

// notChecked says beside the call that the reads made for a press failed, and
// for how long RingCentral takes no more when that is why.
func (d *desk) notChecked(sessionID string, a board.Action, err error) {
	l, _ := d.own.Board.Leg(sessionID)
	d.notice(board.NoticeCheckFailed, sessionID, board.Args{Action: a, Name: l.Far.Name, Number: l.Far.Number, CustomerHeld: l.OnHold(), For: heldBack(err)})
}

// heldBack is how long the usage limits keep a refused request waiting; 0 when
// something else refused it.
func heldBack(err error) time.Duration {
	e, ok := errors.AsType[*rc.Error](err)
	if !ok || e.Status != http.StatusTooManyRequests {
		return 0
	}
	return max(e.RetryAfter, time.Second)
}

// free reports whether a request may be sent for a session now: none is under
// way, and no transfer joins it. It says so on the page when not.
func (d *desk) free(sessionID string, a board.Action) bool {
	if t := d.unsettled(); t != nil && t.Names(sessionID) {
		d.refuse(board.NoticeJoining, sessionID, a)
		return false
	}
	if d.busy[sessionID] != "" {
		d.refuse(board.NoticeBusy, sessionID, a)
		return false
	}
	return true
}

// request sends hold or unhold; then runs when RingCentral has answered.
func (d *desk) request(a board.Action, l board.Leg, then func()) {
	d.async(func(ctx context.Context) func() {
		_, err := renewed(ctx, d, func(ctx context.Context) (telephony.Party, error) {
			if a == board.ActionHold {
				return d.caller.Hold(ctx, l.SessionID, l.PartyID)
			}
			return d.caller.Unhold(ctx, l.SessionID, l.PartyID)
		})
		return func() {
			d.answered(a, l, err)
			then()
		}
	})
}

// answered notes RingCentral's answer to a control action: accepted is asked,
// not done.
func (d *desk) answered(a board.Action, l board.Leg, err error) {
	record := action{Action: a, SessionID: l.SessionID, PartyID: l.PartyID}
	args := board.Args{Action: a, Name: l.Far.Name, Number: l.Far.Number}
	now, _ := d.own.Board.Leg(l.SessionID)
	args.CustomerHeld = now.OnHold()
	args.For = heldBack(err)
	if e, ok := errors.AsType[*rc.Error](err); ok {
		record.Status, record.Code, record.RequestID, record.Unsent = e.Status, e.Code, e.RequestID, e.Unsent
		args.Status, args.Code, args.RequestID = e.Status, e.Code, e.RequestID
	}
	d.write(kindAction, "", record, nil)
	switch {
	case err == nil:
		d.asked = append(d.asked, asked{Asked: board.Asked{Action: a, SessionID: l.SessionID, At: d.now()}})
		return
	case rc.Unsent(err):
		d.notice(board.NoticeActionUnsent, l.SessionID, args)
	case a == board.ActionUnhold && record.Status >= 400 && record.Status < 500 && record.Status != http.StatusUnauthorized && record.Status != http.StatusTooManyRequests:
		d.notice(board.NoticePressHold, l.SessionID, args)
	case record.Status != 0:
		d.notice(board.NoticeActionRefused, l.SessionID, args)
	default:
		d.asked = append(d.asked, asked{Asked: board.Asked{Action: a, SessionID: l.SessionID, At: d.now()}})
	}
	d.log.Warn("control action", "action", a, "session", l.SessionID, "err", err)
	if record.Code == codeAppScope || record.Code == codeUserRole {
		d.deny(whatControl, err)
	}
	d.own.State.Learn(l.SessionID)
}

// hangUp drops a session, after a read made for this press that shows the
// person's own party alive and at most one other. then hears whether the call
// is over or on its way to be.
func (d *desk) hangUp(sessionID, partyID string, then func(over bool)) {
	d.hangUpWith(sessionID, partyID, true, then)
}

// hangUpWith is hangUp; mayRenew says whether it may begin again, reads
// included, with another access token.
func (d *desk) hangUpWith(sessionID, partyID string, mayRenew bool, then func(over bool)) {
	d.check([]string{sessionID}, func(err error) {
		l, known := d.own.Board.Leg(sessionID)
		switch {
		case err != nil:
			d.notChecked(sessionID, board.ActionHangUp, err)
			then(false)
		case !known || !l.Alive():
			then(true) // over already
		case l.PartyID != partyID || l.Moving() || d.own.State.Others(sessionID) > 1 || d.joins(sessionID):
			d.refuse(board.NoticeHangUpOnPhone, sessionID, board.ActionHangUp)
			then(false)
		default:
			d.drop(l, mayRenew, then)
		}
	})
}

// drop sends what a read has just allowed. A drop whose access token was refused
// did nothing, but by the time there is another the read is old.
func (d *desk) drop(l board.Leg, mayRenew bool, then func(over bool)) {
	d.async(func(ctx context.Context) func() {
		carry, carried := carrying(ctx)
		err := d.caller.Drop(carry, l.SessionID)
		again := mayRenew && tokenRefused(err)
		if again {
			if failed := d.renew(ctx, *carried); failed != nil {
				again, err = false, failed
			}
		}
		return func() {
			if again {
				d.hangUpWith(l.SessionID, l.PartyID, false, then)
				return
			}
			d.answered(board.ActionHangUp, l, err)
			then(err == nil)
		}
	})
}

// joins reports whether a session is named by a transfer that is under way, may
// have been made, or was: dropping it could end a joined call.
func (d *desk) joins(sessionID string) bool {
	for _, t := range d.attempts {
		if t.Names(sessionID) && (!t.Phase.Settled() || t.Phase == board.Confirmed) {
			return true
		}
	}
	return false
}

// back is Back to customer: end the consult by the rule of hangUp, then take
// the customer off hold. The claim names the pair, or the customer alone when
// no consult is left.
func (d *desk) back(c board.Claim, done func()) error {
	e := c.Ends
	if !d.own.State.Owns(e.CustomerSession, e.CustomerParty) || e.ConsultSession != "" && !d.own.State.Owns(e.ConsultSession, e.ConsultParty) {
		return problem.NewNotFound(errors.New("ends that are not the person's"))
	}
	l, ok := d.own.Board.Leg(e.CustomerSession)
	if !ok || !l.Alive() || l.PartyID != e.CustomerParty {
		return d.changed(e.CustomerSession, board.ActionBack)
	}
	if p := d.own.Pairing.Pair; e.ConsultSession != "" && (p == nil || p.Ends != e) {
		if k, ok := d.own.Board.Leg(e.ConsultSession); ok && k.Alive() {
			return d.changed(e.CustomerSession, board.ActionBack)
		}
		e.ConsultSession, e.ConsultParty = "", "" // it ended while the person pressed
	}
	if !d.free(e.CustomerSession, board.ActionBack) || e.ConsultSession != "" && !d.free(e.ConsultSession, board.ActionBack) {
		done()
		return nil
	}
	sessions := []string{e.CustomerSession}
	d.begin(e.CustomerSession, board.ActionUnhold) // nobody ends the customer's call
	if e.ConsultSession != "" {
		sessions = append(sessions, e.ConsultSession)
		d.begin(e.ConsultSession, board.ActionHangUp)
	}
	finish := func() {
		for _, s := range sessions {
			delete(d.busy, s)
		}
		done()
	}
	unhold := func() {
		l, ok := d.own.Board.Leg(e.CustomerSession)
		switch {
		case !ok || !l.Alive():
			finish() // the customer left meanwhile, and that is said
		case l.PartyID != e.CustomerParty || l.Moving():
			d.refuse(board.NoticeActionUnsent, e.CustomerSession, board.ActionUnhold)
			finish()
		case !l.OnHold():
			finish()
		default:
			d.request(board.ActionUnhold, l, finish)
		}
	}
	endConsult := func() {
		if e.ConsultSession == "" {
			unhold()
			return
		}
		d.hangUp(e.ConsultSession, e.ConsultParty, func(over bool) {
			if !over {
				finish() // the notice says what to do; the customer is still on hold
				return
			}
			unhold()
		})
	}
	d.trusting(sessions, board.ActionBack, endConsult, finish)
	return nil
}

// choose binds the two calls that the agent named.
func (d *desk) choose(c board.Claim, done func()) error {
	if err := d.ownEnds(c.Ends); err != nil {
		return err
	}
	if d.unsettled() != nil {
		d.refuse(board.NoticeJoining, c.Ends.CustomerSession, board.ActionChoose)
		done()
		return nil
	}
	next, why := d.own.Pairing.Choose(d.own.Board, c.Ends.CustomerSession, c.Ends.ConsultSession, d.now())
	if why != board.ReasonNone {
		d.notice(board.NoticeNotReady, c.Ends.CustomerSession, board.Args{Action: board.ActionChoose, Reason: why})
		done()
		return nil
	}
	d.own.Pairing = next
	done()
	return nil
}

// askedFor reports whether an action was asked for a session and is not seen.
func (d *desk) askedFor(sessionID string, a board.Action) bool {
	return slices.ContainsFunc(d.asked, func(x asked) bool { return x.SessionID == sessionID && x.Action == a })
}

// askedOf reports whether anything was asked for a session that is not seen.
func (d *desk) askedOf(sessionID string) bool {
	return slices.ContainsFunc(d.asked, func(a asked) bool { return a.SessionID == sessionID })
}

// stepAsked takes away what was asked for and is now reported. What shows no
// effect in time is read once more, and then said.
func (d *desk) stepAsked(now time.Time, sooner func(time.Time)) {
	var kept []asked
	for _, a := range d.asked {
		l, ok := d.own.Board.Leg(a.SessionID)
		if !ok || !l.Alive() {
			continue
		}
		if a.Action == board.ActionHold && l.OnHold() || a.Action == board.ActionUnhold && l.State == telephony.Answered {
			continue
		}
		limit := a.At.Add(d.cfg.Timing.AskedPatient)
		if a.reread {
			limit = limit.Add(d.cfg.Timing.AskedRecheck)
		}
		if now.Before(limit) {
			kept = append(kept, a)
			sooner(limit)
			continue
		}
		if !a.reread {
			a.reread = true
			d.own.State.Learn(a.SessionID)
			kept = append(kept, a)
			sooner(limit.Add(d.cfg.Timing.AskedRecheck))
			continue
		}
		code := board.NoticeActionUnseen
		if a.Action == board.ActionUnhold {
			code = board.NoticePressHold
		}
		d.notice(code, a.SessionID, board.Args{Action: a.Action, Name: l.Far.Name, Number: l.Far.Number, CustomerHeld: l.OnHold(), For: now.Sub(a.At)})
	}
	d.asked = kept
}
