package rcsim

import (
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/coder/websocket"

	"github.com/cordboard/cordboard/rc/rcsim/phones"
)

// ErrExposed is returned by Start for an address that others can reach.
var ErrExposed = errors.New("rcsim: the address is not loopback; set Options.Exposed to allow it")

// Options shape a Server; the zero value is the documented behaviour of RingCentral on the demo account.
type Options struct {
	// Seed makes ids and tokens repeatable; zero picks one (it is shown in the state).
	Seed uint64
	// Now is the clock of tokens, limits and events; nil means time.Now. Timers (ring, ping) run on real time.
	Now func() time.Time
	// Log gets one line per refused or faulted request, without secrets; nil discards.
	Log *slog.Logger
	// Record gets every exchange with a client; it may run under the server's lock and must not call the server. Nil
	// costs nothing. RecordTo writes a file, rc/rcsim/conform checks against RingCentral's OpenAPI document.
	Record func(Exchange)
	// Account replaces the demo account.
	Account *Account
	// Guests may sign in but belong to another account: each names its AccountID.
	Guests []User
	// PublicURL is the base of the gateway's address in wstoken answers; empty takes the request's Host.
	PublicURL string
	// Exposed allows other hosts than loopback names on the control API and on Start.
	Exposed bool
	// Phones is the phones page; nil means the built-in one.
	Phones fs.FS

	// RingTimeout is how long a phone rings before voicemail; zero means 25 s, negative for ever.
	RingTimeout time.Duration
	// NoVoicemail ends an unanswered or declined call instead of sending it to the mailbox.
	NoVoicemail bool
	// QueueInOrder rings a queue's members one after another; by default every idle member rings at once.
	QueueInOrder bool
	// AutoRecord records every call of an extension from its answer on; AutoRecordFixed refuses to pause it (403 TAS-115).
	AutoRecord, AutoRecordFixed bool
	// ConferenceWait is how long a conference waits for its host before it ends; zero means 38 s, negative for ever.
	ConferenceWait time.Duration
	// NoAutoHold lets a phone talk on two calls at once; by default answering, dialling or unholding holds the other call.
	NoAutoHold bool
	// EventDelay is the time between a change and its notification (recorded streams show 14 to 115 ms).
	EventDelay time.Duration

	// ActiveCallsLag is how far active-calls is behind the truth: 5 s (RingCentral says 3 to 10 s), negative for not at all.
	ActiveCallsLag time.Duration
	// ActiveCallsKept is how long active-calls shows a call that is over: 120 s.
	ActiveCallsKept time.Duration

	// Limits are the usage-plan limits; zero fields take the documented values, which an app's real ones may not be (11.14).
	Limits Limits
	// AccessTTL, RefreshTTL and CodeTTL are the token lifetimes: 1 h, 7 days, 60 s.
	AccessTTL, RefreshTTL, CodeTTL time.Duration
	// RefreshGrace is how long an old refresh token still answers after the new access token was used: 10 s.
	RefreshGrace time.Duration
	// RefreshUnused is how long it answers while the new access token was never used: 60 min.
	RefreshUnused time.Duration
	// SessionTimeout and SessionIdleTimeout are what an administrator may set; zero is no limit. The first ends an OAuth session
	// for good, the second one that nobody has used for so long.
	SessionTimeout, SessionIdleTimeout time.Duration
	// MaxOAuthSessions per person and app; one more ends the oldest: 5.
	MaxOAuthSessions int

	// WSTokenTTL is the life of a gateway token: 30 s (RingCentral's sources say 30, 60 and 600 s: API sheet 11.14).
	WSTokenTTL time.Duration
	// SingleUseWSToken refuses a gateway token that has opened a socket before.
	SingleUseWSToken bool
	// RecoveryTimeout and RecoveryBuffer bound session recovery: 180 s, 100 frames.
	RecoveryTimeout time.Duration
	RecoveryBuffer  int
	// RecoveryPause separates ConnectionDetails from the first replayed frame: 60 ms.
	RecoveryPause time.Duration
	// PingEvery and PongWithin are the gateway's own liveness check: 30 s, 10 s.
	PingEvery, PongWithin time.Duration
	// IdleTimeout and AbsoluteTimeout end a socket with WSG-902 and WSG-903: 1800 s, 86400 s.
	IdleTimeout, AbsoluteTimeout time.Duration

	// Assume changes what nobody documents.
	Assume Assumptions

	// Faults, EventFaults and RefuseRecovery are set from the beginning, and again by Reset; ClearFaults ends them.
	Faults         map[string]Fault
	EventFaults    []EventFault
	RefuseRecovery bool
}

// Limits are requests per window and group for one person and one app; a negative number is no limit.
type Limits struct {
	Light, Medium, Heavy, Auth int           // 50, 40, 10, 5
	Window                     time.Duration // 60 s, sliding
	Penalty                    time.Duration // 60 s; each request inside restarts it
}

