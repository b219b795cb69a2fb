package rcsim_test

import (
	"crypto"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestDiscovery(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	first := w.rest("", "GET", "/.well-known/entry-points/initial?clientId="+rcsim.PublicClient+"&brandId=1210", "")
	m := first.json(t)
	if auth := m["authApi"].(map[string]any); first.status != 200 || auth["authorizationUri"] != w.url+"/restapi/oauth/authorize" || m["coreApi"].(map[string]any)["baseUri"] != w.url || m["brandId"] != "1210" {
		t.Errorf("%d %s", first.status, first.body)
	}
	if r := w.rest("", "GET", "/.well-known/entry-points/initial?clientId=nobody", ""); r.status != 400 {
		t.Errorf("%d", r.status)
	}
	external := strings.TrimPrefix(m["discoveryApi"].(map[string]any)["defaultExternalUri"].(string), w.url)
	if r := w.rest("", "GET", external, ""); r.status != 401 {
		t.Errorf("external wants a token: %d", r.status)
	}
	r := w.rest(w.signIn("102"), "GET", external, "")
	if auth := r.json(t)["authApi"].(map[string]any); r.status != 200 || auth["tokenUri"] != w.url+"/restapi/oauth/token" || auth["baseUri"] != w.url {
		t.Errorf("%d %s", r.status, r.body)
	}
	if video, ok := r.json(t)["rcv"].(map[string]any); !ok || video["baseApiUri"] == nil {
		t.Errorf("RingCentral's SDK reads rcv.baseApiUri: %s", r.body)
	}
	q := authorizeQuery(rcsim.ConfidentialClient)
	q.Set("discovery", "true")
	q.Set("user", "102")
	q.Set("decision", "approve")
	loc, _ := url.Parse(w.form("/restapi/oauth/authorize", q, "").header.Get("Location"))
	if loc.Query().Get("discovery_uri") != w.url+external || loc.Query().Get("token_uri") != w.url+"/restapi/oauth/token" {
		t.Errorf("the redirect of discovery=true: %s", loc)
	}
}

// jwtPart decodes one part of a JSON Web Token.
func jwtPart(t *testing.T, part string) map[string]any {
	t.Helper()
	b, err := base64.RawURLEncoding.DecodeString(part)
	m := map[string]any{}
	if err != nil || json.Unmarshal(b, &m) != nil {
		t.Fatalf("%s: %v", part, err)
	}
	return m
}

func TestOpenIDConnect(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	meta := w.rest("", "GET", "/.well-known/openid-configuration", "").json(t)
	path := func(name string) string { return strings.TrimPrefix(meta[name].(string), w.url) }
	q := authorizeQuery(rcsim.ConfidentialClient)
	q.Set("scope", "openid email")
	q.Set("nonce", "n-1")
	answer := w.form(path("token_endpoint"), codeForm(w.approve(q, "103")), rcsim.ConfidentialClient).json(t)
	parts := strings.Split(answer["id_token"].(string), ".")
	if len(parts) != 3 {
		t.Fatalf("id_token %v", answer["id_token"])
	}
	key := w.rest("", "GET", path("jwks_uri"), "").json(t)["keys"].([]any)[0].(map[string]any)
	n, _ := base64.RawURLEncoding.DecodeString(key["n"].(string))
	e, _ := base64.RawURLEncoding.DecodeString(key["e"].(string))
	public := rsa.PublicKey{N: new(big.Int).SetBytes(n), E: int(new(big.Int).SetBytes(e).Int64())}
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	sig, _ := base64.RawURLEncoding.DecodeString(parts[2])
	if err := rsa.VerifyPKCS1v15(&public, crypto.SHA256, sum[:], sig); err != nil {
		t.Error(err)
	}
	head, claims := jwtPart(t, parts[0]), jwtPart(t, parts[1])
	if head["kid"] != key["kid"] || claims["iss"] != meta["issuer"] || claims["aud"] != rcsim.ConfidentialClient || claims["sub"] != "400131513008" ||
		claims["nonce"] != "n-1" || claims["account_id"] != "400131426008" || claims["family_name"] != "Tan" || claims["exp"].(float64) <= claims["iat"].(float64) {
		t.Errorf("%v %v", head, claims)
	}
	if r := w.rest(answer["access_token"].(string), "GET", path("userinfo_endpoint"), ""); r.status != 200 || r.json(t)["email"] != "meiling.tan@brightwater.example" || r.header.Get("X-Rate-Limit-Group") != "auth" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if m := w.form("/restapi/oauth/token", codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "103")), rcsim.ConfidentialClient).json(t); m["id_token"] != nil {
		t.Error("an id_token that nobody asked for")
	}
}

