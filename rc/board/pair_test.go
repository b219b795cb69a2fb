package board

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// The legs of these tables. Began and Held are told in seconds.

func customerLeg(sessionID, from string, state tp.Code, began float64) Leg {
	l := Leg{
		SessionID: sessionID, PartyID: partyID(sessionID, 2), Direction: tp.Inbound, State: state, Began: at(began), Since: exact(began),
		Far: Far{State: FarAnswered, PartyID: partyID(sessionID, 1), Number: from, Answered: exact(began), Read: at(began)},
	}
	if answered(l) {
		l.Answered = exact(began)
	}
	if state == tp.Hold {
		l.Held = exact(began + 5)
	}
	return l
}

func consultLeg(sessionID, to string, state tp.Code, far FarState, began float64) Leg {
	l := Leg{
		SessionID: sessionID, PartyID: partyID(sessionID, 1), Direction: tp.Outbound, State: state, Began: at(began), Since: exact(began),
		Far: Far{State: far, PartyID: partyID(sessionID, 2), Number: to, Internal: len(to) <= 6, Read: at(began)},
	}
	if answered(l) {
		l.Answered = exact(began)
	}
	if far == FarAnswered {
		l.Far.Answered = exact(began + 2)
	}
	return l
}

// colleagueIn is a colleague who called in, as call s-4.
func colleagueIn(state tp.Code, began float64) Leg {
	l := customerLeg("s-4", "104", state, began)
	l.Far.Internal = true
	return l
}

func boardOf(legs ...Leg) Board { return Board{Legs: legs} }

// with changes one leg or party.
func with[T any](v T, change func(*T)) T { change(&v); return v }

func over(l Leg, seconds float64) Leg {
	if l.OnHold() {
		l.HeldUntil = at(seconds)
	}
	l.State, l.Ended = tp.Disconnected, at(seconds)
	return l
}

func gone(l Leg, to string, seconds float64) Leg {
	l = over(l, seconds)
	l.State, l.Reason, l.Peer = tp.Gone, tp.ReasonAttendedTransfer, tp.Peer{SessionID: to}
	return l
}

var (
	rosaHeld   = customerLeg("s-1", rosa, tp.Hold, 0)
	rosaTalks  = customerLeg("s-1", rosa, tp.Answered, 0)
	victorIn   = customerLeg("s-3", victor, tp.Answered, 30)
	victorHeld = customerLeg("s-3", victor, tp.Hold, 30)
	kim        = consultLeg("s-2", "103", tp.Answered, FarAnswered, 20)
	kimRings   = consultLeg("s-2", "103", tp.Answered, FarRinging, 20)
	kimHeld    = consultLeg("s-2", "103", tp.Hold, FarAnswered, 20)
)

func rings(l Leg) Leg {
	return with(l, func(l *Leg) { l.State, l.Answered, l.Held = tp.Proceeding, Since{}, Since{} })
}

