package rcsim_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// TestAnythingPeopleDoKeepsTheTruthTrue: people and apps do random things; after each the state must hold together.
func TestAnythingPeopleDoKeepsTheTruthTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		yes := func(name string) bool { return rapid.Bool().Draw(t, name) }
		sim := conform.New(t, rcsim.Options{
			Seed: 1, RingTimeout: -1, ConferenceWait: -1, Limits: rcsim.Unlimited(),
			NoVoicemail: yes("noVoicemail"), NoAutoHold: yes("noAutoHold"), QueueInOrder: yes("queueInOrder"), AutoRecord: yes("autoRecord"),
			Assume: rcsim.Assumptions{
				BridgeRinging: yes("bridgeRinging"), BridgeNewParty: yes("bridgeNewParty"), VoicemailSameParty: yes("sameParty"), ParkLeavesParty: yes("parkLeaves"), PickupFromSlots: yes("pickupFromSlots"),
				SuperviseInSession: yes("superviseInSession"), ConferenceParticipantGone: yes("participantGone"), ConferenceOutlivesHost: yes("outlives"),
				CallOutAutoAnswer: yes("autoAnswer"), OthersMayControl: yes("others"), DeletePartyHangsUp: yes("delete"), ReplyThenVoicemail: yes("reply"),
			},
		})
		defer func() { _ = sim.Close() }()
		people := rapid.SampledFrom([]string{"101", "102", "103", "104", "105"})
		outside := rapid.SampledFrom([]string{"+16505550142", "+16505550117"})
		anywhere := rapid.SampledFrom([]string{"102", "103", "105", "300", "398", "+16505550142", "+16505550117", "+16285550199", "*801", "*802"})
		who := func(t *rapid.T) string { return people.Draw(t, "who") }
		session := func(t *rapid.T) string {
			st := sim.State()
			if len(st.Sessions) == 0 {
				return "s-none"
			}
			return rapid.SampledFrom(st.Sessions).Draw(t, "session").ID
		}
		hosts := map[string]string{} // of conferences
		// one is a party for which it makes sense, and its session: mostly a sensible one, now and then anybody and anything.
		one := func(t *rapid.T, sensible func(rcsim.PartyState) bool) (extension, id string) {
			var fit [][2]string
			for _, s := range sim.State().Sessions {
				for _, p := range s.Parties {
					if p.ExtensionNumber != "" && p.Alive() && sensible(p) {
						fit = append(fit, [2]string{p.ExtensionNumber, s.ID})
					}
				}
			}
			if len(fit) > 0 && rapid.IntRange(0, 7).Draw(t, "sensible") > 0 {
				f := rapid.SampledFrom(fit).Draw(t, "party")
				return f[0], f[1]
			}
			if rapid.Bool().Draw(t, "named") {
				return who(t), session(t)
			}
			return who(t), ""
		}
		talks := func(p rcsim.PartyState) bool { return p.Code == "Answered" || p.Code == "Hold" }
		rings := func(p rcsim.PartyState) bool { return p.Code == "Proceeding" || p.CallOut }
		conference := func(t *rapid.T, joined bool) (host, id string) {
			for _, s := range sim.State().Sessions {
				if s.Alive && s.Origin == "Conference" && (len(s.Parties) > 0) == joined && rapid.Bool().Draw(t, "this") {
					if joined {
						return s.Parties[0].ExtensionNumber, s.ID
					}
					return hosts[s.ID], s.ID
				}
			}
			return who(t), session(t)
		}
		devices := map[string]string{}
		extensions := map[string]string{}
		tokens := map[string]string{}
		for _, u := range sim.Account().Users {
			devices[u.Number], extensions[u.Number] = u.Devices[0].ID, u.ID
		}
		request := func(t *rapid.T) {
			st := sim.State()
			if len(st.Sessions) == 0 {
				return
			}
			s := rapid.SampledFrom(st.Sessions).Draw(t, "session")
			party := "p-none"
			if len(s.Parties) > 0 {
				party = rapid.SampledFrom(s.Parties).Draw(t, "party").ID
			}
			person := who(t)
			path, to := sessionPath(s.ID)+"/parties/"+party, `{"extensionNumber":"103"}`
			do := rapid.SampledFrom([][3]string{
				{"DELETE", path, `{"keepConferenceAlive":true}`},
				{"DELETE", sessionPath(s.ID), ""},
				{"POST", path + "/supervise", `{"mode":"Listen","supervisorDeviceId":"` + devices["101"] + `","agentExtensionId":"` + extensions[person] + `"}`},
				{"POST", path + "/pickup", `{"deviceId":"` + devices[person] + `"}`},
				{"POST", path + "/answer", `{"deviceId":"` + devices[person] + `"}`},
				{"POST", path + "/hold", ""},
				{"POST", path + "/unhold", ""},
				{"POST", path + "/reply", `{"replyWithText":"later"}`},
				{"POST", path + "/park", ""},
				{"POST", path + "/transfer", to},
				{"POST", path + "/forward", to},
				{"POST", path + "/flip", `{"callFlipId":"2"}`},
			}).Draw(t, "request")
			if strings.HasSuffix(do[1], "/supervise") {
				person = "101"
			}
			if tokens[person] == "" {
				tok, err := sim.SignIn(person, rcsim.ConfidentialClient)
				if err != nil {
					t.Fatal(err)
				}
				tokens[person] = tok.Access
			}
			req := httptest.NewRequestWithContext(context.Background(), do[0], do[1], strings.NewReader(do[2]))
			req.Header.Set("Authorization", "Bearer "+tokens[person])
			req.Header.Set("Content-Type", "application/json")
			rec := httptest.NewRecorder()
			sim.ServeHTTP(rec, req)
			if rec.Code >= 500 {
				t.Errorf("%s %s: %d %s", do[0], do[1], rec.Code, rec.Body)
			}
		}
		over := map[string]rcsim.PartyState{}
		ringVerb := rapid.SampledFrom([]string{"answer", "answer", "answer", "decline", "voicemail", "ignore", "hangup"})
		talkVerb := rapid.SampledFrom([]string{"hold", "unhold", "mute", "unmute", "hangup"})
		outVerb := rapid.SampledFrom([]string{"answer", "answer", "decline", "hangup"})
		t.Repeat(map[string]func(*rapid.T){
			"call": func(t *rapid.T) {
				to := who(t)
				if id, err := sim.Call(outside.Draw(t, "from"), "", to); err == nil && rapid.Bool().Draw(t, "answered") {
					_ = sim.Answer(to, id)
				}
			},
			"callQueue": func(t *rapid.T) { _, _ = sim.Call(outside.Draw(t, "from"), "", "300") },
			"callMenu":  func(t *rapid.T) { _, _ = sim.CallThroughMenu(outside.Draw(t, "from"), "", who(t)) },
			"dial": func(t *rapid.T) {
				to := anywhere.Draw(t, "to")
				if id, err := sim.Dial(who(t), to); err == nil && rapid.Bool().Draw(t, "answered") {
					_ = sim.Answer(to, id)
					_ = sim.OutsideAnswer(to, id)
				}
			},
			"callOut": func(t *rapid.T) { _, _ = sim.CallOut(who(t), anywhere.Draw(t, "to")) },
			"join":    func(t *rapid.T) { _, id := one(t, talks); _ = sim.Join(who(t), id) },
			"ring":    func(t *rapid.T) { ext, id := one(t, rings); _ = sim.Phone(ext, ringVerb.Draw(t, "verb"), id) },
			"talk":    func(t *rapid.T) { ext, id := one(t, talks); _ = sim.Phone(ext, talkVerb.Draw(t, "verb"), id) },
			"outside": func(t *rapid.T) { _ = sim.Outside(outside.Draw(t, "who"), outVerb.Draw(t, "verb"), "") },
			"mobile":  func(t *rapid.T) { _ = sim.Outside("+15105550"+who(t), outVerb.Draw(t, "verb"), "") },
			"bridge": func(t *rapid.T) {
				ext, id := one(t, talks)
				_, other := one(t, func(p rcsim.PartyState) bool { return talks(p) && p.ExtensionNumber == ext })
				_ = sim.Bridge(ext, id, other)
			},
			"drop":      func(t *rapid.T) { ext, id := one(t, talks); _ = sim.Drop(ext, id) },
			"transfer":  func(t *rapid.T) { ext, id := one(t, talks); _ = sim.Transfer(ext, id, anywhere.Draw(t, "to")) },
			"toMailbox": func(t *rapid.T) { ext, id := one(t, talks); _ = sim.TransferToVoicemail(ext, id, who(t)) },
			"forward":   func(t *rapid.T) { ext, id := one(t, rings); _ = sim.Forward(ext, id, anywhere.Draw(t, "to")) },
			"park":      func(t *rapid.T) { ext, id := one(t, talks); _, _ = sim.Park(ext, id) },
			"pickUp": func(t *rapid.T) {
				_, id := one(t, func(p rcsim.PartyState) bool { return p.Code == "Parked" })
				_, _ = sim.PickUp(who(t), id)
			},
			"flip": func(t *rapid.T) {
				ext, id := one(t, talks)
				_ = sim.Flip(ext, id, "2")
				_ = sim.Outside("+15105550"+ext, outVerb.Draw(t, "verb"), id)
			},
			"switch": func(t *rapid.T) { ext, id := one(t, talks); _ = sim.Switch(ext, id, "") },
			"record": func(t *rapid.T) { ext, id := one(t, talks); _, _ = sim.Record(ext, id) },
			"pause": func(t *rapid.T) {
				ext, id := one(t, talks)
				_ = sim.PauseRecording(ext, id, rapid.Bool().Draw(t, "pause"))
			},
			"supervise": func(t *rapid.T) { ext, id := one(t, talks); _, _ = sim.Supervise("101", ext, id) },
			"conference": func(t *rapid.T) {
				host := who(t)
				if id, err := sim.Conference(host); err == nil {
					hosts[id] = host
				}
			},
			"enter": func(t *rapid.T) { host, id := conference(t, false); _ = sim.JoinConference(host, id) },
			"bringIn": func(t *rapid.T) {
				host, conf := conference(t, true)
				_, id := one(t, func(p rcsim.PartyState) bool { return talks(p) && p.ExtensionNumber == host && p.ConferenceRole == "" })
				_ = sim.BringIn(host, conf, id)
			},
			"online":  func(t *rapid.T) { _ = sim.SetOnline(who(t), rapid.IntRange(0, 3).Draw(t, "on") > 0) },
			"request": request,
			"": func(t *rapid.T) {
				st := sim.State()
				for _, why := range wrong(st, over) {
					t.Errorf("%s", why)
				}
				if t.Failed() {
					t.Logf("\n%s", st)
				}
			},
		})
	})
}

