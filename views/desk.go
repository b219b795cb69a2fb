package views

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/static"
)

// JoinedFor is how long the joined panel stays.
const JoinedFor = 12 * time.Second

// Limits are the waits on hold from which a customer waits long and too long.
type Limits struct{ Long, TooLong time.Duration }

// Options are what a page needs beside its snapshot.
type Options struct {
	Supervisor bool           // show the way to the team page
	Demo       bool           // the "Simulated RingCentral" band
	PhonesURL  string         // of the demo's phones page; "" leaves the link out
	Theme      string         // "light", "dark", or "" for the browser's preference
	Limits     Limits         // zero: one and two minutes
	Zone       *time.Location // of times of day before the page's script sets the browser's own; nil: UTC
	Flash      *Problem       // what became of a press that was posted without script
}

func (o Options) filled() Options {
	if o.Limits == (Limits{}) {
		o.Limits = Limits{Long: time.Minute, TooLong: 2 * time.Minute}
	}
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	return o
}

// Desk is everything that the desk page shows at one moment. Its parts hold
// moments, not durations, so that two of them compare equal while only time
// passes.
type Desk struct {
	Options  Options
	Now      time.Time
	Revision uint64
	Status   Status
	Bar      Bar
	Customer Bay // the upper bay
	Reason   ReasonLine
	Joint    Joint
	Verdict  []Note // directly under Complete
	Consult  Bay    // the lower bay
	Notices  []Note // under the pair
	Others   []OtherCall
	Today    Today
	Clears   int64 // when the joined panel goes; 0: there is none
	Keys     Keys
	Tab      Tab
	Stream   string // URL of the page's stream, which names whose page it is
}

// Status is the strip in the header.
type Status struct {
	Name, Ext  string
	Word       string // "Live", "Connecting", … ; "" shows only how old the last word is
	Live       bool
	Old        bool  // over the stale limit: the age is the word
	Heard      int64 // last word of RingCentral; not part of what is compared
	Supervisor bool
}

// Bar is the ink bar under the header; the zero value is no bar.
type Bar struct {
	Head, Body Text
	Denied     []Note
}

// Role is which end of a transfer a call is; it decides the jack's shape.
type Role uint8

// The roles.
const (
	RoleCustomer Role = iota // round
	RoleConsult              // square
)

// BayKind is what stands in a bay.
type BayKind uint8

// The kinds of bay.
const (
	BayNone    BayKind = iota
	BayIdle            // no calls
	BayReading         // not known yet
	BayLeg
	BayEmpty // no second call
	BayPick  // a radio group
)

// Bay is one of the two ends of the board.
type Bay struct {
	Kind    BayKind
	Idle    Idle
	Role    Role
	Word    string // "Customer", "Colleague", …
	Plate   Plate
	Who     Person
	Session string
	Party   string
	Queue   string
	Jack    Jack
	Rail    Rail
	Clock   Clock
	Scale   bool
	Alarm   bool // the rescue lane, or a customer lost
	Ringing bool // rings at the agent: the ink strip
	Stale   bool
	Joined  bool
	Actions []Action
	Hints   []Hint
	Notes   []Note // whose cause is this call
	Pick    Pick
	Key     int // the digit that goes to this call
}

// Idle is what a board without calls says of itself; it never claims more than
// was reported.
type Idle struct {
	Title string
	Line  Text
}

// Hint is a line that helps to judge an end; a quiet one has room only on a
// wide page.
type Hint struct {
	Text  Text
	Quiet bool
}

// PlateKind is the border of a state word.
type PlateKind uint8

// The kinds of plate.
const (
	PlateOutline PlateKind = iota // talking
	PlateSolid                    // on hold
	PlateDashed                   // ringing, voicemail, old news
	PlateJade                     // joined
	PlateRed                      // alone on hold
)

// Plate is a state word with its border.
type Plate struct {
	Word string
	More string // left out where there is no room
	Kind PlateKind
}

// JackKind is the glyph in a jack.
type JackKind uint8

// The glyphs.
const (
	JackFree JackKind = iota
	JackHold
	JackTalk
	JackRing
	JackMailbox
	JackGone
	JackUnknown
	JackDone
)

// Jack is the drawn end of a cord.
type Jack struct {
	Kind   JackKind
	Square bool
	Dashed bool
	Red    bool
}

// CordKind says how sure we are of one piece of cord.
type CordKind uint8

// The kinds of cord.
const (
	CordNone CordKind = iota
	CordSolid
	CordHollow // that end is not ready
	CordDotted // old news, or unconfirmed
	CordCut
	CordSlack // one call only
)

// Rail is the cord beside one bay.
type Rail struct{ Cord CordKind }

// Clock counts from Since, unless it stopped.
type Clock struct {
	Since   int64 // 0: no clock
	AtLeast bool
	Stopped bool
	Value   time.Duration // when it stopped
	Word    Text          // under the digits
	Hold    bool          // grows long and too long
	Big     bool
	First   string // named when a limit is announced
}

// Action is one button of a bay: a form of its own.
type Action struct {
	Do     board.Action // "" for the copy button
	Word   string
	Off    string // why it is off; "" when it may be pressed
	Strong bool   // the rescue button
	Icon   string
	Fields []Field
	Copy   string
	Asked  bool
	Test   string
	Who    string // for the accessible name
	Key    string // the letter that presses it
}

// Field is a hidden field: what the agent saw.
type Field struct{ Name, Value string }

// ReasonLine is the fixed line above Complete.
type ReasonLine struct {
	Show bool
	Head Text // bold
	Text Text
	Cord CordKind
}

// JointKind is what stands in Complete's place.
type JointKind uint8

// The kinds of joint.
const (
	JointNone JointKind = iota
	JointGuide
	JointOff
	JointReady
	JointStale
	JointLocked
	JointSteps
	JointJoined
	JointUnconfirmed // a button again, in a dotted cord
)

// Joint is the middle of the board: Complete, or what stands in its place.
type Joint struct {
	Kind      JointKind
	Line      Text
	Under     Text // the numbers of both ends
	Fields    []Field
	Upper     CordKind // the half towards the customer
	Lower     CordKind
	Title     Text
	Steps     []Step
	Guide     []Text
	Done      int  // guide steps that are done
	Pick      bool // the picker's form belongs to it
	PickTexts PickTexts
}

// StepState is how far one step of a transfer is.
type StepState uint8

// The states of a step.
const (
	StepNext StepState = iota
	StepNow
	StepDone
)

// Step is one step of a transfer.
type Step struct {
	Word  string
	State StepState
	Took  string
}

// NoteKind is the shape of a notice.
type NoteKind uint8