func TestPairingFromNothing(t *testing.T) {
	const offered, would, none = "offered", "not bound yet", "nothing"
	queued := with(colleagueIn(tp.Answered, 25), func(l *Leg) { l.QueueCall = true })
	calledBack := with(consultLeg("s-1", rosa, tp.Hold, FarAnswered, 0), func(l *Leg) { l.Held = exact(5) })
	tests := map[string]struct {
		board  Board
		pair   string
		why    Why
		reason Reason
	}{
		"no call":                                  {boardOf(), none, "", ReasonNoCall},
		"one call":                                 {boardOf(rosaTalks), none, "", ReasonOneCall},
		"one call on hold":                         {boardOf(rosaHeld), none, "", ReasonOneCall},
		"held customer and answered consult":       {boardOf(rosaHeld, kim), offered, WhyOnly, ReasonNone},
		"held customer and ringing consult":        {boardOf(rosaHeld, kimRings), would, WhyOnly, ReasonConsultRinging},
		"held customer, own consult party rings":   {boardOf(rosaHeld, rings(kim)), would, WhyOnly, ReasonConsultRinging},
		"held customer, far unknown":               {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarUnknown })), would, WhyOnly, ReasonFarUnknown},
		"held customer, nobody there":              {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarWaiting })), would, WhyOnly, ReasonFarWaiting},
		"held customer, voicemail":                 {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarVoicemail })), would, WhyOnly, ReasonFarVoicemail},
		"held customer, fax":                       {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarFax })), would, WhyOnly, ReasonFarFax},
		"held customer, two answered":              {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarSeveral })), would, WhyOnly, ReasonFarSeveral},
		"held customer, parked":                    {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarParked })), would, WhyOnly, ReasonFarParked},
		"held customer, the consult holds":         {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarHolding })), would, WhyOnly, ReasonFarHolding},
		"held customer, the consult left":          {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarLeft })), would, WhyOnly, ReasonFarLeft},
		"held customer, a word not known":          {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Far.State = FarOther })), would, WhyOnly, ReasonFarOther},
		"held customer, unsure consult":            {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Unsure = true })), offered, WhyOnly, ReasonUnsure},
		"held customer, consult moves":             {boardOf(rosaHeld, with(kim, func(l *Leg) { l.MovingUntil = at(60) })), offered, WhyOnly, ReasonMoving},
		"held customer's far side unknown":         {boardOf(with(rosaHeld, func(l *Leg) { l.Far.State = FarUnknown }), kim), offered, WhyOnly, ReasonFarUnknown},
		"held customer and outside consult":        {boardOf(rosaHeld, consultLeg("s-2", victor, tp.Answered, FarAnswered, 20)), offered, WhyOnly, ReasonNone},
		"held customer whom the owner called":      {boardOf(calledBack, consultLeg("s-2", victor, tp.Answered, FarAnswered, 20)), offered, WhyOnly, ReasonNone},
		"both placed, in the other order":          {boardOf(rosaHeld, consultLeg("s-2", victor, tp.Answered, FarAnswered, -20)), none, "", ReasonTwoOutside},
		"both on hold":                             {boardOf(rosaHeld, kimHeld), offered, WhyOnly, ReasonNone},
		"colleague who called in":                  {boardOf(rosaHeld, colleagueIn(tp.Answered, 25)), offered, WhyColleague, ReasonNone},
		"colleague who rings in":                   {boardOf(rosaHeld, rings(colleagueIn(tp.Answered, 25))), would, WhyColleague, ReasonNotAnswered},
		"colleague who called before the customer": {boardOf(rosaHeld, colleagueIn(tp.Answered, -25)), offered, WhyColleague, ReasonNone},
		"queue call of an internal extension":      {boardOf(rosaHeld, queued), none, "", ReasonTwoOutside},
		"two outside callers who called in":        {boardOf(rosaHeld, victorIn), none, "", ReasonTwoOutside},
		"two outside callers, both on hold":        {boardOf(rosaHeld, victorHeld), none, "", ReasonTwoOutside},
		"two outside callers, one rings":           {boardOf(rosaHeld, rings(victorIn)), none, "", ReasonOneCall},
		"customer not on hold":                     {boardOf(rosaTalks, kim), none, "", ReasonNotHeld},
		"customer not on hold, consult on hold":    {boardOf(rosaTalks, kimHeld), none, "", ReasonChoose},
		"two customers on hold, one consult":       {boardOf(rosaHeld, victorHeld, consultLeg("s-2", "103", tp.Answered, FarAnswered, 50)), none, "", ReasonChoose},
		"a second customer answered":               {boardOf(rosaHeld, victorIn, consultLeg("s-2", "103", tp.Answered, FarAnswered, 50)), none, "", ReasonChoose},
		"a second customer rings":                  {boardOf(rosaHeld, rings(victorIn), kim), offered, WhyOnly, ReasonNone},
		"a colleague rings beside the consult":     {boardOf(rosaHeld, kimRings, rings(colleagueIn(tp.Answered, 25))), would, WhyOnly, ReasonConsultRinging},
		"two consults":                             {boardOf(rosaHeld, kim, consultLeg("s-4", "104", tp.Answered, FarAnswered, 40)), none, "", ReasonChoose},
		"two consults, one rings":                  {boardOf(rosaHeld, kim, consultLeg("s-4", "104", tp.Answered, FarRinging, 40)), none, "", ReasonChoose},
		"two colleagues":                           {boardOf(colleagueIn(tp.Hold, 0), kim), none, "", ReasonChoose},
		"supervising leg":                          {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Supervising = true })), none, "", ReasonOneCall},
		"conference leg":                           {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Conference = true })), none, "", ReasonOneCall},
		"conference beside a pair":                 {boardOf(rosaHeld, kim, with(victorIn, func(l *Leg) { l.Conference = true })), offered, WhyOnly, ReasonNone},
		"the consult is over":                      {boardOf(rosaHeld, over(kim, 40)), none, "", ReasonOneCall},
		"everything is over":                       {boardOf(over(rosaHeld, 40), over(kim, 40)), none, "", ReasonNoCall},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := Pairing{}.Next(tt.board, at(50))
			got := none
			if p.Pair != nil {
				got = would
				if p.Pair.Bound {
					got = offered
				}
				want(t, "why", p.Pair.Why, tt.why)
				want(t, "customer", p.Pair.CustomerSession, "s-1")
			}
			want(t, "pair", got, tt.pair)
			r := p.Ready(tt.board, nil, DefaultTiming())
			want(t, "reason", r.Reason, tt.reason)
			want(t, "ready", r.Ready, tt.reason == ReasonNone)
			reversed := slices.Clone(tt.board.Legs)
			slices.Reverse(reversed)
			if diff := cmp.Diff(p, Pairing{}.Next(Board{Legs: reversed}, at(50))); diff != "" {
				t.Errorf("the order of the legs counts: %s", diff)
			}
			if len(p.Choices(tt.board)) > 0 != (tt.reason == ReasonChoose || tt.reason == ReasonTwoOutside) {
				t.Errorf("choices %v with reason %q", p.Choices(tt.board), tt.reason)
			}
		})
	}
}

