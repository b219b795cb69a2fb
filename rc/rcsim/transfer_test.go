package rcsim_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// begun is how a customer's call to 102 begins, until it is answered.
var begun = []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Answered +pickup"}

func after(beginning []string, rest ...string) []string {
	return append(append([]string{}, beginning...), rest...)
}

func transfer(body, answer string) func(*world) string {
	return func(w *world) string {
		id := w.answered("102")
		m := w.as("102", "POST", w.partyPath(id, "102")+"/transfer", body, 200)
		if got := status(m); got != answer || m["owner"] == nil {
			w.t.Errorf("the answer is the own party, %s: %v", answer, m)
		}
		return id
	}
}

func TestBlindTransferSequences(t *testing.T) {
	const gone = "Disconnected/BlindTransfer"
	for _, c := range []sequence{
		{
			name: "to an extension",
			play: func(w *world) string {
				id := transfer(`{"extensionNumber":"103"}`, gone)(w)
				if w.State().Hear(customer, "103") {
					w.t.Error("nobody talks while it rings")
				}
				w.must(w.Answer("103", id))
				if st := w.State(); !st.Hear(customer, "103") || st.Hear(customer, "102") {
					w.t.Errorf("the customer talks to 103\n%s", st)
				}
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Setup", "9: -3 Proceeding +pickup", "10: -3 Answered +pickup"),
		},
		{
			name: "to an extension that is held",
			play: func(w *world) string {
				id := w.answered("102")
				w.must(w.Hold("102", id))
				w.as("102", "POST", w.partyPath(id, "102")+"/transfer", `{"extensionId":"`+w.person("103").ID+`"}`, 200)
				return id
			},
			want: after(begun, "7: -2 Hold", "8: -2 Disconnected/BlindTransfer", "9: -3 Setup", "10: -3 Proceeding +pickup"),
		},
		{
			name: "the target does not answer: its mailbox",
			play: func(w *world) string {
				id := transfer(`{"extensionNumber":"103"}`, gone)(w)
				w.must(w.Voicemail("103", id))
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Setup", "9: -3 Proceeding +pickup", "10: -3 Disconnected/NoAnswer", "11: -4 VoiceMail"),
		},
		{
			name: "to an outside number",
			play: func(w *world) string {
				id := transfer(`{"phoneNumber":"+16505550188"}`, gone)(w)
				w.must(w.OutsideAnswer("+16505550188", id))
				if !w.State().Hear(customer, "+16505550188") {
					w.t.Errorf("they talk\n%s", w.State())
				}
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Proceeding", "9: -3 Answered"),
		},
		{
			name: "the outside number declines: the call ends",
			play: func(w *world) string {
				id := transfer(`{"phoneNumber":"+16505550188"}`, gone)(w)
				w.must(w.Outside("+16505550188", "decline", id))
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Proceeding", "9: -3 Disconnected/TargetBusy", "10: -1 Disconnected"),
		},
		{
			name: "the customer does not wait",
			play: func(w *world) string {
				id := transfer(`{"extensionNumber":"103"}`, gone)(w)
				w.must(w.OutsideHangup(customer, id))
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Setup", "9: -3 Proceeding +pickup", "10: -1 Disconnected", "11: -3 Disconnected"),
		},
		{
			name: "to a mailbox",
			play: func(w *world) string {
				return transfer(`{"voicemail":"`+w.person("107").ID+`"}`, gone)(w)
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 VoiceMail"),
		},
		{
			name: "to a mailbox, with the reason of it by assumption",
			opt:  rcsim.Options{Assume: rcsim.Assumptions{VoicemailTransferReason: true}},
			play: func(w *world) string {
				return transfer(`{"voicemail":"`+w.person("107").ID+`"}`, "Disconnected/Voicemail")(w)
			},
			want: after(begun, "7: -2 Disconnected/Voicemail", "8: -3 VoiceMail"),
		},
		{
			name: "to a queue",
			play: func(w *world) string {
				id := transfer(`{"extensionNumber":"300"}`, gone)(w)
				w.must(w.Answer("105", id))
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Setup", "9: -3 Disconnected", "10: -4 Setup", "11: -4 Proceeding +pickup",
				"12: -5 Setup", "13: -5 Proceeding +pickup", "14: -6 Setup", "15: -6 Proceeding +pickup", "16: -5 Answered +pickup",
				"17: -4 Disconnected/AgentAnswered", "18: -6 Disconnected/AgentAnswered"),
		},
		{
			name: "by the caller, who leaves two people on the line",
			play: func(w *world) string {
				id := w.dial("102", customer)
				w.must(w.OutsideAnswer(customer, id))
				w.must(w.Transfer("102", id, "103"))
				if p := w.party(id, customer); p.Code != "Answered" || w.State().Hear(customer, "103") {
					w.t.Errorf("the customer waits: %+v", p)
				}
				w.must(w.Answer("103", id))
				if !w.State().Hear(customer, "103") {
					w.t.Errorf("they talk\n%s", w.State())
				}
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Proceeding", "4: -1 Proceeding", "5: -2 Answered", "6: -1 Answered", "7: -1 Disconnected/BlindTransfer",
				"8: -3 Setup", "9: -3 Proceeding +pickup", "10: -3 Answered +pickup",
			},
		},
	} {
		c.check(t)
	}
}

func TestBlindTransferOfABridgedCall(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	w.must(w.Bridge("102", held, consult))
	w.must(w.TransferToVoicemail("103", consult, "107"))
	if p := w.party(consult, "107"); p.Code != "VoiceMail" {
		t.Errorf("the customer is with %+v", p)
	}
	w.must(w.OutsideHangup(customer, held))
	w.await(rcsim.Over(""))
}

// TestTransferTargetThatNeverAnswers runs in a bubble: only the ring timer ends the ringing.
func TestTransferTargetThatNeverAnswers(t *testing.T) {
	for _, c := range []struct {
		name, to, party, want string
	}{
		{"an extension", "103", "103", "VoiceMail"},
		{"an outside number", "+16505550188", "+16505550188", "Disconnected"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := conform.New(t, rcsim.Options{Seed: 1})
				defer func() { _ = sim.Close() }()
				id, _ := sim.Call(customer, "", "102")
				if err := sim.Answer("102", id); err != nil {
					t.Fatal(err)
				}
				if err := sim.Transfer("102", id, c.to); err != nil {
					t.Fatal(err)
				}
				<-time.After(26 * time.Second)
				synctest.Wait()
				if !rcsim.Is(id, c.party, c.want)(sim.State()) {
					t.Errorf("want %s\n%s", c.want, sim.State())
				}
			})
		})
	}
}

func TestTransferRefusals(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	path := func(session, number string) string { return w.partyPath(session, number) + "/transfer" }
	ringing := w.dial("105", "106")
	for _, c := range []struct {
		name, who, path, body string
		status                int
		code                  string
	}{
		{"nothing", "102", path(held, "102"), `{}`, 400, "CMN-101"},
		{"two targets", "102", path(held, "102"), `{"extensionNumber":"103","phoneNumber":"+16505550188"}`, 400, "CMN-101"},
		{"a bad number", "102", path(held, "102"), `{"phoneNumber":"nobody"}`, 400, "CMN-101"},
		{"an unknown extension number", "102", path(held, "102"), `{"extensionNumber":"999"}`, 404, "CMN-102"},
		{"an unknown extension", "102", path(held, "102"), `{"extensionId":"1"}`, 404, "CMN-102"},
		{"an unknown mailbox", "102", path(held, "102"), `{"voicemail":"1"}`, 404, "CMN-102"},
		{"an unknown park location", "102", path(held, "102"), `{"parkOrbit":"1"}`, 404, "CMN-102"},
		{"somebody else's party", "102", path(consult, "103"), `{"extensionNumber":"104"}`, 403, "TAS-106"},
		{"a party that rings", "106", path(ringing, "106"), `{"extensionNumber":"104"}`, 409, "TAS-102"},
		{"a party whose other side rings", "105", path(ringing, "105"), `{"extensionNumber":"104"}`, 409, "TAS-102"},
		{"broken JSON", "102", path(held, "102"), `{`, 400, "CMN-103"},
	} {
		t.Run(c.name, func(t *testing.T) { w.in(t).refused(c.who, "POST", c.path, c.body, c.status, c.code) })
	}
	w.must(w.Voicemail("106", ringing))
	w.refused("105", "POST", path(ringing, "105"), `{"extensionNumber":"104"}`, 409, "TAS-102") // nobody is left to transfer
}

func TestForwardSequences(t *testing.T) {
	rung := begun[:4]
	forward := func(body string) func(*world) string {
		return func(w *world) string {
			id := w.call(customer, "102")
			m := w.as("102", "POST", w.partyPath(id, "102")+"/forward", body, 200)
			if status(m) != "Disconnected/BlindTransfer" || m["owner"] == nil {
				w.t.Errorf("%v", m)
			}
			if p, _ := w.State().Party(id, "102"); p.Code != "Disconnected" {
				w.t.Errorf("%+v", p)
			}
			return id
		}
	}
	for _, c := range []sequence{
		{
			name: "to an extension",
			play: func(w *world) string {
				id := forward(`{"extensionNumber":"103"}`)(w)
				w.must(w.Answer("103", id))
				if !w.State().Hear(customer, "103") {
					w.t.Error("they talk")
				}
				return id
			},
			want: after(rung, "6: -2 Disconnected/BlindTransfer", "7: -3 Setup", "8: -3 Proceeding +pickup", "9: -3 Answered +pickup"),
		},
		{
			name: "to an outside number",
			play: forward(`{"phoneNumber":"+16505550188"}`),
			want: after(rung, "6: -2 Disconnected/BlindTransfer", "7: -3 Proceeding"),
		},
		{
			name: "to a mailbox",
			play: func(w *world) string { return forward(`{"voicemail":"` + w.person("103").ID + `"}`)(w) },
			want: after(rung, "6: -2 Disconnected/BlindTransfer", "7: -3 VoiceMail"),
		},
		{
			name: "a queue call: the other members' phones stop",
			play: func(w *world) string {
				id := w.call(customer, "300")
				w.must(w.Forward("105", id, "103"))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 Setup", "7: -3 Proceeding +pickup", "8: -4 Setup",
				"9: -4 Proceeding +pickup", "10: -5 Setup", "11: -5 Proceeding +pickup", "12: -4 Disconnected/BlindTransfer", "13: -3 Disconnected",
				"14: -5 Disconnected", "15: -6 Setup", "16: -6 Proceeding +pickup",
			},
		},
	} {
		c.check(t)
	}
	w := newWorld(t, rcsim.Options{})
	id := w.call(customer, "102")
	path := w.partyPath(id, "102") + "/forward"
	w.refused("102", "POST", path, `{"parkOrbit":"398"}`, 400, "CMN-101")
	w.refused("102", "POST", path, `{"extensionNumber":"999"}`, 404, "CMN-102")
	w.must(w.Answer("102", id))
	w.refused("102", "POST", path, `{"extensionNumber":"103"}`, 409, "TAS-102")
}

func TestReply(t *testing.T) {
	rung := begun[:4]
	reply := func(w *world) string {
		id := w.call(customer, "102")
		if m := w.as("102", "POST", w.partyPath(id, "102")+"/reply", `{"replyWithText":"I call you back"}`, 200); status(m) != "Disconnected/CallReplied" {
			w.t.Errorf("%v", m)
		}
		return id
	}
	sequence{name: "the call ends", play: reply, want: after(rung, "6: -2 Disconnected/CallReplied", "7: -1 Disconnected")}.check(t)
	sequence{
		name: "the mailbox by assumption", opt: rcsim.Options{Assume: rcsim.Assumptions{ReplyThenVoicemail: true}}, play: reply,
		want: after(rung, "6: -2 Disconnected/CallReplied", "7: -3 VoiceMail"),
	}.check(t)

	for _, c := range []struct {
		body   string
		status int
	}{
		{`{}`, 400},
		{`{"replyWithText":""}`, 400},
		{`{"replyWithText":"x","replyWithPattern":{"pattern":"OnMyWay"}}`, 400},
		{`{"replyWithPattern":{"pattern":"Nonsense"}}`, 400},
		{`{"replyWithPattern":{"pattern":"CallMeBackLater","time":0,"timeUnit":"Minute"}}`, 400},
		{`{"replyWithPattern":{"pattern":"CallMeBackLater","time":5,"timeUnit":"Week"}}`, 400},
		{`{"replyWithPattern":{"pattern":"CallMeBackLater","time":5,"timeUnit":"Minute"}}`, 200},
		{`{"replyWithPattern":{"pattern":"InAMeeting"}}`, 200},
	} {
		t.Run(c.body, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			id := w.call(customer, "102")
			w.as("102", "POST", w.partyPath(id, "102")+"/reply", c.body, c.status)
		})
	}
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	w.refused("102", "POST", w.partyPath(id, "102")+"/reply", `{"replyWithText":"x"}`, 409, "TAS-102")
}
