package rcsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// get reads a resource of the account as a person, which must work.
func (w *world) get(token, path string) map[string]any {
	w.t.Helper()
	r := w.rest(token, "GET", account+path, "")
	if r.status != 200 {
		w.t.Fatalf("GET %s: %d %s", path, r.status, r.body)
	}
	return r.json(w.t)
}

// set puts a JSON body somewhere as a person, which must work.
func (w *world) set(token, method, path, body string) map[string]any {
	w.t.Helper()
	r := w.rest(token, method, account+path, body)
	if r.status != 200 {
		w.t.Fatalf("%s %s: %d %s", method, path, r.status, r.body)
	}
	return r.json(w.t)
}

func TestSetPresence(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	const own = "/extension/~/presence"
	for _, c := range []struct{ body, presence, user, dnd string }{
		{`{"userStatus":"Busy","message":"Back at 3"}`, "Busy", "Busy", "TakeAllCalls"},
		{`{"userStatus":"Offline"}`, "Offline", "Offline", "TakeAllCalls"},
		{`{"userStatus":"Available","dndStatus":"DoNotAcceptAnyCalls"}`, "Busy", "Available", "DoNotAcceptAnyCalls"},
		{`{"dndStatus":"DoNotAcceptDepartmentCalls"}`, "Available", "Available", "DoNotAcceptDepartmentCalls"},
		{`{"dndStatus":"TakeAllCalls","ringOnMonitoredCall":true,"pickUpCallsOnHold":true,"allowSeeMyPresence":false,"callerIdVisibility":"None"}`, "Available", "Available", "TakeAllCalls"},
	} {
		for _, m := range []map[string]any{w.set(token, "PUT", own, c.body), w.get(token, own), w.get(w.signIn("103"), "/extension/400131512008/presence")} {
			if m["presenceStatus"] != c.presence || m["userStatus"] != c.user || m["dndStatus"] != c.dnd || m["message"] != "Back at 3" {
				t.Errorf("%s: %v", c.body, m)
			}
		}
	}
	if m := w.get(token, own); m["ringOnMonitoredCall"] != true || m["pickUpCallsOnHold"] != true || m["allowSeeMyPresence"] != false || m["callerIdVisibility"] != "None" {
		t.Errorf("%v", m)
	}
	for _, bad := range []string{`{"userStatus":"Away"}`, `{"dndStatus":"Unknown"}`, `{"dndStatus":"x"}`, `{"callerIdVisibility":"x"}`} {
		if r := w.rest(token, "PUT", account+own, bad); r.status != 400 || r.json(t)["errorCode"] != "CMN-101" {
			t.Errorf("%s: %d %s", bad, r.status, r.body)
		}
	}
	if r := w.rest(token, "PUT", account+"/extension/400131513008/presence", `{"userStatus":"Busy"}`); r.status != 403 || r.json(t)["errorCode"] != "CMN-404" {
		t.Errorf("of another person: %d %s", r.status, r.body)
	}
	w.set(w.signIn("100"), "PUT", "/extension/400131513008/presence", `{"userStatus":"Busy"}`) // an administrator may
}

func TestDoNotDisturbShownAvailable(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{DNDShowsAvailable: true}})
	m := w.set(w.signIn("102"), "PUT", "/extension/~/presence", `{"dndStatus":"DoNotAcceptAnyCalls"}`)
	if m["presenceStatus"] != "Available" {
		t.Error(m)
	}
}

func TestDoNotDisturbDecidesWhoRings(t *testing.T) {
	for _, c := range []struct{ dnd, direct, queue string }{
		{"TakeAllCalls", "Proceeding", "Proceeding"},
		{"DoNotAcceptDepartmentCalls", "Proceeding", ""},
		{"TakeDepartmentCallsOnly", "VoiceMail", "Proceeding"},
		{"DoNotAcceptAnyCalls", "VoiceMail", ""},
	} {
		t.Run(c.dnd, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			w.set(w.signIn("104"), "PUT", "/extension/~/presence", fmt.Sprintf(`{"dndStatus":%q}`, c.dnd))
			queue := w.call(customer, "300")
			if p, ok := w.State().Party(queue, "104"); p.Code != c.queue || ok != (c.queue != "") {
				t.Errorf("a call of the queue: %q\n%s", p.Code, w.State())
			}
			w.must(w.OutsideHangup(customer, queue))
			direct := w.call(customer, "104")
			if p, _ := w.State().Party(direct, "104"); p.Code != c.direct {
				t.Errorf("a call to the person: %q\n%s", p.Code, w.State())
			}
		})
	}
}

