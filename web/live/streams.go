package live

import (
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"github.com/cordboard/cordboard/web/bus"
)

// The named events that end a stream; after each of them the server writes no more.
const (
	EndNewer     = "newer"      // a newer tab took this one's place
	EndSignedOut = "signed-out" // the session is over
	EndForbidden = "forbidden"  // the person lost the right to see this
	EndShutdown  = "shutdown"   // come back in a moment
)

// How many streams one browser session may have: browsers allow six HTTP/1.1 connections to a host over all tabs, and a press needs one too.
const (
	limitHTTP1 = 4
	limitHTTP2 = 20
)

// Limit is how many streams a browser session may have over this major version of HTTP.
func Limit(protoMajor int) int {
	if protoMajor >= 2 {
		return limitHTTP2
	}
	return limitHTTP1
}

// Streams knows the open streams of this instance by browser session, and ends them.
type Streams struct {
	bus     *bus.Bus
	subject string
	stop    func()

	mu    sync.Mutex
	shut  string // the event that ends what is opened from now on
	open  map[string][]*Stream
	total int
}

// Stream is one open stream; its handler writes End's event when Ended closes, and always calls Close.
type Stream struct {
	streams *Streams
	session string
	ended   chan struct{}
	event   string // written before ended closes
}

// ending is what instances tell each other.
type ending struct {
	Session string `json:"session"`
	Event   string `json:"event"`
}

// NewStreams begins to listen for ends told by other instances; its maker closes it, or the bus.
func NewStreams(b *bus.Bus, prefix string) (*Streams, error) {
	s := &Streams{bus: b, subject: prefix + ".end", open: map[string][]*Stream{}}
	stop, err := b.Subscribe(s.subject, func(_ string, data []byte) {
		var e ending
		if json.Unmarshal(data, &e) == nil {
			s.EndHere(e.Session, e.Event)
		}
	})
	if err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	s.stop = stop
	return s, nil
}

// Close stops listening; it ends no stream.
func (s *Streams) Close() { s.stop() }

// Open counts a new stream of a browser session and ends its oldest ones on this instance beyond limit. A session that
// ends from now on ends it too: the handler looks at the session once more after Open.
func (s *Streams) Open(session string, limit int) *Stream {
	st := &Stream{streams: s, session: session, ended: make(chan struct{})}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.shut != "" {
		st.end(s.shut)
		return st
	}
	for len(s.open[session]) >= max(limit, 1) {
		oldest := s.open[session][0]
		s.remove(oldest)
		oldest.end(EndNewer)
	}
	s.open[session] = append(s.open[session], st)
	s.total++
	return st
}

// Count is the number of open streams on this instance.
func (s *Streams) Count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// End ends all streams of a browser session with a named event, at once here and a moment later on every other instance.
func (s *Streams) End(session, event string) error {
	s.EndHere(session, event)
	data, err := json.Marshal(ending{session, event})
	if err == nil {
		err = s.bus.Publish(s.subject, data)
	}
	if err != nil {
		return fmt.Errorf("live: end streams: %w", err)
	}
	return nil
}

// EndHere is End for this instance alone.
func (s *Streams) EndHere(session, event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endSession(session, event)
}

// EndAll ends every stream of this instance with a named event, and any that is opened afterwards.
func (s *Streams) EndAll(event string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.shut = event
	for session := range s.open {
		s.endSession(session, event)
	}
}

func (s *Streams) endSession(session, event string) {
	for _, st := range s.open[session] {
		st.end(event)
	}
	s.total -= len(s.open[session])
	delete(s.open, session)
}

// remove forgets a stream that may be gone already.
func (s *Streams) remove(st *Stream) {
	all := s.open[st.session]
	i := slices.Index(all, st)
	if i < 0 {
		return
	}
	s.total--
	if len(all) == 1 {
		delete(s.open, st.session)
		return
	}
	s.open[st.session] = slices.Delete(all, i, i+1)
}

// Ended closes when the stream is to end.
func (st *Stream) Ended() <-chan struct{} { return st.ended }

// End is the name of the event to end with; it may be read once Ended is closed.
func (st *Stream) End() string { return st.event }

// Close says that the handler is done.
func (st *Stream) Close() {
	st.streams.mu.Lock()
	defer st.streams.mu.Unlock()
	st.streams.remove(st)
}

// end is called once, by whoever takes the stream out of the map.
func (st *Stream) end(event string) {
	st.event = event
	close(st.ended)
}