// assertion is a client_secret_jwt.
func assertion(secret, client, aud string, exp time.Time) string {
	enc := base64.RawURLEncoding.EncodeToString
	text := enc([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + enc(fmt.Appendf(nil, `{"iss":%q,"sub":%q,"aud":%q,"exp":%d,"jti":"1"}`, client, client, aud, exp.Unix()))
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(text))
	return text + "." + enc(mac.Sum(nil))
}

func TestClientAssertion(t *testing.T) {
	k := newClock()
	w := newWorld(t, rcsim.Options{Now: k.now})
	secret := w.Clients()[0].Secret
	later := k.now().Add(time.Minute)
	for _, c := range []struct {
		name, assertion string
		status          int
		code            string
	}{
		{"good", assertion(secret, rcsim.ConfidentialClient, w.url+"/restapi/oauth/token", later), 200, ""},
		{"another secret", assertion("x", rcsim.ConfidentialClient, w.url, later), 400, "OAU-146"},
		{"for another server", assertion(secret, rcsim.ConfidentialClient, "https://elsewhere.example", later), 400, "OAU-146"},
		{"expired", assertion(secret, rcsim.ConfidentialClient, w.url, k.now()), 400, "OAU-146"},
		{"of a public client", assertion("", rcsim.PublicClient, w.url, later), 400, "OAU-153"},
		{"of nobody", assertion(secret, "nobody", w.url, later), 400, "OAU-153"},
		{"no token", "x.y", 400, "OAU-149"},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102"))
			v.Set("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
			v.Set("client_assertion", c.assertion)
			if r := w.form("/restapi/oauth/token", v, ""); r.status != c.status || !strings.Contains(r.body, c.code) {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
}

// TestSettingsOfApps: what an app's registration changes.
func TestSettingsOfApps(t *testing.T) {
	a := rcsim.DemoAccount()
	a.Clients = []rcsim.Client{
		{ID: "one", Secret: "s", Redirects: []string{"https://one.example/cb"}, Scopes: rcsim.AllScopes(), NoRefresh: true},
		{ID: "jwt", Secret: "s", Redirects: []string{"https://jwt.example/cb"}, Scopes: rcsim.AllScopes(), Grants: []string{"urn:ietf:params:oauth:grant-type:jwt-bearer"}},
	}
	w := newWorld(t, rcsim.Options{Account: &a})
	token := func(client string, v url.Values) reply {
		req := w.request("POST", "/restapi/oauth/token", v.Encode())
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.SetBasicAuth(client, "s")
		return w.send(req)
	}
	t.Run("the only redirect URI need not be named", func(t *testing.T) {
		for _, given := range []string{"", "https://one.example/cb"} {
			r := w.form("/restapi/oauth/authorize", url.Values{"response_type": {"code"}, "client_id": {"one"}, "user": {"102"}, "decision": {"approve"}}, "")
			loc, _ := url.Parse(r.header.Get("Location"))
			if r.status != 302 || loc.Host != "one.example" || loc.Query().Has("state") {
				t.Fatalf("%d %s", r.status, loc)
			}
			r = token("one", url.Values{"grant_type": {"authorization_code"}, "code": {loc.Query().Get("code")}, "redirect_uri": {given}})
			if m := r.json(t); r.status != 200 || m["refresh_token"] != nil || m["refresh_token_expires_in"] != nil {
				t.Errorf("no refresh tokens for this app: %d %s", r.status, r.body)
			}
		}
	})
	t.Run("a grant that the app may not use", func(t *testing.T) {
		if r := token("jwt", url.Values{"grant_type": {"authorization_code"}, "code": {"x"}}); r.status != 400 || !strings.Contains(r.body, "OAU-112") || r.json(t)["error"] != "unauthorized_client" {
			t.Errorf("%d %s", r.status, r.body)
		}
		if r := w.send(w.request("GET", "/restapi/oauth/authorize?response_type=code&client_id=jwt", "")); r.status != 400 {
			t.Errorf("%d", r.status)
		}
		if r := token("jwt", url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {a.Users[2].JWT}}); r.status != 200 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
}

func TestSessionsAnAdministratorLimits(t *testing.T) {
	k := newClock()
	w := newWorld(t, rcsim.Options{Now: k.now, SessionTimeout: time.Hour, SessionIdleTimeout: 20 * time.Minute})
	m := w.form("/restapi/oauth/token", codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102")), rcsim.ConfidentialClient).json(t)
	if m["session_expires_in"] != 3600.0 || m["session_idle_timeout"] != 1200.0 || m["session_expiration_time"] != "2026-03-04T10:00:00.000Z" {
		t.Errorf("%v", m)
	}
	token := m["access_token"].(string)
	me := func() int { return w.rest(token, "GET", account+"/extension/~", "").status }
	for i := range 3 {
		k.sleep(19 * time.Minute)
		if s := me(); s != 200 {
			t.Fatalf("in use, round %d: %d", i, s)
		}
	}
	k.sleep(3 * time.Minute)
	if s := me(); s != 401 || w.OAuthSessions("102") != 0 {
		t.Errorf("after an hour: %d", s)
	}
	token = w.signIn("102")
	k.sleep(20 * time.Minute)
	if s := me(); s != 401 {
		t.Errorf("idle: %d", s)
	}
}

func TestRevokeByQuery(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	tok, err := w.SignIn("102", rcsim.ConfidentialClient)
	w.must(err)
	req := w.request("POST", "/restapi/oauth/revoke?token="+url.QueryEscape(tok.Refresh), "")
	req.SetBasicAuth(rcsim.ConfidentialClient, w.Clients()[0].Secret)
	if r := w.send(req); r.status != 200 || r.body != "" || w.OAuthSessions("102") != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.rest(tok.Access, "GET", account+"/extension/~", ""); r.status != 401 {
		t.Errorf("the access token of the session: %d", r.status)
	}
	req = w.request("POST", "/restapi/oauth/revoke", "")
	req.SetBasicAuth(rcsim.ConfidentialClient, w.Clients()[0].Secret)
	if r := w.send(req); r.status != 415 {
		t.Errorf("no token and no form: %d", r.status)
	}
}
