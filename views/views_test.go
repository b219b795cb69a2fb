package views_test

import (
	"maps"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
	"github.com/cordboard/cordboard/views"
)

func parse(t *testing.T, html string) *goquery.Document {
	t.Helper()
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(html))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func desk(t *testing.T, s board.Snapshot) *goquery.Document {
	t.Helper()
	return parse(t, render(t, views.DeskPage(views.NewDesk(s, now, options()))))
}

func id(name string) string { return `[data-testid="` + name + `"]` }

// text is the words of the things with a test id, with single spaces.
func text(doc *goquery.Selection, name string) string {
	return strings.Join(strings.Fields(doc.Find(id(name)).Text()), " ")
}

func TestEachStateReadsAsTheFormHasIt(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		joint string            // data-kind of the joint
		upper string            // data-kind of the upper bay
		lower string            // and of the lower one
		words map[string]string // test id below the body -> words
		has   []string          // selectors that are there
		hasnt []string
	}{
		"02-idle": {
			"none", "idle", "none",
			map[string]string{"idle-title": "No calls", "today-summary": "5 joined, 1 back, 1 lost, 1 unconfirmed", "status-word": "Live", "status-age": "0.4 s", "owner": "Lena Fischer"},
			nil,
			[]string{id("complete"), id("bar"), id("demo-band"), id("other-call")},
		},
		"02-reading":   {"none", "reading", "none", map[string]string{"status-word": "Connecting"}, []string{id("bar")}, nil},
		"02-first-day": {"none", "idle", "none", map[string]string{"today-summary": ""}, nil, []string{id("today-row")}},
		"03-incoming": {
			"none", "leg", "empty",
			map[string]string{"plate": "Ringing", "name": "Dana Whitlock", "facts": "+1 650 555 0142, Orders", "clock": "0:06", "clock-word": "ringing"},
			[]string{id("answer")},
			[]string{id("complete"), id("hold"), id("hangup")},
		},
		"04-talking": {
			"guide", "leg", "empty",
			map[string]string{"plate": "Talking with you", "clock": "3:12", "hold": "Put on hold, Dana Whitlock"},
			[]string{id("guide"), id("copy")},
			[]string{id("complete"), id("back"), id("hangup")},
		},
		"04-held": {"guide", "leg", "empty", map[string]string{"plate": "On hold", "clock": "0:20", "unhold": "Take off hold, Dana Whitlock"}, nil, []string{id("back")}},
		"04-held-too-long": {
			"guide", "leg", "empty",
			map[string]string{"clock": "at least 2:10", "clock-word": "too long"},
			[]string{`#customer[data-late="toolong"]`},
			nil,
		},
		"04-asked": {
			"guide", "leg", "empty",
			map[string]string{"hold-off": "asked, not reported yet", "plate": "Talking with you"},
			[]string{id("hold") + `[aria-disabled="true"][type="button"]`},
			[]string{id("hold") + `[type="submit"]`},
		},
		"05-ringing": {
			"off", "leg", "leg",
			map[string]string{"complete-line": "Off: Priya's phone is still ringing.", "reason": "Paired: your only call on hold, and the call you made 9 s ago.", "hangup": "Hang up consult, Priya Raman"},
			[]string{id("complete") + `[aria-disabled="true"][type="button"]`, "#customer " + id("back")},
			[]string{id("complete") + "[data-ready]"},
		},
		"05-unknown":  {"off", "leg", "leg", map[string]string{"complete-line": "Off: not known yet whether Priya has answered."}, nil, nil},
		"05-not-held": {"off", "leg", "leg", map[string]string{"complete-line": "Off: Dana is not on hold yet. Press Hold on your phone."}, []string{"#customer " + id("hold")}, []string{"#complete input"}},
		"06-ready": {
			"ready", "leg", "leg",
			map[string]string{
				"complete-line": "joins Dana Whitlock to Priya Raman", "complete-under": "+1 650 555 0142 to ext. 103",
				"reason": "Paired: your only call on hold, and the call you made 40 s ago.",
			},
			[]string{id("complete") + `[type="submit"][data-ready]`, `#customer[data-late="long"]`},
			[]string{id("complete") + "[aria-disabled]"},
		},
		"06-ready-outside": {
			"ready", "leg", "leg",
			map[string]string{"complete-line": "joins Dana Whitlock to Brass & Co Repairs", "hint": "Outside number, answered 0:08 ago. RingCentral cannot tell a person from a voicemail.", "complete-under": "+1 650 555 0142 to +44 20 7946 0991"},
			nil, nil,
		},
		"06-ready-two-outside": {"ready", "leg", "leg", map[string]string{"complete-line": "joins two outside callers: Dana Whitlock to Omar Haddad"}, nil, nil},
		"06-ready-another": {
			"ready", "leg", "leg",
			map[string]string{"complete-line": "joins Dana Whitlock to Priya Raman", "other-clock": "0:04"},
			[]string{id("other-call") + `[data-session="s-omar"]`},
			nil,
		},
		"07-checking": {"steps", "leg", "leg", map[string]string{"panel-title": "Joining…", "panel-line": "Reading both calls once more. Nothing is sent yet."}, []string{id("back") + `[aria-disabled="true"]`, id("hangup") + `[aria-disabled="true"]`}, []string{id("complete")}},
		"07-sent":     {"steps", "leg", "leg", map[string]string{"panel-line": "Asked RingCentral. Not accepted yet.", "reason": "Asked once. It is never sent twice by itself."}, nil, []string{id("complete")}},
		"07-accepted": {"steps", "leg", "leg", map[string]string{"panel-line": "RingCentral accepted. Not joined until both calls are seen to leave you."}, nil, []string{id("complete")}},
		"08-confirmed": {
			"joined", "leg", "leg",
			map[string]string{"panel-title": "Joined at 14:32:09", "panel-line": "Dana Whitlock and Priya Raman are talking. You have left both calls.", "reason": "On hold 1:42, consult 0:31, joined in 1.8 s.", "plate": "JoinedJoined"},
			[]string{id("keep")},
			[]string{id("complete"), id("back"), id("hangup")},
		},
		"09-voicemail": {
			"off", "leg", "leg",
			map[string]string{"complete-line": "Off: a voicemail cannot take this call.", "reason": "Priya's voicemail answered 18 s ago. No one is with Dana.", "hangup": "Hang up voicemail, Priya Raman", "plate": "Alone on holdVoicemail"},
			[]string{id("back") + ".button-strong"},
			nil,
		},
		"09-declined": {
			"off", "leg", "leg",
			map[string]string{"reason": "Priya declined 4 s ago. No one is with Dana.", "plate": "Alone on holdDeclined", "back": "Back to customer, Dana Whitlock"},
			[]string{`form[action="/desk/unhold"] ` + id("back")},
			[]string{id("hangup")},
		},
		"09-customer-left": {
			"off", "leg", "leg",
			map[string]string{"reason": "Dana left after 1:42 on hold. Priya is still with you. Call back: +1 650 555 0142.", "complete-line": "Off: Dana's call has ended.", "facts": "+1 650 555 0142, Ordersext. 103"},
			[]string{"#customer " + id("copy"), "#consult " + id("hangup")},
			[]string{id("back")},
		},
		"10-refused": {
			"ready", "leg", "leg",
			map[string]string{"notice": "RingCentral refused the transfer (409 TAS-102). Dana is still on hold and Priya is still with you. You may press again, or go back to Dana.", "reason": "Both calls were read again 1 s ago."},
			[]string{id("verdict") + " " + id("notice") + `[data-code="transfer-refused"]`},
			nil,
		},
		"10-failed":      {"ready", "leg", "leg", map[string]string{"notice": "Not sent: RingCentral could not be reached. Both calls are unchanged. It is safe to press again."}, nil, nil},
		"10-unconfirmed": {"unconfirmed", "leg", "leg", map[string]string{"complete-line": "asks again: joins Dana Whitlock to Priya Raman"}, []string{id("complete") + `[type="submit"]`}, []string{id("complete") + "[data-ready]"}},
		"10-unconfirmed-half": {
			"off", "leg", "leg",
			map[string]string{"notice": "Accepted 10 s ago, not confirmed. Your calls were read again: Priya's has ended, Dana's is still on hold. Go back to Dana."},
			nil, nil,
		},
		"11-stale": {
			"stale", "leg", "leg",
			map[string]string{"complete-line": "Will check with RingCentral first", "bar": "Reconnecting to RingCentral, try 3. Your calls go on in your phone. Each press checks with RingCentral first.", "status": "14 s old", "reason": "Kept pair: chosen at 14:31:09."},
			[]string{id("complete") + `[type="submit"]`},
			[]string{id("complete") + "[data-ready]", "time[data-since]"},
		},
		"11-locked":     {"locked", "leg", "leg", nil, []string{id("complete") + `[aria-disabled="true"]`, id("back") + `[aria-disabled="true"]`, id("hangup") + `[aria-disabled="true"]`}, nil},
		"11-signed-out": {"off", "leg", "leg", map[string]string{"complete-line": "Off: sign in again to use the buttons.", "bar": "Your sign-in ended. Your calls go on in your phone and the pair is kept. Sign in again to use the buttons."}, []string{id("bar") + ` a[href="/signin/start?return=%2Fdesk"]`}, nil},
		"11-denied":     {"none", "idle", "none", map[string]string{"idle-title": "Not known", "idle-line": "RingCentral does not report your calls."}, []string{id("denied") + `[data-code="denied-call-control"]`}, nil},
		"11-live-again": {"ready", "leg", "leg", map[string]string{"notices": "Live again. 40 s of events were missed; all calls were read again."}, nil, nil},
		"12-three-calls": {
			"off", "pick", "pick",
			map[string]string{"complete-line": "Off: choose the customer, and who takes the call.", "reason": "Three calls: nothing is guessed. Your choice stays when calls come and go."},
			[]string{`input[type="radio"][name="customer_session"][form="choose"]`, `input[type="radio"][name="consult_session"][form="choose"]`, `#choose input[name="party_s-dana"][value="p-dana-2"]`},
			[]string{"main input[checked]", id("other-call")},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, ok := states()[name]
			if !ok {
				t.Fatal("no such fixture")
			}
			doc := desk(t, s)
			for want, sel := range map[string]string{"joint " + tc.joint: id("joint"), "upper " + tc.upper: id("bay-customer"), "lower " + tc.lower: id("bay-consult")} {
				_, kind, _ := strings.Cut(want, " ")
				if got := doc.Find(sel).AttrOr("data-kind", "?"); got != kind {
					t.Errorf("%s is %q", want, got)
				}
			}
			for name, want := range tc.words {
				if got := text(doc.Selection, name); !strings.HasPrefix(got, want) || want == "" && got != "" {
					t.Errorf("%s says %q, want %q", name, got, want)
				}
			}
			for _, sel := range tc.has {
				if doc.Find(sel).Length() == 0 {
					t.Errorf("nothing is %s", sel)
				}
			}
			for _, sel := range tc.hasnt {
				if doc.Find(sel).Length() != 0 {
					t.Errorf("something is %s", sel)
				}
			}
		})
	}
}

