package board

import (
	"maps"
	"slices"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Saved is what a desk keeps of a Watch across a restart or a take-over: every
// live session as it was last folded, and the pair. What it says is old news
// until each session was read again.
type Saved struct {
	Owner    Owner          `json:"owner"`
	Sessions []SavedSession `json:"sessions,omitempty"`
	Pairing  Pairing        `json:"pairing,omitzero"`
	Rescue   *Rescue        `json:"rescue,omitempty"`
	Recent   Ends           `json:"recent,omitzero"`  // the newest pair, also when it is over
	Consult  Leg            `json:"consult,omitzero"` // its consult, as it was seen last
}

// SavedSession is one session of a Saved.
type SavedSession struct {
	ID       string       `json:"id"`
	Origin   string       `json:"origin,omitempty"`
	Began    time.Time    `json:"began"`
	Sequence int64        `json:"sequence"`
	Parties  []SavedParty `json:"parties"`
}

// SavedParty is one folded party of a SavedSession.
type SavedParty struct {
	Party    telephony.Party `json:"party"`
	Sequence int64           `json:"sequence"` // of its newest observation
	Since    Since           `json:"since,omitzero"`
	Answered Since           `json:"answered,omitzero"`
	Held     Since           `json:"held,omitzero"`
	Unheld   time.Time       `json:"unheld,omitzero"`
	Ended    time.Time       `json:"ended,omitzero"`
	Final    bool            `json:"final,omitempty"`
}

// Save returns what a later Restore needs.
func (w *Watch) Save() Saved {
	saved := Saved{Owner: w.State.owner, Pairing: w.Pairing, Rescue: w.Rescue, Recent: w.recent, Consult: w.consult}
	for _, id := range slices.Sorted(maps.Keys(w.State.sessions)) {
		sess := w.State.sessions[id]
		if !w.State.part(sess) {
			continue
		}
		out := SavedSession{ID: sess.id, Origin: sess.origin, Began: sess.began, Sequence: sess.sequence}
		for _, p := range sess.parties {
			f := p.folded
			seq := p.baseLast.sequence
			if n := len(p.observed); n > 0 {
				seq = p.observed[n-1].sequence
			}
			out.Parties = append(out.Parties, SavedParty{
				Party: f.party, Sequence: seq, Since: f.since, Answered: f.answered,
				Held: f.held, Unheld: f.unheld, Ended: f.ended, Final: f.final,
			})
		}
		saved.Sessions = append(saved.Sessions, out)
	}
	return saved
}

// Restore follows an extension from where Save left it; every session is due to
// be read.
func Restore(saved Saved, timing Timing, now time.Time) *Watch {
	w := NewWatch(saved.Owner, timing)
	for _, in := range saved.Sessions {
		sess := w.State.add(in.ID)
		sess.origin, sess.began, sess.sequence = in.Origin, in.Began, in.Sequence
		sess.read.due = true
		for _, sp := range in.Parties {
			p := sess.party(sp.Party.ID)
			p.base = fold{
				party: sp.Party, seen: true, since: sp.Since, answered: sp.Answered,
				held: sp.Held, unheld: sp.Unheld, ended: sp.Ended, final: sp.Final,
			}
			// Older than any read to come, newer than any event that was seen.
			p.baseLast = observation{sequence: sp.Sequence, read: true}
			p.trimmed, p.folded = true, p.base
		}
	}
	w.Pairing, w.Rescue, w.recent, w.consult = saved.Pairing, saved.Rescue, saved.Recent, saved.Consult
	w.Board = w.State.Board(now)
	return w
}
