package rcsim

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"time"
)

// Fault is a misbehaviour of one operation. Operations have the names of the route table (Operations lists them): "bridge",
// "hold", "unhold", "session", "drop", "presence", "me", "token", "wstoken", "subscribe" …; "*" is every one of them.
//
// In order, a faulted request: waits Delay; ends the party End; answers Status instead of acting, or pretends to act
// (Pretend), or acts; then waits AnswerDelay, or never answers (Silent).
type Fault struct {
	// Times is how many requests meet the fault; zero means every one until it is cleared.
	Times int `json:"times,omitempty"`
	// Extension limits it to the requests of one person (extension number).
	Extension string `json:"extension,omitempty"`
	// Status, Code and Message answer an error instead of acting; RetryAfter (seconds) adds the header.
	Status     int    `json:"status,omitempty"`
	Code       string `json:"code,omitempty"`
	Message    string `json:"message,omitempty"`
	RetryAfter int    `json:"retryAfter,omitempty"`
	// Pretend answers as if it had been done and does nothing.
	Pretend bool `json:"pretend,omitempty"`
	// Silent never answers the HTTP request; what was to be done is done unless Status or Pretend say otherwise.
	Silent bool `json:"silent,omitempty"`
	// DelayMs waits before acting, AnswerDelayMs before answering; the operation happens even when the client has gone.
	DelayMs       int `json:"delayMs,omitempty"`
	AnswerDelayMs int `json:"answerDelayMs,omitempty"`
	// End is the id of a party that hangs up just before the request takes effect; "far" ends the other side of the call
	// that the path names, "consult" the other side of the call that a bridge's body names, "mine" the path party.
	End string `json:"end,omitempty"`
}

// Release says how held notifications leave: all of them once and in order by default.
type Release struct {
	Order     string `json:"order,omitempty"`     // "" as they came, "reverse", "shuffle"
	Duplicate bool   `json:"duplicate,omitempty"` // each twice
	Drop      int    `json:"drop,omitempty"`      // the first n are lost
	Keep      bool   `json:"keep,omitempty"`      // go on holding what comes later
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
	holding        bool
	held           []heldNote
	refuseRecovery bool
	release        chan struct{} // closed by reset: hanging requests end
}

func newFaults() faults { return faults{routes: map[string]*Fault{}, release: make(chan struct{})} }

// FaultsState is what is set at the moment.
type FaultsState struct {
	Routes         map[string]Fault `json:"routes"`
	HoldEvents     bool             `json:"holdEvents"`
	Held           int              `json:"held"`
	RefuseRecovery bool             `json:"refuseRecovery"`
	BridgeEvents   BridgeEvents     `json:"bridgeEvents"`
	EventDelayMs   int64            `json:"eventDelayMs"`
}

func (s *Server) faultsState() FaultsState {
	st := FaultsState{
		Routes: map[string]Fault{}, HoldEvents: s.faults.holding, Held: len(s.faults.held), RefuseRecovery: s.faults.refuseRecovery,
		BridgeEvents: s.opt.Assume.BridgeEvents, EventDelayMs: s.opt.EventDelay.Milliseconds(),
	}
	for name, f := range s.faults.routes {
		st.Routes[name] = *f
	}
	return st
}

