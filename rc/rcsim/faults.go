package rcsim

import (
	"errors"
	"maps"
	"slices"
)

// Fault is a misbehaviour of one operation. Operations have the names of the route table (Operations lists them): "bridge",
// "hold", "unhold", "session", "drop", "presence", "me", "token", "wstoken", "subscribe" …; "gateway" is the WebSocket
// upgrade, which answers Status or hangs but never pretends; "*" is every one of them.
//
// A faulted request goes through these steps: the connection is lost (Lose before); with EndAtOnce the party End leaves;
// DelayMs; the party End leaves; Status instead of acting, or Pretend, or the operation itself; the connection is lost (Lose
// after), or nothing is ever answered (Silent), or AnswerDelayMs and the answer.
type Fault struct {
	// Times is how many requests meet the fault; zero means every one until it is cleared.
	Times int `json:"times,omitempty"`
	// Extension limits it to the requests of one person (extension number); at token and revoke the person whose code,
	// token or credential is in the form.
	Extension string `json:"extension,omitempty"`
	// Status, Code and Message answer an error instead of acting; RetryAfter (seconds) adds the header.
	Status     int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"`
	// Body is sent with Status instead of RingCentral's error body: as JSON when it is JSON, else as the HTML page of some
	// machine between.
	Body string `json:"body,omitempty"`
	// Pretend answers as if it had been done and does nothing.
	Pretend bool `json:"pretend,omitempty"`
	// Silent never answers the HTTP request; what was to be done is done unless Status or Pretend say otherwise.
	Silent bool `json:"silent,omitempty"`
	// Lose resets the connection instead of answering, before or after the operation is done. A request that came through
	// the gateway loses its socket.
	Lose Loss `json:"lose,omitempty"`
	// DelayMs waits before acting, AnswerDelayMs before answering; the operation happens even when the client has gone.
	DelayMs       int `json:"delayMs,omitempty"`
	AnswerDelayMs int `json:"answerDelayMs,omitempty"`
	// End is who hangs up just before the request takes effect: "mine" is the caller's party in the call that the path names,
	// "far" or "customer" the other side of that call, "consult" the other side of the call that a bridge's body names; else
	// a party id, or a number (extension or E.164), which means the newest live party of that number.
	End string `json:"end,omitempty"`
	// EndAtOnce lets End happen when the request arrives, before DelayMs.
	EndAtOnce bool `json:"endAtOnce,omitempty"`
	// BridgeEvents is how a bridge that meets this fault is told, instead of Assumptions.BridgeEvents.
	BridgeEvents BridgeEvents `json:"bridgeEvents,omitempty"`
}

// Loss says when a connection is lost.
type Loss string

// The moments at which a request loses its connection.
const (
	LoseNever  Loss = ""
	LoseBefore Loss = "before" // nothing was done
	LoseAfter  Loss = "after"  // it was done, and nobody was told
)

// check says what is wrong with a fault; nil means nothing.
func (f Fault) check() error {
	switch {
	case f.Status != 0 && (f.Status < 200 || f.Status > 599):
		return errors.New("status is an HTTP status from 200 to 599")
	case f.Body != "" && f.Status == 0:
		return errors.New("body needs a status")
	case f.Times < 0 || f.DelayMs < 0 || f.AnswerDelayMs < 0 || f.RetryAfter < 0:
		return errors.New("no number may be negative")
	case !slices.Contains([]Loss{LoseNever, LoseBefore, LoseAfter}, f.Lose):
		return errors.New("lose is before or after")
	}
	return f.BridgeEvents.check()
}

func (b BridgeEvents) check() error {
	all := []BridgeEvents{BridgeBothGone, BridgeNoPeer, BridgeSecondDisconnected, BridgeFirstOnly, BridgeSecondOnly, BridgeSecondFirst}
	if !slices.Contains(all, b) {
		return errors.New("bridgeEvents is noPeer, secondDisconnected, firstOnly, secondOnly, secondFirst or empty")
	}
	return nil
}

// CutMode is how a socket ends.
type CutMode string

// The ways to cut a socket.
const (
	CutClean  CutMode = "clean"  // close frame 1001
	CutReset  CutMode = "reset"  // the connection is gone without a close frame
	CutSilent CutMode = "silent" // half-open: nothing is read, written or ponged any more
)

type faults struct {
	routes         map[string]*Fault
	met            map[string]int
	hanging        []*HangingRequest
	streams        []*stream
	holding        bool
	held           []heldNote
	lost           int // notifications
	refuseRecovery bool
	turnAway       int           // connections that are still to be reset
	release        chan struct{} // closed by reset: hanging requests end
}

func newFaults() faults {
	return faults{routes: map[string]*Fault{}, met: map[string]int{}, release: make(chan struct{})}
}

