package rcsim

import (
	"net/http"
	"slices"
)

// Call queues: every idle member rings at once (or one after another, Options.QueueInOrder); who does not take the call
// is followed by the members that were busy, and they by the queue's mailbox.

// queueing is a queue that a session waits in.
type queueing struct {
	queue    *Queue
	from, to partyInfo
	waiting  []*User // members that have not been rung
}

// ringQueue: the queue takes the call and rings its members; without an idle one it takes a message.
func (e *engine) ringQueue(s *session, q *Queue, from, called partyInfo, members []*User) {
	line := s.add(&party{direction: inbound, extID: q.ID, number: q.Number, name: q.Name, from: from, to: called})
	e.turn(line, codeSetup, "")
	e.wait(line)
	s.queue = &queueing{queue: q, from: from, to: called, waiting: slices.Clone(members)}
	if !slices.ContainsFunc(members, e.idle) {
		e.mailbox(line)
		return
	}
	e.turn(line, codeDisconnected, "")
	e.ringMembers(s)
}

func (e *engine) idle(u *User) bool { return u.takes(true) && !e.busy(u) }

// ringMembers rings idle members that have not been rung; false means there is none.
func (e *engine) ringMembers(s *session) bool {
	var now, later []*User
	for _, m := range s.queue.waiting {
		if e.idle(m) && (len(now) == 0 || !e.opt.QueueInOrder) {
			now = append(now, m)
		} else {
			later = append(later, m)
		}
	}
	s.queue.waiting = later
	for _, m := range now {
		e.ring(s, m, s.queue.from, s.queue.to, true)
	}
	return len(now) > 0
}

// ignore: a queue member's phone stops ringing; the queue goes on without them.
func (e *engine) ignore(p *party) error {
	if !p.queueCall || !p.rings() {
		return notAllowed() // 409 is not declared for this operation
	}
	e.toVoicemail(p, e.agent("AgentDropped"))
	return nil
}

// agent is why a member's phone stops ringing, where that is told (11.11).
func (e *engine) agent(reason string) string {
	if e.opt.Assume.QueueWithoutReasons {
		return ""
	}
	return reason
}

func (c *call) ignore() (int, any, error) {
	if _, err := c.deviceOfBody(); err != nil {
		return 0, nil, err
	}
	if _, _, err := c.act(c.s.eng.ignore); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, nil
}

// Ignore is what a queue member's phone does with a queue call that it does not want: the next member rings.
func (s *Server) Ignore(extension, sessionID string) error {
	return s.Phone(extension, "ignore", sessionID)
}
