package rcsim_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// activeCalls are the rows of active-calls in short: number of the other side, result.
func (w *world) activeCalls(token, path string) string {
	w.t.Helper()
	var out []string
	for _, r := range w.get(token, path)["records"].([]any) {
		m := r.(map[string]any)
		end := m["from"].(map[string]any)
		if m["direction"] == "Outbound" {
			end = m["to"].(map[string]any)
		}
		number := end["phoneNumber"]
		if number == nil {
			number = end["extensionNumber"]
		}
		out = append(out, fmt.Sprint(number, " ", m["result"]))
	}
	return strings.Join(out, ", ")
}

func TestActiveCallsLagBehind(t *testing.T) {
	k := newClock()
	w := newWorld(t, rcsim.Options{Now: k.now, Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	const own = "/extension/~/active-calls"
	see := func(want string) {
		t.Helper()
		if got := w.activeCalls(token, own); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
	id := w.call(customer, "102")
	k.sleep(9 * time.Second)
	see("") // it rings: still being routed
	w.must(w.Answer("102", id))
	see("")
	k.sleep(4999 * time.Millisecond)
	see("")
	k.sleep(time.Millisecond)
	see(customer + " In Progress")
	w.must(w.Hangup("102", id))
	see(customer + " In Progress")
	k.sleep(5 * time.Second)
	see(customer + " Accepted")
	second := w.dial("102", "103")
	w.must(w.Hangup("102", second))
	missed := w.call(customer, "102")
	w.must(w.OutsideHangup(customer, missed))
	k.sleep(5 * time.Second)
	see(customer + " Missed, 103 Hang Up, " + customer + " Accepted")
	k.sleep(110 * time.Second)
	see(customer + " Missed, 103 Hang Up, " + customer + " Accepted")
	k.sleep(time.Second)
	see(customer + " Missed, 103 Hang Up")
	k.sleep(time.Minute)
	see("")
}

func TestActiveCallsWithoutLag(t *testing.T) {
	w := newWorld(t, rcsim.Options{ActiveCallsLag: -1, Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	held, consult := w.pair()
	for query, want := range map[string]string{
		"":                   "103 In Progress, " + customer + " In Progress",
		"?direction=Inbound": customer + " In Progress",
		"?type=Fax":          "",
		"?transport=PSTN":    "",
		"?perPage=1&page=2":  customer + " In Progress",
		"?perPage=max":       "103 In Progress, " + customer + " In Progress",
		"?direction=Outbound&direction=Inbound&type=Voice": "103 In Progress, " + customer + " In Progress",
	} {
		if got := w.activeCalls(token, "/extension/~/active-calls"+query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	w.must(w.Bridge("102", held, consult))
	rows := w.get(token, "/extension/~/active-calls?view=Detailed")["records"].([]any)
	k, x := rows[0].(map[string]any), rows[1].(map[string]any)
	if x["telephonySessionId"] != held || x["transferTarget"].(map[string]any)["telephonySessionId"] != consult || x["transferee"] != nil ||
		k["transferee"].(map[string]any)["telephonySessionId"] != held || k["transferTarget"] != nil {
		t.Errorf("a bridge is told on both rows:\n%v\n%v", x, k)
	}
	if legs := x["legs"].([]any); len(legs) != 1 || legs[0].(map[string]any)["master"] != true || x["legType"] != nil {
		t.Errorf("%v", x["legs"])
	}
	if _, inRange := x["duration"].(float64); !inRange || x["partyId"] != w.party(held, "102").ID || x["sessionId"] == "" {
		t.Errorf("%v", x)
	}
}

func TestCompanyActiveCalls(t *testing.T) {
	w := newWorld(t, rcsim.Options{ActiveCallsLag: -1, Limits: rcsim.Unlimited()})
	w.pair()
	if got := w.activeCalls(w.signIn("100"), "/active-calls"); got != "102 In Progress, 103 In Progress, "+customer+" In Progress" {
		t.Error(got)
	}
	if r := w.rest(w.signIn("102"), "GET", account+"/active-calls", ""); r.status != 403 || r.json(t)["permissionName"] != "ReadCompanyCallLog" {
		t.Errorf("%d %s", r.status, r.body)
	}
}
