package rcsim

import "slices"

// bridge joins the far sides of two calls of one person, who leaves both (7.4): no new session, no new party; both
// sessions live on until either side hangs up.
func (e *engine) bridge(path, body *party) error {
	if path.s == body.s || slices.Contains(path.s.circle(), body.s) {
		return wrongState("bridge", path)
	}
	for _, p := range []*party{path, body} {
		switch {
		case p.code != codeAnswered && p.code != codeHold,
			p.early && !e.opt.Assume.BridgeRinging,
			p.supervises, p.s.conf != nil, p.solo:
			return wrongState("bridge", p)
		}
	}
	if e.opt.Assume.BridgeNeedsHold && path.code != codeHold {
		return wrongState("bridge", path)
	}
	path.s.join(body.s)
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
