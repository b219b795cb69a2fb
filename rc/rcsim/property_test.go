package rcsim_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"pgregory.net/rapid"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// TestAnythingPeopleDoKeepsTheTruthTrue: people do random things; after each the state must hold together.
func TestAnythingPeopleDoKeepsTheTruthTrue(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		sim := conform.New(t, rcsim.Options{
			Seed: 1, RingTimeout: -1, NoVoicemail: rapid.Bool().Draw(t, "noVoicemail"), NoAutoHold: rapid.Bool().Draw(t, "noAutoHold"),
			Assume: rcsim.Assumptions{BridgeRinging: rapid.Bool().Draw(t, "bridgeRinging"), VoicemailSameParty: rapid.Bool().Draw(t, "sameParty")},
		})
		defer func() { _ = sim.Close() }()
		people := rapid.SampledFrom([]string{"102", "103", "104", "105"})
		outside := rapid.SampledFrom([]string{"+16505550142", "+16505550117"})
		over := map[string]rcsim.PartyState{}
		anySession := func() string {
			st := sim.State()
			if len(st.Sessions) == 0 {
				return "s-none"
			}
			return rapid.SampledFrom(st.Sessions).Draw(t, "session").ID
		}
		verb := rapid.SampledFrom([]string{"answer", "decline", "voicemail", "hold", "unhold", "mute", "unmute", "hangup"})
		t.Repeat(map[string]func(*rapid.T){
			"call":      func(t *rapid.T) { _, _ = sim.Call(outside.Draw(t, "from"), "", people.Draw(t, "to")) },
			"callQueue": func(t *rapid.T) { _, _ = sim.Call(outside.Draw(t, "from"), "", "300") },
			"callMenu":  func(t *rapid.T) { _, _ = sim.CallThroughMenu(outside.Draw(t, "from"), "", people.Draw(t, "to")) },
			"dial":      func(t *rapid.T) { _, _ = sim.Dial(people.Draw(t, "from"), people.Draw(t, "to")) },
			"dialOut":   func(t *rapid.T) { _, _ = sim.Dial(people.Draw(t, "from"), outside.Draw(t, "to")) },
			"dialQueue": func(t *rapid.T) { _, _ = sim.Dial(people.Draw(t, "from"), "300") },
			"join":      func(t *rapid.T) { _ = sim.Join(people.Draw(t, "who"), anySession()) },
			"phone":     func(t *rapid.T) { _ = sim.Phone(people.Draw(t, "who"), verb.Draw(t, "verb"), "") },
			"phoneOf":   func(t *rapid.T) { _ = sim.Phone(people.Draw(t, "who"), verb.Draw(t, "verb"), anySession()) },
			"outside":   func(t *rapid.T) { _ = sim.Outside(outside.Draw(t, "who"), verb.Draw(t, "verb"), "") },
			"bridge":    func(t *rapid.T) { _ = sim.Bridge(people.Draw(t, "who"), anySession(), anySession()) },
			"drop":      func(t *rapid.T) { _ = sim.Drop(people.Draw(t, "who"), anySession()) },
			"online":    func(t *rapid.T) { _ = sim.SetOnline(people.Draw(t, "who"), rapid.Bool().Draw(t, "on")) },
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

// wrong is everything about a state that cannot be; over remembers parties that have ended.
func wrong(st rcsim.State, over map[string]rcsim.PartyState) []string {
	var out []string
	say := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	byID := map[string]rcsim.SessionState{}
	parties := map[string]rcsim.PartyState{}
	for _, s := range st.Sessions {
		byID[s.ID] = s
	}
	for _, s := range st.Sessions {
		circle := []string{s.ID}
		for i := 0; i < len(circle); i++ {
			for _, j := range byID[circle[i]].Joined {
				if !slices.Contains(circle, j) {
					circle = append(circle, j)
				}
			}
		}
		live, talkers := 0, 0
		for _, id := range circle {
			for _, p := range byID[id].Parties {
				if p.Alive() {
					live++
					if p.Direction == "Outbound" || (p.Code != "Setup" && p.Code != "Proceeding") {
						talkers++
					}
				}
			}
		}
		if s.Alive != (live > 0) || live == 1 || (live > 0 && talkers == 0) {
			say("%s: alive %t with %d live parties, %d of them not just ringing", s.ID, s.Alive, live, talkers)
		}
		seqs := map[int]bool{}
		for _, p := range s.Parties {
			parties[p.ID] = p
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
			if p.Code == "Hold" && !p.DeviceHold && !p.RestHold {
				say("%s: held by nothing", p.ID)
			}
			if p.Code == "Gone" && (p.PeerParty == "" || byID[p.PeerSession].ID == "") {
				say("%s: gone to nobody", p.ID)
			}
		}
	}
	for _, a := range st.Audio {
		for i, e := range a {
			if p := parties[e.Party]; p.Code != "Answered" || p.DeviceHold || p.RestHold || p.AnsweredAt == "" || a[0] == a[1] {
				say("%s is heard (end %d) as %s", e.Party, i, p.Code)
			}
		}
	}
	return out
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
