package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

// Home leads to the desk, and the desk to the sign-in where that is needed.
func (h *Handlers) Home(c echo.Context) error { return c.Redirect(http.StatusSeeOther, "/desk") }

// Desk is the page of the person's calls.
func (h *Handlers) Desk(c echo.Context) error {
	s, err := h.signedIn(c)
	if err != nil {
		return err
	}
	return h.deskPage(c, s, http.StatusOK, nil)
}

// flash is the desk page with a sentence about a press that came to nothing.
func (h *Handlers) flash(c echo.Context, s session.Session, p *problem.Problem) error {
	if p.Kind == problem.SignedOut {
		return p
	}
	if err := h.deskPage(c, s, p.Status, shown(p)); err != nil {
		return p // without a desk the problem is a page of its own
	}
	return nil
}

func (h *Handlers) deskPage(c echo.Context, s session.Session, status int, flash *views.Problem) error {
	ctx := c.Request().Context()
	if err := h.Desks.Open(ctx, s.Person); err != nil {
		return err
	}
	snap, err := h.Desks.Snapshot(ctx, s.Person)
	if err != nil {
		return err
	}
	if snap.Feed.State == board.FeedRefused && len(snap.Denied) > 0 {
		return page(c, http.StatusForbidden, views.DeniedPage(snap.Denied, h.options()))
	}
	o := h.options()
	o.Flash, o.Supervisor = flash, snap.Supervisor
	return page(c, status, views.DeskPage(views.NewDesk(snap, snap.Feed.Clock(h.Now()), o)))
}
