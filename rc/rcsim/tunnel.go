package rcsim

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"sync"
)

// What a client sends over a socket: heartbeats, and requests of the REST API (API sheet 10.3).

type headerWire struct {
	Type      string            `json:"type"`
	MessageID string            `json:"messageId"`
	Status    int               `json:"status,omitempty"`
	WSC       *wscWire          `json:"wsc,omitempty"`
	Headers   map[string]string `json:"headers,omitempty"`
}

// readFrames answers what the client sends.
func (s *Server) readFrames(ctx context.Context, k *socket, r *http.Request) {
	ctx, cancel := context.WithCancel(ctx)
	var requests sync.WaitGroup
	defer requests.Wait()
	defer cancel()
	for {
		_, data, err := k.conn.Read(ctx)
		if err != nil {
			return
		}
		k.active.Store(s.now().UnixNano())
		if k.silent.Load() {
			continue
		}
		var parts []json.RawMessage
		var h struct {
			Type      string            `json:"type"`
			MessageID string            `json:"messageId"`
			Method    string            `json:"method"`
			Path      string            `json:"path"`
			Headers   map[string]string `json:"headers"`
			Query     map[string]any    `json:"query"`
		}
		if json.Unmarshal(data, &parts) != nil || len(parts) == 0 || json.Unmarshal(parts[0], &h) != nil {
			s.answerFrame(k, headerWire{Type: "Error", MessageID: "", Status: http.StatusBadRequest}, encode(map[string]string{"errorCode": "WSG-201", "message": "The frame cannot be parsed"}))
			continue
		}
		switch h.Type {
		case "Heartbeat":
			_ = s.change(func() error {
				k.push(frame{data: encode([]any{headerWire{Type: "Heartbeat", MessageID: h.MessageID}})})
				return nil
			})
		case "ClientRequest":
			var body json.RawMessage
			if len(parts) > 1 {
				body = parts[1]
			}
			target := withQuery(h.Path, h.Query)
			if s.opt.Assume.BusyRefused && len(k.busy) == cap(k.busy) {
				s.answerFrame(k, headerWire{Type: "ClientRequest", MessageID: h.MessageID, Status: http.StatusTooManyRequests}, encode(errorBody(tooBusy())))
				continue
			}
			requests.Go(func() {
				select {
				case k.busy <- struct{}{}:
				case <-ctx.Done():
					return
				}
				s.tunnel(ctx, k, r, h.MessageID, h.Method, target, h.Headers, body)
				<-k.busy
			})
		default:
			s.answerFrame(k, headerWire{Type: "Error", MessageID: h.MessageID, Status: http.StatusBadRequest}, encode(map[string]string{"errorCode": "WSG-201", "message": "Unknown frame type"}))
		}
	}
}

// withQuery adds the query of a ClientRequest to its path; a list is a parameter that is named several times.
func withQuery(path string, query map[string]any) string {
	if len(query) == 0 {
		return path
	}
	v := url.Values{}
	for name, value := range query {
		list, ok := value.([]any)
		if !ok {
			list = []any{value}
		}
		for _, item := range list {
			text, ok := item.(string)
			if !ok {
				text = string(encode(item))
			}
			v.Add(name, text)
		}
	}
	sep := "?"
	if strings.Contains(path, "?") {
		sep = "&"
	}
	return path + sep + v.Encode()
}

// tooBusy is the answer to a request above maxActiveRequests; its code is not known.
func tooBusy() *restError {
	return refuse(http.StatusTooManyRequests, "WSG-429", "Too many active requests")
}

// answerFrame queues an answer; it carries the newest wsc.
func (s *Server) answerFrame(k *socket, h headerWire, body json.RawMessage) {
	_ = s.change(func() error {
		if k.g.sock != k {
			return nil // the connection is cut, and what it says last must not count as heard
		}
		seq := 0
		if len(k.g.pending) == 0 { // else a recovery from here would miss those that wait for this answer
			h.WSC = k.g.next()
			seq = h.WSC.Sequence
		}
		parts := []any{h}
		if len(body) > 0 {
			parts = append(parts, body)
		}
		k.push(frame{seq: seq, data: encode(parts)})
		return nil
	})
}

// tunnel runs a ClientRequest through the same routes as HTTP. Notifications wait until its answer is queued, because
// official clients die of a notification that comes first.
func (s *Server) tunnel(ctx context.Context, k *socket, outer *http.Request, id, method, target string, headers map[string]string, body []byte) {
	answer := headerWire{Type: "ClientRequest", MessageID: id}
	req, err := http.NewRequestWithContext(withTunnel(ctx, k.g), method, target, bytes.NewReader(body))
	if err != nil || !strings.HasPrefix(target, "/restapi/") || strings.HasPrefix(target, "/restapi/oauth") {
		answer.Status = http.StatusNotFound
		s.answerFrame(k, answer, encode(errorBody(refuse(http.StatusNotFound, "CMN-120", "Invalid URI"))))
		return
	}
	for name, value := range headers {
		req.Header.Set(name, value)
	}
	if req.UserAgent() == "" {
		req.Header.Set("User-Agent", outer.UserAgent())
	}
	req.Host, req.TLS = outer.Host, outer.TLS
	req = s.arrive(req, true)
	_ = s.change(func() error {
		if k.g.sock == k { // else the session lives on another connection, whose notifications must not wait for this
			k.g.waiting++
		}
		return nil
	})
	rec := &recorder{header: http.Header{}}
	aborted := rec.serve(s, req)
	if !aborted {
		answer.Status = rec.status
		answer.Headers = map[string]string{}
		for name, values := range rec.header {
			answer.Headers[name] = values[0]
		}
		s.answerFrame(k, answer, rec.json(&answer))
	}
	s.afterwards(req)
	_ = s.change(func() error {
		g := k.g
		if g.sock != k || g.waiting == 0 {
			return nil
		}
		if g.waiting--; g.waiting == 0 {
			for _, f := range g.pending {
				k.push(f)
			}
			g.pending = nil
		}
		return nil
	})
}

// recorder is the ResponseWriter of a tunnelled request.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header { return w.header }

func (w *recorder) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

func (w *recorder) Write(b []byte) (int, error) {
	w.WriteHeader(http.StatusOK)
	return w.body.Write(b)
}

// json is the body as it fits into a frame: multipart cannot be tunnelled (10.3), other text becomes a JSON string.
func (w *recorder) json(answer *headerWire) json.RawMessage {
	body := w.body.Bytes()
	switch {
	case len(body) == 0 || json.Valid(body):
		return body
	case strings.HasPrefix(w.header.Get("Content-Type"), "multipart/"):
		answer.Status = http.StatusUnsupportedMediaType
		answer.Headers["Content-Type"] = "application/json;charset=utf-8"
		return encode(errorBody(refuse(answer.Status, "CMN-415", "A multipart answer cannot be sent over this connection")))
	}
	return encode(string(body))
}

// serve runs the request; true means a fault swallowed the answer.
func (w *recorder) serve(s *Server, r *http.Request) (aborted bool) {
	defer func() {
		switch v := recover(); v {
		case nil:
		case http.ErrAbortHandler:
			aborted = true
		default:
			panic(v)
		}
	}()
	s.serveREST(w, r)
	w.WriteHeader(http.StatusOK)
	return false
}
