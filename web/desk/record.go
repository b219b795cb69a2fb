package desk

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/ledger"
)

// Kinds of ledger entries that a desk writes.
const (
	kindTransfer = "transfer" // a step of an attempt; Data is the board.Transfer after it
	kindConsult  = "consult"  // a consult that ended without a transfer; Data is a board.Record
	kindAction   = "action"   // a control action and its outcome; Data is an action
)

const (
	dayLong  = 24 * time.Hour
	maxToday = 50
)

// entry is a ledger entry on its way, and what to do once it is kept.
type entry struct {
	ledger.Entry
	then func(error)
}

// action is the ledger's record of a control action.
type action struct {
	Action    board.Action `json:"action"`
	SessionID string       `json:"session"`
	PartyID   string       `json:"party"`
	Status    int          `json:"status,omitempty"`
	Code      string       `json:"code,omitempty"`
	RequestID string       `json:"requestId,omitempty"`
	Unsent    bool         `json:"unsent,omitempty"`
}

// write appends to the ledger, in order; then runs on the desk's goroutine once
// the entry is on disk, or is known not to be.
func (d *desk) write(kind, transferID string, data any, then func(error)) {
	raw, err := json.Marshal(data)
	e := entry{Entry: ledger.Entry{
		Kind: kind, Account: d.person.AccountID, Extension: d.person.ExtensionID,
		TransferID: transferID, At: d.now(), Data: raw,
	}, then: then}
	if err != nil {
		d.log.Error("ledger entry not encoded", "kind", kind, "err", err)
		if then != nil {
			then(err)
		}
		return
	}
	select {
	case d.journal <- e:
	case <-d.ctx.Done():
	}
}

// keepJournal appends the desk's entries one after another. When the desk
// closes it keeps what was already written down.
func (d *desk) keepJournal() {
	for {
		select {
		case e := <-d.journal:
			d.append(e)
		case <-d.ctx.Done():
			for {
				select {
				case e := <-d.journal:
					d.append(e)
				default:
					return
				}
			}
		}
	}
}

func (d *desk) append(e entry) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), 5*time.Second)
	defer cancel()
	err := d.cfg.Ledger.Append(ctx, e.Entry)
	if err != nil {
		d.log.Error("ledger entry not kept", "kind", e.Kind, "transfer", e.TransferID, "err", err)
	}
	if e.then != nil {
		// Not from here: the desk may be waiting for room in the journal.
		d.spawn(func() { d.post(func() { e.then(err) }) })
	}
}

// save hands the newest boards to keepBoard; an older one that still waits is
// dropped.
func (d *desk) save() {
	select {
	case <-d.saved:
	default:
	}
	d.saved <- d.own.Save()
}

// keepBoard keeps the newest board in the bucket, for a restart or a take-over;
// when the desk closes, also the last one.
func (d *desk) keepBoard() {
	for {
		select {
		case saved := <-d.saved:
			d.put(saved)
		case <-d.ctx.Done():
			select {
			case saved := <-d.saved:
				d.put(saved)
			default:
			}
			return
		}
	}
}

func (d *desk) put(saved board.Saved) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(d.ctx), 2*time.Second)
	defer cancel()
	raw, err := json.Marshal(saved)
	if err == nil {
		_, err = d.cfg.boards.Put(ctx, d.person.Key(), raw)
	}
	if err != nil {
		d.log.Warn("board not kept", "err", err)
	}
}

// restore takes up where an earlier process left: its last board and pair, the
// transfers of the day, and attempts that it did not see settled.
func (d *desk) restore() {
	ctx, cancel := context.WithTimeout(d.ctx, 5*time.Second)
	defer cancel()
	if raw, _, err := d.cfg.boards.Get(ctx, d.person.Key()); err == nil {
		var saved board.Saved
		if err := json.Unmarshal(raw, &saved); err != nil {
			d.log.Warn("kept board not read", "err", err)
		} else {
			saved.Owner = owner(d.person)
			d.own = board.Restore(saved, d.cfg.Timing.Board, d.now())
		}
	}
	d.recall(ctx)
}

