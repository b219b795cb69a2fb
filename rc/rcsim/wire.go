package rcsim

import (
	"encoding/json"
	"strconv"
	"time"
)

// What goes over the wire. Events and REST answers spell the same party differently (API sheet 6.3), so each has its own form.

const brandID = "1210"

// stamp is a time as RingCentral writes it: UTC, milliseconds.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z")
}

type peerWire struct {
	SessionID          string `json:"sessionId"`
	TelephonySessionID string `json:"telephonySessionId,omitempty"`
	PartyID            string `json:"partyId"`
}

type mobilePickup struct {
	CCMailboxes []string `json:"ccMailboxes"`
	To          string   `json:"to"`
	SID         string   `json:"sid"`
	SrvLvl      string   `json:"srvLvl"`
	SrvLvlExt   string   `json:"srvLvlExt"`
}

type statusWire struct {
	Code             string        `json:"code"`
	Reason           string        `json:"reason,omitempty"`
	ParkData         string        `json:"parkData,omitempty"`
	PeerID           *peerWire     `json:"peerId,omitempty"`
	MobilePickupData *mobilePickup `json:"mobilePickupData,omitempty"`
	RCC              *bool         `json:"rcc,omitempty"`
}

type parkWire struct {
	ID string `json:"id,omitempty"`
}

type eventParty struct {
	AccountID      string          `json:"accountId,omitempty"`
	ExtensionID    string          `json:"extensionId,omitempty"`
	ID             string          `json:"id"`
	Direction      string          `json:"direction"`
	To             partyInfo       `json:"to"`
	From           partyInfo       `json:"from"`
	Recordings     []recordingWire `json:"recordings,omitempty"`
	Status         statusWire      `json:"status"`
	Park           parkWire        `json:"park"`
	QueueCall      bool            `json:"queueCall,omitempty"`
	MissedCall     bool            `json:"missedCall"`
	StandAlone     bool            `json:"standAlone"`
	Muted          bool            `json:"muted"`
	ConferenceRole string          `json:"conferenceRole,omitempty"`
	SIPData        *sipWire        `json:"sipData,omitempty"`
}

// statusWire is a party's status without its peer, which events and REST spell differently.
func (p *party) statusWire() statusWire {
	w := statusWire{Code: p.code, Reason: p.reason}
	if p.inSlot() {
		w.ParkData = p.park // empty for park locations
	}
	return w
}

type sipWire struct {
	CallID  string `json:"callId"`
	ToTag   string `json:"toTag"`
	FromTag string `json:"fromTag"`
}

type originWire struct {
	Type string `json:"type"`
}

type eventBody struct {
	Sequence           int          `json:"sequence"`
	SessionID          string       `json:"sessionId"`
	TelephonySessionID string       `json:"telephonySessionId"`
	ServerID           string       `json:"serverId"`
	EventTime          string       `json:"eventTime"`
	Parties            []eventParty `json:"parties"`
	Origin             originWire   `json:"origin"`
}

// envelope is a notification; Body is made once and shared by every subscriber.
type envelope struct {
	UUID           string          `json:"uuid"`
	Event          string          `json:"event"`
	Timestamp      string          `json:"timestamp"`
	SubscriptionID string          `json:"subscriptionId"`
	OwnerID        string          `json:"ownerId"`
	Body           json.RawMessage `json:"body"`
}

// eventWire is the body of a telephony session notification.
func (s *Server) eventWire(ev event, sip bool) eventBody {
	p := ev.p
	no := false
	w := eventParty{
		AccountID: s.dir.account.ID, ExtensionID: p.extID, ID: p.id, Direction: p.direction, To: p.to, From: p.from,
		Status: p.statusWire(), Park: parkWire{p.park}, Recordings: p.recordingsWire(), ConferenceRole: p.role,
		QueueCall: p.queueCall, MissedCall: p.missed, StandAlone: p.standAlone, Muted: p.muted,
	}
	w.Status.RCC = &no
	if p.peer != nil && p.code == codeGone {
		w.Status.PeerID = &peerWire{SessionID: p.peer.s.legacy, TelephonySessionID: p.peer.s.id, PartyID: p.peer.id}
	}
	if ev.pickup {
		w.Status.MobilePickupData = &mobilePickup{
			CCMailboxes: []string{p.extID}, To: "#" + p.extID + "@sip.rcsim.example:5060", SID: ev.s.legacy, SrvLvl: "-149699523", SrvLvlExt: "406",
		}
	}
	if sip {
		w.SIPData = &sipWire{CallID: ev.s.suffix, ToTag: "to" + strconv.Itoa(p.n), FromTag: p.id}
	}
	return eventBody{
		Sequence: ev.seq, SessionID: ev.s.legacy, TelephonySessionID: ev.s.id, ServerID: "10.13.22.27.TAM",
		EventTime: stamp(ev.at), Parties: []eventParty{w}, Origin: originWire{ev.s.origin},
	}
}

