package main

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// A socket that is dead and does not say so: the page tells that its news is old, offers nothing from it, and is live again
// once the feed has found out, with what was missed.
func TestAHalfOpenSocketIsNoticed(t *testing.T) {
	t.Parallel()
	p := newPlay(t, &fault{}, confirmed)
	p.talk()
	p.strikesNow()
	p.sim.CutSocket(agent, rcsim.CutSilent)
	p.must(p.sim.OutsideHangup(outsider, p.customer)) // unheard
	p.until("old news", func(pg screen) bool {
		return !pg.live() && p.said("No word from RingCentral. Your calls go on in your phone. Each press checks with RingCentral first.", "Reconnecting to RingCentral…")
	})
	p.until("live again", func(pg screen) bool {
		return pg.live() && pg.text("idle-title") == "No calls" && p.said("Live again. … of events were missed; all calls were read again.")
	})
	if n := len(p.sim.Requests(http.MethodPost, "/wstoken")); n != 2 {
		t.Errorf("%d gateway tokens for one lost socket", n)
	}
}

// An access token that RingCentral no longer takes, in the middle of a transfer: reads and controls go on with a new one, and
// nobody is sent to sign in.
func TestATokenThatExpiresInMidTransfer(t *testing.T) {
	t.Parallel()
	p := newPlay(t, &fault{}, confirmed)
	p.talk()
	p.strikesNow()
	p.sim.ExpireAccess(agent)
	if !p.hold() || !p.dial() {
		t.Fatal("broken off")
	}
	p.sim.ExpireAccess(agent)
	p.answer()
	p.sim.ExpireAccess(agent)
	p.complete()
	if p.said("Sign in again") || p.sim.OAuthSessions(agent) != 1 {
		t.Errorf("%d sessions, and the page said %q", p.sim.OAuthSessions(agent), p.heard)
	}
	if n := p.presses.Load(); n != 1 {
		t.Errorf("%d presses", n)
	}
}

// A bridge request that is never answered does not keep the App from an orderly end.
func TestAnAppEndsThoughItsBridgeIsNotAnswered(t *testing.T) {
	t.Parallel()
	p := newPlay(t, &fault{patient: true, strike: meets("bridge", rcsim.Fault{Silent: true})}, consultAnswered)
	p.run()
	p.must(p.sim.Await(p.ctx, rcsim.Hanging("bridge")))
	p.unfollow()
	p.must(p.end(t))
	p.must(p.sim.Await(p.ctx, func(s rcsim.State) bool { return len(s.Faults.Hanging) == 0 }))
}

