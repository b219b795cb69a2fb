package handlers

import (
	"net/http"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/views"
)

// Team is the page of the colleagues that a supervisor may monitor.
func (h *Handlers) Team(c echo.Context) error {
	s, err := h.signedIn(c)
	if err != nil {
		return err
	}
	ctx := c.Request().Context()
	if err := h.Desks.Open(ctx, s.Person); err != nil {
		return err
	}
	team, err := h.Desks.Team(ctx, s.Person)
	if err != nil {
		return err
	}
	return page(c, http.StatusOK, views.TeamPage(views.NewTeam(team, team.Feed.Clock(h.Now()), h.teamOptions())))
}

// teamOptions are what the team page is made with: whoever sees it has one.
func (h *Handlers) teamOptions() views.Options {
	o := h.options()
	o.Supervisor = true
	return o
}
