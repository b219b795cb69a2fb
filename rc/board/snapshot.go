package board

import (
	"cmp"
	"time"
)

// Snapshot is what one desk shows at one revision. It is a value and the only
// thing that crosses instances; it is stored and sent as JSON.
type Snapshot struct {
	Owner     Owner     `json:"owner"`
	Revision  uint64    `json:"revision"` // rises with every change of what is shown
	At        time.Time `json:"at"`       // when it was made, by RingCentral's clock
	Feed      Feed      `json:"feed"`
	Board     Board     `json:"board"`
	Pair      *Pair     `json:"pair,omitempty"` // what a transfer would join, or nil
	Readiness Readiness `json:"readiness"`
	Choices   []Choice  `json:"choices,omitempty"` // set when the agent must choose both ends by name
	Alone     string    `json:"alone,omitempty"`   // session of a customer on hold whose consult failed or is a mailbox
	Rescue    *Rescue   `json:"rescue,omitempty"`  // why, when the consult is over
	Attempt   *Transfer `json:"attempt,omitempty"` // the unsettled attempt, else the newest one while its outcome is worth showing
	Asked     []Asked   `json:"asked,omitempty"`   // requests whose effect is not reported yet
	Notices   []Notice  `json:"notices,omitempty"` // newest first
	Today     []Record  `json:"today,omitempty"`   // the person's transfers of the last 24 hours, newest first
	// Denied is what RingCentral refuses this person (a missing scope or role).
	Denied []Denied `json:"denied,omitempty"`
	// Supervisor: the person monitors colleagues and has a team page.
	Supervisor bool `json:"supervisor,omitempty"`
}

// Feed says how fresh a board is.
type Feed struct {
	State  FeedState     `json:"state"`
	Heard  time.Time     `json:"heard,omitzero"` // last frame or pong
	Since  time.Time     `json:"since,omitzero"` // start of the state
	Try    int           `json:"try,omitempty"`  // of reconnecting
	Missed time.Duration `json:"missed,omitempty"`
	// Until is when RingCentral's usage limits let it connect again, where they
	// are what it waits for.
	Until time.Time `json:"until,omitzero"`
	// Ahead is how far this server's clock is ahead of RingCentral's, as far as
	// is known; every time of a snapshot is by RingCentral's.
	Ahead time.Duration `json:"ahead,omitempty"`
	// Why is the reason of FeedSignedOut, as far as RingCentral tells it.
	Why SignedOut `json:"why,omitempty"`
	// Patience is how long it may be silent before its board is old news; 0 means
	// StaleAfter.
	Patience time.Duration `json:"patience,omitempty"`
}

// Clock is what RingCentral's clock shows when this server's shows now.
func (f Feed) Clock(now time.Time) time.Time { return now.Add(-f.Ahead) }

// FeedState is the state of the server-side subscription.
type FeedState uint8

// The states of a feed.
const (
	FeedConnecting   FeedState = iota // first connection, nothing read yet
	FeedLive                          // subscribed, and every call read
	FeedReconnecting                  // lost, trying again
	FeedSignedOut                     // the grant ended: sign in again
	FeedRefused                       // RingCentral refuses the subscription: see Denied
)

// SignedOut says why a person's grant ended.
type SignedOut string

// The reasons why a grant ended; "" is one that RingCentral does not tell.
const (
	SignedOutElsewhere SignedOut = "elsewhere" // ended at RingCentral, or displaced by newer sign-ins
	SignedOutTime      SignedOut = "time"      // it ran out: not used for days, or an administrator's limit
	SignedOutRole      SignedOut = "role"      // the person's role no longer allows the app
)

var feedWords = [...]string{"connecting", "live", "reconnecting", "signed-out", "refused"}

// String is the word used in JSON, metrics and logs.
func (f FeedState) String() string {
	if int(f) < len(feedWords) {
		return feedWords[f]
	}
	return feedWords[FeedConnecting]
}

// StaleAfter is how long a feed may be silent before its board is old news.
const StaleAfter = 45 * time.Second

