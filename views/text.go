package views

import (
	"strings"
	"time"
)

// Text is a sentence of the catalogue with its arguments in place, as runs
// that a component renders: a name is isolated from the direction of the text
// around it, and a time that runs on is ticked by the page.
type Text []Run

// Run is one piece of a sentence.
type Run struct {
	Words string
	Kind  RunKind
	At    int64  // Unix milliseconds, of the kinds that tell a time
	To    string // local path, of RunSignIn
	Bold  bool
}

// RunKind is how a run is rendered.
type RunKind uint8

// The kinds of run.
const (
	RunPlain  RunKind = iota
	RunName           // reported from outside: isolated
	RunWhole          // a number or code that is not broken over two lines
	RunAgo            // "40 s" since At, running
	RunClock          // "0:08" since At, running
	RunTime           // "14:32:07", the time of day of At
	RunLeft           // "12 s" until At, running down
	RunSignIn         // a link that begins a sign-in and returns to To
)

// String is the sentence without its running times' present values.
func (t Text) String() string {
	var b strings.Builder
	for _, r := range t {
		b.WriteString(r.Words)
	}
	return b.String()
}

// At is the sentence as it reads at now.
func (t Text) At(now time.Time, zone *time.Location) string {
	var b strings.Builder
	for _, r := range t {
		b.WriteString(r.at(now, zone))
	}
	return b.String()
}

func (r Run) at(now time.Time, zone *time.Location) string {
	switch r.Kind {
	case RunAgo:
		return ago(now.Sub(time.UnixMilli(r.At)))
	case RunLeft:
		return ago(time.UnixMilli(r.At).Sub(now))
	case RunClock:
		return mmss(now.Sub(time.UnixMilli(r.At)))
	case RunTime:
		return hms(time.UnixMilli(r.At), zone)
	case RunPlain, RunName, RunWhole, RunSignIn:
	}
	return r.Words
}

// args are the values of a sentence's placeholders: string (ours), Person (its
// short form), full (a person's label) or Run.
type args map[string]any

// full is a person who is named with the whole label.
type full Person

// say fills a sentence of the catalogue: {key} is a placeholder, *…* is bold.
// A placeholder without a value stays empty.
func say(sentence string, a args) Text {
	var t Text
	bold := false
	for sentence != "" {
		i := strings.IndexAny(sentence, "{*")
		if i < 0 {
			t = append(t, Run{Words: sentence, Bold: bold})
			break
		}
		if i > 0 {
			t = append(t, Run{Words: sentence[:i], Bold: bold})
		}
		if sentence[i] == '*' {
			bold, sentence = !bold, sentence[i+1:]
			continue
		}
		key, rest, _ := strings.Cut(sentence[i+1:], "}")
		sentence = rest
		r := Run{}
		switch v := a[key].(type) {
		case string:
			r.Words = v
		case Person:
			r = Run{Words: v.First, Kind: RunName}
			if v.First == wordTheCaller && len(t) == 0 {
				r.Words = wordTheCallerFirst
			}
		case full:
			r = Run{Words: Person(v).Label(), Kind: RunName}
		case Run:
			r = v
		}
		r.Bold = bold
		t = append(t, r)
	}
	return t
}

func agoRun(t time.Time) Run   { return Run{Kind: RunAgo, At: ms(t)} }
func clockRun(t time.Time) Run { return Run{Kind: RunClock, At: ms(t)} }
func timeRun(t time.Time) Run  { return Run{Kind: RunTime, At: ms(t)} }

// ms is a time as the page's script takes it; 0 for the zero time.
func ms(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// mmss is a duration as a clock shows it: "1:42", from an hour on "1:02:05".
func mmss(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	if s < 3600 {
		return itoa(s/60) + ":" + two(s%60)
	}
	return itoa(s/3600) + ":" + two(s/60%60) + ":" + two(s%60)
}

// ago is a duration in a sentence: "40 s", from ten minutes on "12 min".
func ago(d time.Duration) string {
	s := int64(max(0, d) / time.Second)
	if s < 600 {
		return itoa(s) + " s"
	}
	if s < 7200 {
		return itoa(s/60) + " min"
	}
	return itoa(s/3600) + " h"
}

// age is how old the feed's last word is: one decimal up to 10 s.
func age(d time.Duration) string {
	d = max(0, d)
	if d >= 10*time.Second {
		return ago(d)
	}
	t := int64(d / (100 * time.Millisecond))
	return itoa(t/10) + "." + itoa(t%10) + " s"
}

// tenths is a short span with one decimal: "0.2 s".
func tenths(d time.Duration) string {
	t := int64((max(0, d) + 50*time.Millisecond) / (100 * time.Millisecond))
	return itoa(t/10) + "." + itoa(t%10) + " s"
}

// span is a wait in a sentence: "1:42", or "at least 1:42".
func span(d time.Duration, atLeast bool) string {
	if atLeast {
		return wordAtLeast + " " + mmss(d)
	}
	return mmss(d)
}

func hms(t time.Time, zone *time.Location) string { return t.In(zone).Format("15:04:05") }
func hm(t time.Time, zone *time.Location) string  { return t.In(zone).Format("15:04") }
