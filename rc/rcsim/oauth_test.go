package rcsim_test

import (
	"crypto/sha256"
	"encoding/base64"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// clock is a time that a test moves by hand.
type clock struct{ ns atomic.Int64 }

func newClock() *clock {
	c := &clock{}
	c.ns.Store(time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC).UnixNano())
	return c
}

func (c *clock) now() time.Time        { return time.Unix(0, c.ns.Load()).UTC() }
func (c *clock) sleep(d time.Duration) { c.ns.Add(int64(d)) }

const (
	redirect = "http://127.0.0.1:8765/oauth/callback"
	verifier = "a-verifier-of-more-than-forty-three-characters-1234567890"
)

func challenge() string {
	sum := sha256.Sum256([]byte(verifier))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// authorizeQuery is a good authorize request.
func authorizeQuery(client string) url.Values {
	return url.Values{
		"response_type": {"code"}, "client_id": {client}, "redirect_uri": {redirect}, "state": {"s/+ =&?ü"},
		"code_challenge": {challenge()}, "code_challenge_method": {"S256"},
		// Absent options come as empty parameters from official clients.
		"brand_id": {""}, "display": {""}, "prompt": {""}, "ui_options": {""}, "localeId": {""},
	}
}

// approve posts the authorize form and gives the code.
func (w *world) approve(q url.Values, user string) string {
	w.t.Helper()
	v := maps.Clone(q)
	v.Set("user", user)
	v.Set("decision", "approve")
	r := w.form("/restapi/oauth/authorize", v, "")
	loc, err := url.Parse(r.header.Get("Location"))
	if r.status != 302 || err != nil || loc.Query().Get("code") == "" {
		w.t.Fatalf("%d %s %s", r.status, r.header.Get("Location"), r.body)
	}
	if loc.Query().Get("state") != q.Get("state") || loc.Query().Get("expires_in") != "60" || !strings.HasPrefix(loc.String(), q.Get("redirect_uri")+"?") {
		w.t.Fatalf("state comes back verbatim: %s", loc)
	}
	return loc.Query().Get("code")
}

func codeForm(code string) url.Values {
	return url.Values{"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier}}
}

func TestAuthorizePage(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	q := authorizeQuery(rcsim.ConfidentialClient)
	q.Set("login_hint", "103")
	r := w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), ""))
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(r.body))
	if r.status != 200 || err != nil {
		t.Fatalf("%d %v", r.status, err)
	}
	if n := doc.Find(`form[method=post] input[type=radio][name=user]`).Length(); n != 15 {
		t.Errorf("%d people to choose from", n)
	}
	if v, _ := doc.Find("input[name=user][checked]").Attr("value"); v != "103" {
		t.Errorf("login_hint chooses: %q", v)
	}
	if first := doc.Find("legend").First().Text(); first != "Member Care" {
		t.Errorf("first comes %s", first)
	}
	if doc.Find("script").Length() != 0 || doc.Find("[style]").Length() != 0 {
		t.Error("no script, no inline style")
	}
	if !strings.Contains(doc.Find("[data-testid=simulated-band]").Text(), "Simulated RingCentral") {
		t.Error("the band is missing")
	}
	csp := r.header.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "form-action 'self' http://127.0.0.1:8765;") || strings.Contains(csp, "script") {
		t.Errorf("csp %s", csp)
	}

	t.Run("the form works as it stands", func(t *testing.T) {
		v := url.Values{"user": {"103"}, "decision": {"approve"}}
		doc.Find("form input[type=hidden]").Each(func(_ int, s *goquery.Selection) {
			name, _ := s.Attr("name")
			value, _ := s.Attr("value")
			v.Set(name, value)
		})
		r := w.form("/restapi/oauth/authorize", v, "")
		loc, _ := url.Parse(r.header.Get("Location"))
		if r.status != 302 || loc.Query().Get("state") != q.Get("state") {
			t.Fatalf("%d %s", r.status, loc)
		}
		if r := w.form("/restapi/oauth/token", codeForm(loc.Query().Get("code")), rcsim.ConfidentialClient); r.status != 200 || r.json(t)["owner_id"] != "400131513008" {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("deny", func(t *testing.T) {
		v := authorizeQuery(rcsim.ConfidentialClient)
		v.Set("decision", "deny")
		r := w.form("/restapi/oauth/authorize", v, "")
		loc, _ := url.Parse(r.header.Get("Location"))
		if r.status != 302 || loc.Query().Get("error") != "access_denied" || loc.Query().Get("state") != v.Get("state") || loc.Query().Has("code") {
			t.Errorf("%d %s", r.status, loc)
		}
	})
	t.Run("nobody chosen", func(t *testing.T) {
		v := authorizeQuery(rcsim.ConfidentialClient)
		v.Set("decision", "approve")
		if r := w.form("/restapi/oauth/authorize", v, ""); r.status != 400 || !strings.Contains(r.body, "authorize-problem") {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	for _, c := range []struct{ name, client, key, value string }{
		{"unknown client", "nobody", "", ""},
		{"other response type", rcsim.ConfidentialClient, "response_type", "token"},
		{"redirect to another host", rcsim.ConfidentialClient, "redirect_uri", "http://example.com/oauth/callback"},
		{"redirect to another path", rcsim.ConfidentialClient, "redirect_uri", "http://127.0.0.1:1/elsewhere"},
		{"redirect with a user", rcsim.ConfidentialClient, "redirect_uri", "http://a@127.0.0.1/oauth/callback"},
		{"redirect like loopback", rcsim.ConfidentialClient, "redirect_uri", "http://127.0.0.1.example.com/oauth/callback"},
		{"no redirect", rcsim.ConfidentialClient, "redirect_uri", ""},
		{"public client without PKCE", rcsim.PublicClient, "code_challenge", ""},
		{"odd challenge method", rcsim.PublicClient, "code_challenge_method", "S1"},
		{"none and login", rcsim.PublicClient, "prompt", "none login"},
		{"odd prompt", rcsim.PublicClient, "prompt", "select_account"},
	} {
		t.Run(c.name, func(t *testing.T) {
			q := authorizeQuery(c.client)
			if c.key != "" {
				q.Set(c.key, c.value)
			}
			r := w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), ""))
			if r.status != 400 || r.header.Get("Location") != "" {
				t.Errorf("%d %s", r.status, r.header.Get("Location"))
			}
		})
	}
	t.Run("parameter twice", func(t *testing.T) {
		q := authorizeQuery(rcsim.ConfidentialClient)
		q.Add("state", "2")
		if r := w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), "")); r.status != 400 {
			t.Errorf("%d", r.status)
		}
	})
	t.Run("prompt none", func(t *testing.T) {
		q := authorizeQuery(rcsim.ConfidentialClient)
		q.Set("prompt", "none")
		r := w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), ""))
		loc, _ := url.Parse(r.header.Get("Location"))
		if r.status != 302 || loc.Query().Get("error") != "login_required" || loc.Query().Get("state") != q.Get("state") {
			t.Errorf("%d %s", r.status, loc)
		}
	})
	t.Run("any loopback port and name", func(t *testing.T) {
		for _, u := range []string{"http://localhost:1/oauth/callback", "http://[::1]:65535/oauth/callback", "http://127.0.0.1/oauth/callback"} {
			q := authorizeQuery(rcsim.PublicClient)
			q.Set("redirect_uri", u)
			if r := w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), "")); r.status != 200 {
				t.Errorf("%s: %d", u, r.status)
			}
		}
	})
}

