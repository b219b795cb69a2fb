package rcsim_test

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestRateLimits(t *testing.T) {
	k := newClock()
	w := newWorld(t, rcsim.Options{Now: k.now, Limits: rcsim.Limits{Light: 3}})
	token, other := w.signIn("102"), w.signIn("103")
	get := func(token, path string) reply { return w.rest(token, "GET", account+path, "") }
	for i := range 3 {
		r := get(token, "/extension/~")
		if r.status != 200 || r.header.Get("X-Rate-Limit-Group") != "light" || r.header.Get("X-Rate-Limit-Limit") != "3" ||
			r.header.Get("X-Rate-Limit-Remaining") != fmt.Sprint(2-i) || r.header.Get("X-Rate-Limit-Window") != "60" {
			t.Errorf("request %d: %d %v", i+1, r.status, r.header)
		}
	}
	over := get(token, "/extension/~/presence") // another endpoint of the group
	if over.status != 429 || over.header.Get("Retry-After") != "60" || over.json(t)["errorCode"] != "CMN-301" {
		t.Errorf("%d %s", over.status, over.body)
	}
	if r := get(other, "/extension/~"); r.status != 200 {
		t.Errorf("another person has their own window: %d", r.status)
	}
	if r := get(token, "/extension"); r.status != 200 {
		t.Errorf("another group has its own window: %d", r.status)
	}
	if tok, _ := w.SignIn("102", rcsim.PublicClient); get(tok.Access, "/extension/~").status != 200 {
		t.Error("another app has its own window")
	}
	k.sleep(59 * time.Second)
	if r := get(token, "/extension/~"); r.status != 429 {
		t.Errorf("in the penalty: %d", r.status)
	}
	k.sleep(59 * time.Second)
	if r := get(token, "/extension/~"); r.status != 429 {
		t.Errorf("that request restarted the penalty: %d", r.status)
	}
	k.sleep(61 * time.Second)
	if r := get(token, "/extension/~"); r.status != 200 {
		t.Errorf("after the penalty: %d", r.status)
	}
}

func TestDocumentedLimitsAreTheDefault(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	for _, c := range []struct{ method, path, group, limit string }{
		{"GET", account + "/extension/~", "light", "50"},
		{"GET", account + "/extension", "medium", "40"},
		{"GET", account + "/presence", "heavy", "10"},
		{"POST", "/restapi/oauth/wstoken", "auth", "5"},
	} {
		r := w.rest(token, c.method, c.path, "")
		if r.status != 200 || r.header.Get("X-Rate-Limit-Group") != c.group || r.header.Get("X-Rate-Limit-Limit") != c.limit {
			t.Errorf("%s: %d %v", c.path, r.status, r.header)
		}
	}
	if r := w.rest("", "GET", "/restapi", ""); r.status != 200 || r.header.Get("X-Rate-Limit-Group") != "" || !strings.Contains(r.body, `"uriString":"v1.0"`) {
		t.Errorf("version: %d %s", r.status, r.body)
	}
}

