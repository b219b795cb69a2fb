package views

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/board"
)

// Team is everything that a supervisor's page shows at one moment.
type Team struct {
	Stream   string // URL of the page's stream, which names whose page it is
	Options  Options
	Now      time.Time
	Revision uint64
	Status   Status
	Groups   string
	Bar      Bar
	Say      TeamSay
	Rows     []WallRow
	Tiles    []Tile
	Summary  string
}

// TeamSay is the sentence above the rows: the one thing to know, then the rest.
type TeamSay struct{ Head, Rest Text }

// RowClass orders the rows of the wall.
type RowClass uint8

// The classes, first on top; a joined one goes last.
const (
	RowAlone RowClass = iota
	RowTooLong
	RowLong
	RowWaiting
	RowJoined
)

// WallRow is one customer on hold, or one that was just joined.
type WallRow struct {
	ID       string
	Class    RowClass
	Clock    Clock
	Customer Person
	Queue    string
	Stop     int // how far the cord reaches: 0 on hold … 4 joined
	Far      Jack
	To       Person
	HasTo    bool
	ToState  Text
	Agent    Person
}

// Tile is one colleague.
type Tile struct {
	ID      string
	Who     Person
	Jack    Jack
	Word    string
	Since   int64
	AtLeast bool
	Kind    TileKind
	Why     string
}

// TileKind is the outline of a tile.
type TileKind uint8

// The outlines.
const (
	TileBusy  TileKind = iota // solid: on a call
	TileFree                  // dashed
	TileBlind                 // none: not reported
	TileAlone                 // red: the customer is alone
)

// NewTeam makes the team page's model, as it is at now.
func NewTeam(t board.Team, now time.Time, o Options) Team {
	o = o.filled()
	b := builder{s: board.Snapshot{Owner: t.Owner, Feed: t.Feed, Denied: t.Denied}, now: now, o: o, stale: t.Feed.Stale(now)}
	out := Team{Options: o, Now: now, Revision: t.Revision, Status: b.status(), Bar: b.bar(), Stream: b.stream("/team/stream")}
	groups := make([]string, 0, len(t.Groups))
	for _, g := range t.Groups {
		groups = append(groups, CleanName(g))
	}
	out.Groups = strings.Join(groups, ", ")
	for _, m := range t.Members {
		out.Tiles = append(out.Tiles, b.tile(m))
		if r, ok := b.row(m); ok {
			out.Rows = append(out.Rows, r)
		}
	}
	slices.SortStableFunc(out.Rows, func(x, y WallRow) int {
		return cmp.Or(cmp.Compare(x.Class, y.Class), cmp.Compare(x.Clock.Since, y.Clock.Since))
	})
	out.Say = b.teamSay(out.Rows, len(t.Members))
	out.Summary = tileSummary(t.Members)
	return out
}

// TeamChange is when the model changes by itself, counted from now: when a
// customer passes a limit, a joined row goes, or the feed turns stale. Zero
// means never.
func TeamChange(t board.Team, now time.Time, o Options) time.Duration {
	o = o.filled()
	var next time.Duration
	at := func(when time.Time) {
		if d := when.Sub(now); d > 0 && (next == 0 || d < next) {
			next = d
		}
	}
	if t.Feed.State == board.FeedLive {
		at(t.Feed.StaleAt().Add(time.Millisecond))
	}
	for _, m := range t.Members {
		if l, ok := heldLeg(m); ok {
			at(l.Held.Time.Add(o.Limits.Long))
			at(l.Held.Time.Add(o.Limits.TooLong))
		}
		if m.Last != nil {
			at(m.Last.At.Add(rowJoinedFor))
		}
	}
	return next
}

// rowJoinedFor is how long a joined row stays on the wall.
const rowJoinedFor = 30 * time.Second

// heldLeg is the customer of a colleague that waits on hold: the pair's, else
// the one that waits longest.
func heldLeg(m board.Member) (board.Leg, bool) {
	if m.Pair != nil {
		if l, ok := m.Board.Leg(m.Pair.CustomerSession); ok && l.OnHold() {
			return l, true
		}
	}
	var best board.Leg
	for _, l := range m.Board.Legs {
		if l.OnHold() && (best.SessionID == "" || l.Held.Time.Before(best.Held.Time)) {
			best = l
		}
	}
	return best, best.SessionID != ""
}

