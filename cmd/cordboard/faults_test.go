package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"golang.org/x/sync/errgroup"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
)

// moment is when in a warm transfer a fault strikes.
type moment int

// The moments: the columns of the table.
const (
	beforeHold moment = iota // the customer talks to the agent
	held                     // the customer is on hold
	consultRings
	consultAnswered // Complete is offered
	backPressed     // the first request of Back to customer is at RingCentral
	hangUpPressed   // the first request of Hang up consult is at RingCentral
	bridgeSent      // the bridge request is at RingCentral
	accepted        // it was answered, and no event was heard yet
	confirmed       // the page says joined
	moments
)

var momentWords = [moments]string{"before hold", "held", "ringing", "answered", "Back pressed", "hang-up pressed", "bridge sent", "accepted", "confirmed"}

// fault is one row of the table.
type fault struct {
	name    string
	options func(*rcsim.Options) // of the simulator from the start; may be nil
	// strike lets it happen; what it returns runs once the request that was under way may go on.
	strike func(*play) (then func())
	// mend ends it, once the page has said one of until.
	mend  func(*play)
	until []string
	// ends are the lines of the day that each moment leads to, "none" when nothing was begun. One that begins with a dash
	// says why the fault means nothing at that moment.
	ends [moments]string
}

// TestFaultTable holds each fault against each moment of a warm transfer. make faults prints the table.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	rows := faultRows()
	got := make([][moments]string, len(rows))
	var mu sync.Mutex
	var cells errgroup.Group
	cells.SetLimit(12) // mostly they wait
	for i := range rows {
		for at := range moments {
			if want := rows[i].ends[at]; strings.HasPrefix(want, "-") {
				got[i][at] = "-"
				continue
			}
			cells.Go(func() error {
				t.Run(rows[i].name+"/"+momentWords[at], func(t *testing.T) {
					ends := playOut(t, &rows[i], at)
					if t.Failed() {
						ends += " !"
					}
					mu.Lock()
					got[i][at] = ends
					mu.Unlock()
				})
				return nil
			})
		}
	}
	_ = cells.Wait()
	w := tabwriter.NewWriter(os.Stdout, 0, 8, 2, ' ', 0)
	fmt.Fprintf(w, "fault\t%s\n", strings.Join(momentWords[:], "\t"))
	for i, r := range rows {
		fmt.Fprintf(w, "%s\t%s\n", r.name, strings.Join(got[i][:], "\t"))
	}
	_ = w.Flush()
}

// playOut plays one cell and is how it ended.
func playOut(t *testing.T, f *fault, at moment) string {
	t.Helper()
	p := newPlay(t, f, at)
	ends := "broken off"
	watch := p.watch()
	p.run()
	ends = strings.Join(p.last.ends(), " ")
	if ends == "" {
		ends = "none"
	}
	watch()
	p.unfollow()
	p.must(p.end(t))
	p.check()
	if want := f.ends[at]; ends != want {
		t.Errorf("ended %q, want %q", ends, want)
	}
	return ends
}

// run is the transfer.
func (p *play) run() {
	p.Helper()
	p.talk()
	p.strikes(beforeHold)
	if !p.hold() {
		return
	}
	p.strikes(held)
	if !p.dial() {
		return
	}
	p.strikes(consultRings)
	p.answer()
	if p.at < consultAnswered {
		p.complete()
		return
	}
	p.until("Complete offered", func(pg screen) bool { return pg.can("complete") })
	p.strikes(consultAnswered)
	switch p.at {
	case backPressed:
		p.strikesDuring("back", "/telephony/sessions/")
		p.goBack()
	case hangUpPressed:
		p.strikesDuring("hangup", "/telephony/sessions/")
		p.goBack()
	case bridgeSent:
		p.strikesDuring("complete", "/bridge")
		p.complete()
	case accepted:
		p.sim.HoldEvents()
		wait := p.pressing(p.last, "complete")
		p.until("accepted", func(pg screen) bool { return strings.HasPrefix(pg.text("panel-line"), "RingCentral accepted.") })
		then := p.strikesNow()
		p.sim.ReleaseEvents(rcsim.Release{})
		then()
		wait()
		p.complete()
	default:
		p.complete()
		p.strikes(confirmed)
	}
	if p.at == confirmed {
		p.reread()
		p.complete()
	}
}

// strikesNow lets the fault strike.
func (p *play) strikesNow() (then func()) {
	p.Helper()
	p.struck = true
	if p.fault.strike == nil {
		return func() {}
	}
	if then = p.fault.strike(p); then == nil {
		then = func() {}
	}
	return then
}

// strikes lets the fault strike, if this is its moment.
func (p *play) strikes(at moment) {
	p.Helper()
	if p.at == at {
		p.strikesNow()()
	}
}

// strikesDuring lets it strike while a request of a press is at the simulator.
func (p *play) strikesDuring(id, part string) {
	p.Helper()
	b := &barrier{part: part, arrived: make(chan struct{}), open: make(chan struct{})}
	p.barrier.Store(b)
	wait := p.pressing(p.last, id)
	select {
	case <-b.arrived:
	case <-p.ctx.Done():
		p.Errorf("no request came of pressing %s", id)
	}
	then := p.strikesNow()
	p.barrier.Store(nil)
	close(b.open)
	then()
	wait()
}

// watch holds every moment of the simulator's truth against what must never be; what it returns ends it.
func (p *play) watch() (stop func()) {
	ctx, cancel := context.WithCancel(p.ctx)
	found := make(chan string, 1)
	go func() {
		what := ""
		_ = p.sim.Await(ctx, func(s rcsim.State) bool {
			what = p.never(s)
			return what != ""
		})
		found <- what
	}()
	return func() {
		p.Helper()
		cancel()
		if what := <-found; what != "" {
			p.Errorf("%s", what)
		}
	}
}

// never is what of a state must never be.
func (p *play) never(s rcsim.State) string {
	if s.Hear(outsider, colleague) && p.presses.Load() == 0 {
		return "the customer and the colleague were joined, and nobody had pressed"
	}
	for _, c := range s.Sessions {
		if len(c.Joined) > 1 {
			return "a call was joined twice"
		}
	}
	return ""
}

// check holds the ledger, and what reached RingCentral, against each other.
func (p *play) check() {
	p.Helper()
	attempts, records := p.transfers()
	var ends []string
	sent := 0
	for _, a := range attempts {
		if !a.Phase.Settled() {
			p.Errorf("an attempt never ended: %+v", a)
		}
		if !a.Sent.IsZero() {
			sent++
		}
		ends = append(ends, a.Phase.String())
	}
	for _, r := range records {
		ends = append(ends, string(r.End))
	}
	shown := p.last.ends()
	for i, e := range shown {
		if e == string(board.EndJoined) {
			shown[i] = board.Confirmed.String()
		}
	}
	slices.Sort(ends)
	slices.Sort(shown)
	if !slices.Equal(ends, shown) {
		p.Errorf("the ledger says %q, the page %q", ends, shown)
	}
	arrived := len(p.sim.Requests("POST", "/bridge"))
	if arrived > sent || int64(sent) > p.presses.Load() {
		p.Errorf("%d presses, %d attempts sent, %d requests", p.presses.Load(), sent, arrived)
	}
	for _, r := range p.sim.Requests("DELETE", "/telephony/sessions/"+p.customer) {
		p.Errorf("the customer's call was dropped at %s", r.At)
	}
}