// Whenever a press comes to nothing the page says why, beside the call or under the button.
func TestThePageSaysWhyAPressDidNothing(t *testing.T) {
	t.Parallel()
	stale := func(p *play) (string, url.Values) { // the page of a moment ago
		action, fields, _ := p.last.form("complete")
		p.must(p.sim.Hangup(colleague, p.consult))
		p.until("the consult gone", func(pg screen) bool { return !pg.can("complete") })
		return action, fields
	}
	complete := func(p *play) (string, url.Values) {
		action, fields, _ := p.last.form("complete")
		return action, fields
	}
	tests := []struct {
		name  string
		press func(*play) (action string, fields url.Values)
		says  string
		sent  int // bridge requests
	}{
		{"what is no longer so", stale, "This changed while you pressed. Nothing was sent. Look once more, then press again.", 0},
		{"ids of somebody else", func(p *play) (string, url.Values) {
			action, fields := complete(p)
			fields.Set("consult_party", "p-nobody-1")
			return action, fields
		}, "There is no such thing here. It may have ended, or it is not yours. Nothing was sent.", 0},
		{"a form that is none", func(*play) (string, url.Values) { return "/desk/complete", url.Values{"revision": {"seven"}} }, "That press made no sense to Cordboard. Nothing was sent. Load the page again.", 0},
		{"a press while RingCentral cannot be read", func(p *play) (string, url.Values) {
			p.sim.SetFault("session", rcsim.Fault{Extension: agent, Status: http.StatusInternalServerError})
			return p.fieldsOf("hangup")
		}, "Not sent: RingCentral could not be read for this press. Your calls go on in your phone. Read the calls again, then press.", 0},
		{"a transfer that RingCentral refuses", func(p *play) (string, url.Values) {
			p.sim.SetFault("bridge", rcsim.Fault{Status: http.StatusConflict})
			return complete(p)
		}, "RingCentral refused the transfer (409 TAS-102). Eleanor is still on hold and Mei-Ling is still with you. You may press again, or go back to Eleanor.", 1},
		{"a hang-up during a transfer", func(p *play) (string, url.Values) {
			p.sim.SetFault("bridge", rcsim.Fault{DelayMs: 60_000})
			action, fields := p.fieldsOf("hangup")
			p.post(p.tab, "/desk/complete", p.completing())
			p.must(p.sim.Await(p.ctx, rcsim.Hanging("bridge")))
			return action, fields
		}, "A transfer of this call is under way. Nothing was sent. Wait until it is joined or refused.", 1},
		{"a hang-up that could end others' call", func(p *play) (string, url.Values) {
			p.must(p.sim.Join(supervisor, p.consult))
			return p.fieldsOf("hangup")
		}, "Not hung up: that could end Mei-Ling's call for others too. Nothing was sent. Hang up on your phone.", 0},
		{"without a network", func(p *play) (string, url.Values) {
			action, fields := p.fieldsOf("back")
			p.net.rest.down()
			return action, fields
		}, "Not sent: RingCentral could not be", 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p := newPlay(t, &fault{network: true}, confirmed)
			p.talk()
			if !p.hold() || !p.dial() {
				t.Fatal("broken off")
			}
			p.answer()
			p.until("Complete offered", func(pg screen) bool { return pg.can("complete") && pg.can("hangup") && pg.can("back") })
			action, fields := tt.press(p)
			p.struck = true
			p.post(p.tab, action, fields)()
			p.until(tt.says, func(screen) bool { return p.said(tt.says) })
			if n := len(p.sim.Requests(http.MethodPost, "/bridge")); n != tt.sent {
				t.Errorf("%d bridge requests, want %d", n, tt.sent)
			}
			if dropped := p.sim.Requests(http.MethodDelete, "/telephony/sessions/"); len(dropped) > 0 {
				t.Errorf("%d calls dropped", len(dropped))
			}
			p.sim.ClearFaults()
		})
	}
}

// fieldsOf is what a press of a button posts.
func (p *play) fieldsOf(id string) (action string, fields url.Values) {
	p.Helper()
	action, fields, ok := p.last.form(id)
	if !ok {
		p.Fatalf("%s cannot be pressed", id)
	}
	return action, fields
}

// completing are the fields of Complete transfer.
func (p *play) completing() url.Values {
	p.Helper()
	_, fields := p.fieldsOf("complete")
	return fields
}

// A press that is refused leaves the sentence on the page that answers it, for a browser without script.
func TestARefusedPressIsAnsweredWithItsReason(t *testing.T) {
	t.Parallel()
	p := newPlay(t, &fault{}, confirmed)
	p.talk()
	action, fields := p.fieldsOf("hold")
	fields.Set("party", "p-somebody-9")
	a := p.tab.post(t, action, fields)
	pg := newScreen(t, a)
	if a.status != http.StatusNotFound || pg.attr("problem", "data-code") != "not-found" || pg.session("customer") != p.customer {
		t.Errorf("status %d, and the page says %q", a.status, pg.sentences())
	}
	if !slices.ContainsFunc(pg.sentences(), func(s string) bool { return strings.HasPrefix(s, "There is no such thing here.") }) {
		t.Errorf("the page says %q", pg.sentences())
	}
}
