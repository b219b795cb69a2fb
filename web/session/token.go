package session

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

// How refreshing is bounded: a refresher that dies keeps others waiting until its lease runs out.
const (
	defaultLease   = 25 * time.Second
	refreshTimeout = 22 * time.Second
	refreshTries   = 3
	leastLeft      = 2 * time.Minute
)

// Token is a person's access token with some minutes left; a signed-out problem wraps ErrNoGrant or ErrGrantBroken.
func (s *Sessions) Token(ctx context.Context, p Person) (string, error) { return s.token(ctx, p, "") }

// Refused says that RingCentral answered 401 to this access token and gets another one, or a problem as from Token.
func (s *Sessions) Refused(ctx context.Context, p Person, access string) (string, error) {
	return s.token(ctx, p, access)
}

// token is an access token that is fresh and not the refused one.
func (s *Sessions) token(ctx context.Context, p Person, refused string) (string, error) {
	g, err := s.usableGrant(ctx, p)
	if err != nil {
		return "", err
	}
	if s.fresh(g.Token, refused) {
		return g.Token.Access, nil
	}
	flight := s.flights.DoChan(p.Key()+" "+refused, func() (any, error) {
		if !s.begin() {
			return "", problem.NewUnavailable(problem.ServiceBus, bus.ErrNotReady)
		}
		defer s.work.Done()
		ctx, cancel := s.detached(rc.ForPerson(ctx, p.Key()), refreshTimeout) // a press that is given up must not lose the answer
		defer cancel()
		return s.refresh(ctx, p, refused)
	})
	select {
	case r := <-flight:
		access, _ := r.Val.(string)
		return access, r.Err
	case <-ctx.Done():
		return "", problem.NewUnavailable(problem.ServiceRingCentral, ctx.Err())
	}
}

// begin counts work that Close waits for; it is false when there is to be no more.
func (s *Sessions) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.work.Add(1)
	return true
}

// usableGrant is a person's grant if it works, else a problem.
func (s *Sessions) usableGrant(ctx context.Context, p Person) (grant, error) {
	g, _, err := s.vault.load(ctx, p)
	switch {
	case errors.Is(err, errUnreadable):
		s.log.Error("session: a grant cannot be opened with the keys given", "person", p.Key())
		return grant{}, problem.NewSignedOut(errors.Join(ErrGrantBroken, err))
	case err != nil:
		return grant{}, problem.NewUnavailable(problem.ServiceBus, err)
	case g.Broken != "":
		return grant{}, problem.NewSignedOut(ErrGrantBroken)
	case !g.works():
		return grant{}, problem.NewSignedOut(ErrNoGrant)
	}
	return g, nil
}

// fresh reports whether an access token may be used for a while.
func (s *Sessions) fresh(t tokens, refused string) bool {
	life := t.AccessExpires.Sub(t.Issued)
	margin := min(max(life/10, leastLeft), life/2)
	return t.Access != refused && t.AccessExpires.Sub(s.now()) > margin
}

// refresh waits for its turn among all instances and then refreshes, unless somebody else has.
func (s *Sessions) refresh(ctx context.Context, p Person, refused string) (string, error) {
	key := "refresh." + p.Key()
	for {
		g, err := s.usableGrant(ctx, p)
		if err != nil {
			return "", err
		}
		if s.fresh(g.Token, refused) {
			return g.Token.Access, nil
		}
		rev, err := s.leases.CreateFor(ctx, key, nil, s.lease)
		if err == nil {
			return s.refreshLeased(ctx, p, refused, key, rev)
		}
		if errors.Is(err, bus.ErrExists) {
			err = s.awaitGone(ctx, key)
		}
		if err != nil {
			return "", problem.NewUnavailable(problem.ServiceBus, err)
		}
	}
}

