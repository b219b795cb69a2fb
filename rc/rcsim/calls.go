package rcsim

import (
	"cmp"
	"net/http"
	"slices"
)

// The call-control verbs of REST (API sheet, section 4).

func (c *call) session() (*session, error) {
	return c.sessionOf(c.r.PathValue("telephonySessionId"), "telephonySessionId")
}

// sessionOf is the session that a parameter names.
func (c *call) sessionOf(id, parameter string) (*session, error) {
	s := c.s.eng.find(id)
	if s == nil || c.user.AccountID != c.s.dir.account.ID {
		return nil, c.noSession(parameter)
	}
	return s, nil
}

// noSession is the 404 of sessions and parties; its code is an assumption (11.4).
func (c *call) noSession(parameter string) error {
	r := missing(parameter)
	r.code = cmp.Or(c.s.opt.Assume.NotFoundCode, r.code)
	return r
}

func (c *call) party() (*party, error) {
	return c.partyOf(c.r.PathValue("telephonySessionId"), "telephonySessionId", c.r.PathValue("partyId"))
}

// partyOf is a party of the session that a parameter names.
func (c *call) partyOf(session, parameter, id string) (*party, error) {
	s, err := c.sessionOf(session, parameter)
	if err != nil {
		return nil, err
	}
	p := s.party(id)
	if p == nil {
		return nil, c.noSession("partyId")
	}
	return p, nil
}

// ownParty is the path's party, which must be the caller's.
func (c *call) ownParty() (*party, error) {
	p, err := c.party()
	if err != nil {
		return nil, err
	}
	return p, c.owns(p)
}

func (c *call) owns(p *party) error {
	if p.extID != c.user.ID && !c.s.opt.Assume.OthersMayControl {
		return notAllowed()
	}
	return nil
}

func (c *call) getSession() (int, any, error) {
	s, err := c.session()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.sessionWire(s), nil
}

func (c *call) getParty() (int, any, error) {
	p, err := c.party()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.partyWire(p), nil
}

// dropSession ends a call for everybody in it.
func (c *call) dropSession() (int, any, error) {
	s, err := c.session()
	if err != nil {
		return 0, nil, err
	}
	switch {
	case !c.s.eng.mayDrop(s, c.user):
		return 0, nil, notAllowed()
	case !s.ended.IsZero() || (s.conf == nil && !slices.ContainsFunc(s.parties, (*party).alive)):
		return 0, nil, c.noSession("telephonySessionId")
	}
	c.s.eng.drop(s, s.of(c.user.ID))
	return http.StatusNoContent, nil, nil
}

