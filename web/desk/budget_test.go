package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/web/desk"
)

// minute is RingCentral's window in these tests, and everything that the product does by time is as much faster.
const minute = 4 * time.Second

// budgetLab has the documented limits, in a shorter minute.
func budgetLab(t *testing.T, opt rcsim.Options) *lab {
	t.Helper()
	opt.Limits = rcsim.Limits{Window: minute, Penalty: minute}
	opt.RingTimeout = -1
	opt.NoAutoHold = true
	l := newLab(t, opt)
	l.desks.Close()
	timing := desk.Timing{}.Scaled(minute.Seconds() / 60)
	timing.WS.Ping, timing.WS.Dead, timing.Board.StaleAfter = 0, 0, time.Minute // a busy machine is not a dead socket
	timing.AnswerPatient, timing.FirstLook = 4*time.Second, 10*time.Second
	l.timing = timing
	l.desks = l.newDesks("budget")
	return l
}

// spent fails for every request that RingCentral refused, and tells what the fullest minute of each group held.
func (l *lab) spent() {
	l.t.Helper()
	for _, r := range l.sim.Requests("", "") {
		if r.Status == http.StatusTooManyRequests {
			l.t.Errorf("%s %s at %s: 429", r.Method, r.Path, r.At)
		}
	}
	var most []string
	for g, limit := range map[rc.UsageGroup]int{rc.Light: 50, rc.Medium: 40, rc.Heavy: 10, rc.Auth: 5} {
		n := l.most(g, minute)
		most = append(most, fmt.Sprintf("%v %d of %d", g, n, limit))
	}
	l.t.Logf("the fullest minute: %s", strings.Join(most, ", "))
}

// An agent with eight calls: some ring, some are held, consults ring for long, and events are lost so that everything is
// polled. RingCentral never refuses, a press always finds room, and the board becomes the truth.
func TestEightCallsStayWithinTheLimits(t *testing.T) {
	t.Parallel()
	l := budgetLab(t, rcsim.Options{Seed: 40})
	s := l.open(agent)
	held := l.talk(customer)
	l.do(l.sim.Hold(agent, held))
	talking := l.talk(second)
	for i := range 2 { // customers who ring
		_, err := l.sim.Call(fmt.Sprintf("+1650555012%d", i), "", agent)
		l.do(err)
	}
	for _, to := range []string{consult, "104", "105"} { // consults that ring for long
		_, err := l.sim.Dial(agent, to)
		l.do(err)
	}
	k, err := l.sim.Dial(agent, "106")
	l.do(err)

	l.sim.SetEventFault(rcsim.EventFault{Extension: agent, Drop: 2}) // every second event is lost
	deadline := time.Now().Add(2*minute + minute/2)
	presses := 0
	for time.Now().Before(deadline) {
		// Whatever happens on the calls: RingCentral has room for the agent's presses.
		l.do(l.sim.Hold(agent, talking))
		l.do(l.sim.Unhold(agent, talking))
		snap := s.until("anything", func(board.Snapshot) bool { return true })
		s.mustAct(onLeg(board.ActionReread, snap, talking))
		presses++
		snap = s.until("anything", func(board.Snapshot) bool { return true })
		if noticed(board.NoticeCheckFailed)(snap) {
			t.Fatalf("press %d found no room: %+v", presses, snap.Notices)
		}
		s.pause(minute / 12)
	}
	l.do(l.sim.Answer("106", k))
	l.sim.SetEventFault(rcsim.EventFault{Extension: agent})
	truth := witness{sim: l.sim, inexact: time.Now()}
	s.until("true", func(snap board.Snapshot) bool { return truth.untrue(snap, false) == "" })
	l.spent()
	t.Logf("%d presses", presses)
}

