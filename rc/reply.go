package rc

import (
	"context"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Reply is what the caller of a ringing call is told instead of being answered:
// a text, or one of RingCentral's own sentences; exactly one of them.
type Reply struct {
	Text    string        `json:"replyWithText,omitempty"`
	Pattern *ReplyPattern `json:"replyWithPattern,omitempty"`
}

// ReplyPattern is one of RingCentral's own sentences. WillCallYouBack and
// CallMeBack take a time.
type ReplyPattern struct {
	Name ReplyName `json:"pattern"`
	Time int       `json:"time,omitempty"`     // in units of Unit
	Unit ReplyUnit `json:"timeUnit,omitempty"` // "" without a time
}

// ReplyName names a sentence.
type ReplyName string

// RingCentral's own sentences.
const (
	WillCallYouBack      ReplyName = "WillCallYouBack" // takes a time
	CallMeBack           ReplyName = "CallMeBack"      // takes a time
	OnMyWay              ReplyName = "OnMyWay"
	OnTheOtherLine       ReplyName = "OnTheOtherLine"
	WillCallYouBackLater ReplyName = "WillCallYouBackLater"
	CallMeBackLater      ReplyName = "CallMeBackLater"
	InAMeeting           ReplyName = "InAMeeting"
	OnTheOtherLineNoCall ReplyName = "OnTheOtherLineNoCall"
)

// ReplyUnit is the unit of a time.
type ReplyUnit string

// The units of a time.
const (
	ReplyMinutes ReplyUnit = "Minute"
	ReplyHours   ReplyUnit = "Hour"
	ReplyDays    ReplyUnit = "Day"
)

// Reply tells the caller of a ringing call something instead of answering it; a
// call that rings no longer is an *Error with status 409 and code TAS-102. Scope
// CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/replyParty.
func (p *Caller) Reply(ctx context.Context, sessionID, partyID string, r Reply) (telephony.Party, error) {
	k := partyCall("reply", sessionID, partyID)
	if (r.Text == "") == (r.Pattern == nil) {
		k.invalid = ErrBadArgument
	}
	return p.party(ctx, k, r, sessionID, partyID)
}
