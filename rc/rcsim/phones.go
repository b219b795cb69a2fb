package rcsim

import (
	"cmp"
	"net/http"
)

// pressed is the body of a phone verb; each verb reads what it needs, and the session may be left out when one call is meant.
type pressed struct {
	TelephonySessionID string `json:"telephonySessionId"`
	To                 string `json:"to"`
	Voicemail          string `json:"voicemail"`
	FlipNumber         string `json:"flipNumber"`
	DeviceID           string `json:"deviceId"`
	Agent              string `json:"agent"`
	ConferenceID       string `json:"conferenceId"`
	DNDStatus          string `json:"dndStatus"`
}

// handlePhone is POST /sim/api/phones/{ext}/{verb}: a person does something with their phone or in their app.
//
//	dial {"to"}                                   201 {"telephonySessionId"}: an extension, a queue, a number, a slot (*801)
//	call-out {"to"}                               201 {"telephonySessionId"}: an app calls; the person's own phone rings first
//	answer, decline, voicemail, ignore            204
//	hold, unhold, mute, unmute, hangup            204
//	transfer {"to"} or {"voicemail"}              204; to is what dial takes or a park location's number, voicemail an extension number
//	forward {"to"}                                204: a call that rings
//	park                                          200 {"slot"}
//	pickup {"to"} or {"telephonySessionId"}       201 {"telephonySessionId"}: from a slot, or from a park location
//	flip {"flipNumber"}                           204: to a forwarding number, where outside/{number}/answer takes it
//	switch {"deviceId"}                           204: to another device that is online, ringing or answered
//	record                                        201 {"recordingId"}
//	pause, resume                                 204: the newest recording
//	supervise {"agent","telephonySessionId"}      201 {"telephonySessionId"} of the supervisor's own leg
//	conference                                    201 {"telephonySessionId"}: opened; enter {"conferenceId"}, 204, dials into it
//	bring-in {"conferenceId","telephonySessionId"} 204
//	join {"telephonySessionId"}                   204: one more person in a call, as a supervisor who barges in by star code
//	online, offline                               204
//	dnd {"dndStatus"}                             204: DoNotAcceptAnyCalls, TakeAllCalls …
func (s *Server) handlePhone(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var in pressed
	if err := read(w, r, &in); err != nil {
		return 0, nil, err
	}
	ext, id := r.PathValue("ext"), in.TelephonySessionID
	done := func(err error) (int, any, error) { return http.StatusNoContent, nil, err }
	switch verb := r.PathValue("verb"); verb {
	case "dial":
		return created(s.Dial(ext, in.To))
	case "call-out":
		return created(s.CallOut(ext, in.To))
	case "transfer":
		if in.Voicemail != "" {
			return done(s.TransferToVoicemail(ext, id, in.Voicemail))
		}
		return done(s.Transfer(ext, id, in.To))
	case "forward":
		return done(s.Forward(ext, id, in.To))
	case "park":
		slot, err := s.Park(ext, id)
		return http.StatusOK, map[string]string{"slot": slot}, err
	case "pickup":
		return created(s.PickUp(ext, cmp.Or(in.To, id)))
	case "flip":
		return done(s.Flip(ext, id, in.FlipNumber))
	case "switch":
		return done(s.Switch(ext, id, in.DeviceID))
	case "record":
		recording, err := s.Record(ext, id)
		return http.StatusCreated, map[string]string{"recordingId": recording}, err
	case "pause", "resume":
		return done(s.PauseRecording(ext, id, verb == "pause"))
	case "supervise":
		return created(s.Supervise(ext, in.Agent, id))
	case "conference":
		return created(s.Conference(ext))
	case "enter":
		return done(s.JoinConference(ext, in.ConferenceID))
	case "bring-in":
		return done(s.BringIn(ext, in.ConferenceID, id))
	case "join":
		return done(s.Join(ext, id))
	case "dnd":
		return done(s.SetDND(ext, in.DNDStatus))
	case "online", "offline":
		return done(s.SetOnline(ext, verb == "online"))
	default:
		return done(s.Phone(ext, verb, id))
	}
}
