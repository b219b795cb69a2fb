// Package ledger is the append-only record of transfers and control actions.
//
// An entry is one step of something that a person did; what it means is the
// writer's business, and so is deriving what is unfinished from the steps. The
// stream is the truth: Append returns only after it has the entry for good, so
// that an intent can be written before it is acted on. Entries of one person
// come back in the order in which they were appended, and go away by age alone.
// A Ledger may be used from any goroutine; it holds nothing to close.
package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/cordboard/cordboard/web/bus"
)

// streamName and subjectRoot are where the entries of every person live: under subjectRoot.<account>.<extension>.
const (
	streamName  = "LEDGER"
	subjectRoot = "ledger"
)

// clockSkew is how far apart the clocks of an entry's writer and of the stream may be.
const clockSkew = 5 * time.Minute

// ErrInvalid says that an entry lacks its kind, time, or person.
var ErrInvalid = errors.New("ledger: an entry without kind, time, account or extension")

// Entry is one step. Its JSON is kept for as long as the ledger is: names may be added, never changed.
type Entry struct {
	Kind       string          `json:"kind"` // the writer's word for the step
	Account    string          `json:"account"`
	Extension  string          `json:"extension"`
	TransferID string          `json:"transferId,omitempty"` // what the steps of one transfer share
	At         time.Time       `json:"at"`                   // when the step was taken, by the writer's clock
	Data       json.RawMessage `json:"data,omitempty"`       // what the writer has to say of it
	Seq        uint64          `json:"-"`                    // the entry's number in the ledger, known when it is read
}

// Ledger appends entries and reads them back.
type Ledger struct{ stream *bus.Stream }

// Open opens the ledger on the bus; entries older than retention go away, none when it is zero.
func Open(ctx context.Context, b *bus.Bus, retention time.Duration) (*Ledger, error) {
	s, err := b.Stream(ctx, streamName, []string{subjectRoot + ".*.*"}, retention)
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return &Ledger{stream: s}, nil
}

// Append writes one step and returns once it is kept for good. An error after ctx ended leaves it unknown whether it was:
// what may not happen without an entry must not happen then.
func (l *Ledger) Append(ctx context.Context, e Entry) error {
	subject, err := subjectOf(e.Account, e.Extension)
	if err != nil {
		return err
	}
	if e.Kind == "" || e.At.IsZero() {
		return ErrInvalid
	}
	data, err := json.Marshal(e)
	if err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	if _, err := l.stream.Append(ctx, subject, data); err != nil {
		return fmt.Errorf("ledger: %w", err)
	}
	return nil
}

// Person reads one person's steps that were taken at or after since, oldest first.
func (l *Ledger) Person(ctx context.Context, account, extension string, since time.Time) ([]Entry, error) {
	subject, err := subjectOf(account, extension)
	if err != nil {
		return nil, err
	}
	var all []Entry
	err = l.stream.ReadSince(ctx, subject, since.Add(-clockSkew), func(kept bus.Entry) error {
		e := Entry{Seq: kept.Seq}
		if err := json.Unmarshal(kept.Data, &e); err != nil {
			return fmt.Errorf("entry %d: %w", kept.Seq, err)
		}
		if !e.At.Before(since) {
			all = append(all, e)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("ledger: %w", err)
	}
	return all, nil
}

// subjectOf is where one person's entries live; an id that would reach another person's is refused.
func subjectOf(account, extension string) (string, error) {
	for _, id := range []string{account, extension} {
		if id == "" || strings.ContainsAny(id, ".*> \t\r\n") {
			return "", ErrInvalid
		}
	}
	return subjectRoot + "." + account + "." + extension, nil
}