// Stale reports whether nothing may be decided from the board at now.
func (f Feed) Stale(now time.Time) bool {
	return f.State != FeedLive || now.After(f.StaleAt())
}

// StaleAt is the last moment at which a live feed that stays silent is trusted.
func (f Feed) StaleAt() time.Time { return f.Heard.Add(cmp.Or(f.Patience, StaleAfter)) }

// Asked is a request that RingCentral accepted or may have received, shown as
// "asked for …" until the effect is reported.
type Asked struct {
	Action    Action    `json:"action"`
	SessionID string    `json:"session"`
	At        time.Time `json:"at"`
}

// Action is a button of the desk.
type Action string

// The actions of a desk.
const (
	ActionComplete Action = "complete"
	ActionBack     Action = "back"
	ActionHold     Action = "hold"
	ActionUnhold   Action = "unhold"
	ActionHangUp   Action = "hangup"
	ActionChoose   Action = "choose"
	ActionReread   Action = "reread"
)

// Denied is one thing that RingCentral does not allow: Scope is an app scope
// (who grants it: the app's owner), Permission a role permission (the account's
// administrator); either may be empty.
type Denied struct {
	What       string `json:"what"` // "telephony-events", "presence", "call-control", "monitoring-groups", "websocket"
	Code       string `json:"code,omitempty"`
	Scope      string `json:"scope,omitempty"`
	Permission string `json:"permission,omitempty"`
}

// Notice is something that happened and is worth a sentence. Place says where
// on the page its cause is.
type Notice struct {
	ID        string     `json:"id"`
	Code      NoticeCode `json:"code"`
	At        time.Time  `json:"at"`
	SessionID string     `json:"session,omitempty"`
	Args      Args       `json:"args,omitzero"`
}

// Args are what a sentence may name. Names and numbers are as reported, and
// hostile.
type Args struct {
	Name         string        `json:"name,omitempty"` // the one the notice is about
	Number       string        `json:"number,omitempty"`
	Other        string        `json:"other,omitempty"` // the other end, when it is still there
	OtherNumber  string        `json:"otherNumber,omitempty"`
	OtherSession string        `json:"otherSession,omitempty"`
	Held         time.Duration `json:"held,omitempty"`
	HeldAtLeast  bool          `json:"heldAtLeast,omitempty"`
	For          time.Duration `json:"for,omitempty"`
	Action       Action        `json:"action,omitempty"`
	Reason       Reason        `json:"reason,omitempty"`
	Status       int           `json:"status,omitempty"` // HTTP status of a refusal
	Code         string        `json:"code,omitempty"`   // RingCentral's code
	RequestID    string        `json:"requestId,omitempty"`
	CustomerHeld bool          `json:"customerHeld,omitempty"` // the customer is still on hold
	ConsultThere bool          `json:"consultThere,omitempty"` // the consult is still there
}

// NoticeCode names a notice.
type NoticeCode string

// The notices.
const (
	NoticeCustomerLeft  NoticeCode = "customer-left"    // Name, Number, Held, Other
	NoticeConsultLeft   NoticeCode = "consult-left"     // Name; Other = customer, CustomerHeld
	NoticeConsultNone   NoticeCode = "consult-none"     // consult ended without an answer (declined, no answer): Name; Other = customer
	NoticeActionRefused NoticeCode = "action-refused"   // Action, Name, Status, Code
	NoticeActionUnsent  NoticeCode = "action-unsent"    // Action, Name: never reached RingCentral
	NoticeActionUnseen  NoticeCode = "action-unseen"    // Action, Name: asked, not reported after 10 s; re-read
	NoticePressHold     NoticeCode = "press-hold"       // unhold had no effect: press Hold on your phone
	NoticeHangUpOnPhone NoticeCode = "hang-up-phone"    // hang-up not sent: Name
	NoticeCheckFailed   NoticeCode = "check-failed"     // the read made for a press failed: Action
	NoticeChanged       NoticeCode = "changed"          // this changed while you pressed; nothing was sent
	NoticeJoining       NoticeCode = "joining"          // a transfer of this call is under way: nothing was sent
	NoticeBusy          NoticeCode = "busy"             // another request for this call is under way: nothing was sent
	NoticeNotReady      NoticeCode = "not-ready"        // Reason: a transfer was pressed that cannot be made now; nothing was sent
	NoticeLiveAgain     NoticeCode = "live-again"       // For = what was missed
	NoticeMissed        NoticeCode = "missed"           // a call rang and was not taken: Name, Number
	NoticePeerMismatch  NoticeCode = "peer-mismatch"    // RingCentral says the call went elsewhere
	NoticeElsewhere     NoticeCode = "joined-elsewhere" // the transfer was made on the phone, not by Cordboard: Name, Other
)

