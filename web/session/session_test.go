package session

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/gorilla/sessions"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

func TestSignInLeadsBackWithASessionOfItsOwn(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	if _, err := b.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
		t.Fatalf("before sign-in: %v", err)
	}
	state := b.begin(s, "/desk?tab=1")
	before := b.cookies["__Host-cordboard-signin"]
	sess, returnTo, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}})
	if err != nil {
		t.Fatal(err)
	}
	if returnTo != "/desk?tab=1" || sess.Person != agentP {
		t.Errorf("back to %q as %+v", returnTo, sess.Person)
	}
	id := b.cookies["__Host-cordboard"]
	if id == "" || id == before || id == state {
		t.Errorf("session id %q, pre-session id %q", id, before)
	}
	got, err := b.current(s)
	if err != nil || got.Hash != sess.Hash || got.Person != agentP {
		t.Errorf("current %+v, %v", got, err)
	}
	wantToken(t, s, agentP)
	if strings.Contains(sess.Hash, id) {
		t.Error("the hash holds the id")
	}
}

func TestCookiesFitThePublicURL(t *testing.T) {
	for _, tc := range []struct {
		name, url, cookie, want string
		secure                  bool
	}{
		{"https", "https://cord.example", "", "__Host-cordboard", true},
		{"https with a port and a slash", "https://cord.example:8443/", "", "__Host-cordboard", true},
		{"loopback", "http://127.0.0.1:8080", "", "cordboard", false},
		{"the demo", "http://localhost:8080", "cordboard-demo", "cordboard-demo", false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			w := newWorld(t)
			s := w.instance(func(c *Config) { c.PublicURL, c.CookieName = tc.url, tc.cookie })
			b := newBrowser(t)
			rec := httptest.NewRecorder()
			if _, err := s.Begin(rec, b.request("/"), "/"); err != nil {
				t.Fatal(err)
			}
			checkCookie(t, rec, tc.want+"-signin", tc.secure, signInLife)
			state := b.begin(s, "/")
			rec = httptest.NewRecorder()
			query := url.Values{"state": {state}, "code": {w.rc.approve(agent)}}
			if _, _, err := s.Finish(rec, b.request("/?"+query.Encode())); err != nil {
				t.Fatal(err)
			}
			checkCookie(t, rec, tc.want, tc.secure, defaultLifetime)
		})
	}
}

func checkCookie(t *testing.T, rec *httptest.ResponseRecorder, name string, secure bool, life time.Duration) {
	t.Helper()
	for _, c := range rec.Result().Cookies() {
		if c.Name != name {
			continue
		}
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure || c.MaxAge != int(life/time.Second) {
			t.Errorf("cookie %s", c.Raw)
		}
		return
	}
	t.Errorf("no cookie %s", name)
}

func TestAPublicURLThatWouldNotDoIsRefused(t *testing.T) {
	for _, u := range []string{"", "cord.example", "http://cord.example", "https://cord.example/path", "https://u:SECRET@cord.example", "https://cord.example?x=SECRET", "ftp://127.0.0.1", "https://%zz"} {
		_, _, err := checkPublicURL(u)
		if err == nil || strings.Contains(err.Error(), "SECRET") {
			t.Errorf("%q: %v", u, err)
		}
	}
}

func TestOnlyLocalPathsAreReturnedTo(t *testing.T) {
	for path, want := range map[string]string{
		"/":                                  "/",
		"/team?group=1#x":                    "/team?group=1#x",
		"/a//b":                              "/a//b",
		"":                                   "/",
		"team":                               "/",
		"//evil.example":                     "/",
		`/\evil.example`:                     "/",
		`\\evil.example`:                     "/",
		`/team\..\\evil`:                     "/",
		"https://evil.example":               "/",
		"javascript:alert(1)":                "/",
		"/\t/evil.example":                   "/",
		"/\n/evil.example":                   "/",
		"/#\n":                               "/",
		"/%zz":                               "/",
		"/" + strings.Repeat("a", maxReturn): "/",
	} {
		if got := localPath(path); got != want {
			t.Errorf("%q leads to %q, want %q", path, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/", "/team?x=1#y", "//evil", `/\\evil`, "/./\\evil", "/%2f/evil", "/\t/evil", "http:evil"} {
		f.Add(seed)
	}
	base, err := url.Parse("https://cord.example/sign-in")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, path string) {
		got := localPath(path)
		to, err := base.Parse(got)
		if err != nil || to.Host != base.Host || to.Scheme != base.Scheme {
			t.Errorf("%q leads to %v, %v", path, to, err)
		}
		if strings.ContainsAny(got, "\\\r\n\t") || strings.HasPrefix(got, "//") {
			t.Errorf("%q leads to %q, which browsers read otherwise", path, got)
		}
	})
}

