package desk

import (
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/board"
)

// What was never sent says nothing about an older attempt that may have been.
func TestWhichAttemptBearsOnAPress(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	ends := board.Ends{CustomerSession: "s-1", CustomerParty: "p-1", ConsultSession: "s-2", ConsultParty: "p-2"}
	swapped := board.Ends{CustomerSession: "s-2", CustomerParty: "p-2", ConsultSession: "s-1", ConsultParty: "p-1"}
	shared := board.Ends{CustomerSession: "s-1", CustomerParty: "p-1", ConsultSession: "s-3", ConsultParty: "p-3"}
	tests := map[string]struct {
		attempts []board.Transfer
		want     string
	}{
		"none":                                 {nil, ""},
		"the newest that was sent":             {[]board.Transfer{{ID: "a", Ends: ends, Phase: board.Refused, Sent: at}, {ID: "b", Ends: ends, Phase: board.Unconfirmed, Sent: at}}, "b"},
		"an unconfirmed behind a failed one":   {[]board.Transfer{{ID: "a", Ends: ends, Phase: board.Unconfirmed, Sent: at}, {ID: "b", Ends: ends, Phase: board.Failed}}, "a"},
		"in the other roles":                   {[]board.Transfer{{ID: "a", Ends: swapped, Phase: board.Unconfirmed, Sent: at}}, "a"},
		"under way on one of the calls":        {[]board.Transfer{{ID: "a", Ends: shared, Phase: board.Checking}}, "a"},
		"settled on one of the calls":          {[]board.Transfer{{ID: "a", Ends: shared, Phase: board.Confirmed, Sent: at}}, ""},
		"the one that asks is passed over":     {[]board.Transfer{{ID: "me", Ends: ends, Phase: board.Checking}}, ""},
		"the older one behind that which asks": {[]board.Transfer{{ID: "a", Ends: ends, Phase: board.Unconfirmed, Sent: at}, {ID: "me", Ends: ends, Phase: board.Checking}}, "a"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desk{attempts: test.attempts}
			got := ""
			if a := d.newest(ends, "me"); a != nil {
				got = a.ID
			}
			if got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}

// A replayed notification was sent long ago: it must not turn the clock back.
func TestTheClockDoesNotRunBackwards(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	d := &desk{cfg: &Config{Now: func() time.Time { return now }}}
	d.offset.sample(50 * time.Millisecond)
	before := d.now()
	for range len(d.offset.samples) {
		d.offset.sample(40 * time.Second)
	}
	if got := d.now(); got.Before(before) {
		t.Errorf("%v after %v", got, before)
	}
	now = now.Add(time.Minute)
	if got := d.now(); !got.After(before) {
		t.Errorf("the clock stands still: %v", got)
	}
}
