package board

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// story is a watch that is told of a held customer and a consult, event by
// event, with a step after each.
type story struct {
	*testing.T
	*Watch
	happened []Happening
}

func tell(t *testing.T) *story { t.Helper(); return &story{T: t, Watch: NewWatch(agent, Timing{})} }

func (s *story) events(events ...tp.Event) *story {
	s.Helper()
	for _, e := range events {
		s.State.Apply(e)
		s.happened = append(s.happened, s.Step(e.At)...)
	}
	return s
}

func (s *story) read(seconds float64, answer tp.Session) *story {
	s.Helper()
	read(s.T, s.State, seconds, answer)
	s.happened = append(s.happened, s.Step(at(seconds))...)
	return s
}

func (s *story) at(seconds float64) *story {
	s.happened = append(s.happened, s.Step(at(seconds))...)
	return s
}

// codes are the happenings so far, which are then forgotten.
func (s *story) codes() string {
	text := ""
	for _, h := range s.happened {
		what := string(h.Code)
		if h.Back {
			what = "back"
		}
		text += what + " " + h.Leg.SessionID + ";"
	}
	s.happened = nil
	return text
}

func customerRead(code tp.Code) tp.Session {
	return listed(customerCall, someone(customerCall, 1, "", tp.Answered), incoming(customerCall, 2, rosa, code))
}

func consultEvent(sequence int64, seconds float64, code tp.Code) tp.Event {
	return event(consultCall, sequence, seconds, outgoing(consultCall, "103", code))
}

// held tells up to the customer on hold since 10.
func (s *story) held() *story {
	s.Helper()
	return s.events(in(2, 0, tp.Setup), in(3, 1, tp.Proceeding), in(4, 5, tp.Answered), in(5, 10, tp.Hold)).read(10.1, customerRead(tp.Hold))
}

// ringing tells up to the consult's phone ringing at 20.
func (s *story) ringing() *story {
	s.Helper()
	return s.held().events(consultEvent(2, 19, tp.Setup), consultEvent(4, 20, tp.Answered)).read(20.1, consultRead(tp.Proceeding))
}

// consulted tells up to the consult's answer at 27.
func (s *story) consulted() *story {
	s.Helper()
	return s.ringing().read(27, consultRead(tp.Answered))
}

func customerGone(sequence int64, seconds float64) tp.Event {
	return event(customerCall, sequence, seconds, toPeer(because(incoming(customerCall, 2, rosa, tp.Gone), tp.ReasonAttendedTransfer), consultCall))
}

func consultGone(seconds float64) tp.Event {
	return event(consultCall, 9, seconds, toPeer(because(outgoing(consultCall, "103", tp.Gone), tp.ReasonAttendedTransfer), customerCall))
}