func TestASignInIsFinishedOnceInTimeByTheBrowserThatBeganIt(t *testing.T) {
	stale := problem.NewSignInStale(nil)
	w := newWorld(t)
	s := w.instance()
	t.Run("once", func(t *testing.T) {
		b := newBrowser(t)
		state := b.begin(s, "/")
		if _, _, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}}); err != nil {
			t.Fatal(err)
		}
		_, _, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}})
		wantIs(t, err, stale)
	})
	t.Run("once, also when asked at the same time", func(t *testing.T) {
		b := newBrowser(t)
		state := b.begin(s, "/")
		var mu sync.Mutex
		var all sync.WaitGroup
		won := 0
		for range 5 {
			code := w.rc.approve(agent)
			all.Go(func() {
				rec := httptest.NewRecorder()
				query := url.Values{"state": {state}, "code": {code}}
				if _, _, err := s.Finish(rec, b.request("/?"+query.Encode())); err == nil {
					mu.Lock()
					defer mu.Unlock()
					won++
				}
			})
		}
		all.Wait()
		if won != 1 {
			t.Errorf("%d finished", won)
		}
	})
	t.Run("by the browser that began it", func(t *testing.T) {
		mine, other := newBrowser(t), newBrowser(t)
		state := mine.begin(s, "/")
		other.begin(s, "/")
		code := w.rc.approve(agent)
		for _, b := range []*browser{other, newBrowser(t)} {
			_, _, err := b.finish(s, url.Values{"state": {state}, "code": {code}})
			wantIs(t, err, stale)
		}
		if _, _, err := mine.finish(s, url.Values{"state": {state}, "code": {code}}); err != nil {
			t.Errorf("the right browser after the wrong one: %v", err)
		}
	})
	t.Run("from any of its tabs", func(t *testing.T) {
		b := newBrowser(t)
		one, two := b.begin(s, "/one"), b.begin(s, "/two")
		for state, want := range map[string]string{two: "/two", one: "/one"} {
			_, returnTo, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}})
			if err != nil || returnTo != want {
				t.Errorf("back to %q, %v", returnTo, err)
			}
		}
	})
	t.Run("in time", func(t *testing.T) {
		b := newBrowser(t)
		state := b.begin(s, "/")
		w.pass(signInLife)
		_, _, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}})
		wantIs(t, err, stale)
	})
	t.Run("with a state of ours", func(t *testing.T) {
		b := newBrowser(t)
		b.begin(s, "/")
		for _, state := range []string{"", "x", randomID(), "*", ">"} {
			_, _, err := b.finish(s, url.Values{"state": {state}, "code": {w.rc.approve(agent)}})
			wantIs(t, err, stale)
		}
	})
	t.Run("with a yes", func(t *testing.T) {
		b := newBrowser(t)
		for query, want := range map[string]*problem.Problem{
			"access_denied": problem.NewSignInDenied(nil), "server_error": stale,
		} {
			_, _, err := b.finish(s, url.Values{"state": {b.begin(s, "/")}, "error": {query}})
			wantIs(t, err, want)
		}
		_, _, err := b.finish(s, url.Values{"state": {b.begin(s, "/")}})
		wantIs(t, err, problem.NewBadRequest("code", nil))
		_, _, err = b.finish(s, url.Values{"state": {b.begin(s, "/")}, "code": {"never issued"}})
		wantIs(t, err, stale)
	})
}

