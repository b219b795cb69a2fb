package rcsim

import (
	"errors"
	"slices"
)

// bridge joins the far sides of two calls of one person, who leaves both (7.4): no new session, no new party; both
// sessions live on until either side hangs up.
func (e *engine) bridge(path, body *party) error {
	if p := e.unbridgeable(path, body); p != nil {
		err, _ := errors.AsType[*restError](wrongState("bridge", p))
		err.status = e.opt.Assume.BridgeRefusal
		return err
	}
	moves := e.opt.Assume.BridgeNewParty && len(body.s.live()) == 2 && len(body.others()) == 1
	if !moves {
		path.s.join(body.s)
	}
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
	if moves {
		e.moveOver(path.s, body)
	}
	e.settle(path.s)
	return nil
}

// unbridgeable is the party whose state does not allow the bridge, or nil.
func (e *engine) unbridgeable(path, body *party) *party {
	if path.s == body.s || slices.Contains(path.s.circle(), body.s) {
		return path
	}
	for _, p := range []*party{path, body} {
		switch {
		case p.code != codeAnswered && p.code != codeHold,
			p.early && !e.opt.Assume.BridgeRinging,
			p.supervises, p.s.conf != nil, p.solo:
			return p
		}
	}
	switch {
	case e.opt.Assume.BridgeNeedsHold && path.code != codeHold:
		return path
	case e.opt.Assume.BridgeNeedsAnswered && body.code != codeAnswered:
		return body
	}
	return nil
}

// moveOver lets whom a party talked to go on in another session, as a new party.
func (e *engine) moveOver(to *session, left *party) {
	old := left.others()[0]
	moved := *old
	moved.foundBy = nil
	p := to.add(&moved)
	e.handOver(old, p)
	old.peer = p
	e.turn(old, codeGone, "AttendedTransfer")
	e.turn(p, p.code, "")
	e.settle(left.s)
}
