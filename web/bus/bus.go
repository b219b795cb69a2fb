// Package bus is everything that instances share, over NATS: buckets of keys
// and values, streams that keep what was appended, and subjects for messages
// that nobody keeps. By default the server runs inside the process, listens
// nowhere, and keeps its files in a folder that is locked against a second
// process; with a URL the same things live in a cluster.
//
// What Append, Put and their kin return as done is on disk (embedded: synced
// before the answer) or agreed by the cluster. Reads see every write that was
// answered before they began, from whichever instance.
//
// Callbacks of one subscription run one after another, in order of arrival.
// Whoever opens a Bus closes it; Close ends every subscription, waits for the
// callbacks that are under way, and then for the server.
package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// The errors that a caller can act on; anything else means that the bus could not be asked.
var (
	ErrNotFound    = errors.New("bus: no such key")
	ErrExists      = errors.New("bus: the key exists")
	ErrConflict    = errors.New("bus: the key was changed by somebody else")
	ErrNoResponder = errors.New("bus: nobody serves this subject")
	ErrLocked      = errors.New("bus: the data folder is in use by another process")
	ErrNoTTL       = errors.New("bus: keys of this bucket live for ever")
	ErrNotReady    = errors.New("bus: not connected")
)

// How long the bus is waited for when the caller's context sets no limit.
const (
	connectTimeout = 5 * time.Second
	readyTimeout   = time.Second
	requestTimeout = 3 * time.Second
)

// Config says where the bus is.
type Config struct {
	URL         string // a cluster; empty = a server in this process
	Credentials string // the text of a NATS credentials file, "user:password", or a token; may be empty
	Dir         string // where the embedded server keeps its files
	Log         *slog.Logger
	Observe     func(Observation) // called after each operation, from its goroutine; may be nil
}

// Observation is one operation and how long it took, for metrics.
type Observation struct {
	Op   string // get, put, create, update, renew, delete, keys, append, read, request
	Name string // the bucket or stream; empty for requests
	Took time.Duration
	Err  error
}

// Bus is a connection to NATS and, when embedded, the server behind it; it may be used from any goroutine.
type Bus struct {
	log      *slog.Logger
	observe  func(Observation)
	conn     *nats.Conn
	js       jetstream.JetStream
	embedded *embedded
	closed   chan struct{} // closed by NATS when the connection is finally down

	mu    sync.Mutex
	done  bool
	stops map[*subscription]struct{}

	closing sync.Once
	err     error
}

// Open starts the embedded server or connects to the cluster; the error never holds a credential.
func Open(ctx context.Context, cfg Config) (*Bus, error) {
	b := &Bus{
		log: cfg.Log, observe: cfg.Observe,
		closed: make(chan struct{}), stops: map[*subscription]struct{}{},
	}
	if b.log == nil {
		b.log = slog.New(slog.DiscardHandler)
	}
	if b.observe == nil {
		b.observe = func(Observation) {}
	}
	opts := []nats.Option{
		nats.Name("cordboard"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(250 * time.Millisecond),
		nats.Timeout(timeLeft(ctx, connectTimeout)),
		nats.ClosedHandler(func(*nats.Conn) { close(b.closed) }),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil { // closing is no news
				b.log.Warn("bus: disconnected", "err", err)
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { b.log.Info("bus: connected again") }),
		nats.ErrorHandler(func(_ *nats.Conn, s *nats.Subscription, err error) {
			subject := ""
			if s != nil {
				subject = s.Subject
			}
			b.log.Warn("bus: trouble", "err", err, "subject", subject)
		}),
	}
	at := cfg.URL
	if at == "" {
		srv, err := startEmbedded(cfg.Dir, timeLeft(ctx, connectTimeout), b.log)
		if err != nil {
			return nil, err
		}
		b.embedded = srv
		opts = append(opts, nats.InProcessServer(srv.server))
	} else {
		if err := checkURL(at); err != nil {
			return nil, err
		}
		opts = append(opts, credentials(cfg.Credentials)...)
	}
	conn, err := nats.Connect(at, opts...)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("bus: connect: %w", err), b.embedded.stop())
	}
	b.conn = conn
	if b.js, err = jetstream.New(conn); err != nil {
		return nil, errors.Join(fmt.Errorf("bus: jetstream: %w", err), b.Close())
	}
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("bus: jetstream: %w", err), b.Close())
	}
	return b, nil
}

// checkURL refuses what NATS would refuse, in words that do not hold the URL, which may hold a password.
func checkURL(list string) error {
	for one := range strings.SplitSeq(list, ",") {
		u, err := url.Parse(strings.TrimSpace(one))
		if err != nil || u.Host == "" {
			return errors.New("bus: the NATS URL is not a URL with a scheme and a host")
		}
	}
	return nil
}

// credentials turns the setting into the option that fits its form.
func credentials(text string) []nats.Option {
	user, password, isPair := strings.Cut(text, ":")
	switch {
	case text == "":
		return nil
	case strings.Contains(text, "-----BEGIN "):
		return []nats.Option{nats.UserCredentialBytes([]byte(text))}
	case isPair:
		return []nats.Option{nats.UserInfo(user, strings.TrimSpace(password))}
	default:
		return []nats.Option{nats.Token(strings.TrimSpace(text))}
	}
}

// Ready is nil when the bus answers now.
func (b *Bus) Ready() error {
	if !b.conn.IsConnected() {
		return ErrNotReady
	}
	ctx, cancel := context.WithTimeout(context.Background(), readyTimeout)
	defer cancel()
	if _, err := b.js.AccountInfo(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrNotReady, err)
	}
	return nil
}

// Close ends every subscription, waits for callbacks, connection and server, and frees the data folder; again does nothing.
func (b *Bus) Close() error {
	b.closing.Do(func() {
		b.mu.Lock()
		b.done = true
		subs := make([]*subscription, 0, len(b.stops))
		for s := range b.stops {
			subs = append(subs, s)
		}
		b.mu.Unlock()
		for _, s := range subs {
			s.stop()
		}
		b.conn.Close()
		<-b.closed
		b.err = b.embedded.stop()
	})
	return b.err
}

// keep remembers a subscription so that Close can end it; it reports false when the bus is closed already.
func (b *Bus) keep(s *subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.done {
		return false
	}
	b.stops[s] = struct{}{}
	return true
}

func (b *Bus) forget(s *subscription) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.stops, s)
}

// watchLatency starts a clock and returns what is to be called at the end of the operation.
func (b *Bus) watchLatency(op, name string) func(error) {
	start := time.Now()
	return func(err error) {
		b.observe(Observation{Op: op, Name: name, Took: time.Since(start), Err: err})
	}
}

// timeLeft is the time until ctx's deadline, and at most limit.
func timeLeft(ctx context.Context, limit time.Duration) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(max(time.Until(deadline), time.Millisecond), limit)
	}
	return limit
}