func TestFormsCarryWhatTheAgentSaw(t *testing.T) {
	t.Parallel()
	hidden := func(form *goquery.Selection) map[string]string {
		got := map[string]string{}
		form.Find(`input[type="hidden"]`).Each(func(_ int, in *goquery.Selection) { got[in.AttrOr("name", "")] = in.AttrOr("value", "") })
		return got
	}
	doc := desk(t, ready())
	pair := map[string]string{"customer_session": dana, "customer_party": "p-dana-2", "consult_session": priya, "consult_party": "p-priya-1", "revision": "41"}
	for action, want := range map[string]map[string]string{
		"/desk/complete": pair, "/desk/back": pair,
		"/desk/hangup": {"session": priya, "party": "p-priya-1", "revision": "41"},
	} {
		form := doc.Find(`main form[method="post"][action="` + action + `"]`)
		if form.Length() != 1 {
			t.Errorf("%d forms post to %s", form.Length(), action)
			continue
		}
		if got := form.AttrOr("hx-post", ""); got != action {
			t.Errorf("%s: htmx posts to %q", action, got)
		}
		if form.AttrOr("hx-swap", "") != "none" {
			t.Errorf("%s: htmx swaps", action)
		}
		if got := hidden(form); !maps.Equal(got, want) {
			t.Errorf("%s carries %v, want %v", action, got, want)
		}
	}
	if got := hidden(desk(t, states()["04-talking"]).Find(`form[action="/desk/hold"]`)); !maps.Equal(got, map[string]string{"session": dana, "party": "p-dana-2", "revision": "41"}) {
		t.Errorf("hold carries %v", got)
	}
	choose := desk(t, states()["12-three-calls"]).Find(`form[action="/desk/choose"]`)
	if got := hidden(choose); got["party_"+omar] != "p-omar-2" || got["revision"] != "41" {
		t.Errorf("choose carries %v", got)
	}
	for _, action := range []string{"/desk/reread", "/signout", "/signout/everywhere"} {
		if doc.Find(`form[method="post"][action="`+action+`"] button[type="submit"]`).Length() != 1 {
			t.Errorf("no button posts to %s", action)
		}
	}
}

