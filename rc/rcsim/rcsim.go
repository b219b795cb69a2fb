// Package rcsim is a local RingCentral: OAuth, REST, the WebSocket gateway and a telephony engine with the truth in memory.
// It is a real server for tests, for the demo and for cmd/rcsim; it shares no type with the product, so that a wrong
// JSON tag cannot pass on both sides.
//
// # In a test
//
//	sim := rcsim.New(rcsim.Options{Seed: 1})             // an http.Handler
//	srv := httptest.NewServer(sim)                       // REST, OAuth and gateway below srv.URL
//	defer srv.Close()
//	defer sim.Close()                                    // first: it ends sockets, streams, hanging requests and timers, and waits
//	tok, _ := sim.SignIn("102", rcsim.ConfidentialClient) // tokens without a browser
//	id, _ := sim.Call("+16505550142", "", "102")         // an outside caller rings 102
//	sim.Answer("102", id)                                // the phone of 102; Hold, Unhold, Hangup, Decline, Mute, Voicemail
//	s2, _ := sim.Dial("102", "103")                      // an extension calls an extension, or an outside number
//	sim.Transfer("102", id, "103")                       // TransferToVoicemail, Forward, Ignore, Park, PickUp, Flip, Switch
//	sim.Record("102", id)                                // PauseRecording, Supervise, Conference, JoinConference, BringIn
//	sim.CallOut("102", "103")                            // as an app does: the phone of 102 rings first
//	sim.OutsideAnswer(number, id); sim.OutsideHangup(number, id)
//	sim.Bridge("102", id, s2); sim.Drop("102", id); sim.Join("101", id) // what an app, or a supervisor's star code, would do
//	sim.Await(ctx, rcsim.Talking("+16505550142", "103")) // never sleep
//	sim.AwaitRequest(ctx, 1, "POST", "/bridge")          // what arrived on the wire
//	sim.SetFault("bridge", rcsim.Fault{Status: 409, Code: "TAS-102", Times: 1})
//	sim.Await(ctx, rcsim.Hanging("bridge"))              // a request hangs in that fault now; rcsim.Met("bridge", n)
//	sim.SetEventFault(rcsim.EventFault{Extension: "102", Drop: 3, Duplicate: 2, Reorder: 4, JitterMs: 50})
//	sim.RefuseConnections(2); sim.Break([]byte(`{"bridge":{"lose":"after"}}`)) // any fault, as the control API takes it
//	sim.HoldEvents(); sim.ReleaseEvents(rcsim.Release{})
//	sim.SetEventDelay(d); sim.SetBridgeEvents(rcsim.BridgeNoPeer); sim.Inject(event, body)
//	sim.CutSocket("102", rcsim.CutReset); sim.RefuseRecovery(true)
//	sim.EndSessions("102"); sim.ExpireAccess("102"); sim.ExpireRefresh("102"); sim.SetScopes(client, …); sim.SetLacks("102", permission)
//	sim.State(); sim.Requests("POST", "/bridge"); sim.Issued() // truth, traffic, the secrets handed out
//	sim.Load(ctx, 1000); sim.Traffic()                   // a busy company: events a second, on an account such as Crowd(10_000, 20)
//
// In this repository conform.New(t, …) takes the place of New: what passes is checked against RingCentral's OpenAPI
// document. Options.Record hands every exchange over, whole; RecordTo and RecordFile write them down.
//
// Everything a test can do, a script can do by the control API below /sim/api (control.go).
//
// # Contract
//
// All state changes under one lock; a change is complete (truth, notifications queued, waiters woken) before the call
// that made it returns. Notifications to one socket leave in order. Server.Close is idempotent and returns when every
// goroutine and timer of the server is gone; an http.Server around it is closed by whoever started it.
//
// # What it does not model
//
// Audio (who hears whom is known, sound is not); SIP; what is in voicemail messages, recordings and replies; the call log
// beyond active-calls; the return of a parked call that nobody picks up; what callers key into a menu; whisper, coaching and
// takeover by star code; business hours, call-handling rules and queue routing beyond ringing members all at once or in order.
//
// Changes of the account: who there is, their devices, numbers, queues and groups are as given, and only presence is set over
// REST. The presence settings allowSeeMyPresence, callerIdVisibility, ringOnMonitoredCall and pickUpCallsOnHold are kept and
// told, without effect; meetings are always disconnected. Event filters other than telephony sessions and presence are accepted
// where RingCentral has them, and nothing is notified.
//
// WebHook and PubNub delivery; more than one account with phones (guests of another account may sign in and read themselves);
// federation, sites, brands and segregated environments; client authentication by private_key_jwt, the password grant; the
// discovery-required header; a limit on the authorize page; TLS. Where RingCentral's behaviour is unknown (API sheet, section
// 11, and what it does not mention), the assumption is a field of [Assumptions] and its zero value is the assumed behaviour.
package rcsim

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"time"
)

