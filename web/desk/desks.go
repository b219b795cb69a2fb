package desk

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/ledger"
	"github.com/cordboard/cordboard/web/live"
	"github.com/cordboard/cordboard/web/problem"
	"github.com/cordboard/cordboard/web/session"
)

const (
	deskPrefix  = "desk" // topic of snapshots and subject of commands
	teamPrefix  = "team"
	callSubject = "call"
)

// Grants gives access tokens to act for a signed-in person.
type Grants interface {
	Token(ctx context.Context, p session.Person) (string, error)
	// Refused says that RingCentral answered 401 to a token and gets another.
	Refused(ctx context.Context, p session.Person, access string) (string, error)
	// Broken is why RingCentral ended the person's grant, a session.Reason; "" while it works.
	Broken(ctx context.Context, p session.Person) (reason string, err error)
}

// Config is what desks need.
type Config struct {
	RC     *rc.Client
	HTTP   *http.Client // for the feeds' sockets; nil = the default transport
	Bus    *bus.Bus
	Hub    *live.Hub
	Ledger *ledger.Ledger
	Grants Grants
	Log    *slog.Logger
	Now    func() time.Time
	Linger time.Duration // how long a desk with no open page keeps its feed; 0 = 15 minutes
	Timing Timing
	Meter  Meter
	// Instance names this process among those that share the bus.
	Instance string

	boards    *bus.Bucket
	leases    *bus.Bucket
	directory *Directory
}

// Desks keeps one desk per person over all instances that share a bus: the
// instance that holds a person's lease runs the desk, the others send commands
// to it. It is safe for concurrent use. Close ends every desk of this instance.
type Desks struct {
	cfg    Config
	ctx    context.Context //nolint:containedctx // the life of all desks
	cancel context.CancelFunc
	wg     sync.WaitGroup

	mu   sync.Mutex
	run  map[string]*held
	over bool
}

// held is a desk that this instance owns.
type held struct {
	*desk
	revision uint64    // of the lease
	until    time.Time // the lease lasts until then at least, by our clock
	stop     func()    // of the command subject
}

// New prepares the buckets; no desk runs until somebody opens one.
func New(ctx context.Context, cfg Config) (*Desks, error) {
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Linger == 0 {
		cfg.Linger = 15 * time.Minute
	}
	cfg.Timing = cfg.Timing.filled()
	var err error
	if cfg.boards, err = cfg.Bus.Bucket(ctx, "boards", false); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	if cfg.leases, err = cfg.Bus.Bucket(ctx, "leases", true); err != nil {
		return nil, fmt.Errorf("desk: %w", err)
	}
	cfg.directory = newDirectory(&cfg)
	life, cancel := context.WithCancel(context.WithoutCancel(ctx))
	return &Desks{cfg: cfg, ctx: life, cancel: cancel, run: map[string]*held{}}, nil
}

func topic(p session.Person) string     { return deskPrefix + "." + p.Key() }
func teamTopic(p session.Person) string { return teamPrefix + "." + p.Key() }
func subject(p session.Person) string   { return callSubject + "." + p.Key() }

