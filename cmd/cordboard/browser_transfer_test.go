package main

import (
	"net/http"
	"strings"
	"sync"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// joinsWhatWasPlayed is the main job, played with the phones page's own buttons.
func joinsWhatWasPlayed(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	phones := desk.another("phones")
	phones.resize(1280, 900)
	phones.visit(x.phones + "#agent=" + agent + "&consult=" + colleague)

	phones.click("outside-call")
	desk.there("answer")
	phones.click("agent-answer-1")
	desk.there("hold")
	phones.click("agent-hold-1")
	desk.says("clock-word", "on hold")
	phones.click("agent-call")
	phones.click("consult-answer-1")
	desk.ready()
	desk.says("complete-line", "joins Eleanor Marsh to Mei-Ling Tan")
	customer, consult := desk.bay("customer"), desk.bay("consult")
	if n := x.bridges(); n != 0 {
		t.Fatalf("%d bridge requests before the press", n)
	}

	desk.click("complete")
	desk.joined()
	desk.says("panel-title", "Joined at")
	desk.says("panel-line", "Eleanor Marsh and Mei-Ling Tan are talking. You have left both calls.")
	phones.until("a cord that sounds", `document.querySelector('[data-testid="cord-outside-consult"][data-kind="audio"]')`)
	phones.until("a free agent", at("phone-agent")+`.dataset.plate === "free"`)
	x.untilTalksTo(colleague)
	x.untilLeft(customer)
	x.untilLeft(consult)
	desk.until("a line of today", `document.querySelector('[data-testid="today-row"][data-end="joined"]')`)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// finishesTheStory lets the phones page play by itself up to the press.
func finishesTheStory(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	phones := desk.another("phones")
	phones.resize(1280, 900)
	phones.visit(x.phones)
	phones.until("phones that are live", at("link")+`?.dataset.state === "live"`)
	phones.click("story-x4")
	phones.click("story-play")
	phones.until("the newcomer's turn", at("say")+`?.dataset.kind === "turn"`)
	phones.says("story-say", "Now press Complete transfer in Cordboard.")
	desk.ready()
	desk.click("complete")
	desk.joined()
	phones.until("the end of the story", at("say")+`?.dataset.kind === "end"`)
	phones.until("all eight steps", `document.querySelectorAll('[data-testid^="step-"][data-step="done"]').length === 8`)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// keepsThePairOverARefresh loads the page anew in the middle of a consult.
func keepsThePairOverARefresh(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	customer, consult := x.consults()
	desk.ready()
	desk.pair(customer, consult)
	desk.reload()
	desk.ready()
	desk.pair(customer, consult)

	x.press(agent, "hold", consult) // the agent swaps: roles stay
	x.press(agent, "unhold", customer)
	x.untilCode(customer, "Answered")
	desk.until("the colleague on hold", `document.querySelector("#consult .plate")?.innerText.includes("hold")`)
	desk.reload()
	desk.ready()
	desk.pair(customer, consult)
	desk.click("complete")
	desk.joined()
	x.untilTalksTo(colleague)
}

// worksWithoutScript presses every button as a plain form.
func worksWithoutScript(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.withoutScript()
	desk.resize(400, 2400) // nothing scrolls without script
	desk.visit(x.url + "/")
	desk.click("sign-in-link")
	desk.clickOn(byID("authorize-user-"+agent) + " .name")
	desk.click("authorize-approve")
	desk.there("bay-customer")
	if read[bool](desk, `Boolean(globalThis.htmx)`) {
		t.Fatal("the page's scripts run")
	}
	// shown loads the page until it shows what RingCentral has told.
	shown := func(what, expression string) {
		t.Helper()
		until(t.T, what, func() (bool, string) {
			if _, err := attempt(desk, chromedp.Reload()); err != nil { // the page was just being left
				return false, err.Error()
			}
			return read[bool](desk, `Boolean(`+expression+`)`), desk.text("bay-customer")
		})
	}

	customer := x.talks()
	shown("the hold button", visible(byID("hold")))
	desk.click("hold")
	x.untilCode(customer, "Hold")
	shown("the unhold button", visible(byID("unhold")))
	desk.click("unhold")
	x.untilCode(customer, "Answered")

	shown("the hold button again", visible(byID("hold")))
	desk.click("hold")
	x.untilCode(customer, "Hold")
	consult := x.dial()
	x.press(colleague, "answer", consult)
	const back = `#customer form[action="/desk/back"] button:not([aria-disabled])`
	shown("the way back", visible(back))
	desk.clickOn(back)
	x.untilLeft(consult)
	x.untilCode(customer, "Answered")
	x.untilTalksTo(agent)

	shown("the hold button once more", visible(byID("hold")))
	desk.click("hold")
	x.untilCode(customer, "Hold")
	consult = x.dial()
	x.press(colleague, "answer", consult)
	shown("the way out", `document.querySelector('#consult [data-testid="hangup"]:not([aria-disabled])')`)
	desk.clickOn(`#consult [data-testid="hangup"]`)
	x.untilLeft(consult)
	x.untilCode(customer, "Hold")
	consult = x.dial()
	x.press(colleague, "answer", consult)
	shown("Complete", `document.querySelector('.complete[data-ready]')`)
	desk.click("complete")
	x.untilTalksTo(colleague)
	shown("the transfer", `document.querySelector('#joint[data-kind="joined"]')`)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// staysOffWhileTheConsultRings says why, and turns ready when the colleague answers.
func staysOffWhileTheConsultRings(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	customer := x.talks()
	x.press(agent, "hold", customer)
	consult := x.dial()
	desk.says("complete-line", "Off: Mei-Ling's phone is still ringing.")
	if read[string](desk, at("complete")+`.getAttribute("aria-disabled")`) != "true" {
		t.Error("Complete may be pressed while the consult rings")
	}
	desk.steady()
	desk.click("complete")
	desk.ctrlEnter()
	desk.until("the reason is said", `document.querySelector("#polite").innerText.includes("still ringing")`)
	x.press(colleague, "answer", consult)
	desk.ready()
	if n := x.bridges(); n != 0 {
		t.Errorf("%d bridge requests of presses that were off", n)
	}
	desk.click("complete")
	desk.joined()
}

// staysOffInVoicemail says why and offers the rescue lane.
func staysOffInVoicemail(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	customer := x.talks()
	x.press(agent, "hold", customer)
	consult := x.dial()
	x.press(colleague, "voicemail", consult)
	desk.says("complete-line", "Off: a voicemail cannot take this call.")
	desk.until("the rescue lane", `document.querySelector("#customer.bay-alarm .act-strong")`)
	desk.says("bay-customer", "Alone on hold")
	desk.says("bay-consult", "Voicemail")
	desk.ctrlEnter()
	desk.click("complete")
	desk.clickOn(`#customer form[action="/desk/back"] button`)
	x.untilCode(customer, "Hold") // held on the phone: REST cannot undo it
	desk.says("bay-customer", "Press Hold on your phone; this page will show it.")
	x.untilLeft(consult)
	x.press(agent, "unhold", customer)
	desk.says("clock-word", "talking")
	x.untilTalksTo(agent)
	if n := x.bridges(); n != 0 {
		t.Errorf("%d bridge requests", n)
	}
}

// offersNothingForTwoCustomers leaves the choice to the agent, who makes it with the keys.
func offersNothingForTwoCustomers(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	first := x.talks()
	x.press(agent, "hold", first)
	second := x.ring(outsider2)
	x.press(agent, "answer", second)
	desk.there("pick-customer")
	desk.there("pick-consult")
	desk.until("nothing chosen", `document.querySelectorAll(".pick input:checked").length === 0`)
	desk.steady()
	desk.ctrlEnter()
	desk.click("complete")
	if n := x.bridges(); n != 0 {
		t.Fatalf("%d bridge requests without a choice", n)
	}
	// choose goes to an end with the Tab key, and to the option of a session with an arrow key.
	choose := func(end, session string) {
		t.Helper()
		var way []string
		until(t.T, "the option of "+session+" at "+end, func() (bool, string) {
			way = append(way, read[string](desk, `document.activeElement?.id || document.activeElement?.className || document.activeElement?.tagName`))
			focused := read[[]string](desk, `[document.activeElement?.name ?? "", document.activeElement?.value ?? ""]`)
			switch {
			case focused[0] != end+"_session":
				desk.key(kb.Tab)
			case focused[1] != session:
				desk.key(kb.ArrowDown)
			default:
				return true, ""
			}
			return false, strings.Join(way, " > ")
		})
		desk.key(" ")
	}
	choose("customer", first)
	choose("consult", second)
	desk.ready()
	desk.pair(first, second)
	desk.says("complete-line", "joins two outside callers: Eleanor Marsh to Omar Castellanos")
	desk.ctrlEnter()
	desk.joined()
	x.untilTalksTo(outsider2)
	if n := x.bridges(); n != 1 {
		t.Errorf("%d bridge requests", n)
	}
}

// saysThatTheCustomerLeft tells how long they waited, and leaves the consult to the agent.
func saysThatTheCustomerLeft(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	customer, consult := x.consults()
	desk.ready()
	x.leaves(outsider, customer)
	desk.until("the loss", `/Eleanor left after 0:\d\d on hold\./.test(`+spaced(`document.body.innerText`)+`)`)
	desk.until("the loss is said", `/left after 0:\d\d on hold/.test(`+spaced(`document.querySelector("#assertive").innerText`)+`)`)
	desk.until("the number to call back", spaced(at("bay-customer")+`?.innerText`)+`.includes("+1 650 555 0142")`)
	desk.until("Complete is off", `!document.querySelector('.complete[data-ready]')`)
	desk.ctrlEnter()
	if code := x.code(consult); code != "Answered" {
		t.Errorf("the consult is %s", code)
	}
	desk.until("a line of today", `document.querySelector('[data-testid="today-row"][data-end="lost"]')`)
	if n := x.bridges(); n != 0 {
		t.Errorf("%d bridge requests", n)
	}
}

// sendsOneRequest presses from two tabs at once, twice each, and past the page's own guards.
func sendsOneRequest(t stage) {
	x := t.demo()
	one := x.visitor("one")
	one.signIn(agent)
	two := one.another("two")
	two.visit(x.url + "/desk")
	two.live()
	x.consults()
	one.ready()
	two.ready()
	x.faults(map[string]any{"bridge": map[string]any{"answerDelayMs": 1500, "times": 1}, "holdEvents": true})
	one.expect("409 (Conflict)") // what comes after the end finds another board
	two.expect("409 (Conflict)")
	var pressing sync.WaitGroup
	for _, b := range []*tab{one, two} {
		pressing.Go(func() {
			_, err := attempt(b, evaluated(`(async () => {
				const form = document.querySelector("#complete"), button = form.querySelector("button");
				const send = () => fetch(form.action, { method: "POST", body: new URLSearchParams(new FormData(form)), headers: { "HX-Request": "true" } });
				button.click();
				button.click();
				await Promise.all([send(), send()]);
			})()`))
			if err != nil {
				t.Errorf("%s: %v", b.name, err)
			}
		})
	}
	until(t.T, "the press at RingCentral", func() (bool, string) { return x.bridges() > 0, "" })
	one.until("under way", `document.querySelector('#joint[data-kind="steps"]')`)
	two.until("under way", `document.querySelector('#joint[data-kind="steps"]')`)
	x.faults(map[string]any{"holdEvents": false})
	pressing.Wait()
	one.joined()
	two.joined()
	x.untilTalksTo(colleague)
	if list := x.requests(http.MethodPost, "/bridge"); len(list) != 1 {
		t.Errorf("%d bridge requests: %v", len(list), list)
	}
	if rows := read[int](one, `document.querySelectorAll('[data-testid="today-row"]').length`); rows != 1 {
		t.Errorf("%d lines of today", rows)
	}
}

// saysWhatRingCentralRefused keeps what is still true, and lets the agent press again.
func saysWhatRingCentralRefused(t stage) {
	x := t.demo()
	desk := x.visitor("desk")
	desk.signIn(agent)
	customer, consult := x.consults()
	desk.ready()
	x.faults(map[string]any{"bridge": map[string]any{"status": http.StatusConflict, "code": "TAS-102", "times": 1}})
	desk.click("complete")
	desk.says("verdict", "RingCentral refused the transfer (409 TAS-102).")
	desk.says("verdict", "Eleanor is still on hold and Mei-Ling is still with you. You may press again, or go back to Eleanor.")
	if c, k := x.code(customer), x.code(consult); c != "Hold" || k != "Answered" {
		t.Errorf("the calls are %s and %s", c, k)
	}
	desk.ready()
	desk.pair(customer, consult)
	desk.click("complete")
	desk.joined()
	x.untilTalksTo(colleague)
	if verdict := strings.TrimSpace(desk.text("verdict")); strings.Contains(verdict, "refused") {
		t.Errorf("after the transfer the page still says %q", verdict)
	}
	if n := x.bridges(); n != 2 {
		t.Errorf("%d bridge requests", n)
	}
}
