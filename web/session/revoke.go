package session

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
)

// revokeAll makes everything due that a person has to revoke, and revokes it.
func (s *Sessions) revokeAll(ctx context.Context, p Person) error {
	now := s.now()
	if _, err := s.vault.change(ctx, p, func(g *grant) error {
		for i := range g.Spares {
			g.Spares[i].Due = now
		}
		return nil
	}); err != nil {
		return err
	}
	return s.revokeDue(ctx, p)
}

// revokeDue revokes what is due of a person and forgets it; what RingCentral could not be asked about stays.
func (s *Sessions) revokeDue(ctx context.Context, p Person) error {
	g, _, err := s.vault.load(ctx, p)
	if err != nil {
		return err
	}
	ctx = rc.ForPerson(ctx, p.Key())
	now := s.now()
	var over []string
	var failed error
	for _, sp := range g.Spares {
		if now.Before(sp.Due) {
			continue
		}
		err := s.rc.Revoke(ctx, sp.Token)
		if err != nil && !isRefusal(err) && now.Before(sp.Until) {
			failed = err
			continue
		}
		over = append(over, sp.Token)
	}
	if len(over) == 0 {
		return failed
	}
	_, err = s.vault.change(ctx, p, func(g *grant) error {
		g.Spares = slices.DeleteFunc(g.Spares, func(sp spare) bool { return slices.Contains(over, sp.Token) })
		return nil
	})
	return errors.Join(failed, err)
}

// revokeLater revokes what is due of a person after a while, or at Close.
func (s *Sessions) revokeLater(p Person, wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return // it is in the record: the next run finds it
	}
	if before, ok := s.spares[p.Key()]; ok {
		before.cancel()
	}
	s.spares[p.Key()] = scheduled{p, s.after(wait, func() {
		if !s.begin() {
			return
		}
		defer s.work.Done()
		s.mu.Lock()
		delete(s.spares, p.Key())
		s.mu.Unlock()
		ctx, cancel := s.detached(context.Background(), signOutTimeout)
		defer cancel()
		if err := s.revokeDue(ctx, p); err != nil {
			s.log.Warn("session: not revoked yet", "person", p.Key(), "err", err)
		}
	})}
}

// startSweeping sweeps now and then until stop, which waits.
func (s *Sessions) startSweeping() (stop func()) {
	life, cancel := context.WithCancel(context.Background())
	var done sync.WaitGroup
	done.Go(func() {
		tick := time.NewTicker(sweepEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				ctx, cancel := context.WithTimeout(life, sweepTimeout)
				if err := s.Sweep(ctx); err != nil {
					s.log.Warn("session: sweep", "err", err)
				}
				cancel()
			case <-life.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		done.Wait()
	}
}

// Sweep ends the sessions that expired, revokes what a crash left to be revoked, and leaves both to another instance that
// is at it; it runs every minute by itself.
func (s *Sessions) Sweep(ctx context.Context) error {
	rev, err := s.leases.CreateFor(ctx, "sweep", nil, sweepTimeout)
	if errors.Is(err, bus.ErrExists) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { _ = s.leases.DeleteAt(context.WithoutCancel(ctx), "sweep", rev) }()
	keys, err := s.vault.bucket.Keys(ctx, ">")
	if err != nil {
		return err
	}
	var failed error
	for _, key := range keys {
		failed = errors.Join(failed, s.sweepPerson(ctx, key))
	}
	return failed
}

func (s *Sessions) sweepPerson(ctx context.Context, key string) error {
	p, ok := personOf(key)
	if !ok {
		return nil
	}
	g, _, err := s.vault.load(ctx, p)
	if errors.Is(err, errUnreadable) {
		return nil // it may open again when the right keys are back
	}
	if err != nil {
		return err
	}
	alive, err := s.alive(ctx, g.Sessions)
	if err != nil {
		return err
	}
	var over []string
	for _, hash := range g.Sessions {
		if !slices.Contains(alive, hash) {
			over = append(over, hash)
		}
	}
	if len(over) > 0 || len(g.Sessions) == 0 && g.Token.Access != "" {
		return s.leave(ctx, g.Person, over, ReasonExpired)
	}
	return s.revokeDue(ctx, g.Person)
}
