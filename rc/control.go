package rc

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Target is where a call goes. The zero value is none; the To functions make one.
type Target struct{ kind, value string }

const (
	byNumber      = "phoneNumber"
	byExtension   = "extensionNumber"
	byExtensionID = "extensionId"
	byVoicemail   = "voicemail"
	byParkOrbit   = "parkOrbit"
)

// ToNumber is a telephone number, in E.164.
func ToNumber(number string) Target { return Target{byNumber, number} }

// ToExtension is a person, a queue or a menu, by extension number.
func ToExtension(number string) Target { return Target{byExtension, number} }

// ToExtensionID is a person, a queue or a menu, by extension id.
func ToExtensionID(id string) Target { return Target{byExtensionID, id} }

// ToVoicemail is the mailbox of an extension, by extension id.
func ToVoicemail(extensionID string) Target { return Target{byVoicemail, extensionID} }

// ToParkLocation is a park location, by its orbit id; Transfer alone takes it.
func ToParkLocation(orbit string) Target { return Target{byParkOrbit, orbit} }

// String names the target, of a telephone number the last four digits.
func (t Target) String() string { return t.kind + " " + maskNumbers(t.value) }

// MarshalJSON writes the one field that RingCentral wants.
func (t Target) MarshalJSON() ([]byte, error) {
	return json.Marshal(map[string]string{t.kind: t.value})
}

// check is ErrBadArgument for a target that the operation does not take.
func (t Target) check(kinds ...string) error {
	if t.value == "" || !slices.Contains(kinds, t.kind) {
		return ErrBadArgument
	}
	return nil
}

// Session reads a call with all its parties, other people's included; one that
// is long over is an *Error with status 404. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/readCallSessionStatus.
func (p *Caller) Session(ctx context.Context, sessionID string) (telephony.Session, error) {
	return decoded(ctx, p, call{
		method: http.MethodGet, path: sessionPath + "/" + sessionID, route: sessionPath + "/{session}", group: Light,
	}, telephony.DecodeSession, sessionID)
}

// Hold puts the person's own party on hold; a state that does not allow it is an
// *Error with status 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/holdCallParty.
func (p *Caller) Hold(ctx context.Context, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, partyCall("hold", sessionID, partyID), nil, sessionID, partyID)
}

// Unhold takes the person's own party back from a hold made over REST, not from
// one made on a phone; a state that does not allow it is an *Error with status
// 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/unholdCallParty.
func (p *Caller) Unhold(ctx context.Context, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, partyCall("unhold", sessionID, partyID), nil, sessionID, partyID)
}

// Mute mutes the person's own party, or takes back a mute made over REST, not
// one made on a phone; a state that does not allow it is an *Error with status
// 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/updateCallParty.
func (p *Caller) Mute(ctx context.Context, sessionID, partyID string, muted bool) (telephony.Party, error) {
	k := partyCall("", sessionID, partyID)
	k.method = http.MethodPatch
	// Flat, as RingCentral's own clients send it; its document wraps it in "party".
	return p.party(ctx, k, map[string]bool{"muted": muted}, sessionID, partyID)
}

// Answer answers a ringing party of the person's own on one of their devices. A
// call that rings no longer is an *Error with status 409 and code TAS-102. Scope
// CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/answerCallParty.
func (p *Caller) Answer(ctx context.Context, sessionID, partyID, deviceID string) (telephony.Party, error) {
	return p.party(ctx, partyCall("answer", sessionID, partyID), onDevice{deviceID}, sessionID, partyID, deviceID)
}

// Reject declines a ringing party of the person's own: the caller goes to
// voicemail, or on ringing elsewhere. A call from a queue is ignored instead, with
// Ignore. A call that rings no longer is an *Error with status 409 and code
// TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/rejectParty.
func (p *Caller) Reject(ctx context.Context, sessionID, partyID string) error {
	return p.done(ctx, partyCall("reject", sessionID, partyID), nil, sessionID, partyID)
}

// Ignore stops a queue's call from ringing on one of the person's devices; it
// rings on at other agents. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/ignoreCallInQueue.
func (p *Caller) Ignore(ctx context.Context, sessionID, partyID, deviceID string) error {
	return p.done(ctx, partyCall("ignore", sessionID, partyID), onDevice{deviceID}, sessionID, partyID, deviceID)
}

