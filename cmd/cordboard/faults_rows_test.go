package main

import (
	"net/http"
	"strconv"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// Why a fault means nothing at a moment.
const (
	noConsult = "- nobody is consulted yet"
	noBridge  = "- no bridge is asked for"
	bridged   = "- the bridge was answered before"
	told      = "- the events of the bridge were made before"
	left      = "- the agent has left both calls"
	isHeld    = "- the customer is on hold already"
	notLeft   = "- no call is left or taken off hold"
)

// all are the ends of a fault that no moment gives in to.
func all() [moments]string {
	return [moments]string{"joined", "joined", "joined", "joined", "back", "back", "joined", "joined", "joined"}
}

// bridging are the ends of a fault of the bridge request, or of how it is told.
func bridging(end, after string) [moments]string {
	return [moments]string{end, end, end, end, noBridge, noBridge, end, after, after}
}

// overtaken are the ends of a bridge request that a hang-up overtook: whether the event or the answer comes first is a race.
func overtaken(end string) string {
	return "abandoned " + end + "|" + end + " abandoned|refused " + end
}

// since are the moments from one on.
func since(first moment) (from []moment) {
	for at := first; at < moments; at++ {
		from = append(from, at)
	}
	return from
}

// statuses are what a route may answer.
func statuses() []int { return []int{409, 404, 403, 429, 500, 503} }

// faultRows are the rows of the table.
func faultRows() []fault {
	rows := []fault{{name: "none", ends: all()}}
	rows = append(rows, socketRows()...)
	rows = append(rows, peopleRows()...)
	rows = append(rows, bridgeRows()...)
	rows = append(rows, routeRows()...)
	rows = append(rows, grantRows()...)
	rows = append(rows, networkRows()...)
	return append(rows, appRows()...)
}

func socketRows() []fault {
	cut := func(how rcsim.CutMode) func(*play) func() {
		return does(func(p *play) { p.sim.CutSocket(agent, how) })
	}
	return []fault{
		{name: "socket cut, clean", strike: cut(rcsim.CutClean), ends: all()},
		{name: "socket cut, reset", strike: cut(rcsim.CutReset), ends: all()},
		{name: "socket half-open", strike: cut(rcsim.CutSilent), ends: all()},
		{name: "recovery refused", strike: does(func(p *play) {
			p.sim.RefuseRecovery(true)
			p.sim.CutSocket(agent, rcsim.CutReset)
		}), ends: all()},
		{name: "notifications delayed", strike: notes(rcsim.EventFault{DelayMs: 400, JitterMs: 200}), ends: all()},
		{name: "notifications reordered", strike: notes(rcsim.EventFault{Reorder: 4}), release: rcsim.Release{Order: "reverse"}, ends: all()},
		{name: "notifications doubled", strike: notes(rcsim.EventFault{Duplicate: 1}), release: rcsim.Release{Duplicate: true}, ends: all()},
		{name: "notifications dropped", strike: notes(rcsim.EventFault{Drop: 1}), release: rcsim.Release{Drop: 100}, drops: true, ends: all()},
		{name: "every second dropped", strike: notes(rcsim.EventFault{Drop: 2}), release: rcsim.Release{Drop: 1}, drops: true, ends: all()},
	}
}

func peopleRows() []fault {
	return []fault{
		{
			name: "customer hangs up", strike: does(func(p *play) { p.must(p.sim.OutsideHangup(outsider, p.customer)) }), loses: since(beforeHold),
			ends: [moments]string{"none", "lost", "lost", "lost", "lost", "lost", overtaken("lost"), "joined", "joined"},
		},
		{
			name: "consult hangs up", strike: does(func(p *play) {
				if p.at == consultRings {
					p.must(p.sim.Decline(colleague, p.consult)) // and a mailbox answers
				} else {
					p.must(p.sim.Hangup(colleague, p.consult))
				}
			}),
			loses: since(accepted),
			ends:  [moments]string{noConsult, noConsult, "back", "back", "back", "back", overtaken("back"), "joined", "joined"},
			says: []saying{
				{"Mei-Ling's voicemail answered … ago. No one is with Eleanor.", []moment{consultRings}},
				{"Mei-Ling left … ago. No one is with Eleanor.", []moment{consultAnswered}},
			},
		},
		{
			name: "the customer's leg ends", strike: does(func(p *play) { p.must(p.sim.Hangup(agent, p.customer)) }), loses: since(beforeHold),
			ends: [moments]string{"none", "lost", "lost", "lost", "lost", "lost", overtaken("lost"), left, left},
		},
		{
			name: "the consult's leg ends", strike: does(func(p *play) { p.must(p.sim.Hangup(agent, p.consult)) }),
			ends: [moments]string{noConsult, noConsult, "back", "back", "back", "back", overtaken("back"), left, left},
		},
	}
}

func bridgeRows() []fault {
	var rows []fault
	for _, tell := range []struct {
		name string
		how  rcsim.BridgeEvents
	}{
		{"bridge told without peerId", rcsim.BridgeNoPeer},
		{"bridge told, second Disconnected", rcsim.BridgeSecondDisconnected},
		{"bridge told, only the first", rcsim.BridgeFirstOnly},
		{"bridge told, only the second", rcsim.BridgeSecondOnly},
		{"bridge told, second first", rcsim.BridgeSecondFirst},
	} {
		rows = append(rows, fault{name: tell.name, strike: does(func(p *play) { p.sim.SetBridgeEvents(tell.how) }), ends: bridging("joined", told)})
	}
	for _, status := range statuses() {
		end := "refused joined"
		if status == http.StatusTooManyRequests {
			end = "refused failed joined|refused joined" // by the client itself, during the penalty
		}
		rows = append(rows, fault{
			name: "bridge answers " + strconv.Itoa(status), operation: "bridge", strike: meets("bridge", once(status)), ends: bridging(end, bridged),
			says: []saying{{words: "RingCentral refused the transfer (" + strconv.Itoa(status) + " …). Eleanor is still on hold and Mei-Ling is still with you. You may press again, or go back to Eleanor."}},
		})
	}
	bridge := func(name, end string, f rcsim.Fault, says ...saying) fault {
		f.Times = 1
		r := fault{name: name, operation: "bridge", strike: meets("bridge", f), ends: bridging(end, bridged), says: says}
		if f.End == "customer" || f.End == "mine" {
			r.loses = since(beforeHold)
		}
		return r
	}
	const asIs = " ago, not confirmed. Your calls were read again: both are still with you. You may press again, or go back to Eleanor."
	late := int(callTimeout.Milliseconds()) * 3 / 2
	return append(rows,
		bridge("bridge accepted, nothing done", "unconfirmed joined", rcsim.Fault{Pretend: true}, saying{words: "Accepted …" + asIs}),
		bridge("bridge done, never answered", "joined", rcsim.Fault{Silent: true}),
		bridge("bridge done, answered too late", "joined", rcsim.Fault{AnswerDelayMs: late}),
		bridge("bridge done too late", "joined", rcsim.Fault{DelayMs: late}),
		bridge("bridge lost on its way", "unconfirmed joined", rcsim.Fault{Lose: rcsim.LoseBefore}, saying{words: "Sent …" + asIs}),
		bridge("bridge's answer lost", "joined", rcsim.Fault{Lose: rcsim.LoseAfter}),
		bridge("customer gone as it arrives", overtaken("lost"), rcsim.Fault{End: "customer"}),
		bridge("consult gone as it arrives", overtaken("back"), rcsim.Fault{End: "consult"}),
		bridge("own leg gone as it arrives", overtaken("lost"), rcsim.Fault{End: "mine"}),
	)
}

func routeRows() []fault {
	var rows []fault
	for _, status := range statuses() {
		f := once(status)
		f.Times = 0
		r := fault{
			name: "session read answers " + strconv.Itoa(status), strike: meets("session", f),
			mend:  func(p *play) { p.sim.ClearFault("session") },
			until: []string{"RingCentral could not be read", "RingCentral takes no more requests"},
			ends:  all(),
		}
		r.ends[consultAnswered] = "failed joined|joined" // joined when both were read just before
		if status == http.StatusNotFound {               // the page believes that the calls are over, until they are read again
			r.until = []string{"No calls", "ended", "left", "did not answer"}
			r.ends[beforeHold], r.ends[held], r.ends[consultRings] = "lost joined|joined", "lost joined|joined", "lost joined|joined"
			r.ends[consultAnswered] = "abandoned lost joined|lost abandoned joined|joined"
		}
		rows = append(rows, r)
	}
	for _, op := range []string{"hold", "unhold", "drop"} {
		for _, status := range statuses() {
			r := fault{name: op + " answers " + strconv.Itoa(status), operation: op, strike: meets(op, once(status))}
			for at := range moments {
				switch leaving := at == backPressed || at == hangUpPressed; {
				case op == "hold" && at == beforeHold:
					r.ends[at] = "joined"
				case op == "hold":
					r.ends[at] = isHeld
				case leaving:
					r.ends[at] = "back"
				default:
					r.ends[at] = notLeft
				}
			}
			r.says = saysOf(op, status)
			rows = append(rows, r)
		}
	}
	return rows
}

// saysOf is what the page says of a control action that was answered with a status.
func saysOf(op string, status int) []saying {
	code := " (" + strconv.Itoa(status) + " …)"
	switch {
	case op == "hold":
		return []saying{{words: "RingCentral refused: Hold, Eleanor" + code + ". The call is unchanged. You can do it on your phone."}}
	case op == "unhold":
		return []saying{{words: "RingCentral did not take Eleanor off hold…. Press Hold on your phone; this page will show it."}}
	case status == http.StatusNotFound:
		return nil // it counts as hung up
	}
	return []saying{{words: "RingCentral refused: Hang up, Mei-Ling" + code + ". The call is unchanged. You can do it on your phone."}}
}

func grantRows() []fault {
	over := [moments]string{
		"joined|failed joined", "joined|failed joined", "joined|failed joined", "joined|failed joined", "back", "back",
		"refused joined|refused failed joined", "joined|unconfirmed joined", "joined",
	}
	said := []saying{{words: "Sign in again to use the buttons.", at: []moment{beforeHold, held, consultRings, consultAnswered}}}
	expired := all()
	expired[consultAnswered] = "joined|refused joined" // the press may be the first request that meets it: the calls were just read
	expired[bridgeSent] = "refused joined"             // 401: it did nothing, and the agent presses again
	return []fault{
		{name: "tokens expired", strike: does(func(p *play) { p.sim.ExpireAccess(agent) }), ends: expired},
		{name: "tokens revoked", strike: does(func(p *play) { p.sim.EndSessions(agent) }), ends: over, says: said},
		{name: "a sixth session elsewhere", strike: does(func(p *play) {
			for range 5 {
				_, err := p.sim.SignIn(agent, rcsim.ConfidentialClient)
				p.must(err)
			}
		}), ends: over, says: said},
	}
}

func appRows() []fault {
	return []fault{
		{name: "everything slow", strike: meets("*", rcsim.Fault{DelayMs: 300}), ends: all()},
		{name: "app restarted", strike: func(p *play) func() {
			p.stop()
			return func() {
				p.finish()
				p.begin()
			}
		}, ends: all()},
		{name: "app killed, restarted", killed: true, strike: func(p *play) func() {
			p.child.kill(p.T)
			return p.begin
		}, ends: all()},
		{name: "pressed twice", strike: twice(func(p *play) *browser { return p.tab }), ends: all()},
		{name: "a second browser presses too", strike: twice(func(p *play) *browser { return p.signedIn(p.T, agent) }), ends: all()},
	}
}

// twice lets a browser press whatever the agent presses, from the press that is under way on.
func twice(which func(*play) *browser) func(*play) func() {
	return func(p *play) func() {
		p.twin = which(p)
		if p.pressed == nil || p.at < backPressed {
			return nil
		}
		return p.pressed(p.twin)
	}
}

func networkRows() []fault {
	troubled := []string{"Reconnecting to RingCentral", "No word from RingCentral", "RingCentral could not be", "not confirmed"}
	bad := func(name string, which func(*ways) []*way, kind, attributes string) fault {
		ends := all()
		ends[consultAnswered] = "failed joined|unconfirmed joined|joined" // the press meets it
		return fault{
			name: name, network: true,
			strike: does(func(p *play) {
				for _, w := range which(p.net) {
					w.spoil(kind, attributes)
				}
			}),
			mend: func(p *play) {
				for _, w := range which(p.net) {
					w.clean()
				}
			},
			until: troubled,
			ends:  ends,
		}
	}
	both := func(n *ways) []*way { return []*way{n.rest, n.gateway} }
	rest := func(n *ways) []*way { return []*way{n.rest} }
	gateway := func(n *ways) []*way { return []*way{n.gateway} }
	down := bad("network down", both, "", "")
	down.strike = does(func(p *play) { p.net.rest.down(); p.net.gateway.down() })
	down.mend = func(p *play) { p.net.rest.up(); p.net.gateway.up() }
	return []fault{
		bad("network slow", both, "latency", `"latency":100,"jitter":50`),
		bad("network narrow", both, "bandwidth", `"rate":16`),
		bad("network slow to close", both, "slow_close", `"delay":300`),
		bad("network resets", both, "reset_peer", `"timeout":0`),
		bad("network swallows all", both, "timeout", `"timeout":0`),
		bad("network swallows requests", rest, "timeout", `"timeout":0`),
		bad("network swallows the gateway", gateway, "timeout", `"timeout":0`),
		down,
	}
}

// does is a strike that leaves nothing for later.
func does(what func(*play)) func(*play) func() {
	return func(p *play) func() {
		what(p)
		return nil
	}
}

// meets lets the agent's requests of an operation meet a fault.
func meets(operation string, f rcsim.Fault) func(*play) func() {
	f.Extension = agent
	return does(func(p *play) { p.sim.SetFault(operation, f) })
}

// notes lets the agent's notifications meet a fault.
func notes(f rcsim.EventFault) func(*play) func() {
	f.Extension = agent
	return does(func(p *play) { p.sim.SetEventFault(f) })
}

// once is one answer with a status.
func once(status int) rcsim.Fault {
	f := rcsim.Fault{Status: status, Times: 1}
	if status == http.StatusTooManyRequests {
		f.RetryAfter = 1
	}
	return f
}
