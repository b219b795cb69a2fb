package main

import (
	"bufio"
	"context"
	"encoding/json"
	"iter"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/desk"
	"github.com/cordboard/cordboard/web/ledger"
)

// scale is how much faster than in earnest the product's clocks run in the table.
const (
	scale       = 0.1
	callTimeout = 2 * time.Second // of one request to RingCentral, 10 s in earnest
)

// The names of those who play, as pages show them.
const (
	customerName = "Eleanor Marsh"
	consultName  = "Mei-Ling Tan"
)

// bystander talks to somebody else's customer all the while.
const bystander = "104"

// barrier holds requests back in front of the simulator.
type barrier struct {
	part    string // of the path
	first   sync.Once
	arrived chan struct{} // closed when the first is there
	open    chan struct{}
}

// pass lets a request through that the barrier does not mean, or holds it until it opens.
func (b *barrier) pass(r *http.Request) {
	if b == nil || !strings.Contains(r.URL.Path, b.part) {
		return
	}
	b.first.Do(func() { close(b.arrived) })
	<-b.open
}

// play is one warm transfer, and the fault that strikes in it. The agent reads the page in a browser without script, and
// goes on by what it says; their phone, the customer and the colleague are the simulator's.
type play struct {
	*testing.T
	*world
	ctx   context.Context //nolint:containedctx // the one deadline of every wait of the play
	cfg   Config
	fault *fault
	at    moment

	net               *ways // nil: none but loopback
	tab               *browser
	twin              *browser                     // presses what is pressed as well; may be nil
	pressed           func(*browser) (wait func()) // the last press
	before            string                       // what the page showed at that press
	news              chan struct{}                // the page's stream told something
	following         context.CancelFunc
	followed          chan struct{} // closed when the stream is over
	customer, consult string        // their calls
	presses           atomic.Int64  // of Complete transfer
	struck, mended    bool
	idle              bool     // there is nothing to hear, and something to look for
	seen              []string // what the page said, each sentence once
	heard             []string // and since the fault struck
	last              screen
}

func (p *play) must(err error) {
	p.Helper()
	if err != nil {
		p.Fatal(err)
	}
}

// newPlay opens the desk of an agent who has no calls yet.
func newPlay(t *testing.T, f *fault, at moment) *play {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	t.Cleanup(cancel)
	p := &play{T: t, world: &world{log: &safeBuffer{}}, ctx: ctx, fault: f, at: at, news: make(chan struct{}, 1)}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("the page said:\n  %s\nthe truth:\n%s", strings.Join(p.seen, "\n  "), p.sim.State())
		}
	})
	p.cfg = demoSetting(t.TempDir(), p.log)
	hurry(&p.cfg)
	if f.patient {
		p.cfg.CallTimeout = 0
	}
	if at == accepted {
		p.cfg.Timing.Board.ProofAfterAnswer = board.DefaultTiming().ProofAfterAnswer // no read may settle it before the fault strikes
	}
	var via func(string) (string, string)
	if f.network {
		via = func(addr string) (rest, gateway string) {
			p.net = newWays(t, addr)
			return p.net.rest.url(), p.net.gateway.url()
		}
	}
	p.cfg.RingCentralServer = p.simulate(t, rcsim.Options{Seed: 1, Limits: rcsim.Unlimited(), RingTimeout: -1}, via)
	aside, err := p.sim.Call(outsider2, "", bystander)
	p.must(err)
	p.must(p.sim.Answer(bystander, aside))
	p.begin()
	p.tab = p.signedIn(t, agent)
	t.Cleanup(p.unfollow)
	p.until("a live desk", screen.live)
	return p
}

// hurry lets an App's clocks run fast.
func hurry(cfg *Config) {
	cfg.Timing, cfg.Usage = desk.Timing{}.Scaled(scale), rc.Usage{}.Scaled(scale) // reads come as often as the scale makes them
	// What the machine's load decides is not scaled.
	cfg.Timing.FirstLook, cfg.Timing.AnswerPatient = 5*time.Second, 4*time.Second
	cfg.Timing.Board.ProofAfterDoubt = 3 * time.Second
	cfg.CallTimeout = callTimeout
}

// begin starts the App, in a process of its own when that is to be killed.
func (p *play) begin() {
	p.Helper()
	if p.fault.killed {
		p.spawn(p.T, p.cfg.Data, p.cfg.RingCentralServer)
	} else {
		p.start(p.T, p.cfg)
	}
}

// finish ends it in order.
func (p *play) finish() {
	p.Helper()
	if p.fault.killed {
		p.must(p.child.end())
	} else {
		p.must(p.end(p.T))
	}
}

