package desk

import (
	"cmp"
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/telephony"
)

const (
	teamReads     = 10 // session reads a minute for colleagues' cards
	presencesEach = 30 // extensions of one presence request
)

// team is the colleagues a supervisor may monitor, each watched through the
// supervisor's own subscription.
type team struct {
	groups  []string
	members map[string]*member // by extension id
	read    []time.Time        // session reads of the last minute
	shown   board.Team
}

type member struct {
	watch  *board.Watch
	groups []string
	why    string // why RingCentral does not report this colleague
}

func (t *team) refused(extensionID, reason string) {
	if m := t.members[extensionID]; m != nil {
		m.why = cmp.Or(reason, "refused")
	}
}

// believe forgets who was refused: a new subscription says so again.
func (t *team) believe() {
	for _, m := range t.members {
		m.why = ""
	}
}

// roster is a team as RingCentral's call monitoring groups tell it.
type roster struct {
	groups  []string
	members map[string]*member
}

// loadTeam reads whom the person may monitor: at sign-in, every five minutes
// and when the team page is opened. then may be nil.
func (d *desk) loadTeam(then func(error)) {
	d.later(d.cfg.Timing.TeamRefresh, func() { d.loadTeam(nil) })
	d.refreshTeam(then)
}

func (d *desk) refreshTeam(then func(error)) {
	account, me := d.person.AccountID, d.person.ExtensionID
	d.async(func(ctx context.Context) func() {
		// However often the page is opened: filters and presses need the Medium group too.
		r, err := readRoster(rc.Background(ctx), d.caller, account, me, d.cfg.Timing.Board)
		if err == nil && len(r.members) > 0 {
			d.awaitDirectory(ctx)
		}
		return func() {
			switch {
			case err == nil:
				d.allow(whatTeam)
				d.rosterRead = d.now()
				d.setTeam(r)
			case refusedRight(err):
				d.deny(whatTeam, err)
				d.setTeam(roster{})
			default:
				d.log.Info("monitoring groups not read", "err", err)
				if !d.rosterDue { // however often a page asked meanwhile
					d.rosterDue = true
					d.later(d.again(err, d.cfg.Timing.TeamAgain), func() {
						d.rosterDue = false
						d.refreshTeam(nil)
					})
				}
			}
			if then != nil {
				d.step()
				then(err)
			}
		}
	})
}

func readRoster(ctx context.Context, caller *rc.Caller, account, me string, timing board.Timing) (roster, error) {
	groups, err := caller.MonitoringGroups(ctx, me)
	if err != nil {
		return roster{}, err
	}
	r := roster{members: map[string]*member{}}
	for _, g := range groups {
		members, err := caller.GroupMembers(ctx, g.ID)
		if err != nil {
			return roster{}, err
		}
		if !slices.ContainsFunc(members, func(m rc.Member) bool { return m.ExtensionID == me && m.Monitoring }) {
			continue
		}
		r.groups = append(r.groups, g.Name)
		for _, m := range members {
			if m.ExtensionID == me || !m.Monitored {
				continue
			}
			known := r.members[m.ExtensionID]
			if known == nil {
				known = &member{watch: board.NewWatch(board.Owner{AccountID: account, ExtensionID: m.ExtensionID, ExtensionNumber: m.Number}, timing)}
				r.members[m.ExtensionID] = known
			}
			known.groups = append(known.groups, g.Name)
		}
	}
	if len(r.members) == 0 {
		return roster{}, nil
	}
	return r, nil
}

// nameTeam names the colleagues as the directory does; who is not in it keeps the
// name that they had.
func (d *desk) nameTeam() {
	if d.team == nil {
		return
	}
	for id, m := range d.team.members {
		if e, ok := d.cfg.directory.Lookup(d.person.AccountID, id); ok {
			m.watch.Name(cmp.Or(e.Number, m.watch.State.Owner().ExtensionNumber), e.Name)
		}
	}
}

// setTeam takes a roster over: colleagues who stay keep their boards.
func (d *desk) setTeam(r roster) {
	if len(r.members) == 0 {
		if d.team != nil {
			d.revision++
			d.sendTeam(board.Team{Owner: owner(d.person), Revision: d.revision, At: d.now(), Over: true})
		}
		d.team = nil
		d.group.Store(nil)
		return
	}
	old := d.team
	d.team = &team{groups: r.groups, members: r.members}
	var fresh []string
	for id, m := range r.members {
		if old != nil && old.members[id] != nil {
			number := m.watch.State.Owner().ExtensionNumber
			was := old.members[id]
			m.watch, m.why = was.watch, was.why
			m.watch.Name(number, m.watch.State.Owner().Name)
			continue
		}
		fresh = append(fresh, id)
	}
	if old != nil {
		d.team.read, d.team.shown = old.read, old.shown
	}
	d.nameTeam()
	d.listTeam(fresh)
}

