package rcsim

import (
	"context"
	"net/http"
	"strings"
)

// Request is one request that arrived at OAuth, REST or the gateway; tokens and bodies are not kept.
type Request struct {
	At        string `json:"at"`
	Method    string `json:"method"`
	Path      string `json:"path"`
	Query     string `json:"query,omitempty"` // without secrets
	Status    int    `json:"status"`          // zero until answered
	Code      string `json:"code,omitempty"`  // RingCentral's error code
	Extension string `json:"extension,omitempty"`
	Client    string `json:"client,omitempty"`
	RequestID string `json:"requestId"`
	UserAgent string `json:"userAgent,omitempty"`
	Tunnel    bool   `json:"tunnel,omitempty"` // came as a ClientRequest frame
	Fault     string `json:"fault,omitempty"`  // the fault that met it
}

// requestsKept bounds the record.
const requestsKept = 10000

type recordKey struct{}

// record is the entry of a request that is being served; its fields are written under the lock.
func record(r *http.Request) *Request {
	if e, ok := r.Context().Value(recordKey{}).(*Request); ok {
		return e
	}
	return &Request{}
}

// arrive notes a request and gives it its id.
func (s *Server) arrive(r *http.Request, tunnel bool) *http.Request {
	q := r.URL.Query()
	for _, name := range []string{"access_token", "wsc", "token", "code", "state", "code_challenge", "refresh_token"} {
		q.Del(name)
	}
	e := &Request{Method: r.Method, Path: r.URL.Path, Query: q.Encode(), UserAgent: r.UserAgent(), Tunnel: tunnel}
	_ = s.change(func() error {
		e.At, e.RequestID = stamp(s.now()), s.ids.uuid()
		s.seen = keepNewest(s.seen, e, requestsKept)
		return nil
	})
	return r.WithContext(context.WithValue(context.WithValue(r.Context(), recordKey{}, e), laterKey{}, &later{}))
}

type laterKey struct{}

// later is what a request leaves to be done when its answer is out.
type later struct{ do []func() }

// afterAnswer runs f under the lock once the answer is on its way, also when nobody waits for it any more.
func (c *call) afterAnswer(f func()) {
	l := remains(c.r)
	l.do = append(l.do, f)
}

func remains(r *http.Request) *later { return r.Context().Value(laterKey{}).(*later) }

// afterwards does what a request has left to do.
func (s *Server) afterwards(r *http.Request) {
	for _, f := range remains(r).do {
		_ = s.change(func() error {
			f()
			return nil
		})
	}
}

// answered notes the status of a request.
func (s *Server) answered(r *http.Request, status int) {
	_ = s.change(func() error {
		record(r).Status = status
		return nil
	})
}

// Requests are the requests that arrived, oldest first, by method (empty: any) and by a part of the path (empty: any).
func (s *Server) Requests(method, path string) []Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.requests(method, path)
}

func (s *Server) requests(method, path string) []Request {
	out := []Request{}
	for _, e := range s.seen[max(0, len(s.seen)-requestsKept):] {
		if (method == "" || strings.EqualFold(e.Method, method)) && strings.Contains(e.Path, path) {
			out = append(out, *e)
		}
	}
	return out
}
