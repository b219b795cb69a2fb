package board

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

func TestMyParty(t *testing.T) {
	moved := func(sequence int64, seconds float64, reason string) tp.Event {
		return event(customerCall, sequence, seconds, because(incoming(customerCall, 2, rosa, tp.Disconnected), reason))
	}
	mine := func(sequence int64, seconds float64, n int, code tp.Code) tp.Event {
		return event(customerCall, sequence, seconds, incoming(customerCall, n, rosa, code))
	}
	tests := map[string]struct {
		events []tp.Event
		now    float64
		party  int
		alive  bool
		moving time.Time
	}{
		"one":                                             {[]tp.Event{in(4, 5, tp.Answered)}, 6, 2, true, time.Time{}},
		"two alive: the highest":                          {[]tp.Event{in(4, 5, tp.Answered), mine(5, 6, 4, tp.Answered), mine(6, 7, 3, tp.Answered)}, 8, 4, true, time.Time{}},
		"ten is higher than nine":                         {[]tp.Event{mine(5, 6, 10, tp.Answered), mine(6, 7, 9, tp.Answered)}, 8, 10, true, time.Time{}},
		"the highest is over: the live one":               {[]tp.Event{in(4, 5, tp.Answered), mine(5, 6, 3, tp.Disconnected)}, 8, 2, true, time.Time{}},
		"all over: the one that left last":                {[]tp.Event{mine(4, 9, 2, tp.Disconnected), mine(5, 6, 3, tp.Disconnected)}, 10, 2, false, time.Time{}},
		"Answered -> Disconnected Pickup: moving":         {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "Pickup")}, 21, 2, true, at(30)},
		"Answered -> Disconnected CallSwitch: moving":     {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "CallSwitch")}, 29.9, 2, true, at(30)},
		"moving for more than 10 s: over":                 {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "CallSwitch")}, 30, 2, false, time.Time{}},
		"moving, then the party on the other device":      {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "CallSwitch"), mine(6, 21, 3, tp.Answered)}, 22, 3, true, time.Time{}},
		"the party on the other device is reported first": {[]tp.Event{in(4, 5, tp.Answered), mine(6, 21, 3, tp.Answered), moved(5, 20, "CallSwitch")}, 22, 3, true, time.Time{}},
		"another reason: over":                            {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "BlindTransfer")}, 21, 2, false, time.Time{}},
		"the party on the other device leaves: over":      {[]tp.Event{in(4, 5, tp.Answered), moved(5, 20, "CallSwitch"), mine(6, 21, 3, tp.Disconnected)}, 22, 3, false, time.Time{}},
		"another party of mine lives: not moving":         {[]tp.Event{mine(3, 2, 3, tp.Answered), moved(5, 20, "CallSwitch")}, 21, 3, true, time.Time{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewState(agent, Timing{})
			apply(s, tt.events...)
			l := legOf(t, s, customerCall, tt.now)
			want(t, "party", l.PartyID, partyID(customerCall, tt.party))
			want(t, "alive", l.Alive(), tt.alive)
			want(t, "moving until", l.MovingUntil, tt.moving)
			want(t, "moving", l.Moving(), !tt.moving.IsZero())
		})
	}
}