// Forward sends a ringing call on to somebody else, unanswered; a call that rings
// no longer is an *Error with status 409 and code TAS-102. Scope CallControl,
// group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/forwardCallParty.
func (p *Caller) Forward(ctx context.Context, sessionID, partyID string, to Target) (telephony.Party, error) {
	k := partyCall("forward", sessionID, partyID)
	k.invalid = to.check(byNumber, byExtension, byExtensionID, byVoicemail)
	return p.party(ctx, k, to, sessionID, partyID)
}

// Transfer hands a call over without asking, from the person's own party in
// Answered or Hold; any other state is an *Error with status 409 and code TAS-102.
// A mute is not carried over. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/transferCallParty.
func (p *Caller) Transfer(ctx context.Context, sessionID, partyID string, to Target) (telephony.Party, error) {
	k := partyCall("transfer", sessionID, partyID)
	k.invalid = to.check(byNumber, byExtension, byExtensionID, byVoicemail, byParkOrbit)
	return p.party(ctx, k, to, sessionID, partyID)
}

// Bridge joins the far parties of two calls and takes the person out of both;
// the parties named are the person's own. It is sent at once or not at all, since
// it rests on reads made just before. The answer is the path party and is no proof
// yet. A wrong state is an *Error with status 409 (TAS-102), a party of
// somebody else one with 403. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/bridgeCallParty.
func (p *Caller) Bridge(ctx context.Context, sessionID, partyID, otherSession, otherParty string) (telephony.Party, error) {
	other := telephony.Peer{SessionID: otherSession, PartyID: otherParty}
	return p.party(atOnce(ctx), partyCall("bridge", sessionID, partyID), other, sessionID, partyID, otherSession, otherParty)
}

// Park parks an incoming call of the person's own; the slot, such as "*801", is
// in the answer's Status.ParkData or ParkID, and in the events that follow. An
// account parks 50 calls at most. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/callParkParty.
func (p *Caller) Park(ctx context.Context, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, partyCall("park", sessionID, partyID), nil, sessionID, partyID)
}

// Pickup takes a call out of a park location on one of the person's devices; the
// ids are those of the parked party. A call that is not parked is an *Error with
// status 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/pickupCallParty.
func (p *Caller) Pickup(ctx context.Context, sessionID, partyID, deviceID string) (telephony.Party, error) {
	return p.party(ctx, partyCall("pickup", sessionID, partyID), onDevice{deviceID}, sessionID, partyID, deviceID)
}

// Drop ends a call for everybody in it; one that is already over (404) counts as
// dropped. It is sent at once or not at all, since whoever drops a call has just
// seen who is in it. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/deleteCallSession.
func (p *Caller) Drop(ctx context.Context, sessionID string) error {
	return unlessGone(p.done(atOnce(ctx), call{
		method: http.MethodDelete, path: sessionPath + "/" + sessionID, route: sessionPath + "/{session}", group: Light,
	}, nil, sessionID))
}

// onDevice is the body that names a device.
type onDevice struct {
	ID string `json:"deviceId"`
}

// partyCall is an operation on a party, or the party itself without a verb.
func partyCall(verb, sessionID, partyID string) call {
	path := sessionPath + "/" + sessionID + "/parties/" + partyID
	route := sessionPath + "/{session}/parties/{party}"
	if verb != "" {
		path, route = path+"/"+verb, route+"/"+verb
	}
	return call{method: http.MethodPost, path: path, route: route, group: Light}
}

// party is an operation that answers with a party.
func (p *Caller) party(ctx context.Context, k call, body any, ids ...string) (telephony.Party, error) {
	return decoded(ctx, p, k.with(body), telephony.DecodeParty, ids...)
}

// done is an operation that answers with nothing.
func (p *Caller) done(ctx context.Context, k call, body any, ids ...string) error {
	_, err := p.do(ctx, k.with(body), ids...)
	return err
}

// unlessGone takes 404 for done: what was to be ended is over already.
func unlessGone(err error) error {
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}
