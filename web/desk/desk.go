// Package desk runs what stands behind each signed-in person: their feed, their
// board, their transfers and notices, and, for a supervisor, the boards of the
// colleagues they monitor.
//
// One goroutine owns one desk; everything reaches it as a function in its inbox
// and everybody else sees immutable snapshots. Only what RingCentral reports,
// by an event or by a session read, changes a board. A request that may have
// reached RingCentral is never repeated. Desks keeps one desk per person over
// all instances, by a lease.
package desk

import (
	"context"
	"errors"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/rc/ws"
	"github.com/cordboard/cordboard/web/session"
)

// Meter receives what the metrics count; any of its functions may be nil.
type Meter struct {
	Feed     func(from, to board.FeedState) // a feed changed its state; from == to when a desk opens
	FeedGone func(last board.FeedState)     // a desk closed
	Lag      func(time.Duration)            // from RingCentral's eventTime to the desk
	Transfer func(end board.Phase)          // an attempt reached a named end
	Unknown  func()                         // an event carried a state word nobody knows
}

// desk is one person's. All fields below loop are owned by its goroutine.
type desk struct {
	cfg    *Config
	person session.Person
	caller *rc.Caller
	log    *slog.Logger

	ctx     context.Context //nolint:containedctx // the desk's own life: its goroutines end with it
	cancel  context.CancelFunc
	inbox   chan func()
	done    chan struct{}
	wg      sync.WaitGroup
	opened  atomic.Int64                   // unix nanoseconds of the last sign of an open page
	current atomic.Pointer[board.Snapshot] // the newest
	group   atomic.Pointer[board.Team]     // the newest; nil while the person monitors nobody
	dead    atomic.Pointer[string]         // one that was refused, and could not be replaced yet

	// loop
	own        *board.Watch
	team       *team
	rosterRead time.Time // when whom the person monitors was read last
	rosterDue  bool      // that failed, and will be tried again
	feed       *feed
	offset     clock
	latest     time.Time // the latest now since the clock is known
	reads      int       // under way
	attempts   []board.Transfer
	waiting    map[string][]func() // by attempt: whoever waits for its end
	asked      []asked
	busy       map[string]board.Action // a request for this session is under way
	notices    []board.Notice
	today      []board.Record
	unread     bool // the ledger could not be read yet: attempts may be unknown
	denied     []board.Denied
	journal    chan entry
	saved      chan board.Saved
	revision   uint64
	content    uint64 // revision of the newest change of what is shown
	pulsed     time.Time
	ready      chan struct{} // closed at the first snapshot
}

// clock estimates how far our clock is ahead of RingCentral's: the smallest of
// the latest differences between arrival and envelope timestamp.
type clock struct {
	samples [16]time.Duration
	n       int
}

func (c *clock) sample(d time.Duration) {
	c.samples[c.n%len(c.samples)] = d
	c.n++
}

func (c *clock) ahead() time.Duration {
	if c.n == 0 {
		return 0
	}
	least := c.samples[0]
	for _, d := range c.samples[1:min(c.n, len(c.samples))] {
		least = min(least, d)
	}
	return least
}

// now is the present by RingCentral's clock, as far as it is known. From the
// first estimate on it does not run backwards when the estimate is mended.
func (d *desk) now() time.Time {
	now := d.cfg.Now().Add(-d.offset.ahead())
	if d.offset.n > 0 {
		if now.Before(d.latest) {
			return d.latest
		}
		d.latest = now
	}
	return now
}

func newDesk(parent context.Context, cfg *Config, p session.Person) *desk {
	ctx, cancel := context.WithCancel(parent)
	d := &desk{
		cfg: cfg, person: p, ctx: ctx, cancel: cancel,
		log:     cfg.Log.With("account", p.AccountID, "extension", p.ExtensionID),
		inbox:   make(chan func(), 256),
		done:    make(chan struct{}),
		waiting: map[string][]func(){},
		busy:    map[string]board.Action{},
		journal: make(chan entry, 64),
		saved:   make(chan board.Saved, 1),
		ready:   make(chan struct{}),
	}
	d.caller = cfg.RC.As(p.Key(), d.token)
	d.own = board.NewWatch(owner(p), cfg.Timing.Board)
	d.revision = uint64(cfg.Now().UnixMilli())
	d.touch()
	return d
}

func owner(p session.Person) board.Owner {
	return board.Owner{AccountID: p.AccountID, ExtensionID: p.ExtensionID, ExtensionNumber: p.ExtensionNumber, Name: p.Name}
}

