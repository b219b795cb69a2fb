package rc_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/oauth2"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
	"github.com/cordboard/cordboard/rc/telephony"
)

const (
	customer = "+16505550142"
	callback = "http://127.0.0.1:8080/oauth/callback"
)

// world is a simulated RingCentral, a client of it, and every error it gave.
type world struct {
	*rcsim.Server
	t      *testing.T
	client *rc.Client
	errs   []error
}

func newWorld(t *testing.T, opt rcsim.Options, change ...func(*rc.Config)) *world {
	t.Helper()
	opt.Seed = 7
	sim := conform.New(t, opt)
	srv := httptest.NewServer(sim)
	clients := sim.Account().Clients
	i := slices.IndexFunc(clients, func(c rcsim.Client) bool { return c.ID == rcsim.ConfidentialClient })
	cfg := rc.Config{Server: srv.URL, ClientID: clients[i].ID, ClientSecret: clients[i].Secret}
	for _, c := range change {
		c(&cfg)
	}
	client, err := rc.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	w := &world{Server: sim, t: t, client: client}
	t.Cleanup(func() {
		for _, err := range w.errs {
			for _, secret := range sim.Issued() {
				if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), url.QueryEscape(secret)) {
					t.Errorf("an error tells a secret: %v", err)
				}
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

// as is somebody signed in by their extension number.
func (w *world) as(number string) *rc.Caller {
	w.t.Helper()
	tokens, err := w.SignIn(number, rcsim.ConfidentialClient)
	if err != nil {
		w.t.Fatal(err)
	}
	return w.client.As(number, func(context.Context) (string, error) { return tokens.Access, nil })
}

// refused is the *rc.Error that err must be.
func (w *world) refused(err error, status int, code string) *rc.Error {
	w.t.Helper()
	var e *rc.Error
	if !errors.As(err, &e) || e.Status != status || e.Code != code {
		w.t.Fatalf("got %v, want %d %s", err, status, code)
	}
	w.errs = append(w.errs, err)
	return e
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

// party is the party of an extension in a session.
func party(t *testing.T, s telephony.Session, extension string) telephony.Party {
	t.Helper()
	i := slices.IndexFunc(s.Parties, func(p telephony.Party) bool { return p.ExtensionID == extension })
	if i < 0 {
		t.Fatalf("no party of %s in %+v", extension, s)
	}
	return s.Parties[i]
}

func TestSignInAgainstTheSimulator(t *testing.T) {
	for _, id := range []string{rcsim.ConfidentialClient, rcsim.PublicClient} {
		t.Run(id, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()}, func(cfg *rc.Config) {
				if id == rcsim.PublicClient {
					cfg.ClientID, cfg.ClientSecret = id, ""
				}
			})
			verifier := oauth2.GenerateVerifier()
			code := w.approve(w.client.AuthCodeURL(callback, "the-state", verifier), "102")

			if _, err := w.client.Exchange(t.Context(), callback, code, "another"+verifier); err == nil {
				t.Fatal("another verifier was accepted")
			} else {
				w.errs = append(w.errs, err)
			}
			code = w.approve(w.client.AuthCodeURL(callback, "the-state", verifier), "102")
			tok := must[rc.Token](t)(w.client.Exchange(t.Context(), callback, code, verifier))
			if tok.OwnerID == "" || !slices.Contains(tok.Scopes, "CallControl") || tok.RefreshExpires.IsZero() {
				t.Errorf("token %+v", tok)
			}
			_, err := w.client.Exchange(t.Context(), callback, code, verifier)
			w.errs = append(w.errs, err)
			if err == nil || rc.Unsent(err) {
				t.Errorf("a code was spent twice: %v", err)
			}

			first := must[rc.Token](t)(w.client.Refresh(t.Context(), tok.Refresh))
			again := must[rc.Token](t)(w.client.Refresh(t.Context(), tok.Refresh))
			if first.Access != again.Access || first.Access == tok.Access {
				t.Error("a repeated refresh does not answer with the same pair")
			}
			p := w.client.As("102", func(context.Context) (string, error) { return first.Access, nil })
			me := must[rc.Extension](t)(p.Me(t.Context()))
			if me.ID != tok.OwnerID || me.Number != "102" || me.Name == "" || me.AccountID != w.Account().ID {
				t.Errorf("me %+v", me)
			}
			if err := w.client.Revoke(t.Context(), first.Refresh); err != nil {
				t.Fatal(err)
			}
			_, err = p.Me(t.Context())
			var e *rc.Error
			if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
				t.Errorf("after the revoke: %v", err)
			}
			_, dead := w.client.Refresh(t.Context(), first.Refresh)
			w.errs = append(w.errs, err, dead)
			if !errors.As(dead, &e) || e.Status != http.StatusBadRequest {
				t.Errorf("a dead refresh token: %v", dead)
			}
		})
	}
}

