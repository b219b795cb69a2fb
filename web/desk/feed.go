package desk

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/rc/ws"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

const (
	maxReads      = 4  // session reads of one desk under way at once
	lightReserve  = 28 // polls, and reads for colleagues, stop when fewer requests of the Light group are left: eight for reads after events, twenty for presses
	whatEvents    = "telephony-events"
	whatPresence  = "presence"
	whatControl   = "call-control"
	whatTeam      = "monitoring-groups"
	whatWebSocket = "websocket"
)

// feed is the desk's subscription as the desk's goroutine sees it.
type feed struct {
	ws      *ws.Feed
	running bool
	state   board.FeedState
	since   time.Time
	try     int
	missed  time.Duration
	until   time.Time // when the usage limits let it connect again, by RingCentral's clock; zero: they do not keep it
	syncing bool      // subscribed, but not everything is read yet
	listed  bool      // presence was read since the subscription began
	round   int       // of reading everything: what an earlier one brings is of before a gap
	lost    bool      // there was a live feed before
	filters []string
	again   time.Time       // filters that were not taken are asked for again
	active  []string        // filters known to be in force
	why     board.SignedOut // of FeedSignedOut
	heardAt time.Time       // of the feed before it ran again
	replay  time.Time       // until then notifications may be replayed ones, by our clock
	tried   time.Time       // when it was started last, by our clock
	stop    context.CancelFunc
}

// showFeed is the feed as a snapshot tells it; times by RingCentral's clock.
func (d *desk) showFeed() board.Feed {
	f, ahead := d.feed, d.offset.ahead()
	out := board.Feed{State: f.state, Since: f.since, Try: f.try, Missed: f.missed, Until: f.until, Ahead: ahead, Patience: d.patience()}
	if f.state == board.FeedSignedOut {
		out.Why = f.why
	}
	if h := f.heard(); !h.IsZero() {
		out.Heard = h.Add(-ahead)
	}
	return out
}

// patience is how long the feed may be silent, 0 when that is what everybody
// assumes.
func (d *desk) patience() time.Duration {
	if t := d.cfg.Timing.Board.StaleAfter; t != board.StaleAfter {
		return t
	}
	return 0
}

func (f *feed) heard() time.Time {
	if f.ws == nil {
		return f.heardAt
	}
	if h := f.ws.Heard(); h.After(f.heardAt) {
		return h
	}
	return f.heardAt
}

func (d *desk) setFeed(state board.FeedState) {
	from := d.feed.state
	if from == state {
		return
	}
	d.feed.state, d.feed.since = state, d.now()
	if d.cfg.Meter.Feed != nil {
		d.cfg.Meter.Feed(from, state)
	}
}

// startFeed subscribes, or does so again after the feed had ended for good.
func (d *desk) startFeed() {
	if d.feed == nil {
		d.feed = &feed{since: d.now()}
		if d.cfg.Meter.Feed != nil {
			d.cfg.Meter.Feed(board.FeedConnecting, board.FeedConnecting)
		}
	}
	if d.feed.running {
		return
	}
	d.feed.heardAt = d.feed.heard()
	d.feed.filters = d.filters()
	d.feed.ws = ws.New(ws.Config{
		Token:   d.wsToken,
		Filters: d.feed.filters,
		Room:    func(ctx context.Context) (rc.Heard, error) { return d.caller.Tunnel(ctx, rc.Medium) },
		Log:     d.log,
		Timing:  d.cfg.Timing.WS,
		HTTP:    d.cfg.HTTP,
	})
	d.feed.running, d.feed.tried = true, d.cfg.Now()
	running := d.feed.ws
	ctx, stop := context.WithCancel(d.ctx)
	d.feed.stop = stop
	d.spawn(func() {
		defer stop()
		err := running.Run(ctx, func(m ws.Message) { d.post(func() { d.heard(m) }) })
		d.post(func() { d.feedEnded(err) })
	})
}

