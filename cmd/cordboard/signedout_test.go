package main

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// desk is the desk page once it shows what is looked for.
func (b *browser) desk(t *testing.T, what string, shows func(*goquery.Document) bool) *goquery.Document {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	for {
		page := b.get(t, "/desk")
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.body))
		if err != nil {
			t.Fatal(err)
		}
		if page.status == http.StatusOK && shows(doc) {
			return doc
		}
		if ctx.Err() != nil {
			t.Fatalf("the page never shows %s: %d %s", what, page.status, bodyText(doc))
		}
	}
}

func bodyText(doc *goquery.Document) string {
	return strings.Join(strings.Fields(doc.Find("body").Text()), " ")
}

func says(text string) func(*goquery.Document) bool {
	return func(doc *goquery.Document) bool { return strings.Contains(bodyText(doc), text) }
}

// completes is whether Complete transfer can be pressed.
func completes(doc *goquery.Document) bool {
	button := doc.Find(`[data-testid="complete"]`)
	_, off := button.Attr("disabled")
	return button.Length() == 1 && !off && button.AttrOr("aria-disabled", "") != "true"
}

// pair is the four ids that a press of Complete transfer would name.
func pair(doc *goquery.Document) string {
	var ids []string
	doc.Find(`form[action="/desk/complete"] input[type=hidden]`).Each(func(_ int, in *goquery.Selection) {
		if name := in.AttrOr("name", ""); name != "revision" {
			ids = append(ids, name+"="+in.AttrOr("value", ""))
		}
	})
	return strings.Join(ids, " ")
}

// RingCentral ends the agent's OAuth session in the middle of a consult: the page
// says so, keeps the last board and the pair, and sends nothing; after signing in
// again the same desk goes live with the same pair, and the transfer is made.
func TestSignedOutElsewhereInMidCall(t *testing.T) {
	t.Parallel()
	clientID, _ := demoClient()
	for name, test := range map[string]struct {
		end  func(*testing.T, *world)
		says string
	}{
		"five newer sign-ins displace it": {func(t *testing.T, w *world) {
			t.Helper()
			for range 5 {
				if _, err := w.sim.SignIn("102", clientID); err != nil {
					t.Fatal(err)
				}
			}
		}, "You were signed out elsewhere."},
		"ended at RingCentral": {func(_ *testing.T, w *world) { w.sim.EndSessions("102") }, "You were signed out elsewhere."},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, nil)
			b := w.signedIn(t, "102")
			b.desk(t, "a live board", says("Live"))
			const customer = "+16505550142"
			c, err := w.sim.Call(customer, "Eleanor Marsh", "102")
			await(t, err)
			await(t, w.sim.Answer("102", c))
			await(t, w.sim.Hold("102", c))
			k, err := w.sim.Dial("102", "103")
			await(t, err)
			await(t, w.sim.Answer("103", k))
			before := pair(b.desk(t, "a pair that is ready", completes))
			if !strings.Contains(before, c) || !strings.Contains(before, k) {
				t.Fatalf("pair %q, want %s and %s", before, c, k)
			}

			test.end(t, w)
			page := b.desk(t, "that the sign-in ended", says(test.says))
			text := bodyText(page)
			for _, want := range []string{
				test.says + " Your calls go on in your phone and the pair is kept. Sign in again to use the buttons.", "Eleanor Marsh", "Off: sign in again to use the buttons.",
			} {
				if !strings.Contains(text, want) {
					t.Errorf("the page does not say %q: %s", want, text)
				}
			}
			if completes(page) {
				t.Error("Complete transfer can be pressed")
			}
			asked := len(w.sim.Requests(http.MethodPost, "/oauth/"))
			for range 3 {
				b.get(t, "/desk")
			}
			if n := len(w.sim.Requests(http.MethodPost, "/oauth/")); n != asked {
				t.Errorf("%d requests with a dead grant", n-asked)
			}

			b.signIn(t, "102")
			if after := pair(b.desk(t, "the pair, live", completes)); after != before {
				t.Errorf("pair %q, before %q", after, before)
			}
			if !w.sim.State().Hear("102", "103") {
				t.Errorf("the calls did not go on\n%s", w.sim.State())
			}
		})
	}
}

// A refresh token that ran out is not a sign-out elsewhere.
func TestASignInThatRanOut(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.signedIn(t, "102")
	b.desk(t, "a live board", says("Live"))
	w.sim.SetFault("token", rcsim.Fault{Status: http.StatusBadRequest, Code: "OAU-210", Message: "Token expired"})
	w.sim.ExpireAccess("102")
	w.sim.CutSocket("102", rcsim.CutReset)
	b.desk(t, "that the sign-in ran out", says("Your sign-in ran out. Your calls go on in your phone and the pair is kept."))
	w.sim.ClearFaults()
	b.signIn(t, "102")
	b.desk(t, "a live board again", says("Live"))
}