// Unlimited are limits that never refuse.
func Unlimited() Limits { return Limits{Light: -1, Medium: -1, Heavy: -1, Auth: -1} }

// Assumptions are the unknowns of the API sheet's section 11; each zero value is the assumed behaviour.
type Assumptions struct {
	// OAuthTableStatus (2.5): errors of the OAuth endpoints have the status that RingCentral's list of codes gives them (401,
	// 403); assumed 400 for all, as the OpenAPI document declares.
	OAuthTableStatus bool
	// BridgeEvents (11.1): which notifications the two own parties give.
	BridgeEvents BridgeEvents
	// BridgeNewParty (11.1): the person of the body's call goes on as a new party in the path's session, and is Gone in the
	// old one, which ends; assumed no new party, and both sessions live on. Who still rings, and a mailbox, stay where they are.
	BridgeNewParty bool
	// BridgeNeedsHold and BridgeNeedsAnswered (11.2): the path leg must be in Hold, the body leg in Answered, else refused as a
	// wrong state; assumed either leg may be either.
	BridgeNeedsHold, BridgeNeedsAnswered bool
	// BridgeRefusal (11.2) is the status of a bridge of parties in a wrong state; zero means 409.
	BridgeRefusal int
	// BridgeRinging (11.3): a consult that still rings may be bridged (semi-attended); assumed 409.
	BridgeRinging bool
	// FiltersForAll (11.5): every extension and the account filter for everybody; assumed own, admin, monitored.
	FiltersForAll bool
	// FilterRefusal403 (11.5): a filter that is not allowed refuses the subscription; assumed disabledFilters.
	FilterRefusal403 bool
	// OthersMayControl (11.6): a person may control parties of others; assumed 403 TAS-106.
	OthersMayControl bool
	// SessionReadable (11.7): how long a finished session can be read; zero means 60 s.
	SessionReadable time.Duration
	// SocketDiesOnExpiry (11.8): a socket ends with the access token that opened it; assumed it lives as its OAuth session.
	SocketDiesOnExpiry bool
	// SocketOutlivesSession (11.8): a socket stays open when its OAuth session ends, and is useless; assumed it is closed (1008).
	SocketOutlivesSession bool
	// SocketCloseCode (11.8) is the close code of a socket that the gateway ends, but for a missing token (4400) and the faults
	// that cut one; zero means 1008.
	SocketCloseCode int
	// SocketsPerPerson (11.9): maxConnectionsPerSession counts the sockets of a person and app; assumed those of an OAuth session.
	SocketsPerPerson bool
	// MaxFilters (11.10) is how many filters a subscription may have, more are 400 SUB-508; assumed any number.
	MaxFilters int
	// MaxFilterLength (11.10) is how many bytes a filter may have, longer ones are 400 SUB-508; assumed any number.
	MaxFilterLength int
	// TokenSharedBySockets (10.1): sockets that one gateway token opened live side by side; assumed the second closes the first.
	TokenSharedBySockets bool
	// BusyRefused (10.4): a request above maxActiveRequests in flight is answered 429; assumed it waits its turn.
	BusyRefused bool
	// HoldStandAlone (11.15): REST hold sets standAlone; assumed not.
	HoldStandAlone bool
	// DeletePartyHangsUp (11.16): DELETE party on an ordinary call hangs the party up; assumed 403 TAS-106.
	DeletePartyHangsUp bool
	// DropNeedsLiveParty: DELETE session only by somebody who is still in the call; assumed anybody who was ever in it.
	DropNeedsLiveParty bool
	// VoicemailSameParty (7.5, 7.6): the ringing party itself turns VoiceMail; assumed it is Disconnected and a new party is VoiceMail.
	VoicemailSameParty bool
	// UnholdShowsAnswered (4.2): REST unhold of a party that the phone still holds shows Answered; assumed it still shows Hold.
	UnholdShowsAnswered bool
	// DNDShowsAvailable: who takes no calls (DoNotAcceptAnyCalls) has presenceStatus Available; assumed Busy.
	DNDShowsAvailable bool
	// WatchedByOwnName: notifications of lines and favourites name the watched extension's presence in event; assumed the
	// watcher's own line or favourite presence, as the filter does.
	WatchedByOwnName bool
	// SequenceFromOne (11.12): the first event of a session has sequence 1; assumed 2.
	SequenceFromOne bool
	// SequenceGaps (11.12): every event skips a number, as if something unseen happened in between; assumed the next number.
	SequenceGaps bool
	// NotFoundCode (11.4) is the error code of a session or party that is gone or never was; empty means CMN-102.
	NotFoundCode string
	// UnauthorizedCode (11.4) is the error code of every 401 of the API; empty means one that says why (OAU-128, OAU-213 …).
	UnauthorizedCode string
	// SuperviseRefusal (11.4) is the code of the 403 for a supervisor outside the group, a second supervisor, an offline
	// device; empty means TAS-106.
	SuperviseRefusal string
	// OfflineDeviceRefusal (11.4) is the code of the 403 for a call-out from an offline device; empty means TAS-106.
	OfflineDeviceRefusal string
	// WebDevices (11.13): answer, ignore, pickup, call-out and supervise take ids of webapp-devices; assumed 400 CMN-101.
	WebDevices bool
	// ParkLeavesParty (11.11, 7.7): who parks is Disconnected and a party of the slot is Parked; assumed their own party is Parked.
	ParkLeavesParty bool
	// PickupFromSlots (11.11): REST pickup takes calls from slots (*801) too; assumed only from a park location, else 403 TAS-106.
	PickupFromSlots bool
	// QueueWithoutReasons (11.11): members of a queue whose phones stop ringing leave without a reason; assumed AgentAnswered
	// when another one took the call, else AgentDropped.
	QueueWithoutReasons bool
	// VoicemailTransferReason (11.11, 7.5): who transfers or forwards to a mailbox leaves with reason Voicemail; assumed BlindTransfer.
	VoicemailTransferReason bool
	// ReplyThenVoicemail: the caller who was answered with a text goes to the mailbox; assumed the call ends.
	ReplyThenVoicemail bool
	// SuperviseInSession (11.11, 7.9): the supervisor's party lives in the supervised session; assumed it is Gone/Supervising
	// there, with its peer in a session of the call to the supervisor's device.
	SuperviseInSession bool
	// CallOutAutoAnswer: the device of a call-out answers by itself; assumed it rings until somebody picks it up.
	CallOutAutoAnswer bool
	// ConferenceParticipantGone (7.8): a Participant turns Gone with its peer in the original call, as in a recording; assumed
	// it stays Answered until it leaves.
	ConferenceParticipantGone bool
	// ConferenceOutlivesHost: a conference goes on when its host hangs up; assumed it ends.
	ConferenceOutlivesHost bool
	// OffsetTimes: presence startTime is written with +0000 as in old recordings; assumed Z.
	OffsetTimes bool
}

