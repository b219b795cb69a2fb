package views_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/static"
	"github.com/cordboard/cordboard/views"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'; report-uri /csp"

// stage serves the desk page and its stream as the product does, from what a
// test puts on it.
type stage struct {
	*httptest.Server
	messages chan string
	opened   chan int // status of each try to open the stream
	posts    chan url.Values
	answer   chan http.HandlerFunc // of the next post; none: 204

	mu        sync.Mutex
	snapshot  board.Snapshot
	refuse    []int // statuses of the next tries to open the stream
	violation string
}

func newStage(t *testing.T, s board.Snapshot, refuse ...int) *stage {
	t.Helper()
	st := &stage{
		messages: make(chan string, 8), opened: make(chan int, 64), posts: make(chan url.Values, 8), answer: make(chan http.HandlerFunc, 1),
		snapshot: s, refuse: refuse,
	}
	mux := http.NewServeMux()
	mux.Handle(static.Prefix, static.Handler())
	mux.HandleFunc("GET /desk", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", policy)
		_ = views.DeskPage(views.NewDesk(st.now(), now, options())).Render(r.Context(), w)
	})
	mux.HandleFunc("GET /desk/stream", st.stream)
	mux.HandleFunc("POST /csp", func(_ http.ResponseWriter, r *http.Request) {
		body := make([]byte, 2000)
		n, _ := r.Body.Read(body)
		st.mu.Lock()
		st.violation = string(body[:n])
		st.mu.Unlock()
	})
	mux.HandleFunc("POST /desk/{action}", func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			http.Error(w, "bad form", http.StatusBadRequest)
			return
		}
		r.PostForm.Set("action", r.PathValue("action"))
		st.posts <- r.PostForm
		select {
		case answer := <-st.answer:
			answer(w, r)
		default:
			w.WriteHeader(http.StatusNoContent)
		}
	})
	st.Server = httptest.NewServer(mux)
	t.Cleanup(func() {
		st.CloseClientConnections()
		st.Close()
		if st.violation != "" {
			t.Errorf("the page broke its content policy: %s", st.violation)
		}
	})
	return st
}

func (st *stage) now() board.Snapshot {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.snapshot
}

func (st *stage) stream(w http.ResponseWriter, r *http.Request) {
	st.mu.Lock()
	status := http.StatusOK
	if len(st.refuse) > 0 {
		status, st.refuse = st.refuse[0], st.refuse[1:]
	}
	st.mu.Unlock()
	defer st.note(status)
	if status != http.StatusOK {
		http.Error(w, http.StatusText(status), status)
		return
	}
	flush := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.WriteHeader(status)
	_ = flush.Flush()
	st.note(0)
	for {
		select {
		case m := <-st.messages:
			if m == "cut" {
				return
			}
			if _, err := w.Write([]byte(m)); err != nil {
				return
			}
			_ = flush.Flush()
		case <-r.Context().Done():
			return
		}
	}
}

// note says that the stream was tried, opened (0) or closed; nobody may listen.
func (st *stage) note(status int) {
	select {
	case st.opened <- status:
	default:
	}
}

// show puts another snapshot on the board and tells the page.
func (st *stage) show(t *testing.T, s board.Snapshot) {
	t.Helper()
	st.mu.Lock()
	prev := views.NewDesk(st.snapshot, now, options())
	st.snapshot = s
	st.mu.Unlock()
	html := render(t, views.DeskUpdate(&prev, views.NewDesk(s, now, options())))
	st.messages <- "data: " + strings.ReplaceAll(html, "\n", "\ndata: ") + "\n\n"
}

func (st *stage) event(name, data string) {
	st.messages <- "event: " + name + "\ndata: " + data + "\n\n"
}

// tab is one browser page.
type tab struct {
	t   *testing.T
	ctx context.Context //nolint:containedctx // a chromedp context is the handle of the page
}

func open(t *testing.T, st *stage) tab {
	t.Helper()
	opts := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()), chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true))
	browser, stop := chromedp.NewExecAllocator(t.Context(), opts...)
	t.Cleanup(stop)
	ctx, closeTab := chromedp.NewContext(browser)
	t.Cleanup(closeTab)
	ctx, cancel := context.WithTimeout(ctx, 5*time.Minute)
	t.Cleanup(cancel)
	if err := chromedp.Do(ctx, chromedp.EmulateViewport(400, 760), chromedp.Navigate(st.URL+"/desk")); err != nil {
		t.Fatal(err)
	}
	return tab{t, ctx}
}

