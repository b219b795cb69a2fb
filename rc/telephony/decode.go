package telephony

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What a value must have to be of use; everything else may be missing.
var (
	ErrNoSession   = errors.New("telephony: no telephony session id")
	ErrNoParty     = errors.New("telephony: no party id")
	ErrNoRecording = errors.New("telephony: no recording id")
)

// DecodeNotification decodes the envelope of one notification and, when its
// filter is one of telephony sessions or of presence, its body. Both the plain
// form and the old pn_apns wrapper are read. The error is that of invalid JSON,
// or ErrNoSession.
func DecodeNotification(data []byte) (Notification, error) {
	var w wireNotification
	if err := lenient(data, &w); err != nil {
		return Notification{}, fmt.Errorf("telephony: notification: %w", err)
	}
	e := &w.wireEnvelope
	if w.Wrapped != nil {
		e = w.Wrapped
	}
	n := Notification{
		UUID:           string(e.UUID),
		Filter:         string(e.Event),
		SubscriptionID: string(e.SubscriptionID),
		OwnerID:        string(e.OwnerID),
		Sent:           e.Timestamp.time(),
	}
	path, _, _ := strings.Cut(n.Filter, "?")
	switch {
	case strings.HasSuffix(path, "/telephony/sessions"):
		ev, err := e.Body.event(path)
		if err != nil {
			return n, err
		}
		ev.Notification, ev.Sent = n.UUID, n.Sent
		ev.UnknownFields = unknownFields(data, w.Wrapped != nil)
		n.Event = &ev
	case strings.HasSuffix(path, "/presence") && !strings.Contains(path, "/call-queues/"):
		p := e.Body.presence()
		if p.ExtensionID == "" {
			p.ExtensionID = segmentAfter(path, "/extension/")
		}
		n.Presence = &p
	}
	return n, nil
}

// DecodeEvent decodes the body of a telephony session notification without its
// envelope. The error is that of invalid JSON, or ErrNoSession.
func DecodeEvent(body []byte) (Event, error) {
	var w wireBody
	if err := lenient(body, &w); err != nil {
		return Event{}, fmt.Errorf("telephony: event: %w", err)
	}
	ev, err := w.event("")
	ev.UnknownFields = countUnknown(body)
	return ev, err
}

// DecodeSession decodes the answer of a session read, or of an operation that
// answers {"session": …}. The error is that of invalid JSON, or ErrNoSession.
func DecodeSession(data []byte) (Session, error) {
	var w struct {
		wireSession
		Session *wireSession `json:"session"`
	}
	if err := lenient(data, &w); err != nil {
		return Session{}, fmt.Errorf("telephony: session: %w", err)
	}
	s := w.wireSession
	if w.Session != nil {
		s = *w.Session
	}
	if s.ID == "" {
		return Session{}, ErrNoSession
	}
	return Session{
		ID:      string(s.ID),
		Origin:  s.Origin.Type,
		Created: s.CreationTime.time(),
		Parties: parties(s.Parties, ""),
	}, nil
}

// DecodeParty decodes one party in its REST or its event form. The error is
// that of invalid JSON, or ErrNoParty.
func DecodeParty(data []byte) (Party, error) {
	var w wireParty
	if err := lenient(data, &w); err != nil {
		return Party{}, fmt.Errorf("telephony: party: %w", err)
	}
	if w.ID == "" {
		return Party{}, ErrNoParty
	}
	return w.party(""), nil
}

// DecodeRecording decodes the answer of a recording operation. The error is that
// of invalid JSON, or ErrNoRecording.
func DecodeRecording(data []byte) (Recording, error) {
	var w wireRecording
	if err := lenient(data, &w); err != nil {
		return Recording{}, fmt.Errorf("telephony: recording: %w", err)
	}
	if w.ID == "" {
		return Recording{}, ErrNoRecording
	}
	return w.recording(), nil
}

// DecodePresence decodes the presence of one extension in its REST or its event
// form. The error is that of invalid JSON.
func DecodePresence(data []byte) (Presence, error) {
	var w wireBody
	if err := lenient(data, &w); err != nil {
		return Presence{}, fmt.Errorf("telephony: presence: %w", err)
	}
	return w.presence(), nil
}

