package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// markerTTL is how long a bucket remembers that a key is gone, so that watchers who were away hear of it.
const markerTTL = time.Minute

// codeReplicasNotSupported is the server's error code for copies asked of a server that stands alone.
const codeReplicasNotSupported jetstream.ErrorCode = 10074

// clusterReplicas is how many copies a cluster keeps of each bucket and stream.
const clusterReplicas = 3

// Bucket holds the latest value of each key, with a revision that every write raises.
type Bucket struct {
	bus  *Bus
	name string
	ttl  bool
	kv   jetstream.KeyValue
}

// Change is what a watcher hears: a key's new value, or that the key is gone.
type Change struct {
	Key      string
	Value    []byte
	Revision uint64
	Deleted  bool
}

// Bucket opens a bucket, made when it is not there; ttl allows its keys a time to live (CreateFor, RenewFor).
func (b *Bus) Bucket(ctx context.Context, name string, ttl bool) (*Bucket, error) {
	kv, err := b.js.KeyValue(ctx, name)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		kv, err = b.createBucket(ctx, name, ttl)
	}
	if err != nil {
		return nil, fmt.Errorf("bus: bucket %s: %w", name, err)
	}
	return &Bucket{bus: b, name: name, ttl: ttl, kv: kv}, nil
}

func (b *Bus) createBucket(ctx context.Context, name string, ttl bool) (jetstream.KeyValue, error) {
	cfg := jetstream.KeyValueConfig{Bucket: name, History: 1, Replicas: b.replicas()}
	if ttl {
		cfg.LimitMarkerTTL = markerTTL
	}
	_, err := b.js.CreateKeyValue(ctx, cfg)
	if isCode(err, codeReplicasNotSupported) {
		cfg.Replicas = 1
		_, err = b.js.CreateKeyValue(ctx, cfg)
	}
	if err != nil && !errors.Is(err, jetstream.ErrBucketExists) { // another instance was quicker
		return nil, err
	}
	// A direct read may be answered by a follower that has not heard of the last write: off, so that a session
	// made on one instance is there on the next.
	stream, err := b.js.Stream(ctx, "KV_"+name)
	if err != nil {
		return nil, err
	}
	direct := stream.CachedInfo().Config
	direct.AllowDirect = false
	if _, err := b.js.UpdateStream(ctx, direct); err != nil {
		return nil, err
	}
	return b.js.KeyValue(ctx, name)
}

// replicas is how many copies to ask for: one of an embedded server.
func (b *Bus) replicas() int {
	if b.embedded != nil {
		return 1
	}
	return clusterReplicas
}

// Get returns a key's value and revision, or ErrNotFound.
func (k *Bucket) Get(ctx context.Context, key string) (value []byte, rev uint64, err error) {
	done := k.bus.watchLatency("get", k.name)
	entry, err := k.kv.Get(ctx, key)
	if errors.Is(err, jetstream.ErrKeyNotFound) {
		done(nil)
		return nil, 0, ErrNotFound
	}
	done(err)
	if err != nil {
		return nil, 0, fmt.Errorf("bus: get from %s: %w", k.name, err)
	}
	return entry.Value(), entry.Revision(), nil
}

// Put writes a key whatever it held, for ever, and returns its new revision.
func (k *Bucket) Put(ctx context.Context, key string, value []byte) (uint64, error) {
	return k.write("put", func() (uint64, error) { return k.kv.Put(ctx, key, value) })
}

// Create writes a key that is not there, for ever, or returns ErrExists.
func (k *Bucket) Create(ctx context.Context, key string, value []byte) (uint64, error) {
	return k.write("create", func() (uint64, error) { return k.kv.Create(ctx, key, value) })
}

// CreateFor writes a key that is not there and that goes away after ttl (whole seconds, rounded up), or returns ErrExists.
func (k *Bucket) CreateFor(ctx context.Context, key string, value []byte, ttl time.Duration) (uint64, error) {
	if err := k.checkTTL(ttl); err != nil {
		return 0, err
	}
	return k.write("create", func() (uint64, error) {
		return k.kv.Create(ctx, key, value, jetstream.KeyTTL(wholeSeconds(ttl)))
	})
}

// Update writes a key that still has revision rev, or returns ErrConflict; from then on the key lives for ever.
func (k *Bucket) Update(ctx context.Context, key string, value []byte, rev uint64) (uint64, error) {
	return k.write("update", func() (uint64, error) { return k.kv.Update(ctx, key, value, rev) })
}

