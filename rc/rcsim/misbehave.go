package rcsim

import (
	"context"
	"net/http"
	"slices"
	"time"
)

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
