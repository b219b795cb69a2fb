package board

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// eightLegs is a busy desk: a held customer, a consult, and six calls more.
func eightLegs(tb testing.TB) *Watch {
	tb.Helper()
	w := NewWatch(agent, Timing{})
	apply(w.State, in(4, 5, tp.Answered), in(5, 10, tp.Hold), event(consultCall, 4, 20, outgoing(consultCall, "103", tp.Answered)))
	read(tb, w.State, 21, customerRead(tp.Hold))
	read(tb, w.State, 21, consultRead(tp.Answered))
	w.Step(at(21))
	for i := range 6 {
		id := fmt.Sprintf("s-%d", i+10)
		apply(w.State, event(id, 3, 30, incoming(id, 2, victor, tp.Hold)))
		read(tb, w.State, 31, listed(id, someone(id, 1, "", tp.Answered), incoming(id, 2, victor, tp.Hold)))
	}
	w.Step(at(32))
	if len(w.Board.Legs) != 8 || w.Pairing.Pair == nil {
		tb.Fatalf("%d legs, pair %v", len(w.Board.Legs), w.Pairing.Pair)
	}
	return w
}

func BenchmarkApply(b *testing.B) {
	events := [...]tp.Event{in(0, 0, tp.Hold), in(0, 0, tp.Answered)}
	s := NewState(agent, Timing{})
	sequence := int64(0)
	for b.Loop() {
		sequence++
		e := events[sequence&1]
		e.Sequence, e.At = sequence, start.Add(time.Duration(sequence)*time.Second)
		if !s.Apply(e) {
			b.Fatal("not taken")
		}
	}
}

func BenchmarkStep(b *testing.B) {
	w := eightLegs(b)
	now := at(33)
	for b.Loop() {
		if happened := w.Step(now); len(happened) != 0 {
			b.Fatal(happened)
		}
	}
}

func BenchmarkReady(b *testing.B) {
	w := eightLegs(b)
	attempt := &Transfer{Ends: w.Pairing.Pair.Ends, Phase: Refused}
	for b.Loop() {
		if r := w.Pairing.Ready(w.Board, attempt, DefaultTiming()); !r.Ready {
			b.Fatal(r)
		}
	}
}

func BenchmarkSnapshotJSON(b *testing.B) {
	w := eightLegs(b)
	s := fullSnapshot()
	s.Board = w.Board
	for b.Loop() {
		data, err := json.Marshal(s)
		if err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(len(data)))
	}
}