func TestPairStays(t *testing.T) {
	formed := Pairing{}.Next(boardOf(rosaHeld, kim), at(50))
	formed.Pair.Revision = 7
	reload := func(p Pairing) Pairing {
		data, err := json.Marshal(p)
		if err != nil {
			t.Fatal(err)
		}
		var back Pairing
		if err := json.Unmarshal(data, &back); err != nil {
			t.Fatal(err)
		}
		return back
	}
	tests := map[string]struct {
		board Board
		ready Reason
	}{
		"swap":                              {boardOf(rosaTalks, kimHeld), ReasonNone},
		"both held":                         {boardOf(rosaHeld, kimHeld), ReasonNone},
		"neither held":                      {boardOf(rosaTalks, kim), ReasonNotHeld},
		"another customer answered":         {boardOf(rosaHeld, kimHeld, victorIn), ReasonNone},
		"another customer held":             {boardOf(rosaHeld, kim, victorHeld), ReasonNone},
		"another customer rings":            {boardOf(rosaHeld, kim, rings(victorIn)), ReasonNone},
		"another consult":                   {boardOf(rosaHeld, kimHeld, consultLeg("s-4", "104", tp.Answered, FarAnswered, 60)), ReasonNone},
		"a colleague rings":                 {boardOf(rosaHeld, kim, rings(colleagueIn(tp.Answered, 60))), ReasonNone},
		"the proof of the far side is gone": {boardOf(rosaHeld, kimRings), ReasonConsultRinging},
		"an end moves":                      {boardOf(with(rosaHeld, func(l *Leg) { l.MovingUntil = at(90) }), kim), ReasonMoving},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, p := range []Pairing{formed, reload(formed)} {
				next := p.Next(tt.board, at(70))
				if diff := cmp.Diff(formed, next); diff != "" {
					t.Errorf("-formed +now\n%s", diff)
				}
				want(t, "reason", next.Ready(tt.board, nil, DefaultTiming()).Reason, tt.ready)
			}
		})
	}
	t.Run("an end moved to another device", func(t *testing.T) {
		p := formed.Next(boardOf(with(rosaHeld, func(l *Leg) { l.PartyID = "p-1-5" }), kim), at(70))
		want(t, "customer party", p.Pair.CustomerParty, "p-1-5")
		want(t, "revision", p.Pair.Revision, uint64(7))
		want(t, "the pair of before is untouched", formed.Pair.CustomerParty, "p-1-2")
	})
	t.Run("not bound -> bound: answered", func(t *testing.T) {
		p := Pairing{}.Next(boardOf(rosaHeld, kimRings), at(30))
		p.Pair.Revision = 3
		p = p.Next(boardOf(rosaHeld, kimRings), at(31))
		want(t, "formed", p.Pair.Formed, at(30))
		p = p.Next(boardOf(rosaHeld, kim), at(33))
		want(t, "bound", p.Pair.Bound, true)
		want(t, "formed", p.Pair.Formed, at(33))
		want(t, "revision", p.Pair.Revision, uint64(3))
	})
	t.Run("not bound: swapped away before the proof", func(t *testing.T) {
		p := Pairing{}.Next(boardOf(rosaHeld, kimRings), at(30)).Next(boardOf(rosaTalks, kimRings), at(31))
		if p.Pair != nil {
			t.Errorf("a pair without a held customer: %+v", p.Pair)
		}
	})
}

