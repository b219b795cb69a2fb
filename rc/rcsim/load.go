package rcsim

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Traffic is what the simulator has done so far; its JSON is GET /sim/api/traffic, which costs little however big the
// account is.
type Traffic struct {
	Calls         int `json:"calls"`         // ever begun
	Live          int `json:"live"`          // of them, going on now
	Events        int `json:"events"`        // changes of people's own parties: one notification each for who listens to their own calls
	Notifications int `json:"notifications"` // put on sockets, or kept for a recovery
	Sockets       int `json:"sockets"`       // open now
	Subscribed    int `json:"subscribed"`    // of them, with a subscription
}

// count notes an event of the engine's.
func (t *Traffic) count(ev event) {
	if ev.seq == firstSequence {
		t.Calls++
	}
	if ev.p.user != nil && !ev.mute {
		t.Events++
	}
}

// firstSequence is the number of a session's first event (API sheet 6.2).
const firstSequence = 2

// Traffic are the counters of the moment.
func (s *Server) Traffic() Traffic {
	s.mu.Lock()
	defer s.mu.Unlock()
	t := s.traffic
	s.eng.purge()
	t.Live = len(s.eng.sessions) - len(s.eng.over)
	for _, g := range s.gate.sessions {
		if g.sock != nil {
			t.Sockets++
			if g.sub != nil {
				t.Subscribed++
			}
		}
	}
	return t
}

func (s *Server) handleTraffic(http.ResponseWriter, *http.Request) (int, any, error) {
	return http.StatusOK, s.Traffic(), nil
}

// loadTick is how often Load looks whether it is time for the next step of some call.
const loadTick = 5 * time.Millisecond

// Load lets the people of the account have calls until ctx ends, at a rate of events (Traffic.Events) a second. Calls are of
// the ordinary kinds: an outside caller who is answered, held, taken off hold and hung up on; one who leaves while the phone
// rings; a colleague who is called; a customer who is transferred to a colleague. Who, what and when comes from Options.Seed.
// A machine that cannot keep up falls behind and does not catch up by more than a second.
func (s *Server) Load(ctx context.Context, rate int) error {
	l := &load{s: s, chance: rand.New(rand.NewPCG(s.opt.Seed, 1))}
	for _, u := range s.opt.Account.Users {
		l.free = append(l.free, u.Number)
	}
	if rate <= 0 || len(l.free) < 2 {
		return fmt.Errorf("rcsim: load needs a rate and at least two people, has %d and %d", rate, len(l.free))
	}
	// A sixth of the people have a call of their own, some of them with a colleague; fewer where the rate would let each call
	// last for minutes.
	l.most = min(max(len(l.free)/6, 1), rate*10)
	tick := time.NewTicker(loadTick)
	defer tick.Stop()
	begun, first := time.Now(), s.events()
	for {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-s.ctx.Done():
			return s.ctx.Err()
		}
		due := int(time.Since(begun).Seconds() * float64(rate))
		if behind := due - (s.events() - first) - rate; behind > 0 {
			first -= behind
		}
		for tries := 0; s.events()-first < due && tries < rate; tries++ {
			l.step()
		}
	}
}

func (s *Server) events() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.traffic.Events
}

// load is the traffic of one Load.
type load struct {
	s      *Server
	chance *rand.Rand
	free   []string // people without a call
	calls  []*loadCall
	most   int // calls at once
}

// loadCall is one story that is being played: what is left of it, and who comes free at its end.
type loadCall struct {
	steps  []func() error
	people []string
	ids    []string
}

// step takes a call one step further, or begins one.
func (l *load) step() {
	if len(l.calls) < l.most && l.chance.IntN(2) == 0 {
		if c := l.begin(); c != nil {
			l.calls = append(l.calls, c)
		}
		return
	}
	if len(l.calls) == 0 {
		return
	}
	i := l.chance.IntN(len(l.calls))
	c := l.calls[i]
	err := c.steps[0]()
	if c.steps = c.steps[1:]; err == nil && len(c.steps) > 0 {
		return
	}
	if err != nil {
		for _, id := range c.ids { // the phone did something of its own: voicemail took the call, for instance
			l.s.end(id)
		}
	}
	l.free = append(l.free, c.people...)
	last := len(l.calls) - 1
	l.calls[i], l.calls = l.calls[last], l.calls[:last]
}

// take picks somebody who has no call.
func (l *load) take() string {
	i := l.chance.IntN(len(l.free))
	who := l.free[i]
	last := len(l.free) - 1
	l.free[i], l.free = l.free[last], l.free[:last]
	return who
}

// begin is a new call of some kind, or nil when nobody is free or it cannot begin.
func (l *load) begin() *loadCall {
	if len(l.free) < 2 {
		return nil
	}
	s, agent := l.s, l.take()
	c := &loadCall{people: []string{agent}}
	caller := fmt.Sprintf("+1415555%04d", l.chance.IntN(10000))
	var id string
	call := func(of func() (string, error)) bool {
		var err error
		id, err = of()
		c.ids = append(c.ids, id)
		return err == nil
	}
	answer := func() error { return s.Answer(agent, id) }
	hold := func() error { return s.Hold(agent, id) }
	unhold := func() error { return s.Unhold(agent, id) }
	hangup := func() error { return s.Hangup(agent, id) }
	ok := false
	switch kind := l.chance.IntN(10); {
	case kind < 6: // answered, held, taken back, over
		ok = call(func() (string, error) { return s.Call(caller, "", agent) })
		c.steps = []func() error{answer, hold, unhold, hangup}
	case kind < 7: // the caller leaves while it rings
		ok = call(func() (string, error) { return s.Call(caller, "", agent) })
		c.steps = []func() error{func() error { return s.OutsideHangup(caller, id) }}
	case kind < 8: // a colleague is called
		other := l.take()
		c.people = append(c.people, other)
		ok = call(func() (string, error) { return s.Dial(agent, other) })
		c.steps = []func() error{func() error { return s.Answer(other, id) }, hangup}
	default: // a warm transfer
		other := l.take()
		c.people = append(c.people, other)
		ok = call(func() (string, error) { return s.Call(caller, "", agent) })
		customer, consult := id, ""
		c.steps = []func() error{answer, hold, func() (err error) {
			consult, err = s.Dial(agent, other)
			c.ids = append(c.ids, consult)
			return err
		}, func() error { return s.Answer(other, consult) }, func() error { return s.Bridge(agent, customer, consult) }, func() error { return s.OutsideHangup(caller, customer) }}
	}
	if !ok {
		l.free = append(l.free, c.people...)
		return nil
	}
	return c
}

// end ends a call for everybody, whatever its state.
func (s *Server) end(id string) {
	_ = s.change(func() error {
		if c := s.eng.find(id); c != nil && slices.ContainsFunc(c.parties, (*party).alive) {
			s.eng.drop(c, nil)
		}
		return nil
	})
}