// touch notes that somebody has a page of this desk open.
func (d *desk) touch() { d.opened.Store(d.cfg.Now().UnixNano()) }

// idle reports whether nobody had a page open for the given time.
func (d *desk) idle(linger time.Duration) bool {
	return d.cfg.Now().Sub(time.Unix(0, d.opened.Load())) > linger
}

// run is the desk's goroutine. It returns when the desk's context ends, after
// everything that it started has ended.
func (d *desk) run() {
	defer close(d.done)
	d.restore()
	d.spawn(d.keepJournal)
	d.spawn(d.keepBoard)
	d.startFeed()
	d.loadTeam(nil)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		d.drain()
		timer.Reset(d.step())
		select {
		case fn := <-d.inbox:
			fn()
		case <-timer.C:
		case <-d.ctx.Done():
			d.cancel()
			d.wg.Wait()
			if d.cfg.Meter.FeedGone != nil {
				d.cfg.Meter.FeedGone(d.feed.state)
			}
			return
		}
	}
}

// drain runs what else has arrived, so that a burst of events makes one
// snapshot.
func (d *desk) drain() {
	for range cap(d.inbox) {
		if d.ctx.Err() != nil {
			return
		}
		select {
		case fn := <-d.inbox:
			fn()
		default:
			return
		}
	}
}

// post hands fn to the desk's goroutine; it is dropped when the desk is over.
func (d *desk) post(fn func()) {
	select {
	case d.inbox <- fn:
	case <-d.ctx.Done():
	}
}

// spawn runs fn beside the desk, which waits for it when it closes.
func (d *desk) spawn(fn func()) { d.wg.Go(fn) }

// async runs work beside the desk and then what it returns on the desk.
func (d *desk) async(work func(ctx context.Context) func()) {
	d.spawn(func() {
		then := work(d.ctx)
		if then != nil {
			d.post(then)
		}
	})
}

// step brings everything up to date with what was just heard and returns how
// long nothing will change by itself.
func (d *desk) step() time.Duration {
	now := d.now()
	d.own.State.Prune(now)
	for _, h := range d.own.Step(now) {
		d.happened(h, now)
	}
	next := now.Add(d.cfg.Timing.Pulse)
	sooner := func(at time.Time) {
		if at.Before(next) {
			next = at
		}
	}
	if at, ok := d.own.State.NextChange(now); ok {
		sooner(at)
	}
	d.stepAttempts(now, sooner)
	d.stepAsked(now, sooner)
	d.stepNotices(now)
	d.stepReads(now, sooner)
	d.stepFeed(now, sooner)
	d.stepTeam(now, sooner)
	d.publish(now)
	return max(next.Sub(now), time.Millisecond)
}

// publish shows a new snapshot when there is something new to show, and else
// only how fresh the feed is.
func (d *desk) publish(now time.Time) {
	snap := d.snapshot(now)
	last := d.current.Load()
	fresh := last == nil || !same(*last, snap)
	if !fresh && now.Sub(d.pulsed) < d.cfg.Timing.Pulse {
		return
	}
	d.revision++
	if fresh {
		d.content = d.revision
		if p := d.own.Pairing.Pair; p != nil && p.Revision == 0 {
			p.Revision = d.content
			snap.Pair.Revision = d.content
		}
	}
	d.pulsed = now
	snap.Revision = d.content
	d.current.Store(&snap)
	d.send(topic(d.person), snap)
	if fresh {
		d.save()
	}
	select {
	case <-d.ready:
	default:
		close(d.ready)
	}
}

// same reports whether two snapshots show the same.
func same(a, b board.Snapshot) bool {
	a.Revision, a.At, a.Feed.Heard, a.Feed.Ahead = b.Revision, b.At, b.Feed.Heard, b.Feed.Ahead
	if a.Pair != nil && b.Pair != nil && a.Pair.Ends == b.Pair.Ends {
		p := *a.Pair
		p.Revision = b.Pair.Revision
		a.Pair = &p
	}
	return reflect.DeepEqual(a, b)
}

