package rcsim

import (
	"net/http"
	"slices"
	"strings"
)

// A call that moves to another phone of the same person (API sheet 7.10): flip calls a forwarding number, a switch takes
// it to another device.

// flip: the other side is put on hold and the forwarding number rings; when it is answered the old leg leaves.
func (e *engine) flip(p *party, to ForwardingNumber) error {
	if p.s.conf != nil || p.supervises {
		return notAllowed()
	}
	under := func(o *party) bool { return o.replaces == p && o.ringing() }
	if !p.connected() || len(p.others()) == 0 || p.user == nil || slices.ContainsFunc(p.s.parties, under) {
		return wrongState("flip", p)
	}
	from := p.others()[0].info()
	held := !p.held()
	if held {
		p.restHold = true
		e.turn(p, codeHold, "")
	}
	mobile := p.s.add(&party{
		direction: inbound, user: p.user, extID: p.extID, number: p.number, name: p.name, mobile: to.Number, replaces: p, flipHeld: held,
		from: from, to: partyInfo{PhoneNumber: to.Number, Name: p.name, ExtensionID: p.extID},
	})
	e.turn(mobile, codeProceeding, "")
	e.startRing(mobile)
	return nil
}

// flipFailed: nobody answered at the forwarding number, so the old leg goes on.
func (e *engine) flipFailed(mobile *party, reason string) {
	old := mobile.replaces
	mobile.replaces = nil
	e.turn(mobile, codeDisconnected, reason)
	if mobile.flipHeld && old.restHold {
		old.restHold = false
		if !old.held() {
			e.turn(old, codeAnswered, "")
		}
	}
}

// switchTo: another device of the same person takes the call; one that rings is picked up there.
func (e *engine) switchTo(p *party, device string) error {
	reason := "CallSwitch"
	switch {
	case p.user == nil, p.s.conf != nil, p.supervises, p.solo, p.replaces != nil:
		return notAllowed()
	case p.offered():
		reason = "Pickup"
		e.holdOthers(p.user, p.s)
	case !p.connected():
		return wrongState("switch", p)
	}
	next := &party{direction: p.direction, user: p.user, extID: p.extID, number: p.number, name: p.name, device: device, from: p.from, to: p.to, queueCall: p.queueCall}
	if p.direction == outbound {
		next.from.DeviceID = device
	}
	e.handOver(p, p.s.add(next))
	e.turn(p, codeDisconnected, reason)
	e.taken(next)
	return nil
}

// handOver gives a party's recordings and supervisors to the one that takes its place.
func (e *engine) handOver(from, to *party) {
	to.recordings = slices.Clone(from.recordings)
	for _, m := range e.supervisors() {
		if m.hears == from {
			m.hears = to
		}
	}
}

// flip takes the flip number with or without its star.
func (c *call) flip() (int, any, error) {
	var in struct {
		CallFlipID string `json:"callFlipId"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	to, ok := c.user.flipNumber(in.CallFlipID)
	if !ok {
		return 0, nil, invalid("callFlipId")
	}
	if _, _, err := c.act(func(p *party) error { return c.s.eng.flip(p, to) }); err != nil {
		return 0, nil, err
	}
	return http.StatusOK, nil, nil
}

func (u *User) flipNumber(id string) (ForwardingNumber, bool) {
	id = strings.TrimPrefix(id, "*")
	for _, f := range u.Forwarding {
		if f.Flip != "" && f.Flip == id {
			return f, true
		}
	}
	return ForwardingNumber{}, false
}

// Flip moves a person's call to their forwarding number with that flip number (2 or *2); OutsideAnswer takes it there.
func (s *Server) Flip(extension, sessionID, flipNumber string) error {
	return s.onCall(extension, "flip", sessionID, func(p *party) error {
		to, ok := p.user.flipNumber(flipNumber)
		if !ok {
			return noSuch("flip number", flipNumber)
		}
		return s.eng.flip(p, to)
	})
}

// Switch takes a person's call, ringing or not, to another device of theirs; an empty device is the other one that is online.
func (s *Server) Switch(extension, sessionID, device string) error {
	return s.onCall(extension, "switch", sessionID, func(p *party) error {
		now := p.device
		if now == "" {
			now = p.user.device()
		}
		for _, d := range p.user.Devices {
			if d.Online && d.ID != now && (device == "" || device == d.ID) {
				return s.eng.switchTo(p, d.ID)
			}
		}
		return refuse(http.StatusConflict, "TAS-102", "No such other device of this person is online")
	})
}