// awaitGone waits until a lease is given back or runs out.
func (s *Sessions) awaitGone(ctx context.Context, key string) error {
	var held atomic.Bool
	gone := make(chan struct{}, 1)
	stop, err := s.leases.Watch(ctx, key, func(c bus.Change) {
		held.Store(!c.Deleted)
		if c.Deleted {
			select {
			case gone <- struct{}{}:
			default:
			}
		}
	})
	if err != nil {
		return err
	}
	defer stop()
	if !held.Load() {
		return nil
	}
	select {
	case <-gone:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// refreshLeased refreshes as the only refresher; the new pair is saved before anybody uses it.
func (s *Sessions) refreshLeased(ctx context.Context, p Person, refused, key string, lease uint64) (string, error) {
	defer func() {
		if err := s.leases.DeleteAt(context.WithoutCancel(ctx), key, lease); err != nil {
			s.log.Warn("session: a lease was not given back", "err", err)
		}
	}()
	g, err := s.usableGrant(ctx, p) // the refresher before us may have saved in between
	if err != nil {
		return "", err
	}
	if s.fresh(g.Token, refused) {
		return g.Token.Access, nil
	}
	old := g.Token
	if old.Refresh == "" {
		return s.withoutRefresh(ctx, p, old, refused)
	}
	fresh, err := s.repeatRefresh(ctx, old.Refresh)
	switch {
	case err == nil:
	case isPermanent(err):
		return s.broken(ctx, p, old, err)
	case isKnown(err) && old.Access != refused && s.now().Before(old.AccessExpires):
		s.log.Warn("session: not refreshed, the old token is used on", "person", p.Key(), "err", err)
		return old.Access, nil
	default:
		return "", ringCentralProblem(err)
	}
	return s.saveRefreshed(ctx, p, old, keep(fresh, s.now()))
}

// withoutRefresh uses an access token up that RingCentral gave no refresh token for.
func (s *Sessions) withoutRefresh(ctx context.Context, p Person, old tokens, refused string) (string, error) {
	if old.Access != refused && s.now().Before(old.AccessExpires) {
		return old.Access, nil
	}
	return s.broken(ctx, p, old, errors.New("session: the access token is over and the app issues no refresh tokens"))
}

// repeatRefresh asks again with the same token while nobody knows what became of it: RingCentral answers with the same pair.
func (s *Sessions) repeatRefresh(ctx context.Context, refresh string) (rc.Token, error) {
	for try := 1; ; try++ {
		t, err := s.rc.Refresh(ctx, refresh)
		if err == nil || isKnown(err) || try == refreshTries || ctx.Err() != nil {
			return t, err
		}
		s.log.Warn("session: unknown outcome of a refresh, asking again", "try", try, "err", err)
	}
}

// saveRefreshed puts the new pair in the place of the old one; when the person signed out meanwhile, it is revoked.
func (s *Sessions) saveRefreshed(ctx context.Context, p Person, old, fresh tokens) (string, error) {
	saved, gone := fresh.Access, false
	_, err := s.vault.change(ctx, p, func(g *grant) error {
		saved, gone = fresh.Access, false
		switch {
		case g.works() && g.Token.Refresh == old.Refresh:
			g.Token = fresh
		case g.works(): // a sign-in replaced the grant
			saved = g.Token.Access
		default: // what sign-out keeps to revoke is the old token, and that may be dead by now
			g.spare(fresh, s.now())
			gone = true
		}
		return nil
	})
	if err != nil {
		return "", problem.NewUnavailable(problem.ServiceBus, err)
	}
	if gone {
		if err := s.revokeDue(ctx, p); err != nil {
			s.log.Warn("session: not revoked yet", "person", p.Key(), "err", err)
		}
		return "", problem.NewSignedOut(ErrNoGrant)
	}
	return saved, nil
}

// codeTokenExpired is RingCentral's word for a refresh token that was good once.
const codeTokenExpired = "OAU-210"

// broken marks a grant that RingCentral will not have any more, and tells it, unless somebody replaced it meanwhile.
func (s *Sessions) broken(ctx context.Context, p Person, old tokens, cause error) (string, error) {
	reason := ReasonElsewhere
	var e *rc.Error
	switch {
	case !errors.As(cause, &e):
	case e.Permission != "":
		reason = ReasonForbidden
	case e.Code == codeTokenExpired:
		reason = ReasonTimedOut
	}
	marked, access := false, ""
	_, err := s.vault.change(ctx, p, func(g *grant) error {
		marked, access = false, ""
		switch {
		case !g.works():
		case g.Token.Access == old.Access:
			g.Token, g.Broken, marked = tokens{}, reason, true
		default:
			access = g.Token.Access
		}
		return nil
	})
	switch {
	case err != nil:
		return "", problem.NewUnavailable(problem.ServiceBus, err)
	case access != "":
		return access, nil
	case marked:
		s.log.Warn("session: the grant is broken", "person", p.Key(), "reason", reason, "err", cause)
		s.tell(subjectPerson, ended{Person: p, Reason: reason})
	}
	return "", problem.NewSignedOut(errors.Join(ErrGrantBroken, cause))
}

// Broken is why RingCentral ended a person's grant, empty while it works or where there is none.
func (s *Sessions) Broken(ctx context.Context, p Person) (reason string, err error) {
	g, _, err := s.vault.load(ctx, p)
	if errors.Is(err, errUnreadable) {
		return ReasonElsewhere, nil
	}
	if err != nil {
		return "", problem.NewUnavailable(problem.ServiceBus, err)
	}
	return g.Broken, nil
}
