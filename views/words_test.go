package views

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
)

var at = time.Date(2026, 11, 20, 14, 32, 9, 0, time.UTC)

// constants are the string constants of a type, read from another package's
// source, so that a new code without a sentence is a red test here.
func constants(t *testing.T, folder, typeName, prefix string) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(folder, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		f, err := parser.ParseFile(token.NewFileSet(), name, nil, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			g, ok := d.(*ast.GenDecl)
			if !ok || g.Tok != token.CONST {
				continue
			}
			for _, s := range g.Specs {
				v := s.(*ast.ValueSpec)
				id, typed := v.Type.(*ast.Ident)
				fits := typed && id.Name == typeName || typeName == "" && v.Type == nil && strings.HasPrefix(v.Names[0].Name, prefix)
				if !fits || len(v.Values) != 1 {
					continue
				}
				if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
					s, err := strconv.Unquote(lit.Value)
					if err != nil {
						t.Fatal(err)
					}
					values = append(values, s)
				}
			}
		}
	}
	if len(values) < 3 {
		t.Fatalf("found only %q of %s: look for them elsewhere", values, typeName)
	}
	return values
}

const boardSource = "../rc/board"

// flaw says what is wrong with a sentence of the catalogue.
func flaw(s string) string {
	lower := strings.ToLower(s)
	switch {
	case strings.TrimSpace(s) == "":
		return "is empty"
	case strings.ContainsAny(s, "{}*!"):
		return "has a mark left in it"
	case strings.Contains(s, "  "), strings.Contains(s, " ."), strings.Contains(s, " ,"):
		return "has a hole"
	case strings.Contains(lower, "please"), strings.Contains(lower, "oops"), strings.Contains(lower, "success"):
		return "is not in our tone"
	case strings.Contains(s, "does not know"), strings.Contains(s, "Off: not ready"), s == "ended", s == "The press", s == "Not known":
		return "is the one for codes that nobody wrote a sentence for"
	}
	return ""
}

func TestEveryCodeHasASentence(t *testing.T) {
	t.Parallel()
	dana, priya := NewPerson("Dana Whitlock", "+16505550142"), NewPerson("Priya Raman", "103")
	check := func(t *testing.T, code string, texts ...string) {
		t.Helper()
		for _, s := range texts {
			if wrong := flaw(s); wrong != "" {
				t.Errorf("%s: %q %s", code, s, wrong)
			}
		}
	}
	for _, code := range constants(t, boardSource, "Reason", "") {
		if r := board.Reason(code); r == board.ReasonNone {
			continue
		} else if r == board.ReasonFarOther { // it says itself that the word is not known
			check(t, code, strings.ReplaceAll(offSentence(r, priya, dana, false).String(), "does not know", "…"))
		} else {
			check(t, code, offSentence(r, priya, dana, false).String(), offSentence(r, dana, priya, true).String())
		}
	}
	for _, code := range constants(t, boardSource, "NoticeCode", "") {
		for _, held := range []bool{true, false} {
			n := board.Notice{Code: board.NoticeCode(code), At: at, Args: board.Args{
				Name: "Dana Whitlock", Number: "+16505550142", Other: "Priya Raman", OtherNumber: "103", Held: 102 * time.Second, For: 40 * time.Second,
				Action: board.ActionHold, Status: 409, Code: "TAS-102", CustomerHeld: held, ConsultThere: true, Reason: board.ReasonConsultRinging,
			}}
			head, body := noticeSentence(n)
			check(t, code, head.String(), body.String())
			bare, _ := noticeSentence(board.Notice{Code: n.Code, Args: board.Args{Action: board.ActionBack}})
			check(t, code, bare.String())
		}
	}
	for _, code := range constants(t, boardSource, "Why", "") {
		check(t, code, pairedSentence(board.Why(code), at.Add(-40*time.Second), at).At(at, time.UTC))
	}
	for _, code := range constants(t, boardSource, "Action", "") {
		check(t, code, actionName(board.Action(code)))
	}
	for _, code := range constants(t, boardSource, "End", "") {
		check(t, code, endWord(board.End(code)), countEnd(3, board.End(code)), endSentence(board.End(code), priya).String())
	}
	for s := board.StageFree; s <= board.StageJoined; s++ {
		check(t, s.String(), stageWord(s))
	}
	for p := board.Refused; p <= board.Abandoned; p++ {
		for bits := range 16 {
			tr := &board.Transfer{
				Phase: p, Sent: at, Settled: at, CustomerAlive: bits&1 > 0, CustomerHeld: bits&2 > 0, ConsultAlive: bits&4 > 0, PeerMismatch: bits&8 > 0,
			}
			head, body := verdictSentence(tr, still{tr.CustomerAlive, tr.CustomerHeld, tr.ConsultAlive, true}, dana, priya)
			check(t, p.String(), head.At(at, time.UTC), body.At(at, time.UTC))
		}
	}
	for _, f := range []board.FeedState{board.FeedConnecting, board.FeedReconnecting, board.FeedSignedOut, board.FeedRefused, board.FeedLive} {
		head, body := feedSentence(board.Feed{State: f, Try: 2}, true)
		check(t, f.String(), head.String(), body.String())
	}
	for _, what := range []string{"telephony-events", "presence", "call-control", "monitoring-groups", "websocket", "something new"} {
		for _, d := range []board.Denied{{What: what}, {What: what, Scope: "CallControl"}, {What: what, Permission: "ReadCalls"}, {What: what, Code: "CMN-408", Scope: "A", Permission: "B"}} {
			head, body := deniedSentence(d)
			check(t, what, head.String(), body.String())
		}
	}
	unknown, _ := problemSentence(Problem{Code: "never heard of"})
	for _, code := range constants(t, "../web/problem", "", "Code") {
		head, body := problemSentence(Problem{Code: code, Args: map[string]string{"scope": "CallControl", "permission": "ReadCalls", "seconds": "3", "code": "TAS-102", "service": "ringcentral"}})
		check(t, code, head.String(), body.String())
		if code != "internal" && head.String() == unknown.String() {
			t.Errorf("problem %s has no sentence of its own", code)
		}
	}
}