// circle are the sessions that are bridged to one, itself included.
func circle(st rcsim.State, id string) []rcsim.SessionState {
	var out []rcsim.SessionState
	ids := []string{id}
	for i := 0; i < len(ids); i++ {
		s, _ := st.Session(ids[i])
		out = append(out, s)
		for _, j := range s.Joined {
			if !slices.Contains(ids, j) {
				ids = append(ids, j)
			}
		}
	}
	return out
}

// wrong is everything about a state that cannot be; over remembers parties that have ended.
func wrong(st rcsim.State, over map[string]rcsim.PartyState) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	parties := map[string]rcsim.PartyState{}
	for _, s := range st.Sessions {
		for _, p := range s.Parties {
			parties[p.ID] = p
		}
	}
	slots := map[string]string{}
	for _, s := range st.Sessions {
		wrongCall(st, s, say)
		seqs := map[int]bool{}
		for _, p := range s.Parties {
			if seqs[p.Seq] || p.Seq < 2 {
				say("%s: sequence %d", p.ID, p.Seq)
			}
			seqs[p.Seq] = true
			if was, ok := over[p.ID]; ok && was != p {
				say("%s: %s after its end as %s", p.ID, p.Code, was.Code)
			}
			if !p.Alive() {
				over[p.ID] = p
			}
			peer := parties[p.PeerParty]
			switch {
			case p.Code == "Hold" && !p.DeviceHold && !p.RestHold:
				say("%s: held by nothing", p.ID)
			case p.Code == "Gone" && peer.ID == "":
				say("%s: gone to nobody", p.ID)
			case p.Code == "Gone" && p.Reason != "AttendedTransfer" && peer.PeerParty != p.ID:
				say("%s: gone to %s, which is peer of %s", p.ID, peer.ID, peer.PeerParty)
			case p.Code == "Parked" && p.Park == "":
				say("%s: parked nowhere", p.ID)
			case p.Code == "Parked" && strings.HasPrefix(p.Park, "*") && slots[p.Park] != "":
				say("%s: in the slot of %s", p.ID, slots[p.Park])
			case p.CallOut && p.Alive() && p.Code != "Setup":
				say("%s: called out, %s", p.ID, p.Code)
			case p.Recording != "" && (p.Code != "Answered" && p.Code != "Hold" && p.Code != "Parked"):
				say("%s: %s while %s", p.ID, p.Recording, p.Code)
			case p.Supervises && p.Alive() && !parties[p.Hears].Alive():
				say("%s: supervises %s, who has left", p.ID, p.Hears)
			case p.Mobile != "" && p.Code == "Proceeding" && !slices.ContainsFunc(s.Parties, func(o rcsim.PartyState) bool {
				return o.ID != p.ID && o.ExtensionID == p.ExtensionID && o.AnsweredAt != "" && o.Alive()
			}):
				say("%s: flipped from nobody", p.ID)
			}
			if p.Code == "Parked" {
				slots[p.Park] = p.ID
			}
		}
	}
	for _, a := range st.Audio {
		for i, e := range a {
			p := parties[e.Party]
			if p.Code != "Answered" || p.DeviceHold || p.RestHold || p.AnsweredAt == "" || p.Supervises || p.ConferenceRole == "Participant" || a[0] == a[1] {
				say("%s is heard (end %d) as %s", e.Party, i, p.Code)
			}
		}
	}
	listeners := map[string]string{} // the supervisor of a call
	for _, l := range st.Listens {
		m, p := parties[l[0].Party], parties[l[1].Party]
		if !m.Supervises || m.Code != "Answered" || p.Code != "Answered" || p.Supervises {
			say("%s (%s) listens to %s (%s)", m.ID, m.Code, p.ID, p.Code)
		}
		for _, c := range circle(st, l[1].Session) {
			if was := listeners[c.ID]; was != "" && was != m.ExtensionID {
				say("%s: two supervisors", c.ID)
			}
			listeners[c.ID] = m.ExtensionID
		}
	}
	next := map[string]int{}
	for _, e := range st.Tape { // newest first
		if n := next[e.Session]; n != 0 && e.Seq != n-1 {
			say("%s: %d before %d", e.Session, e.Seq, n)
		}
		next[e.Session] = e.Seq
	}
	return out
}

