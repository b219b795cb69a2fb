// Package web is the HTTP server: every route on one screen, what each request
// goes through before its handler, and the one place where an error becomes a
// status, a page and a line in the log. It knows nothing of calls.
//
// The handler that New makes starts no goroutine and keeps no state; streams end
// when whoever opened them (live.Streams) ends them, so shut those down before
// the http.Server.
package web

import (
	"errors"
	"log/slog"
	"net/http"
	"net/netip"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/handlers"
	"github.com/cordboard/cordboard/static"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

// Config is what the server is made of.
type Config struct {
	Handlers       *handlers.Handlers
	HTTPS          bool // browsers come by https, here or at a proxy
	TrustedProxies []netip.Prefix
	Now            func() time.Time
	Log            *slog.Logger
}

// New makes the handler of the public address.
func New(cfg Config) http.Handler {
	e := echo.New()
	e.HideBanner, e.HidePort = true, true
	e.IPExtractor = remote(cfg.TrustedProxies)
	e.SchemeExtractor = echo.ExtractSchemeDirect()
	e.HTTPErrorHandler = fail(cfg.Handlers)
	e.Use(through(cfg.HTTPS, cfg.Log, cfg.Now)...)
	routes(e, cfg.Handlers)
	return e
}

func routes(e *echo.Echo, h *handlers.Handlers) {
	e.GET("/", h.Home)

	e.GET("/signin", h.SignIn)
	e.GET("/signin/start", h.StartSignIn, unhurried())
	e.GET(session.CallbackPath, h.FinishSignIn)
	e.POST("/signout", h.SignOut)
	e.POST("/signout/everywhere", h.SignOutEverywhere)
	e.GET("/signedout", h.SignedOut)

	e.GET("/desk", h.Desk)
	e.GET("/desk/stream", h.DeskStream)
	e.POST("/desk/complete", h.Complete)
	e.POST("/desk/back", h.Back)
	e.POST("/desk/choose", h.Choose)
	e.POST("/desk/hold", h.Hold)
	e.POST("/desk/unhold", h.Unhold)
	e.POST("/desk/hangup", h.HangUp)
	e.POST("/desk/reread", h.Reread)

	e.GET("/team", h.Team)
	e.GET("/team/stream", h.TeamStream)

	e.GET(static.Prefix+"*", echo.WrapHandler(static.Handler()))
}

// fail answers an error with its page; accessLog has the cause.
func fail(h *handlers.Handlers) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if c.Response().Committed {
			return
		}
		p := problem.From(err)
		if of := new(echo.HTTPError); errors.As(err, &of) { // of the router: no such page, no such method
			p = problem.NewNotFound(err)
			p.Status = of.Code
		}
		if err := h.Problem(c, p); err != nil && !c.Response().Committed {
			_ = c.NoContent(p.Status)
		}
	}
}

// Listen is the http.Server around a handler, with the deadlines that fit both pages and streams.
func Listen(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: 10 * time.Second,
		WriteTimeout:      30 * time.Second, // a stream sets its own, write by write
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelDebug),
	}
}
