package main

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/cordboard/cordboard/handlers"
	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/desk"
	"github.com/cordboard/cordboard/web/ledger"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/session"
)

// How long an orderly end may take in all, and how much of it requests that are under way get.
const (
	closeTime   = 9 * time.Second
	requestTime = 3 * time.Second
)

const heartbeat = 10 * time.Second

// Config is what an App runs with: settings that were found right, or made by a test.
type Config struct {
	Listen            string
	PublicURL         string // scheme and host; empty takes the address that is listened on
	Certificate       *tls.Certificate
	TrustedProxies    []netip.Prefix
	RingCentralServer string
	ClientID          string
	ClientSecret      string // empty: a public client
	Accounts          []string
	Data              string
	Keys              [][]byte // empty: kept in Data
	NATSURL           string   // empty: embedded
	NATSCredentials   string
	Retention         time.Duration
	MetricsListen     string
	Simulated         bool             // the server at RingCentralServer is rcsim
	Phones            string           // URL of the simulator's phones page
	Now               func() time.Time // nil: time.Now
	Timing            desk.Timing      // zero: the product's times; tests scale them
	Usage             rc.Usage         // how RingCentral's limits are kept; zero: its documented windows
	CallTimeout       time.Duration    // of one request to RingCentral; zero: 10 s
	Log               *slog.Logger
}

// App is one instance of Cordboard. New opens its listeners and wires its parts,
// Run serves until its context ends and then closes it in order, and Close does
// the latter for an App that does not run. All of it may be used from any
// goroutine.
type App struct {
	log     *slog.Logger
	url     string
	admin   string
	servers []server
	stops   []stop // in order of construction, closed in reverse

	closing sync.Once
	err     error
}

// server is an http.Server with the listener that it serves.
type server struct {
	http *http.Server
	on   net.Listener
}

// stop ends one part; it returns when the part has ended or ctx has.
type stop struct {
	part string
	end  func(ctx context.Context) error
}

// New wires an App; after an error nothing of it is left.
func New(ctx context.Context, cfg Config) (*App, error) {
	a := &App{log: cfg.Log}
	if err := a.wire(ctx, cfg); err != nil {
		return nil, errors.Join(err, a.Close())
	}
	return a, nil
}

// URL is where browsers find the App.
func (a *App) URL() string { return a.url }

// AdminURL is where /metrics, /healthz and /readyz are.
func (a *App) AdminURL() string { return a.admin }

func (a *App) wire(ctx context.Context, cfg Config) error {
	public, err := a.listen(ctx, cfg.Listen)
	if err != nil {
		return err
	}
	admin, err := a.listen(ctx, cfg.MetricsListen)
	if err != nil {
		return err
	}
	scheme := "http://"
	if cfg.Certificate != nil {
		scheme = "https://"
	}
	a.url = cmp.Or(cfg.PublicURL, browsable(scheme+public.Addr().String()))
	a.admin = browsable("http://" + admin.Addr().String())

	now := cfg.Now
	if now == nil {
		now = time.Now
	}
	metrics := web.NewMetrics()
	b, err := bus.Open(ctx, bus.Config{
		URL: cfg.NATSURL, Credentials: cfg.NATSCredentials, Dir: cfg.Data, Log: cfg.Log,
		Observe: func(o bus.Observation) { metrics.KV(o.Op, o.Name, o.Took, wentWrong(o.Err)) },
	})
	if err != nil {
		return err
	}
	a.onClose("bus", waits(b.Close))
	hub, err := live.NewHub(b, "live")
	if err != nil {
		return err
	}
	streams, err := live.NewStreams(b, "streams")
	if err != nil {
		return err
	}
	metrics.WatchStreams(streams.Count)

	ringCentral, err := rc.New(rc.Config{
		Server: cfg.RingCentralServer, ClientID: cfg.ClientID, ClientSecret: cfg.ClientSecret,
		UserAgent: "Cordboard/" + version(), Usage: cfg.Usage, Timeout: cfg.CallTimeout, Log: cfg.Log,
		Observe: func(o rc.Observation) {
			metrics.RingCentralRequest(o.Group.String(), o.Status, o.Unsent, o.Duration)
		},
	})
	if err != nil {
		return err
	}
	a.onClose("RingCentral's client", waits(func() error { ringCentral.Close(); return nil }))
	keys := cfg.Keys
	if len(keys) == 0 {
		if keys, err = keptKeys(cfg.Data); err != nil {
			return err
		}
	}
	var leaving sync.WaitGroup // of desks; nobody leaves any more once sessions are closed
	a.onClose("desks of those who signed out", waits(func() error { leaving.Wait(); return nil }))
	sessions, err := session.New(ctx, session.Config{
		RC: ringCentral, Bus: b, PublicURL: a.url, Keys: keys, Accounts: cfg.Accounts, CookieName: cookieName(cfg.Simulated), Now: now, Log: cfg.Log,
	})
	if err != nil {
		return err
	}
	a.onClose("sessions", waits(sessions.Close))
	record, err := ledger.Open(ctx, b, cfg.Retention)
	if err != nil {
		return err
	}
	desks, err := desk.New(ctx, desk.Config{
		RC: ringCentral, Bus: b, Hub: hub, Ledger: record, Grants: sessions, Now: now, Log: cfg.Log, Meter: meter(metrics), Instance: rand.Text(),
		Timing: cfg.Timing,
	})
	if err != nil {
		return err
	}
	a.onClose("desks", waits(func() error { desks.Close(); return nil }))
	sessions.SessionEnded(func(hash, _ string) { streams.EndHere(hash, live.EndSignedOut) })
	sessions.Ended(func(p session.Person, reason string) {
		switch reason {
		case session.ReasonElsewhere, session.ReasonTimedOut, session.ReasonForbidden: // the board stays readable
			desks.SignedOut(p, reason)
		default:
			leaving.Go(func() { desks.Leave(p) })
		}
	})

	a.serve("metrics", web.Listen(web.Admin(metrics, b.Ready), cfg.Log), admin, func() {})
	handler := web.New(web.Config{
		Handlers: &handlers.Handlers{
			Desks: desks, Sessions: sessions, Streams: streams, Demo: cfg.Simulated, Phones: cfg.Phones, Now: now, Ticker: ticker,
		},
		HTTPS: strings.HasPrefix(a.url, "https://"), TrustedProxies: cfg.TrustedProxies, Now: time.Now, Log: cfg.Log,
	})
	srv := web.Listen(handler, cfg.Log)
	if cfg.Certificate != nil {
		srv.TLSConfig = &tls.Config{Certificates: []tls.Certificate{*cfg.Certificate}, MinVersion: tls.VersionTLS12}
	}
	a.serve("web", srv, public, func() { streams.EndAll(live.EndShutdown) })
	return nil
}

