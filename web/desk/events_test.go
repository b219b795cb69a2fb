package desk_test

import (
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
)

// consultStory is a customer who calls, is held for a consult and taken back; each step makes events of the agent's own.
func (l *lab) consultStory() []func() {
	var c, k string
	var err error
	return []func(){
		func() { c, err = l.sim.Call(customer, "", agent); l.do(err) },
		func() { l.do(l.sim.Answer(agent, c)) },
		func() { l.do(l.sim.Hold(agent, c)) },
		func() { k, err = l.sim.Dial(agent, consult); l.do(err) },
		func() { l.do(l.sim.Answer(consult, k)) },
		func() { l.do(l.sim.Phone(agent, "mute", k)) },
		func() { l.do(l.sim.Hangup(agent, k)) },
		func() { l.do(l.sim.Unhold(agent, c)) },
		func() { l.do(l.sim.Hold(agent, c)) },
		func() { l.do(l.sim.Unhold(agent, c)) },
		func() { l.do(l.sim.OutsideHangup(customer, c)) },
	}
}

// Whatever happens to the events of whichever step: what is late, doubled or out of order makes the same board by itself,
// and after what is lost one reading makes it true.
func TestEveryEventMayBeLostLateDoubledOrOutOfOrder(t *testing.T) {
	t.Parallel()
	for name, fault := range map[string]rcsim.EventFault{
		"lost":                 {Drop: 1},
		"the first of it lost": {Drop: 1, Times: 1},
		"late":                 {DelayMs: 40, Times: 1},
		"doubled":              {Duplicate: 1},
		"out of order":         {Reorder: 3, GatherMs: 20},
		"jumbled":              {Reorder: 3, GatherMs: 20, Duplicate: 2, JitterMs: 20},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := newLab(t, rcsim.Options{Seed: 50, RingTimeout: -1, NoAutoHold: true})
			s := l.open(agent)
			fault.Extension = agent
			for bad := range l.consultStory() {
				truth := witness{sim: l.sim}
				for i, step := range l.consultStory() {
					if i == bad { // what came before has arrived
						s.until("true", func(snap board.Snapshot) bool { return truth.untrue(snap, false) == "" })
						l.sim.SetEventFault(fault)
					}
					step()
					if i == bad+1 && fault.Drop > 0 {
						l.sim.SetEventFault(rcsim.EventFault{Extension: agent})
						truth.inexact = time.Now()
						s.mustAct(board.Claim{Action: board.ActionReread})
						if why := truth.untrue(s.until("anything", func(board.Snapshot) bool { return true }), true); why != "" {
							t.Fatalf("step %d, after one reading: %s\n%s", bad, why, l.sim.State())
						}
					}
				}
				l.sim.SetEventFault(rcsim.EventFault{Extension: agent})
				if fault.Drop > 0 {
					s.mustAct(board.Claim{Action: board.ActionReread})
				}
				s.until("true", func(snap board.Snapshot) bool { return truth.untrue(snap, false) == "" })
			}
		})
	}
}