func TestStages(t *testing.T) {
	tests := map[string]struct {
		tell  func(s *story)
		now   float64
		stage Stage
		since Since
	}{
		"free":                   {func(*story) {}, 1, StageFree, Since{}},
		"incoming call":          {func(s *story) { s.events(in(2, 0, tp.Setup), in(3, 1, tp.Proceeding)) }, 2, StageRinging, exact(0)},
		"Proceeding -> Answered": {func(s *story) { s.events(in(3, 1, tp.Proceeding), in(4, 5, tp.Answered)) }, 6, StageTalking, exact(5)},
		"talking, another rings": {func(s *story) {
			s.events(in(4, 5, tp.Answered), event("s-3", 2, 6, incoming("s-3", 2, victor, tp.Proceeding)))
		}, 7, StageTalking, exact(5)},
		"Answered -> Hold":        {func(s *story) { s.held() }, 11, StageHolding, exact(10)},
		"two on hold: the first":  {func(s *story) { s.held().events(event("s-3", 2, 16, incoming("s-3", 2, victor, tp.Hold))) }, 17, StageHolding, exact(10)},
		"the consult rings":       {func(s *story) { s.ringing() }, 21, StageConsultRinging, exact(19)},
		"the consult answers":     {func(s *story) { s.consulted() }, 28, StageConsulting, atLeast(27)},
		"the consult is swapped":  {func(s *story) { s.consulted().events(in(6, 30, tp.Answered), consultEvent(7, 30, tp.Hold)) }, 31, StageConsulting, atLeast(27)},
		"a voicemail takes it":    {func(s *story) { s.ringing().read(30, consultRead(tp.VoiceMail)) }, 31, StageAlone, exact(10)},
		"a fax takes it":          {func(s *story) { s.ringing().read(30, consultRead(tp.FaxReceive)) }, 31, StageAlone, exact(10)},
		"the consult leaves":      {func(s *story) { s.consulted().events(consultEvent(9, 40, tp.Disconnected)) }, 41, StageAlone, exact(10)},
		"back to the customer":    {func(s *story) { s.consulted().events(consultEvent(9, 40, tp.Disconnected), in(6, 41, tp.Answered)) }, 42, StageTalking, exact(5)},
		"joined":                  {func(s *story) { s.consulted().events(customerGone(6, 50), consultGone(51)) }, 52, StageJoined, exact(51)},
		"joined, the last moment": {func(s *story) { s.consulted().events(customerGone(6, 50), consultGone(51)) }, 81, StageJoined, exact(51)},
		"joined a while ago":      {func(s *story) { s.consulted().events(customerGone(6, 50), consultGone(51)) }, 81.1, StageFree, Since{}},
		"joined, then another call": {func(s *story) {
			s.consulted().events(customerGone(6, 50), consultGone(51), event("s-3", 2, 55, incoming("s-3", 2, victor, tp.Proceeding)))
		}, 56, StageRinging, exact(55)},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			tt.tell(s)
			m := s.at(tt.now).Member(at(tt.now))
			want(t, "stage", m.Stage, tt.stage)
			want(t, "since", m.Since, tt.since)
			want(t, "owner", m.Owner, agent)
			if diff := cmp.Diff(s.Board, m.Board); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestHappenings(t *testing.T) {
	third := event("s-3", 2, 15, incoming("s-3", 2, victor, tp.Proceeding))
	tests := map[string]struct {
		tell func(s *story)
		want string
	}{
		"nothing": {func(s *story) { s.consulted() }, ""},
		"Hold -> Disconnected: the customer left, nobody consulted":  {func(s *story) { s.held().events(in(6, 30, tp.Disconnected)) }, "customer-left s-1;"},
		"Hold -> Disconnected: the customer left during the consult": {func(s *story) { s.consulted().events(in(6, 30, tp.Disconnected)) }, "customer-left s-1;"},
		"the customer left while the consult rang":                   {func(s *story) { s.ringing().events(in(6, 30, tp.Disconnected)) }, "customer-left s-1;"},
		"the customer left, told twice": {func(s *story) {
			s.held().events(in(6, 30, tp.Disconnected), in(6, 30, tp.Disconnected), in(7, 31, tp.Disconnected)).at(40)
		}, "customer-left s-1;"},
		"Answered -> Disconnected: an ordinary end": {func(s *story) { s.events(in(4, 5, tp.Answered), in(5, 9, tp.Disconnected)) }, ""},
		"the consult left":                          {func(s *story) { s.consulted().events(consultEvent(9, 40, tp.Disconnected)) }, "consult-left s-2;"},
		"the consult declined":                      {func(s *story) { s.ringing().events(consultEvent(9, 40, tp.Disconnected)) }, "consult-none s-2;"},
		"both left":                                 {func(s *story) { s.consulted().events(consultEvent(9, 40, tp.Disconnected), in(6, 41, tp.Disconnected)) }, "consult-left s-2;customer-left s-1;"},
		"the customer left, then the consult":       {func(s *story) { s.consulted().events(in(6, 40, tp.Disconnected), consultEvent(9, 41, tp.Disconnected)) }, "customer-left s-1;"},
		"a call that nobody took":                   {func(s *story) { s.events(in(3, 1, tp.Proceeding), in(4, 20, tp.Disconnected)) }, "missed s-1;"},
		"a call that nobody took during a consult": {func(s *story) {
			s.consulted().events(third, event("s-3", 3, 29, incoming("s-3", 2, victor, tp.Disconnected)))
		}, "missed s-3;"},
		"a call of the owner that nobody took": {func(s *story) { s.events(consultEvent(2, 1, tp.Setup), consultEvent(3, 9, tp.Disconnected)) }, ""},
		"joined: path first":                   {func(s *story) { s.consulted().events(customerGone(6, 50), consultGone(51)) }, "joined-elsewhere s-1;"},
		"joined: body first":                   {func(s *story) { s.consulted().events(consultGone(50), customerGone(6, 51)) }, "joined-elsewhere s-1;"},
		"joined: the swapped consult just disconnects": {func(s *story) {
			s.consulted().events(in(6, 30, tp.Answered), consultEvent(7, 30, tp.Hold), customerGone(7, 50), consultEvent(9, 51, tp.Disconnected))
		}, "joined-elsewhere s-1;"},
		"moved to another device": {func(s *story) {
			s.held().events(event(customerCall, 6, 30, because(incoming(customerCall, 2, rosa, tp.Disconnected), tp.ReasonCallSwitch)),
				event(customerCall, 7, 31, incoming(customerCall, 3, rosa, tp.Answered)))
		}, ""},
		"the consult left, and back to the customer": {func(s *story) {
			s.consulted().events(consultEvent(9, 40, tp.Disconnected), in(6, 41, tp.Answered), in(7, 42, tp.Hold), in(8, 43, tp.Answered))
		}, "consult-left s-2;back s-1;"},
		"swapped, then the consult hung up": {func(s *story) {
			s.consulted().events(in(6, 40, tp.Answered), consultEvent(9, 41, tp.Disconnected))
		}, "consult-left s-2;back s-1;"},
		"back long after the consult left, over a restart": {func(s *story) {
			s.consulted().events(consultEvent(9, 40, tp.Disconnected)).at(140)
			s.Watch = Restore(s.Save(), Timing{}, at(141))
			s.events(in(6, 142, tp.Answered))
		}, "consult-left s-2;back s-1;"},
		"swapped":                    {func(s *story) { s.consulted().events(in(6, 40, tp.Answered)) }, ""},
		"off hold, nobody consulted": {func(s *story) { s.held().events(in(6, 40, tp.Answered)) }, ""},
		"the customer left while the feed was lost": {func(s *story) {
			s.held()
			s.State.Apply(in(6, 30, tp.Disconnected))
			s.at(170)
		}, "customer-left s-1;"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := tell(t)
			tt.tell(s)
			want(t, "happened", s.codes(), tt.want)
		})
	}
}

func TestCustomerLeftTellsHowLongTheyWaited(t *testing.T) {
	s := tell(t).consulted().events(in(6, 112, tp.Disconnected))
	h := s.happened[0]
	want(t, "waited", h.Leg.HeldFor(at(500)), 102*time.Second)
	want(t, "at least", h.Leg.Held.AtLeast, false)
	want(t, "far", h.Leg.Far.Number, rosa)
	want(t, "the consult is still there", h.Other.SessionID, consultCall)
}

func TestRescue(t *testing.T) {
	declined := func(t *testing.T) *story {
		t.Helper()
		return tell(t).ringing().events(consultEvent(9, 40, tp.Disconnected))
	}
	s := declined(t)
	if diff := cmp.Diff(&Rescue{SessionID: customerCall, Cause: NoticeConsultNone, Consult: s.Rescue.Consult, At: at(40)}, s.Rescue); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	want(t, "consult", s.Rescue.Consult.Number, "103")
	c, alone := s.Alone()
	want(t, "alone", alone, true)
	want(t, "who", c.SessionID, customerCall)
	s.at(100)
	want(t, "rescue a minute later", s.Rescue != nil, true)

	tests := map[string]func(s *story){
		"Hold -> Answered: back":     func(s *story) { s.events(in(6, 41, tp.Answered)) },
		"the customer leaves":        func(s *story) { s.events(in(6, 41, tp.Disconnected)) },
		"somebody else is consulted": func(s *story) { s.events(event("s-3", 2, 41, outgoing("s-3", "104", tp.Setup))) },
		"the customer is gone for a read": func(s *story) {
			m := s.State.StartRead(customerCall, at(41))
			s.State.FinishRead(m, tp.Session{}, false, at(41))
			s.at(41)
		},
	}
	for name, end := range tests {
		t.Run(name, func(t *testing.T) {
			s := declined(t)
			end(s)
			if s.Rescue != nil {
				t.Errorf("still alone: %+v", s.Rescue)
			}
			_, alone := s.Alone()
			want(t, "alone", alone, false)
		})
	}
	t.Run("a voicemail is no rescue, but alone", func(t *testing.T) {
		s := tell(t).ringing().read(30, consultRead(tp.VoiceMail))
		want(t, "rescue", s.Rescue == nil, true)
		_, alone := s.Alone()
		want(t, "alone", alone, true)
		_, alone = tell(t).consulted().Alone()
		want(t, "alone with a person", alone, false)
		s.events(in(6, 31, tp.Answered))
		_, alone = s.Alone()
		want(t, "alone when back", alone, false)
	})
}

func TestJoined(t *testing.T) {
	tests := map[string]struct {
		events []tp.Event
		at     float64 // 0 = not joined
	}{
		"path first":                {[]tp.Event{customerGone(6, 50), consultGone(51)}, 51},
		"body first":                {[]tp.Event{consultGone(50), customerGone(6, 51)}, 51},
		"Disconnected for the body": {[]tp.Event{customerGone(6, 50), consultEvent(9, 51, tp.Disconnected)}, 51},
		"path only":                 {[]tp.Event{customerGone(6, 50)}, 0},
		"both just hang up":         {[]tp.Event{in(6, 50, tp.Disconnected), consultEvent(9, 51, tp.Disconnected)}, 0},
		"to another call": {[]tp.Event{
			event(customerCall, 6, 50, toPeer(because(incoming(customerCall, 2, rosa, tp.Gone), tp.ReasonAttendedTransfer), "s-9")), consultGone(51),
		}, 0},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := tell(t).consulted().events(tt.events...)
			if tt.at == 0 {
				if s.Last != nil {
					t.Errorf("joined: %+v", s.Last)
				}
				return
			}
			if s.Last == nil {
				t.Fatal("not joined")
			}
			want(t, "at", s.Last.At, at(tt.at))
			want(t, "customer", s.Last.Customer.SessionID, customerCall)
			want(t, "consult", s.Last.Consult.SessionID, consultCall)
			want(t, "stage", s.Member(at(55)).Stage, StageJoined)
			s.at(82)
			want(t, "remembered after 31 s", s.Last == nil, true)
		})
	}
}
