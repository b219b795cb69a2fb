package session

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait bounds every wait of these tests; none takes it unless it fails.
const wait = 10 * time.Second

// errLost is an answer that never arrived.
var errLost = &rc.Error{Method: http.MethodPost, Path: "/token", Err: errors.New("connection reset")}

// fakeRC is RingCentral's OAuth as its guide describes it: pairs that rotate, and an old refresh token that gives the same
// new pair until the new access token is used.
type fakeRC struct {
	now func() time.Time

	mu        sync.Mutex
	count     int
	people    map[string]rc.Extension // by code
	verifiers map[string]string       // by state, as the challenge
	live      []*oauthSession
	issued    []string
	revoked   []string
	refreshes int
	calls     int
	hook      func(op string) error // after the work is done, before the answer
	before    func(op string) error // before the work is done
}

type oauthSession struct {
	id              string
	ext             rc.Extension
	access, refresh string
	previous        string
	used            bool
	expires         time.Time
}

const accessLife = time.Hour

func (f *fakeRC) secret(kind string) string {
	f.count++
	s := fmt.Sprintf("SECRET-%s-%d", kind, f.count)
	f.issued = append(f.issued, s)
	return s
}

// approve is a person who says yes on RingCentral's page.
func (f *fakeRC) approve(p rc.Extension) (code string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	code = f.secret("code")
	f.people[code] = p
	return code
}

func (f *fakeRC) AuthCodeURL(redirectURI, state, verifier string) string {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.issued = append(f.issued, verifier)
	f.verifiers[state] = verifier
	return "https://rc.example/authorize?" + url.Values{"redirect_uri": {redirectURI}, "state": {state}}.Encode()
}

func (f *fakeRC) run(ctx context.Context, op string, do func() error) error {
	f.mu.Lock()
	f.calls++
	before, hook := f.before, f.hook
	f.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return &rc.Error{Path: op, Unsent: true, Err: err}
	}
	if before != nil {
		if err := before(op); err != nil {
			return err
		}
	}
	f.mu.Lock()
	err := do()
	f.mu.Unlock()
	if err == nil && hook != nil {
		err = hook(op)
	}
	return err
}

func (f *fakeRC) Exchange(ctx context.Context, _, code, verifier string) (t rc.Token, err error) {
	err = f.run(ctx, "exchange", func() error {
		p, ok := f.people[code]
		known := false
		for _, v := range f.verifiers {
			known = known || v == verifier
		}
		if !ok || !known {
			return refusal("OAU-106")
		}
		delete(f.people, code)
		f.count++
		s := &oauthSession{id: fmt.Sprint("oauth-", f.count), ext: p}
		f.live = append(f.live, s)
		t = f.rotate(s)
		s.previous = ""
		return nil
	})
	return t, err
}

func (f *fakeRC) rotate(s *oauthSession) rc.Token {
	s.previous = s.refresh
	s.access, s.refresh, s.used = f.secret("access"), f.secret("refresh"), false
	s.expires = f.now().Add(accessLife)
	return f.token(s)
}

func (f *fakeRC) token(s *oauthSession) rc.Token {
	return rc.Token{
		Access: s.access, Refresh: s.refresh, OwnerID: s.ext.ID, SessionID: s.id,
		AccessExpires: s.expires, RefreshExpires: f.now().Add(defaultLifetime),
	}
}

func (f *fakeRC) Refresh(ctx context.Context, refresh string) (t rc.Token, err error) {
	err = f.run(ctx, "refresh", func() error {
		f.refreshes++
		for _, s := range f.live {
			switch {
			case s.refresh == refresh:
				t = f.rotate(s)
				return nil
			case s.previous == refresh && !s.used:
				t = f.token(s)
				return nil
			}
		}
		return refusal("OAU-213")
	})
	return t, err
}

func (f *fakeRC) Revoke(ctx context.Context, token string) error {
	return f.run(ctx, "revoke", func() error {
		f.live = slices.DeleteFunc(f.live, func(s *oauthSession) bool {
			hit := s.access == token || s.refresh == token
			if hit {
				f.revoked = append(f.revoked, s.id)
			}
			return hit
		})
		return nil
	})
}

