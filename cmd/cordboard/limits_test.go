package main

import (
	"context"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// noneRefused fails for every request that RingCentral refused because there were too many.
func noneRefused(t *testing.T, sim *rcsim.Server) {
	t.Helper()
	for _, r := range sim.Requests("", "") {
		if r.Status == http.StatusTooManyRequests {
			t.Errorf("%s %s at %s: 429", r.Method, r.Path, r.At)
		}
	}
}

// authRequests are what the app sent to the Auth group.
func authRequests(sim *rcsim.Server) []rcsim.Request {
	return slices.DeleteFunc(sim.Requests(http.MethodPost, "/oauth/"), func(r rcsim.Request) bool { return strings.HasSuffix(r.Path, "/authorize") })
}

// Two sign-ins, cut sockets and an access token that is over, all within a minute: RingCentral's five requests of the Auth
// group are enough, and what would be the sixth waits without being sent.
func TestFiveRequestsOfTheAuthGroupAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(_ *Config, opt *rcsim.Options) { opt.Limits = rcsim.Limits{} })
	one, two := w.signedIn(t, "102"), w.browser(t)
	one.desk(t, "a live board", says("Live"))
	two.signIn(t, "102")
	two.desk(t, "a live board", says("Live"))
	if n := len(authRequests(w.sim)); n != 3 { // two codes and a socket
		t.Errorf("%d requests of the Auth group before the cut, want 3", n)
	}
	cut := func() {
		t.Helper()
		if n := w.sim.CutSocket("102", rcsim.CutReset); n != 1 {
			t.Fatalf("%d sockets cut", n)
		}
	}
	cut()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	await(t, w.sim.AwaitRequest(ctx, 2, http.MethodPost, "/wstoken"))
	one.desk(t, "a live board", says("Live"))

	c, err := w.sim.Call("+16505550142", "Eleanor Marsh", "102")
	await(t, err)
	await(t, w.sim.Answer("102", c))
	page := one.desk(t, "a call that can be held", func(doc *goquery.Document) bool { return doc.Find(`[data-testid="hold"]`).Length() == 1 })
	w.sim.ExpireAccess("102")
	one.press(t, page, "hold") // the fifth is the refresh that this needs
	await(t, w.sim.Await(ctx, rcsim.Is(c, "102", "Hold")))
	one.desk(t, "the hold", says("On hold"))
	cut()
	one.desk(t, "that it reconnects", says("Reconnecting to RingCentral, try 2."))
	noneRefused(t, w.sim)
	var paths []string
	for _, r := range authRequests(w.sim) {
		paths = append(paths, path.Base(r.Path))
	}
	if want := []string{"token", "wstoken", "token", "wstoken", "token"}; !slices.Equal(paths, want) {
		t.Errorf("requests of the Auth group %v, want %v", paths, want)
	}
}

// press sends the form of a button of the page.
func (b *browser) press(t *testing.T, page *goquery.Document, button string) {
	t.Helper()
	form := page.Find(`[data-testid="` + button + `"]`).Closest("form")
	values := url.Values{}
	form.Find("input[type=hidden]").Each(func(_ int, in *goquery.Selection) { values.Set(in.AttrOr("name", ""), in.AttrOr("value", "")) })
	if a := b.post(t, form.AttrOr("action", ""), values); a.status != http.StatusSeeOther {
		t.Fatalf("%s: %d %.300s", button, a.status, a.body)
	}
}

// The same with a window that passes: the feed comes back, and nothing was ever refused.
func TestTheFeedComesBackWhenTheAuthWindowAllowsIt(t *testing.T) {
	t.Parallel()
	const window = 2 * time.Second
	w := newWorld(t, func(cfg *Config, opt *rcsim.Options) {
		opt.Limits = rcsim.Limits{Window: window, Penalty: window}
		cfg.Timing.WS.Tokens = window
		cfg.Timing.WS.Retry = 20 * time.Millisecond
		cfg.Usage.Window, cfg.Usage.Grace = window, window/10
	})
	b := w.signedIn(t, "102")
	connected := func() {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), wait)
		defer cancel()
		await(t, w.sim.Await(ctx, rcsim.Connected("102", 1)))
	}
	for range 7 {
		b.desk(t, "a live board", says("Live"))
		connected() // there is something to cut
		if n := w.sim.CutSocket("102", rcsim.CutReset); n != 1 {
			t.Fatalf("%d sockets cut", n)
		}
		connected()
	}
	noneRefused(t, w.sim)
}
