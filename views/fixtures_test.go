package views_test

import (
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/views"
)

// now is the moment of every fixture.
var now = time.Date(2026, 11, 20, 14, 32, 9, 0, time.UTC)

func back(d time.Duration) time.Time { return now.Add(-d) }

func since(d time.Duration) board.Since { return board.Since{Time: back(d)} }

const (
	dana, priya, omar = "s-dana", "s-priya", "s-omar"
)

// customer is Dana's call: she called in, was answered, and is on hold for held.
func customer(held time.Duration) board.Leg {
	l := board.Leg{
		SessionID: dana, PartyID: "p-dana-2", Direction: telephony.Inbound, State: telephony.Hold,
		Began: back(held + 95*time.Second), Answered: since(held + 90*time.Second), Since: since(held), Held: since(held),
		Far:   board.Far{State: board.FarAnswered, PartyID: "p-dana-1", Name: "Dana Whitlock", Number: "+16505550142", Answered: since(held + 90*time.Second)},
		Queue: "Orders", QueueCall: true,
	}
	return l
}

// talking is Dana's call before it is held.
func talking(d time.Duration) board.Leg {
	l := customer(0)
	l.State, l.Held = telephony.Answered, board.Since{}
	l.Began, l.Answered, l.Since = back(d+5*time.Second), since(d), since(d)
	return l
}

// consult is the call to Priya, placed ago and answered answered ago.
func consult(ago, answered time.Duration) board.Leg {
	return board.Leg{
		SessionID: priya, PartyID: "p-priya-1", Direction: telephony.Outbound, State: telephony.Answered,
		Began: back(ago), Answered: since(ago - time.Second), Since: since(ago - time.Second),
		Far: board.Far{State: board.FarAnswered, PartyID: "p-priya-2", Name: "Priya Raman", Number: "103", ExtensionID: "9103", Internal: true, Answered: since(answered), Since: since(answered)},
	}
}

// consultIn is the call to Priya in another state of her side.
func consultIn(s board.FarState, ago, in time.Duration) board.Leg {
	l := consult(ago, in)
	l.Far.State, l.Far.Answered = s, board.Since{}
	return l
}

// caller is Omar, a second outside caller.
func caller(s telephony.Code, began, in time.Duration) board.Leg {
	l := board.Leg{
		SessionID: omar, PartyID: "p-omar-2", Direction: telephony.Inbound, State: s, Began: back(began), Since: since(in),
		Far: board.Far{State: board.FarAnswered, PartyID: "p-omar-1", Name: "Omar Haddad", Number: "+16505550177"},
	}
	if s != telephony.Proceeding && s != telephony.Setup {
		l.Answered = since(began - 4*time.Second)
	}
	if s == telephony.Hold {
		l.Held = since(in)
	}
	return l
}

func day() []board.Record {
	at := func(h, m int) time.Time { return time.Date(2026, 11, 20, h, m, 11, 0, time.UTC) }
	return []board.Record{
		{At: at(14, 18), Name: "Mara Lindqvist", Number: "+16505550110", To: "Tom Okafor", ToNumber: "117", End: board.EndJoined, Held: 41 * time.Second, Consult: 22 * time.Second},
		{At: at(13, 52), Number: "+16505550119", To: "Priya Raman", ToNumber: "103", End: board.EndJoined, Held: 67 * time.Second, Consult: 48 * time.Second},
		{At: at(13, 31), Name: "Felix Brandt", Number: "+16505550128", To: "Ida Moreau", ToNumber: "131", End: board.EndBack, Held: 80 * time.Second},
		{At: at(12, 47), Number: "+16505550163", To: "Priya Raman", ToNumber: "103", End: board.EndLost, Held: 156 * time.Second, Consult: 12 * time.Second},
		{At: at(11, 26), Name: "Yuki Tanabe", Number: "+16505550186", To: "Tom Okafor", ToNumber: "117", End: board.EndJoined, Held: 115 * time.Second, Consult: 70 * time.Second},
		{At: at(10, 58), Name: "Grace Obi", Number: "+16505550151", To: "Priya Raman", ToNumber: "103", End: board.EndJoined, Held: 29 * time.Second, Consult: 15 * time.Second},
		{At: at(10, 40), Name: "Sam Petrov", Number: "+16505550104", To: "Ida Moreau", ToNumber: "131", End: board.EndUnconfirmed, Held: 48 * time.Second, Consult: 33 * time.Second},
		{At: at(9, 33), Number: "+16505550108", To: "Tom Okafor", ToNumber: "117", End: board.EndJoined, Held: 35 * time.Second, Consult: 19 * time.Second},
	}
}