func (f *fakeRC) Me(ctx context.Context, access string) (p rc.Extension, err error) {
	err = f.run(ctx, "me", func() error {
		for _, s := range f.live {
			if s.access == access && f.now().Before(s.expires) {
				s.used = true
				p = s.ext
				return nil
			}
		}
		return &rc.Error{Path: "/me", Status: http.StatusUnauthorized, Code: "OAU-128"}
	})
	return p, err
}

func (f *fakeRC) SignedIn(string) {}

// kill is RingCentral ending every OAuth session by itself.
func (f *fakeRC) kill() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.live = nil
}

func (f *fakeRC) counts() (live, revoked, refreshes int) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.live), len(f.revoked), f.refreshes
}

func refusal(code string) error {
	return &rc.Error{Method: http.MethodPost, Path: "/token", Status: http.StatusBadRequest, Code: code, Message: "no"}
}

// world is one RingCentral, one bus, one clock, and any number of instances.
type world struct {
	t   *testing.T
	rc  *fakeRC
	bus *bus.Bus
	dir string
	log *safeBuffer

	mu    sync.Mutex
	clock time.Time
	later []*timer
	told  chan string
}

type timer struct {
	at   time.Time
	f    func()
	dead bool
}

var (
	agent      = rc.Extension{ID: "101", Number: "101", Name: "Ada Agent", AccountID: "1"}
	colleague  = rc.Extension{ID: "102", Number: "102", Name: "Carl Colleague", AccountID: "1"}
	foreigner  = rc.Extension{ID: "901", Number: "101", Name: "Fay Foreign", AccountID: "9"}
	agentP     = Person{AccountID: "1", ExtensionID: "101", ExtensionNumber: "101", Name: "Ada Agent"}
	colleagueP = Person{AccountID: "1", ExtensionID: "102", ExtensionNumber: "102", Name: "Carl Colleague"}
)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), clock: time.Now(), log: &safeBuffer{}, told: make(chan string, 100)}
	w.rc = &fakeRC{now: w.now, people: map[string]rc.Extension{}, verifiers: map[string]string{}}
	w.open()
	return w
}

func (w *world) open() {
	w.t.Helper()
	b, err := bus.Open(w.t.Context(), bus.Config{Dir: w.dir})
	if err != nil {
		w.t.Fatal(err)
	}
	w.bus = b
	w.t.Cleanup(func() { _ = b.Close() })
}

// reopen is the process ending, and another beginning on the same files.
func (w *world) reopen() {
	w.t.Helper()
	if err := w.bus.Close(); err != nil {
		w.t.Fatal(err)
	}
	w.open()
}

func (w *world) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.clock
}

// pass lets time go by and runs what was put off until then.
func (w *world) pass(d time.Duration) {
	w.mu.Lock()
	w.clock = w.clock.Add(d)
	var due []*timer
	for _, x := range w.later {
		if !x.dead && !x.at.After(w.clock) {
			x.dead = true
			due = append(due, x)
		}
	}
	w.mu.Unlock()
	for _, x := range due {
		x.f()
	}
}

func (w *world) after(d time.Duration, f func()) func() {
	w.mu.Lock()
	defer w.mu.Unlock()
	x := &timer{at: w.clock.Add(d), f: f}
	w.later = append(w.later, x)
	return func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		x.dead = true
	}
}

func testKey(b byte) []byte { return bytes.Repeat([]byte{b}, KeySize) }

// instance starts one process's sessions; what it is told goes to w.told.
func (w *world) instance(change ...func(*Config)) *Sessions {
	w.t.Helper()
	cfg := Config{
		Bus: w.bus, PublicURL: "https://cord.example", Keys: [][]byte{testKey(1)},
		Now: w.now, After: w.after, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	for _, c := range change {
		c(&cfg)
	}
	s, err := newSessions(w.t.Context(), cfg, w.rc)
	if err != nil {
		w.t.Fatal(err)
	}
	s.Ended(func(p Person, reason string) { w.told <- "person " + p.Key() + " " + reason })
	s.SessionEnded(func(_, reason string) { w.told <- "browser " + reason })
	w.t.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.t.Error(err)
		}
	})
	return s
}

