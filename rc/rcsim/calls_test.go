package rcsim_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// TestStateRules: which state refuses what, and with which code (API sheet 3.3, 11.2).
func TestStateRules(t *testing.T) {
	// Each case gets a world with: held (customer, 102 on hold), consult (102 and 103 answered), and what prepare adds.
	for _, c := range []struct {
		name         string
		who          string // 102 when empty
		opt          rcsim.Assumptions
		prepare      func(w *world, held, consult string)
		method, path string // {held}, {consult}, {p:number@held} …
		body         string
		status       int
		code         string
	}{
		{name: "hold a held party again", method: "POST", path: "{held}/parties/{102@held}/hold", prepare: restHold, status: 409, code: "TAS-102"},
		{name: "unhold an answered party", method: "POST", path: "{consult}/parties/{102@consult}/unhold", status: 409, code: "TAS-102"},
		{name: "hold somebody else's party", method: "POST", path: "{consult}/parties/{103@consult}/hold", status: 403, code: "TAS-106"},
		{name: "hold somebody else's, by assumption", opt: rcsim.Assumptions{OthersMayControl: true}, method: "POST", path: "{consult}/parties/{103@consult}/hold", status: 200},
		{name: "hold the customer", method: "POST", path: "{held}/parties/{customer@held}/hold", status: 403, code: "TAS-106"},
		{name: "hold with a body", method: "POST", path: "{consult}/parties/{102@consult}/hold", body: `{"proto":"Auto"}`, status: 200},
		{name: "hold with broken JSON", method: "POST", path: "{consult}/parties/{102@consult}/hold", body: `{`, status: 400, code: "CMN-103"},
		{name: "unknown session", method: "GET", path: "s-none", status: 404, code: "CMN-102"},
		{name: "unknown party", method: "POST", path: "{held}/parties/p-none/hold", status: 404, code: "CMN-102"},
		{name: "a colleague reads the session", who: "105", method: "GET", path: "{held}", status: 200},
		{name: "read a party", method: "GET", path: "{held}/parties/{102@held}", status: 200},
		{name: "drop by somebody who was never in it", who: "105", method: "DELETE", path: "{held}", status: 403, code: "TAS-106"},
		{name: "drop", method: "DELETE", path: "{consult}", status: 204},
		{name: "drop a call that is over", method: "DELETE", path: "{consult}", prepare: hangConsult, status: 404, code: "CMN-102"},
		{name: "mute, flat", method: "PATCH", path: "{consult}/parties/{102@consult}", body: `{"muted":true}`, status: 200},
		{name: "mute, nested", method: "PATCH", path: "{consult}/parties/{102@consult}", body: `{"party":{"muted":true}}`, status: 200},
		{name: "mute nothing", method: "PATCH", path: "{consult}/parties/{102@consult}", body: `{}`, status: 400, code: "CMN-101"},
		{name: "mute somebody else", method: "PATCH", path: "{consult}/parties/{103@consult}", body: `{"muted":true}`, status: 403, code: "TAS-106"},
		{name: "mute after the end", method: "PATCH", path: "{consult}/parties/{102@consult}", prepare: hangConsult, body: `{"muted":true}`, status: 409, code: "TAS-102"},
		{name: "answer what does not ring", who: "103", method: "POST", path: "{consult}/parties/{103@consult}/answer", body: `{"deviceId":"801513426008"}`, status: 409, code: "TAS-102"},
		{name: "answer with a device of nobody", who: "103", method: "POST", path: "{consult}/parties/{103@consult}/answer", body: `{"deviceId":"1"}`, status: 400, code: "CMN-101"},
		{name: "reject what does not ring", who: "103", method: "POST", path: "{consult}/parties/{103@consult}/reject", status: 409, code: "TAS-102"},
		{name: "remove a party of an ordinary call", method: "DELETE", path: "{consult}/parties/{102@consult}", status: 403, code: "TAS-106"},
		{name: "remove it by assumption", opt: rcsim.Assumptions{DeletePartyHangsUp: true}, method: "DELETE", path: "{consult}/parties/{102@consult}", status: 204},

		{name: "bridge", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 200},
		{name: "bridge the other way round", method: "POST", path: "{consult}/parties/{102@consult}/bridge", body: `{"telephonySessionId":"{held}","partyId":"{102@held}"}`, status: 200},
		{name: "bridge without hold", method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: swap, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 200},
		{name: "bridge without hold, by assumption", opt: rcsim.Assumptions{BridgeNeedsHold: true}, method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: swap, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 409, code: "TAS-102"},
		{name: "bridge to a consult on hold, by assumption", opt: rcsim.Assumptions{BridgeNeedsAnswered: true}, method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: swap, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 409, code: "TAS-102"},
		{name: "bridge to a consult that talks, by the same", opt: rcsim.Assumptions{BridgeNeedsAnswered: true}, method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 200},
		{name: "bridge twice, refused otherwise by assumption", opt: rcsim.Assumptions{BridgeRefusal: 403}, method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: bridged, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 403, code: "TAS-102"},
		{name: "bridge without body", method: "POST", path: "{held}/parties/{102@held}/bridge", status: 400, code: "CMN-101"},
		{name: "bridge without party", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}"}`, status: 400, code: "CMN-101"},
		{name: "bridge with itself", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{held}","partyId":"{102@held}"}`, status: 400, code: "CMN-101"},
		{name: "bridge to an unknown session", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"s-none","partyId":"p"}`, status: 404, code: "CMN-102"},
		{name: "bridge to an unknown party", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}","partyId":"p-none"}`, status: 404, code: "CMN-102"},
		{name: "bridge the consult's party", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}","partyId":"{103@consult}"}`, status: 403, code: "TAS-106"},
		{name: "bridge for a colleague", who: "101", method: "POST", path: "{held}/parties/{102@held}/bridge", body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 403, code: "TAS-106"},
		{name: "bridge twice", method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: bridged, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 409, code: "TAS-102"},
		{name: "bridge when the consult is gone", method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: hangConsult, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 409, code: "TAS-102"},
		{name: "bridge when the customer is gone", method: "POST", path: "{held}/parties/{102@held}/bridge", prepare: hangCustomer, body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 409, code: "TAS-102"},
		{name: "JSON under another type", method: "POST", path: "{held}/parties/{102@held}/bridge#text", body: `{"telephonySessionId":"{consult}","partyId":"{102@consult}"}`, status: 415, code: "CMN-415"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			held, consult := w.pair()
			if c.prepare != nil {
				c.prepare(w, held, consult)
			}
			fill := strings.NewReplacer(
				"{held}", held, "{consult}", consult,
				"{102@held}", w.party(held, "102").ID, "{customer@held}", w.party(held, customer).ID,
				"{102@consult}", w.party(consult, "102").ID, "{103@consult}", w.party(consult, "103").ID,
			).Replace
			who := c.who
			if who == "" {
				who = "102"
			}
			path, text := strings.CutSuffix(fill(c.path), "#text")
			req := w.request(c.method, sessionPath(path), fill(c.body))
			req.Header.Set("Authorization", "bearer "+w.signIn(who))
			if text {
				req.Header.Set("Content-Type", "text/plain")
			}
			r := w.send(req)
			if r.status != c.status {
				t.Fatalf("%d %s, want %d", r.status, r.body, c.status)
			}
			if c.code != "" {
				m := r.json(t)
				first := m["errors"].([]any)[0].(map[string]any)
				if m["errorCode"] != c.code || first["errorCode"] != c.code || m["message"] != first["message"] {
					t.Errorf("the error twice: %s", r.body)
				}
			}
			if r.header.Get("RCRequestId") == "" || r.header.Get("X-Rate-Limit-Group") != "light" {
				t.Errorf("headers %v", r.header)
			}
		})
	}
}