func (b *builder) row(m board.Member) (WallRow, bool) {
	agent := NewPerson(m.Owner.Name, m.Owner.ExtensionNumber)
	if m.Last != nil && b.now.Sub(m.Last.At) < rowJoinedFor {
		if _, held := heldLeg(m); !held {
			return joinedRow(m, agent), true
		}
	}
	l, ok := heldLeg(m)
	if !ok {
		return WallRow{}, false
	}
	r := WallRow{
		ID: "row-" + m.Owner.ExtensionID, Class: RowWaiting, Customer: farPerson(l.Far), Queue: CleanName(l.Queue), Agent: agent,
		Clock: Clock{Since: ms(l.Held.Time), AtLeast: l.Held.AtLeast, Hold: true, Big: true},
	}
	if b.stale {
		r.Clock.Stopped, r.Clock.Value = true, b.s.Feed.Heard.Sub(l.Held.Time)
	}
	waits := b.now.Sub(l.Held.Time)
	switch {
	case m.Stage == board.StageAlone:
		r.Class = RowAlone
	case waits >= b.o.Limits.TooLong:
		r.Class = RowTooLong
	case waits >= b.o.Limits.Long:
		r.Class = RowLong
	}
	r.Far = Jack{Kind: JackFree, Square: true, Dashed: true}
	if k, ok := consultOf(m, l); ok {
		b.consultRow(&r, k)
	}
	return r, true
}

// consultOf is the call by which a colleague consults about a held customer.
func consultOf(m board.Member, held board.Leg) (board.Leg, bool) {
	if m.Pair != nil && m.Pair.CustomerSession == held.SessionID {
		if k, ok := m.Board.Leg(m.Pair.ConsultSession); ok {
			return k, true
		}
	}
	for _, k := range m.Board.Legs {
		if k.Alive() && board.Takes(held, k) {
			return k, true
		}
	}
	return board.Leg{}, false
}

func (b *builder) consultRow(r *WallRow, k board.Leg) {
	r.To, r.HasTo = farPerson(k.Far), true
	st := b.legState(k, r.To)
	r.Far = st.jack
	r.Far.Square = true
	r.Stop = 1
	word := st.plate.Word
	if k.Far.State == board.FarAnswered {
		r.Stop, word = 2, clockTalking
	}
	r.Far.Dashed = r.Far.Dashed || k.Far.State == board.FarRinging
	a := args{"word": strings.ToLower(word), "clock": clockRun(time.UnixMilli(st.clock.Since))}
	switch {
	case k.Far.State == board.FarVoicemail:
		r.ToState = say("voicemail {clock}", a)
		r.Far.Red = true
	case st.clock.Since == 0 || b.stale:
		r.ToState = say("{word}", a)
	default:
		r.ToState = say("{word} {clock}", a)
	}
}

func joinedRow(m board.Member, agent Person) WallRow {
	j := m.Last
	r := WallRow{
		ID: "row-" + m.Owner.ExtensionID, Class: RowJoined, Customer: farPerson(j.Customer.Far), Queue: CleanName(j.Customer.Queue), Agent: agent,
		To: farPerson(j.Consult.Far), HasTo: true, Stop: 4, Far: Jack{Kind: JackDone, Square: true},
		ToState: say("joined {at}", args{"at": timeRun(j.At)}),
		Clock:   Clock{Since: ms(j.At), Stopped: true, Value: j.Customer.HeldFor(j.At), AtLeast: j.Customer.Held.AtLeast, Big: true},
	}
	return r
}

func (b *builder) tile(m board.Member) Tile {
	t := Tile{
		ID: "tile-" + m.Owner.ExtensionID, Who: NewPerson(m.Owner.Name, m.Owner.ExtensionNumber), Word: stageWord(m.Stage),
		Since: ms(m.Since.Time), AtLeast: m.Since.AtLeast, Kind: TileBusy,
	}
	if !m.Reported {
		t.Kind, t.Word, t.Since, t.Why = TileBlind, teamBlind, 0, strings.TrimSuffix(teamNoEvents, ".")+bracketed(CleanName(m.Why)).Words+"."
		t.Jack = Jack{Kind: JackUnknown, Dashed: true}
		return t
	}
	switch m.Stage {
	case board.StageFree:
		t.Kind, t.Jack = TileFree, Jack{Kind: JackFree}
	case board.StageTalking:
		t.Jack = Jack{Kind: JackTalk}
	case board.StageRinging:
		t.Jack = Jack{Kind: JackRing}
	case board.StageHolding:
		t.Jack = Jack{Kind: JackHold}
	case board.StageConsultRinging:
		t.Jack = Jack{Kind: JackRing, Square: true}
	case board.StageConsulting:
		t.Jack = Jack{Kind: JackTalk, Square: true}
	case board.StageAlone:
		t.Kind, t.Jack = TileAlone, Jack{Kind: JackHold, Red: true}
	case board.StageJoined:
		t.Jack = Jack{Kind: JackDone}
	}
	return t
}

