package rcsim_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

func TestQueueSequences(t *testing.T) {
	ignore := func(w *world, id, who string) {
		w.t.Helper()
		r := w.rest(w.signIn(who), "POST", w.partyPath(id, who)+"/ignore", `{"deviceId":"`+w.phone(who, 0)+`"}`)
		if r.status != 204 || r.body != "" {
			w.t.Fatalf("%d %s", r.status, r.body)
		}
		if p := w.party(id, who); p.Reason != "AgentDropped" {
			w.t.Errorf("%+v", p)
		}
	}
	queued := []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 Setup", "7: -3 Proceeding +pickup"}
	for _, c := range []sequence{
		{
			name: "one after another: ignored, not answered, then taken",
			opt:  rcsim.Options{QueueInOrder: true},
			play: func(w *world) string {
				id := w.call(customer, "300")
				ignore(w, id, "104")
				w.must(w.Ignore("105", ""))
				w.must(w.Answer("106", ""))
				if p := w.party(id, "106"); !p.QueueCall || !w.State().Hear(customer, "106") {
					w.t.Errorf("%+v", p)
				}
				return id
			},
			want: after(queued, "8: -3 Disconnected/AgentDropped", "9: -4 Setup", "10: -4 Proceeding +pickup", "11: -4 Disconnected/AgentDropped",
				"12: -5 Setup", "13: -5 Proceeding +pickup", "14: -5 Answered +pickup"),
		},
		{
			name: "one after another, nobody wants it: the queue's mailbox",
			opt:  rcsim.Options{QueueInOrder: true},
			play: func(w *world) string {
				w.must(w.SetOnline("105", false))
				w.must(w.SetOnline("106", false))
				id := w.call(customer, "300")
				ignore(w, id, "104")
				if p := w.party(id, "300"); p.Code != "VoiceMail" || p.ExtensionID != "400131590008" {
					w.t.Errorf("%+v", p)
				}
				return id
			},
			want: after(queued, "8: -3 Disconnected/AgentDropped", "9: -4 VoiceMail"),
		},
		{
			name: "without a mailbox the call ends",
			opt:  rcsim.Options{QueueInOrder: true, NoVoicemail: true},
			play: func(w *world) string {
				w.must(w.SetOnline("105", false))
				w.must(w.SetOnline("106", false))
				id := w.call(customer, "300")
				ignore(w, id, "104")
				return id
			},
			want: after(queued, "8: -3 Disconnected/AgentDropped", "9: -1 Disconnected"),
		},
		{
			name: "a member who was busy is rung when the others have let it go",
			play: func(w *world) string {
				w.must(w.SetOnline("106", false))
				busy := w.answered("105")
				id := w.call("+16505550117", "300")
				w.must(w.Hangup("105", busy))
				ignore(w, id, "104")
				return id
			},
			want: after(queued, "8: -3 Disconnected/AgentDropped", "9: -4 Setup", "10: -4 Proceeding +pickup"),
		},
		{
			name: "another member takes it, and no reason is told",
			opt:  rcsim.Options{Assume: rcsim.Assumptions{QueueWithoutReasons: true}},
			play: func(w *world) string {
				w.must(w.SetOnline("106", false))
				id := w.call(customer, "300")
				w.must(w.Answer("104", id))
				return id
			},
			want: after(queued, "8: -4 Setup", "9: -4 Proceeding +pickup", "10: -3 Answered +pickup", "11: -4 Disconnected"),
		},
		{
			name: "straight to the queue's mailbox: no phone rings any more",
			play: func(w *world) string {
				w.must(w.SetOnline("106", false))
				id := w.call(customer, "300")
				w.must(w.Voicemail("104", id))
				return id
			},
			want: after(queued, "8: -4 Setup", "9: -4 Proceeding +pickup", "10: -4 Disconnected/AgentDropped", "11: -3 Disconnected/AgentDropped", "12: -5 VoiceMail"),
		},
	} {
		c.check(t)
	}
}

func TestIgnoreRefusals(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	body := `{"deviceId":"` + w.phone("104", 0) + `"}`
	own := w.call(customer, "104")
	w.refused("104", "POST", w.partyPath(own, "104")+"/ignore", body, 403, "TAS-106") // no queue call; 409 is not declared
	w.must(w.OutsideHangup(customer, own))
	id := w.call(customer, "300")
	w.refused("104", "POST", w.partyPath(id, "104")+"/ignore", `{}`, 400, "CMN-101")
	w.refused("104", "POST", w.partyPath(id, "105")+"/ignore", body, 403, "TAS-106")
	w.must(w.Answer("104", id))
	w.refused("104", "POST", w.partyPath(id, "104")+"/ignore", body, 403, "TAS-106")
	m := w.as("104", "GET", w.partyPath(id, "104"), "", 200)
	if m["attributes"].(map[string]any)["queueCall"] != true {
		t.Errorf("%v", m)
	}
}

// TestQueueRingsInOrder runs in a bubble: each member rings for the ring timeout.
func TestQueueRingsInOrder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sim := conform.New(t, rcsim.Options{Seed: 1, QueueInOrder: true})
		defer func() { _ = sim.Close() }()
		id, err := sim.Call(customer, "", "300")
		if err != nil {
			t.Fatal(err)
		}
		var rung []string
		for range 4 {
			s, _ := sim.State().Session(id)
			for _, p := range s.Parties {
				if p.Code == "Proceeding" || p.Code == "VoiceMail" {
					rung = append(rung, p.Number+" "+p.Code)
				}
			}
			<-time.After(25 * time.Second)
			synctest.Wait()
		}
		if got := strings.Join(rung, ", "); got != "104 Proceeding, 105 Proceeding, 106 Proceeding, 300 VoiceMail" {
			t.Errorf("%s\n%s", got, sim.State())
		}
	})
}
