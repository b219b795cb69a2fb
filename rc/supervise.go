package rc

import (
	"context"
	"net/http"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Supervision says who is listened to, and where. RingCentral offers listening
// alone: to whisper or to barge in is done on the supervisor's phone.
type Supervision struct {
	AgentID  string // extension id of the colleague; a call monitoring group must let the person monitor them
	DeviceID string // the person's own desk or soft phone, which must be online
	Ring     bool   // the device rings until it is answered; otherwise it answers by itself
}

type superviseBody struct {
	Mode       string `json:"mode"`
	AgentID    string `json:"agentExtensionId"`
	DeviceID   string `json:"supervisorDeviceId"`
	AutoAnswer bool   `json:"autoAnswer"`
}

func (s Supervision) body() superviseBody {
	return superviseBody{Mode: "Listen", AgentID: s.AgentID, DeviceID: s.DeviceID, AutoAnswer: !s.Ring}
}

// Supervise calls the person's device so that they hear a call, all voices on one
// channel; the answer is the party that listens. A call has one supervisor at a
// time; what RingCentral does not allow is an *Error with status 403, 404 or 409.
// Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/superviseCallSession.
func (p *Caller) Supervise(ctx context.Context, sessionID string, s Supervision) (telephony.Party, error) {
	return p.party(ctx, call{
		method: http.MethodPost, path: sessionPath + "/" + sessionID + "/supervise", route: sessionPath + "/{session}/supervise", group: Light,
	}, s.body(), sessionID, s.AgentID, s.DeviceID)
}

// SuperviseParty calls the person's device so that they hear one party of a call
// of two, on a channel of its own; the answer is the party that listens. It fails
// as Supervise does. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/superviseCallParty.
func (p *Caller) SuperviseParty(ctx context.Context, sessionID, partyID string, s Supervision) (telephony.Party, error) {
	return p.party(ctx, partyCall("supervise", sessionID, partyID), s.body(), sessionID, partyID, s.AgentID, s.DeviceID)
}
