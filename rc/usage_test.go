package rc

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"testing"
	"testing/synctest"
	"time"
)

// pass lets time pass in a bubble.
func pass(d time.Duration) { <-time.After(d) }

func rateHeader(group string, limit, remaining int) http.Header {
	return http.Header{
		"X-Rate-Limit-Group": {group}, "X-Rate-Limit-Limit": {strconv.Itoa(limit)},
		"X-Rate-Limit-Remaining": {strconv.Itoa(remaining)}, "X-Rate-Limit-Window": {"60"},
	}
}

// taken is how many requests the gate lets through now.
func taken(t *testing.T, g *gate, group UsageGroup, background bool) int {
	t.Helper()
	for n := 0; ; n++ {
		s, _, err := g.take(atOnce(t.Context()), "jude", group, background)
		if err != nil {
			return n
		}
		g.heard(s, 200, "", 0, nil)
	}
}

// one lets a request through, which is then under way.
func one(t *testing.T, g *gate, group UsageGroup) slot {
	t.Helper()
	s, wait, err := g.take(atOnce(t.Context()), "jude", group, false)
	if err != nil {
		t.Fatalf("held back for %v: %v", wait, err)
	}
	return s
}

func TestGateCounts(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, g *gate)
	}{
		{"each group has its own limit", func(t *testing.T, g *gate) {
			t.Helper()
			for group, limit := range map[UsageGroup]int{Light: 50, Medium: 40, Heavy: 10, Auth: 5} {
				if n := taken(t, g, group, false); n != limit {
					t.Errorf("%v: %d", group, n)
				}
			}
		}},
		{"the background leaves room for a press", func(t *testing.T, g *gate) {
			t.Helper()
			if n := taken(t, g, Light, true); n != 30 {
				t.Errorf("background: %d", n)
			}
			if n := g.remaining("jude", Light); n != 20 {
				t.Errorf("remaining: %d", n)
			}
			if n := taken(t, g, Light, false); n != 20 {
				t.Errorf("presses: %d", n)
			}
		}},
		{"people do not share a window", func(t *testing.T, g *gate) {
			t.Helper()
			taken(t, g, Auth, false)
			if n := g.remaining("kim", Auth); n != 5 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"the wait ends when the oldest leaves the window", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Auth), 200, "", 0, nil)
			pass(10 * time.Second)
			taken(t, g, Auth, false)
			_, wait, err := g.take(t.Context(), "jude", Auth, false)
			if !errors.Is(err, ErrHeldBack) || wait != 51*time.Second {
				t.Errorf("%v, wait %v", err, wait)
			}
			pass(wait)
			if n := taken(t, g, Auth, false); n != 1 {
				t.Errorf("%d after the wait", n)
			}
		}},
		{"what never left does not count", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Auth)
			g.giveBack(s)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"requests of others count when RingCentral says so", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 200, "", 0, rateHeader("light", 50, 12))
			if n := g.remaining("jude", Light); n != 12 {
				t.Errorf("remaining: %d", n)
			}
			pass(61 * time.Second)
			if n := g.remaining("jude", Light); n != 50 {
				t.Errorf("remaining a minute later: %d", n)
			}
		}},
		{"an app's own limit is learnt", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 200, "", 0, rateHeader("light", 10, 9))
			if n := taken(t, g, Light, true); n != 5 {
				t.Errorf("background: %d", n)
			}
			if n := taken(t, g, Light, false); n != 4 {
				t.Errorf("presses: %d", n)
			}
		}},
		{"a group that RingCentral names otherwise", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 429, "CMN-301", time.Minute, rateHeader("medium", 40, 0))
			if light, medium := g.remaining("jude", Light), g.remaining("jude", Medium); light != 50 || medium != 0 {
				t.Errorf("light %d, medium %d", light, medium)
			}
		}},
		{"nothing is sent in a penalty", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 429, "CMN-301", 60*time.Second, rateHeader("light", 50, 0))
			pass(59 * time.Second)
			if _, wait, err := g.take(atOnce(t.Context()), "jude", Light, false); err == nil || wait != time.Second {
				t.Errorf("%v, wait %v", err, wait)
			}
			pass(2 * time.Second)
			if n := taken(t, g, Light, false); n != 50 {
				t.Errorf("%d after the penalty", n)
			}
		}},
		{"a limiter without a name stops everything", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 429, "CMN-310", 30*time.Second, http.Header{})
			for _, group := range []UsageGroup{Light, Medium, Heavy, Auth} {
				if n := taken(t, g, group, false); n != 0 {
					t.Errorf("%v: %d", group, n)
				}
			}
		}},
		{"a duplicate under way is no penalty", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Light)
			g.heard(s, 429, "CMN-304", 30*time.Second, http.Header{})
			if n := g.remaining("jude", Light); n != 49 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"a request counts from its answer, and is new until then", func(t *testing.T, g *gate) {
			t.Helper()
			slow := one(t, g, Auth)
			taken(t, g, Auth, false)
			pass(61 * time.Second) // RingCentral may not have seen the slow one yet
			if n := g.remaining("jude", Auth); n != 4 {
				t.Errorf("remaining while it is under way: %d", n)
			}
			g.heard(slow, 200, "", 0, nil)
			pass(60 * time.Second)
			if n := g.remaining("jude", Auth); n != 4 {
				t.Errorf("remaining a minute after its answer: %d", n)
			}
			pass(time.Second)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("remaining at last: %d", n)
			}
		}},
		{"a request without an answer counts from when it was given up", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Auth)
			pass(10 * time.Second)
			g.lost(s)
			pass(60 * time.Second)
			if n := g.remaining("jude", Auth); n != 4 {
				t.Errorf("remaining: %d", n)
			}
			pass(time.Second)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("remaining at last: %d", n)
			}
		}},
		{"others are forgotten as soon as RingCentral counts them no longer", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 12))
			pass(time.Second)
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 40)) // 10 in all: two are ours
			if n := g.remaining("jude", Light); n != 40 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"what is under way is not taken for others", func(t *testing.T, g *gate) {
			t.Helper()
			first, second := one(t, g, Light), one(t, g, Light)
			one(t, g, Light)
			g.heard(second, 200, "", 0, rateHeader("light", 50, 47)) // all three
			g.heard(first, 200, "", 0, rateHeader("light", 50, 49))  // it came first
			if n := g.remaining("jude", Light); n != 47 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"others are not forgotten for one of ours that came after the count", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 48)) // another's
			pass(time.Second)
			slow := one(t, g, Light)
			pass(time.Second)
			g.heard(one(t, g, Light), 200, "", 0, nil)
			pass(time.Second)
			g.heard(slow, 200, "", 0, rateHeader("light", 50, 47))
			if n := g.remaining("jude", Light); n != 46 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"others are not forgotten for one of ours that has left the window", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, nil)
			pass(30 * time.Second)
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 47)) // another's
			pass(30500 * time.Millisecond)
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 47))
			pass(time.Second)
			if n := g.remaining("jude", Light); n != 47 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"what RingCentral refused counts no longer than its penalty", func(t *testing.T, g *gate) {
			t.Helper()
			taken(t, g, Auth, true)
			g.heard(one(t, g, Auth), 429, "CMN-301", 30*time.Second, http.Header{"X-Rate-Limit-Group": {"auth"}})
			pass(30 * time.Second)
			if n := g.remaining("jude", Auth); n != 1 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"what others sent takes room", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 50, 12))
			if n := taken(t, g, Light, false); n != 12 {
				t.Errorf("taken: %d", n)
			}
		}},
		{"a sign-in counts once it is known whose it was", func(t *testing.T, g *gate) {
			t.Helper()
			g.count("jude", Auth)
			if n := g.remaining("jude", Auth); n != 4 {
				t.Errorf("remaining: %d", n)
			}
			pass(61 * time.Second)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("remaining a minute later: %d", n)
			}
		}},
		{"a limit learnt for one person holds for the next", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, rateHeader("light", 10, 9))
			if n := g.remaining("kim", Light); n != 10 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"a background call leaves an Auth request to a sign-in", func(t *testing.T, g *gate) {
			t.Helper()
			if n := taken(t, g, Auth, true); n != 4 {
				t.Errorf("%d", n)
			}
		}},
		{"nobody's calls are not counted", func(t *testing.T, g *gate) {
			t.Helper()
			for range 20 {
				if _, _, err := g.take(t.Context(), "", Auth, false); err != nil {
					t.Fatal(err)
				}
			}
		}},
		{"people are forgotten when nothing counts", func(t *testing.T, g *gate) {
			t.Helper()
			g.heard(one(t, g, Light), 200, "", 0, nil)
			pass(2 * time.Minute)
			if _, _, err := g.take(t.Context(), "kim", Light, false); err != nil {
				t.Fatal(err)
			}
			if len(g.people) != 1 {
				t.Errorf("%d people kept", len(g.people))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.run(t, newGate(Usage{})) })
		})
	}
}

