package rcsim

import (
	"cmp"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Release says how held notifications leave: all of them once and in order by default.
type Release struct {
	Order     string `json:"order,omitempty"`     // "" as they came, "reverse", "shuffle"
	Duplicate bool   `json:"duplicate,omitempty"` // each twice
	Drop      int    `json:"drop,omitempty"`      // the first n are lost
	Keep      bool   `json:"keep,omitempty"`      // go on holding what comes later
}

// SetEventDelay changes the time from a change to its notification (Options.EventDelay).
func (s *Server) SetEventDelay(d time.Duration) {
	_ = s.change(func() error {
		s.opt.EventDelay = d
		return nil
	})
}

// HoldEvents keeps notifications back from now on.
func (s *Server) HoldEvents() {
	_ = s.change(func() error {
		s.faults.holding = true
		return nil
	})
}

// ReleaseEvents delivers what was held and returns how many notifications left. A Release that cannot be is a mistake of the
// caller's, and panics.
func (s *Server) ReleaseEvents(how Release) int {
	if err := how.check(); err != nil {
		panic("rcsim: ReleaseEvents: " + err.Error())
	}
	n := 0
	_ = s.change(func() error {
		n = s.releaseHeld(how)
		return nil
	})
	return n
}

func (r Release) check() error {
	switch {
	case !slices.Contains([]string{"", "reverse", "shuffle"}, r.Order):
		return errors.New("order is reverse or shuffle")
	case r.Drop < 0:
		return errors.New("no number may be negative")
	}
	return nil
}

func (s *Server) releaseHeld(how Release) int {
	notes := s.faults.held
	s.faults.held, s.faults.holding = nil, how.Keep
	drop := min(how.Drop, len(notes))
	s.faults.lost += drop
	notes = notes[drop:]
	switch how.Order {
	case "reverse":
		slices.Reverse(notes)
	case "shuffle":
		rand.New(s.ids.r).Shuffle(len(notes), func(i, j int) { notes[i], notes[j] = notes[j], notes[i] })
	}
	n := 0
	for _, h := range notes {
		for range 1 + b2i(how.Duplicate) {
			s.deliver(h.g, h.note)
			n++
		}
	}
	return n
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// The kinds of notification that an EventFault may name.
const (
	TelephonyNotes = "telephony"
	PresenceNotes  = "presence"
)

// EventFault is a standing misbehaviour of the notifications to one person's sockets, or to everybody's. A notification that
// meets it is lost, or else doubled, put out of order and delayed, in that order. What is lost is lost for recovery too:
// RingCentral never sent it. Chance comes from Options.Seed, so that the same notifications meet the same fate again.
type EventFault struct {
	// Extension (number) is whose sockets; empty is everybody's. A person's own fault goes before everybody's.
	Extension string `json:"extension,omitempty"`
	// Kind limits it to telephony or presence notifications.
	Kind string `json:"kind,omitempty"`
	// Times is how many notifications meet it; zero means every one until it is cleared.
	Times int `json:"times,omitempty"`
	// Drop loses every nth notification: 1 each, 3 the third, the sixth …
	Drop int `json:"drop,omitempty"`
	// Duplicate sends every nth notification twice.
	Duplicate int `json:"duplicate,omitempty"`
	// Reorder gathers that many notifications of one socket session and sends them in another order than they came. Fewer
	// leave as well, GatherMs after the first of them: 250 when it is zero.
	Reorder  int `json:"reorder,omitempty"`
	GatherMs int `json:"gatherMs,omitempty"`
	// DelayMs sends each later, JitterMs by up to that much more; with jitter one may overtake another.
	DelayMs  int `json:"delayMs,omitempty"`
	JitterMs int `json:"jitterMs,omitempty"`
}

func (f EventFault) check() error {
	switch {
	case f.Kind != "" && f.Kind != TelephonyNotes && f.Kind != PresenceNotes:
		return errors.New("kind is telephony or presence")
	case min(f.Times, f.Drop, f.Duplicate, f.Reorder, f.GatherMs, f.DelayMs, f.JitterMs) < 0:
		return errors.New("no number may be negative")
	}
	return nil
}

// idle reports whether the fault does nothing: it then ends the fault of its extension.
func (f EventFault) idle() bool {
	return f.Drop == 0 && f.Duplicate == 0 && f.Reorder < 2 && f.DelayMs == 0 && f.JitterMs == 0
}

// stream is an EventFault at work.
type stream struct {
	EventFault
	chance *rand.Rand
	seen   int
	over   bool // Times are used up; what it keeps back still leaves
	open   []*reordering
	line   []delayed // by the time at which they leave
}

// delayed is a notification that leaves later.
type delayed struct {
	heldNote
	due time.Time
}

// late is how many notifications the fault keeps back.
func (k *stream) late() int {
	n := len(k.line)
	for _, o := range k.open {
		n += len(o.notes)
	}
	return n
}

// reordering is what waits to be put out of order for one session.
type reordering struct {
	g     *gwSession
	notes []note
	stop  func() // of the timer that ends the wait
}

// SetEventFault makes the notifications to a person, or to everybody, misbehave from now on; it replaces an earlier one of
// the same extension, and one that does nothing only ends it. A fault that cannot be is a mistake of the caller's, and panics.
func (s *Server) SetEventFault(f EventFault) {
	if err := f.check(); err != nil {
		panic("rcsim: SetEventFault: " + err.Error())
	}
	_ = s.change(func() error {
		s.setStream(f)
		return nil
	})
}

func (s *Server) setStream(f EventFault) {
	s.faults.streams = slices.DeleteFunc(s.faults.streams, func(k *stream) bool {
		if k.Extension == f.Extension {
			s.flush(k)
			return true
		}
		return false
	})
	if !f.idle() {
		s.faults.streams = append(s.faults.streams, &stream{EventFault: f, chance: rand.New(rand.NewPCG(s.opt.Seed, 0))})
	}
}

// endStreams ends every EventFault; what it kept back leaves now, in order.
func (s *Server) endStreams() {
	for _, k := range s.faults.streams {
		s.flush(k)
	}
	s.faults.streams = nil
}

func (s *Server) flush(k *stream) {
	for _, d := range k.line {
		s.deliver(d.g, d.note)
	}
	k.line = nil
	for _, o := range k.open {
		o.stop()
		for _, n := range o.notes {
			s.deliver(o.g, n)
		}
	}
	k.open = nil
}

// notify sends a notification to a session, as the faults want it. The caller holds the lock.
func (s *Server) notify(g *gwSession, n note) {
	if s.faults.holding {
		s.faults.held = append(s.faults.held, heldNote{g, n})
		return
	}
	if k := s.streamOf(g, n); k != nil {
		s.disturb(k, g, n)
		return
	}
	s.deliver(g, n)
}

// streamOf is the fault that a notification meets: the person's own before everybody's.
func (s *Server) streamOf(g *gwSession, n note) *stream {
	var common *stream
	for _, k := range s.faults.streams {
		if k.over || (k.Kind != "" && (k.Kind == TelephonyNotes) != strings.HasSuffix(n.event, telephonyEvents)) {
			continue
		}
		switch k.Extension {
		case g.grant.user.Number:
			return k
		case "":
			common = k
		}
	}
	return common
}

// nth reports whether this is one of every so many.
func (k *stream) nth(every int) bool { return every > 0 && k.seen%every == 0 }

func (s *Server) disturb(k *stream, g *gwSession, n note) {
	k.seen++
	k.over = k.Times > 0 && k.seen >= k.Times
	if k.nth(k.Drop) {
		s.faults.lost++
		return
	}
	for range 1 + b2i(k.nth(k.Duplicate)) {
		if k.Reorder > 1 {
			s.gather(k, g, n)
		} else {
			s.delay(k, g, n)
		}
	}
}

// gather keeps a notification until as many have come as are to be put out of order, or none came for a while.
func (s *Server) gather(k *stream, g *gwSession, n note) {
	i := slices.IndexFunc(k.open, func(o *reordering) bool { return o.g == g })
	if i < 0 {
		o := &reordering{g: g}
		wait := time.Duration(cmp.Or(k.GatherMs, 250)) * time.Millisecond
		o.stop = s.after(wait, func() { s.shuffle(k, o) })
		i, k.open = len(k.open), append(k.open, o)
	}
	o := k.open[i]
	o.notes = append(o.notes, n)
	if len(o.notes) >= k.Reorder {
		o.stop()
		s.shuffle(k, o)
	}
}

// shuffle sends what was gathered in any order but the one in which it came.
func (s *Server) shuffle(k *stream, o *reordering) {
	k.open = slices.DeleteFunc(k.open, func(x *reordering) bool { return x == o })
	order := k.chance.Perm(len(o.notes))
	for slices.IsSorted(order) && len(order) > 1 {
		order = k.chance.Perm(len(order))
	}
	for _, i := range order {
		s.delay(k, o.g, o.notes[i])
	}
}

// delay sends a notification after the fault's time.
func (s *Server) delay(k *stream, g *gwSession, n note) {
	ms := k.DelayMs
	if k.JitterMs > 0 {
		ms += k.chance.IntN(k.JitterMs + 1)
	}
	if ms == 0 {
		s.deliver(g, n)
		return
	}
	d := delayed{heldNote{g, n}, time.Now().Add(time.Duration(ms) * time.Millisecond)}
	i := len(k.line)
	for i > 0 && k.line[i-1].due.After(d.due) {
		i--
	}
	k.line = slices.Insert(k.line, i, d)
	// Timers of one moment fire in any order: each takes the first in line, which is due by then.
	s.after(time.Until(d.due), func() {
		if len(k.line) > 0 {
			first := k.line[0]
			k.line = slices.Delete(k.line, 0, 1)
			s.deliver(first.g, first.note)
		}
	})
}
