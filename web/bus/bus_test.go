package bus_test

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/web/bus"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait bounds every wait of these tests; none takes it unless it fails.
const wait = 30 * time.Second

// opener gives instances that share one bus.
type opener func(t *testing.T, observe func(bus.Observation)) *bus.Bus

func TestEmbedded(t *testing.T) {
	suite(t, func(t *testing.T) opener {
		t.Helper()
		dir := t.TempDir()
		var open1 *bus.Bus // one process has one embedded bus
		return func(t *testing.T, observe func(bus.Observation)) *bus.Bus {
			t.Helper()
			if open1 == nil || open1.Ready() != nil {
				open1 = open(t, bus.Config{Dir: dir, Observe: observe})
			}
			return open1
		}
	})
}

func TestServerByURL(t *testing.T) {
	suite(t, func(t *testing.T) opener {
		t.Helper()
		at := startServer(t, &server.Options{}).ClientURL()
		return func(t *testing.T, observe func(bus.Observation)) *bus.Bus {
			t.Helper()
			return open(t, bus.Config{URL: at, Observe: observe})
		}
	})
}

func TestCluster(t *testing.T) {
	suite(t, func(t *testing.T) opener {
		t.Helper()
		urls := startCluster(t)
		next := 0
		return func(t *testing.T, observe func(bus.Observation)) *bus.Bus {
			t.Helper()
			next++ // each instance talks to another server
			return open(t, bus.Config{URL: urls[next%len(urls)], Observe: observe})
		}
	})
}

