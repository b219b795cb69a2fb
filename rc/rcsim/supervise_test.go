package rcsim_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// listen is the body of a supervise request of 101 for 102.
func (w *world) listen() string {
	return fmt.Sprintf(`{"mode":"Listen","supervisorDeviceId":%q,"agentExtensionId":%q}`, w.phone("101", 0), w.person("102").ID)
}

// hears reports whether 101 hears a person's party.
func hears(st rcsim.State, who string) bool {
	number := map[string]string{}
	for _, s := range st.Sessions {
		for _, p := range s.Parties {
			number[p.ID] = p.Number
		}
	}
	for _, l := range st.Listens {
		if number[l[0].Party] == "101" && number[l[1].Party] == who {
			return true
		}
	}
	return false
}

func TestSuperviseSession(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	own := w.open("101", ownFilter)
	id := w.answered("102")
	m := w.as("101", "POST", sessionPath(id)+"/supervise", w.listen(), 201)
	if status(m) != "Setup" || m["owner"].(map[string]any)["extensionId"] != w.person("101").ID || m["from"] == nil || m["to"].(map[string]any)["deviceId"] != w.phone("101", 0) {
		t.Errorf("%v", m)
	}
	if got := own.lines(5); fmt.Sprint(got) != "[7: -3 Setup 2: -1 Setup 8: -3 Gone/Supervising 3: -1 Proceeding +pickup 4: -1 Answered +pickup]" {
		t.Errorf("%v", got)
	}
	st := w.State()
	if !hears(st, "102") || st.Hear("101", customer) || st.Hear("101", "102") || !st.Hear("102", customer) {
		t.Errorf("101 hears and is not heard\n%s", st)
	}
	leg, _ := st.Party("", "101")
	link, _ := st.Party(id, "101")
	if leg.PeerParty != link.ID || link.PeerParty != leg.ID || !leg.Supervises || !link.Supervises {
		t.Errorf("each is the other's peer: %+v %+v", leg, link)
	}
	t.Run("nobody is made to leave or to wait by it", func(t *testing.T) {
		w := w.in(t)
		if p := w.party(id, "102"); p.Code != "Answered" {
			t.Errorf("%+v", p)
		}
		w.as("102", "POST", w.partyPath(id, "102")+"/hold", "", 200)
		if hears(w.State(), "102") {
			t.Error("a held call is silent")
		}
		w.as("102", "POST", w.partyPath(id, "102")+"/unhold", "", 200)
	})
	t.Run("the supervisor may not drop the agent's call", func(t *testing.T) {
		w := w.in(t)
		w.refused("101", "DELETE", sessionPath(id), "", 403, "TAS-106")
	})
	t.Run("it can be removed by the party that was answered", func(t *testing.T) {
		w := w.in(t)
		w.as("101", "DELETE", sessionPath(id)+"/parties/"+fmt.Sprint(m["id"]), "", 204)
		if st := w.State(); len(st.Listens) != 0 || !st.Hear("102", customer) {
			t.Errorf("only the supervisor has left\n%s", st)
		}
	})
	t.Run("it ends with the agent's call", func(t *testing.T) {
		w := w.in(t)
		w.as("101", "POST", sessionPath(id)+"/supervise", w.listen(), 201)
		w.must(w.Hangup("102", id))
		w.await(rcsim.Over(""))
	})
}

func TestSuperviseInSessionByAssumption(t *testing.T) {
	const beginning = "supervised"
	sequence{
		name: beginning, opt: rcsim.Options{Assume: rcsim.Assumptions{SuperviseInSession: true}},
		play: func(w *world) string {
			id := w.answered("102")
			w.as("101", "POST", sessionPath(id)+"/supervise", w.listen(), 201)
			if st := w.State(); !hears(st, "102") || st.Hear("101", customer) || len(st.Sessions) != 1 {
				w.t.Errorf("101 hears in the agent's session\n%s", st)
			}
			w.must(w.Transfer("102", id, "103"))
			w.must(w.OutsideHangup(customer, id))
			w.await(rcsim.Over(""))
			return id
		},
		want: after(begun, "7: -3 Setup", "8: -3 Proceeding +pickup", "9: -3 Answered +pickup", "10: -2 Disconnected/BlindTransfer", "11: -3 Disconnected",
			"12: -4 Setup", "13: -4 Proceeding +pickup", "14: -1 Disconnected", "15: -4 Disconnected"),
	}.check(t)
}

func TestSuperviseParty(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	path := func(number string) string { return w.partyPath(id, number) + "/supervise" }
	w.as("101", "POST", path("102"), w.listen(), 201)
	w.refused("101", "POST", path("102"), w.listen(), 403, "TAS-106")
	w.refused("101", "POST", sessionPath(id)+"/supervise", w.listen(), 403, "TAS-106")
	w.as("101", "POST", path(customer), w.listen(), 201) // the second channel
	if st := w.State(); !hears(st, "102") || !hears(st, customer) {
		t.Errorf("both channels\n%s", st)
	}
	w.must(w.Hangup("102", id))
	w.await(rcsim.Over(""))

	three := w.answered("102")
	w.must(w.Join("107", three))
	w.refused("101", "POST", w.partyPath(three, "102")+"/supervise", w.listen(), 403, "TAS-106") // three people
	w.as("101", "POST", sessionPath(three)+"/supervise", w.listen(), 201)
}

