package rcsim

import (
	"cmp"
	"slices"
)

// The engine keeps who is in a call by what they are looked up by, and ended calls in the order in which they ended, so that
// neither a phone that rings nor a call that begins walks over all calls: there may be ten thousand.

const (
	anyParked     = "parked"     // key of every party in Parked
	anySupervisor = "supervisor" // key of every party that listens to a call
)

// keys are what a live party is found by: its extension or outside number, the number that it was flipped to, and what it is.
func (p *party) keys() []string {
	if !p.alive() {
		return nil
	}
	keys := []string{p.extID}
	if p.extID == "" {
		keys[0] = p.number
	}
	if p.mobile != "" {
		keys = append(keys, p.mobile)
	}
	if p.code == codeParked {
		keys = append(keys, anyParked)
	}
	if p.supervises {
		keys = append(keys, anySupervisor)
	}
	return keys
}

// follow keeps a party where it can be found after it has turned.
func (e *engine) follow(p *party) {
	now := p.keys()
	if slices.Equal(now, p.foundBy) {
		return
	}
	for _, key := range p.foundBy {
		e.living[key] = slices.DeleteFunc(e.living[key], func(o *party) bool { return o == p })
		if len(e.living[key]) == 0 {
			delete(e.living, key)
		}
	}
	if e.living == nil {
		e.living = map[string][]*party{}
	}
	for _, key := range now {
		e.living[key] = append(e.living[key], p)
	}
	p.foundBy = now
}

// alive are the live parties with a key that are wanted, those of the oldest call first.
func (e *engine) alive(key string, want func(*party) bool) []*party {
	var out []*party
	for _, p := range e.living[key] {
		if want(p) {
			out = append(out, p)
		}
	}
	slices.SortFunc(out, func(a, b *party) int { return cmp.Or(cmp.Compare(a.s.no, b.s.no), cmp.Compare(a.n, b.n)) })
	return out
}

// finish notes that a session is over: it can be read for a while.
func (e *engine) finish(s *session) {
	if s.ended.IsZero() {
		s.ended = e.now()
		e.over = append(e.over, s)
	}
}

// purge forgets sessions that nobody may read any more.
func (e *engine) purge() {
	for len(e.over) > 0 && !e.readable(e.over[0]) {
		delete(e.sessions, e.over[0].id)
		e.over[0] = nil
		e.over = e.over[1:]
	}
}

// readable reports whether a session is alive or ended so lately that it may still be read.
func (e *engine) readable(s *session) bool {
	return s.ended.IsZero() || e.now().Sub(s.ended) <= e.opt.Assume.SessionReadable
}

// inOrder are the sessions that can be read, the oldest first.
func (e *engine) inOrder() []*session {
	e.purge()
	out := make([]*session, 0, len(e.sessions))
	for _, s := range e.sessions {
		out = append(out, s)
	}
	slices.SortFunc(out, func(a, b *session) int { return cmp.Compare(a.no, b.no) })
	return out
}
