package rcsim

import (
	"slices"
	"strconv"
	"time"
)

// Status codes of a party, as RingCentral spells them (API sheet 6.4).
const (
	codeSetup        = "Setup"
	codeProceeding   = "Proceeding"
	codeAnswered     = "Answered"
	codeHold         = "Hold"
	codeParked       = "Parked"
	codeVoiceMail    = "VoiceMail"
	codeDisconnected = "Disconnected"
	codeGone         = "Gone"

	inbound  = "Inbound"
	outbound = "Outbound"
)

// engine is the telephone network: sessions, parties and the order of what happens to them. It does no I/O; time comes
// from Options.Now, timers from after, and what happened leaves by drain. The server's lock guards it.
type engine struct {
	opt   *Options
	ids   *ids
	after func(time.Duration, func()) (stop func())

	sessions map[string]*session
	begun    int                 // sessions, ever
	over     []*session          // ended, the first to end first
	living   map[string][]*party // see keys
	out      []event
}

// session is one telephony session.
type session struct {
	no                 int // the how manyeth session it is
	id, suffix, legacy string
	origin             string
	created, ended     time.Time
	seq                int // the last one used; the first event is firstSequence
	parties            []*party
	joined             []*session  // bridged to
	queue              *queueing   // the queue that rings its members; nil: none
	conf               *conference // nil: an ordinary call
}

// party is one end of a session. code and reason are what RingCentral says; the holds are why.
type party struct {
	s         *session
	n         int
	id        string
	direction string
	user      *User  // nil: outside, or a queue
	extID     string // the extension that owns it; empty: outside
	number    string // the party's own number: extension number, or E.164
	name      string
	from, to  partyInfo
	device    string // the phone it is on; empty: not known
	mobile    string // the outside number that it was flipped to

	code, reason         string
	peer                 *party
	restHold, deviceHold bool
	muted, missed        bool
	standAlone           bool
	queueCall            bool
	early                bool // shows Answered while the other side still rings (7.2)
	pickup               bool // mobilePickupData rides on the next event
	solo                 bool // may be in a call alone: at the main-number prompt, called out, hosting a conference
	since, answered      time.Time
	seq                  int
	stopRing             func()
	foundBy              []string // the keys it is kept under

	recordings []recording
	park       string  // the slot (*801) or the park location's id while it is parked
	callOut    *target // what is called once this party's own phone is picked up
	replaces   *party  // the party that leaves when this one, a flip's target, is answered
	flipHeld   bool    // the flip put that party on hold
	role       string  // Host or Participant of a conference
	brought    *party  // a Participant stands for the far side of the call that this party, its host's, was in
	supervises bool    // a supervisor's party: it listens, and is no end of the conversation
	hears      *party  // whom it listens to
}

type partyInfo struct {
	PhoneNumber string `json:"phoneNumber,omitempty"`
	Name        string `json:"name,omitempty"`
	ExtensionID string `json:"extensionId,omitempty"`
	DeviceID    string `json:"deviceId,omitempty"`
}

// event is one change of one party at one moment, with the party as it was then.
type event struct {
	at     time.Time
	seq    int
	s      *session
	p      party
	pickup bool
	mute   bool // kept from the wire (Assumptions.BridgeEvents), but it happened
}

func (p *party) alive() bool   { return p.code != codeDisconnected && p.code != codeGone }
func (p *party) ringing() bool { return p.code == codeSetup || p.code == codeProceeding }
func (p *party) held() bool    { return p.restHold || p.deviceHold }

// rings reports whether a phone rings for the party: it is called, or it calls out and its own phone rings first.
func (p *party) rings() bool {
	return p.ringing() && (p.direction == inbound || p.callOut != nil)
}

// offered reports whether the party is offered a call that it may take or pass on: no call-out, flip or supervision.
func (p *party) offered() bool {
	return p.ringing() && p.direction == inbound && p.replaces == nil && !p.supervises
}

// connected reports whether the party has somebody's voice: answered for real, on hold or not.
func (p *party) connected() bool {
	return (p.code == codeAnswered || p.code == codeHold) && !p.early
}

// established reports whether the party is in a conversation that can be handed on.
func (p *party) established() bool { return p.connected() && !p.supervises }

// present reports whether somebody is there: not a ringing phone, a mailbox or a parked place.
func (p *party) present() bool {
	return p.alive() && !p.rings() && p.code != codeVoiceMail && p.code != codeParked
}

// counts reports whether the party is an end of its conversation. A supervisor only listens, and a conference's
// Participant stands for somebody who is counted in the call that was brought in.
func (p *party) counts() bool { return p.alive() && !p.supervises && p.brought == nil }

// info is how others see the party as a caller.
func (p *party) info() partyInfo {
	return partyInfo{PhoneNumber: p.number, Name: p.name, ExtensionID: p.extID}
}

func (e *engine) now() time.Time { return e.opt.Now().UTC() }