// snapshot is Lena's live desk with these legs.
func snapshot(legs ...board.Leg) board.Snapshot {
	s := board.Snapshot{
		Owner:    board.Owner{AccountID: "1", ExtensionID: "9214", ExtensionNumber: "214", Name: "Lena Fischer"},
		Revision: 41, At: now,
		Feed:  board.Feed{State: board.FeedLive, Heard: back(400 * time.Millisecond), Since: back(time.Hour)},
		Board: board.Board{Legs: legs},
		Today: day(),
	}
	switch s.Board.Alive() {
	case 0:
		s.Readiness.Reason = board.ReasonNoCall
	case 1:
		s.Readiness.Reason = board.ReasonOneCall
	}
	return s
}

// paired is a desk whose pairing was made by the board itself.
func paired(c, k board.Leg, more ...board.Leg) board.Snapshot {
	s := snapshot(append([]board.Leg{c, k}, more...)...)
	p := board.Pairing{}.Next(board.Board{Legs: []board.Leg{c, k}}, back(time.Minute))
	s.Pair = p.Pair
	s.Readiness = p.Ready(s.Board, nil, board.DefaultTiming())
	return s
}

func ready() board.Snapshot {
	return paired(customer(102*time.Second), consult(40*time.Second, 31*time.Second))
}

// attempt is a press on the pair of s.
func attempt(s board.Snapshot, phase board.Phase) *board.Transfer {
	t := &board.Transfer{
		Ends: s.Pair.Ends, ID: "t-1", Attempt: 1, Phase: phase, Customer: "Dana Whitlock", CustomerNumber: "+16505550142", Consult: "Priya Raman", ConsultNumber: "103",
		Held: s.Board.Legs[0].Held, Talking: s.Board.Legs[1].Far.Answered, Began: back(1800 * time.Millisecond), CustomerAlive: true, CustomerHeld: true, ConsultAlive: true,
	}
	if phase >= board.Sent {
		t.Checked, t.Sent = t.Began.Add(200*time.Millisecond), t.Began.Add(300*time.Millisecond)
	}
	if phase >= board.Accepted {
		t.Accepted = t.Sent.Add(400 * time.Millisecond)
	}
	if phase.Settled() {
		t.Settled = t.Began.Add(1800 * time.Millisecond)
	}
	return t
}

func lost(d time.Duration, s board.Snapshot) board.Snapshot {
	s.Feed = board.Feed{State: board.FeedReconnecting, Heard: back(d), Since: back(d), Try: 3}
	s.Readiness = board.Readiness{Reason: board.ReasonStale}
	return s
}