// lenient unmarshals and forgives fields of an unexpected type, which stay zero.
func lenient(data []byte, v any) error {
	err := json.Unmarshal(data, v)
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) && mistyped.Field != "" {
		return nil
	}
	return err
}

func (w *wireBody) event(path string) (Event, error) {
	account := string(w.AccountID)
	if account == "" {
		account = segmentAfter(path, "/account/")
	}
	extension := string(w.ExtensionID)
	if extension == "" {
		extension = segmentAfter(path, "/extension/")
	}
	ev := Event{
		Sequence:    int64(w.Sequence),
		SessionID:   string(w.TelephonySessionID),
		LegacyID:    string(w.SessionID),
		At:          w.EventTime.time(),
		Origin:      w.Origin.Type,
		Parties:     parties(w.Parties, account),
		AccountID:   account,
		ExtensionID: extension,
	}
	if ev.SessionID == "" {
		return ev, ErrNoSession
	}
	return ev, nil
}

func (w *wireBody) presence() Presence {
	p := Presence{
		ExtensionID:     string(w.ExtensionID),
		ExtensionNumber: string(w.Extension.ExtensionNumber),
		Sequence:        int64(w.Sequence),
		PresenceStatus:  w.PresenceStatus,
		TelephonyStatus: w.TelephonyStatus,
		UserStatus:      w.UserStatus,
		DndStatus:       w.DndStatus,
	}
	if p.ExtensionID == "" {
		p.ExtensionID = string(w.Extension.ID)
	}
	if len(w.ActiveCalls) > 0 {
		p.ActiveCalls = make([]ActiveCall, len(w.ActiveCalls))
	}
	for i := range w.ActiveCalls {
		c := &w.ActiveCalls[i]
		p.ActiveCalls[i] = ActiveCall{
			SessionID:       string(c.TelephonySessionID),
			LegacyID:        string(c.SessionID),
			PartyID:         string(c.PartyID),
			Direction:       parseDirection(c.Direction),
			QueueCall:       c.QueueCall == answerYes,
			From:            string(c.From),
			FromName:        c.FromName,
			To:              string(c.To),
			ToName:          c.ToName,
			Started:         c.StartTime.time(),
			TelephonyStatus: c.TelephonyStatus,
		}
	}
	return p
}

// parties leaves out what has no id: nothing could ever be patched by it.
func parties(ws []wireParty, account string) []Party {
	ps := make([]Party, 0, len(ws))
	for i := range ws {
		if ws[i].ID != "" {
			ps = append(ps, ws[i].party(account))
		}
	}
	return ps
}

func (w *wireParty) party(account string) Party {
	p := Party{
		ID:             string(w.ID),
		AccountID:      first(string(w.AccountID), string(w.Owner.AccountID), account),
		ExtensionID:    first(string(w.ExtensionID), string(w.Owner.ExtensionID)),
		Direction:      parseDirection(w.Direction),
		From:           w.From.endpoint(),
		To:             w.To.endpoint(),
		Muted:          w.Muted.pointer(),
		StandAlone:     w.StandAlone.pointer(),
		MissedCall:     w.MissedCall.pointer(),
		QueueCall:      w.QueueCall.pointer(),
		ParkID:         string(w.Park.ID),
		ConferenceRole: w.ConferenceRole,
		RingOutRole:    w.RingOutRole,
		RingMeRole:     w.RingMeRole,
		Status: Status{
			Code:        ParseCode(w.Status.Code),
			Word:        w.Status.Code,
			Reason:      w.Status.Reason,
			Description: w.Status.Description,
			ParkData:    string(w.Status.ParkData),
			Peer: Peer{
				SessionID: first(string(w.Status.PeerID.TelephonySessionID), string(w.Status.PeerID.SessionID)),
				PartyID:   string(w.Status.PeerID.PartyID),
			},
		},
	}
	if p.QueueCall == nil {
		p.QueueCall = w.Attributes.QueueCall.pointer()
	}
	for _, u := range [...]wireUICall{w.UICallInfo.Primary, w.UICallInfo.Additional} {
		if u.Type == "QueueName" {
			p.QueueName = u.Value
			break
		}
	}
	if w.Recordings != nil {
		p.Recordings = make([]Recording, len(w.Recordings))
	}
	for i, r := range w.Recordings {
		p.Recordings[i] = r.recording()
	}
	return p
}

