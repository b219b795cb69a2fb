package rc

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Conference is a call that others can be brought into. It prints without its
// token.
type Conference struct {
	SessionID string
	Token     string // what the host's phone dials to be in it; whoever has it gets in
}

// String hides the token.
func (c Conference) String() string { return "conference " + c.SessionID }

// GoString hides the token.
func (c Conference) GoString() string { return "rc.Conference{" + c.SessionID + "}" }

// LogValue hides the token.
func (c Conference) LogValue() slog.Value { return slog.StringValue(c.String()) }

// CallOut calls to from one of the person's desk or soft phones: that rings first,
// and when it is answered RingCentral dials. The answer is the new call in Setup.
// Only a number or an extension number can be called; an app's device id, or one
// that is offline, is an *Error with status 400, 403 or 404. Scope CallControl,
// group Heavy.
// See https://developers.ringcentral.com/api-reference/Call-Control/createCallOutCallSession.
func (p *Caller) CallOut(ctx context.Context, deviceID string, to Target) (telephony.Session, error) {
	const path = accountPath + "/telephony/call-out"
	k := call{method: http.MethodPost, path: path, route: path, group: Heavy, invalid: to.check(byNumber, byExtension)}
	if !isID(deviceID) {
		k.invalid = ErrBadID
	}
	return decoded(ctx, p, k.with(struct {
		From onDevice `json:"from"`
		To   Target   `json:"to"`
	}{onDevice{deviceID}, to}), telephony.DecodeSession)
}

// Conference opens a conference. It ends by itself when the host has not dialled
// its token within half a minute. Scope CallControl, group Heavy.
// See https://developers.ringcentral.com/api-reference/Call-Control/createConferenceCallSession.
func (p *Caller) Conference(ctx context.Context) (Conference, error) {
	const path = accountPath + "/telephony/conference"
	var w struct {
		Session struct {
			ID    telephony.ID `json:"id"`
			Token string       `json:"voiceCallToken"`
		} `json:"session"`
	}
	k := call{method: http.MethodPost, path: path, route: path, group: Heavy}.with(struct{}{})
	if err := p.read(ctx, k, &w); err != nil {
		return Conference{}, err
	}
	if w.Session.ID == "" {
		return Conference{}, &Error{Method: k.method, Path: k.path, Status: http.StatusOK, Err: telephony.ErrNoSession}
	}
	return Conference{SessionID: string(w.Session.ID), Token: w.Session.Token}, nil
}

// BringIn moves a party of another call into a conference, whose host must be in
// it already; the answer is the new party in Setup. A conference takes ten. What
// RingCentral does not allow is an *Error with status 403 (TAS-106) or 409. Scope
// CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/createCallPartyWithBringIn.
func (p *Caller) BringIn(ctx context.Context, conferenceID, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, call{
		method: http.MethodPost, path: sessionPath + "/" + conferenceID + "/parties/bring-in", route: sessionPath + "/{session}/parties/bring-in", group: Light,
	}, struct {
		SessionID string `json:"sessionId"` // of telephony, whatever its name says
		PartyID   string `json:"partyId"`
	}{sessionID, partyID}, conferenceID, sessionID, partyID)
}

// RemoveParty takes one party out of a conference, or out of a call that is
// supervised or parked; one that is gone already (404) counts as removed. An
// ordinary call is an *Error with status 403: that is for Drop. Scope CallControl,
// group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/deleteCallParty.
func (p *Caller) RemoveParty(ctx context.Context, sessionID, partyID string) error {
	k := partyCall("", sessionID, partyID)
	k.method = http.MethodDelete
	return unlessGone(p.done(ctx, k, nil, sessionID, partyID))
}
