package rcsim

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"
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

// met is a fault that a request has met; the zero value is none.
type met struct {
	Fault
	operation, extension string
	release              <-chan struct{} // closed when faults are cleared
	end                  func(who string)
}

// meet takes the fault that a request meets, if any, and notes it. The caller holds the lock.
func (s *Server) meet(r *http.Request, operation, extension string, end func(who string)) met {
	for _, name := range []string{operation, "*"} {
		f := s.faults.routes[name]
		if f == nil || (f.Extension != "" && f.Extension != extension) {
			continue
		}
		got := met{*f, operation, extension, s.faults.release, end}
		if f.Times > 0 {
			if f.Times--; f.Times == 0 {
				delete(s.faults.routes, name)
			}
		}
		s.faults.met[operation]++
		record(r).Fault = operation
		return got
	}
	return met{}
}

// perform acts as the fault wants it and returns what is to be answered; without a fault it just acts. act runs under the
// lock. Where nobody is to be answered, or nobody waits any more, it ends the request and does not return.
func (s *Server) perform(w http.ResponseWriter, r *http.Request, f met, act func() error) error {
	if f.Lose == LoseBefore {
		s.loseConnection(w, r)
	}
	if f.End != "" && f.EndAtOnce {
		_ = s.change(func() error {
			f.end(f.End)
			return nil
		})
	}
	s.wait(context.Background(), r, f, HangsBefore, f.DelayMs)
	err := s.change(func() error {
		if f.End != "" && !f.EndAtOnce {
			f.end(f.End)
			s.commit()
		}
		if f.BridgeEvents != "" {
			usual := s.opt.Assume.BridgeEvents
			s.opt.Assume.BridgeEvents = f.BridgeEvents
			defer func() { s.opt.Assume.BridgeEvents = usual }()
		}
		if f.Status != 0 {
			return f.refusal()
		}
		return act()
	})
	switch {
	case f.Lose == LoseAfter:
		s.loseConnection(w, r)
	case f.Silent:
		s.wait(r.Context(), r, f, HangsSilent, -1)
	}
	s.wait(r.Context(), r, f, HangsAfter, f.AnswerDelayMs)
	return err
}

// wait keeps a request for a number of milliseconds (negative: for ever). When ctx ends, faults are cleared or the server
// closes before that, it ends the request.
func (s *Server) wait(ctx context.Context, r *http.Request, f met, where HangPoint, ms int) {
	if ms == 0 {
		return
	}
	var until <-chan time.Time
	if ms > 0 {
		t := time.NewTimer(time.Duration(ms) * time.Millisecond)
		defer t.Stop()
		until = t.C
	}
	h := &HangingRequest{f.operation, f.extension, r.Method, r.URL.Path, where}
	_ = s.change(func() error {
		s.faults.hanging = append(s.faults.hanging, h)
		return nil
	})
	defer func() {
		_ = s.change(func() error {
			s.faults.hanging = slices.DeleteFunc(s.faults.hanging, func(o *HangingRequest) bool { return o == h })
			return nil
		})
	}()
	select {
	case <-until:
		return
	case <-ctx.Done():
	case <-f.release:
	case <-s.ctx.Done():
	}
	panic(http.ErrAbortHandler)
}

// loseConnection resets the connection that a request came on, or the socket that it was tunnelled through, and ends the
// request.
func (s *Server) loseConnection(w http.ResponseWriter, r *http.Request) {
	if g := tunnelOf(r); g != nil {
		_ = s.change(func() error {
			if k := g.sock; k != nil {
				k.finish(closing{reset: true})
				s.lost(k)
			}
			return nil
		})
	} else if conn, _, err := http.NewResponseController(w).Hijack(); err == nil {
		reset(conn)
	}
	panic(http.ErrAbortHandler)
}

// reset closes a connection with RST, so that the other side cannot take it for a clean end.
func reset(conn net.Conn) {
	if tcp, ok := conn.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	_ = conn.Close()
}

// refusal is the error that the fault answers.
func (f met) refusal() error {
	code, message := f.Code, f.Message
	if code == "" {
		code = map[int]string{
			http.StatusUnauthorized: "OAU-128", http.StatusForbidden: "TAS-106", http.StatusNotFound: "CMN-102", http.StatusConflict: "TAS-102",
			http.StatusTooManyRequests: "CMN-301", http.StatusServiceUnavailable: "CMN-201", http.StatusInternalServerError: "CMN-203",
		}[f.Status]
	}
	if code == "" {
		code = "CMN-101"
	}
	if message == "" {
		message = "Simulated fault"
	}
	if (f.operation == "token" || f.operation == "revoke") && f.Status < 500 && f.Status != http.StatusTooManyRequests && f.Body == "" {
		kind := "invalid_grant"
		if f.Status == http.StatusUnauthorized {
			kind = "invalid_client"
		}
		return &oauthError{err: kind, code: code, message: message, status: f.Status}
	}
	return &restError{status: f.Status, code: code, message: message, body: f.Body, retryAfter: time.Duration(f.RetryAfter) * time.Second}
}