func (w wireEndpoint) endpoint() Endpoint {
	return Endpoint{
		PhoneNumber: string(w.PhoneNumber),
		Name:        w.Name,
		ExtensionID: string(w.ExtensionID),
		DeviceID:    string(w.DeviceID),
	}
}

func parseDirection(word string) Direction {
	switch {
	case strings.EqualFold(word, "Outbound"):
		return Outbound
	case strings.EqualFold(word, "Inbound"):
		return Inbound
	}
	return DirectionUnknown
}

func first(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}

// segmentAfter is the path segment that follows marker, "" when there is none
// or when it stands for the subscriber's own.
func segmentAfter(path, marker string) string {
	_, rest, found := strings.Cut(path, marker)
	if !found {
		return ""
	}
	segment, _, _ := strings.Cut(rest, "/")
	if segment == "~" {
		return ""
	}
	return segment
}

// The wire structs hold both the REST and the event form of a value.

type wireNotification struct {
	wireEnvelope
	Wrapped *wireEnvelope `json:"pn_apns"`
}

type wireEnvelope struct {
	UUID           ID       `json:"uuid"`
	Event          ID       `json:"event"`
	Timestamp      stamp    `json:"timestamp"`
	SubscriptionID ID       `json:"subscriptionId"`
	OwnerID        ID       `json:"ownerId"`
	Body           wireBody `json:"body"`
}

// wireBody is the body of a telephony session event and of a presence at once:
// their fields do not clash, and one pass reads either.
type wireBody struct {
	Sequence    number `json:"sequence"`
	AccountID   ID     `json:"accountId"`
	ExtensionID ID     `json:"extensionId"`

	SessionID          ID          `json:"sessionId"`
	TelephonySessionID ID          `json:"telephonySessionId"`
	EventTime          stamp       `json:"eventTime"`
	Origin             wireOrigin  `json:"origin"`
	Parties            []wireParty `json:"parties"`

	Extension       wireExtension    `json:"extension"`
	PresenceStatus  string           `json:"presenceStatus"`
	TelephonyStatus string           `json:"telephonyStatus"`
	UserStatus      string           `json:"userStatus"`
	DndStatus       string           `json:"dndStatus"`
	ActiveCalls     []wireActiveCall `json:"activeCalls"`
}

type wireSession struct {
	ID           ID          `json:"id"`
	Origin       wireOrigin  `json:"origin"`
	CreationTime stamp       `json:"creationTime"`
	Parties      []wireParty `json:"parties"`
}

type wireOrigin struct {
	Type string `json:"type"`
}

type wireExtension struct {
	ID              ID `json:"id"`
	ExtensionNumber ID `json:"extensionNumber"`
}

type wireActiveCall struct {
	SessionID          ID     `json:"sessionId"`
	TelephonySessionID ID     `json:"telephonySessionId"`
	PartyID            ID     `json:"partyId"`
	Direction          string `json:"direction"`
	QueueCall          answer `json:"queueCall"`
	From               ID     `json:"from"`
	FromName           string `json:"fromName"`
	To                 ID     `json:"to"`
	ToName             string `json:"toName"`
	StartTime          stamp  `json:"startTime"`
	TelephonyStatus    string `json:"telephonyStatus"`
}

type wireParty struct {
	ID          ID     `json:"id"`
	AccountID   ID     `json:"accountId"`
	ExtensionID ID     `json:"extensionId"`
	Direction   string `json:"direction"`
	Owner       struct {
		AccountID   ID `json:"accountId"`
		ExtensionID ID `json:"extensionId"`
	} `json:"owner"`
	From           wireEndpoint    `json:"from"`
	To             wireEndpoint    `json:"to"`
	Status         wireStatus      `json:"status"`
	Muted          answer          `json:"muted"`
	StandAlone     answer          `json:"standAlone"`
	MissedCall     answer          `json:"missedCall"`
	QueueCall      answer          `json:"queueCall"`
	Attributes     wireAttributes  `json:"attributes"`
	UICallInfo     wireUICallInfo  `json:"uiCallInfo"`
	Recordings     []wireRecording `json:"recordings"`
	Park           wirePark        `json:"park"`
	ConferenceRole string          `json:"conferenceRole"`
	RingOutRole    string          `json:"ringOutRole"`
	RingMeRole     string          `json:"ringMeRole"`
}

