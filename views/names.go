package views

import (
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/static"
)

// End is how a finished transfer ended.
type End = board.End

func (p Problem) head() Text { h, _ := problemSentence(p); return h }
func (p Problem) body() Text { _, b := problemSentence(p); return b }

// pressable reports whether a press on Complete is sent.
func (j Joint) pressable() bool {
	switch j.Kind {
	case JointReady, JointStale, JointUnconfirmed:
		return true
	case JointNone, JointGuide, JointOff, JointLocked, JointSteps, JointJoined:
	}
	return false
}

func jointWord(k JointKind) string {
	return [...]string{"none", "guide", "off", "ready", "stale", "locked", "steps", "joined", "unconfirmed"}[k]
}

func bayWord(k BayKind) string {
	return [...]string{"none", "idle", "reading", "leg", "empty", "pick"}[k]
}

func bayClass(b Bay) string {
	switch {
	case b.Kind == BayLeg && b.Alarm && b.Party == "":
		return "bay-alarm bay-lost"
	case b.Kind == BayLeg && b.Alarm:
		return "bay-alarm"
	case b.Kind == BayLeg && b.Ringing:
		return "bay-ringing"
	case b.Kind == BayLeg && b.Joined:
		return "bay-leg bay-joined"
	case b.Kind == BayLeg && b.Stale:
		return "bay-leg bay-stale"
	}
	return "bay-" + bayWord(b.Kind)
}

func plateClass(k PlateKind) string {
	return [...]string{"plate-outline", "plate-solid", "plate-dashed", "plate-jade", "plate-red"}[k]
}

func stepClass(s StepState) string {
	return [...]string{"step-next", "step-now", "step-done"}[s]
}

func shownWord(show bool) string {
	if show {
		return "shown"
	}
	return "none"
}

// taut leaves the slack cord to the guide and the cut one to the reason line:
// beside a bay they run straight.
func taut(k CordKind) CordKind {
	if k == CordSlack {
		return CordSolid
	}
	return k
}

func pictKind(e board.End) string {
	switch e {
	case board.EndJoined:
		return "joined"
	case board.EndBack:
		return "back"
	case board.EndLost:
		return "lost"
	case board.EndUnconfirmed:
		return "unconfirmed"
	case board.EndRefused, board.EndFailed, board.EndAbandoned:
	}
	return "failed"
}

func tabIcon(t Tab) string { return static.URL(t.Icon) }

func (d Desk) title() string { return d.Tab.title(d.Now) }

// title is what the tab says at now: "1:42 Dana on hold", "! 2:10 Dana alone".
func (t Tab) title(now time.Time) string {
	s := t.Words
	if t.Since != 0 {
		s = mmss(now.Sub(time.UnixMilli(t.Since))) + " " + s
	}
	if t.Alarm {
		s = "! " + s
	}
	return s
}

func (v view) clockTime(at int64) string { return hm(time.UnixMilli(at), v.zone) }

func (v view) statusAge(s Status) string {
	return age(v.now.Sub(time.UnixMilli(s.Heard)))
}

func (v view) since(at int64) string { return mmss(v.now.Sub(time.UnixMilli(at))) }

// plainView renders the sentences of pages without a clock.
func plainView() view { return view{zone: time.UTC} }

func deniedHead(d board.Denied) Text { h, _ := deniedSentence(d); return h }
func deniedBody(d board.Denied) Text { _, b := deniedSentence(d); return b }

// holdJack is the glyph at the customer's end of a track.
func holdJack(r WallRow) JackKind {
	if r.Class == RowJoined {
		return JackDone
	}
	return JackHold
}

// lower is the state as a fact among others: "talking with you".
func (p Plate) lower() string {
	if p.More == "" {
		return strings.ToLower(p.Word)
	}
	return strings.ToLower(p.Word + " " + p.More)
}
