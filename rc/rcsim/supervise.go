package rcsim

import (
	"cmp"
	"net/http"
	"slices"
)

// Supervision (API sheet, sections 7.9 and 8): a supervisor listens to a call and is never heard.

// supervision is what a supervisor asks for.
type supervision struct {
	by         *User
	device     string
	autoAnswer bool
	perParty   bool // one party's sound: a second request gives the other one's
}

// mayListen says why a party cannot be supervised; what the refusals look like is not known (11.4).
func (e *engine) mayListen(p *party, how supervision) error {
	refused := notAllowedAs(e.opt.Assume.SuperviseRefusal)
	if !p.established() {
		if how.perParty {
			return wrongState("supervise", p)
		}
		return refused // 409 is not declared for sessions
	}
	if p.s.conf != nil || (how.perParty && len(p.s.live()) > 2) {
		return refused
	}
	circle := p.s.circle()
	for _, m := range e.supervisors() {
		if !slices.Contains(circle, m.hears.s) {
			continue
		}
		second := how.perParty && m.user == how.by && m.device == how.device && m.hears != p
		if !second {
			return refused
		}
	}
	return nil
}

// supervise calls the supervisor's device, which hears the party. The party that the request made is a link in the
// supervised session, Gone to the call on the device (or that call's own party, Assumptions.SuperviseInSession); it is
// returned as it was in Setup.
func (e *engine) supervise(p *party, how supervision) (party, error) {
	if err := e.mayListen(p, how); err != nil {
		return party{}, err
	}
	to := userInfo(how.by)
	to.DeviceID = how.device
	end := func(s *session) *party {
		m := s.add(&party{
			direction: inbound, user: how.by, extID: how.by.ID, number: how.by.Number, name: how.by.Name(), device: how.device, supervises: true,
			from: p.info(), to: to,
		})
		e.turn(m, codeSetup, "")
		return m
	}
	leg := end(p.s)
	made := *leg
	if !e.opt.Assume.SuperviseInSession {
		link := leg
		leg = end(e.newSession())
		leg.peer, link.peer = link, leg
		e.turn(link, codeGone, "Supervising")
	}
	leg.hears = p
	leg.pickup = true
	e.turn(leg, codeProceeding, "")
	if how.autoAnswer {
		return made, e.answer(leg)
	}
	e.startRing(leg)
	return made, nil
}

// superviseBody is the body of both operations; deviceId and extensionNumber are the deprecated names.
type superviseBody struct {
	Mode                 string `json:"mode"`
	SupervisorDeviceID   string `json:"supervisorDeviceId"`
	DeviceID             string `json:"deviceId"`
	AgentExtensionID     string `json:"agentExtensionId"`
	AgentExtensionNumber string `json:"agentExtensionNumber"`
	ExtensionNumber      string `json:"extensionNumber"`
	AutoAnswer           *bool  `json:"autoAnswer"`
	MediaSDP             string `json:"mediaSDP"`
}

// supervision reads the body: whom the caller wants to hear and how.
func (c *call) supervision(perParty bool) (agent *User, how supervision, err error) {
	var in superviseBody
	if err = c.decode(&in); err != nil {
		return nil, how, err
	}
	device := cmp.Or(in.SupervisorDeviceID, in.DeviceID)
	number := cmp.Or(in.AgentExtensionNumber, in.ExtensionNumber)
	if perParty {
		number = ""
	}
	switch {
	case in.Mode != "Listen":
		return nil, how, invalid("mode")
	case (in.AgentExtensionID == "") == (number == ""):
		return nil, how, invalid("agentExtensionId")
	case in.MediaSDP != "" && in.MediaSDP != "sendOnly" && in.MediaSDP != "sendRecv":
		return nil, how, invalid("mediaSDP")
	}
	d, ok := c.phone(device)
	if !ok {
		return nil, how, invalid("supervisorDeviceId")
	}
	agent = c.s.dir.byID[in.AgentExtensionID]
	if number != "" {
		agent = c.s.dir.byNumber[number]
	}
	if agent == nil {
		return nil, how, missing("agentExtensionId")
	}
	if !d.Online || !c.s.dir.monitors(c.user, agent) {
		return nil, how, notAllowedAs(c.s.opt.Assume.SuperviseRefusal)
	}
	return agent, supervision{by: c.user, device: d.ID, autoAnswer: in.AutoAnswer == nil || *in.AutoAnswer, perParty: perParty}, nil
}

func (c *call) superviseSession() (int, any, error) {
	agent, how, err := c.supervision(false)
	if err != nil {
		return 0, nil, err
	}
	s, err := c.session()
	if err != nil {
		return 0, nil, err
	}
	p := s.of(agent.ID)
	if p == nil {
		return 0, nil, missing("agentExtensionId")
	}
	made, err := c.s.eng.supervise(p, how)
	return http.StatusCreated, c.s.monitorWire(&made), err
}

// superviseParty: the party may be either end of the agent's call.
func (c *call) superviseParty() (int, any, error) {
	agent, how, err := c.supervision(true)
	if err != nil {
		return 0, nil, err
	}
	p, err := c.party()
	if err != nil {
		return 0, nil, err
	}
	if own := p.s.of(agent.ID); own == nil || !own.alive() {
		return 0, nil, missing("agentExtensionId")
	}
	made, err := c.s.eng.supervise(p, how)
	return http.StatusCreated, c.s.monitorWire(&made), err
}

// Supervise lets a supervisor's phone listen to an agent's call; it returns the session of the supervisor's own leg.
func (s *Server) Supervise(supervisor, agent, sessionID string) (string, error) {
	id := ""
	err := s.change(func() error {
		by, a, c := s.dir.byNumber[supervisor], s.dir.byNumber[agent], s.eng.find(sessionID)
		switch {
		case by == nil || a == nil:
			return noSuch("phone", supervisor+" or "+agent)
		case c == nil || c.of(a.ID) == nil:
			return noSuch("call", sessionID)
		case !by.online():
			return offline()
		case !s.dir.monitors(by, a):
			return notAllowed()
		}
		made, err := s.eng.supervise(c.of(a.ID), supervision{by: by, device: by.device(), autoAnswer: true})
		if err == nil {
			id = cmp.Or(made.s.party(made.id).peer, &made).s.id
		}
		return err
	})
	return id, err
}