// SetFault makes an operation misbehave; it replaces an earlier fault of the same operation.
func (s *Server) SetFault(operation string, f Fault) {
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

// ClearFaults ends every fault, delivers what was held in order and lets hanging requests end.
func (s *Server) ClearFaults() {
	_ = s.change(func() error {
		s.clearFaults()
		return nil
	})
}

func (s *Server) clearFaults() {
	s.releaseHeld(Release{})
	close(s.faults.release)
	s.faults = newFaults()
	s.opt = s.born
}

// SetBridgeEvents changes how a bridge is told (Assumptions.BridgeEvents).
func (s *Server) SetBridgeEvents(how BridgeEvents) {
	_ = s.change(func() error {
		s.opt.Assume.BridgeEvents = how
		return nil
	})
}

// SetEventDelay changes the time from a change to its notification (Options.EventDelay).
func (s *Server) SetEventDelay(d time.Duration) {
	_ = s.change(func() error {
		s.opt.EventDelay = d
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

// HoldEvents keeps notifications back from now on.
func (s *Server) HoldEvents() {
	_ = s.change(func() error {
		s.faults.holding = true
		return nil
	})
}

// ReleaseEvents delivers what was held and returns how many notifications left.
func (s *Server) ReleaseEvents(how Release) int {
	n := 0
	_ = s.change(func() error {
		n = s.releaseHeld(how)
		return nil
	})
	return n
}

func (s *Server) releaseHeld(how Release) int {
	notes := s.faults.held
	s.faults.held, s.faults.holding = nil, how.Keep
	notes = notes[min(how.Drop, len(notes)):]
	switch how.Order {
	case "reverse":
		slices.Reverse(notes)
	case "shuffle":
		rand.New(s.ids.r).Shuffle(len(notes), func(i, j int) { notes[i], notes[j] = notes[j], notes[i] })
	}
	n := 0
	for _, h := range notes {
		for range 1 + b2i(how.Duplicate) {
			s.deliver(h.g, h.note)
			n++
		}
	}
	return n
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// met is a fault that a request has met; release is closed when faults are cleared.
type met struct {
	Fault
	release <-chan struct{}
}

// fault takes the fault that a request meets, if any. The caller holds the lock.
func (s *Server) fault(operation, extension string) (met, bool) {
	for _, name := range []string{operation, "*"} {
		f := s.faults.routes[name]
		if f == nil || (f.Extension != "" && f.Extension != extension) {
			continue
		}
		got := met{*f, s.faults.release}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				delete(s.faults.routes, name)
			}
		}
		return got, true
	}
	return met{}, false
}

func (f Fault) refusal() *restError {
	r := &restError{status: f.Status, code: f.Code, message: f.Message, retryAfter: time.Duration(f.RetryAfter) * time.Second}
	if r.code == "" {
		r.code = map[int]string{
			http.StatusUnauthorized: "OAU-128", http.StatusForbidden: "TAS-106", http.StatusNotFound: "CMN-102", http.StatusConflict: "TAS-102",
			http.StatusTooManyRequests: "CMN-301", http.StatusServiceUnavailable: "CMN-201", http.StatusInternalServerError: "CMN-203",
		}[f.Status]
	}
	if r.code == "" {
		r.code = "CMN-101"
	}
	if r.message == "" {
		r.message = "Simulated fault"
	}
	return r
}

// errGone means that the request hangs no longer because its client or the server went away.
var errGone = errors.New("rcsim: nobody waits for this answer")

// pause waits for a time that a fault names in milliseconds; it ends early with errGone as hang does.
func (s *Server) pause(ctx context.Context, f met, ms int) error {
	if ms <= 0 {
		return nil
	}
	t := time.NewTimer(time.Duration(ms) * time.Millisecond)
	defer t.Stop()
	return s.hang(ctx, f, t.C)
}

// hang waits for until (nil: for ever), the end of ctx, the clearing of faults or the server's end.
func (s *Server) hang(ctx context.Context, f met, until <-chan time.Time) error {
	select {
	case <-until:
		return nil
	case <-ctx.Done():
	case <-f.release:
	case <-s.ctx.Done():
	}
	return errGone
}

// faulted serves the faults of the OAuth endpoints, which act under no extension; true means the request is answered.
func (s *Server) faulted(w http.ResponseWriter, r *http.Request, operation string) bool {
	s.mu.Lock()
	f, ok := s.fault(operation, "")
	if ok {
		record(r).Fault = operation
	}
	s.mu.Unlock()
	if !ok {
		return false
	}
	if s.pause(context.Background(), f, f.DelayMs) != nil || (f.Silent && s.hang(r.Context(), f, nil) != nil) {
		panic(http.ErrAbortHandler)
	}
	if f.Status != 0 {
		s.writeError(w, r, f.refusal())
		return true
	}
	return false
}