// feedEnded is a feed that cannot go on by itself: the grant is over, or
// RingCentral does not allow it.
func (d *desk) feedEnded(err error) {
	d.feed.running, d.feed.syncing, d.feed.listed = false, false, false
	if d.ctx.Err() != nil {
		return
	}
	d.log.Warn("feed ended", "err", err)
	var e *rc.Error
	switch {
	case errors.Is(err, context.Canceled): // signedOut said why; what the feed had said just before may have come after
		d.setFeed(board.FeedSignedOut)
	case errors.As(err, &e) && e.Status != http.StatusUnauthorized:
		d.deny(whatWebSocket, err)
		d.setFeed(board.FeedRefused)
	default:
		d.feed.why = board.SignedOutElsewhere
		if over, ok := errors.AsType[*grantOverError](err); ok {
			d.feed.why = over.why
		}
		d.setFeed(board.FeedSignedOut)
	}
}

// signedOut ends the feed of a grant that is over; the board stays, as old news.
func (d *desk) signedOut(reason string) {
	d.feed.syncing, d.feed.listed = false, false
	d.feed.why = whySignedOut(reason)
	d.feed.stop()
	d.setFeed(board.FeedSignedOut)
}

// grantOverError is a grant that RingCentral will not have any more.
type grantOverError struct {
	why board.SignedOut
	err error
}

func (e *grantOverError) Error() string { return "the grant is over: " + e.err.Error() }
func (e *grantOverError) Unwrap() error { return e.err }

// whySignedOut is the page's word for a session.Reason.
func whySignedOut(reason string) board.SignedOut {
	switch reason {
	case session.ReasonElsewhere:
		return board.SignedOutElsewhere
	case session.ReasonTimedOut:
		return board.SignedOutTime
	case session.ReasonForbidden:
		return board.SignedOutRole
	}
	return ""
}

// wake starts a feed again that had ended for good: somebody opened a page, or
// signed in again.
func (d *desk) wake() {
	if d.feed.running || d.feed.state == board.FeedRefused && d.cfg.Now().Sub(d.feed.tried) < d.cfg.Timing.RefusedAgain {
		return
	}
	d.startFeed()
}

// token is the access token for RingCentral's calls. One that was refused is not
// sent again: it would only use the limits up.
func (d *desk) token(ctx context.Context) (string, error) {
	access, err := d.cfg.Grants.Token(ctx, d.person)
	if dead := d.dead.Load(); err == nil && dead != nil && *dead == access {
		access, err = d.cfg.Grants.Refused(ctx, d.person, access)
	}
	if carried, ok := ctx.Value(carriedKey{}).(*string); ok {
		*carried = access
	}
	return access, err
}

type carriedKey struct{}

// carrying is a context that notes which access token a call made under it
// carries: by the time of its answer others may use a newer one.
func carrying(ctx context.Context) (context.Context, *string) {
	carried := new(string)
	return context.WithValue(ctx, carriedKey{}, carried), carried
}

// renewed makes a call, and once more with another access token when RingCentral
// answered 401 to the one it carried: that call did nothing. When there is no other
// token the error says why: without it, nobody knows that the grant is over.
func renewed[T any](ctx context.Context, d *desk, call func(context.Context) (T, error)) (T, error) {
	carry, carried := carrying(ctx)
	v, err := call(carry)
	if !tokenRefused(err) {
		return v, err
	}
	if err := d.renew(ctx, *carried); err != nil {
		return v, err
	}
	return call(ctx)
}

// tokenRefused reports whether RingCentral answered 401: it did nothing.
func tokenRefused(err error) bool {
	e, ok := errors.AsType[*rc.Error](err)
	return ok && e.Status == http.StatusUnauthorized
}

// renew replaces an access token that RingCentral answered with 401, unless that
// has been done.
func (d *desk) renew(ctx context.Context, refused string) error {
	_, err := d.cfg.Grants.Refused(ctx, d.person, refused)
	if err != nil {
		d.dead.Store(&refused)
		d.log.Warn("access token refused, and there is no other", "err", err)
		return &rc.Error{Path: "token", Unsent: true, Err: err}
	}
	return nil
}