// hostile is a caller who chose a bad name.
const hostile = "\u202eevil\u0000 <script>alert(1)</script>\" onmouseover='x' hx-get=/desk/hangup style=color:red"

func TestAHostileNameIsOnlyEverText(t *testing.T) {
	t.Parallel()
	for name, s := range states() {
		for i := range s.Board.Legs {
			s.Board.Legs[i].Far.Name = hostile
			s.Board.Legs[i].Queue = hostile
		}
		if s.Attempt != nil {
			s.Attempt.Customer, s.Attempt.Consult = hostile, hostile
		}
		for i := range s.Notices {
			s.Notices[i].Args.Name, s.Notices[i].Args.Other = hostile, hostile
		}
		s.Today = slices.Clone(s.Today)
		for i := range s.Today {
			s.Today[i].Name, s.Today[i].To = hostile, hostile
		}
		next := views.NewDesk(s, now, options())
		page := render(t, views.DeskPage(next))
		update := render(t, views.DeskUpdate(nil, next))
		for kind, html := range map[string]string{"page": page, "update": update} {
			if strings.ContainsAny(html, "\u202e\u0000") {
				t.Errorf("%s, %s: a control character got through", name, kind)
			}
			checkPolicy(t, name+" "+kind, html)
		}
		doc := parse(t, page)
		doc.Find("*").Each(func(_ int, el *goquery.Selection) {
			for _, a := range el.Nodes[0].Attr {
				if !strings.Contains(a.Val, "evil") {
					continue
				}
				if a.Key != "data-say" && !strings.HasPrefix(a.Key, "data-say-") && a.Key != "data-first" && a.Key != "data-words" {
					t.Errorf("%s: the name is in %s of <%s>", name, a.Key, el.Nodes[0].Data)
				}
			}
		})
		doc.Find(id("name")).Each(func(_ int, el *goquery.Selection) {
			if el.Children().Length() != 1 || el.Children().Nodes[0].Data != "bdi" {
				t.Errorf("%s: a name stands outside bdi", name)
			}
		})
		doc.Find(id("bay-customer") + `[data-kind="leg"]`).Each(func(_ int, el *goquery.Selection) {
			if !strings.Contains(text(el, "facts"), "+1 650 555 0142") {
				t.Errorf("%s: no number beside the name", name)
			}
		})
	}
}