// The people of a pair may change while its calls stay: then nobody has seen it.
func TestPairOfOtherPeople(t *testing.T) {
	person := func(l Leg, party, number string, internal bool) Leg {
		return with(l, func(l *Leg) { l.Far.PartyID, l.Far.Number, l.Far.Internal = party, number, internal })
	}
	ada := colleagueIn(tp.Answered, 60)
	seen := func(p Pairing) Pairing {
		p.Pair.Revision = 7
		return p
	}
	offered := seen(Pairing{}.Next(boardOf(rosaHeld, person(kim, "p-2-2", "103", true)), at(50)))
	called := seen(Pairing{}.Next(boardOf(rosaHeld, person(ada, "p-9-1", "104", true)), at(70)))
	chosen, _ := Pairing{}.Choose(boardOf(rosaHeld, person(ada, "p-9-1", "104", true)), rosaHeld.SessionID, ada.SessionID, at(70))
	chosen = seen(chosen)
	tests := map[string]struct {
		was      Pairing
		consult  Leg
		revision uint64 // 0: nobody has seen it
		none     bool
	}{
		"the same":                   {offered, person(kim, "p-2-2", "103", true), 7, false},
		"the same on another device": {offered, person(kim, "p-2-5", "103", true), 7, false},
		"not known for a moment":     {offered, person(kim, "", "103", true), 7, false},
		"another colleague":          {offered, person(kim, "p-2-3", "104", true), 0, false},
		"somebody outside whom the called one put there":    {offered, person(kim, "p-2-3", victor, false), 0, false},
		"somebody without a number":                         {offered, person(kim, "p-2-3", "", false), 0, false},
		"a colleague who called, and put an outsider there": {called, person(ada, "p-9-2", victor, false), 0, true},
		"the same, chosen":                                  {chosen, person(ada, "p-9-2", victor, false), 0, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			next := tt.was.Next(boardOf(rosaHeld, tt.consult), at(80))
			if next.Pair == nil {
				want(t, "no pair", true, tt.none)
				return
			}
			want(t, "no pair", false, tt.none)
			want(t, "revision", next.Pair.Revision, tt.revision)
			want(t, "two outside callers", next.Pair.TwoOutside, !tt.consult.Far.Internal)
			if tt.consult.Far.PartyID != "" {
				want(t, "consult", next.Pair.Consult, Who{tt.consult.Far.PartyID, tt.consult.Far.Number})
			}
		})
	}
}