func (d *desk) snapshot(now time.Time) board.Snapshot {
	s := board.Snapshot{
		Owner: owner(d.person), At: now, Feed: d.showFeed(),
		Board: withoutReads(d.own.Board), Choices: d.own.Pairing.Choices(d.own.Board),
		Notices: d.notices, Today: d.today, Denied: d.denied, Supervisor: d.team != nil,
	}
	if p := d.own.Pairing.Pair; p != nil {
		pair := *p
		s.Pair = &pair
	}
	if c, alone := d.own.Alone(); alone && d.unsettled() == nil {
		s.Alone, s.Rescue = c.SessionID, d.own.Rescue
	}
	if t := d.shownAttempt(); t != nil {
		attempt := *t
		s.Attempt = &attempt
		if t.Phase == board.Unconfirmed {
			s.Board = d.own.Board // when its calls were read is part of what is still true
		}
	}
	for _, a := range d.asked {
		s.Asked = append(s.Asked, a.Asked)
	}
	s.Readiness = d.readiness()
	return s
}

// withoutReads is a board that does not tell when its calls were read: a read
// that found nothing new is nothing to show.
func withoutReads(b board.Board) board.Board {
	legs := slices.Clone(b.Legs)
	for i := range legs {
		legs[i].Far.Read = time.Time{}
	}
	return board.Board{Legs: legs}
}

// readiness is whether a press may complete the pair; from old news nothing is
// decided.
func (d *desk) readiness() board.Readiness {
	pair := d.own.Pairing.Pair
	var last *board.Transfer
	if pair != nil {
		last = d.newest(pair.Ends, "")
	}
	r := d.own.Pairing.Ready(d.own.Board, last, d.cfg.Timing.Board)
	if d.stale() && pair != nil && r.Reason != board.ReasonJoining {
		return board.Readiness{Reason: board.ReasonStale}
	}
	return r
}

// happened turns what a change of the board means into a notice.
func (d *desk) happened(h board.Happening, now time.Time) {
	if h.Back {
		if t := d.unsettled(); t == nil || !t.Names(h.Leg.SessionID) { // an attempt that is under way says its own end
			d.record(board.EndBack, h.Leg, h.Other, now)
		}
		return
	}
	if h.Code == board.NoticeElsewhere {
		d.joinedElsewhere(h)
		return
	}
	if d.endedByUs(h.Leg.SessionID) {
		d.own.Rescue = nil
		return // the agent ended it: no news
	}
	if t := d.unsettled(); t != nil && t.Names(h.Leg.SessionID) && h.Code != board.NoticeCustomerLeft {
		return // the attempt will say so
	}
	args := board.Args{
		Name: h.Leg.Far.Name, Number: h.Leg.Far.Number,
		Other: h.Other.Far.Name, OtherNumber: h.Other.Far.Number,
		Held: h.Leg.HeldFor(now), HeldAtLeast: h.Leg.Held.AtLeast,
		CustomerHeld: h.Other.OnHold(), ConsultThere: h.Other.Alive() && h.Other.SessionID != "", OtherSession: h.Other.SessionID,
	}
	about := h.Leg.SessionID
	switch h.Code {
	case board.NoticeConsultLeft, board.NoticeConsultNone:
		about = h.Other.SessionID
	case board.NoticeCustomerLeft:
		d.record(board.EndLost, h.Leg, h.Other, now)
	default:
	}
	d.notice(h.Code, about, args)
}

// endedByUs reports whether a press on this desk ended, or is ending, a call.
func (d *desk) endedByUs(sessionID string) bool {
	return d.busy[sessionID] == board.ActionHangUp || d.askedFor(sessionID, board.ActionHangUp)
}

// joinedElsewhere is a transfer that RingCentral reports and that no attempt of
// ours made: it was made on the phone.
func (d *desk) joinedElsewhere(h board.Happening) {
	for _, t := range d.attempts {
		if t.CustomerSession == h.Leg.SessionID && t.ConsultSession == h.Other.SessionID && !t.Sent.IsZero() {
			return
		}
	}
	d.record(board.EndJoined, h.Leg, h.Other, h.Leg.Ended)
	d.notice(board.NoticeElsewhere, h.Leg.SessionID, board.Args{
		Name: h.Leg.Far.Name, Number: h.Leg.Far.Number, Other: h.Other.Far.Name, OtherNumber: h.Other.Far.Number,
	})
}

// notice puts a sentence-to-be on the page, in place of an older one that says
// the same of the same call.
func (d *desk) notice(code board.NoticeCode, sessionID string, args board.Args) {
	kept := make([]board.Notice, 0, len(d.notices)+1)
	d.revision++
	kept = append(kept, board.Notice{ID: formatUint(d.revision), Code: code, At: d.now(), SessionID: sessionID, Args: args})
	for _, n := range d.notices {
		if (n.Code != code || n.SessionID != sessionID) && len(kept) < maxNotices {
			kept = append(kept, n)
		}
	}
	d.notices = kept
}

