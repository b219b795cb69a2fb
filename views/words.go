package views

import (
	"maps"
	"strconv"
	"time"

	"github.com/cordboard/cordboard/rc/board"
)

// The catalogue: every word that a page shows is in this file. {key} stands
// for an argument, *…* is bold. Plain words, short sentences, names before
// numbers; an error says what happened, what is still true, what to do.
const (
	product = "Cordboard"

	wordWithheld       = "number withheld"
	wordAtLeast        = "at least"
	wordTheCaller      = "the caller"
	wordTheCallerFirst = "The caller" // where a sentence begins with it
	wordCopied         = "Copied:"

	wordCustomer  = "Customer"
	wordColleague = "Colleague"
	wordOutside   = "Outside number"
	wordCaller    = "Outside caller"

	wordLive       = "Live"
	wordConnecting = "Connecting"
	wordOld        = "old"
	wordSignedOut  = "Signed out"
	wordNotLive    = "Not live"

	plateRinging    = "Ringing"
	plateCalling    = "Calling"
	plateTalking    = "Talking"
	plateWithYou    = "with you"
	plateHold       = "On hold"
	plateAlone      = "Alone on hold"
	plateYouHeld    = "Has you on hold"
	plateVoicemail  = "Voicemail"
	plateFax        = "Fax"
	plateParked     = "Parked"
	plateSeveral    = "Several people"
	plateUnknown    = "Not known yet"
	plateMoving     = "Changing device"
	plateLeft       = "Left"
	plateGone       = "Ended"
	plateNoAnswer   = "No answer"
	plateDeclined   = "Declined"
	plateBusy       = "Busy"
	plateJoined     = "Joined"
	plateSupervise  = "You supervise"
	plateConference = "Conference"

	clockRinging   = "ringing"
	clockTalking   = "talking"
	clockOnHold    = "on hold"
	clockLong      = "on hold, long"
	clockTooLong   = "too long"
	clockRecording = "recording"
	clockWasHeld   = "was on hold"
	clockConsulted = "consulted"
	clockSince     = "since then"
	clockAsOf      = "as of {at}"

	scaleLong    = "long"
	scaleTooLong = "too long"

	actionHold       = "Put on hold"
	actionUnhold     = "Take off hold"
	actionBack       = "Back to customer"
	actionHangUp     = "Hang up"
	actionEndConsult = "Hang up consult"
	actionEndMailbox = "Hang up voicemail"
	actionCopy       = "Copy number"
	actionReread     = "Read the calls again"
	actionPair       = "Pair these two calls"
	actionAsked      = "asked, not reported yet"

	idleTitle      = "No calls"
	idleLine       = "A call shows here as it rings."
	idleOldLine    = "That was at {at}, when RingCentral was last heard."
	idleBlindTitle = "Not known"
	idleBlindLine  = "RingCentral does not report your calls."
	readingTitle   = "Reading your calls"
	readingLine    = "They show here as soon as RingCentral names them."
	answerTitle    = "Answer on your phone"
	answerLine     = "It carries the sound, and it answers."
	noSecond       = "No second call"
	guideTitle     = "To transfer this call"
	guideHold      = "Put {who} on hold."
	guideHeld      = "{who} is on hold."
	guideCall      = "Call a colleague from your phone."
	guideJoin      = "Speak with them, then join the two here."
	completeTitle  = "Complete transfer"
	completeJoins  = "joins {customer} to {consult}"
	completeTwo    = "joins two outside callers: {customer} to {consult}"
	completeAgain  = "asks again: joins {customer} to {consult}"
	completeStale  = "Will check with RingCentral first"
	completeLocked = "Locked: RingCentral could not be read for your last press."
	completeSignIn = "Off: sign in again to use the buttons."
	outsideHint    = "Outside number, answered {clock} ago. RingCentral cannot tell a person from a voicemail."
	answeredHint   = "Answered at {at}, not by voicemail."

	pairedOnly      = "Paired: your only call on hold, and the call you made {ago} ago."
	pairedColleague = "Paired: your only call on hold, and your only call with a colleague."
	pairedChosen    = "Paired: you chose both ends at {at}."
	pairedKept      = "Kept pair: chosen at {at}."
	rereadBoth      = "Both calls were read again {ago} ago."
	askedOnce       = "Asked once. It is never sent twice by itself."
	joinedFacts     = "On hold {held}, consult {consult}, joined in {took}."
	threeCalls      = "{count} calls: nothing is guessed. Your choice stays when calls come and go."
	clearsIn        = "This clears in {left}."
	keepHere        = "Keep it here"
	keptHere        = "This stays until you close it."
	keptClose       = "Close"

	pickCustomer     = "Who is the customer?"
	pickConsult      = "Who takes the call?"
	pickOnHold       = "{count} on hold"
	pickCould        = "{count} could"
	pickOther        = "already the other end"
	pickOffNeither   = "Off: choose the customer, and who takes the call."
	pickOffConsult   = "Off: choose who takes {who}'s call."
	pickOffCustomer  = "Off: choose whose call {who} takes."
	pickOffBoth      = "Off: both ends are chosen. Press Space to pair them."
	pickCannot       = "{who}: {why}"
	whyNotSupervise  = "you are only listening to this call."
	whyNotConference = "a conference cannot be an end."
	whyNotMoving     = "this call changes device."
	whyNotAnswered   = "not answered yet."

	stepChecked      = "Checked"
	stepSent         = "Sent"
	stepAccepted     = "Accepted"
	stepConfirmed    = "Confirmed"
	stepWaiting      = "waiting"
	stepChecking     = "checking"
	joiningTitle     = "Joining…"
	joiningChecking  = "Reading both calls once more. Nothing is sent yet."
	joiningSent      = "Asked RingCentral. Not accepted yet."
	joiningAccepted  = "RingCentral accepted. Not joined until both calls are seen to leave you."
	joinedTitle      = "Joined at {at}"
	joinedLine       = "{customer} and {consult} are talking. You have left both calls."
	unconfirmedTitle = "Unconfirmed"

	todayTitle   = "Today"
	todayNone    = "No transfers yet today."
	todayHeld    = "held"
	todayTo      = "to"
	colTime      = "Time"
	colCustomer  = "Customer"
	colTo        = "To"
	colHeld      = "Held"
	colConsult   = "Consult"
	colEnded     = "Ended"
	othersTitle  = "Other calls"
	othersNote   = "A new call never moves the pair. Answer it on your phone, or let it go to the queue."
	keysTitle    = "Keys"
	keysAll      = "All keys"
	keysClose    = "Close"
	keysSingle   = "Single-letter keys"
	keysSingleOn = "Letters and digits act when no field is in use. Ctrl Enter always works."

	keyComplete = "Complete transfer"
	keyBack     = "Back to customer"
	keyGo       = "Go to a call"
	keyReread   = "Read the calls again"
	keyHelp     = "All keys, turn off"
	keyShort    = "Complete"
	keyChoose   = "Choose"
	keyOtherEnd = "Other end"
	keyCap      = "Ctrl Enter"
	keyCapGo    = "1 to 9"
	keyCapRange = "↑ ↓"
	keyCapTab   = "Tab"

	navDesk            = "Desk"
	navTeam            = "Team"
	navMenu            = "Your menu"
	navSkip            = "Skip to the calls"
	signIn             = "Sign in with RingCentral"
	signInAgain        = "Sign in again"
	signOut            = "Sign out"
	signOutEverywhere  = "Sign out everywhere"
	signOutEverywhere2 = "Ends every browser you are signed in with. Your calls go on in your phone."
	signInSay          = "Two calls."
	signInSay2         = "One button joins them."
	signInLead         = "Cordboard shows the calls on your phone and joins the two you choose. It carries no sound, so closing it never drops a call."
	signInNeed         = "You need the call control permission."
	signInWho          = "Who can give it?"
	signInWhoLine      = "The administrator of your RingCentral account gives it: in the Admin Portal under Users, Roles. If RingCentral names a missing app scope instead, the owner of the RingCentral app adds it in the developer console."
	signInCustomer     = "customer"
	signInColleague    = "colleague"
	signedOutSay       = "You are signed out."
	signedOutLead      = "Your calls go on in your phone. Nothing was hung up."
	signedOutAllLead   = "Every browser is signed out. Your calls go on in your phone. Nothing was hung up."
	backToDesk         = "Back to the desk"
	tryAgain           = "Try again"
	demoBand           = "Simulated RingCentral"
	demoLine           = "No real calls. Nothing here reaches RingCentral."
	demoPhones         = "Open the phones"

	linkLostHead     = "No word from Cordboard for"
	linkLostBody     = "Trying again every few seconds. Your calls go on in your phone, and what you see here may be old."
	linkNewerHead    = "Live in a newer tab"
	linkNewerBody    = "This tab has stopped. Your calls go on."
	linkNewerUse     = "Use here"
	linkOutHead      = "Your sign-in ended."
	linkOutBody      = "Your calls go on in your phone and the pair is kept. {link} to use the buttons."
	linkShutdownHead = "Cordboard is restarting"
	linkShutdownBody = "It comes back by itself. Your calls go on in your phone."
	linkOverHead     = "You no longer monitor this team."
	linkOverBody     = "This page has stopped. An administrator adds you to a call monitoring group again in the Admin Portal."
	linkUnreached    = "Not sent: Cordboard could not be reached. Your calls are unchanged. It is safe to press again."

	teamTitle      = "Team"
	teamPeople     = "People"
	teamNobody     = "Nobody to watch yet."
	teamNobodyWhy  = "You monitor nobody in a call monitoring group. An administrator adds people to one in the Admin Portal."
	teamCalm       = "Nobody waits."
	teamOneWaits   = "1 customer waits"
	teamManyWait   = "{count} customers wait"
	teamLate       = ", {count} for more than {limit}."
	teamAlone      = "{who} is alone on hold."
	teamColClock   = "On hold for"
	teamColAgent   = "Agent"
	teamNobodyYet  = "nobody yet"
	teamNoSecond   = "no second call"
	teamStepHold   = "On hold"
	teamStepRing   = "Ringing"
	teamStepTalk   = "Talking"
	teamStepJoin   = "Joining"
	teamStepJoined = "Joined"
	teamNoRows     = "No customer is on hold."
	teamBlind      = "Not reported"
	teamNoEvents   = "RingCentral does not report this person's calls."
)

