package board

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Bounds of what a State remembers.
const (
	maxObservations = 64 // per party; the oldest is folded into the base
	maxRaced        = 2  // reads thrown away before the leg is called unsure
)

// State is the reducer of one extension: everything reported of its calls. It
// is not safe for concurrent use; its owner is one goroutine.
//
// Events are patches and may arrive in any order and number: per party they are
// kept by sequence and folded in that order. A session read has no sequence: it
// is an observation at the highest sequence applied when it was requested, and
// counts only when that was still the highest when the answer came.
type State struct {
	owner    Owner
	timing   Timing
	sessions map[string]*session
	unknown  map[string]int
	reads    uint64 // begun so far: orders them, whatever the clock did
}

type session struct {
	id, origin string
	began      time.Time
	parties    []*party // by n, then id
	sequence   int64    // highest applied
	read       reading
	shown      bool      // its leg was on a board, alive
	over       time.Time // when a board first showed that the leg is over; zero while it lives
}

// reading is what is known of the reads of one session.
type reading struct {
	due       bool      // something happened that only a read can tell
	listed    bool      // the owner is said, or was said until now, to be in the call: it is read although their party is over
	notBefore time.Time // after a failed read
	inFlight  bool
	raced     int       // reads in a row that an event overtook
	unsure    bool      // raced too often
	failed    int       // failed in a row
	tried     time.Time // when the last read was requested, whatever became of it
	order     uint64    // of the last applied read
	sequence  int64     // highest applied when it was
	requested time.Time // of the last applied read
	answered  time.Time // of the last applied read; zero = never read
}

type party struct {
	id       string
	n        int
	base     fold
	baseLast observation // the newest observation in base: what is not after it comes too late
	trimmed  bool
	observed []observation // by sequence, reads after events
	folded   fold          // base and observed, in order
}

// observation is one patch of a party, from an event or from a read.
type observation struct {
	sequence int64
	read     bool
	order    uint64 // of a read: its number
	at       time.Time
	absent   bool // a read did not list the party
	patch    telephony.Party
}

// fold is the outcome of a run of observations.
type fold struct {
	party    telephony.Party
	seen     bool
	since    Since
	answered Since
	held     Since
	unheld   time.Time // end of the last hold; zero while on hold
	ended    time.Time
	final    bool // an event or a listed status ended it: absorbing
}

// NewState returns the reducer of one extension with no calls.
func NewState(owner Owner, timing Timing) *State {
	return &State{owner: owner, timing: timing.Filled(), sessions: map[string]*session{}, unknown: map[string]int{}}
}

// Owner returns the extension whose calls are reduced.
func (s *State) Owner() Owner { return s.owner }

// UnknownWords counts the state words that this version does not know.
func (s *State) UnknownWords() map[string]int { return maps.Clone(s.unknown) }

// Knows reports whether the session was reported before.
func (s *State) Knows(sessionID string) bool {
	sess := s.sessions[sessionID]
	return sess != nil && !s.strange(sess)
}

// Apply folds one event. It reports false for an event that changes nothing:
// a duplicate, or one about a call in which the owner has no part.
func (s *State) Apply(e telephony.Event) bool {
	if e.SessionID == "" {
		return false
	}
	own := false
	for i := range e.Parties {
		if s.owns(ownerOf(e, i)) {
			own = true
		}
	}
	sess := s.sessions[e.SessionID]
	if sess == nil {
		sess = s.add(e.SessionID)
	}
	if sess.origin == "" {
		sess.origin = e.Origin
	}
	at := cmp.Or(e.At, e.Sent, time.Unix(0, 0).UTC()) // an end must have a time
	if sess.began.IsZero() || at.Before(sess.began) {
		sess.began = at
	}
	changed := false
	for i, p := range e.Parties {
		if p.ID == "" {
			continue
		}
		p.ExtensionID = ownerOf(e, i)
		if !sess.party(p.ID).observe(observation{sequence: e.Sequence, at: at, patch: p}) {
			continue
		}
		changed = true
		if p.Status.Word != "" && p.Status.Code == telephony.CodeUnknown {
			s.unknown[p.Status.Word]++
		}
	}
	if !changed {
		return false
	}
	sess.sequence = max(sess.sequence, e.Sequence)
	if s.strange(sess) {
		return false // kept for a while: the owner's own event may be late
	}
	if own || (!sess.read.answered.IsZero() && at.Before(sess.read.requested)) {
		sess.read.due = true
		sess.read.notBefore = time.Time{}
	}
	return true
}