// act runs an engine operation on the caller's own party and answers with the party.
func (c *call) act(do func(*party) error) (int, any, error) {
	p, err := c.ownParty()
	if err == nil {
		err = do(p)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.partyWire(p), nil
}

// hold takes a protocol, which changes nothing here.
func (c *call) hold() (int, any, error) {
	in := struct {
		Proto string `json:"proto"`
	}{"Auto"}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if !slices.Contains([]string{"Auto", "RC", "BroadWorks", "DisconnectHolder", "BroadWorksOrDisconnectHolder"}, in.Proto) {
		return 0, nil, invalid("proto")
	}
	return c.act(func(p *party) error { return c.s.eng.hold(p, true) })
}

func (c *call) unhold() (int, any, error) {
	return c.act(func(p *party) error { return c.s.eng.unhold(p, true) })
}

// patchParty takes both shapes that are in use: {"muted":true} and {"party":{"muted":true}}.
func (c *call) patchParty() (int, any, error) {
	type fields struct {
		Muted      *bool `json:"muted"`
		StandAlone *bool `json:"standAlone"`
	}
	var in struct {
		fields
		Party *fields `json:"party"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Party != nil {
		in.fields = *in.Party
	}
	if in.Muted == nil && in.StandAlone == nil {
		return 0, nil, invalid("muted")
	}
	return c.act(func(p *party) error {
		return c.s.eng.set(p, *cmp.Or(in.Muted, &p.muted), *cmp.Or(in.StandAlone, &p.standAlone))
	})
}

// onNetwork refuses guests: their account has no phones here.
func (c *call) onNetwork() error {
	if c.user.AccountID != c.s.dir.account.ID {
		return notAllowed()
	}
	return nil
}

// deviceOfBody is the caller's own device that the body names; it must be online.
func (c *call) deviceOfBody() (Device, error) {
	var in struct {
		DeviceID string `json:"deviceId"`
	}
	if err := c.decode(&in); err != nil {
		return Device{}, err
	}
	d, ok := c.phone(in.DeviceID)
	if !ok || !d.Online {
		return Device{}, invalid("deviceId")
	}
	return d, nil
}

// phone is the caller's own device of that id; ids of RingCentral apps are no phones unless it is assumed (11.13).
func (c *call) phone(id string) (Device, bool) {
	own := c.user.Devices
	if c.s.opt.Assume.WebDevices {
		own = slices.Concat(own, c.user.WebPhones)
	}
	i := slices.IndexFunc(own, func(d Device) bool { return d.ID == id })
	if i < 0 {
		return Device{}, false
	}
	return own[i], true
}

// answer takes the call with one of the caller's own devices.
func (c *call) answer() (int, any, error) {
	d, err := c.deviceOfBody()
	if err != nil {
		return 0, nil, err
	}
	return c.act(func(p *party) error {
		if p.direction != inbound {
			return wrongState("answer", p) // the phone of a call-out rings, and an app does not answer it
		}
		if err := c.s.eng.answer(p); err != nil {
			return err
		}
		p.device = d.ID
		return nil
	})
}

func (c *call) reject() (int, any, error) {
	_, _, err := c.act(func(p *party) error {
		if p.direction != inbound {
			return wrongState("reject", p)
		}
		return c.s.eng.reject(p)
	})
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

// deleteParty removes a party: from a conference, from park, from supervision. What it does on an ordinary call is not known
// (API sheet 11.16).
func (c *call) deleteParty() (int, any, error) {
	var in struct {
		KeepConferenceAlive bool `json:"keepConferenceAlive"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	p, err := c.party()
	if err != nil {
		return 0, nil, err
	}
	conf := p.s.conf
	if conf == nil || conf.host != c.user {
		err = c.owns(p)
	}
	if p.supervises && p.peer != nil && p.peer.alive() {
		p = p.peer // the link in the supervised session leads to the supervisor's own leg
	}
	removable := conf != nil || p.code == codeParked || p.supervises || c.s.eng.supervised(p)
	switch {
	case err != nil:
	case !p.alive() && !slices.Contains(p.s.broughtIn(), p):
		err = c.noSession("partyId")
	case conf != nil:
		c.s.eng.removeFrom(p.s, p, in.KeepConferenceAlive)
	case !removable && !c.s.opt.Assume.DeletePartyHangsUp:
		err = notAllowed()
	default:
		c.s.eng.leave(p, "")
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

// bridgeEnds checks a bridge request in the order that API sheet 11.2 assumes: fields, existence, ownership; the state is
// the engine's to judge.
func (c *call) bridgeEnds() (path, body *party, err error) {
	var in struct {
		TelephonySessionID string `json:"telephonySessionId"`
		PartyID            string `json:"partyId"`
	}
	if err = c.decode(&in); err != nil {
		return nil, nil, err
	}
	switch {
	case in.TelephonySessionID == "":
		return nil, nil, invalid("telephonySessionId")
	case in.PartyID == "":
		return nil, nil, invalid("partyId")
	case in.TelephonySessionID == c.r.PathValue("telephonySessionId"):
		return nil, nil, invalid("telephonySessionId")
	}
	if path, err = c.party(); err != nil {
		return nil, nil, err
	}
	if body, err = c.partyOf(in.TelephonySessionID, "telephonySessionId", in.PartyID); err != nil {
		return nil, nil, err
	}
	for _, p := range []*party{path, body} {
		if err = c.owns(p); err != nil {
			return nil, nil, err
		}
	}
	return path, body, nil
}

// bridge is Complete transfer (API sheet, section 5): the answer is the path party, Gone.
func (c *call) bridge() (int, any, error) {
	path, body, err := c.bridgeEnds()
	if err == nil {
		err = c.s.eng.bridge(path, body)
	}
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.s.partyWire(path), nil
}
