package rcsim

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// State is the truth at one moment; its JSON is GET /sim/api/state and each message of GET /sim/api/stream.
type State struct {
	Now      string         `json:"now"`
	Seed     uint64         `json:"seed"`
	Sessions []SessionState `json:"sessions"` // oldest first; ended ones while they can be read
	Phones   []PhoneState   `json:"phones"`
	Outside  []OutsideState `json:"outside"`
	Sockets  []SocketState  `json:"sockets"`
	Audio    [][2]End       `json:"audio"`   // who hears whom, across bridged sessions
	Listens  [][2]End       `json:"listens"` // the supervisor, and whom they hear unheard
	Tape     []Tape         `json:"tape"`    // newest first
	Faults   FaultsState    `json:"faults"`
	App      string         `json:"app,omitempty"` // the URL of the app to try, when there is one
}

// SessionState is one call.
type SessionState struct {
	ID      string       `json:"id"`
	Origin  string       `json:"origin"`
	Created string       `json:"created"`
	Alive   bool         `json:"alive"`
	Joined  []string     `json:"joined"` // sessions bridged to it
	Parties []PartyState `json:"parties"`
	Talk    [][2]string  `json:"talk"` // parties of this session that hear each other
}

// PartyState is one end of a call.
type PartyState struct {
	ID              string `json:"id"`
	Direction       string `json:"direction"`
	ExtensionID     string `json:"extensionId"`
	ExtensionNumber string `json:"extensionNumber"`
	Name            string `json:"name"`
	Number          string `json:"number"`
	Code            string `json:"code"`
	Reason          string `json:"reason"`
	Since           string `json:"since"`
	AnsweredAt      string `json:"answeredAt"` // empty until somebody is really there
	Muted           bool   `json:"muted"`
	DeviceHold      bool   `json:"deviceHold"`
	RestHold        bool   `json:"restHold"`
	QueueCall       bool   `json:"queueCall"`
	Device          string `json:"device"`         // the phone it is on, where that is known
	Mobile          string `json:"mobile"`         // the outside number that it was flipped to
	CallOut         bool   `json:"callOut"`        // its own phone rings before anybody is called
	Solo            bool   `json:"solo"`           // may be in the call alone: called out, at the main-number prompt, a conference's host
	Park            string `json:"park"`           // the slot or park location it was parked in
	Recording       string `json:"recording"`      // recording, paused or empty
	ConferenceRole  string `json:"conferenceRole"` // Host, Participant
	Supervises      bool   `json:"supervises"`     // listens, or is the link of somebody who does
	Hears           string `json:"hears"`          // the party that it listens to
	PeerSession     string `json:"peerSession"`
	PeerParty       string `json:"peerParty"`
	Seq             int    `json:"seq"`
}

// Alive reports whether the party is still in the call.
func (p PartyState) Alive() bool { return p.Code != codeDisconnected && p.Code != codeGone }

// PhoneState is one person's phone.
type PhoneState struct {
	ExtensionNumber string `json:"extensionNumber"`
	ExtensionID     string `json:"extensionId"`
	Name            string `json:"name"`
	Team            string `json:"team"`
	Online          bool   `json:"online"`
	DND             string `json:"dnd"` // which calls the person takes, in presence's words
}

// OutsideState is somebody outside.
type OutsideState struct {
	Number string `json:"number"`
	Name   string `json:"name"`
}

// SocketState is a gateway session with a socket.
type SocketState struct {
	ExtensionNumber string   `json:"extensionNumber"`
	Subscriptions   int      `json:"subscriptions"`
	Filters         []string `json:"filters"`
}

// End names one party.
type End struct {
	Session string `json:"session"`
	Party   string `json:"party"`
}

func (p *party) end() End { return End{p.s.id, p.id} }

// Tape is one telephony event as it was made, and who was told.
type Tape struct {
	At      string   `json:"at"`
	Session string   `json:"session"`
	Party   string   `json:"party"`
	Seq     int      `json:"seq"`
	Code    string   `json:"code"`
	Reason  string   `json:"reason"`
	Owner   string   `json:"owner"` // extension number, or "outside"
	SaidTo  []string `json:"saidTo"`
	LagMs   int64    `json:"lagMs"` // from the change to its (latest) notification
}

const tapeLength = 60

