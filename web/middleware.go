package web

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
	"github.com/labstack/echo/v4/middleware"

	"github.com/cordboard/cordboard/static"
	"github.com/cordboard/cordboard/web/problem"
)

// contentPolicy lets a page load from this server and from nowhere else.
const contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; " +
	"manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// A press is a handful of ids; whoever sends more, or slowly, is not a page of ours.
const (
	maxForm  = 16 << 10
	formTime = 10 * time.Second
)

// through is what each request goes through before its handler, in this order.
func through(https bool, log *slog.Logger, now func() time.Time) []echo.MiddlewareFunc {
	return []echo.MiddlewareFunc{headers(https), requestID, accessLog(log, now), recovered, bodies, sameOrigin(), forms}
}

// headers are those of every response.
func headers(https bool) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			h := c.Response().Header()
			h.Set("Content-Security-Policy", contentPolicy)
			h.Set("X-Content-Type-Options", "nosniff")
			h.Set("Referrer-Policy", "same-origin")
			h.Set("Cross-Origin-Opener-Policy", "same-origin")
			h.Set("Cross-Origin-Resource-Policy", "same-origin")
			h.Set("Cache-Control", "no-store") // static assets say otherwise
			if https {
				h.Set("Strict-Transport-Security", "max-age=31536000")
			}
			return next(c)
		}
	}
}

// requestID names each request in its response and in the log; a client's own id is not believed.
func requestID(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderXRequestID, rand.Text()[:16])
		return next(c)
	}
}

// accessLog writes one line a request, with the pattern of its route and never
// its query, and the private cause of an error: the only place that logs one.
func accessLog(log *slog.Logger, now func() time.Time) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			began := now()
			err := next(c)
			if err != nil {
				c.Error(err) // answers it
			}
			status := c.Response().Status
			attrs := []slog.Attr{
				slog.String("method", method(c.Request().Method)),
				slog.String("route", route(c)),
				slog.Int("status", status),
				slog.Duration("duration", now().Sub(began)),
				slog.String("remote", c.RealIP()),
				slog.String("request_id", c.Response().Header().Get(echo.HeaderXRequestID)),
			}
			level := slog.LevelInfo
			switch {
			case err != nil && errors.Is(err, context.Canceled):
				attrs = append(attrs, slog.Bool("left", true))
			case err != nil:
				attrs = append(attrs, slog.Any("err", err))
				if status >= http.StatusInternalServerError {
					level = slog.LevelError
				}
			case strings.HasPrefix(c.Path(), static.Prefix):
				level = slog.LevelDebug
			}
			log.LogAttrs(c.Request().Context(), level, "request", attrs...)
			return nil
		}
	}
}

// route is the pattern that matched, or a word when none did: the path is the client's text.
func route(c echo.Context) string {
	if p := c.Path(); p != "" {
		return p
	}
	return "none"
}

// method is the request's method if it is a common one: the word is the client's text.
func method(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "other"
}

// recovered turns a panic into an error, with its stack for the log.
func recovered(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) (err error) {
		defer func() {
			v := recover()
			if v == nil {
				return
			}
			if abort, ok := v.(error); ok && errors.Is(abort, http.ErrAbortHandler) {
				panic(v) // net/http's own way to cut a connection
			}
			err = problem.NewInternal(fmt.Errorf("panic: %v\n%s", v, debug.Stack()))
		}()
		return next(c)
	}
}

// sameOrigin refuses what another site's page sends or fetches here; a link from there, and RingCentral's way back, may lead here.
func sameOrigin() echo.MiddlewareFunc {
	protection := http.NewCrossOriginProtection()
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			err := protection.Check(c.Request())
			if err == nil && foreignFetch(c.Request()) {
				err = errForeignFetch
			}
			if err != nil {
				p := problem.NewBadRequest("origin", err)
				p.Status = http.StatusForbidden
				return p
			}
			return next(c)
		}
	}
}

var errForeignFetch = errors.New("fetched by a page of another origin")

// foreignFetch reports whether another origin's page asks for something without going there: cookies come along when that
// is another port or a sister domain, and four streams that it opens would end those of the person's own tabs.
func foreignFetch(r *http.Request) bool {
	switch r.Header.Get("Sec-Fetch-Site") {
	case "cross-site", "same-site":
		return r.Header.Get("Sec-Fetch-Mode") != "navigate"
	}
	return false
}

// bodies lets no body hold its connection: net/http reads what is left of one that nobody wanted, and waits for it without
// end. It has the time of a form to come, and its connection ends with the answer; forms lifts both.
func bodies(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.ContentLength == 0 {
			return next(c)
		}
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Now().Add(formTime)) // a response without deadlines is a test's
		if r.ProtoMajor == 1 {
			c.Response().Header().Set(echo.HeaderConnection, "close")
		}
		return next(c)
	}
}

// forms reads the small form of a request that changes state, within its limits of size and time.
func forms(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		r := c.Request()
		if r.Method != http.MethodPost {
			return next(c)
		}
		r.Body = http.MaxBytesReader(c.Response(), r.Body, maxForm)
		err := r.ParseForm()
		if err == nil {
			_, err = io.Copy(io.Discard, r.Body) // of another type than a form
		}
		if err != nil {
			p := problem.NewBadRequest("form", err)
			if tooLarge := new(http.MaxBytesError); errors.As(err, &tooLarge) {
				p.Status = http.StatusRequestEntityTooLarge
			}
			return p
		}
		_ = http.NewResponseController(c.Response()).SetReadDeadline(time.Time{})
		c.Response().Header().Del(echo.HeaderConnection)
		return next(c)
	}
}

// remote says who a client is: the peer, or what the proxies say that are trusted.
func remote(trusted []netip.Prefix) echo.IPExtractor {
	if len(trusted) == 0 {
		return echo.ExtractIPDirect()
	}
	options := []echo.TrustOption{echo.TrustLoopback(false), echo.TrustLinkLocal(false), echo.TrustPrivateNet(false)}
	for _, p := range trusted {
		options = append(options, echo.TrustIPRange(&net.IPNet{
			IP:   p.Addr().AsSlice(),
			Mask: net.CIDRMask(p.Bits(), p.Addr().BitLen()),
		}))
	}
	return echo.ExtractIPFromXFFHeader(options...)
}

// Sign-ins that one address may begin: a whole office behind it may at once, a
// flood that fills the disk with unfinished ones may not.
const (
	signInsPerSecond = 10
	signInsAtOnce    = 100
)

// unhurried limits how often one address may do what anybody may.
func unhurried() echo.MiddlewareFunc {
	return middleware.RateLimiterWithConfig(middleware.RateLimiterConfig{
		Store: middleware.NewRateLimiterMemoryStoreWithConfig(middleware.RateLimiterMemoryStoreConfig{
			Rate: signInsPerSecond, Burst: signInsAtOnce, ExpiresIn: time.Minute,
		}),
		IdentifierExtractor: func(c echo.Context) (string, error) { return c.RealIP(), nil },
		DenyHandler: func(_ echo.Context, _ string, err error) error {
			return problem.NewTooMany(time.Second, err)
		},
	})
}
