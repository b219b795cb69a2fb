package rcsim

import (
	"net/http"
	"slices"
)

// RingOut (API sheet, section 9): the platform rings a phone of the person first, their own or any other number, and calls the
// destination when it is picked up.

const originRingOut = "RingOut"

func ringOutOperations() []operation {
	const path = pathExtension + "/ring-out"
	return []operation{
		{name: "ringOut", method: http.MethodPost, path: path, group: groupHeavy, scope: "RingOut", serve: (*call).ringOut, pretend: onCopy((*call).ringOut), acts: true},
		{name: "readRingOut", method: http.MethodGet, path: path + "/{ringoutId}", group: groupLight, scope: "RingOut", serve: (*call).readRingOut},
		{name: "cancelRingOut", method: http.MethodDelete, path: path + "/{ringoutId}", group: groupHeavy, scope: "RingOut", serve: (*call).cancelRingOut, pretend: pretendDone, acts: true},
	}
}

type ringOutWire struct {
	URI    string `json:"uri"`
	ID     string `json:"id"`
	Status struct {
		CallStatus   string `json:"callStatus"`
		CallerStatus string `json:"callerStatus"`
		CalleeStatus string `json:"calleeStatus"`
	} `json:"status"`
}

// ringOut begins the call. from is a number of the person's own, one of their forwarding numbers, or any other number, whose
// phone rings first; callerId is what the destination sees.
func (c *call) ringOut() (int, any, error) {
	u, err := c.ringOutOwner()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		From struct {
			PhoneNumber        string `json:"phoneNumber"`
			ForwardingNumberID string `json:"forwardingNumberId"`
		} `json:"from"`
		To struct {
			PhoneNumber string `json:"phoneNumber"`
		} `json:"to"`
		CallerID struct {
			PhoneNumber string `json:"phoneNumber"`
		} `json:"callerId"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	from := in.From.PhoneNumber
	if i := slices.IndexFunc(u.Forwarding, func(f ForwardingNumber) bool { return f.ID == in.From.ForwardingNumberID }); from == "" && i >= 0 {
		from = u.Forwarding[i].Number
	}
	mobile := ""
	if from != u.Number && from != u.Direct {
		number, ok := e164(from)
		if !ok || c.s.dir.find(number) != nil {
			return 0, nil, invalid("from.phoneNumber")
		}
		mobile = number
	}
	to, ok := c.s.dir.reachable(in.To.PhoneNumber, u)
	if !ok || to.place != nil || to.user == u {
		return 0, nil, invalid("to.phoneNumber")
	}
	shown := u.Direct
	if in.CallerID.PhoneNumber != "" {
		if in.CallerID.PhoneNumber != u.Direct && in.CallerID.PhoneNumber != c.s.dir.account.MainNumber {
			return 0, nil, invalid("callerId.phoneNumber")
		}
		shown = in.CallerID.PhoneNumber
	}
	if mobile == "" && !u.online() {
		return 0, nil, notAllowedAs(c.s.opt.Assume.OfflineDeviceRefusal)
	}
	return http.StatusOK, c.ringOutWire(c.s.eng.ringOut(u, mobile, shown, to)), nil
}

// ringOut rings the person's own phone, or the outside one, and then calls the destination.
func (e *engine) ringOut(u *User, mobile, shown string, to target) *session {
	first := e.caller(u, u.device(), partyInfo{PhoneNumber: to.info().PhoneNumber})
	if mobile != "" {
		first.device, first.from.DeviceID = "", ""
	}
	first.s.origin, first.mobile, first.from.PhoneNumber = originRingOut, mobile, shown
	first.callOut, first.solo = &to, true
	e.turn(first, codeSetup, "")
	e.startRing(first)
	return first.s
}

// ringOutRole is what REST says about a party of a RingOut call.
func (p *party) ringOutRole() string {
	switch {
	case p.s == nil || p.s.origin != originRingOut: // a refused supervisor never had a session
		return ""
	case p.n == 1:
		return "Initiator"
	default:
		return "Target"
	}
}

// ringOutOwner is the person of the path, who must be the caller.
func (c *call) ringOutOwner() (*User, error) {
	u, err := c.extension()
	if err == nil && u != c.user {
		err = notOwnExtension()
	}
	return u, err
}

// ringOutSession is the RingOut call that the path names.
func (c *call) ringOutSession() (*session, error) {
	u, err := c.ringOutOwner()
	if err != nil {
		return nil, err
	}
	s := c.s.eng.find(c.r.PathValue("ringoutId"))
	if s == nil || s.origin != originRingOut || s.parties[0].user != u {
		return nil, missing("ringoutId")
	}
	return s, nil
}

// ringOutWire tells how far the two legs have come.
func (c *call) ringOutWire(s *session) ringOutWire {
	w := ringOutWire{URI: c.extensionURI(s.parties[0].extID) + "/ring-out/" + s.id, ID: s.id}
	leg := func(p *party) string {
		switch {
		case !p.answered.IsZero():
			return "Success"
		case p.alive():
			return "InProgress"
		case p.reason == "TargetBusy":
			return "Busy"
		case p.reason == "Rejected":
			return "Rejected"
		default:
			return "NoAnswer"
		}
	}
	first := s.parties[0]
	w.Status.CallerStatus = leg(first)
	if first.callOut == nil && first.answered.IsZero() && first.alive() {
		w.Status.CallerStatus = "Success" // picked up, and waiting for the other one
	}
	w.Status.CalleeStatus = "InProgress"
	for _, p := range s.parties[1:] {
		w.Status.CalleeStatus = leg(p)
	}
	switch {
	case s.ended.IsZero() && w.Status.CallerStatus == "Success" && w.Status.CalleeStatus == "Success":
		w.Status.CallStatus = "Success"
	case s.ended.IsZero():
		w.Status.CallStatus = "InProgress"
	case w.Status.CalleeStatus == "Success":
		w.Status.CallStatus = "Finished"
	default:
		w.Status.CallStatus = "CannotReach"
	}
	return w
}

func (c *call) readRingOut() (int, any, error) {
	s, err := c.ringOutSession()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.ringOutWire(s), nil
}

// cancelRingOut ends a RingOut that is not connected yet; afterwards it is an ordinary call.
func (c *call) cancelRingOut() (int, any, error) {
	s, err := c.ringOutSession()
	if err != nil {
		return 0, nil, err
	}
	if c.ringOutWire(s).Status.CallStatus != "InProgress" {
		return 0, nil, missing("ringoutId")
	}
	c.s.eng.drop(s, s.parties[0])
	return http.StatusNoContent, nil, nil
}
