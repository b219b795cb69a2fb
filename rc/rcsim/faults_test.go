package rcsim_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestBridgeFaults(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  string // JSON, as the control API takes it
		status int
		code   string
		joined bool
	}{
		{"refused once", `{"bridge":{"status":409,"code":"TAS-102","times":1}}`, 409, "TAS-102", false},
		{"the code goes with the status", `{"bridge":{"status":503}}`, 503, "CMN-201", false},
		{"accepted and nothing done", `{"bridge":{"pretend":true}}`, 200, "", false},
		{"late answer", `{"bridge":{"answerDelayMs":1}}`, 200, "", true},
		{"late effect", `{"bridge":{"delayMs":1}}`, 200, "", true},
		{"any operation", `{"*":{"status":500}}`, 500, "CMN-203", false},
		{"somebody else's request", `{"bridge":{"status":409,"extension":"103"}}`, 200, "", true},
		{"the consult hangs up just before", `{"bridge":{"end":"consult"}}`, 409, "TAS-102", false},
		{"the customer hangs up just before", `{"bridge":{"end":"far"}}`, 409, "TAS-102", false},
		{"the agent's own leg ends just before", `{"bridge":{"end":"mine"}}`, 409, "TAS-102", false},
		{"cleared first, then set", `{"bridge":{"status":409,"times":1},"clear":true}`, 409, "TAS-102", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			token := w.signIn("102")
			held, consult := w.pair()
			if r := w.control("POST", "/sim/api/faults", c.fault); r.status != 200 || !strings.Contains(r.body, `"routes"`) {
				t.Fatalf("%d %s", r.status, r.body)
			}
			body, path := w.bridgeBody(consult, "102"), w.partyPath(held, "102")+"/bridge"
			r := w.rest(token, "POST", path, body)
			if r.status != c.status || (c.code != "" && r.json(t)["errorCode"] != c.code) {
				t.Errorf("%d %s", r.status, r.body)
			}
			if c.status == 200 && !strings.Contains(r.body, "AttendedTransfer") {
				t.Errorf("the answer claims success: %s", r.body)
			}
			if st := w.State(); st.Hear(customer, "103") != c.joined {
				t.Errorf("joined: %t\n%s", !c.joined, st)
			}
			if strings.Contains(c.fault, `"times":1`) {
				if r := w.rest(token, "POST", path, body); r.status != 200 {
					t.Errorf("once means once: %d %s", r.status, r.body)
				}
			}
		})
	}
}

