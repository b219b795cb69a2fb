package rcsim

import (
	"fmt"
	"testing"
	"time"
)

// crowded is a simulator of ten thousand people who all listen to their own calls, with as many ended calls that can still be
// read; the sockets themselves are left out, so that only the server's own work is measured.
func crowded(tb testing.TB) *Server {
	tb.Helper()
	const people = 10_000
	crowd := Crowd(people, 20)
	s := New(Options{Seed: 7, Account: &crowd, RingTimeout: -1})
	tb.Cleanup(func() { _ = s.Close() })
	for i, u := range s.dir.users {
		if _, err := s.newGrant(s.dir.clients[ConfidentialClient], u, nil); err != nil {
			tb.Fatal(err)
		}
		g := &gwSession{id: fmt.Sprint(i), grant: s.grantsOf(u.Number)[0]}
		s.gate.add(g)
		f, _ := parseFilter("/restapi/v1.0/account/~/extension/~/telephony/sessions", u)
		s.gate.listen(g, &subscription{id: g.id, filters: []filter{f}, texts: []string{f.text}})
		id, err := s.Call("+14155550100", "", u.Number)
		if err != nil {
			tb.Fatal(err)
		}
		s.end(id)
	}
	return s
}

// BenchmarkPublish is one change of one call, told to the one person of ten thousand whom it concerns.
func BenchmarkPublish(b *testing.B) {
	s := crowded(b)
	id, err := s.Call("+14155550100", "", "10001")
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Answer("10001", id); err != nil {
		b.Fatal(err)
	}
	told := s.Traffic().Notifications
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		verb := "hold"
		if i%2 == 1 {
			verb = "unhold"
		}
		if err := s.Phone("10001", verb, id); err != nil {
			b.Fatal(err)
		}
	}
	if got := s.Traffic().Notifications - told; got != b.N {
		b.Fatalf("%d notifications of %d", got, b.N)
	}
}

// BenchmarkCall is a call from its ring to its end among ten thousand people and ten thousand ended calls.
func BenchmarkCall(b *testing.B) {
	s := crowded(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		who := fmt.Sprint(10001 + i%10_000)
		id, err := s.Call("+14155550100", "", who)
		if err != nil {
			b.Fatal(err)
		}
		if err := s.Answer(who, id); err != nil {
			b.Fatal(err)
		}
		if err := s.Hangup(who, id); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkState is a look at everything, which Await and the stream take at a change: the reason why they breathe.
func BenchmarkState(b *testing.B) {
	s := crowded(b)
	b.ReportAllocs()
	for b.Loop() {
		if st := s.State(); len(st.Phones) != 10_000 {
			b.Fatal(len(st.Phones))
		}
	}
}

// TestRecoveryForgetsWhatNobodyCanAskFor: frames that no recovery can ask for any more do not pile up.
func TestRecoveryForgetsWhatNobodyCanAskFor(t *testing.T) {
	s := New(Options{Seed: 7, RecoveryBuffer: 3})
	defer func() { _ = s.Close() }()
	begun := time.Now()
	away := s.opt.PingEvery + s.opt.PongWithin + s.opt.RecoveryTimeout
	g := &gwSession{}
	for i, c := range []struct {
		after time.Duration
		want  []int
	}{
		{0, []int{0}},
		{time.Second, []int{0, 1}},
		{away, []int{0, 1, 2}},
		{away + time.Millisecond, []int{1, 2, 3}}, // no more than RecoveryBuffer
		{away + 2*time.Second, []int{2, 3, 4}},
		{3 * away, []int{5}},
	} {
		s.keep(g, frame{seq: i, made: begun.Add(c.after)})
		var got []int
		for _, f := range g.buffer {
			got = append(got, f.seq)
		}
		if fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("after %v: %v, want %v", c.after, got, c.want)
		}
	}
}
