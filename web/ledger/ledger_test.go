package ledger_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/ledger"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestEntriesOutliveTheProcessInOrderAndByPerson(t *testing.T) {
	dir := t.TempDir()
	at := time.Now().UTC().Truncate(time.Millisecond)
	b, l := open(t, dir)
	want := []ledger.Entry{
		{Kind: "checking", Account: "1", Extension: "101", TransferID: "t1", At: at, Data: json.RawMessage(`{"customer":"s-1"}`)},
		{Kind: "sent", Account: "1", Extension: "101", TransferID: "t1", At: at.Add(time.Second)},
		{Kind: "held", Account: "1", Extension: "101", At: at.Add(2 * time.Second)},
	}
	for _, e := range want {
		add(t, l, e)
		stranger := e
		stranger.Extension = "102"
		add(t, l, stranger)
		stranger.Account, stranger.Extension = "2", "101"
		add(t, l, stranger)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	_, l = open(t, dir)
	got := person(t, l, "101", at)
	for i := range got {
		if i > 0 && got[i].Seq <= got[i-1].Seq {
			t.Errorf("entry %d has number %d after %d", i, got[i].Seq, got[i-1].Seq)
		}
		got[i].Seq = 0
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
	if got := person(t, l, "101", at.Add(time.Second)); len(got) != 2 || got[0].Kind != "sent" {
		t.Errorf("since the second: %v", got)
	}
	if got := person(t, l, "103", at); len(got) != 0 {
		t.Errorf("somebody who did nothing: %v", got)
	}
}

func TestTheJSONIsStable(t *testing.T) {
	e := ledger.Entry{
		Kind: "sent", Account: "1", Extension: "101", TransferID: "t1",
		At: time.Date(2026, 1, 2, 3, 4, 5, 6e6, time.UTC), Data: json.RawMessage(`{"n":1}`), Seq: 7,
	}
	got, err := json.Marshal(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"kind":"sent","account":"1","extension":"101","transferId":"t1","at":"2026-01-02T03:04:05.006Z","data":{"n":1}}`
	if string(got) != want {
		t.Errorf("JSON %s\nwant %s", got, want)
	}
}

func TestAnIDCannotReachAnotherPerson(t *testing.T) {
	_, l := open(t, t.TempDir())
	add(t, l, entry("101"))
	for _, id := range []string{"", "*", ">", "101.x", "1 01", "101\r\n"} {
		if err := l.Append(testContext(t), entry(id)); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("append for extension %q: %v", id, err)
		}
		if _, err := l.Person(testContext(t), id, "101", time.Time{}); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("read of account %q: %v", id, err)
		}
	}
}

func TestAnEntryNeedsKindAndTime(t *testing.T) {
	_, l := open(t, t.TempDir())
	noKind, noTime := entry("101"), entry("101")
	noKind.Kind, noTime.At = "", time.Time{}
	for _, e := range []ledger.Entry{noKind, noTime} {
		if err := l.Append(testContext(t), e); !errors.Is(err, ledger.ErrInvalid) {
			t.Errorf("append of %+v: %v", e, err)
		}
	}
}

func TestALedgerThatCannotKeepSaysSo(t *testing.T) {
	b, l := open(t, t.TempDir())
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	if err := l.Append(testContext(t), entry("101")); err == nil {
		t.Error("kept on a closed bus")
	}
}

func TestRetentionMayChangeAndOldEntriesGo(t *testing.T) {
	dir := t.TempDir()
	b, l := open(t, dir)
	add(t, l, entry("101"))
	short, err := ledger.Open(testContext(t), b, 200*time.Millisecond)
	if err != nil {
		t.Fatal(err)
	}
	poll := time.NewTicker(20 * time.Millisecond)
	defer poll.Stop()
	for ctx := testContext(t); len(person(t, short, "101", time.Time{}.Add(time.Hour))) > 0; {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatal("the entry stays")
		}
	}
}

func TestManyAppendAtOnce(t *testing.T) {
	_, l := open(t, t.TempDir())
	errs := make(chan error, 20)
	for i := range cap(errs) {
		go func() {
			e := entry("101")
			e.TransferID = fmt.Sprint(i)
			errs <- l.Append(testContext(t), e)
		}()
	}
	for range cap(errs) {
		if err := <-errs; err != nil {
			t.Fatal(err)
		}
	}
	ids := map[string]bool{}
	for _, e := range person(t, l, "101", time.Now().Add(-time.Hour)) {
		ids[e.TransferID] = true
	}
	if len(ids) != cap(errs) {
		t.Errorf("%d of %d are there", len(ids), cap(errs))
	}
}

func BenchmarkAppend(b *testing.B) {
	shared, err := bus.Open(b.Context(), bus.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = shared.Close() }()
	l, err := ledger.Open(b.Context(), shared, time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	e := entry("101")
	e.Data = slices.Concat([]byte(`"`), slices.Repeat([]byte("x"), 500), []byte(`"`))
	for b.Loop() {
		if err := l.Append(b.Context(), e); err != nil {
			b.Fatal(err)
		}
	}
}

func entry(extension string) ledger.Entry {
	return ledger.Entry{Kind: "checking", Account: "1", Extension: extension, At: time.Now()}
}

func open(t *testing.T, dir string) (*bus.Bus, *ledger.Ledger) {
	t.Helper()
	b, err := bus.Open(testContext(t), bus.Config{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	l, err := ledger.Open(testContext(t), b, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return b, l
}

func add(t *testing.T, l *ledger.Ledger, e ledger.Entry) {
	t.Helper()
	if err := l.Append(testContext(t), e); err != nil {
		t.Fatal(err)
	}
}

func person(t *testing.T, l *ledger.Ledger, extension string, since time.Time) []ledger.Entry {
	t.Helper()
	all, err := l.Person(testContext(t), "1", extension, since)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}
