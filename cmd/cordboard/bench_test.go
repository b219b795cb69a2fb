package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/handlers"
	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/desk"
	"github.com/cordboard/cordboard/web/ledger"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/session"
)

// BenchmarkEventToStreams is one call event from RingCentral's socket (loopback,
// the simulator's sending included) to the bytes of all streams of the person's
// pages: decode, fold, pair, snapshot, bus, render and write. One operation is
// one event on every stream.
func BenchmarkEventToStreams(b *testing.B) {
	for _, streams := range []int{1, 100, 2000} {
		b.Run(fmt.Sprintf("streams=%d", streams), func(b *testing.B) { benchStreams(b, streams) })
	}
}

func benchStreams(b *testing.B, streams int) {
	b.Helper()
	log := slog.New(slog.DiscardHandler)
	sim := rcsim.New(rcsim.Options{Seed: 1, Limits: rcsim.Unlimited(), RingTimeout: -1})
	server := httptest.NewServer(sim)
	b.Cleanup(func() {
		_ = sim.Close()
		server.Close()
	})
	client, err := rc.New(rc.Config{Server: server.URL, ClientID: rcsim.ConfidentialClient, Log: log})
	must(b, err)
	nats, err := bus.Open(b.Context(), bus.Config{Dir: b.TempDir(), Log: log})
	must(b, err)
	b.Cleanup(func() { _ = nats.Close() })
	hub, err := live.NewHub(nats, "live")
	must(b, err)
	book, err := ledger.Open(b.Context(), nats, time.Hour)
	must(b, err)
	u := sim.Account().Users[2]
	person := session.Person{AccountID: sim.Account().ID, ExtensionID: u.ID, ExtensionNumber: u.Number, Name: u.First}
	token, err := sim.SignIn(u.Number, rcsim.ConfidentialClient)
	must(b, err)
	desks, err := desk.New(b.Context(), desk.Config{RC: client, Bus: nats, Hub: hub, Ledger: book, Grants: oneToken(token.Access), Log: log})
	must(b, err)
	b.Cleanup(desks.Close)
	must(b, desks.Open(b.Context(), person))

	// A customer talks to the agent; the rest are events of hold and unhold.
	call, err := sim.Call("+16505550142", "Eleanor Marsh", u.Number)
	must(b, err)
	must(b, sim.Answer(u.Number, call))
	for {
		snap, err := desks.Snapshot(b.Context(), person)
		must(b, err)
		if l, ok := snap.Board.Leg(call); ok && snap.Feed.State == board.FeedLive && l.Far.State == board.FarAnswered {
			break
		}
	}
	places, err := live.NewStreams(nats, "streams")
	must(b, err)
	b.Cleanup(places.Close)
	h := &handlers.Handlers{
		Desks: desks, Sessions: oneSession{person}, Streams: crowd{places}, Now: time.Now,
		Ticker: func() (<-chan time.Time, func()) { return nil, func() {} },
	}
	ctx, leave := context.WithCancel(b.Context())
	var open sync.WaitGroup
	b.Cleanup(func() { leave(); open.Wait() })
	web := echo.New()
	wrote := make(chan struct{}, streams)
	var written atomic.Int64
	for range streams {
		w := &streamEnd{header: http.Header{}, wrote: wrote, written: &written}
		c := web.NewContext(httptest.NewRequestWithContext(ctx, http.MethodGet, "/desk/stream", http.NoBody), w)
		open.Go(func() { _ = h.DeskStream(c) })
	}
	for range streams {
		<-wrote // each has the present board
	}
	held := false
	written.Store(0)
	b.ReportAllocs()
	for b.Loop() {
		if held = !held; held {
			must(b, sim.Hold(u.Number, call))
		} else {
			must(b, sim.Unhold(u.Number, call))
		}
		for range streams {
			<-wrote
		}
	}
	b.ReportMetric(float64(written.Load())/float64(b.N)/float64(streams), "wire-B/stream")
}

func must(b *testing.B, err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

// oneToken is the grant of the one person of the benchmark.
type oneToken string

func (t oneToken) Token(context.Context, session.Person) (string, error) { return string(t), nil }

func (t oneToken) Refused(context.Context, session.Person, string) (string, error) {
	return string(t), nil
}

func (t oneToken) Broken(context.Context, session.Person) (string, error) { return "", nil }

// oneSession is the one person, signed in with every browser.
type oneSession struct{ person session.Person }

func (s oneSession) Begin(http.ResponseWriter, *http.Request, string) (string, error) { return "", nil }

func (s oneSession) Finish(http.ResponseWriter, *http.Request) (session.Session, string, error) {
	return session.Session{}, "", nil
}

func (s oneSession) Current(*http.Request) (session.Session, error) {
	return session.Session{Hash: "h", Person: s.person, Expires: time.Now().Add(time.Hour)}, nil
}

func (s oneSession) Touch(_ context.Context, in session.Session) (session.Session, error) {
	return in, nil
}

func (s oneSession) SignOut(http.ResponseWriter, *http.Request) error { return nil }

func (s oneSession) SignOutEverywhere(http.ResponseWriter, *http.Request) error { return nil }

// crowd gives every stream its place.
type crowd struct{ *live.Streams }

func (c crowd) Open(hash string, _ int) *live.Stream { return c.Streams.Open(hash, 1<<20) }

// streamEnd is a browser's end of a stream: it tells of each flushed message with
// a page's regions, and counts the bytes.
type streamEnd struct {
	header  http.Header
	wrote   chan<- struct{}
	written *atomic.Int64
	page    bool
}

func (w *streamEnd) Header() http.Header              { return w.header }
func (w *streamEnd) WriteHeader(int)                  {}
func (w *streamEnd) SetWriteDeadline(time.Time) error { return nil }

func (w *streamEnd) Write(p []byte) (int, error) {
	w.written.Add(int64(len(p)))
	w.page = w.page || len(p) > 5 && string(p[:5]) == "data:"
	return len(p), nil
}

func (w *streamEnd) Flush() {
	if w.page {
		w.page = false
		w.wrote <- struct{}{}
	}
}
