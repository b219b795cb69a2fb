package rcsim_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// try sends a request that may lose its connection; status 0 means that it did.
func (w *world) try(ctx context.Context, token, method, path, body string) reply {
	w.t.Helper()
	req := w.request(method, path, body).WithContext(ctx)
	req.Header.Set("Authorization", "Bearer "+token)
	res, err := w.http.Do(req)
	if err != nil {
		return reply{body: err.Error()}
	}
	defer func() { _ = res.Body.Close() }()
	b, _ := io.ReadAll(res.Body)
	return reply{res.StatusCode, res.Header, string(b)}
}

// TestEveryRequestFault meets each fault with a bridge at the moment of transfer.
func TestEveryRequestFault(t *testing.T) {
	for _, c := range []struct {
		name   string
		fault  rcsim.Fault
		hangs  rcsim.HangPoint // where it hangs until the client gives up; empty: it is answered
		status int             // 0: no answer
		says   string          // part of the answer
		joined bool            // in the end
		alive  string          // who is still in a call, of the customer and 103; default both
	}{
		{name: "no fault that concerns it", fault: rcsim.Fault{Extension: "103", Status: 500}, status: 200, says: "AttendedTransfer", joined: true},
		{name: "refused", fault: rcsim.Fault{Status: 409}, status: 409, says: "TAS-102"},
		{name: "refused with a code of its own", fault: rcsim.Fault{Status: 503, Code: "CMN-211", Message: "Partial outage"}, status: 503, says: `"message":"Partial outage"`},
		{name: "too many, come back later", fault: rcsim.Fault{Status: 429, RetryAfter: 17}, status: 429, says: "CMN-301"},
		{name: "a page of some machine between", fault: rcsim.Fault{Status: 502, Body: "<h1>Bad gateway</h1>"}, status: 502, says: "<h1>Bad gateway</h1>"},
		{name: "JSON of another shape", fault: rcsim.Fault{Status: 403, Body: `{"message":"no"}`}, status: 403, says: `{"message":"no"}`},
		{name: "success with a body nobody expects", fault: rcsim.Fault{Status: 200, Body: "null"}, status: 200, says: "null"},
		{name: "accepted and nothing done", fault: rcsim.Fault{Pretend: true}, status: 200, says: "AttendedTransfer"},
		{name: "never answered, done", fault: rcsim.Fault{Silent: true}, hangs: rcsim.HangsSilent, joined: true},
		{name: "never answered, nothing done", fault: rcsim.Fault{Silent: true, Pretend: true}, hangs: rcsim.HangsSilent},
		{name: "never answered, refused", fault: rcsim.Fault{Silent: true, Status: 409}, hangs: rcsim.HangsSilent},
		{name: "done, and the answer comes after the client gave up", fault: rcsim.Fault{AnswerDelayMs: 3600_000}, hangs: rcsim.HangsAfter, joined: true},
		{name: "the connection is lost before", fault: rcsim.Fault{Lose: rcsim.LoseBefore}},
		{name: "the connection is lost after it is done", fault: rcsim.Fault{Lose: rcsim.LoseAfter}, joined: true},
		{name: "the connection is lost after a pretence", fault: rcsim.Fault{Lose: rcsim.LoseAfter, Pretend: true}},
		{name: "slow", fault: rcsim.Fault{DelayMs: 1, AnswerDelayMs: 1}, status: 200, says: "AttendedTransfer", joined: true},
		{name: "the consult leaves", fault: rcsim.Fault{End: "consult"}, status: 409, says: "TAS-102", alive: customer},
		{name: "the far side leaves", fault: rcsim.Fault{End: "far"}, status: 409, says: "TAS-102", alive: "103"},
		{name: "the customer leaves", fault: rcsim.Fault{End: "customer"}, status: 409, says: "TAS-102", alive: "103"},
		{name: "the caller's own party leaves", fault: rcsim.Fault{End: "mine"}, status: 409, says: "TAS-102", alive: "103"},
		{name: "an extension leaves", fault: rcsim.Fault{End: "103"}, status: 409, says: "TAS-102", alive: customer},
		{name: "a number leaves", fault: rcsim.Fault{End: customer}, status: 409, says: "TAS-102", alive: "103"},
		{name: "somebody who is not there leaves", fault: rcsim.Fault{End: "117"}, status: 200, joined: true},
		{name: "the customer leaves and the answer pretends", fault: rcsim.Fault{End: "customer", Pretend: true}, status: 200, says: "AttendedTransfer", alive: "103"},
		{name: "the consult leaves at the arrival", fault: rcsim.Fault{End: "consult", EndAtOnce: true, DelayMs: 1}, status: 409, says: "TAS-102", alive: customer},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			token := w.signIn("102")
			held, consult := w.pair()
			path, body := w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")
			w.SetFault("bridge", c.fault)
			if got := w.State().Faults.Routes["bridge"]; got != c.fault {
				t.Errorf("the state shows %+v", got)
			}
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			answer := make(chan reply, 1)
			go func() { answer <- w.try(ctx, token, "POST", path, body) }()
			if c.hangs != "" {
				w.await(rcsim.Hanging("bridge"))
				st := w.State()
				if h := st.Faults.Hanging; len(h) != 1 || h[0] != (rcsim.HangingRequest{Operation: "bridge", Extension: "102", Method: "POST", Path: path, Where: c.hangs}) {
					t.Errorf("hanging: %+v", h)
				}
				if st.Hear(customer, "103") != c.joined {
					t.Errorf("while it hangs, joined: %t", !c.joined)
				}
				cancel()
			}
			r := <-answer
			if r.status != c.status || !strings.Contains(r.body, c.says) {
				t.Errorf("%d %s", r.status, r.body)
			}
			if c.fault.RetryAfter > 0 && r.header.Get("Retry-After") != "17" {
				t.Errorf("%v", r.header)
			}
			if strings.HasPrefix(c.fault.Body, "<") != strings.HasPrefix(r.header.Get("Content-Type"), "text/html") {
				t.Errorf("%v", r.header)
			}
			w.await(func(st rcsim.State) bool { return len(st.Faults.Hanging) == 0 })
			st := w.State()
			if st.Hear(customer, "103") != c.joined {
				t.Errorf("joined: %t\n%s", !c.joined, st)
			}
			for _, who := range []string{customer, "103"} {
				p, _ := st.Party("", who)
				if p.Alive() != (c.alive == "" || c.alive == who) {
					t.Errorf("%s alive: %t", who, p.Alive())
				}
			}
			if n := st.Faults.Met["bridge"]; n != b2i(c.fault.Extension != "103") {
				t.Errorf("met %d times", n)
			}
		})
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestEndOnOtherRequests: somebody hangs up while a call is read or dropped, where the path names no party.
func TestEndOnOtherRequests(t *testing.T) {
	for _, c := range []struct {
		operation, method, end string
		gone                   string
		status                 int
	}{
		{"session", "GET", "far", customer, 200},
		{"session", "GET", "mine", "102", 200},
		{"drop", "DELETE", "customer", customer, 404},
	} {
		t.Run(c.operation+" "+c.end, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			token := w.signIn("102")
			held, _ := w.pair()
			w.SetFault(c.operation, rcsim.Fault{End: c.end, Times: 1})
			if r := w.rest(token, c.method, sessionPath(held), ""); r.status != c.status {
				t.Errorf("%d %s", r.status, r.body)
			}
			if w.party(held, c.gone).Alive() {
				t.Errorf("%s is still there", c.gone)
			}
		})
	}
}

