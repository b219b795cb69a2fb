package views

import (
	"context"
	"io"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/a-h/templ"

	"github.com/cordboard/cordboard/rc/board"
)

// region is a part of a page that is replaced by itself.
type region struct {
	id   string
	key  any // compared between two models; holds no moment of rendering
	view templ.Component
}

func (d Desk) regions() []region {
	v := d.view()
	st := d.Status
	st.Heard = 0
	if d.Status.Old {
		st.Heard = d.Status.Heard
	}
	return []region{
		{"ways", d.Status.Supervisor, ways(d.Status.Supervisor, "desk")},
		{"menu-ways", d.Status.Supervisor, menuWays(d.Status.Supervisor, "desk")},
		{"status", st, status(d.Status, v)},
		{"bar", d.Bar, bar(d.Bar, v)},
		{"customer", keyOfBay(d.Customer), bay("customer", d.Customer, v)},
		{"reason", d.Reason, reason(d.Reason, v)},
		{"joint", keyOfJoint(d.Joint), joint(d.Joint, v)},
		{"verdict", []any{d.Verdict, d.Joint.Lower}, verdict(d.Verdict, d.Joint.Lower, v)},
		{"consult", keyOfBay(d.Consult), bay("consult", d.Consult, v)},
		{"clears", d.Clears, clears(d.Clears, v)},
		{"notices", d.Notices, notices(d.Notices, v)},
		{"others", keyOfOthers(d.Others), others(d.Others, v)},
		{"today", d.Today, today(d.Today, v)},
		{"keys", d.Keys, keys(d.Keys)},
		{"tab", d.Tab, tab(d.Tab)},
	}
}

// A form carries the revision that the agent saw; one that shows the same
// things need not be sent again because a revision passed.
func withoutRevision(list []Field) []Field {
	out := make([]Field, 0, len(list))
	for _, f := range list {
		if f.Name != "revision" {
			out = append(out, f)
		}
	}
	return out
}

func keyOfActions(list []Action) []Action {
	out := make([]Action, len(list))
	for i, a := range list {
		a.Fields = withoutRevision(a.Fields)
		out[i] = a
	}
	return out
}

func keyOfBay(b Bay) Bay {
	b.Actions = keyOfActions(b.Actions)
	return b
}

func keyOfJoint(j Joint) Joint {
	j.Fields = withoutRevision(j.Fields)
	return j
}

func keyOfOthers(list []OtherCall) []OtherCall {
	out := make([]OtherCall, len(list))
	for i, o := range list {
		o.Actions = keyOfActions(o.Actions)
		out[i] = o
	}
	return out
}

// changed are the regions of next that differ from those of prev.
func changed(prev, next []region) []region {
	old := make(map[string]any, len(prev))
	for _, r := range prev {
		old[r.id] = r.key
	}
	var out []region
	for _, r := range next {
		if key, ok := old[r.id]; !ok || !reflect.DeepEqual(key, r.key) {
			out = append(out, r)
		}
	}
	return out
}

// Update is what one message of a stream carries: the regions that changed and
// what the live regions say of the change.
type Update struct {
	regions           []region
	polite, assertive []string
}

// Empty reports whether there is nothing to send.
func (u Update) Empty() bool {
	return len(u.regions) == 0 && len(u.polite) == 0 && len(u.assertive) == 0
}

// IDs names the regions that changed.
func (u Update) IDs() []string {
	ids := make([]string, len(u.regions))
	for i, r := range u.regions {
		ids[i] = r.id
	}
	return ids
}

// Render writes the message: one partial per region, each morphed in place.
func (u Update) Render(ctx context.Context, w io.Writer) error {
	for _, r := range u.regions {
		if _, err := io.WriteString(w, `<hx-partial hx-target="#`+r.id+`" hx-swap="outerMorph">`); err != nil {
			return err
		}
		if err := r.view.Render(ctx, w); err != nil {
			return err
		}
		if _, err := io.WriteString(w, "</hx-partial>"); err != nil {
			return err
		}
	}
	if err := say1(w, "polite", u.polite); err != nil {
		return err
	}
	return say1(w, "assertive", u.assertive)
}

