package rcsim

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// Call park (API sheet 7.7): a slot that any phone dials (*801 to *899), or a park location whose members pick up.

const (
	firstSlot, lastSlot = 801, 899
	mostParked          = 50
)

// park: the caller is left in a slot and the person is free; only a call that came in can be parked.
func (e *engine) park(p *party) error {
	switch {
	case p.direction != inbound, p.s.conf != nil, p.supervises:
		return notAllowed()
	case !p.connected(), len(p.others()) == 0:
		return wrongState("park", p)
	}
	slot, ok := e.freeSlot()
	if !ok {
		return notAllowed()
	}
	p.restHold, p.deviceHold, p.standAlone = false, false, false
	p.park = slot
	if !e.opt.Assume.ParkLeavesParty {
		e.turn(p, codeParked, "CallPark")
		return nil
	}
	left := p.s.add(&party{direction: inbound, number: slot, name: "Call park", from: p.from, to: partyInfo{PhoneNumber: slot}, park: slot})
	e.turn(p, codeDisconnected, "CallPark")
	e.turn(left, codeParked, "CallPark")
	return nil
}

// parked are the calls in slots.
func (e *engine) parked() []*party {
	return e.alive(anyParked, (*party).inSlot)
}

func (p *party) inSlot() bool { return p.code == codeParked && strings.HasPrefix(p.park, "*") }

// freeSlot is the lowest slot without a call; false means that as many calls are parked as may be.
func (e *engine) freeSlot() (string, bool) {
	taken := map[string]bool{}
	for _, p := range e.parked() {
		taken[p.park] = true
	}
	for n := firstSlot; n <= lastSlot && len(taken) < mostParked; n++ {
		if slot := "*" + strconv.Itoa(n); !taken[slot] {
			return slot, true
		}
	}
	return "", false
}

// parkAt leaves a call at a park location.
func (e *engine) parkAt(p *party, place *Service) {
	p.park = place.ID
	for _, o := range waiting(p) {
		if o.ringing() {
			e.turn(o, codeAnswered, "")
		}
	}
	e.turn(p, codeParked, "ParkLocation")
}

// unpark: a phone dials a slot. The parked party is Gone to the new call, which talks across the two sessions.
func (e *engine) unpark(u *User, device string, parked *party) *party {
	e.holdOthers(u, nil)
	first := e.caller(u, device, partyInfo{PhoneNumber: parked.park})
	e.turn(first, codeSetup, "")
	e.turn(first, codeAnswered, "")
	end := first.s.add(&party{direction: inbound, number: parked.park, name: "Call park", from: userInfo(u), to: first.to, peer: parked})
	first.s.join(parked.s)
	parked.peer = end
	e.turn(parked, codeGone, "Pickup")
	e.turn(end, codeGone, "Pickup")
	return first
}

// collect: a member picks a call up from a park location, in the same session.
func (e *engine) collect(u *User, device string, parked *party) *party {
	e.holdOthers(u, nil)
	p := parked.s.add(&party{direction: inbound, user: u, extID: u.ID, number: u.Number, name: u.Name(), device: device, from: parked.from, to: userInfo(u)})
	e.turn(parked, codeDisconnected, "Pickup")
	e.turn(p, codeSetup, "")
	e.taken(p)
	return p
}

// pickUp takes a parked call, wherever it is parked.
func (e *engine) pickUp(u *User, device string, parked *party) (*party, error) {
	if parked.code != codeParked {
		return nil, wrongState("pickup", parked)
	}
	if parked.inSlot() {
		return e.unpark(u, device, parked), nil
	}
	return e.collect(u, device, parked), nil
}

// park answers with the party that parked.
func (c *call) park() (int, any, error) {
	_, w, err := c.act(c.s.eng.park)
	return http.StatusCreated, w, err
}

// pickup takes a call from a park location whose member the caller is, and answers with the new party.
func (c *call) pickup() (int, any, error) {
	d, err := c.deviceOfBody()
	if err != nil {
		return 0, nil, err
	}
	parked, err := c.party()
	if err != nil {
		return 0, nil, err
	}
	place := c.s.dir.parkLocation(parked.park)
	if parked.code == codeParked && !place.collects(c.user) && (!parked.inSlot() || !c.s.opt.Assume.PickupFromSlots) {
		return 0, nil, notAllowed()
	}
	p, err := c.s.eng.pickUp(c.user, d.ID, parked)
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, c.s.partyWire(p), nil
}

// collects reports whether the person may pick up what is parked there.
func (v *Service) collects(u *User) bool { return v != nil && slices.Contains(v.Members, u.Number) }

// parkLocation is the park location with that extension id or number.
func (d *directory) parkLocation(name string) *Service {
	v := d.servicesByID[name]
	if v == nil {
		v = d.services[name]
	}
	if v == nil || v.Type != TypeParkLocation {
		return nil
	}
	return v
}

// Park parks a person's call and returns the slot to dial.
func (s *Server) Park(extension, sessionID string) (string, error) {
	slot := ""
	err := s.onCall(extension, "park", sessionID, func(p *party) error {
		err := s.eng.park(p)
		slot = p.park
		return err
	})
	return slot, err
}

// PickUp is a phone that takes a parked call: by the slot that it dials, or by the session that waits at a park location
// (empty: the only one). It returns the session that the person is in now.
func (s *Server) PickUp(extension, where string) (string, error) {
	id := ""
	err := s.change(func() error {
		u := s.dir.byNumber[extension]
		if u == nil {
			return noSuch("phone", extension)
		}
		p, err := s.pickUp(u, where)
		if err == nil {
			id = p.s.id
		}
		return err
	})
	return id, err
}

func (s *Server) pickUp(u *User, where string) (*party, error) {
	waiting := s.eng.alive(anyParked, func(p *party) bool {
		return where == p.park || where == p.s.id || where == ""
	})
	switch {
	case !u.online():
		return nil, offline()
	case len(waiting) == 0:
		return nil, noSuch("parked call", where)
	case len(waiting) > 1:
		return nil, refuse(http.StatusConflict, "TAS-102", "More than one call is parked: say which")
	case !waiting[0].inSlot() && !s.dir.parkLocation(waiting[0].park).collects(u):
		return nil, notAllowed()
	}
	return s.eng.pickUp(u, u.device(), waiting[0])
}
