package live_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/live"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait bounds every wait of these tests; none takes it unless it fails.
const wait = 10 * time.Second

func TestAFollowerGetsTheNewestOfItsTopicOnly(t *testing.T) {
	hub := newHub(t, newBus(t))
	mine, other := hub.Follow("1.101"), hub.Follow("1.102")
	defer mine.Close()
	defer other.Close()
	for rev := range uint64(50) {
		publish(t, hub, "1.101", rev+1)
	}
	publish(t, hub, "1.102", 1) // the last in order: when it has come, the others have
	takeOne(t, other, 1)
	takeOne(t, mine, 50)
	if rev, _, ok := mine.Take(); ok {
		t.Errorf("revision %d is there after the newest was taken", rev)
	}
}

func TestAMailboxDropsWhatIsNotNewer(t *testing.T) {
	hub := newHub(t, newBus(t))
	box, last := hub.Follow("a"), hub.Follow("z")
	defer box.Close()
	defer last.Close()
	publish(t, hub, "a", 7)
	publish(t, hub, "z", 1)
	takeOne(t, last, 1)
	takeOne(t, box, 7)
	publish(t, hub, "a", 7)
	publish(t, hub, "a", 6)
	publish(t, hub, "z", 2)
	takeOne(t, last, 2)
	if rev, _, ok := box.Take(); ok {
		t.Errorf("revision %d came after 7", rev)
	}
	publish(t, hub, "a", 8)
	takeOne(t, box, 8)
}

func TestRevisionZeroIsDeliveredOnce(t *testing.T) {
	hub := newHub(t, newBus(t))
	box := hub.Follow("a")
	defer box.Close()
	publish(t, hub, "a", 0)
	takeOne(t, box, 0)
}

func TestAClosedMailboxIsForgotten(t *testing.T) {
	hub := newHub(t, newBus(t))
	one, two := hub.Follow("a"), hub.Follow("a")
	one.Close()
	one.Close()
	if n := hub.Followers("a"); n != 1 {
		t.Errorf("%d followers", n)
	}
	two.Close()
	if n := hub.Followers("a"); n != 0 {
		t.Errorf("%d followers", n)
	}
}

func TestATopicIsNoPattern(t *testing.T) {
	hub := newHub(t, newBus(t))
	for _, topic := range []string{"", "a.*", "a.>", "a b", "a\r\nPUB x"} {
		if err := hub.Publish(topic, 1, nil); err == nil {
			t.Errorf("published to %q", topic)
		}
	}
}

func TestFollowersComeAndGoWhileMessagesArrive(t *testing.T) {
	hub := newHub(t, newBus(t))
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				box := hub.Follow("busy")
				box.Take()
				box.Close()
			}
		})
	}
	for rev := range uint64(200) {
		publish(t, hub, "busy", rev+1)
	}
	all.Wait()
	if n := hub.Followers("busy"); n != 0 {
		t.Errorf("%d followers are left", n)
	}
}

func TestAnEventStreamReadsAsItWasWritten(t *testing.T) {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		s, err := live.NewWriter(w, wait)
		if err != nil {
			t.Error(err)
			return
		}
		err = errors.Join(
			s.Data([]byte("<p>one</p>")),
			s.Data([]byte("a\nb\r\nc\rd\n")),
			s.Event("notice", []byte("x\rdata: y\nevent: evil\r\n\r\nid: 1")),
			s.Event("bare", nil),
			s.Event("beat", []byte("1.5")),
		)
		if err != nil {
			t.Error(err)
		}
		if err := s.Event("two\nlines", nil); err == nil {
			t.Error("an event's name with a line end was written")
		}
	}))
	defer srv.Close()
	res := get(t, srv)
	defer func() { _ = res.Body.Close() }()
	for header, want := range map[string]string{
		"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-store", "X-Accel-Buffering": "no",
	} {
		if got := res.Header.Get(header); got != want {
			t.Errorf("%s: %q, want %q", header, got, want)
		}
	}
	got := readEvents(t, res)
	want := []event{
		{"message", "<p>one</p>"},
		{"message", "a\nb\nc\nd\n"},
		{"notice", "x\ndata: y\nevent: evil\n\nid: 1"},
		{"bare", ""},
		{"beat", "1.5"},
	}
	if fmt.Sprintf("%q", got) != fmt.Sprintf("%q", want) {
		t.Errorf("read %q\nwant %q", got, want)
	}
}