// wsToken is a token for one socket. A grant that has ended ends the feed: no
// further try would be answered otherwise.
func (d *desk) wsToken(ctx context.Context) (rc.WSToken, error) {
	t, err := renewed(ctx, d, d.caller.WSToken)
	if errors.Is(err, problem.NewSignedOut(nil)) {
		reason, unknown := d.cfg.Grants.Broken(ctx, d.person)
		if unknown != nil {
			d.log.Warn("why the grant is over is not known", "err", unknown)
		}
		err = &rc.Error{
			Method: http.MethodPost, Path: "wstoken", Status: http.StatusUnauthorized, Unsent: true, Err: &grantOverError{whySignedOut(reason), err},
		}
	}
	return t, err
}

// ownPresence is which calls the person has.
func (d *desk) ownPresence(ctx context.Context) (telephony.Presence, error) {
	return d.caller.Presence(ctx, "~")
}

func (d *desk) ownFilter() string { return telephonyFilter(d.person.AccountID, d.person.ExtensionID) }

func telephonyFilter(account, extension string) string {
	return "/restapi/v1.0/account/" + account + "/extension/" + extension + "/telephony/sessions"
}

func presenceFilter(account, extension string) string {
	return "/restapi/v1.0/account/" + account + "/extension/" + extension + "/presence?detailedTelephonyState=true"
}

// filters is what the subscription should hold now: the person's own calls,
// those of each monitored colleague, and the presence of a colleague whose
// phone rings for a consult. The same filters are always the same list.
func (d *desk) filters() []string {
	filters := []string{d.ownFilter()}
	if d.team != nil {
		for _, m := range d.team.members {
			filters = append(filters, telephonyFilter(d.person.AccountID, m.watch.State.Owner().ExtensionID))
		}
	}
	for _, l := range d.own.Board.Legs {
		if l.Alive() && l.Direction == telephony.Outbound && l.Far.Internal && l.Far.ExtensionID != "" && l.Far.State != board.FarAnswered {
			filters = append(filters, presenceFilter(d.person.AccountID, l.Far.ExtensionID))
		}
	}
	slices.Sort(filters)
	return slices.Compact(filters)
}

// stepFeed keeps the subscription's filters what they should be, and ends the
// time in which a new subscription is not the whole truth yet.
func (d *desk) stepFeed(now time.Time, sooner func(time.Time)) {
	switch want := d.filters(); {
	case !d.feed.running || slices.Equal(want, d.feed.filters):
	case now.Before(d.feed.again):
		sooner(d.feed.again)
	default:
		d.feed.filters = want
		running := d.feed.ws
		d.async(func(ctx context.Context) func() {
			ctx, cancel := context.WithTimeout(ctx, d.cfg.Timing.AskFilters)
			defer cancel()
			err := running.SetFilters(ctx, want)
			if err == nil {
				return nil
			}
			return func() { d.unfiltered(err) }
		})
	}
	if d.feed.syncing && d.feed.listed && d.own.State.Settled() {
		d.feed.syncing = false
		d.goLive()
	}
}

// unfiltered sees to it that filters which were not taken are asked for again:
// without them nobody is heard whose calls would then seem not to change.
func (d *desk) unfiltered(err error) {
	d.log.Info("filters not changed", "err", err)
	d.feed.filters, d.feed.again = nil, d.now().Add(d.again(err, d.cfg.Timing.FiltersAgain))
}

// listening takes note of the filters in force. The boards of colleagues who are
// heard only from now on may have missed something since they began.
func (d *desk) listening(active []string) {
	var fresh []string
	for _, f := range active {
		if !slices.Contains(d.feed.active, f) {
			fresh = append(fresh, filterExtension(f))
		}
	}
	d.feed.active = active
	d.listTeam(fresh)
}