func (t *Tape) said(extension string, lag time.Duration) {
	if !slices.Contains(t.SaidTo, extension) {
		t.SaidTo = append(t.SaidTo, extension)
	}
	t.LagMs = lag.Milliseconds()
}

// State is a copy of the truth.
func (s *Server) State() State {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state()
}

func (s *Server) state() State {
	st := State{
		Now: stamp(s.now()), Seed: s.opt.Seed, App: s.app, Sessions: []SessionState{}, Phones: []PhoneState{}, Outside: []OutsideState{},
		Sockets: []SocketState{}, Audio: [][2]End{}, Listens: [][2]End{}, Tape: []Tape{}, Faults: s.faultsState(),
	}
	outside := map[string]bool{}
	for _, o := range s.dir.account.Outside {
		outside[o.Number] = true
		st.Outside = append(st.Outside, OutsideState(o))
	}
	audio := s.eng.audio()
	for _, c := range s.eng.inOrder() {
		ss := SessionState{ID: c.id, Origin: c.origin, Created: stamp(c.created), Alive: c.ended.IsZero(), Joined: []string{}, Parties: []PartyState{}, Talk: [][2]string{}}
		for _, j := range c.joined {
			ss.Joined = append(ss.Joined, j.id)
		}
		for _, p := range c.parties {
			ps := PartyState{
				ID: p.id, Direction: p.direction, ExtensionID: p.extID, Name: p.name, Number: p.number, Code: p.code, Reason: p.reason,
				Since: stamp(p.since), AnsweredAt: stamp(p.answered), Muted: p.muted, DeviceHold: p.deviceHold && p.alive(), RestHold: p.restHold && p.alive(),
				QueueCall: p.queueCall, Device: p.device, Mobile: p.mobile, CallOut: p.callOut != nil, Solo: p.solo, Park: p.park,
				Recording: p.recordingState(), ConferenceRole: p.role, Supervises: p.supervises, Seq: p.seq,
			}
			if p.hears != nil && p.alive() {
				ps.Hears = p.hears.id
			}
			if p.extID != "" {
				ps.ExtensionNumber = p.number
			} else if p.alive() && p.role == "" && p.park == "" && !outside[p.number] {
				outside[p.number] = true
				st.Outside = append(st.Outside, OutsideState{p.number, p.name})
			}
			if p.peer != nil {
				ps.PeerSession, ps.PeerParty = p.peer.s.id, p.peer.id
			}
			ss.Parties = append(ss.Parties, ps)
		}
		for _, a := range audio {
			if a[0].s == c && a[1].s == c {
				ss.Talk = append(ss.Talk, [2]string{a[0].id, a[1].id})
			}
		}
		st.Sessions = append(st.Sessions, ss)
	}
	for _, a := range audio {
		st.Audio = append(st.Audio, [2]End{a[0].end(), a[1].end()})
	}
	for _, l := range s.eng.listening() {
		st.Listens = append(st.Listens, [2]End{l[0].end(), l[1].end()})
	}
	for _, u := range s.dir.phones() {
		st.Phones = append(st.Phones, PhoneState{u.Number, u.ID, u.Name(), u.Team, u.online(), u.dnd()})
	}
	for _, g := range s.gate.sessions {
		if g.sock == nil {
			continue
		}
		ss := SocketState{ExtensionNumber: g.grant.user.Number, Filters: []string{}}
		if g.sub != nil {
			ss.Subscriptions, ss.Filters = 1, slices.Clone(g.sub.texts)
		}
		st.Sockets = append(st.Sockets, ss)
	}
	slices.SortFunc(st.Sockets, func(a, b SocketState) int { return strings.Compare(a.ExtensionNumber, b.ExtensionNumber) })
	for _, entry := range slices.Backward(s.tape) {
		t := *entry
		t.SaidTo = slices.Clone(t.SaidTo)
		st.Tape = append(st.Tape, t)
	}
	return st
}

// Session is the call with that id.
func (st State) Session(id string) (SessionState, bool) {
	i := slices.IndexFunc(st.Sessions, func(s SessionState) bool { return s.ID == id })
	if i < 0 {
		return SessionState{}, false
	}
	return st.Sessions[i], true
}

// Party is the newest party of a number (extension number or E.164) in a call; an empty id means the newest call with one.
func (st State) Party(sessionID, number string) (PartyState, bool) {
	for _, s := range slices.Backward(st.Sessions) {
		if sessionID != "" && s.ID != sessionID {
			continue
		}
		for _, p := range slices.Backward(s.Parties) {
			if p.Number == number {
				return p, true
			}
		}
	}
	return PartyState{}, false
}