// TestTokenErrors: what the token endpoint refuses, with the codes of API sheet 2.5.
func TestTokenErrors(t *testing.T) {
	const conf, pub = rcsim.ConfidentialClient, rcsim.PublicClient
	for _, c := range []struct {
		name   string
		client string                                 // who authorized
		edit   func(w *world, v url.Values, k *clock) // changes the token request
		send   func(w *world, v url.Values) reply     // nil: as the client should
		kind   string
		code   string
		status int
	}{
		{name: "unknown code", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("code", "x") }, kind: "invalid_grant", code: "OAU-106"},
		{name: "expired code", client: conf, edit: func(_ *world, _ url.Values, k *clock) { k.sleep(61 * time.Second) }, kind: "invalid_grant", code: "OAU-108"},
		{name: "another redirect URI", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("redirect_uri", redirect+"2") }, kind: "invalid_grant", code: "OAU-109"},
		{name: "wrong verifier", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("code_verifier", verifier+"x") }, kind: "invalid_grant", code: "OAU-106"},
		{name: "no verifier", client: pub, edit: func(_ *world, v url.Values, _ *clock) { v.Del("code_verifier") }, kind: "invalid_grant", code: "OAU-106"},
		{name: "code twice", client: conf, edit: func(w *world, v url.Values, _ *clock) {
			if r := w.form("/restapi/oauth/token", v, conf); r.status != 200 {
				w.t.Fatal(r.body)
			}
		}, kind: "invalid_grant", code: "OAU-106"},
		{name: "code of another app", client: pub, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			v.Del("client_id")
			return w.form("/restapi/oauth/token", v, conf)
		}, kind: "invalid_grant", code: "OAU-110"},
		{name: "confidential without Basic", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("client_id", conf) }, send: func(w *world, v url.Values) reply {
			return w.form("/restapi/oauth/token", v, "")
		}, kind: "invalid_client", code: "OAU-123"},
		{name: "no client at all", client: conf, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			return w.form("/restapi/oauth/token", v, "")
		}, kind: "invalid_client", code: "OAU-123"},
		{name: "unknown client", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("client_id", "nobody") }, send: func(w *world, v url.Values) reply {
			return w.form("/restapi/oauth/token", v, "")
		}, kind: "invalid_client", code: "OAU-153"},
		{name: "public with Basic", client: pub, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			return w.form("/restapi/oauth/token", v, pub) // empty secret
		}, kind: "invalid_client", code: "OAU-153"},
		{name: "wrong secret", client: conf, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			req := w.request("POST", "/restapi/oauth/token", v.Encode())
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.SetBasicAuth(conf, "wrong")
			return w.send(req)
		}, kind: "invalid_client", code: "OAU-146"},
		{name: "Basic that is none", client: conf, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			return w.formAs("Basic !!!", v)
		}, kind: "invalid_client", code: "OAU-134"},
		{name: "another scheme", client: conf, edit: func(*world, url.Values, *clock) {}, send: func(w *world, v url.Values) reply {
			return w.formAs("Digest x", v)
		}, kind: "invalid_client", code: "OAU-151"},
		{name: "refresh token that cannot be one", client: conf, edit: func(_ *world, v url.Values, _ *clock) {
			v.Set("grant_type", "refresh_token")
			v.Set("refresh_token", "<token>")
		}, kind: "invalid_grant", code: "OAU-149"},
		{name: "unknown refresh token", client: conf, edit: func(_ *world, v url.Values, _ *clock) {
			v.Set("grant_type", "refresh_token")
			v.Set("refresh_token", "U0pD")
		}, kind: "invalid_grant", code: "OAU-213"},
		{name: "role without access for apps", client: conf, edit: func(w *world, _ url.Values, _ *clock) { w.SetLacks("102", "ThirdPartyAppAccess") }, kind: "invalid_client", code: "CMN-408"},
		{name: "other grant type", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Set("grant_type", "password") }, kind: "unsupported_grant_type"},
		{name: "parameter twice", client: conf, edit: func(_ *world, v url.Values, _ *clock) { v.Add("code", "y") }, kind: "invalid_request", code: "OAU-111"},
		{name: "JSON", client: conf, edit: func(*world, url.Values, *clock) {}, send: func(w *world, _ url.Values) reply {
			return w.send(w.request("POST", "/restapi/oauth/token", `{}`))
		}, status: 415},
	} {
		judge := func(t *testing.T, byTable bool) {
			t.Helper()
			k := newClock()
			w := newWorld(t, rcsim.Options{Now: k.now, Assume: rcsim.Assumptions{OAuthTableStatus: byTable}})
			v := codeForm(w.approve(authorizeQuery(c.client), "102"))
			if c.client == pub {
				v.Set("client_id", pub)
			}
			c.edit(w, v, k)
			send := c.send
			if send == nil {
				send = func(w *world, v url.Values) reply {
					if c.client == pub {
						return w.form("/restapi/oauth/token", v, "")
					}
					return w.form("/restapi/oauth/token", v, conf)
				}
			}
			r := send(w, v)
			if c.status != 0 {
				if r.status != c.status {
					t.Errorf("%d %s", r.status, r.body)
				}
				return
			}
			m := r.json(t)
			first, _ := m["errors"].([]any)[0].(map[string]any)
			status := 400
			if byTable {
				status = statusByTable(c.code)
			}
			if r.status != status || m["error"] != c.kind || (c.code != "" && first["errorCode"] != c.code) || m["error_description"] != first["message"] {
				t.Errorf("%d %s, want %d %s %s", r.status, r.body, status, c.kind, c.code)
			}
		}
		t.Run(c.name, func(t *testing.T) { judge(t, false) })
		t.Run(c.name+", status by the table", func(t *testing.T) { judge(t, true) })
	}
}