func TestABrowserThatDoesNotReadIsCut(t *testing.T) {
	failed := make(chan error, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s, err := live.NewWriter(w, 50*time.Millisecond)
		for err == nil && r.Context().Err() == nil {
			err = s.Data(bytes.Repeat([]byte("x"), 1<<20))
		}
		failed <- err
	}))
	defer srv.Close()
	res := get(t, srv) // and then reads nothing
	defer func() { _ = res.Body.Close() }()
	if err := receive(t, failed); err == nil {
		t.Error("the writer never failed")
	}
}

// recorder notes the order of deadlines and flushes.
type recorder struct {
	*httptest.ResponseRecorder
	calls []string
	fail  error
}

func (r *recorder) SetWriteDeadline(at time.Time) error {
	if at.IsZero() {
		r.calls = append(r.calls, "lift")
	} else {
		r.calls = append(r.calls, "limit")
	}
	return nil
}

func (r *recorder) FlushError() error {
	r.calls = append(r.calls, "flush")
	return r.fail
}

func TestEachWriteHasADeadlineAndTheTimeBetweenHasNone(t *testing.T) {
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	s, err := live.NewWriter(w, time.Second)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Data([]byte("x")); err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(w.calls, " "); got != "limit flush lift limit flush lift" {
		t.Errorf("calls: %s", got)
	}
	w.fail = errors.New("gone")
	if err := s.Data([]byte("x")); !errors.Is(err, w.fail) {
		t.Errorf("error %v", err)
	}
}

func TestTheFifthStreamEndsTheOldest(t *testing.T) {
	streams := newStreams(t, newBus(t))
	var open []*live.Stream
	for range live.Limit(1) {
		open = append(open, streams.Open("s", live.Limit(1)))
	}
	stranger := streams.Open("other", live.Limit(1))
	open[1].Close() // makes room for one
	open = append(open, streams.Open("s", live.Limit(1)))
	for i, st := range open {
		wantOpen(t, i, st)
	}
	streams.Open("s", live.Limit(1))
	wantEnd(t, open[0], live.EndNewer)
	wantOpen(t, 2, open[2])
	wantOpen(t, 0, stranger)
	open[0].Close()
	if n := streams.Count(); n != live.Limit(1)+1 {
		t.Errorf("%d are open", n)
	}
	for range 20 - live.Limit(1) {
		streams.Open("s", live.Limit(2))
	}
	wantOpen(t, 2, open[2])
	streams.Open("s", live.Limit(2))
	wantEnd(t, open[2], live.EndNewer)
}

func TestASessionsStreamsEndOnEveryInstance(t *testing.T) {
	b := newBus(t)
	here, there := newStreams(t, b), newStreams(t, b)
	one, two, stranger := here.Open("s", 4), there.Open("s", 4), there.Open("other", 4)
	if err := here.End("s", live.EndSignedOut); err != nil {
		t.Fatal(err)
	}
	wantEnd(t, one, live.EndSignedOut)
	wantEnd(t, two, live.EndSignedOut)
	wantOpen(t, 0, stranger)
	one.Close()
	two.Close()
	stranger.Close()
	stranger.Close()
	if n := here.Count() + there.Count(); n != 0 {
		t.Errorf("%d are open", n)
	}
}

func TestShutdownEndsWhatIsOpenAndWhatComes(t *testing.T) {
	streams := newStreams(t, newBus(t))
	before := streams.Open("s", 4)
	streams.EndAll(live.EndShutdown)
	wantEnd(t, before, live.EndShutdown)
	wantEnd(t, streams.Open("s", 4), live.EndShutdown)
}

func BenchmarkPublishToMailbox(b *testing.B) {
	for _, n := range []int{1, 100, 2000} {
		b.Run(fmt.Sprintf("followers=%d", n), func(b *testing.B) {
			hub := newHub(b, newBus(b))
			boxes := make([]*live.Mailbox, n)
			for i := range boxes {
				boxes[i] = hub.Follow("topic")
				defer boxes[i].Close()
			}
			data := make([]byte, 2048)
			b.ReportAllocs()
			var rev uint64
			for b.Loop() {
				rev++
				if err := hub.Publish("topic", rev, data); err != nil {
					b.Fatal(err)
				}
				for _, box := range boxes {
					<-box.C()
					if got, _, ok := box.Take(); !ok || got != rev {
						b.Fatalf("revision %d, want %d", got, rev)
					}
				}
			}
		})
	}
}