// Open sees to it that the person's desk runs, here or elsewhere. Pages call it
// when they are opened and every few seconds while they are.
func (ds *Desks) Open(ctx context.Context, p session.Person) error {
	if d := ds.mine(p); d != nil {
		d.touch()
		d.post(d.wake)
		return nil
	}
	revision, err := ds.cfg.leases.CreateFor(ctx, p.Key(), []byte(ds.cfg.Instance), ds.cfg.Timing.LeaseTTL)
	if errors.Is(err, bus.ErrExists) {
		_, err = ds.ask(ctx, p, call{Op: opOpen})
		if err == nil || !errors.Is(err, bus.ErrNoResponder) {
			return err
		}
		return problem.NewUnavailable(problem.ServiceBus, err) // its owner died; the lease ends within seconds
	}
	if err != nil {
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	return ds.start(p, revision)
}

func (ds *Desks) start(p session.Person, revision uint64) error {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if ds.over {
		return problem.NewUnavailable(problem.ServiceBus, errors.New("closing"))
	}
	if ds.run[p.Key()] != nil {
		return nil
	}
	h := &held{desk: newDesk(ds.ctx, &ds.cfg, p), revision: revision, until: ds.cfg.Now().Add(ds.cfg.Timing.LeaseTTL)}
	stop, err := ds.cfg.Bus.Serve(subject(p), func(ctx context.Context, data []byte) []byte { return ds.serve(ctx, h.desk, data) })
	if err != nil {
		h.cancel()
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	h.stop = stop
	ds.run[p.Key()] = h
	ds.wg.Go(h.run)
	ds.wg.Go(func() { ds.keep(h) })
	return nil
}

// keep renews a desk's lease until the desk is over, and ends the desk when the
// lease is lost or nobody has needed it for long.
func (ds *Desks) keep(h *held) {
	ticker := time.NewTicker(ds.cfg.Timing.LeaseRenew)
	defer ticker.Stop()
	for running := true; running; {
		select {
		case <-h.done:
			running = false
		case <-ticker.C:
			switch err := ds.renew(h); {
			case err == nil:
			case errors.Is(err, bus.ErrConflict):
				h.log.Warn("lease lost")
				h.cancel()
			default:
				h.log.Warn("lease not renewed", "err", err)
				if ds.cfg.Now().After(h.until) { // another instance may own the desk by now
					h.cancel()
				}
			}
			if h.idle(ds.cfg.Linger) {
				h.post(func() {
					if h.unsettled() == nil && h.idle(ds.cfg.Linger) {
						h.cancel()
					}
				})
			}
		}
	}
	h.cancel()
	<-h.done
	h.stop()
	ds.mu.Lock()
	delete(ds.run, h.person.Key())
	ds.mu.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ds.ctx), 2*time.Second)
	defer cancel()
	if err := ds.cfg.leases.DeleteAt(ctx, h.person.Key(), h.revision); err != nil && !errors.Is(err, bus.ErrConflict) {
		h.log.Warn("lease not given back", "err", err)
	}
}

// renew puts the end of a desk's lease off. A renewal whose answer came too late
// may have been made: a lease that has this instance's name is this desk's.
func (ds *Desks) renew(h *held) error {
	ttl := ds.cfg.Timing.LeaseTTL
	ctx, cancel := context.WithTimeout(ds.ctx, ttl-ds.cfg.Timing.LeaseRenew)
	defer cancel()
	until := ds.cfg.Now().Add(ttl)
	key, name := h.person.Key(), []byte(ds.cfg.Instance)
	revision, err := ds.cfg.leases.RenewFor(ctx, key, name, h.revision, ttl)
	if errors.Is(err, bus.ErrConflict) {
		owner, last, unread := ds.cfg.leases.Get(ctx, key)
		if unread != nil || !bytes.Equal(owner, name) {
			return err
		}
		revision, err = ds.cfg.leases.RenewFor(ctx, key, name, last, ttl)
	}
	if err == nil {
		h.revision, h.until = revision, until
	}
	return err
}

func (ds *Desks) mine(p session.Person) *desk {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	if h := ds.run[p.Key()]; h != nil && h.ctx.Err() == nil {
		return h.desk
	}
	return nil
}

// Leave ends a person's desk on this instance: they signed out of the last
// browser.
func (ds *Desks) Leave(p session.Person) {
	ds.mu.Lock()
	h := ds.run[p.Key()]
	ds.mu.Unlock()
	if h != nil {
		h.cancel()
		<-h.done
	}
}

// SignedOut tells a person's desk that RingCentral ended the grant, for a
// session.Reason: the board stays, as old news.
func (ds *Desks) SignedOut(p session.Person, reason string) {
	if d := ds.mine(p); d != nil {
		d.post(func() { d.signedOut(reason) })
	}
}