// Server is one simulated RingCentral; make it with New and end it with Close.
type Server struct {
	opt  Options
	born Options // as given; faults may change some until they are cleared
	log  *slog.Logger
	mux  *http.ServeMux
	ids  *ids

	signer signer // of id_tokens; lives as long as the server

	ctx    context.Context //nolint:containedctx // the server's own life: ends sockets, streams and hanging requests
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	changed chan struct{} // closed at the next change; nil when nobody waits for it
	timers  map[*timer]struct{}
	dir     *directory
	eng     *engine
	oauth   *oauth
	gate    *gateway
	book    callBook
	meter   *meter
	faults  faults
	seen    []*Request
	tape    []*Tape
	issued  []string
	traffic Traffic
	app     string
}

// New makes a server; it listens nowhere: serve it with net/http, httptest or Start.
func New(opt Options) *Server {
	opt = opt.withDefaults()
	if opt.Seed == 0 {
		var b [8]byte
		_, _ = rand.Read(b[:])
		opt.Seed = binary.LittleEndian.Uint64(b[:]) >> 12 // fits a JSON number
	}
	s := &Server{opt: opt, born: opt, log: opt.Log}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.timers = map[*timer]struct{}{}
	s.fresh()
	s.routes()
	return s
}

// fresh puts the server into its first state: the account as given, no calls, no grants, no sockets.
func (s *Server) fresh() {
	s.restore()
	s.ids = newIDs(s.opt.Seed)
	s.dir = newDirectory(s.opt)
	s.eng = &engine{opt: &s.opt, ids: s.ids, after: s.after}
	s.oauth = newOAuth()
	s.gate = newGateway()
	s.book = callBook{}
	s.meter = newMeter(s.opt.Limits)
	s.faults = newFaults()
	for name, f := range s.opt.Faults {
		s.faults.routes[name] = &f
	}
	for _, f := range s.opt.EventFaults {
		s.setStream(f)
	}
	s.faults.refuseRecovery = s.opt.RefuseRecovery
	s.seen, s.issued, s.tape, s.traffic = nil, nil, nil, Traffic{}
}

// Reset ends every call, grant and socket, clears faults and records, and starts again from the same seed.
func (s *Server) Reset() {
	_ = s.change(func() error {
		for t := range s.timers {
			t.t.Stop()
			delete(s.timers, t)
		}
		s.gate.endAll()
		close(s.faults.release)
		s.fresh()
		return nil
	})
}

// SetApp makes the phones page lead to the app that is tried with this server.
func (s *Server) SetApp(url string) {
	_ = s.change(func() error {
		s.app = url
		return nil
	})
}

// Close ends sockets, streams, hanging requests and timers and waits for them; later calls do nothing.
func (s *Server) Close() error {
	s.mu.Lock()
	if !s.closed {
		s.closed = true
		for t := range s.timers {
			t.t.Stop()
			delete(s.timers, t)
		}
		s.cancel()
		s.wake()
	}
	s.mu.Unlock()
	s.wg.Wait()
	return nil
}

