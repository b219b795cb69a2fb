package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// seen runs in each page before its own scripts and notes what the page itself cannot tell afterwards.
const seen = `(() => {
  const seen = globalThis.__seen = { shifts: [], focus: [], policy: [] };
  const name = (el) => el?.id || el?.dataset?.testid || el?.tagName || "nothing";
  new PerformanceObserver((list) => {
    for (const e of list.getEntries()) seen.shifts.push({ value: e.value, of: e.sources.map((s) => name(s.node)) });
  }).observe({ type: "layout-shift", buffered: true });
  addEventListener("focusin", (e) => seen.focus.push(name(e.target)), true);
  addEventListener("focusout", (e) => { if (!e.relatedTarget) seen.focus.push("nothing"); }, true);
  addEventListener("securitypolicyviolation", (e) => seen.policy.push(e.violatedDirective + " " + e.blockedURI));
})();`

// tab is a page in a browser. What goes wrong in it fails the test: errors and warnings on the console, violations of the
// content policy, requests that fail or that a page sends to another host. A test names what it expects to go wrong.
type tab struct {
	t      *testing.T
	x      *exchange
	name   string
	during func() (context.Context, context.CancelFunc) // one action
	child  func(...chromedp.ContextOption) (context.Context, context.CancelFunc)

	paused chan fetch.RequestID // requests that a test holds back

	mu       sync.Mutex
	troubles []string
	expected []string
	loads    map[network.RequestID]load
}

// load is a request of a page with what came for it, as transferred.
type load struct {
	url   string
	bytes float64
}

// visitor opens a fresh browser, as wide as a phone's window beside it, with one tab.
func (x *exchange) visitor(name string) *tab {
	x.Helper()
	return x.open(name, x.lab.window)
}

// another opens one more tab of the same browser.
func (b *tab) another(name string) *tab {
	b.t.Helper()
	return b.x.open(name, b.child)
}

func (x *exchange) open(name string, window func(...chromedp.ContextOption) (context.Context, context.CancelFunc)) *tab {
	x.Helper()
	b := &tab{t: x.T, x: x, name: name, loads: map[network.RequestID]load{}, paused: make(chan fetch.RequestID, 16)}
	ctx, closeTab := window(chromedp.WithListener(b.watch))
	x.Cleanup(closeTab)
	x.Cleanup(b.reckon)
	b.during = func() (context.Context, context.CancelFunc) { return context.WithTimeout(ctx, patience) }
	b.child = func(options ...chromedp.ContextOption) (context.Context, context.CancelFunc) {
		return chromedp.NewContext(ctx, options...)
	}
	if err := chromedp.Do(ctx); err != nil {
		x.Fatalf("%s: open a tab: %v", name, err)
	}
	b.resize(400, 900)
	b.command(func(ctx context.Context, on *chromedp.Target) error {
		if _, err := cdp.Call(ctx, on, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, on, page.AddScriptToEvaluateOnNewDocument, page.AddScriptToEvaluateOnNewDocumentParams{Source: seen})
		return err
	})
	return b
}

// watch is called for each event of the browser in this tab.
func (b *tab) watch(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	trouble := func(format string, args ...any) { b.troubles = append(b.troubles, fmt.Sprintf(format, args...)) }
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		trouble("exception: %s %s", e.ExceptionDetails.Text, described(e.ExceptionDetails.Exception))
	case *runtime.EventConsoleAPICalled:
		if e.Type == "error" || e.Type == "warning" {
			var said []string
			for _, arg := range e.Args {
				said = append(said, string(arg.Value)+described(arg))
			}
			trouble("console: %s", strings.Join(said, " "))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level == "error" || e.Entry.Level == "warning" {
			trouble("browser: %s: %s %s", e.Entry.Source, e.Entry.Text, e.Entry.URL)
		}
	case *fetch.EventRequestPaused:
		b.paused <- e.RequestID
	case *network.EventRequestWillBeSent:
		b.loads[e.RequestID] = load{url: e.Request.URL}
		if !b.allowed(e) {
			trouble("a request to another host: %s of %s", e.Request.URL, e.DocumentURL)
		}
	case *network.EventDataReceived:
		l := b.loads[e.RequestID]
		l.bytes += float64(e.EncodedDataLength)
		b.loads[e.RequestID] = l
	case *network.EventLoadingFinished:
		l := b.loads[e.RequestID]
		l.bytes = e.EncodedDataLength
		b.loads[e.RequestID] = l
	case *network.EventLoadingFailed:
		if !e.Canceled && e.ErrorText != "net::ERR_ABORTED" { // left by the page itself
			trouble("failed: %s: %s", b.loads[e.RequestID].url, e.ErrorText)
		}
	}
}

func described(o *runtime.RemoteObject) string {
	if o == nil {
		return ""
	}
	return o.Description
}

