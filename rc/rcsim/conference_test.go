package rcsim_test

import (
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// conference opens one for 102 by REST, with its host in it.
func (w *world) conference() string {
	w.t.Helper()
	m := w.as("102", "POST", account+"/telephony/conference", "{}", 201)["session"].(map[string]any)
	if m["origin"].(map[string]any)["type"] != "Conference" || len(m["parties"].([]any)) != 0 || !strings.HasPrefix(fmt.Sprint(m["voiceCallToken"]), "conf_") {
		w.t.Errorf("%v", m)
	}
	id := m["id"].(string)
	w.must(w.JoinConference("102", id))
	return id
}

func (w *world) bringIn(conf, session string) map[string]any {
	w.t.Helper()
	return w.as("102", "POST", sessionPath(conf)+"/parties/bring-in", w.bringInBody(session), 201)
}

func (w *world) bringInBody(session string) string {
	return fmt.Sprintf(`{"sessionId":%q,"partyId":%q}`, session, w.party(session, "102").ID)
}

func TestConferenceOfThree(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	conf := w.conference()
	socket := w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
	part := w.bringIn(conf, held)
	if status(part) != "Setup" || part["conferenceRole"] != "Participant" || part["owner"] != nil || part["to"].(map[string]any)["phoneNumber"] != "conference" {
		t.Errorf("%v", part)
	}
	var got []string
	for range 3 {
		n := socket.note()
		p := n.Body.Parties[0]
		line := n.line() + " " + p.ConferenceRole
		if p.Status.PeerID != nil {
			line += fmt.Sprint(" to ", p.Status.PeerID.SessionID, " ", p.Status.PeerID.TelephonySessionID == conf)
		}
		if n.Body.TelephonySessionID == conf && n.Body.SessionID != "0" {
			t.Errorf("a conference's legacy id is 0, not %s", n.Body.SessionID)
		}
		got = append(got, line)
	}
	if want := "[4: -2 Setup Participant 5: -2 Answered Participant 8: -2 Gone/Conference  to 0 true]"; fmt.Sprint(got) != want {
		t.Errorf("got %v, want %s", got, want)
	}
	w.bringIn(conf, consult)
	st := w.State()
	for _, pair := range [][2]string{{"102", customer}, {"102", "103"}, {"103", customer}} {
		if !st.Hear(pair[0], pair[1]) {
			t.Errorf("%v hear each other\n%s", pair, st)
		}
	}
	if m := w.as("102", "GET", sessionPath(conf), "", 200); m["voiceCallToken"] == nil || len(m["parties"].([]any)) != 3 || m["parties"].([]any)[0].(map[string]any)["conferenceRole"] != "Host" {
		t.Errorf("%v", m)
	}

	t.Run("a participant hangs up, the others talk on", func(t *testing.T) {
		w := w.in(t)
		w.must(w.Hangup("103", consult))
		w.await(rcsim.Over(consult))
		if st := w.State(); !st.Hear("102", customer) {
			t.Errorf("\n%s", st)
		}
		s, _ := w.State().Session(conf)
		if p := s.Parties[2]; p.Code != "Disconnected" {
			t.Errorf("the participant has left: %+v", p)
		}
	})
	t.Run("the host removes a participant", func(t *testing.T) {
		w := w.in(t)
		path := sessionPath(conf) + "/parties/" + fmt.Sprint(part["id"])
		w.refused("103", "DELETE", path, "", 403, "TAS-106")
		w.as("102", "DELETE", path, "", 204)
		w.await(rcsim.Over(held))
		w.refused("102", "DELETE", path, "", 404, "CMN-102")
		if rcsim.Over(conf)(w.State()) {
			t.Error("the host is still there, and alone")
		}
	})
	t.Run("the host hangs up", func(t *testing.T) {
		w := w.in(t)
		w.must(w.Hangup("102", conf))
		w.await(rcsim.Over(""))
	})
}

func TestConferenceWithoutItsHost(t *testing.T) {
	for _, c := range []struct {
		name  string
		opt   rcsim.Assumptions
		leave func(*world, string)
		goes  bool
	}{
		{"hangs up", rcsim.Assumptions{}, func(w *world, conf string) { w.must(w.Hangup("102", conf)) }, false},
		{"hangs up, by assumption", rcsim.Assumptions{ConferenceOutlivesHost: true}, func(w *world, conf string) { w.must(w.Hangup("102", conf)) }, true},
		{"is removed", rcsim.Assumptions{}, func(w *world, conf string) { w.as("102", "DELETE", w.partyPath(conf, "102"), "", 204) }, false},
		{"is removed and it is kept alive", rcsim.Assumptions{}, func(w *world, conf string) {
			w.as("102", "DELETE", w.partyPath(conf, "102"), `{"keepConferenceAlive":true}`, 204)
		}, true},
		{"drops it", rcsim.Assumptions{}, func(w *world, conf string) { w.as("102", "DELETE", sessionPath(conf), "", 204) }, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			held, consult := w.pair()
			conf := w.conference()
			w.bringIn(conf, held)
			w.bringIn(conf, consult)
			c.leave(w, conf)
			if st := w.State(); st.Hear(customer, "103") != c.goes || rcsim.Over("")(st) == c.goes {
				t.Errorf("they talk on: %t\n%s", !c.goes, st)
			}
			if c.goes {
				w.must(w.Hangup("103", consult))
				w.await(rcsim.Over(""))
			}
		})
	}
}

