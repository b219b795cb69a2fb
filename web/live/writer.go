package live

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Writer writes server-sent events to one response, as one goroutine.
//
// See https://html.spec.whatwg.org/multipage/server-sent-events.html.
type Writer struct {
	w        http.ResponseWriter
	control  *http.ResponseController
	deadline time.Duration
}

// NewWriter answers with the headers of an event stream; each write that a browser does not take within deadline fails.
func NewWriter(w http.ResponseWriter, deadline time.Duration) (*Writer, error) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no") // or nginx keeps events back
	s := &Writer{w: w, control: http.NewResponseController(w), deadline: deadline}
	err := s.send(func() error {
		w.WriteHeader(http.StatusOK)
		return nil
	})
	if err != nil {
		return nil, err
	}
	return s, nil
}

// Data writes an unnamed event, which htmx swaps into the page.
func (s *Writer) Data(html []byte) error { return s.Event("", html) }

// Event writes a named event with data of any number of lines; line ends of every kind reach the page as \n.
func (s *Writer) Event(name string, data []byte) error {
	if strings.ContainsAny(name, "\r\n\x00") {
		return errors.New("live: not a name of an event")
	}
	text := make([]byte, 0, len(name)+len(data)+len(data)/8+64)
	if name != "" {
		text = append(append(append(text, "event: "...), name...), '\n')
	}
	for more := true; more; {
		var line []byte
		line, data, more = cutLine(data)
		text = append(append(append(text, "data: "...), line...), '\n')
	}
	text = append(text, '\n')
	return s.send(func() error {
		_, err := s.w.Write(text)
		return err
	})
}

// send writes and flushes under the deadline, and then lifts it: over HTTP/2 a deadline that passes resets even an idle stream.
func (s *Writer) send(write func() error) error {
	if err := s.control.SetWriteDeadline(time.Now().Add(s.deadline)); err != nil {
		return fmt.Errorf("live: write deadline: %w", err)
	}
	if err := write(); err != nil {
		return fmt.Errorf("live: write: %w", err)
	}
	if err := s.control.Flush(); err != nil {
		return fmt.Errorf("live: write: %w", err)
	}
	if err := s.control.SetWriteDeadline(time.Time{}); err != nil {
		return fmt.Errorf("live: write deadline: %w", err)
	}
	return nil
}

// cutLine splits after the first line end, of any of the three kinds that browsers know.
func cutLine(data []byte) (line, rest []byte, more bool) {
	i := bytes.IndexAny(data, "\r\n")
	if i < 0 {
		return data, nil, false
	}
	line, rest = data[:i], data[i+1:]
	if data[i] == '\r' && len(rest) > 0 && rest[0] == '\n' {
		rest = rest[1:]
	}
	return line, rest, true
}
