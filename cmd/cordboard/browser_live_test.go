package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/fetch"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
)

// showsATeamItsTransfer lets a supervisor watch in a browser of their own, and nobody else.
func showsATeamItsTransfer(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	nosy := desk.another("nosy")
	nosy.expect("403 (Forbidden)")
	nosy.visit(x.url + "/team")
	nosy.says("error", "This page is for supervisors.")
	if status := read[int](nosy, `performance.getEntriesByType("navigation")[0].responseStatus`); status != http.StatusForbidden {
		t.Errorf("the team's page answers an agent with %d", status)
	}

	wall := x.visitor("wall")
	wall.signIn(supervisor)
	wall.resize(1440, 900)
	wall.click("nav-Team")
	wall.until("the team, live", `document.querySelector('.team-page #status[data-live]')`)
	row := func(what, stop string) {
		t.Helper()
		wall.until(what, `[...document.querySelectorAll('[data-testid="wall-row"]')].some((r) => r.dataset.stop === "`+stop+`" && r.innerText.includes("Eleanor Marsh") && r.innerText.includes("Jordan Whitfield"))`)
	}
	customer := x.talks()
	wall.until("a tile that talks", `[...document.querySelectorAll('[data-testid="tile"]')].some((r) => r.innerText.includes("Jordan Whitfield") && r.innerText.includes("Talking"))`)
	x.press(agent, "hold", customer)
	row("the customer on hold", "0")
	consult := x.dial()
	row("the ringing colleague", "1")
	x.press(colleague, "answer", consult)
	row("the consult", "2")
	desk.ready()
	desk.click("complete")
	desk.joined()
	row("the joined calls", "4")
}

// comesBackAfterACutSocket misses nothing of what happened meanwhile.
func comesBackAfterACutSocket(t stage) {
	lab := t.lab
	for _, recovery := range []struct {
		name    string
		refused bool
	}{{"with recovery", false}, {"without recovery", true}} {
		t.Run(recovery.name, func(t *testing.T) {
			x := stage{t, lab}.demo()
			desk := x.visitor("desk")
			desk.signIn(agent)
			customer, consult := x.consults()
			desk.ready()
			x.faults(map[string]any{"wstoken": map[string]any{"status": http.StatusServiceUnavailable}, "refuseRecovery": recovery.refused})
			x.api(http.MethodPost, "/sockets/"+agent+"/cut", map[string]string{"how": "reset"}, nil)
			desk.says("bar", "Reconnecting to RingCentral")
			desk.says("complete-line", "Will check with RingCentral first")
			desk.ctrlEnter() // does nothing from a board that may be old
			x.press(colleague, "hangup", consult)
			if read[bool](desk, `Boolean(document.querySelector('#status[data-live]'))`) {
				t.Error("the page says that it is live without a socket")
			}
			x.faults(map[string]any{"wstoken": nil})
			desk.live()
			desk.gone("bar")
			desk.until("the consult that left meanwhile", `document.querySelector('#customer.bay-alarm')`)
			desk.says("bay-customer", "Alone on hold")
			if n := x.bridges(); n != 0 {
				t.Errorf("%d bridge requests", n)
			}
			consult = x.dial()
			x.press(colleague, "answer", consult)
			desk.ready()
			desk.pair(customer, consult)
			desk.click("complete")
			desk.joined()
		})
	}
}

// livesInManyTabs is one agent with more tabs than a browser has connections.
func livesInManyTabs(t stage) {
	x := t.demo()
	tabs := []*tab{x.visitor("tab 1")}
	tabs[0].signIn(agent)
	customer := x.talks()
	for n := 2; n <= 7; n++ {
		b := tabs[0].another(fmt.Sprintf("tab %d", n))
		b.visit(x.url + "/desk")
		b.live()
		tabs = append(tabs, b)
	}
	for i, b := range tabs {
		if i < 3 {
			b.until("live in a newer tab", `document.querySelector('[data-link="newer"]:not([hidden])')`)
			b.says("link-newer", "Live in a newer tab")
		} else if b.shows("link-newer") {
			t.Errorf("%s is not live", b.name)
		}
	}
	// an old tab shows what it showed, and its buttons work
	tabs[0].click("hold")
	x.untilCode(customer, "Hold")
	tabs[6].until("taken off hold from the newest", `document.querySelector('#customer [data-testid="unhold"]')`)
	tabs[6].click("unhold")
	x.untilCode(customer, "Answered")
	tabs[3].there("hold")
	tabs[3].click("hold")
	x.untilCode(customer, "Hold")
	consult := x.dial()
	x.press(colleague, "answer", consult)

	tabs[1].click("use-here") // the oldest of the live ones gives way
	tabs[1].ready()
	tabs[3].until("live in a newer tab", `document.querySelector('[data-link="newer"]:not([hidden])')`)
	tabs[1].click("complete")
	for _, i := range []int{1, 4, 5, 6} {
		tabs[i].joined()
	}
	x.untilTalksTo(colleague)
}