// drain hands over what happened since the last time, oldest first.
func (e *engine) drain() []event {
	out := e.out
	e.out = nil
	return out
}

func (e *engine) newSession() *session {
	e.purge()
	hex := e.ids.hex(16)
	e.begun++
	s := &session{no: e.begun, id: "s-" + hex, suffix: hex, legacy: e.ids.legacyID(), origin: "Call", created: e.now(), seq: firstSequence - 1}
	if e.opt.Assume.SequenceFromOne {
		s.seq = 0
	}
	if e.sessions == nil {
		e.sessions = map[string]*session{}
	}
	e.sessions[s.id] = s
	return s
}

// find is the session with that id while it is alive or may still be read.
func (e *engine) find(id string) *session {
	s := e.sessions[id]
	if s == nil || !e.readable(s) {
		return nil
	}
	return s
}

func (s *session) party(id string) *party {
	for _, p := range s.parties {
		if p.id == id {
			return p
		}
	}
	return nil
}

// of is the live party of an extension, the newest when there are several; else its last one.
func (s *session) of(extID string) *party {
	return s.newest(func(p *party) bool { return p.extID == extID })
}

// onPhone is the extension's party on its own phones, live if there is one.
func (s *session) onPhone(extID string) *party {
	return s.newest(func(p *party) bool { return p.extID == extID && p.mobile == "" })
}

func (s *session) newest(want func(*party) bool) *party {
	var last *party
	for _, p := range s.parties {
		if want(p) && (last == nil || p.alive() || !last.alive()) {
			last = p
		}
	}
	return last
}

// circle is the session and everything bridged to it, directly or not.
func (s *session) circle() []*session { return s.circleWithout(nil) }

// circleWithout is the circle as it would be if one of its sessions were not there.
func (s *session) circleWithout(out *session) []*session {
	all := []*session{s}
	for i := 0; i < len(all); i++ {
		for _, j := range all[i].joined {
			if j != out && !slices.Contains(all, j) {
				all = append(all, j)
			}
		}
	}
	return all
}

// live is every live end of the conversation in the session's circle.
func (s *session) live() []*party { return counting(s.circle()) }

func counting(sessions []*session) []*party {
	var out []*party
	for _, c := range sessions {
		for _, p := range c.parties {
			if p.counts() {
				out = append(out, p)
			}
		}
	}
	return out
}

// others are who else is really there: the people that p talks to, or whom it keeps waiting.
func (p *party) others() []*party {
	return slices.DeleteFunc(p.s.live(), func(o *party) bool { return o == p || !o.present() })
}

// join makes two sessions one conversation.
func (s *session) join(o *session) {
	s.joined = append(s.joined, o)
	o.joined = append(o.joined, s)
}

// part undoes join.
func (s *session) part(o *session) {
	s.joined = slices.DeleteFunc(s.joined, func(j *session) bool { return j == o })
	o.joined = slices.DeleteFunc(o.joined, func(j *session) bool { return j == s })
}

func (s *session) add(p *party) *party {
	p.s, p.n = s, len(s.parties)+1
	p.id = "p-" + s.suffix + "-" + strconv.Itoa(p.n)
	s.parties = append(s.parties, p)
	return p
}

// turn gives a party a new code and says so: one event, the session's next sequence.
func (e *engine) turn(p *party, code, reason string) { e.turnMuted(p, code, reason, false) }

func (e *engine) turnMuted(p *party, code, reason string, muted bool) {
	now := e.now()
	if p.code != code {
		p.since = now
	}
	p.code, p.reason = code, reason
	e.follow(p)
	if p.answered.IsZero() && p.connected() {
		p.answered = now
	}
	if !p.ringing() && p.stopRing != nil {
		p.stopRing()
		p.stopRing = nil
	}
	if !p.alive() {
		p.stopRecording()
	}
	p.s.seq++
	p.seq = p.s.seq
	if e.opt.Assume.SequenceGaps {
		p.s.seq++
	}
	e.out = append(e.out, event{at: now, seq: p.seq, s: p.s, p: *p, pickup: p.pickup, mute: muted})
	p.pickup = false
	if !p.alive() {
		e.endWith(p)
	}
}

// endWith ends what lives only as long as p: a flip's target that rings in its place, and whoever supervises it.
func (e *engine) endWith(p *party) {
	for _, o := range p.s.parties {
		if o.replaces == p && o.ringing() {
			o.replaces = nil
			e.turn(o, codeDisconnected, "Cancelled")
		}
	}
	for _, m := range e.supervisors() {
		if m.hears == p {
			e.turn(m, codeDisconnected, "")
			if m.s != p.s {
				e.settle(m.s)
			}
		}
	}
}

// leave ends one party and then whatever cannot live without it.
func (e *engine) leave(p *party, reason string) {
	if !p.alive() {
		return
	}
	if p.replaces != nil {
		e.flipFailed(p, reason)
		return
	}
	e.end(p, reason)
	e.settle(p.s)
}

