package rc

import (
	"cmp"
	"context"
	"net/http"
	"slices"
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

// groupReserve is what Background calls leave of a group to others: of Light,
// Medium and Heavy two fifths, of Auth the one request of a sign-in or a refresh.
func groupReserve(g UsageGroup, limit int) int {
	if g == Auth {
		return limit / 5
	}
	return limit * 2 / 5
}

func parseGroup(word string) UsageGroup {
	for g, w := range groupWords {
		if UsageGroup(g) != Unlimited && strings.EqualFold(word, w) {
			return UsageGroup(g)
		}
	}
	return Unlimited
}

// Usage holds how a client keeps RingCentral's limits; zero means the default.
type Usage struct {
	Window   time.Duration // in which requests count, until RingCentral says otherwise: 60 s
	Grace    time.Duration // for which a request counts longer than that: 1 s
	Penalty  time.Duration // after a 429 without Retry-After: 30 s
	Patience time.Duration // for which a call waits for room at most: 2 s
}

// Filled is u with its defaults.
func (u Usage) Filled() Usage {
	return Usage{
		Window:   cmp.Or(u.Window, time.Minute),
		Grace:    cmp.Or(u.Grace, time.Second),
		Penalty:  cmp.Or(u.Penalty, retryAfterDefault),
		Patience: cmp.Or(u.Patience, 2*time.Second),
	}
}

// Scaled is every time of u, defaults included, multiplied by a factor.
func (u Usage) Scaled(by float64) Usage {
	u = u.Filled()
	for _, d := range []*time.Duration{&u.Window, &u.Grace, &u.Penalty, &u.Patience} {
		*d = time.Duration(float64(*d) * by)
	}
	return u
}

type backgroundKey struct{}

// Background marks the calls made under ctx as ones that nobody waits for. They
// never wait for room either: they are refused while only the last two fifths of
// their group are left (20 of 50 Light requests), or while another call waits,
// so that a person's press always finds room.
func Background(ctx context.Context) context.Context {
	return context.WithValue(ctx, backgroundKey{}, true)
}

func isBackground(ctx context.Context) bool {
	marked, _ := ctx.Value(backgroundKey{}).(bool)
	return marked
}

type atOnceKey struct{}

// atOnceToken is how long a call that is sent at once waits for its access token.
const atOnceToken = time.Second

// atOnce marks a call that rests on what was read just before it: it does not
// wait for room, nor long for its token, since by then something else may be so.
func atOnce(ctx context.Context) context.Context {
	return context.WithValue(ctx, atOnceKey{}, true)
}

func isAtOnce(ctx context.Context) bool {
	marked, _ := ctx.Value(atOnceKey{}).(bool)
	return marked
}

type personKey struct{}

// ForPerson makes Refresh and Revoke under ctx count against that person's Auth
// window; without it they are not counted, since a token does not say whose it is.
// They are never Background calls: everything else waits for them.
func ForPerson(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, personKey{}, person)
}

// SignedIn counts an Exchange against a person's Auth window: whose it was is
// known only afterwards.
func (c *Client) SignedIn(person string) { c.gate.count(person, Auth) }

func personOf(ctx context.Context) string {
	person, _ := ctx.Value(personKey{}).(string)
	return person
}

const maxLimit = 1000

// gate counts requests per person and group as RingCentral does, in a sliding
// window, and lets none through that RingCentral would refuse.
//
// When RingCentral counts a request is known only within bounds: not before it
// was sent, not after its answer. A request counts here until it has left the
// window by the later bound; while it is unanswered it counts as new.
type gate struct {
	usage Usage

	mu     sync.Mutex
	people map[string]*[len(groupLimits)]window
	plan   [len(groupLimits)]plan
	swept  time.Time
}

// plan is what RingCentral allows everybody who uses this app.
type plan struct {
	limit  int
	length time.Duration
}