// Close ends every desk of this instance and waits for them.
func (ds *Desks) Close() {
	ds.mu.Lock()
	ds.over = true
	ds.mu.Unlock()
	ds.cancel()
	ds.wg.Wait()
}

// Follow gives a mailbox of the JSON of the person's snapshots.
func (ds *Desks) Follow(p session.Person) *live.Mailbox { return ds.cfg.Hub.Follow(topic(p)) }

// FollowTeam gives a mailbox of the JSON of the person's team.
func (ds *Desks) FollowTeam(p session.Person) *live.Mailbox { return ds.cfg.Hub.Follow(teamTopic(p)) }

// send publishes a snapshot to whoever follows it.
func (d *desk) send(topic string, snap board.Snapshot) {
	raw, err := json.Marshal(snap)
	if err == nil {
		err = d.cfg.Hub.Publish(topic, d.revision, raw)
	}
	if err != nil {
		d.log.Warn("snapshot not sent", "err", err)
	}
}

func (d *desk) sendTeam(t board.Team) {
	raw, err := json.Marshal(t)
	if err == nil {
		err = d.cfg.Hub.Publish(teamTopic(d.person), t.Revision, raw)
	}
	if err != nil {
		d.log.Warn("team not sent", "err", err)
	}
}

// call is a command to a desk, and reply its answer, on the bus.
type call struct {
	Op    op          `json:"op"`
	Claim board.Claim `json:"claim,omitzero"`
}

type reply struct {
	Snapshot *board.Snapshot  `json:"snapshot,omitempty"`
	Team     *board.Team      `json:"team,omitempty"`
	Problem  *problem.Problem `json:"problem,omitempty"`
}

type op string

const (
	opOpen     op = "open"
	opSnapshot op = "snapshot"
	opAct      op = "act"
	opTeam     op = "team"
)

// ask sends a command to wherever the person's desk runs. bus.ErrNoResponder
// means that nothing was done.
func (ds *Desks) ask(ctx context.Context, p session.Person, c call) (reply, error) {
	if d := ds.mine(p); d != nil {
		return d.serve(ctx, c)
	}
	raw, err := json.Marshal(c)
	if err != nil {
		return reply{}, problem.NewInternal(err)
	}
	ctx, cancel := context.WithTimeout(ctx, ds.cfg.Timing.AnswerPatient+time.Second)
	defer cancel()
	answer, err := ds.cfg.Bus.Request(ctx, subject(p), raw)
	if err != nil {
		return reply{}, err
	}
	var r reply
	if err := json.Unmarshal(answer, &r); err != nil {
		return reply{}, problem.NewInternal(err)
	}
	if r.Problem != nil {
		return r, r.Problem
	}
	return r, nil
}

// serve answers a command that came over the bus.
func (ds *Desks) serve(ctx context.Context, d *desk, data []byte) []byte {
	var c call
	var r reply
	err := json.Unmarshal(data, &c)
	if err == nil {
		r, err = d.serve(ctx, c)
	}
	if err != nil {
		p := *problem.From(err)
		d.log.Info("command refused", "op", c.Op, "err", err)
		p.Cause = nil
		r = reply{Problem: &p}
	}
	raw, err := json.Marshal(r)
	if err != nil {
		d.log.Error("answer not encoded", "err", err)
	}
	return raw
}

// serve carries out one command on the desk.
func (d *desk) serve(ctx context.Context, c call) (reply, error) {
	switch c.Op {
	case opOpen:
		d.touch()
		d.post(d.wake)
		return reply{}, nil
	case opSnapshot:
		s, err := d.look(ctx)
		return reply{Snapshot: s}, err
	case opAct:
		return reply{}, d.press(ctx, c.Claim)
	case opTeam:
		t, err := d.lookTeam(ctx)
		return reply{Team: t}, err
	}
	return reply{}, problem.NewBadRequest("op", nil)
}

