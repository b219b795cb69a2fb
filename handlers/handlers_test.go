package handlers_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/handlers"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// wait bounds every wait of these tests; none takes it unless it fails.
const wait = 10 * time.Second

var (
	agent = session.Person{AccountID: "1", ExtensionID: "102", ExtensionNumber: "102", Name: "Jordan Whitfield"}
	noon  = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
)

// desks is what a test says that stands behind the agent.
type desks struct {
	hub *live.Hub

	mu       sync.Mutex
	snap     board.Snapshot
	team     board.Team
	acts     []board.Claim
	opened   int
	refuse   error // of Act
	noTeam   error
	noDesk   error
	revision uint64
}

func (d *desks) Open(context.Context, session.Person) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.opened++
	return d.noDesk
}

func (d *desks) Snapshot(context.Context, session.Person) (board.Snapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.snap, d.noDesk
}

func (d *desks) Act(_ context.Context, p session.Person, c board.Claim) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if p != agent {
		return errors.New("somebody else's press")
	}
	d.acts = append(d.acts, c)
	return d.refuse
}

func (d *desks) Team(context.Context, session.Person) (board.Team, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.team, d.noTeam
}

func (d *desks) Follow(session.Person) *live.Mailbox     { return d.hub.Follow("desk") }
func (d *desks) FollowTeam(session.Person) *live.Mailbox { return d.hub.Follow("team") }

func (d *desks) pages() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.opened
}

func (d *desks) did() []board.Claim {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.acts)
}

// publish tells everybody who follows the topic.
func (d *desks) publish(t *testing.T, topic string, state any) {
	t.Helper()
	data, err := json.Marshal(state)
	if err != nil {
		t.Fatal(err)
	}
	d.mu.Lock()
	d.revision++
	revision := d.revision
	d.mu.Unlock()
	if err := d.hub.Publish(topic, revision, data); err != nil {
		t.Fatal(err)
	}
}

// browsers are signed in with a cookie whose value is the session's hash.
type browsers struct {
	mu    sync.Mutex
	open  map[string]session.Session
	ended []string
}

func (b *browsers) Begin(_ http.ResponseWriter, _ *http.Request, returnTo string) (string, error) {
	return "https://ringcentral.example/authorize?state=" + url.QueryEscape(returnTo), nil
}

func (b *browsers) Finish(_ http.ResponseWriter, r *http.Request) (session.Session, string, error) {
	if r.URL.Query().Get("error") != "" {
		return session.Session{}, "", problem.NewSignInDenied(nil)
	}
	return session.Session{Person: agent}, r.URL.Query().Get("state"), nil
}

func (b *browsers) Current(r *http.Request) (session.Session, error) {
	c, err := r.Cookie("session")
	if err != nil {
		return session.Session{}, problem.NewSignedOut(err)
	}
	return b.Touch(r.Context(), session.Session{Hash: c.Value})
}

func (b *browsers) Touch(_ context.Context, s session.Session) (session.Session, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	found, ok := b.open[s.Hash]
	if !ok {
		return session.Session{}, problem.NewSignedOut(nil)
	}
	return found, nil
}

func (b *browsers) SignOut(_ http.ResponseWriter, r *http.Request) error { return b.end("one", r) }

func (b *browsers) SignOutEverywhere(_ http.ResponseWriter, r *http.Request) error {
	return b.end("all", r)
}

func (b *browsers) end(word string, r *http.Request) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.ended = append(b.ended, word)
	if c, err := r.Cookie("session"); err == nil {
		delete(b.open, c.Value)
	}
	return nil
}

// office is a server of the handlers with everything behind them made up.
type office struct {
	desks    *desks
	browsers *browsers
	streams  *live.Streams
	ticks    chan time.Time
	server   *httptest.Server
}

