package board

import "time"

// Ends names the four ids that a bridge joins: two sessions and the owner's
// own party in each.
type Ends struct {
	CustomerSession string `json:"customerSession"`
	CustomerParty   string `json:"customerParty"`
	ConsultSession  string `json:"consultSession"`
	ConsultParty    string `json:"consultParty"`
}

// Names reports whether a session is one of the two.
func (e Ends) Names(sessionID string) bool {
	return sessionID != "" && (e.CustomerSession == sessionID || e.ConsultSession == sessionID)
}

// Who is the person at the far side of an end, as far as is known.
type Who struct {
	PartyID string `json:"party,omitempty"`
	Number  string `json:"number,omitempty"`
}

// who is the person at the far side of a leg.
func who(l Leg) Who { return Who{l.Far.PartyID, l.Far.Number} }

// may reports whether the other may be the same person: the same party, or the
// same number on another device; what is not known yet speaks against nothing.
func (w Who) may(be Who) bool {
	switch {
	case w.PartyID != "" && w.PartyID == be.PartyID:
		return true
	case w.Number != "" && be.Number != "":
		return w.Number == be.Number
	}
	return w.PartyID == "" || be.PartyID == ""
}

// now is w as it is known after be.
func (w Who) now(be Who) Who {
	if be.PartyID == "" && w.may(be) {
		return w
	}
	return be
}

// Pair is two legs of one board that a transfer would join. Its roles are
// bound to the session ids from the moment it is Bound.
type Pair struct {
	Ends
	Why        Why       `json:"why"`
	Bound      bool      `json:"bound"`             // false: these two would pair, but one is not there yet (the consult rings)
	TwoOutside bool      `json:"outside,omitempty"` // both far sides are outside callers
	Formed     time.Time `json:"formed,omitzero"`
	// Customer and Consult are the people at the two far sides. When one becomes
	// another, it is a pair that nobody has seen yet.
	Customer Who    `json:"customer,omitzero"`
	Consult  Who    `json:"consult,omitzero"`
	Revision uint64 `json:"revision,omitempty"` // of the first snapshot that showed it
}

// Why is the reason why two legs are a pair.
type Why string

// The reasons for a pair.
const (
	WhyOnly      Why = "only"      // the only call on hold, and the only call the owner placed after it
	WhyColleague Why = "colleague" // the only call on hold, and the only call with a colleague (who called in)
	WhyChosen    Why = "chosen"    // the agent chose both ends by name
)

// Choice is one live call in the picker.
type Choice struct {
	SessionID string `json:"session"`
	PartyID   string `json:"party"`
	Customer  bool   `json:"customer"`      // may be the customer's end
	Consult   bool   `json:"consult"`       // may take the call
	Not       Reason `json:"not,omitempty"` // why it can be neither
	// What the board suggests; nothing is ever preselected.
	LikelyCustomer bool `json:"likelyCustomer,omitempty"`
	LikelyConsult  bool `json:"likelyConsult,omitempty"`
}

// Readiness is whether the pair may be completed now.
type Readiness struct {
	Ready  bool   `json:"ready"`
	Reason Reason `json:"reason,omitempty"` // why not; "" when ready
	// SessionID is the leg that the reason is about; "" when it is about both.
	SessionID string `json:"session,omitempty"`
}

// Reason says why a transfer cannot be completed now.
type Reason string

