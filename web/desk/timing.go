package desk

import (
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/ws"
)

// Timing holds the times that desks keep to; a zero field means its default.
type Timing struct {
	Board board.Timing
	WS    ws.Timing // but Ping, what the pages' age is made of, is 10 s

	Pulse        time.Duration // a quiet desk tells how fresh its feed is: 5 s
	FreshRead    time.Duration // a session read so lately is not read again before sending: 2 s
	PollAgain    time.Duration // from a poll held back for the Light window to the next look: 5 s
	ResyncAgain  time.Duration // from a resync that failed to the next: 2 s
	ReplayFor    time.Duration // after a recovery, notifications may be old ones: 2 s
	RefusedAgain time.Duration // a feed that RingCentral refused is not tried again before: 30 s
	AskFilters   time.Duration // how long a change of filters may take: 15 s
	FiltersAgain time.Duration // from filters that were not taken to the next try: 30 s
	RecallAgain  time.Duration // from a ledger that could not be read to the next try: 3 s

	AskedPatient  time.Duration // an accepted request may show no effect before the call is read: 4 s
	AskedRecheck  time.Duration // that read may take before the agent is told: 3 s
	AnswerPatient time.Duration // a press waits for its outcome before the page is shown: 4 s
	FirstLook     time.Duration // a page waits for a desk's first snapshot: 5 s
	AttemptShown  time.Duration // a settled attempt stays on the page: 10 min

	TeamRefresh time.Duration // whom a supervisor monitors is read again: 5 min
	TeamAgain   time.Duration // from a team that could not be read to the next try: 30 s
	TeamFresh   time.Duration // a team page and its stream are one opening: 5 s
	TeamWindow  time.Duration // in which ten reads explain colleagues' cards: 1 min

	DirectoryFresh time.Duration // the account's directory is listed again: 1 h
	DirectoryAgain time.Duration // after it could not be listed, unless RingCentral says later: 1 min
	DirectoryKept  time.Duration // a directory that nobody wants is forgotten: 24 h
	DirectoryWait  time.Duration // a team without names waits for its directory: 5 s

	// Between instances, and so not scaled: the bus keeps leases by the second.
	LeaseTTL   time.Duration // 5 s
	LeaseRenew time.Duration // 2 s
}

// fields lists every time of the desk's own that Scaled changes.
func (t *Timing) fields() []field {
	return []field{
		{&t.Pulse, 5 * time.Second},
		{&t.FreshRead, 2 * time.Second},
		{&t.PollAgain, 5 * time.Second},
		{&t.ResyncAgain, 2 * time.Second},
		{&t.ReplayFor, 2 * time.Second},
		{&t.RefusedAgain, 30 * time.Second},
		{&t.AskFilters, 15 * time.Second},
		{&t.FiltersAgain, 30 * time.Second},
		{&t.RecallAgain, 3 * time.Second},
		{&t.AskedPatient, 4 * time.Second},
		{&t.AskedRecheck, 3 * time.Second},
		{&t.AnswerPatient, 4 * time.Second},
		{&t.FirstLook, 5 * time.Second},
		{&t.AttemptShown, 10 * time.Minute},
		{&t.TeamRefresh, 5 * time.Minute},
		{&t.TeamAgain, 30 * time.Second},
		{&t.TeamFresh, 5 * time.Second},
		{&t.TeamWindow, time.Minute},
		{&t.DirectoryFresh, time.Hour},
		{&t.DirectoryAgain, time.Minute},
		{&t.DirectoryKept, 24 * time.Hour},
		{&t.DirectoryWait, 5 * time.Second},
	}
}

// field is one time and its default.
type field struct {
	at        *time.Duration
	otherwise time.Duration
}

func (f field) fill() {
	if *f.at <= 0 {
		*f.at = f.otherwise
	}
}

// filled is t with its defaults.
func (t Timing) filled() Timing {
	for _, f := range t.fields() {
		f.fill()
	}
	field{&t.LeaseTTL, 5 * time.Second}.fill()
	field{&t.LeaseRenew, 2 * time.Second}.fill()
	field{&t.WS.Ping, 10 * time.Second}.fill()
	t.Board, t.WS = t.Board.Filled(), t.WS.Filled()
	return t
}

// Scaled is every time of t, defaults included, multiplied by a factor, but for
// the leases between instances. Tests run the product's hours in seconds by it.
func (t Timing) Scaled(by float64) Timing {
	t = t.filled()
	for _, f := range t.fields() {
		*f.at = time.Duration(float64(*f.at) * by)
	}
	t.Board, t.WS = t.Board.Scaled(by), t.WS.Scaled(by)
	return t
}
