package rcsim_test

import (
	"fmt"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// TestRESTHoldNeedsSomebody: REST hold fails while the far party is Proceeding or in voicemail, and at the main-number prompt;
// a phone's own hold at the prompt does not ask (API sheet 4.2).
func TestRESTHoldNeedsSomebody(t *testing.T) {
	for _, c := range []struct {
		name   string
		play   func(*world) string
		status int
	}{
		{"an outside number that rings", func(w *world) string { return w.dial("102", "+16505550188") }, 409},
		{"an outside number that answered", func(w *world) string {
			id := w.dial("102", "+16505550188")
			w.must(w.OutsideAnswer("+16505550188", id))
			return id
		}, 200},
		{"an extension that rings", func(w *world) string { return w.dial("102", "103") }, 409},
		{"a mailbox", func(w *world) string {
			id := w.dial("102", "103")
			w.must(w.Decline("103", id))
			return id
		}, 409},
		{"the main-number prompt", func(w *world) string { return w.dial("102", "+16285550199") }, 409},
		{"a caller", func(w *world) string { return w.answered("102") }, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			id := c.play(w)
			m := w.as("102", "POST", w.partyPath(id, "102")+"/hold", "", c.status)
			if c.status == 200 && (status(m) != "Hold" || m["standAlone"] != false || m["owner"] == nil) || c.status == 409 && m["errorCode"] != "TAS-102" {
				t.Errorf("%v", m)
			}
		})
	}
	w := newWorld(t, rcsim.Options{})
	id := w.dial("102", "+16285550199")
	if s, _ := w.State().Session(id); len(s.Parties) != 1 || s.Parties[0].Code != "Answered" || !s.Alive {
		t.Errorf("alone at the prompt: %+v", s)
	}
	w.must(w.Hold("102", id))
	w.must(w.Hangup("102", id))
	w.await(rcsim.Over(id))
}

func TestHoldStandsAloneByAssumption(t *testing.T) {
	w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{HoldStandAlone: true}})
	id := w.answered("102")
	if m := w.as("102", "POST", w.partyPath(id, "102")+"/hold", "", 200); m["standAlone"] != true {
		t.Errorf("%v", m)
	}
	if m := w.as("102", "POST", w.partyPath(id, "102")+"/unhold", "", 200); m["standAlone"] != false {
		t.Errorf("%v", m)
	}
}

// TestNotFoundCode: the code of a 404 is an assumption (11.4).
func TestNotFoundCode(t *testing.T) {
	for _, c := range []struct{ assume, code string }{{"", "CMN-102"}, {"TAS-404", "TAS-404"}} {
		w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{NotFoundCode: c.assume}})
		id := w.answered("102")
		w.refused("102", "GET", sessionPath("s-none"), "", 404, c.code)
		w.refused("102", "POST", sessionPath(id)+"/parties/p-none/hold", "", 404, c.code)
	}
}

// TestSequenceNumbers: where they begin and whether they have gaps are assumptions (11.12).
func TestSequenceNumbers(t *testing.T) {
	for _, c := range []struct {
		opt  rcsim.Assumptions
		want string
	}{
		{rcsim.Assumptions{}, "[2: -1 Setup 3: -2 Proceeding 4: -1 Proceeding]"},
		{rcsim.Assumptions{SequenceFromOne: true}, "[1: -1 Setup 2: -2 Proceeding 3: -1 Proceeding]"},
		{rcsim.Assumptions{SequenceGaps: true}, "[2: -1 Setup 4: -2 Proceeding 6: -1 Proceeding]"},
	} {
		w := newWorld(t, rcsim.Options{Assume: c.opt})
		socket := w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
		w.dial("102", "+16505550188")
		if got := fmt.Sprint(socket.lines(3)); got != c.want {
			t.Errorf("%s, want %s", got, c.want)
		}
	}
}

func TestHoldProtocols(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	w.refused("102", "POST", w.partyPath(id, "102")+"/hold", `{"proto":"Loud"}`, 400, "CMN-101")
	w.as("102", "POST", w.partyPath(id, "102")+"/hold", `{"proto":"RC"}`, 200)
}

// TestStandAloneDetaches: a party that stands alone hears nobody, with one event, and only somebody who is in the call can.
func TestStandAloneDetaches(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	socket := w.open("102", ownFilter)
	id := w.answered("102")
	path := w.partyPath(id, "102")
	socket.lines(3)
	if m := w.as("102", "PATCH", path, `{"standAlone":true,"muted":true}`, 200); m["standAlone"] != true || m["muted"] != true || status(m) != "Answered" {
		t.Errorf("%v", m)
	}
	if n := socket.note(); n.line() != "7: -2 Answered" || !n.Body.Parties[0].Muted || !n.Body.Parties[0].StandAlone {
		t.Errorf("%+v", n)
	}
	if w.State().Hear(customer, "102") {
		t.Error("they hear each other")
	}
	w.as("102", "PATCH", path, `{"party":{"standAlone":false}}`, 200)
	if n := socket.note(); n.line() != "8: -2 Answered" || !n.Body.Parties[0].Muted || n.Body.Parties[0].StandAlone || !w.State().Hear(customer, "102") {
		t.Errorf("%+v\n%s", n, w.State())
	}
	w.must(w.Hangup("102", id))
	w.refused("102", "PATCH", path, `{"standAlone":true}`, 409, "TAS-102")
}
