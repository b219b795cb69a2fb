package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/PuerkitoBio/goquery"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
)

// What the agent does: they go by the page, and by what they hear in their phone.

// press posts the form of a button as the page has it, and waits for what comes of it.
func (p *play) press(id string) { p.Helper(); p.pressing(p.last, id)() }

// pressing posts the form of a button; what it returns waits for the answer.
func (p *play) pressing(pg screen, id string) (wait func()) {
	p.Helper()
	action, fields, ok := pg.form(id)
	if !ok {
		p.Fatalf("%s cannot be pressed", id)
	}
	again := func(b *browser) func() {
		if id == "complete" {
			p.presses.Add(1)
		}
		return p.post(b, action, fields)
	}
	p.pressed, p.before = again, pg.shows()
	first := again(p.tab)
	if p.twin == nil {
		return first
	}
	second := again(p.twin)
	return func() { first(); second() }
}

// post sends a form. That no answer comes is not wrong by itself: the next page says what became of it.
func (p *play) post(b *browser, action string, fields url.Values) (wait func()) {
	p.Helper()
	r, err := http.NewRequestWithContext(p.ctx, http.MethodPost, p.base()+action, strings.NewReader(fields.Encode()))
	p.must(err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	done := make(chan *screen, 1)
	go func() {
		res, err := b.client.Do(r)
		if err != nil {
			done <- nil
			return
		}
		defer func() { _ = res.Body.Close() }()
		doc, err := goquery.NewDocumentFromReader(res.Body)
		if err != nil || res.StatusCode < http.StatusBadRequest {
			done <- nil
			return
		}
		done <- &screen{status: res.StatusCode, doc: doc}
	}()
	return func() {
		p.Helper()
		if pg := <-done; pg != nil {
			p.take(*pg)
		}
	}
}

// may reports whether a button can be pressed, and the page has said what became of the press before: it changed, or it tells
// a refusal.
func (p *play) may(pg screen, id string) bool {
	return pg.can(id) && (pg.refuses() || pg.shows() != p.before)
}

// signInAgain is what a page that lost its grant asks for.
func (p *play) signInAgain() {
	p.Helper()
	p.unfollow()
	p.tab.signIn(p.T, agent)
}

// hears reports whether a person, by their phone, is in a call.
func (p *play) hears(number, session string) bool {
	party, ok := p.sim.State().Party(session, number)
	return ok && session != "" && party.Alive()
}

// joined is the truth: the customer and the colleague were joined.
func (p *play) joined() bool {
	s, ok := p.sim.State().Session(p.customer)
	return ok && len(s.Joined) > 0
}

// talk lets the customer call, and the agent answer.
func (p *play) talk() {
	p.Helper()
	var err error
	p.customer, err = p.sim.Call(outsider, "", agent)
	p.must(err)
	p.must(p.sim.Answer(agent, p.customer))
	p.until("the customer talks to the agent", func(pg screen) bool {
		return pg.session("customer") == p.customer && strings.HasPrefix(pg.plate("customer"), "Talking") && pg.can("hold")
	})
}

// lost reports whether the customer is gone, and the page knows it.
func (p *play) lost(pg screen) bool {
	return !p.hears(agent, p.customer) && !p.joined() && (pg.session("customer") != p.customer || !pg.can("back") && !pg.can("unhold") && !pg.can("hold")) && pg.joint() != "steps"
}

// hold puts the customer on hold on the page, and on the phone when the page says that it came to nothing.
func (p *play) hold() bool {
	p.Helper()
	presses := 0
	for pg := range p.looks("the customer on hold") {
		refused := pg.noticed("action-refused", "action-unsent", "action-unseen", "check-failed")
		switch {
		case pg.session("customer") == p.customer && strings.HasPrefix(pg.plate("customer"), "On hold"):
			return true
		case p.lost(pg):
			return false
		case refused && presses == 2 && p.party(p.customer).Code == "Answered":
			p.must(p.sim.Hold(agent, p.customer))
		case presses < 2 && p.may(pg, "hold"):
			presses++
			p.press("hold")
		default:
			p.blind(pg)
		}
	}
	return false
}

// blind reads the calls again, the key R, when the page does not show a call that the agent hears.
func (p *play) blind(pg screen) {
	p.Helper()
	missing := func(session string) bool {
		return p.hears(agent, session) && pg.session("customer") != session && pg.session("consult") != session
	}
	stuck := p.hears(colleague, p.consult) && p.party(p.consult).Code == "Answered" && !pg.can("complete") && pg.joint() == "off"
	if p.struck && pg.live() && (missing(p.customer) || missing(p.consult) || stuck) {
		p.idle = true
		p.post(p.tab, "/desk/reread", url.Values{})()
	}
}

// dial calls the colleague from the agent's phone.
func (p *play) dial() bool {
	p.Helper()
	var err error
	p.consult, err = p.sim.Dial(agent, colleague)
	p.must(err)
	for pg := range p.looks("the consult's call") {
		switch {
		case pg.session("consult") == p.consult:
			return true
		case p.lost(pg):
			return false
		default:
			p.blind(pg)
		}
	}
	return false
}

// answer lets the colleague answer, if their phone rings.
func (p *play) answer() {
	p.Helper()
	if s, _ := p.sim.State().Party(p.consult, colleague); s.Code == "Proceeding" {
		p.must(p.sim.Answer(colleague, p.consult))
	}
}

// complete presses Complete transfer as long as the page offers it, and goes back to a customer who waits alone.
func (p *play) complete() {
	p.Helper()
	for pg := range p.looks("the end of the transfer") {
		s, _ := p.sim.State().Party(p.consult, colleague)
		switch {
		case pg.joint() == "joined", slices.Contains(pg.ends(), string(board.EndJoined)), p.lost(pg):
			return
		case pg.joint() == "steps", p.joined():
		case (!p.hears(agent, p.consult) || s.Code == "VoiceMail") && (pg.can("back") || pg.can("unhold")):
			p.goBack()
			return
		case s.Code == "Answered" && p.may(pg, "complete"):
			p.press("complete")
		default:
			p.blind(pg)
		}
	}
}

// goBack presses Back to customer, or what stands in its place, until the customer talks to the agent, and the consult is over.
func (p *play) goBack() {
	p.Helper()
	for pg := range p.looks("the customer with the agent") {
		talking := pg.session("customer") == p.customer && strings.HasPrefix(pg.plate("customer"), "Talking")
		switch {
		case p.lost(pg) && !p.hears(agent, p.consult), talking && !p.hears(agent, p.consult):
			return
		case pg.noticed("press-hold") && p.party(p.customer).DeviceHold:
			p.must(p.sim.Unhold(agent, p.customer))
		case pg.noticed("hang-up-phone") && p.hears(agent, p.consult):
			p.must(p.sim.Hangup(agent, p.consult))
		case (talking || p.lost(pg)) && p.may(pg, "hangup"):
			p.press("hangup")
		case p.may(pg, "back"):
			p.press("back")
		case p.hears(agent, p.customer) && !talking && p.may(pg, "unhold"):
			p.press("unhold")
		default:
			p.blind(pg)
		}
	}
}

// party is the agent's end of a call.
func (p *play) party(session string) rcsim.PartyState {
	s, _ := p.sim.State().Party(session, agent)
	return s
}
