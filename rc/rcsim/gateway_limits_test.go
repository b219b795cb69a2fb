package rcsim_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// socket opens a socket with an access token; it has no subscription yet.
func (w *world) socket(access string) *wire {
	w.t.Helper()
	c := w.dialSocket(w.wsToken(access), "")
	if f := c.read(); f.Type != "ConnectionDetails" {
		w.t.Fatal(f.raw)
	}
	return c
}

func TestThirtySubscriptions(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	access := w.signIn("102")
	var last *wire
	for range 30 {
		last = w.socket(access)
		last.subscribe(ownFilter)
	}
	if f := last.subscribe(ownFilter); f.Status != 200 {
		t.Errorf("replacing is not one more: %s", f.raw)
	}
	over := w.socket(access)
	if f := over.ask("POST", "/restapi/v1.0/subscription", filtersBody(ownFilter)); f.Status != 403 || f.body["errorCode"] != "SUB-505" {
		t.Errorf("the 31st: %s", f.raw)
	}
	if f := over.ask("GET", "/restapi/v1.0/subscription", ""); len(f.body["records"].([]any)) != 30 {
		t.Errorf("%s", f.raw)
	}
	last.ask("DELETE", "/restapi/v1.0/subscription/"+last.sub, "")
	over.subscribe(ownFilter)
	if f := over.ask("POST", "/restapi/v1.0/subscription/"+over.sub+"/renew", ""); f.Status != 200 || f.body["id"] != over.sub {
		t.Errorf("%s", f.raw)
	}
	if tok, _ := w.SignIn("102", rcsim.PublicClient); tok.Access != "" {
		w.socket(tok.Access).subscribe(ownFilter) // another app has its own thirty
	}
}

func TestFiftySockets(t *testing.T) {
	for _, perPerson := range []bool{false, true} {
		t.Run(fmt.Sprint("per person ", perPerson), func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), Assume: rcsim.Assumptions{SocketsPerPerson: perPerson}})
			first, second := w.signIn("102"), w.signIn("102")
			for range 50 {
				w.socket(first)
			}
			token := w.wsToken(first)
			for range 2 { // the second time the token has been refused before
				if f := w.dialSocket(token, "").read(); f.Type != "Error" || f.body["errorCode"] != "SUB-505" {
					t.Errorf("the 51st of the OAuth session: %s", f.raw)
				}
			}
			f := w.dialSocket(w.wsToken(second), "").read()
			if want := map[bool]string{false: "ConnectionDetails", true: "Error"}[perPerson]; f.Type != want {
				t.Errorf("the first of another OAuth session: %s", f.raw)
			}
		})
	}
}

func TestFilterCount(t *testing.T) {
	filters := []string{ownFilter, account + "/presence", account + "/extension/~/presence"}
	w := newWorld(t, rcsim.Options{})
	w.open("102", filters...)
	w = newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{MaxFilterLength: 50}})
	c := w.open("102", filters[1:]...)
	if f := c.ask("POST", "/restapi/v1.0/subscription", filtersBody(filters...)); f.Status != 400 || f.body["errorCode"] != "SUB-508" {
		t.Error(f.raw)
	}
	w = newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{MaxFilters: 2}})
	c = w.open("102", filters[:2]...)
	if f := c.ask("POST", "/restapi/v1.0/subscription", filtersBody(filters...)); f.Status != 400 || f.body["errorCode"] != "SUB-508" {
		t.Error(f.raw)
	}
}

func TestSecondSocketOfAToken(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.wsToken(w.signIn("102"))
	first := w.dialSocket(token, "")
	first.read()
	w.dialSocket(token, "").read()
	if code := first.ended(); code != websocket.StatusPolicyViolation {
		t.Errorf("the first is closed with %d", code)
	}
	w = newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{TokenSharedBySockets: true}})
	token = w.wsToken(w.signIn("102"))
	first, second := w.dialSocket(token, ""), w.dialSocket(token, "")
	first.read()
	second.read()
	first.subscribe(ownFilter)
	second.subscribe(ownFilter)
}

func TestSocketOfAnEndedSession(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{SocketOutlivesSession: true}})
	c := w.open("102", ownFilter)
	w.EndSessions("102")
	w.call(customer, "102")
	if f := c.ask("GET", account+"/extension/~", ""); f.Status != 401 { // and no notification came before it
		t.Error(f.raw)
	}
}

func TestCloseCodeByAssumption(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{SocketCloseCode: 4401}})
	c := w.open("102", ownFilter)
	w.EndSessions("102")
	if code := c.ended(); code != 4401 {
		t.Errorf("closed with %d", code)
	}
}

