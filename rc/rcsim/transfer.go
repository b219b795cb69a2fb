package rcsim

import (
	"slices"
)

// Blind transfer, forward and reply (API sheet 7.5, 7.6).

// transfer: the party leaves, and the rest of the call goes on to the target.
func (e *engine) transfer(p *party, to target) error {
	if p.s.conf != nil || p.supervises {
		return notAllowed()
	}
	others := p.others()
	if !p.connected() || len(others) == 0 {
		return wrongState("transfer", p)
	}
	e.turn(p, codeDisconnected, e.transferReason(to))
	e.reach(p.s, others[0].info(), to)
	return nil
}

// transferReason is why a party that sends its call on is gone.
func (e *engine) transferReason(to target) string {
	if to.mailbox != nil && e.opt.Assume.VoicemailTransferReason {
		return "Voicemail"
	}
	return "BlindTransfer"
}

// forward: a call that rings goes on to the target unanswered; nobody else's phone rings for it any more.
func (e *engine) forward(p *party, to target) error {
	others := p.others()
	if !p.offered() || len(others) == 0 {
		return wrongState("forward", p)
	}
	e.turn(p, codeDisconnected, e.transferReason(to))
	for _, o := range p.s.parties {
		if o.offered() {
			e.turn(o, codeDisconnected, "")
		}
	}
	e.reach(p.s, others[0].info(), to)
	return nil
}

// reply: the caller hears a text instead of the person, and the party leaves.
func (e *engine) reply(p *party) error {
	if !p.offered() {
		return wrongState("reply", p)
	}
	if e.opt.Assume.ReplyThenVoicemail {
		e.toVoicemail(p, "CallReplied")
	} else {
		e.leave(p, "CallReplied")
	}
	return nil
}

// destination is the body of transfer and forward: exactly one of its fields.
type destination struct {
	PhoneNumber     *string `json:"phoneNumber"`
	ExtensionNumber *string `json:"extensionNumber"`
	ExtensionID     *string `json:"extensionId"`
	Voicemail       *string `json:"voicemail"`
	ParkOrbit       *string `json:"parkOrbit"`
}

// destination reads where a call is to go; a park location only when park is set.
func (c *call) destination(park bool) (target, error) {
	var in destination
	if err := c.decode(&in); err != nil {
		return target{}, err
	}
	if !park {
		in.ParkOrbit = nil
	}
	if n := given(in.PhoneNumber, in.ExtensionNumber, in.ExtensionID, in.Voicemail, in.ParkOrbit); n != 1 {
		return target{}, invalid("phoneNumber")
	}
	dir := c.s.dir
	switch {
	case in.PhoneNumber != nil:
		number, ok := e164(*in.PhoneNumber)
		if !ok {
			return target{}, invalid("phoneNumber")
		}
		return dir.dialled(number), nil
	case in.ExtensionNumber != nil:
		return found("extensionNumber")(dir.inside(*in.ExtensionNumber, c.user))
	case in.ExtensionID != nil:
		return found("extensionId")(dir.insideID(*in.ExtensionID, c.user))
	case in.Voicemail != nil:
		t, err := found("voicemail")(dir.insideID(*in.Voicemail, nil))
		return target{mailbox: &t}, err
	default:
		place := dir.parkLocation(*in.ParkOrbit)
		return target{place: place}, existing("parkOrbit", place != nil)
	}
}

func given(fields ...*string) int {
	return len(slices.DeleteFunc(fields, func(f *string) bool { return f == nil }))
}

func found(parameter string) func(target, bool) (target, error) {
	return func(t target, ok bool) (target, error) { return t, existing(parameter, ok) }
}

func existing(parameter string, ok bool) error {
	if !ok {
		return missing(parameter)
	}
	return nil
}

func (c *call) transfer() (int, any, error) {
	to, err := c.destination(true)
	if err != nil {
		return 0, nil, err
	}
	return c.act(func(p *party) error { return c.s.eng.transfer(p, to) })
}

func (c *call) forward() (int, any, error) {
	to, err := c.destination(false)
	if err != nil {
		return 0, nil, err
	}
	return byOwner(c.act(func(p *party) error { return c.s.eng.forward(p, to) }))
}

// reply takes a text, or a pattern with a time where the pattern names one.
func (c *call) reply() (int, any, error) {
	var in struct {
		ReplyWithText    *string `json:"replyWithText"`
		ReplyWithPattern *struct {
			Pattern  string `json:"pattern"`
			Time     *int   `json:"time"`
			TimeUnit string `json:"timeUnit"`
		} `json:"replyWithPattern"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	text, pattern := in.ReplyWithText, in.ReplyWithPattern
	patterns := []string{"WillCallYouBack", "CallMeBack", "OnMyWay", "OnTheOtherLine", "WillCallYouBackLater", "CallMeBackLater", "InAMeeting", "OnTheOtherLineNoCall"}
	switch {
	case (text == nil) == (pattern == nil), text != nil && *text == "":
		return 0, nil, invalid("replyWithText")
	case pattern == nil:
	case !slices.Contains(patterns, pattern.Pattern):
		return 0, nil, invalid("pattern")
	case pattern.Time != nil && *pattern.Time < 1:
		return 0, nil, invalid("time")
	case pattern.TimeUnit != "" && !slices.Contains([]string{"Minute", "Hour", "Day"}, pattern.TimeUnit):
		return 0, nil, invalid("timeUnit")
	}
	return byOwner(c.act(c.s.eng.reply))
}

// Transfer sends a person's call on unasked to an extension number, a queue, a park location's number or an outside number.
func (s *Server) Transfer(extension, sessionID, to string) error {
	return s.onCall(extension, "transfer", sessionID, func(p *party) error {
		t, ok := s.dir.reachable(to, p.user)
		if !ok {
			return noSuch("extension", to)
		}
		return s.eng.transfer(p, t)
	})
}

// TransferToVoicemail sends a person's call to the mailbox of an extension number.
func (s *Server) TransferToVoicemail(extension, sessionID, owner string) error {
	return s.onCall(extension, "transfer", sessionID, func(p *party) error {
		t, ok := s.dir.inside(owner, nil)
		if !ok {
			return noSuch("extension", owner)
		}
		return s.eng.transfer(p, target{mailbox: &t})
	})
}

// Forward sends a ringing call on, to what Transfer takes.
func (s *Server) Forward(extension, sessionID, to string) error {
	return s.onCall(extension, "forward", sessionID, func(p *party) error {
		t, ok := s.dir.reachable(to, p.user)
		if !ok {
			return noSuch("extension", to)
		}
		return s.eng.forward(p, t)
	})
}