// allowed reports whether a request goes where it may: pages are those of the two servers, and everything else comes from
// the server of its page.
func (b *tab) allowed(e *network.EventRequestWillBeSent) bool {
	to, from := origin(e.Request.URL), origin(e.DocumentURL)
	if e.Type == network.ResourceTypeDocument {
		return to == b.x.url || to == b.x.sim
	}
	return to == from || strings.HasPrefix(e.Request.URL, "data:")
}

func origin(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return address
	}
	return u.Scheme + "://" + u.Host
}

// expect names a part of a trouble that belongs to the test.
func (b *tab) expect(part string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.expected = append(b.expected, part)
}

// reckon fails the test for troubles that it did not expect, and keeps what a failed test showed.
func (b *tab) reckon() {
	for _, violation := range b.violations() {
		b.t.Errorf("%s: content policy: %s", b.name, violation)
	}
	b.mu.Lock()
	for _, trouble := range b.troubles {
		if !b.foreseen(trouble) {
			b.t.Errorf("%s: %s", b.name, trouble)
		}
	}
	b.mu.Unlock()
	if b.t.Failed() {
		b.keep()
	}
}

func (b *tab) foreseen(trouble string) bool {
	for _, part := range b.expected {
		if strings.Contains(trouble, part) {
			return true
		}
	}
	return false
}

// violations are those that the present page noted.
func (b *tab) violations() []string {
	list, err := attempt(b, chromedp.Evaluate[[]string](`globalThis.__seen?.policy ?? []`))
	if err != nil {
		return []string{err.Error()}
	}
	return list
}

// keep writes the page's picture and HTML where somebody can look at them.
func (b *tab) keep() {
	dir := filepath.Join(os.TempDir(), "cordboard-browser-tests", strings.NewReplacer("/", "-", " ", "-").Replace(b.t.Name()))
	if err := os.MkdirAll(dir, 0o700); err != nil {
		b.t.Logf("%s: %v", b.name, err)
		return
	}
	picture, err := attempt(b, chromedp.FullScreenshot(100))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, b.name+".png"), picture, 0o600)
	}
	if err != nil {
		b.t.Logf("%s: no picture: %v", b.name, err)
	}
	html, err := attempt(b, chromedp.Evaluate[string](`document.documentElement.outerHTML`))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, b.name+".html"), []byte(html), 0o600)
	}
	if err != nil {
		b.t.Logf("%s: no HTML: %v", b.name, err)
	}
	b.t.Logf("%s: what it showed is in %s", b.name, dir)
}

// attempt runs an action within its time.
func attempt[T any](b *tab, a chromedp.Action[T]) (T, error) {
	ctx, cancel := b.during()
	defer cancel()
	return chromedp.Run(ctx, a)
}

// do runs actions, each of which must come to its end.
func (b *tab) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	for _, a := range actions {
		if _, err := attempt(b, a); err != nil {
			b.t.Fatalf("%s: %v", b.name, err)
		}
	}
}

// command sends what chromedp has no action for.
func (b *tab) command(send func(context.Context, *chromedp.Target) error) {
	b.t.Helper()
	b.do(chromedp.Func(send))
}

// read evaluates an expression in the page.
func read[T any](b *tab, expression string) T {
	b.t.Helper()
	v, err := attempt(b, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %s: %v", b.name, expression, err)
	}
	return v
}

// evaluated runs an expression to the end of its promise.
func evaluated(expression string) chromedp.Action[chromedp.Void] {
	return chromedp.Evaluate[chromedp.Void](expression, chromedp.EvalAwaitPromise)
}

// until waits for an expression to be true; a page that is just being left counts as not yet.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	until(b.t, b.name+": "+what, func() (bool, string) {
		ok, err := attempt(b, chromedp.Evaluate[bool](`Boolean(`+expression+`)`))
		if err != nil {
			return false, err.Error()
		}
		if ok {
			return true, ""
		}
		text, _ := attempt(b, chromedp.Evaluate[string](`location.href + "\n" + document.body?.innerText`))
		return false, text
	})
}

// at is the element of a test id, for expressions.
func at(id string) string { return `document.querySelector(` + quoted(byID(id)) + `)` }

// byID is the selector of a test id.
func byID(id string) string { return `[data-testid="` + id + `"]` }

func quoted(s string) string {
	b, _ := json.Marshal(s) // of a string it never fails
	return string(b)
}

// there waits for an element, shows reports whether it is there and to be seen now.
func (b *tab) there(id string) {
	b.t.Helper()
	b.until("the element "+id, visible(byID(id)))
}

func (b *tab) gone(id string) {
	b.t.Helper()
	b.until("no element "+id, `!(`+visible(byID(id))+`)`)
}

func (b *tab) shows(id string) bool {
	b.t.Helper()
	return read[bool](b, `Boolean(`+visible(byID(id))+`)`)
}