// asked is a call that waits for room in a bubble, and how that ended.
type asked struct {
	after time.Duration
	wait  time.Duration
	err   error
}

func ask(ctx context.Context, g *gate, group UsageGroup) <-chan asked {
	return askAs(ctx, g, group, false)
}

func askAs(ctx context.Context, g *gate, group UsageGroup, background bool) <-chan asked {
	out := make(chan asked, 1)
	begin := time.Now()
	go func() {
		s, wait, err := g.take(ctx, "jude", group, background)
		if err == nil {
			g.heard(s, 200, "", 0, nil)
		}
		out <- asked{time.Since(begin), wait, err}
	}()
	return out
}

func TestWaitingForRoom(t *testing.T) {
	// full has a window that is full, and a first place in it that becomes free in d.
	full := func(t *testing.T, g *gate, d time.Duration) {
		t.Helper()
		for range 3 {
			g.heard(one(t, g, Auth), 200, "", 0, nil)
			pass(500 * time.Millisecond)
		}
		taken(t, g, Auth, false)
		pass(61*time.Second - 1500*time.Millisecond - d)
	}
	tests := []struct {
		name string
		run  func(t *testing.T, g *gate)
	}{
		{"a press waits a moment", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			if a := <-ask(t.Context(), g, Auth); a.err != nil || a.after != time.Second {
				t.Errorf("%+v", a)
			}
		}},
		{"and no longer than that", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, 2100*time.Millisecond)
			if a := <-ask(t.Context(), g, Auth); !errors.Is(a.err, ErrHeldBack) || a.after != 0 || a.wait != 2100*time.Millisecond {
				t.Errorf("%+v", a)
			}
		}},
		{"nor longer than its context allows", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			ctx, cancel := context.WithTimeout(t.Context(), 900*time.Millisecond)
			defer cancel()
			if a := <-ask(ctx, g, Auth); !errors.Is(a.err, ErrHeldBack) || a.after != 0 {
				t.Errorf("%+v", a)
			}
		}},
		{"a call that rests on a fresh read does not wait", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			if a := <-ask(atOnce(t.Context()), g, Auth); !errors.Is(a.err, ErrHeldBack) || a.after != 0 || a.wait != time.Second {
				t.Errorf("%+v", a)
			}
		}},
		{"a background call does not wait", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			if a := <-askAs(t.Context(), g, Auth, true); !errors.Is(a.err, ErrHeldBack) || a.after != 0 {
				t.Errorf("%+v", a)
			}
		}},
		{"in the order in which they came", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			first := ask(t.Context(), g, Auth)
			synctest.Wait()
			second := ask(t.Context(), g, Auth)
			synctest.Wait()
			third := ask(t.Context(), g, Auth)
			synctest.Wait()
			fourth := ask(t.Context(), g, Auth) // three places become free in two seconds
			if a := <-first; a.err != nil || a.after != time.Second {
				t.Errorf("first %+v", a)
			}
			if a := <-second; a.err != nil || a.after != 1500*time.Millisecond {
				t.Errorf("second %+v", a)
			}
			if a := <-third; a.err != nil || a.after != 2*time.Second {
				t.Errorf("third %+v", a)
			}
			if a := <-fourth; !errors.Is(a.err, ErrHeldBack) || a.after != 0 || a.wait < 2*time.Second {
				t.Errorf("fourth %+v", a)
			}
		}},
		{"one that gives up lets the next one come", func(t *testing.T, g *gate) {
			t.Helper()
			full(t, g, time.Second)
			ctx, cancel := context.WithCancel(t.Context())
			first := ask(ctx, g, Auth)
			synctest.Wait()
			cancel()
			if a := <-first; !errors.Is(a.err, context.Canceled) || a.after != 0 {
				t.Errorf("first %+v", a)
			}
			if a := <-ask(t.Context(), g, Auth); a.err != nil || a.after != time.Second {
				t.Errorf("next %+v", a)
			}
			pass(2 * time.Minute)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("%d remain", n)
			}
		}},
		{"what comes free goes to a press, not to a background call", func(t *testing.T, g *gate) {
			t.Helper()
			taken(t, g, Light, false)
			pass(60 * time.Second)
			presses := make([]<-chan asked, 45)
			for i := range presses {
				presses[i] = ask(t.Context(), g, Light)
			}
			synctest.Wait()
			pass(time.Second)
			if a := <-askAs(t.Context(), g, Light, true); a.err == nil {
				t.Error("a background call came through")
			}
			for i, p := range presses {
				if a := <-p; a.err != nil {
					t.Errorf("press %d: %+v", i, a)
				}
			}
		}},
		{"a penalty that begins meanwhile", func(t *testing.T, g *gate) {
			t.Helper()
			s := one(t, g, Auth)
			full(t, g, time.Second)
			waiting := ask(t.Context(), g, Auth)
			synctest.Wait()
			g.heard(s, 429, "CMN-301", time.Minute, rateHeader("auth", 5, 0))
			if a := <-waiting; !errors.Is(a.err, ErrHeldBack) || a.wait != 59*time.Second {
				t.Errorf("%+v", a)
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.run(t, newGate(Usage{})) })
		})
	}
}

func TestUsageScales(t *testing.T) {
	want := Usage{Window: 6 * time.Second, Grace: 100 * time.Millisecond, Penalty: 3 * time.Second, Patience: 200 * time.Millisecond}
	if got := (Usage{}).Scaled(0.1); got != want {
		t.Errorf("got %+v", got)
	}
}

func TestUsageIsAnOption(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGate(Usage{Window: 6 * time.Second, Grace: time.Millisecond, Patience: 10 * time.Second})
		taken(t, g, Auth, false)
		if a := <-ask(t.Context(), g, Auth); a.err != nil || a.after != 6*time.Second+time.Millisecond {
			t.Errorf("%+v", a)
		}
	})
}