// The kinds of note.
const (
	NotePlain NoteKind = iota
	NoteRefusal
	NoteQuestion
)

// Note is a notice at its place.
type Note struct {
	Code       string
	Kind       NoteKind
	Head, Body Text
	At         int64
}

// OtherCall is a live call that is not an end of the pair.
type OtherCall struct {
	Session, Party string
	Who            Person
	Jack           Jack
	State          string
	Clock          Clock
	Actions        []Action
	Key            int
}

// Pick is one radio group.
type Pick struct {
	Title, Note string
	Name        string // of the radio buttons
	Options     []PickOption
	Cannot      []Text
}

// PickOption is one call in a radio group.
type PickOption struct {
	Session, Party string
	Who            Person
	State          string
	Clock          Clock
	Say            Text // line two of Complete when only this one is chosen
	Likely         bool // sorts first; nothing is ever preselected
}

// PickTexts are line two of Complete for the states of the choice.
type PickTexts struct{ Neither, Both string }

// Today is the day's list.
type Today struct {
	Summary string
	Rows    []TodayRow
}

// TodayRow is one finished transfer.
type TodayRow struct {
	End     board.End
	Who, To Person
	Alone   bool // one name in a narrow list: the other is in the words
	Word    Text
	More    Text // where the second name has no column
	Held    string
	Consult string
	At      int64
}

// Keys says which keys do something now.
type Keys struct{ Complete, Back, Choose, Go bool }

// Tab is what the tab's title and icon say.
type Tab struct {
	Words string
	Since int64 // a running clock before the words; 0: none
	Alarm bool
	Icon  string
}

// NewDesk makes the desk page's model of a snapshot, as it is at now.
func NewDesk(s board.Snapshot, now time.Time, o Options) Desk {
	b := builder{s: s, now: now, o: o.filled(), stale: s.Feed.Stale(now)}
	return b.desk()
}