// browser keeps cookies and nothing else.
type browser struct {
	t       *testing.T
	cookies map[string]string
}

func newBrowser(t *testing.T) *browser {
	t.Helper()
	return &browser{t, map[string]string{}}
}

func (b *browser) request(target string) *http.Request {
	r := httptest.NewRequestWithContext(b.t.Context(), http.MethodGet, target, nil)
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	return r
}

func (b *browser) take(w *httptest.ResponseRecorder) {
	for _, c := range w.Result().Cookies() {
		if c.MaxAge < 0 {
			delete(b.cookies, c.Name)
		} else {
			b.cookies[c.Name] = c.Value
		}
	}
}

// begin starts a sign-in and returns its state.
func (b *browser) begin(s *Sessions, returnTo string) (state string) {
	b.t.Helper()
	w := httptest.NewRecorder()
	to, err := s.Begin(w, b.request("https://cord.example/sign-in"), returnTo)
	if err != nil {
		b.t.Fatal(err)
	}
	b.take(w)
	u, err := url.Parse(to)
	if err != nil {
		b.t.Fatal(err)
	}
	return u.Query().Get("state")
}

func (b *browser) finish(s *Sessions, query url.Values) (Session, string, error) {
	w := httptest.NewRecorder()
	sess, returnTo, err := s.Finish(w, b.request("https://cord.example"+CallbackPath+"?"+query.Encode()))
	b.take(w)
	return sess, returnTo, err
}

// trySignIn goes the whole way as somebody.
func (b *browser) trySignIn(s *Sessions, f *fakeRC, as rc.Extension) (Session, error) {
	state := b.begin(s, "/desk")
	sess, _, err := b.finish(s, url.Values{"state": {state}, "code": {f.approve(as)}})
	return sess, err
}

func (b *browser) signIn(s *Sessions, f *fakeRC, as rc.Extension) Session {
	b.t.Helper()
	sess, err := b.trySignIn(s, f, as)
	if err != nil {
		b.t.Fatal(err)
	}
	return sess
}

func (b *browser) current(s *Sessions) (Session, error) {
	return s.Current(b.request("https://cord.example/"))
}

func (b *browser) signOut(s *Sessions) {
	b.t.Helper()
	w := httptest.NewRecorder()
	if err := s.SignOut(w, b.request("https://cord.example/sign-out")); err != nil {
		b.t.Error(err)
	}
	b.take(w)
}

// safeBuffer is a log that many write to.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// hear waits for what was told and sorts it.
func (w *world) hear(n int) []string {
	w.t.Helper()
	var all []string
	for range n {
		select {
		case m := <-w.told:
			all = append(all, m)
		case <-time.After(wait):
			w.t.Fatalf("told only %q", all)
		}
	}
	slices.Sort(all)
	return all
}

func (w *world) wantTold(want ...string) {
	w.t.Helper()
	slices.Sort(want)
	if got := w.hear(len(want)); !slices.Equal(got, want) {
		w.t.Errorf("told %q\nwant %q", got, want)
	}
}

// wantQuiet fails when anything else was told: a message of our own comes last.
func (w *world) wantQuiet(s *Sessions) {
	w.t.Helper()
	s.tell(subjectPerson, ended{Reason: "the end"})
	for m := range w.told {
		if strings.HasSuffix(m, "the end") {
			return
		}
		w.t.Errorf("told %q", m)
	}
}

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("error %v, want %v", err, want)
	}
}

func wantToken(t *testing.T, s *Sessions, p Person) string {
	t.Helper()
	access, err := s.Token(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.rc.Me(t.Context(), access); err != nil {
		t.Fatalf("RingCentral does not take the token: %v", err)
	}
	return access
}