func TestATransferMeetsWhomThePressNamed(t *testing.T) {
	person := func(l Leg, party, number string) Leg {
		return with(l, func(l *Leg) { l.Far.PartyID, l.Far.Number = party, number })
	}
	p := Pair{Ends: ends(rosaHeld, kim)}
	tests := map[string]struct {
		pressed, now Leg
		want         bool
	}{
		"the same":                   {person(kim, "p-2-2", "103"), person(kim, "p-2-2", "103"), true},
		"not known when pressed":     {person(kim, "", "103"), person(kim, "p-2-2", "103"), true},
		"on another device":          {person(kim, "p-2-2", "103"), person(kim, "p-2-4", "103"), true},
		"somebody else answered":     {person(kim, "", "103"), person(kim, "p-2-3", "104"), false},
		"somebody else is there now": {person(kim, "p-2-2", "103"), person(kim, "p-2-3", victor), false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			tr := NewTransfer("t", p, boardOf(rosaHeld, tt.pressed), 1, at(1))
			want(t, "consult", tr.Meets(boardOf(rosaHeld, tt.now)), tt.want)
			q := Pair{Ends: ends(tt.pressed, rosaHeld)}
			want(t, "customer", NewTransfer("t", q, boardOf(rosaHeld, tt.pressed), 1, at(1)).Meets(boardOf(rosaHeld, tt.now)), tt.want)
		})
	}
}

func TestPairEnds(t *testing.T) {
	second := consultLeg("s-4", "104", tp.Answered, FarAnswered, 60)
	tests := map[string]struct {
		board    Board
		customer string // of the pair afterwards, "" = none
		consult  string
	}{
		"the consult is over":                             {boardOf(rosaHeld, over(kim, 70)), "", ""},
		"the consult is over, another is there":           {boardOf(rosaHeld, over(kim, 70), second), "s-1", "s-4"},
		"the consult left the board":                      {boardOf(rosaHeld), "", ""},
		"the customer is over":                            {boardOf(over(rosaHeld, 70), kim), "", ""},
		"the customer is over, a second one talks":        {boardOf(over(rosaHeld, 70), kim, victorIn), "", ""},
		"the customer is over, a second one called later": {boardOf(over(rosaHeld, 70), with(kim, func(l *Leg) { l.Far.Internal = false }), victorHeld), "", ""},
		"an end becomes a conference":                     {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Conference = true })), "", ""},
		"an end is supervised from":                       {boardOf(rosaHeld, with(kim, func(l *Leg) { l.Supervising = true })), "", ""},
		"both are over, two outside callers left":         {boardOf(over(rosaHeld, 70), over(kim, 70), victorHeld, customerLeg("s-5", rosa, tp.Answered, 65)), "", ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p := Pairing{}.Next(boardOf(rosaHeld, kim), at(50)).Next(tt.board, at(70))
			got := Ends{}
			if p.Pair != nil {
				got = p.Pair.Ends
			}
			want(t, "customer", got.CustomerSession, tt.customer)
			want(t, "consult", got.ConsultSession, tt.consult)
		})
	}
}

