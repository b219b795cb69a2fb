package handlers_test

import (
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/problem"
)

func TestTheDeskShowsWhatTheSnapshotHas(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	a := o.ask(t, http.MethodGet, "/desk", nil)
	if a.status != http.StatusOK || a.header.Get("Content-Type") != "text/html; charset=UTF-8" {
		t.Fatalf("status %d, %s", a.status, a.header.Get("Content-Type"))
	}
	a.wantFound(t, "bay-customer", "Eleanor Marsh")
	a.wantFound(t, "owner", "Jordan Whitfield")
	a.wantFound(t, "demo-band", "Simulated RingCentral")
	if o.desks.pages() == 0 {
		t.Error("no desk was opened")
	}
}

func TestTheTeamIsForWhoMonitorsSomebody(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.ask(t, http.MethodGet, "/team", nil).wantFound(t, "tile", "Jordan Whitfield")
	o.desks.noTeam = problem.NewNotSupervisor()
	a := o.ask(t, http.MethodGet, "/team", nil)
	if a.status != http.StatusForbidden {
		t.Errorf("status %d", a.status)
	}
	a.wantFound(t, "error", "supervisors")
	a.wantFound(t, "back", "")
	if s := o.listen(t, "/team/stream"); s.status != http.StatusForbidden {
		t.Errorf("the stream is answered %d", s.status)
	}
}

func TestWhatRingCentralDoesNotAllowIsNamed(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desks.snap.Feed.State = board.FeedRefused
	o.desks.snap.Denied = []board.Denied{{What: "telephony-events", Code: "CMN-401", Scope: "CallControl"}}
	a := o.ask(t, http.MethodGet, "/desk", nil)
	if a.status != http.StatusForbidden {
		t.Errorf("status %d", a.status)
	}
	a.wantFound(t, "denied-page", "CallControl")
	o.desks.noDesk = problem.NewMissingPermission("ReadPresenceStatus", nil)
	o.ask(t, http.MethodGet, "/desk", nil).wantFound(t, "denied-page", "ReadPresenceStatus")
}

func TestNobodyIsLedToTheSignIn(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	nobody := []string{"Cookie", "other=1"}
	for _, path := range []string{"/desk", "/team"} {
		a := o.ask(t, http.MethodGet, path+"?code=secret", nil, nobody...)
		if a.status != http.StatusSeeOther || a.header.Get("Location") != "/signin?return="+url.QueryEscape(path) {
			t.Errorf("%s: status %d to %q", path, a.status, a.header.Get("Location"))
		}
	}
	o.ask(t, http.MethodGet, "/signin?return=/team", nil, nobody...).wantFound(t, "sign-in-link", "Sign in")
	for _, path := range []string{"/desk/stream", "/team/stream"} {
		if s := o.listen(t, path, nobody...); s.status != http.StatusUnauthorized {
			t.Errorf("%s: status %d", path, s.status)
		}
	}
	plain := o.ask(t, http.MethodPost, "/desk/complete", url.Values{}, nobody...)
	if plain.status != http.StatusUnauthorized {
		t.Errorf("a plain press: status %d", plain.status)
	}
	plain.wantFound(t, "error", "sign-in ended")
	plain.wantFound(t, "sign-in-link", "")
	script := o.ask(t, http.MethodPost, "/desk/complete", url.Values{}, append(nobody, "HX-Request", "true")...)
	if script.status != http.StatusUnauthorized {
		t.Errorf("the script's press: status %d", script.status)
	}
	script.wantFound(t, "problem", "sign-in ended")
	if did := o.desks.did(); len(did) > 0 {
		t.Errorf("a desk was asked for %v", did)
	}
}

func TestSignInLeadsThereAndBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, tc := range []struct{ path, to string }{
		{"/", "/desk"},
		{"/signin", "/desk"}, // signed in already
		{"/signin/start?return=/team", "https://ringcentral.example/authorize?state=%2Fteam"},
		{"/signin/start?return=https://evil.example", "https://ringcentral.example/authorize?state=%2Fdesk"},
		{"/signin/start?return=//evil.example", "https://ringcentral.example/authorize?state=%2Fdesk"},
		{"/signin/start?return=/%5Cevil.example", "https://ringcentral.example/authorize?state=%2Fdesk"},
		{"/signin/start", "https://ringcentral.example/authorize?state=%2Fdesk"},
		{"/oauth/callback?code=c&state=/team", "/team"},
		{"/oauth/callback?code=c&state=//evil.example", "/desk"},
		{"/oauth/callback?code=c&state=/", "/"},
	} {
		if a := o.ask(t, http.MethodGet, tc.path, nil); a.status != http.StatusSeeOther || a.header.Get("Location") != tc.to {
			t.Errorf("%s: status %d to %q, want %q", tc.path, a.status, a.header.Get("Location"), tc.to)
		}
	}
	for site, to := range map[string]string{
		"cross-site": "/signin?return=%2Fteam", "same-site": "/signin?return=%2Fteam",
		"same-origin": "https://ringcentral.example/authorize?state=%2Fteam", "none": "https://ringcentral.example/authorize?state=%2Fteam",
	} {
		if a := o.ask(t, http.MethodGet, "/signin/start?return=/team", nil, "Sec-Fetch-Site", site); a.header.Get("Location") != to {
			t.Errorf("from a %s page to %q, want %q", site, a.header.Get("Location"), to)
		}
	}
	a := o.ask(t, http.MethodGet, "/oauth/callback?error=access_denied", nil, "Cookie", "")
	if a.status != http.StatusForbidden {
		t.Errorf("a denied sign-in: status %d", a.status)
	}
	a.wantFound(t, "error", "did not approve")
}

func TestSigningOutSaysSo(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for path, to := range map[string]string{"/signout": "/signedout", "/signout/everywhere": "/signedout?everywhere=1"} {
		if a := o.ask(t, http.MethodPost, path, url.Values{}); a.status != http.StatusSeeOther || a.header.Get("Location") != to {
			t.Errorf("%s: status %d to %q", path, a.status, a.header.Get("Location"))
		}
		o.ask(t, http.MethodGet, to, nil).wantFound(t, "signed-out", "You are signed out.")
	}
	if len(o.browsers.ended) != 2 {
		t.Errorf("ended %v", o.browsers.ended)
	}
}

func TestAProblemTellsWhenToComeBack(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.desks.noDesk = problem.NewTooMany(30*time.Second, nil)
	if a := o.ask(t, http.MethodGet, "/desk", nil); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") != "30" {
		t.Errorf("status %d, Retry-After %q", a.status, a.header.Get("Retry-After"))
	}
}