// A supervisor of sixty colleagues with sixty calls: signing in, a cut whose recovery is refused, the team read again and
// again. RingCentral never refuses, and every card becomes the truth.
func TestSixtyColleaguesStayWithinTheLimits(t *testing.T) {
	t.Parallel()
	const supervisor, first, colleagues = "10001", 10002, 60
	account := rcsim.Crowd(colleagues+1, colleagues+1)
	l := budgetLab(t, rcsim.Options{Seed: 41, Account: &account})
	number := func(i int) string { return strconv.Itoa(first + i) }
	call := func(i int) string {
		id, err := l.sim.Call(fmt.Sprintf("+165055502%02d", i), "", number(i))
		l.do(err)
		l.do(l.sim.Answer(number(i), id))
		return id
	}
	calls := map[int]string{}
	for i := range 40 {
		calls[i] = call(i)
	}
	for i := range 20 { // twenty consult somebody whose phone rings for long
		l.do(l.sim.Hold(number(i), calls[i]))
		_, err := l.sim.Dial(number(i), number(40+i))
		l.do(err)
	}
	s := l.open(supervisor)
	s.untilTeam(colleagues)

	t.Log("a cut whose recovery is refused, with calls that come and go meanwhile")
	l.sim.RefuseRecovery(true)
	l.sim.SetFault("wstoken", rcsim.Fault{Status: http.StatusServiceUnavailable, Times: 1})
	l.sim.CutSocket(supervisor, rcsim.CutReset)
	s.until("reconnecting", func(s board.Snapshot) bool { return s.Feed.State == board.FeedReconnecting })
	for i := range 20 {
		l.do(l.sim.Hangup(number(20+i), calls[20+i]))
		calls[20+i] = call(20 + i)
	}
	s.until("live", func(s board.Snapshot) bool { return s.Feed.State == board.FeedLive })
	s.untilTeam(colleagues)

	t.Log("the team is read again and again, while calls are held and taken back")
	deadline := time.Now().Add(minute + minute/2)
	for i := 0; time.Now().Before(deadline); i = (i + 1) % 20 {
		l.do(l.sim.Hold(number(20+i), calls[20+i]))
		s.pause(minute / 24)
		_, err := l.desks.Team(t.Context(), s.p)
		l.do(err)
		l.do(l.sim.Unhold(number(20+i), calls[20+i]))
	}
	s.untilTeam(colleagues)
	l.spent()
}

// untilTeam waits until every colleague's card shows their own calls as they are.
func (s *seat) untilTeam(colleagues int) {
	s.t.Helper()
	box := s.at.FollowTeam(s.p)
	defer box.Close()
	ctx, cancel := context.WithTimeout(s.t.Context(), patience)
	defer cancel()
	team, err := s.at.Team(ctx, s.p)
	for {
		s.do(err)
		why := s.wrongTeam(team, colleagues)
		if why == "" {
			return
		}
		select {
		case <-box.C():
			if _, data, ok := box.Take(); ok {
				team = board.Team{}
				err = json.Unmarshal(data, &team)
			}
		case <-ctx.Done():
			s.t.Fatal(why)
		}
	}
}

// wrongTeam is what a team shows that is not so.
func (s *seat) wrongTeam(team board.Team, colleagues int) string {
	if len(team.Members) != colleagues {
		return fmt.Sprintf("%d colleagues", len(team.Members))
	}
	truth := s.sim.State()
	for _, m := range team.Members {
		there := 0
		for _, sess := range truth.Sessions {
			mine, _ := ends(sess, m.Owner.ExtensionID)
			if mine.ID == "" {
				continue
			}
			there++
			if l, ok := m.Board.Leg(sess.ID); !ok || !strings.EqualFold(l.State.String(), mine.Code) {
				return fmt.Sprintf("%s shows %v of %s, truly %s", m.Owner.ExtensionNumber, l.State, sess.ID, mine.Code)
			}
		}
		if n := m.Board.Alive(); n != there {
			return fmt.Sprintf("%s has %d calls, truly %d", m.Owner.ExtensionNumber, n, there)
		}
	}
	return ""
}

// pause lets a while pass in which the page is looked at.
func (s *seat) pause(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	for {
		select {
		case <-s.box.C():
			s.box.Take()
		case <-timer.C:
			return
		}
	}
}