func TestFar(t *testing.T) {
	type p struct {
		n         int
		extension string
		code      tp.Code
		reason    string
	}
	tests := map[string]struct {
		far   []p
		want  FarState
		party int
	}{
		"none -> waiting for the other side":         {nil, FarWaiting, 0},
		"one, setup -> ringing":                      {[]p{{2, colleague, tp.Setup, ""}}, FarRinging, 2},
		"one, ringing":                               {[]p{{2, colleague, tp.Proceeding, ""}}, FarRinging, 2},
		"one, answered":                              {[]p{{2, colleague, tp.Answered, ""}}, FarAnswered, 2},
		"one, holding":                               {[]p{{2, colleague, tp.Hold, ""}}, FarHolding, 2},
		"one, parked":                                {[]p{{2, colleague, tp.Parked, ""}}, FarParked, 2},
		"voicemail":                                  {[]p{{2, colleague, tp.VoiceMail, ""}}, FarVoicemail, 2},
		"voicemail screening":                        {[]p{{2, colleague, tp.VoiceMailScreening, ""}}, FarVoicemail, 2},
		"fax":                                        {[]p{{2, colleague, tp.FaxReceive, ""}}, FarFax, 2},
		"a queue rings":                              {[]p{{2, colleague, tp.Proceeding, ""}, {3, another, tp.Proceeding, ""}, {4, "x", tp.Setup, ""}}, FarRinging, 0},
		"a queue answers, the others ring on":        {[]p{{2, colleague, tp.Proceeding, ""}, {3, another, tp.Answered, ""}, {4, "x", tp.Proceeding, ""}}, FarAnswered, 3},
		"a queue answers, the others left":           {[]p{{2, colleague, tp.Disconnected, ""}, {3, another, tp.Answered, ""}}, FarAnswered, 3},
		"two answered":                               {[]p{{2, colleague, tp.Answered, ""}, {3, another, tp.Answered, ""}}, FarSeveral, 0},
		"one answered, one holds":                    {[]p{{2, colleague, tp.Answered, ""}, {3, another, tp.Hold, ""}}, FarSeveral, 0},
		"one answered, one voicemail":                {[]p{{2, colleague, tp.Answered, ""}, {3, another, tp.VoiceMail, ""}}, FarSeveral, 0},
		"one answered, one unknown":                  {[]p{{2, colleague, tp.Answered, ""}, {3, another, tp.CodeUnknown, ""}}, FarSeveral, 0},
		"one rings, one holds":                       {[]p{{2, colleague, tp.Proceeding, ""}, {3, another, tp.Hold, ""}}, FarHolding, 3},
		"one rings, a mailbox took it":               {[]p{{2, colleague, tp.VoiceMail, ""}, {3, another, tp.Proceeding, ""}}, FarVoicemail, 2},
		"a supervisor listens":                       {[]p{{2, colleague, tp.Answered, ""}, {3, another, tp.Answered, "Supervising"}}, FarAnswered, 2},
		"only a supervisor":                          {[]p{{3, another, tp.Answered, "Supervising"}}, FarWaiting, 0},
		"all left":                                   {[]p{{2, colleague, tp.Disconnected, ""}, {3, another, tp.Gone, ""}}, FarLeft, 0},
		"another device of mine is not the far side": {[]p{{2, colleague, tp.Answered, ""}, {3, mineID, tp.Disconnected, ""}}, FarAnswered, 2},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewState(agent, Timing{})
			answer := listed(consultCall, outgoing(consultCall, "103", tp.Answered))
			for _, f := range tt.far {
				answer.Parties = append(answer.Parties, because(someone(consultCall, f.n, f.extension, f.code), f.reason))
			}
			read(t, s, 1, answer)
			l := legOf(t, s, consultCall, 2)
			want(t, "far", l.Far.State, tt.want)
			party := ""
			if tt.party > 0 {
				party = partyID(consultCall, tt.party)
			}
			want(t, "party", l.Far.PartyID, party)
		})
	}
}

func TestFarIsInternal(t *testing.T) {
	foreign := someone(consultCall, 2, "900900900", tp.Answered)
	foreign.AccountID = "800800800"
	tests := map[string]struct {
		to   string
		far  tp.Party
		want bool
	}{
		"a short number":                  {"103", someone(consultCall, 2, "", tp.Answered), true},
		"a colleague by the full number":  {"+16505550103", someone(consultCall, 2, colleague, tp.Answered), true},
		"outside":                         {victor, someone(consultCall, 2, "", tp.Answered), false},
		"an extension of another account": {victor, foreign, false},
		"a number that is no number":      {"anon", someone(consultCall, 2, "", tp.Answered), false},
		"no number":                       {"", someone(consultCall, 2, "", tp.Answered), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewState(agent, Timing{})
			read(t, s, 1, listed(consultCall, outgoing(consultCall, tt.to, tp.Answered), tt.far))
			want(t, "internal", legOf(t, s, consultCall, 2).Far.Internal, tt.want)
		})
	}
}

func TestSupervisingAndConferenceLegs(t *testing.T) {
	s := NewState(agent, Timing{})
	host := incoming("s-3", 2, rosa, tp.Answered)
	host.ConferenceRole = "Host"
	conference := event("s-4", 2, 1, incoming("s-4", 2, rosa, tp.Answered))
	conference.Origin = "Conference"
	apply(s, in(4, 1, tp.Answered), event(consultCall, 2, 1, because(outgoing(consultCall, "103", tp.Answered), "Supervising")),
		event("s-3", 2, 1, host), conference)
	for id, tt := range map[string]struct{ supervising, conference bool }{
		customerCall: {}, consultCall: {supervising: true}, "s-3": {conference: true}, "s-4": {conference: true},
	} {
		l := legOf(t, s, id, 2)
		want(t, id+" supervising", l.Supervising, tt.supervising)
		want(t, id+" conference", l.Conference, tt.conference)
	}
}

func TestBoardKeepsEndedLegsForAMinute(t *testing.T) {
	s := NewState(agent, Timing{})
	apply(s, in(4, 0, tp.Answered), in(5, 10, tp.Hold))
	legOf(t, s, customerCall, 11)
	if _, ok := s.NextChange(at(11)); ok {
		t.Error("a live leg changes by no passing of time")
	}
	apply(s, in(6, 20, tp.Disconnected))
	legOf(t, s, customerCall, 20)
	legOf(t, s, customerCall, 79.9)
	next, ok := s.NextChange(at(31))
	want(t, "pending", ok, true)
	want(t, "the leg leaves", next, at(80))
	want(t, "legs", len(s.Board(at(80)).Legs), 0)
	if _, ok := s.NextChange(at(80)); ok {
		t.Error("something is pending after the leg left")
	}
}