var inline = regexp.MustCompile(`(?i)<style|\sstyle=|\son[a-z]+=|javascript:|\shx-on|\shx-vals|\bjs:`)

// checkPolicy holds the content policy: nothing inline, nothing that htmx would evaluate.
func checkPolicy(t *testing.T, name, html string) {
	t.Helper()
	doc := parse(t, html)
	doc.Find("*").Each(func(_ int, el *goquery.Selection) {
		n := el.Nodes[0]
		if n.Data == "script" && (el.AttrOr("src", "") == "" || el.Text() != "") {
			t.Errorf("%s: an inline script", name)
		}
		if n.Data == "style" {
			t.Errorf("%s: an inline style sheet", name)
		}
		for _, a := range n.Attr {
			key := strings.ToLower(a.Key)
			switch {
			case key == "style", strings.HasPrefix(key, "on"), strings.HasPrefix(key, "hx-on"), key == "hx-vals", key == "hx-headers":
				t.Errorf("%s: attribute %s on <%s>", name, a.Key, n.Data)
			case (key == "href" || key == "src" || key == "action") && strings.Contains(strings.ToLower(a.Val), "javascript:"):
				t.Errorf("%s: %s=%s", name, a.Key, a.Val)
			}
		}
	})
}

func allPages() map[string]templ.Component {
	pages := map[string]templ.Component{
		"sign-in":    views.SignIn("/desk", views.Options{Demo: true}),
		"signed-out": views.SignedOut(true, views.Options{}),
		"error":      views.ErrorPage(views.Problem{Code: "missing-scope", Args: map[string]string{"scope": hostile}}, false, views.Options{}),
		"denied":     views.DeniedPage([]board.Denied{{What: "call-control", Scope: hostile}}, views.Options{}),
		"team":       views.TeamPage(views.NewTeam(team(), now, options())),
	}
	for name, s := range states() {
		pages[name] = views.DeskPage(views.NewDesk(s, now, options()))
	}
	return pages
}

