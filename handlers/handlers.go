// Package handlers answers each page, press and stream with as little as it
// takes: who is signed in, what they ask for, and the view of the answer.
//
// A press becomes a board.Claim, what the person saw when they pressed, and
// nothing here decides whether it may be done: desks do, and desks are reached
// through an interface, so that everything here is tested without RingCentral.
// Errors are returned; package web turns them into a page with Problem.
package handlers

import (
	"context"
	"net/http"
	"time"

	"github.com/a-h/templ"
	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/session"
)

// Desks is what stands behind the signed-in people, on whichever instance.
type Desks interface {
	// Open says that a person has a page open; their desk runs somewhere after this.
	Open(ctx context.Context, p session.Person) error
	Snapshot(ctx context.Context, p session.Person) (board.Snapshot, error)
	// Follow brings the JSON of each newer board.Snapshot until it is closed.
	Follow(p session.Person) *live.Mailbox
	// Act does what was pressed, or tells why not with a *problem.Problem.
	Act(ctx context.Context, p session.Person, c board.Claim) error
	// Team is forbidden to a person who monitors nobody.
	Team(ctx context.Context, p session.Person) (board.Team, error)
	FollowTeam(p session.Person) *live.Mailbox
}

// Sessions is who is signed in with which browser.
type Sessions interface {
	Begin(w http.ResponseWriter, r *http.Request, returnTo string) (authorizeURL string, err error)
	Finish(w http.ResponseWriter, r *http.Request) (s session.Session, returnTo string, err error)
	Current(r *http.Request) (session.Session, error)
	// Touch reads a session again and counts as use of it.
	Touch(ctx context.Context, s session.Session) (session.Session, error)
	SignOut(w http.ResponseWriter, r *http.Request) error
	SignOutEverywhere(w http.ResponseWriter, r *http.Request) error
}

// Streams counts the streams of each browser session and ends them.
type Streams interface {
	Open(session string, limit int) *live.Stream
}

// Handlers has a method for each route; make it whole, it is not changed afterwards.
type Handlers struct {
	Desks    Desks
	Sessions Sessions
	Streams  Streams
	Demo     bool   // RingCentral is simulated, and every page says so
	Phones   string // URL of the demo's phones page
	Now      func() time.Time
	// Ticker starts a stream's ticker and says how to stop it.
	Ticker func() (ticks <-chan time.Time, stop func())
}

// signedIn is the session of a request, which counts as use of it.
func (h *Handlers) signedIn(c echo.Context) (session.Session, error) {
	s, err := h.Sessions.Current(c.Request())
	if err != nil {
		return session.Session{}, err
	}
	return h.Sessions.Touch(c.Request().Context(), s)
}

// options are what every page is made with.
func (h *Handlers) options() views.Options {
	return views.Options{Demo: h.Demo, PhonesURL: h.Phones}
}

// page answers with a whole page.
func page(c echo.Context, status int, body templ.Component) error {
	c.Response().Header().Set(echo.HeaderContentType, echo.MIMETextHTMLCharsetUTF8)
	c.Response().WriteHeader(status)
	return body.Render(c.Request().Context(), c.Response())
}

// fragment reports whether the page's script asks, which takes parts of a page.
func fragment(c echo.Context) bool { return c.Request().Header.Get("HX-Request") == "true" }