// window is what was sent for one person in one group.
type window struct {
	plan
	own     []*use
	foreign []time.Time // by which RingCentral had counted what others sent for this person, oldest first
	waiting []*use      // in the order in which they came
	penalty time.Time   // nothing is sent before
}

// use is one request of ours.
type use struct {
	sent    time.Time
	counted time.Time // by which RingCentral had counted it; zero while it is under way
}

// slot is the place of one request in a window; its person is "" when the
// request is not counted.
type slot struct {
	person string
	group  UsageGroup
	use    *use
}

func newGate(u Usage) *gate {
	g := &gate{usage: u.Filled(), people: make(map[string]*[len(groupLimits)]window)}
	for i := range g.plan {
		g.plan[i] = plan{groupLimits[i], g.usage.Window}
	}
	return g
}

// take counts a request, waiting for room if that comes soon. Otherwise it is an
// error, with how long the request has to wait.
func (g *gate) take(ctx context.Context, person string, group UsageGroup, background bool) (slot, time.Duration, error) {
	if person == "" || group == Unlimited {
		return slot{}, 0, nil
	}
	s := slot{person, group, &use{}}
	for until := g.patience(ctx, background); ; {
		wait, ok := g.admit(s, background, until)
		switch {
		case ok:
			return s, 0, nil
		case time.Now().Add(wait).After(until):
			return slot{}, wait, ErrHeldBack
		}
		timer := time.NewTimer(wait)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			g.giveBack(s)
			return slot{}, 0, ctx.Err()
		}
	}
}

// patience is when a call wants to have been sent at the latest.
func (g *gate) patience(ctx context.Context, background bool) time.Time {
	now := time.Now()
	if background || isAtOnce(ctx) {
		return now
	}
	until := now.Add(g.usage.Patience)
	if deadline, ok := ctx.Deadline(); ok && deadline.Before(until) {
		return deadline
	}
	return until
}

// admit counts a request if there is room for it, also with all before it that
// wait. Else it says how long that takes, and keeps a place for the request if
// that is soon enough.
func (g *gate) admit(s slot, background bool, until time.Time) (time.Duration, bool) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sweep(now)
	w := &g.windows(s.person)[s.group]
	w.prune(now, g.usage.Grace)
	ahead := slices.Index(w.waiting, s.use)
	if ahead < 0 {
		ahead = len(w.waiting)
	}
	usable := w.limit
	if background {
		usable -= groupReserve(s.group, w.limit)
	}
	wait := w.penalty.Sub(now)
	if over := len(w.own) + len(w.foreign) + ahead - usable; wait <= 0 && over >= 0 {
		wait = w.leaves(over, now).Add(w.length + g.usage.Grace).Sub(now)
	}
	waits := ahead < len(w.waiting)
	switch {
	case wait <= 0:
		w.leave(s.use)
		s.use.sent = now
		w.own = append(w.own, s.use)
		return 0, true
	case now.Add(wait).After(until):
		w.leave(s.use)
	case !waits:
		w.waiting = append(w.waiting, s.use)
	}
	return wait, false
}

// leaves is by when RingCentral had counted the oldest request of the window but
// n; a request under way may be counted only now.
func (w *window) leaves(n int, now time.Time) time.Time {
	times := slices.Clone(w.foreign)
	for _, u := range w.own {
		times = append(times, u.latest(now))
	}
	if n >= len(times) {
		return now
	}
	slices.SortFunc(times, time.Time.Compare)
	return times[n]
}

func (u *use) latest(now time.Time) time.Time {
	if u.counted.IsZero() {
		return now
	}
	return u.counted
}

// leave gives up a place in the queue, if there is one.
func (w *window) leave(u *use) {
	w.waiting = slices.DeleteFunc(w.waiting, func(o *use) bool { return o == u })
}

// count counts a request that was made without the gate.
func (g *gate) count(person string, group UsageGroup) {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.windows(person)[group]
	w.own = append(w.own, &use{sent: now, counted: now})
}

// forget takes a request out of the count.
func (w *window) forget(u *use) {
	w.own = slices.DeleteFunc(w.own, func(o *use) bool { return o == u })
}

