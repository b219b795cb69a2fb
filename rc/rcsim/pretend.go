package rcsim

import (
	"net/http"
	"slices"
	"time"
)

// What operations answer when a fault makes them pretend (Fault.Pretend).

// onCopy does the operation on a copy of the telephone network: the answer, or the refusal, is the real one, and nothing has
// happened.
func onCopy(serve func(*call) (int, any, error)) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		truth := c.s.eng
		c.s.eng = truth.copy()
		defer func() {
			c.s.eng = truth
			remains(c.r).do = nil
		}()
		return serve(c)
	}
}

// copy is a network in the same state, in which nothing ever happens by itself.
func (e *engine) copy() *engine {
	sessions, parties := map[*session]*session{}, map[*party]*party{}
	for _, s := range e.sessions {
		c := *s
		sessions[s] = &c
		for _, p := range s.parties {
			q := *p
			q.s, q.stopRing, q.foundBy = &c, nil, slices.Clone(p.foundBy)
			parties[p] = &q
		}
	}
	for s, c := range sessions {
		c.parties = mapped(s.parties, parties)
		c.joined = mapped(s.joined, sessions)
		if s.queue != nil {
			q := *s.queue
			c.queue = &q
		}
		if s.conf != nil {
			conf := *s.conf
			conf.stopWait = func() {}
			c.conf = &conf
		}
	}
	for _, q := range parties {
		q.peer, q.replaces, q.brought, q.hears = other(q.peer, parties), other(q.replaces, parties), other(q.brought, parties), other(q.hears, parties)
	}
	c := &engine{
		opt: e.opt, ids: e.ids, sessions: map[string]*session{}, begun: e.begun, over: mapped(e.over, sessions), living: map[string][]*party{},
		after: func(time.Duration, func()) func() { return func() {} },
	}
	for id, s := range e.sessions {
		c.sessions[id] = sessions[s]
	}
	for key, all := range e.living {
		c.living[key] = mapped(all, parties)
	}
	return c
}

func mapped[T any](all []*T, copies map[*T]*T) []*T {
	out := slices.Clone(all)
	for i, v := range out {
		out[i] = other(v, copies)
	}
	return out
}

// other is the copy of v; what the network has forgotten stays as it is.
func other[T any](v *T, copies map[*T]*T) *T {
	if c := copies[v]; c != nil {
		return c
	}
	return v
}

// pretendBridge answers as bridge does and joins nobody.
func (c *call) pretendBridge() (int, any, error) {
	path, body, err := c.bridgeEnds()
	if err != nil {
		return 0, nil, err
	}
	p := *path
	p.code, p.reason, p.peer = codeGone, "AttendedTransfer", body
	return http.StatusOK, c.s.partyWire(&p), nil
}

func pretendDone(*call) (int, any, error) { return http.StatusNoContent, nil, nil }

// pretendParty answers with the caller's party as if it had the code.
func pretendParty(code string) func(*call) (int, any, error) {
	return func(c *call) (int, any, error) {
		p, err := c.ownParty()
		if err != nil {
			return 0, nil, err
		}
		copied := *p
		copied.code = code
		return http.StatusOK, c.s.partyWire(&copied), nil
	}
}