// wrongCall says what cannot be about who is in a call.
func wrongCall(st rcsim.State, s rcsim.SessionState, say func(string, ...any)) {
	alive, ends, present, solo := 0, 0, 0, 0
	for _, c := range circle(st, s.ID) {
		hosts, brought := 0, 0
		for _, p := range c.Parties {
			if !p.Alive() {
				continue
			}
			alive++
			switch p.ConferenceRole {
			case "Host":
				hosts++
			case "Participant":
				brought++
			}
			if p.Supervises || p.ConferenceRole == "Participant" {
				continue
			}
			ends++
			ringing := p.Code == "Setup" || p.Code == "Proceeding"
			if p.Code != "VoiceMail" && p.Code != "Parked" && (!ringing || (p.Direction == "Outbound" && !p.CallOut)) {
				present++
			}
			if p.Solo {
				solo++
			}
		}
		if hosts > 1 || brought > 10 || (brought > len(c.Joined)) {
			say("%s: %d hosts, %d participants of %d calls", c.ID, hosts, brought, len(c.Joined))
		}
	}
	empty := s.Origin == "Conference" && len(s.Parties) == 0 // waits for its host
	if s.Alive != (alive > 0) && !empty {
		say("%s: alive %t with %d live parties", s.ID, s.Alive, alive)
	}
	if solo == 0 && (ends == 1 || ends > 0 && present == 0) {
		say("%s: %d people, %d of them there", s.ID, ends, present)
	}
	if brought := ends == 0 && alive > 0 && solo == 0; brought && !slices.ContainsFunc(s.Parties, func(p rcsim.PartyState) bool { return p.Supervises && p.Alive() }) {
		say("%s: %d live parties and nobody behind them", s.ID, alive)
	}
}

// TestManyAtOnce is for the race detector.
func TestManyAtOnce(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	sockets := []*wire{w.open("102", ownFilter), w.open("100", "/restapi/v1.0/account/~/telephony/sessions", "/restapi/v1.0/account/~/extension/~/presence")}
	var wg sync.WaitGroup
	for i := range 4 {
		agent := fmt.Sprint(102 + i)
		wg.Go(func() {
			for range 20 {
				if id, err := w.Call(customer, "", agent); err == nil {
					_ = w.Answer(agent, id)
					_ = w.Hold(agent, id)
					_ = w.State()
					_ = w.Hangup(agent, id)
				}
			}
		})
	}
	wg.Go(func() {
		for range 20 {
			w.control("GET", "/sim/api/state", "")
		}
	})
	wg.Wait()
	w.await(rcsim.Over(""))
	last := map[string]int{}
	for range 20 * 4 * 8 {
		f := sockets[1].read()
		body, _ := f.body["body"].(map[string]any)
		id, _ := body["telephonySessionId"].(string)
		seq, _ := body["sequence"].(float64)
		if int(seq) != max(last[id], 1)+1 {
			t.Fatalf("%s: %v after %d", id, seq, last[id])
		}
		last[id] = int(seq)
	}
}
