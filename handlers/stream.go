package handlers

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

// writeTime is how long a browser may take over one message before it is cut off.
const writeTime = 10 * time.Second

// watched is a page that a stream keeps up to date, as its browser has it.
type watched interface {
	// begin reads the present state, and an error ends the stream before it began.
	begin(ctx context.Context) error
	// take is the state of a message; false means that the page is over for this person.
	take(data []byte) (ok bool, err error)
	// update is what differs at now from what the browser has, and takes it as sent.
	update(now time.Time) update
	// change is when the page changes by itself, counted from now; zero is never.
	change(now time.Time) time.Duration
	// feed is how fresh the page is.
	feed(ctx context.Context) board.Feed
}

// update is what one message brings to a page.
type update interface {
	templ.Component
	Empty() bool
}

// DeskStream keeps the desk page up to date.
func (h *Handlers) DeskStream(c echo.Context) error {
	return h.stream(c, func(p session.Person) (watched, *live.Mailbox) {
		return &deskPage{h: h, person: p}, h.Desks.Follow(p)
	})
}

// TeamStream keeps the team page up to date.
func (h *Handlers) TeamStream(c echo.Context) error {
	return h.stream(c, func(p session.Person) (watched, *live.Mailbox) {
		return &teamPage{h: h, person: p}, h.Desks.FollowTeam(p)
	})
}

// stream sends a page's changes until the browser leaves, the session ends, or
// a newer tab takes its place. It follows first and reads the present state
// second, so that nothing falls between.
func (h *Handlers) stream(c echo.Context, open func(session.Person) (watched, *live.Mailbox)) error {
	r := c.Request()
	s, err := h.Sessions.Current(r)
	if err != nil {
		return err
	}
	if whose := c.QueryParam("for"); whose != "" && whose != s.Person.ExtensionID {
		return problem.NewSignedOut(errors.New("the page is that of the person who was signed in before"))
	}
	place := h.Streams.Open(s.Hash, live.Limit(r.ProtoMajor))
	defer place.Close()
	if s, err = h.Sessions.Touch(r.Context(), s); err != nil { // it may have ended before the stream had its place
		return err
	}
	if err := h.Desks.Open(r.Context(), s.Person); err != nil {
		return err
	}
	w, box := open(s.Person)
	defer box.Close()
	if err := w.begin(r.Context()); err != nil {
		return err
	}
	out, err := live.NewWriter(c.Response(), writeTime)
	if err != nil {
		return err
	}
	c.Response().Committed = true
	if err := h.follow(r.Context(), s, place, w, box, out); err != nil && r.Context().Err() == nil {
		return fmt.Errorf("stream: %w", err)
	}
	return nil
}

// follow is the life of a stream that has begun.
func (h *Handlers) follow(ctx context.Context, s session.Session, place *live.Stream, w watched, box *live.Mailbox, out *live.Writer) error {
	ticks, stop := h.Ticker()
	defer stop()
	expiry := time.NewTimer(s.Expires.Sub(h.Now()))
	defer expiry.Stop()
	change := time.NewTimer(0)
	defer change.Stop()
	if err := beat(ctx, out, w, h.Now()); err != nil {
		return err
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-place.Ended():
			return out.Event(place.End(), nil)
		case <-expiry.C:
			return out.Event(live.EndSignedOut, nil)
		case <-box.C():
			_, data, ok := box.Take()
			if !ok {
				continue
			}
			still, err := w.take(data)
			if err != nil {
				return err
			}
			if !still {
				return out.Event(live.EndForbidden, nil)
			}
		case <-ticks:
			next, err := h.Sessions.Touch(ctx, s)
			if errors.Is(err, problem.NewSignedOut(nil)) {
				return out.Event(live.EndSignedOut, nil)
			}
			if err == nil { // what cannot be asked now is asked at the next tick
				expiry.Reset(next.Expires.Sub(h.Now()))
			}
			_ = h.Desks.Open(ctx, s.Person) // nor does a desk that changes hands end the stream: its age says how old it is
			if err := beat(ctx, out, w, h.Now()); err != nil {
				return err
			}
		case <-change.C:
		}
		now := h.Now()
		if err := send(ctx, out, w.update(now)); err != nil {
			return err
		}
		if d := w.change(now); d > 0 {
			change.Reset(d)
		} else {
			change.Stop()
		}
	}
}

func send(ctx context.Context, out *live.Writer, u update) error {
	if u.Empty() {
		return nil
	}
	var html bytes.Buffer
	if err := u.Render(ctx, &html); err != nil {
		return err
	}
	return out.Data(html.Bytes())
}

func beat(ctx context.Context, out *live.Writer, w watched, now time.Time) error {
	f := w.feed(ctx)
	return out.Event(views.EventBeat, []byte(views.Beat(f, f.Clock(now).UnixMilli())))
}

// deskPage is the desk page of one browser.
type deskPage struct {
	h      *Handlers
	person session.Person
	snap   board.Snapshot
	sent   *views.Desk // nil before the first message
}

func (p *deskPage) begin(ctx context.Context) (err error) {
	p.snap, err = p.h.Desks.Snapshot(ctx, p.person)
	return err
}

func (p *deskPage) take(data []byte) (bool, error) {
	var next board.Snapshot
	if err := json.Unmarshal(data, &next); err != nil {
		return true, err
	}
	if next.Revision >= p.snap.Revision { // At tells no order: it is by RingCentral's clock, and what is known of that moves
		p.snap = next
	}
	return true, nil
}

func (p *deskPage) update(now time.Time) update {
	o := p.h.options()
	o.Supervisor = p.snap.Supervisor
	next := views.NewDesk(p.snap, p.snap.Feed.Clock(now), o)
	u := views.DeskUpdate(p.sent, next)
	p.sent = &next
	return u
}

func (p *deskPage) change(now time.Time) time.Duration {
	return views.DeskChange(p.snap, p.snap.Feed.Clock(now))
}

func (p *deskPage) feed(context.Context) board.Feed { return p.snap.Feed }

// teamPage is the team page of one browser.
type teamPage struct {
	h      *Handlers
	person session.Person
	team   board.Team
	sent   *views.Team
}

func (p *teamPage) begin(ctx context.Context) (err error) {
	p.team, err = p.h.Desks.Team(ctx, p.person)
	return err
}

func (p *teamPage) take(data []byte) (bool, error) {
	var next board.Team
	if err := json.Unmarshal(data, &next); err != nil {
		return true, err
	}
	if next.Over {
		return false, nil
	}
	if next.Revision > p.team.Revision {
		p.team = next
	}
	return true, nil
}

func (p *teamPage) update(now time.Time) update {
	next := views.NewTeam(p.team, p.team.Feed.Clock(now), p.h.teamOptions())
	u := views.TeamUpdate(p.sent, next)
	p.sent = &next
	return u
}

func (p *teamPage) change(now time.Time) time.Duration {
	return views.TeamChange(p.team, p.team.Feed.Clock(now), p.h.teamOptions())
}

// feed is that of the supervisor's own desk: there is one, and a team that does not change is not told anew.
func (p *teamPage) feed(ctx context.Context) board.Feed {
	snap, err := p.h.Desks.Snapshot(ctx, p.person)
	if err == nil {
		p.team.Feed = snap.Feed
	}
	return p.team.Feed
}
