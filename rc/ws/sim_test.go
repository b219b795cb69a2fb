package ws_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/rc/ws"
)

const (
	customer  = "+16505550142"
	ownFilter = "/restapi/v1.0/account/~/extension/~/telephony/sessions"
)

// world is a simulated RingCentral and a client of it.
type world struct {
	*rcsim.Server
	t      *testing.T
	client *rc.Client
	log    *lockedLog
}

type lockedLog struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lockedLog) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func newWorld(t *testing.T, opt rcsim.Options) *world {
	t.Helper()
	opt.Seed = 7
	sim := conform.New(t, opt)
	srv := httptest.NewServer(sim)
	client, err := rc.New(rc.Config{Server: srv.URL, ClientID: rcsim.PublicClient})
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: sim, t: t, client: client, log: &lockedLog{}}
	t.Cleanup(func() {
		for _, secret := range sim.Issued() {
			if strings.Contains(w.log.String(), secret) {
				t.Errorf("the log tells %q:\n%s", secret, w.log)
			}
		}
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
		client.Close()
		srv.Close()
	})
	return w
}

// feed is a running feed with what it said.
type feed struct {
	*ws.Feed
	t        *testing.T
	messages chan ws.Message
	ended    chan error
	stop     func()
}

// listen runs a feed of somebody until the test ends.
func (w *world) listen(number string, filters ...string) *feed {
	w.t.Helper()
	tokens, err := w.SignIn(number, rcsim.PublicClient)
	if err != nil {
		w.t.Fatal(err)
	}
	p := w.client.As(number, func(context.Context) (string, error) { return tokens.Access, nil })
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.t.Context()))
	f := &feed{
		Feed: ws.New(ws.Config{
			Token: p.WSToken, Filters: filters,
			Log:    slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
			Timing: ws.Timing{Retry: 20 * time.Millisecond, RetryMax: 200 * time.Millisecond},
		}),
		t: w.t, messages: make(chan ws.Message, 1000), ended: make(chan error, 1), stop: cancel,
	}
	go func() {
		f.ended <- f.Run(ctx, func(m ws.Message) { f.messages <- m })
		close(f.messages)
	}()
	w.t.Cleanup(func() {
		cancel()
		for range f.messages { // until Run has returned
		}
	})
	return f
}

// await is the next message of type M that fits; others are passed over.
func await[M ws.Message](f *feed, fits func(M) bool) M {
	f.t.Helper()
	for {
		select {
		case m, open := <-f.messages:
			if !open {
				f.t.Fatalf("the feed ended: %v", <-f.ended)
			}
			if got, ok := m.(M); ok && (fits == nil || fits(got)) {
				return got
			}
		case <-time.After(20 * time.Second):
			var zero M
			f.t.Fatalf("no %T", zero)
		}
	}
}

