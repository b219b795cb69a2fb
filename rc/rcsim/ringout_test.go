package rcsim_test

import (
	"fmt"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestRingOut(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	const path = "/extension/~/ring-out"
	status := func(id string) string {
		t.Helper()
		s := w.get(token, path+"/"+id)["status"].(map[string]any)
		return fmt.Sprint(s["callStatus"], " ", s["callerStatus"], " ", s["calleeStatus"])
	}
	want := func(id, text string) {
		t.Helper()
		if got := status(id); got != text {
			t.Errorf("%s, want %s\n%s", got, text, w.State())
		}
	}
	t.Run("own phone first", func(t *testing.T) {
		id := w.set(token, "POST", path, `{"from":{"phoneNumber":"102"},"to":{"phoneNumber":"103"},"playPrompt":false}`)["id"].(string)
		want(id, "InProgress InProgress InProgress")
		if st := w.State(); len(st.Sessions) != 1 || len(st.Sessions[0].Parties) != 1 || st.Sessions[0].Origin != "RingOut" {
			t.Fatalf("nobody else rings before the person's own phone is picked up:\n%s", st)
		}
		w.must(w.Answer("102", id))
		want(id, "InProgress Success InProgress")
		w.must(w.Answer("103", id))
		want(id, "Success Success Success")
		w.await(rcsim.Talking("102", "103"))
		m := w.rest(token, "GET", sessionPath(id), "").json(t)
		if parties := m["parties"].([]any); parties[0].(map[string]any)["ringOutRole"] != "Initiator" || parties[1].(map[string]any)["ringOutRole"] != "Target" || m["origin"].(map[string]any)["type"] != "RingOut" {
			t.Errorf("%v", m)
		}
		if r := w.rest(token, "DELETE", account+path+"/"+id, ""); r.status != 404 {
			t.Errorf("a connected call cannot be cancelled: %d", r.status)
		}
		w.must(w.Hangup("103", id))
		want(id, "Finished Success Success")
	})
	t.Run("a mobile first, which is seen as the direct number", func(t *testing.T) {
		const mobile = "+15105550102"
		id := w.set(token, "POST", path, `{"from":{"forwardingNumberId":"801912426008"},"to":{"phoneNumber":"`+customer+`"}}`)["id"].(string)
		w.must(w.OutsideAnswer(mobile, id))
		w.must(w.OutsideAnswer(customer, id))
		want(id, "Success Success Success")
		m := w.rest(token, "GET", sessionPath(id), "").json(t)
		if from := m["parties"].([]any)[1].(map[string]any)["from"].(map[string]any); from["phoneNumber"] != "+16285550102" {
			t.Errorf("%v", from)
		}
		w.must(w.OutsideHangup(customer, id))
	})
	t.Run("cancelled", func(t *testing.T) {
		id := w.set(token, "POST", path, `{"from":{"phoneNumber":"+16285550102"},"to":{"phoneNumber":"103"},"callerId":{"phoneNumber":"+16285550199"}}`)["id"].(string)
		if r := w.rest(token, "DELETE", account+path+"/"+id, ""); r.status != 204 {
			t.Fatalf("%d %s", r.status, r.body)
		}
		want(id, "CannotReach NoAnswer InProgress")
		w.await(rcsim.Over(id))
	})
	for _, c := range []struct {
		name, body string
		status     int
	}{
		{"to oneself", `{"from":{"phoneNumber":"102"},"to":{"phoneNumber":"102"}}`, 400},
		{"to nobody", `{"from":{"phoneNumber":"102"},"to":{"phoneNumber":"7"}}`, 400},
		{"from a colleague's number", `{"from":{"phoneNumber":"+16285550103"},"to":{"phoneNumber":"103"}}`, 400},
		{"from nowhere", `{"to":{"phoneNumber":"103"}}`, 400},
		{"under another's caller id", `{"from":{"phoneNumber":"102"},"to":{"phoneNumber":"103"},"callerId":{"phoneNumber":"+16285550103"}}`, 400},
	} {
		t.Run(c.name, func(t *testing.T) {
			if r := w.rest(token, "POST", account+path, c.body); r.status != c.status {
				t.Errorf("%d %s", r.status, r.body)
			}
		})
	}
	t.Run("for somebody else", func(t *testing.T) {
		if r := w.rest(token, "POST", account+"/extension/400131513008/ring-out", `{"from":{"phoneNumber":"103"},"to":{"phoneNumber":"102"}}`); r.status != 403 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("with the phone offline", func(t *testing.T) {
		w.must(w.SetOnline("102", false))
		if r := w.rest(token, "POST", account+path, `{"from":{"phoneNumber":"102"},"to":{"phoneNumber":"103"}}`); r.status != 403 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	if r := w.rest(token, "GET", account+path+"/s-none", ""); r.status != 404 {
		t.Errorf("%d", r.status)
	}
}
