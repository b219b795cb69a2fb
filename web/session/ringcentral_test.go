package session

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

// office is the real client and a RingCentral on the wire, with a small app before them.
type office struct {
	t     *testing.T
	sim   *rcsim.Server
	simAt string
	rc    *rc.Client
	app   *httptest.Server
	s     *Sessions
	log   *safeBuffer
	later chan func()
	ended chan string
	last  chan error // how the last callback ended
}

const guestExtension = "500001008"

func newOffice(t *testing.T, clientID, secret string) *office {
	t.Helper()
	o := &office{t: t, log: &safeBuffer{}, later: make(chan func(), 10), ended: make(chan string, 10), last: make(chan error, 1)}
	log := slog.New(slog.NewTextHandler(o.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	o.sim = conform.New(t, rcsim.Options{Seed: 1, Guests: []rcsim.User{{ID: guestExtension, AccountID: "500000008", Number: "101", First: "Sam", Last: "Elsewhere"}}})
	srv := httptest.NewServer(o.sim)
	t.Cleanup(func() {
		if err := o.sim.Close(); err != nil {
			t.Error(err)
		}
		srv.Close()
	})
	o.simAt = srv.URL
	client, err := rc.New(rc.Config{Server: srv.URL, ClientID: clientID, ClientSecret: secret, Timeout: time.Second, Log: log})
	if err != nil {
		t.Fatal(err)
	}
	o.rc = client
	t.Cleanup(client.Close)
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir(), Log: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })

	mux := http.NewServeMux()
	o.app = httptest.NewServer(mux)
	t.Cleanup(o.app.Close)
	o.s, err = New(t.Context(), Config{
		RC: client, Bus: b, PublicURL: o.app.URL, Keys: [][]byte{testKey(1)}, Log: log,
		After: func(_ time.Duration, f func()) func() {
			o.later <- f
			return func() {}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	o.s.Ended(func(_ Person, reason string) { o.ended <- reason })
	t.Cleanup(func() {
		if err := o.s.Close(); err != nil {
			t.Error(err)
		}
	})
	mux.HandleFunc("/sign-in", func(w http.ResponseWriter, r *http.Request) {
		to, err := o.s.Begin(w, r, r.URL.Query().Get("to"))
		if err != nil {
			http.Error(w, "", problem.From(err).Status)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	mux.HandleFunc(CallbackPath, func(w http.ResponseWriter, r *http.Request) {
		_, to, err := o.s.Finish(w, r)
		o.last <- err
		if err != nil {
			http.Error(w, "", problem.From(err).Status)
			return
		}
		http.Redirect(w, r, to, http.StatusFound)
	})
	mux.HandleFunc("/sign-out", func(w http.ResponseWriter, r *http.Request) {
		if err := o.s.SignOut(w, r); err != nil {
			http.Error(w, "", problem.From(err).Status)
		}
	})
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		sess, err := o.s.Current(r)
		if err != nil {
			http.Error(w, "", problem.From(err).Status)
			return
		}
		_, _ = io.WriteString(w, r.URL.Path+" of "+sess.Person.ExtensionNumber+" "+sess.Person.Name)
	})
	return o
}

// visitor is a browser that follows redirects and keeps cookies.
func (o *office) visitor() *http.Client {
	o.t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		o.t.Fatal(err)
	}
	c := &http.Client{Jar: jar, Timeout: wait, Transport: &http.Transport{}}
	o.t.Cleanup(c.CloseIdleConnections)
	return c
}

// do answers with the status, the address where the redirects ended, and the body.
func (o *office) do(c *http.Client, method, at string, form url.Values) (int, *url.URL, string) {
	o.t.Helper()
	req, err := http.NewRequestWithContext(o.t.Context(), method, at, strings.NewReader(form.Encode()))
	if err != nil {
		o.t.Fatal(err)
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	res, err := c.Do(req)
	if err != nil {
		o.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		o.t.Fatal(err)
	}
	return res.StatusCode, res.Request.URL, string(body)
}

// signIn goes through RingCentral's page as somebody and returns what the app says in the end.
func (o *office) signIn(c *http.Client, user, decision string) (int, string, error) {
	o.t.Helper()
	status, at, _ := o.do(c, http.MethodGet, o.app.URL+"/sign-in?to=/desk", nil)
	if status != http.StatusOK || !strings.HasPrefix(at.String(), o.simAt) {
		o.t.Fatalf("sign-in led to %s with %d", at.Path, status)
	}
	form := at.Query()
	form.Set("user", user)
	form.Set("decision", decision)
	status, _, body := o.do(c, http.MethodPost, o.simAt+at.Path, form)
	return status, body, <-o.last
}

func (o *office) mustSignIn(c *http.Client, user string) Person {
	o.t.Helper()
	status, body, err := o.signIn(c, user, "approve")
	if err != nil || status != http.StatusOK || !strings.HasPrefix(body, "/desk of "+user) {
		o.t.Fatalf("%d %q, %v", status, body, err)
	}
	me, err := o.caller(o.tokenOf(user)).Me(o.t.Context())
	if err != nil || me.Number != user {
		o.t.Fatalf("signed in as %q, %v", me.Number, err)
	}
	return Person{AccountID: me.AccountID, ExtensionID: me.ID, ExtensionNumber: me.Number, Name: me.Name}
}

// tokenOf finds the person with an extension number in the app's own records.
func (o *office) tokenOf(number string) rc.TokenFunc {
	o.t.Helper()
	keys, err := o.s.vault.bucket.Keys(o.t.Context(), ">")
	if err != nil {
		o.t.Fatal(err)
	}
	for _, key := range keys {
		p, _ := personOf(key)
		g, _, err := o.s.vault.load(o.t.Context(), p)
		if err != nil {
			o.t.Fatal(err)
		}
		if g.Person.ExtensionNumber == number {
			return func(ctx context.Context) (string, error) { return o.s.Token(ctx, p) }
		}
	}
	o.t.Fatalf("nobody has extension %s", number)
	return nil
}

func TestASignInCountsAgainstThePersonsLimit(t *testing.T) {
	o := newOffice(t, rcsim.PublicClient, "")
	p := o.mustSignIn(o.visitor(), "102")
	if n := o.rc.As(p.Key(), nil).Remaining(rc.Auth); n != 4 {
		t.Errorf("%d of five Auth requests remain", n)
	}
}

func (o *office) caller(token rc.TokenFunc) *rc.Caller { return o.rc.As("test", token) }

func TestSignInWithARealClientOverTheWire(t *testing.T) {
	secrets := map[string]string{rcsim.PublicClient: ""}
	for _, c := range rcsim.DemoAccount().Clients {
		secrets[c.ID] = c.Secret
	}
	for _, clientID := range []string{rcsim.ConfidentialClient, rcsim.PublicClient} {
		t.Run(clientID, func(t *testing.T) {
			o := newOffice(t, clientID, secrets[clientID])
			one, two := o.visitor(), o.visitor()
			p := o.mustSignIn(one, "102")
			first, err := o.s.Token(t.Context(), p)
			if err != nil {
				t.Fatal(err)
			}

			t.Log("a second browser keeps the grant, and its OAuth session goes a minute later")
			o.mustSignIn(two, "102")
			if n := o.sim.OAuthSessions("102"); n != 2 {
				t.Errorf("%d OAuth sessions", n)
			}
			(<-o.later)()
			if n := o.sim.OAuthSessions("102"); n != 2 {
				t.Errorf("%d OAuth sessions: revoked before its time", n)
			}
			if err := o.s.revokeAll(t.Context(), p); err != nil {
				t.Fatal(err)
			}
			if n := o.sim.OAuthSessions("102"); n != 1 {
				t.Errorf("%d OAuth sessions", n)
			}
			if again, err := o.s.Token(t.Context(), p); err != nil || again != first {
				t.Errorf("the grant was replaced: %v", err)
			}

			t.Log("a token that is over is refreshed")
			o.sim.ExpireAccess("102")
			fresh, err := o.s.Refused(t.Context(), p, first)
			if err != nil || fresh == first {
				t.Fatalf("same %v, %v", fresh == first, err)
			}
			if _, err := o.caller(o.tokenOf("102")).Me(t.Context()); err != nil {
				t.Error(err)
			}

			t.Log("the last sign-out ends the OAuth session")
			for i, c := range []*http.Client{one, two} {
				if status, _, _ := o.do(c, http.MethodPost, o.app.URL+"/sign-out", url.Values{}); status != http.StatusOK {
					t.Errorf("sign-out: %d", status)
				}
				if n := o.sim.OAuthSessions("102"); n != 1-i {
					t.Errorf("%d OAuth sessions after %d sign-outs", n, i+1)
				}
				if status, _, _ := o.do(c, http.MethodGet, o.app.URL+"/", nil); status != http.StatusUnauthorized {
					t.Errorf("after sign-out: %d", status)
				}
			}
			if reason := <-o.ended; reason != ReasonSignedOut {
				t.Errorf("ended for %q", reason)
			}
			for _, secret := range o.sim.Issued() {
				if strings.Contains(o.log.String(), secret) {
					t.Errorf("the log holds %q", secret)
				}
			}
		})
	}
}

func TestALostAnswerToARefreshOnTheWire(t *testing.T) {
	o := newOffice(t, rcsim.PublicClient, "")
	p := o.mustSignIn(o.visitor(), "102")
	first, err := o.s.Token(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	o.sim.SetFault("token", rcsim.Fault{Silent: true, Times: 1})
	if _, err := o.s.Refused(t.Context(), p, first); err != nil {
		t.Fatal(err)
	}
	if _, err := o.caller(o.tokenOf("102")).Me(t.Context()); err != nil {
		t.Error(err)
	}
	if n := len(o.sim.Requests(http.MethodPost, "/restapi/oauth/token")); n != 3 {
		t.Errorf("%d token requests, want the code, the lost one and its repetition", n)
	}
}

func TestSignedOutElsewhereOnTheWire(t *testing.T) {
	o := newOffice(t, rcsim.PublicClient, "")
	c := o.visitor()
	p := o.mustSignIn(c, "102")
	access, err := o.s.Token(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	o.sim.EndSessions("102")
	_, err = o.s.Refused(t.Context(), p, access)
	wantIs(t, err, ErrGrantBroken)
	if reason := <-o.ended; reason != ReasonElsewhere {
		t.Errorf("ended for %q", reason)
	}
	if status, _, _ := o.do(c, http.MethodGet, o.app.URL+"/desk", nil); status != http.StatusOK {
		t.Errorf("the stale board: %d", status)
	}
	o.mustSignIn(o.visitor(), "102")
	if _, err := o.s.Token(t.Context(), p); err != nil {
		t.Error(err)
	}
}

func TestWhoMayNotSignInOnTheWire(t *testing.T) {
	o := newOffice(t, rcsim.PublicClient, "")
	o.mustSignIn(o.visitor(), "101")
	check := func(user, decision string, want *problem.Problem) {
		t.Helper()
		c := o.visitor()
		status, _, err := o.signIn(c, user, decision)
		wantIs(t, err, want)
		if status != want.Status {
			t.Errorf("status %d, want %d", status, want.Status)
		}
		if got := problem.From(err).Args; want.Args != nil && got[problem.ArgPermission]+got[problem.ArgScope] != want.Args[problem.ArgPermission]+want.Args[problem.ArgScope] {
			t.Errorf("args %v, want %v", got, want.Args)
		}
		if status, _, _ := o.do(c, http.MethodGet, o.app.URL+"/", nil); status != http.StatusUnauthorized {
			t.Errorf("signed in: %d", status)
		}
	}
	check("102", "deny", problem.NewSignInDenied(nil))
	check(guestExtension, "approve", problem.NewForeignAccount())
	o.sim.SetLacks("102", "ThirdPartyAppAccess")
	check("102", "approve", problem.NewMissingPermission("ThirdPartyAppAccess", nil))
	o.sim.SetScopes(rcsim.PublicClient, "CallControl")
	check("103", "approve", problem.NewMissingScope("ReadAccounts", nil))
	for _, user := range []string{"102", "103"} {
		if n := o.sim.OAuthSessions(user); n != 0 {
			t.Errorf("%d OAuth sessions of %s are left", n, user)
		}
	}
	if _, err := o.s.Token(t.Context(), Person{AccountID: "500000008", ExtensionID: guestExtension}); !errors.Is(err, ErrNoGrant) {
		t.Errorf("the guest: %v", err)
	}
}
