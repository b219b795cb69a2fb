package bus

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
)

// subscription is one thing that calls back, and what ends it.
type subscription struct {
	bus   *Bus
	end   func() error
	ended chan struct{}  // closed after the last callback
	work  sync.WaitGroup // what callbacks started
	once  sync.Once
}

func newSubscription(b *Bus) *subscription {
	return &subscription{bus: b, ended: make(chan struct{})}
}

// stop ends the subscription and waits for callbacks and their work; it must not be called from the callback.
func (s *subscription) stop() {
	s.once.Do(func() {
		_ = s.end() // it fails only where the connection is closed, which ended it too
		<-s.ended
		s.work.Wait()
		s.bus.forget(s)
	})
}

// Publish sends data to whoever is subscribed now, on any instance; nobody keeps it.
func (b *Bus) Publish(subject string, data []byte) error {
	if err := b.conn.Publish(subject, data); err != nil {
		return fmt.Errorf("bus: publish: %w", err)
	}
	return nil
}

// Subscribe calls fn with each message to a subject, which may hold wildcards; it hears everything that is published
// after it returns, except that the other servers of a cluster learn of it a moment later. stop waits for a call that
// is under way and must not be called from fn.
func (b *Bus) Subscribe(subject string, fn func(subject string, data []byte)) (stop func(), err error) {
	return b.subscribe(newSubscription(b), subject, func() {}, func(m *nats.Msg) { fn(m.Subject, m.Data) })
}

// subscribe makes s call fn; cancel is called when it is to end.
func (b *Bus) subscribe(s *subscription, subject string, cancel func(), fn nats.MsgHandler) (stop func(), err error) {
	sub, err := b.conn.Subscribe(subject, fn)
	if err != nil {
		cancel()
		return nil, fmt.Errorf("bus: subscribe: %w", err)
	}
	sub.SetClosedHandler(func(string) { close(s.ended) })
	s.end = func() error {
		cancel()
		return sub.Unsubscribe()
	}
	if !b.keep(s) {
		_ = s.end()
		return nil, ErrNotReady
	}
	if err := b.conn.FlushTimeout(requestTimeout); err != nil { // until then the server may not know of it
		s.stop()
		return nil, fmt.Errorf("bus: subscribe: %w", err)
	}
	return s.stop, nil
}

// Serve answers requests to a subject, each in a goroutine of its own; stop ends their context and waits for them.
// fn sees no request after stop.
func (b *Bus) Serve(subject string, fn func(ctx context.Context, data []byte) []byte) (stop func(), err error) {
	ctx, cancel := context.WithCancel(context.Background())
	s := newSubscription(b)
	return b.subscribe(s, subject, cancel, func(m *nats.Msg) {
		s.work.Go(func() {
			if err := m.Respond(fn(ctx, m.Data)); err != nil {
				b.log.Warn("bus: a request was not answered", "subject", m.Subject, "err", err)
			}
		})
	})
}

// Request asks whoever serves a subject, for 3 s when ctx has no deadline. ErrNoResponder means that nobody heard it;
// after any other error somebody may have.
func (b *Bus) Request(ctx context.Context, subject string, data []byte) ([]byte, error) {
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, requestTimeout)
		defer cancel()
	}
	done := b.watchLatency("request", "")
	msg, err := b.conn.RequestWithContext(ctx, subject, data)
	done(err)
	switch {
	case errors.Is(err, nats.ErrNoResponders):
		return nil, ErrNoResponder
	case err != nil:
		return nil, fmt.Errorf("bus: request: %w", err)
	}
	return msg.Data, nil
}
