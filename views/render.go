package views

import (
	"context"
	"io"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// view is what a component needs to turn moments into words.
type view struct {
	now    time.Time
	zone   *time.Location
	limits Limits
}

func (d Desk) view() view { return view{now: d.Now, zone: d.Options.Zone, limits: d.Options.Limits} }

// words renders a sentence.
func (v view) words(t Text) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		for _, r := range t {
			if r.Bold {
				b.WriteString("<strong>")
			}
			v.run(&b, r)
			if r.Bold {
				b.WriteString("</strong>")
			}
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

func (v view) run(b *strings.Builder, r Run) {
	text := templ.EscapeString(r.at(v.now, v.zone))
	attr := ""
	switch r.Kind {
	case RunPlain:
		b.WriteString(text)
		return
	case RunName:
		b.WriteString("<bdi>" + text + "</bdi>")
		return
	case RunWhole:
		b.WriteString(`<bdi class="whole">` + text + "</bdi>")
		return
	case RunSignIn:
		b.WriteString(`<a href="` + templ.EscapeString(string(signInURL(r.To))) + `" data-testid="sign-in-again">` + text + "</a>")
		return
	case RunAgo:
		attr = "data-ago"
	case RunClock:
		attr = "data-clock"
	case RunTime:
		attr = "data-hms"
	case RunLeft:
		attr = "data-left"
	}
	b.WriteString("<time " + attr + `="` + itoa(r.At) + `">` + text + "</time>")
}

// value is what a clock shows now.
func (v view) value(c Clock) time.Duration {
	if c.Stopped {
		return max(0, c.Value)
	}
	return max(0, v.now.Sub(time.UnixMilli(c.Since)))
}

// late is how a hold clock's wait is called: "", "long" or "toolong".
func (v view) late(c Clock) string {
	if !c.Hold || c.Since == 0 {
		return ""
	}
	switch d := v.value(c); {
	case d >= v.limits.TooLong:
		return "toolong"
	case d >= v.limits.Long:
		return "long"
	}
	return ""
}

// clockWord is the word under a clock as it reads now.
func (v view) clockWord(c Clock) Text {
	if c.Hold && !c.Stopped {
		switch v.late(c) {
		case "long":
			return say(clockLong, nil)
		case "toolong":
			return say(clockTooLong, nil)
		}
	}
	return c.Word
}

// scaleEnd is the wait at the end of the scale: 1.5 times the second limit.
func (v view) scaleEnd() time.Duration { return v.limits.TooLong * 3 / 2 }

// part is a wait as a share of the scale, for an SVG attribute.
func (v view) part(d time.Duration) string {
	end := v.scaleEnd()
	d = min(max(0, d), end)
	return strconv.FormatFloat(100*float64(d)/float64(end), 'f', 2, 64) + "%"
}

func seconds(d time.Duration) string { return itoa(int64(d / time.Second)) }

// sayLimit is what a live region says when a hold passes a limit.
func sayLimit(first string, limit time.Duration) string {
	return first + " on hold for " + minutes(limit)
}

func minutes(d time.Duration) string {
	if d%time.Minute == 0 {
		return plural(int(d/time.Minute), "minute", "minutes")
	}
	return mmss(d)
}

// facts are a number and what goes with it, with a comma between the two.
func facts(number, rest, class string) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		var b strings.Builder
		if number != "" {
			b.WriteString(`<bdi class="number">` + templ.EscapeString(number) + "</bdi>")
		}
		if rest != "" {
			b.WriteString("<span")
			if class != "" {
				b.WriteString(` class="` + class + `"`)
			}
			b.WriteByte('>')
			if number != "" {
				b.WriteString(", ")
			}
			b.WriteString("<bdi>" + templ.EscapeString(rest) + "</bdi></span>")
		}
		_, err := io.WriteString(w, b.String())
		return err
	})
}

// plate is a state word with its border; the part that a narrow page leaves
// out is marked.
func plate(p Plate) templ.Component {
	return templ.ComponentFunc(func(_ context.Context, w io.Writer) error {
		more := ""
		if p.More != "" {
			more = `<span class="plate-more"> ` + templ.EscapeString(p.More) + "</span>"
		}
		_, err := io.WriteString(w, `<span class="plate `+plateClass(p.Kind)+`" data-testid="plate">`+templ.EscapeString(p.Word)+more+"</span>")
		return err
	})
}