func TestWhatRingCentralRefusesAtSignInIsNamed(t *testing.T) {
	for name, tc := range map[string]struct {
		op   string
		err  *rc.Error
		want *problem.Problem
	}{
		"role without third-party apps": {"exchange", &rc.Error{Status: 400, Code: "CMN-408", Permission: "ThirdPartyAppAccess"}, problem.NewMissingPermission("", nil)},
		"app without a scope":           {"me", &rc.Error{Status: 403, Code: "CMN-401", Permission: "ReadAccounts"}, problem.NewMissingScope("", nil)},
		"wrong client secret":           {"exchange", &rc.Error{Status: 400, Code: "OAU-153"}, problem.NewRefused("", "", nil)},
		"too many sign-ins":             {"exchange", &rc.Error{Status: 429, Code: "CMN-301", RetryAfter: time.Minute}, problem.NewTooMany(0, nil)},
		"down":                          {"exchange", &rc.Error{Status: 503}, problem.NewUnavailable("", nil)},
		"not reached":                   {"me", &rc.Error{Unsent: true, Err: errors.New("no route")}, problem.NewUnavailable("", nil)},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, b := w.instance(), newBrowser(t)
			w.rc.before = func(op string) error {
				if op == tc.op {
					return tc.err
				}
				return nil
			}
			_, err := b.trySignIn(s, w.rc, agent)
			wantIs(t, err, tc.want)
			if tc.err.Permission != "" {
				args := problem.From(err).Args
				if args[problem.ArgScope]+args[problem.ArgPermission] != tc.err.Permission {
					t.Errorf("args %v", args)
				}
			}
			if _, err := b.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
				t.Errorf("signed in all the same: %v", err)
			}
			if live, _, _ := w.rc.counts(); live != 0 {
				t.Errorf("%d OAuth sessions are left", live)
			}
		})
	}
}

func TestOnlyOneAccountMaySignIn(t *testing.T) {
	foreign := problem.NewForeignAccount()
	t.Run("the first, when none is named", func(t *testing.T) {
		w := newWorld(t)
		s := w.instance()
		newBrowser(t).signIn(s, w.rc, agent)
		b := newBrowser(t)
		_, err := b.trySignIn(s, w.rc, foreigner)
		wantIs(t, err, foreign)
		if _, err := b.current(s); err == nil {
			t.Error("the foreigner has a session")
		}
		if live, revoked, _ := w.rc.counts(); live != 1 || revoked != 1 {
			t.Errorf("%d OAuth sessions live, %d revoked", live, revoked)
		}
		newBrowser(t).signIn(w.instance(), w.rc, colleague)
	})
	t.Run("those named", func(t *testing.T) {
		w := newWorld(t)
		s := w.instance(func(c *Config) { c.Accounts = []string{"9"} })
		_, err := newBrowser(t).trySignIn(s, w.rc, agent)
		wantIs(t, err, foreign)
		newBrowser(t).signIn(s, w.rc, foreigner)
	})
}

func TestASecondSignInKeepsTheGrantAndRevokesTheNewOne(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	newBrowser(t).signIn(s, w.rc, agent)
	first := wantToken(t, s, agentP)
	newBrowser(t).signIn(w.instance(), w.rc, agent)
	if again := wantToken(t, s, agentP); again != first {
		t.Error("the grant was replaced")
	}
	w.pass(spareLife - time.Second)
	if live, revoked, _ := w.rc.counts(); live != 2 || revoked != 0 {
		t.Errorf("too early: %d live, %d revoked", live, revoked)
	}
	w.pass(time.Second)
	if live, revoked, _ := w.rc.counts(); live != 1 || revoked != 1 {
		t.Errorf("a minute later: %d live, %d revoked", live, revoked)
	}
	if again := wantToken(t, s, agentP); again != first {
		t.Error("the wrong one was revoked")
	}
}