// event fits a note of a session whose party has that state.
func event(session string, code telephony.Code) func(ws.Note) bool {
	return func(n ws.Note) bool {
		return n.Event != nil && n.Event.SessionID == session && n.Event.Parties[0].Status.Code == code
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func TestACallIsHeard(t *testing.T) {
	w := newWorld(t, rcsim.Options{SingleUseWSToken: true})
	f := w.listen("102", ownFilter)
	if up := await[ws.Up](f, nil); up.Recovered || len(up.Disabled) != 0 {
		t.Errorf("up %+v", up)
	}
	call := must[string](t)(w.Call(customer, "Eleanor Marsh", "102"))
	ringing := await(f, event(call, telephony.Proceeding))
	if p := ringing.Event.Parties[0]; p.From.PhoneNumber != customer || p.From.Name != "Eleanor Marsh" || p.ExtensionID == "" || p.AccountID != w.Account().ID {
		t.Errorf("party %+v", p)
	}
	if err := w.Answer("102", call); err != nil {
		t.Fatal(err)
	}
	answered := await(f, event(call, telephony.Answered))
	if answered.Event.Sequence <= ringing.Event.Sequence || answered.Event.UnknownFields != 0 || answered.Event.At.IsZero() || answered.Sent.Before(answered.Event.At) {
		t.Errorf("event %+v", answered.Event)
	}
	if f.Heard().IsZero() || f.Undecoded() != 0 {
		t.Errorf("heard %v, %d undecoded", f.Heard(), f.Undecoded())
	}
}

func TestACutSocketMissesNothing(t *testing.T) {
	for _, how := range []rcsim.CutMode{rcsim.CutReset, rcsim.CutClean} {
		t.Run(string(how), func(t *testing.T) {
			w := newWorld(t, rcsim.Options{SingleUseWSToken: true})
			f := w.listen("102", ownFilter)
			await[ws.Up](f, nil)
			call := must[string](t)(w.Call(customer, "", "102"))
			await(f, event(call, telephony.Proceeding))

			if n := w.CutSocket("102", how); n != 1 {
				t.Fatalf("%d sockets cut", n)
			}
			if err := w.Answer("102", call); err != nil { // while nobody listens
				t.Fatal(err)
			}
			await[ws.Down](f, nil)
			if up := await[ws.Up](f, nil); !up.Recovered || up.Overflow || up.Missed <= 0 {
				t.Errorf("up %+v", up)
			}
			await(f, event(call, telephony.Answered))
			if err := w.Hold("102", call); err != nil {
				t.Fatal(err)
			}
			await(f, event(call, telephony.Hold))
			if err := w.Await(t.Context(), rcsim.Connected("102", 1)); err != nil {
				t.Error(err)
			}
		})
	}
}

func TestARefusedRecoverySubscribesAnew(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	f := w.listen("102", ownFilter)
	await[ws.Up](f, nil)
	w.RefuseRecovery(true)
	w.CutSocket("102", rcsim.CutReset)
	if up := await[ws.Up](f, nil); up.Recovered {
		t.Errorf("up %+v", up)
	}
	call := must[string](t)(w.Call(customer, "", "102"))
	await(f, event(call, telephony.Proceeding))
}

func TestMoreMissedThanTheBufferHolds(t *testing.T) {
	w := newWorld(t, rcsim.Options{RecoveryBuffer: 2})
	f := w.listen("102", ownFilter)
	await[ws.Up](f, nil)
	call := must[string](t)(w.Call(customer, "", "102"))
	await(f, event(call, telephony.Proceeding))
	w.CutSocket("102", rcsim.CutReset)
	for _, act := range []func(string, string) error{w.Answer, w.Hold, w.Unhold, w.Hold} {
		if err := act("102", call); err != nil {
			t.Fatal(err)
		}
	}
	await(f, func(u ws.Up) bool { return u.Recovered && u.Overflow })
}

func TestASilentSocketIsNoticed(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	tokens := must[rcsim.Tokens](t)(w.SignIn("102", rcsim.PublicClient))
	p := w.client.As("102", func(context.Context) (string, error) { return tokens.Access, nil })
	f := &feed{
		Feed: ws.New(ws.Config{Token: p.WSToken, Filters: []string{ownFilter}, Timing: ws.Timing{Ping: 50 * time.Millisecond, Dead: 300 * time.Millisecond}}),
		t:    t, messages: make(chan ws.Message, 100), ended: make(chan error, 1),
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer func() {
		cancel()
		if err := <-f.ended; !errors.Is(err, context.Canceled) {
			t.Errorf("ended with %v", err)
		}
	}()
	go func() { f.ended <- f.Run(ctx, func(m ws.Message) { f.messages <- m }) }()
	await[ws.Up](f, nil)
	w.CutSocket("102", rcsim.CutSilent)
	if down := await[ws.Down](f, nil); !errors.Is(down.Err, ws.ErrDead) {
		t.Errorf("down %+v", down)
	}
	await[ws.Up](f, nil)
}

func TestASupervisorHearsTheTeam(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := func(number string) string {
		users := w.Account().Users
		return users[slices.IndexFunc(users, func(u rcsim.User) bool { return u.Number == number })].ID
	}
	filter := func(number string) string {
		return "/restapi/v1.0/account/~/extension/" + id(number) + "/telephony/sessions"
	}
	f := w.listen("101", ownFilter, filter("102"), filter("112"))
	up := await[ws.Up](f, nil)
	if len(up.Disabled) != 1 || !strings.Contains(up.Disabled[0].Filter, id("112")) || up.Disabled[0].Reason == "" {
		t.Errorf("disabled %+v", up.Disabled)
	}
	call := must[string](t)(w.Call(customer, "", "102"))
	await(f, event(call, telephony.Proceeding))

	presence := strings.Replace(filter("103"), "/telephony/sessions", "/presence?detailedTelephonyState=true", 1)
	if err := f.SetFilters(t.Context(), []string{ownFilter, filter("102"), presence}); err != nil {
		t.Fatal(err)
	}
	if got := await[ws.Filters](f, nil); len(got.Active) != 3 || len(got.Disabled) != 0 || got.Err != nil {
		t.Errorf("filters %+v", got)
	}
	consult := must[string](t)(w.Call(customer, "", "103"))
	n := await(f, func(n ws.Note) bool { return n.Presence != nil && len(n.Presence.ActiveCalls) > 0 })
	if n.Presence.ExtensionID != id("103") || n.Presence.ActiveCalls[0].SessionID != consult {
		t.Errorf("presence %+v", n.Presence)
	}
}

func TestASubscriptionWithoutTheScopeIsAPermanentRefusal(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	w.SetScopes(rcsim.PublicClient, "ReadAccounts")
	f := w.listen("102", ownFilter)
	var e *rc.Error
	if err := <-f.ended; !errors.As(err, &e) || e.Code != "CMN-401" || e.Permission != "WebSocket" {
		t.Errorf("ended with %v", err)
	}
}

func TestARevokedSessionEndsTheFeed(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	f := w.listen("102", ownFilter)
	await[ws.Up](f, nil)
	if n := w.EndSessions("102"); n == 0 {
		t.Fatal("no session ended")
	}
	for m := range f.messages {
		if up, ok := m.(ws.Up); ok {
			t.Errorf("up again: %+v", up)
		}
	}
	if err := <-f.ended; !errors.Is(err, rc.ErrSessionEnded) {
		t.Errorf("ended with %v", err)
	}
}

func TestASixthSignInEndsTheFeed(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	f := w.listen("102", ownFilter)
	await[ws.Up](f, nil)
	for range 5 { // elsewhere
		must[rcsim.Tokens](t)(w.SignIn("102", rcsim.PublicClient))
	}
	await[ws.Down](f, nil)
	if err := <-f.ended; !errors.Is(err, rc.ErrSessionEnded) {
		t.Errorf("ended with %v", err)
	}
}

func TestNothingIsAskedForTooOften(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	f := w.listen("102", ownFilter)
	for range 3 {
		await[ws.Up](f, nil)
		if err := w.Await(t.Context(), rcsim.Subscribed("102")); err != nil {
			t.Fatal(err)
		}
		w.CutSocket("102", rcsim.CutReset)
	}
	await[ws.Up](f, nil)
	w.CutSocket("102", rcsim.CutReset)
	down := await(f, func(d ws.Down) bool { return d.Next > 10*time.Second }) // the fifth in a minute
	if down.Next > 62*time.Second {
		t.Errorf("down %+v", down)
	}
	for _, r := range w.Requests("POST", "/restapi/oauth/wstoken") {
		if r.Status != 200 {
			t.Errorf("wstoken answered %d", r.Status)
		}
	}
	f.stop()
}
