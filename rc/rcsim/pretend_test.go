package rcsim_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// TestPretence: an operation that pretends answers what it would answer, and nothing has happened.
func TestPretence(t *testing.T) {
	device := func(w *world, who string) string { return fmt.Sprintf(`{"deviceId":%q}`, w.phone(who, 0)) }
	type request struct{ who, operation, method, path, body string }
	for _, c := range []struct {
		name   string
		ask    func(*world) request
		status int
		says   string // in the answer
	}{
		{"transfer", func(w *world) request {
			return request{"102", "transfer", "POST", w.partyPath(w.answered("102"), "102") + "/transfer", `{"extensionNumber":"103"}`}
		}, 200, "BlindTransfer"},
		{"forward", func(w *world) request {
			return request{"102", "forward", "POST", w.partyPath(w.call(customer, "102"), "102") + "/forward", `{"extensionNumber":"103"}`}
		}, 200, "BlindTransfer"},
		{"reply", func(w *world) request {
			return request{"102", "reply", "POST", w.partyPath(w.call(customer, "102"), "102") + "/reply", `{"replyWithText":"later"}`}
		}, 200, "CallReplied"},
		{"ignore", func(w *world) request {
			return request{"104", "ignore", "POST", w.partyPath(w.call(customer, "300"), "104") + "/ignore", device(w, "104")}
		}, 204, ""},
		{"park", func(w *world) request {
			return request{"102", "park", "POST", w.partyPath(w.answered("102"), "102") + "/park", ""}
		}, 201, "*801"},
		{"pickup", func(w *world) request {
			id := w.answered("102")
			w.must(w.Transfer("102", id, "398"))
			return request{"103", "pickup", "POST", w.partyPath(id, "398") + "/pickup", device(w, "103")}
		}, 201, "Answered"},
		{"flip", func(w *world) request {
			return request{"102", "flip", "POST", w.partyPath(w.answered("102"), "102") + "/flip", `{"callFlipId":"*2"}`}
		}, 200, ""},
		{"record", func(w *world) request {
			return request{"102", "recordings", "POST", w.partyPath(w.answered("102"), "102") + "/recordings", ""}
		}, 201, "OnDemand"},
		{"pause", func(w *world) request {
			id := w.answered("102")
			rec, err := w.Record("102", id)
			w.must(err)
			return request{"102", "pauseRecording", "PATCH", w.partyPath(id, "102") + "/recordings/" + rec, `{"active":false}`}
		}, 200, `"active":false`},
		{"supervise", func(w *world) request {
			return request{"101", "superviseSession", "POST", sessionPath(w.answered("102")) + "/supervise", w.listen()}
		}, 201, "Setup"},
		{"supervise a party", func(w *world) request {
			return request{"101", "supervise", "POST", w.partyPath(w.answered("102"), "102") + "/supervise", w.listen()}
		}, 201, "Setup"},
		{"call out", func(w *world) request {
			return request{"102", "callOut", "POST", callOutPath, fmt.Sprintf(`{"from":{"deviceId":%q},"to":{"extensionNumber":"103"}}`, w.phone("102", 0))}
		}, 201, "Setup"},
		{"conference", func(*world) request {
			return request{"102", "conference", "POST", account + "/telephony/conference", ""}
		}, 201, "Conference"},
		{"bring in", func(w *world) request {
			held, _ := w.pair()
			conf := w.conference()
			w.bringIn(conf, w.dialled())
			return request{"102", "bringIn", "POST", sessionPath(conf) + "/parties/bring-in", w.bringInBody(held)}
		}, 201, "Participant"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{CallOutAutoAnswer: true}})
			r := c.ask(w)
			token := w.signIn(r.who)
			w.SetFault(r.operation, rcsim.Fault{Times: 1, Pretend: true})
			before := w.State()
			got := w.rest(token, r.method, r.path, r.body)
			if got.status != c.status || !strings.Contains(got.body, c.says) {
				t.Errorf("%d %s", got.status, got.body)
			}
			after := w.State()
			if !reflect.DeepEqual(before.Sessions, after.Sessions) || !reflect.DeepEqual(before.Tape, after.Tape) || !reflect.DeepEqual(before.Audio, after.Audio) {
				t.Errorf("before\n%s\nafter\n%s", before, after)
			}
			if got := w.rest(token, r.method, r.path, r.body); got.status != c.status {
				t.Errorf("then in earnest: %d %s", got.status, got.body)
			}
			if after := w.State(); reflect.DeepEqual(before.Sessions, after.Sessions) {
				t.Errorf("nothing has happened in earnest\n%s", after)
			}
		})
	}
}

// dialled is a call of 102 that 107 has answered.
func (w *world) dialled() string {
	w.t.Helper()
	id := w.dial("102", "107")
	w.must(w.Answer("107", id))
	return id
}