func TestWhatWaitsToBeRevokedIsNotForgotten(t *testing.T) {
	start := func(t *testing.T) (*world, *Sessions) {
		t.Helper()
		w := newWorld(t)
		s := w.instance()
		newBrowser(t).signIn(s, w.rc, agent)
		newBrowser(t).signIn(s, w.rc, agent)
		return w, s
	}
	t.Run("at Close", func(t *testing.T) {
		w, s := start(t)
		for range 2 {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
		}
		if live, revoked, _ := w.rc.counts(); live != 1 || revoked != 1 {
			t.Errorf("%d live, %d revoked", live, revoked)
		}
		wantToken(t, w.instance(), agentP)
	})
	t.Run("after a crash", func(t *testing.T) {
		w, _ := start(t)
		w.later = nil // the process that had put it off is gone
		next := w.instance()
		sweep(t, next)
		if live, _, _ := w.rc.counts(); live != 2 {
			t.Errorf("too early: %d live", live)
		}
		w.pass(spareLife)
		sweep(t, next)
		if live, revoked, _ := w.rc.counts(); live != 1 || revoked != 1 {
			t.Errorf("%d live, %d revoked", live, revoked)
		}
	})
	t.Run("while RingCentral does not answer", func(t *testing.T) {
		w, s := start(t)
		w.rc.before = func(string) error { return errLost }
		w.pass(spareLife)
		w.rc.before = nil
		if live, _, _ := w.rc.counts(); live != 2 {
			t.Errorf("%d live", live)
		}
		sweep(t, s)
		if live, _, _ := w.rc.counts(); live != 1 {
			t.Errorf("%d live after the sweep", live)
		}
	})
}

func TestManySignInsNeverExceedRingCentralsFive(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	most := 0
	w.rc.hook = func(string) error {
		live, _, _ := w.rc.counts()
		most = max(most, live)
		return nil
	}
	for range 12 {
		newBrowser(t).signIn(s, w.rc, agent)
	}
	if most > 5 {
		t.Errorf("%d OAuth sessions at once", most)
	}
	wantToken(t, s, agentP)
}

func TestABrokenGrantIsReplacedAtSignIn(t *testing.T) {
	for name, notice := range map[string]bool{"noticed before": true, "noticed by the sign-in": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			s, b := w.instance(), newBrowser(t)
			b.signIn(s, w.rc, agent)
			old := wantToken(t, s, agentP)
			w.rc.kill()
			if notice {
				if _, err := s.Refused(t.Context(), agentP, old); !errors.Is(err, ErrGrantBroken) {
					t.Fatal(err)
				}
			}
			newBrowser(t).signIn(s, w.rc, agent)
			if wantToken(t, s, agentP) == old {
				t.Error("the dead token is given out")
			}
			w.pass(spareLife)
			wantToken(t, s, agentP)
			if _, err := b.current(s); err != nil {
				t.Errorf("the first browser's session: %v", err)
			}
			w.wantTold("person 1.101 signed-out-elsewhere")
			if reason, err := s.Broken(t.Context(), agentP); reason != "" || err != nil {
				t.Errorf("still broken: %q, %v", reason, err)
			}
		})
	}
}

func TestTheSameOAuthSessionIsNotRevoked(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	newBrowser(t).signIn(s, w.rc, agent)
	w.rc.mu.Lock()
	again := w.rc.token(w.rc.live[0]) // as if single sign-on gave the session it knew
	w.rc.mu.Unlock()
	b := newBrowser(t)
	if _, err := s.signIn(t.Context(), httptest.NewRecorder(), b.request("/"), again); err != nil {
		t.Fatal(err)
	}
	w.pass(spareLife)
	wantToken(t, s, agentP)
}

