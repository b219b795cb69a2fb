package rcsim_test

import (
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestFlipSequences(t *testing.T) {
	flip := func(w *world) string {
		id := w.answered("102")
		r := w.rest(w.signIn("102"), "POST", w.partyPath(id, "102")+"/flip", `{"callFlipId":"*2"}`)
		if r.status != 200 || r.body != "" {
			w.t.Fatalf("%d %q", r.status, r.body)
		}
		if w.State().Hear(customer, "102") {
			w.t.Error("the other side is held while the mobile rings")
		}
		return id
	}
	for _, c := range []sequence{
		{
			name: "answered on the mobile",
			play: func(w *world) string {
				id := flip(w)
				w.must(w.OutsideAnswer(mobile102, id))
				if p := w.party(id, "102"); p.Mobile != mobile102 || !w.State().Hear(customer, "102") {
					w.t.Errorf("the call is on the mobile: %+v", p)
				}
				if err := w.Hangup("102", ""); err == nil {
					w.t.Error("the desk phone has no call any more")
				}
				w.must(w.OutsideHangup(mobile102, id))
				w.await(rcsim.Over(id))
				return id
			},
			want: after(begun, "7: -2 Hold", "8: -3 Proceeding", "9: -2 Disconnected/CallFlip", "10: -3 Answered +pickup", "11: -3 Disconnected", "12: -1 Disconnected"),
		},
		{
			name: "declined on the mobile: the call goes on where it was",
			play: func(w *world) string {
				id := flip(w)
				w.must(w.Outside(mobile102, "decline", id))
				if !w.State().Hear(customer, "102") {
					w.t.Error("they talk again")
				}
				return id
			},
			want: after(begun, "7: -2 Hold", "8: -3 Proceeding", "9: -3 Disconnected/TargetBusy", "10: -2 Answered"),
		},
		{
			name: "the person hangs up while the mobile rings",
			play: func(w *world) string {
				id := flip(w)
				w.must(w.Hangup("102", id))
				return id
			},
			want: after(begun, "7: -2 Hold", "8: -3 Proceeding", "9: -2 Disconnected", "10: -3 Disconnected/Cancelled", "11: -1 Disconnected"),
		},
		{
			name: "what was on hold before stays on hold",
			play: func(w *world) string {
				id := w.answered("102")
				w.must(w.Hold("102", id))
				w.must(w.Flip("102", id, "2"))
				w.must(w.Outside(mobile102, "decline", id))
				return id
			},
			want: after(begun, "7: -2 Hold", "8: -3 Proceeding", "9: -3 Disconnected/TargetBusy"),
		},
	} {
		c.check(t)
	}
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	path := w.partyPath(id, "102") + "/flip"
	w.refused("102", "POST", path, `{"callFlipId":"*9"}`, 400, "CMN-101")
	w.refused("102", "POST", path, `{}`, 400, "CMN-101")
	w.refused("103", "POST", path, `{"callFlipId":"*2"}`, 403, "TAS-106")
	w.as("102", "POST", path, `{"callFlipId":"2"}`, 200)
	w.refused("102", "POST", path, `{"callFlipId":"2"}`, 409, "TAS-102") // it is under way
	ringing := w.call("+16505550117", "103")
	w.refused("103", "POST", w.partyPath(ringing, "103")+"/flip", `{"callFlipId":"2"}`, 409, "TAS-102")
}

func TestSwitchSequences(t *testing.T) {
	for _, c := range []sequence{
		{
			name: "a call moves to the desk phone",
			play: func(w *world) string {
				id := w.answered("103")
				w.must(w.Switch("103", id, ""))
				if p := w.party(id, "103"); p.Device != w.phone("103", 1) || !w.State().Hear(customer, "103") {
					w.t.Errorf("%+v\n%s", p, w.State())
				}
				return id
			},
			want: after(begun, "7: -2 Disconnected/CallSwitch", "8: -3 Answered +pickup"),
		},
		{
			name: "a ringing call is picked up on the desk phone",
			play: func(w *world) string {
				id := w.call(customer, "103")
				w.must(w.Switch("103", id, w.phone("103", 1)))
				if !w.State().Hear(customer, "103") {
					w.t.Error("they talk")
				}
				return id
			},
			want: after(begun[:4], "6: -2 Disconnected/Pickup", "7: -3 Answered +pickup"),
		},
	} {
		c.check(t)
	}
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102") // whose desk phone is offline
	if err := w.Switch("102", id, ""); err == nil {
		t.Error("no other phone of 102 is online")
	}
	if err := w.Switch("103", "", ""); err == nil {
		t.Error("103 has no call")
	}
}