// giveBack forgets a request that never left.
func (g *gate) giveBack(s slot) {
	if s.person == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &g.windows(s.person)[s.group]
	w.leave(s.use)
	w.forget(s.use)
}

// lost is a request without an answer: it may have been counted until now.
func (g *gate) lost(s slot) {
	if s.person == "" {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	s.use.counted = time.Now()
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
	s.use.counted = now
	all := g.windows(s.person)
	group := s.group
	named := parseGroup(h.Get("X-Rate-Limit-Group"))
	if named != Unlimited {
		group = named
	}
	w := &all[group]
	refused := status == http.StatusTooManyRequests && code != "CMN-304" // CMN-304: the same request is under way
	if refused || group != s.group {
		all[s.group].forget(s.use)
	}
	if !refused && group != s.group {
		w.own = append(w.own, s.use)
	}
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Limit")); err == nil && n > 0 {
		w.limit = min(n, maxLimit)
	}
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Window")); err == nil && n > 0 {
		w.length = time.Duration(min(n, 3600)) * time.Second
	}
	g.plan[group] = w.plan
	w.prune(now, g.usage.Grace)
	if n, err := strconv.Atoi(h.Get("X-Rate-Limit-Remaining")); err == nil && n >= 0 {
		w.learn(s.use, w.limit-n, now)
	}
	if !refused {
		return
	}
	until := now.Add(retry)
	for i := range all {
		if (named == Unlimited || UsageGroup(i) == group) && until.After(all[i].penalty) {
			all[i].penalty = until
		}
	}
}

// learn corrects what others have sent by RingCentral's count when it answered u:
// another instance, or this one before it was restarted. All of ours may be part
// of the count; u is, and those that were counted before u was sent and cannot
// have left the window since.
func (w *window) learn(u *use, count int, now time.Time) {
	for least := count - len(w.own); len(w.foreign) < least; {
		w.foreign = append(w.foreign, now)
	}
	ours := 0
	for _, o := range w.own {
		if o == u || !o.counted.IsZero() && !o.counted.After(u.sent) && now.Sub(o.sent) < w.length {
			ours++
		}
	}
	if most := max(0, count-ours); len(w.foreign) > most {
		w.foreign = w.foreign[len(w.foreign)-most:]
	}
}

// remaining is how many requests may still be sent now.
func (g *gate) remaining(person string, group UsageGroup) int {
	now := time.Now()
	g.mu.Lock()
	defer g.mu.Unlock()
	all, known := g.people[person]
	if !known {
		return g.plan[group].limit
	}
	w := &all[group]
	w.prune(now, g.usage.Grace)
	if now.Before(w.penalty) {
		return 0
	}
	return max(0, w.limit-len(w.own)-len(w.foreign)-len(w.waiting))
}

func (g *gate) windows(person string) *[len(groupLimits)]window {
	all, known := g.people[person]
	if !known {
		all = new([len(groupLimits)]window)
		for i := range all {
			all[i].plan = g.plan[i]
		}
		g.people[person] = all
	}
	return all
}

// sweep forgets, once in a window, the people for whom nothing counts any more.
func (g *gate) sweep(now time.Time) {
	if now.Sub(g.swept) < g.usage.Window {
		return
	}
	g.swept = now
	for person, all := range g.people {
		idle := true
		for i := range all {
			w := &all[i]
			w.prune(now, g.usage.Grace)
			idle = idle && len(w.own)+len(w.foreign)+len(w.waiting) == 0 && !now.Before(w.penalty)
		}
		if idle {
			delete(g.people, person)
		}
	}
}

func (w *window) prune(now time.Time, grace time.Duration) {
	over := func(counted time.Time) bool { return now.Sub(counted) >= w.length+grace }
	w.own = slices.DeleteFunc(w.own, func(u *use) bool { return over(u.latest(now)) })
	w.foreign = slices.DeleteFunc(w.foreign, over)
}