func TestUnifiedPresence(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	const own = "/extension/~/unified-presence"
	read := func() string {
		m := w.get(token, own)
		g, p := m["glip"].(map[string]any), m["telephony"].(map[string]any)
		return fmt.Sprint(m["status"], " ", g["visibility"], " ", g["availability"], " ", p["status"], " ", p["availability"])
	}
	for _, c := range []struct{ body, want string }{
		{`{}`, "Available Visible Available NoCall TakeAllCalls"},
		{`{"glip":{"availability":"DND"}}`, "DND Visible DND NoCall DoNotAcceptAnyCalls"},
		{`{"glip":{"availability":"Available"}}`, "Available Visible Available NoCall TakeAllCalls"},
		{`{"telephony":{"availability":"DoNotAcceptQueueCalls"}}`, "Available Visible Available NoCall DoNotAcceptQueueCalls"},
		{`{"glip":{"visibility":"Invisible"},"telephony":{"availability":"TakeAllCalls"}}`, "Offline Invisible Available NoCall TakeAllCalls"},
		{`{"glip":{"visibility":"Visible"}}`, "Available Visible Available NoCall TakeAllCalls"},
	} {
		w.set(token, "PATCH", own, c.body)
		if got := read(); got != c.want {
			t.Errorf("%s: %s, want %s", c.body, got, c.want)
		}
	}
	w.must(w.Answer("102", w.call(customer, "102")))
	if got := read(); got != "Busy Visible Available CallConnected TakeAllCalls" {
		t.Error(got)
	}
	for _, bad := range []string{`{"glip":{"availability":"x"}}`, `{"glip":{"visibility":"x"}}`, `{"telephony":{"availability":"x"}}`} {
		if r := w.rest(token, "PATCH", account+own, bad); r.status != 400 {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
	r := w.rest(token, "GET", account+"/extension/~,400131513008,1/unified-presence", "")
	if r.status != 207 || strings.Count(r.body, `"resourceId"`) != 3 || strings.Count(r.body, `"status":404`) != 1 {
		t.Errorf("%d %s", r.status, r.body)
	}
}

func TestExtensionsWithoutAPersonReadOffline(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	token := w.signIn("102")
	w.must(w.Answer("104", w.call(customer, "300")))
	for id, kind := range map[string]string{"400131590008": "Department", "400131599008": "IvrMenu", "400131598008": "ParkLocation"} {
		if m := w.get(token, "/extension/"+id); m["type"] != kind {
			t.Errorf("%s: %v", kind, m)
		}
		if m := w.get(token, "/extension/"+id+"/presence?detailedTelephonyState=true"); m["presenceStatus"] != "Offline" || m["telephonyStatus"] != nil {
			t.Errorf("%s: %v", kind, m)
		}
	}
}

func TestAccountPresenceIsPaged(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.call(customer, "103")
	m := w.get(w.signIn("101"), "/presence?detailedTelephonyState=true&perPage=4&page=1")
	rows := m["records"].([]any)
	if len(rows) != 4 || m["paging"].(map[string]any)["totalElements"] != 15.0 {
		t.Fatalf("%v", m["paging"])
	}
	mei := rows[3].(map[string]any)
	if mei["telephonyStatus"] != "Ringing" || mei["activeCalls"].([]any)[0].(map[string]any)["telephonySessionId"] != id {
		t.Errorf("%v", mei)
	}
}

func TestPresenceFilters(t *testing.T) {
	for _, c := range []struct {
		name, filter, event string
		opt                 rcsim.Options
	}{
		{name: "account", filter: account + "/presence", event: "/extension/400131513008/presence"},
		{name: "extension", filter: account + "/extension/400131513008/presence?detailedTelephonyState=true", event: "/extension/400131513008/presence?detailedTelephonyState=true"},
		{name: "lines", filter: account + "/extension/~/presence/line/presence", event: "/extension/400131512008/presence/line/presence"},
		{
			name: "lines by own name", filter: account + "/extension/~/presence/line/presence", event: "/extension/400131513008/presence",
			opt: rcsim.Options{Assume: rcsim.Assumptions{WatchedByOwnName: true}},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opt)
			feed := w.open("102", c.filter)
			w.set(w.signIn("103"), "PUT", "/extension/~/presence", `{"userStatus":"Busy"}`)
			first := feed.note()
			id := w.call(customer, "103")
			var ringing note
			for ringing.Body.TelephonyStatus != "Ringing" {
				ringing = feed.note()
			}
			const path = "/restapi/v1.0/account/400131426008"
			if first.Event != path+c.event || first.Body.ExtensionID != "400131513008" || first.Body.PresenceStatus != "Busy" || first.Body.TelephonyStatus != "NoCall" {
				t.Errorf("%+v", first)
			}
			if ringing.Body.Sequence <= first.Body.Sequence || ringing.Body.PresenceStatus != "Busy" {
				t.Errorf("its own sequence rises: %+v", ringing)
			}
			detailed := strings.Contains(c.filter, "detailed")
			if detailed != (len(ringing.Body.ActiveCalls) == 1 && ringing.Body.ActiveCalls[0].TelephonySessionID == id) {
				t.Errorf("active calls: %+v", ringing.Body.ActiveCalls)
			}
		})
	}
}

