package rcsim_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// customer is the outside caller of most tests.
const customer = "+16505550142"

// world is a simulator on a loopback port, with a plain HTTP client.
type world struct {
	*rcsim.Server
	t    *testing.T
	url  string
	http *http.Client

	tokens map[string]string // of as, by extension
}

func newWorld(t *testing.T, opt rcsim.Options) *world {
	t.Helper()
	if opt.Seed == 0 {
		opt.Seed = 7
	}
	sim := conform.New(t, opt)
	srv := httptest.NewServer(sim)
	w := &world{Server: sim, t: t, url: srv.URL, tokens: map[string]string{}, http: &http.Client{
		Transport:     &http.Transport{},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
		w.http.CloseIdleConnections()
		srv.Close()
	})
	return w
}

// reply is an answer with its body read.
type reply struct {
	status int
	header http.Header
	body   string
}

func (r reply) json(t *testing.T) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(r.body), &m); err != nil {
		t.Fatalf("the body is no JSON object: %v: %s", err, r.body)
	}
	return m
}

func (w *world) send(req *http.Request) reply {
	w.t.Helper()
	res, err := w.http.Do(req)
	if err != nil {
		w.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	return reply{res.StatusCode, res.Header, string(b)}
}

func (w *world) request(method, path, body string) *http.Request {
	w.t.Helper()
	req, err := http.NewRequestWithContext(w.t.Context(), method, w.url+path, strings.NewReader(body))
	if err != nil {
		w.t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

// control calls the control API.
func (w *world) control(method, path, body string) reply {
	w.t.Helper()
	return w.send(w.request(method, path, body))
}

// rest calls the REST API with a token.
func (w *world) rest(token, method, path, body string) reply {
	w.t.Helper()
	req := w.request(method, path, body)
	req.Header.Set("Authorization", "Bearer "+token)
	return w.send(req)
}

// form posts a form as a client does.
func (w *world) form(path string, v url.Values, client string) reply {
	w.t.Helper()
	req := w.request(http.MethodPost, path, v.Encode())
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if client != "" {
		i := slices.IndexFunc(w.Clients(), func(c rcsim.ClientState) bool { return c.ID == client })
		req.SetBasicAuth(client, w.Clients()[i].Secret)
	}
	return w.send(req)
}

// signIn gives an access token of a person.
func (w *world) signIn(extension string) string {
	w.t.Helper()
	tok, err := w.SignIn(extension, rcsim.ConfidentialClient)
	if err != nil {
		w.t.Fatal(err)
	}
	return tok.Access
}

func (w *world) must(err error) {
	w.t.Helper()
	if err != nil {
		w.t.Fatalf("%v\n%s", err, w.State())
	}
}

func (w *world) call(from, to string) string {
	w.t.Helper()
	id, err := w.Call(from, "", to)
	w.must(err)
	return id
}

func (w *world) dial(from, to string) string {
	w.t.Helper()
	id, err := w.Dial(from, to)
	w.must(err)
	return id
}

func (w *world) await(cond func(rcsim.State) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	w.must(w.Await(ctx, cond))
}

// party is the newest party of a number in a call.
func (w *world) party(session, number string) rcsim.PartyState {
	w.t.Helper()
	p, ok := w.State().Party(session, number)
	if !ok {
		w.t.Fatalf("%s is not in %s\n%s", number, session, w.State())
	}
	return p
}

const account = "/restapi/v1.0/account/~"

func sessionPath(id string) string { return account + "/telephony/sessions/" + id }

func (w *world) partyPath(session, number string) string {
	w.t.Helper()
	return sessionPath(session) + "/parties/" + w.party(session, number).ID
}

// pair brings 102 to the moment of transfer: the customer on hold, 103 answered. It returns both sessions.
func (w *world) pair() (held, consult string) {
	w.t.Helper()
	held = w.call(customer, "102")
	w.must(w.Answer("102", held))
	w.must(w.Hold("102", held))
	consult = w.dial("102", "103")
	w.must(w.Answer("103", consult))
	return held, consult
}

func (w *world) bridgeBody(session, number string) string {
	w.t.Helper()
	return `{"telephonySessionId":"` + session + `","partyId":"` + w.party(session, number).ID + `"}`
}

func TestWarmTransferEndsWithCustomerAndConsultTalking(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	held, consult := w.pair()
	if st := w.State(); !st.Hear("102", "103") || st.Hear(customer, "102") {
		t.Fatalf("before the bridge the agent talks to the consult only\n%s", st)
	}
	r := w.rest(token, "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102"))
	if r.status != 200 {
		t.Fatalf("bridge: %d %s", r.status, r.body)
	}
	var got struct {
		Status struct {
			Code, Reason string
			PeerID       struct{ SessionID, PartyID string }
		}
		Owner struct{ ExtensionID string }
	}
	if err := json.Unmarshal([]byte(r.body), &got); err != nil {
		t.Fatal(err)
	}
	if got.Status.Code != "Gone" || got.Status.Reason != "AttendedTransfer" || got.Status.PeerID.SessionID != consult || got.Owner.ExtensionID == "" {
		t.Errorf("the answer is the path party, Gone: %s", r.body)
	}
	w.await(rcsim.Talking(customer, "103"))
	st := w.State()
	if st.Hear("102", "103") || st.Hear("102", customer) {
		t.Errorf("the agent is out\n%s", st)
	}
	w.must(w.OutsideHangup(customer, held))
	w.await(rcsim.Over(""))
}

func TestControlAPIPlaysTheStory(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := func(r reply) string {
		t.Helper()
		if r.status != http.StatusCreated {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return r.json(t)["telephonySessionId"].(string)
	}
	ok := func(r reply) {
		t.Helper()
		if r.status != http.StatusNoContent {
			t.Fatalf("%d %s", r.status, r.body)
		}
	}
	held := id(w.control("POST", "/sim/api/calls", `{"from":"+16505550142","fromName":"Eleanor Marsh","to":"102"}`))
	ok(w.control("POST", "/sim/api/phones/102/answer", ""))
	ok(w.control("POST", "/sim/api/phones/102/hold", `{"telephonySessionId":"`+held+`"}`))
	id(w.control("POST", "/sim/api/phones/102/dial", `{"to":"103"}`))
	ok(w.control("POST", "/sim/api/phones/103/answer", ""))
	out := id(w.control("POST", "/sim/api/phones/104/dial", `{"to":"+16505550188"}`))
	ok(w.control("POST", "/sim/api/outside/+16505550188/answer", ""))
	w.await(rcsim.Talking("104", "+16505550188"))
	ok(w.control("POST", "/sim/api/outside/+16505550188/hangup", `{"telephonySessionId":"`+out+`"}`))
	w.await(rcsim.Over(out))

	for _, c := range []struct {
		name, path, body string
		status           int
	}{
		{"unknown phone", "/sim/api/phones/999/answer", "", 404},
		{"unknown call", "/sim/api/phones/102/hold", `{"telephonySessionId":"s-none"}`, 404},
		{"unknown verb", "/sim/api/phones/102/dance", "", 404},
		{"no call on the phone", "/sim/api/phones/105/hold", "", 404},
		{"not in that call", "/sim/api/phones/105/hold", `{"telephonySessionId":"` + held + `"}`, 404},
		{"state does not allow it", "/sim/api/phones/102/answer", `{"telephonySessionId":"` + held + `"}`, 409},
		{"two calls fit", "/sim/api/phones/102/hangup", "", 409},
		{"unknown target", "/sim/api/phones/102/dial", `{"to":"999"}`, 404},
		{"bad number", "/sim/api/calls", `{"from":"nobody","to":"102"}`, 400},
		{"bad body", "/sim/api/calls", `[`, 400},
		{"nobody at that number", "/sim/api/outside/+16505550100/hangup", "", 404},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := w.control("POST", c.path, c.body)
			if r.status != c.status || !strings.Contains(r.body, `"error"`) {
				t.Errorf("%d %s, want %d and an error", r.status, r.body, c.status)
			}
		})
	}

	var st rcsim.State
	if err := json.Unmarshal([]byte(w.control("GET", "/sim/api/state", "").body), &st); err != nil {
		t.Fatal(err)
	}
	if len(st.Sessions) != 3 || !st.Hear("102", "103") || st.Seed != 7 || len(st.Phones) < 12 {
		t.Errorf("the state tells it all: %s", st)
	}
	acc := w.control("GET", "/sim/api/account", "").json(t)
	if len(acc["users"].([]any)) < 12 || len(acc["clients"].([]any)) != 2 {
		t.Errorf("account: %v", acc)
	}
	ok(w.control("POST", "/sim/api/reset", ""))
	if st := w.State(); len(st.Sessions) != 0 {
		t.Errorf("reset leaves no calls: %s", st)
	}
	if b := w.control("GET", "/sim/api/requests", "").body; !bytes.Equal([]byte(b), []byte("[]")) {
		t.Errorf("reset leaves no requests: %s", b)
	}
}