// hangUp ends the party that a fault names, as Fault.End says.
func (c *call) hangUp(who string) {
	leave := func(p *party) {
		if p != nil {
			c.s.eng.leave(p, "")
		}
	}
	far := func(p *party) *party {
		if p == nil {
			return nil
		}
		live := p.s.live()
		if i := slices.IndexFunc(live, func(o *party) bool { return o != p }); i >= 0 {
			return live[i]
		}
		return nil
	}
	mine, err := c.party()
	if err != nil {
		if call, err := c.session(); err == nil {
			mine = call.of(c.user.ID)
		}
	}
	switch who {
	case "mine":
		leave(mine)
	case "far", "customer":
		leave(far(mine))
	case "consult":
		if _, body, err := c.bridgeEnds(); err == nil {
			leave(far(body))
		}
	default:
		c.s.hangUp(who)
	}
}

// hangUp ends the party with that id, or the newest live one of that number.
func (s *Server) hangUp(who string) {
	for _, call := range slices.Backward(s.eng.inOrder()) {
		for _, p := range slices.Backward(call.parties) {
			if p.alive() && (p.id == who || p.number == who) {
				s.eng.leave(p, "")
				return
			}
		}
	}
}

// RefuseConnections resets the next n connections that come to a listener of Server.Listener (Start has one), before a byte
// of them is read.
func (s *Server) RefuseConnections(n int) {
	_ = s.change(func() error {
		s.faults.turnAway = n
		return nil
	})
}

// Listener makes the connections of l subject to RefuseConnections.
func (s *Server) Listener(l net.Listener) net.Listener { return doorman{l, s} }

type doorman struct {
	net.Listener
	s *Server
}

func (d doorman) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil || !d.s.turnsAway() {
			return conn, err
		}
		reset(conn)
	}
}

func (s *Server) turnsAway() bool {
	away := false
	_ = s.change(func() error {
		if away = s.faults.turnAway > 0; away {
			s.faults.turnAway--
		}
		return nil
	})
	return away
}

// Break does what the JSON of POST /sim/api/faults says (see handleFaults for the keys) and returns what is then set.
func (s *Server) Break(body []byte) (FaultsState, error) {
	apply, err := s.readFaults(body)
	if err != nil {
		return FaultsState{}, err
	}
	var st FaultsState
	_ = s.change(func() error {
		for _, f := range apply {
			f()
		}
		st = s.faultsState()
		return nil
	})
	return st, nil
}

// readFaults reads the keys of a faults request; clear comes first whatever its place.
func (s *Server) readFaults(body []byte) ([]func(), error) {
	var in map[string]json.RawMessage
	if err := strict(body, &in); err != nil {
		return nil, err
	}
	names := Operations()
	var first, apply []func()
	for key, raw := range in {
		f, err := s.readFault(key, raw, names)
		switch {
		case err != nil:
			return nil, refuse(http.StatusBadRequest, "CMN-101", key+": "+err.Error())
		case key == "clear":
			first = append(first, f)
		default:
			apply = append(apply, f)
		}
	}
	return append(first, apply...), nil
}

// readFault is what one key of a faults request asks for.
func (s *Server) readFault(key string, raw json.RawMessage, operations []string) (func(), error) {
	switch key {
	case "clear":
		return setting(raw, func(on bool) {
			if on {
				s.clearFaults()
			}
		})
	case "holdEvents":
		return setting(raw, func(on bool) {
			if on {
				s.faults.holding = true
			} else {
				s.releaseHeld(Release{})
			}
		})
	case "release":
		return setting(raw, func(how Release) { s.releaseHeld(how) })
	case "events":
		var f *EventFault
		if err := strict(raw, &f); err != nil {
			return nil, err
		}
		if f == nil {
			return s.endStreams, nil
		}
		return func() { s.setStream(*f) }, f.check()
	case "refuseRecovery":
		return setting(raw, func(on bool) { s.faults.refuseRecovery = on })
	case "refuseConnections":
		return setting(raw, func(n int) { s.faults.turnAway = n })
	case "eventDelayMs":
		return setting(raw, func(ms int) { s.opt.EventDelay = time.Duration(ms) * time.Millisecond })
	case "bridgeEvents":
		var how BridgeEvents
		if err := strict(raw, &how); err != nil {
			return nil, err
		}
		return func() { s.opt.Assume.BridgeEvents = how }, how.check()
	}
	if !slices.Contains(operations, key) {
		return nil, fmt.Errorf("there is no fault of that name; operations are %s", strings.Join(operations, ", "))
	}
	var f *Fault
	if err := strict(raw, &f); err != nil {
		return nil, err
	}
	if f == nil {
		return func() { delete(s.faults.routes, key) }, nil
	}
	return func() { s.faults.routes[key] = f }, f.check()
}

// setting reads one value and hands it to set when the faults are applied.
func setting[T any](raw json.RawMessage, set func(T)) (func(), error) {
	var v T
	if err := strict(raw, &v); err != nil {
		return nil, err
	}
	return func() { set(v) }, nil
}