// suite is what every bus does, whichever server is behind it.
func suite(t *testing.T, start func(*testing.T) opener) {
	t.Helper()
	instance := start(t)

	t.Run("a bucket keeps values under revisions", func(t *testing.T) {
		ctx := testContext(t)
		k := bucket(t, instance(t, nil), "values", false)
		_, _, err := k.Get(ctx, "a")
		wantIs(t, err, bus.ErrNotFound)
		one := must(k.Create(ctx, "a", []byte("1")))(t)
		_, err = k.Create(ctx, "a", []byte("x"))
		wantIs(t, err, bus.ErrExists)
		two := must(k.Update(ctx, "a", []byte("2"), one))(t)
		_, err = k.Update(ctx, "a", []byte("x"), one)
		wantIs(t, err, bus.ErrConflict)
		value, rev, err := k.Get(ctx, "a")
		if err != nil || string(value) != "2" || rev != two {
			t.Fatalf("got %q at %d, %v; want 2 at %d", value, rev, err, two)
		}
		wantIs(t, k.DeleteAt(ctx, "a", one), bus.ErrConflict)
		if err := k.DeleteAt(ctx, "a", two); err != nil {
			t.Fatal(err)
		}
		_, _, err = k.Get(ctx, "a")
		wantIs(t, err, bus.ErrNotFound)
		must(k.Create(ctx, "a", []byte("again")))(t)
		must(k.Put(ctx, "a", []byte("put")))(t)
		if err := k.Delete(ctx, "a"); err != nil {
			t.Fatal(err)
		}
		if err := k.Delete(ctx, "never"); err != nil {
			t.Errorf("deleting what is not there: %v", err)
		}
	})

	t.Run("keys are listed by filter, without those deleted", func(t *testing.T) {
		ctx := testContext(t)
		k := bucket(t, instance(t, nil), "listed", true)
		for _, key := range []string{"1.a", "1.b", "1.gone", "2.a"} {
			must(k.Put(ctx, key, []byte("v")))(t)
		}
		if err := k.Delete(ctx, "1.gone"); err != nil {
			t.Fatal(err)
		}
		keys := must(k.Keys(ctx, "1.*"))(t)
		slices.Sort(keys)
		if !slices.Equal(keys, []string{"1.a", "1.b"}) {
			t.Errorf("keys %v", keys)
		}
		if keys := must(k.Keys(ctx, "3.*"))(t); len(keys) != 0 {
			t.Errorf("keys of nothing: %v", keys)
		}
	})

	t.Run("one instance reads what another has written", func(t *testing.T) {
		ctx := testContext(t)
		here, there := bucket(t, instance(t, nil), "shared", false), bucket(t, instance(t, nil), "shared", false)
		for i := range 100 {
			key := fmt.Sprint("k", i)
			must(here.Put(ctx, key, []byte(key)))(t)
			if value, _, err := there.Get(ctx, key); err != nil || string(value) != key {
				t.Fatalf("after %d writes: %q, %v", i, value, err)
			}
		}
	})

	t.Run("only one of many at once creates, and only one updates", func(t *testing.T) {
		ctx := testContext(t)
		k := bucket(t, instance(t, nil), "raced", true)
		if won := race(func() error { _, err := k.CreateFor(ctx, "one", nil, time.Minute); return err }, bus.ErrExists); won != 1 {
			t.Errorf("%d won to create", won)
		}
		_, rev, err := k.Get(ctx, "one")
		if err != nil {
			t.Fatal(err)
		}
		if won := race(func() error { _, err := k.RenewFor(ctx, "one", nil, rev, time.Minute); return err }, bus.ErrConflict); won != 1 {
			t.Errorf("%d won to renew", won)
		}
	})

	t.Run("a key with a time to live goes away, also after it was renewed", func(t *testing.T) {
		ctx := testContext(t)
		k := bucket(t, instance(t, nil), "leases", true)
		gone := make(chan string, 10)
		stop := must(k.Watch(ctx, ">", func(c bus.Change) {
			if c.Deleted {
				gone <- c.Key
			}
		}))(t)
		defer stop()
		rev := must(k.CreateFor(ctx, "lease", []byte("me"), 900*time.Millisecond))(t)
		rev = must(k.RenewFor(ctx, "lease", []byte("me"), rev, time.Second))(t)
		_, err := k.RenewFor(ctx, "lease", []byte("you"), rev-1, time.Second)
		wantIs(t, err, bus.ErrConflict)
		if key := receive(t, gone); key != "lease" {
			t.Fatalf("%q went away", key)
		}
		_, _, err = k.Get(ctx, "lease")
		wantIs(t, err, bus.ErrNotFound)
		must(k.CreateFor(ctx, "lease", []byte("you"), time.Minute))(t)
	})

	t.Run("a bucket without times to live says so", func(t *testing.T) {
		k := bucket(t, instance(t, nil), "forever", false)
		_, err := k.CreateFor(testContext(t), "a", nil, time.Minute)
		wantIs(t, err, bus.ErrNoTTL)
	})

	t.Run("a watch starts with what is there and goes on with what changes", func(t *testing.T) {
		ctx := testContext(t)
		k := bucket(t, instance(t, nil), "watched", false)
		other := bucket(t, instance(t, nil), "watched", false)
		must(k.Put(ctx, "x.old", []byte("1")))(t)
		must(k.Put(ctx, "y.other", []byte("1")))(t)
		heard := make(chan bus.Change, 10)
		stop := must(k.Watch(ctx, "x.*", func(c bus.Change) { heard <- c }))(t)
		if len(heard) != 1 || (<-heard).Key != "x.old" {
			t.Fatal("what was there is not heard of before Watch returns")
		}
		must(other.Put(ctx, "x.new", []byte("2")))(t)
		if c := receive(t, heard); c.Key != "x.new" || string(c.Value) != "2" || c.Deleted {
			t.Errorf("heard %+v", c)
		}
		if err := other.Delete(ctx, "x.old"); err != nil {
			t.Fatal(err)
		}
		if c := receive(t, heard); c.Key != "x.old" || !c.Deleted {
			t.Errorf("heard %+v", c)
		}
		stop()
		stop()
	})

	t.Run("a stream keeps what was appended, in order, by subject", func(t *testing.T) {
		ctx := testContext(t)
		s := must(instance(t, nil).Stream(ctx, "kept", []string{"kept.>"}, time.Hour))(t)
		other := must(instance(t, nil).Stream(ctx, "kept", []string{"kept.>"}, 2*time.Hour))(t)
		if got := read(t, s, "kept.>", 0); len(got) != 0 {
			t.Fatalf("an empty stream holds %v", got)
		}
		var seqs []uint64
		for i := range 300 {
			seqs = append(seqs, must(s.Append(ctx, fmt.Sprintf("kept.%d", i%3), fmt.Append(nil, i)))(t))
		}
		all := read(t, other, "kept.>", 0)
		if len(all) != 300 || all[299] != "299" {
			t.Fatalf("%d entries, the last %q", len(all), all[len(all)-1])
		}
		if got := read(t, other, "kept.1", seqs[291]); !slices.Equal(got, []string{"292", "295", "298"}) {
			t.Errorf("after %d: %v", seqs[291], got)
		}
		if got := read(t, s, "kept.1", seqs[298]); len(got) != 0 {
			t.Errorf("after the last: %v", got)
		}
		var at time.Time
		if err := s.Read(ctx, "kept.>", seqs[289], func(e bus.Entry) error {
			at = e.Time
			return errStop
		}); !errors.Is(err, errStop) {
			t.Fatalf("the callback's error is lost: %v", err)
		}
		var since []string
		if err := s.ReadSince(ctx, "kept.>", at, func(e bus.Entry) error {
			since = append(since, string(e.Data))
			return nil
		}); err != nil || !slices.Contains(since, "290") || slices.Contains(since, "0") {
			t.Errorf("since %v: %v, %v", at, since, err)
		}
		if err := s.ReadSince(ctx, "kept.>", time.Now().Add(time.Hour), func(bus.Entry) error { return errStop }); err != nil {
			t.Errorf("since the future: %v", err)
		}
		if _, err := s.Append(ctx, "elsewhere", nil); err == nil {
			t.Error("a subject that is not the stream's was taken")
		}
	})

	t.Run("every instance hears a message, in order, under a wildcard", func(t *testing.T) {
		here, there := instance(t, nil), instance(t, nil)
		var heard [2]chan string
		for i, b := range []*bus.Bus{here, there} {
			heard[i] = make(chan string, 2000)
			stop := must(b.Subscribe("live.*", func(subject string, data []byte) { heard[i] <- subject + "=" + string(data) }))(t)
			defer stop()
		}
		until(t, func() bool { // the servers of a cluster tell each other of subscribers a moment later
			publish(t, there, "live.0", "warm")
			return len(heard[0]) > 0 && len(heard[1]) > 0
		})
		publish(t, there, "live.7", "now")
		publish(t, there, "live.8", "then")
		for i := range heard {
			got := "live.0=warm"
			for got == "live.0=warm" {
				got = receive(t, heard[i])
			}
			if next := receive(t, heard[i]); got != "live.7=now" || next != "live.8=then" {
				t.Errorf("instance %d heard %q, then %q", i, got, next)
			}
		}
	})

	t.Run("stop waits for the callback, and nothing is heard after", func(t *testing.T) {
		b := instance(t, nil)
		entered, leave := make(chan struct{}, 1), make(chan struct{})
		calls := 0
		stop := must(b.Subscribe("slow", func(string, []byte) {
			calls++ // not guarded: the race detector proves that stop waited
			entered <- struct{}{}
			<-leave
		}))(t)
		publish(t, b, "slow", "")
		receive(t, entered)
		publish(t, b, "slow", "")
		go close(leave)
		stop()
		if calls == 0 {
			t.Error("no call")
		}
	})

	t.Run("a request is answered by who serves, or by nobody", func(t *testing.T) {
		ctx := testContext(t)
		here, there := instance(t, nil), instance(t, nil)
		_, err := here.Request(ctx, "desk.1", nil)
		wantIs(t, err, bus.ErrNoResponder)
		release := make(chan struct{})
		stop := must(there.Serve("desk.1", func(ctx context.Context, data []byte) []byte {
			switch string(data) {
			case "wait":
				<-release
			case "for ever":
				close(release)
				<-ctx.Done()
			}
			return append([]byte("re:"), data...)
		}))(t)
		until(t, func() bool { // as above
			_, err := here.Request(ctx, "desk.1", []byte("warm"))
			return err == nil
		})
		waited := make(chan []byte, 1)
		go func() {
			answer, _ := here.Request(ctx, "desk.1", []byte("wait"))
			waited <- answer
		}()
		if answer := must(here.Request(ctx, "desk.1", []byte("quick")))(t); string(answer) != "re:quick" {
			t.Errorf("answer %q", answer)
		}
		endless := make(chan []byte, 1)
		go func() {
			answer, _ := here.Request(ctx, "desk.1", []byte("for ever"))
			endless <- answer
		}()
		if answer := receive(t, waited); string(answer) != "re:wait" {
			t.Errorf("answer %q", answer)
		}
		stop()
		if answer := receive(t, endless); string(answer) != "re:for ever" {
			t.Errorf("stop did not wait for the answer: %q", answer)
		}
		_, err = here.Request(ctx, "desk.1", nil)
		wantIs(t, err, bus.ErrNoResponder)
	})

	t.Run("it is ready until it is closed, and closing ends what is open", func(t *testing.T) {
		ctx := testContext(t)
		var mu sync.Mutex
		seen := map[string]int{}
		b := instance(t, nil)
		k := bucket(t, b, "closing", false)
		must(k.Put(ctx, "a", nil))(t)
		if err := b.Ready(); err != nil {
			t.Fatal(err)
		}
		must(b.Subscribe("closing", func(string, []byte) {}))(t)
		must(b.Serve("closing.serve", func(context.Context, []byte) []byte { return nil }))(t)
		must(k.Watch(ctx, ">", func(bus.Change) {}))(t)
		for range 2 {
			if err := b.Close(); err != nil {
				t.Fatal(err)
			}
		}
		wantIs(t, b.Ready(), bus.ErrNotReady)
		if _, err := b.Subscribe("closing", func(string, []byte) {}); err == nil {
			t.Error("a closed bus takes a subscriber")
		}
		if _, err := k.Watch(ctx, ">", func(bus.Change) {}); err == nil {
			t.Error("a closed bus takes a watcher")
		}
		if _, err := k.Put(ctx, "a", nil); err == nil {
			t.Error("a closed bus takes a value")
		}
		again := instance(t, func(o bus.Observation) {
			mu.Lock()
			defer mu.Unlock()
			if o.Took > 0 && o.Name == "closing" {
				seen[o.Op]++
			}
		})
		if _, _, err := bucket(t, again, "closing", false).Get(ctx, "a"); err != nil {
			t.Fatalf("what was written before is gone: %v", err)
		}
		mu.Lock()
		defer mu.Unlock()
		if seen["get"] != 1 {
			t.Errorf("observed %v", seen)
		}
	})
}