func restHold(w *world, held, _ string) {
	if r := w.rest(w.signIn("102"), "POST", w.partyPath(held, "102")+"/hold", ""); r.status != 200 {
		w.t.Fatal(r.body)
	}
}

func hangConsult(w *world, _, consult string) { w.must(w.Hangup("103", consult)) }

func hangCustomer(w *world, held, _ string) { w.must(w.OutsideHangup(customer, held)) }

func swap(w *world, held, _ string) { w.must(w.Unhold("102", held)) }

func bridged(w *world, held, consult string) {
	if r := w.rest(w.signIn("102"), "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")); r.status != 200 {
		w.t.Fatal(r.body)
	}
}

// TestRingingConsult: the agent's party says Answered, but nobody is there (API sheet 5, trap).
func TestRingingConsult(t *testing.T) {
	for _, c := range []struct {
		name           string
		opt            rcsim.Assumptions
		then           func(*world, string)
		bridge, hold   int
		hearAfterwards bool
	}{
		{name: "still ringing", bridge: 409, hold: 409},
		{name: "still ringing, semi-attended by assumption", opt: rcsim.Assumptions{BridgeRinging: true}, bridge: 200, hold: 409},
		{name: "in voicemail", then: func(w *world, id string) { w.must(w.Voicemail("103", id)) }, bridge: 200, hold: 409},
		{name: "answered", then: func(w *world, id string) { w.must(w.Answer("103", id)) }, bridge: 200, hold: 200, hearAfterwards: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			token := w.signIn("102")
			held := w.call(customer, "102")
			w.must(w.Answer("102", held))
			w.must(w.Hold("102", held))
			consult := w.dial("102", "103")
			if c.then != nil {
				c.then(w, consult)
			}
			if code := w.party(consult, "102").Code; code != "Answered" {
				t.Fatalf("the agent's party is %s", code)
			}
			if r := w.rest(token, "POST", w.partyPath(consult, "102")+"/hold", ""); r.status != c.hold {
				t.Errorf("hold: %d %s", r.status, r.body)
			}
			if r := w.rest(token, "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")); r.status != c.bridge {
				t.Errorf("bridge: %d %s", r.status, r.body)
			}
			if w.State().Hear(customer, "103") != c.hearAfterwards {
				t.Errorf("customer and consult hear each other: %t", !c.hearAfterwards)
			}
		})
	}
}

