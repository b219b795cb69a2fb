package board

import (
	"testing"

	"pgregory.net/rapid"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

// The steps of an attempt, at explicit times: pressed at 100, checked and sent at 101,
// taken over at 150.

type step func(Transfer) Transfer

func check(r Reason, b Board) step {
	return func(t Transfer) Transfer {
		return t.Check(Readiness{Ready: r == ReasonNone, Reason: r}, b, at(101))
	}
}

func answer(o Outcome, b Board, seconds float64) step {
	return func(t Transfer) Transfer { return t.Answer(o, b, at(seconds)) }
}

func see(b Board, seconds float64) step {
	return func(t Transfer) Transfer { return t.Observe(b, at(seconds)) }
}

func tick(b Board, seconds float64) step {
	return func(t Transfer) Transfer { return t.Tick(b, at(seconds), DefaultTiming()) }
}

func resume(b Board) step {
	return func(t Transfer) Transfer { return t.Resume(b, at(150)) }
}

func TestTransfer(t *testing.T) {
	there := boardOf(rosaHeld, kim)
	readAt := func(seconds float64) Board {
		fresh := func(l *Leg) { l.Far.Read = at(seconds) }
		return boardOf(with(rosaHeld, fresh), with(kim, fresh))
	}
	pathGone := boardOf(gone(rosaHeld, "s-2", 102), kim)
	bodyGone := boardOf(rosaHeld, gone(kim, "s-1", 102))
	bothGone := boardOf(gone(rosaHeld, "s-2", 102), gone(kim, "s-1", 102))
	noPeers := boardOf(gone(rosaHeld, "", 102), gone(kim, "", 102))
	bodyEnded := boardOf(gone(rosaHeld, "s-2", 102), over(kim, 102))
	bodyGoneElse := boardOf(over(rosaHeld, 102), gone(kim, "s-1", 102))
	elsewhere := boardOf(gone(rosaHeld, "s-9", 102), gone(kim, "s-1", 102))
	bodyElsewhere := boardOf(gone(rosaHeld, "s-2", 102), gone(kim, "s-9", 102))
	left := boardOf(over(rosaHeld, 102), kim)
	consultLeft := boardOf(rosaHeld, over(kim, 102))
	ok := Outcome{Accepted: true, RequestID: "r-1"}
	conflict := Outcome{Status: 409, Code: "TAS-102", RequestID: "r-2"}
	sent := check(ReasonNone, there)

	tests := map[string]struct {
		steps   []step
		want    Phase
		reason  Reason
		settled float64 // 0 = not settled
	}{
		"pressed":                                                        {nil, Checking, "", 0},
		"checking -> sent":                                               {[]step{sent}, Sent, "", 0},
		"checking -> abandoned: an end is over":                          {[]step{check(ReasonEnded, left)}, Abandoned, ReasonEnded, 101},
		"checking -> abandoned: an end leaves":                           {[]step{see(there, 100.5), see(left, 102)}, Abandoned, ReasonEnded, 102},
		"checking -> failed: not ready":                                  {[]step{check(ReasonFarVoicemail, there)}, Failed, ReasonFarVoicemail, 101},
		"checking -> failed: the reads fail":                             {[]step{check(ReasonCheckFailed, there)}, Failed, ReasonCheckFailed, 101},
		"checking -> checking: no deadline":                              {[]step{tick(there, 900)}, Checking, "", 0},
		"checking -> checking: nothing was asked":                        {[]step{answer(ok, there, 101)}, Checking, "", 0},
		"abandoned before sending is never sent":                         {[]step{see(left, 100.5), sent}, Abandoned, ReasonEnded, 100.5},
		"sent -> accepted":                                               {[]step{sent, answer(ok, there, 102)}, Accepted, "", 0},
		"accepted -> accepted: path first":                               {[]step{sent, answer(ok, there, 102), see(pathGone, 102)}, Accepted, "", 0},
		"accepted -> accepted: body first":                               {[]step{sent, answer(ok, there, 102), see(bodyGone, 102)}, Accepted, "", 0},
		"accepted -> confirmed: path, then body":                         {[]step{sent, answer(ok, there, 102), see(pathGone, 102), see(bothGone, 103)}, Confirmed, "", 103},
		"accepted -> confirmed: body, then path":                         {[]step{sent, answer(ok, there, 102), see(bodyGone, 102), see(bothGone, 103)}, Confirmed, "", 103},
		"accepted -> confirmed: no peers":                                {[]step{sent, answer(ok, there, 102), see(noPeers, 103)}, Confirmed, "", 103},
		"accepted -> confirmed: Disconnected for the second":             {[]step{sent, answer(ok, there, 102), see(bodyEnded, 103)}, Confirmed, "", 103},
		"accepted -> unconfirmed: Disconnected for the path":             {[]step{sent, answer(ok, there, 102), see(bodyGoneElse, 103), tick(bodyGoneElse, 107), tick(bodyGoneElse, 117)}, Unconfirmed, "", 117},
		"sent -> confirmed: the events come before the answer":           {[]step{sent, see(pathGone, 101.5), see(bothGone, 101.6), answer(ok, bothGone, 102)}, Confirmed, "", 101.6},
		"confirmed -> confirmed: a late refusal":                         {[]step{sent, see(bothGone, 101.6), answer(conflict, bothGone, 102)}, Confirmed, "", 101.6},
		"sent -> confirmed: after a timeout":                             {[]step{sent, answer(Outcome{}, there, 110), see(bothGone, 112)}, Confirmed, "", 112},
		"sent -> confirmed: after a server error":                        {[]step{sent, answer(Outcome{Status: 502}, there, 102), see(bothGone, 112)}, Confirmed, "", 112},
		"accepted -> unconfirmed: the path went elsewhere":               {[]step{sent, answer(ok, there, 102), see(elsewhere, 103)}, Unconfirmed, "", 103},
		"accepted -> unconfirmed: the body went elsewhere":               {[]step{sent, answer(ok, there, 102), see(bodyElsewhere, 103)}, Unconfirmed, "", 103},
		"sent -> refused: 409":                                           {[]step{sent, answer(conflict, there, 102)}, Refused, "", 102},
		"sent -> refused: 429":                                           {[]step{sent, answer(Outcome{Status: 429}, there, 102)}, Refused, "", 102},
		"sent -> abandoned: 409 after a hang-up":                         {[]step{sent, answer(conflict, left, 102)}, Abandoned, ReasonEnded, 102},
		"sent -> abandoned: 404 after a hang-up":                         {[]step{sent, see(consultLeft, 101.5), answer(Outcome{Status: 404}, consultLeft, 102)}, Abandoned, ReasonEnded, 102},
		"sent -> refused: 404 with both calls there":                     {[]step{sent, answer(Outcome{Status: 404}, there, 102)}, Refused, "", 102},
		"sent -> failed: unsent":                                         {[]step{sent, answer(Outcome{Unsent: true}, there, 102)}, Failed, "", 102},
		"sent -> failed: held back":                                      {[]step{sent, answer(Outcome{Unsent: true, Status: 429}, there, 102)}, Failed, ReasonHeldBack, 102},
		"sent -> sent: no answer yet":                                    {[]step{sent, tick(there, 110.9)}, Sent, "", 0},
		"sent -> sent: doubted 10 s after sending":                       {[]step{sent, tick(there, 111), tick(there, 120.9)}, Sent, "", 0},
		"sent -> unconfirmed: 10 s after the doubt":                      {[]step{sent, tick(there, 111), tick(there, 121)}, Unconfirmed, "", 121},
		"sent -> unconfirmed: a client timeout":                          {[]step{sent, answer(Outcome{}, there, 106), tick(there, 110.9), tick(there, 111), tick(there, 121)}, Unconfirmed, "", 121},
		"sent -> sent: 408 proves nothing":                               {[]step{sent, answer(Outcome{Status: 408}, there, 102)}, Sent, "", 0},
		"sent -> refused: 5xx and both in place":                         {[]step{sent, answer(Outcome{Status: 503}, there, 102), tick(there, 107), tick(readAt(107.5), 117)}, Refused, "", 117},
		"sent -> unconfirmed: 5xx, read too early":                       {[]step{sent, answer(Outcome{Status: 503}, there, 102), tick(there, 107), tick(readAt(106.9), 117)}, Unconfirmed, "", 117},
		"accepted -> unconfirmed: no proof":                              {[]step{sent, answer(ok, there, 102), tick(there, 107), tick(there, 117)}, Unconfirmed, "", 117},
		"accepted -> unconfirmed: in place all the same":                 {[]step{sent, answer(ok, there, 102), tick(there, 107), tick(readAt(110), 117)}, Unconfirmed, "", 117},
		"accepted -> accepted: 5 s after the answer, not of the sending": {[]step{sent, answer(ok, there, 109), tick(there, 113.9), tick(there, 120)}, Accepted, "", 0},
		"unconfirmed -> confirmed: late proof":                           {[]step{sent, tick(there, 111), tick(there, 121), see(pathGone, 130), see(bothGone, 131)}, Confirmed, "", 131},
		"unconfirmed -> unconfirmed: late mismatch":                      {[]step{sent, tick(there, 111), tick(there, 121), see(elsewhere, 130)}, Unconfirmed, "", 121},
		"unconfirmed -> unconfirmed: late answer":                        {[]step{sent, tick(there, 111), tick(there, 121), answer(conflict, there, 122)}, Unconfirmed, "", 121},
		"refused -> refused: joined on the phone":                        {[]step{sent, answer(conflict, there, 102), see(bothGone, 110)}, Refused, "", 102},
		"failed -> failed: joined on the phone":                          {[]step{check(ReasonNotHeld, there), see(bothGone, 110)}, Failed, ReasonNotHeld, 101},
		"checking -> failed: the program restarts":                       {[]step{resume(there)}, Failed, ReasonRestart, 150},
		"sent -> sent: the program restarts":                             {[]step{sent, resume(there), tick(there, 159.9)}, Sent, "", 0},
		"sent -> unconfirmed: the program restarts":                      {[]step{sent, resume(there), tick(there, 160)}, Unconfirmed, "", 160},
		"sent -> confirmed: the program restarts":                        {[]step{sent, resume(there), see(bothGone, 151)}, Confirmed, "", 151},
		"accepted -> confirmed: the program restarts":                    {[]step{sent, answer(ok, there, 102), resume(there), see(bothGone, 151)}, Confirmed, "", 151},
		"accepted -> unconfirmed: the program restarts":                  {[]step{sent, answer(ok, there, 102), resume(there), tick(there, 160)}, Unconfirmed, "", 160},
		"unconfirmed -> unconfirmed: the program restarts":               {[]step{sent, tick(there, 111), tick(there, 121), resume(there)}, Unconfirmed, "", 121},
		"confirmed -> confirmed: the program restarts":                   {[]step{sent, see(bothGone, 102), resume(there), tick(there, 900)}, Confirmed, "", 102},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			x := NewTransfer("t-1", *Pairing{}.Next(there, at(50)).Pair, there, 1, at(100))
			for _, s := range tt.steps {
				x = s(x)
			}
			want(t, "phase", x.Phase, tt.want)
			want(t, "reason", x.Reason, tt.reason)
			if tt.settled > 0 {
				want(t, "settled", x.Settled, at(tt.settled))
			} else {
				want(t, "not settled", x.Settled.IsZero(), true)
			}
			want(t, "settled phase", x.Phase.Settled(), !x.Settled.IsZero())
		})
	}
}