func TestChoose(t *testing.T) {
	all := boardOf(rosaHeld, kim, victorIn, over(customerLeg("s-5", rosa, tp.Answered, 1), 9),
		with(victorIn, func(l *Leg) { l.SessionID, l.Conference = "s-6", true }),
		with(victorIn, func(l *Leg) { l.SessionID, l.Supervising = "s-7", true }),
		with(victorIn, func(l *Leg) { l.SessionID, l.MovingUntil = "s-8", at(60) }),
		with(rings(victorIn), func(l *Leg) { l.SessionID = "s-9" }))
	tests := map[string]struct {
		customer, consult string
		want              Reason
		outside           bool
	}{
		"customer and consult":       {"s-1", "s-2", ReasonNone, false},
		"the other way round":        {"s-2", "s-1", ReasonNone, false},
		"two outside callers":        {"s-1", "s-3", ReasonNone, true},
		"the same call":              {"s-1", "s-1", ReasonSameCall, false},
		"an end is over":             {"s-5", "s-2", ReasonEnded, false},
		"an end is not on the board": {"s-1", "s-99", ReasonEnded, false},
		"a conference":               {"s-1", "s-6", ReasonConference, false},
		"a supervising leg":          {"s-7", "s-2", ReasonSupervising, false},
		"a leg that moves":           {"s-8", "s-2", ReasonMoving, false},
		"a leg that rings in":        {"s-1", "s-9", ReasonNotAnswered, false},
	}
	before := Pairing{}.Next(boardOf(rosaHeld, kim), at(50))
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			p, r := before.Choose(all, tt.customer, tt.consult, at(60))
			want(t, "reason", r, tt.want)
			if r != ReasonNone {
				if diff := cmp.Diff(before, p); diff != "" {
					t.Errorf("a refused choice changed the pair: %s", diff)
				}
				return
			}
			want(t, "customer", p.Pair.CustomerSession, tt.customer)
			want(t, "consult", p.Pair.ConsultSession, tt.consult)
			want(t, "bound", p.Pair.Bound, true)
			want(t, "why", p.Pair.Why, WhyChosen)
			want(t, "two outside", p.Pair.TwoOutside, tt.outside)
			want(t, "kept by the next board", p.Next(all, at(61)).Pair.Ends, p.Pair.Ends)
		})
	}
}

func TestReadyNeedsAHold(t *testing.T) {
	p, _ := Pairing{}.Choose(boardOf(rosaTalks, kim), "s-1", "s-2", at(30))
	for name, tt := range map[string]struct {
		board Board
		want  Readiness
	}{
		"no hold":                {boardOf(rosaTalks, kim), Readiness{Reason: ReasonNotHeld, SessionID: "s-1"}},
		"customer on hold":       {boardOf(rosaHeld, kim), Readiness{Ready: true}},
		"consult on hold":        {boardOf(rosaTalks, kimHeld), Readiness{Ready: true}},
		"the customer is over":   {boardOf(over(rosaHeld, 40), kim), Readiness{Reason: ReasonEnded, SessionID: "s-1"}},
		"the consult is unknown": {boardOf(rosaHeld), Readiness{Reason: ReasonEnded, SessionID: "s-2"}},
		"both unknown far sides": {boardOf(with(rosaHeld, func(l *Leg) { l.Far.State = FarUnknown }), kimRings), Readiness{Reason: ReasonConsultRinging, SessionID: "s-2"}},
		"the customer holds us":  {boardOf(with(rosaHeld, func(l *Leg) { l.Far.State = FarHolding }), kim), Readiness{Reason: ReasonFarHolding, SessionID: "s-1"}},
	} {
		t.Run(name, func(t *testing.T) { want(t, "readiness", p.Ready(tt.board, nil, DefaultTiming()), tt.want) })
	}
}

