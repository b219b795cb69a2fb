// Package live brings the latest state of a topic to the browsers that follow
// it. What travels is bytes under a revision; it knows nothing of calls.
//
// A Hub hears every topic of every instance through one subscription and puts
// each message into the mailboxes of its followers, which hold one message
// each: a newer one replaces an older one, so a slow browser loses what is out
// of date and never holds anybody up. Revisions of one topic only rise, also
// when another instance takes the topic over: a mailbox drops what is not newer
// than what it had. A follower follows first, reads the present state from its
// owner second, and then drains the mailbox: nothing falls between.
//
// Nothing here starts a goroutine. A Writer belongs to the goroutine of its
// request; everything else may be used from any goroutine.
package live

import (
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/cordboard/cordboard/web/bus"
)

// revisionSize is the number of bytes before the data of each message on the bus.
const revisionSize = 8

// Hub is one process's ear on the topics below a prefix.
type Hub struct {
	bus    *bus.Bus
	prefix string
	stop   func()

	mu     sync.RWMutex
	topics map[string]map[*Mailbox]struct{}
}

// NewHub begins to listen to every topic below prefix; its maker closes it, or the bus.
func NewHub(b *bus.Bus, prefix string) (*Hub, error) {
	h := &Hub{bus: b, prefix: prefix + ".", topics: map[string]map[*Mailbox]struct{}{}}
	stop, err := b.Subscribe(h.prefix+">", h.receive)
	if err != nil {
		return nil, fmt.Errorf("live: %w", err)
	}
	h.stop = stop
	return h, nil
}

// Close ends listening and waits for a delivery that is under way.
func (h *Hub) Close() { h.stop() }

// Publish gives a topic's state to its followers on every instance; data must not be changed afterwards.
func (h *Hub) Publish(topic string, rev uint64, data []byte) error {
	if topic == "" || strings.ContainsAny(topic, "*> \t\r\n") {
		return errors.New("live: not a topic")
	}
	message := make([]byte, 0, revisionSize+len(data))
	message = append(binary.BigEndian.AppendUint64(message, rev), data...)
	if err := h.bus.Publish(h.prefix+topic, message); err != nil {
		return fmt.Errorf("live: %w", err)
	}
	return nil
}

func (h *Hub) receive(subject string, message []byte) {
	if len(message) < revisionSize {
		return
	}
	h.deliver(strings.TrimPrefix(subject, h.prefix), binary.BigEndian.Uint64(message), message[revisionSize:])
}

func (h *Hub) deliver(topic string, rev uint64, data []byte) {
	h.mu.RLock()
	defer h.mu.RUnlock()
	for m := range h.topics[topic] {
		m.put(rev, data)
	}
}

// Follow opens a mailbox for a topic; the follower closes it.
func (h *Hub) Follow(topic string) *Mailbox {
	m := &Mailbox{hub: h, topic: topic, filled: make(chan struct{}, 1)}
	h.mu.Lock()
	defer h.mu.Unlock()
	followers := h.topics[topic]
	if followers == nil {
		followers = map[*Mailbox]struct{}{}
		h.topics[topic] = followers
	}
	followers[m] = struct{}{}
	return m
}

// Followers is the number of open mailboxes of a topic on this instance.
func (h *Hub) Followers(topic string) int {
	h.mu.RLock()
	defer h.mu.RUnlock()
	return len(h.topics[topic])
}

// Mailbox holds the newest message of a topic until it is taken.
type Mailbox struct {
	hub    *Hub
	topic  string
	filled chan struct{}

	mu   sync.Mutex
	rev  uint64 // of the newest message so far, taken or not
	data []byte
	full bool
}

// C receives when there is something to take; a receive may find it taken already.
func (m *Mailbox) C() <-chan struct{} { return m.filled }

// Take empties the mailbox; ok is false when it was empty. The data is shared and must not be changed.
func (m *Mailbox) Take() (rev uint64, data []byte, ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.full {
		return 0, nil, false
	}
	data = m.data
	m.data, m.full = nil, false
	return m.rev, data, true
}

// put never blocks.
func (m *Mailbox) put(rev uint64, data []byte) {
	m.mu.Lock()
	stale := rev <= m.rev && m.rev != 0
	if !stale {
		m.rev, m.data, m.full = rev, data, true
	}
	m.mu.Unlock()
	if stale {
		return
	}
	select {
	case m.filled <- struct{}{}:
	default: // the follower has been told
	}
}

// Close ends following; what was not taken can still be.
func (m *Mailbox) Close() {
	m.hub.mu.Lock()
	defer m.hub.mu.Unlock()
	followers := m.hub.topics[m.topic]
	delete(followers, m)
	if len(followers) == 0 {
		delete(m.hub.topics, m.topic)
	}
}