// ownerOf is the extension that owns a party of an event: the party's own word,
// else the filter that a single party came through.
func ownerOf(e telephony.Event, i int) string {
	if id := e.Parties[i].ExtensionID; id != "" || len(e.Parties) > 1 {
		return id
	}
	return e.ExtensionID
}

func (s *State) owns(extensionID string) bool {
	return extensionID != "" && extensionID == s.owner.ExtensionID
}

func (s *State) add(sessionID string) *session {
	sess := &session{id: sessionID}
	s.sessions[sessionID] = sess
	return sess
}

// Learn notes that a session exists, from presence or an active-calls list; it
// is on the board once it was read.
func (s *State) Learn(sessionID string) {
	if sessionID == "" {
		return
	}
	sess := s.sessions[sessionID]
	if sess == nil {
		sess = s.add(sessionID)
	}
	sess.read.due, sess.read.listed = true, true
	sess.read.notBefore = time.Time{}
}

// Observe notes the calls that a presence lists: a call that was not reported
// yet, or that the owner had left, gets the owner's party in the state that
// presence gives it, first seen by a read. It returns the sessions listed.
func (s *State) Observe(p telephony.Presence, now time.Time) []string {
	s.reads++
	var listed []string
	for _, call := range p.ActiveCalls {
		code, ok := presenceCode(call.TelephonyStatus)
		if call.SessionID == "" || !ok {
			continue
		}
		listed = append(listed, call.SessionID)
		sess := s.sessions[call.SessionID]
		if call.PartyID == "" || s.Knows(call.SessionID) && !sess.back(s, call.PartyID) {
			continue
		}
		if sess == nil {
			sess = s.add(call.SessionID)
			sess.began = cmp.Or(call.Started, now)
		}
		queue := call.QueueCall
		sess.party(call.PartyID).observe(observation{read: true, order: s.reads, at: now, patch: telephony.Party{
			ID: call.PartyID, ExtensionID: s.owner.ExtensionID, Direction: call.Direction,
			From:      telephony.Endpoint{PhoneNumber: call.From, Name: call.FromName},
			To:        telephony.Endpoint{PhoneNumber: call.To, Name: call.ToName},
			Status:    telephony.Status{Code: code, Word: code.String()},
			QueueCall: &queue,
		}})
	}
	return listed
}

// back reports whether the owner, whose party is over, is in the call again as
// another party: it was transferred away, and back.
func (sess *session) back(s *State, partyID string) bool {
	known := slices.ContainsFunc(sess.parties, func(p *party) bool { return p.id == partyID })
	mine := sess.mine(s)
	return !known && mine != nil && !mine.folded.ended.IsZero()
}

// presenceCalls is how many calls a presence lists at most.
const presenceCalls = 7

// Marks is what is known of each live session now; a presence requested now is
// compared with it by Reconcile.
func (s *State) Marks() map[string]int64 {
	marks := map[string]int64{}
	for id, sess := range s.sessions {
		if p := sess.mine(s); p != nil && p.folded.ended.IsZero() {
			marks[id] = sess.sequence
		}
	}
	return marks
}