// TestEndAtOnce: the party leaves when the request arrives, long before it takes effect.
func TestEndAtOnce(t *testing.T) {
	for _, atOnce := range []bool{true, false} {
		w := newWorld(t, rcsim.Options{})
		token := w.signIn("102")
		held, consult := w.pair()
		path, body := w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")
		w.SetFault("bridge", rcsim.Fault{End: "consult", EndAtOnce: atOnce, DelayMs: 3600_000})
		answer := make(chan reply, 1)
		go func() { answer <- w.try(t.Context(), token, "POST", path, body) }()
		w.await(rcsim.Hanging("bridge"))
		if alive := w.party(consult, "103").Alive(); alive == atOnce {
			t.Errorf("at once %t: 103 alive %t", atOnce, alive)
		}
		w.ClearFaults()
		if r := <-answer; r.status != 0 {
			t.Errorf("a cleared fault ends what hangs: %d", r.status)
		}
	}
}

// TestBridgeToldOtherwiseOnce: the fault changes the events of some bridges, not of all.
func TestBridgeToldOtherwiseOnce(t *testing.T) {
	told := func(w *world, extension string, c *wire) []string {
		t.Helper()
		held := w.call("+16505550117", extension)
		w.must(w.Answer(extension, held))
		w.must(w.Hold(extension, held))
		consult := w.dial(extension, "107")
		w.must(w.Answer("107", consult))
		c.drain()
		if r := w.rest(w.signIn(extension), "POST", w.partyPath(held, extension)+"/bridge", w.bridgeBody(consult, extension)); r.status != 200 {
			t.Fatal(r.body)
		}
		w.must(w.OutsideHangup("+16505550117", held))
		_, err := w.Inject("/restapi/v1.0/account/400131426008/extension/"+w.party(held, extension).ExtensionID+"/telephony/sessions", []byte(`{"parties":[{"id":"p-end-0"}]}`))
		w.must(err)
		var out []string
		for n := c.note(); n.Body.Parties[0].ID != "p-end-0"; n = c.note() {
			text := n.Body.Parties[0].Status.Code
			if n.Body.Parties[0].Status.PeerID != nil {
				text += " with peer"
			}
			out = append(out, text)
		}
		return out
	}
	w := newWorld(t, rcsim.Options{})
	c2, c3 := w.open("102", ownFilter), w.open("103", ownFilter)
	w.SetFault("bridge", rcsim.Fault{Extension: "102", Times: 1, BridgeEvents: rcsim.BridgeSecondDisconnected})
	both := []string{"Gone with peer", "Gone with peer"}
	if got := told(w, "103", c3); !slices.Equal(got, both) {
		t.Errorf("somebody else: %v", got)
	}
	if got := told(w, "102", c2); !slices.Equal(got, []string{"Gone with peer", "Disconnected"}) {
		t.Errorf("the one that meets it: %v", got)
	}
	if got := told(w, "102", c2); !slices.Equal(got, both) {
		t.Errorf("the next: %v", got)
	}
}