const maxNotices = 6

// clear takes the notices about an action on a call away: it was tried again.
func (d *desk) clear(sessionID string, codes ...board.NoticeCode) {
	d.keepNotices(func(n board.Notice) bool {
		if n.SessionID != sessionID {
			return true
		}
		return !slices.Contains(codes, n.Code)
	})
}

func (d *desk) keepNotices(keep func(board.Notice) bool) {
	var kept []board.Notice
	for _, n := range d.notices {
		if keep(n) {
			kept = append(kept, n)
		}
	}
	d.notices = kept
}

// stepNotices takes away what is no longer so, and what was said long enough.
func (d *desk) stepNotices(now time.Time) {
	for i, n := range d.notices {
		if l, ok := d.own.Board.Leg(n.Args.OtherSession); n.Code == board.NoticeCustomerLeft && n.Args.ConsultThere && (!ok || !l.Alive()) {
			d.notices = slices.Clone(d.notices) // snapshots share the old list
			d.notices[i].Args.ConsultThere = false
		}
	}
	d.keepNotices(func(n board.Notice) bool {
		age := now.Sub(n.At)
		switch n.Code {
		case board.NoticeConsultLeft, board.NoticeConsultNone:
			l, ok := d.own.Board.Leg(n.SessionID)
			return ok && l.OnHold() && d.own.Pairing.Pair == nil
		case board.NoticePressHold:
			l, ok := d.own.Board.Leg(n.SessionID)
			return ok && l.OnHold()
		case board.NoticeHangUpOnPhone, board.NoticeActionRefused, board.NoticeActionUnsent:
			l, ok := d.own.Board.Leg(n.SessionID)
			return ok && l.Alive()
		case board.NoticeActionUnseen:
			l, ok := d.own.Board.Leg(n.SessionID)
			return ok && l.Alive() && (n.Args.Action == board.ActionHangUp || l.OnHold() != (n.Args.Action == board.ActionHold))
		case board.NoticeChanged, board.NoticeBusy, board.NoticeJoining, board.NoticeNotReady, board.NoticeCheckFailed:
			return age < 30*time.Second
		case board.NoticeLiveAgain:
			return age < time.Minute
		case board.NoticeCustomerLeft:
			if l, ok := d.own.Board.Leg(n.SessionID); ok && l.Alive() { // RingCentral knows the call again
				return false
			}
		case board.NoticeMissed, board.NoticePeerMismatch, board.NoticeElsewhere:
		}
		return age < 10*time.Minute
	})
}

// RingCentral's codes for what the app, or the person's role, may not do.
const (
	codeAppScope = "CMN-401"
	codeUserRole = "CMN-408"
)

// deny notes what RingCentral does not allow this person.
func (d *desk) deny(what string, err error) {
	den := board.Denied{What: what}
	if e := (*rc.Error)(nil); errors.As(err, &e) {
		den.Code = e.Code
		if e.Code == codeAppScope {
			den.Scope = e.Permission
		} else {
			den.Permission = e.Permission
		}
	}
	d.refused(den)
}

// refused puts a refusal in the place of an older one of the same thing.
// Snapshots share the old list, so it is copied.
func (d *desk) refused(den board.Denied) {
	d.allow(den.What)
	d.denied = append(slices.Clip(d.denied), den)
}

// allow takes a refusal back.
func (d *desk) allow(what string) {
	var kept []board.Denied
	for _, den := range d.denied {
		if den.What != what {
			kept = append(kept, den)
		}
	}
	d.denied = kept
}

// apply folds an event into every board that it concerns: the party's owner's,
// and those of people who are in the same call with it.
func (d *desk) apply(e telephony.Event) {
	d.own.State.Apply(e)
	if d.team != nil {
		for _, m := range d.team.members {
			m.watch.State.Apply(e)
		}
	}
}

// heard turns a feed's message into changes.
func (d *desk) heard(m ws.Message) {
	switch m := m.(type) {
	case ws.Note:
		d.note(m)
	case ws.Up:
		d.up(m)
	case ws.Down:
		d.down(m)
	case ws.Filters:
		for _, dis := range m.Disabled {
			d.disabled(dis)
		}
		if m.Err != nil {
			d.unfiltered(m.Err)
			return
		}
		d.listening(m.Active)
	}
}
