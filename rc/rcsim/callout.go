package rcsim

import (
	"net/http"
)

// Call-out: the platform rings the person's own phone and then calls the destination.

// callOut rings the device; the call goes on when it is picked up.
func (e *engine) callOut(u *User, device string, to target) *session {
	first := e.caller(u, device, partyInfo{PhoneNumber: to.info().PhoneNumber})
	first.callOut, first.solo = &to, true
	e.turn(first, codeSetup, "")
	e.startRing(first)
	return first.s
}

// pickedUp: the person's own phone is answered, so the destination is called.
func (e *engine) pickedUp(first *party) {
	to := *first.callOut
	first.callOut, first.solo = nil, false
	if first.stopRing != nil {
		first.stopRing()
		first.stopRing = nil
	}
	e.proceed(first, to)
}

// callOut answers with the session, its first party in Setup. A device that answers by itself does so when the answer is out.
func (c *call) callOut() (int, any, error) {
	var in struct {
		From struct {
			DeviceID string `json:"deviceId"`
		} `json:"from"`
		To struct {
			PhoneNumber     *string `json:"phoneNumber"`
			ExtensionNumber *string `json:"extensionNumber"`
		} `json:"to"`
	}
	if err := c.onNetwork(); err != nil {
		return 0, nil, err
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	d, ok := c.phone(in.From.DeviceID)
	switch {
	case !ok:
		return 0, nil, invalid("from.deviceId")
	case given(in.To.PhoneNumber, in.To.ExtensionNumber) != 1:
		return 0, nil, invalid("to")
	}
	var to target
	if in.To.PhoneNumber != nil {
		number, ok := e164(*in.To.PhoneNumber)
		if !ok {
			return 0, nil, invalid("to.phoneNumber")
		}
		to = c.s.dir.dialled(number)
	} else if to, ok = c.s.dir.inside(*in.To.ExtensionNumber, c.user); !ok || to.user == c.user {
		return 0, nil, invalid("to.extensionNumber")
	}
	if !d.Online {
		return 0, nil, notAllowedAs(c.s.opt.Assume.OfflineDeviceRefusal)
	}
	s := c.s.eng.callOut(c.user, d.ID, to)
	if c.s.opt.Assume.CallOutAutoAnswer {
		c.afterAnswer(func() { _ = c.s.eng.answer(s.parties[0]) }) // unless it has ended meanwhile
	}
	return http.StatusCreated, c.s.callSession(s), nil
}

// CallOut is an app that calls out of a person's phone, as the REST operation does; it returns the session id.
func (s *Server) CallOut(extension, to string) (string, error) {
	id := ""
	err := s.change(func() error {
		u := s.dir.byNumber[extension]
		if u == nil {
			return noSuch("phone", extension)
		}
		t, ok := s.dir.reachable(to, u)
		switch {
		case !ok, t.place != nil, t.user == u:
			return noSuch("extension", to)
		case !u.online():
			return offline()
		}
		id = s.eng.callOut(u, u.device(), t).id
		return nil
	})
	return id, err
}