// statusByTable is the HTTP status of an OAuth error in API sheet 2.5.
func statusByTable(code string) int {
	switch code {
	case "CMN-408", "OAU-106", "OAU-108", "OAU-109", "OAU-110", "OAU-112":
		return 403
	case "OAU-123", "OAU-134", "OAU-146", "OAU-149", "OAU-151":
		return 401
	}
	return 400
}

// formAs posts a token request with an Authorization header of one's own.
func (w *world) formAs(authorization string, v url.Values) reply {
	w.t.Helper()
	req := w.request("POST", "/restapi/oauth/token", v.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", authorization)
	return w.send(req)
}

func TestTokenAnswer(t *testing.T) {
	w := newWorld(t, rcsim.Options{Now: newClock().now})
	for _, client := range []string{rcsim.ConfidentialClient, rcsim.PublicClient} {
		v := codeForm(w.approve(authorizeQuery(client), "102"))
		basic := client
		if client == rcsim.PublicClient {
			v.Set("client_id", client)
			basic = ""
		}
		r := w.form("/restapi/oauth/token", v, basic)
		m := r.json(t)
		if r.status != 200 || m["token_type"] != "bearer" || m["expires_in"] != 3600.0 || m["refresh_token_expires_in"] != 604800.0 ||
			m["owner_id"] != "400131512008" || m["session_id"] == "" || m["endpoint_id"] == "" || !strings.Contains(m["scope"].(string), "CallControl") {
			t.Errorf("%s: %d %s", client, r.status, r.body)
		}
		if r.header.Get("X-Rate-Limit-Group") != "auth" || r.header.Get("X-Rate-Limit-Limit") != "5" {
			t.Errorf("%v", r.header)
		}
		// A token in any case of the scheme, by number or by ~.
		for _, path := range []string{account + "/extension/~", "/restapi/v1.0/account/400131426008/extension/400131512008"} {
			req := w.request("GET", path, "")
			req.Header.Set("Authorization", "bearer "+m["access_token"].(string))
			if r := w.send(req); r.status != 200 || r.json(t)["id"] != 400131512008.0 || r.json(t)["account"].(map[string]any)["id"] != "400131426008" {
				t.Errorf("%d %s", r.status, r.body)
			}
		}
	}
}

func TestJWTGrant(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	jwt := w.Account().Users[2].JWT
	v := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jwt}}
	if r := w.form("/restapi/oauth/token", v, rcsim.ConfidentialClient); r.status != 200 || r.json(t)["owner_id"] != "400131512008" {
		t.Errorf("%d %s", r.status, r.body)
	}
	v.Set("assertion", jwt+"x")
	if r := w.form("/restapi/oauth/token", v, rcsim.ConfidentialClient); r.status != 400 || r.json(t)["error"] != "invalid_grant" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestLifetimesOnRequest(t *testing.T) {
	for _, c := range []struct {
		ask  string
		want float64
	}{{"", 3600}, {"600", 600}, {"1800", 1800}, {"-1", 600}, {"1", 600}, {"99999", 3600}, {"soon", 3600}} {
		w := newWorld(t, rcsim.Options{Now: newClock().now})
		v := codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102"))
		v.Set("access_token_ttl", c.ask)
		if m := w.form("/restapi/oauth/token", v, rcsim.ConfidentialClient).json(t); m["expires_in"] != c.want {
			t.Errorf("%q gives %v, want %v", c.ask, m["expires_in"], c.want)
		}
	}
}