func eval[T any](p tab, js string) T {
	p.t.Helper()
	v, err := chromedp.Run(p.ctx, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
	if err != nil {
		p.t.Fatalf("%s: %v", js, err)
	}
	return v
}

// until waits in the page until a condition holds.
func (p tab) until(js string) {
	p.t.Helper()
	wait := fmt.Sprintf(`new Promise((yes, no) => { const end = performance.now() + 15000; const look = () => (%s) ? yes(true) : performance.now() > end ? yes(false) : setTimeout(look, 20); look(); })`, js)
	if !eval[bool](p, wait) {
		p.t.Fatalf("never: %s", js)
	}
}

// await waits until the stream is open.
func (st *stage) await(t *testing.T) {
	t.Helper()
	limit := time.After(20 * time.Second)
	for {
		select {
		case status := <-st.opened:
			if status == 0 {
				return
			}
		case <-limit:
			t.Fatal("the stream was not opened")
		}
	}
}

func (st *stage) post(t *testing.T) url.Values {
	t.Helper()
	select {
	case v := <-st.posts:
		return v
	case <-time.After(10 * time.Second):
		t.Fatal("nothing was posted")
		return nil
	}
}

const pastGuard = `new Promise(yes => setTimeout(() => yes(true), 600))`

func (p tab) key(key string, mods ...chromedp.KeyOption) {
	p.t.Helper()
	if err := chromedp.Do(p.ctx, chromedp.KeyEvent(key, mods...)); err != nil {
		p.t.Fatal(err)
	}
}

func (p tab) complete() { p.t.Helper(); p.key("\r", chromedp.KeyModifiers(chromedp.ModifierCtrl)) }

func TestBrowserTakesUpdatesAndAPress(t *testing.T) {
	t.Parallel()
	ringing := paired(customer(38*time.Second), consultIn(board.FarRinging, 9*time.Second, 9*time.Second))
	answered := paired(customer(38*time.Second), consult(9*time.Second, time.Second))
	st := newStage(t, ringing, http.StatusServiceUnavailable, http.StatusServiceUnavailable)
	page := open(t, st)

	// The first two tries are refused; the page goes on trying.
	st.await(t)

	// Complete is off: its key does nothing.
	page.complete()

	// Focus stays where it is when something else changes.
	eval[bool](page, `document.querySelector('#customer [data-testid=back]').focus(), true`)
	st.show(t, answered)
	page.until(`document.querySelector('.complete[data-ready]') !== null`)
	if got := eval[string](page, `document.activeElement.dataset.testid`); got != "back" {
		t.Errorf("the update moved the focus to %q", got)
	}
	if got := eval[string](page, `document.querySelector('#polite').textContent`); got != "Ready: joins Dana Whitlock to Priya Raman." {
		t.Errorf("said %q", got)
	}

	// A press right after the words changed is ignored, a later one is sent once.
	page.complete()
	eval[bool](page, pastGuard)
	hold := make(chan struct{})
	st.answer <- func(w http.ResponseWriter, r *http.Request) {
		<-hold
		w.WriteHeader(http.StatusConflict)
		_ = views.FlashUpdate(views.Problem{Code: "changed", Status: http.StatusConflict}).Render(r.Context(), w)
	}
	page.complete()
	first := st.post(t)
	eval[bool](page, pastGuard)
	page.complete() // while the first is not answered
	close(hold)
	page.until(`document.querySelector('#flash [data-testid=problem]') !== null`)
	if got := first.Get("customer_session") + first.Get("consult_party") + first.Get("revision") + first.Get("action"); got != dana+"p-priya-1"+"41"+"complete" {
		t.Errorf("posted %v", first)
	}
	select {
	case again := <-st.posts:
		t.Errorf("posted again: %v", again)
	default:
	}
	if got := eval[string](page, `document.querySelector('#assertive').textContent`); !strings.Contains(got, "Nothing was sent.") {
		t.Errorf("said %q", got)
	}

	// What has the focus goes away: its bay's heading takes it.
	eval[bool](page, `document.querySelector('#consult [data-testid=hangup]').focus(), true`)
	joined := states()["08-confirmed"]
	st.show(t, joined)
	page.until(`document.querySelector('#joint .panel[data-joined]') !== null`)
	if got := eval[string](page, `document.activeElement.id`); got != "consult-name" {
		t.Errorf("the focus went to %q", got)
	}
	if got := eval[string](page, `document.title`); got != "Dana joined to Priya" {
		t.Errorf("the title is %q", got)
	}

	// "Keep it here" keeps the panel when the board moves on.
	eval[bool](page, `document.querySelector('[data-keep]').click(), true`)
	st.show(t, snapshot())
	page.until(`!document.querySelector('#kept').hidden && document.querySelector('#joint').dataset.kind === 'none'`)
	if got := eval[string](page, `document.querySelector('#kept').textContent`); !strings.Contains(got, "Dana Whitlock and Priya Raman are talking.") {
		t.Errorf("kept %q", got)
	}
	eval[bool](page, `document.querySelector('#kept [data-kept-close]').click(), true`)
	page.until(`document.querySelector('#kept').hidden`)
}

func TestBrowserTheStreamsHealth(t *testing.T) {
	t.Parallel()
	st := newStage(t, ready())
	page := open(t, st)
	st.await(t)
	if got := eval[string](page, `document.documentElement.dataset.link || 'live'`); got != "live" {
		t.Errorf("the page says %q", got)
	}

	// A heartbeat corrects clock and age.
	st.event(views.EventBeat, views.Beat(board.Feed{Heard: now.Add(10 * time.Minute)}, now.Add(10*time.Minute+7*time.Second).UnixMilli()))
	page.until(`document.querySelector('[data-testid=clock] time').textContent.startsWith('11:5')`)
	page.until(`/^(7|8|9)\.\d s$/.test(document.querySelector('[data-testid=status-age]').textContent)`)
	if got := eval[string](page, `document.querySelector('#customer').dataset.late`); got != "toolong" {
		t.Errorf("after eleven minutes the hold is %q", got)
	}
	page.until(`document.querySelector('#assertive').textContent === 'Dana on hold for 2 minutes'`)

	// Cut: it comes back by itself; then 401 ends it for good.
	st.messages <- "cut"
	st.await(t)
	st.mu.Lock()
	st.refuse = []int{http.StatusUnauthorized}
	st.mu.Unlock()
	st.messages <- "cut"
	page.until(`document.documentElement.dataset.link === 'signed-out' && !document.querySelector('[data-testid=link-signed-out]').hidden`)
	page.complete() // does nothing on old news
	for len(st.opened) > 0 {
		<-st.opened
	}
	eval[bool](page, `new Promise(yes => setTimeout(() => yes(true), 6000))`)
	if n := len(st.opened); n > 0 {
		t.Errorf("%d tries after it was signed out", n)
	}
	if n := len(st.posts); n > 0 {
		t.Errorf("%d presses on old news", n)
	}
}

func TestBrowserANewerTabTakesOver(t *testing.T) {
	t.Parallel()
	st := newStage(t, ready())
	page := open(t, st)
	st.await(t)
	st.event(views.EventNewer, "")
	st.messages <- "cut"
	page.until(`!document.querySelector('[data-testid=link-newer]').hidden`)
	if got := eval[int](page, `document.querySelectorAll('#link > .bar:not([hidden])').length`); got != 1 {
		t.Errorf("%d bars", got)
	}
}

func TestBrowserChoosingBothEnds(t *testing.T) {
	t.Parallel()
	st := newStage(t, states()["12-three-calls"])
	page := open(t, st)
	st.await(t)
	eval[bool](page, `document.querySelector('input[name=customer_session][value=s-dana]').click(), true`)
	if got := eval[string](page, `document.querySelector('#complete-line').textContent`); got != "Off: choose who takes Dana's call." {
		t.Errorf("line two is %q", got)
	}
	if !eval[bool](page, `document.querySelector('input[name=consult_session][value=s-dana]').disabled`) {
		t.Error("Dana can be both ends")
	}
	// An update leaves the choice alone.
	next := states()["12-three-calls"]
	next.Notices = []board.Notice{{ID: "n", Code: board.NoticeMissed, At: now, Args: board.Args{Name: "Somebody", Number: "+16505550100"}}}
	st.show(t, next)
	page.until(`document.querySelector('#notices [data-testid=notice]') !== null`)
	if !eval[bool](page, `document.querySelector('input[name=customer_session][value=s-dana]').checked`) {
		t.Error("an update took the choice away")
	}
	eval[bool](page, `document.querySelector('input[name=consult_session][value=s-priya]').click(), true`)
	got := st.post(t)
	for name, want := range map[string]string{"action": "choose", "customer_session": dana, "consult_session": priya, "party_s-dana": "p-dana-2", "party_s-priya": "p-priya-1", "revision": "41"} {
		if got.Get(name) != want {
			t.Errorf("%s is %q, want %q", name, got.Get(name), want)
		}
	}
}

func TestBrowserKeysAndTheirList(t *testing.T) {
	t.Parallel()
	st := newStage(t, states()["06-ready-another"])
	page := open(t, st)
	st.await(t)
	for key, want := range map[string]string{"1": "customer-name", "2": "consult-name"} {
		page.key(key)
		if got := eval[string](page, `document.activeElement.id`); got != want {
			t.Errorf("%s went to %q", key, got)
		}
	}
	page.key("3")
	if got := eval[string](page, `document.activeElement.textContent`); got != "Omar Haddad" {
		t.Errorf("3 went to %q", got)
	}
	page.key("?")
	if !eval[bool](page, `document.querySelector('#help').open`) {
		t.Fatal("? shows nothing")
	}
	page.key("r")
	if got := st.post(t).Get("action"); got != "reread" {
		t.Errorf("r posts %q", got)
	}
	eval[bool](page, `document.querySelector('[data-single]').click(), true`)
	page.key("\u001b")
	if eval[bool](page, `document.querySelector('#help').open`) {
		t.Error("Escape leaves the list open")
	}
	if got := eval[string](page, `document.activeElement.textContent`); got != "Omar Haddad" {
		t.Errorf("the focus did not come back: %q", got)
	}
	page.key("b")
	eval[bool](page, pastGuard)
	if n := len(st.posts); n > 0 {
		t.Error("single letters were switched off, and B still acts")
	}
	page.complete()
	if got := st.post(t).Get("action"); got != "complete" {
		t.Errorf("Ctrl+Enter posts %q", got)
	}
}

func TestBrowserTheBoardLiesWhereTheFormPutsIt(t *testing.T) {
	t.Parallel()
	st := newStage(t, ready())
	page := open(t, st)
	st.await(t)
	eval[bool](page, `document.fonts.ready.then(() => true)`)
	top := func(sel string) float64 {
		return eval[float64](page, `document.querySelector('`+sel+`').getBoundingClientRect().top`)
	}
	for sel, want := range map[string]float64{"#customer": 48, ".complete": 265, "#consult": 361} {
		if got := top(sel); got != want {
			t.Errorf("at 400 px %s begins at %v, want %v", sel, got, want)
		}
	}
	if got := eval[float64](page, `document.querySelector('.complete').getBoundingClientRect().height`); got != 84 {
		t.Errorf("Complete is %v high", got)
	}
	for name := range states() {
		st.mu.Lock()
		st.snapshot = states()[name]
		st.mu.Unlock()
		for _, width := range []int64{320, 400, 840, 1000, 1180, 1440} {
			if err := chromedp.Do(page.ctx, chromedp.EmulateViewport(width, 760), chromedp.Navigate(st.URL+"/desk")); err != nil {
				t.Fatal(err)
			}
			if over := eval[float64](page, `document.documentElement.scrollWidth - innerWidth`); over > 0 {
				t.Errorf("%s at %d px scrolls sideways by %v", name, width, over)
			}
			small := eval[string](page, `[...document.querySelectorAll('main button, main a, main summary')].filter(b => b.offsetParent && b.getBoundingClientRect().height < 24).map(b => b.textContent).join()`)
			if small != "" {
				t.Errorf("%s at %d px: targets under 24 px: %s", name, width, small)
			}
		}
	}
	if h := eval[float64](page, `document.querySelector('body').scrollHeight`); h == 0 {
		t.Error("nothing is on the page")
	}
}