func TestTransferTellsWhatItKnows(t *testing.T) {
	there := boardOf(with(rosaHeld, func(l *Leg) { l.Far.Name = "Rosa Alvarez" }), kim)
	x := NewTransfer("t-1", *Pairing{}.Next(there, at(50)).Pair, there, 2, at(100))
	want(t, "ends", x.Ends, Ends{CustomerSession: "s-1", CustomerParty: "p-1-2", ConsultSession: "s-2", ConsultParty: "p-2-1"})
	want(t, "id", x.ID, "t-1")
	want(t, "attempt", x.Attempt, 2)
	want(t, "customer", x.Customer+" "+x.CustomerNumber, "Rosa Alvarez "+rosa)
	want(t, "consult", x.ConsultNumber, "103")
	want(t, "held", x.Held, exact(5))
	want(t, "talking", x.Talking, exact(22))
	want(t, "why", x.Why, WhyOnly)
	want(t, "began", x.Began, at(100))

	x = x.Check(Readiness{Ready: true}, there, at(101))
	want(t, "checked", x.Checked, at(101))
	want(t, "sent", x.Sent, at(101))
	refused := x.Answer(Outcome{Status: 409, Code: "TAS-102", RequestID: "r-2"}, there, at(102))
	want(t, "answered", refused.Answered, at(102))
	want(t, "status", refused.Status, 409)
	want(t, "code", refused.Code, "TAS-102")
	want(t, "request", refused.RequestID, "r-2")
	want(t, "customer still there", refused.CustomerAlive, true)
	want(t, "customer still on hold", refused.CustomerHeld, true)
	want(t, "consult still there", refused.ConsultAlive, true)

	abandoned := x.Answer(Outcome{Status: 404}, boardOf(over(rosaHeld, 102), kim), at(102))
	want(t, "customer still there", abandoned.CustomerAlive, false)
	want(t, "customer still on hold", abandoned.CustomerHeld, false)
	want(t, "consult still there", abandoned.ConsultAlive, true)

	moved := x.Answer(Outcome{Status: 409}, boardOf(with(rosaHeld, func(l *Leg) { l.PartyID = "p-1-9" }), kim), at(102))
	want(t, "the customer on another party", moved.CustomerAlive, false)

	accepted := x.Answer(Outcome{Accepted: true, Status: 200, RequestID: "r-1"}, there, at(102))
	want(t, "accepted", accepted.Accepted, at(102))
	want(t, "status", accepted.Status, 0)
	mismatch := accepted.Observe(boardOf(gone(rosaHeld, "s-9", 102), gone(kim, "s-1", 102)), at(103))
	want(t, "mismatch", mismatch.PeerMismatch, true)
	confirmed := accepted.Observe(boardOf(gone(rosaHeld, "s-2", 102), gone(kim, "s-1", 102)), at(103))
	want(t, "mismatch", confirmed.PeerMismatch, false)
	want(t, "customer still there", confirmed.CustomerAlive, false)
}