// News of an end may be minutes old when a lost feed is recovered: the leg that
// was shown alive is shown over all the same, or nobody would say that the
// customer left.
func TestBoardShowsAnEndThatIsOldNews(t *testing.T) {
	s := NewState(agent, Timing{})
	apply(s, in(4, 0, tp.Answered), in(5, 10, tp.Hold))
	legOf(t, s, customerCall, 11)
	apply(s, in(6, 20, tp.Disconnected))
	l := legOf(t, s, customerCall, 170)
	want(t, "ended", l.Ended, at(20))
	want(t, "left on hold", l.LeftOnHold(), true)
	want(t, "waited", l.HeldFor(at(170)), 10*time.Second)
	next, _ := s.NextChange(at(170))
	want(t, "the leg leaves", next, at(230))
	legOf(t, s, customerCall, 229.9)
	want(t, "legs", len(s.Board(at(230)).Legs), 0)

	fresh := NewState(agent, Timing{})
	apply(fresh, in(4, 0, tp.Answered), in(6, 20, tp.Disconnected))
	want(t, "legs that were never shown", len(fresh.Board(at(170)).Legs), 0)
}

func TestNextChangeOfAMovingLeg(t *testing.T) {
	s := NewState(agent, Timing{})
	apply(s, in(4, 0, tp.Answered), event(customerCall, 5, 20, because(incoming(customerCall, 2, rosa, tp.Disconnected), "Pickup")))
	next, ok := s.NextChange(at(21))
	want(t, "pending", ok, true)
	want(t, "given up", next, at(30))
}

// The far side's event may arrive before the owner's own: a supervisor's feed
// reports both, in any order.
func TestEventsOfTheFarSideBeforeMyOwn(t *testing.T) {
	events := []tp.Event{
		event(consultCall, 2, 0, outgoing(consultCall, "103", tp.Setup)),
		event(consultCall, 4, 0.2, outgoing(consultCall, "103", tp.Answered)),
		event(consultCall, 6, 6.7, someone(consultCall, 2, colleague, tp.Answered)),
	}
	inOrder, reversed := NewState(agent, Timing{}), NewState(agent, Timing{})
	apply(inOrder, events...)
	want(t, "changed by somebody else's party", reversed.Apply(events[2]), false)
	want(t, "known", reversed.Knows(consultCall), false)
	want(t, "legs", len(reversed.Board(at(7)).Legs), 0)
	want(t, "wants", len(reversed.Wants()), 0)
	want(t, "settled", reversed.Settled(), true)
	apply(reversed, events[1], events[0])
	if diff := cmp.Diff(inOrder.Board(at(8)), reversed.Board(at(8))); diff != "" {
		t.Errorf("-in order +reversed\n%s", diff)
	}
	want(t, "far", legOf(t, reversed, consultCall, 8).Far.Answered, exact(6.7))

	s := NewState(agent, Timing{})
	apply(s, events[2])
	s.Prune(at(66))
	want(t, "kept for a minute", len(s.sessions), 1)
	s.Prune(at(68))
	want(t, "kept", len(s.sessions), 0)
	apply(s, events[2])
	s.Learn(consultCall)
	s.Prune(at(68))
	want(t, "kept, because it is to be read", len(s.Wants()), 1)
}

func presence(calls ...tp.ActiveCall) tp.Presence {
	return tp.Presence{ExtensionID: mineID, ActiveCalls: calls}
}

func TestObserve(t *testing.T) {
	call := tp.ActiveCall{
		SessionID: customerCall, PartyID: partyID(customerCall, 2), Direction: tp.Inbound, From: rosa, FromName: "Rosa Alvarez",
		Started: at(-30), TelephonyStatus: "OnHold", QueueCall: true,
	}
	s := NewState(agent, Timing{})
	apply(s, event(consultCall, 6, 6.7, someone(consultCall, 2, colleague, tp.Answered)))
	listed := s.Observe(presence(call,
		tp.ActiveCall{SessionID: consultCall, PartyID: partyID(consultCall, 1), Direction: tp.Outbound, To: "103", TelephonyStatus: "CallConnected"},
		tp.ActiveCall{SessionID: "s-7", PartyID: "p-7-1", TelephonyStatus: "NoCall"},
		tp.ActiveCall{PartyID: "p-8-1", TelephonyStatus: "Ringing"},
	), at(10))
	if diff := cmp.Diff([]string{customerCall, consultCall}, listed); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
	l := legOf(t, s, customerCall, 11)
	want(t, "state", l.State, tp.Hold)
	want(t, "held", l.Held, atLeast(10))
	want(t, "began", l.Began, at(-30))
	want(t, "queue call", l.QueueCall, true)
	want(t, "far", l.Far.State, FarUnknown)
	want(t, "name", l.Far.Name, "Rosa Alvarez")
	want(t, "the consult, whose far side was reported first", legOf(t, s, consultCall, 11).Far.State, FarAnswered)

	apply(s, in(5, 4, tp.Hold))
	want(t, "held, by the event of that hold", legOf(t, s, customerCall, 12).Held, exact(4))
}