func TestEveryPageKeepsToTheContentPolicyAndItsOwnIDs(t *testing.T) {
	t.Parallel()
	for name, page := range allPages() {
		html := render(t, page)
		checkPolicy(t, name, html)
		if m := inline.FindString(strings.ReplaceAll(html, "&#39;", "")); m != "" && name != "error" && name != "denied" {
			t.Errorf("%s: %q in the source", name, m)
		}
		doc := parse(t, html)
		seen := map[string]bool{}
		doc.Find("[id]").Each(func(_ int, el *goquery.Selection) {
			id := el.AttrOr("id", "")
			if seen[id] {
				t.Errorf("%s: two things are #%s", name, id)
			}
			seen[id] = true
		})
		if n := doc.Find("h1").Length(); n != 1 {
			t.Errorf("%s: %d h1", name, n)
		}
		doc.Find("[aria-labelledby]").Each(func(_ int, el *goquery.Selection) {
			for ref := range strings.FieldsSeq(el.AttrOr("aria-labelledby", "")) {
				if !seen[ref] {
					t.Errorf("%s: labelled by #%s, which is not there", name, ref)
				}
			}
		})
		doc.Find("label input").Each(func(_ int, el *goquery.Selection) {
			if strings.TrimSpace(el.Parent().Text()) == "" {
				t.Errorf("%s: an input without a label", name)
			}
		})
		doc.Find("svg").Each(func(_ int, el *goquery.Selection) {
			if _, hidden := el.Attr("aria-hidden"); !hidden && el.Closest(`svg[aria-hidden="true"]`).Length() == 0 {
				t.Errorf("%s: a drawing that a screen reader would meet", name)
			}
		})
		doc.Find("button").Each(func(_ int, el *goquery.Selection) {
			if strings.TrimSpace(el.Text()) == "" {
				t.Errorf("%s: a button without words", name)
			}
		})
	}
}

func TestThePageHasAStableSkeleton(t *testing.T) {
	t.Parallel()
	var first []string
	for name, s := range states() {
		d := views.NewDesk(s, now, options())
		ids := views.DeskUpdate(nil, d).IDs()
		if first == nil {
			first = ids
		}
		if !slices.Equal(ids, first) {
			t.Errorf("%s has the regions %v, others have %v", name, ids, first)
		}
		doc := parse(t, render(t, views.DeskPage(d)))
		for _, region := range ids {
			if n := doc.Find("#" + region).Length(); n != 1 {
				t.Errorf("%s: %d times #%s", name, n, region)
			}
		}
		for _, there := range []string{`#polite[aria-live="polite"]`, `#assertive[aria-live="assertive"]`, "#live", "#flash"} {
			if doc.Find(there).Length() != 1 {
				t.Errorf("%s: no %s", name, there)
			}
		}
	}
}

func ids(prev *views.Desk, next views.Desk) []string { return views.DeskUpdate(prev, next).IDs() }