// FaultsState is what is set at the moment, and what it did since faults were last cleared.
type FaultsState struct {
	Routes            map[string]Fault `json:"routes"`
	Met               map[string]int   `json:"met"`     // requests that met a fault, by operation
	Hanging           []HangingRequest `json:"hanging"` // requests that a fault keeps waiting now, oldest first
	Events            []EventFault     `json:"events"`
	HoldEvents        bool             `json:"holdEvents"`
	Held              int              `json:"held"` // notifications that wait for ReleaseEvents
	Late              int              `json:"late"` // notifications that an EventFault keeps back now
	Lost              int              `json:"lost"` // notifications that an EventFault or ReleaseEvents dropped
	RefuseRecovery    bool             `json:"refuseRecovery"`
	RefuseConnections int              `json:"refuseConnections"` // how many more are reset
	BridgeEvents      BridgeEvents     `json:"bridgeEvents"`
	EventDelayMs      int64            `json:"eventDelayMs"`
}

// HangingRequest is a request that a fault keeps waiting.
type HangingRequest struct {
	Operation string    `json:"operation"`
	Extension string    `json:"extension,omitempty"`
	Method    string    `json:"method"`
	Path      string    `json:"path"`
	Where     HangPoint `json:"where"`
}

// HangPoint is where a request hangs.
type HangPoint string

// The places at which a fault keeps a request.
const (
	HangsBefore HangPoint = "before" // DelayMs: nothing was done yet
	HangsAfter  HangPoint = "after"  // AnswerDelayMs: done (unless Status or Pretend), the answer is late
	HangsSilent HangPoint = "silent" // Silent: done (unless Status or Pretend), no answer comes
)

// Hanging is the condition that a fault keeps a request of an operation waiting now.
func Hanging(operation string) func(State) bool {
	return func(st State) bool {
		return slices.ContainsFunc(st.Faults.Hanging, func(h HangingRequest) bool { return h.Operation == operation })
	}
}

// Met is the condition that n requests of an operation have met a fault since faults were last cleared.
func Met(operation string, n int) func(State) bool {
	return func(st State) bool { return st.Faults.Met[operation] >= n }
}

func (s *Server) faultsState() FaultsState {
	st := FaultsState{
		Routes: map[string]Fault{}, Met: maps.Clone(s.faults.met), Hanging: []HangingRequest{}, Events: []EventFault{},
		HoldEvents: s.faults.holding, Held: len(s.faults.held), Lost: s.faults.lost,
		RefuseRecovery: s.faults.refuseRecovery, RefuseConnections: s.faults.turnAway,
		BridgeEvents: s.opt.Assume.BridgeEvents, EventDelayMs: s.opt.EventDelay.Milliseconds(),
	}
	for name, f := range s.faults.routes {
		st.Routes[name] = *f
	}
	for _, h := range s.faults.hanging {
		st.Hanging = append(st.Hanging, *h)
	}
	for _, k := range s.faults.streams {
		if !k.over {
			st.Events = append(st.Events, k.EventFault)
		}
		st.Late += k.late()
	}
	return st
}

// SetFault makes an operation misbehave; it replaces an earlier fault of the same operation. An unknown operation or a fault
// that cannot be is a mistake of the caller's, and panics.
func (s *Server) SetFault(operation string, f Fault) {
	err := f.check()
	if !slices.Contains(Operations(), operation) {
		err = errors.New("there is no such operation")
	}
	if err != nil {
		panic("rcsim: SetFault " + operation + ": " + err.Error())
	}
	_ = s.change(func() error {
		s.faults.routes[operation] = &f
		return nil
	})
}

// ClearFault ends the fault of an operation; requests that hang stay hanging.
func (s *Server) ClearFault(operation string) {
	_ = s.change(func() error {
		delete(s.faults.routes, operation)
		return nil
	})
}

// ClearFaults ends every fault, delivers what was held in order and lets hanging requests end without an answer.
func (s *Server) ClearFaults() {
	_ = s.change(func() error {
		s.clearFaults()
		return nil
	})
}

func (s *Server) clearFaults() {
	s.endStreams()
	s.releaseHeld(Release{})
	close(s.faults.release)
	s.faults = newFaults()
	s.restore()
}

// restore undoes what faults change in the options; the rest of them is never written, and so may be read without the lock.
func (s *Server) restore() {
	s.opt.EventDelay, s.opt.Assume.BridgeEvents = s.born.EventDelay, s.born.Assume.BridgeEvents
}

// SetBridgeEvents changes how every bridge is told (Assumptions.BridgeEvents); Fault.BridgeEvents changes it for some.
func (s *Server) SetBridgeEvents(how BridgeEvents) {
	_ = s.change(func() error {
		s.opt.Assume.BridgeEvents = how
		return nil
	})
}

// RefuseRecovery makes the gateway answer every recovery with Failed.
func (s *Server) RefuseRecovery(on bool) {
	_ = s.change(func() error {
		s.faults.refuseRecovery = on
		return nil
	})
}