func TestReconcile(t *testing.T) {
	hold := tp.ActiveCall{SessionID: customerCall, PartyID: partyID(customerCall, 2), TelephonyStatus: "OnHold"}
	s := NewState(agent, Timing{})
	apply(s, in(4, 0, tp.Answered))
	marks := s.Marks()
	s.Reconcile(presence(hold), marks, at(10))
	want(t, "state", legOf(t, s, customerCall, 11).State, tp.Hold)

	apply(s, in(6, 12, tp.Answered))
	s.Reconcile(presence(hold), marks, at(13))
	want(t, "an event overtook the presence", legOf(t, s, customerCall, 14).State, tp.Answered)

	full := make([]tp.ActiveCall, presenceCalls)
	for i := range full {
		full[i] = tp.ActiveCall{SessionID: "s-x", TelephonyStatus: "NoCall"}
	}
	s.Reconcile(presence(full...), s.Marks(), at(15))
	want(t, "a full presence may leave a call out", legOf(t, s, customerCall, 16).Alive(), true)
	s.Reconcile(presence(), s.Marks(), at(17))
	want(t, "ended", legOf(t, s, customerCall, 18).Ended, at(17))
}

// Whom the owner dialled, or who rang, may have put somebody else there since.
func TestFarIsWhoIsThere(t *testing.T) {
	named := func(p tp.Party, number, name string) tp.Party {
		p.From = tp.Endpoint{PhoneNumber: number, Name: name}
		p.To = p.From
		return p
	}
	fromKim := with(incoming(consultCall, 2, "103", tp.Answered), func(p *tp.Party) {
		p.From = tp.Endpoint{PhoneNumber: "103", Name: "Kim", ExtensionID: colleague}
	})
	dialled := outgoing(consultCall, "103", tp.Answered)
	queue := with(outgoing(consultCall, "300", tp.Answered), func(p *tp.Party) { p.To = tp.Endpoint{PhoneNumber: "300", Name: "Support", ExtensionID: "q-1"} })
	fromRosa := incoming(consultCall, 2, rosa, tp.Answered)
	tests := map[string]struct {
		mine, far tp.Party
		want      Far
	}{
		"the colleague who called, by the direct number":  {fromKim, named(someone(consultCall, 1, colleague, tp.Answered), "+16505550103", "Kim K."), Far{Name: "Kim", Number: "103", ExtensionID: colleague, Internal: true}},
		"a colleague who was put there":                   {fromKim, named(someone(consultCall, 3, another, tp.Answered), "104", "Ada"), Far{Name: "Ada", Number: "104", ExtensionID: another, Internal: true}},
		"an outside caller who was put there":             {fromKim, named(someone(consultCall, 3, "", tp.Answered), victor, ""), Far{Number: victor}},
		"an outside caller without a number":              {fromKim, named(someone(consultCall, 3, "", tp.Answered), "", ""), Far{}},
		"whom the owner dialled":                          {dialled, named(someone(consultCall, 2, colleague, tp.Answered), "103", "Kim"), Far{Name: "Kim", Number: "103", ExtensionID: colleague, Internal: true}},
		"whom the owner dialled, of whom nothing is told": {dialled, someone(consultCall, 2, colleague, tp.Answered), Far{Number: "103", ExtensionID: colleague, Internal: true}},
		"somebody else than the owner dialled":            {dialled, named(someone(consultCall, 3, another, tp.Answered), "104", "Ada"), Far{Name: "Ada", Number: "104", ExtensionID: another, Internal: true}},
		"who answered for a queue":                        {queue, named(someone(consultCall, 3, another, tp.Answered), "104", "Ada"), Far{Name: "Ada", Number: "104", ExtensionID: another, Internal: true}},
		"the customer":                                    {fromRosa, named(someone(consultCall, 1, "", tp.Answered), rosa, "Rosa"), Far{Name: "Rosa", Number: rosa}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := NewState(agent, Timing{})
			read(t, s, 1, listed(consultCall, tt.mine, tt.far))
			got := legOf(t, s, consultCall, 2).Far
			want(t, "far", Far{Name: got.Name, Number: got.Number, ExtensionID: got.ExtensionID, Internal: got.Internal}, tt.want)
		})
	}
}