func TestASecondProcessIsRefused(t *testing.T) {
	dir := t.TempDir()
	first := open(t, bus.Config{Dir: dir})
	_, err := bus.Open(testContext(t), bus.Config{Dir: dir})
	wantIs(t, err, bus.ErrLocked)
	if err := first.Ready(); err != nil {
		t.Errorf("the first is disturbed: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	open(t, bus.Config{Dir: dir})
}

func TestAnEmbeddedBusNeedsAFolder(t *testing.T) {
	if _, err := bus.Open(testContext(t), bus.Config{}); err == nil {
		t.Error("opened without one")
	}
}

func TestCredentialsAreUsedAndNeverTold(t *testing.T) {
	withUser := startServer(t, &server.Options{Username: "cord", Password: "s3cret-word"}).ClientURL()
	withToken := startServer(t, &server.Options{Authorization: "s3cret-token"}).ClientURL()
	open(t, bus.Config{URL: withUser, Credentials: "cord:s3cret-word\n"})
	open(t, bus.Config{URL: withToken, Credentials: "s3cret-token\n"})
	inURL := must(url.Parse(withUser))(t)
	inURL.User = url.UserPassword("cord", "s3cret-wrong")
	for name, cfg := range map[string]bus.Config{
		"wrong password":    {URL: withUser, Credentials: "cord:s3cret-wrong"},
		"wrong token":       {URL: withToken, Credentials: "s3cret-wrong"},
		"password in URL":   {URL: inURL.String()},
		"unparsable URL":    {URL: "nats://cord:s3cret%zz@127.0.0.1"},
		"no host":           {URL: "s3cret"},
		"credentials' text": {URL: withUser, Credentials: "-----BEGIN NATS USER JWT-----\ns3cret\n------END NATS USER JWT------"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := bus.Open(testContext(t), cfg)
			if err == nil {
				t.Fatal("connected")
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("the error tells a secret: %v", err)
			}
		})
	}
}

func BenchmarkPut(b *testing.B) {
	bb, err := bus.Open(b.Context(), bus.Config{Dir: b.TempDir()})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = bb.Close() }()
	k, err := bb.Bucket(b.Context(), "bench", true)
	if err != nil {
		b.Fatal(err)
	}
	value := make([]byte, 1024)
	for b.Loop() {
		if _, err := k.Put(b.Context(), "key", value); err != nil {
			b.Fatal(err)
		}
	}
}