// RenewFor writes a key that still has revision rev and gives it ttl (whole seconds, rounded up) from now, or returns ErrConflict.
func (k *Bucket) RenewFor(ctx context.Context, key string, value []byte, rev uint64, ttl time.Duration) (uint64, error) {
	if err := k.checkTTL(ttl); err != nil {
		return 0, err
	}
	return k.write("renew", func() (uint64, error) {
		// The library's Update drops the key's time to live, so the bucket's subject is written to directly.
		ack, err := k.bus.js.Publish(ctx, "$KV."+k.name+"."+key, value,
			jetstream.WithExpectLastSequencePerSubject(rev), jetstream.WithMsgTTL(wholeSeconds(ttl)))
		if err != nil {
			return 0, err
		}
		return ack.Sequence, nil
	})
}

// Delete removes a key; a key that is not there is no error.
func (k *Bucket) Delete(ctx context.Context, key string) error { return k.delete(ctx, key) }

// DeleteAt removes a key that still has revision rev, or returns ErrConflict.
func (k *Bucket) DeleteAt(ctx context.Context, key string, rev uint64) error {
	return k.delete(ctx, key, jetstream.LastRevision(rev))
}

func (k *Bucket) delete(ctx context.Context, key string, opts ...jetstream.KVDeleteOpt) error {
	if k.ttl {
		opts = append(opts, jetstream.PurgeTTL(markerTTL))
	}
	_, err := k.write("delete", func() (uint64, error) { return 0, k.kv.Purge(ctx, key, opts...) })
	return err
}

// Keys lists the keys that match a filter such as "a.*" or ">", in no order.
func (k *Bucket) Keys(ctx context.Context, filter string) ([]string, error) {
	done := k.bus.watchLatency("keys", k.name)
	keys, err := k.keys(ctx, filter)
	done(err)
	if err != nil {
		return nil, fmt.Errorf("bus: keys of %s: %w", k.name, err)
	}
	return keys, nil
}

func (k *Bucket) keys(ctx context.Context, filter string) ([]string, error) {
	w, err := k.kv.Watch(ctx, filter, jetstream.IgnoreDeletes(), jetstream.MetaOnly())
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.Stop() }()
	var keys []string
	for {
		select {
		case entry, open := <-w.Updates():
			switch {
			case !open:
				return nil, ErrNotReady
			case entry == nil: // the end of what there was
				return keys, nil
			}
			keys = append(keys, entry.Key())
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Watch calls fn with the present value of every key that matches the filter, then returns, and calls fn with each
// change until stop, which waits for a call that is under way. ctx bounds the first part only.
func (k *Bucket) Watch(ctx context.Context, filter string, fn func(Change)) (stop func(), err error) {
	s := newSubscription(k.bus)
	w, err := k.kv.Watch(context.WithoutCancel(ctx), filter)
	if err != nil {
		return nil, fmt.Errorf("bus: watch %s: %w", k.name, err)
	}
	s.end = w.Stop
	current := make(chan struct{})
	go func() {
		defer close(s.ended)
		first := true
		for entry := range w.Updates() {
			if entry == nil {
				if first {
					close(current)
					first = false
				}
				continue
			}
			fn(Change{
				Key: entry.Key(), Value: entry.Value(), Revision: entry.Revision(),
				Deleted: entry.Operation() != jetstream.KeyValuePut,
			})
		}
	}()
	if !k.bus.keep(s) {
		s.stop()
		return nil, ErrNotReady
	}
	select {
	case <-current:
		return s.stop, nil
	case <-s.ended:
		s.stop()
		return nil, ErrNotReady
	case <-ctx.Done():
		s.stop()
		return nil, fmt.Errorf("bus: watch %s: %w", k.name, ctx.Err())
	}
}

// write runs one write and puts the library's words for "no" into ours.
func (k *Bucket) write(op string, do func() (uint64, error)) (uint64, error) {
	done := k.bus.watchLatency(op, k.name)
	rev, err := do()
	switch {
	case err == nil:
		done(nil)
		return rev, nil
	case isCode(err, jetstream.JSErrCodeStreamWrongLastSequence), isCode(err, jetstream.JSErrCodeStreamWrongLastSequenceConstant):
		done(nil)
		if op == "create" {
			return 0, ErrExists
		}
		return 0, ErrConflict
	}
	done(err)
	return 0, fmt.Errorf("bus: %s in %s: %w", op, k.name, err)
}

func (k *Bucket) checkTTL(ttl time.Duration) error {
	if !k.ttl {
		return fmt.Errorf("%w: %s", ErrNoTTL, k.name)
	}
	if ttl <= 0 {
		return fmt.Errorf("bus: a time to live of %s", ttl)
	}
	return nil
}

// wholeSeconds rounds up to what NATS can express.
func wholeSeconds(d time.Duration) time.Duration {
	return (d + time.Second - 1).Truncate(time.Second)
}

func isCode(err error, code jetstream.ErrorCode) bool {
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		return api.ErrorCode == code
	}
	js, ok := errors.AsType[jetstream.JetStreamError](err)
	return ok && js.APIError() != nil && js.APIError().ErrorCode == code
}