func TestUnauthorizedCodeByAssumption(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{UnauthorizedCode: "AGW-401"}})
	access := w.signIn("102")
	w.EndSessions("102")
	for _, token := range []string{access, "nonsense", "no token", ""} {
		if r := w.rest(token, "GET", account+"/extension/~", ""); r.status != 401 || r.json(t)["errorCode"] != "AGW-401" {
			t.Errorf("%q: %d %s", token, r.status, r.body)
		}
	}
}

func TestSocketOfAnExpiredToken(t *testing.T) {
	w := newWorld(t, rcsim.Options{AccessTTL: time.Second, Assume: rcsim.Assumptions{SocketDiesOnExpiry: true}})
	c := w.open("102")
	if code := c.ended(); code != websocket.StatusPolicyViolation {
		t.Errorf("closed with %d", code)
	}
}

func TestRequestsInFlight(t *testing.T) {
	for _, refused := range []bool{false, true} {
		t.Run(fmt.Sprint("refused ", refused), func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), Assume: rcsim.Assumptions{BusyRefused: refused}})
			c := w.open("102")
			w.SetFault("me", rcsim.Fault{Silent: true})
			for i := range 10 {
				c.write(fmt.Sprintf(`[{"type":"ClientRequest","messageId":"q%d","method":"GET","path":%q}]`, i, account+"/extension/~"))
			}
			ctx := t.Context()
			w.must(w.AwaitRequest(ctx, 10, "GET", "/extension/~"))
			c.write(fmt.Sprintf(`[{"type":"ClientRequest","messageId":"eleven","method":"GET","path":%q}]`, account+"/call-queues"))
			if refused {
				if f := c.read(); f.MessageID != "eleven" || f.Status != 429 {
					t.Error(f.raw)
				}
				return
			}
			c.write(`[{"type":"Heartbeat","messageId":"beat"}]`)
			if f := c.read(); f.Type != "Heartbeat" || f.MessageID != "beat" || f.WSC != nil {
				t.Errorf("while the eleventh waits, heartbeats are answered: %s", f.raw)
			}
			w.ClearFaults() // the ten hang no longer and are never answered
			if f := c.read(); f.MessageID != "eleven" || f.Status != 200 || f.WSC == nil {
				t.Error(f.raw)
			}
		})
	}
}

func TestTunnelledRequests(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102")
	ask := func(header string) wsFrame {
		t.Helper()
		c.write(`[{"type":"ClientRequest","messageId":"x","method":"GET",` + header + `}]`)
		return c.read()
	}
	if f := ask(`"path":"` + account + `/extension","query":{"type":["Department","IvrMenu"],"perPage":2}`); f.Status != 200 || f.body["paging"].(map[string]any)["totalElements"] != 3.0 || len(f.body["records"].([]any)) != 2 {
		t.Errorf("a query with a list and a number: %s", f.raw)
	}
	if f := ask(`"path":"` + account + `/extension?type=Department","query":{"page":1}`); f.Status != 200 || f.body["paging"].(map[string]any)["totalElements"] != 2.0 {
		t.Errorf("a query in both places: %s", f.raw)
	}
	if f := ask(`"path":"` + account + `/extension/~,400131513008/presence"`); f.Status != 415 || f.body["errorCode"] != "CMN-415" {
		t.Errorf("multipart cannot be tunnelled: %s", f.raw)
	}
	if f := ask(`"path":"` + account + `/extension/~,400131513008/presence","headers":{"Accept":"application/vnd.ringcentral.multipart+json"}`); f.Status != 207 || !strings.Contains(f.raw, `"responseDescription":"OK"`) {
		t.Errorf("but its JSON form can: %s", f.raw)
	}
	for _, path := range []string{"/restapi/oauth/wstoken", "/sim/api/state", "x"} {
		if f := ask(`"path":"` + path + `"`); f.Status != 404 || f.body["errorCode"] != "CMN-120" {
			t.Errorf("%s: %s", path, f.raw)
		}
	}
	w.SetFault("me", rcsim.Fault{Status: 502, Body: "<h1>Bad gateway</h1>"})
	if f := ask(`"path":"` + account + `/extension/~"`); f.Status != 502 || !strings.Contains(f.raw, "Bad gateway") {
		t.Errorf("a body that is no JSON: %s", f.raw)
	}
}

