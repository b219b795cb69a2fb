package handlers

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web/problem"
)

// Problem answers with a problem in the form that was asked for: a page, parts
// of a page for the script's presses, or a bare status for a stream. Somebody
// who is not signed in and asks for a page is led to the sign-in.
func (h *Handlers) Problem(c echo.Context, p *problem.Problem) error {
	if wait := p.Args[problem.ArgSeconds]; wait != "" {
		c.Response().Header().Set(echo.HeaderRetryAfter, wait)
	}
	r := c.Request()
	switch {
	case r.Method == http.MethodHead:
		return c.NoContent(p.Status)
	case strings.HasPrefix(r.Header.Get(echo.HeaderAccept), "text/event-stream"):
		return c.NoContent(p.Status)
	case fragment(c):
		return page(c, p.Status, views.FlashUpdate(*shown(p)))
	case p.Kind == problem.SignedOut && r.Method == http.MethodGet:
		return c.Redirect(http.StatusSeeOther, "/signin?return="+url.QueryEscape(r.URL.Path))
	}
	if d := denied(p); d != (board.Denied{}) {
		return page(c, p.Status, views.DeniedPage([]board.Denied{d}, h.options()))
	}
	_, err := h.Sessions.Current(r)
	return page(c, p.Status, views.ErrorPage(*shown(p), err == nil, h.options()))
}

// denied is what RingCentral does not allow, of a problem that says so.
func denied(p *problem.Problem) board.Denied {
	return board.Denied{Scope: p.Args[problem.ArgScope], Permission: p.Args[problem.ArgPermission]}
}

// shown is what views may know of a problem.
func shown(p *problem.Problem) *views.Problem {
	return &views.Problem{Code: p.Code, Args: p.Args, Status: p.Status}
}