func TestSuperviseWithoutAutoAnswer(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	body := fmt.Sprintf(`{"mode":"Listen","deviceId":%q,"extensionNumber":"102","autoAnswer":false}`, w.phone("101", 0)) // the old names
	w.as("101", "POST", sessionPath(id)+"/supervise", body, 201)
	if p, _ := w.State().Party("", "101"); p.Code != "Proceeding" || hears(w.State(), "102") {
		t.Errorf("it rings: %+v", p)
	}
	w.must(w.Answer("101", ""))
	if !hears(w.State(), "102") {
		t.Errorf("101 hears\n%s", w.State())
	}
	w.must(w.Hangup("101", ""))
	w.as("101", "POST", sessionPath(id)+"/supervise", body, 201)
	w.must(w.Decline("101", ""))
	if st := w.State(); len(st.Listens) != 0 || !st.Hear("102", customer) {
		t.Errorf("declined\n%s", st)
	}
}

func TestSuperviseRefusals(t *testing.T) {
	for _, c := range []struct {
		name, who, body string
		opt             rcsim.Assumptions
		status          int
		code            string
	}{
		{"another mode", "101", `{"mode":"Whisper","supervisorDeviceId":"{device}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"no mode", "101", `{"supervisorDeviceId":"{device}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"no agent", "101", `{"mode":"Listen","supervisorDeviceId":"{device}"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"two agents", "101", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"102","agentExtensionId":"400131512008"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"no device", "101", `{"mode":"Listen","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"somebody else's device", "101", `{"mode":"Listen","supervisorDeviceId":"801512426008","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"an app", "101", `{"mode":"Listen","supervisorDeviceId":"{app}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 400, "CMN-101"},
		{"an app, by assumption", "101", `{"mode":"Listen","supervisorDeviceId":"{app}","agentExtensionNumber":"102"}`, rcsim.Assumptions{WebDevices: true}, 201, ""},
		{"an offline device", "101", `{"mode":"Listen","supervisorDeviceId":"{offline}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 403, "TAS-106"},
		{"an unknown agent", "101", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"999"}`, rcsim.Assumptions{}, 404, "CMN-102"},
		{"an agent who is not in the call", "101", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"105"}`, rcsim.Assumptions{}, 404, "CMN-102"},
		{"outside the group", "111", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 403, "TAS-106"},
		{"outside the group, another code", "111", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"102"}`, rcsim.Assumptions{SuperviseRefusal: "TAS-107"}, 403, "TAS-107"},
		{"an agent supervises", "103", `{"mode":"Listen","supervisorDeviceId":"{device}","agentExtensionNumber":"102"}`, rcsim.Assumptions{}, 403, "TAS-106"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			id := w.answered("102")
			me := w.person(c.who)
			body := strings.NewReplacer("{device}", me.Devices[0].ID, "{offline}", me.Devices[1].ID, "{app}", me.WebPhones[0].ID).Replace(c.body)
			m := w.as(c.who, "POST", sessionPath(id)+"/supervise", body, c.status)
			if c.code != "" && m["errorCode"] != c.code {
				t.Errorf("%v", m)
			}
		})
	}
	t.Run("a call that rings", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		id := w.call(customer, "102")
		w.refused("101", "POST", sessionPath(id)+"/supervise", w.listen(), 403, "TAS-106") // 409 is not declared
		w.refused("101", "POST", w.partyPath(id, "102")+"/supervise", w.listen(), 409, "TAS-102")
	})
	t.Run("a second supervisor", func(t *testing.T) {
		company := rcsim.DemoAccount()
		company.Groups[0].Monitoring = append(company.Groups[0].Monitoring, "111")
		w := newWorld(t, rcsim.Options{Account: &company})
		id := w.answered("102")
		if _, err := w.Supervise("111", "102", id); err != nil {
			t.Fatal(err)
		}
		w.refused("101", "POST", sessionPath(id)+"/supervise", w.listen(), 403, "TAS-106")
	})
}

// TestSupervisorFollowsACallToAnotherPhone: the agent moves the call, and who listened goes on listening, until it ends.
func TestSupervisorFollowsACallToAnotherPhone(t *testing.T) {
	for _, c := range []struct {
		name         string
		move, hangup func(w *world, id string) error
	}{
		{"flipped to the mobile", func(w *world, id string) error {
			return errors.Join(w.Flip("102", id, "2"), w.OutsideAnswer(mobile102, id))
		}, func(w *world, id string) error { return w.OutsideHangup(mobile102, id) }},
		{
			"switched to the desk phone", func(w *world, id string) error { return w.Switch("102", id, "") },
			func(w *world, id string) error { return w.Hangup("102", id) },
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			acc := rcsim.DemoAccount()
			for i := range acc.Users {
				acc.Users[i].Devices[1].Online = true
			}
			w := newWorld(t, rcsim.Options{Account: &acc})
			id := w.answered("102")
			before := w.party(id, "102").ID
			w.as("101", "POST", sessionPath(id)+"/supervise", w.listen(), 201)
			w.must(c.move(w, id))
			if st := w.State(); !hears(st, "102") || len(st.Listens) != 1 || st.Listens[0][1].Party == before {
				t.Errorf("101 hears the new party\n%s", st)
			}
			w.must(c.hangup(w, id))
			w.await(rcsim.Over(""))
		})
	}
}