// Reconcile is Observe for a board that may have missed events: a call of marks
// that no event touched since gets the state that presence gives it, or is over
// when presence no longer lists it.
func (s *State) Reconcile(p telephony.Presence, marks map[string]int64, now time.Time) {
	s.reads++
	listed := map[string]telephony.Code{}
	for _, call := range p.ActiveCalls {
		if code, ok := presenceCode(call.TelephonyStatus); ok {
			listed[call.SessionID] = code
		}
	}
	for id, sequence := range marks {
		sess := s.sessions[id]
		if sess == nil || sess.sequence != sequence {
			continue
		}
		mine := sess.mine(s)
		code, ok := listed[id]
		switch {
		case mine == nil:
		case ok:
			mine.observe(observation{sequence: sequence, read: true, order: s.reads, at: now, patch: telephony.Party{
				ID: mine.id, Status: telephony.Status{Code: code, Word: code.String()},
			}})
		case len(p.ActiveCalls) < presenceCalls:
			mine.observe(observation{sequence: sequence, read: true, order: s.reads, at: now, absent: true})
		}
	}
	s.Observe(p, now)
}

// presenceCode is the party state behind a telephonyStatus of presence.
func presenceCode(word string) (telephony.Code, bool) {
	switch word {
	case "Ringing":
		return telephony.Proceeding, true
	case "CallConnected":
		return telephony.Answered, true
	case "OnHold":
		return telephony.Hold, true
	case "ParkedCall":
		return telephony.Parked, true
	}
	return telephony.CodeUnknown, false
}

// Owns reports whether the party is or was the owner's own in that session.
func (s *State) Owns(sessionID, partyID string) bool {
	sess := s.sessions[sessionID]
	return sess != nil && slices.ContainsFunc(sess.parties, func(p *party) bool {
		return p.id == partyID && s.owns(p.folded.party.ExtensionID)
	})
}

// Fresh reports whether the session was read within d, with nothing reported
// of it since.
func (s *State) Fresh(sessionID string, now time.Time, d time.Duration) bool {
	sess := s.sessions[sessionID]
	if sess == nil || sess.read.requested.IsZero() || sess.read.due || sess.read.inFlight || sess.read.unsure {
		return false
	}
	age := now.Sub(sess.read.requested)
	return age >= 0 && age <= d && sess.sequence == sess.read.sequence
}

// Others counts the parties of a session that live and are not the owner's.
func (s *State) Others(sessionID string) int {
	sess := s.sessions[sessionID]
	if sess == nil {
		return 0
	}
	n := 0
	for _, p := range sess.parties {
		if p.folded.seen && p.folded.ended.IsZero() && !s.owns(p.folded.party.ExtensionID) {
			n++
		}
	}
	return n
}

// Settled reports whether no live session waits for a read.
func (s *State) Settled() bool {
	for _, sess := range s.sessions {
		if (sess.read.due || sess.read.inFlight) && (sess.live(s) || sess.read.listed) {
			return false
		}
	}
	return true
}

// RereadAll asks for a read of every session with a live leg: after a gap,
// nothing on the board is sure.
func (s *State) RereadAll() {
	for _, sess := range s.sessions {
		if sess.live(s) {
			sess.read.due = true
			sess.read.notBefore = time.Time{}
		}
	}
}

// Mark is a read under way: what was known of the session when it was
// requested.
type Mark struct {
	SessionID string
	Sequence  int64
	Requested time.Time
	order     uint64
}

// StartRead marks a read that leaves now.
func (s *State) StartRead(sessionID string, now time.Time) Mark {
	sess := s.sessions[sessionID]
	if sess == nil {
		sess = s.add(sessionID)
	}
	sess.read.due = false
	sess.read.inFlight, sess.read.tried = true, now
	s.reads++
	return Mark{SessionID: sessionID, Sequence: sess.sequence, Requested: now, order: s.reads}
}

// FailRead ends a read that brought no answer; it is due again a little later.
func (s *State) FailRead(m Mark, now time.Time) {
	sess := s.sessions[m.SessionID]
	if sess == nil {
		return
	}
	sess.read.inFlight = false
	sess.read.due = true
	sess.read.notBefore = now.Add(min(s.timing.ReadAgain<<min(sess.read.failed, 4), 10*s.timing.ReadAgain))
	sess.read.failed++
}

