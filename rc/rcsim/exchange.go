package rcsim

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"sync"
)

// Exchange is one thing that passed between a client and RingCentral, whole, with its tokens, codes and numbers: a
// request with its answer, by HTTP or as a ClientRequest frame, or else a notification. Gateway frames are not seen as
// such, only what they carry; the upgrade to a socket and the control API are not exchanges.
type Exchange struct {
	At string `json:"at"` // when the request came or the notification was queued

	// Method and Path are of the operation that a request means, tunnelling undone; a notification has neither.
	Method string      `json:"method,omitempty"`
	Path   string      `json:"path,omitempty"`
	Query  string      `json:"query,omitempty"`
	Header http.Header `json:"header,omitempty"`
	Body   string      `json:"body,omitempty"`
	Tunnel bool        `json:"tunnel,omitempty"` // came as a ClientRequest frame
	Fault  string      `json:"fault,omitempty"`  // the fault that met it

	// Status is 0 when a fault let the client wait for ever.
	Status       int         `json:"status,omitempty"`
	AnswerHeader http.Header `json:"answerHeader,omitempty"`
	Answer       string      `json:"answer,omitempty"`

	// Event is the event path of a notification, Notification its envelope with the body.
	Event        string `json:"event,omitempty"`
	Notification string `json:"notification,omitempty"`
	Injected     bool   `json:"injected,omitempty"` // written by a test, by Inject
}

// RecordTo is an Options.Record that writes each exchange as one line of JSON. Errors of w are dropped.
func RecordTo(w io.Writer) func(Exchange) {
	var mu sync.Mutex
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	return func(e Exchange) {
		mu.Lock()
		defer mu.Unlock()
		_ = enc.Encode(e)
	}
}

// RecordFile makes a file for RecordTo that its owner alone can read; end closes it, when the server is closed.
func RecordFile(name string) (record func(Exchange), end func(), err error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, nil, err
	}
	return RecordTo(f), func() { _ = f.Close() }, nil
}

// overhear keeps what a handler reads and writes while it serves a request; tell hands it to Options.Record.
func (s *Server) overhear(w *statusWriter, r *http.Request) (tell func()) {
	if s.opt.Record == nil {
		return func() {}
	}
	// The whole body, for a handler may refuse a request that it has not read.
	body, _ := io.ReadAll(io.LimitReader(r.Body, 1<<20))
	r.Body = struct {
		io.Reader
		io.Closer
	}{io.MultiReader(bytes.NewReader(body), r.Body), r.Body}
	w.kept = &bytes.Buffer{}
	header := r.Header.Clone()
	return func() {
		s.mu.Lock()
		note := *record(r)
		s.mu.Unlock()
		e := Exchange{
			At: note.At, Method: r.Method, Path: r.URL.Path, Query: r.URL.RawQuery, Header: header, Body: string(body),
			Tunnel: note.Tunnel, Fault: note.Fault, Status: w.status,
		}
		if e.Status != 0 {
			e.AnswerHeader, e.Answer = w.Header().Clone(), w.kept.String()
		}
		s.opt.Record(e)
	}
}
