package bus

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// readWait is how long a read waits for the next entry that the stream said it has.
	readWait = 10 * time.Second
	// readBeat is how often the server shows that a read goes on: after two that did not come the read asks again from
	// where it was. In a cluster the first answers can be lost while its servers tell each other who listens.
	readBeat = 500 * time.Millisecond
	// readDoubt is how long nothing may come before the stream is asked whether it still has what it said.
	readDoubt = 2 * time.Second
)

// Stream keeps everything that is appended to its subjects, in order, until it is too old.
type Stream struct {
	bus    *Bus
	name   string
	stream jetstream.Stream
}

// Entry is one thing that a stream kept.
type Entry struct {
	Seq     uint64
	Subject string
	Time    time.Time // when the stream took it
	Data    []byte
}

// Stream opens a stream, made or changed to fit when it is not as given; a maxAge of zero keeps entries for ever.
func (b *Bus) Stream(ctx context.Context, name string, subjects []string, maxAge time.Duration) (*Stream, error) {
	s, err := b.js.Stream(ctx, name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		s, err = b.createStream(ctx, name, subjects, maxAge)
	}
	if err == nil {
		cfg := s.CachedInfo().Config
		cfg.Subjects, cfg.MaxAge = subjects, maxAge
		cfg.Duplicates = 0 // let the server choose again: it may not exceed the age
		s, err = b.js.UpdateStream(ctx, cfg)
	}
	if err != nil {
		return nil, fmt.Errorf("bus: stream %s: %w", name, err)
	}
	return &Stream{bus: b, name: name, stream: s}, nil
}

func (b *Bus) createStream(ctx context.Context, name string, subjects []string, maxAge time.Duration) (jetstream.Stream, error) {
	cfg := jetstream.StreamConfig{
		Name: name, Subjects: subjects, MaxAge: maxAge,
		Storage: jetstream.FileStorage, Replicas: b.replicas(),
		DenyDelete: true, DenyPurge: true,
	}
	s, err := b.js.CreateStream(ctx, cfg)
	if isCode(err, codeReplicasNotSupported) {
		cfg.Replicas = 1
		s, err = b.js.CreateStream(ctx, cfg)
	}
	if errors.Is(err, jetstream.ErrStreamNameAlreadyInUse) { // another instance was quicker
		return b.js.Stream(ctx, name)
	}
	return s, err
}

// Append adds one entry and returns its number once the stream has it for good.
//
// An error after ctx ended says nothing about whether the entry was kept.
func (s *Stream) Append(ctx context.Context, subject string, data []byte) (uint64, error) {
	done := s.bus.watchLatency("append", s.name)
	ack, err := s.bus.js.Publish(ctx, subject, data, jetstream.WithExpectStream(s.name))
	done(err)
	if err != nil {
		return 0, fmt.Errorf("bus: append to %s: %w", s.name, err)
	}
	return ack.Sequence, nil
}

// Read calls fn, in order, with every entry after number after that the stream had when Read began and whose subject
// matches the filter; an error of fn ends it and is returned.
func (s *Stream) Read(ctx context.Context, filter string, after uint64, fn func(Entry) error) error {
	return s.read(ctx, after, fn, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartSequencePolicy, OptStartSeq: after + 1,
	})
}

// ReadSince is Read for the entries that the stream took at or after since.
func (s *Stream) ReadSince(ctx context.Context, filter string, since time.Time, fn func(Entry) error) error {
	return s.read(ctx, 0, fn, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{filter}, DeliverPolicy: jetstream.DeliverByStartTimePolicy, OptStartTime: &since,
	})
}

func (s *Stream) read(ctx context.Context, after uint64, fn func(Entry) error, cfg jetstream.OrderedConsumerConfig) error {
	done := s.bus.watchLatency("read", s.name)
	err := s.readTo(ctx, after, fn, cfg)
	done(err)
	if err != nil {
		return fmt.Errorf("bus: read %s: %w", s.name, err)
	}
	return nil
}

func (s *Stream) readTo(ctx context.Context, after uint64, fn func(Entry) error, cfg jetstream.OrderedConsumerConfig) error {
	last, err := s.stream.GetLastMsgForSubject(ctx, cfg.FilterSubjects[0])
	switch {
	case errors.Is(err, jetstream.ErrMsgNotFound):
		return nil
	case err != nil:
		return err
	case last.Sequence <= after, cfg.OptStartTime != nil && last.Time.Before(*cfg.OptStartTime):
		return nil
	}
	consumer, err := s.bus.js.OrderedConsumer(ctx, s.name, cfg)
	if err != nil {
		return err
	}
	defer func() {
		if info := consumer.CachedInfo(); info != nil {
			_ = s.stream.DeleteConsumer(context.WithoutCancel(ctx), info.Name) // it would go by itself in some minutes
		}
	}()
	messages, err := consumer.Messages(jetstream.PullHeartbeat(readBeat))
	if err != nil {
		return err
	}
	defer messages.Stop()
	for seen := after; ; {
		msg, err := s.next(ctx, messages, cfg.FilterSubjects[0], seen)
		if err != nil || msg == nil {
			return err
		}
		meta, err := msg.Metadata()
		if err != nil {
			return err
		}
		if meta.Sequence.Stream <= last.Sequence {
			if err := fn(Entry{Seq: meta.Sequence.Stream, Subject: msg.Subject(), Time: meta.Timestamp, Data: msg.Data()}); err != nil {
				return err
			}
		}
		if seen = meta.Sequence.Stream; seen >= last.Sequence {
			return nil
		}
	}
}

// next is the next message of a read that has seen the entries up to a number; nil means that what was to come has become
// too old meanwhile.
func (s *Stream) next(ctx context.Context, messages jetstream.MessagesContext, subject string, seen uint64) (jetstream.Msg, error) {
	for begin := time.Now(); ; {
		wait, cancel := context.WithTimeout(ctx, readDoubt)
		msg, err := messages.Next(jetstream.NextContext(wait))
		cancel()
		if !errors.Is(err, context.DeadlineExceeded) || ctx.Err() != nil || time.Since(begin) > readWait {
			return msg, err
		}
		switch last, err := s.stream.GetLastMsgForSubject(ctx, subject); {
		case errors.Is(err, jetstream.ErrMsgNotFound), err == nil && last.Sequence <= seen:
			return nil, nil
		case err != nil:
			return nil, err
		}
	}
}