type wireStatus struct {
	Code        string `json:"code"`
	Reason      string `json:"reason"`
	Description string `json:"description"`
	ParkData    ID     `json:"parkData"`
	PeerID      struct {
		SessionID          ID `json:"sessionId"`
		TelephonySessionID ID `json:"telephonySessionId"`
		PartyID            ID `json:"partyId"`
	} `json:"peerId"`
}

type wireEndpoint struct {
	PhoneNumber ID     `json:"phoneNumber"`
	Name        string `json:"name"`
	ExtensionID ID     `json:"extensionId"`
	DeviceID    ID     `json:"deviceId"`
}

type wireAttributes struct {
	QueueCall answer `json:"queueCall"`
}

type wireUICallInfo struct {
	Primary    wireUICall `json:"primary"`
	Additional wireUICall `json:"additional"`
}

type wireUICall struct {
	Type  string `json:"type"`
	Value string `json:"value"`
}

type wireRecording struct {
	ID     ID     `json:"id"`
	Active answer `json:"active"`
	Mode   string `json:"mode"`
}

func (w wireRecording) recording() Recording {
	return Recording{ID: string(w.ID), Active: w.Active == answerYes, Mode: w.Mode}
}

type wirePark struct {
	ID ID `json:"id"`
}

// ID is an identifier or a number that RingCentral writes as a JSON string in
// one place and as a JSON number in another.
type ID string

// UnmarshalJSON reads a string or a number, takes anything else for absent, and
// never fails.
func (id *ID) UnmarshalJSON(b []byte) error {
	switch {
	case len(b) == 0:
	case b[0] == '"':
		*id = ID(unquote(b))
	case b[0] == '-' || (b[0] >= '0' && b[0] <= '9'):
		*id = ID(b)
	}
	return nil
}

// answer is a boolean that may be absent.
type answer uint8

const (
	answerAbsent answer = iota
	answerNo
	answerYes
)

func (f *answer) UnmarshalJSON(b []byte) error {
	switch string(b) {
	case "true", `"true"`:
		*f = answerYes
	case "false", `"false"`:
		*f = answerNo
	}
	return nil
}

func (f answer) pointer() *bool {
	if f == answerAbsent {
		return nil
	}
	return new(f == answerYes)
}

// number is an integer that may come as a string.
type number int64

func (n *number) UnmarshalJSON(b []byte) error {
	text := string(bytes.Trim(b, `"`))
	if i, err := strconv.ParseInt(text, 10, 64); err == nil {
		*n = number(i)
	}
	return nil
}

// stamp is a time as RingCentral writes it: RFC 3339 with or without fractions,
// a numeric zone without colon, or milliseconds since 1970.
type stamp time.Time

func (s *stamp) UnmarshalJSON(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	if b[0] != '"' {
		var ms number
		if err := ms.UnmarshalJSON(b); err == nil && ms > 0 {
			*s = stamp(time.UnixMilli(int64(ms)).UTC())
		}
		return nil
	}
	text := unquote(b)
	for _, layout := range [...]string{time.RFC3339, "2006-01-02T15:04:05-0700"} {
		if t, err := time.Parse(layout, text); err == nil {
			*s = stamp(t.UTC())
			break
		}
	}
	return nil
}

func (s stamp) time() time.Time { return time.Time(s) }

func unquote(b []byte) string {
	if len(b) >= 2 && bytes.IndexByte(b, '\\') < 0 {
		return strings.ToValidUTF8(string(b[1:len(b)-1]), "\uFFFD")
	}
	var s string
	if json.Unmarshal(b, &s) != nil {
		return ""
	}
	return s
}
