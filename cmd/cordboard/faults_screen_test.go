package main

import (
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
)

// screen is the desk as a browser without script shows it at one moment.
type screen struct {
	status int
	out    bool // it leads to the sign-in
	doc    *goquery.Document
}

func newScreen(t *testing.T, a answer) screen {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(a.body))
	if err != nil {
		t.Fatal(err)
	}
	return screen{status: a.status, out: strings.HasPrefix(a.header.Get("Location"), "/signin"), doc: doc}
}

// words are what a part of the page says, without its layout.
func words(s *goquery.Selection) string { return strings.Join(strings.Fields(s.Text()), " ") }

// text is what the first part with a test id says.
func (p screen) text(id string) string {
	return words(p.doc.Find(`[data-testid="` + id + `"]`).First())
}

// attr is an attribute of the first part with a test id.
func (p screen) attr(id, name string) string {
	return p.doc.Find(`[data-testid="`+id+`"]`).First().AttrOr(name, "")
}

// joint is what stands in Complete's place.
func (p screen) joint() string { return p.attr("joint", "data-kind") }

// plate is the state word of a bay.
func (p screen) plate(bay string) string {
	return words(p.doc.Find(`[data-testid="bay-` + bay + `"] .plate`).First())
}

// session is the call in a bay.
func (p screen) session(bay string) string { return p.attr("bay-"+bay, "data-session") }

// live reports whether the page calls itself live.
func (p screen) live() bool { return p.doc.Find(`[data-testid="status"][data-live]`).Length() > 0 }

// form is what a press of the first button with a test id posts, when it may be pressed.
func (p screen) form(id string) (action string, fields url.Values, ok bool) {
	button := p.doc.Find(`button[data-testid="` + id + `"][type="submit"]`).Not(`[aria-disabled="true"]`).First()
	form := button.Closest("form")
	if form.Length() == 0 {
		return "", nil, false
	}
	fields = url.Values{}
	form.Find("input[name]").Each(func(_ int, in *goquery.Selection) { fields.Add(in.AttrOr("name", ""), in.AttrOr("value", "")) })
	return form.AttrOr("action", ""), fields, true
}

// signsOut reports whether the page asks to sign in again.
func (p screen) signsOut() bool {
	return p.out || p.doc.Find(`[data-testid="bar"] a[href^="/signin"]`).Length() > 0
}

// can reports whether a button may be pressed.
func (p screen) can(id string) bool {
	_, _, ok := p.form(id)
	return ok
}

// noticed reports whether the page tells a notice with one of these codes.
func (p screen) noticed(codes ...string) bool {
	return p.doc.Find(`[data-testid="notice"], [data-testid="problem"]`).FilterFunction(func(_ int, s *goquery.Selection) bool {
		return slices.Contains(codes, s.AttrOr("data-code", ""))
	}).Length() > 0
}

// refuses reports whether the page tells that something came to nothing, or asks the agent about it.
func (p screen) refuses() bool {
	codes := p.doc.Find(`[data-testid="verdict"] [data-testid="notice"], [data-testid="problem"]`)
	return codes.Length() > 0 || p.noticed("action-refused", "action-unsent", "action-unseen", "press-hold", "hang-up-phone", "check-failed", "changed", "joining", "busy", "not-ready")
}

// shows is what a glance at the page takes in, without what only counts time.
func (p screen) shows() string {
	said := p.sentences()
	said = slices.DeleteFunc(said, func(s string) bool { return s == p.text("reason") })
	return strings.Join(append(said, p.joint(), p.plate("customer"), p.plate("consult")), "\n")
}

// ends are the lines of today, oldest first.
func (p screen) ends() []string {
	ends := p.doc.Find(`[data-testid="today-row"]`).Map(func(_ int, s *goquery.Selection) string { return s.AttrOr("data-end", "") })
	slices.Reverse(ends)
	return ends
}

// sentences are what the page says, from top to bottom.
func (p screen) sentences() []string {
	var said []string
	say := func(s *goquery.Selection) {
		if w := words(s); w != "" {
			said = append(said, w)
		}
	}
	p.doc.Find(`[data-testid="bar"], [data-testid="denied"], [data-testid="problem"], [data-testid="reason"], [data-testid="notice"], [data-testid="complete-line"], [data-testid="panel-title"], [data-testid="panel-line"], [data-testid="idle-title"]`).
		Each(func(_ int, s *goquery.Selection) { say(s) })
	if e := p.doc.Find(`[data-testid="error"]`); e.Length() > 0 { // a problem that is a page of its own
		said = append(said, words(e.Find("h1"))+" "+p.text("error-body"))
	}
	return said
}
