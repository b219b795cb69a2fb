package main

import (
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
	return []fault{
		{name: "none", ends: each("joined")},
		{name: "socket cut, clean", strike: cuts(rcsim.CutClean), ends: each("joined")},
	}
}

func cuts(how rcsim.CutMode) func(*play) func() {
	return func(p *play) func() {
		p.sim.CutSocket(agent, how)
		return nil
	}
}