// TestFaultsOnTheSocket: a tunnelled request that loses its connection loses the socket, and the session can be recovered.
func TestFaultsOnTheSocket(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	c := w.dialSocket(w.wsToken(token), "")
	c.read()
	w.SetFault("subscribe", rcsim.Fault{Lose: rcsim.LoseAfter, Times: 1})
	c.write(`[{"type":"ClientRequest","messageId":"m1","method":"POST","path":"/restapi/v1.0/subscription"},` + filtersBody(ownFilter) + `]`)
	if code := c.ended(); code != -1 {
		t.Errorf("closed with %d", code)
	}
	again := w.dialSocket(w.wsToken(token), c.wsc)
	if f := again.read(); f.body["recoveryState"] != "Successful" {
		t.Fatal(f.raw)
	}
	w.call(customer, "102")
	again.note() // the subscription had been made
}

func TestGatewayFaults(t *testing.T) {
	upgrade := func(w *world, ctx context.Context, token string) reply {
		return w.try(ctx, "", "GET", "/ws?access_token="+url.QueryEscape(token), "")
	}
	w := newWorld(t, rcsim.Options{})
	token := w.wsToken(w.signIn("102"))
	w.SetFault("gateway", rcsim.Fault{Status: 503, RetryAfter: 3, Times: 1, Extension: "102"})
	if r := upgrade(w, t.Context(), w.wsToken(w.signIn("103"))); r.status == 503 {
		t.Error("it is somebody else's")
	}
	if r := upgrade(w, t.Context(), token); r.status != 503 || r.header.Get("Retry-After") != "3" {
		t.Errorf("%d %v", r.status, r.header)
	}
	w.SetFault("gateway", rcsim.Fault{Silent: true})
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan reply, 1)
	go func() { answer <- upgrade(w, ctx, token) }()
	w.await(rcsim.Hanging("gateway"))
	cancel()
	if r := <-answer; r.status != 0 {
		t.Errorf("%d", r.status)
	}
	w.ClearFaults()
	if c := w.dialSocket(token, ""); c.read().Type != "ConnectionDetails" {
		t.Error("the token is unspent")
	}
}