// ServeHTTP answers OAuth, REST, the gateway, the control API and the phones page.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	if s.closed {
		s.mu.Unlock()
		http.Error(w, "the simulator is closed", http.StatusServiceUnavailable)
		return
	}
	s.wg.Add(1)
	s.mu.Unlock()
	defer s.wg.Done()
	s.serve(w, r)
}

// Running is a server that listens on its own address.
type Running struct {
	URL  string
	http *http.Server
	sim  *Server
	done chan struct{} // closed when serving has ended
	fail chan error    // why, when nobody asked for it
}

// Start listens on addr and serves until Stop; it refuses an address that is not loopback unless Options.Exposed.
func (s *Server) Start(ctx context.Context, addr string) (*Running, error) {
	if !s.opt.Exposed && !loopbackAddress(addr) {
		return nil, ErrExposed
	}
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	r := &Running{
		URL:  "http://" + l.Addr().String(),
		http: &http.Server{Handler: s, ReadHeaderTimeout: 10 * time.Second, ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug)},
		sim:  s,
		done: make(chan struct{}),
		fail: make(chan error, 1),
	}
	go func() {
		defer close(r.done)
		if err := r.http.Serve(s.Listener(l)); !errors.Is(err, http.ErrServerClosed) {
			r.fail <- err
		}
	}()
	return r, nil
}

// Failed delivers the error that ended serving, if one does before Stop.
func (r *Running) Failed() <-chan error { return r.fail }

// Stop closes the server and its listener and waits for both.
func (r *Running) Stop(ctx context.Context) error {
	_ = r.sim.Close()
	err := r.http.Shutdown(ctx)
	if err != nil {
		_ = r.http.Close()
	}
	<-r.done
	return err
}

// timer is a pending action of the server's own; Reset and Close stop it.
type timer struct{ t *time.Timer }

// after runs f under the lock once d has passed; stop forgets it. The caller holds the lock.
func (s *Server) after(d time.Duration, f func()) (stop func()) {
	t := &timer{}
	s.timers[t] = struct{}{}
	t.t = time.AfterFunc(d, func() {
		s.mu.Lock()
		if _, live := s.timers[t]; !live || s.closed {
			s.mu.Unlock()
			return
		}
		delete(s.timers, t)
		f()
		s.commit()
		s.mu.Unlock()
	})
	return func() {
		t.t.Stop()
		delete(s.timers, t)
	}
}

// change runs f under the lock and commits what it did, even when it ends in an error.
func (s *Server) change(f func() error) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	err := f()
	s.commit()
	return err
}

// commit turns what the engine did into notifications and wakes whoever waits. The caller holds the lock.
func (s *Server) commit() {
	for _, ev := range s.eng.drain() {
		s.publish(ev)
	}
	s.wake()
}

// wake tells waiters and streams that something changed. The caller holds the lock.
func (s *Server) wake() {
	if s.changed != nil {
		close(s.changed)
		s.changed = nil
	}
}

// nextChange is closed at the next change. The caller holds the lock.
func (s *Server) nextChange() <-chan struct{} {
	if s.changed == nil {
		s.changed = make(chan struct{})
	}
	return s.changed
}

// breathe leaves the server the most of its time after a look at everything that took long, as it does with ten thousand
// people; changes meanwhile are seen by the next look. It returns early with ctx.
func breathe(ctx context.Context, took time.Duration) {
	if took < 2*time.Millisecond {
		return
	}
	t := time.NewTimer(min(20*took, time.Second))
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// now is the server's clock.
func (s *Server) now() time.Time { return s.opt.Now().UTC() }

// keepNewest appends to a record that keeps at least that many of the newest.
func keepNewest[T any](all []T, v T, kept int) []T {
	if len(all) == 2*kept {
		all = append(all[:0:0], all[kept:]...) // half at a time: not every one moves them all
	}
	return append(all, v)
}