// An attempt that came to nothing says what kept it, and what is true of its calls
// now, not what was when it ended.
func TestAVerdictIsTrueNow(t *testing.T) {
	t.Parallel()
	dana, priya := NewPerson("Dana Whitlock", "+16505550142"), NewPerson("Priya Raman", "103")
	both := board.Transfer{CustomerAlive: true, CustomerHeld: true, ConsultAlive: true}
	alone, lost, over := both, both, board.Transfer{}
	alone.ConsultAlive = false
	lost.CustomerAlive, lost.CustomerHeld = false, false
	nowBoth, nowAlone, nowLost, nowOver, unread := still{true, true, true, true}, still{true, true, false, true}, still{false, false, true, true}, still{read: true}, still{true, true, true, false}
	ended := func(p board.Phase, r board.Reason, then board.Transfer, sent bool) *board.Transfer {
		then.Phase, then.Reason = p, r
		if sent {
			then.Sent = at
		}
		return &then
	}
	for want, got := range map[string]struct {
		then *board.Transfer
		now  still
	}{
		"RingCentral refused the transfer. Dana's call has ended, Priya is still with you. Call back: +1 650 555 0142.":                                    {ended(board.Refused, "", both, true), nowLost},
		"Sent 0 s ago, not confirmed. Your calls could not be read since. Listen on your phone who is still with you.":                                     {ended(board.Unconfirmed, "", both, true), unread},
		"Not sent: Cordboard restarted before it could ask. Both calls are unchanged. It is safe to press again.":                                          {ended(board.Failed, board.ReasonRestart, both, false), nowBoth},
		"Not sent: RingCentral takes no more requests from you for a moment. Both calls are unchanged. It is safe to press again.":                         {ended(board.Failed, board.ReasonHeldBack, both, false), nowBoth},
		"Not sent: RingCentral could not be read for this press. Priya's call has ended, Dana is still on hold. Go back to Dana.":                          {ended(board.Failed, board.ReasonCheckFailed, both, false), nowAlone},
		"Not sent: the calls changed while they were checked. Dana is still on hold and Priya is still with you. You may press again, or go back to Dana.": {ended(board.Failed, board.ReasonFarVoicemail, both, false), nowBoth},
		"Not sent: Dana's call ended first. Priya is still with you. Call back: +1 650 555 0142.":                                                          {ended(board.Abandoned, board.ReasonEnded, lost, false), nowLost},
		"Not joined: Dana's call ended first. Call back: +1 650 555 0142.":                                                                                 {ended(board.Abandoned, board.ReasonEnded, lost, true), nowOver},
		"Not joined: Priya's call ended first. Priya's call has ended, Dana is still on hold. Go back to Dana.":                                            {ended(board.Abandoned, board.ReasonEnded, alone, true), nowAlone},
		"Not joined: both calls ended first. Call Dana back: +1 650 555 0142.":                                                                             {ended(board.Abandoned, board.ReasonEnded, over, true), nowOver},
	} {
		head, body := verdictSentence(got.then, got.now, dana, priya)
		if said := head.At(at, time.UTC) + " " + body.At(at, time.UTC); said != want {
			t.Errorf("got  %q\nwant %q", said, want)
		}
	}
}

