package rcsim_test

import (
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

const careQueue = "/call-queues/400131590008"

func TestQueues(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("104")
	if m := w.get(token, "/call-queues"); len(m["records"].([]any)) != 2 || m["records"].([]any)[0].(map[string]any)["name"] != "Member Care line" {
		t.Errorf("%v", m)
	}
	if m := w.get(token, "/call-queues?memberExtensionId=400131519008"); len(m["records"].([]any)) != 1 || !strings.Contains(w.rest(token, "GET", account+"/call-queues?memberExtensionId=400131519008", "").body, "Claims line") {
		t.Errorf("%v", m)
	}
	if m := w.get(token, careQueue); m["extensionNumber"] != "300" || m["editableMemberStatus"] != true {
		t.Errorf("%v", m)
	}
	if m := w.get(token, careQueue+"/members"); len(m["records"].([]any)) != 3 || m["records"].([]any)[0].(map[string]any)["id"] != 400131514008.0 {
		t.Errorf("ids are numbers: %v", m)
	}
	if r := w.rest(token, "GET", account+"/call-queues/1/members", ""); r.status != 404 {
		t.Errorf("%d", r.status)
	}
}

func TestQueuePresence(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	agent, admin := w.signIn("104"), w.signIn("100")
	feed := w.open("101", account+careQueue+"/presence")
	accepts := func() string {
		var out []string
		for _, r := range w.get(agent, careQueue+"/presence")["records"].([]any) {
			m := r.(map[string]any)
			if m["acceptCurrentQueueCalls"] == true {
				out = append(out, m["member"].(map[string]any)["extensionNumber"].(string))
			}
		}
		return strings.Join(out, " ")
	}
	if got := accepts(); got != "104 105 106" {
		t.Error(got)
	}
	w.set(agent, "PUT", "/extension/~/call-queue-presence", `{"records":[{"callQueue":{"id":"400131590008"},"acceptCalls":false}]}`)
	if got := accepts(); got != "105 106" {
		t.Error(got)
	}
	f := feed.read()
	if !strings.Contains(f.raw, `"event":"/restapi/v1.0/account/400131426008/call-queues/400131590008/presence"`) ||
		!strings.Contains(f.raw, `"body":{"records":[{"member":{"id":"400131514008"},"acceptCurrentQueueCalls":false}]}`) {
		t.Error(f.raw)
	}
	w.set(admin, "PUT", careQueue+"/presence", `{"records":[{"member":{"id":"400131515008"},"acceptCurrentQueueCalls":false},{"member":{"id":"400131514008"},"acceptCurrentQueueCalls":false}]}`)
	if got := accepts(); got != "106" {
		t.Error(got)
	}
	if f := feed.read(); strings.Contains(f.raw, "400131514008") || !strings.Contains(f.raw, "400131515008") {
		t.Errorf("only who changed is named: %s", f.raw)
	}
	id := w.call(customer, "300")
	for number, rings := range map[string]bool{"104": false, "105": false, "106": true} {
		if _, ok := w.State().Party(id, number); ok != rings {
			t.Errorf("%s rings: %t", number, ok)
		}
	}
	rows := w.get(agent, "/extension/~/call-queue-presence?editableMemberStatus=true")["records"].([]any)
	if len(rows) != 1 || rows[0].(map[string]any)["acceptCalls"] != false {
		t.Errorf("%v", rows)
	}
	for _, c := range []struct {
		path, body string
		status     int
	}{
		{careQueue + "/presence", `{"records":[{"member":{"id":"400131515008"},"acceptCurrentQueueCalls":true}]}`, 403},
		{careQueue + "/presence", `{"records":[{"member":{"id":"400131512008"},"acceptCurrentQueueCalls":true}]}`, 400},
		{"/extension/~/call-queue-presence", `{"records":[{"callQueue":{"id":"400131591008"},"acceptCalls":true}]}`, 400},
		{"/extension/400131515008/call-queue-presence", `{"records":[]}`, 403},
	} {
		if r := w.rest(agent, "PUT", account+c.path, c.body); r.status != c.status {
			t.Errorf("%s %s: %d, want %d", c.path, c.body, r.status, c.status)
		}
	}
}

func TestMembersMayNotLeaveAFixedQueue(t *testing.T) {
	a := rcsim.DemoAccount()
	a.Queues[0].Fixed = true
	w := newWorld(t, rcsim.Options{Account: &a})
	token := w.signIn("104")
	r := w.rest(token, "PUT", account+"/extension/~/call-queue-presence", `{"records":[{"callQueue":{"id":"400131590008"},"acceptCalls":false}]}`)
	if r.status != 403 {
		t.Errorf("%d %s", r.status, r.body)
	}
	if rows := w.get(token, "/extension/~/call-queue-presence?editableMemberStatus=true")["records"].([]any); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
}