// FinishRead applies the answer of a read: the session's parties, or found ==
// false when RingCentral no longer knows the session. It reports false when an
// event overtook the read: the answer is thrown away and the session is due
// again, at most twice; then its leg is unsure. That a call is not known which
// nothing else has ended is believed, and asked once more a little later: nobody
// would tell if it were wrong, and the customer on hold would be forgotten.
func (s *State) FinishRead(m Mark, answer telephony.Session, found bool, now time.Time) bool {
	sess := s.sessions[m.SessionID]
	if sess == nil {
		return false
	}
	r := &sess.read
	r.inFlight, r.failed = false, 0
	if m.order < r.order {
		return true // a younger read was answered first: this one is old news
	}
	if sess.sequence != m.Sequence {
		r.raced++
		r.due = r.raced <= maxRaced
		r.unsure = r.raced > maxRaced
		return false
	}
	r.raced, r.unsure, r.listed = 0, false, false
	r.order, r.sequence, r.requested, r.answered = m.order, m.Sequence, m.Requested, now
	if found {
		if answer.Origin != "" {
			sess.origin = answer.Origin
		}
		if !answer.Created.IsZero() && (sess.began.IsZero() || answer.Created.Before(sess.began)) {
			sess.began = answer.Created
		}
	}
	if sess.began.IsZero() {
		sess.began = now
	}
	if mine := sess.mine(s); !found && mine != nil && mine.folded.ended.IsZero() {
		r.due, r.listed, r.notBefore = true, true, now.Add(s.timing.ReadAgain)
	}
	listed := map[string]bool{}
	for _, p := range answer.Parties {
		if !found || p.ID == "" {
			continue
		}
		listed[p.ID] = true
		sess.party(p.ID).observe(observation{sequence: m.Sequence, read: true, order: m.order, at: now, patch: p})
	}
	for _, p := range sess.parties {
		if !listed[p.id] {
			p.observe(observation{sequence: m.Sequence, read: true, order: m.order, at: now, absent: true})
		}
	}
	if !s.part(sess) {
		delete(s.sessions, sess.id)
	}
	return true
}

// part reports whether the owner has or had a party in the session.
func (s *State) part(sess *session) bool {
	return slices.ContainsFunc(sess.parties, func(p *party) bool { return s.owns(p.folded.party.ExtensionID) })
}

// strange reports whether all that is known of the session are other people's
// parties.
func (s *State) strange(sess *session) bool { return len(sess.parties) > 0 && !s.part(sess) }

// live reports whether the owner has a live party in the session.
func (sess *session) live(s *State) bool {
	p := sess.mine(s)
	return p == nil && len(sess.parties) == 0 || p != nil && p.folded.ended.IsZero()
}

// Prune forgets sessions that ended long ago.
func (s *State) Prune(now time.Time) {
	for id, sess := range s.sessions {
		p := sess.mine(s)
		ended := p != nil && !p.folded.ended.IsZero() && now.Sub(p.folded.ended) > s.timing.KeepSession
		if ended || s.strange(sess) && !sess.read.due && !sess.read.inFlight && now.Sub(sess.began) > s.timing.KeepStranger {
			delete(s.sessions, id)
		}
	}
}

// Want is a session that should be read.
type Want struct {
	SessionID string
	At        time.Time // not before; zero = now
	Poll      bool      // a background poll for proof that the far side answered
}

// Wants lists the sessions to read, those that something happened in first.
func (s *State) Wants() []Want {
	var wants []Want
	for id, sess := range s.sessions {
		p := sess.mine(s)
		over := p != nil && !p.folded.ended.IsZero() && !moves(p.folded.party.Status.Reason)
		switch {
		case over && !sess.read.listed, sess.read.inFlight:
		case sess.read.due:
			wants = append(wants, Want{SessionID: id, At: sess.read.notBefore})
		default:
			if at, ok := sess.nextPoll(s); ok {
				wants = append(wants, Want{SessionID: id, At: at, Poll: true})
			}
		}
	}
	slices.SortFunc(wants, func(a, b Want) int {
		if a.Poll != b.Poll {
			if b.Poll {
				return -1
			}
			return 1
		}
		return cmp.Or(a.At.Compare(b.At), cmp.Compare(a.SessionID, b.SessionID))
	})
	return wants
}