// look reads the page.
func (p *play) look() screen {
	p.Helper()
	pg := newScreen(p.T, p.tab.get(p.T, "/desk"))
	p.take(pg)
	return pg
}

// take notes what a page says, and holds it against the truth.
func (p *play) take(pg screen) {
	p.Helper()
	for _, s := range pg.sentences() {
		if !slices.Contains(p.seen, s) {
			p.seen = append(p.seen, s)
		}
		if p.struck && !slices.Contains(p.heard, s) {
			p.heard = append(p.heard, s)
		}
	}
	if (pg.joint() == "joined" || slices.Contains(pg.ends(), string(board.EndJoined))) && !p.joined() {
		p.Errorf("the page says joined, and it is not so")
	}
	p.last = pg
	if f := p.fault; f.mend != nil && !p.mended && p.said(f.until...) {
		p.mended = true
		f.mend(p)
	}
}

// said reports whether the page has said one of these since the fault struck, … being anything.
func (p *play) said(what ...string) bool {
	return slices.ContainsFunc(what, func(w string) bool {
		return slices.ContainsFunc(p.heard, func(s string) bool { return matches(s, w) })
	})
}

// matches reports whether the parts of a pattern that … separates stand in a text, in order.
func matches(text, pattern string) bool {
	for part := range strings.SplitSeq(pattern, "…") {
		_, after, ok := strings.Cut(text, part)
		if !ok {
			return false
		}
		text = after
	}
	return true
}

// follow listens to the page's stream, if the page has one.
func (p *play) follow() {
	p.Helper()
	p.unfollow()
	ctx, stop := context.WithCancel(p.ctx)
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base()+"/desk/stream", http.NoBody)
	p.must(err)
	r.Header.Set("Accept", "text/event-stream")
	over := make(chan struct{})
	p.following, p.followed = stop, over
	go func() {
		defer close(over)
		res, err := p.tab.client.Do(r)
		if err != nil {
			return
		}
		defer func() { _ = res.Body.Close() }()
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if lines.Text() == "" {
				select {
				case p.news <- struct{}{}:
				default:
				}
			}
		}
	}()
}

func (p *play) unfollow() {
	if p.following != nil {
		p.following()
		<-p.followed
		p.following = nil
	}
}

// looks are the page now, and after each of its changes. Whoever reads that a press came to nothing takes a breath.
func (p *play) looks(what string) iter.Seq[screen] {
	return func(yield func(screen) bool) {
		p.Helper()
		breath := time.NewTicker(250 * time.Millisecond)
		defer breath.Stop()
		for {
			if p.following == nil || over(p.followed) {
				p.follow()
			}
			pg, news := p.look(), p.news
			switch {
			case pg.signsOut():
				p.signInAgain()
				continue
			case !yield(pg):
				return
			case p.idle, pg.noticed("check-failed", "action-unsent", "action-refused", "not-ready", "busy"), strings.HasPrefix(pg.text("verdict"), "Not sent"):
				p.idle, news = false, nil
			}
			select {
			case <-news:
			case <-breath.C:
			case <-p.ctx.Done():
				p.Fatalf("never came: %s; the page says:\n  %s", what, strings.Join(p.last.sentences(), "\n  "))
			}
		}
	}
}

func over(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

// until waits for a page that the condition holds for.
func (p *play) until(what string, cond func(screen) bool) {
	p.Helper()
	for pg := range p.looks(what) {
		if cond(pg) {
			return
		}
	}
}

// transfers are the attempts that the ledger tells of, as each was at last, and its lines of consults that ended
// otherwise. The app has ended: its files are opened.
func (p *play) transfers() (attempts []board.Transfer, records []board.Record) {
	p.Helper()
	b, err := bus.Open(p.ctx, bus.Config{Dir: p.cfg.Data, Log: p.cfg.Log})
	p.must(err)
	defer func() { p.must(b.Close()) }()
	book, err := ledger.Open(p.ctx, b, p.cfg.Retention)
	p.must(err)
	account := p.sim.Account()
	i := slices.IndexFunc(account.Users, func(u rcsim.User) bool { return u.Number == agent })
	entries, err := book.Person(p.ctx, account.ID, account.Users[i].ID, time.Now().Add(-time.Hour))
	p.must(err)
	for _, e := range entries {
		switch e.Kind {
		case "transfer":
			var t board.Transfer
			p.must(json.Unmarshal(e.Data, &t))
			if i := slices.IndexFunc(attempts, func(old board.Transfer) bool { return old.ID == t.ID }); i >= 0 {
				attempts[i] = t
			} else {
				attempts = append(attempts, t)
			}
		case "consult":
			var r board.Record
			p.must(json.Unmarshal(e.Data, &r))
			records = append(records, r)
		}
	}
	return attempts, records
}