// BridgeEvents says which notifications follow a bridge for the two parties that leave.
type BridgeEvents string

// The ways a bridge may be told.
const (
	BridgeBothGone           BridgeEvents = ""                   // both Gone/AttendedTransfer, each with peerId
	BridgeNoPeer             BridgeEvents = "noPeer"             // both Gone, no peerId
	BridgeSecondDisconnected BridgeEvents = "secondDisconnected" // path party Gone, body party Disconnected
	BridgeFirstOnly          BridgeEvents = "firstOnly"          // only the path party's event is sent
	BridgeSecondOnly         BridgeEvents = "secondOnly"         // only the body party's event is sent
	BridgeSecondFirst        BridgeEvents = "secondFirst"        // both, the body party's first
)

func (o Options) withDefaults() Options {
	set(&o.RingTimeout, 25*time.Second)
	set(&o.ConferenceWait, 38*time.Second)
	set(&o.Limits.Light, 50)
	set(&o.Limits.Medium, 40)
	set(&o.Limits.Heavy, 10)
	set(&o.Limits.Auth, 5)
	set(&o.Limits.Window, time.Minute)
	set(&o.Limits.Penalty, time.Minute)
	set(&o.ActiveCallsLag, 5*time.Second)
	set(&o.ActiveCallsKept, 2*time.Minute)
	set(&o.AccessTTL, time.Hour)
	set(&o.RefreshTTL, 7*24*time.Hour)
	set(&o.CodeTTL, time.Minute)
	set(&o.RefreshGrace, 10*time.Second)
	set(&o.RefreshUnused, time.Hour)
	set(&o.MaxOAuthSessions, 5)
	set(&o.WSTokenTTL, 30*time.Second)
	set(&o.RecoveryTimeout, 3*time.Minute)
	set(&o.RecoveryBuffer, 100)
	set(&o.RecoveryPause, 60*time.Millisecond)
	set(&o.PingEvery, 30*time.Second)
	set(&o.PongWithin, 10*time.Second)
	set(&o.IdleTimeout, 30*time.Minute)
	set(&o.AbsoluteTimeout, 24*time.Hour)
	set(&o.Assume.SessionReadable, time.Minute)
	set(&o.Assume.BridgeRefusal, http.StatusConflict)
	set(&o.Assume.SocketCloseCode, int(websocket.StatusPolicyViolation))
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Phones == nil {
		o.Phones = phones.FS
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Account == nil {
		a := DemoAccount()
		o.Account = &a
	}
	return o
}

func set[T comparable](p *T, v T) {
	var zero T
	if *p == zero {
		*p = v
	}
}

// loopbackAddress reports whether a listen address can be reached from this machine only.
func loopbackAddress(addr string) bool {
	host, _, err := net.SplitHostPort(addr)
	return err == nil && loopbackHost(host)
}

// loopbackHost reports whether a host name or address means this machine.
func loopbackHost(host string) bool {
	host = strings.ToLower(strings.Trim(host, "[]"))
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}
