package rcsim

import (
	"bytes"
	"cmp"
	"encoding/json"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// Presence (API sheet, section 9): what people set, what their calls make of it, and how it is read.

// Do-not-disturb states, as presence spells them.
const (
	dndTakeAll     = "TakeAllCalls"
	dndNoQueues    = "DoNotAcceptDepartmentCalls"
	dndQueuesOnly  = "TakeDepartmentCallsOnly"
	dndTakeNothing = "DoNotAcceptAnyCalls"
)

// User and presence statuses.
const (
	statusAvailable = "Available"
	statusBusy      = "Busy"
	statusOffline   = "Offline"
)

// settings are what a person says about themselves; the zero value is Available and takes every call.
type settings struct {
	userStatus, dnd, message, callerID string
	concealed                          bool // allowSeeMyPresence is false
	ringOnMonitored, pickUpOnHold      bool
	seq                                int // of the newest presence notification about the person
}

// userStatus is what the person says they are.
func (u *User) userStatus() string { return cmp.Or(u.set.userStatus, statusAvailable) }

func dndStatuses() []string {
	return []string{dndTakeAll, dndNoQueues, dndQueuesOnly, dndTakeNothing}
}

// dnd is which calls the person takes.
func (u *User) dnd() string { return cmp.Or(u.set.dnd, dndTakeAll) }

// takes reports whether the person's phone rings: for calls of a queue, or for calls to the person.
func (u *User) takes(queue bool) bool {
	refusing := dndQueuesOnly
	if queue {
		refusing = dndNoQueues
	}
	return u.online() && u.dnd() != dndTakeNothing && u.dnd() != refusing
}

func presenceOperations() []operation {
	const path = pathExtension + "/presence"
	return []operation{
		{name: "presence", method: http.MethodGet, path: path, group: groupLight, scope: "ReadPresence", permission: "ReadPresenceStatus", serve: (*call).getPresence},
		{name: "setPresence", method: http.MethodPut, path: path, group: groupMedium, scope: "EditPresence", serve: (*call).putPresence, pretend: (*call).getPresence, acts: true},
		{name: "accountPresence", method: http.MethodGet, path: pathAccount + "/presence", group: groupHeavy, scope: "ReadPresence", permission: "ReadPresenceStatus", serve: (*call).accountPresence},
		{name: "unifiedPresence", method: http.MethodGet, path: pathExtension + "/unified-presence", group: groupMedium, scope: "ReadPresence", permission: "ReadPresenceStatus", serve: (*call).getUnifiedPresence},
		{name: "setUnifiedPresence", method: http.MethodPatch, path: pathExtension + "/unified-presence", group: groupMedium, scope: "EditPresence", permission: "EditPresenceStatus", serve: (*call).patchUnifiedPresence, pretend: (*call).getUnifiedPresence, acts: true},
	}
}

// activeCall is a row of presence; SIPData only where it was asked for.
type activeCall struct {
	ID                 string       `json:"id"`
	Direction          string       `json:"direction"`
	QueueCall          bool         `json:"queueCall"`
	From               string       `json:"from,omitempty"`
	FromName           string       `json:"fromName,omitempty"`
	To                 string       `json:"to,omitempty"`
	ToName             string       `json:"toName,omitempty"`
	StartTime          string       `json:"startTime"`
	TelephonyStatus    string       `json:"telephonyStatus"`
	SIPData            *presenceSIP `json:"sipData,omitempty"`
	SessionID          string       `json:"sessionId"`
	TelephonySessionID string       `json:"telephonySessionId"`
	PartyID            string       `json:"partyId"`
}

type presenceSIP struct {
	ToTag     string `json:"toTag"`
	FromTag   string `json:"fromTag"`
	RemoteURI string `json:"remoteUri"`
	LocalURI  string `json:"localUri"`
}

// telephonyStatus is how presence calls a party's state; empty means it is not an active call.
func telephonyStatus(p *party) string {
	switch {
	case p.rings():
		return "Ringing"
	case p.code == codeParked:
		return "ParkedCall"
	case p.code == codeHold:
		return "OnHold"
	case p.code == codeAnswered, p.ringing():
		return "CallConnected"
	}
	return ""
}

// activeCallsShown is how many calls presence lists: the latest.
const activeCallsShown = 7

// activeCalls are the latest active calls of an extension and its aggregate telephony status.
func (s *Server) activeCalls(extID string, sip bool) ([]activeCall, string) {
	status := "NoCall"
	rank := map[string]int{"NoCall": 0, "ParkedCall": 1, "Ringing": 2, "OnHold": 3, "CallConnected": 4}
	rows := []activeCall{}
	calls := s.eng.calls(extID)
	for _, p := range slices.Backward(calls) {
		t := telephonyStatus(p)
		if t == "" {
			continue
		}
		if rank[t] > rank[status] {
			status = t
		}
		if len(rows) == activeCallsShown {
			continue // the status is of all calls
		}
		started := stamp(p.s.created)
		if s.opt.Assume.OffsetTimes {
			started = strings.TrimSuffix(started, "Z") + "+0000"
		}
		row := activeCall{
			ID: p.id, Direction: p.direction, QueueCall: p.queueCall, From: p.from.PhoneNumber, FromName: p.from.Name, To: p.to.PhoneNumber, ToName: p.to.Name,
			StartTime: started, TelephonyStatus: t, SessionID: p.s.legacy, TelephonySessionID: p.s.id, PartyID: p.id,
		}
		if sip {
			row.SIPData = &presenceSIP{ToTag: "to" + strconv.Itoa(p.n), FromTag: p.id, RemoteURI: "-", LocalURI: "-"}
		}
		rows = append(rows, row)
	}
	return rows, status
}

// presenceStatus is the aggregate that colleagues see.
func (s *Server) presenceStatus(u *User, telephony string) string {
	switch {
	case u.userStatus() == statusOffline:
		return statusOffline
	case telephony != "NoCall" && telephony != "ParkedCall", u.userStatus() == statusBusy, u.dnd() == dndTakeNothing && !s.opt.Assume.DNDShowsAvailable:
		return statusBusy
	case !u.online():
		return statusOffline
	default:
		return statusAvailable
	}
}

// presenceWire is PresenceInfoResponse.
type presenceWire struct {
	URI       string `json:"uri"`
	Extension struct {
		URI             string `json:"uri"`
		ID              int64  `json:"id"`
		ExtensionNumber string `json:"extensionNumber"`
	} `json:"extension"`
	PresenceStatus      string        `json:"presenceStatus"`
	TelephonyStatus     string        `json:"telephonyStatus,omitempty"`
	UserStatus          string        `json:"userStatus,omitempty"`
	DNDStatus           string        `json:"dndStatus,omitempty"`
	MeetingStatus       string        `json:"meetingStatus,omitempty"`
	Message             string        `json:"message,omitempty"`
	CallerIDVisibility  string        `json:"callerIdVisibility,omitempty"`
	AllowSeeMyPresence  bool          `json:"allowSeeMyPresence"`
	RingOnMonitoredCall bool          `json:"ringOnMonitoredCall"`
	PickUpCallsOnHold   bool          `json:"pickUpCallsOnHold"`
	ActiveCalls         *[]activeCall `json:"activeCalls,omitempty"`
}

func (c *call) presenceWire(u *User) presenceWire {
	q := c.r.URL.Query()
	rows, status := c.s.activeCalls(u.ID, q.Get("sipData") == "true")
	w := presenceWire{
		URI: c.extensionURI(u.ID) + "/presence", PresenceStatus: c.s.presenceStatus(u, status), TelephonyStatus: status, UserStatus: u.userStatus(),
		DNDStatus: u.dnd(), MeetingStatus: "Disconnected", Message: u.set.message, CallerIDVisibility: cmp.Or(u.set.callerID, "All"),
		AllowSeeMyPresence: !u.set.concealed, RingOnMonitoredCall: u.set.ringOnMonitored, PickUpCallsOnHold: u.set.pickUpOnHold,
	}
	w.Extension.URI, w.Extension.ID, w.Extension.ExtensionNumber = c.extensionURI(u.ID), number(u.ID), u.Number
	if q.Get("detailedTelephonyState") == "true" && len(rows) > 0 {
		w.ActiveCalls = &rows
	}
	return w
}

// nobodysPresence is the presence of a queue, a menu or a park location: always Offline, without telephonyStatus.
func (c *call) nobodysPresence(id, extensionNumber string) presenceWire {
	w := presenceWire{URI: c.extensionURI(id) + "/presence", PresenceStatus: statusOffline}
	w.Extension.URI, w.Extension.ID, w.Extension.ExtensionNumber = c.extensionURI(id), number(id), extensionNumber
	return w
}

// presenceOf is the presence of any extension of the caller's account.
func (c *call) presenceOf(id string) (presenceWire, error) {
	if u, err := c.colleague(id); err == nil {
		return c.presenceWire(u), nil
	}
	if c.user.AccountID == c.s.dir.account.ID {
		if q := c.s.dir.queuesByID[id]; q != nil {
			return c.nobodysPresence(q.ID, q.Number), nil
		}
		if v := c.s.dir.servicesByID[id]; v != nil {
			return c.nobodysPresence(v.ID, v.Number), nil
		}
	}
	return presenceWire{}, missing("extensionId")
}

// presenceBatch is how many extensions one presence request may name.
const presenceBatch = 30

// getPresence is presence of one extension, or of up to 30 in a multipart answer.
func (c *call) getPresence() (int, any, error) {
	ids := strings.Split(c.r.PathValue("extensionId"), ",")
	if len(ids) == 1 {
		w, err := c.presenceOf(ids[0])
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, w, nil
	}
	return c.batch(ids, "presence", func(id string) (any, error) { return c.presenceOf(id) })
}

// batch answers for many extensions at once.
func (c *call) batch(ids []string, what string, one func(id string) (any, error)) (int, any, error) {
	if len(ids) > presenceBatch {
		return 0, nil, refuse(http.StatusBadRequest, "InvalidMultipartRequest", "Extension Presence Info multipart request is limited to 30 extensions")
	}
	parts := make([]batchPart, len(ids))
	for i, id := range ids {
		parts[i] = batchPart{Href: c.extensionURI(id) + "/" + what, Status: http.StatusOK, ResponseDescription: "OK"}
		body, err := one(id)
		if err != nil {
			e := restErrorOf(err)
			parts[i].Status, parts[i].ResponseDescription, body = e.status, http.StatusText(e.status), errorBody(e)
		}
		parts[i].Body = body
	}
	if strings.Contains(c.r.Header.Get("Accept"), "application/vnd.ringcentral.multipart+json") {
		return http.StatusMultiStatus, rawAnswer{"application/vnd.ringcentral.multipart+json", encode(parts)}, nil
	}
	return http.StatusMultiStatus, mixed(parts), nil
}

// batchPart is one answer of a batch request.
type batchPart struct {
	Href                string `json:"href"`
	Status              int    `json:"status"`
	ResponseDescription string `json:"responseDescription"`
	Body                any    `json:"body,omitempty"`
}

// mixed writes a batch as multipart/mixed: first the statuses, then one body each.
func mixed(parts []batchPart) rawAnswer {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	add := func(v any) {
		p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		_, _ = p.Write(encode(v))
	}
	bare := slices.Clone(parts)
	for i := range bare {
		bare[i].Body = nil
	}
	add(map[string]any{"response": bare})
	for _, p := range parts {
		add(p.Body)
	}
	_ = w.Close()
	return rawAnswer{"multipart/mixed; boundary=" + w.Boundary(), buf.Bytes()}
}

// accountPresence is the presence of everybody, page by page.
func (c *call) accountPresence() (int, any, error) {
	return page(c, c.people(), c.presenceWire, 100, 1000)
}

// putPresence is what a person sets about themselves. An administrator may set it for others; anybody else may not.
func (c *call) putPresence() (int, any, error) {
	u, err := c.editable()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		UserStatus          *string `json:"userStatus"`
		DNDStatus           *string `json:"dndStatus"`
		Message             *string `json:"message"`
		CallerIDVisibility  *string `json:"callerIdVisibility"`
		AllowSeeMyPresence  *bool   `json:"allowSeeMyPresence"`
		RingOnMonitoredCall *bool   `json:"ringOnMonitoredCall"`
		PickUpCallsOnHold   *bool   `json:"pickUpCallsOnHold"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, f := range []struct {
		name  string
		value *string
		among []string
	}{
		{"userStatus", in.UserStatus, []string{statusAvailable, statusBusy, statusOffline}},
		{"dndStatus", in.DNDStatus, dndStatuses()},
		{"callerIdVisibility", in.CallerIDVisibility, []string{"All", "None", "PermittedUsers"}},
	} {
		if f.value != nil && !slices.Contains(f.among, *f.value) {
			return 0, nil, invalid(f.name)
		}
	}
	put(&u.set.userStatus, in.UserStatus)
	put(&u.set.dnd, in.DNDStatus)
	put(&u.set.message, in.Message)
	put(&u.set.callerID, in.CallerIDVisibility)
	put(&u.set.ringOnMonitored, in.RingOnMonitoredCall)
	put(&u.set.pickUpOnHold, in.PickUpCallsOnHold)
	if in.AllowSeeMyPresence != nil {
		u.set.concealed = !*in.AllowSeeMyPresence
	}
	c.s.publishPresence(u, c.s.now())
	return http.StatusOK, c.presenceWire(u), nil
}

// put changes a field that a request names.
func put[T any](field, value *T) {
	if value != nil {
		*field = *value
	}
}

// editable is the person of the path when the caller may change their settings.
func (c *call) editable() (*User, error) {
	u, err := c.extension()
	if err == nil {
		err = c.mayEdit(u)
	}
	return u, err
}

// mayEdit refuses the settings of others to everybody but administrators.
func (c *call) mayEdit(u *User) error {
	if u == c.user || c.user.Admin {
		return nil
	}
	return notOwnExtension()
}

// presenceBody is the body of a presence notification; activeCalls only with detailedTelephonyState.
type presenceBody struct {
	ExtensionID         string        `json:"extensionId"`
	TelephonyStatus     string        `json:"telephonyStatus"`
	ActiveCalls         *[]activeCall `json:"activeCalls,omitempty"`
	Sequence            int           `json:"sequence"`
	PresenceStatus      string        `json:"presenceStatus"`
	UserStatus          string        `json:"userStatus"`
	DNDStatus           string        `json:"dndStatus"`
	MeetingStatus       string        `json:"meetingStatus"`
	AllowSeeMyPresence  bool          `json:"allowSeeMyPresence"`
	RingOnMonitoredCall bool          `json:"ringOnMonitoredCall"`
	PickUpCallsOnHold   bool          `json:"pickUpCallsOnHold"`
	TotalActiveCalls    *int          `json:"totalActiveCalls,omitempty"`
}

func (s *Server) presenceEvent(u *User, detailed, sip bool) json.RawMessage {
	rows, status := s.activeCalls(u.ID, sip)
	b := presenceBody{
		ExtensionID: u.ID, TelephonyStatus: status, Sequence: u.set.seq, PresenceStatus: s.presenceStatus(u, status),
		UserStatus: u.userStatus(), DNDStatus: u.dnd(), MeetingStatus: "Disconnected",
		AllowSeeMyPresence: !u.set.concealed, RingOnMonitoredCall: u.set.ringOnMonitored, PickUpCallsOnHold: u.set.pickUpOnHold,
	}
	if detailed {
		n := len(rows)
		b.ActiveCalls, b.TotalActiveCalls = &rows, &n
	}
	return encode(b)
}
