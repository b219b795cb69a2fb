package rc

import (
	"context"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// UsageGroup is a group of RingCentral's usage plan; the requests of one person
// by one app are counted per group. The zero value is a call without a limit.
// See https://developers.ringcentral.com/guide/basics/rate-limits.
type UsageGroup uint8

// The groups, each with what an app may send for a person in 60 s by default.
const (
	Unlimited UsageGroup = iota
	Light                // 50
	Medium               // 40
	Heavy                // 10
	Auth                 // 5: sign-in, refresh, revoke and wstoken together
)

var groupWords = [...]string{Unlimited: "none", Light: "light", Medium: "medium", Heavy: "heavy", Auth: "auth"}

var groupLimits = [...]int{Unlimited: 0, Light: 50, Medium: 40, Heavy: 10, Auth: 5}

// String is the group's name in lower case, as RingCentral's headers spell it.
func (g UsageGroup) String() string {
	if int(g) < len(groupWords) {
		return groupWords[g]
	}
	return groupWords[Unlimited]
}

func parseGroup(word string) UsageGroup {
	for g, w := range groupWords {
		if UsageGroup(g) != Unlimited && strings.EqualFold(word, w) {
			return UsageGroup(g)
		}
	}
	return Unlimited
}

type backgroundKey struct{}

// Background marks the calls made under ctx as ones that nobody waits for: they
// are held back while fewer than two fifths of the Light window (20 of 50) are
// left, so that a person's press always finds room.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

func isBackground(ctx context.Context) bool {
	marked, _ := ctx.Value(backgroundKey{}).(bool)
	return marked
}

type personKey struct{}

// ForPerson makes Refresh and Revoke under ctx count against that person's Auth
// window; without it they are not counted, since a token does not say whose it is.
func ForPerson(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, personKey{}, person)
}

func personOf(ctx context.Context) string {
	person, _ := ctx.Value(personKey{}).(string)
	return person
}

const (
	windowDefault = 60 * time.Second
	// windowGrace covers the way: RingCentral counts a request when it arrives.
	windowGrace = time.Second
	maxLimit    = 1000
)

// gate counts requests per person and group in a sliding window.
type gate struct {
	mu     sync.Mutex
	people map[string]*[len(groupLimits)]window
	swept  time.Time
}

// window is what was sent for one person in one group.
type window struct {
	limit   int
	length  time.Duration
	sent    []time.Time // oldest first
	penalty time.Time   // nothing is sent before
}

// slot is the place of one request in a window; its person is "" when the
// request is not counted.
type slot struct {
	person string
	group  UsageGroup
	at     time.Time
}

func newGate() *gate { return &gate{people: make(map[string]*[len(groupLimits)]window)} }

// take counts a request, or says how long it has to wait.
func (g *gate) take(person string, group UsageGroup, background bool) (slot, time.Duration, bool) {
	if person == "" || group == Unlimited {
		return slot{}, 0, true
	}
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	w := &g.windows(person)[group]
	w.prune(now)
	if now.Before(w.penalty) {
		return slot{}, w.penalty.Sub(now), false
	}
	usable := w.limit
	if background && group == Light {
		usable -= w.limit * 2 / 5
	}
	if over := len(w.sent) - usable; over >= 0 {
		return slot{}, w.sent[over].Add(w.length + windowGrace).Sub(now), false
	}
	w.sent = append(w.sent, now)
	return slot{person, group, now}, 0, true
}

// giveBack forgets a request that never left.
func (g *gate) giveBack(s slot) {
	if s.person == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.windows(s.person)[s.group]
	for i, at := range w.sent {
		if at.Equal(s.at) {
			w.sent = append(w.sent[:i], w.sent[i+1:]...)
			return
		}
	}
}

// heard corrects the count by what RingCentral says of it and begins a penalty
// after a 429. A 429 that names no group comes from a limiter of its own, which
// may count anything: all groups of the person wait.
func (g *gate) heard(s slot, status int, code string, retry time.Duration, h http.Header) {
	if s.person == "" {
		return
	}
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	all := g.windows(s.person)
	named := parseGroup(h.Get("X-Rate-Limit-Group"))
	w := &all[s.group]
	if named != Unlimited {
		w = &all[named]
	}
	w.prune(now)
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Limit")); err == nil && n > 0 {
		w.limit = min(n, maxLimit)
	}
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Window")); err == nil && n > 0 {
		w.length = time.Duration(min(n, 3600)) * time.Second
	}
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Remaining")); err == nil && n >= 0 {
		// Others send for this person too: another instance, or this one before it was restarted.
		for foreign := w.limit - len(w.sent) - n; foreign > 0; foreign-- {
			w.sent = append(w.sent, now)
		}
	}
	if status != http.StatusTooManyRequests || code == "CMN-304" { // CMN-304: the same request is under way
		return
	}
	until := now.Add(retry)
	for i := range all {
		if (named == Unlimited || &all[i] == w) && until.After(all[i].penalty) {
			all[i].penalty = until
		}
	}
}

// remaining is how many requests may still be sent now.
func (g *gate) remaining(person string, group UsageGroup) int {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	all, known := g.people[person]
	if !known {
		return groupLimits[group]
	}
	w := &all[group]
	w.prune(now)
	if now.Before(w.penalty) {
		return 0
	}
	return max(0, w.limit-len(w.sent))
}

func (g *gate) windows(person string) *[len(groupLimits)]window {
	all, known := g.people[person]
	if !known {
		all = new([len(groupLimits)]window)
		for i := range all {
			all[i] = window{limit: groupLimits[i], length: windowDefault}
		}
		g.people[person] = all
	}
	return all
}

// sweep forgets, once a minute, the people for whom nothing counts any more.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < time.Minute {
		return
	}
	g.swept = now
	for person, all := range g.people {
		idle := true
		for i := range all {
			all[i].prune(now)
			idle = idle && len(all[i].sent) == 0 && !now.Before(all[i].penalty)
		}
		if idle {
			delete(g.people, person)
		}
	}
}

func (w *window) prune(now time.Time) {
	gone := 0
	for gone < len(w.sent) && now.Sub(w.sent[gone]) >= w.length+windowGrace {
		gone++
	}
	w.sent = w.sent[gone:]
}
