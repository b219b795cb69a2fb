package rcsim_test

import (
	"fmt"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestParkSequences(t *testing.T) {
	park := func(answer string) func(*world) string {
		return func(w *world) string {
			id := w.answered("102")
			m := w.as("102", "POST", w.partyPath(id, "102")+"/park", "", 201)
			if status(m) != answer || m["park"].(map[string]any)["id"] != "*801" {
				w.t.Errorf("the answer is the own party, %s: %v", answer, m)
			}
			if w.State().Hear(customer, "102") {
				w.t.Error("the parked caller is alone")
			}
			return id
		}
	}
	for _, c := range []sequence{
		{name: "parked", play: park("Parked/CallPark"), want: after(begun, "7: -2 Parked/CallPark")},
		{
			name: "parked, by assumption as a party of its own",
			opt:  rcsim.Options{Assume: rcsim.Assumptions{ParkLeavesParty: true}},
			play: park("Disconnected/CallPark"),
			want: after(begun, "7: -2 Disconnected/CallPark", "8: -3 Parked/CallPark"),
		},
		{
			name: "the parked caller gives up",
			play: func(w *world) string {
				id := park("Parked/CallPark")(w)
				w.must(w.OutsideHangup(customer, id))
				w.await(rcsim.Over(id))
				return id
			},
			want: after(begun, "7: -2 Parked/CallPark", "8: -1 Disconnected", "9: -2 Disconnected"),
		},
		{
			name: "who parked removes the party: the call ends",
			play: func(w *world) string {
				id := park("Parked/CallPark")(w)
				w.as("102", "DELETE", w.partyPath(id, "102"), "", 204)
				return id
			},
			want: after(begun, "7: -2 Parked/CallPark", "8: -2 Disconnected", "9: -1 Disconnected"),
		},
		{
			name: "picked up: Gone",
			play: func(w *world) string {
				id := park("Parked/CallPark")(w)
				second, err := w.Dial("103", "*801")
				w.must(err)
				if p := w.party(id, "102"); p.PeerSession != second {
					w.t.Errorf("the peer is the new call: %+v", p)
				}
				if !w.State().Hear(customer, "103") {
					w.t.Errorf("they talk\n%s", w.State())
				}
				return id
			},
			want: after(begun, "7: -2 Parked/CallPark", "8: -2 Gone/Pickup"),
		},
		{
			name: "the new call of who picks up",
			play: func(w *world) string {
				park("Parked/CallPark")(w)
				second, err := w.PickUp("103", "*801")
				w.must(err)
				w.must(w.Hold("103", second))
				w.must(w.Hangup("103", second))
				w.await(rcsim.Over(""))
				return second
			},
			want: []string{"2: -1 Setup", "3: -1 Answered", "4: -2 Gone/Pickup", "5: -1 Hold", "6: -1 Disconnected"},
		},
		{
			name: "at a park location, picked up by REST",
			play: func(w *world) string {
				id := w.answered("102")
				w.as("102", "POST", w.partyPath(id, "102")+"/transfer", `{"parkOrbit":"400131598008"}`, 200)
				parked := w.as("103", "GET", w.partyPath(id, "398"), "", 200)
				if st := parked["status"].(map[string]any); st["code"] != "Parked" || st["parkData"] != nil {
					w.t.Errorf("no slot at a park location: %v", parked)
				}
				m := w.as("103", "POST", w.partyPath(id, "398")+"/pickup", `{"deviceId":"`+w.phone("103", 0)+`"}`, 201)
				if status(m) != "Answered" || m["owner"].(map[string]any)["extensionId"] != w.person("103").ID || !w.State().Hear(customer, "103") {
					w.t.Errorf("the answer is the new party: %v", m)
				}
				return id
			},
			want: after(begun, "7: -2 Disconnected/BlindTransfer", "8: -3 Parked/ParkLocation", "9: -3 Disconnected/Pickup", "10: -4 Setup", "11: -4 Answered +pickup"),
		},
	} {
		c.check(t)
	}
}

func TestParkIsSeen(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	socket := w.open("102", ownFilter+"?statusCode=Parked")
	id := w.answered("102")
	slot, err := w.Park("102", "")
	w.must(err)
	if n := socket.note().Body.Parties[0]; n.Status.ParkData != slot || n.Park.ID != slot || slot != "*801" {
		t.Errorf("%+v in %s", n, slot)
	}
	pres := w.as("102", "GET", account+"/extension/~/presence?detailedTelephonyState=true", "", 200)
	if pres["telephonyStatus"] != "ParkedCall" {
		t.Errorf("%v", pres)
	}
	if p := w.party(id, "102"); p.Park != slot {
		t.Errorf("%+v", p)
	}
	// The phone is free: it takes the next call of a queue, and the parked call is none of its calls.
	if err := w.Hangup("102", ""); err == nil {
		t.Error("the parked call is on no phone")
	}
	next := w.call("+16505550117", "102")
	w.must(w.Answer("102", ""))
	if p := w.party(id, "102"); p.Code != "Parked" {
		t.Errorf("answering %s leaves the parked call alone: %+v", next, p)
	}
}

func TestParkRefusals(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	held, consult := w.pair()
	w.refused("102", "POST", w.partyPath(consult, "102")+"/park", "", 403, "TAS-106") // an outgoing call
	w.refused("103", "POST", w.partyPath(held, "102")+"/park", "", 403, "TAS-106")    // somebody else's
	ringing := w.call("+16505550117", "104")
	w.refused("104", "POST", w.partyPath(ringing, "104")+"/park", "", 409, "TAS-102")

	w.as("102", "POST", w.partyPath(held, "102")+"/park", "", 201)
	w.refused("102", "POST", w.partyPath(held, "102")+"/park", "", 409, "TAS-102") // twice
	pick := `{"deviceId":"` + w.phone("103", 0) + `"}`
	w.refused("103", "POST", w.partyPath(held, "102")+"/pickup", pick, 403, "TAS-106") // in a slot, not at a location
	w.refused("103", "POST", w.partyPath(held, "102")+"/pickup", `{"deviceId":"1"}`, 400, "CMN-101")
	w.refused("103", "POST", w.partyPath(consult, "103")+"/pickup", pick, 409, "TAS-102") // not parked

	place := w.answered("105")
	w.must(w.Transfer("105", place, "398"))
	outsider := `{"deviceId":"` + w.phone("112", 0) + `"}`
	w.refused("112", "POST", w.partyPath(place, "398")+"/pickup", outsider, 403, "TAS-106") // no member of the location
	if _, err := w.PickUp("112", place); err == nil {
		t.Error("112 is no member")
	}
	for _, who := range []string{"*802", "*8"} {
		if _, err := w.Dial("103", who); err == nil {
			t.Errorf("nothing is parked in %s", who)
		}
	}
}

func TestPickupFromASlotByAssumption(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{PickupFromSlots: true}})
	id := w.answered("102")
	w.as("102", "POST", w.partyPath(id, "102")+"/park", "", 201)
	m := w.as("103", "POST", w.partyPath(id, "102")+"/pickup", `{"deviceId":"`+w.phone("103", 0)+`"}`, 201)
	if status(m) != "Answered" || !w.State().Hear(customer, "103") {
		t.Errorf("%v\n%s", m, w.State())
	}
}

func TestFiftyCallsAreParkedAtMost(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	var first string
	for n := range 51 {
		id := w.call(fmt.Sprintf("+1650555%04d", n), "102")
		w.must(w.Answer("102", id))
		slot, err := w.Park("102", id)
		if n == 0 {
			first = id
		}
		if want := fmt.Sprintf("*8%02d", n+1); n < 50 && (err != nil || slot != want) {
			t.Fatalf("call %d: %q %v, want %s", n, slot, err, want)
		}
		if n == 50 {
			if err == nil {
				t.Fatal("the 51st call is parked")
			}
			w.must(w.OutsideHangup("+16505550000", first))
			if slot, err := w.Park("102", id); err != nil || slot != "*801" {
				t.Errorf("the freed slot is used again: %q %v", slot, err)
			}
		}
	}
}