// recall reads the day's transfers and takes over what is unsettled. Until it
// could, no transfer is sent: one may be on its way.
func (d *desk) recall(ctx context.Context) {
	entries, err := d.cfg.Ledger.Person(ctx, d.person.AccountID, d.person.ExtensionID, d.now().Add(-dayLong))
	if d.unread = err != nil; d.unread {
		d.log.Error("ledger not read", "err", err)
		d.later(d.cfg.Timing.RecallAgain, func() {
			ctx, cancel := context.WithTimeout(d.ctx, time.Second)
			defer cancel()
			d.recall(ctx)
		})
		return
	}
	latest := map[string]board.Transfer{}
	var order []string
	var today []board.Record
	for _, e := range entries {
		switch e.Kind {
		case kindTransfer:
			var t board.Transfer
			if err := json.Unmarshal(e.Data, &t); err != nil {
				d.log.Warn("ledger entry not read", "seq", e.Seq, "err", err)
				continue
			}
			if _, ok := latest[t.ID]; !ok {
				order = append(order, t.ID)
			}
			latest[t.ID] = t
		case kindConsult:
			var r board.Record
			if err := json.Unmarshal(e.Data, &r); err == nil {
				today = append(today, r)
			}
		}
	}
	for _, id := range order {
		if t := latest[id]; t.Phase.Settled() {
			today = append(today, recordOf(t))
		}
	}
	slices.SortStableFunc(today, func(a, b board.Record) int { return a.At.Compare(b.At) })
	for _, r := range today {
		d.addToday(r)
	}
	for _, id := range order {
		if t := latest[id]; t.Phase.Settled() {
			d.keepAttempt(t)
		} else {
			d.resume(t)
		}
	}
}

// record puts a consult that ended without a transfer into the ledger and the
// day's list.
func (d *desk) record(end board.End, customer, consult board.Leg, now time.Time) {
	r := board.Record{
		At: now, End: end, Name: customer.Far.Name, Number: customer.Far.Number,
		To: consult.Far.Name, ToNumber: consult.Far.Number,
		Held: customer.HeldFor(now), HeldAtLeast: customer.Held.AtLeast,
	}
	if !consult.Far.Answered.IsZero() {
		r.Consult = now.Sub(consult.Far.Answered.Time)
	}
	d.write(kindConsult, "", r, nil)
	d.addToday(r)
}

// recordOf is the day's line of a settled attempt.
func recordOf(t board.Transfer) board.Record {
	r := board.Record{At: t.Settled, Name: t.Customer, Number: t.CustomerNumber, To: t.Consult, ToNumber: t.ConsultNumber, HeldAtLeast: t.Held.AtLeast}
	if !t.Held.IsZero() {
		r.Held = max(0, t.Settled.Sub(t.Held.Time))
	}
	if !t.Talking.IsZero() {
		r.Consult = max(0, t.Settled.Sub(t.Talking.Time))
	}
	switch t.Phase {
	case board.Confirmed:
		r.End = board.EndJoined
	case board.Refused:
		r.End = board.EndRefused
	case board.Failed:
		r.End = board.EndFailed
	case board.Unconfirmed:
		r.End = board.EndUnconfirmed
	case board.PhaseNone, board.Checking, board.Sent, board.Accepted, board.Abandoned:
		r.End = board.EndAbandoned
	}
	return r
}

// addToday puts a line on top of the day's list. Snapshots share the old list,
// so it is copied.
func (d *desk) addToday(r board.Record) {
	today := make([]board.Record, 0, len(d.today)+1)
	today = append(today, r)
	for _, old := range d.today {
		if len(today) < maxToday && r.At.Sub(old.At) < dayLong {
			today = append(today, old)
		}
	}
	d.today = today
}

func formatUint(n uint64) string { return strconv.FormatUint(n, 36) }
