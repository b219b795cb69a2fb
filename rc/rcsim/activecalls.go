package rcsim

import (
	"net/http"
	"slices"
	"time"
)

// Active calls (API sheet, section 9): rows in the form of the call log, seconds behind the truth. A call appears once it has
// been answered or given up, not while it is routed or rings, and stays for a while when it is over: nothing for a live board.

func activeCallsOperations() []operation {
	return []operation{
		{name: "activeCalls", method: http.MethodGet, path: pathExtension + "/active-calls", group: groupHeavy, scope: "ReadCallLog", permission: "ReadCallLog", serve: (*call).listActiveCalls},
		{name: "accountActiveCalls", method: http.MethodGet, path: pathAccount + "/active-calls", group: groupHeavy, scope: "ReadCallLog", permission: "ReadCallLog", serve: (*call).listCompanyActiveCalls},
	}
}

// logged is one party of a person.
type logged struct {
	p     *party
	ended time.Time
}

// callBook holds the calls of every extension that active-calls may still show, oldest first.
type callBook map[string][]*logged

// note follows a party; what nobody is shown any more is dropped when its extension has another event. A mailbox is no call of
// its person.
func (b callBook) note(ev event, kept time.Duration) {
	if ev.p.user == nil || ev.p.code == codeVoiceMail {
		return
	}
	p := ev.s.party(ev.p.id)
	list := slices.DeleteFunc(b[p.extID], func(l *logged) bool { return !l.ended.IsZero() && ev.at.Sub(l.ended) > kept })
	i := slices.IndexFunc(list, func(l *logged) bool { return l.p == p })
	switch {
	case i < 0 && ev.p.alive():
		list = append(list, &logged{p: p})
	case i >= 0 && !ev.p.alive() && list[i].ended.IsZero():
		list[i].ended = ev.at
	}
	b[p.extID] = list
}

// shown reports whether a call is among the active calls now, and whether it looks finished.
func (o *Options) shown(l *logged, now time.Time) (shown, finished bool) {
	late := func(t time.Time) bool { return !t.IsZero() && now.Sub(t) >= o.ActiveCallsLag }
	finished = late(l.ended)
	return (late(l.p.answered) || finished) && (l.ended.IsZero() || now.Sub(l.ended) <= o.ActiveCallsKept), finished
}

type callLogParty struct {
	PhoneNumber     string `json:"phoneNumber,omitempty"`
	ExtensionNumber string `json:"extensionNumber,omitempty"`
	ExtensionID     string `json:"extensionId,omitempty"`
	Name            string `json:"name,omitempty"`
}

func callLogEnd(i partyInfo) callLogParty {
	w := callLogParty{PhoneNumber: i.PhoneNumber, ExtensionID: i.ExtensionID, Name: i.Name}
	if _, outside := e164(i.PhoneNumber); !outside {
		w.PhoneNumber, w.ExtensionNumber = "", i.PhoneNumber
	}
	return w
}

type sessionRef struct {
	TelephonySessionID string `json:"telephonySessionId"`
}

// callLogLeg is what a row and each of its legs have in common.
type callLogLeg struct {
	Extension          *callLogExtension `json:"extension,omitempty"`
	TelephonySessionID string            `json:"telephonySessionId"`
	PartyID            string            `json:"partyId"`
	TransferTarget     *sessionRef       `json:"transferTarget,omitempty"`
	Transferee         *sessionRef       `json:"transferee,omitempty"`
	Transport          string            `json:"transport"`
	From               callLogParty      `json:"from"`
	To                 callLogParty      `json:"to"`
	Type               string            `json:"type"`
	Direction          string            `json:"direction"`
	Action             string            `json:"action"`
	Result             string            `json:"result"`
	StartTime          string            `json:"startTime"`
	Duration           int64             `json:"duration"`
	DurationMs         int64             `json:"durationMs"`
	InternalType       string            `json:"internalType"`
	Finished           bool              `json:"finished"`
	LegType            string            `json:"legType,omitempty"` // of a leg
	Master             bool              `json:"master,omitempty"`  // of a leg
}