type ownerWire struct {
	AccountID   string `json:"accountId"`
	ExtensionID string `json:"extensionId,omitempty"`
	BrandID     string `json:"brandId"`
}

type attributesWire struct {
	QueueCall bool `json:"queueCall,omitempty"`
}

// restParty is CallParty: what REST answers for a party.
type restParty struct {
	ID             string          `json:"id"`
	AccountID      string          `json:"accountId,omitempty"`
	ExtensionID    string          `json:"extensionId,omitempty"`
	BrandID        string          `json:"brandId,omitempty"`
	Attributes     *attributesWire `json:"attributes,omitempty"`
	Direction      string          `json:"direction"`
	From           partyInfo       `json:"from"`
	To             partyInfo       `json:"to"`
	Status         statusWire      `json:"status"`
	Park           *parkWire       `json:"park,omitempty"`
	Recordings     []recordingWire `json:"recordings,omitempty"`
	Muted          bool            `json:"muted"`
	StandAlone     bool            `json:"standAlone"`
	RingOutRole    string          `json:"ringOutRole,omitempty"`
	ConferenceRole string          `json:"conferenceRole,omitempty"`
	Owner          *ownerWire      `json:"owner,omitempty"`
}

func (s *Server) partyWire(p *party) restParty {
	w := restParty{
		ID: p.id, Attributes: &attributesWire{QueueCall: p.queueCall}, Direction: p.direction, From: p.from, To: p.to,
		Status: p.statusWire(), Recordings: p.recordingsWire(), Muted: p.muted, StandAlone: p.standAlone, ConferenceRole: p.role, RingOutRole: p.ringOutRole(),
	}
	if p.park != "" {
		w.Park = &parkWire{p.park}
	}
	if p.extID != "" {
		w.AccountID, w.ExtensionID, w.BrandID = s.dir.account.ID, p.extID, brandID
		w.Owner = &ownerWire{AccountID: s.dir.account.ID, ExtensionID: p.extID, BrandID: brandID}
	}
	if p.peer != nil && p.code == codeGone {
		// REST puts the telephony id into sessionId (recorded bridge answer).
		w.Status.PeerID = &peerWire{SessionID: p.peer.s.id, PartyID: p.peer.id}
	}
	return w
}

// byOwner makes a party's answer one of forward and reply, which tell whose it is by its owner alone.
func byOwner(status int, answer any, err error) (int, any, error) {
	if w, ok := answer.(restParty); ok {
		w.AccountID, w.ExtensionID, w.BrandID, w.Attributes = "", "", "", nil
		answer = w
	}
	return status, answer, err
}

// monitorWire is the monitoring party that supervise answers: it has no attributes.
func (s *Server) monitorWire(p *party) restParty {
	w := s.partyWire(p)
	w.Attributes = nil
	return w
}

type restSession struct {
	ID             string      `json:"id"`
	Origin         originWire  `json:"origin"`
	VoiceCallToken string      `json:"voiceCallToken,omitempty"`
	Parties        []restParty `json:"parties"`
	CreationTime   string      `json:"creationTime"`
}

// callSessionWire is what call-out and conference answer.
type callSessionWire struct {
	Session restSession `json:"session"`
}

func (s *Server) callSession(c *session) callSessionWire { return callSessionWire{s.sessionWire(c)} }

func (s *Server) sessionWire(c *session) restSession {
	w := restSession{
		ID: c.id, Origin: originWire{c.origin}, VoiceCallToken: c.voiceCallToken(), Parties: []restParty{}, CreationTime: c.created.Format("2006-01-02T15:04:05Z"),
	}
	for _, p := range c.parties {
		w.Parties = append(w.Parties, s.partyWire(p))
	}
	return w
}