// states are all states of a desk that the gallery shows and the tests walk.
func states() map[string]board.Snapshot {
	m := map[string]board.Snapshot{
		"02-idle":    snapshot(),
		"04-talking": snapshot(talking(192 * time.Second)),
		"05-ringing": paired(customer(38*time.Second), consultIn(board.FarRinging, 9*time.Second, 9*time.Second)),
		"06-ready":   ready(),
	}
	fresh := snapshot()
	fresh.Feed, fresh.Today = board.Feed{State: board.FeedConnecting}, nil
	m["02-reading"] = fresh
	none := snapshot()
	none.Today = nil
	m["02-first-day"] = none

	in := talking(0)
	in.State, in.Answered, in.Began, in.Since = telephony.Proceeding, board.Since{}, back(6*time.Second), since(6*time.Second)
	m["03-incoming"] = snapshot(in)

	m["04-held"] = snapshot(customer(20 * time.Second))
	long := customer(130 * time.Second)
	long.Held.AtLeast = true
	m["04-held-too-long"] = snapshot(long)
	asked := snapshot(talking(192 * time.Second))
	asked.Asked = []board.Asked{{Action: board.ActionHold, SessionID: dana, At: back(time.Second)}}
	m["04-asked"] = asked
	unheld := snapshot(talking(300*time.Second), consult(10*time.Second, 6*time.Second))
	unheld.Readiness = board.Readiness{Reason: board.ReasonNotHeld, SessionID: dana}
	m["05-not-held"] = unheld
	m["05-unknown"] = paired(customer(38*time.Second), consultIn(board.FarUnknown, 9*time.Second, 9*time.Second))

	outside := consult(40*time.Second, 8*time.Second)
	outside.Far.Internal, outside.Far.ExtensionID, outside.Far.Name, outside.Far.Number = false, "", "Brass & Co Repairs", "+442079460991"
	m["06-ready-outside"] = paired(customer(55*time.Second), outside)

	chosen := snapshot(customer(72*time.Second), caller(telephony.Hold, 80*time.Second, 26*time.Second))
	p, _ := board.Pairing{}.Choose(chosen.Board, dana, omar, back(30*time.Second))
	chosen.Pair, chosen.Readiness = p.Pair, p.Ready(chosen.Board, nil, board.DefaultTiming())
	m["06-ready-two-outside"] = chosen

	more := caller(telephony.Proceeding, 4*time.Second, 4*time.Second)
	more.Far.State = board.FarAnswered
	m["06-ready-another"] = paired(customer(102*time.Second), consult(40*time.Second, 31*time.Second), more)

	for name, phase := range map[string]board.Phase{"07-checking": board.Checking, "07-sent": board.Sent, "07-accepted": board.Accepted} {
		s := ready()
		s.Attempt = attempt(s, phase)
		s.Readiness = board.Readiness{Reason: board.ReasonJoining}
		m[name] = s
	}

	joined := ready()
	joined.Attempt = attempt(joined, board.Confirmed)
	for i := range joined.Board.Legs {
		joined.Board.Legs[i].State, joined.Board.Legs[i].Ended = telephony.Gone, now
	}
	joined.Pair = nil
	joined.Today = append([]board.Record{{At: now, Name: "Dana Whitlock", Number: "+16505550142", To: "Priya Raman", ToNumber: "103", End: board.EndJoined, Held: 102 * time.Second, Consult: 31 * time.Second}}, joined.Today...)
	m["08-confirmed"] = joined

	mail := paired(customer(130*time.Second), consultIn(board.FarRinging, 40*time.Second, 18*time.Second))
	mail.Board.Legs[1].Far.State = board.FarVoicemail
	mail.Readiness = board.Readiness{Reason: board.ReasonFarVoicemail, SessionID: priya}
	mail.Alone = dana
	m["09-voicemail"] = mail

	alone := snapshot(customer(75 * time.Second))
	gone := consultIn(board.FarLeft, 30*time.Second, 4*time.Second)
	gone.State, gone.Ended, gone.Reason = telephony.Disconnected, back(4*time.Second), "Rejected"
	alone.Board.Legs = append(alone.Board.Legs, gone)
	alone.Alone = dana
	alone.Rescue = &board.Rescue{SessionID: dana, Cause: board.NoticeConsultNone, Consult: gone.Far, At: back(4 * time.Second)}
	m["09-declined"] = alone

	left := snapshot(customer(0), consult(60*time.Second, 50*time.Second))
	left.Board.Legs[0].State, left.Board.Legs[0].Ended, left.Board.Legs[0].HeldUntil = telephony.Disconnected, back(3*time.Second), back(3*time.Second)
	left.Board.Legs[0].Held = since(105 * time.Second)
	left.Readiness = board.Readiness{Reason: board.ReasonOneCall}
	left.Notices = []board.Notice{{ID: "n1", Code: board.NoticeCustomerLeft, At: back(3 * time.Second), SessionID: dana, Args: board.Args{
		Name: "Dana Whitlock", Number: "+16505550142", Other: "Priya Raman", OtherNumber: "103", Held: 102 * time.Second,
	}}}
	m["09-customer-left"] = left

	refused := paired(customer(122*time.Second), consult(58*time.Second, 49*time.Second))
	refused.Attempt = attempt(refused, board.Refused)
	refused.Attempt.Status, refused.Attempt.Code = 409, "TAS-102"
	for i := range refused.Board.Legs {
		refused.Board.Legs[i].Far.Read = back(time.Second)
	}
	m["10-refused"] = refused

	failed := ready()
	failed.Attempt = attempt(failed, board.Failed)
	m["10-failed"] = failed

	unconfirmed := ready()
	unconfirmed.Attempt = attempt(unconfirmed, board.Unconfirmed)
	unconfirmed.Attempt.Accepted, unconfirmed.Attempt.Settled = back(10*time.Second), now
	for i := range unconfirmed.Board.Legs {
		unconfirmed.Board.Legs[i].Far.Read = back(time.Second)
	}
	m["10-unconfirmed"] = unconfirmed

	half := ready()
	half.Attempt = attempt(half, board.Unconfirmed)
	half.Attempt.Accepted, half.Attempt.ConsultAlive = back(10*time.Second), false
	half.Board.Legs[1].State, half.Board.Legs[1].Ended = telephony.Gone, now
	half.Board.Legs[0].Far.Read = back(time.Second)
	half.Pair = nil
	half.Readiness = board.Readiness{Reason: board.ReasonOneCall}
	m["10-unconfirmed-half"] = half

	m["11-stale"] = lost(14*time.Second, ready())
	locked := lost(14*time.Second, ready())
	locked.Notices = []board.Notice{{ID: "n2", Code: board.NoticeCheckFailed, At: back(2 * time.Second), Args: board.Args{Action: board.ActionComplete}}}
	m["11-locked"] = locked
	out := ready()
	out.Feed.State = board.FeedSignedOut
	m["11-signed-out"] = out
	denied := snapshot()
	denied.Feed.State = board.FeedRefused
	denied.Denied = []board.Denied{{What: "telephony-events", Code: "CMN-408", Permission: "ReadCalls"}, {What: "call-control", Code: "CMN-401", Scope: "CallControl"}}
	m["11-denied"] = denied
	again := ready()
	again.Notices = []board.Notice{{ID: "n3", Code: board.NoticeLiveAgain, At: back(time.Second), Args: board.Args{For: 40 * time.Second}}}
	m["11-live-again"] = again

	three := snapshot(customer(72*time.Second), caller(telephony.Hold, 60*time.Second, 26*time.Second), consult(20*time.Second, 14*time.Second))
	three.Choices = board.Pairing{}.Choices(three.Board)
	three.Readiness = board.Pairing{}.Ready(three.Board, nil, board.DefaultTiming())
	m["12-three-calls"] = three

	long2 := ready()
	long2.Board.Legs[0].Far.Name = "Wolfeschlegelsteinhausenbergerdorff Hubert Blaine Wolfeschlegelsteinhausen"
	long2.Board.Legs[0].Held.AtLeast = true
	long2.Board.Legs[1].Far.Name = "\u0645\u062d\u0645\u062f \u0639\u0628\u062f \u0627\u0644\u0644\u0647"
	m["13-long-names"] = long2
	nameless := ready()
	nameless.Board.Legs[0].Far.Name = ""
	nameless.Board.Legs[1].Far.Name = ""
	m["13-no-names"] = nameless
	return m
}

