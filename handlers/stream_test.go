package handlers_test

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/session"
)

func TestAStreamBeginsWithEverythingAndGoesOnWithChanges(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/desk/stream")
	first := s.until(t, "")
	for _, region := range []string{"#status", "#customer", "#joint", "#today"} {
		if !strings.Contains(first.data, `hx-target="`+region+`"`) {
			t.Errorf("the first message lacks %s", region)
		}
	}
	o.desks.publish(t, "desk", holding(2))
	second := s.until(t, "")
	if !strings.Contains(second.data, "On hold") || !strings.Contains(second.data, `hx-target="#customer"`) {
		t.Errorf("the change reads %s", second.data)
	}
	if strings.Contains(second.data, `hx-target="#today"`) {
		t.Error("what did not change was sent again")
	}
}

func TestASnapshotMayBeEarlierByAClockThatWasCorrected(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/desk/stream")
	s.until(t, "")
	newer := holding(2)
	newer.At = noon.Add(-time.Second)
	o.desks.publish(t, "desk", newer)
	if e := s.until(t, ""); !strings.Contains(e.data, "On hold") {
		t.Errorf("the change reads %s", e.data)
	}
}

func TestWhatDidNotChangeIsNotSent(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/desk/stream")
	s.until(t, "")
	o.desks.publish(t, "desk", holding(0)) // of a desk that lost its lease
	o.desks.publish(t, "desk", talking(1)) // the same again: only the feed was heard
	o.ticks <- noon
	if e := s.next(t); e.name != views.EventBeat {
		t.Errorf("%q came: %s", e.name, e.data)
	}
}

func TestABeatTellsHowFreshTheFeedIs(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/desk/stream", "/team/stream"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			s := o.listen(t, path)
			wantBeat(t, s.until(t, views.EventBeat), noon)
			s.until(t, "")
			opened := o.desks.pages()
			fresh, teamToo := holding(2), team(2)
			fresh.Feed.Heard, teamToo.Feed.Heard = noon.Add(time.Second), noon.Add(time.Second)
			teamToo.Members[0].Stage = board.StageHolding
			o.desks.mu.Lock()
			o.desks.snap = fresh
			o.desks.mu.Unlock()
			o.desks.publish(t, "desk", fresh)
			o.desks.publish(t, "team", teamToo)
			s.until(t, "")
			o.ticks <- noon
			wantBeat(t, s.until(t, views.EventBeat), fresh.Feed.Heard)
			if o.desks.pages() <= opened {
				t.Error("the desk was not told that its page is open")
			}
		})
	}
}

func wantBeat(t *testing.T, e event, heard time.Time) {
	t.Helper()
	var beat struct{ Now, Heard int64 }
	if err := json.Unmarshal([]byte(e.data), &beat); err != nil {
		t.Fatal(err)
	}
	if beat.Now != noon.UnixMilli() || beat.Heard != heard.UnixMilli() {
		t.Errorf("beat %s", e.data)
	}
}

func TestTheFifthTabEndsTheOldest(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	var tabs []*browserStream
	for range live.Limit(1) + 1 {
		tab := o.listen(t, "/desk/stream")
		tab.until(t, "")
		tabs = append(tabs, tab)
	}
	tabs[0].until(t, live.EndNewer)
	if e := tabs[0].next(t); e != (event{}) {
		t.Errorf("%q came after the end", e.name)
	}
	o.desks.publish(t, "desk", holding(2))
	for _, tab := range tabs[1:] {
		tab.until(t, "")
	}
}

func TestAStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	t.Run("signed out elsewhere", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		s := o.listen(t, "/desk/stream")
		s.until(t, "")
		if err := o.streams.End("jordan", live.EndSignedOut); err != nil {
			t.Fatal(err)
		}
		s.until(t, live.EndSignedOut)
	})
	t.Run("found at a tick", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		s := o.listen(t, "/desk/stream")
		s.until(t, "")
		o.browsers.mu.Lock()
		delete(o.browsers.open, "jordan")
		o.browsers.mu.Unlock()
		o.ticks <- noon
		s.until(t, live.EndSignedOut)
	})
	t.Run("expired", func(t *testing.T) {
		t.Parallel()
		o := newOffice(t)
		o.browsers.open["jordan"] = session.Session{Hash: "jordan", Person: agent, Expires: noon.Add(50 * time.Millisecond)}
		o.listen(t, "/desk/stream").until(t, live.EndSignedOut)
	})
}

func TestATeamStreamEndsWithTheRight(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/team/stream")
	if first := s.until(t, ""); !strings.Contains(first.data, "Jordan Whitfield") {
		t.Errorf("the first message reads %s", first.data)
	}
	busy := team(2)
	busy.Members[0].Board, busy.Members[0].Stage = holding(2).Board, board.StageHolding
	o.desks.publish(t, "team", busy)
	if e := s.until(t, ""); !strings.Contains(e.data, "Eleanor Marsh") {
		t.Errorf("the change reads %s", e.data)
	}
	o.desks.publish(t, "team", board.Team{Revision: 3, Over: true})
	s.until(t, live.EndForbidden)
}

func TestAStreamTellsBrowsersOfTheShutdown(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/desk/stream")
	s.until(t, "")
	o.streams.EndAll(live.EndShutdown)
	s.until(t, live.EndShutdown)
	o.listen(t, "/desk/stream").until(t, live.EndShutdown)
}

func TestAStreamThatNobodyReadsAnyMoreIsForgotten(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := o.listen(t, "/desk/stream")
	s.until(t, "")
	if n := o.streams.Count(); n != 1 {
		t.Fatalf("%d streams", n)
	}
	o.server.CloseClientConnections()
	for range s.events { // until it is closed
	}
	o.server.Close() // waits for the handler
	if n := o.streams.Count(); n != 0 {
		t.Errorf("%d streams are open", n)
	}
}

// A tab of somebody who was signed in before with this browser never shows the
// board of whoever is signed in now.
func TestAStreamOfAnotherPersonsPage(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.listen(t, "/desk/stream?for="+agent.ExtensionID).until(t, "")
	for _, path := range []string{"/desk/stream?for=1", "/team/stream?for=1"} {
		if got := o.ask(t, http.MethodGet, path, nil, "Accept", "text/event-stream").status; got != http.StatusUnauthorized {
			t.Errorf("%s: %d", path, got)
		}
	}
}
