package board

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// FuzzApply feeds lines of notifications, as they may come from anybody, to a
// watch; nothing may panic, and a party that is over may not be alive.
func FuzzApply(f *testing.F) {
	streams, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(streams) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, path := range streams {
		data, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"event":"/restapi/v1.0/account/1/extension/700102000/telephony/sessions","body":{"telephonySessionId":"s-1","parties":[{"id":"p-","status":{"code":"Gone"}}]}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		w := NewWatch(agent, Timing{})
		now := at(0)
		for line := range bytes.Lines(data) {
			n, err := telephony.DecodeNotification(line)
			if err != nil {
				continue
			}
			if n.Presence != nil {
				w.State.Observe(*n.Presence, now)
			}
			if n.Event != nil {
				w.State.Apply(*n.Event)
				if w.State.Apply(*n.Event) {
					t.Fatal("a copy changed something")
				}
				m := w.State.StartRead(n.Event.SessionID, now)
				if len(line)%3 == 0 {
					w.State.FinishRead(m, telephony.Session{ID: n.Event.SessionID, Parties: n.Event.Parties}, len(line)%2 == 0, now)
				}
			}
			now = now.Add(time.Second)
			w.Step(now)
			w.Pairing.Ready(w.Board, nil, DefaultTiming())
			w.Member(now)
			w.State.Wants()
			for _, l := range w.Board.Legs {
				if l.State.Terminal() && l.Alive() && !l.Moving() {
					t.Fatalf("alive after its end: %+v", l)
				}
			}
		}
		Restore(w.Save(), Timing{}, now).Step(now)
	})
}