func team() board.Team {
	t := board.Team{
		Owner: board.Owner{AccountID: "1", ExtensionID: "9201", ExtensionNumber: "201", Name: "Rosa Almeida"}, Revision: 9, At: now,
		Feed: board.Feed{State: board.FeedLive, Heard: back(600 * time.Millisecond), Since: back(time.Hour)}, Groups: []string{"Front desk"},
	}
	member := func(ext, name string, stage board.Stage, at board.Since, legs ...board.Leg) {
		m := board.Member{
			Owner:    board.Owner{AccountID: "1", ExtensionID: "9" + ext, ExtensionNumber: ext, Name: name},
			Reported: true, Stage: stage, Since: at, Board: board.Board{Legs: legs},
		}
		m.Pair = board.Pairing{}.Next(m.Board, now).Pair
		t.Members = append(t.Members, m)
	}
	named := func(l board.Leg, name, number, queue string) board.Leg {
		l.Far.Name, l.Far.Number, l.Queue = name, number, queue
		return l
	}
	mail := consultIn(board.FarVoicemail, 60*time.Second, 40*time.Second)
	member("122", "Ben Castell", board.StageAlone, since(151*time.Second), named(customer(151*time.Second), "Yuki Tanabe", "+16505550186", "Billing"), named(mail, "Ida Moreau", "131", ""))
	member("214", "Lena Fischer", board.StageConsulting, since(31*time.Second), customer(102*time.Second), consult(40*time.Second, 31*time.Second))
	member("126", "Ruth Adeyemi", board.StageConsultRinging, since(21*time.Second), named(customer(78*time.Second), "", "+16505550119", "Orders"), named(consultIn(board.FarRinging, 21*time.Second, 21*time.Second), "Tom Okafor", "117", ""))
	member("135", "Karl Nyman", board.StageHolding, since(19*time.Second), named(customer(19*time.Second), "Grace Obi", "+16505550151", "Orders"))
	member("112", "Elif Demir", board.StageTalking, since(11*time.Second), named(talking(11*time.Second), "Sam Petrov", "+16505550104", "Returns"))
	member("119", "Jonas Weber", board.StageJoined, since(11*time.Second))
	j := &t.Members[len(t.Members)-1]
	j.Last = &board.Joined{Customer: named(customer(52*time.Second), "Omar Haddad", "+16505550177", "Returns"), Consult: named(consult(30*time.Second, 20*time.Second), "Noor Jansen", "108", ""), At: back(11 * time.Second)}
	member("131", "Ida Moreau", board.StageFree, since(520*time.Second))
	member("117", "Tom Okafor", board.StageRinging, since(21*time.Second), caller(telephony.Proceeding, 21*time.Second, 21*time.Second))
	member("129", "Asha Kline", board.StageFree, board.Since{})
	t.Members[len(t.Members)-1].Reported = false
	t.Members[len(t.Members)-1].Why = "CMN-408"
	return t
}

func options() views.Options { return views.Options{Supervisor: true} }