// nextPoll says when a session is to be read although nothing happened in it:
// while the owner's party is connected and the far side is not proven to have
// answered, or the last reads raced.
func (sess *session) nextPoll(s *State) (time.Time, bool) {
	p := sess.mine(s)
	if p == nil || !p.folded.ended.IsZero() || p.folded.answered.IsZero() {
		return time.Time{}, false
	}
	if far := sess.far(s, p); far.State == FarAnswered && !sess.read.unsure {
		return time.Time{}, false
	}
	return pollAfter(p.folded.answered.Time, sess.read.tried, s.timing.Poll), true
}

// pollAfter is the first moment of the schedule after last. With a unit of a
// second: 1, 2, 3 and 5 s after start, every 5 s for a minute, then every 10 s.
func pollAfter(start, last time.Time, unit time.Duration) time.Time {
	at := start
	for range 3 {
		if at = at.Add(unit); at.After(last) {
			return at
		}
	}
	step, from := 5*unit, start
	if minute := start.Add(60 * unit); !last.Before(minute) {
		step, from = 10*unit, minute
	}
	return from.Add(max(last.Sub(from), 0).Truncate(step) + step)
}

// party returns the session's party with that id, made when it is new.
func (sess *session) party(id string) *party {
	for _, p := range sess.parties {
		if p.id == id {
			return p
		}
	}
	p := &party{id: id, n: partyNumber(id)}
	sess.parties = append(sess.parties, p)
	slices.SortFunc(sess.parties, func(a, b *party) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.id, b.id)) })
	return p
}

// partyNumber is the n of "p-…-n", 0 when there is none.
func partyNumber(id string) int {
	n, err := strconv.Atoi(id[strings.LastIndexByte(id, '-')+1:])
	if err != nil {
		return 0
	}
	return n
}

// observe inserts o where its sequence belongs and folds again what follows.
// It reports false for a duplicate.
func (p *party) observe(o observation) bool {
	if p.trimmed && compareObservations(o, p.baseLast) <= 0 {
		return false
	}
	at, dup := slices.BinarySearchFunc(p.observed, o, compareObservations)
	if dup {
		return false
	}
	last := at == len(p.observed)
	if o.read && at > 0 && p.observed[at-1].sameState(o) {
		// The state is the same since the read before, whose time is the better
		// one; the rest may be new.
		before := &p.observed[at-1]
		if !o.absent {
			before.patch = merge(before.patch, o.patch)
		}
	} else {
		p.observed = slices.Insert(p.observed, at, o)
	}
	if len(p.observed) > maxObservations {
		p.base, p.baseLast, p.trimmed = p.base.step(p.observed[0]), p.observed[0], true
		p.observed = slices.Delete(p.observed, 0, 1)
	}
	if last {
		p.folded = p.folded.step(o)
		return true
	}
	p.folded = p.base
	for _, o := range p.observed {
		p.folded = p.folded.step(o)
	}
	return true
}

// compareObservations orders by sequence; a read follows the events that it
// had seen. Events of one sequence are one event, unless RingCentral sent none.
func compareObservations(a, b observation) int {
	if c := cmp.Compare(a.sequence, b.sequence); c != 0 {
		return c
	}
	if a.read != b.read {
		if b.read {
			return -1
		}
		return 1
	}
	if a.read {
		return cmp.Compare(a.order, b.order)
	}
	if a.sequence == 0 {
		return a.at.Compare(b.at)
	}
	return 0
}

// sameState reports whether the later read o shows the state that the read a
// showed.
func (a observation) sameState(o observation) bool {
	return a.read && a.sequence == o.sequence && a.absent == o.absent && a.patch.Status == o.patch.Status
}