// teamSay is the one thing to know: who is alone, else who waits too long.
func (b *builder) teamSay(rows []WallRow, members int) TeamSay {
	if members == 0 {
		return TeamSay{Head: say(teamNobody, nil), Rest: say(teamNobodyWhy, nil)}
	}
	waiting, late := 0, 0
	for _, r := range rows {
		if r.Class == RowJoined {
			continue
		}
		waiting++
		if b.now.Sub(time.UnixMilli(r.Clock.Since)) >= b.o.Limits.Long {
			late++
		}
	}
	if waiting == 0 {
		return TeamSay{Head: say(teamCalm, nil)}
	}
	count := teamOneWaits
	if waiting > 1 {
		count = teamManyWait
	}
	a := args{"count": strconv.Itoa(waiting)}
	rest := say(count, a)
	if late > 0 {
		rest = append(rest, say(teamLate, args{"count": strconv.Itoa(late), "limit": limitWords(b.o.Limits.Long)})...)
	} else {
		rest = append(rest, Run{Words: "."})
	}
	if rows[0].Class == RowAlone {
		return TeamSay{Head: say(teamAlone, args{"who": full(rows[0].Customer)}), Rest: rest}
	}
	return TeamSay{Head: rest}
}

func limitWords(d time.Duration) string {
	if d == time.Minute {
		return "a minute"
	}
	return minutes(d)
}

// tileSummary counts the people by what they do: "6 with customers, 2 free".
func tileSummary(members []board.Member) string {
	with, free, blind := 0, 0, 0
	for _, m := range members {
		switch {
		case !m.Reported:
			blind++
		case m.Stage == board.StageFree:
			free++
		default:
			with++
		}
	}
	parts := []string{strconv.Itoa(with) + " on calls", strconv.Itoa(free) + " free"}
	if blind > 0 {
		parts = append(parts, strconv.Itoa(blind)+" not reported")
	}
	return strings.Join(parts, ", ")
}

func (t Team) view() view { return view{now: t.Now, zone: t.Options.Zone, limits: t.Options.Limits} }

func (t Team) regions() []region {
	v := t.view()
	st := t.Status
	st.Heard = 0
	if t.Status.Old {
		st.Heard = t.Status.Heard
	}
	out := []region{
		{"status", st, status(t.Status, v)},
		{"bar", t.Bar, bar(t.Bar, v)},
		{"team-say", t.Say, teamSay(t.Say, v)},
		{"summary", t.Summary, teamSummary(t.Summary)},
	}
	for _, r := range t.Rows {
		out = append(out, region{r.ID, r, wallRow(r, v)})
	}
	for _, tile := range t.Tiles {
		out = append(out, region{tile.ID, tile, tileOf(tile, v)})
	}
	return out
}

// order names what stands on the wall, in order.
func (t Team) order() []string {
	var ids []string
	for _, r := range t.Rows {
		ids = append(ids, r.ID)
	}
	for _, tile := range t.Tiles {
		ids = append(ids, tile.ID)
	}
	return ids
}

// TeamUpdate is what a stream sends when the team went from prev to next: one
// region per row and tile, the whole wall when a row comes, goes or moves.
func TeamUpdate(prev *Team, next Team) Update {
	wall := region{"wall", nil, wallRows(next.Rows, next.view())}
	people := region{"people", nil, tiles(next.Tiles, next.view())}
	if prev == nil {
		return Update{regions: append(next.regions()[:4:4], wall, people)}
	}
	var u Update
	same := slices.Equal(prev.order(), next.order())
	for _, r := range changed(prev.regions(), next.regions()) {
		if same || !strings.HasPrefix(r.id, "row-") && !strings.HasPrefix(r.id, "tile-") {
			u.regions = append(u.regions, r)
		}
	}
	if !same {
		u.regions = append(u.regions, wall, people)
	}
	if h := next.Say.Head.String(); h != prev.Say.Head.String() {
		if len(next.Rows) > 0 && next.Rows[0].Class == RowAlone {
			u.assertive = append(u.assertive, h)
		} else {
			u.polite = append(u.polite, h)
		}
	}
	return u
}

func tileClass(k TileKind) string {
	return [...]string{"tile-busy", "tile-free", "tile-blind", "tile-alone"}[k]
}

func rowWord(c RowClass) string {
	return [...]string{"alone", "toolong", "long", "waiting", "joined"}[c]
}

// stopX is where the far jack rides on a track, as an SVG length.
func stopX(stop int) string { return strconv.Itoa(stop*25) + "%" }