func (d *desk) goLive() {
	d.feed.try = 0
	d.setFeed(board.FeedLive)
	if d.feed.lost && d.feed.missed >= time.Second {
		d.notice(board.NoticeLiveAgain, "", board.Args{For: d.feed.missed})
	}
	d.feed.lost = false
}

func (d *desk) up(m ws.Up) {
	d.feed.missed, d.feed.until, d.feed.active = m.Missed, time.Time{}, nil
	if m.Recovered {
		d.feed.replay = d.cfg.Now().Add(d.cfg.Timing.ReplayFor)
	}
	d.allow(whatEvents)
	if d.team != nil {
		d.team.believe()
	}
	refused := false
	for _, dis := range m.Disabled {
		refused = d.disabled(dis) || refused
	}
	if refused {
		return
	}
	if m.Recovered && !m.Overflow && d.feed.lost && !d.feed.syncing && d.feed.listed {
		d.goLive()
		return
	}
	d.resync()
}

// disabled is a filter that RingCentral refuses this person; it reports whether
// it is the one for the person's own calls, without which there is no board.
func (d *desk) disabled(dis ws.Disabled) bool {
	if filterExtension(dis.Filter) == d.person.ExtensionID {
		d.log.Warn("own events refused", "reason", dis.Reason)
		d.refused(board.Denied{What: whatEvents, Code: dis.Reason, Scope: "CallControl"})
		d.setFeed(board.FeedRefused)
		return true
	}
	if d.team != nil {
		d.team.refused(filterExtension(dis.Filter), dis.Reason)
	}
	return false
}

func (d *desk) down(m ws.Down) {
	if d.feed.state == board.FeedLive {
		d.feed.lost = true
	}
	d.feed.try, d.feed.until = m.Try, time.Time{}
	if heldBack(m.Err) > 0 {
		d.feed.until = d.now().Add(m.Next)
	}
	if d.feed.syncing {
		d.feed.syncing, d.feed.listed = false, false // what was not read yet is still to be read
		d.feed.round++
	}
	if d.feed.state != board.FeedConnecting {
		d.setFeed(board.FeedReconnecting)
	}
	d.log.Info("feed down", "try", m.Try, "next", m.Next, "err", m.Err)
}

// resync reads everything: after the first subscription, and after a gap in
// which events may have been lost. The feed is live once all is read.
func (d *desk) resync() {
	d.feed.syncing, d.feed.listed = true, false
	d.feed.round++
	round := d.feed.round
	d.own.State.RereadAll()
	d.async(func(ctx context.Context) func() {
		p, err := renewed(ctx, d, d.ownPresence)
		return func() {
			switch {
			case round != d.feed.round: // there was a gap meanwhile
				return
			case err == nil:
				d.allow(whatPresence)
				for _, id := range d.own.State.Observe(p, d.now()) {
					d.own.State.Learn(id)
				}
			case refusedRight(err):
				d.deny(whatPresence, err)
			default:
				d.log.Warn("presence not read", "err", err)
				d.later(d.again(err, d.cfg.Timing.ResyncAgain), func() {
					if round == d.feed.round && d.feed.syncing {
						d.resync()
					}
				})
				return
			}
			d.feed.listed = true
		}
	})
	d.resyncTeam()
}

// refusedRight reports whether RingCentral said that the app or the person may
// not do this at all.
func refusedRight(err error) bool {
	var e *rc.Error
	return errors.As(err, &e) && (e.Code == codeAppScope || e.Code == codeUserRole || e.Status == http.StatusForbidden)
}

func (d *desk) note(n ws.Note) {
	if !n.Sent.IsZero() && !d.cfg.Now().Before(d.feed.replay) { // a replayed one was sent long ago
		d.offset.sample(n.At.Sub(n.Sent))
	}
	switch {
	case n.Event != nil:
		if d.cfg.Meter.Lag != nil && !n.Event.At.IsZero() {
			d.cfg.Meter.Lag(max(0, n.At.Sub(n.Event.At)))
		}
		if d.cfg.Meter.Unknown != nil {
			for _, p := range n.Event.Parties {
				if p.Status.Word != "" && p.Status.Code == 0 {
					d.cfg.Meter.Unknown()
				}
			}
		}
		d.apply(*n.Event)
	case n.Presence != nil:
		// Presence of a colleague whose phone rings: whatever changed in a call
		// of ours there, a read tells it truly.
		for _, call := range n.Presence.ActiveCalls {
			if l, ok := d.own.Board.Leg(call.SessionID); ok && l.Alive() {
				d.own.State.Learn(call.SessionID)
			}
		}
	}
}