// TestRefreshRotation holds the two grace rules of API sheet 2.3.
func TestRefreshRotation(t *testing.T) {
	type step struct {
		do   string        // refresh <name>, use <name>
		wait time.Duration // before
		want string        // name of the pair that comes back, "refused", or "ok"/"401" for use
	}
	for _, c := range []struct {
		name  string
		steps []step
	}{
		{"a new pair, the old access token dead at once", []step{{"refresh a", 0, "b"}, {"use a", 0, "401"}, {"use b", 0, "ok"}}},
		{"repeats give the same pair while it is unused", []step{{"refresh a", 0, "b"}, {"refresh a", 59 * time.Minute, "b"}, {"use b", 0, "ok"}}},
		{"but not for more than an hour", []step{{"refresh a", 0, "b"}, {"refresh a", 61 * time.Minute, "refused"}}},
		{"ten seconds after the first use the old one still repeats", []step{{"refresh a", 0, "b"}, {"use b", 0, "ok"}, {"refresh a", 9 * time.Second, "b"}}},
		{"then it is dead", []step{{"refresh a", 0, "b"}, {"use b", 0, "ok"}, {"refresh a", 11 * time.Second, "refused"}, {"refresh b", 0, "c"}}},
		{"two generations back is dead", []step{{"refresh a", 0, "b"}, {"refresh b", 0, "c"}, {"refresh a", 0, "refused"}, {"refresh b", 0, "c"}}},
		{"an expired access token", []step{{"use a", 59 * time.Minute, "ok"}, {"use a", 2 * time.Minute, "401"}, {"refresh a", 0, "b"}}},
		{"an expired refresh token", []step{{"refresh a", 169 * time.Hour, "refused"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := newClock()
			w := newWorld(t, rcsim.Options{Now: k.now, Limits: rcsim.Unlimited()})
			tok, err := w.SignIn("102", rcsim.PublicClient)
			if err != nil {
				t.Fatal(err)
			}
			access, refresh := map[string]string{"a": tok.Access}, map[string]string{"a": tok.Refresh}
			for i, s := range c.steps {
				k.sleep(s.wait)
				verb, name, _ := strings.Cut(s.do, " ")
				if verb == "use" {
					r := w.rest(access[name], "GET", account+"/extension/~", "")
					if (s.want == "ok") != (r.status == 200) || (s.want == "401") != (r.status == 401) {
						t.Errorf("step %d %s: %d", i, s.do, r.status)
					}
					continue
				}
				r := w.form("/restapi/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refresh[name]}, "client_id": {rcsim.PublicClient}}, "")
				if s.want == "refused" {
					if r.status != 400 || r.json(t)["error"] != "invalid_grant" {
						t.Errorf("step %d %s: %d %s", i, s.do, r.status, r.body)
					}
					continue
				}
				m := r.json(t)
				if r.status != 200 {
					t.Fatalf("step %d %s: %d %s", i, s.do, r.status, r.body)
				}
				if have, ok := access[s.want]; ok && have != m["access_token"] {
					t.Errorf("step %d %s: not the same pair", i, s.do)
				}
				for other, a := range access {
					if other != s.want && a == m["access_token"] {
						t.Errorf("step %d %s: the pair %s again", i, s.do, other)
					}
				}
				access[s.want], refresh[s.want] = m["access_token"].(string), m["refresh_token"].(string)
			}
		})
	}
}

func TestRefreshIsBoundToItsApp(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	tok, _ := w.SignIn("102", rcsim.PublicClient)
	r := w.form("/restapi/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.Refresh}}, rcsim.ConfidentialClient)
	if r.status != 400 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestSixthSessionEndsTheOldest(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	var access []string
	for range 6 {
		access = append(access, w.signIn("102"))
	}
	other, _ := w.SignIn("102", rcsim.PublicClient)
	if n := w.OAuthSessions("102"); n != 6 {
		t.Errorf("five of one app and one of the other, not %d", n)
	}
	for i, a := range append(access, other.Access) {
		want := 200
		if i == 0 {
			want = 401
		}
		if r := w.rest(a, "GET", account+"/extension/~", ""); r.status != want {
			t.Errorf("session %d: %d", i+1, r.status)
		}
	}
}

func TestRevoke(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	for _, c := range []struct {
		name string
		send func(rcsim.Tokens) reply
		dead bool
	}{
		{"access token in the form", func(k rcsim.Tokens) reply {
			return w.form("/restapi/oauth/revoke", url.Values{"token": {k.Access}, "client_id": {rcsim.PublicClient}}, "")
		}, true},
		{"refresh token in the query", func(k rcsim.Tokens) reply {
			return w.form("/restapi/oauth/revoke?token="+url.QueryEscape(k.Refresh), url.Values{"client_id": {rcsim.PublicClient}}, "")
		}, true},
		{"unknown token", func(rcsim.Tokens) reply {
			return w.form("/restapi/oauth/revoke", url.Values{"token": {"x"}, "client_id": {rcsim.PublicClient}}, "")
		}, false},
		{"another app's token", func(k rcsim.Tokens) reply {
			return w.form("/restapi/oauth/revoke", url.Values{"token": {k.Access}}, rcsim.ConfidentialClient)
		}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			k, _ := w.SignIn("102", rcsim.PublicClient)
			if r := c.send(k); r.status != 200 || r.body != "" {
				t.Fatalf("%d %s", r.status, r.body)
			}
			refresh := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {k.Refresh}, "client_id": {rcsim.PublicClient}}
			if r := w.form("/restapi/oauth/token", refresh, ""); (r.status != 200) != c.dead {
				t.Errorf("refresh afterwards: %d", r.status)
			}
		})
	}
}

func TestPersonWithoutThirdPartyAccess(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	w.SetLacks("102", "ThirdPartyAppAccess")
	r := w.form("/restapi/oauth/token", codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102")), rcsim.ConfidentialClient)
	if r.status != 400 || !strings.Contains(r.body, "CMN-408") || !strings.Contains(r.body, "ThirdPartyAppAccess") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestGuestsSignInAndSeeThemselvesOnly(t *testing.T) {
	w := newWorld(t, rcsim.Options{Guests: []rcsim.User{{ID: "500001008", AccountID: "500000008", Number: "101", First: "Sam", Last: "Elsewhere"}}})
	r := w.form("/restapi/oauth/token", codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "500001008")), rcsim.ConfidentialClient)
	token := r.json(t)["access_token"].(string)
	if m := w.rest(token, "GET", account+"/extension/~", "").json(t); m["id"] != 500001008.0 || m["account"].(map[string]any)["id"] != "500000008" {
		t.Errorf("%v", m)
	}
	id := w.call(customer, "101")
	for _, path := range []string{account + "/extension/400131512008", "/restapi/v1.0/account/400131426008/extension/~", sessionPath(id)} {
		if r := w.rest(token, "GET", path, ""); r.status != 404 {
			t.Errorf("%s: %d", path, r.status)
		}
	}
}

func TestBearerErrors(t *testing.T) {
	k := newClock()
	w := newWorld(t, rcsim.Options{Now: k.now})
	token := w.signIn("102")
	k.sleep(time.Hour + time.Second)
	for _, c := range []struct{ name, header, code string }{
		{"none", "", "CMN-405"},
		{"Basic", "Basic eDp5", "CMN-405"},
		{"unknown", "Bearer x", "OAU-213"},
		{"expired", "Bearer " + token, "OAU-128"},
	} {
		t.Run(c.name, func(t *testing.T) {
			req := w.request("GET", account+"/extension/~", "")
			if c.header != "" {
				req.Header.Set("Authorization", c.header)
			}
			if r := w.send(req); r.status != http.StatusUnauthorized || r.json(t)["errorCode"] != c.code || r.header.Get("WWW-Authenticate") == "" {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

func TestIssuedSecretsAreKnown(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	code := w.approve(authorizeQuery(rcsim.ConfidentialClient), "102")
	m := w.form("/restapi/oauth/token", codeForm(code), rcsim.ConfidentialClient).json(t)
	access := m["access_token"].(string)
	issued := strings.Join(w.Issued(), "\n") + "\n"
	for _, secret := range []string{code, access, m["refresh_token"].(string)} {
		if !strings.Contains(issued, secret+"\n") {
			t.Errorf("%q is not listed", secret)
		}
	}
	if s := w.wsToken(access); !strings.Contains(strings.Join(w.Issued(), "\n"), s) {
		t.Error("the gateway token is not listed")
	}
	if all := w.control("GET", "/sim/api/requests", "").body; strings.Contains(all, access) || strings.Contains(all, code) {
		t.Error("the record of requests has a secret")
	}
}

func TestWishedLifetimes(t *testing.T) {
	clock := newClock()
	for _, c := range []struct {
		access, refresh string
		in, refreshIn   float64
	}{
		{"", "", 3600, 604800},
		{"-1", "-1", 600, 604800}, // as an official client asks after a 401
		{"600", "60", 600, 60},
		{"10000000000", "10000000000", 3600, 2592000},
	} {
		w := newWorld(t, rcsim.Options{Now: clock.now})
		m := w.form("/restapi/oauth/token", url.Values{
			"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {w.person("102").JWT},
			"access_token_ttl": {c.access}, "refresh_token_ttl": {c.refresh},
		}, rcsim.ConfidentialClient).json(t)
		if m["expires_in"] != c.in || m["refresh_token_expires_in"] != c.refreshIn {
			t.Errorf("%s and %s: %v", c.access, c.refresh, m)
		}
	}
}

// TestOldCodesAreForgotten: an expired code is said to be expired for an hour; then it is a code like any other that never was.
func TestOldCodesAreForgotten(t *testing.T) {
	clock := newClock()
	w := newWorld(t, rcsim.Options{Now: clock.now, Limits: rcsim.Unlimited()})
	redeem := func(code string) any {
		return w.form("/restapi/oauth/token", url.Values{
			"grant_type": {"authorization_code"}, "code": {code}, "redirect_uri": {redirect}, "code_verifier": {verifier},
		}, rcsim.ConfidentialClient).json(t)["errors"].([]any)[0].(map[string]any)["errorCode"]
	}
	q := authorizeQuery(rcsim.ConfidentialClient)
	first, second := w.approve(q, "102"), w.approve(q, "102")
	clock.sleep(2 * time.Minute)
	w.approve(q, "102")
	if code := redeem(first); code != "OAU-108" {
		t.Error(code)
	}
	clock.sleep(2 * time.Hour)
	w.approve(q, "102")
	if code := redeem(second); code != "OAU-106" {
		t.Error(code)
	}
}
