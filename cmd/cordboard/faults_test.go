package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
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
	network bool // between the App and the simulator is one that can go bad
	killed  bool // the App is a process that can be killed
	patient bool // requests are waited for as long as in earnest
	// strike lets it happen; what it returns, if anything, runs once the request that was under way may go on.
	strike func(*play) (then func())
	// mend ends it, once the page has said one of until.
	mend  func(*play)
	until []string
	// release is how the events leave that were held back until the transfer was accepted.
	release rcsim.Release
	// loses are the moments at which the fault itself ends the customer's call; at any other nobody may.
	loses []moment
	// operation is the one whose requests must meet it, and drops says that notifications must be lost by it.
	operation string
	drops     bool
	// ends are the lines of the day that each moment leads to, a line that repeats itself once; "none" when nothing was
	// begun; several with a bar between when it is a race. One that begins with a dash says why the fault means nothing there.
	ends [moments]string
	// says is what the page says on the way, besides how it ended.
	says []saying
}

// saying is a sentence, with … for what is not always the same, and the moments that lead to it; none means all.
type saying struct {
	words string
	at    []moment
}

// TestFaultTable holds each fault against each moment of a warm transfer. make faults prints the table.
func TestFaultTable(t *testing.T) {
	t.Parallel()
	rows := faultRows()
	got := make([][moments]string, len(rows))
	var cells errgroup.Group
	cells.SetLimit(12) // mostly they wait
	for i := range rows {
		for at := range moments {
			got[i][at] = "-"
			if strings.HasPrefix(rows[i].ends[at], "-") {
				continue
			}
			cells.Go(func() error {
				t.Run(rows[i].name+"/"+momentWords[at], func(t *testing.T) {
					defer func() {
						if t.Failed() {
							got[i][at] += " !"
						}
					}()
					playOut(t, &rows[i], at, &got[i][at])
				})
				return nil
			})
		}
	}
	_ = cells.Wait()
	printTable(os.Stdout, rows, got)
}

// printTable writes what each fault led to at each moment.
func printTable(to io.Writer, rows []fault, got [][moments]string) {
	w := tabwriter.NewWriter(to, 0, 8, 2, ' ', 0)
	_, _ = fmt.Fprintf(w, "fault\t%s\n", strings.Join(momentWords[:], "\t"))
	for i, r := range rows {
		_, _ = fmt.Fprintf(w, "%s\t%s\n", r.name, strings.Join(got[i][:], "\t"))
	}
	_ = w.Flush()
}

// playOut plays one cell and tells how it ended.
func playOut(t *testing.T, f *fault, at moment, ended *string) {
	t.Helper()
	*ended = "broken off"
	p := newPlay(t, f, at)
	unwatch := p.watch()
	p.run()
	p.until("a page that is true", func(pg screen) bool { return p.untrue(pg) == "" })
	if *ended = strings.Join(slices.Compact(p.last.ends()), " "); *ended == "" {
		*ended = "none"
	}
	unwatch()
	p.unfollow()
	p.finish()
	p.check()
	if want := strings.Split(f.ends[at], "|"); !slices.Contains(want, *ended) {
		t.Errorf("ended %q, want %q", *ended, want)
	}
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
		p.sim.ReleaseEvents(p.fault.release)
		then()
		wait()
		p.complete()
	default:
		p.complete()
		p.strikes(confirmed)
	}
	if p.at == confirmed {
		p.post(p.tab, "/desk/reread", url.Values{})()
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
	for _, c := range s.Sessions {
		if len(c.Joined) > 1 {
			return "a call was joined twice"
		}
	}
	for _, number := range hearers(s, outsider) {
		switch {
		case number != agent && number != colleague:
			return "the customer was joined to " + number
		case number == colleague && p.presses.Load() == 0:
			return "the customer was joined to the colleague, and nobody had pressed"
		}
	}
	if c, ok := s.Party("", outsider); ok && !c.Alive() && !slices.Contains(p.fault.loses, p.at) {
		return "the customer's call was ended"
	}
	if !slices.Equal(hearers(s, outsider2), []string{bystander}) {
		return "a call that has nothing to do with it was touched"
	}
	return ""
}

// hearers are the numbers of those who hear somebody.
func hearers(s rcsim.State, number string) []string {
	numbers := map[rcsim.End]string{}
	for _, c := range s.Sessions {
		for _, p := range c.Parties {
			numbers[rcsim.End{Session: c.ID, Party: p.ID}] = p.Number
		}
	}
	var who []string
	for _, pair := range s.Audio {
		for i, end := range pair {
			if numbers[end] == number {
				who = append(who, numbers[pair[1-i]])
			}
		}
	}
	return who
}