// look returns the newest snapshot; a desk that just began is waited for.
func (d *desk) look(ctx context.Context) (*board.Snapshot, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timing.FirstLook)
	defer cancel()
	select {
	case <-d.ready:
		return d.current.Load(), nil
	case <-d.ctx.Done():
	case <-ctx.Done():
	}
	return nil, problem.NewUnavailable(problem.ServiceBus, errors.New("no snapshot yet"))
}

// press carries out a claim and waits a moment for what becomes of it.
func (d *desk) press(ctx context.Context, c board.Claim) error {
	d.touch()
	answer := make(chan error, 2)
	var began atomic.Bool
	d.post(func() {
		began.Store(true)
		done := func() {
			select {
			case answer <- nil:
			default:
			}
		}
		if err := d.act(c, done); err != nil {
			answer <- err
		}
	})
	timer := time.NewTimer(d.cfg.Timing.AnswerPatient)
	defer timer.Stop()
	select {
	case err := <-answer:
		if err != nil {
			return err
		}
		return d.settled(ctx)
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return nil // the press goes on; the page that asked is gone
	case <-d.ctx.Done():
		err := errors.New("the desk closed")
		if began.Load() {
			return problem.NewUnknown(err)
		}
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
}

// settled waits until the desk has shown what it just did, so that a page that
// is loaded next shows it too.
func (d *desk) settled(ctx context.Context) error {
	shown := make(chan struct{})
	d.post(func() {
		d.step()
		close(shown)
	})
	select {
	case <-shown:
	case <-ctx.Done():
	case <-d.ctx.Done():
	}
	return nil
}

// lookTeam reads whom the person may monitor again and returns the team; when
// it cannot be read now, the team that is known.
func (d *desk) lookTeam(ctx context.Context) (*board.Team, error) {
	ctx, cancel := context.WithTimeout(ctx, d.cfg.Timing.FirstLook)
	defer cancel()
	read := make(chan error, 1)
	d.post(func() {
		if d.now().Sub(d.rosterRead) < d.cfg.Timing.TeamFresh {
			read <- nil
			return
		}
		d.refreshTeam(func(err error) { read <- err })
	})
	var err error
	select {
	case err = <-read:
	case <-ctx.Done():
		err = ctx.Err()
	case <-d.ctx.Done():
		err = d.ctx.Err()
	}
	if t := d.group.Load(); t != nil {
		return t, nil
	}
	if err != nil && !refusedRight(err) {
		return nil, problem.NewUnavailable(problem.ServiceRingCentral, err)
	}
	return nil, problem.NewNotSupervisor()
}

// Snapshot returns the newest snapshot of a person's desk, wherever it runs.
func (ds *Desks) Snapshot(ctx context.Context, p session.Person) (board.Snapshot, error) {
	r, err := ds.ask(ctx, p, call{Op: opSnapshot})
	if err != nil {
		return board.Snapshot{}, unsent(err)
	}
	return *r.Snapshot, nil
}

// Act carries out a press on the person's desk, wherever it runs.
func (ds *Desks) Act(ctx context.Context, p session.Person, c board.Claim) error {
	_, err := ds.ask(ctx, p, call{Op: opAct, Claim: c})
	return unsent(err)
}

// Team returns the colleagues that the person may monitor.
func (ds *Desks) Team(ctx context.Context, p session.Person) (board.Team, error) {
	r, err := ds.ask(ctx, p, call{Op: opTeam})
	if err != nil {
		return board.Team{}, unsent(err)
	}
	return *r.Team, nil
}

// unsent makes a problem of a command that got no answer: only where nobody
// heard it is it certain that nothing was done.
func unsent(err error) error {
	var p *problem.Problem
	switch {
	case err == nil || errors.As(err, &p):
		return err
	case errors.Is(err, bus.ErrNoResponder):
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	return problem.NewUnknown(err)
}
