package rcsim

import (
	"net/http"
	"slices"
)

// How calls begin and where they go on to.

// target is where a call goes: an extension, a queue, an outside number, somebody's mailbox or a park location.
type target struct {
	user    *User
	queue   *Queue
	members []*User // of the queue
	number  string  // outside, E.164
	name    string
	mailbox *target // the user or queue whose mailbox it is
	place   *Service
}

// info is how the target is shown to who calls it from inside.
func (t target) info() partyInfo {
	switch {
	case t.user != nil:
		return userInfo(t.user)
	case t.queue != nil:
		return partyInfo{PhoneNumber: t.queue.Number, Name: t.queue.Name, ExtensionID: t.queue.ID}
	case t.mailbox != nil:
		return t.mailbox.info()
	case t.place != nil:
		return partyInfo{PhoneNumber: t.place.Number, Name: t.place.Name, ExtensionID: t.place.ID}
	default:
		return partyInfo{PhoneNumber: t.number, Name: t.name}
	}
}

// dialled is where an outside number leads: out, unless it is a number of the company.
func (d *directory) dialled(number string) target {
	if t, ok := d.inside(number, nil); ok {
		return t
	}
	return target{number: number, name: d.outsiderName(number)}
}

// inside is the person or queue with that extension number or direct number; a queue does not ring its caller.
func (d *directory) inside(number string, caller *User) (target, bool) {
	if u := d.find(number); u != nil {
		return target{user: u}, true
	}
	return d.ofQueue(d.queue(number), caller)
}

// insideID is the person or queue with that extension id.
func (d *directory) insideID(id string, caller *User) (target, bool) {
	if u := d.byID[id]; u != nil && u.AccountID == d.account.ID {
		return target{user: u}, true
	}
	return d.ofQueue(d.queuesByID[id], caller)
}

func (d *directory) ofQueue(q *Queue, caller *User) (target, bool) {
	if q == nil {
		return target{}, false
	}
	members := slices.DeleteFunc(d.takers(q), func(m *User) bool { return m == caller })
	return target{queue: q, members: members}, true
}

// reachable is whom a person means by what they key into a phone: an extension, a queue, a park location or an outside number.
func (d *directory) reachable(text string, caller *User) (target, bool) {
	if t, ok := d.inside(text, caller); ok {
		return t, true
	}
	if place := d.parkLocation(text); place != nil {
		return target{place: place}, true
	}
	number, ok := e164(text)
	return d.dialled(number), ok
}

func userInfo(u *User) partyInfo {
	return partyInfo{PhoneNumber: u.Number, Name: u.Name(), ExtensionID: u.ID}
}

// reach leads a session on to a target: its phone rings, or its mailbox or place takes the call. Who is in the call waits.
func (e *engine) reach(s *session, from partyInfo, to target) {
	info := to.info()
	switch {
	case to.user != nil:
		e.ring(s, to.user, from, info, false)
	case to.queue != nil:
		e.ringQueue(s, to.queue, from, info, to.members)
	case to.mailbox != nil:
		e.mailbox(s.add(&party{direction: inbound, user: to.mailbox.user, extID: info.ExtensionID, number: info.PhoneNumber, name: info.Name, from: from, to: info}))
	case to.place != nil:
		e.parkAt(s.add(&party{direction: inbound, extID: info.ExtensionID, number: info.PhoneNumber, name: info.Name, from: from, to: info}), to.place)
	default:
		far := s.add(&party{direction: inbound, number: to.number, name: to.name, from: from, to: partyInfo{PhoneNumber: to.number}})
		e.turn(far, codeProceeding, "")
		for _, o := range waiting(far) {
			if o.ringing() {
				e.turn(o, codeProceeding, "")
			} else {
				o.early = true
			}
		}
		e.startRing(far)
	}
}

// waiting is who waits for a new party: the one that is there. Several people go on talking to each other meanwhile.
func waiting(p *party) []*party {
	others := p.others()
	if len(others) > 1 {
		return nil
	}
	return others
}

// callIn: an outside caller rings an extension or a queue, through an IVR when asked for (7.1).
func (e *engine) callIn(number, name string, to target, ivr bool) *session {
	s := e.newSession()
	caller := partyInfo{PhoneNumber: number, Name: name}
	called := to.info()
	if to.user != nil {
		called.PhoneNumber = to.user.Direct
	} else {
		called.PhoneNumber = to.queue.Direct
	}
	first := s.add(&party{direction: outbound, number: number, name: name, from: caller, to: called})
	e.turn(first, codeSetup, "")
	if ivr {
		menu := s.add(&party{direction: inbound, extID: "400131599008", number: "399", name: "Main menu", from: caller, to: partyInfo{PhoneNumber: called.PhoneNumber, Name: "Main menu", ExtensionID: "400131599008"}})
		e.turn(menu, codeSetup, "")
		e.turn(first, codeAnswered, "")
		e.turn(menu, codeDisconnected, "")
	}
	if to.user != nil {
		e.ring(s, to.user, caller, called, false)
	} else {
		e.ringQueue(s, to.queue, caller, called, to.members)
	}
	return s
}

// caller is the first party of a call that a person makes.
func (e *engine) caller(u *User, device string, to partyInfo) *party {
	return e.newSession().add(&party{
		direction: outbound, user: u, extID: u.ID, number: u.Number, name: u.Name(), device: device,
		from: partyInfo{PhoneNumber: u.Direct, Name: u.Name(), ExtensionID: u.ID, DeviceID: device}, to: to,
	})
}

// dial: a person calls an extension (7.2: their party turns Answered before the other phone rings), a queue or an outside
// number (7.3: both parties tell the truth).
func (e *engine) dial(u *User, to target) *session {
	e.holdOthers(u, nil)
	first := e.caller(u, u.device(), partyInfo{PhoneNumber: to.info().PhoneNumber})
	if to.number != "" {
		first.from.Name = "" // as recorded (7.3)
	}
	e.turn(first, codeSetup, "")
	e.proceed(first, to)
	return first.s
}

// proceed calls whom a caller's first party wants.
func (e *engine) proceed(first *party, to target) {
	from := partyInfo{PhoneNumber: first.number, Name: first.name, ExtensionID: first.extID}
	if to.number != "" {
		from.PhoneNumber = first.from.PhoneNumber // outside sees the direct number
	} else {
		from.DeviceID = first.device
		first.to = to.info()
	}
	e.reach(first.s, from, to)
}

// dialPrompt: a person calls the main number and sits at its prompt, alone in the call.
func (e *engine) dialPrompt(u *User, main string) *session {
	e.holdOthers(u, nil)
	first := e.caller(u, u.device(), partyInfo{PhoneNumber: main})
	first.solo = true
	e.turn(first, codeSetup, "")
	e.turn(first, codeAnswered, "")
	return first.s
}

// join: one more extension is in the call, as a supervisor who barges in by star code. How RingCentral tells it is not known.
func (e *engine) join(s *session, u *User) error {
	for _, p := range s.parties {
		if p.established() {
			m := s.add(&party{direction: inbound, user: u, extID: u.ID, number: u.Number, name: u.Name(), from: s.parties[0].from, to: userInfo(u)})
			e.turn(m, codeSetup, "")
			e.turn(m, codeAnswered, "")
			return nil
		}
	}
	return refuse(http.StatusConflict, "TAS-102", "Incorrect State")
}