func newOffice(t *testing.T) *office {
	t.Helper()
	b, err := bus.Open(t.Context(), bus.Config{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	hub, err := live.NewHub(b, "live")
	if err != nil {
		t.Fatal(err)
	}
	streams, err := live.NewStreams(b, "streams")
	if err != nil {
		t.Fatal(err)
	}
	o := &office{
		desks:    &desks{hub: hub, snap: talking(1), team: team(1)},
		browsers: &browsers{open: map[string]session.Session{"jordan": {Hash: "jordan", Person: agent, Expires: noon.Add(time.Hour)}}},
		streams:  streams,
		ticks:    make(chan time.Time),
	}
	h := &handlers.Handlers{
		Desks: o.desks, Sessions: o.browsers, Streams: streams, Demo: true, Phones: "http://127.0.0.1:8090/sim/",
		Now:    func() time.Time { return noon },
		Ticker: func() (<-chan time.Time, func()) { return o.ticks, func() {} },
	}
	e := echo.New()
	e.HTTPErrorHandler = func(err error, c echo.Context) {
		if !c.Response().Committed {
			_ = h.Problem(c, problem.From(err))
		}
	}
	e.GET("/", h.Home)
	e.GET("/signin", h.SignIn)
	e.GET("/signin/start", h.StartSignIn)
	e.GET("/oauth/callback", h.FinishSignIn)
	e.POST("/signout", h.SignOut)
	e.POST("/signout/everywhere", h.SignOutEverywhere)
	e.GET("/signedout", h.SignedOut)
	e.GET("/desk", h.Desk)
	e.GET("/desk/stream", h.DeskStream)
	for path, handler := range map[string]echo.HandlerFunc{
		"complete": h.Complete, "back": h.Back, "choose": h.Choose, "hold": h.Hold, "unhold": h.Unhold, "hangup": h.HangUp, "reread": h.Reread,
	} {
		e.POST("/desk/"+path, handler)
	}
	e.GET("/team", h.Team)
	e.GET("/team/stream", h.TeamStream)
	o.server = httptest.NewServer(e)
	t.Cleanup(func() {
		o.streams.EndAll(live.EndShutdown)
		o.server.Close()
	})
	return o
}

// talking is a desk with one customer on the line.
func talking(revision uint64) board.Snapshot {
	return board.Snapshot{
		Owner:    board.Owner{AccountID: "1", ExtensionID: "102", ExtensionNumber: "102", Name: "Jordan Whitfield"},
		Revision: revision, At: noon, Feed: board.Feed{State: board.FeedLive, Heard: noon, Since: noon},
		Board: board.Board{Legs: []board.Leg{{
			SessionID: "s-1", PartyID: "p-1-2", Direction: telephony.Inbound, State: telephony.Answered,
			Began: noon, Since: board.Since{Time: noon}, Answered: board.Since{Time: noon},
			Far: board.Far{State: board.FarAnswered, Name: "Eleanor Marsh", Number: "+16505550142"},
		}}},
		Readiness: board.Readiness{Reason: board.ReasonOneCall},
	}
}

// holding is the same call on hold.
func holding(revision uint64) board.Snapshot {
	s := talking(revision)
	s.At = noon.Add(time.Second)
	s.Board.Legs[0].State, s.Board.Legs[0].Held = telephony.Hold, board.Since{Time: noon}
	return s
}

func team(revision uint64) board.Team {
	return board.Team{
		Owner: board.Owner{AccountID: "1", ExtensionID: "101", Name: "Grace Okafor"}, Revision: revision, At: noon,
		Feed:    board.Feed{State: board.FeedLive, Heard: noon, Since: noon},
		Members: []board.Member{{Owner: board.Owner{AccountID: "1", ExtensionID: "102", Name: "Jordan Whitfield"}, Reported: true, Board: talking(1).Board, Stage: board.StageTalking}},
	}
}

// answer is a response whose body has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// ask sends a request as the agent unless a header says otherwise: Cookie "" is nobody.
func (o *office) ask(t *testing.T, method, path string, form url.Values, header ...string) answer {
	t.Helper()
	res := o.send(t.Context(), t, method, path, form, header...)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(body)}
}

func (o *office) send(ctx context.Context, t *testing.T, method, path string, form url.Values, header ...string) *http.Response {
	t.Helper()
	var body io.Reader
	if form != nil {
		body = strings.NewReader(form.Encode())
	}
	r, err := http.NewRequestWithContext(ctx, method, o.server.URL+path, body)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Cookie", "session=jordan")
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	client := &http.Client{Transport: o.server.Client().Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// find is the text of the element with a test id; ok is false when there is none.
func (a answer) find(t *testing.T, id string) (text string, ok bool) {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	at := doc.Find(fmt.Sprintf("[data-testid=%q]", id))
	return strings.Join(strings.Fields(at.First().Text()), " "), at.Length() > 0
}

func (a answer) wantFound(t *testing.T, id, text string) {
	t.Helper()
	if got, ok := a.find(t, id); !ok || !strings.Contains(got, text) {
		t.Errorf("%s: %q (there: %t), want %q in it", id, got, ok, text)
	}
}

// event is one server-sent event.
type event struct{ name, data string }

// browserStream is an event stream as a browser reads it.
type browserStream struct {
	events chan event
	status int
}

func (o *office) listen(t *testing.T, path string, header ...string) *browserStream {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	res := o.send(ctx, t, http.MethodGet, path, nil, append([]string{"Accept", "text/event-stream"}, header...)...)
	s := &browserStream{events: make(chan event, 64), status: res.StatusCode}
	var reading sync.WaitGroup
	reading.Go(func() {
		defer close(s.events)
		defer func() { _ = res.Body.Close() }()
		var e event
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			switch field, value, _ := strings.Cut(lines.Text(), ": "); field {
			case "event":
				e.name = value
			case "data":
				e.data += value + "\n"
			case "":
				s.events <- e
				e = event{}
			}
		}
	})
	t.Cleanup(func() {
		cancel()
		reading.Wait()
	})
	return s
}

// next is the next event; the zero one is the end of the stream.
func (s *browserStream) next(t *testing.T) event {
	t.Helper()
	select {
	case e := <-s.events:
		return e
	case <-time.After(wait):
		t.Fatal("nothing came")
		return event{}
	}
}

// until is the next event with that name; "" is a message.
func (s *browserStream) until(t *testing.T, name string) event {
	t.Helper()
	for {
		e := s.next(t)
		if e == (event{}) {
			t.Fatalf("the stream ended before %q", name)
		}
		if e.name == name {
			return e
		}
	}
}