func TestAnUpdateCarriesOnlyWhatChanged(t *testing.T) {
	t.Parallel()
	before := views.NewDesk(ready(), now, options())

	t.Run("nothing while only time passes", func(t *testing.T) {
		t.Parallel()
		if u := views.DeskUpdate(&before, views.NewDesk(ready(), now.Add(20*time.Second), options())); !u.Empty() {
			t.Errorf("sent %v", u.IDs())
		}
	})
	t.Run("nothing for a revision or a pong", func(t *testing.T) {
		t.Parallel()
		s := ready()
		s.Revision, s.Feed.Heard = 99, now
		if u := views.DeskUpdate(&before, views.NewDesk(s, now, options())); !u.Empty() {
			t.Errorf("sent %v", u.IDs())
		}
	})
	t.Run("another call: its list, and no word about the pair", func(t *testing.T) {
		t.Parallel()
		next := views.NewDesk(states()["06-ready-another"], now, options())
		if got := ids(&before, next); !slices.Equal(got, []string{"others"}) {
			t.Errorf("sent %v", got)
		}
		html := render(t, views.DeskUpdate(&before, next))
		if !strings.Contains(html, `<hx-partial hx-target="#others" hx-swap="outerMorph">`) || !strings.Contains(html, "Omar Haddad rings.") {
			t.Errorf("sent %s", html)
		}
	})
	t.Run("the pair becomes ready", func(t *testing.T) {
		t.Parallel()
		ringing := views.NewDesk(paired(customer(102*time.Second), consultIn(board.FarRinging, 40*time.Second, 31*time.Second)), now, options())
		got := ids(&ringing, before)
		if slices.Contains(got, "customer") || !slices.Contains(got, "joint") || !slices.Contains(got, "consult") {
			t.Errorf("sent %v", got)
		}
		if html := render(t, views.DeskUpdate(&ringing, before)); !strings.Contains(html, `hx-target="#polite"`) || !strings.Contains(html, "Ready: joins Dana Whitlock to Priya Raman.") {
			t.Errorf("did not say it: %s", html)
		}
	})
	t.Run("the feed goes stale by time alone", func(t *testing.T) {
		t.Parallel()
		later := now.Add(board.StaleAfter + time.Second)
		next := views.NewDesk(ready(), later, options())
		if got := ids(&before, next); !slices.Contains(got, "joint") || !slices.Contains(got, "bar") || !slices.Contains(got, "status") {
			t.Errorf("sent %v", got)
		}
		if d := views.DeskChange(ready(), now); d <= 0 || d > board.StaleAfter {
			t.Errorf("DeskChange = %v", d)
		}
		if html := render(t, views.DeskUpdate(&before, next)); !strings.Contains(html, `hx-target="#assertive"`) {
			t.Error("did not say it at once")
		}
	})
	t.Run("the joined panel clears", func(t *testing.T) {
		t.Parallel()
		s := states()["08-confirmed"]
		if d := views.DeskChange(s, now); d != views.JoinedFor {
			t.Errorf("DeskChange = %v", d)
		}
		joined, after := views.NewDesk(s, now, options()), views.NewDesk(s, now.Add(views.JoinedFor), options())
		if after.Joint.Kind != views.JointNone || !slices.Contains(ids(&joined, after), "joint") {
			t.Errorf("the joint is %v", after.Joint.Kind)
		}
	})
	t.Run("a refusal is said at once", func(t *testing.T) {
		t.Parallel()
		next := views.NewDesk(states()["10-refused"], now, options())
		html := render(t, views.DeskUpdate(&before, next))
		if !strings.Contains(html, `hx-target="#assertive"`) || !strings.Contains(html, "RingCentral refused the transfer (409 TAS-102).") {
			t.Errorf("sent %s", html)
		}
	})
}

func TestAProblemIsSaidNearTheJoint(t *testing.T) {
	t.Parallel()
	html := render(t, views.FlashUpdate(views.Problem{Code: "changed", Status: 409}))
	if !strings.Contains(html, `<hx-partial hx-target="#flash" hx-swap="outerMorph"><div id="flash"`) || !strings.Contains(html, "This changed while you pressed. Nothing was sent.") {
		t.Errorf("%s", html)
	}
	doc := parse(t, render(t, views.DeskPage(views.NewDesk(ready(), now, views.Options{Flash: &views.Problem{Code: "changed"}}))))
	if got := doc.Find(id("flash")+" "+id("problem")).AttrOr("data-code", ""); got != "changed" {
		t.Errorf("without script the problem is %q", got)
	}
}