func BenchmarkWriter(b *testing.B) {
	w := &recorder{ResponseRecorder: httptest.NewRecorder()}
	s, err := live.NewWriter(w, time.Second)
	if err != nil {
		b.Fatal(err)
	}
	html := []byte(strings.Repeat("<p>a line of a fragment</p>\n", 100))
	b.ReportAllocs()
	b.SetBytes(int64(len(html)))
	for b.Loop() {
		w.Body.Reset()
		w.calls = w.calls[:0]
		if err := s.Data(html); err != nil {
			b.Fatal(err)
		}
	}
}

func newBus(tb testing.TB) *bus.Bus {
	tb.Helper()
	b, err := bus.Open(tb.Context(), bus.Config{Dir: tb.TempDir()})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = b.Close() })
	return b
}

func newHub(tb testing.TB, b *bus.Bus) *live.Hub {
	tb.Helper()
	hub, err := live.NewHub(b, "live")
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(hub.Close)
	return hub
}

func newStreams(t *testing.T, b *bus.Bus) *live.Streams {
	t.Helper()
	s, err := live.NewStreams(b, "streams")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	return s
}

func publish(t *testing.T, hub *live.Hub, topic string, rev uint64) {
	t.Helper()
	if err := hub.Publish(topic, rev, fmt.Append(nil, topic, " at ", rev)); err != nil {
		t.Fatal(err)
	}
}

// takeOne waits until the mailbox holds the revision, taking older ones on the way.
func takeOne(t *testing.T, box *live.Mailbox, want uint64) {
	t.Helper()
	for {
		receive(t, box.C())
		rev, data, ok := box.Take()
		switch {
		case !ok:
		case rev > want:
			t.Fatalf("revision %d, want %d", rev, want)
		case rev == want:
			if !strings.HasSuffix(string(data), fmt.Sprint(" at ", want)) {
				t.Fatalf("revision %d holds %q", rev, data)
			}
			return
		}
	}
}

func wantOpen(t *testing.T, i int, st *live.Stream) {
	t.Helper()
	select {
	case <-st.Ended():
		t.Errorf("stream %d has ended with %q", i, st.End())
	default:
	}
}

func wantEnd(t *testing.T, st *live.Stream, event string) {
	t.Helper()
	receive(t, st.Ended())
	if st.End() != event {
		t.Errorf("ended with %q, want %q", st.End(), event)
	}
}

func get(t *testing.T, srv *httptest.Server) *http.Response {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	t.Cleanup(cancel)
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

type event struct{ name, data string }

// readEvents parses a whole stream as a browser does.
func readEvents(t *testing.T, res *http.Response) []event {
	t.Helper()
	var all []event
	name, data := "message", []string(nil)
	lines := bufio.NewScanner(res.Body)
	lines.Split(splitLines)
	for lines.Scan() {
		field, value, _ := strings.Cut(lines.Text(), ":")
		value = strings.TrimPrefix(value, " ")
		switch {
		case lines.Text() == "" && data != nil:
			all = append(all, event{name, strings.Join(data, "\n")})
			name, data = "message", nil
		case field == "event":
			name = value
		case field == "data":
			data = append(data, value)
		case lines.Text() != "":
			t.Errorf("a line %q", lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
	return all
}

// splitLines ends a line at CR, LF or both, as the standard says.
func splitLines(data []byte, atEOF bool) (advance int, token []byte, err error) {
	i := bytes.IndexAny(data, "\r\n")
	switch {
	case i < 0 && atEOF && len(data) > 0:
		return len(data), data, nil
	case i < 0, i == len(data)-1 && data[i] == '\r' && !atEOF:
		return 0, nil, nil
	case data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n':
		return i + 2, data[:i], nil
	}
	return i + 1, data[:i], nil
}

func receive[V any](t *testing.T, c <-chan V) V {
	t.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(wait):
		t.Fatal("nothing came")
		panic("unreachable")
	}
}
