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
	order    []*session
	out      []event
}

// session is one telephony session.
type session struct {
	id, suffix, legacy string
	origin             string
	created, ended     time.Time
	seq                int // the last one used; the first event is 2
	parties            []*party
	joined             []*session // bridged to
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

	code, reason         string
	peer                 *party
	restHold, deviceHold bool
	muted, missed        bool
	standAlone           bool
	queueCall            bool
	early                bool // shows Answered while the other side still rings (7.2)
	pickup               bool // mobilePickupData rides on the next event
	since, answered      time.Time
	seq                  int
	stopRing             func()
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

// connected reports whether the party has somebody's voice: answered for real, on hold or not.
func (p *party) connected() bool {
	return (p.code == codeAnswered || p.code == codeHold) && !p.early
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
	s := &session{id: "s-" + hex, suffix: hex, legacy: e.ids.legacyID(), origin: "Call", created: e.now(), seq: 1}
	if e.sessions == nil {
		e.sessions = map[string]*session{}
	}
	e.sessions[s.id] = s
	e.order = append(e.order, s)
	return s
}

// purge forgets sessions that nobody may read any more.
func (e *engine) purge() {
	now := e.now()
	e.order = slices.DeleteFunc(e.order, func(s *session) bool {
		old := !s.ended.IsZero() && now.Sub(s.ended) > e.opt.Assume.SessionReadable
		if old {
			delete(e.sessions, s.id)
		}
		return old
	})
}

// find is the session with that id while it is alive or may still be read.
func (e *engine) find(id string) *session {
	s := e.sessions[id]
	if s == nil || (!s.ended.IsZero() && e.now().Sub(s.ended) > e.opt.Assume.SessionReadable) {
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
	var last *party
	for _, p := range s.parties {
		if p.extID != extID {
			continue
		}
		if last == nil || p.alive() || !last.alive() {
			last = p
		}
	}
	return last
}

// circle is the session and everything bridged to it, directly or not.
func (s *session) circle() []*session {
	all := []*session{s}
	for i := 0; i < len(all); i++ {
		for _, j := range all[i].joined {
			if !slices.Contains(all, j) {
				all = append(all, j)
			}
		}
	}
	return all
}

// live is every live party of the session's circle.
func (s *session) live() []*party {
	var out []*party
	for _, c := range s.circle() {
		for _, p := range c.parties {
			if p.alive() {
				out = append(out, p)
			}
		}
	}
	return out
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
	if p.answered.IsZero() && p.connected() {
		p.answered = now
	}
	if !p.ringing() && p.stopRing != nil {
		p.stopRing()
		p.stopRing = nil
	}
	p.s.seq++
	p.seq = p.s.seq
	e.out = append(e.out, event{at: now, seq: p.seq, s: p.s, p: *p, pickup: p.pickup, mute: muted})
	p.pickup = false
}

// leave ends one party and then whatever cannot live without it.
func (e *engine) leave(p *party, reason string) {
	if !p.alive() {
		return
	}
	if p.ringing() && p.direction == inbound {
		p.missed = true
	}
	e.turn(p, codeDisconnected, reason)
	e.settle(p.s)
}

// settle ends a circle in which nobody is left to talk to: one party alone, or only ringing phones.
func (e *engine) settle(s *session) {
	live := s.live()
	ringingOnly := !slices.ContainsFunc(live, func(p *party) bool { return !p.ringing() || p.direction == outbound })
	if len(live) == 1 || ringingOnly {
		for _, p := range live {
			if p.ringing() && p.direction == inbound {
				p.missed = true
			}
			e.turn(p, codeDisconnected, "")
		}
		live = nil
	}
	if len(live) == 0 {
		for _, c := range s.circle() {
			if c.ended.IsZero() {
				c.ended = e.now()
			}
		}
	}
}

func userInfo(u *User) partyInfo {
	return partyInfo{PhoneNumber: u.Number, Name: u.Name(), ExtensionID: u.ID}
}

// callIn: an outside caller rings an extension, through an IVR when asked for (7.1).
func (e *engine) callIn(number, name string, to *User, ivr bool) *session {
	s := e.newSession()
	caller := partyInfo{PhoneNumber: number, Name: name}
	target := partyInfo{PhoneNumber: to.Direct, Name: to.Name(), ExtensionID: to.ID}
	first := s.add(&party{direction: outbound, number: number, name: name, from: caller, to: target})
	e.turn(first, codeSetup, "")
	if ivr {
		menu := s.add(&party{direction: inbound, extID: "400131599008", number: "399", name: "Main menu", from: caller, to: partyInfo{PhoneNumber: to.Direct, Name: "Main menu", ExtensionID: "400131599008"}})
		e.turn(menu, codeSetup, "")
		e.turn(first, codeAnswered, "")
		e.turn(menu, codeDisconnected, "")
	}
	e.ring(s, first, to, caller, target, false)
	return s
}

// callQueue: an outside caller rings a queue; every idle member's phone rings at once.
func (e *engine) callQueue(number, name string, q *Queue, members []*User) *session {
	s := e.newSession()
	caller := partyInfo{PhoneNumber: number, Name: name}
	target := partyInfo{PhoneNumber: q.Direct, Name: q.Name, ExtensionID: q.ID}
	first := s.add(&party{direction: outbound, number: number, name: name, from: caller, to: target})
	e.turn(first, codeSetup, "")
	e.ringQueue(s, first, q, caller, target, members)
	return s
}

// dialQueue: an extension calls a queue.
func (e *engine) dialQueue(from *User, q *Queue, members []*User) *session {
	e.holdOthers(from, nil)
	s := e.newSession()
	caller := partyInfo{PhoneNumber: from.Direct, Name: from.Name(), ExtensionID: from.ID, DeviceID: from.device()}
	target := partyInfo{PhoneNumber: q.Number, Name: q.Name, ExtensionID: q.ID}
	first := s.add(&party{direction: outbound, user: from, extID: from.ID, number: from.Number, name: from.Name(), from: caller, to: target})
	e.turn(first, codeSetup, "")
	caller.PhoneNumber = from.Number
	e.ringQueue(s, first, q, caller, target, slices.DeleteFunc(members, func(m *User) bool { return m == from }))
	return s
}

// ringQueue: the queue takes the call and rings every idle member; without one it takes a message.
func (e *engine) ringQueue(s *session, first *party, q *Queue, caller, target partyInfo, members []*User) {
	line := s.add(&party{direction: inbound, extID: q.ID, number: q.Number, name: q.Name, from: caller, to: target})
	e.turn(line, codeSetup, "")
	first.early = true
	e.turn(first, codeAnswered, "")
	rang := false
	for _, m := range members {
		if e.busy(m) || !m.takes(true) {
			continue
		}
		if !rang {
			e.turn(line, codeDisconnected, "")
			rang = true
		}
		e.ring(s, first, m, caller, target, true)
	}
	if !rang {
		e.mailbox(line)
	}
}

// join: one more extension is in the call, as a supervisor who barges in by star code. How RingCentral tells it is not known.
func (e *engine) join(s *session, u *User) error {
	if !slices.ContainsFunc(s.parties, (*party).connected) {
		return wrongState("join", s.parties[0])
	}
	first := s.parties[0]
	p := s.add(&party{direction: inbound, user: u, extID: u.ID, number: u.Number, name: u.Name(), from: first.from, to: userInfo(u)})
	e.turn(p, codeSetup, "")
	e.turn(p, codeAnswered, "")
	return nil
}

// dialExtension: an extension calls an extension; the caller's party turns Answered before the other phone rings (7.2).
func (e *engine) dialExtension(from, to *User) *session {
	e.holdOthers(from, nil)
	s := e.newSession()
	caller := partyInfo{PhoneNumber: from.Direct, Name: from.Name(), ExtensionID: from.ID, DeviceID: from.device()}
	first := s.add(&party{direction: outbound, user: from, extID: from.ID, number: from.Number, name: from.Name(), from: caller, to: partyInfo{PhoneNumber: to.Number}})
	e.turn(first, codeSetup, "")
	first.to = userInfo(to)
	caller.PhoneNumber = from.Number
	e.ring(s, first, to, caller, userInfo(to), false)
	return s
}

// dialOutside: an extension calls an outside number; both parties tell the truth (7.3).
func (e *engine) dialOutside(from *User, number, name string) *session {
	e.holdOthers(from, nil)
	s := e.newSession()
	target := partyInfo{PhoneNumber: number}
	first := s.add(&party{
		direction: outbound, user: from, extID: from.ID, number: from.Number, name: from.Name(),
		from: partyInfo{PhoneNumber: from.Direct, ExtensionID: from.ID, DeviceID: from.device()}, to: target,
	})
	e.turn(first, codeSetup, "")
	far := s.add(&party{direction: inbound, number: number, name: name, from: partyInfo{PhoneNumber: from.Direct, Name: from.Name(), ExtensionID: from.ID}, to: target})
	e.turn(far, codeProceeding, "")
	e.turn(first, codeProceeding, "")
	e.startRing(far)
	return s
}

// ring adds the party of an extension that is called and rings its phone; the caller's party turns Answered first.
func (e *engine) ring(s *session, first *party, to *User, from, target partyInfo, queue bool) {
	p := s.add(&party{direction: inbound, user: to, extID: to.ID, number: to.Number, name: to.Name(), from: from, to: target, queueCall: queue})
	e.turn(p, codeSetup, "")
	if first.code == codeSetup {
		first.early = true
		e.turn(first, codeAnswered, "")
	}
	first.early = true
	if !to.takes(queue) {
		e.toVoicemail(p, "")
		return
	}
	p.pickup = true
	e.turn(p, codeProceeding, "")
	e.startRing(p)
}

func (e *engine) startRing(p *party) {
	if e.opt.RingTimeout > 0 {
		p.stopRing = e.after(e.opt.RingTimeout, func() {
			p.stopRing = nil
			e.noAnswer(p)
		})
	}
}

// noAnswer: Proceeding -> VoiceMail, or the end of the call.
func (e *engine) noAnswer(p *party) {
	if !p.ringing() {
		return
	}
	e.toVoicemail(p, "NoAnswer")
}

// toVoicemail sends a ringing call to the mailbox of who was called; without one the party leaves.
func (e *engine) toVoicemail(p *party, reason string) {
	others := slices.ContainsFunc(p.s.parties, func(o *party) bool { return o != p && o.direction == inbound && o.ringing() })
	if p.extID == "" || e.opt.NoVoicemail || others {
		e.leave(p, reason)
		return
	}
	p.missed = true
	if e.opt.Assume.VoicemailSameParty {
		e.mailbox(p)
		return
	}
	e.turn(p, codeDisconnected, reason)
	box := &party{direction: inbound, user: p.user, extID: p.extID, number: p.number, name: p.name, from: p.from, to: p.to, queueCall: p.queueCall}
	if p.queueCall {
		box.user, box.extID, box.name = nil, p.to.ExtensionID, p.to.Name
	}
	e.mailbox(p.s.add(box))
}

// mailbox makes a party the voicemail box; whoever called is connected to it.
func (e *engine) mailbox(box *party) {
	e.turn(box, codeVoiceMail, "")
	e.connect(box.s)
}

// connect makes every early Answered of the session a true one, and an outbound that still rings Answered.
func (e *engine) connect(s *session) {
	for _, o := range s.parties {
		if o.direction != outbound || !o.alive() {
			continue
		}
		if o.early {
			o.early = false
			o.answered = e.now()
		}
		if o.ringing() {
			e.turn(o, codeAnswered, "")
		}
	}
}

// answer: Proceeding -> Answered; the other phones of a queue stop ringing.
func (e *engine) answer(p *party) error {
	if p.direction != inbound || !p.ringing() {
		return wrongState("answer", p)
	}
	if p.user != nil {
		e.holdOthers(p.user, p.s)
		p.pickup = true
	}
	e.turn(p, codeAnswered, "")
	e.connect(p.s)
	for _, o := range p.s.parties {
		if o != p && o.direction == inbound && o.ringing() {
			e.turn(o, codeDisconnected, "AgentAnswered")
		}
	}
	return nil
}

// reject: Proceeding -> Disconnected, the caller goes to voicemail.
func (e *engine) reject(p *party) error {
	if p.direction != inbound || !p.ringing() {
		return wrongState("reject", p)
	}
	if p.extID == "" {
		e.leave(p, "TargetBusy")
		return nil
	}
	e.toVoicemail(p, "Rejected")
	return nil
}

// voicemail: Proceeding -> VoiceMail at once.
func (e *engine) voicemail(p *party) error {
	if p.direction != inbound || !p.ringing() || p.extID == "" || e.opt.NoVoicemail {
		return wrongState("voicemail", p)
	}
	e.toVoicemail(p, "NoAnswer")
	return nil
}

// hangup: the party leaves; a call with nobody left to talk to ends.
func (e *engine) hangup(p *party) error {
	if !p.alive() {
		return wrongState("hangup", p)
	}
	e.leave(p, "")
	return nil
}

// farReady reports whether the other side of a call can be put on hold: it is not ringing and not a mailbox (4.2).
func farReady(p *party) bool {
	return !p.early && !slices.ContainsFunc(p.s.live(), func(o *party) bool {
		return o != p && (o.ringing() || o.code == codeVoiceMail)
	})
}

// hold: Answered -> Hold, by REST or by the phone; the two are independent (4.2). A second hold of the other kind is no change.
func (e *engine) hold(p *party, rest bool) error {
	flag := &p.deviceHold
	if rest {
		flag = &p.restHold
	}
	if *flag || p.early || (p.code != codeAnswered && p.code != codeHold) || (rest && !farReady(p)) {
		return wrongState("hold", p)
	}
	*flag = true
	if rest && e.opt.Assume.HoldStandAlone {
		p.standAlone = true
	}
	if p.code != codeHold {
		e.turn(p, codeHold, "")
	}
	return nil
}

// unhold: Hold -> Answered when no hold is left. REST cannot undo a hold made on a phone.
func (e *engine) unhold(p *party, rest bool) error {
	switch {
	case !p.alive(),
		rest && p.code != codeHold,
		!rest && !p.deviceHold:
		return wrongState("unhold", p)
	case rest:
		p.restHold = false
	default:
		p.deviceHold = false
	}
	if p.code == codeAnswered || (p.held() && (!rest || !e.opt.Assume.UnholdShowsAnswered)) {
		return nil
	}
	if !rest {
		e.holdOthers(p.user, p.s)
	}
	p.standAlone = false
	e.turn(p, codeAnswered, "")
	return nil
}

// holdOthers is what a phone does before it talks: it holds its other call.
func (e *engine) holdOthers(u *User, except *session) {
	if e.opt.NoAutoHold || u == nil {
		return
	}
	for _, s := range e.order {
		if s == except {
			continue
		}
		if p := s.of(u.ID); p != nil && p.code == codeAnswered && p.connected() {
			_ = e.hold(p, false)
		}
	}
}

// mute sets the party's mute and says so.
func (e *engine) mute(p *party, on bool) error {
	if p.code != codeAnswered && p.code != codeHold {
		return wrongState("mute", p)
	}
	if p.muted != on {
		p.muted = on
		e.turn(p, p.code, p.reason)
	}
	return nil
}

// bridge joins the far sides of two calls of one person, who leaves both (7.4): no new session, no new party; both
// sessions live on until either side hangs up.
func (e *engine) bridge(path, body *party) error {
	if path.s == body.s || slices.Contains(path.s.circle(), body.s) {
		return wrongState("bridge", path)
	}
	for _, p := range []*party{path, body} {
		if p.code != codeAnswered && p.code != codeHold {
			return wrongState("bridge", p)
		}
		if p.early && !e.opt.Assume.BridgeRinging {
			return wrongState("bridge", p)
		}
	}
	if e.opt.Assume.BridgeNeedsHold && path.code != codeHold {
		return wrongState("bridge", path)
	}
	path.s.joined = append(path.s.joined, body.s)
	body.s.joined = append(body.s.joined, path.s)
	how := e.opt.Assume.BridgeEvents
	if how != BridgeNoPeer {
		path.peer, body.peer = body, path
	}
	const reason = "AttendedTransfer"
	switch how {
	case BridgeSecondDisconnected:
		body.peer = nil
		e.turn(path, codeGone, reason)
		e.turn(body, codeDisconnected, "")
	case BridgeSecondFirst:
		e.turn(body, codeGone, reason)
		e.turn(path, codeGone, reason)
	case BridgeBothGone, BridgeNoPeer, BridgeFirstOnly, BridgeSecondOnly:
		e.turnMuted(path, codeGone, reason, how == BridgeSecondOnly)
		e.turnMuted(body, codeGone, reason, how == BridgeFirstOnly)
	}
	e.settle(path.s)
	return nil
}

// drop ends a session for everybody in it; what is bridged to it ends as well when nobody is left to talk to.
func (e *engine) drop(s *session, by *party) {
	if by != nil && by.alive() {
		e.turn(by, codeDisconnected, "")
	}
	for _, p := range s.parties {
		if p.alive() {
			if p.ringing() && p.direction == inbound {
				p.missed = true
			}
			e.turn(p, codeDisconnected, "")
		}
	}
	e.settle(s)
}

// busy reports whether the person is in a call.
func (e *engine) busy(u *User) bool { return len(e.calls(u.ID)) > 0 }

// calls are the live parties of an extension, oldest call first.
func (e *engine) calls(extID string) []*party {
	var out []*party
	for _, s := range e.order {
		if !s.ended.IsZero() {
			continue
		}
		for _, p := range s.parties {
			if p.extID == extID && p.alive() {
				out = append(out, p)
			}
		}
	}
	return out
}

// outsideCalls are the live parties of an outside number, oldest call first.
func (e *engine) outsideCalls(number string) []*party {
	var out []*party
	for _, s := range e.order {
		for _, p := range s.parties {
			if p.extID == "" && p.number == number && p.alive() {
				out = append(out, p)
			}
		}
	}
	return out
}

// audio is every pair of parties that hear each other now: connected, in one circle, neither on hold.
func (e *engine) audio() [][2]*party {
	var out [][2]*party
	done := map[*session]bool{}
	for _, s := range e.order {
		if done[s] || !s.ended.IsZero() {
			continue
		}
		for _, c := range s.circle() {
			done[c] = true
		}
		var talk []*party
		for _, p := range s.live() {
			if p.code == codeAnswered && p.connected() && !p.held() {
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