func TestAnswerAndRejectByREST(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("103")
	id := w.dial("102", "103")
	r := w.rest(token, "POST", w.partyPath(id, "103")+"/answer", `{"deviceId":"801513426008"}`)
	if r.status != 200 || r.json(t)["status"].(map[string]any)["code"] != "Answered" || !w.State().Hear("102", "103") {
		t.Errorf("%d %s", r.status, r.body)
	}
	other := w.call(customer, "103")
	if r := w.rest(token, "POST", w.partyPath(other, "103")+"/reject", ""); r.status != 204 || r.body != "" {
		t.Errorf("%d %s", r.status, r.body)
	}
	if p := w.party(other, "103"); p.Code != "VoiceMail" {
		t.Errorf("the caller is with %+v", p)
	}
}

func TestSessionStaysReadableForAWhile(t *testing.T) {
	clock := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	w := newWorld(t, rcsim.Options{Now: func() time.Time { return clock }})
	token := w.signIn("102")
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	w.must(w.Hangup("102", id))
	read := func() reply { return w.rest(token, "GET", sessionPath(id), "") }
	clock = clock.Add(59 * time.Second)
	r := read()
	if r.status != 200 || !strings.Contains(r.body, `"creationTime":"2026-03-04T09:00:00Z"`) || strings.Contains(r.body, "sequence") {
		t.Errorf("%d %s", r.status, r.body)
	}
	clock = clock.Add(2 * time.Second)
	if r := read(); r.status != 404 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestPartyForms(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	_, consult := w.pair()
	m := w.rest(token, "GET", sessionPath(consult), "").json(t)
	own := m["parties"].([]any)[0].(map[string]any)
	owner := own["owner"].(map[string]any)
	if own["direction"] != "Outbound" || owner["extensionId"] != "400131512008" || own["extensionId"] != "400131512008" || own["to"].(map[string]any)["phoneNumber"] != "103" {
		t.Errorf("%v", own)
	}
	out := w.dial("104", customer)
	far := w.rest(token, "GET", sessionPath(out), "").json(t)["parties"].([]any)[1].(map[string]any)
	if far["owner"] != nil || far["extensionId"] != nil || far["direction"] != "Inbound" {
		t.Errorf("a party outside has no owner: %v", far)
	}
}

func TestMethodTunnelling(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	_, consult := w.pair()
	req := w.request(http.MethodPost, sessionPath(consult), "")
	req.Header.Set("Authorization", "Bearer "+token)
	req.Header.Set("X-HTTP-Method-Override", "DELETE")
	if r := w.send(req); r.status != 204 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestWhoMayDropACallThatTheyHaveLeft(t *testing.T) {
	for _, c := range []struct {
		opt    rcsim.Assumptions
		status int
	}{{rcsim.Assumptions{}, 204}, {rcsim.Assumptions{DropNeedsLiveParty: true}, 403}} {
		w := newWorld(t, rcsim.Options{Assume: c.opt})
		held, consult := w.pair()
		bridged(w, held, consult)
		w.as("102", "DELETE", sessionPath(consult), "", c.status)
		if over := rcsim.Over("")(w.State()); over != (c.status == 204) {
			t.Errorf("over: %t", over)
		}
	}
}

func TestReadableTimeIsAnAssumption(t *testing.T) {
	clock := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	w := newWorld(t, rcsim.Options{Now: func() time.Time { return clock }, Assume: rcsim.Assumptions{SessionReadable: 5 * time.Second}})
	id := w.answered("102")
	w.must(w.Hangup("102", id))
	clock = clock.Add(5 * time.Second)
	w.as("102", "GET", sessionPath(id), "", 200)
	clock = clock.Add(time.Second)
	w.as("102", "GET", sessionPath(id), "", 404)
}

func TestPresenceTimesByAssumption(t *testing.T) {
	for _, c := range []struct {
		offset bool
		ends   string
	}{{false, "Z"}, {true, "+0000"}} {
		w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{OffsetTimes: c.offset}})
		w.answered("102")
		pres := w.as("102", "GET", account+"/extension/~/presence?detailedTelephonyState=true", "", 200)
		start, _ := pres["activeCalls"].([]any)[0].(map[string]any)["startTime"].(string)
		if !strings.HasSuffix(start, c.ends) {
			t.Errorf("%q, want %s at its end", start, c.ends)
		}
	}
}
