package rcsim_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// TestAuthorizePageOfACrowd: some people are shown and the others found, by the form alone, which loses nothing of the request.
func TestAuthorizePageOfACrowd(t *testing.T) {
	acc := rcsim.Crowd(10_000, 20)
	w := newWorld(t, rcsim.Options{Account: &acc})
	q := authorizeQuery(rcsim.ConfidentialClient)
	q.Set("login_hint", "19999")
	page := func(r reply) *goquery.Document {
		t.Helper()
		doc, err := goquery.NewDocumentFromReader(strings.NewReader(r.body))
		if r.status != 200 || err != nil {
			t.Fatalf("%d %v", r.status, err)
		}
		return doc
	}
	fields := func(doc *goquery.Document) url.Values {
		v := url.Values{}
		doc.Find("form input[type=hidden], form input[checked]").Each(func(_ int, s *goquery.Selection) {
			v.Set(s.AttrOr("name", ""), s.AttrOr("value", ""))
		})
		return v
	}
	people := func(doc *goquery.Document) int { return doc.Find("input[name=user]").Length() }
	said := func(doc *goquery.Document) string { return doc.Find("[data-testid=authorize-found]").Text() }

	doc := page(w.send(w.request("GET", "/restapi/oauth/authorize?"+q.Encode(), "")))
	if people(doc) != 60 || said(doc) != "60 of 10000 people are shown: search for the others" || fields(doc).Get("user") != "19999" {
		t.Errorf("%d, %s, chosen %s", people(doc), said(doc), fields(doc).Get("user"))
	}
	if first := doc.Find("form button").First(); first.AttrOr("data-testid", "") != "authorize-search" || first.AttrOr("name", "") != "" {
		t.Error("Enter in the search field searches and decides nothing")
	}
	somebody := acc.Users[4321]
	search := func(text string) *goquery.Document {
		v := fields(doc)
		v.Set("find", text)
		return page(w.form("/restapi/oauth/authorize", v, ""))
	}
	for _, text := range []string{somebody.Number, somebody.Email, strings.ToUpper(somebody.Last) + " " + somebody.First} {
		found := search(text)
		if people(found) != 1 || found.Find("input[name=user]").AttrOr("value", "") != somebody.Number || said(found) != "1 of 10000 people" {
			t.Errorf("%s: %d, %s", text, people(found), said(found))
		}
	}
	if none := search("nobody at all"); people(none) != 0 || said(none) != "Nobody is called that" {
		t.Errorf("%d, %s", people(none), said(none))
	}
	found := search(somebody.Number)
	v := fields(found)
	v.Set("find", somebody.Number)
	v.Set("user", somebody.Number)
	v.Set("decision", "approve")
	r := w.form("/restapi/oauth/authorize", v, "")
	loc, _ := url.Parse(r.header.Get("Location"))
	if r.status != 302 || loc.Query().Get("state") != q.Get("state") {
		t.Fatalf("%d %s", r.status, loc)
	}
	if r := w.form("/restapi/oauth/token", codeForm(loc.Query().Get("code")), rcsim.ConfidentialClient); r.json(t)["owner_id"] != somebody.ID {
		t.Errorf("%d %s", r.status, r.body)
	}
}