// itoa and two write numbers without fmt on the paths that every update runs.
func itoa(n int64) string { return strconv.FormatInt(n, 10) }

func two(n int64) string {
	if n < 10 {
		return "0" + itoa(n)
	}
	return itoa(n)
}

var smallNumbers = [...]string{"No", "One", "Two", "Three", "Four", "Five", "Six", "Seven", "Eight", "Nine"}

// countCalls is "Three calls", "12 calls".
func countWord(n int) string {
	if n >= 0 && n < len(smallNumbers) {
		return smallNumbers[n]
	}
	return strconv.Itoa(n)
}

func plural(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

// offSentence is why Complete is off. who is the end that the reason is about,
// other the other one; customer tells which of the two who is.
func offSentence(r board.Reason, who, other Person, whoIsCustomer bool) Text {
	a := args{"who": who, "other": other}
	switch r {
	case board.ReasonNone:
		return nil
	case board.ReasonNoCall:
		return say("Off: you have no call.", a)
	case board.ReasonOneCall:
		return say("Off: there is no second call.", a)
	case board.ReasonChoose:
		return say("Off: choose the customer, and who takes the call.", a)
	case board.ReasonTwoOutside:
		return say("Off: two outside callers. Choose both ends.", a)
	case board.ReasonSameCall:
		return say("Off: both ends are the same call. Choose another.", a)
	case board.ReasonEnded:
		if whoIsCustomer {
			return say("Off: {who}'s call has ended.", a)
		}
		return say("Off: your call with {who} has ended.", a)
	case board.ReasonMoving:
		return say("Off: your call with {who} is changing device.", a)
	case board.ReasonNotHeld:
		return say("Off: {who} is not on hold yet. Press Hold on your phone.", a)
	case board.ReasonNotAnswered:
		return say("Off: you have not answered {who} yet.", a)
	case board.ReasonConsultRinging:
		return say("Off: {who}'s phone is still ringing.", a)
	case board.ReasonFarUnknown:
		return say("Off: not known yet whether {who} has answered.", a)
	case board.ReasonFarWaiting:
		return say("Off: waiting for {who}'s side.", a)
	case board.ReasonFarVoicemail:
		return say("Off: a voicemail cannot take this call.", a)
	case board.ReasonFarFax:
		return say("Off: a fax cannot take this call.", a)
	case board.ReasonFarParked:
		return say("Off: {who}'s call is parked.", a)
	case board.ReasonFarSeveral:
		return say("Off: more than one person is on the call with {who}.", a)
	case board.ReasonFarLeft:
		return say("Off: {who} has left.", a)
	case board.ReasonFarHolding:
		return say("Off: {who} has put you on hold.", a)
	case board.ReasonFarOther:
		return say("Off: RingCentral reports a state that Cordboard does not know.", a)
	case board.ReasonUnsure:
		return say("Off: the calls change too fast to be sure. They are being read again.", a)
	case board.ReasonSupervising:
		return say("Off: you are only listening to {who}'s call.", a)
	case board.ReasonConference:
		return say("Off: a conference cannot be an end.", a)
	case board.ReasonJoining:
		return say("Off: a transfer of these calls is under way.", a)
	case board.ReasonUnconfirmedStill:
		return say("Off: not confirmed. Both calls must be read again first.", a)
	case board.ReasonLeft:
		return say("Off: not confirmed, and a call has left you. It cannot be sent again.", a)
	case board.ReasonStale:
		return say(completeStale, a)
	case board.ReasonCheckFailed:
		return say("Off: RingCentral could not be read for the last press.", a)
	case board.ReasonHeldBack:
		return say("Off: RingCentral took no more requests at the last press.", a)
	case board.ReasonLedger:
		return say("Off: Cordboard could not write the last press down.", a)
	case board.ReasonRestart:
		return say("Off: Cordboard restarted before it was sent.", a)
	case board.ReasonFarChanged:
		return say("Off: somebody else is on the call now than when you pressed.", a)
	}
	return say("Off: not ready.", a)
}

// choiceWhy is why a call can be neither end.
func choiceWhy(r board.Reason) string {
	switch r {
	case board.ReasonSupervising:
		return whyNotSupervise
	case board.ReasonConference:
		return whyNotConference
	case board.ReasonMoving:
		return whyNotMoving
	case board.ReasonNotAnswered:
		return whyNotAnswered
	default:
		return "it cannot be an end."
	}
}

// pairedSentence is why two legs are a pair.
func pairedSentence(w board.Why, placed, formed time.Time) Text {
	switch w {
	case board.WhyOnly:
		return say(pairedOnly, args{"ago": agoRun(placed)})
	case board.WhyColleague:
		return say(pairedColleague, nil)
	case board.WhyChosen:
		return say(pairedChosen, args{"at": timeRun(formed)})
	}
	return nil
}

// actionDone names an action in the past: "Hold for Dana was …".
func actionName(a board.Action) string {
	switch a {
	case board.ActionComplete:
		return "Complete transfer"
	case board.ActionBack:
		return "Back to customer"
	case board.ActionHold:
		return "Hold"
	case board.ActionUnhold:
		return "Taking off hold"
	case board.ActionHangUp:
		return "Hang up"
	case board.ActionChoose:
		return "Choosing"
	case board.ActionReread:
		return "Reading the calls again"
	}
	return "The press"
}

// rcCode is RingCentral's answer in brackets: "409 TAS-102".
func rcCode(status int, code string) string {
	switch {
	case status == 0:
		return code
	case code == "":
		return strconv.Itoa(status)
	}
	return strconv.Itoa(status) + " " + code
}

// bracketed is a code in brackets, kept on one line.
func bracketed(s string) Run {
	if s == "" {
		return Run{}
	}
	return Run{Words: " (" + s + ")", Kind: RunWhole}
}

// still is what is true of the calls of an attempt that came to nothing.
type still struct {
	customer, held, consult bool // is there; is on hold; is there
	read                    bool // both calls were read since it was sent
}

// stillTrue says what an attempt that came to nothing left as it was.
func stillTrue(s still, customer, consult Person) Text {
	a := args{"customer": customer, "consult": consult}
	switch {
	case s.customer && s.held && s.consult:
		return say("*{customer} is still on hold and {consult} is still with you.* You may press again, or go back to {customer}.", a)
	case s.customer && s.consult:
		return say("*{customer} and {consult} are both still with you.* Put {customer} on hold before you press again.", a)
	case s.customer && s.held:
		return say("*{consult}'s call has ended, {customer} is still on hold.* Go back to {customer}.", a)
	case s.customer:
		return say("*{consult}'s call has ended, {customer} is still with you.*", a)
	case s.consult:
		return say("*{customer}'s call has ended, {consult} is still with you.* Call back: {number}.", a.withNumber(customer))
	}
	return say("*Both calls have ended.* Call {customer} back: {number}.", a.withNumber(customer))
}

func callBack(p Person) Run {
	if p.Number == "" {
		return Run{Words: wordWithheld}
	}
	return Run{Words: p.Number, Kind: RunWhole}
}

// withNumber adds the number to call a person back on.
func (a args) withNumber(p Person) args {
	out := maps.Clone(a)
	out["number"] = callBack(p)
	return out
}

// verdictSentence is the notice of an attempt that reached an end other than
// joined.
func verdictSentence(t *board.Transfer, now still, customer, consult Person) (head, body Text) {
	a := args{"customer": customer, "consult": consult}
	switch t.Phase {
	case board.Refused:
		return say("RingCentral refused the transfer{code}.", args{"code": bracketed(rcCode(t.Status, t.Code))}), stillTrue(now, customer, consult)
	case board.Failed:
		if now.customer && now.consult && unchanged(t.Reason) {
			return unsentHead(t), say("Both calls are unchanged. It is safe to press again.", nil)
		}
		return unsentHead(t), stillTrue(now, customer, consult)
	case board.Unconfirmed:
		if t.Accepted.IsZero() {
			head = say("Sent {ago} ago, not confirmed.", args{"ago": agoRun(t.Sent)})
		} else {
			head = say("Accepted {ago} ago, not confirmed.", args{"ago": agoRun(t.Accepted)})
		}
		return head, unconfirmedBody(t.PeerMismatch, now, a)
	case board.Abandoned:
		a["not"] = "Not sent"
		if !t.Sent.IsZero() {
			a["not"] = "Not joined"
		}
		switch {
		case !t.CustomerAlive && !t.ConsultAlive:
			return say("{not}: both calls ended first.", a), say("Call {customer} back: {number}.", a.withNumber(customer))
		case !t.CustomerAlive:
			head = say("{not}: {customer}'s call ended first.", a)
			if now.consult {
				return head, say("*{consult} is still with you.* Call back: {number}.", a.withNumber(customer))
			}
			return head, say("Call back: {number}.", a.withNumber(customer))
		case !t.ConsultAlive:
			return say("{not}: {consult}'s call ended first.", a), stillTrue(now, customer, consult)
		}
		return unsentHead(t), stillTrue(now, customer, consult)
	case board.PhaseNone, board.Checking, board.Sent, board.Accepted, board.Confirmed:
	}
	return nil, nil
}

// unsentHead says why nothing was sent.
func unsentHead(t *board.Transfer) Text {
	switch t.Reason {
	case board.ReasonNone:
		return say("Not sent: RingCentral could not be reached.", nil)
	case board.ReasonCheckFailed:
		return say("Not sent: RingCentral could not be read for this press.", nil)
	case board.ReasonHeldBack:
		return say("Not sent: RingCentral takes no more requests from you for a moment.", nil)
	case board.ReasonLedger:
		return say("Not sent: Cordboard could not write it down first.", nil)
	case board.ReasonRestart:
		return say("Not sent: Cordboard restarted before it could ask.", nil)
	case board.ReasonFarChanged:
		return say("Not sent: somebody else is on the call now than when you pressed.", nil)
	default:
		return say("Not sent: the calls changed while they were checked.", nil)
	}
}

// unchanged reports whether what kept a transfer from being sent had nothing to
// do with its calls.
func unchanged(r board.Reason) bool {
	switch r {
	case board.ReasonNone, board.ReasonCheckFailed, board.ReasonHeldBack, board.ReasonLedger, board.ReasonRestart:
		return true
	default:
		return false
	}
}

func unconfirmedBody(elsewhere bool, now still, a args) Text {
	if elsewhere {
		return say("RingCentral says that a call went somewhere else. Ask {consult} whether {customer} is there.", a)
	}
	switch {
	case !now.read:
		return say("Your calls could not be read since. Listen on your phone who is still with you.", a)
	case now.customer && now.consult:
		return say("Your calls were read again: *both are still with you.* You may press again, or go back to {customer}.", a)
	case now.customer && now.held:
		return say("Your calls were read again: *{consult}'s has ended, {customer}'s is still on hold.* Go back to {customer}.", a)
	case now.customer:
		return say("Your calls were read again: *{consult}'s has ended, {customer} is still with you.*", a)
	case now.consult:
		return say("Your calls were read again: *{customer}'s has ended, {consult} is still with you.* Ask {consult}, or call {customer} back.", a)
	}
	return say("Your calls were read again: *both have left you.* Ask {consult} whether {customer} is there.", a)
}

// noticeSentence is the sentence of a notice: what happened, then what is still
// true and what to do.
func noticeSentence(n board.Notice) (head, body Text) {
	who, other := apart(NewPerson(n.Args.Name, n.Args.Number), NewPerson(n.Args.Other, n.Args.OtherNumber))
	act := actionName(n.Args.Action)
	a := args{
		"who": who, "other": other, "act": act, "held": span(n.Args.Held, n.Args.HeldAtLeast),
		"number": callBack(who), "code": bracketed(rcCode(n.Args.Status, n.Args.Code)), "for": ago(n.Args.For),
	}
	switch n.Code {
	case board.NoticeCustomerLeft:
		return leftSentence(who, other, n.Args.ConsultThere, n.Args.Held, n.Args.HeldAtLeast)
	case board.NoticeConsultLeft:
		return say("{who} has left the call.", a), customerTrue(n, a)
	case board.NoticeConsultNone:
		return say("{who} did not answer.", a), customerTrue(n, a)
	case board.NoticeActionRefused:
		if n.Args.Action == board.ActionUnhold || n.Args.Action == board.ActionBack {
			return say("RingCentral did not take {who} off hold{code}.", a), say("Press Hold on your phone; this page will show it.", a)
		}
		return say("RingCentral refused: {act}, {who}{code}.", a), say("The call is unchanged. You can do it on your phone.", a)
	case board.NoticeActionUnsent:
		if n.Args.For > 0 {
			return say("Not sent: RingCentral takes no more requests from you for {for}.", a), say("{act}, {who}: the call is unchanged. Press again then.", a)
		}
		return say("Not sent: RingCentral could not be reached.", a), say("{act}, {who}: the call is unchanged. It is safe to press again.", a)
	case board.NoticeActionUnseen:
		return say("{act}, {who}: asked, but RingCentral has not reported it.", a), say("The call was read again; what you see is what RingCentral says now. You can do it on your phone.", a)
	case board.NoticePressHold:
		return say("RingCentral did not take {who} off hold.", a), say("Press Hold on your phone; this page will show it.", a)
	case board.NoticeHangUpOnPhone:
		return say("Not hung up: that could end {who}'s call for others too.", a), say("Nothing was sent. Hang up on your phone.", a)
	case board.NoticeCheckFailed:
		if n.Args.For > 0 {
			return say("Not sent: RingCentral takes no more requests from you for {for}.", a), say("Your calls go on in your phone. Press again then.", a)
		}
		return say("Not sent: RingCentral could not be read for this press.", a), say("Your calls go on in your phone. Read the calls again, then press.", a)
	case board.NoticeChanged:
		return say("This changed while you pressed. Nothing was sent.", a), say("Look once more, then press again.", a)
	case board.NoticeJoining:
		return say("A transfer of this call is under way. Nothing was sent.", a), say("Wait until it is joined or refused.", a)
	case board.NoticeLiveAgain:
		if n.Args.For <= 0 {
			return say("Live again.", a), say("All calls were read again.", a)
		}
		return say("Live again.", a), say("{for} of events were missed; all calls were read again.", a)
	case board.NoticeMissed:
		return say("{who} rang and was not taken.", a), say("Call back: {number}.", a)
	case board.NoticeBusy:
		return say("Another request for this call is under way. Nothing was sent.", a), say("Wait until it is reported, then press again.", a)
	case board.NoticeNotReady:
		head = say("Not sent: this transfer cannot be made now.", a)
		if n.Args.Name == "" && n.Args.Number == "" {
			return head, say("Look once more at both calls.", a)
		}
		return head, offSentence(n.Args.Reason, who, other, false)
	case board.NoticePeerMismatch:
		return say("RingCentral says that {who}'s call went somewhere else.", a), say("Ask {other} whether {who} is there.", a)
	case board.NoticeElsewhere:
		return say("{who} and {other} were joined on your phone.", a), say("You have left both calls.", a)
	}
	return say("Something happened that this page does not know.", a), nil
}

// leftSentence is said of a customer who left while on hold.
func leftSentence(who, other Person, otherThere bool, held time.Duration, atLeast bool) (head, body Text) {
	a := args{"who": who, "other": other, "held": span(held, atLeast), "number": callBack(who)}
	head = say("{who} left after {held} on hold.", a)
	if otherThere {
		return head, say("{other} is still with you. Call back: {number}.", a)
	}
	return head, say("Call back: {number}.", a)
}

func customerTrue(n board.Notice, a args) Text {
	switch {
	case n.Args.CustomerHeld:
		return say("*{other} is still on hold.* No one is with {other}.", a)
	case n.Args.Other != "" || n.Args.OtherNumber != "":
		return say("{other} is with you.", a)
	}
	return nil
}

// deniedSentence says what RingCentral does not allow and who grants it.
func deniedSentence(d board.Denied) (head, body Text) {
	what := map[string]string{
		"telephony-events":  "report your calls",
		"presence":          "read your presence",
		"call-control":      "control your calls",
		"monitoring-groups": "read the call monitoring groups",
		"websocket":         "open a live connection",
	}[d.What]
	if what == "" {
		what = "do what this page needs"
	}
	head = say("RingCentral does not let Cordboard {what}{code}.", args{"what": what, "code": bracketed(d.Code)})
	switch {
	case d.Scope != "" && d.Permission != "":
		return head, say("It needs the app scope *{scope}* and the role permission *{permission}*. The owner of the RingCentral app adds the scope in the developer console; the administrator of your account gives the permission in the Admin Portal under Users, Roles. Then sign in again.", args{"scope": d.Scope, "permission": d.Permission})
	case d.Scope != "":
		return head, say("The RingCentral app lacks the scope *{scope}*. The owner of the app adds it in the RingCentral developer console. Then sign in again.", args{"scope": d.Scope})
	case d.Permission != "":
		return head, say("Your role lacks the permission *{permission}*. The administrator of your RingCentral account gives it in the Admin Portal under Users, Roles. Then sign in again.", args{"permission": d.Permission})
	}
	return head, say("RingCentral did not say which right is missing. The administrator of your RingCentral account can look at your role, the owner of the app at its scopes.", nil)
}

// signInLink is the way back in, inside a sentence.
func signInLink(returnTo string) Run {
	return Run{Words: signInAgain, Kind: RunSignIn, To: returnTo}
}

// signedOutHead says why a sign-in ended, as far as RingCentral tells it.
func signedOutHead(why board.SignedOut) string {
	switch why {
	case board.SignedOutElsewhere:
		return "You were signed out elsewhere."
	case board.SignedOutTime:
		return "Your sign-in ran out."
	case board.SignedOutRole:
		return "Your role no longer allows Cordboard."
	}
	return linkOutHead
}

// feedSentence is the bar under the header for a feed that is not live; both
// are nil while it is.
func feedSentence(f board.Feed, stale bool) (head, body Text) {
	const go1 = "Your calls go on in your phone. Each press checks with RingCentral first."
	limited := args{"at": timeRun(f.Until)}
	switch f.State {
	case board.FeedConnecting:
		if !f.Until.IsZero() {
			return say("Connecting to RingCentral", nil), say("It takes no more connections from you until {at}. This page goes on by itself then.", limited)
		}
		return say("Connecting to RingCentral", nil), say("Your calls show as soon as they are read.", nil)
	case board.FeedReconnecting:
		if !f.Until.IsZero() {
			return say("RingCentral takes no more connections from you until {at}.", limited), say(go1, nil)
		}
		if f.Try > 0 {
			return say("Reconnecting to RingCentral, try {try}.", args{"try": strconv.Itoa(f.Try)}), say(go1, nil)
		}
		return say("Reconnecting to RingCentral.", nil), say(go1, nil)
	case board.FeedSignedOut:
		return say(signedOutHead(f.Why), nil), say(linkOutBody, args{"link": signInLink("/desk")})
	case board.FeedRefused:
		return say("RingCentral does not report your calls.", nil), say("This board is old news. What is missing stands below.", nil)
	case board.FeedLive:
		if stale {
			return say("No word from RingCentral.", nil), say(go1, nil)
		}
	}
	return nil, nil
}

// endWord is the outcome of a finished transfer in the list.
func endWord(e board.End) string {
	switch e {
	case board.EndJoined:
		return "joined"
	case board.EndBack:
		return "back to you"
	case board.EndLost:
		return "left on hold"
	case board.EndUnconfirmed:
		return "unconfirmed"
	case board.EndRefused:
		return "refused"
	case board.EndFailed:
		return "not sent"
	case board.EndAbandoned:
		return "a call ended first"
	}
	return "ended"
}

// endSentence is the outcome of a finished transfer with what to do about it.
func endSentence(e board.End, to Person) Text {
	a := args{"who": to, "to": full(to)}
	switch {
	case e == board.EndLost:
		return say("left on hold: call back", a)
	case to != (Person{}) && e == board.EndUnconfirmed:
		return say("unconfirmed: ask {who}", a)
	}
	return say(endWord(e), a)
}

// endMore is what a narrow list adds, where the second name has no column.
func endMore(e board.End, to Person) Text {
	if e == board.EndBack && to != (Person{}) {
		return say(", not to {to}", args{"to": full(to)})
	}
	return nil
}

// countEnd is a part of the day's summary: "5 joined".
func countEnd(n int, e board.End) string {
	word := endWord(e)
	switch e {
	case board.EndBack:
		word = "back"
	case board.EndLost:
		word = "lost"
	case board.EndAbandoned:
		word = "ended early"
	default:
	}
	return strconv.Itoa(n) + " " + word
}

// stageWord is how far a colleague's transfer has come.
func stageWord(s board.Stage) string {
	switch s {
	case board.StageFree:
		return "Free"
	case board.StageTalking:
		return "Talking"
	case board.StageRinging:
		return "Ringing"
	case board.StageHolding:
		return "Holding"
	case board.StageConsultRinging:
		return "Consult rings"
	case board.StageConsulting:
		return "Consulting"
	case board.StageAlone:
		return "Customer alone"
	case board.StageJoined:
		return "Joined"
	}
	return "Not known"
}

// Problem is trouble as handlers hand it over: a code with arguments, and the
// HTTP status. The codes are those of web/problem.
type Problem struct {
	Code   string
	Args   map[string]string
	Status int
}

// Sentence is what a page says of a problem: what happened, and what to do.
func (p Problem) Sentence() (head, body string) {
	h, b := problemSentence(p)
	return h.String(), b.String()
}

func problemSentence(p Problem) (head, body Text) {
	a := args{}
	for k, v := range p.Args {
		a[k] = CleanName(v)
	}
	switch p.Code {
	case "bad-request":
		return say("That press made no sense to Cordboard.", nil), say("Nothing was sent. Load the page again.", nil)
	case "sign-in-stale":
		return say("That sign-in cannot be finished.", nil), say("It took longer than ten minutes, was used before, or began in another browser. Start it again.", nil)
	case "sign-in-denied":
		return say("You did not approve it at RingCentral.", nil), say("Cordboard reads and joins your calls only with your approval.", nil)
	case "signed-out":
		return say(linkOutHead, nil), say(linkOutBody, args{"link": signInLink("/desk")})
	case "not-a-supervisor":
		return say("This page is for supervisors.", nil), say("It shows whoever you monitor in a call monitoring group, and you monitor nobody. An administrator adds you to one in the Admin Portal.", nil)
	case "missing-scope":
		return deniedSentence(board.Denied{Scope: orUnknown(p.Args["scope"])})
	case "missing-permission":
		return deniedSentence(board.Denied{Permission: orUnknown(p.Args["permission"])})
	case "foreign-account":
		return say("Your RingCentral account is not served here.", nil), say("This Cordboard belongs to another account. Its operator can add yours.", nil)
	case "not-found":
		return say("There is no such thing here.", nil), say("It may have ended, or it is not yours. Nothing was sent.", nil)
	case "changed":
		return say("This changed while you pressed. Nothing was sent.", nil), say("Look once more, then press again.", nil)
	case "too-many":
		if p.Args["seconds"] != "" {
			return say("Too many requests.", nil), say("Nothing was sent. You can press again in {seconds} s.", a)
		}
		return say("Too many requests.", nil), say("Nothing was sent. Wait a moment before you press again.", nil)
	case "refused":
		return say("RingCentral refused it{code}.", args{"code": bracketed(CleanName(p.Args["code"]))}), say("Your calls are unchanged. You can do it on your phone.", nil)
	case "unavailable":
		if p.Args["service"] == "ringcentral" {
			return say("Not sent: RingCentral could not be reached.", nil), say("Your calls go on in your phone. It is safe to press again.", nil)
		}
		return say("Not sent: Cordboard is not ready.", nil), say("Your calls go on in your phone. It is safe to press again.", nil)
	case "unknown":
		return say("Cordboard did not answer in time.", nil), say("Whether anything was sent is not known. Your calls go on in your phone: look at them before you press again.", nil)
	}
	return say("Something went wrong in Cordboard.", nil), say("Your calls go on in your phone. It is written in the log.", nil)
}

func orUnknown(s string) string {
	if s = CleanName(s); s == "" {
		return "not named"
	}
	return s
}