func TestTelephonyFilterOptions(t *testing.T) {
	agent := func(query string) string { return ownFilter + "?" + query }
	// The call: 103 rings 102 and is put through to voicemail; then 102 calls outside and the customer answers.
	for _, c := range []struct{ query, want string }{
		{"direction=Outbound", "2: -1 Setup, 4: -1 Proceeding, 6: -1 Answered"},
		{"statusCode=Proceeding&direction=Inbound", "5: -2 Proceeding +pickup"},
		{"missedCall=true", "6: -2 Disconnected/Rejected"},
		{"phoneNumber=" + url.QueryEscape(customer), "2: -1 Setup, 4: -1 Proceeding, 6: -1 Answered"},
		{"phoneNumber=" + customer, "2: -1 Setup, 4: -1 Proceeding, 6: -1 Answered"}, // not escaped, as people write it
		{"phoneNumber=103&missedCall=false", "3: -2 Setup, 5: -2 Proceeding +pickup, 7: -3 VoiceMail, 9: -3 Disconnected"},
	} {
		t.Run(c.query, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{}})
			feed := w.open("102", agent(c.query))
			w.must(w.Decline("102", w.dial("103", "102")))
			w.must(w.Hangup("103", ""))
			w.must(w.OutsideAnswer(customer, w.dial("102", customer)))
			n := strings.Count(c.want, ",") + 1
			if got := strings.Join(feed.lines(n), ", "); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
			if f := feed.ask("GET", "/restapi/v1.0/subscription/"+feed.sub, ""); f.Status != 200 { // nothing more has come
				t.Error(f.raw)
			}
		})
	}
	t.Run("withRecordings", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		feed := w.open("102", agent("withRecordings=true"))
		id := w.call(customer, "102")
		w.must(w.Answer("102", id))
		if r := w.rest(w.signIn("102"), "POST", w.partyPath(id, "102")+"/recordings", ""); r.status != 201 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		if f := feed.read(); !strings.Contains(f.raw, `"recordings":[{`) {
			t.Error(f.raw)
		}
	})
	t.Run("sipData", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		feed := w.open("102", agent("sipData=true"))
		w.call(customer, "102")
		if f := feed.read(); !strings.Contains(f.raw, `"sipData":{"callId":`) {
			t.Error(f.raw)
		}
	})
}

func TestFilterKinds(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102")
	for filter, status := range map[string]int{
		"/restapi/v1.0/account/~/extension/~/message-store": 200, // RingCentral's, though nothing is ever notified
		"/restapi/v1.0/account/~/extension/~":               200,
		"/restapi/v1.0/account/~/extension/~/nonsense":      400,
		"/restapi/v1.0/account/~/favorite/presence":         400,
		"/restapi/v1.0/account/~":                           400,
		"/restapi/v2/account/~/presence":                    400,
	} {
		if f := c.ask("POST", "/restapi/v1.0/subscription", filtersBody(filter)); f.Status != status || (status == 400 && f.body["errorCode"] != "SUB-508") {
			t.Errorf("%s: %s", filter, f.raw)
		}
	}
	for filter, reason := range map[string]string{
		"/restapi/v1.0/account/~/extension/400131513008/presence/line/presence": "CMN-408",
		"/restapi/v1.0/account/~/call-queues/1/presence":                        "SUB-408",
		"/restapi/v1.0/account/~/extension/1/presence":                          "SUB-408",
		"/restapi/v1.0/account/5/presence":                                      "SUB-406",
	} {
		f := c.ask("POST", "/restapi/v1.0/subscription", filtersBody(filter, ownFilter))
		off := f.body["disabledFilters"].([]any)[0].(map[string]any)
		if f.Status != 200 || off["reason"] != reason || off["filter"] == "" || len(f.body["eventFilters"].([]any)) != 1 {
			t.Errorf("%s: %s", filter, f.raw)
		}
	}
}

// TestRefusedRecoveriesDoNotPileUp: the session that could not be recovered is over, and its subscription does not count any more.
func TestRefusedRecoveriesDoNotPileUp(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	w.RefuseRecovery(true)
	access := w.signIn("102")
	c := w.socket(access)
	for range 31 {
		c.subscribe(ownFilter)
		w.CutSocket("102", rcsim.CutReset)
		wsc := c.wsc
		c = w.dialSocket(w.wsToken(access), wsc)
		if f := c.read(); f.body["recoveryState"] != "Failed" {
			t.Fatal(f.raw)
		}
	}
	c.subscribe(ownFilter)
	if f := c.ask("GET", "/restapi/v1.0/subscription", ""); len(f.body["records"].([]any)) != 1 {
		t.Errorf("%s", f.raw)
	}
}