// stepReads reads the sessions that something happened in, and polls those
// whose far side is not proven to have answered while enough of the Light
// window is left.
func (d *desk) stepReads(now time.Time, sooner func(time.Time)) {
	for _, want := range d.own.State.Wants() {
		switch {
		case want.At.After(now):
			sooner(want.At)
		case d.reads >= maxReads:
			return
		case want.Poll && d.caller.Remaining(rc.Light) < lightReserve:
			sooner(now.Add(d.cfg.Timing.PollAgain))
		default:
			d.read(d.own, want.SessionID, true, nil)
		}
	}
}

// readResult says how a session read ended.
type readResult uint8

const (
	readApplied readResult = iota
	readRaced              // an event overtook it
	readFailed             // no answer
)

// read reads one session into a watch; then hears how it ended, and why it failed.
func (d *desk) read(w *board.Watch, sessionID string, background bool, then func(readResult, error)) {
	m := w.State.StartRead(sessionID, d.now())
	d.reads++
	d.async(func(ctx context.Context) func() {
		if background {
			ctx = rc.Background(ctx)
		}
		answer, err := renewed(ctx, d, func(ctx context.Context) (telephony.Session, error) { return d.caller.Session(ctx, sessionID) })
		return func() {
			d.reads--
			result := readApplied
			var e *rc.Error
			switch gone := errors.As(err, &e) && e.Status == http.StatusNotFound; {
			case err == nil || gone:
				if !w.State.FinishRead(m, answer, err == nil, d.now()) {
					result = readRaced
				}
			default:
				w.State.FailRead(m, d.now())
				if refusedRight(err) {
					d.deny(whatControl, err)
				}
				level := slog.LevelInfo
				if errors.Is(err, rc.ErrHeldBack) {
					level = slog.LevelDebug // our own restraint, and tried again
				}
				d.log.Log(ctx, level, "session not read", "session", sessionID, "err", err)
				result = readFailed
			}
			if then != nil {
				then(result, err)
			}
		}
	})
}

// errOvertaken is the end of reads that events overtook each time.
var errOvertaken = errors.New("desk: events overtook each read")

// check reads sessions for a press, each again at most twice while events
// overtake it, and then says why not all of them were read; nil: they were.
func (d *desk) check(sessions []string, then func(error)) {
	left := 0
	var failed error
	var one func(id string, tries int)
	one = func(id string, tries int) {
		d.read(d.own, id, false, func(r readResult, err error) {
			switch {
			case r == readRaced && tries > 0:
				one(id, tries-1)
				return
			case r == readRaced:
				failed = cmp.Or(failed, errOvertaken)
			case r == readFailed:
				failed = cmp.Or(failed, err)
			}
			left--
			if left == 0 {
				if failed == nil {
					d.keepNotices(func(n board.Notice) bool { return n.Code != board.NoticeCheckFailed }) // RingCentral can be read again
				}
				d.step()
				then(failed)
			}
		})
	}
	for _, id := range sessions {
		if id != "" {
			left++
		}
	}
	if left == 0 {
		then(nil)
		return
	}
	for _, id := range sessions {
		if id != "" {
			one(id, 2)
		}
	}
}

// stale reports whether presses must check with RingCentral first. It is decided
// by our own clock, as the feed's Heard is.
func (d *desk) stale() bool {
	return board.Feed{State: d.feed.state, Heard: d.feed.heard(), Patience: d.patience()}.Stale(d.cfg.Now())
}
