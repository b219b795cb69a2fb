package rcsim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestRecording(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.answered("102")
	socket := w.open("102", ownFilter+"?withRecordings=true")
	all := w.open("102", ownFilter)
	path := w.partyPath(id, "102") + "/recordings"
	w.as("102", "PATCH", w.partyPath(id, "102"), `{"muted":true}`, 200) // nothing is recorded yet

	rec := w.as("102", "POST", path, "", 201)
	if rec["active"] != true || rec["mode"] != "OnDemand" || rec["view"] == nil || rec["id"] == "" {
		t.Errorf("%v", rec)
	}
	recording, _ := rec["id"].(string)
	one := path + "/" + recording
	w.refused("102", "POST", path, "", 403, "TAS-101")
	if m := w.as("102", "PATCH", one+"?brandId=1210", `{"active":false}`, 200); m["active"] != false || m["id"] != recording {
		t.Errorf("%v", m)
	}
	if p := w.party(id, "102"); p.Recording != "paused" {
		t.Errorf("%+v", p)
	}
	if m := w.as("102", "PATCH", one, `{"active":true}`, 200); m["active"] != true {
		t.Errorf("%v", m)
	}
	w.as("102", "PATCH", one, `{"active":true}`, 200) // no change, no event
	w.refused("102", "PATCH", one, `{}`, 400, "CMN-101")
	w.refused("102", "PATCH", path+"/1", `{"active":true}`, 404, "CMN-102")
	w.refused("103", "PATCH", one, `{"active":true}`, 403, "TAS-106")
	if m := w.as("102", "GET", w.partyPath(id, "102"), "", 200); !strings.Contains(fmt.Sprint(m["recordings"]), recording) {
		t.Errorf("GET shows the recording: %v", m)
	}
	w.must(w.Hangup("102", id))

	var got []bool
	for range 4 {
		n := socket.note().Body.Parties[0]
		if len(n.Recordings) != 1 || n.Recordings[0].ID != recording {
			t.Fatalf("%+v", n)
		}
		got = append(got, n.Recordings[0].Active)
	}
	if got[0] != true || got[1] != false || got[2] != true || got[3] != false {
		t.Errorf("started, paused, resumed, over: %v", got)
	}
	if n := all.note(); n.Body.Parties[0].Recordings != nil || !n.Body.Parties[0].Muted {
		t.Errorf("without the option the mute comes first: %+v", n)
	}
	w.refused("102", "PATCH", one, `{"active":true}`, 409, "TAS-102")
}

func TestRecordingRefusals(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	ringing := w.call(customer, "102")
	w.refused("102", "POST", w.partyPath(ringing, "102")+"/recordings", "", 403, "TAS-101")
	conf, err := w.Conference("103")
	w.must(err)
	w.must(w.JoinConference("103", conf))
	w.refused("103", "POST", w.partyPath(conf, "103")+"/recordings", "", 403, "TAS-106")
}

func TestAutomaticRecording(t *testing.T) {
	for _, c := range []struct {
		name  string
		fixed bool
		pause int
	}{{"that may be paused", false, 200}, {"that may not", true, 403}} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{AutoRecord: true, AutoRecordFixed: c.fixed})
			id := w.answered("102")
			if p := w.party(id, "102"); p.Recording != "recording" {
				t.Fatalf("%+v", p)
			}
			if p := w.party(id, customer); p.Recording != "" {
				t.Errorf("only extensions are recorded: %+v", p)
			}
			m := w.as("102", "GET", w.partyPath(id, "102"), "", 200)
			rec := m["recordings"].([]any)[0].(map[string]any)["id"].(string)
			w.refused("102", "POST", w.partyPath(id, "102")+"/recordings", "", 403, "TAS-101")
			m = w.as("102", "PATCH", w.partyPath(id, "102")+"/recordings/"+rec, `{"active":false}`, c.pause)
			if c.fixed && m["errorCode"] != "TAS-115" || !c.fixed && m["mode"] != "Automatic" {
				t.Errorf("%v", m)
			}
		})
	}
}

// TestRecordingMovesWithTheCall: a switch to another phone does not end what is recorded.
func TestRecordingMovesWithTheCall(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.answered("103")
	if err := w.PauseRecording("103", id, true); err == nil {
		t.Error("nothing is recorded")
	}
	_, err := w.Record("103", id)
	w.must(err)
	w.must(w.Switch("103", id, ""))
	w.must(w.PauseRecording("103", id, true))
	if p := w.party(id, "103"); p.Recording != "paused" {
		t.Errorf("%+v", p)
	}
}
