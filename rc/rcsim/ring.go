package rcsim

import "slices"

// Ringing phones: who answers, who does not, and the mailbox.

// ring adds the party of an extension that is called and rings its phone; the caller's party turns Answered first (7.2).
func (e *engine) ring(s *session, to *User, from, called partyInfo, queue bool) {
	p := s.add(&party{direction: inbound, user: to, extID: to.ID, number: to.Number, name: to.Name(), from: from, to: called, queueCall: queue})
	e.turn(p, codeSetup, "")
	e.wait(p)
	if !to.takes(queue) {
		e.toVoicemail(p, "")
		return
	}
	p.pickup = true
	e.turn(p, codeProceeding, "")
	e.startRing(p)
}

// wait lets who is in the call hear the ringing of p: a caller's party says Answered from here on.
func (e *engine) wait(p *party) {
	for _, o := range waiting(p) {
		o.early = true
		if o.code == codeSetup {
			e.turn(o, codeAnswered, "")
		}
	}
}

func (e *engine) startRing(p *party) {
	if e.opt.RingTimeout > 0 {
		p.stopRing = e.after(e.opt.RingTimeout, func() {
			p.stopRing = nil
			e.noAnswer(p)
		})
	}
}

// noAnswer: Proceeding -> VoiceMail, the queue's next member, or the end of the call.
func (e *engine) noAnswer(p *party) {
	if !p.ringing() {
		return
	}
	if p.queueCall {
		e.toVoicemail(p, e.agent("AgentDropped"))
		return
	}
	e.toVoicemail(p, "NoAnswer")
}

// toVoicemail sends a ringing call to the mailbox of who was called; a queue tries its other members first. Without a
// mailbox, or while other phones ring for the same call, the party just leaves.
func (e *engine) toVoicemail(p *party, reason string) {
	others := slices.ContainsFunc(p.s.parties, func(o *party) bool { return o != p && o.offered() })
	switch {
	case !p.offered(), p.extID == "", others:
		e.leave(p, reason)
		return
	case p.queueCall:
		e.end(p, reason)
		if e.ringMembers(p.s) {
			return
		}
	case e.opt.NoVoicemail:
		e.leave(p, reason)
		return
	case e.opt.Assume.VoicemailSameParty:
		p.missed = true
		e.mailbox(p)
		return
	default:
		e.end(p, reason)
	}
	if e.opt.NoVoicemail {
		e.settle(p.s)
		return
	}
	box := &party{direction: inbound, user: p.user, extID: p.extID, number: p.number, name: p.name, from: p.from, to: p.to, queueCall: p.queueCall}
	if p.queueCall {
		q := p.s.queue.queue
		box.user, box.extID, box.number, box.name = nil, q.ID, q.Number, q.Name
	}
	e.mailbox(p.s.add(box))
}

// mailbox makes a party the voicemail box; whoever called is connected to it.
func (e *engine) mailbox(box *party) {
	e.turn(box, codeVoiceMail, "")
	e.connect(box.s)
	e.settle(box.s)
}

// connect ends the waiting of everybody in the call: an early Answered becomes a true one, a caller turns Answered.
func (e *engine) connect(s *session) {
	for _, o := range s.live() {
		if o.early {
			o.early = false
			if o.answered.IsZero() {
				o.answered = e.now()
			}
		}
		if o.ringing() && !o.rings() {
			e.turn(o, codeAnswered, "")
		}
	}
}

// answer: Proceeding -> Answered; the other phones of a queue stop ringing. A call-out goes on to whom it calls.
func (e *engine) answer(p *party) error {
	if !p.rings() {
		return wrongState("answer", p)
	}
	if p.mobile == "" {
		e.holdOthers(p.user, p.s)
	}
	switch {
	case p.callOut != nil:
		e.pickedUp(p)
		return nil
	case p.supervises:
		p.pickup = true
		e.turn(p, codeAnswered, "")
		return nil
	case p.replaces != nil:
		old := p.replaces
		p.replaces = nil
		e.handOver(old, p)
		e.turn(old, codeDisconnected, "CallFlip")
	}
	e.taken(p)
	return nil
}

// taken: the call is answered here, and nowhere else.
func (e *engine) taken(p *party) {
	p.pickup = p.user != nil
	e.turn(p, codeAnswered, "")
	e.connect(p.s)
	for _, o := range p.s.parties {
		if o != p && o.offered() {
			e.turn(o, codeDisconnected, e.agent("AgentAnswered"))
		}
	}
	e.recordAutomatically(p.s)
}

// reject: Proceeding -> Disconnected, the caller goes to voicemail.
func (e *engine) reject(p *party) error {
	if !p.rings() {
		return wrongState("reject", p)
	}
	switch {
	case p.extID == "" || p.mobile != "":
		e.leave(p, "TargetBusy")
	case p.supervises:
		e.leave(p, "Rejected")
	default:
		e.toVoicemail(p, "Rejected")
	}
	return nil
}

// voicemail: Proceeding -> VoiceMail at once; for a queue call, the queue's mailbox instead of another member.
func (e *engine) voicemail(p *party) error {
	if !p.offered() || p.extID == "" || e.opt.NoVoicemail {
		return wrongState("voicemail", p)
	}
	if !p.queueCall {
		e.toVoicemail(p, "NoAnswer")
		return nil
	}
	p.s.queue.waiting = nil
	for _, o := range p.s.parties {
		if o != p && o.queueCall && o.rings() {
			e.end(o, e.agent("AgentDropped"))
		}
	}
	e.toVoicemail(p, e.agent("AgentDropped"))
	return nil
}