func TestSignOutEndsOneBrowserAndTheLastOneTheGrant(t *testing.T) {
	w := newWorld(t)
	s, other := w.instance(), w.instance()
	one, two := newBrowser(t), newBrowser(t)
	one.signIn(s, w.rc, agent)
	two.signIn(other, w.rc, agent)
	newBrowser(t).signIn(s, w.rc, colleague)
	w.pass(spareLife)

	one.signOut(s)
	if len(one.cookies) != 1 {
		t.Errorf("cookies left: %v", one.cookies)
	}
	if _, err := one.current(s); err == nil {
		t.Error("still signed in")
	}
	if _, err := two.current(s); err != nil {
		t.Errorf("the other browser: %v", err)
	}
	wantToken(t, s, agentP)
	w.wantTold("browser signed-out", "browser signed-out")

	two.signOut(s)
	w.wantTold("browser signed-out", "browser signed-out", "person 1.101 signed-out", "person 1.101 signed-out")
	_, err := s.Token(t.Context(), agentP)
	wantIs(t, err, ErrNoGrant)
	wantIs(t, err, problem.NewSignedOut(nil))
	wantToken(t, s, colleagueP)
	if live, _, _ := w.rc.counts(); live != 1 {
		t.Errorf("%d OAuth sessions live", live)
	}
	keys, err := s.vault.bucket.Keys(t.Context(), ">")
	if err != nil || !slices.Equal(keys, []string{"1.102"}) {
		t.Errorf("records left: %v, %v", keys, err)
	}
	two.signOut(s) // without a session
}

func TestACookieKeptAfterSignOutOpensNothing(t *testing.T) {
	w := newWorld(t)
	s, b, thief := w.instance(), newBrowser(t), newBrowser(t)
	b.signIn(s, w.rc, agent)
	thief.cookies["__Host-cordboard"] = b.cookies["__Host-cordboard"]
	b.signOut(s)
	if _, err := thief.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
		t.Errorf("error %v", err)
	}
}

func TestSignOutEverywhere(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	browsers := []*browser{newBrowser(t), newBrowser(t), newBrowser(t)}
	for _, b := range browsers {
		b.signIn(s, w.rc, agent)
	}
	if err := s.SignOutEverywhere(httptest.NewRecorder(), browsers[1].request("/")); err != nil {
		t.Fatal(err)
	}
	for i, b := range browsers {
		if _, err := b.current(s); err == nil {
			t.Errorf("browser %d is signed in", i)
		}
	}
	w.wantTold("browser signed-out", "browser signed-out", "browser signed-out", "person 1.101 signed-out")
	w.pass(spareLife)
	if live, revoked, _ := w.rc.counts(); live != 0 || revoked != 3 {
		t.Errorf("%d live, %d revoked", live, revoked)
	}
	w.wantQuiet(s)
}

func TestSignOutWorksWhileRingCentralDoesNot(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	b.signIn(s, w.rc, agent)
	w.rc.before = func(string) error { return errLost }
	b.signOut(s)
	if _, err := s.Token(t.Context(), agentP); !errors.Is(err, ErrNoGrant) {
		t.Errorf("error %v", err)
	}
	w.rc.before = nil
	sweep(t, s)
	if live, _, _ := w.rc.counts(); live != 0 {
		t.Errorf("%d live", live)
	}
	if keys, err := s.vault.bucket.Keys(t.Context(), ">"); err != nil || len(keys) != 0 {
		t.Errorf("records left: %v, %v", keys, err)
	}
}

func TestSigningInAgainInTheSameBrowserReplacesItsSession(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	first := b.signIn(s, w.rc, agent)
	thief := newBrowser(t)
	thief.cookies["__Host-cordboard"] = b.cookies["__Host-cordboard"]
	second := b.signIn(s, w.rc, agent)
	if first.Hash == second.Hash {
		t.Error("the session id was kept")
	}
	if _, err := thief.current(s); err == nil {
		t.Error("the older id still opens the session")
	}
	w.wantTold("browser replaced")
	b.signIn(s, w.rc, colleague)
	w.wantTold("browser replaced", "person 1.101 replaced")
	wantToken(t, s, colleagueP)
	w.pass(spareLife)
	if live, _, _ := w.rc.counts(); live != 1 {
		t.Errorf("%d OAuth sessions live", live)
	}
}

