package main

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/chromedp/chromedp"
)

// phonesPage opens the phones page in a window of its own, as wide as a desk.
func (x *exchange) phonesPage() *tab {
	x.Helper()
	phones := x.visitor("phones")
	phones.resize(1280, 900)
	phones.visit(x.phones + "#agent=" + agent + "&consult=" + colleague)
	phones.until("phones that are live", at("link")+`?.dataset.state === "live"`)
	return phones
}

// person waits until somebody's phone is in a state.
func (b *tab) person(extension, state string) {
	b.t.Helper()
	b.until(extension+" is "+state, at("person-"+extension)+`?.dataset.state === `+quoted(state))
}

// ringsThreePhonesOfALine calls a queue: its three members ring, one answers, and the others stop.
func ringsThreePhonesOfALine(t stage) {
	x := t.demo()
	phones := x.phonesPage()
	phones.says("queue-300", "rings 104, 105, 106")
	phones.click("queue-300-call")
	for _, member := range []string{"104", "105", "106"} {
		phones.person(member, "ring")
	}
	phones.says("queue-300", "Eleanor Marsh rings 104, 105, 106")
	phones.click("person-105-answer-1")
	phones.person("105", "talk")
	for _, member := range []string{"104", "106"} {
		phones.person(member, "free")
		phones.gone("person-" + member + "-answer-1")
	}
	phones.says("queue-300", "Siobhán Kearney (105) has Eleanor Marsh")
	x.untilTalksTo("105")

	// Of those who take no queue calls, or whose phone is off, nobody rings.
	phones.choose("person-104-takes", "DoNotAcceptDepartmentCalls")
	phones.choose("person-106-takes", "offline")
	phones.person("106", "off")
	phones.click("queue-300-call")
	phones.says("mailboxes", "Omar Castellanos to Member Care line")
	phones.person("104", "free")
	phones.click("person-105-hangup-1")
	phones.person("105", "free")
}

// choose takes an option of a select, as somebody does with the keyboard.
func (b *tab) choose(id, value string) {
	b.t.Helper()
	b.there(id)
	b.do(evaluated(`(async (el) => { el.value = ` + quoted(value) + `; el.dispatchEvent(new Event("input", {bubbles: true})); el.dispatchEvent(new Event("change", {bubbles: true})); })(` + at(id) + `)`))
}

// parksAndPicksUp leaves a caller in a slot and fetches them with another phone.
func parksAndPicksUp(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	phones := x.phonesPage()
	customer := x.talks()
	desk.there("hold")
	phones.says("parked", "nobody")
	phones.click("agent-more-1")
	phones.click("agent-record-1")
	phones.says("phone-agent", "Recording")
	phones.click("agent-park-1")
	phones.says("parked", "Eleanor Marsh in *801")
	phones.says("outside-plate", "Parked")
	phones.until("a free agent", at("phone-agent")+`.dataset.plate === "free"`)
	x.untilCode(customer, "Parked")

	phones.click("pickup-801-consult")
	phones.until("a cord that sounds", `document.querySelector('[data-testid="cord-outside-consult"][data-kind="audio"]')`)
	phones.says("parked", "nobody")
	x.untilTalksTo(colleague)
}

// breaksAndMends sets faults from the panel, meets one in the desk, and mends the rest.
func breaksAndMends(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	phones := x.phonesPage()
	phones.says("broken-facts", "Nothing is broken.")
	x.consults()
	desk.ready()

	phones.click("fault-refuse")
	phones.says("broken", "bridge: answer 409, once")
	phones.click("fault-recovery")
	phones.says("broken", "Recovery is refused")
	phones.click("fault-drop")
	phones.says("broken", "Events to "+agent+": every 3rd lost")
	phones.click("fault-drop")
	phones.until("every event is told again", `!`+at("broken")+`.innerText.includes("Events to")`)

	desk.click("complete")
	desk.says("verdict", "RingCentral refused the transfer (409 TAS-102).")
	phones.says("broken-facts", "1 request has met a fault.")
	phones.until("the next transfer is not refused", `!`+at("broken")+`.innerText.includes("bridge:") && `+at("fault-refuse")+`.getAttribute("aria-pressed") === "false"`)

	// Any request may be broken, not only those with a button.
	phones.click("any")
	phones.choose("any-operation", "bridge")
	phones.choose("any-kind", "do it, never answer")
	phones.click("any-set")
	phones.says("broken", "bridge: do it, never answer, once")
	desk.ready()
	desk.click("complete")
	phones.says("broken-facts", "Hanging now: bridge.")
	x.untilTalksTo(colleague)
	phones.click("mend-recovery")
	phones.until("recovery is mended", `!`+at("broken")+`.innerText.includes("Recovery")`)
	phones.click("fault-clear")
	phones.says("broken-facts", "Nothing is broken.")
	desk.joined()
	if n := x.bridges(); n != 2 {
		t.Errorf("%d bridge requests", n)
	}
	if f := x.state().Faults; len(f.Routes)+len(f.Events)+len(f.Hanging) != 0 || f.RefuseRecovery {
		t.Errorf("still broken: %+v", f)
	}
}

// fitsThePhonesAnywhere looks at the whole phones page, with a lot going on and everything unfolded, in narrow and wide windows.
func fitsThePhonesAnywhere(t stage) {
	x := t.demo()
	phones := x.phonesPage()
	x.consults()
	x.api(http.MethodPost, "/calls", map[string]string{"from": outsider2, "to": "300"}, nil)
	x.api(http.MethodPost, "/phones/"+agent+"/record", map[string]string{"telephonySessionId": x.state().Sessions[0].ID}, nil)
	x.faults(map[string]any{"bridge": map[string]any{"status": http.StatusConflict}, "refuseRecovery": true, "events": map[string]any{"drop": 3, "jitterMs": 1500}})
	phones.person("104", "ring")
	phones.do(evaluated(`(async () => { for (const d of document.querySelectorAll("details")) d.open = true; })()`))
	for _, width := range []int64{320, 400, 768, 1024, 1440} {
		phones.resize(width, 900)
		phones.until("no sideways scroll", `document.documentElement.clientWidth === `+strconv.FormatInt(width, 10)+` && document.documentElement.scrollWidth <= innerWidth`)
		small := read[[]string](phones, `[...document.querySelectorAll("button, select, summary, input")].filter((el) => {
			const r = el.getBoundingClientRect();
			return el.checkVisibility() && (r.height < 34 || r.width < 34);
		}).map((el) => el.dataset.testid + " " + el.getBoundingClientRect().width + " by " + el.getBoundingClientRect().height)`)
		if len(small) > 0 {
			t.Errorf("at %d px too small to press: %s", width, strings.Join(small, ", "))
		}
		nameless := read[[]string](phones, `[...document.querySelectorAll("button, select, summary, input")].filter((el) => !(el.getAttribute("aria-label") || el.closest("label")?.innerText || el.innerText).trim()).map((el) => el.dataset.testid)`)
		if len(nameless) > 0 {
			t.Errorf("without a name: %s", strings.Join(nameless, ", "))
		}
	}
	phones.do(chromedp.KeyEvent("\t"))
	phones.until("a focus that is seen", `getComputedStyle(document.activeElement).outlineStyle === "solid"`)
}