type callLogExtension struct {
	URI string `json:"uri"`
	ID  int64  `json:"id"`
}

type callLogRow struct {
	callLogLeg
	URI              string       `json:"uri"`
	ID               string       `json:"id"`
	SessionID        string       `json:"sessionId"`
	LastModifiedTime string       `json:"lastModifiedTime"`
	Legs             []callLogLeg `json:"legs,omitempty"`
}

// callLogRow is a call as its extension's log shows it. Of two bridged calls the older one, the customer's, names the other as
// its transfer target, and the younger one names the customer's as the transferee.
func (c *call) callLogRow(l *logged) callLogRow {
	now := c.s.now()
	_, finished := c.s.opt.shown(l, now)
	end := now
	leg := callLogLeg{
		Extension: &callLogExtension{c.extensionURI(l.p.extID), number(l.p.extID)}, TelephonySessionID: l.p.s.id, PartyID: l.p.id, Transport: "VoIP",
		From: callLogEnd(l.p.from), To: callLogEnd(l.p.to), Type: "Voice", Direction: l.p.direction, Action: "Phone Call", Result: "In Progress",
		StartTime: stamp(l.p.s.created), InternalType: "Usual", Finished: finished,
	}
	if l.p.direction == outbound {
		leg.Action = "VoIP Call"
	}
	if l.p.s.origin == originRingOut {
		leg.Action, leg.InternalType = "RingOut Web", "RingOut"
	}
	if finished {
		end = l.ended
		leg.Result = l.result()
	}
	if !l.p.answered.IsZero() {
		leg.DurationMs = end.Sub(l.p.answered).Milliseconds()
		leg.Duration = leg.DurationMs / 1000
	}
	if peer := l.p.peer; peer != nil && l.p.reason == "AttendedTransfer" {
		if number(peer.s.legacy) < number(l.p.s.legacy) { // they rise
			leg.Transferee = &sessionRef{peer.s.id}
		} else {
			leg.TransferTarget = &sessionRef{peer.s.id}
		}
	}
	w := callLogRow{
		callLogLeg: leg, ID: l.p.id, URI: c.extensionURI(l.p.extID) + "/call-log/" + l.p.id, SessionID: l.p.s.legacy, LastModifiedTime: stamp(l.p.since),
	}
	if c.r.URL.Query().Get("view") == "Detailed" {
		leg.LegType, leg.Master = "Accept", true
		w.Legs = []callLogLeg{leg}
	}
	return w
}

// result is how a finished call ended for its extension.
func (l *logged) result() string {
	switch {
	case !l.p.answered.IsZero() && l.p.direction == inbound:
		return "Accepted"
	case !l.p.answered.IsZero():
		return "Call connected"
	case l.p.direction == inbound:
		return "Missed"
	default:
		return "Hang Up"
	}
}

// listActiveCalls are the calls of one extension, the newest first.
func (c *call) listActiveCalls() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	return c.pageOfCalls(c.s.book[u.ID])
}

// listCompanyActiveCalls are the calls of everybody; it takes an administrator who may read the company's log.
func (c *call) listCompanyActiveCalls() (int, any, error) {
	const permission = "ReadCompanyCallLog"
	if !c.user.may(permission) {
		return 0, nil, lacksPermission(permission)
	}
	var all []*logged
	for _, u := range c.people() {
		all = append(all, c.s.book[u.ID]...)
	}
	return c.pageOfCalls(all)
}

func (c *call) pageOfCalls(all []*logged) (int, any, error) {
	now := c.s.now()
	var out []*logged
	for _, l := range all {
		shown, _ := c.s.opt.shown(l, now)
		conference := ""
		if l.p.s.conf != nil {
			conference = "AudioConferencing"
		}
		if shown && c.asks("direction", l.p.direction) && c.asks("type", "Voice") && c.asks("transport", "VoIP") && c.asks("conferenceType", conference) {
			out = append(out, l)
		}
	}
	slices.Reverse(out)
	slices.SortStableFunc(out, func(a, b *logged) int { return b.p.s.created.Compare(a.p.s.created) })
	return page(c, out, c.callLogRow, 100, 1000)
}
