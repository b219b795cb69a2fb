package desk

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/problem"
)

const (
	maxAttempts = 16
	// bridgeGrace is what a bridge request that is on its way gets when its desk
	// closes: less than an orderly end may take.
	bridgeGrace = 5 * time.Second
)

// unsettled is the attempt under way, or nil.
func (d *desk) unsettled() *board.Transfer {
	for i := range d.attempts {
		if !d.attempts[i].Phase.Settled() {
			return &d.attempts[i]
		}
	}
	return nil
}

// newest is the newest attempt that bears on a press on these ends: one that
// joins the same two calls, in either role, or one under way on either of them.
// except, when it is not "", is an attempt to pass over.
func (d *desk) newest(e board.Ends, except string) *board.Transfer {
	for i := len(d.attempts) - 1; i >= 0; i-- {
		t := &d.attempts[i]
		if t.Phase.Settled() && t.Sent.IsZero() {
			continue // never sent: it says nothing about an older one that was
		}
		customer, consult := e.Names(t.CustomerSession), e.Names(t.ConsultSession)
		if t.ID != except && (customer && consult || !t.Phase.Settled() && (customer || consult)) {
			return t
		}
	}
	return nil
}

// shownAttempt is what the joint tells: the attempt under way, else the newest
// one while it is about the present pair, or nothing has come after it.
func (d *desk) shownAttempt() *board.Transfer {
	if t := d.unsettled(); t != nil {
		return t
	}
	if len(d.attempts) == 0 {
		return nil
	}
	t := &d.attempts[len(d.attempts)-1]
	if p := d.own.Pairing.Pair; p != nil {
		if p.Ends != t.Ends {
			return nil
		}
		return t
	}
	newer := func(l board.Leg) bool { return l.Began.After(t.Settled) }
	if d.now().Sub(t.Settled) > d.cfg.Timing.AttemptShown || slices.ContainsFunc(d.own.Board.Legs, newer) {
		return nil
	}
	return t
}

// keepAttempt puts an attempt in place of its older self, or behind the others.
func (d *desk) keepAttempt(t board.Transfer) {
	for i := range d.attempts {
		if d.attempts[i].ID == t.ID {
			d.attempts[i] = t
			return
		}
	}
	d.attempts = append(d.attempts, t)
	if over := len(d.attempts) - maxAttempts; over > 0 {
		d.attempts = d.attempts[over:]
	}
}

func (d *desk) attempt(id string) board.Transfer {
	for _, t := range d.attempts {
		if t.ID == id {
			return t
		}
	}
	return board.Transfer{}
}

// moved notes the next phase of an attempt: in the ledger, on the page, and to
// whoever waits for its end.
func (d *desk) moved(t board.Transfer) {
	old := d.attempt(t.ID)
	d.keepAttempt(t)
	if old.Phase == t.Phase {
		return
	}
	d.log.Info("transfer", "id", t.ID, "phase", t.Phase.String(), "status", t.Status, "code", t.Code, "request", t.RequestID, "reason", t.Reason)
	if t.PeerMismatch && !old.PeerMismatch {
		d.log.Error("the call went to another session than the consult", "id", t.ID, "customer", t.CustomerSession, "consult", t.ConsultSession)
		d.notice(board.NoticePeerMismatch, "", board.Args{Name: t.Customer, Number: t.CustomerNumber, Other: t.Consult, OtherNumber: t.ConsultNumber})
	}
	if t.Phase != board.Sent { // sent is written before it is sent
		d.write(kindTransfer, t.ID, t, nil)
	}
	if !t.Phase.Settled() {
		return
	}
	if old.Phase == board.Unconfirmed {
		d.today = withoutUnconfirmed(d.today, old.Settled)
	}
	d.addToday(recordOf(t))
	if d.cfg.Meter.Transfer != nil {
		d.cfg.Meter.Transfer(t.Phase)
	}
	for _, wake := range d.waiting[t.ID] {
		wake()
	}
	delete(d.waiting, t.ID)
}

// withoutUnconfirmed drops the line of an attempt that was confirmed late.
func withoutUnconfirmed(today []board.Record, at time.Time) []board.Record {
	var kept []board.Record
	for _, r := range today {
		if r.End != board.EndUnconfirmed || !r.At.Equal(at) {
			kept = append(kept, r)
		}
	}
	return kept
}

// stepAttempts compares the attempts with the board and with the time.
func (d *desk) stepAttempts(now time.Time, sooner func(time.Time)) {
	for _, t := range d.attempts {
		next := t
		if !d.overtaken(t) {
			next = t.Observe(d.own.Board, now)
		}
		if t.Doubted.IsZero() {
			next = next.Tick(d.own.Board, now, d.cfg.Timing.Board)
			if !next.Doubted.IsZero() {
				d.doubt(next)
			}
		} else {
			next = next.Tick(d.own.Board, now, d.cfg.Timing.Board)
		}
		if next != t {
			d.moved(next)
		}
		if at, ok := next.Deadline(d.cfg.Timing.Board); ok {
			sooner(at)
		}
	}
}