func TestDeadline(t *testing.T) {
	there := boardOf(rosaHeld, kim)
	x := NewTransfer("t-1", *Pairing{}.Next(there, at(50)).Pair, there, 1, at(100))
	deadline := func(x Transfer, seconds float64) {
		t.Helper()
		d, ok := x.Deadline(DefaultTiming())
		want(t, x.Phase.String()+" has a deadline", ok, seconds > 0)
		if ok {
			want(t, x.Phase.String()+" deadline", d, at(seconds))
		}
	}
	deadline(x, 0)
	x = x.Check(Readiness{Ready: true}, there, at(101))
	deadline(x, 111)
	accepted := x.Answer(Outcome{Accepted: true}, there, at(103))
	deadline(accepted, 108)
	doubted := accepted.Tick(there, at(108), DefaultTiming())
	want(t, "doubted", doubted.Doubted, at(108))
	deadline(doubted, 118)
	deadline(doubted.Tick(there, at(118), DefaultTiming()), 0)
}

// From any interleaving of what may happen an attempt reaches one named end and
// stays there; only what was unconfirmed may yet be confirmed.
func TestTransferReachesOneEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		customer, consult := rosaHeld, kim
		now, last := 100.0, Checking
		x := NewTransfer("t-1", *Pairing{}.Next(boardOf(rosaHeld, kim), at(50)).Pair, boardOf(rosaHeld, kim), 1, at(now))
		everSent, proof := false, false
		board := func() Board {
			b := boardOf()
			for _, l := range []Leg{customer, consult} {
				if l.SessionID != "" {
					b.Legs = append(b.Legs, l)
				}
			}
			return b
		}
		follow := func() {
			if last.Settled() && x.Phase != last && (last != Unconfirmed || x.Phase != Confirmed) {
				t.Fatalf("%v -> %v", last, x.Phase)
			}
			if x.Phase < last && last != Unconfirmed {
				t.Fatalf("back from %v to %v", last, x.Phase)
			}
			if x.Phase.Settled() != !x.Settled.IsZero() {
				t.Fatalf("%v settled at %v", x.Phase, x.Settled)
			}
			everSent = everSent || x.Phase == Sent
			if x.Phase == Confirmed && (!proof || !everSent) {
				t.Fatal("confirmed without proof")
			}
			if (x.Phase == Refused || x.Phase == Unconfirmed || x.Phase == Accepted) && !everSent {
				t.Fatalf("%v, though it was never sent", x.Phase)
			}
			last = x.Phase
		}
		t.Repeat(map[string]func(*rapid.T){
			"": func(*rapid.T) { follow() },
			"check": func(t *rapid.T) {
				r := rapid.SampledFrom([]Reason{ReasonNone, ReasonNone, ReasonEnded, ReasonFarVoicemail, ReasonCheckFailed}).Draw(t, "reason")
				x = x.Check(Readiness{Ready: r == ReasonNone, Reason: r}, board(), at(now))
			},
			"answer": func(t *rapid.T) {
				o := rapid.SampledFrom([]Outcome{{Accepted: true}, {Unsent: true}, {Status: 409}, {Status: 404}, {Status: 408}, {Status: 503}, {}}).Draw(t, "outcome")
				if everSent && x.Answered.IsZero() {
					x = x.Answer(o, board(), at(now))
				}
			},
			"end of one": func(t *rapid.T) {
				l := rapid.SampledFrom([]*Leg{&customer, &consult}).Draw(t, "leg")
				if !l.Alive() {
					return
				}
				switch rapid.IntRange(0, 2).Draw(t, "how") {
				case 0:
					*l = over(*l, now)
				case 1:
					*l = gone(*l, map[string]string{"s-1": "s-2", "s-2": "s-1"}[l.SessionID], now)
				case 2:
					*l = gone(*l, "s-9", now)
				}
				proof = customer.State == tp.Gone && customer.Peer.SessionID == "s-2" && !consult.Alive() && consult.Peer.SessionID != "s-9"
			},
			"read": func(*rapid.T) {
				customer.Far.Read, consult.Far.Read = at(now), at(now)
			},
			"observe": func(*rapid.T) { x = x.Observe(board(), at(now)) },
			"time": func(t *rapid.T) {
				now += rapid.Float64Range(0.1, 12).Draw(t, "seconds")
				x = x.Tick(board(), at(now), DefaultTiming())
			},
			"restart": func(*rapid.T) { x = x.Resume(board(), at(now)) },
		})
		if x.Phase == Checking {
			x = x.Check(Readiness{Ready: true}, board(), at(now))
		}
		for range 2 {
			if d, ok := x.Deadline(DefaultTiming()); ok {
				x = x.Tick(board(), d, DefaultTiming())
				follow()
			}
		}
		if !x.Phase.Settled() {
			t.Fatalf("no end: %+v", x)
		}
	})
}

// A peer that is named by its legacy number alone says nothing of the session.
func TestLegacyPeerIsNoMismatch(t *testing.T) {
	for peer, mismatch := range map[string]bool{"": false, "402936341008": false, "s-elsewhere": true} {
		b := Board{Legs: []Leg{
			{SessionID: "s-1", PartyID: "p-1-2", State: tp.Gone, Reason: tp.ReasonAttendedTransfer, Ended: at(3), Peer: tp.Peer{SessionID: peer}},
			{SessionID: "s-2", PartyID: "p-2-1", State: tp.Gone, Reason: tp.ReasonAttendedTransfer, Ended: at(3)},
		}}
		tr := Transfer{Ends: Ends{"s-1", "p-1-2", "s-2", "p-2-1"}, Phase: Sent, Sent: at(1)}.Observe(b, at(4))
		want(t, "mismatch by "+peer, tr.PeerMismatch, mismatch)
		want(t, "confirmed by "+peer, tr.Phase == Confirmed, !mismatch)
	}
}
