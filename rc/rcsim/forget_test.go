package rcsim

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// TestDeadTokensAreForgotten: a server that runs for long does not grow with what nobody can use any more.
func TestDeadTokensAreForgotten(t *testing.T) {
	sim := New(Options{Seed: 7, Limits: Unlimited()})
	defer func() { _ = sim.Close() }()
	tok, err := sim.SignIn("102", PublicClient)
	if err != nil {
		t.Fatal(err)
	}
	post := func(path string, form url.Values) int {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		sim.ServeHTTP(w, r)
		return w.Code
	}
	size := func() [3]int { return [3]int{len(sim.oauth.access), len(sim.oauth.refresh), len(sim.oauth.grants)} }
	for range 20 {
		g := sim.oauth.access[tok.Access]
		if post("/restapi/oauth/token", url.Values{"grant_type": {grantRefresh}, "refresh_token": {g.refresh}, "client_id": {PublicClient}}) != http.StatusOK {
			t.Fatal("not refreshed")
		}
		tok.Access = g.access
	}
	if got := size(); got != [3]int{1, 2, 1} { // the refresh token before is repeated for a while
		t.Errorf("twenty refreshes leave %v access tokens, refresh tokens and people", got)
	}
	post("/restapi/oauth/revoke", url.Values{"token": {tok.Access}, "client_id": {PublicClient}})
	if got := size(); got != [3]int{} {
		t.Errorf("a sign-out leaves %v", got)
	}
}

func TestKeepNewest(t *testing.T) {
	var all []int
	for i := range 1000 {
		all = keepNewest(all, i, 10)
	}
	if n := len(all); n < 10 || n > 20 || all[n-1] != 999 || all[n-10] != 990 {
		t.Errorf("%v", all)
	}
}