// overtaken reports whether a newer attempt joins the same two calls, or may:
// what proves that they were joined is then the proof of that one.
func (d *desk) overtaken(t board.Transfer) bool {
	newer := false
	for _, o := range d.attempts {
		switch o.Phase {
		case board.Sent, board.Accepted, board.Confirmed, board.Unconfirmed:
			if newer && o.Names(t.CustomerSession) && o.Names(t.ConsultSession) {
				return true
			}
		default:
		}
		newer = newer || o.ID == t.ID
	}
	return false
}

// doubt reads both sessions of an attempt that nothing has proved in time: at
// once, and again a little after the time from which reads tell the agent
// whether a press is safe.
func (d *desk) doubt(t board.Transfer) {
	d.own.State.Learn(t.CustomerSession)
	d.own.State.Learn(t.ConsultSession)
	d.later(d.cfg.Timing.Board.PressAfter*6/5, func() {
		if d.attempt(t.ID).Phase == board.Confirmed {
			return
		}
		d.own.State.Learn(t.CustomerSession)
		d.own.State.Learn(t.ConsultSession)
	})
}

// later runs fn on the desk's goroutine after a while, unless the desk is over.
func (d *desk) later(after time.Duration, fn func()) {
	d.spawn(func() {
		timer := time.NewTimer(after)
		defer timer.Stop()
		select {
		case <-timer.C:
			d.post(fn)
		case <-d.ctx.Done():
		}
	})
}

// resume takes over an attempt that an earlier process left unsettled: it is
// settled by reading, never by sending.
func (d *desk) resume(t board.Transfer) {
	d.keepAttempt(t)
	next := t.Resume(d.own.Board, d.now())
	d.log.Info("transfer taken over", "id", t.ID, "phase", t.Phase.String())
	d.moved(next)
	if !next.Phase.Settled() {
		d.doubt(next)
	}
}

// complete is the press of Complete transfer. It returns a problem when the
// claim does not hold; else done is called when the attempt has ended.
func (d *desk) complete(c board.Claim, done func()) error {
	ends := c.Ends
	if err := d.ownEnds(ends); err != nil {
		return err
	}
	if t := d.unsettled(); t != nil {
		if t.Ends == ends {
			d.waiting[t.ID] = append(d.waiting[t.ID], done)
			return nil
		}
		d.refuse(board.NoticeJoining, ends.CustomerSession, board.ActionComplete)
		done()
		return nil
	}
	if d.unread { // an earlier attempt may be unsettled
		d.notice(board.NoticeNotReady, ends.CustomerSession, board.Args{Action: board.ActionComplete, Reason: board.ReasonLedger})
		done()
		return nil
	}
	pair := d.own.Pairing.Pair
	if pair == nil || pair.Ends != ends || c.Revision < pair.Revision {
		return d.changed(ends.CustomerSession, board.ActionComplete)
	}
	if d.busy[ends.CustomerSession] != "" || d.busy[ends.ConsultSession] != "" || d.endedByUs(ends.CustomerSession) || d.endedByUs(ends.ConsultSession) {
		d.refuse(board.NoticeBusy, ends.CustomerSession, board.ActionComplete)
		done()
		return nil
	}
	last := d.newest(ends, "")
	if r := d.own.Pairing.Ready(d.own.Board, last, d.cfg.Timing.Board); !r.Ready && !d.stale() && !readable(r.Reason) {
		d.notice(board.NoticeNotReady, ends.CustomerSession, board.Args{Action: board.ActionComplete, Reason: r.Reason})
		done()
		return nil
	}
	n := 1
	for _, t := range d.attempts {
		if t.Ends == ends {
			n = t.Attempt + 1
		}
	}
	id := formatUint(uint64(d.cfg.Now().UnixNano())) + "-" + strconv.Itoa(n)
	t := board.NewTransfer(id, *pair, d.own.Board, n, d.now())
	d.waiting[id] = append(d.waiting[id], done)
	d.keepAttempt(t)
	d.log.Info("transfer", "id", id, "phase", t.Phase.String(), "attempt", n)
	d.write(kindTransfer, id, t, func(err error) { d.intended(id, err) })
	return nil
}

// readable reports whether a fresh read may well remove a reason.
func readable(r board.Reason) bool {
	switch r {
	case board.ReasonFarUnknown, board.ReasonFarWaiting, board.ReasonConsultRinging, board.ReasonUnsure, board.ReasonUnconfirmedStill:
		return true
	default:
		return false
	}
}

// intended goes on once the intent is on disk: reads both sessions, unless they
// were read within two seconds with no event since.
func (d *desk) intended(id string, err error) {
	t := d.attempt(id)
	if t.Phase != board.Checking {
		return
	}
	if err != nil {
		d.moved(t.Check(board.Readiness{Reason: board.ReasonLedger}, d.own.Board, d.now()))
		return
	}
	var unread []string
	for _, s := range [...]string{t.CustomerSession, t.ConsultSession} {
		if d.stale() || d.askedOf(s) || !d.own.State.Fresh(s, d.now(), d.cfg.Timing.FreshRead) {
			unread = append(unread, s)
		}
	}
	d.check(unread, func(err error) { d.checked(id, err) })
}

