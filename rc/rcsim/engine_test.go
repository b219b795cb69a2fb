package rcsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// stream is the notifications of one call, as an account-level subscriber reads them: "sequence: -n code".
func stream(c *wire, n int, session string) []string {
	c.w.t.Helper()
	var out []string
	for len(out) < n {
		if e := c.note(); e.Body.TelephonySessionID == session {
			out = append(out, e.line())
		}
	}
	return out
}

// TestSequences holds the event sequences of the API sheet, section 7.
func TestSequences(t *testing.T) {
	const admin = "/restapi/v1.0/account/~/telephony/sessions"
	for _, c := range []struct {
		name string
		opt  rcsim.Options
		play func(*world) string
		want []string
	}{
		{
			name: "7.1 PSTN, menu, agent, hold, unhold, agent hangs up",
			play: func(w *world) string {
				id, err := w.CallThroughMenu(customer, "", "102")
				w.must(err)
				w.must(w.Answer("102", id))
				w.must(w.Hold("102", id))
				w.must(w.Unhold("102", id))
				w.must(w.Hangup("102", id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 Setup", "7: -3 Proceeding +pickup",
				"8: -3 Answered +pickup", "9: -3 Hold", "10: -3 Answered", "11: -3 Disconnected", "12: -1 Disconnected",
			},
		},
		{
			name: "7.2 RC to RC: the caller is Answered before the other phone rings",
			play: func(w *world) string {
				id := w.dial("102", "103")
				w.must(w.Answer("103", id))
				w.must(w.Hold("102", id))
				w.must(w.Unhold("102", id))
				w.must(w.Hangup("102", id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Answered +pickup", "7: -1 Hold",
				"8: -1 Answered", "9: -1 Disconnected", "10: -2 Disconnected",
			},
		},
		{
			name: "7.3 RC to PSTN: both tell the truth",
			play: func(w *world) string {
				id := w.dial("102", "(650) 555-0188")
				w.must(w.OutsideAnswer("+16505550188", id))
				w.must(w.Hold("102", id))
				w.must(w.Unhold("102", id))
				w.must(w.Hangup("102", id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Proceeding", "4: -1 Proceeding", "5: -2 Answered", "6: -1 Answered", "7: -1 Hold", "8: -1 Answered",
				"9: -1 Disconnected", "10: -2 Disconnected",
			},
		},
		{
			name: "declined: the caller goes to voicemail",
			play: func(w *world) string {
				id := w.dial("102", "103")
				w.must(w.Decline("103", id))
				w.must(w.Hangup("102", id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Disconnected/Rejected", "7: -3 VoiceMail",
				"8: -1 Disconnected", "9: -3 Disconnected",
			},
		},
		{
			name: "not answered, the same party turns VoiceMail by assumption",
			opt:  rcsim.Options{Assume: rcsim.Assumptions{VoicemailSameParty: true}},
			play: func(w *world) string {
				id := w.dial("102", "103")
				w.must(w.Voicemail("103", id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 VoiceMail"},
		},
		{
			name: "no voicemail: nobody is left",
			opt:  rcsim.Options{NoVoicemail: true},
			play: func(w *world) string {
				id := w.dial("102", "103")
				w.must(w.Decline("103", id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Disconnected/Rejected", "7: -1 Disconnected"},
		},
		{
			name: "an offline phone does not ring",
			play: func(w *world) string {
				w.must(w.SetOnline("103", false))
				return w.dial("102", "103")
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 VoiceMail"},
		},
		{
			name: "the outside number declines",
			play: func(w *world) string {
				id := w.dial("102", "+16505550188")
				w.must(w.Outside("+16505550188", "decline", id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Proceeding", "4: -1 Proceeding", "5: -2 Disconnected/TargetBusy", "6: -1 Disconnected"},
		},
		{
			name: "the caller gives up while it rings",
			play: func(w *world) string {
				id := w.call(customer, "102")
				w.must(w.OutsideHangup(customer, id))
				return id
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -1 Disconnected", "7: -2 Disconnected"},
		},
		{
			name: "a queue rings its idle members, one answers",
			play: func(w *world) string {
				busy := w.dial("104", "107")
				w.must(w.Answer("107", busy))
				id := w.call(customer, "300")
				w.must(w.Answer("106", id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 Setup", "7: -3 Proceeding +pickup", "8: -4 Setup",
				"9: -4 Proceeding +pickup", "10: -4 Answered +pickup", "11: -3 Disconnected/AgentAnswered",
			},
		},
		{
			name: "the caller leaves a ringing queue",
			play: func(w *world) string {
				w.must(w.SetOnline("104", false))
				id := w.call(customer, "300")
				w.must(w.OutsideHangup(customer, id))
				return id
			},
			want: []string{
				"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Disconnected", "6: -3 Setup", "7: -3 Proceeding +pickup", "8: -4 Setup",
				"9: -4 Proceeding +pickup", "10: -1 Disconnected", "11: -3 Disconnected", "12: -4 Disconnected",
			},
		},
		{
			name: "a queue without idle members takes a message",
			play: func(w *world) string {
				for _, m := range []string{"104", "105", "106"} {
					w.must(w.SetOnline(m, false))
				}
				return w.call(customer, "+16285550300")
			},
			want: []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 VoiceMail"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opt)
			socket := w.open("100", admin)
			id := c.play(w)
			if got := stream(socket, len(c.want), id); !slices.Equal(got, c.want) {
				t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
			}
		})
	}
}

// TestBridgeSequence holds 7.4: two Gone with peers, no new session, no new party, both sessions live on.
func TestBridgeSequence(t *testing.T) {
	for _, c := range []struct {
		how  rcsim.BridgeEvents
		want []string // of the agent's own stream, after the bridge
		peer bool
	}{
		{rcsim.BridgeBothGone, []string{"held 8: -2 Gone/AttendedTransfer", "consult 7: -1 Gone/AttendedTransfer"}, true},
		{rcsim.BridgeNoPeer, []string{"held 8: -2 Gone/AttendedTransfer", "consult 7: -1 Gone/AttendedTransfer"}, false},
		{rcsim.BridgeSecondDisconnected, []string{"held 8: -2 Gone/AttendedTransfer", "consult 7: -1 Disconnected"}, true},
		{rcsim.BridgeFirstOnly, []string{"held 8: -2 Gone/AttendedTransfer"}, true},
		{rcsim.BridgeSecondOnly, []string{"consult 7: -1 Gone/AttendedTransfer"}, true},
		{rcsim.BridgeSecondFirst, []string{"consult 7: -1 Gone/AttendedTransfer", "held 8: -2 Gone/AttendedTransfer"}, true},
	} {
		t.Run(fmt.Sprintf("%q", c.how), func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{BridgeEvents: c.how}})
			held, consult := w.pair()
			socket := w.open("102", ownFilter)
			r := w.rest(w.signIn("102"), "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102"))
			if r.status != 200 {
				t.Fatalf("%d %s", r.status, r.body)
			}
			var got []string
			for range c.want {
				n := socket.note()
				name, other := "held ", consult
				if n.Body.TelephonySessionID == consult {
					name, other = "consult ", held
				}
				got = append(got, name+n.line())
				st := n.Body.Parties[0].Status
				if c.peer && st.Code == "Gone" && (st.PeerID == nil || st.PeerID.TelephonySessionID != other || st.PeerID.SessionID == "" || strings.HasPrefix(st.PeerID.SessionID, "s-")) {
					t.Errorf("peerId %+v, want %s", st.PeerID, other)
				}
				if !c.peer && st.PeerID != nil {
					t.Errorf("peerId %+v", st.PeerID)
				}
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("got %v, want %v", got, c.want)
			}
			st := w.State()
			if len(st.Sessions) != 2 || len(st.Sessions[0].Parties) != 2 || len(st.Sessions[1].Parties) != 2 || !st.Sessions[0].Alive || !st.Sessions[1].Alive {
				t.Errorf("no new session, no new party, both live\n%s", st)
			}
			if !st.Hear(customer, "103") {
				t.Errorf("customer and consult talk\n%s", st)
			}
			w.must(w.Hangup("103", consult))
			if st := w.State(); !rcsim.Over("")(st) {
				t.Errorf("both end when either side hangs up\n%s", st)
			}
		})
	}
}

// TestBridgeMakesANewParty, by assumption: who was consulted goes on in the customer's session, with what was recorded.
func TestBridgeMakesANewParty(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{BridgeNewParty: true}})
	held, consult := w.pair()
	recording, err := w.Record("103", consult)
	w.must(err)
	socket := w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
	w.must(w.Bridge("102", held, consult))
	if got := fmt.Sprint(socket.lines(4)); got != "[8: -2 Gone/AttendedTransfer 8: -1 Gone/AttendedTransfer 9: -2 Gone/AttendedTransfer 9: -3 Answered]" {
		t.Error(got)
	}
	st := w.State()
	moved, old := w.party(held, "103"), w.party(consult, "103")
	if s, _ := st.Session(consult); s.Alive || !st.Hear(customer, "103") || moved.Code != "Answered" || moved.Recording != "recording" || old.PeerParty != moved.ID {
		t.Errorf("%+v %+v\n%s", moved, old, st)
	}
	if m := w.as("103", "GET", sessionPath(held)+"/parties/"+moved.ID, "", 200); m["recordings"].([]any)[0].(map[string]any)["id"] != recording {
		t.Errorf("%v", m)
	}
	w.must(w.Hangup("103", held))
	w.await(rcsim.Over(""))

	t.Run("not to a mailbox", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{BridgeNewParty: true}})
		held := w.answered("102")
		consult := w.dial("102", "103")
		w.must(w.Decline("103", consult))
		w.must(w.Bridge("102", held, consult))
		if s, _ := w.State().Session(consult); !s.Alive || w.party(consult, "103").Code != "VoiceMail" {
			t.Errorf("%s", w.State())
		}
	})
}

func TestBridgedCallCanBeTransferredAgain(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	if r := w.rest(w.signIn("102"), "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")); r.status != 200 {
		t.Fatal(r.body)
	}
	w.must(w.Hold("103", consult))
	if w.State().Hear(customer, "103") {
		t.Error("103 holds the customer across the bridge")
	}
	third := w.dial("103", "107")
	w.must(w.Answer("107", third))
	if r := w.rest(w.signIn("103"), "POST", w.partyPath(consult, "103")+"/bridge", w.bridgeBody(third, "103")); r.status != 200 {
		t.Fatal(r.body)
	}
	if st := w.State(); !st.Hear(customer, "107") || st.Hear(customer, "103") {
		t.Errorf("the customer talks to 107\n%s", st)
	}
	w.must(w.OutsideHangup(customer, held))
	w.await(rcsim.Over(""))
}

func TestDropEndsABridgedCallForEverybody(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	token := w.signIn("102")
	if r := w.rest(token, "POST", w.partyPath(held, "102")+"/bridge", w.bridgeBody(consult, "102")); r.status != 200 {
		t.Fatal(r.body)
	}
	if r := w.rest(token, "DELETE", sessionPath(consult), ""); r.status != 204 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	if st := w.State(); !rcsim.Over("")(st) {
		t.Errorf("dropping one session of a bridged call kills the customer's too\n%s", st)
	}
}

func TestPhoneHoldsItsOtherCall(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  rcsim.Options
		code string
	}{
		{"by default", rcsim.Options{}, "Hold"},
		{"not by option", rcsim.Options{NoAutoHold: true}, "Answered"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opt)
			first := w.call(customer, "102")
			w.must(w.Answer("102", first))
			second := w.call("+16505550117", "102")
			w.must(w.Answer("102", second))
			if p := w.party(first, "102"); p.Code != c.code {
				t.Errorf("the first call is %s", p.Code)
			}
			if c.opt.NoAutoHold {
				return
			}
			w.must(w.Unhold("102", first)) // swap
			if a, b := w.party(first, "102"), w.party(second, "102"); a.Code != "Answered" || b.Code != "Hold" {
				t.Errorf("swapped: %s, %s", a.Code, b.Code)
			}
			w.dial("102", "103")
			if a, b := w.party(first, "102"), w.party(second, "102"); a.Code != "Hold" || b.Code != "Hold" {
				t.Errorf("dialling: %s, %s", a.Code, b.Code)
			}
		})
	}
}

// TestHoldsAreIndependent: a hold by REST and a hold by the phone must both be cleared (4.2).
func TestHoldsAreIndependent(t *testing.T) {
	hold := func(w *world, token, id, verb string) reply {
		return w.rest(token, "POST", w.partyPath(id, "102")+"/"+verb, "")
	}
	for _, c := range []struct {
		name string
		opt  rcsim.Assumptions
		play []string
		want string // code after each step
		hear bool
	}{
		{"device only", rcsim.Assumptions{}, []string{"hold", "unhold"}, "Hold Answered", true},
		{"REST only", rcsim.Assumptions{}, []string{"rest hold", "rest unhold"}, "Hold Answered", true},
		{"both, REST cleared", rcsim.Assumptions{}, []string{"hold", "rest hold", "rest unhold"}, "Hold Hold Hold", false},
		{"both, device cleared", rcsim.Assumptions{}, []string{"rest hold", "hold", "unhold"}, "Hold Hold Hold", false},
		{"both cleared", rcsim.Assumptions{}, []string{"rest hold", "hold", "unhold", "rest unhold"}, "Hold Hold Hold Answered", true},
		{"REST cannot undo the phone's", rcsim.Assumptions{}, []string{"hold", "rest unhold"}, "Hold Hold", false},
		{"by assumption it looks Answered", rcsim.Assumptions{UnholdShowsAnswered: true}, []string{"hold", "rest unhold"}, "Hold Answered", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			token := w.signIn("102")
			id := w.call(customer, "102")
			w.must(w.Answer("102", id))
			var got []string
			for _, step := range c.play {
				if verb, ok := strings.CutPrefix(step, "rest "); ok {
					r := hold(w, token, id, verb)
					if r.status != 200 {
						t.Fatalf("%s: %d %s", step, r.status, r.body)
					}
					if code := r.json(t)["status"].(map[string]any)["code"]; code != w.party(id, "102").Code {
						t.Errorf("%s answers %v", step, code)
					}
				} else {
					w.must(w.Phone("102", step, id))
				}
				got = append(got, w.party(id, "102").Code)
			}
			if strings.Join(got, " ") != c.want {
				t.Errorf("%v, want %s", got, c.want)
			}
			if st := w.State(); st.Hear("102", customer) != c.hear {
				t.Errorf("they hear each other: %t, want %t", !c.hear, c.hear)
			}
		})
	}
}

// TestRingTimeout runs in a bubble: no network, only timers.
func TestRingTimeout(t *testing.T) {
	for _, c := range []struct {
		name string
		opt  rcsim.Options
		want string // of the callee, once the time is up
	}{
		{"voicemail", rcsim.Options{Seed: 1}, "VoiceMail"},
		{"no voicemail", rcsim.Options{Seed: 1, NoVoicemail: true}, "Disconnected"},
		{"for ever", rcsim.Options{Seed: 1, RingTimeout: -1}, "Proceeding"},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				sim := conform.New(t, c.opt)
				defer func() { _ = sim.Close() }()
				id, err := sim.Dial("102", "103")
				if err != nil {
					t.Fatal(err)
				}
				ring := time.NewTimer(25*time.Second - time.Millisecond)
				<-ring.C
				synctest.Wait()
				if !rcsim.Is(id, "103", "Proceeding")(sim.State()) {
					t.Errorf("too early\n%s", sim.State())
				}
				ring.Reset(2 * time.Millisecond)
				<-ring.C
				synctest.Wait()
				if !rcsim.Is(id, "103", c.want)(sim.State()) {
					t.Errorf("want %s\n%s", c.want, sim.State())
				}
			})
		})
	}
	t.Run("an answered call rings no more", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			sim := conform.New(t, rcsim.Options{Seed: 1})
			defer func() { _ = sim.Close() }()
			id, err := sim.Dial("102", "103")
			if err != nil {
				t.Fatal(err)
			}
			if err := sim.Answer("103", id); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Hour)
			synctest.Wait()
			if !sim.State().Hear("102", "103") {
				t.Errorf("they still talk\n%s", sim.State())
			}
		})
	})
}

func TestSameSeedSameIDs(t *testing.T) {
	play := func() string {
		sim := conform.New(t, rcsim.Options{Seed: 42})
		defer func() { _ = sim.Close() }()
		id, err := sim.Call(customer, "", "102")
		if err != nil {
			t.Fatal(err)
		}
		tok, err := sim.SignIn("102", rcsim.PublicClient)
		if err != nil {
			t.Fatal(err)
		}
		return id + tok.Access
	}
	if a, b := play(), play(); a != b {
		t.Errorf("%s, then %s", a, b)
	}
	one, two := conform.New(t, rcsim.Options{}), conform.New(t, rcsim.Options{})
	if one.State().Seed == two.State().Seed {
		t.Error("without a seed each server has its own")
	}
	_, _ = one.Close(), two.Close()
}
