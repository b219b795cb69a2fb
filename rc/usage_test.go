package rc

import (
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
func taken(g *gate, group UsageGroup, background bool) int {
	for n := 0; ; n++ {
		if _, _, ok := g.take("jude", group, background); !ok {
			return n
		}
	}
}

func TestGateCounts(t *testing.T) {
	tests := []struct {
		name string
		run  func(t *testing.T, g *gate)
	}{
		{"each group has its own limit", func(t *testing.T, g *gate) {
			t.Helper()
			for group, limit := range map[UsageGroup]int{Light: 50, Medium: 40, Heavy: 10, Auth: 5} {
				if n := taken(g, group, false); n != limit {
					t.Errorf("%v: %d", group, n)
				}
			}
		}},
		{"the background leaves room for a press", func(t *testing.T, g *gate) {
			t.Helper()
			if n := taken(g, Light, true); n != 30 {
				t.Errorf("background: %d", n)
			}
			if n := g.remaining("jude", Light); n != 20 {
				t.Errorf("remaining: %d", n)
			}
			if n := taken(g, Light, false); n != 20 {
				t.Errorf("presses: %d", n)
			}
		}},
		{"people do not share a window", func(t *testing.T, g *gate) {
			t.Helper()
			taken(g, Auth, false)
			if n := g.remaining("kim", Auth); n != 5 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"the wait ends when the oldest leaves the window", func(t *testing.T, g *gate) {
			t.Helper()
			g.take("jude", Auth, false)
			pass(10 * time.Second)
			taken(g, Auth, false)
			_, wait, ok := g.take("jude", Auth, false)
			if ok || wait != 51*time.Second {
				t.Errorf("%v, wait %v", ok, wait)
			}
			pass(wait)
			if n := taken(g, Auth, false); n != 1 {
				t.Errorf("%d after the wait", n)
			}
		}},
		{"what never left does not count", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Auth, false)
			g.giveBack(s)
			if n := g.remaining("jude", Auth); n != 5 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"requests of others count when RingCentral says so", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Light, false)
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
			s, _, _ := g.take("jude", Light, false)
			g.heard(s, 200, "", 0, rateHeader("light", 10, 9))
			if n := taken(g, Light, true); n != 5 {
				t.Errorf("background: %d", n)
			}
			if n := taken(g, Light, false); n != 4 {
				t.Errorf("presses: %d", n)
			}
		}},
		{"a group that RingCentral names otherwise", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Light, false)
			g.heard(s, 429, "CMN-301", time.Minute, rateHeader("medium", 40, 0))
			if light, medium := g.remaining("jude", Light), g.remaining("jude", Medium); light != 49 || medium != 0 {
				t.Errorf("light %d, medium %d", light, medium)
			}
		}},
		{"nothing is sent in a penalty", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Light, false)
			g.heard(s, 429, "CMN-301", 60*time.Second, rateHeader("light", 50, 0))
			pass(59 * time.Second)
			if _, wait, ok := g.take("jude", Light, false); ok || wait != time.Second {
				t.Errorf("%v, wait %v", ok, wait)
			}
			pass(2 * time.Second)
			if n := taken(g, Light, false); n != 50 {
				t.Errorf("%d after the penalty", n)
			}
		}},
		{"a limiter without a name stops everything", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Light, false)
			g.heard(s, 429, "CMN-310", 30*time.Second, http.Header{})
			for _, group := range []UsageGroup{Light, Medium, Heavy, Auth} {
				if n := taken(g, group, false); n != 0 {
					t.Errorf("%v: %d", group, n)
				}
			}
		}},
		{"a duplicate under way is no penalty", func(t *testing.T, g *gate) {
			t.Helper()
			s, _, _ := g.take("jude", Light, false)
			g.heard(s, 429, "CMN-304", 30*time.Second, http.Header{})
			if n := g.remaining("jude", Light); n != 49 {
				t.Errorf("remaining: %d", n)
			}
		}},
		{"nobody's calls are not counted", func(t *testing.T, g *gate) {
			t.Helper()
			for range 20 {
				if _, _, ok := g.take("", Auth, false); !ok {
					t.Fatal("held back")
				}
			}
		}},
		{"people are forgotten when nothing counts", func(t *testing.T, g *gate) {
			t.Helper()
			g.take("jude", Light, false)
			pass(2 * time.Minute)
			g.take("kim", Light, false)
			if len(g.people) != 1 {
				t.Errorf("%d people kept", len(g.people))
			}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { tt.run(t, newGate()) })
		})
	}
}