// TestOAuthFaultsKnowWhoAsks: the person of a token request is the one whose code, token or credential it carries.
func TestOAuthFaultsKnowWhoAsks(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	jwt := func(extension string) url.Values {
		i := slices.IndexFunc(w.Account().Users, func(u rcsim.User) bool { return u.Number == extension })
		return url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {w.Account().Users[i].JWT}}
	}
	tokens, err := w.SignIn("102", rcsim.ConfidentialClient)
	w.must(err)
	for name, c := range map[string]struct {
		path   string
		theirs url.Values
	}{
		"token":  {"/restapi/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}},
		"revoke": {"/restapi/oauth/revoke", url.Values{"token": {tokens.Access}}},
	} {
		w.SetFault(name, rcsim.Fault{Extension: "102", Status: 400, Code: "OAU-210", Message: "Token expired"})
		r := w.form(c.path, c.theirs, rcsim.ConfidentialClient)
		if r.status != 400 || r.json(t)["error"] != "invalid_grant" || !strings.Contains(r.body, `"errorCode":"OAU-210"`) {
			t.Errorf("%s: %d %s", name, r.status, r.body)
		}
	}
	if r := w.form("/restapi/oauth/token", jwt("103"), rcsim.ConfidentialClient); r.status != 200 {
		t.Errorf("somebody else: %d %s", r.status, r.body)
	}
	if r := w.form("/restapi/oauth/token", jwt("102"), rcsim.ConfidentialClient); r.status != 400 {
		t.Errorf("by credential: %d", r.status)
	}
	if r := w.form("/restapi/oauth/token", codeForm(w.approve(authorizeQuery(rcsim.ConfidentialClient), "102")), rcsim.ConfidentialClient); r.status != 400 {
		t.Errorf("by code: %d", r.status)
	}
}