// The samples of the form, word by word.
func TestTheSamplesReadAsTheFormHasThem(t *testing.T) {
	t.Parallel()
	dana, priya := NewPerson("Dana Whitlock", "+16505550142"), NewPerson("Priya Raman", "103")
	both := func(head, body Text) string { return head.At(at, time.UTC) + " " + body.At(at, time.UTC) }
	one := func(x Text) string { return x.At(at, time.UTC) }
	left := board.Transfer{Status: 409, Code: "TAS-102", CustomerAlive: true, CustomerHeld: true, ConsultAlive: true}
	refused, failed, unconfirmed := left, left, left
	refused.Phase, failed.Phase, unconfirmed.Phase = board.Refused, board.Failed, board.Unconfirmed
	unconfirmed.Accepted, unconfirmed.ConsultAlive = at.Add(-10*time.Second), false
	for want, got := range map[string]string{
		"Complete transfer":                                                                     completeTitle,
		"joins Dana Whitlock to Priya Raman":                                                    one(say(completeJoins, args{"customer": full(dana), "consult": full(priya)})),
		"Off: Priya's phone is still ringing.":                                                  one(offSentence(board.ReasonConsultRinging, priya, dana, false)),
		"Off: a voicemail cannot take this call.":                                               one(offSentence(board.ReasonFarVoicemail, priya, dana, false)),
		"Off: choose who takes Dana's call.":                                                    one(say(pickOffConsult, args{"who": dana})),
		"Off: both ends are the same call. Choose another.":                                     one(offSentence(board.ReasonSameCall, priya, dana, false)),
		"Off: Dana is not on hold yet. Press Hold on your phone.":                               one(offSentence(board.ReasonNotHeld, dana, priya, true)),
		"Paired: your only call on hold, and the call you made 40 s ago.":                       one(pairedSentence(board.WhyOnly, at.Add(-40*time.Second), at)),
		"RingCentral accepted. Not joined until both calls are seen to leave you.":              joiningAccepted,
		"Outside number, answered 0:08 ago. RingCentral cannot tell a person from a voicemail.": one(say(outsideHint, args{"clock": clockRun(at.Add(-8 * time.Second))})),
		"Dana Whitlock and Priya Raman are talking. You have left both calls.":                  one(say(joinedLine, args{"customer": full(dana), "consult": full(priya)})),
		"RingCentral refused the transfer (409 TAS-102). Dana is still on hold and Priya is still with you. You may press again, or go back to Dana.": both(verdictSentence(&refused, still{true, true, true, true}, dana, priya)),
		"Not sent: RingCentral could not be reached. Both calls are unchanged. It is safe to press again.":                                            both(verdictSentence(&failed, still{true, true, true, true}, dana, priya)),
		"Accepted 10 s ago, not confirmed. Your calls were read again: Priya's has ended, Dana's is still on hold. Go back to Dana.":                  both(verdictSentence(&unconfirmed, still{true, true, false, true}, dana, priya)),
		"Dana left after 1:42 on hold. Priya is still with you. Call back: +1 650 555 0142.":                                                          both(leftSentence(dana, priya, true, 102*time.Second, false)),
		"RingCentral did not take Dana off hold. Press Hold on your phone; this page will show it.":                                                   both(noticeSentence(board.Notice{Code: board.NoticePressHold, Args: board.Args{Name: "Dana Whitlock"}})),
		"Reconnecting to RingCentral, try 3. Your calls go on in your phone. Each press checks with RingCentral first.":                               both(feedSentence(board.Feed{State: board.FeedReconnecting, Try: 3}, true)),
		"Not sent: RingCentral takes no more requests from you for 12 s. Hold, Dana: the call is unchanged. Press again then.":                        both(noticeSentence(board.Notice{Code: board.NoticeActionUnsent, Args: board.Args{Action: board.ActionHold, Name: "Dana Whitlock", For: 12 * time.Second}})),
		"Not sent: RingCentral takes no more requests from you for 12 s. Your calls go on in your phone. Press again then.":                           both(noticeSentence(board.Notice{Code: board.NoticeCheckFailed, Args: board.Args{For: 12 * time.Second}})),
		"Live again. 40 s of events were missed; all calls were read again.":                                                                          both(noticeSentence(board.Notice{Code: board.NoticeLiveAgain, Args: board.Args{For: 40 * time.Second}})),
		"Three calls: nothing is guessed. Your choice stays when calls come and go.":                                                                  one(say(threeCalls, args{"count": countWord(3)})),
		"Connecting to RingCentral It takes no more connections from you until 14:32:54. This page goes on by itself then.":                           both(feedSentence(board.Feed{Until: at.Add(45 * time.Second)}, true)),
		"RingCentral takes no more connections from you until 14:32:54. Your calls go on in your phone. Each press checks with RingCentral first.":    both(feedSentence(board.Feed{State: board.FeedReconnecting, Try: 3, Until: at.Add(45 * time.Second)}, true)),
		"Your sign-in ended. Your calls go on in your phone and the pair is kept. Sign in again to use the buttons.":                                  both(feedSentence(board.Feed{State: board.FeedSignedOut}, true)),
		"Will check with RingCentral first":                                                   completeStale,
		"This changed while you pressed. Nothing was sent. Look once more, then press again.": both(problemSentence(Problem{Code: "changed"})),
	} {
		if got != want {
			t.Errorf("got  %q\nwant %q", got, want)
		}
	}
}

func TestNumbersReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"+16505550142": "+1 650 555 0142", "103": "ext. 103", "+442079460991": "+44 20 7946 0991", "+4930901820": "+49 30 901820",
		"": "", "anonymous": "anonymous", "+1650555014x": "+1650555014x", "+1": "+1", "16505550142": "16505550142",
	} {
		if got := FormatNumber(in); got != want {
			t.Errorf("FormatNumber(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestDurationsReadAsClocks(t *testing.T) {
	t.Parallel()
	for in, want := range map[time.Duration][3]string{
		0:                       {"0:00", "0 s", "0.0 s"},
		-time.Second:            {"0:00", "0 s", "0.0 s"},
		420 * time.Millisecond:  {"0:00", "0 s", "0.4 s"},
		9990 * time.Millisecond: {"0:09", "9 s", "9.9 s"},
		10 * time.Second:        {"0:10", "10 s", "10 s"},
		102 * time.Second:       {"1:42", "102 s", "102 s"},
		11 * time.Minute:        {"11:00", "11 min", "11 min"},
		3725 * time.Second:      {"1:02:05", "62 min", "62 min"},
		3 * time.Hour:           {"3:00:00", "3 h", "3 h"},
	} {
		if got := [3]string{mmss(in), ago(in), age(in)}; got != want {
			t.Errorf("%v: %q, want %q", in, got, want)
		}
	}
	if got := span(102*time.Second, true); got != "at least 1:42" {
		t.Errorf("span = %q", got)
	}
}

func TestNamesAreCleanedBeforeTheyAreShown(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Dana\x00 Whit\u202elock\u2066\u200f":              "Dana Whitlock",
		"  Dana \t\n Whitlock ":                            "Dana Whitlock",
		"\u202e\u200b\ufeff":                               "",
		"\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645": "\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645", // the joiner stays
		"Z\u0300\u0301\u0302\u0303algo":                    "Z\u0300\u0301algo",
		"bad\xffbytes":                                     "badbytes",
		strings.Repeat("x", 200):                           strings.Repeat("x", 64),
		strings.Repeat("\u00e9 ", 100):                     strings.TrimSpace(strings.Repeat("\u00e9 ", 32)),
	} {
		if got := CleanName(in); got != want {
			t.Errorf("CleanName(%q) = %q, want %q", in, got, want)
		}
	}
	for in, want := range map[[2]string]Person{
		{"Dana Whitlock", "+16505550142"}:   {Name: "Dana Whitlock", Number: "+1 650 555 0142", First: "Dana"},
		{"Whitlock, Dana", "+16505550142"}:  {Name: "Whitlock, Dana", Number: "+1 650 555 0142", First: "Dana"},
		{"+1 650 555 0142", "+16505550142"}: {Number: "+1 650 555 0142", First: "+1 650 555 0142"},
		{"", "103"}:                         {Number: "ext. 103", First: "ext. 103"},
		{"", ""}:                            {First: "the caller"},
		{"24/7 Help", "+16505550100"}:       {Name: "24/7 Help", Number: "+1 650 555 0100", First: "24/7 Help"},
	} {
		if got := NewPerson(in[0], in[1]); got != want {
			t.Errorf("NewPerson(%q) = %+v, want %+v", in, got, want)
		}
	}
	a, b := apart(NewPerson("Dana Whitlock", "+16505550142"), NewPerson("Dana Scully", "103"))
	if a.First != "Dana Whitlock" || b.First != "Dana Scully" {
		t.Errorf("two Danas are called %q and %q", a.First, b.First)
	}
	a, b = apart(NewPerson("Dana", "+16505550142"), NewPerson("Dana", "103"))
	if a.First == b.First {
		t.Errorf("two people of one name are both called %q", a.First)
	}
}

func TestASignInReturnsToLocalPathsOnly(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"/desk": "/signin/start?return=%2Fdesk", "": "/signin/start", "//evil.test": "/signin/start", "https://evil.test": "/signin/start", "/\\evil.test": "/signin/start",
	} {
		if got := string(signInURL(in)); got != want {
			t.Errorf("signInURL(%q) = %q, want %q", in, got, want)
		}
	}
}