func TestPermissions(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	w.SetLacks("102", "ReadPresenceStatus")
	r := w.rest(token, "GET", account+"/extension/~/presence", "")
	if r.status != 403 || r.json(t)["errorCode"] != "CMN-408" || r.json(t)["permissionName"] != "ReadPresenceStatus" {
		t.Errorf("%d %s", r.status, r.body)
	}
	w.SetScopes(rcsim.ConfidentialClient, "ReadAccounts")
	for path, scope := range map[string]string{sessionPath("s-x"): "CallControl", account + "/extension/~/presence": "ReadPresence"} {
		r := w.rest(token, "GET", path, "")
		if r.status != 403 || r.json(t)["errorCode"] != "CMN-401" || !strings.Contains(r.body, scope) {
			t.Errorf("%d %s", r.status, r.body)
		}
	}
	if r := w.rest(token, "POST", "/restapi/oauth/wstoken", ""); r.status != 403 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestPresence(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	const q = "?detailedTelephonyState=true&sipData=true"
	get := func(ids, q string) map[string]any {
		t.Helper()
		r := w.rest(token, "GET", account+"/extension/"+ids+"/presence"+q, "")
		if r.status != 200 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		return r.json(t)
	}
	if m := get("~", q); m["telephonyStatus"] != "NoCall" || m["presenceStatus"] != "Available" || m["activeCalls"] != nil || m["extension"].(map[string]any)["id"] != 400131512008.0 {
		t.Errorf("idle: %v", m)
	}
	held, consult := w.pair()
	m := get("~", q)
	calls := m["activeCalls"].([]any)
	if m["telephonyStatus"] != "CallConnected" || m["presenceStatus"] != "Busy" || len(calls) != 2 {
		t.Fatalf("in two calls: %v", m)
	}
	newest, oldest := calls[0].(map[string]any), calls[1].(map[string]any)
	if newest["telephonySessionId"] != consult || newest["partyId"] != w.party(consult, "102").ID || newest["direction"] != "Outbound" || newest["sipData"] == nil ||
		oldest["telephonySessionId"] != held || oldest["telephonyStatus"] != "OnHold" || oldest["from"] != customer || oldest["fromName"] != "Eleanor Marsh" || newest["sessionId"] == oldest["sessionId"] {
		t.Errorf("%v\n%v", newest, oldest)
	}
	if m := get("~", ""); m["activeCalls"] != nil {
		t.Errorf("calls only on request: %v", m)
	}
	w.call(customer, "105")
	if m := get("400131515008", q); m["telephonyStatus"] != "Ringing" {
		t.Errorf("ringing: %v", m)
	}
	if r := w.rest(token, "GET", account+"/presence?perPage=2&page=2", ""); r.json(t)["paging"].(map[string]any)["totalElements"] != 15.0 {
		t.Errorf("account presence: %s", r.body)
	}
}

func TestPresenceOfMany(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("101")
	held, _ := w.pair()
	path := account + "/extension/400131512008,1,~/presence?detailedTelephonyState=true"
	r := w.rest(token, "GET", path, "")
	kind, params, err := mime.ParseMediaType(r.header.Get("Content-Type"))
	if r.status != 207 || err != nil || kind != "multipart/mixed" {
		t.Fatalf("%d %s", r.status, r.header.Get("Content-Type"))
	}
	var parts []string
	mr := multipart.NewReader(strings.NewReader(r.body), params["boundary"])
	for {
		p, err := mr.NextPart()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		b, _ := io.ReadAll(p)
		parts = append(parts, string(b))
	}
	var head struct {
		Response []struct {
			Href                string
			Status              int
			ResponseDescription string
		}
	}
	if err := json.Unmarshal([]byte(parts[0]), &head); err != nil || len(parts) != 4 || len(head.Response) != 3 {
		t.Fatalf("%v %v", err, parts)
	}
	if head.Response[0].Status != 200 || head.Response[1].Status != 404 || head.Response[2].Status != 200 || !strings.Contains(parts[1], held) || !strings.Contains(parts[2], "CMN-102") {
		t.Errorf("%v", parts)
	}
	req := w.request("GET", path, "")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Accept", "application/vnd.ringcentral.multipart+json")
	var rows []struct {
		Status int
		Body   map[string]any
	}
	if r := w.send(req); r.status != 207 || json.Unmarshal([]byte(r.body), &rows) != nil || len(rows) != 3 || rows[1].Status != 404 || rows[0].Body["telephonyStatus"] != "CallConnected" {
		t.Errorf("%d %s", r.status, r.body)
	}
	many := strings.Repeat("400131512008,", 30) + "~"
	if r := w.rest(token, "GET", account+"/extension/"+many+"/presence", ""); r.status != 400 {
		t.Errorf("31 ids: %d", r.status)
	}
}

func TestListsArePaged(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("101")
	for _, c := range []struct {
		path  string
		total int
		want  string
	}{
		{"/extension", 19, `"extensionNumber":"102"`},
		{"/extension?extensionNumber=103", 1, `"name":"Mei-Ling Tan"`},
		{"/directory/entries", 19, `"type":"Department"`},
		{"/extension/~/device", 2, `"status":"Online"`},
		{"/call-monitoring-groups", 2, `"name":"Claims"`},
		{"/call-monitoring-groups?memberExtensionId=400131511008", 1, `"name":"Member Care"`},
		{"/call-monitoring-groups?memberExtensionId=400131510008", 0, `"records":[]`},
		{"/call-monitoring-groups/78901008/members", 7, `"permissions":["Monitoring"]`},
	} {
		t.Run(c.path, func(t *testing.T) {
			r := w.rest(token, "GET", account+c.path, "")
			p, _ := r.json(t)["paging"].(map[string]any)
			if r.status != 200 || p["totalElements"] != float64(c.total) || !strings.Contains(r.body, c.want) ||
				strings.Contains(r.body, `"firstPage"`) == (c.path == "/directory/entries") {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	t.Run("pages follow each other", func(t *testing.T) {
		next := w.url + "/restapi/v1.0/account/~/call-monitoring-groups/78901008/members?perPage=3"
		var numbers []string
		for pages := 0; next != ""; pages++ {
			var m struct {
				Records    []struct{ ExtensionNumber string }
				Navigation struct{ NextPage struct{ URI string } }
			}
			r := w.rest(token, "GET", strings.TrimPrefix(next, w.url), "")
			if err := json.Unmarshal([]byte(r.body), &m); err != nil || pages > 3 {
				t.Fatal(err, r.body)
			}
			for _, e := range m.Records {
				numbers = append(numbers, e.ExtensionNumber)
			}
			next = m.Navigation.NextPage.URI
		}
		if got := strings.Join(numbers, " "); got != "101 102 103 104 105 106 107" {
			t.Error(got)
		}
	})
	if p := w.rest(token, "GET", account+"/extension?perPage=1001", "").json(t)["paging"].(map[string]any); p["perPage"] != 1000.0 {
		t.Errorf("more than the most counts as the most: %v", p)
	}
	for _, bad := range []string{"page=0", "perPage=0", "page=x"} {
		if r := w.rest(token, "GET", account+"/extension?"+bad, ""); r.status != 400 || r.json(t)["errorCode"] != "CMN-101" {
			t.Errorf("%s: %d %s", bad, r.status, r.body)
		}
	}
	if r := w.rest(token, "GET", account+"/call-monitoring-groups/1/members", ""); r.status != 404 {
		t.Errorf("%d", r.status)
	}
	if r := w.rest(token, "GET", account+"/nothing", ""); r.status != 404 || r.json(t)["errorCode"] != "CMN-120" {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestEmptyBodyWithJSONTypeIsNoError(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	_, consult := w.pair()
	req := w.request(http.MethodPost, w.partyPath(consult, "102")+"/hold", "")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("Content-Type", "application/json")
	if r := w.send(req); r.status != 200 {
		t.Errorf("%d %s", r.status, r.body)
	}
}
