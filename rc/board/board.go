// Package board turns what RingCentral reports into what a person may be shown
// and what may be pressed: it folds events and session reads into a Board,
// pairs two legs of it, says whether the pair is ready, and runs the state
// machine of a transfer.
//
// The package is pure. It does no I/O, starts no goroutine and reads no clock:
// time arrives in events and arguments, always by RingCentral's clock. A State
// has one owner; every other type is a value that may be shared once made.
// Sentences are made elsewhere: reasons and notices are codes with arguments.
package board

import (
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Owner is the extension that a board belongs to.
type Owner struct {
	AccountID       string `json:"account"`
	ExtensionID     string `json:"extension"`
	ExtensionNumber string `json:"number,omitempty"`
	Name            string `json:"name,omitempty"`
}

// Board is all legs of one extension at one moment, alive first seen first,
// and those that ended a short while ago.
type Board struct {
	Legs []Leg `json:"legs,omitempty"`
}

// Leg is the owner's own party in one session, with what is known of the far
// parties. Times are by RingCentral's clock.
type Leg struct {
	SessionID string              `json:"session"`
	PartyID   string              `json:"party"`
	Direction telephony.Direction `json:"direction"` // Outbound: the owner placed the call
	State     telephony.Code      `json:"state"`     // of the owner's own party
	Word      string              `json:"word,omitempty"`
	Reason    string              `json:"reason,omitempty"` // RingCentral's, verbatim
	Peer      telephony.Peer      `json:"peer,omitzero"`    // where a leg that is Gone went

	Began    time.Time `json:"began,omitzero"`    // first sight of the call
	Since    Since     `json:"since,omitzero"`    // start of the present state
	Answered Since     `json:"answered,omitzero"` // the first Answered of the owner's party; zero before
	Held     Since     `json:"held,omitzero"`     // start of the present or last hold; zero if never held
	// HeldUntil is the end of the last hold; zero while on hold. It equals Ended
	// when the far side left while it was on hold.
	HeldUntil time.Time `json:"heldUntil,omitzero"`
	Ended     time.Time `json:"ended,omitzero"` // zero while the leg lives
	// MovingUntil is set while the owner's party left for another device of
	// theirs and its successor is not seen yet.
	MovingUntil time.Time `json:"movingUntil,omitzero"`

	Far         Far    `json:"far"`
	Queue       string `json:"queue,omitempty"` // queue name; hostile text
	QueueCall   bool   `json:"queueCall,omitempty"`
	Muted       bool   `json:"muted,omitempty"`
	Conference  bool   `json:"conference,omitempty"`
	Supervising bool   `json:"supervising,omitempty"`
	Unsure      bool   `json:"unsure,omitempty"` // three reads in a row raced with events
	ParkData    string `json:"parkData,omitempty"`
}

// Since is the start of a state. AtLeast means that only a read showed the
// state: it began at Time or before, so a duration from it is "at least".
type Since struct {
	Time    time.Time `json:"time,omitzero"`
	AtLeast bool      `json:"atLeast,omitempty"`
}

// IsZero reports whether the state was never seen.
func (s Since) IsZero() bool { return s.Time.IsZero() }

// Alive reports whether the owner's party is still in the call. A party that
// moves to another device of the owner is alive but may not be acted on.
func (l Leg) Alive() bool { return l.Ended.IsZero() }

// Moving reports whether the owner's party is between two devices.
func (l Leg) Moving() bool { return !l.MovingUntil.IsZero() && l.Ended.IsZero() }

// OnHold reports whether RingCentral says that the owner holds the far side.
func (l Leg) OnHold() bool { return l.Alive() && l.State == telephony.Hold }

// HeldFor is how long the far side has waited, or had waited when the hold
// ended; zero if it was never held.
func (l Leg) HeldFor(now time.Time) time.Duration {
	if l.Held.IsZero() {
		return 0
	}
	if !l.HeldUntil.IsZero() {
		now = l.HeldUntil
	}
	return max(0, now.Sub(l.Held.Time))
}

// LeftOnHold reports whether the leg ended while it was on hold.
func (l Leg) LeftOnHold() bool {
	return !l.Ended.IsZero() && !l.Held.IsZero() && l.HeldUntil.Equal(l.Ended)
}

// Far is the other side of a leg.
type Far struct {
	State       FarState  `json:"state"`
	PartyID     string    `json:"party,omitempty"` // the one far party; "" when none or several
	Name        string    `json:"name,omitempty"`  // hostile text: clean it before it is shown
	Number      string    `json:"number,omitempty"`
	ExtensionID string    `json:"extension,omitempty"`
	Internal    bool      `json:"internal,omitempty"` // an extension of the same account
	Since       Since     `json:"since,omitzero"`
	Answered    Since     `json:"answered,omitzero"` // proof that this very party answered
	Read        time.Time `json:"read,omitzero"`     // when the last applied read of the session was requested
}

// FarState is what is proven of the far side; the zero value is FarUnknown.
type FarState uint8

// The states of the far side of a leg.
const (
	FarUnknown   FarState = iota // nothing was read or reported of it yet
	FarWaiting                   // nobody is there yet
	FarRinging                   // setup or ringing, several of them too (a queue)
	FarAnswered                  // one person answered
	FarHolding                   // answered, and has put the owner on hold
	FarVoicemail                 // a mailbox took the call
	FarFax                       // a fax took the call
	FarParked                    // parked
	FarSeveral                   // more than one person is on the call
	FarLeft                      // all far parties left
	FarOther                     // a state word that this version does not know
)

var farWords = [...]string{"unknown", "waiting", "ringing", "answered", "holding", "voicemail", "fax", "parked", "several", "left", "other"}

// String is the word used in JSON, metrics and logs.
func (f FarState) String() string {
	if int(f) < len(farWords) {
		return farWords[f]
	}
	return farWords[FarUnknown]
}

// Leg returns the leg of a session.
func (b Board) Leg(sessionID string) (Leg, bool) {
	for _, l := range b.Legs {
		if l.SessionID == sessionID {
			return l, true
		}
	}
	return Leg{}, false
}

// Alive counts the legs that live.
func (b Board) Alive() int {
	n := 0
	for _, l := range b.Legs {
		if l.Alive() {
			n++
		}
	}
	return n
}