func TestTheDeniedPageNamesWhatIsMissingAndWhoGrantsIt(t *testing.T) {
	t.Parallel()
	doc := parse(t, render(t, views.DeniedPage([]board.Denied{
		{What: "call-control", Code: "CMN-401", Scope: "CallControl"}, {What: "presence", Code: "CMN-408", Permission: "ReadPresence"},
	}, views.Options{})))
	all := strings.Join(strings.Fields(doc.Find(id("denied-page")).Text()), " ")
	for _, must := range []string{"CMN-401", "CallControl", "owner of the app", "CMN-408", "ReadPresence", "administrator"} {
		if !strings.Contains(all, must) {
			t.Errorf("the page does not say %q: %s", must, all)
		}
	}
}

func TestTheTeamPageShowsWhoWaits(t *testing.T) {
	t.Parallel()
	doc := parse(t, render(t, views.TeamPage(views.NewTeam(team(), now, options()))))
	if got := text(doc.Selection, "team-say"); got != "Yuki Tanabe is alone on hold. 4 customers wait, 3 for more than a minute." {
		t.Errorf("the sentence is %q", got)
	}
	var classes, stops []string
	doc.Find(id("wall-row")).Each(func(_ int, el *goquery.Selection) {
		classes, stops = append(classes, el.AttrOr("data-class", "")), append(stops, el.AttrOr("data-stop", ""))
	})
	if want := []string{"alone", "long", "long", "waiting", "joined"}; !slices.Equal(classes, want) {
		t.Errorf("rows %v, want %v", classes, want)
	}
	if want := []string{"1", "2", "1", "0", "4"}; !slices.Equal(stops, want) {
		t.Errorf("stops %v, want %v", stops, want)
	}
	row := doc.Find(id("wall-row")).Eq(1)
	for name, want := range map[string]string{"wall-clock": "1:42", "wall-to": "Priya Raman", "wall-state": "talking 0:31"} {
		if got := text(row, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if n := doc.Find(id("tile")).Length(); n != len(team().Members) {
		t.Errorf("%d tiles", n)
	}
	if got := text(doc.Selection, "team-summary"); got != "7 on calls, 1 free, 1 not reported" {
		t.Errorf("the summary is %q", got)
	}
	nobody := parse(t, render(t, views.TeamPage(views.NewTeam(board.Team{Feed: team().Feed}, now, options()))))
	if got := text(nobody.Selection, "team-say"); !strings.HasPrefix(got, "Nobody to watch yet.") {
		t.Errorf("an empty team says %q", got)
	}
}

func TestATeamUpdateCarriesOneRowOrTheWall(t *testing.T) {
	t.Parallel()
	before := views.NewTeam(team(), now, options())
	if u := views.TeamUpdate(&before, views.NewTeam(team(), now.Add(time.Second), options())); !u.Empty() {
		t.Errorf("a second sent %v", u.IDs())
	}
	answered := team()
	ruth := &answered.Members[2]
	ruth.Stage, ruth.Since = board.StageConsulting, board.Since{Time: now}
	ruth.Board.Legs[1].Far.State, ruth.Board.Legs[1].Far.Answered = board.FarAnswered, board.Since{Time: now}
	if got := views.TeamUpdate(&before, views.NewTeam(answered, now, options())).IDs(); !slices.Equal(got, []string{"row-9126", "tile-9126"}) {
		t.Errorf("an answer sent %v", got)
	}
	gone := team()
	gone.Members[3].Board, gone.Members[3].Stage = board.Board{}, board.StageFree
	if got := views.TeamUpdate(&before, views.NewTeam(gone, now, options())).IDs(); !slices.Contains(got, "wall") || slices.Contains(got, "row-9135") {
		t.Errorf("a row that went sent %v", got)
	}
	if d := views.TeamChange(team(), now, options()); d <= 0 || d > 19*time.Second {
		t.Errorf("TeamChange = %v", d)
	}
}

func TestTheTabSaysWhoWaits(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"02-idle": "Cordboard", "03-incoming": "Dana rings", "06-ready": "1:42 Dana on hold", "09-voicemail": "! 2:10 Dana alone", "09-customer-left": "! Dana left", "12-three-calls": "Choose both ends",
	} {
		doc := desk(t, states()[name])
		if got := doc.Find("title").Text(); got != want {
			t.Errorf("%s: the title is %q, want %q", name, got, want)
		}
	}
}

// Any snapshot must render, also one that no desk should make.
func TestOddSnapshotsStillRender(t *testing.T) {
	t.Parallel()
	odd := map[string]func(*board.Snapshot){
		"no owner":               func(s *board.Snapshot) { s.Owner = board.Owner{} },
		"pair without legs":      func(s *board.Snapshot) { s.Board.Legs = nil },
		"pair with one leg":      func(s *board.Snapshot) { s.Board.Legs = s.Board.Legs[:1] },
		"attempt without legs":   func(s *board.Snapshot) { s.Attempt = attempt(*s, board.Sent); s.Board.Legs, s.Pair = nil, nil },
		"confirmed without legs": func(s *board.Snapshot) { s.Attempt = attempt(*s, board.Confirmed); s.Board.Legs, s.Pair = nil, nil },
		"refused without a pair": func(s *board.Snapshot) { s.Attempt = attempt(*s, board.Refused); s.Pair = nil },
		"abandoned, all gone":    func(s *board.Snapshot) { s.Attempt = attempt(*s, board.Abandoned); s.Board.Legs, s.Pair = nil, nil },
		"unknown phase":          func(s *board.Snapshot) { s.Attempt = attempt(*s, board.Sent); s.Attempt.Phase = 99 },
		"choices without legs": func(s *board.Snapshot) {
			s.Pair, s.Choices = nil, []board.Choice{{SessionID: "s-x", Customer: true, Consult: true}}
		},
		"unknown reason":    func(s *board.Snapshot) { s.Readiness = board.Readiness{Reason: "new"} },
		"unknown notice":    func(s *board.Snapshot) { s.Notices = []board.Notice{{Code: "new"}} },
		"no times":          func(s *board.Snapshot) { s.Board.Legs[0].Held, s.Board.Legs[0].Began = board.Since{}, time.Time{} },
		"times of tomorrow": func(s *board.Snapshot) { s.Board.Legs[0].Held = board.Since{Time: now.Add(time.Hour)} },
		"never heard":       func(s *board.Snapshot) { s.Feed.Heard = time.Time{} },
		"unknown states": func(s *board.Snapshot) {
			s.Board.Legs[0].State, s.Board.Legs[1].Far.State = telephony.CodeUnknown, board.FarOther
		},
		"rescue without a consult": func(s *board.Snapshot) {
			s.Rescue, s.Pair, s.Alone = &board.Rescue{SessionID: dana}, nil, dana
			s.Board.Legs = s.Board.Legs[:1]
		},
	}
	for name, break1 := range odd {
		s := ready()
		break1(&s)
		d := views.NewDesk(s, now, views.Options{})
		html := render(t, views.DeskPage(d))
		if strings.Contains(html, "-0:") || strings.Contains(html, "-1 s") {
			t.Errorf("%s: a time below zero", name)
		}
		_ = render(t, views.DeskUpdate(nil, d))
		if d.Joint.Kind == views.JointReady && len(s.Board.Legs) < 2 {
			t.Errorf("%s: Complete is offered without two calls", name)
		}
	}
}

func BenchmarkDeskPage(b *testing.B) {
	s := ready()
	var w strings.Builder
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		if err := views.DeskPage(views.NewDesk(s, now, options())).Render(b.Context(), &w); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(w.Len()), "bytes/page")
}

func BenchmarkDeskUpdate(b *testing.B) {
	ringing, done := paired(customer(102*time.Second), consultIn(board.FarRinging, 40*time.Second, 31*time.Second)), ready()
	prev := views.NewDesk(ringing, now, options())
	var w strings.Builder
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		if err := views.DeskUpdate(&prev, views.NewDesk(done, now, options())).Render(b.Context(), &w); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(w.Len()), "bytes/update")
}

func BenchmarkDeskUnchanged(b *testing.B) {
	s := ready()
	prev := views.NewDesk(s, now, options())
	b.ReportAllocs()
	for b.Loop() {
		if next := views.NewDesk(s, now, options()); !views.DeskUpdate(&prev, next).Empty() {
			b.Fatal("something changed")
		}
	}
}

func BenchmarkTeamPage(b *testing.B) {
	s := team()
	var w strings.Builder
	b.ReportAllocs()
	for b.Loop() {
		w.Reset()
		if err := views.TeamPage(views.NewTeam(s, now, options())).Render(b.Context(), &w); err != nil {
			b.Fatal(err)
		}
	}
}