// Record is one finished transfer, or a consult that ended otherwise.
type Record struct {
	At          time.Time     `json:"at"`
	Name        string        `json:"name,omitempty"` // customer
	Number      string        `json:"number,omitempty"`
	To          string        `json:"to,omitempty"` // consult
	ToNumber    string        `json:"toNumber,omitempty"`
	End         End           `json:"end"`
	Held        time.Duration `json:"held"`
	HeldAtLeast bool          `json:"heldAtLeast,omitempty"`
	Consult     time.Duration `json:"consult,omitempty"`
}

// Team is what a supervisor's page shows at one revision.
type Team struct {
	Owner    Owner     `json:"owner"`
	Revision uint64    `json:"revision"`
	At       time.Time `json:"at"`
	Feed     Feed      `json:"feed"`
	Groups   []string  `json:"groups,omitempty"` // names of the call monitoring groups
	Members  []Member  `json:"members,omitempty"`
	Denied   []Denied  `json:"denied,omitempty"`
	Over     bool      `json:"over,omitempty"` // the owner no longer monitors anybody
}

// Member is one monitored colleague.
type Member struct {
	Owner    Owner    `json:"owner"`
	Groups   []string `json:"groups,omitempty"`
	Reported bool     `json:"reported"` // false: RingCentral refuses this colleague's events (Why)
	Why      string   `json:"why,omitempty"`
	Board    Board    `json:"board"`
	Pair     *Pair    `json:"pair,omitempty"`
	Stage    Stage    `json:"stage"`
	Since    Since    `json:"since,omitzero"` // start of the stage
	// Last is the pair that was joined a short while ago.
	Last *Joined `json:"last,omitempty"`
}

// Joined is a pair that RingCentral reported as joined.
type Joined struct {
	Customer Leg       `json:"customer"`
	Consult  Leg       `json:"consult"`
	At       time.Time `json:"at"`
}

// Stage is how far a colleague's transfer has come.
type Stage uint8

// The stages, in the order of a transfer.
const (
	StageFree    Stage = iota // no call
	StageTalking              // calls, none on hold
	StageRinging              // a call rings, and nobody is on hold
	StageHolding              // a customer on hold, no second call
	StageConsultRinging
	StageConsulting
	StageAlone  // a customer on hold; the consult failed, or is a voicemail
	StageJoined // both ends left by an attended transfer within 30 s
)

var stageWords = [...]string{"free", "talking", "ringing", "holding", "consult-ringing", "consulting", "alone", "joined"}

// String is the word used in JSON and tests.
func (s Stage) String() string {
	if int(s) < len(stageWords) {
		return stageWords[s]
	}
	return stageWords[StageFree]
}

// Claim is a press: what the person saw when they pressed. It is checked
// against the desk and never trusted.
type Claim struct {
	Action    Action `json:"action"`
	Ends      Ends   `json:"ends,omitzero"`     // complete, back, choose: the pair that was shown
	SessionID string `json:"session,omitempty"` // hold, unhold, hangup, reread: the leg that was shown
	PartyID   string `json:"party,omitempty"`
	Revision  uint64 `json:"revision"` // of the snapshot that was shown
}
