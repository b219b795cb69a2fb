package rcsim_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// TestLoadMakesTheTrafficThatWasAskedFor runs ten seconds of a bubble's time.
func TestLoadMakesTheTrafficThatWasAskedFor(t *testing.T) {
	const rate, seconds = 500, 10
	synctest.Test(t, func(t *testing.T) {
		crowd := rcsim.Crowd(200, 20)
		sim := conform.New(t, rcsim.Options{Seed: 7, Account: &crowd})
		defer func() { _ = sim.Close() }()
		ctx, cancel := context.WithTimeout(t.Context(), seconds*time.Second)
		defer cancel()
		if err := sim.Load(ctx, rate); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("it ends with its context: %v", err)
		}
		got := sim.Traffic()
		if got.Events < rate*seconds*99/100 || got.Events > rate*seconds+20 {
			t.Errorf("%d events in %d s at %d a second", got.Events, seconds, rate)
		}
		if got.Notifications != 0 || got.Sockets != 0 {
			t.Errorf("nobody listens: %+v", got)
		}
		st := sim.State()
		if len(st.Sessions) != got.Calls || got.Live == 0 || got.Live == got.Calls {
			t.Errorf("%d calls in the state, %+v", len(st.Sessions), got)
		}
		kinds, busy := map[string]int{}, map[string]string{}
		for _, s := range st.Sessions {
			if len(s.Joined) > 0 {
				kinds["transferred"]++
			}
			for _, p := range s.Parties {
				kinds[p.Code+" "+p.Reason]++
				if p.ExtensionNumber == "" || !p.Alive() {
					continue
				}
				if p.Code == "Answered" && !p.RestHold && busy[p.ExtensionNumber] != "" {
					t.Errorf("%s talks on %s and %s", p.ExtensionNumber, busy[p.ExtensionNumber], s.ID)
				}
				if p.Code == "Answered" {
					busy[p.ExtensionNumber] = s.ID
				}
			}
		}
		for _, kind := range []string{"transferred", "Gone AttendedTransfer", "Hold ", "Answered ", "Proceeding ", "Disconnected "} {
			if kinds[kind] == 0 {
				t.Errorf("no party or call is %q: %v", kind, kinds)
			}
		}
	})
}

func TestLoadIsTheSameForTheSameSeed(t *testing.T) {
	play := func(seed uint64) (out []rcsim.Tape) {
		synctest.Test(t, func(t *testing.T) {
			crowd := rcsim.Crowd(40, 20)
			sim := conform.New(t, rcsim.Options{Seed: seed, Account: &crowd})
			defer func() { _ = sim.Close() }()
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			_ = sim.Load(ctx, 100)
			out = sim.State().Tape
		})
		return out
	}
	line := func(tape []rcsim.Tape) (text string) {
		for _, e := range tape {
			text += e.At + e.Party + e.Code + e.Owner + "\n"
		}
		return text
	}
	if a, b, c := line(play(7)), line(play(7)), line(play(8)); a != b || a == c || a == "" {
		t.Errorf("seed 7:\n%s\nseed 7:\n%s\nseed 8:\n%s", a, b, c)
	}
}

func TestLoadNeedsPeopleAndARate(t *testing.T) {
	alone := rcsim.Crowd(1, 2)
	for _, c := range []struct {
		account *rcsim.Account
		rate    int
	}{{nil, 0}, {nil, -1}, {&alone, 10}} {
		sim := conform.New(t, rcsim.Options{Seed: 7, Account: c.account})
		if err := sim.Load(t.Context(), c.rate); err == nil {
			t.Errorf("%+v was accepted", c)
		}
		_ = sim.Close()
	}
}

func TestTrafficCountsWhatWentOut(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	w.open("103")
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	c.lines(3)
	want := rcsim.Traffic{Calls: 1, Live: 1, Events: 3, Notifications: 3, Sockets: 2, Subscribed: 1}
	if got := w.Traffic(); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
	if r := w.control("GET", "/sim/api/traffic", ""); r.status != 200 || r.json(t)["subscribed"] != 1.0 {
		t.Errorf("%d %s", r.status, r.body)
	}
}