func TestSignInAndLastSignOutAtTheSameMoment(t *testing.T) {
	w := newWorld(t)
	here, there := w.instance(), w.instance()
	b := newBrowser(t)
	b.signIn(here, w.rc, agent)
	for range 25 {
		next := newBrowser(t)
		var both sync.WaitGroup
		both.Go(func() { b.signOut(here) })
		both.Go(func() { next.signIn(there, w.rc, agent) })
		both.Wait()
		if _, err := next.current(here); err != nil {
			t.Fatal(err)
		}
		wantToken(t, here, agentP)
		w.pass(spareLife)
		wantToken(t, there, agentP)
		if live, _, _ := w.rc.counts(); live != 1 {
			t.Fatalf("%d OAuth sessions live", live)
		}
		b = next
	}
}

func TestASessionEndsByItself(t *testing.T) {
	lives := func(c *Config) { c.Idle, c.Lifetime = time.Hour, 3*time.Hour }
	t.Run("when it is not used", func(t *testing.T) {
		w := newWorld(t)
		s, b := w.instance(lives), newBrowser(t)
		sess := b.signIn(s, w.rc, agent)
		w.pass(time.Hour - time.Second)
		if _, err := s.Touch(t.Context(), sess); err != nil {
			t.Fatalf("just before: %v", err)
		}
		w.pass(time.Hour)
		if _, _, err := s.store.bucket.Get(t.Context(), sess.Hash); err != nil {
			t.Fatalf("the test needs the record to be there still: %v", err)
		}
		if _, err := b.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
			t.Errorf("a request: %v", err)
		}
		if _, err := s.Touch(t.Context(), sess); !errors.Is(err, problem.NewSignedOut(nil)) {
			t.Errorf("a stream: %v", err)
		}
	})
	t.Run("in the end, though it is used", func(t *testing.T) {
		w := newWorld(t)
		s, b := w.instance(lives), newBrowser(t)
		b.signIn(s, w.rc, agent)
		for range 5 {
			w.pass(30 * time.Minute)
			if _, err := b.current(s); err != nil {
				t.Fatalf("in use: %v", err)
			}
		}
		w.pass(30 * time.Minute)
		if _, err := b.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
			t.Errorf("after its lifetime: %v", err)
		}
	})
	t.Run("and the sweep tells it", func(t *testing.T) {
		w := newWorld(t)
		s, b := w.instance(lives), newBrowser(t)
		b.signIn(s, w.rc, agent)
		w.pass(30 * time.Minute)
		newBrowser(t).signIn(s, w.rc, agent)
		w.pass(30 * time.Minute)
		sweep(t, s)
		w.wantTold("browser expired")
		w.pass(30 * time.Minute)
		sweep(t, s)
		w.wantTold("browser expired", "person 1.101 expired")
		sweep(t, s)
		w.wantQuiet(s)
		if live, _, _ := w.rc.counts(); live != 0 {
			t.Errorf("%d OAuth sessions live", live)
		}
	})
}

func TestUseIsWrittenNowAndThenOnly(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	sess := b.signIn(s, w.rc, agent)
	rev := func() uint64 {
		_, rev, err := s.store.bucket.Get(t.Context(), sess.Hash)
		if err != nil {
			t.Fatal(err)
		}
		return rev
	}
	first := rev()
	w.pass(defaultIdle/touches - time.Second)
	if _, err := b.current(s); err != nil || rev() != first {
		t.Errorf("written at once, %v", err)
	}
	w.pass(time.Second)
	if got, err := b.current(s); err != nil || rev() == first || !got.Expires.Equal(w.now().Add(defaultIdle)) {
		t.Errorf("not written: expires %v, %v", got.Expires, err)
	}
}

func TestCookiesThatAreNotOursAreNobody(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	sess := newBrowser(t).signIn(s, w.rc, agent)
	for _, value := range []string{"", "x", sess.Hash, randomID(), strings.Repeat("A", 5000), "..", "*", ">"} {
		b := newBrowser(t)
		b.cookies["__Host-cordboard"] = value
		if _, err := b.current(s); !errors.Is(err, problem.NewSignedOut(nil)) {
			t.Errorf("%.20q: %v", value, err)
		}
	}
}