// Hear reports whether two numbers hear each other now.
func (st State) Hear(a, b string) bool {
	numbers := map[string]string{}
	for _, s := range st.Sessions {
		for _, p := range s.Parties {
			numbers[p.ID] = p.Number
		}
	}
	return slices.ContainsFunc(st.Audio, func(pair [2]End) bool {
		x, y := numbers[pair[0].Party], numbers[pair[1].Party]
		return (x == a && y == b) || (x == b && y == a)
	})
}

// String is the calls in one line each, for the message of a failed test.
func (st State) String() string {
	var b strings.Builder
	for _, s := range st.Sessions {
		fmt.Fprintf(&b, "%s alive=%t:", s.ID, s.Alive)
		for _, p := range s.Parties {
			fmt.Fprintf(&b, " [%s %s %s %s]", p.Number, p.Direction, p.Code, p.Reason)
		}
		b.WriteString("\n")
	}
	for _, k := range st.Sockets {
		fmt.Fprintf(&b, "socket %s %v\n", k.ExtensionNumber, k.Filters)
	}
	return b.String()
}

// Talking is the condition that two numbers (extension number or E.164) hear each other.
func Talking(a, b string) func(State) bool {
	return func(st State) bool { return st.Hear(a, b) }
}

// Is is the condition that the newest party of a number has a status code; an empty session id means the newest call with one.
func Is(sessionID, number, code string) func(State) bool {
	return func(st State) bool {
		p, ok := st.Party(sessionID, number)
		return ok && p.Code == code
	}
}

// Over is the condition that a call has ended; an empty id means every call.
func Over(sessionID string) func(State) bool {
	return func(st State) bool {
		return !slices.ContainsFunc(st.Sessions, func(s SessionState) bool { return s.Alive && (sessionID == "" || s.ID == sessionID) })
	}
}

// Subscribed is the condition that a person has a socket with a subscription.
func Subscribed(extension string) func(State) bool {
	return func(st State) bool {
		return slices.ContainsFunc(st.Sockets, func(k SocketState) bool { return k.ExtensionNumber == extension && k.Subscriptions > 0 })
	}
}

// Listening is the condition that a person's subscription has a filter that contains a text.
func Listening(extension, filter string) func(State) bool {
	return func(st State) bool {
		return slices.ContainsFunc(st.Sockets, func(k SocketState) bool {
			return k.ExtensionNumber == extension && slices.ContainsFunc(k.Filters, func(f string) bool { return strings.Contains(f, filter) })
		})
	}
}

// Connected is the condition that a person has that many sockets.
func Connected(extension string, sockets int) func(State) bool {
	return func(st State) bool {
		n := 0
		for _, k := range st.Sockets {
			if k.ExtensionNumber == extension {
				n++
			}
		}
		return n == sockets
	}
}

// Await waits until the truth fulfils the condition; its error carries the truth at the end of ctx.
func (s *Server) Await(ctx context.Context, cond func(State) bool) error {
	var last State
	err := s.until(ctx, func() bool {
		last = s.state()
		return cond(last)
	})
	if err != nil {
		return fmt.Errorf("rcsim: the condition did not come true: %w; the truth is:\n%s", err, last)
	}
	return nil
}

// AwaitRequest waits until n requests of a method (empty: any) and a part of a path have arrived.
func (s *Server) AwaitRequest(ctx context.Context, n int, method, path string) error {
	have := 0
	err := s.until(ctx, func() bool {
		have = len(s.requests(method, path))
		return have >= n
	})
	if err != nil {
		return fmt.Errorf("rcsim: %d of %d requests %s %s arrived: %w", have, n, method, path, err)
	}
	return nil
}

// until waits for a condition that is asked under the lock after every change, or less often where asking takes long.
func (s *Server) until(ctx context.Context, cond func() bool) error {
	for {
		s.mu.Lock()
		begun := time.Now()
		ok, changed := cond(), s.nextChange()
		took := time.Since(begun)
		s.mu.Unlock()
		if ok {
			return nil
		}
		breathe(ctx, took)
		select {
		case <-changed:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return fmt.Errorf("the simulator was closed: %w", s.ctx.Err())
		}
	}
}
