// Package telephony holds what RingCentral says of calls, as it says it:
// sessions, their parties, the state of each party, and the notifications
// that report a change of state.
//
// Decoding is lenient by contract: unknown words and unknown fields never
// make a value undecodable. An unknown state word decodes to CodeUnknown and is
// kept verbatim in Status.Word, so that a caller can count it and still show
// that the call exists. Values hold no pointers into the decoder's input and
// may be shared between goroutines as long as nobody writes to them.
//
// Names and meanings follow RingCentral's "Telephony Session Notifications"
// guide and the CallSession schemas of its OpenAPI document.
package telephony

import (
	"strings"
	"time"
)

// Code is the state of one party. The zero value is CodeUnknown.
type Code uint8

// The states of a party. Disconnected and Gone are terminal.
const (
	CodeUnknown        Code = iota
	Setup                   // request received, or the target's rules started
	Proceeding              // ringing
	Answered                // connected; on an internal call the caller's party says so before the other phone rings
	Hold                    // this party put the call on hold
	Parked                  // waiting in a park slot
	VoiceMail               // a mailbox took the call
	VoiceMailScreening      // a mailbox took the call and the callee listens
	FaxReceive              // a fax took the call
	Disconnected            // left; terminal
	Gone                    // left through another call: transfer, merge, monitoring; terminal
	Tds                     // in RingCentral's list without a meaning
)

var codeWords = [...]string{
	CodeUnknown: "Unknown", Setup: "Setup", Proceeding: "Proceeding", Answered: "Answered", Hold: "Hold",
	Parked: "Parked", VoiceMail: "VoiceMail", VoiceMailScreening: "VoiceMailScreening", FaxReceive: "FaxReceive",
	Disconnected: "Disconnected", Gone: "Gone", Tds: "Tds",
}

// ParseCode reads a state word in any case and in either spelling that
// RingCentral uses for the mailbox states; any other word is CodeUnknown.
func ParseCode(word string) Code {
	if strings.EqualFold(word, "VMScreening") {
		return VoiceMailScreening
	}
	for c, w := range codeWords {
		if Code(c) != CodeUnknown && strings.EqualFold(word, w) {
			return Code(c)
		}
	}
	return CodeUnknown
}

// String is RingCentral's word for the state.
func (c Code) String() string {
	if int(c) < len(codeWords) {
		return codeWords[c]
	}
	return codeWords[CodeUnknown]
}

// Terminal reports whether a party in this state has left for good.
func (c Code) Terminal() bool { return c == Disconnected || c == Gone }

// Mailbox reports whether a mailbox, not a person, took the call.
func (c Code) Mailbox() bool { return c == VoiceMail || c == VoiceMailScreening }

// MarshalText writes RingCentral's word.
func (c Code) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// UnmarshalText reads a state word and never fails.
func (c *Code) UnmarshalText(b []byte) error { *c = ParseCode(string(b)); return nil }

// Reasons that the product acts on; the set is open (Status.Reason is verbatim).
const (
	ReasonAttendedTransfer = "AttendedTransfer"
	ReasonSupervising      = "Supervising"
	ReasonConference       = "Conference"
	ReasonPickup           = "Pickup"
	ReasonCallSwitch       = "CallSwitch"
)

// Direction of a party, seen from the platform: Outbound parties call into it
// (an outside customer too), Inbound parties are called by it.
type Direction uint8

// The directions; the zero value means that none was reported.
const (
	DirectionUnknown Direction = iota
	Outbound
	Inbound
)

// Peer names the party of another session that a cross call leads to.
type Peer struct {
	SessionID string `json:"telephonySessionId,omitempty"` // telephony session id, "s-…"
	PartyID   string `json:"partyId,omitempty"`            // party id, "p-…"
}

// Status is the state of a party as reported.
type Status struct {
	Code        Code
	Word        string // the state word verbatim; "" when the patch carried no state
	Reason      string // verbatim; usually ""
	Description string
	ParkData    string // "*801" while parked in a slot
	Peer        Peer   // zero when none was reported
}

// Endpoint is one side of a party's call: who it is from or to.
type Endpoint struct {
	PhoneNumber string // E.164, or a short extension number
	Name        string // hostile text: shown only after cleaning
	ExtensionID string // "" for the outside
	DeviceID    string
}

// Recording is one recording of a party.
type Recording struct {
	ID     string
	Active bool   // false while it is paused
	Mode   string // "Automatic" or "OnDemand" in the answer of a recording operation, else ""
}

// Party is one end of a session. In an event it is a patch by ID: an absent
// field (zero value, or nil for the pointers) leaves the older value in force.
type Party struct {
	ID             string
	AccountID      string // owner's account; "" for the outside
	ExtensionID    string // owner's extension; "" for the outside and for other accounts
	Direction      Direction
	From, To       Endpoint
	Status         Status
	Muted          *bool
	StandAlone     *bool
	MissedCall     *bool
	QueueCall      *bool
	QueueName      string      // of uiCallInfo, when its type is QueueName
	Recordings     []Recording // nil when nothing was said of them
	ParkID         string
	ConferenceRole string // "Host", "Participant" or ""
	RingOutRole    string
	RingMeRole     string
}

// Session is one call with all its parties, as a session read answers it. A
// read carries no sequence.
type Session struct {
	ID      string
	Origin  string // "Call", "Conference", "CallOut", …
	Created time.Time
	Parties []Party
}

// Event is one telephony session notification: patches of a session's parties.
type Event struct {
	Sequence      int64 // rises per session over all its parties; gaps mean nothing
	SessionID     string
	LegacyID      string // numeric session id, "0" for conferences
	At            time.Time
	Origin        string
	Parties       []Party
	AccountID     string // owner of the filter or of the parties, from body or envelope
	ExtensionID   string
	Notification  string    // uuid of the notification
	Sent          time.Time // envelope timestamp
	UnknownFields int       // top-level body fields that this package does not know
}

// Presence is the call part of a presence answer or notification.
type Presence struct {
	ExtensionID     string
	ExtensionNumber string
	Sequence        int64 // 0 in REST answers
	PresenceStatus  string
	TelephonyStatus string // "NoCall", "Ringing", "CallConnected", "OnHold", "ParkedCall" or ""
	UserStatus      string
	DndStatus       string
	ActiveCalls     []ActiveCall
}

// ActiveCall is one call of a presence; at most the seven latest are listed.
type ActiveCall struct {
	SessionID       string // telephony session id
	LegacyID        string
	PartyID         string
	Direction       Direction
	QueueCall       bool
	From, FromName  string
	To, ToName      string
	Started         time.Time
	TelephonyStatus string
}

// Notification is one decoded ServerNotification: exactly one of Event and
// Presence is set, or neither for a filter that this package does not know.
type Notification struct {
	UUID           string
	Filter         string // the envelope's event, real ids in it
	SubscriptionID string
	OwnerID        string
	Sent           time.Time
	Event          *Event
	Presence       *Presence
}