// DeskChange is when the model changes by itself, counted from now: when the
// joined panel clears or the feed turns stale. Zero means never.
func DeskChange(s board.Snapshot, now time.Time) time.Duration {
	var next time.Duration
	at := func(t time.Time) {
		if d := t.Sub(now); d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	if s.Feed.State == board.FeedLive {
		at(s.Feed.StaleAt().Add(time.Millisecond))
	}
	if a := s.Attempt; a != nil && a.Phase == board.Confirmed {
		at(a.Settled.Add(JoinedFor))
	}
	return next
}

type builder struct {
	s     board.Snapshot
	now   time.Time
	o     Options
	stale bool
}

// ends is what the pair's two bays are made of.
type ends struct {
	customer, consult       board.Leg
	hasCustomer, hasConsult bool
	c, k                    Person
}

func (b *builder) desk() Desk {
	d := Desk{Options: b.o, Now: b.now, Revision: b.s.Revision, Status: b.status(), Bar: b.bar(), Today: b.today(), Stream: b.stream("/desk/stream")}
	e := b.ends()
	switch {
	case b.joined() != nil:
		b.fillJoined(&d, e)
	case len(b.s.Choices) > 0 && b.s.Pair == nil && !b.underWay():
		b.fillPicker(&d)
	case e.hasCustomer && (e.hasConsult || b.lost(e) || b.rescued(e) || b.verdictStands()):
		b.fillPair(&d, e)
	case e.hasCustomer:
		b.fillOne(&d, e)
	default:
		b.fillIdle(&d)
	}
	d.Others = b.others(e)
	b.place(&d)
	d.Keys = b.keys(d)
	d.Tab = b.tab(d)
	return d
}

// stream is the URL of a page's stream.
func (b *builder) stream(path string) string {
	return path + "?for=" + url.QueryEscape(b.s.Owner.ExtensionID)
}

func (b *builder) status() Status {
	own := b.s.Owner
	st := Status{Name: CleanName(own.Name), Heard: ms(b.s.Feed.Heard), Supervisor: b.o.Supervisor}
	if own.ExtensionNumber != "" {
		st.Ext = FormatNumber(own.ExtensionNumber)
	}
	if st.Name == "" {
		st.Name, st.Ext = st.Ext, ""
	}
	switch b.s.Feed.State {
	case board.FeedLive:
		st.Live, st.Old = !b.stale, b.stale
		if st.Live {
			st.Word = wordLive
		}
	case board.FeedConnecting:
		st.Word = wordConnecting
	case board.FeedReconnecting:
		st.Old = true
	case board.FeedSignedOut:
		st.Word = wordSignedOut
	case board.FeedRefused:
		st.Word = wordNotLive
	}
	return st
}

func (b *builder) bar() Bar {
	head, body := feedSentence(b.s.Feed, b.stale)
	bar := Bar{Head: head, Body: body}
	for _, d := range b.s.Denied {
		h, t := deniedSentence(d)
		bar.Denied = append(bar.Denied, Note{Code: "denied-" + d.What, Kind: NoteRefusal, Head: h, Body: t})
	}
	return bar
}

// joined is the attempt whose success is still on the board.
func (b *builder) joined() *board.Transfer {
	a := b.s.Attempt
	if a == nil || a.Phase != board.Confirmed || b.now.Sub(a.Settled) >= JoinedFor {
		return nil
	}
	if b.s.Pair != nil && b.s.Pair.Ends != a.Ends {
		return nil
	}
	return a
}

func (b *builder) underWay() bool { return b.s.Attempt != nil && !b.s.Attempt.Phase.Settled() }

// verdictStands reports whether the newest attempt ended badly and is still
// worth the middle of the board.
func (b *builder) verdictStands() bool {
	a := b.s.Attempt
	return a != nil && a.Phase.Settled() && a.Phase != board.Confirmed && b.attemptFits(a)
}

// attemptFits reports whether an attempt is about what the board shows: its
// pair, or, without one, a call of it that lives.
func (b *builder) attemptFits(a *board.Transfer) bool {
	if b.s.Pair != nil {
		return b.s.Pair.Ends == a.Ends
	}
	for _, id := range []string{a.CustomerSession, a.ConsultSession} {
		if l, ok := b.s.Board.Leg(id); ok && l.Alive() {
			return true
		}
	}
	return !a.Phase.Settled() || b.s.Board.Alive() == 0
}

// ends chooses what stands in the two bays: the attempt that is under way, the
// pair, the two that would pair, a rescue, a customer just lost, or one call.
func (b *builder) ends() ends {
	s := b.s
	var cID, kID string
	switch a := s.Attempt; {
	case b.joined() != nil, b.underWay():
		cID, kID = a.CustomerSession, a.ConsultSession
	case s.Pair != nil:
		cID, kID = s.Pair.CustomerSession, s.Pair.ConsultSession
	case s.Rescue != nil:
		cID, kID = s.Rescue.SessionID, b.endedConsult()
	case b.verdictStands():
		cID, kID = a.CustomerSession, a.ConsultSession
	default:
		cID, kID = b.loose()
	}
	var e ends
	e.customer, e.hasCustomer = s.Board.Leg(cID)
	e.consult, e.hasConsult = s.Board.Leg(kID)
	e.c, e.k = farPerson(e.customer.Far), farPerson(e.consult.Far)
	if a := s.Attempt; a != nil && a.CustomerSession == cID && a.ConsultSession == kID {
		if !e.hasCustomer || e.c == (Person{First: wordTheCaller}) {
			e.c = NewPerson(a.Customer, a.CustomerNumber)
		}
		if !e.hasConsult || e.k == (Person{First: wordTheCaller}) {
			e.k = NewPerson(a.Consult, a.ConsultNumber)
		}
	}
	if s.Rescue != nil && s.Rescue.SessionID == cID && !e.hasConsult {
		e.k = farPerson(s.Rescue.Consult)
	}
	e.c, e.k = apart(e.c, e.k)
	return e
}

// endedConsult finds the leg whose end made the rescue.
func (b *builder) endedConsult() string {
	id := ""
	for _, l := range b.s.Board.Legs {
		if !l.Alive() && l.SessionID != b.s.Rescue.SessionID && !l.Ended.Before(b.s.Rescue.At.Add(-time.Second)) {
			id = l.SessionID
		}
	}
	return id
}

// loose finds what to show when no pair stands: two legs that wait for a hold,
// a customer who just left with the one still there, else the first call.
func (b *builder) loose() (customer, consult string) {
	if b.s.Readiness.Reason == board.ReasonNotHeld && b.s.Readiness.SessionID != "" {
		customer = b.s.Readiness.SessionID
		c, _ := b.s.Board.Leg(customer)
		for _, l := range b.s.Board.Legs {
			if l.Alive() && l.SessionID != customer && board.Takes(c, l) {
				consult = l.SessionID
			}
		}
		return customer, consult
	}
	for _, n := range b.s.Notices {
		l, ok := b.s.Board.Leg(n.SessionID)
		if n.Code != board.NoticeCustomerLeft || !ok || l.Alive() || b.s.Board.Alive() > 1 {
			continue
		}
		for _, k := range b.s.Board.Legs {
			if k.Alive() && board.Takes(l, k) {
				return n.SessionID, k.SessionID
			}
		}
		if b.s.Board.Alive() == 0 {
			return n.SessionID, ""
		}
	}
	best, rank := "", 0
	for _, l := range b.s.Board.Legs {
		if !l.Alive() {
			continue
		}
		r := 1
		switch {
		case l.OnHold():
			r = 4
		case l.State == telephony.Answered && l.Direction != telephony.Outbound:
			r = 3
		case l.State == telephony.Answered:
			r = 2
		}
		if r > rank {
			best, rank = l.SessionID, r
		}
	}
	return best, ""
}

// lost reports whether the customer in the upper bay is gone.
func (b *builder) lost(e ends) bool {
	return e.hasCustomer && !e.customer.Alive() && b.joined() == nil && !b.underWay()
}

// rescued reports whether the customer in the upper bay waits alone.
func (b *builder) rescued(e ends) bool {
	return e.hasCustomer && b.s.Alone != "" && b.s.Alone == e.customer.SessionID && e.customer.OnHold()
}

func (b *builder) fillIdle(d *Desk) {
	d.Customer = Bay{Kind: BayIdle}
	if b.s.Feed.State == board.FeedConnecting {
		d.Customer.Kind = BayReading
	}
	d.Customer.Stale = b.stale
	d.Customer.Idle = Idle{Title: idleTitle, Line: say(idleLine, nil)}
	switch {
	case b.s.Feed.State == board.FeedConnecting:
		d.Customer.Idle = Idle{Title: readingTitle, Line: say(readingLine, nil)}
	case b.stale && b.s.Feed.Heard.IsZero(), b.s.Feed.State == board.FeedRefused:
		d.Customer.Idle = Idle{Title: idleBlindTitle, Line: say(idleBlindLine, nil)}
	case b.stale:
		d.Customer.Idle.Line = say(idleOldLine, args{"at": timeRun(b.s.Feed.Heard)})
	}
}

func (b *builder) fillOne(d *Desk, e ends) {
	l := e.customer
	bay := b.leg(l, b.lonelyRole(l), e.c)
	bay.Key = 1
	if l.Alive() && !bay.Ringing && (l.State == telephony.Answered || l.OnHold()) {
		bay.Rail.Cord = CordSlack
		d.Joint = b.guide(l, e.c)
	}
	if b.stale && bay.Rail.Cord != CordNone {
		bay.Rail.Cord = CordDotted
	}
	d.Customer = bay
	d.Consult = Bay{Kind: BayEmpty, Role: RoleConsult}
}

func (b *builder) guide(l board.Leg, who Person) Joint {
	j := Joint{Kind: JointGuide}
	if l.OnHold() {
		j.Done = 1
		j.Guide = append(j.Guide, say(guideHeld, args{"who": who}))
	} else {
		j.Guide = append(j.Guide, say(guideHold, args{"who": who}))
	}
	j.Guide = append(j.Guide, say(guideCall, nil), say(guideJoin, nil))
	return j
}

// lonelyRole is the role of a call that has no partner: a colleague's call is
// square, every other one is a customer's.
func (b *builder) lonelyRole(l board.Leg) Role {
	if l.Far.Internal && !l.QueueCall {
		return RoleConsult
	}
	return RoleCustomer
}

func (b *builder) fillPair(d *Desk, e ends) {
	d.Customer = b.leg(e.customer, RoleCustomer, e.c)
	d.Customer.Key = 1
	lost, rescued := b.lost(e), b.rescued(e)
	switch {
	case e.hasConsult:
		d.Consult = b.leg(e.consult, RoleConsult, e.k)
		d.Consult.Key = 2
		if b.s.Rescue != nil && !e.consult.Alive() {
			d.Consult.Plate = Plate{Word: goneWord(e.consult, b.s.Rescue.Cause), Kind: PlateDashed}
		}
	case b.s.Rescue != nil:
		d.Consult = Bay{
			Kind: BayLeg, Role: RoleConsult, Word: roleWord(RoleConsult, board.Leg{Far: b.s.Rescue.Consult}), Who: e.k,
			Jack: Jack{Kind: JackGone, Square: true}, Plate: Plate{Word: goneWord(board.Leg{}, b.s.Rescue.Cause), Kind: PlateDashed},
		}
	default:
		d.Consult = Bay{Kind: BayEmpty, Role: RoleConsult}
	}

	d.Joint, d.Reason = b.joint(e), ReasonLine{Show: true, Cord: CordSolid}
	if rescued || lost {
		d.Customer.Alarm = true
		d.Customer.Rail.Cord = CordNone
		d.Reason.Cord = CordCut
		if rescued {
			d.Customer.Plate = Plate{Word: plateAlone, Kind: PlateRed}
			d.Customer.Jack.Red = true
		}
		d.Reason.Head, d.Reason.Text = b.aloneLine(e, lost)
	} else {
		d.Customer.Rail.Cord = d.Joint.Upper
		d.Reason.Cord = d.Joint.Upper
		d.Reason.Text = b.reasonText(e)
	}
	d.Consult.Rail.Cord = d.Joint.Lower
	if d.Consult.Kind == BayEmpty || e.hasConsult && !e.consult.Alive() || !e.hasConsult {
		d.Consult.Rail.Cord = CordNone
	}
	if rescued || lost {
		d.Joint.Upper, d.Joint.Lower = CordNone, CordNone
		d.Consult.Rail.Cord = CordNone
	}
	d.Verdict = b.verdict(e)
}

// aloneLine is what stands over Complete while a customer is alone or lost.
func (b *builder) aloneLine(e ends, lost bool) (head, text Text) {
	if lost {
		if !e.customer.LeftOnHold() {
			return nil, nil
		}
		return leftSentence(e.c, e.k, e.hasConsult && e.consult.Alive(), e.customer.HeldFor(b.now), e.customer.Held.AtLeast)
	}
	a := args{"who": e.k, "customer": e.c}
	text = say("No one is with {customer}.", a)
	if r := b.s.Rescue; r != nil {
		a["ago"] = agoRun(r.At)
		if r.Cause == board.NoticeConsultNone {
			switch goneWord(e.consult, r.Cause) {
			case plateDeclined:
				return say("{who} declined {ago} ago.", a), text
			case plateBusy:
				return say("{who} was busy, {ago} ago.", a), text
			}
			return say("{who} did not answer, {ago} ago.", a), text
		}
		return say("{who} left {ago} ago.", a), text
	}
	f := e.consult.Far
	at := f.Since.Time
	if at.IsZero() {
		at = e.consult.Since.Time
	}
	a["ago"] = agoRun(at)
	switch f.State {
	case board.FarVoicemail:
		return say("{who}'s voicemail answered {ago} ago.", a), text
	case board.FarFax:
		return say("A fax answered {ago} ago.", a), text
	default:
		return say("{who} left {ago} ago.", a), text
	}
}

func (b *builder) reasonText(e ends) Text {
	if b.underWay() {
		return say(askedOnce, nil)
	}
	if b.verdictStands() && b.s.Pair != nil && !e.customer.Far.Read.IsZero() && !e.consult.Far.Read.IsZero() {
		read := e.customer.Far.Read
		if e.consult.Far.Read.Before(read) {
			read = e.consult.Far.Read
		}
		since := b.s.Attempt.Settled.Add(-5 * time.Second)
		if b.s.Attempt.Phase == board.Unconfirmed {
			since = b.s.Attempt.Sent
		}
		if read.After(since) {
			return say(rereadBoth, args{"ago": agoRun(read)})
		}
	}
	p := b.s.Pair
	if p == nil {
		return nil
	}
	if b.stale && p.Bound {
		return say(pairedKept, args{"at": timeRun(p.Formed)})
	}
	return pairedSentence(p.Why, e.consult.Began, p.Formed)
}

func (b *builder) joint(e ends) Joint {
	s := b.s
	if b.underWay() {
		return b.steps()
	}
	j := Joint{Kind: JointOff, Upper: CordSolid, Lower: CordSolid, Title: say(completeTitle, nil)}
	if s.Pair != nil {
		j.Fields = completeFields(s)
	}
	who, other, isCustomer := e.k, e.c, false
	if s.Readiness.SessionID == e.customer.SessionID && e.hasCustomer {
		who, other, isCustomer = e.c, e.k, true
	}
	switch {
	case s.Feed.State == board.FeedSignedOut:
		j.Line, j.Upper, j.Lower = say(completeSignIn, nil), CordDotted, CordDotted
	case b.stale && s.Pair != nil && b.locked():
		j.Kind, j.Line, j.Upper, j.Lower = JointLocked, say(completeLocked, nil), CordDotted, CordDotted
	case b.stale && s.Pair != nil:
		j.Kind, j.Line, j.Upper, j.Lower = JointStale, say(completeStale, nil), CordDotted, CordDotted
	case s.Readiness.Ready && s.Pair != nil:
		j.Kind = JointReady
		j.Line = b.joinsLine(e)
		if a := s.Attempt; a != nil && a.Phase == board.Unconfirmed && a.Ends == s.Pair.Ends {
			j.Kind, j.Upper, j.Lower = JointUnconfirmed, CordDotted, CordDotted
			j.Line = say(completeAgain, args{"customer": full(e.c), "consult": full(e.k)})
		}
	default:
		reason := s.Readiness.Reason
		if s.Pair == nil && (b.lost(e) || b.rescued(e) || b.verdictStands()) {
			reason = board.ReasonEnded
			who, other, isCustomer = b.over(e)
		}
		j.Line = offSentence(reason, who, other, isCustomer)
		if reason == board.ReasonUnconfirmedStill || reason == board.ReasonLeft {
			j.Upper, j.Lower = CordDotted, CordDotted
			break
		}
		if isCustomer {
			j.Upper = CordHollow
		} else {
			j.Lower = CordHollow
		}
		if b.stale {
			j.Upper, j.Lower = CordDotted, CordDotted
		}
	}
	if j.pressable() {
		j.Under = underLine(e)
	}
	return j
}

// over is which end of a pair that is over has ended.
func (b *builder) over(e ends) (who, other Person, isCustomer bool) {
	if !e.customer.Alive() {
		return e.c, e.k, true
	}
	return e.k, e.c, false
}

// locked reports whether the read made for a press failed since the feed was lost.
func (b *builder) locked() bool {
	for _, n := range b.s.Notices {
		if n.Code == board.NoticeCheckFailed && !n.At.Before(b.s.Feed.Since) {
			return true
		}
	}
	return false
}

func (b *builder) joinsLine(e ends) Text {
	a := args{"customer": full(e.c), "consult": full(e.k)}
	if b.s.Pair.TwoOutside && e.consult.Direction != telephony.Outbound {
		return say(completeTwo, a)
	}
	return say(completeJoins, a)
}

// underLine puts the numbers beside the names on the button.
func underLine(e ends) Text {
	c, k := e.c.Under(), e.k.Under()
	switch {
	case c == "" && k == "":
		return nil
	case c == "":
		c = e.c.Label()
	case k == "":
		k = e.k.Label()
	}
	return Text{{Words: c, Kind: RunName}, {Words: " " + todayTo + " "}, {Words: k, Kind: RunName}}
}

func completeFields(s board.Snapshot) []Field {
	return []Field{
		{"customer_session", s.Pair.CustomerSession},
		{"customer_party", s.Pair.CustomerParty},
		{"consult_session", s.Pair.ConsultSession},
		{"consult_party", s.Pair.ConsultParty},
		{"revision", strconv.FormatUint(s.Revision, 10)},
	}
}

func legFields(s board.Snapshot, l board.Leg) []Field {
	return []Field{{"session", l.SessionID}, {"party", l.PartyID}, {"revision", strconv.FormatUint(s.Revision, 10)}}
}

// steps is the panel of an attempt that is under way.
func (b *builder) steps() Joint {
	a := b.s.Attempt
	j := Joint{Kind: JointSteps, Upper: CordSolid, Lower: CordSolid, Title: say(joiningTitle, nil)}
	at := 0
	switch a.Phase {
	case board.Sent:
		at, j.Line = 1, say(joiningSent, nil)
	case board.Accepted:
		at, j.Line = 2, say(joiningAccepted, nil)
	default:
		j.Line = say(joiningChecking, nil)
	}
	j.Steps = transferSteps(a, at)
	if b.stale {
		j.Upper, j.Lower = CordDotted, CordDotted
	}
	return j
}

// transferSteps are the four steps; now is the one under way, 4 when all are done.
func transferSteps(a *board.Transfer, now int) []Step {
	times := [...]struct {
		word     string
		from, to time.Time
	}{
		{stepChecked, a.Began, a.Checked},
		{stepSent, a.Checked, a.Sent},
		{stepAccepted, a.Sent, a.Accepted},
		{stepConfirmed, a.Accepted, a.Settled},
	}
	steps := make([]Step, 0, len(times))
	for i, t := range times {
		st := Step{Word: t.word, State: StepNext}
		if !t.to.IsZero() && !t.from.IsZero() && (i <= now) {
			st.Took = tenths(t.to.Sub(t.from))
		}
		switch {
		case i < now:
			st.State = StepDone
		case i == now:
			st.State = StepNow
		}
		if st.Took == "" {
			switch {
			case i == 0:
				st.Took = stepChecking
			case i >= now:
				st.Took = stepWaiting
			}
		}
		steps = append(steps, st)
	}
	return steps
}

func (b *builder) fillJoined(d *Desk, e ends) {
	a := b.joined()
	d.Customer = Bay{
		Kind: BayLeg, Role: RoleCustomer, Word: wordCustomer, Who: e.c, Queue: CleanName(e.customer.Queue), Session: a.CustomerSession,
		Plate: Plate{Word: plateJoined, Kind: PlateJade}, Jack: Jack{Kind: JackTalk}, Rail: Rail{CordSolid}, Joined: true, Key: 1,
		Actions: copyAction(e.c),
	}
	if !a.Held.IsZero() {
		d.Customer.Clock = Clock{
			Since: ms(a.Held.Time), AtLeast: a.Held.AtLeast, Stopped: true, Value: a.Settled.Sub(a.Held.Time), Word: say(clockWasHeld, nil), Hold: true,
		}
		d.Customer.Scale = true
	}
	d.Consult = Bay{
		Kind: BayLeg, Role: RoleConsult, Word: roleWord(RoleConsult, e.consult), Who: e.k, Session: a.ConsultSession,
		Plate: Plate{Word: plateJoined, Kind: PlateJade}, Jack: Jack{Kind: JackTalk, Square: true}, Rail: Rail{CordSolid}, Joined: true, Key: 2,
	}
	took := a.Settled.Sub(a.Began)
	facts := args{"held": span(a.Settled.Sub(a.Held.Time), a.Held.AtLeast), "took": tenths(took), "consult": wordWithheld}
	line := joinedFacts
	if a.Talking.IsZero() || a.Held.IsZero() {
		line = "Joined in {took}."
	} else {
		facts["consult"] = span(a.Settled.Sub(a.Talking.Time), a.Talking.AtLeast)
		d.Consult.Clock = Clock{
			Since: ms(a.Talking.Time), AtLeast: a.Talking.AtLeast, Stopped: true, Value: a.Settled.Sub(a.Talking.Time), Word: say(clockConsulted, nil),
		}
	}
	d.Reason = ReasonLine{Show: true, Text: say(line, facts), Cord: CordSolid}
	d.Joint = Joint{
		Kind: JointJoined, Upper: CordSolid, Lower: CordSolid,
		Title: say(joinedTitle, args{"at": timeRun(a.Settled)}),
		Line:  say(joinedLine, args{"customer": full(e.c), "consult": full(e.k)}),
		Steps: transferSteps(a, 4),
	}
	d.Clears = ms(a.Settled.Add(JoinedFor))
}

// verdict is the notice under Complete: how the newest attempt on this pair ended.
func (b *builder) verdict(e ends) []Note {
	a := b.s.Attempt
	if a == nil || !b.verdictStands() {
		return nil
	}
	head, body := verdictSentence(a, b.stillTrue(a), e.c, e.k)
	if head == nil {
		return nil
	}
	n := Note{Code: "transfer-" + a.Phase.String(), Kind: NoteRefusal, Head: head, Body: body, At: ms(a.Settled)}
	if a.Phase == board.Unconfirmed {
		n.Kind = NoteQuestion
	}
	return []Note{n}
}

// stillTrue is what the board says now of an attempt's calls; of one that it no
// longer shows, what it said when the attempt ended.
func (b *builder) stillTrue(a *board.Transfer) still {
	now := still{customer: a.CustomerAlive, held: a.CustomerHeld, consult: a.ConsultAlive, read: true}
	if l, ok := b.s.Board.Leg(a.CustomerSession); ok {
		now.customer = l.Alive() && l.PartyID == a.CustomerParty
		now.held = now.customer && l.OnHold()
		now.read = now.read && (!l.Alive() || l.Far.Read.After(a.Sent))
	}
	if l, ok := b.s.Board.Leg(a.ConsultSession); ok {
		now.consult = l.Alive() && l.PartyID == a.ConsultParty
		now.read = now.read && (!l.Alive() || l.Far.Read.After(a.Sent))
	}
	return now
}

// leg is the bay of one call.
func (b *builder) leg(l board.Leg, role Role, who Person) Bay {
	bay := Bay{
		Kind: BayLeg, Role: role, Word: roleWord(role, l), Who: who, Queue: CleanName(l.Queue),
		Session: l.SessionID, Party: l.PartyID, Stale: b.stale,
	}
	st := b.legState(l, who)
	bay.Plate, bay.Jack, bay.Clock, bay.Scale, bay.Ringing = st.plate, st.jack, st.clock, st.scale, st.ringing
	bay.Jack.Square = role == RoleConsult
	if !l.Alive() {
		bay.Party = "" // nothing can be asked of it any more
	}
	if bay.Alarm = l.LeftOnHold() && role == RoleCustomer; bay.Alarm {
		bay.Jack.Red = true
	}
	if role == RoleConsult {
		bay.Clock.Big, bay.Scale = false, false
	}
	if b.stale && l.Alive() {
		bay.Plate.Kind = PlateDashed
		bay.Jack.Kind, bay.Jack.Dashed = JackUnknown, true
		if bay.Clock.Since != 0 && !bay.Clock.Stopped {
			bay.Clock.Stopped = true
			bay.Clock.Value = b.s.Feed.Heard.Sub(time.UnixMilli(bay.Clock.Since))
			bay.Clock.Word = say(clockAsOf, args{"at": timeRun(b.s.Feed.Heard)})
			bay.Clock.Hold = false
		}
	}
	bay.Actions = b.actions(l, role, who)
	if l.Alive() && role == RoleConsult && l.Far.State == board.FarAnswered && !l.Far.Answered.IsZero() && !b.stale {
		if l.Far.Internal {
			bay.Hints = append(bay.Hints, Hint{say(answeredHint, args{"at": timeRun(l.Far.Answered.Time)}), true})
		} else if l.Direction == telephony.Outbound {
			bay.Hints = append(bay.Hints, Hint{Text: say(outsideHint, args{"clock": clockRun(l.Far.Answered.Time)})})
		}
	}
	return bay
}

func roleWord(role Role, l board.Leg) string {
	switch {
	case role == RoleCustomer:
		return wordCustomer
	case l.Far.Internal:
		return wordColleague
	case l.Direction == telephony.Outbound:
		return wordOutside
	}
	return wordCaller
}

type legState struct {
	plate   Plate
	jack    Jack
	clock   Clock
	scale   bool
	ringing bool
}

// legState is a call's plate, glyph and clock.
func (b *builder) legState(l board.Leg, who Person) legState {
	clock := func(s board.Since, word string) Clock {
		return Clock{Since: ms(s.Time), AtLeast: s.AtLeast, Word: say(word, nil), First: who.First}
	}
	orBegan := func(s board.Since) board.Since {
		if s.IsZero() {
			return board.Since{Time: l.Began}
		}
		return s
	}
	switch {
	case !l.Alive():
		st := legState{plate: Plate{Word: plateGone, Kind: PlateDashed}, jack: Jack{Kind: JackGone}}
		if l.LeftOnHold() {
			st.plate = Plate{Word: "Left after " + span(l.HeldFor(l.Ended), l.Held.AtLeast), Kind: PlateRed}
			st.clock = Clock{Since: ms(l.Held.Time), AtLeast: l.Held.AtLeast, Stopped: true, Value: l.HeldFor(l.Ended), Word: say(clockWasHeld, nil), Hold: true, Big: true}
			st.scale = true
		}
		return st
	case l.Supervising:
		return legState{plate: Plate{Word: plateSupervise, Kind: PlateDashed}, jack: Jack{Kind: JackTalk}, clock: clock(orBegan(l.Answered), clockTalking)}
	case l.Conference:
		return legState{plate: Plate{Word: plateConference, Kind: PlateDashed}, jack: Jack{Kind: JackTalk}, clock: clock(orBegan(l.Answered), clockTalking)}
	case l.Moving():
		return legState{plate: Plate{Word: plateMoving, Kind: PlateDashed}, jack: Jack{Kind: JackUnknown, Dashed: true}, clock: clock(orBegan(l.Since), clockSince)}
	case l.State == telephony.Hold:
		c := clock(orBegan(l.Held), clockOnHold)
		c.Hold, c.Big = true, true
		return legState{plate: Plate{Word: plateHold, Kind: PlateSolid}, jack: Jack{Kind: JackHold}, clock: c, scale: true}
	case l.State == telephony.Parked, l.Far.State == board.FarParked:
		return legState{plate: Plate{Word: plateParked, Kind: PlateDashed}, jack: Jack{Kind: JackHold, Dashed: true}, clock: clock(orBegan(l.Since), clockSince)}
	case l.Direction == telephony.Inbound && l.Answered.IsZero() && l.State != telephony.Answered:
		c := clock(board.Since{Time: l.Began}, clockRinging)
		c.Big = true
		return legState{plate: Plate{Word: plateRinging, Kind: PlateDashed}, jack: Jack{Kind: JackRing}, clock: c, ringing: true}
	}
	return b.farState(l, clock, orBegan)
}

// farState is the state of a call that the agent is in, by its other side.
func (b *builder) farState(l board.Leg, clock func(board.Since, string) Clock, orBegan func(board.Since) board.Since) legState {
	began := board.Since{Time: l.Began}
	switch l.Far.State {
	case board.FarAnswered:
		since := l.Far.Answered
		if since.IsZero() || l.Direction != telephony.Outbound {
			since = orBegan(l.Answered)
		}
		return legState{plate: Plate{Word: plateTalking, More: plateWithYou, Kind: PlateOutline}, jack: Jack{Kind: JackTalk}, clock: clock(since, clockTalking)}
	case board.FarHolding:
		return legState{plate: Plate{Word: plateYouHeld, Kind: PlateDashed}, jack: Jack{Kind: JackHold}, clock: clock(orBegan(l.Far.Since), clockSince)}
	case board.FarRinging:
		return legState{plate: Plate{Word: plateRinging, Kind: PlateDashed}, jack: Jack{Kind: JackRing}, clock: clock(began, clockRinging)}
	case board.FarWaiting:
		return legState{plate: Plate{Word: plateCalling, Kind: PlateDashed}, jack: Jack{Kind: JackRing, Dashed: true}, clock: clock(began, clockRinging)}
	case board.FarVoicemail:
		return legState{plate: Plate{Word: plateVoicemail, Kind: PlateDashed}, jack: Jack{Kind: JackMailbox}, clock: clock(orBegan(l.Far.Since), clockRecording)}
	case board.FarFax:
		return legState{plate: Plate{Word: plateFax, Kind: PlateDashed}, jack: Jack{Kind: JackUnknown}, clock: clock(orBegan(l.Far.Since), clockSince)}
	case board.FarSeveral:
		return legState{plate: Plate{Word: plateSeveral, Kind: PlateDashed}, jack: Jack{Kind: JackTalk}, clock: clock(orBegan(l.Answered), clockTalking)}
	case board.FarLeft:
		return legState{plate: Plate{Word: plateLeft, Kind: PlateDashed}, jack: Jack{Kind: JackGone}, clock: clock(orBegan(l.Far.Since), clockSince)}
	case board.FarUnknown, board.FarParked, board.FarOther:
	}
	return legState{plate: Plate{Word: plateUnknown, Kind: PlateDashed}, jack: Jack{Kind: JackUnknown, Dashed: true}, clock: clock(orBegan(l.Since), clockSince)}
}

// goneWord tells a declined call from one that nobody answered.
func goneWord(l board.Leg, cause board.NoticeCode) string {
	if cause != board.NoticeConsultNone {
		return plateLeft
	}
	switch l.Reason {
	case "Rejected":
		return plateDeclined
	case "TargetBusy":
		return plateBusy
	}
	return plateNoAnswer
}

func copyAction(who Person) []Action {
	if !strings.HasPrefix(who.Number, "+") {
		return nil
	}
	return []Action{{Word: actionCopy, Copy: who.Number, Test: "copy", Who: who.Label()}}
}

// actions are the buttons of a call. Back to customer is always the first of
// the customer's card.
func (b *builder) actions(l board.Leg, role Role, who Person) []Action {
	if !l.Alive() {
		return copyAction(who)
	}
	off := ""
	switch {
	case b.underWay() && b.s.Attempt.Names(l.SessionID):
		off = "off while these calls are being joined"
	case b.s.Feed.State == board.FeedSignedOut:
		off = "off until you sign in again"
	case b.stale && b.locked():
		off = "off until the calls are read again"
	case l.Moving():
		off = "off while the call changes device"
	}
	press := func(do board.Action, word, test string, fields []Field) Action {
		a := Action{Do: do, Word: word, Off: off, Fields: fields, Test: test, Who: who.Label()}
		for _, asked := range b.s.Asked {
			if asked.Action == do && asked.SessionID == l.SessionID {
				a.Asked = true
				a.Off = actionAsked
			}
		}
		return a
	}
	var list []Action
	inPair := b.s.Pair != nil && b.s.Pair.CustomerSession == l.SessionID
	switch {
	case l.OnHold() && role == RoleCustomer && inPair:
		back := press(board.ActionBack, actionBack, "back", completeFields(b.s))
		back.Icon, back.Key, back.Strong = "back", "b", b.s.Alone == l.SessionID
		list = append(list, back)
	case l.OnHold() && role == RoleCustomer && b.s.Alone == l.SessionID:
		back := press(board.ActionUnhold, actionBack, "back", legFields(b.s, l))
		back.Icon, back.Key, back.Strong = "back", "b", true
		list = append(list, back)
	case l.OnHold():
		un := press(board.ActionUnhold, actionUnhold, "unhold", legFields(b.s, l))
		if role == RoleCustomer {
			un.Key = "b"
		}
		list = append(list, un)
	case l.State == telephony.Answered && l.Far.State == board.FarAnswered && role == RoleCustomer:
		list = append(list, press(board.ActionHold, actionHold, "hold", legFields(b.s, l)))
		list = append(list, copyAction(who)...)
	}
	if role == RoleConsult && l.State != telephony.Proceeding {
		word := actionHangUp
		if b.s.Pair != nil && b.s.Pair.ConsultSession == l.SessionID {
			word = actionEndConsult
			if l.Far.State == board.FarVoicemail {
				word = actionEndMailbox
			}
		}
		list = append(list, press(board.ActionHangUp, word, "hangup", legFields(b.s, l)))
	}
	return list
}

func (b *builder) fillPicker(d *Desk) {
	var custs, cons []PickOption
	var cannot []Text
	held := 0
	for _, ch := range b.s.Choices {
		l, ok := b.s.Board.Leg(ch.SessionID)
		if !ok {
			continue
		}
		who := farPerson(l.Far)
		if ch.Not != board.ReasonNone {
			cannot = append(cannot, say(pickCannot, args{"who": full(who), "why": choiceWhy(ch.Not)}))
			continue
		}
		st := b.legState(l, who)
		st.clock.Big, st.clock.Hold = false, false
		o := PickOption{Session: ch.SessionID, Party: ch.PartyID, Who: who, State: st.plate.lower(), Clock: st.clock}
		if b.stale {
			o.Clock.Stopped, o.Clock.Value = true, b.s.Feed.Heard.Sub(time.UnixMilli(o.Clock.Since))
		}
		if ch.Customer {
			if l.OnHold() {
				held++
			}
			o.Say = say(pickOffConsult, args{"who": who})
			o.Likely = ch.LikelyCustomer
			custs = append(custs, o)
		}
		if ch.Consult {
			o.Say = say(pickOffCustomer, args{"who": who})
			o.Likely = ch.LikelyConsult
			cons = append(cons, o)
		}
	}
	chooseFields := []Field{{"revision", strconv.FormatUint(b.s.Revision, 10)}}
	for _, ch := range b.s.Choices {
		chooseFields = append(chooseFields, Field{"party_" + ch.SessionID, ch.PartyID})
	}
	slices.SortStableFunc(custs, likelyFirst)
	slices.SortStableFunc(cons, likelyFirst)
	d.Customer = Bay{Kind: BayPick, Role: RoleCustomer, Pick: Pick{Title: pickCustomer, Note: strings.ReplaceAll(pickOnHold, "{count}", plural(held, "call", "calls")), Name: "customer_session", Options: custs}}
	d.Consult = Bay{Kind: BayPick, Role: RoleConsult, Pick: Pick{Title: pickConsult, Note: strings.ReplaceAll(pickCould, "{count}", strconv.Itoa(len(cons))), Name: "consult_session", Options: cons, Cannot: cannot}}
	d.Joint = Joint{
		Kind: JointOff, Title: say(completeTitle, nil), Line: say(pickOffNeither, nil), Upper: CordHollow, Lower: CordHollow, Pick: true,
		PickTexts: PickTexts{Neither: pickOffNeither, Both: pickOffBoth},
		Fields:    chooseFields,
	}
	if b.s.Feed.State == board.FeedSignedOut {
		d.Joint.Line = say(completeSignIn, nil)
	}
	d.Reason = ReasonLine{Show: true, Text: say(threeCalls, args{"count": countWord(b.s.Board.Alive())}), Cord: CordHollow}
}

// likelyFirst sorts the options that the board suggests before the others.
func likelyFirst(a, b PickOption) int {
	switch {
	case a.Likely == b.Likely:
		return 0
	case a.Likely:
		return -1
	}
	return 1
}

func (b *builder) others(e ends) []OtherCall {
	if len(b.s.Choices) > 0 && b.s.Pair == nil && b.joined() == nil && !b.underWay() {
		return nil
	}
	var list []OtherCall
	for _, l := range b.s.Board.Legs {
		if !l.Alive() || e.hasCustomer && l.SessionID == e.customer.SessionID || e.hasConsult && l.SessionID == e.consult.SessionID {
			continue
		}
		who := farPerson(l.Far)
		role := b.lonelyRole(l)
		st := b.legState(l, who)
		o := OtherCall{Session: l.SessionID, Party: l.PartyID, Who: who, Jack: st.jack, State: st.plate.lower(), Clock: st.clock, Key: len(list) + 3}
		o.Jack.Square, o.Clock.Big, o.Clock.Hold = role == RoleConsult, false, false
		if b.stale {
			o.Clock.Stopped, o.Clock.Value = true, b.s.Feed.Heard.Sub(time.UnixMilli(o.Clock.Since))
			o.Jack.Kind, o.Jack.Dashed = JackUnknown, true
		}
		for _, a := range b.actions(l, role, who) {
			if a.Copy == "" {
				a.Key = ""
				o.Actions = append(o.Actions, a)
			}
		}
		list = append(list, o)
	}
	return list
}

// place puts each notice where its cause is.
func (b *builder) place(d *Desk) {
	for _, n := range b.s.Notices {
		if b.saidElsewhere(n, d) {
			continue
		}
		head, body := noticeSentence(n)
		note := Note{Code: string(n.Code), Head: head, Body: body, At: ms(n.At), Kind: noteKind(n.Code)}
		switch {
		case n.Args.Action == board.ActionComplete && d.Joint.Kind != JointNone:
			d.Verdict = append(d.Verdict, note)
		case n.SessionID != "" && n.SessionID == d.Customer.Session:
			d.Customer.Notes = append(d.Customer.Notes, note)
		case n.SessionID != "" && n.SessionID == d.Consult.Session:
			d.Consult.Notes = append(d.Consult.Notes, note)
		default:
			d.Notices = append(d.Notices, note)
		}
	}
}

// saidElsewhere reports whether the board itself already says what a notice says.
func (b *builder) saidElsewhere(n board.Notice, d *Desk) bool {
	switch n.Code {
	case board.NoticeConsultLeft, board.NoticeConsultNone:
		return b.s.Rescue != nil && d.Customer.Alarm
	case board.NoticeCustomerLeft:
		return d.Customer.Alarm && d.Customer.Session == n.SessionID && len(d.Reason.Head) > 0
	case board.NoticePeerMismatch:
		return len(d.Verdict) > 0
	default:
		return false
	}
}

func noteKind(c board.NoticeCode) NoteKind {
	switch c {
	case board.NoticeCustomerLeft, board.NoticeActionRefused, board.NoticeActionUnsent, board.NoticePressHold, board.NoticeHangUpOnPhone,
		board.NoticeCheckFailed, board.NoticeChanged, board.NoticeJoining, board.NoticeBusy, board.NoticeNotReady, board.NoticePeerMismatch:
		return NoteRefusal
	case board.NoticeActionUnseen:
		return NoteQuestion
	case board.NoticeConsultLeft, board.NoticeConsultNone, board.NoticeLiveAgain, board.NoticeMissed, board.NoticeElsewhere:
	}
	return NotePlain
}

func (b *builder) today() Today {
	var t Today
	var counts []struct {
		end board.End
		n   int
	}
	for _, r := range b.s.Today {
		row := TodayRow{
			End: r.End, Who: NewPerson(r.Name, r.Number), Alone: r.End == board.EndBack || r.End == board.EndLost, Held: span(r.Held, r.HeldAtLeast), At: ms(r.At),
		}
		if r.To != "" || r.ToNumber != "" {
			row.To = NewPerson(r.To, r.ToNumber)
		}
		row.Word, row.More = endSentence(r.End, row.To), endMore(r.End, row.To)
		if r.Consult > 0 {
			row.Consult = mmss(r.Consult)
		}
		t.Rows = append(t.Rows, row)
		found := false
		for i := range counts {
			if counts[i].end == r.End {
				counts[i].n++
				found = true
			}
		}
		if !found {
			counts = append(counts, struct {
				end board.End
				n   int
			}{r.End, 1})
		}
	}
	var parts []string
	for _, end := range endOrder() {
		for _, c := range counts {
			if c.end == end {
				parts = append(parts, countEnd(c.n, end))
			}
		}
	}
	t.Summary = strings.Join(parts, ", ")
	return t
}

func endOrder() []board.End {
	return []board.End{board.EndJoined, board.EndBack, board.EndLost, board.EndUnconfirmed, board.EndRefused, board.EndFailed, board.EndAbandoned}
}

func (b *builder) keys(d Desk) Keys {
	k := Keys{Complete: d.Joint.Kind == JointReady, Choose: d.Joint.Pick, Go: d.Customer.Kind == BayLeg}
	for _, a := range d.Customer.Actions {
		if a.Key == "b" && a.Off == "" {
			k.Back = true
		}
	}
	return k
}

// tab is the browser tab's title: the running wait of the customer, first name,
// state; the icon changes its form.
func (b *builder) tab(d Desk) Tab {
	t := Tab{Words: product, Icon: static.IconIdle}
	c := d.Customer
	switch {
	case c.Kind == BayPick:
		t.Words = "Choose both ends"
		t.Icon = static.IconHold
	case c.Kind != BayLeg:
	case d.Joint.Kind == JointJoined:
		t.Words = c.Who.First + " joined to " + d.Consult.Who.First
		t.Icon = static.IconReady
	case c.Alarm && c.Clock.Stopped:
		t.Words, t.Alarm, t.Icon = c.Who.First+" left", true, static.IconAlone
	case c.Alarm:
		t.Words, t.Since, t.Alarm, t.Icon = c.Who.First+" alone", c.Clock.Since, true, static.IconAlone
	case c.Ringing:
		t.Words, t.Icon = c.Who.First+" rings", static.IconRing
	case c.Plate.Word == plateHold:
		t.Words, t.Since, t.Icon = c.Who.First+" on hold", c.Clock.Since, static.IconHold
		if d.Joint.Kind == JointReady {
			t.Icon = static.IconReady
		}
	default:
		t.Words, t.Since = c.Who.First, c.Clock.Since
	}
	if c.Stale {
		t.Since = 0
	}
	return t
}