// The reasons, most basic first.
const (
	ReasonNone             Reason = ""
	ReasonNoCall           Reason = "no-call"           // no call at all
	ReasonOneCall          Reason = "one-call"          // one call: hold it and call a colleague
	ReasonChoose           Reason = "choose"            // nothing is guessed: choose both ends
	ReasonTwoOutside       Reason = "two-outside"       // two outside callers who both called in: choose
	ReasonSameCall         Reason = "same-call"         // both ends are the same call
	ReasonEnded            Reason = "ended"             // an end is over
	ReasonMoving           Reason = "moving"            // an end moves to another device
	ReasonNotHeld          Reason = "not-held"          // neither end is on hold yet
	ReasonNotAnswered      Reason = "not-answered"      // the owner has not answered an end
	ReasonConsultRinging   Reason = "consult-ringing"   // the far phone still rings
	ReasonFarUnknown       Reason = "far-unknown"       // not known yet whether the far side answered
	ReasonFarWaiting       Reason = "far-waiting"       // waiting for the other side
	ReasonFarVoicemail     Reason = "far-voicemail"     // a voicemail cannot take this call
	ReasonFarFax           Reason = "far-fax"           // a fax
	ReasonFarParked        Reason = "far-parked"        // parked
	ReasonFarSeveral       Reason = "far-several"       // more than one person is on this call
	ReasonFarLeft          Reason = "far-left"          // the far side left
	ReasonFarChanged       Reason = "far-changed"       // another person is at the far side than when it was pressed
	ReasonFarHolding       Reason = "far-holding"       // the far side has put the owner on hold
	ReasonFarOther         Reason = "far-other"         // a state that this version does not know
	ReasonUnsure           Reason = "unsure"            // reads raced with events three times
	ReasonSupervising      Reason = "supervising"       // a supervising leg
	ReasonConference       Reason = "conference"        // a conference leg
	ReasonJoining          Reason = "joining"           // an attempt is under way
	ReasonUnconfirmedStill Reason = "unconfirmed-still" // an unconfirmed attempt: both calls must be read again first
	ReasonLeft             Reason = "left"              // unconfirmed, and an own party is not alive: never again
	ReasonStale            Reason = "stale"             // old news: a press checks with RingCentral first
	ReasonCheckFailed      Reason = "check-failed"      // the reads made for the press failed: nothing was sent
	ReasonLedger           Reason = "ledger"            // the intent could not be recorded: nothing was sent
	ReasonHeldBack         Reason = "held-back"         // RingCentral takes no more requests now: nothing was sent
	ReasonRestart          Reason = "restart"           // the program stopped before anything was sent
)

// Transfer is one attempt to join a pair.
type Transfer struct {
	Ends
	ID      string `json:"id"`      // unique; the key of its ledger entries
	Attempt int    `json:"attempt"` // 1 for the first press on these ends
	Phase   Phase  `json:"phase"`

	Customer       string `json:"customer,omitempty"`
	CustomerNumber string `json:"customerNumber,omitempty"`
	CustomerFar    string `json:"customerFar,omitempty"` // the customer's party
	Consult        string `json:"consult,omitempty"`
	ConsultNumber  string `json:"consultNumber,omitempty"`
	ConsultFar     string `json:"consultFar,omitempty"` // the consult's party
	Held           Since  `json:"held,omitzero"`        // when the customer was put on hold
	Talking        Since  `json:"talking,omitzero"`     // when the consult answered
	Why            Why    `json:"why,omitempty"`

	Began    time.Time `json:"began"`
	Checked  time.Time `json:"checked,omitzero"`
	Sent     time.Time `json:"sent,omitzero"`
	Answered time.Time `json:"answered,omitzero"` // when the bridge request ended, whatever the answer
	Doubted  time.Time `json:"doubted,omitzero"`  // no proof in time: both sessions are read again
	Accepted time.Time `json:"accepted,omitzero"`
	Settled  time.Time `json:"settled,omitzero"` // when it reached a named end

	Status    int    `json:"status,omitempty"`    // HTTP status of a refusal
	Code      string `json:"code,omitempty"`      // RingCentral's code of a refusal
	RequestID string `json:"requestId,omitempty"` // RingCentral's
	Reason    Reason `json:"reason,omitempty"`    // of an attempt that ended before it was sent

	// What is still true, by the board when the attempt settled.
	CustomerAlive bool `json:"customerAlive,omitempty"`
	CustomerHeld  bool `json:"customerHeld,omitempty"`
	ConsultAlive  bool `json:"consultAlive,omitempty"`
	PeerMismatch  bool `json:"peerMismatch,omitempty"`
}

// Phase is how far an attempt has come.
type Phase uint8

// The phases of an attempt; from Confirmed on it is settled.
const (
	PhaseNone Phase = iota
	Checking
	Sent
	Accepted
	Confirmed   // both own parties left, the customer's by AttendedTransfer
	Refused     // RingCentral said no
	Failed      // certainly never reached RingCentral
	Unconfirmed // no proof in time
	Abandoned   // a leg ended first
)

var phaseWords = [...]string{"none", "checking", "sent", "accepted", "confirmed", "refused", "failed", "unconfirmed", "abandoned"}

// String is the word used in JSON, metrics, logs and the ledger.
func (p Phase) String() string {
	if int(p) < len(phaseWords) {
		return phaseWords[p]
	}
	return phaseWords[PhaseNone]
}

// Settled reports whether the attempt has reached a named end.
func (p Phase) Settled() bool { return p >= Confirmed }

// End is how a consult around a held customer ended, for the day's list.
type End string

// The ends.
const (
	EndJoined      End = "joined"
	EndBack        End = "back" // the agent went back to the customer
	EndLost        End = "lost" // the customer left on hold
	EndUnconfirmed End = "unconfirmed"
	EndRefused     End = "refused"
	EndFailed      End = "failed"
	EndAbandoned   End = "abandoned"
)
