package rc

import (
	"context"
	"net/http"

	"github.com/cordboard/cordboard/rc/telephony"
)

// StartRecording begins to record the person's own party. RingCentral records no
// conference; a state that does not allow it is an *Error with status 403
// (TAS-101) or 409. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/startCallRecording.
func (p *Caller) StartRecording(ctx context.Context, sessionID, partyID string) (telephony.Recording, error) {
	return decoded(ctx, p, partyCall("recordings", sessionID, partyID), telephony.DecodeRecording, sessionID, partyID)
}

// SetRecording pauses a recording (active false) or takes it up again. An
// automatic one that may not be paused is an *Error with status 403 and code
// TAS-115. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/pauseResumeCallRecording.
func (p *Caller) SetRecording(ctx context.Context, sessionID, partyID, recordingID string, active bool) (telephony.Recording, error) {
	k := partyCall("recordings", sessionID, partyID)
	k.method, k.path, k.route = http.MethodPatch, k.path+"/"+recordingID, k.route+"/{recording}"
	return decoded(ctx, p, k.with(map[string]bool{"active": active}), telephony.DecodeRecording, sessionID, partyID, recordingID)
}
