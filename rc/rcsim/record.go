package rcsim

import (
	"net/http"
	"slices"
)

// Call recordings: started and paused by the person in the call, or automatic (Options.AutoRecord).

type recording struct {
	id     string
	active bool
	auto   bool
}

// record starts a recording on demand; a party has one at a time.
func (e *engine) record(p *party) (recording, error) {
	switch {
	case p.s.conf != nil, p.supervises:
		return recording{}, notAllowed()
	case !p.connected(), slices.ContainsFunc(p.recordings, func(r recording) bool { return r.active }):
		return recording{}, refuse(http.StatusForbidden, "TAS-101", "Incorrect State [WrongState]")
	}
	return e.startRecording(p, false), nil
}

func (e *engine) startRecording(p *party, auto bool) recording {
	r := recording{id: e.ids.legacyID(), active: true, auto: auto}
	p.recordings = append(slices.Clone(p.recordings), r)
	e.turn(p, p.code, p.reason)
	return r
}

// recordAutomatically starts the recording of everybody's call who has just been connected.
func (e *engine) recordAutomatically(s *session) {
	if !e.opt.AutoRecord {
		return
	}
	for _, p := range s.parties {
		if p.user != nil && p.established() && len(p.recordings) == 0 {
			e.startRecording(p, true)
		}
	}
}

// pauseRecording pauses or resumes a recording.
func (e *engine) pauseRecording(p *party, id string, active bool) (recording, error) {
	i := slices.IndexFunc(p.recordings, func(r recording) bool { return r.id == id })
	switch {
	case i < 0:
		return recording{}, missing("recordingId")
	case !p.alive():
		return recording{}, wrongState("record", p)
	case p.recordings[i].auto && e.opt.AutoRecordFixed:
		return recording{}, refuse(http.StatusForbidden, "TAS-115", "ACR mute is not supported for this call")
	}
	if p.recordings[i].active != active {
		p.recordings = slices.Clone(p.recordings) // events keep the party as it was
		p.recordings[i].active = active
		e.turn(p, p.code, p.reason)
	}
	return p.recordings[i], nil
}

// stopRecording ends what is recorded of a party that leaves.
func (p *party) stopRecording() {
	p.recordings = slices.Clone(p.recordings)
	for i := range p.recordings {
		p.recordings[i].active = false
	}
}

type recordingWire struct {
	ID     string `json:"id"`
	Active bool   `json:"active"`
	Mode   string `json:"mode,omitempty"`
	View   string `json:"view,omitempty"`
}

func (r recording) wire() recordingWire {
	w := recordingWire{ID: r.id, Active: r.active, Mode: "OnDemand", View: "Party"}
	if r.auto {
		w.Mode = "Automatic"
	}
	return w
}

// recordingsWire are the recordings of a party as party payloads show them.
func (p *party) recordingsWire() []recordingWire {
	var out []recordingWire
	for _, r := range p.recordings {
		out = append(out, recordingWire{ID: r.id, Active: r.active})
	}
	return out
}

// recordingState is the newest recording in one word.
func (p *party) recordingState() string {
	switch {
	case len(p.recordings) == 0 || !p.alive():
		return ""
	case p.recordings[len(p.recordings)-1].active:
		return "recording"
	default:
		return "paused"
	}
}

func (c *call) record() (int, any, error) {
	p, err := c.ownParty()
	if err != nil {
		return 0, nil, err
	}
	r, err := c.s.eng.record(p)
	return http.StatusCreated, r.wire(), err
}

func (c *call) pauseRecording() (int, any, error) {
	var in struct {
		Active *bool `json:"active"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Active == nil {
		return 0, nil, invalid("active")
	}
	p, err := c.ownParty()
	if err != nil {
		return 0, nil, err
	}
	r, err := c.s.eng.pauseRecording(p, c.r.PathValue("recordingId"), *in.Active)
	return http.StatusOK, r.wire(), err
}

// Record starts a recording of a person's call and returns its id.
func (s *Server) Record(extension, sessionID string) (string, error) {
	id := ""
	err := s.onCall(extension, "record", sessionID, func(p *party) error {
		r, err := s.eng.record(p)
		id = r.id
		return err
	})
	return id, err
}

// PauseRecording pauses or resumes the newest recording of a person's call.
func (s *Server) PauseRecording(extension, sessionID string, paused bool) error {
	return s.onCall(extension, "record", sessionID, func(p *party) error {
		if len(p.recordings) == 0 {
			return noSuch("recording of call", p.s.id)
		}
		_, err := s.eng.pauseRecording(p, p.recordings[len(p.recordings)-1].id, !paused)
		return err
	})
}
