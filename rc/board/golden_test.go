package board

import (
	"bufio"
	"bytes"
	"cmp"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/cordboard/cordboard/rc/telephony"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// The event streams of testdata are those of RingCentral's recordings, one
// notification a line. The golden file tells what a desk makes of each.
func TestEventStreams(t *testing.T) {
	streams, err := filepath.Glob("testdata/*.jsonl")
	if err != nil || len(streams) != 4 {
		t.Fatalf("streams: %v, %v", streams, err)
	}
	for _, path := range streams {
		t.Run(filepath.Base(path), func(t *testing.T) {
			got := trace(t, path)
			golden := strings.TrimSuffix(path, ".jsonl") + ".golden"
			if *update {
				if err := os.WriteFile(golden, got, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			wanted, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := gocmp.Diff(string(wanted), string(got)); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
		})
	}
}

// trace plays a stream and writes, after each event, the legs, the pair, its
// readiness and what happened.
func trace(t *testing.T, path string) []byte {
	t.Helper()
	var out bytes.Buffer
	w := NewWatch(agent, Timing{})
	for _, n := range notifications(t, path) {
		e := n.Event
		p := e.Parties[0]
		w.State.Apply(*e)
		happened := w.Step(e.At)
		fmt.Fprintf(&out, "%s %d: %s %s\n", e.At.Format("04:05.000"), e.Sequence, p.ID[strings.LastIndexByte(p.ID, '-'):], p.Status.Word)
		for _, l := range w.Board.Legs {
			fmt.Fprintf(&out, "  leg %s: %v %v", l.PartyID[len(l.PartyID)-11:], l.State, l.Far.State)
			if l.OnHold() {
				fmt.Fprintf(&out, ", held since %s", l.Held.Time.Format("04:05.000"))
			}
			if !l.Ended.IsZero() {
				fmt.Fprintf(&out, ", ended %s %s", l.Ended.Format("04:05.000"), l.Reason)
			}
			fmt.Fprintf(&out, ", %s\n", cmp.Or(l.Far.Name, l.Far.Number))
		}
		r := w.Pairing.Ready(w.Board, nil, DefaultTiming())
		fmt.Fprintf(&out, "  stage %v, ready %v %s\n", w.Member(e.At).Stage, r.Ready, r.Reason)
		for _, h := range happened {
			fmt.Fprintf(&out, "  happened: %s\n", h.Code)
		}
	}
	return out.Bytes()
}

func notifications(tb testing.TB, path string) []telephony.Notification {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var all []telephony.Notification
	for lines := bufio.NewScanner(bytes.NewReader(data)); lines.Scan(); {
		n, err := telephony.DecodeNotification(lines.Bytes())
		if err != nil || n.Event == nil {
			tb.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, n)
	}
	return all
}