func TestParticipantGoneByAssumption(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{ConferenceParticipantGone: true}})
	held, _ := w.pair()
	conf := w.conference()
	part := w.bringIn(conf, held)
	m := w.as("102", "GET", sessionPath(conf)+"/parties/"+fmt.Sprint(part["id"]), "", 200)
	peer := m["status"].(map[string]any)["peerId"].(map[string]any)
	if status(m) != "Gone" || peer["sessionId"] != held || peer["partyId"] != w.party(held, "102").ID {
		t.Errorf("%v", m)
	}
	if !w.State().Hear("102", customer) {
		t.Errorf("they talk\n%s", w.State())
	}
	w.as("102", "DELETE", sessionPath(conf)+"/parties/"+fmt.Sprint(part["id"]), "", 204)
	w.await(rcsim.Over(held))
}

func TestBringInRefusals(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	body := func(session, number string) string {
		return fmt.Sprintf(`{"sessionId":%q,"partyId":%q}`, session, w.party(session, number).ID)
	}
	empty := w.as("102", "POST", account+"/telephony/conference", "", 201)["session"].(map[string]any)["id"].(string)
	path := func(session string) string { return sessionPath(session) + "/parties/bring-in" }
	w.refused("102", "POST", path(empty), body(held, "102"), 403, "TAS-106") // its host is not there
	w.must(w.JoinConference("102", empty))
	if err := w.JoinConference("102", empty); err == nil {
		t.Error("the host is there already")
	}
	if err := w.JoinConference("103", empty); err == nil {
		t.Error("103 is not its host")
	}
	w.refused("102", "POST", path(held), body(consult, "102"), 403, "TAS-106")  // no conference
	w.refused("103", "POST", path(empty), body(consult, "103"), 403, "TAS-106") // not the host's conference
	w.refused("102", "POST", path(empty), body(consult, "103"), 403, "TAS-106") // not the host's party
	w.refused("102", "POST", path(empty), `{"partyId":"p"}`, 400, "CMN-101")
	w.refused("102", "POST", path(empty), `{"sessionId":"s"}`, 400, "CMN-101")
	w.refused("102", "POST", path(empty), `{"sessionId":"s","partyId":"p"}`, 404, "CMN-102")
	ringing := w.dial("102", "104")
	w.refused("102", "POST", path(empty), body(ringing, "102"), 409, "TAS-102")
	w.bringIn(empty, held)
	w.refused("102", "POST", path(empty), body(held, "102"), 409, "TAS-102") // twice
}

func TestConferenceTakesTenParties(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	conf := w.conference()
	for n := range 11 {
		id := w.call(fmt.Sprintf("+1650555%04d", n), "102")
		w.must(w.Answer("102", id))
		if n < 10 {
			w.bringIn(conf, id)
		} else {
			w.refused("102", "POST", sessionPath(conf)+"/parties/bring-in", w.bringInBody(id), 403, "TAS-106")
		}
	}
}

// TestConferenceWaitsForItsHost runs in a bubble.
func TestConferenceWaitsForItsHost(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  rcsim.Options
		join bool
		over bool
	}{
		{"38 s", rcsim.Options{Seed: 1}, false, true},
		{"the host is there", rcsim.Options{Seed: 1}, true, false},
		{"for ever", rcsim.Options{Seed: 1, ConferenceWait: -1}, false, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := conform.New(t, c.opt)
				defer func() { _ = sim.Close() }()
				id, err := sim.Conference("102")
				if err == nil && c.join {
					err = sim.JoinConference("102", id)
				}
				if err != nil {
					t.Fatal(err)
				}
				wait := time.NewTimer(38*time.Second - time.Millisecond)
				<-wait.C
				synctest.Wait()
				if rcsim.Over(id)(sim.State()) {
					t.Errorf("too early\n%s", sim.State())
				}
				wait.Reset(2 * time.Millisecond)
				<-wait.C
				synctest.Wait()
				if rcsim.Over(id)(sim.State()) != c.over {
					t.Errorf("over: %t\n%s", !c.over, sim.State())
				}
			})
		})
	}
}
