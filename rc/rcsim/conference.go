package rcsim

import (
	"encoding/hex"
	"net/http"
	"slices"
)

// Conferences (API sheet 7.8): a session of its own origin that its host dials into, and calls that the host brings in.

// mostBroughtIn is how many parties a conference takes.
const mostBroughtIn = 10

// conference is what a session of origin Conference knows besides.
type conference struct {
	host     *User
	stopWait func() // ends the wait for the host
	joined   bool   // the host was there
	keep     bool   // it goes on without its host
	over     bool   // it was dropped
}

// newConference opens a conference that waits for its host.
func (e *engine) newConference(host *User) *session {
	s := e.newSession()
	s.legacy, s.origin = "0", "Conference"
	s.conf = &conference{host: host, stopWait: func() {}, keep: e.opt.Assume.ConferenceOutlivesHost}
	if e.opt.ConferenceWait > 0 {
		s.conf.stopWait = e.after(e.opt.ConferenceWait, func() {
			s.conf.over = true
			e.finish(s)
		})
	}
	return s
}

// voiceCallToken is what the host's phone dials.
func (s *session) voiceCallToken() string {
	if s.conf == nil {
		return ""
	}
	return "conf_" + hex.EncodeToString([]byte(s.suffix))
}

// enter: the host's phone dials the conference.
func (e *engine) enter(s *session, u *User) error {
	if s.conf == nil || s.conf.host != u {
		return notAllowed()
	}
	if s.conf.joined || s.conf.over {
		return refuse(http.StatusConflict, "TAS-102", "Incorrect State")
	}
	s.conf.joined = true
	s.conf.stopWait()
	e.holdOthers(u, s)
	from := partyInfo{PhoneNumber: u.Direct, ExtensionID: u.ID, DeviceID: u.device()}
	p := s.add(&party{direction: outbound, user: u, extID: u.ID, number: u.Number, name: u.Name(), device: u.device(), from: from, to: conferenceInfo(), role: "Host", solo: true})
	e.turn(p, codeSetup, "")
	e.turn(p, codeAnswered, "")
	return nil
}

func conferenceInfo() partyInfo { return partyInfo{PhoneNumber: "conference", Name: "Conference"} }

// hostParty is the host's live party, or nil.
func (s *session) hostParty() *party {
	i := slices.IndexFunc(s.parties, func(p *party) bool { return p.role == "Host" && p.alive() })
	if i < 0 {
		return nil
	}
	return s.parties[i]
}

// broughtIn are the Participants whose far side is still in the conference.
func (s *session) broughtIn() []*party {
	var out []*party
	for _, p := range s.parties {
		if p.brought != nil && slices.Contains(s.joined, p.brought.s) {
			out = append(out, p)
		}
	}
	return out
}

// behind are the people that a Participant stands for.
func (p *party) behind() []*party { return counting(p.brought.s.circleWithout(p.s)) }

// bringIn takes a call of the host into the conference: its own party there is Gone, the far side is a Participant, who
// is returned as it was in Setup.
func (e *engine) bringIn(s *session, p *party) (party, error) {
	host := s.hostParty()
	switch {
	case s.conf == nil, host == nil, p.extID != host.extID, p.supervises, p.s.conf != nil, p.solo, len(s.broughtIn()) >= mostBroughtIn:
		return party{}, notAllowed()
	case !p.connected(), len(p.others()) == 0, slices.Contains(s.circle(), p.s):
		return party{}, wrongState("bringIn", p)
	}
	part := s.add(&party{direction: inbound, name: p.others()[0].name, from: host.from, to: conferenceInfo(), role: "Participant", brought: p, peer: p})
	e.turn(part, codeSetup, "")
	made := *part
	s.join(p.s)
	e.turn(part, codeAnswered, "")
	p.peer = part
	e.turn(p, codeGone, "Conference")
	if e.opt.Assume.ConferenceParticipantGone {
		e.turn(part, codeGone, "")
	}
	return made, nil
}

// removeFrom takes a party out of a conference: a Participant with whoever it stands for, or the host, without whom the
// conference goes on only when it is kept alive.
func (e *engine) removeFrom(s *session, p *party, keep bool) {
	if p.brought == nil {
		s.conf.keep = keep
		e.leave(p, "")
		return
	}
	for _, o := range p.behind() {
		e.end(o, "")
	}
	e.settle(s)
}

// settleConference lets Participants leave whose far side has left, and ends a conference without its host.
func (e *engine) settleConference(s *session) {
	if s.conf.joined && s.hostParty() == nil && !s.conf.keep {
		s.conf.over = true
	}
	for _, p := range s.broughtIn() {
		behind := p.behind()
		if s.conf.over {
			for _, o := range behind {
				if o.alive() {
					e.end(o, "")
				}
			}
		} else if slices.ContainsFunc(behind, (*party).present) {
			continue
		}
		s.part(p.brought.s)
		if p.alive() {
			e.turn(p, codeDisconnected, "")
		}
	}
}

// conference answers with a session without parties; its host has Options.ConferenceWait to join.
func (c *call) conference() (int, any, error) {
	if err := c.onNetwork(); err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, c.s.callSession(c.s.eng.newConference(c.user)), nil
}

func (c *call) bringIn() (int, any, error) {
	var in struct {
		SessionID          string `json:"sessionId"`
		TelephonySessionID string `json:"telephonySessionId"` // what the guide's example says
		PartyID            string `json:"partyId"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.SessionID == "" {
		in.SessionID = in.TelephonySessionID
	}
	switch {
	case in.SessionID == "":
		return 0, nil, invalid("sessionId")
	case in.PartyID == "":
		return 0, nil, invalid("partyId")
	}
	s, err := c.session()
	if err != nil {
		return 0, nil, err
	}
	p, err := c.partyOf(in.SessionID, "sessionId", in.PartyID)
	if err == nil {
		err = c.owns(p)
	}
	if err != nil {
		return 0, nil, err
	}
	made, err := c.s.eng.bringIn(s, p)
	return http.StatusCreated, c.s.partyWire(&made), err
}

// Conference opens a conference of a person and returns its session; JoinConference is their phone that dials into it.
func (s *Server) Conference(extension string) (string, error) {
	id := ""
	err := s.change(func() error {
		u := s.dir.byNumber[extension]
		if u == nil {
			return noSuch("phone", extension)
		}
		id = s.eng.newConference(u).id
		return nil
	})
	return id, err
}

// JoinConference is the host's phone that dials into the conference.
func (s *Server) JoinConference(extension, sessionID string) error {
	return s.change(func() error {
		u, c, err := s.named(extension, sessionID)
		if err != nil {
			return err
		}
		if !u.online() {
			return offline()
		}
		return s.eng.enter(c, u)
	})
}

// BringIn takes a call of the host into a conference as the REST operation does.
func (s *Server) BringIn(extension, conferenceID, sessionID string) error {
	return s.change(func() error {
		_, conf, err := s.named(extension, conferenceID)
		if err != nil {
			return err
		}
		_, p, err := s.ownCall(extension, sessionID)
		if err != nil {
			return err
		}
		_, err = s.eng.bringIn(conf, p)
		return err
	})
}