func TestFavouritesAndOwnPresenceAreToldApart(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	feed := w.open("102", account+"/presence", account+"/extension/~/favorite/presence")
	priya := w.signIn("107")
	w.set(priya, "PUT", "/extension/~/presence", `{"userStatus":"Busy"}`)
	events := []string{feed.note().Event, feed.note().Event}
	slices.Sort(events)
	const path = "/restapi/v1.0/account/400131426008/extension/"
	if want := []string{path + "400131512008/favorite/presence", path + "400131517008/presence"}; !slices.Equal(events, want) {
		t.Errorf("%v, want %v", events, want)
	}
	w.set(w.signIn("103"), "PUT", "/extension/~/presence", `{"userStatus":"Busy"}`)
	w.set(priya, "PUT", "/extension/~/presence", `{"userStatus":"Available"}`)
	if got := []string{feed.note().Event, feed.note().Event, feed.note().Event}; strings.Count(strings.Join(got, " "), "favorite") != 1 {
		t.Errorf("103 is nobody's favourite: %v", got)
	}
}

// TestPhonesThatTakeNoCalls: what a person does on their phone is told as presence, and calls obey it.
func TestPhonesThatTakeNoCalls(t *testing.T) {
	for _, c := range []struct {
		path, body    string
		dnd, presence string
		takesCalls    bool
	}{
		{"dnd", `{"dndStatus":"DoNotAcceptAnyCalls"}`, "DoNotAcceptAnyCalls", "Busy", false},
		{"dnd", `{"dndStatus":"DoNotAcceptDepartmentCalls"}`, "DoNotAcceptDepartmentCalls", "Available", true},
		{"offline", "", "TakeAllCalls", "Offline", false},
	} {
		t.Run(c.path+c.body, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			s := w.open("103", "/restapi/v1.0/account/~/extension/~/presence")
			if r := w.control("POST", "/sim/api/phones/103/"+c.path, c.body); r.status != 204 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			if n := s.note(); n.Body.PresenceStatus != c.presence {
				t.Errorf("told: %+v", n.Body)
			}
			st := w.State()
			for _, p := range st.Phones {
				if p.ExtensionNumber == "103" && (p.DND != c.dnd || p.Online != (c.path != "offline")) {
					t.Errorf("%+v", p)
				}
			}
			id := w.call(customer, "103")
			if p := w.party(id, "103"); (p.Code == "Proceeding") != c.takesCalls {
				t.Errorf("a call to it: %s", p.Code)
			}
		})
	}
	w := newWorld(t, rcsim.Options{})
	for path, status := range map[string]int{"/sim/api/phones/103/dnd": 400, "/sim/api/phones/999/dnd": 404} {
		if r := w.control("POST", path, `{"dndStatus":"Sleep"}`); r.status != status {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
}

// TestPresenceOfMoreCallsThanItShows: seven calls are listed, and telephonyStatus is of all.
func TestPresenceOfMoreCallsThanItShows(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	oldest := w.answered("102")
	for i := range 7 {
		w.call(fmt.Sprint("+1650555020", i), "102")
	}
	m := w.as("102", "GET", account+"/extension/~/presence?detailedTelephonyState=true", "", 200)
	calls := m["activeCalls"].([]any)
	if m["telephonyStatus"] != "CallConnected" || len(calls) != 7 || strings.Contains(fmt.Sprint(calls), oldest) {
		t.Errorf("%v", m)
	}
}