// approve does what the sign-in page's form does and gives the code.
func (w *world) approve(authorizeURL, number string) string {
	w.t.Helper()
	u, err := url.Parse(authorizeURL)
	if err != nil {
		w.t.Fatal(err)
	}
	form := u.Query()
	form.Set("user", number)
	form.Set("decision", "approve")
	u.RawQuery = ""
	req, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, u.String(), strings.NewReader(form.Encode()))
	if err != nil {
		w.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	res, err := transport.RoundTrip(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	back, err := url.Parse(res.Header.Get("Location"))
	if err != nil || back.Query().Get("code") == "" || back.Query().Get("state") != "the-state" {
		w.t.Fatalf("%s, to %q", res.Status, res.Header.Get("Location"))
	}
	return back.Query().Get("code")
}

func TestAWarmTransferAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	ctx := t.Context()
	p := w.as("102")
	me := must[rc.Extension](t)(p.Me(ctx))

	call := must[string](t)(w.Call(customer, "Eleanor Marsh", "102"))
	if err := w.Answer("102", call); err != nil {
		t.Fatal(err)
	}
	first := must[telephony.Session](t)(p.Session(ctx, call))
	mine := party(t, first, me.ID)
	if mine.Status.Code != telephony.Answered || mine.Direction != telephony.Inbound || len(first.Parties) != 2 || first.Created.IsZero() {
		t.Errorf("session %+v", first)
	}
	if held := must[telephony.Party](t)(p.Hold(ctx, call, mine.ID)); held.Status.Code != telephony.Hold {
		t.Errorf("hold %+v", held)
	}
	if back := must[telephony.Party](t)(p.Unhold(ctx, call, mine.ID)); back.Status.Code != telephony.Answered {
		t.Errorf("unhold %+v", back)
	}
	must[telephony.Party](t)(p.Hold(ctx, call, mine.ID))

	consult := must[string](t)(w.Dial("102", "103"))
	second := must[telephony.Session](t)(p.Session(ctx, consult))
	my := party(t, second, me.ID)
	_, err := p.Bridge(ctx, call, mine.ID, consult, my.ID)
	_ = w.refused(err, http.StatusConflict, "TAS-102") // it still rings
	if err := w.Answer("103", consult); err != nil {
		t.Fatal(err)
	}

	presence := must[telephony.Presence](t)(p.Presence(ctx, "~"))
	if presence.ExtensionID != me.ID || len(presence.ActiveCalls) != 2 {
		t.Errorf("presence %+v", presence)
	}

	_, err = w.as("103").Bridge(ctx, call, mine.ID, consult, my.ID)
	_ = w.refused(err, http.StatusForbidden, "TAS-106")
	gone := must[telephony.Party](t)(p.Bridge(ctx, call, mine.ID, consult, my.ID))
	want := telephony.Peer{SessionID: consult, PartyID: my.ID}
	if gone.Status.Code != telephony.Gone || gone.Status.Reason != telephony.ReasonAttendedTransfer || gone.Status.Peer != want {
		t.Errorf("bridge %+v", gone)
	}
	if err := w.Await(ctx, rcsim.Talking(customer, "103")); err != nil {
		t.Error(err)
	}
	_, err = p.Bridge(ctx, call, mine.ID, consult, my.ID)
	_ = w.refused(err, http.StatusConflict, "TAS-102")

	for range 2 { // the second time it is over already
		if err := w.as("103").Drop(ctx, consult); err != nil {
			t.Error(err)
		}
	}
	if err := w.Await(ctx, rcsim.Over("")); err != nil {
		t.Error(err)
	}
	_, err = p.Session(ctx, "s-nothing")
	if e := w.refused(err, http.StatusNotFound, "CMN-102"); e.RequestID == "" {
		t.Errorf("no request id: %v", err)
	}
}

func TestWhatIsMissingIsNamed(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	p := w.as("102")
	w.SetLacks("102", "ReadPresenceStatus")
	_, err := p.Presence(t.Context(), "~")
	if e := w.refused(err, http.StatusForbidden, "CMN-408"); e.Permission != "ReadPresenceStatus" {
		t.Errorf("permission %q", e.Permission)
	}
	w.SetScopes(rcsim.ConfidentialClient, "ReadAccounts")
	_, err = w.as("102").Session(t.Context(), "s-1")
	if e := w.refused(err, http.StatusForbidden, "CMN-401"); e.Permission != "CallControl" {
		t.Errorf("permission %q", e.Permission)
	}
}

func TestATeamAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	p := w.as("101")
	me := must[rc.Extension](t)(p.Me(t.Context()))
	groups := must[[]rc.Group](t)(p.MonitoringGroups(t.Context(), me.ID))
	if len(groups) != 1 || groups[0].Name == "" {
		t.Fatalf("groups %+v", groups)
	}
	members := must[[]rc.Member](t)(p.GroupMembers(t.Context(), groups[0].ID))
	var ids []string
	for _, m := range members {
		if m.Monitoring != (m.ExtensionID == me.ID) || m.Monitoring == m.Monitored || m.Number == "" {
			t.Errorf("member %+v", m)
		}
		if m.Monitored {
			ids = append(ids, m.ExtensionID)
		}
	}
	call := must[string](t)(w.Call(customer, "", "102"))
	seen := must[[]telephony.Presence](t)(p.Presences(t.Context(), append(ids, "1")))
	if len(ids) < 2 || len(seen) != len(ids) {
		t.Fatalf("%d presences of %d", len(seen), len(ids))
	}
	i := slices.IndexFunc(seen, func(p telephony.Presence) bool { return len(p.ActiveCalls) == 1 })
	if i < 0 || seen[i].ActiveCalls[0].SessionID != call || seen[i].ExtensionNumber != "102" {
		t.Errorf("presences %+v", seen)
	}
}

func TestTheClientNeverBreaksALimit(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Limits{Light: 50, Medium: 40, Heavy: 10, Auth: 5}})
	p := w.as("102")
	background, presses := 0, 0
	for range 60 {
		if _, err := p.Me(rc.Background(t.Context())); err == nil {
			background++
		} else if !rc.Unsent(err) || !errors.Is(err, rc.ErrHeldBack) {
			t.Fatal(err)
		}
	}
	if left := p.Remaining(rc.Light); left != 20 {
		t.Errorf("%d left for presses", left)
	}
	for range 30 {
		if _, err := p.Me(t.Context()); err == nil {
			presses++
		}
	}
	if background != 30 || presses != 20 {
		t.Errorf("%d background reads, %d presses", background, presses)
	}
	for _, r := range w.Requests("", "") {
		if r.Status == http.StatusTooManyRequests {
			t.Errorf("RingCentral refused %s %s", r.Method, r.Path)
		}
	}
	if n := w.as("103").Remaining(rc.Light); n != 50 {
		t.Errorf("103 has %d left", n)
	}
}

func TestALimitThatOthersUsedUp(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Limits{Light: 12, Penalty: 20 * time.Second}})
	ours := w.as("102")
	other := w.elsewhere("102")
	for range 7 {
		if _, err := other(); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := ours.Me(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := ours.Remaining(rc.Light); n != 4 {
		t.Errorf("%d left, RingCentral says 4", n)
	}
}

// elsewhere asks Me as another instance of the product would: with a client, and
// so with an account of usage, of its own.
func (w *world) elsewhere(number string) func() (rc.Extension, error) {
	w.t.Helper()
	tokens := must[rcsim.Tokens](w.t)(w.SignIn(number, rcsim.ConfidentialClient))
	client := must[*rc.Client](w.t)(rc.New(rc.Config{Server: w.server(), ClientID: "x"}))
	w.t.Cleanup(client.Close)
	other := client.As(number, func(context.Context) (string, error) { return tokens.Access, nil })
	return func() (rc.Extension, error) { return other.Me(w.t.Context()) }
}

// server is the simulator's base URL.
func (w *world) server() string {
	u, err := url.Parse(w.client.AuthCodeURL("", "", ""))
	if err != nil {
		w.t.Fatal(err)
	}
	return u.Scheme + "://" + u.Host
}

func TestAnUnansweredBridgeIsAnUnknownOutcome(t *testing.T) {
	w := newWorld(t, rcsim.Options{}, func(cfg *rc.Config) { cfg.Timeout = 300 * time.Millisecond })
	p := w.as("102")
	w.SetFault("bridge", rcsim.Fault{Silent: true})
	_, err := p.Bridge(t.Context(), "s-1", "p-1", "s-2", "p-2")
	var e *rc.Error
	if !errors.As(err, &e) || e.Status != 0 || e.Unsent || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("error %v", err)
	}
	if n := len(w.Requests("POST", "/bridge")); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}