func TestTheStoreServesGorillaSessions(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	var store sessions.Store = s.store
	sess, err := store.New(b.request("/"), s.store.name)
	if err != nil || !sess.IsNew {
		t.Fatalf("new %v, %v", sess.IsNew, err)
	}
	if err := sess.Save(b.request("/"), httptest.NewRecorder()); err == nil {
		t.Error("a session without a person was kept")
	}
	kept := b.signIn(s, w.rc, agent)
	r := b.request("/")
	sess, err = store.Get(r, s.store.name)
	if err != nil || sess.IsNew {
		t.Fatalf("new %v, %v", sess.IsNew, err)
	}
	rec := httptest.NewRecorder()
	if err := sess.Save(r, rec); err != nil || len(rec.Result().Cookies()) != 1 {
		t.Errorf("saving again: %v, cookies %v", err, rec.Result().Cookies())
	}
	sess.Options.MaxAge = -1
	if err := sess.Save(r, httptest.NewRecorder()); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Touch(t.Context(), kept); !errors.Is(err, problem.NewSignedOut(nil)) {
		t.Errorf("deleted, but %v", err)
	}
}

func TestWithoutTheBusNobodyIsSignedOutByMistake(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	sess := b.signIn(s, w.rc, agent)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if err := w.bus.Close(); err != nil {
		t.Fatal(err)
	}
	unavailable := problem.NewUnavailable("", nil)
	_, err := b.current(s)
	wantIs(t, err, unavailable)
	_, err = s.Touch(t.Context(), sess)
	wantIs(t, err, unavailable)
	_, err = s.Token(t.Context(), agentP)
	wantIs(t, err, unavailable)
	_, err = s.Begin(httptest.NewRecorder(), b.request("/"), "/")
	wantIs(t, err, unavailable)
}

func TestNothingTellsASecret(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	var told []string
	note := func(err error) {
		if err != nil {
			told = append(told, err.Error())
		}
	}
	b.signIn(s, w.rc, agent)
	newBrowser(t).signIn(s, w.rc, agent)
	old := wantToken(t, s, agentP)
	w.rc.before = func(string) error { return errLost }
	_, err := s.Refused(t.Context(), agentP, old)
	note(err)
	w.pass(spareLife)
	_, err = newBrowser(t).trySignIn(s, w.rc, colleague)
	note(err)
	w.rc.before = nil
	w.rc.kill()
	_, err = s.Refused(t.Context(), agentP, old)
	note(err)
	_, err = s.Token(t.Context(), agentP)
	note(err)
	_, _, err = b.finish(s, url.Values{"state": {randomID()}, "code": {"SECRET-code-x"}})
	note(err)
	b.signOut(s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	all := w.log.String() + strings.Join(told, "\n")
	if len(told) < 4 || w.log.String() == "" {
		t.Fatalf("the test tells too little: %q", all)
	}
	for _, secret := range append(w.rc.issued, b.cookies["__Host-cordboard-signin"], "SECRET-") {
		if secret != "" && strings.Contains(all, secret) {
			t.Errorf("%q is told in:\n%s", secret, all)
		}
	}
}

func TestNothingIsKeptInTheClear(t *testing.T) {
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	b.signIn(s, w.rc, agent)
	state := b.begin(s, "/")
	secrets := append([]string{state}, w.rc.issued...)
	for _, id := range b.cookies {
		secrets = append(secrets, id)
	}
	seen := 0
	for _, bucket := range []*bus.Bucket{s.store.bucket, s.vault.bucket, s.signIns} {
		keys, err := bucket.Keys(t.Context(), ">")
		if err != nil {
			t.Fatal(err)
		}
		for _, key := range keys {
			value, _, err := bucket.Get(t.Context(), key)
			if err != nil {
				t.Fatal(err)
			}
			seen++
			for _, secret := range secrets {
				if strings.Contains(key+string(value), secret) {
					t.Errorf("%q is kept in the clear under %s", secret, key)
				}
			}
		}
	}
	if seen != 3 {
		t.Errorf("%d records", seen)
	}
}

func sweep(t *testing.T, s *Sessions) {
	t.Helper()
	if err := s.Sweep(t.Context()); err != nil {
		t.Fatal(err)
	}
}
