package board

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	tp "github.com/cordboard/cordboard/rc/telephony"
)

func roundTrip[T any](t *testing.T, v T) {
	t.Helper()
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	var back T
	if err := json.Unmarshal(data, &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(v, back); diff != "" {
		t.Errorf("-before +after\n%s", diff)
	}
}

// fullSnapshot is a snapshot with something in every field.
func fullSnapshot() Snapshot {
	moving := with(rosaHeld, func(l *Leg) {
		l.Word, l.Reason, l.Peer = "Alerting", "CallSwitch", tp.Peer{SessionID: "s-9", PartyID: "p-9-1"}
		l.Held, l.HeldUntil, l.Ended, l.MovingUntil = atLeast(9), at(12), at(13), at(20)
		l.Queue, l.QueueCall, l.Muted, l.Conference, l.Supervising, l.Unsure, l.ParkData = "Billing", true, true, true, true, true, "*801"
		l.Far.Name, l.Far.ExtensionID, l.Far.Since = "Rosa \u202e<b>", "7", atLeast(3)
	})
	b := boardOf(moving, kim, victorIn)
	pairing, _ := Pairing{}.Choose(boardOf(rosaHeld, victorIn), "s-1", "s-3", at(40))
	pairing.Pair.Revision = 9
	attempt := NewTransfer("t-1", *pairing.Pair, b, 3, at(50)).Check(Readiness{Ready: true}, b, at(51)).
		Answer(Outcome{Status: 409, Code: "TAS-102", RequestID: "r-1"}, b, at(52))
	attempt.Doubted, attempt.Accepted, attempt.PeerMismatch = at(53), at(54), true
	return Snapshot{
		Owner: agent, Revision: 12, At: at(60), Feed: Feed{State: FeedReconnecting, Heard: at(58), Since: at(59), Try: 2, Missed: 7 * time.Second},
		Board: b, Pair: pairing.Pair, Readiness: Readiness{Reason: ReasonConsultRinging, SessionID: "s-2"},
		Choices: Pairing{}.Choices(b), Alone: "s-1", Rescue: &Rescue{SessionID: "s-1", Cause: NoticeConsultNone, Consult: kim.Far, At: at(55)},
		Attempt: &attempt, Asked: []Asked{{Action: ActionHold, SessionID: "s-1", At: at(57)}},
		Notices: []Notice{{ID: "n-1", Code: NoticeCustomerLeft, At: at(56), SessionID: "s-1", Args: Args{
			Name: "Rosa", Number: rosa, Other: "Kim", OtherNumber: "103", Held: 102 * time.Second, HeldAtLeast: true, For: time.Second,
			Action: ActionBack, Reason: ReasonEnded, Status: 409, Code: "TAS-102", RequestID: "r", CustomerHeld: true, ConsultThere: true,
		}}},
		Today:  []Record{{At: at(1), Name: "Rosa", Number: rosa, To: "Kim", ToNumber: "103", End: EndJoined, Held: time.Minute, HeldAtLeast: true, Consult: time.Second}},
		Denied: []Denied{{What: "presence", Code: "CMN-401", Scope: "ReadPresence", Permission: "ReadPresenceStatus"}},
	}
}

func TestSnapshotSurvivesJSON(t *testing.T) {
	roundTrip(t, fullSnapshot())
	roundTrip(t, Snapshot{Owner: agent})
}

func TestTeamSurvivesJSON(t *testing.T) {
	s := tell(t).consulted()
	member := s.Member(at(30))
	member.Groups, member.Why = []string{"Billing"}, "refused"
	joined := tell(t).consulted().events(customerGone(6, 50), consultGone(51)).Member(at(52))
	roundTrip(t, Team{Owner: agent, Revision: 3, At: at(52), Feed: Feed{State: FeedLive}, Groups: []string{"Billing"}, Members: []Member{member, joined}})
}

func TestSavedSurvivesJSON(t *testing.T) {
	s := tell(t).consulted().events(event("s-3", 2, 28, incoming("s-3", 2, victor, tp.Proceeding)), consultEvent(9, 40, tp.Disconnected))
	saved := s.Save()
	want(t, "sessions", len(saved.Sessions), 3)
	roundTrip(t, saved)
	for range 20 {
		if diff := cmp.Diff(saved, s.Save()); diff != "" {
			t.Fatalf("two saves of one watch differ: %s", diff)
		}
	}
}

// What happened while the program was down is found by the first read, and told.
func TestRestoreFindsWhatWasMissed(t *testing.T) {
	saved := tell(t).consulted().Save()
	s := &story{T: t, Watch: Restore(saved, Timing{}, at(60))}
	s.read(60, consultRead(tp.VoiceMail))
	want(t, "far, read in the moment of the restart", legOf(t, s.State, consultCall, 60).Far.State, FarVoicemail)
	want(t, "pair", s.Pairing.Pair != nil && s.Pairing.Pair.Bound, true)
	want(t, "reads", s.State.Wants()[0], Want{SessionID: customerCall})
	m := s.State.StartRead(customerCall, at(61))
	want(t, "applied", s.State.FinishRead(m, tp.Session{}, false, at(61)), true)
	want(t, "happened", s.at(61).codes(), "customer-left s-1;")
	s.read(62, consultRead(tp.Answered))
	want(t, "far", legOf(t, s.State, consultCall, 62).Far.State, FarAnswered)
	want(t, "an event from before the restart", s.State.Apply(in(3, 1, tp.Proceeding)), false)
	want(t, "a later one", s.State.Apply(consultEvent(11, 63, tp.Disconnected)), true)
}

func TestWords(t *testing.T) {
	for _, tt := range []struct{ got, want string }{
		{FarUnknown.String(), "unknown"},
		{FarOther.String(), "other"},
		{FarState(99).String(), "unknown"},
		{PhaseNone.String(), "none"},
		{Abandoned.String(), "abandoned"},
		{Phase(99).String(), "none"},
		{StageFree.String(), "free"},
		{StageJoined.String(), "joined"},
		{Stage(99).String(), "free"},
		{FeedConnecting.String(), "connecting"},
		{FeedRefused.String(), "refused"},
		{FeedState(99).String(), "connecting"},
	} {
		want(t, "word", tt.got, tt.want)
	}
}

func TestFeedIsStale(t *testing.T) {
	live := Feed{State: FeedLive, Heard: at(100)}
	want(t, "45 s of silence", live.Stale(at(145)), false)
	want(t, "more", live.Stale(at(145.1)), true)
	for _, state := range []FeedState{FeedConnecting, FeedReconnecting, FeedSignedOut, FeedRefused} {
		want(t, state.String(), Feed{State: state, Heard: at(100)}.Stale(at(100)), true)
	}
}
