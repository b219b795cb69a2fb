package main

import (
	"strconv"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func each(end string) (e [moments]string) {
	for i := range e {
		e[i] = end
	}
	e[backPressed], e[hangUpPressed] = "back", "back"
	return e
}

func faultRows() []fault {
	rows := []fault{
		{name: "none", ends: each("joined")},
		{name: "socket cut, clean", strike: cuts(rcsim.CutClean), ends: each("joined")},
		{name: "socket cut, reset", strike: cuts(rcsim.CutReset), ends: each("joined")},
		{name: "socket half-open", strike: cuts(rcsim.CutSilent), ends: each("joined")},
		{name: "recovery refused", strike: func(p *play) func() {
			p.sim.RefuseRecovery(true)
			p.sim.CutSocket(agent, rcsim.CutReset)
			return nil
		}, ends: each("joined")},
		{name: "customer hangs up", strike: func(p *play) func() { p.must(p.sim.OutsideHangup(outsider, p.customer)); return nil }, ends: each("lost")},
		{name: "consult hangs up", strike: func(p *play) func() {
			if p.at == consultRings {
				p.must(p.sim.Decline(colleague, p.consult))
			} else {
				p.must(p.sim.Hangup(colleague, p.consult))
			}
			return nil
		}, ends: each("lost")},
		{name: "customer's leg ends", strike: func(p *play) func() { p.must(p.sim.Hangup(agent, p.customer)); return nil }, ends: each("lost")},
		{name: "consult's leg ends", strike: func(p *play) func() { p.must(p.sim.Hangup(agent, p.consult)); return nil }, ends: each("lost")},
		{name: "bridge: no peerId", strike: tells(rcsim.BridgeNoPeer), ends: each("joined")},
		{name: "bridge: second Disconnected", strike: tells(rcsim.BridgeSecondDisconnected), ends: each("joined")},
		{name: "bridge: only the first", strike: tells(rcsim.BridgeFirstOnly), ends: each("joined")},
		{name: "bridge: only the second", strike: tells(rcsim.BridgeSecondOnly), ends: each("joined")},
		{name: "bridge: second first", strike: tells(rcsim.BridgeSecondFirst), ends: each("joined")},
	}
	for _, status := range []int{409, 404, 403, 429, 500, 503} {
		rows = append(rows, fault{name: "bridge answers " + strconv.Itoa(status), strike: meets("bridge", rcsim.Fault{Status: status, Times: 1, RetryAfter: after(status)}), ends: each("refused joined")})
	}
	for _, status := range []int{409, 404, 403, 429, 500, 503} {
		rows = append(rows, fault{
			name: "session read answers " + strconv.Itoa(status), strike: meets("session", rcsim.Fault{Status: status, RetryAfter: after(status)}),
			mend:  func(p *play) { p.sim.ClearFault("session") },
			until: []string{"Off: not known yet whether", "RingCentral could not be read"},
			ends:  each("joined"),
		})
	}
	for _, op := range []string{"hold", "unhold", "drop"} {
		for _, status := range []int{409, 404, 403, 429, 500, 503} {
			rows = append(rows, fault{name: op + " answers " + strconv.Itoa(status), strike: meets(op, rcsim.Fault{Status: status, Times: 1, RetryAfter: after(status)}), ends: each("joined")})
		}
	}
	return append(rows,
		fault{name: "bridge pretended", strike: meets("bridge", rcsim.Fault{Pretend: true, Times: 1}), ends: each("unconfirmed joined")},
		fault{name: "bridge never answered", strike: meets("bridge", rcsim.Fault{Silent: true, Times: 1}), ends: each("joined")},
		fault{name: "bridge answered too late", strike: meets("bridge", rcsim.Fault{AnswerDelayMs: 1500, Times: 1}), ends: each("joined")},
		fault{name: "bridge made too late", strike: meets("bridge", rcsim.Fault{DelayMs: 1500, Times: 1}), ends: each("joined")},
		fault{name: "tokens expired", strike: func(p *play) func() { p.sim.ExpireAccess(agent); return nil }, ends: each("joined")},
		fault{name: "sixth session elsewhere", strike: func(p *play) func() {
			for range 5 {
				_, err := p.sim.SignIn(agent, rcsim.ConfidentialClient)
				p.must(err)
			}
			return nil
		}, ends: each("joined")},
		fault{name: "everything slow", strike: meets("*", rcsim.Fault{DelayMs: 300}), ends: each("joined")},
		fault{name: "app restarted", strike: func(p *play) func() {
			p.stop()
			return func() {
				p.must(p.end(p.T))
				p.start(p.T, p.cfg)
			}
		}, ends: each("joined")},
	)
}

// after is the Retry-After of a status, in seconds.
func after(status int) int {
	if status == 429 {
		return 1
	}
	return 0
}

func cuts(how rcsim.CutMode) func(*play) func() {
	return func(p *play) func() {
		p.sim.CutSocket(agent, how)
		return nil
	}
}

func tells(how rcsim.BridgeEvents) func(*play) func() {
	return func(p *play) func() {
		p.sim.SetBridgeEvents(how)
		return nil
	}
}

func meets(operation string, f rcsim.Fault) func(*play) func() {
	f.Extension = agent
	return func(p *play) func() {
		p.sim.SetFault(operation, f)
		return nil
	}
}