func say1(w io.Writer, id string, lines []string) error {
	if len(lines) == 0 {
		return nil
	}
	_, err := io.WriteString(w, `<hx-partial hx-target="#`+id+`" hx-swap="innerHTML"><p>`+templ.EscapeString(strings.Join(lines, " "))+`</p></hx-partial>`)
	return err
}

// DeskUpdate is what a stream sends when the desk went from prev to next. A
// nil prev is a stream that has just begun: everything is sent, nothing is said.
func DeskUpdate(prev *Desk, next Desk) Update {
	if prev == nil {
		return Update{regions: next.regions()}
	}
	u := Update{regions: changed(prev.regions(), next.regions())}
	u.polite, u.assertive = spoken(*prev, next)
	return u
}

// FlashUpdate is the answer to an action that came to nothing: a sentence near
// the joint, and the same words aloud.
func FlashUpdate(p Problem) Update {
	d := NewDesk(board.Snapshot{}, time.Time{}, Options{})
	return Update{
		regions:   []region{{"flash", nil, flash(&p, d.view())}},
		assertive: []string{p.head().String(), p.body().String()},
	}
}

// Beat is the data of a heartbeat event: RingCentral's clock now, and when the
// feed last heard of it, in Unix milliseconds.
func Beat(f board.Feed, now int64) string {
	return `{"now":` + strconv.FormatInt(now, 10) + `,"heard":` + strconv.FormatInt(ms(f.Heard), 10) + `}`
}

// spoken is what the two live regions say of a change: what a person must hear
// at once, and what can wait for a pause.
func spoken(prev, next Desk) (polite, assertive []string) {
	say := func(list *[]string, t Text) {
		if s := t.At(next.Now, next.Options.Zone); s != "" {
			*list = append(*list, s)
		}
	}
	if next.Customer.Ringing && (!prev.Customer.Ringing || prev.Customer.Session != next.Customer.Session) {
		polite = append(polite, next.Customer.Who.Label()+" rings.")
	}
	for _, o := range next.Others {
		if o.Jack.Kind == JackRing && !hasOther(prev.Others, o.Session) && prev.Customer.Session != o.Session {
			polite = append(polite, o.Who.Label()+" rings.")
		}
	}
	if next.Consult.Jack.Kind == JackRing && prev.Consult.Session != next.Consult.Session {
		polite = append(polite, next.Consult.Who.Label()+": the phone rings.")
	}
	if next.Joint.Kind != prev.Joint.Kind || next.Joint.Line.String() != prev.Joint.Line.String() {
		switch next.Joint.Kind {
		case JointReady:
			if prev.Joint.Kind != JointReady {
				polite = append(polite, "Ready: "+next.Joint.Line.String()+".")
			}
		case JointSteps, JointJoined:
			say(&polite, next.Joint.Title)
			say(&polite, next.Joint.Line)
		case JointOff:
			if next.Joint.Pick && !prev.Joint.Pick {
				polite = append(polite, "Choose both ends.")
			}
		case JointLocked, JointStale, JointUnconfirmed, JointGuide, JointNone:
		}
	}
	if next.Customer.Alarm && !prev.Customer.Alarm {
		say(&assertive, next.Reason.Head)
		say(&assertive, next.Reason.Text)
	}
	if len(next.Bar.Head) > 0 && len(prev.Bar.Head) == 0 {
		say(&assertive, next.Bar.Head)
		say(&assertive, next.Bar.Body)
	}
	for _, n := range next.allNotes() {
		if prev.hasNote(n) {
			continue
		}
		list := &polite
		if n.Kind != NotePlain {
			list = &assertive
		}
		say(list, n.Head)
		say(list, n.Body)
	}
	return polite, assertive
}

func hasOther(list []OtherCall, session string) bool {
	for _, o := range list {
		if o.Session == session {
			return true
		}
	}
	return false
}

func (d Desk) allNotes() []Note {
	var all []Note
	for _, list := range [][]Note{d.Bar.Denied, d.Verdict, d.Customer.Notes, d.Consult.Notes, d.Notices} {
		all = append(all, list...)
	}
	return all
}

func (d Desk) hasNote(n Note) bool {
	for _, o := range d.allNotes() {
		if o.Code == n.Code && o.At == n.At {
			return true
		}
	}
	return false
}