func TestAnAttemptBlocksAPress(t *testing.T) {
	at5 := func(l Leg, read float64) Leg { return with(l, func(l *Leg) { l.Far.Read = at(read) }) }
	b := boardOf(at5(rosaHeld, 106), at5(kim, 106), victorIn)
	straight := Pairing{}.Next(boardOf(rosaHeld, kim), at(50))
	swapped, _ := Pairing{}.Choose(b, "s-2", "s-1", at(60))
	shared, _ := Pairing{}.Choose(b, "s-1", "s-3", at(60))
	moved := straight.Next(boardOf(with(rosaHeld, func(l *Leg) { l.PartyID = "p-1-5" }), kim), at(70))
	attempt := func(p Phase) *Transfer {
		return &Transfer{Ends: straight.Pair.Ends, Phase: p, Sent: at(95), Answered: at(100)}
	}
	tests := map[string]struct {
		pair    Pairing
		board   Board
		attempt *Transfer
		want    Reason
	}{
		"checking":                          {straight, b, attempt(Checking), ReasonJoining},
		"sent":                              {straight, b, attempt(Sent), ReasonJoining},
		"accepted":                          {straight, b, attempt(Accepted), ReasonJoining},
		"sent, the roles swapped":           {swapped, b, attempt(Sent), ReasonJoining},
		"sent, one call shared":             {shared, b, attempt(Sent), ReasonJoining},
		"refused":                           {straight, b, attempt(Refused), ReasonNone},
		"failed":                            {straight, b, attempt(Failed), ReasonNone},
		"confirmed":                         {straight, b, attempt(Confirmed), ReasonLeft},
		"unconfirmed, read 6 s after":       {straight, b, attempt(Unconfirmed), ReasonNone},
		"unconfirmed, one read 4.9 s after": {straight, boardOf(at5(rosaHeld, 106), at5(kim, 104.9)), attempt(Unconfirmed), ReasonUnconfirmedStill},
		"unconfirmed, both read 5 s after":  {straight, boardOf(at5(rosaHeld, 105), at5(kim, 105)), attempt(Unconfirmed), ReasonNone},
		"unconfirmed, the roles swapped":    {swapped, boardOf(at5(rosaHeld, 104), at5(kim, 104)), attempt(Unconfirmed), ReasonUnconfirmedStill},
		"unconfirmed, another consult":      {shared, b, attempt(Unconfirmed), ReasonNone},
		"unconfirmed, an end moves":         {straight, boardOf(with(at5(rosaHeld, 106), func(l *Leg) { l.MovingUntil = at(110) }), at5(kim, 106)), attempt(Unconfirmed), ReasonLeft},
		"unconfirmed, an end moved":         {moved, boardOf(with(at5(rosaHeld, 106), func(l *Leg) { l.PartyID = "p-1-5" }), at5(kim, 106)), attempt(Unconfirmed), ReasonLeft},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			r := tt.pair.Ready(tt.board, tt.attempt, DefaultTiming())
			if tt.pair.Pair.ConsultSession == "s-3" && r.Reason == ReasonNone && !r.Ready {
				t.Fatalf("neither ready nor a reason: %+v", r)
			}
			want(t, "reason", r.Reason, tt.want)
		})
	}
}

func TestChoices(t *testing.T) {
	b := boardOf(rosaHeld, kim, victorIn, rings(customerLeg("s-5", rosa, tp.Answered, 40)), over(customerLeg("s-6", rosa, tp.Answered, 1), 9))
	got := Pairing{}.Choices(b)
	wanted := []Choice{
		{SessionID: "s-1", PartyID: "p-1-2", Customer: true, Consult: true, LikelyCustomer: true},
		{SessionID: "s-2", PartyID: "p-2-1", Customer: true, Consult: true, LikelyConsult: true},
		{SessionID: "s-3", PartyID: "p-3-2", Customer: true, Consult: true, LikelyCustomer: true},
		{SessionID: "s-5", PartyID: "p-5-2", Not: ReasonNotAnswered, LikelyCustomer: true},
	}
	if diff := cmp.Diff(wanted, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestTakes(t *testing.T) {
	tests := map[string]struct {
		customer, consult Leg
		want              bool
	}{
		"placed after":            {rosaHeld, kim, true},
		"placed before":           {rosaHeld, consultLeg("s-2", victor, tp.Answered, FarAnswered, -1), false},
		"placed at the same time": {rosaHeld, consultLeg("s-2", victor, tp.Answered, FarAnswered, 0), false},
		"a colleague":             {rosaHeld, colleagueIn(tp.Answered, -9), true},
		"a queue call":            {rosaHeld, with(colleagueIn(tp.Answered, 9), func(l *Leg) { l.QueueCall = true }), false},
		"an outside caller":       {rosaHeld, victorIn, false},
		"itself":                  {kim, kim, false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) { want(t, "takes", Takes(tt.customer, tt.consult), tt.want) })
	}
}