// checked sends the bridge request when both fresh reads say that the pair is
// ready. That it is about to be sent is on disk before it is sent.
func (d *desk) checked(id string, err error) {
	t := d.attempt(id)
	if t.Phase != board.Checking {
		return
	}
	var ready board.Readiness
	switch {
	case err == nil:
		ready = d.readyFor(t)
	case heldBack(err) > 0:
		ready.Reason = board.ReasonHeldBack
	default:
		ready.Reason = board.ReasonCheckFailed
	}
	next := t.Check(ready, d.own.Board, d.now())
	if next.Phase != board.Sent {
		d.moved(next)
		return
	}
	d.write(kindTransfer, id, next, func(err error) {
		t := d.attempt(id)
		switch {
		case t.Phase != board.Checking || d.ctx.Err() != nil: // over, or another instance's by now
		case err != nil:
			d.moved(t.Check(board.Readiness{Reason: board.ReasonLedger}, d.own.Board, d.now()))
		default:
			next := t.Check(d.readyFor(t), d.own.Board, d.now())
			d.moved(next)
			if next.Phase == board.Sent {
				d.bridge(next)
			}
		}
	})
}

// readyFor is whether an attempt under way may be sent: its ends are still the
// pair, and nothing but itself stands in the way.
func (d *desk) readyFor(t board.Transfer) board.Readiness {
	if p := d.own.Pairing.Pair; p == nil || p.Ends != t.Ends {
		return board.Readiness{Reason: board.ReasonEnded}
	}
	if !t.Meets(d.own.Board) {
		return board.Readiness{Reason: board.ReasonFarChanged}
	}
	return d.own.Pairing.Ready(d.own.Board, d.newest(t.Ends, t.ID), d.cfg.Timing.Board)
}

// bridge sends the one request of an attempt. Its context is not the desk's: a
// desk that closes leaves a request that is on its way some time.
func (d *desk) bridge(t board.Transfer) {
	d.async(func(ctx context.Context) func() {
		ctx, cancel := outliving(ctx, bridgeGrace)
		defer cancel()
		carry, carried := carrying(ctx)
		party, err := d.caller.Bridge(carry, t.CustomerSession, t.CustomerParty, t.ConsultSession, t.ConsultParty)
		o := outcome(err)
		if tokenRefused(err) { // the agent's next press will have another token
			_ = d.renew(ctx, *carried)
		}
		return func() {
			if err != nil {
				d.log.Warn("bridge", "id", t.ID, "err", err)
			} else if p := party.Status.Peer.SessionID; p != "" && p != t.ConsultSession {
				d.log.Error("bridge answered with another peer", "id", t.ID, "peer", p)
			}
			d.moved(d.attempt(t.ID).Answer(o, d.own.Board, d.now()))
		}
	})
}

// outliving is a context that ends a while after ctx.
func outliving(ctx context.Context, grace time.Duration) (context.Context, context.CancelFunc) {
	longer, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, func() {
		timer := time.AfterFunc(grace, cancel)
		context.AfterFunc(longer, func() { timer.Stop() })
	})
	return longer, func() {
		stop()
		cancel()
	}
}

// outcome is what the answer to a bridge request proves.
func outcome(err error) board.Outcome {
	if err == nil {
		return board.Outcome{Accepted: true}
	}
	var e *rc.Error
	if !errors.As(err, &e) {
		return board.Outcome{}
	}
	if e.Status >= 200 && e.Status < 300 {
		return board.Outcome{Accepted: true, RequestID: e.RequestID}
	}
	return board.Outcome{Unsent: e.Unsent, Status: e.Status, Code: e.Code, RequestID: e.RequestID}
}

// ownEnds refuses ids that are not the person's own, whatever the board says of
// them: there is no such thing for them.
func (d *desk) ownEnds(e board.Ends) error {
	if !d.own.State.Owns(e.CustomerSession, e.CustomerParty) || !d.own.State.Owns(e.ConsultSession, e.ConsultParty) {
		return problem.NewNotFound(errors.New("ends that are not the person's"))
	}
	return nil
}

// refuse says beside the call why a press sent nothing.
func (d *desk) refuse(code board.NoticeCode, sessionID string, a board.Action) {
	l, _ := d.own.Board.Leg(sessionID)
	d.notice(code, sessionID, board.Args{Action: a, Name: l.Far.Name, Number: l.Far.Number, CustomerHeld: l.OnHold()})
}

// changed refuses a press on something that is no longer so.
func (d *desk) changed(sessionID string, a board.Action) error {
	d.refuse(board.NoticeChanged, sessionID, a)
	return problem.NewChanged(errors.New("the claim no longer holds"))
}