// TestDelayedEffectOutlivesTheClient: a bridge may take effect after its client gave up.
func TestDelayedEffectOutlivesTheClient(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	held, consult := w.pair()
	w.SetFault("bridge", rcsim.Fault{DelayMs: 500})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req := w.request("POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer "+token)
	gone := make(chan error, 1)
	go func() {
		res, err := w.http.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	w.await(rcsim.Hanging("bridge"))
	cancel()
	if err := <-gone; !errors.Is(err, context.Canceled) {
		t.Fatalf("the client should have given up: %v", err)
	}
	if w.State().Hear(customer, "103") {
		t.Error("too early")
	}
	w.await(rcsim.Talking(customer, "103"))
}

func TestClearedFaultsLetHangingRequestsGo(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	w.SetFault("me", rcsim.Fault{Silent: true})
	gone := make(chan error, 1)
	req := w.request("GET", account+"/extension/~", "")
	req.Header.Set("Authorization", "Bearer "+token)
	go func() {
		res, err := w.http.Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		gone <- err
	}()
	w.await(rcsim.Hanging("me"))
	w.ClearFaults()
	if err := <-gone; err == nil {
		t.Error("it was answered")
	}
}

func TestFaultsOfOAuth(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	w.SetFault("token", rcsim.Fault{Status: 503, RetryAfter: 7, Times: 1})
	v := codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102"))
	if r := w.form("/restapi/oauth/token", v, rcsim.ConfidentialClient); r.status != 503 || r.header.Get("Retry-After") != "7" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.form("/restapi/oauth/token", v, rcsim.ConfidentialClient); r.status != 200 {
		t.Errorf("the code was not used up: %d %s", r.status, r.body)
	}
}

func TestFaultsAPIRefusesNonsense(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	for _, body := range []string{
		`{"brdige":{}}`, `{"bridge":{"status":"no"}}`, `{"bridge":{"statsu":409}}`, `{"bridge":{"status":99}}`, `{"bridge":{"body":"x"}}`, `{"bridge":{"times":-1}}`,
		`{"bridge":{"lose":"sometimes"}}`, `{"bridge":{"bridgeEvents":"none"}}`, `{"bridgeEvents":"none"}`, `{"holdEvents":"x"}`, `{"events":{"kind":"sms"}}`,
		`{"events":{"drop":-1}}`, `{"events":{"dorp":1}}`, `[]`, ``,
	} {
		if r := w.control("POST", "/sim/api/faults", body); r.status != 400 || !strings.Contains(r.body, `"error"`) {
			t.Errorf("%s: %d %s", body, r.status, r.body)
		}
	}
	for name, set := range map[string]func(){
		"no such operation": func() { w.SetFault("brdige", rcsim.Fault{Status: 409}) },
		"no such status":    func() { w.SetFault("bridge", rcsim.Fault{Status: 1}) },
		"no such kind":      func() { w.SetEventFault(rcsim.EventFault{Kind: "sms", Drop: 1}) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: accepted", name)
				}
			}()
			set()
		}()
	}
	r := w.control("POST", "/sim/api/faults", `{"holdEvents":true,"refuseRecovery":true,"bridgeEvents":"noPeer","hold":{"status":409}}`)
	m := w.control("GET", "/sim/api/faults", "").json(t)
	if r.status != 200 || m["holdEvents"] != true || m["refuseRecovery"] != true || m["bridgeEvents"] != "noPeer" || m["routes"].(map[string]any)["hold"] == nil {
		t.Errorf("%v", m)
	}
	w.control("POST", "/sim/api/faults", `{"hold":null}`)
	if m := w.control("GET", "/sim/api/faults", "").json(t); len(m["routes"].(map[string]any)) != 0 || m["holdEvents"] != true {
		t.Errorf("%v", m)
	}
	w.control("POST", "/sim/api/faults", `{"clear":true}`)
	if m := w.control("GET", "/sim/api/faults", "").json(t); m["holdEvents"] != false || m["refuseRecovery"] != false || m["bridgeEvents"] != "" {
		t.Errorf("%v", m)
	}
}

func TestRevokedAndExpiredTokens(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	get := func() reply { return w.rest(token, "GET", account+"/extension/~", "") }
	if r := w.control("POST", "/sim/api/tokens/102/expire", ""); r.status != http.StatusNoContent {
		t.Fatal(r.body)
	}
	if r := get(); r.status != 401 || r.json(t)["errorCode"] != "OAU-128" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.control("POST", "/sim/api/tokens/102/revoke", ""); r.status != http.StatusNoContent {
		t.Fatal(r.body)
	}
	if r := get(); r.status != 401 || r.json(t)["errorCode"] != "OAU-213" || w.OAuthSessions("102") != 0 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.control("POST", "/sim/api/tokens/999/revoke", ""); r.status != 404 {
		t.Error(r.body)
	}
}

func TestReleaseThatCannotBe(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	w.HoldEvents()
	w.call(customer, "102")
	for _, bad := range []string{`{"drop":-1}`, `{"order":"sideways"}`} {
		if r := w.control("POST", "/sim/api/faults", `{"release":`+bad+`}`); r.status != 400 || !strings.Contains(r.body, "release") {
			t.Errorf("%s: %d %s", bad, r.status, r.body)
		}
	}
	w.ReleaseEvents(rcsim.Release{Drop: 1})
	if got := c.note().line(); got != "5: -2 Proceeding +pickup" {
		t.Error(got)
	}
}
