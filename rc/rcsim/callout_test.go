package rcsim_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

const callOutPath = account + "/telephony/call-out"

// callOut calls 103 out of the soft phone of 102.
func (w *world) callOut() string {
	w.t.Helper()
	m := w.as("102", "POST", callOutPath, `{"from":{"deviceId":"`+w.phone("102", 0)+`"},"to":{"extensionNumber":"103"}}`, 201)["session"].(map[string]any)
	first := m["parties"].([]any)[0].(map[string]any)
	if len(m["parties"].([]any)) != 1 || status(first) != "Setup" || first["direction"] != "Outbound" || first["from"].(map[string]any)["deviceId"] != w.phone("102", 0) || m["creationTime"] == nil {
		w.t.Errorf("%v", m)
	}
	return m["id"].(string)
}

func TestCallOutSequences(t *testing.T) {
	for _, c := range []sequence{
		{
			name: "to an extension: the own phone rings first",
			play: func(w *world) string {
				held := w.answered("102")
				id := w.callOut()
				if p := w.party(id, "102"); !p.CallOut || p.Code != "Setup" {
					w.t.Errorf("%+v", p)
				}
				if p := w.party(held, "102"); p.Code != "Answered" {
					w.t.Errorf("nothing is held before the phone is picked up: %+v", p)
				}
				w.must(w.Answer("102", id))
				if p := w.party(held, "102"); p.Code != "Hold" {
					w.t.Errorf("the other call is held: %+v", p)
				}
				w.must(w.Answer("103", id))
				if !w.State().Hear("102", "103") {
					w.t.Error("they talk")
				}
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Answered +pickup"},
		},
		{
			name: "to an outside number, by the control API",
			play: func(w *world) string {
				id := w.control("POST", "/sim/api/phones/102/call-out", `{"to":"+16505550188"}`).json(w.t)["telephonySessionId"].(string)
				w.must(w.Answer("102", ""))
				w.must(w.OutsideAnswer("+16505550188", id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Proceeding", "4: -1 Proceeding", "5: -2 Answered", "6: -1 Answered"},
		},
		{
			name: "the device answers by itself, by assumption",
			opt:  rcsim.Options{Assume: rcsim.Assumptions{CallOutAutoAnswer: true}},
			play: func(w *world) string {
				id := w.callOut()
				w.await(rcsim.Is(id, "103", "Proceeding"))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup"},
		},
		{
			name: "the person does not pick up",
			play: func(w *world) string {
				id := w.callOut()
				w.must(w.Decline("102", ""))
				w.await(rcsim.Over(id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -1 Disconnected/Rejected"},
		},
		{
			name: "dropped while the own phone rings",
			play: func(w *world) string {
				id := w.callOut()
				w.as("102", "DELETE", sessionPath(id), "", 204)
				return id
			},
			want: []string{"2: -1 Setup", "3: -1 Disconnected"},
		},
	} {
		c.check(t)
	}
}

// TestCallOutAnswersFirst: nothing is notified as Answered before the HTTP answer is out, however late it is (CLIENTS.md).
func TestCallOutAnswersFirst(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{CallOutAutoAnswer: true}})
	socket := w.open("102", ownFilter)
	body := fmt.Sprintf(`{"from":{"deviceId":%q},"to":{"extensionNumber":"103"}}`, w.phone("102", 0))

	t.Run("over HTTP", func(t *testing.T) {
		w := w.in(t)
		w.SetFault("callOut", rcsim.Fault{Times: 1, Silent: true}) // the answer stays inside
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		req, err := http.NewRequestWithContext(ctx, http.MethodPost, w.url+callOutPath, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Authorization", "Bearer "+w.signIn("102"))
		done := make(chan error, 1)
		go func() {
			res, err := w.http.Do(req)
			if err == nil {
				_ = res.Body.Close()
			}
			done <- err
		}()
		if got := socket.note().line(); got != "2: -1 Setup" {
			t.Error(got)
		}
		if p := w.party("", "102"); p.Code != "Setup" {
			t.Errorf("answered before the answer is out: %+v", p)
		}
		cancel()
		if err := <-done; err == nil {
			t.Error("the fault swallows the answer")
		}
		if got := socket.note().line(); got != "4: -1 Answered" { // it happened, though nobody was told
			t.Error(got)
		}
	})
	t.Run("through the socket", func(t *testing.T) {
		socket := *socket
		socket.w = w.in(t)
		f := socket.ask("POST", callOutPath, body) // fails when a notification comes first
		var frame []json.RawMessage
		if err := json.Unmarshal([]byte(f.raw), &frame); err != nil || f.Status != 201 {
			t.Fatal(f.raw)
		}
		if got := fmt.Sprint(socket.lines(2)); !strings.Contains(got, "2: -1 Setup") && !strings.Contains(got, "Hold") {
			t.Error(got)
		}
	})
}

func TestCallOutRefusals(t *testing.T) {
	for _, c := range []struct {
		name   string
		opt    rcsim.Assumptions
		body   string
		status int
		code   string
	}{
		{"no device", rcsim.Assumptions{}, `{"to":{"extensionNumber":"103"}}`, 400, "CMN-101"},
		{"somebody else's device", rcsim.Assumptions{}, `{"from":{"deviceId":"801513426008"},"to":{"extensionNumber":"103"}}`, 400, "CMN-101"},
		{"no target", rcsim.Assumptions{}, `{"from":{"deviceId":"{device}"}}`, 400, "CMN-101"},
		{"two targets", rcsim.Assumptions{}, `{"from":{"deviceId":"{device}"},"to":{"extensionNumber":"103","phoneNumber":"+16505550188"}}`, 400, "CMN-101"},
		{"an unknown extension", rcsim.Assumptions{}, `{"from":{"deviceId":"{device}"},"to":{"extensionNumber":"999"}}`, 400, "CMN-101"},
		{"oneself", rcsim.Assumptions{}, `{"from":{"deviceId":"{device}"},"to":{"extensionNumber":"102"}}`, 400, "CMN-101"},
		{"a bad number", rcsim.Assumptions{}, `{"from":{"deviceId":"{device}"},"to":{"phoneNumber":"nobody"}}`, 400, "CMN-101"},
		{"an offline device", rcsim.Assumptions{}, `{"from":{"deviceId":"{offline}"},"to":{"extensionNumber":"103"}}`, 403, "TAS-106"},
		{"an offline device, another code", rcsim.Assumptions{OfflineDeviceRefusal: "TAS-110"}, `{"from":{"deviceId":"{offline}"},"to":{"extensionNumber":"103"}}`, 403, "TAS-110"},
		{"an app", rcsim.Assumptions{}, `{"from":{"deviceId":"{app}"},"to":{"extensionNumber":"103"}}`, 400, "CMN-101"},
		{"an app, by assumption", rcsim.Assumptions{WebDevices: true}, `{"from":{"deviceId":"{app}"},"to":{"extensionNumber":"103"}}`, 201, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			me := w.person("102")
			body := strings.NewReplacer("{device}", me.Devices[0].ID, "{offline}", me.Devices[1].ID, "{app}", me.WebPhones[0].ID).Replace(c.body)
			if m := w.as("102", "POST", callOutPath, body, c.status); c.code != "" && m["errorCode"] != c.code {
				t.Errorf("%v", m)
			}
		})
	}
	w := newWorld(t, rcsim.Options{})
	for n := range 10 {
		if r := w.rest(w.signIn("102"), "POST", callOutPath, "{}"); r.header.Get("X-Rate-Limit-Group") != "heavy" {
			t.Fatalf("request %d: %v", n, r.header)
		}
	}
	w.refused("102", "POST", callOutPath, "{}", 429, "CMN-301")
}

// TestGuestsHaveNoPhones: who belongs to another account makes no calls and opens no conference here.
func TestGuestsHaveNoPhones(t *testing.T) {
	guest := rcsim.User{ID: "500131512008", AccountID: "500131426008", Number: "902", First: "Gus", Last: "Guest", Devices: []rcsim.Device{{ID: "1", Type: "SoftPhone", Online: true}}}
	w := newWorld(t, rcsim.Options{Guests: []rcsim.User{guest}})
	w.refused(guest.ID, "POST", callOutPath, `{"from":{"deviceId":"1"},"to":{"extensionNumber":"103"}}`, 403, "TAS-106")
	w.refused(guest.ID, "POST", account+"/telephony/conference", "", 403, "TAS-106")
}

// TestAppCannotRejectItsOwnCallOut: reject is for calls that come in; the phone itself may decline.
func TestAppCannotRejectItsOwnCallOut(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id, err := w.CallOut("102", "103")
	w.must(err)
	w.refused("102", "POST", w.partyPath(id, "102")+"/reject", "", 409, "TAS-102")
	w.must(w.Decline("102", id))
	w.await(rcsim.Over(id))
}