func visible(selector string) string {
	return `document.querySelector(` + quoted(selector) + `)?.checkVisibility({visibilityProperty: true})`
}

// says waits until an element's text has a part.
func (b *tab) says(id, part string) {
	b.t.Helper()
	b.until(id+" says "+strconv.Quote(part), spaced(at(id)+`?.innerText`)+`.includes(`+quoted(part)+`)`)
}

// text is an element's text on one line.
func (b *tab) text(id string) string {
	b.t.Helper()
	return read[string](b, spaced(at(id)+`?.innerText`))
}

// spaced makes one line of a text, for expressions.
func spaced(expression string) string { return `(` + expression + ` ?? "").replace(/\s+/g, " ")` }

// visit goes to an address.
func (b *tab) visit(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address))
}

func (b *tab) reload() {
	b.t.Helper()
	b.do(chromedp.Reload())
}

func (b *tab) resize(width, height int64) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, height))
}

// withoutScript turns the page's scripts off from the next page on.
func (b *tab) withoutScript() {
	b.t.Helper()
	b.command(func(ctx context.Context, on *chromedp.Target) error {
		_, err := cdp.Call(ctx, on, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return err
	})
}

// click presses the mouse on an element, as soon as the element is where a mouse can reach it.
func (b *tab) click(id string) {
	b.t.Helper()
	b.clickOn(byID(id))
}

func (b *tab) clickOn(selector string) {
	b.t.Helper()
	var p []float64
	until(b.t, b.name+": a way to press "+selector, func() (bool, string) {
		var err error
		p, err = attempt(b, chromedp.Evaluate[[]float64](`(async () => {
			const el = document.querySelector(`+quoted(selector)+`);
			if (document.readyState !== "complete" || !el?.checkVisibility({visibilityProperty: true})) return null;
			const frame = () => new Promise((drawn) => requestAnimationFrame(drawn));
			let r = el.getBoundingClientRect();
			if (r.top < 0 || r.bottom > innerHeight) { // a mouse meets what was drawn, not what was scrolled to
				el.scrollIntoView({block: "center", behavior: "instant"});
				await frame();
				await frame();
				r = el.getBoundingClientRect();
			}
			const x = r.left + r.width / 2, y = r.top + r.height / 2, hit = document.elementFromPoint(x, y);
			return hit && (el.contains(hit) || hit.closest("label")?.contains(el)) ? [x, y] : null;
		})()`, chromedp.EvalAwaitPromise))
		if err != nil {
			return false, err.Error()
		}
		return len(p) == 2, "it is hidden or covered"
	})
	b.do(chromedp.MouseClickXY(p[0], p[1]))
}

// key presses a key, with Ctrl when asked for.
func (b *tab) key(keys string, modifiers ...chromedp.Modifier) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys, chromedp.KeyModifiers(modifiers...)))
}

func (b *tab) ctrlEnter() {
	b.t.Helper()
	b.key(kb.Enter, chromedp.ModifierCtrl)
}

// signIn goes through RingCentral's page and waits for a desk that is live.
func (b *tab) signIn(extension string) {
	b.t.Helper()
	b.visit(b.x.url + "/")
	b.click("sign-in-link")
	b.clickOn(byID("authorize-user-"+extension) + " .name")
	b.click("authorize-approve")
	b.live()
}

// live waits until the desk tells that its feed is live.
func (b *tab) live() {
	b.t.Helper()
	b.until("live", `document.querySelector('#status[data-live]')`)
}

// ready waits until Complete may be pressed, and until the guard against a press on words that just changed is over.
func (b *tab) ready() {
	b.t.Helper()
	b.until("Complete is ready", `document.querySelector('.complete[data-ready]')`)
	b.steady()
}

// steady waits until the words of the joint have stood for longer than the page's guard.
func (b *tab) steady() {
	b.t.Helper()
	read[bool](b, `delete globalThis.__steady`)
	b.until("words that stand", `(() => {
		const words = document.querySelector("#joint")?.innerText, now = performance.now();
		const was = globalThis.__steady;
		if (!was || was.words !== words) globalThis.__steady = { words, at: now };
		return was?.words === words && now - was.at > 700;
	})()`)
}

// joined waits until the page tells that the transfer is confirmed.
func (b *tab) joined() {
	b.t.Helper()
	b.until("joined", `document.querySelector('#joint[data-kind="joined"]')`)
}

// bay is the session at an end of the board.
func (b *tab) bay(end string) string {
	b.t.Helper()
	return read[string](b, `document.querySelector("#`+end+`")?.dataset.session ?? ""`)
}

// pair checks which calls are at the two ends.
func (b *tab) pair(customer, consult string) {
	b.t.Helper()
	if c, k := b.bay("customer"), b.bay("consult"); c != customer || k != consult {
		b.t.Errorf("%s: the pair is %q and %q, want %q and %q", b.name, c, k, customer, consult)
	}
}