// obeysTheKeys completes with Ctrl+Enter when it is ready, goes back with B, and does neither in a text field.
func obeysTheKeys(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	x.talks()
	desk.there("hold")
	desk.ctrlEnter()
	desk.click("hold")
	desk.says("clock-word", "on hold")
	desk.ctrlEnter()
	consult := x.dial()
	desk.says("complete-line", "still ringing")
	desk.ctrlEnter()
	x.press(colleague, "answer", consult)
	desk.ready()
	if n := x.bridges(); n != 0 {
		t.Fatalf("%d bridge requests before it was ready", n)
	}
	desk.do(evaluated(`(() => {
		const field = document.createElement("input");
		field.id = "field";
		document.querySelector("main").append(field);
		field.focus();
	})()`))
	desk.key("b")
	desk.ctrlEnter()
	if typed := read[string](desk, `document.querySelector("#field").value`); typed != "b" {
		t.Errorf("a text field has %q", typed)
	}
	desk.do(evaluated(`document.querySelector("#field").remove()`))
	if n := len(x.requests(http.MethodDelete, "/telephony/sessions/")) + x.bridges(); n != 0 {
		t.Fatalf("keys in a text field made %d requests", n)
	}
	desk.key("b")
	x.untilLeft(consult)
	x.untilTalksTo(agent)
	desk.says("clock-word", "talking")
	desk.click("hold")
	desk.says("clock-word", "on hold")
	consult = x.dial()
	x.press(colleague, "answer", consult)
	desk.ready()
	desk.ctrlEnter()
	desk.joined()
	x.untilTalksTo(colleague)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// neverMovesTheFocus goes through a whole transfer with the focus outside of the board, and with none.
func neverMovesTheFocus(t stage) {
	x := t.demo()
	for _, at := range []struct{ name, focus, active string }{
		{"on nothing", `document.activeElement.blur()`, "BODY"},
		{"on the menu", `document.querySelector(".menu summary").focus()`, "SUMMARY"},
	} {
		t.Run(at.name, func(t *testing.T) {
			desk := x.visitor("desk " + at.active)
			desk.signIn(agent)
			desk.do(evaluated(at.focus))
			read[bool](desk, `__seen.focus.splice(0) && true`)
			customer, _ := x.consults()
			desk.ready()
			desk.ctrlEnter()
			desk.joined()
			x.leaves(outsider, customer)
			other := x.ring(outsider2)
			desk.until("the next call", `document.querySelector('[data-session="`+other+`"]')`)
			x.leaves(outsider2, other)
			desk.until("no call", `!document.querySelector('[data-session="`+other+`"]')`)
			if moved := read[[]string](desk, `__seen.focus`); len(moved) > 0 {
				t.Errorf("the focus went to %v", moved)
			}
			if active := read[string](desk, `document.activeElement.tagName`); active != at.active {
				t.Errorf("the focus is on %s", active)
			}
		})
	}
}

// signsOut ends what other tabs and browsers show.
func signsOut(t stage) {
	x, _ := t.serve() // without limits: RingCentral allows a person few sign-ins a minute
	desk := x.visitor("desk")
	desk.signIn(agent)
	other := desk.another("other tab")
	other.visit(x.url + "/desk")
	other.live()
	customer := x.talks()
	other.there("hold")
	if cookies := sessionCookies(desk); len(cookies) == 0 {
		t.Fatal("no cookie after the sign-in")
	} else if !cookies[0].HTTPOnly || cookies[0].SameSite != network.CookieSameSiteLax {
		t.Errorf("the cookie is %+v", cookies[0])
	}
	desk.clickOn(".menu summary")
	desk.click("signout")
	desk.there("signed-out")
	other.there("link-signed-out")
	other.says("bay-customer", "Eleanor Marsh") // the board stays readable
	if cookies := sessionCookies(desk); len(cookies) > 0 {
		t.Errorf("a cookie is left: %+v", cookies[0])
	}
	desk.visit(x.url + "/desk")
	desk.there("sign-in")
	if code := x.code(customer); code != "Answered" {
		t.Errorf("after the sign-out the call is %s", code)
	}

	desk.signIn(agent)
	elsewhere := x.visitor("elsewhere")
	elsewhere.expect("401 (Unauthorized)") // its stream may just be coming up
	elsewhere.signIn(agent)
	desk.clickOn(".menu summary")
	desk.click("signout-everywhere")
	desk.there("signed-out")
	elsewhere.there("link-signed-out")
	elsewhere.visit(x.url + "/desk")
	elsewhere.there("sign-in")
}

// sessionCookies are those that sign in a visit of the desk; a sign-in itself has one for ten minutes.
func sessionCookies(b *tab) []*network.Cookie {
	b.t.Helper()
	got, err := attempt(b, func(ctx context.Context, on *chromedp.Target) (network.GetCookiesResult, error) {
		return cdp.Call(ctx, on, network.GetCookies, network.GetCookiesParams{URLs: []string{b.x.url + "/desk"}})
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return slices.DeleteFunc(got.Cookies, func(c *network.Cookie) bool { return strings.HasSuffix(c.Name, "-signin") })
}

// fitsNarrowWindows never scrolls sideways, moves nothing under the agent's hand, and is light.
func fitsNarrowWindows(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	narrow := func(what string) {
		t.Helper()
		for _, width := range []int64{320, 400} {
			desk.resize(width, 900)
			if over := read[int](desk, `document.documentElement.scrollWidth - document.documentElement.clientWidth`); over > 0 {
				t.Errorf("%s scrolls sideways by %d px at %d", what, over, width)
			}
		}
	}
	desk.visit(x.url + "/signin")
	desk.there("sign-in-link")
	narrow("the sign-in page")
	desk.signIn(agent)
	if kilobytes := desk.weight("/desk"); kilobytes > 110 || kilobytes < 10 {
		t.Errorf("the desk page is %.1f KB as transferred", kilobytes)
	}
	narrow("the idle desk")
	customer := x.ring(outsider)
	desk.there("answer")
	narrow("a ringing call")
	x.press(agent, "answer", customer)
	desk.there("hold")
	narrow("a call")
	x.press(agent, "hold", customer)
	desk.says("clock-word", "on hold")
	consult := x.dial()
	desk.says("complete-line", "still ringing")
	narrow("a consult that rings")
	before := read[[]float64](desk, jointPlace)
	x.press(colleague, "answer", consult)
	desk.ready()
	narrow("a pair")
	read[bool](desk, `__seen.shifts.splice(0) && true`)
	desk.ctrlEnter()
	desk.joined()
	after := read[[]float64](desk, jointPlace)
	if before[0] != after[0] || before[1]-after[1] > 18 || after[1]-before[1] > 18 {
		t.Errorf("from ringing to joined the joint moved from %v to %v", before, after)
	}
	if shifts := read[string](desk, `JSON.stringify(__seen.shifts.filter((s) => s.of.includes("customer") || s.of.includes("joint")))`); shifts != "[]" {
		t.Errorf("from ready to joined the page moved what stands above the colleague: %s", shifts)
	}
	narrow("a joined pair")
	second := x.ring(outsider2)
	desk.until("the next call", `document.querySelector('[data-session="`+second+`"]')`)
	narrow("a call after the transfer")
}

// jointPlace is the left and upper edge of what is pressed.
const jointPlace = `(({ left, top }) => [left, top + scrollY])(document.querySelector("#joint").getBoundingClientRect())`

// weight is what the present page and its parts took as transferred, in kilobytes.
func (b *tab) weight(page string) float64 {
	b.t.Helper()
	parts := read[[]string](b, `performance.getEntriesByType("resource").map((e) => e.name)`)
	parts = append(parts, b.x.url+page)
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := 0.0
	for _, load := range b.loads {
		if slices.Contains(parts, load.url) {
			sum += load.bytes
		}
	}
	return sum / 1024
}

// revivable is a Cordboard that can be ended and started again where it was.
type revivable struct {
	t    stage
	args []string
	p    *process
}

// serve starts Cordboard apart from its simulated RingCentral, which has no limits.
func (t stage) serve() (*exchange, *revivable) {
	t.Helper()
	var sim struct {
		URL     string
		Phones  string
		Clients []struct{ ID, Secret string }
	}
	t.start("rcsim", append([]string{"-listen", anyPort, "-no-limits"}, recording(t.T)...)...).line(&sim)
	address := t.freeAddress()
	r := &revivable{t: t, args: []string{
		"serve", "--listen=" + address, "--public-url=http://" + address, "--metrics-listen=" + anyPort, "--data=" + t.TempDir(),
		"--ringcentral-server=" + sim.URL, "--client-id=" + sim.Clients[0].ID, "--client-secret=" + sim.Clients[0].Secret,
	}}
	x := &exchange{stage: t, url: "http://" + address, sim: sim.URL, phones: sim.Phones}
	r.start(x)
	return x, r
}

func (r *revivable) start(x *exchange) {
	r.t.Helper()
	r.p = r.t.start("cordboard", r.args...)
	until(r.t.T, "an answer of Cordboard", func() (bool, string) {
		req, err := http.NewRequestWithContext(r.t.Context(), http.MethodGet, x.url+"/signin", nil)
		if err != nil {
			return false, err.Error()
		}
		res, err := r.t.lab.hands.Do(req)
		if err != nil {
			return false, err.Error() + "\n" + r.p.log.String()
		}
		return res.Body.Close() == nil && res.StatusCode == http.StatusOK, res.Status
	})
}

// forgivesALostServer expects what a browser and htmx say of a server that is away.
func (b *tab) forgivesALostServer() {
	b.expect("net::ERR_")
	b.expect("console: \"htmx: htmx:")
	b.expect("503 (Service Unavailable)")
}

// survivesARestart comes back by itself in the middle of a consult.
func survivesARestart(t stage) {
	x, cordboard := t.serve()
	desk := x.visitor("desk")
	desk.forgivesALostServer()
	desk.signIn(agent)
	customer, consult := x.consults()
	desk.ready()
	desk.pair(customer, consult)
	cordboard.p.end(syscall.SIGTERM)
	desk.there("link-shutdown")
	desk.says("bay-customer", "Eleanor Marsh")
	cordboard.start(x)
	desk.gone("link-shutdown")
	desk.live()
	desk.ready()
	desk.pair(customer, consult)
	desk.click("complete")
	desk.joined()
	x.untilTalksTo(colleague)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// settlesWhatACrashLeft kills the server between sent and confirmed: what became of it is read, and nothing is sent again.
func settlesWhatACrashLeft(t stage) {
	x, cordboard := t.serve()
	desk := x.visitor("desk")
	desk.forgivesALostServer()
	desk.signIn(agent)
	x.consults()
	desk.ready()
	x.faults(map[string]any{"bridge": map[string]any{"silent": true, "times": 1}, "holdEvents": true})
	desk.click("complete")
	until(t.T, "the bridge request", func() (bool, string) { return x.bridges() == 1, "" })
	desk.until("asked, not joined", `document.querySelector('#joint[data-kind="steps"]')`)
	x.untilTalksTo(colleague)
	cordboard.p.end(syscall.SIGKILL)
	x.faults(map[string]any{"clear": true})
	cordboard.start(x)
	desk.live()
	desk.joined()
	desk.until("one line of today", `document.querySelectorAll('[data-testid="today-row"]').length === 1 && document.querySelector('[data-testid="today-row"][data-end="joined"]')`)
	x.untilTalksTo(colleague)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// listensHoweverLateItsScriptsCome holds the script for streams back until htmx has begun without it.
func listensHoweverLateItsScriptsCome(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	desk.command(func(ctx context.Context, on *chromedp.Target) error {
		_, err := cdp.Call(ctx, on, fetch.Enable, fetch.EnableParams{Patterns: []*fetch.RequestPattern{{URLPattern: "*/hx-sse.*"}}})
		return err
	})
	desk.command(func(ctx context.Context, on *chromedp.Target) error {
		_, err := cdp.Call(ctx, on, page.Reload, page.ReloadParams{IgnoreCache: new(true)})
		return err
	})
	var held fetch.RequestID
	select {
	case held = <-desk.paused:
	case <-time.After(patience):
		t.Fatal("the script was not asked for")
	}
	desk.until("htmx has begun", `globalThis.htmx && (globalThis.__begun ||= (setTimeout(() => { globalThis.__later = true; }), true)) && globalThis.__later`)
	desk.command(func(ctx context.Context, on *chromedp.Target) error {
		_, err := cdp.Call(ctx, on, fetch.ContinueRequest, fetch.ContinueRequestParams{RequestID: held})
		return err
	})
	x.talks()
	desk.there("hold")
}