// TestLostRefresh: the answer to a refresh is lost, the pair was made, and the same refresh gives it again.
func TestLostRefresh(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	tokens, err := w.SignIn("102", rcsim.ConfidentialClient)
	w.must(err)
	form := url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}
	w.SetFault("token", rcsim.Fault{Lose: rcsim.LoseAfter, Times: 1})
	req := w.request(http.MethodPost, "/restapi/oauth/token", form.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(rcsim.ConfidentialClient, w.Clients()[0].Secret)
	if res, err := w.http.Do(req); err == nil {
		_ = res.Body.Close()
		t.Fatalf("answered %d", res.StatusCode)
	}
	if r := w.rest(tokens.Access, "GET", account+"/extension/~", ""); r.status != 401 {
		t.Errorf("the pair was made, the old access token is dead: %d", r.status)
	}
	if r := w.form("/restapi/oauth/token", form, rcsim.ConfidentialClient); r.status != 200 || w.rest(r.json(t)["access_token"].(string), "GET", account+"/extension/~", "").status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestRefusedConnections(t *testing.T) {
	sim := conform.New(t, rcsim.Options{Seed: 7})
	srv := httptest.NewUnstartedServer(sim)
	srv.Listener = sim.Listener(srv.Listener)
	srv.Start()
	defer srv.Close()
	defer func() { _ = sim.Close() }()
	get := func() error {
		client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
		res, err := client.Do(mustRequest(t, srv.URL+"/restapi"))
		if err == nil {
			err = res.Body.Close()
		}
		return err
	}
	sim.RefuseConnections(2)
	if first, second, third := get(), get(), get(); first == nil || second == nil || third != nil {
		t.Errorf("%v; %v; %v", first, second, third)
	}
	if n := len(sim.Requests("", "")); n != 1 || sim.State().Faults.RefuseConnections != 0 {
		t.Errorf("%d requests were read", n)
	}
}

// TestFaultsFromTheBeginning: faults among the options come back with Reset and end with ClearFaults.
func TestFaultsFromTheBeginning(t *testing.T) {
	w := newWorld(t, rcsim.Options{
		Faults: map[string]rcsim.Fault{"me": {Status: 503, Times: 1}}, EventFaults: []rcsim.EventFault{{Drop: 2}}, RefuseRecovery: true,
	})
	me := func() int { return w.rest(w.signIn("102"), "GET", account+"/extension/~", "").status }
	if got := []int{me(), me()}; got[0] != 503 || got[1] != 200 {
		t.Errorf("%v", got)
	}
	w.Reset()
	st := w.State().Faults
	if len(st.Routes) != 1 || len(st.Events) != 1 || !st.RefuseRecovery || len(st.Met) != 0 || me() != 503 {
		t.Errorf("after reset: %+v", st)
	}
	w.ClearFaults()
	if st := w.State().Faults; len(st.Routes)+len(st.Events) != 0 || st.RefuseRecovery {
		t.Errorf("cleared: %+v", st)
	}
}

func TestExpiredRefreshToken(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	tokens, err := w.SignIn("102", rcsim.ConfidentialClient)
	w.must(err)
	if r := w.control("POST", "/sim/api/tokens/102/expire-refresh", ""); r.status != 204 {
		t.Fatal(r.body)
	}
	if r := w.rest(tokens.Access, "GET", account+"/extension/~", ""); r.status != 200 {
		t.Errorf("the access token lives: %d", r.status)
	}
	r := w.form("/restapi/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tokens.Refresh}}, rcsim.ConfidentialClient)
	if r.status != 400 || !strings.Contains(r.body, "OAU-210") {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// fate drives twelve notifications to 102 through an event fault and gives their sequence numbers as they arrive; a marker
// that nothing disturbs ends the list.
func fate(t *testing.T, seed uint64, f rcsim.EventFault) (arrived []int, st rcsim.FaultsState) {
	t.Helper()
	w := newWorld(t, rcsim.Options{Seed: seed, RingTimeout: -1})
	c := w.open("102", ownFilter)
	w.SetEventFault(f)
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	for range 4 {
		w.must(errors.Join(w.Phone("102", "mute", id), w.Phone("102", "unmute", id)))
	}
	w.must(w.Hold("102", id)) // the twelfth of 102's own
	w.await(func(st rcsim.State) bool { return st.Faults.Late == 0 })
	st = w.State().Faults
	w.ClearFaults()
	_, err := w.Inject("/restapi/v1.0/account/400131426008/extension/400131512008/telephony/sessions", []byte(`{"sequence":-1}`))
	w.must(err)
	for n := c.note(); n.Body.Sequence != -1; n = c.note() {
		arrived = append(arrived, n.Body.Sequence)
	}
	return arrived, st
}

func TestEveryEventFault(t *testing.T) {
	all, _ := fate(t, 7, rcsim.EventFault{})
	if len(all) != 12 || !slices.IsSorted(all) {
		t.Fatalf("undisturbed: %v", all)
	}
	keep := func(f func(i int) int) (out []int) {
		for i, seq := range all {
			for range f(i) {
				out = append(out, seq)
			}
		}
		return out
	}
	for _, c := range []struct {
		name  string
		fault rcsim.EventFault
		want  []int // nil: the same ones in another order
		lost  int
	}{
		{"each lost", rcsim.EventFault{Extension: "102", Drop: 1}, []int{}, 12},
		{"every third lost", rcsim.EventFault{Extension: "102", Drop: 3}, keep(func(i int) int { return b2i(i%3 != 2) }), 4},
		{"the next two lost", rcsim.EventFault{Extension: "102", Drop: 1, Times: 2}, all[2:], 2},
		{"everybody's", rcsim.EventFault{Drop: 1}, []int{}, 12},
		{"somebody else's", rcsim.EventFault{Extension: "103", Drop: 1}, all, 0},
		{"presence only", rcsim.EventFault{Kind: rcsim.PresenceNotes, Drop: 1}, all, 0},
		{"telephony only", rcsim.EventFault{Kind: rcsim.TelephonyNotes, Drop: 1, Times: 1}, all[1:], 1},
		{"each twice", rcsim.EventFault{Extension: "102", Duplicate: 1}, keep(func(int) int { return 2 }), 0},
		{"every second lost, every third twice", rcsim.EventFault{Drop: 2, Duplicate: 3}, keep(func(i int) int { return b2i(i%2 == 0) + b2i(i%6 == 2) }), 6},
		{"out of order", rcsim.EventFault{Extension: "102", Reorder: 4, GatherMs: 3600_000}, nil, 0},
		{"out of order, the last ones when they have waited", rcsim.EventFault{Extension: "102", Reorder: 5}, nil, 0},
		{"late, in order", rcsim.EventFault{Extension: "102", DelayMs: 20}, all, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, st := fate(t, 7, c.fault)
			if c.want != nil && !slices.Equal(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
			if c.want == nil && (slices.Equal(got, all) || !slices.Equal(slices.Sorted(slices.Values(got)), all)) {
				t.Errorf("%v should be %v in another order", got, all)
			}
			if st.Lost != c.lost || (c.fault.Times == 0) != (len(st.Events) == 1 && st.Events[0] == c.fault) {
				t.Errorf("the state shows %+v", st)
			}
		})
	}
	t.Run("the same seed, the same order", func(t *testing.T) {
		f := rcsim.EventFault{Extension: "102", Reorder: 12, GatherMs: 3600_000}
		once, _ := fate(t, 11, f)
		again, _ := fate(t, 11, f)
		other, _ := fate(t, 12, f)
		if !slices.Equal(once, again) || slices.Equal(once, other) {
			t.Errorf("%v, %v and with another seed %v", once, again, other)
		}
	})
}

// TestEventFaultsByPrecedence: a person's own fault goes before everybody's, and one that does nothing ends it.
func TestEventFaultsByPrecedence(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	w.SetEventFault(rcsim.EventFault{Drop: 1})
	w.SetEventFault(rcsim.EventFault{Extension: "102", Duplicate: 1})
	id := w.call(customer, "102")
	if got := c.lines(4); got[0] != got[1] || got[2] != got[3] {
		t.Errorf("%v", got)
	}
	w.SetEventFault(rcsim.EventFault{Extension: "102"})
	w.must(w.Answer("102", id))
	if r := w.control("POST", "/sim/api/faults", `{"events":null}`); r.status != 200 || len(w.State().Faults.Events) != 0 {
		t.Fatal(r.body)
	}
	w.must(w.Hold("102", id))
	if got := c.lines(1); got[0] != "7: -2 Hold" {
		t.Errorf("what was dropped for everybody stays lost: %v", got)
	}
}

// TestClearedEventFaultsDeliverWhatTheyKept: nothing that was only late is lost, and with jitter one overtakes another.
func TestClearedEventFaultsDeliverWhatTheyKept(t *testing.T) {
	const hour = 3600_000
	for _, c := range []struct {
		name    string
		fault   rcsim.EventFault
		inOrder bool
	}{
		{"delayed", rcsim.EventFault{DelayMs: hour}, true},
		{"gathered", rcsim.EventFault{Reorder: 100, GatherMs: hour}, true},
		{"jittered", rcsim.EventFault{JitterMs: hour}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{RingTimeout: -1})
			s := w.open("102", ownFilter)
			w.SetEventFault(c.fault)
			id := w.call(customer, "102")
			w.must(errors.Join(w.Answer("102", id), w.Hold("102", id), w.Unhold("102", id), w.Hold("102", id)))
			if n := w.State().Faults.Late; n != 6 {
				t.Errorf("late: %d", n)
			}
			w.ClearFaults()
			var got []int
			for range 6 {
				got = append(got, s.note().Body.Sequence)
			}
			if slices.IsSorted(got) != c.inOrder {
				t.Errorf("%v", got)
			}
		})
	}
}