// errStop is what a callback of these tests ends a read with.
var errStop = errors.New("stop")

func open(t *testing.T, cfg bus.Config) *bus.Bus {
	t.Helper()
	b := must(bus.Open(testContext(t), cfg))(t)
	t.Cleanup(func() {
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return b
}

func bucket(t *testing.T, b *bus.Bus, name string, ttl bool) *bus.Bucket {
	t.Helper()
	return must(b.Bucket(testContext(t), name, ttl))(t)
}

func publish(t *testing.T, b *bus.Bus, subject, data string) {
	t.Helper()
	if err := b.Publish(subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, s *bus.Stream, filter string, after uint64) []string {
	t.Helper()
	var all []string
	if err := s.Read(testContext(t), filter, after, func(e bus.Entry) error {
		all = append(all, string(e.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

// startServer runs a NATS server on loopback, at a port of its choice.
func startServer(t *testing.T, opts *server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	opts.Port = server.RANDOM_PORT
	opts.JetStream, opts.StoreDir, opts.SyncAlways = true, t.TempDir(), true
	srv := must(server.NewServer(opts))(t)
	srv.Start()
	t.Cleanup(func() {
		srv.Shutdown()
		srv.WaitForShutdown()
	})
	if opts.Cluster.Name == "" && !srv.ReadyForConnections(wait) {
		t.Fatal("the server is not ready")
	}
	return srv
}

// startCluster runs three servers that know each other and returns where clients find them.
func startCluster(t *testing.T) []string {
	t.Helper()
	nowhere := must(url.Parse("nats-route://127.0.0.1:1"))(t) // a server of a cluster waits for as many peers as it has routes
	routes := []*url.URL{nowhere, nowhere}
	servers := make([]*server.Server, 3)
	for i := range servers {
		servers[i] = startServer(t, &server.Options{
			ServerName: fmt.Sprint("n", i),
			Cluster:    server.ClusterOpts{Name: "test", Host: "127.0.0.1", Port: server.RANDOM_PORT},
			Routes:     slices.Clone(routes),
		})
		until(t, func() bool { return servers[i].ClusterAddr() != nil })
		routes = append(routes[1:], must(url.Parse("nats-route://"+servers[i].ClusterAddr().String()))(t))
	}
	urls := make([]string, len(servers))
	for i, srv := range servers {
		until(t, func() bool { return srv.ReadyForConnections(wait) && srv.JetStreamIsCurrent() })
		urls[i] = srv.ClientURL()
	}
	until(t, func() bool {
		return slices.ContainsFunc(servers, func(srv *server.Server) bool {
			return srv.JetStreamIsLeader() && len(srv.JetStreamClusterPeers()) == len(servers)
		})
	})
	return urls
}

// until waits for a condition that nothing signals.
func until(t *testing.T, holds func() bool) {
	t.Helper()
	ctx := testContext(t)
	poll := time.NewTicker(10 * time.Millisecond)
	defer poll.Stop()
	for !holds() {
		select {
		case <-poll.C:
		case <-ctx.Done():
			t.Fatal("it never happens")
		}
	}
}

// race runs do eight times at once and counts those that succeeded; any error other than lost counts as a win, so that it fails the test.
func race(do func() error, lost error) int {
	var mu sync.Mutex
	won := 0
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := do(); !errors.Is(err, lost) {
				mu.Lock()
				defer mu.Unlock()
				won++
			}
		})
	}
	all.Wait()
	return won
}

func testContext(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	t.Cleanup(cancel)
	return ctx
}

// must returns the value, or fails the test.
func must[V any](v V, err error) func(*testing.T) V {
	return func(t *testing.T) V {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
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

func wantIs(t *testing.T, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error %v, want %v", err, want)
	}
}