// again is how long to wait before what failed is tried again.
func (d *desk) again(err error, least time.Duration) time.Duration {
	if e, ok := errors.AsType[*rc.Error](err); ok {
		return max(e.RetryAfter, least)
	}
	return least
}

// resyncTeam reads all colleagues' presence again after a gap.
func (d *desk) resyncTeam() {
	if d.team == nil {
		return
	}
	d.listTeam(slices.Collect(maps.Keys(d.team.members)))
}

// listTeam reads presence of colleagues, 30 a request: that is where their
// boards start from. What could not be read now is read later.
func (d *desk) listTeam(ids []string) {
	ids = slices.DeleteFunc(ids, func(id string) bool { return d.team == nil || d.team.members[id] == nil })
	slices.Sort(ids)
	for chunk := range slices.Chunk(ids, presencesEach) {
		marks := map[string]map[string]int64{}
		for _, id := range chunk {
			marks[id] = d.team.members[id].watch.State.Marks()
		}
		d.async(func(ctx context.Context) func() {
			all, err := d.caller.Presences(rc.Background(ctx), chunk)
			return func() {
				switch {
				case err == nil:
					for _, p := range all {
						d.listed(p, marks[p.ExtensionID])
					}
				case refusedRight(err):
					d.deny(whatPresence, err)
				default:
					d.log.Info("colleagues' presence not read", "err", err)
					d.later(d.again(err, d.cfg.Timing.ResyncAgain), func() { d.listTeam(chunk) })
				}
			}
		})
	}
}

// listed starts a colleague's board from their presence, or mends it after a gap.
func (d *desk) listed(p telephony.Presence, marks map[string]int64) {
	if d.team == nil {
		return
	}
	if m := d.team.members[p.ExtensionID]; m != nil {
		m.watch.State.Reconcile(p, marks, d.now())
	}
}

// stepTeam moves the colleagues' boards, reads the few calls that a card must
// explain, and shows the team when it changed.
func (d *desk) stepTeam(now time.Time, sooner func(time.Time)) {
	t := d.team
	if t == nil {
		return
	}
	shown := board.Team{Owner: owner(d.person), At: now, Feed: d.showFeed(), Groups: t.groups, Denied: d.denied}
	for _, m := range t.members {
		m.watch.State.Prune(now)
		m.watch.Step(now)
		if at, ok := m.watch.State.NextChange(now); ok {
			sooner(at)
		}
		if at, ok := m.watch.JoinedUntil(); ok {
			sooner(at.Add(time.Millisecond))
		}
		d.explain(m.watch, now, sooner)
		row := m.watch.Member(now)
		row.Board = withoutReads(row.Board)
		row.Groups, row.Reported, row.Why = m.groups, m.why == "", m.why
		shown.Members = append(shown.Members, row)
	}
	slices.SortFunc(shown.Members, func(a, b board.Member) int {
		return cmp.Or(strings.Compare(a.Owner.Name, b.Owner.Name), strings.Compare(a.Owner.ExtensionID, b.Owner.ExtensionID))
	})
	last := t.shown
	last.Revision, last.At, last.Feed.Heard, last.Feed.Ahead = shown.Revision, shown.At, shown.Feed.Heard, shown.Feed.Ahead
	if d.group.Load() != nil && reflect.DeepEqual(last, shown) {
		return
	}
	d.revision++
	shown.Revision = d.revision
	t.shown = shown
	d.group.Store(&shown)
	d.sendTeam(shown)
}

// explain reads a colleague's consult, at most ten reads a minute for all of
// them and after the person's own: whether its far side answered is the one
// thing that the colleague's own events do not tell.
func (d *desk) explain(w *board.Watch, now time.Time, sooner func(time.Time)) {
	p := w.Pairing.Pair
	if p == nil {
		return
	}
	k, ok := w.Board.Leg(p.ConsultSession)
	if !ok || !k.Alive() || k.Far.State == board.FarAnswered {
		return
	}
	for _, want := range w.State.Wants() {
		if want.SessionID != p.ConsultSession {
			continue
		}
		if want.At.After(now) {
			sooner(want.At)
			return
		}
		t := d.team
		t.read = slices.DeleteFunc(t.read, func(at time.Time) bool { return now.Sub(at) > d.cfg.Timing.TeamWindow })
		if len(t.read) >= teamReads || d.reads >= maxReads || d.caller.Remaining(rc.Light) < lightReserve {
			sooner(now.Add(d.cfg.Timing.ResyncAgain))
			return
		}
		t.read = append(t.read, now)
		d.read(w, want.SessionID, true, nil)
		return
	}
}

// filterExtension is the extension that a filter is about, "" for the account.
func filterExtension(filter string) string {
	_, rest, ok := strings.Cut(filter, "/extension/")
	if !ok {
		return ""
	}
	id, _, _ := strings.Cut(rest, "/")
	return id
}