// check holds the page, the ledger and what reached RingCentral against each other.
func (p *play) check() {
	p.Helper()
	attempts, records := p.transfers()
	p.checkLedger(attempts, records)
	p.checkWire(attempts)
	p.checkWords()
}

// checkLedger: every attempt ended, and the page's day is the ledger's.
func (p *play) checkLedger(attempts []board.Transfer, records []board.Record) {
	p.Helper()
	var ends []string
	for _, a := range attempts {
		if !a.Phase.Settled() {
			p.Errorf("an attempt never ended: %+v", a)
		}
		if a.Status != 0 && a.RequestID == "" {
			p.Errorf("RingCentral said %d, and the ledger has no request id: %+v", a.Status, a)
		}
		end := a.Phase.String()
		if a.Phase == board.Confirmed {
			end = string(board.EndJoined)
		}
		ends = append(ends, end)
	}
	for _, r := range records {
		ends = append(ends, string(r.End))
	}
	shown := p.last.ends()
	slices.Sort(ends)
	slices.Sort(shown)
	if !slices.Equal(ends, shown) {
		p.Errorf("the ledger says %q, the page %q", ends, shown)
	}
}

// checkWire: one request at most for an attempt that was sent, one attempt at most for a press; nobody ends the customer's call.
func (p *play) checkWire(attempts []board.Transfer) {
	p.Helper()
	sent := 0
	for _, a := range attempts {
		if !a.Sent.IsZero() {
			sent++
		}
	}
	arrived := p.sim.Requests(http.MethodPost, "/bridge")
	if len(arrived) > sent || sent > int(p.presses.Load()) {
		p.Errorf("%d presses, %d attempts sent, %d requests", p.presses.Load(), sent, len(arrived))
	}
	for _, a := range attempts {
		if a.RequestID != "" && !slices.ContainsFunc(arrived, func(r rcsim.Request) bool { return r.RequestID == a.RequestID }) {
			p.Errorf("no request has the ledger's id: %+v", a)
		}
	}
	for _, r := range p.sim.Requests(http.MethodDelete, "/telephony/sessions/"+p.customer) {
		p.Errorf("the customer's call was dropped at %s", r.At)
	}
	met := p.sim.State().Faults
	if op := p.fault.operation; op != "" && met.Met[op] == 0 {
		p.Errorf("no request met the fault of %s", op)
	}
	if p.fault.drops && met.Lost == 0 && p.at != confirmed {
		p.Error("no notification was lost")
	}
}

// endWords is what the page says of an end, at one time or another.
var endWords = map[string][]string{
	"joined":      {"Joined at …", customerName + " and " + consultName + " are talking. You have left both calls."},
	"refused":     {"RingCentral refused the transfer (…). …"},
	"failed":      {"Not sent: …"},
	"abandoned":   {"…ended first. …"},
	"unconfirmed": {"…ago, not confirmed. …"},
	"lost":        {"…left after …on hold. …Call back: +1 650 555 0142."},
}

// checkWords: the page has said how each attempt ended, and what the fault does.
func (p *play) checkWords() {
	p.Helper()
	for _, end := range p.last.ends() {
		for _, w := range endWords[end] {
			if !p.said(w) {
				p.Errorf("it ended %s, and the page never said %q", end, w)
			}
		}
	}
	for _, s := range p.fault.says {
		if (s.at == nil || slices.Contains(s.at, p.at)) && !p.said(s.words) {
			p.Errorf("the page never said %q", s.words)
		}
	}
}

// untrue is what a page says of the calls that is not so; events may still be on their way.
func (p *play) untrue(pg screen) string {
	customer, consult := p.party(p.customer), p.party(p.consult)
	for words, so := range map[string]bool{
		"Eleanor is still on hold":     customer.Code == "Hold",
		"Eleanor is still with you":    customer.Alive(),
		"Mei-Ling is still with you":   consult.Alive(),
		"both still with you":          customer.Alive() && consult.Alive(),
		"Both calls are unchanged":     customer.Alive() && consult.Alive(),
		"You have left both calls":     !customer.Alive() && !consult.Alive(),
		"Eleanor's call has ended":     !customer.Alive(),
		"call with Mei-Ling has ended": !consult.Alive(),
	} {
		if !so && slices.ContainsFunc(pg.sentences(), func(s string) bool { return strings.Contains(s, words) }) {
			return words
		}
	}
	return ""
}