// end ends one party; a phone that still rang has missed the call.
func (e *engine) end(p *party, reason string) {
	if p.ringing() && p.direction == inbound {
		p.missed = true
	}
	e.turn(p, codeDisconnected, reason)
}

// settle ends a circle in which nobody is left to talk to: one party alone, or only ringing phones and mailboxes.
func (e *engine) settle(s *session) {
	circle := s.circle()
	for said := -1; said != len(e.out); { // who leaves may leave others alone
		said = len(e.out)
		for _, c := range circle {
			if c.conf != nil {
				e.settleConference(c)
			}
		}
		for _, c := range circle {
			e.settleCircle(c)
		}
	}
}

func (e *engine) settleCircle(s *session) {
	live := s.live()
	if !slices.ContainsFunc(live, (*party).present) && !slices.ContainsFunc(live, func(p *party) bool { return p.solo }) ||
		len(live) == 1 && !live[0].solo {
		for _, p := range live {
			if p.alive() { // it may have ended with another one
				e.end(p, "")
			}
		}
	}
	circle := s.circle()
	if slices.ContainsFunc(circle, func(c *session) bool { return slices.ContainsFunc(c.parties, (*party).alive) }) {
		return
	}
	for _, c := range circle {
		e.finish(c)
	}
}

// hangup: the party leaves; a call with nobody left to talk to ends.
func (e *engine) hangup(p *party) error {
	if !p.alive() {
		return wrongState("hangup", p)
	}
	e.leave(p, "")
	return nil
}

// mayDrop reports whether the person may end the session: its conference's host, or somebody who is or was in it; a supervisor
// may end only their own leg.
func (e *engine) mayDrop(s *session, u *User) bool {
	own := s.of(u.ID)
	switch {
	case s.conf != nil && s.conf.host == u:
		return true
	case own == nil:
		return e.opt.Assume.OthersMayControl
	case own.supervises && s.parties[0] != own:
		return false
	}
	return own.alive() || !e.opt.Assume.DropNeedsLiveParty
}

// drop ends a session for everybody in it; what is bridged to it ends as well when nobody is left to talk to.
func (e *engine) drop(s *session, by *party) {
	if by != nil && by.alive() {
		e.turn(by, codeDisconnected, "")
	}
	for _, p := range s.parties {
		if p.alive() {
			e.end(p, "")
		}
	}
	if s.conf != nil {
		s.conf.over = true
		if len(s.parties) == 0 {
			e.finish(s)
		}
	}
	e.settle(s)
}

// busy reports whether the person's phone is in use.
func (e *engine) busy(u *User) bool { return len(e.onPhone(u.ID)) > 0 }

// calls are the live parties of an extension, oldest call first.
func (e *engine) calls(extID string) []*party {
	return e.alive(extID, func(p *party) bool { return p.extID == extID })
}

// onPhone are the calls on an extension's own phones: not its mailbox, what it parked, or what it flipped elsewhere.
func (e *engine) onPhone(extID string) []*party {
	return e.alive(extID, func(p *party) bool {
		return p.extID == extID && p.code != codeVoiceMail && p.code != codeParked && p.mobile == ""
	})
}

// outsideCalls are the live parties on an outside number, oldest call first.
func (e *engine) outsideCalls(number string) []*party {
	return e.alive(number, func(p *party) bool { return p.isOutside(number) })
}

// isOutside reports whether the party is on that outside number: somebody outside, or a call that was flipped there.
func (p *party) isOutside(number string) bool {
	return (p.extID == "" && p.number == number) || p.mobile == number
}

// supervisors are the live parties that listen to a call.
func (e *engine) supervisors() []*party {
	return e.alive(anySupervisor, func(p *party) bool { return p.hears != nil })
}

// supervised reports whether somebody listens to the party.
func (e *engine) supervised(p *party) bool {
	return slices.ContainsFunc(e.supervisors(), func(m *party) bool { return m.hears == p })
}

// audio is every pair of parties that hear each other now: connected, in one circle, neither on hold.
func (e *engine) audio() [][2]*party {
	var out [][2]*party
	done := map[*session]bool{}
	for _, s := range e.inOrder() {
		if done[s] || !s.ended.IsZero() {
			continue
		}
		for _, c := range s.circle() {
			done[c] = true
		}
		var talk []*party
		for _, p := range s.live() {
			if p.talks() {
				talk = append(talk, p)
			}
		}
		for i, a := range talk {
			for _, b := range talk[i+1:] {
				out = append(out, [2]*party{a, b})
			}
		}
	}
	return out
}

// talks reports whether sound passes to and from the party.
func (p *party) talks() bool {
	return p.code == codeAnswered && p.connected() && !p.held() && !p.standAlone
}

// listening is every supervisor's party and the party that it hears now.
func (e *engine) listening() [][2]*party {
	var out [][2]*party
	for _, m := range e.supervisors() {
		if m.talks() && m.hears.talks() {
			out = append(out, [2]*party{m, m.hears})
		}
	}
	return out
}
