package rc

import (
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// platform counts as RingCentral does: a sliding window per group, and a penalty
// that every request inside restarts.
type platform struct {
	mu      sync.Mutex
	at      [len(groupLimits)][]time.Time
	penalty [len(groupLimits)]time.Time
	refused int
	late    sync.WaitGroup // what the caller may have given up
}

const penaltyOfPlatform = 60 * time.Second

// arrive counts a request and gives the answer's status and headers.
func (p *platform) arrive(group UsageGroup) (int, http.Header) {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[group] = slices.DeleteFunc(p.at[group], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if now.Before(p.penalty[group]) || len(p.at[group]) >= groupLimits[group] {
		p.penalty[group] = now.Add(penaltyOfPlatform)
		p.refused++
		return http.StatusTooManyRequests, rateHeader(group.String(), groupLimits[group], 0)
	}
	p.at[group] = append(p.at[group], now)
	return http.StatusOK, rateHeader(group.String(), groupLimits[group], groupLimits[group]-len(p.at[group]))
}

func (p *platform) remaining(group UsageGroup) int {
	now := time.Now()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.at[group] = slices.DeleteFunc(p.at[group], func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	return groupLimits[group] - len(p.at[group])
}

// request is one call that somebody wants to make.
type request struct {
	After      time.Duration // since the one before it
	Times      int
	Group      UsageGroup
	Background bool
	There      time.Duration // until RingCentral counts it
	Back       time.Duration // until its answer is here
	Unsent     bool          // it never leaves
	Elsewhere  bool          // another instance makes it
}

const callTimeout = 10 * time.Second

func drawRequests(elsewhere bool) *rapid.Generator[[]request] {
	millis := func(most int) *rapid.Generator[time.Duration] {
		return rapid.Map(rapid.IntRange(0, most), func(n int) time.Duration { return time.Duration(n) * time.Millisecond })
	}
	pause := rapid.OneOf(rapid.Just(time.Duration(0)), millis(1500), millis(70_000))
	way := rapid.OneOf(millis(100), millis(3000), millis(int(callTimeout/time.Millisecond)+900))
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) request {
		return request{
			After:      pause.Draw(t, "after"),
			Times:      rapid.IntRange(1, 8).Draw(t, "times"),
			Group:      rapid.SampledFrom([]UsageGroup{Light, Heavy, Auth}).Draw(t, "group"),
			Background: rapid.Bool().Draw(t, "background"),
			There:      way.Draw(t, "there"),
			Back:       way.Draw(t, "back"),
			Unsent:     rapid.IntRange(0, 9).Draw(t, "unsent") == 0,
			Elsewhere:  elsewhere && rapid.Bool().Draw(t, "elsewhere"),
		}
	}), 1, 60)
}

// serve makes one call through a gate, as Client does.
func (p *platform) serve(t *testing.T, g *gate, r request) {
	t.Helper()
	s, _, err := g.take(t.Context(), "jude", r.Group, r.Background)
	if err != nil {
		return
	}
	if r.Unsent {
		pass(min(r.There, callTimeout))
		g.giveBack(s)
		return
	}
	type reply struct {
		status int
		header http.Header
	}
	answer := make(chan reply, 1)
	p.late.Go(func() {
		pass(r.There)
		status, header := p.arrive(r.Group)
		pass(r.Back)
		answer <- reply{status, header}
	})
	select {
	case a := <-answer:
		g.heard(s, a.status, "", penaltyOfPlatform, a.header)
	case <-time.After(callTimeout):
		g.lost(s)
	}
}

func TestWhateverIsAskedNothingIsRefused(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawRequests(false).Draw(rt, "requests")
		var p platform
		synctest.Test(t, func(t *testing.T) {
			g := newGate(Usage{})
			var calls sync.WaitGroup
			for _, r := range plan {
				pass(r.After)
				for range r.Times {
					calls.Go(func() { p.serve(t, g, r) })
				}
			}
			calls.Wait()
			p.late.Wait()
		})
		if p.refused > 0 {
			rt.Fatalf("RingCentral refused %d requests", p.refused)
		}
	})
}

// Another instance sends for the same person. What it sends cannot be known before
// RingCentral tells, but then it is: never does a gate think that more is left
// than RingCentral does, and it says nothing in a penalty it knows of.
func TestWhatOthersSendIsLearnt(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		plan := drawRequests(true).Draw(rt, "requests")
		last := rapid.SampledFrom([]UsageGroup{Light, Heavy, Auth}).Draw(rt, "last")
		var wrong string
		synctest.Test(t, func(t *testing.T) {
			var p platform
			ours, theirs := newGate(Usage{}), newGate(Usage{})
			var calls sync.WaitGroup
			for _, r := range plan {
				pass(r.After)
				g := ours
				if r.Elsewhere {
					g = theirs
				}
				for range r.Times {
					calls.Go(func() { p.serve(t, g, r) })
				}
			}
			calls.Wait()
			p.late.Wait()
			before := len(p.at[last])
			p.serve(t, ours, request{Group: last})
			if left, truly := ours.remaining("jude", last), p.remaining(last); len(p.at[last]) > before && left > truly {
				wrong = fmt.Sprintf("%v: %d remain by our count, %d by RingCentral's", last, left, truly)
			}
			refused := p.refused
			for group := Light; group <= Auth; group++ {
				if time.Now().Before(ours.windows("jude")[group].penalty) {
					p.serve(t, ours, request{Group: group, Background: true})
				}
			}
			if p.refused != refused {
				wrong = "a request was sent in a penalty"
			}
		})
		if wrong != "" {
			rt.Fatal(wrong)
		}
	})
}