// listen opens a listener, which Close closes if its server has not.
func (a *App) listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	a.onClose("listener", func(context.Context) error {
		if err := l.Close(); !errors.Is(err, net.ErrClosed) {
			return err
		}
		return nil
	})
	return l, nil
}

// serve adds a server that Run starts. At its end it stops accepting, then drain
// ends what would never end by itself, and what is under way gets its time.
func (a *App) serve(part string, srv *http.Server, on net.Listener, drain func()) {
	a.servers = append(a.servers, server{srv, on})
	srv.RegisterOnShutdown(drain) // runs when the listener is closed
	a.onClose(part, func(ctx context.Context) error {
		ctx, cancel := context.WithTimeout(ctx, requestTime)
		defer cancel()
		if err := srv.Shutdown(ctx); err != nil {
			a.log.Warn("requests were cut off", "part", part)
			return srv.Close()
		}
		return nil
	})
}

func (a *App) onClose(part string, end func(context.Context) error) {
	a.stops = append(a.stops, stop{part, end})
}

// waits makes a stop of a function without a context; it is left behind when the time is over.
func waits(end func() error) func(context.Context) error {
	return func(ctx context.Context) error {
		done := make(chan error, 1)
		go func() { done <- end() }()
		select {
		case err := <-done:
			return err
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Run serves until ctx ends, or a listener fails, and closes the App.
func (a *App) Run(ctx context.Context) error {
	failed := make(chan error, len(a.servers))
	var serving sync.WaitGroup
	for _, s := range a.servers {
		serving.Go(func() {
			err := s.run()
			if !errors.Is(err, http.ErrServerClosed) {
				failed <- err
			}
		})
	}
	var err error
	select {
	case <-ctx.Done():
		a.log.Info("closing")
	case err = <-failed:
	}
	err = errors.Join(err, a.Close())
	serving.Wait()
	return err
}

func (s server) run() error {
	if s.http.TLSConfig != nil {
		return s.http.ServeTLS(s.on, "", "")
	}
	return s.http.Serve(s.on)
}

// Close ends the App in order within ten seconds: it stops accepting, tells
// browsers to come back, ends feeds, and flushes what is to be kept.
func (a *App) Close() error {
	a.closing.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), closeTime)
		defer cancel()
		for _, s := range slices.Backward(a.stops) {
			if err := s.end(ctx); err != nil {
				a.err = errors.Join(a.err, fmt.Errorf("close %s: %w", s.part, err))
			}
		}
	})
	return a.err
}

// meter counts what desks tell.
func meter(m *web.Metrics) desk.Meter {
	return desk.Meter{
		Feed: func(from, to board.FeedState) {
			if from == to {
				m.FeedOpened(to.String())
				return
			}
			m.FeedMoved(from.String(), to.String())
		},
		FeedGone: func(last board.FeedState) { m.FeedClosed(last.String()) },
		Lag:      m.EventLag,
		Transfer: func(end board.Phase) { m.TransferEnded(end.String()) },
		Unknown:  m.UnknownWord,
	}
}

// wentWrong tells trouble with NATS from its ordinary answers.
func wentWrong(err error) bool {
	for _, ordinary := range []error{nil, bus.ErrNotFound, bus.ErrExists, bus.ErrConflict, bus.ErrNoResponder, context.Canceled} {
		if errors.Is(err, ordinary) {
			return false
		}
	}
	return true
}

// cookieName keeps the demo's cookies apart from those of a real instance on the same host.
func cookieName(simulated bool) string {
	if simulated {
		return "cordboard-demo"
	}
	return "cordboard"
}

// ticker is that of a stream's heartbeat.
func ticker() (<-chan time.Time, func()) {
	t := time.NewTicker(heartbeat)
	return t.C, t.Stop
}