// step folds one more observation.
func (f fold) step(o observation) fold {
	start := Since{Time: o.at, AtLeast: o.read}
	if o.absent {
		// "not listed": over, unless a later observation shows it alive.
		if f.ended.IsZero() {
			f = f.end(start)
			f.party.Status = telephony.Status{Code: telephony.Disconnected, Word: telephony.Disconnected.String()}
		}
		return f
	}
	status := o.patch.Status
	if f.final {
		// "Disconnected -> …": absorbed; a second report may only say why and when.
		if status.Code.Terminal() {
			if f.party.Status.Reason == "" && status.Reason != "" {
				f.party.Status = status
			}
			if f.since.dates(start) {
				f = f.end(start)
			}
		}
		return f
	}
	before := f.party.Status
	f.party = merge(f.party, o.patch)
	f.seen = true
	if status.Word == "" {
		return f
	}
	if status.Code.Terminal() {
		if f.ended.IsZero() || status.Code != before.Code || f.since.dates(start) {
			f.party.Status.Code = before.Code
			f = f.end(start)
			f.party.Status = status
		}
		f.final = true
		return f
	}
	if status.Code == before.Code && strings.EqualFold(status.Word, before.Word) {
		// The run goes on, unless this tells its true start.
		if !f.since.dates(start) {
			return f
		}
		if f.unheld.Equal(f.since.Time) {
			f.unheld = o.at
		}
	}
	if before.Code == telephony.Hold && status.Code != telephony.Hold {
		f.unheld = o.at
	}
	f.since = start
	f.ended = time.Time{}
	switch {
	case status.Code == telephony.Answered && (f.answered.IsZero() || f.answered.dates(start)):
		f.answered = start
	case status.Code == telephony.Hold:
		// "Answered -> Hold": hold; "Hold -> Answered": unhold.
		f.held, f.unheld = start, time.Time{}
		if f.answered.IsZero() {
			f.answered = Since{Time: start.Time, AtLeast: true}
		}
	}
	return f
}

// end ends the party, and the hold that it was in, at that time.
func (f fold) end(at Since) fold {
	if f.party.Status.Code == telephony.Hold || !f.ended.IsZero() && f.unheld.Equal(f.ended) {
		f.unheld = at.Time
	}
	f.since, f.ended = at, at.Time
	return f
}

// dates reports whether start tells when the state of s began: only a read
// showed s, and start is of an event that is older than that read.
func (s Since) dates(start Since) bool {
	return s.AtLeast && !start.AtLeast && start.Time.Before(s.Time)
}

// merge lays a patch over a party: an absent field keeps its older value.
func merge(p, patch telephony.Party) telephony.Party {
	p.ID = patch.ID
	p.AccountID = cmp.Or(patch.AccountID, p.AccountID)
	p.ExtensionID = cmp.Or(patch.ExtensionID, p.ExtensionID)
	p.Direction = cmp.Or(patch.Direction, p.Direction)
	p.From = mergeEndpoint(p.From, patch.From)
	p.To = mergeEndpoint(p.To, patch.To)
	if patch.Status.Word != "" {
		p.Status = patch.Status
	}
	if patch.Muted != nil {
		p.Muted = patch.Muted
	}
	if patch.StandAlone != nil {
		p.StandAlone = patch.StandAlone
	}
	if patch.MissedCall != nil {
		p.MissedCall = patch.MissedCall
	}
	if patch.QueueCall != nil {
		p.QueueCall = patch.QueueCall
	}
	p.QueueName = cmp.Or(patch.QueueName, p.QueueName)
	if patch.Recordings != nil {
		p.Recordings = patch.Recordings
	}
	p.ParkID = cmp.Or(patch.ParkID, p.ParkID)
	p.ConferenceRole = cmp.Or(patch.ConferenceRole, p.ConferenceRole)
	p.RingOutRole = cmp.Or(patch.RingOutRole, p.RingOutRole)
	p.RingMeRole = cmp.Or(patch.RingMeRole, p.RingMeRole)
	return p
}

func mergeEndpoint(e, patch telephony.Endpoint) telephony.Endpoint {
	return telephony.Endpoint{
		PhoneNumber: cmp.Or(patch.PhoneNumber, e.PhoneNumber),
		Name:        cmp.Or(patch.Name, e.Name),
		ExtensionID: cmp.Or(patch.ExtensionID, e.ExtensionID),
		DeviceID:    cmp.Or(patch.DeviceID, e.DeviceID),
	}
}
