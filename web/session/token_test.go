package session

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/problem"
)

// signedIn is a world in which one person is signed in.
func signedIn(t *testing.T) (*world, *Sessions, *browser) {
	t.Helper()
	w := newWorld(t)
	s, b := w.instance(), newBrowser(t)
	b.signIn(s, w.rc, agent)
	return w, s, b
}

func TestATokenIsRefreshedBeforeItEnds(t *testing.T) {
	w, s, _ := signedIn(t)
	first := wantToken(t, s, agentP)
	w.pass(accessLife - accessLife/10 - time.Second)
	if wantToken(t, s, agentP) != first {
		t.Error("refreshed while a tenth of its life is left")
	}
	w.pass(2 * time.Second)
	if wantToken(t, s, agentP) == first {
		t.Error("not refreshed in time")
	}
	if _, _, refreshes := w.rc.counts(); refreshes != 1 {
		t.Errorf("%d refreshes", refreshes)
	}
}

func TestOneRefresherAtATimeOverAllInstances(t *testing.T) {
	w, s, _ := signedIn(t)
	instances := []*Sessions{s, w.instance(), w.instance()}
	w.rc.hook = func(string) error { // takes its time, so that two at once would meet
		for range 50 {
			if _, err := s.Broken(t.Context(), agentP); err != nil {
				return err
			}
		}
		return nil
	}
	for round := 1; round <= 5; round++ {
		w.pass(accessLife)
		var mu sync.Mutex
		var all sync.WaitGroup
		got := map[string]int{}
		for i := range 12 {
			all.Go(func() {
				access, err := instances[i%len(instances)].Token(t.Context(), agentP)
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				defer mu.Unlock()
				got[access]++
			})
		}
		all.Wait()
		if _, _, refreshes := w.rc.counts(); len(got) != 1 || refreshes != round {
			t.Fatalf("round %d: %d different tokens, %d refreshes", round, len(got), refreshes)
		}
	}
	wantToken(t, s, agentP)
}

func TestANewPairIsSavedBeforeItIsGivenOut(t *testing.T) {
	w, s, _ := signedIn(t)
	other := w.instance()
	w.pass(accessLife)
	access, err := s.Token(t.Context(), agentP)
	if err != nil {
		t.Fatal(err)
	}
	g, _, err := other.vault.load(t.Context(), agentP)
	if err != nil || g.Token.Access != access {
		t.Errorf("not saved when it was given out: %v", err)
	}
}

func TestAfterAnUnknownOutcomeTheSameRefreshIsRepeated(t *testing.T) {
	t.Run("at once", func(t *testing.T) {
		w, s, _ := signedIn(t)
		lost := 0
		w.rc.hook = func(op string) error {
			if op == "refresh" && lost < 2 {
				lost++
				return errLost
			}
			return nil
		}
		w.pass(accessLife)
		wantToken(t, s, agentP)
		if _, _, refreshes := w.rc.counts(); refreshes != 3 || lost != 2 {
			t.Errorf("%d refreshes, %d lost", refreshes, lost)
		}
	})
	t.Run("when it is asked for again", func(t *testing.T) {
		w, s, _ := signedIn(t)
		w.rc.hook = func(op string) error {
			if op == "refresh" {
				return errLost
			}
			return nil
		}
		w.pass(accessLife)
		_, err := s.Token(t.Context(), agentP)
		wantIs(t, err, problem.NewUnavailable("", nil))
		w.rc.hook = nil
		wantToken(t, s, agentP)
		w.wantQuiet(s)
	})
	t.Run("by the next instance, after a crash between answer and save", func(t *testing.T) {
		w, s, _ := signedIn(t)
		next := w.instance()
		next.lease = time.Second
		w.pass(accessLife)
		g, _, err := s.vault.load(t.Context(), agentP)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.leases.CreateFor(t.Context(), "refresh."+agentP.Key(), nil, time.Second); err != nil {
			t.Fatal(err)
		}
		lost, err := w.rc.Refresh(t.Context(), g.Token.Refresh) // and then the process dies
		if err != nil {
			t.Fatal(err)
		}
		if access := wantToken(t, next, agentP); access != lost.Access {
			t.Error("another pair than the one that was lost")
		}
	})
	t.Run("after the caller went away", func(t *testing.T) {
		w, s, _ := signedIn(t)
		ctx, cancel := context.WithCancel(t.Context())
		release := make(chan struct{})
		w.rc.hook = func(op string) error {
			if op == "refresh" {
				cancel()
				<-release
			}
			return nil
		}
		w.pass(accessLife)
		_, err := s.Token(ctx, agentP)
		wantIs(t, err, context.Canceled)
		close(release)
		wantToken(t, s, agentP)
		if _, _, refreshes := w.rc.counts(); refreshes != 1 {
			t.Errorf("%d refreshes: the answer was lost", refreshes)
		}
	})
}

func TestARestartNeedsNoSignIn(t *testing.T) {
	for name, idle := range map[string]time.Duration{"while the token lives": time.Minute, "after its end": accessLife} {
		t.Run(name, func(t *testing.T) {
			w, s, b := signedIn(t)
			before := wantToken(t, s, agentP)
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			w.reopen()
			w.pass(idle)
			s = w.instance()
			if _, err := b.current(s); err != nil {
				t.Errorf("the browser's session: %v", err)
			}
			refreshes := 0
			if after := wantToken(t, s, agentP); after != before {
				refreshes = 1
			}
			if _, _, n := w.rc.counts(); n != refreshes || refreshes == 1 != (idle == accessLife) {
				t.Errorf("%d refreshes, want %d", n, refreshes)
			}
		})
	}
}

func TestADeadGrantIsMarkedBrokenAndTold(t *testing.T) {
	w, s, b := signedIn(t)
	other := w.instance()
	old := wantToken(t, s, agentP)
	w.rc.kill()
	_, err := s.Refused(t.Context(), agentP, old)
	wantIs(t, err, ErrGrantBroken)
	wantIs(t, err, problem.NewSignedOut(nil))
	w.wantTold("person 1.101 signed-out-elsewhere", "person 1.101 signed-out-elsewhere")
	if _, err := b.current(other); err != nil {
		t.Errorf("the browser cannot see the stale board: %v", err)
	}
	if reason, err := other.Broken(t.Context(), agentP); reason != ReasonElsewhere || err != nil {
		t.Errorf("reason %q, %v", reason, err)
	}
	before := w.rc.calls
	_, err = other.Token(t.Context(), agentP)
	wantIs(t, err, ErrGrantBroken)
	_, err = other.Refused(t.Context(), agentP, old)
	wantIs(t, err, ErrGrantBroken)
	if w.rc.calls != before {
		t.Error("RingCentral is asked again with a dead token")
	}
	b.signOut(s)
	if keys, err := s.vault.bucket.Keys(t.Context(), ">"); err != nil || len(keys) != 0 {
		t.Errorf("records left: %v, %v", keys, err)
	}
}

func TestALostRoleIsAReasonOfItsOwn(t *testing.T) {
	w, s, _ := signedIn(t)
	w.rc.before = func(string) error {
		return &rc.Error{Status: 400, Code: "CMN-408", Permission: "ThirdPartyAppAccess"}
	}
	w.pass(accessLife)
	_, err := s.Token(t.Context(), agentP)
	wantIs(t, err, ErrGrantBroken)
	w.wantTold("person 1.101 forbidden")
}

func TestAGrantThatRanOutIsAReasonOfItsOwn(t *testing.T) {
	w, s, _ := signedIn(t)
	w.rc.before = func(string) error { return &rc.Error{Status: 400, Code: "OAU-210"} }
	w.pass(accessLife)
	_, err := s.Token(t.Context(), agentP)
	wantIs(t, err, ErrGrantBroken)
	w.wantTold("person 1.101 timed-out")
	if reason, err := s.Broken(t.Context(), agentP); reason != ReasonTimedOut || err != nil {
		t.Errorf("reason %q, %v", reason, err)
	}
}

func TestTroubleThatIsNotTheGrantsDoesNotBreakIt(t *testing.T) {
	for name, trouble := range map[string]*rc.Error{
		"wrong client secret": {Status: 400, Code: "OAU-153"},
		"a proxy's 403":       {Status: 403},
		"too many requests":   {Status: 429, Code: "CMN-301", RetryAfter: time.Minute},
		"down":                {Status: 503, Code: "CMN-201"},
		"not reached":         {Unsent: true, Err: errors.New("no route")},
		"held back by us":     {Status: 429, Unsent: true, Err: rc.ErrHeldBack},
	} {
		t.Run(name, func(t *testing.T) {
			w, s, _ := signedIn(t)
			old := wantToken(t, s, agentP)
			w.rc.before = func(op string) error {
				if op == "refresh" {
					return trouble
				}
				return nil
			}
			w.pass(accessLife - time.Minute)
			if wantToken(t, s, agentP) != old {
				t.Error("while the old token lives, it is not used on")
			}
			w.pass(time.Minute)
			if _, err := s.Token(t.Context(), agentP); err == nil || errors.Is(err, ErrGrantBroken) {
				t.Errorf("after its end: %v", err)
			}
			w.rc.before = nil
			wantToken(t, s, agentP)
			w.wantQuiet(s)
		})
	}
}

func TestARefusedTokenIsNotGivenOutAgain(t *testing.T) {
	w, s, _ := signedIn(t)
	old := wantToken(t, s, agentP)
	next, err := s.Refused(t.Context(), agentP, old)
	if err != nil || next == old {
		t.Fatalf("same token %v, %v", next == old, err)
	}
	again, err := w.instance().Refused(t.Context(), agentP, old)
	if err != nil || again != next {
		t.Errorf("the same complaint again refreshes again: %v", err)
	}
	if _, _, refreshes := w.rc.counts(); refreshes != 1 {
		t.Errorf("%d refreshes", refreshes)
	}
	w.rc.before = func(string) error { return &rc.Error{Status: 503} }
	if access, err := s.Refused(t.Context(), agentP, next); err == nil {
		t.Errorf("given out again: %v", access == next)
	}
}

func TestSignOutDuringARefreshLeavesNothingAlive(t *testing.T) {
	w, s, b := signedIn(t)
	w.pass(accessLife)
	w.rc.hook = func(op string) error {
		if op == "refresh" {
			b.signOut(s)
		}
		return nil
	}
	_, err := s.Token(t.Context(), agentP)
	wantIs(t, err, ErrNoGrant)
	if live, _, _ := w.rc.counts(); live != 0 {
		t.Errorf("%d OAuth sessions live", live)
	}
	if keys, err := s.vault.bucket.Keys(t.Context(), ">"); err != nil || len(keys) != 0 {
		t.Errorf("records left: %v, %v", keys, err)
	}
}

func TestAGrantReplacedDuringADeadRefreshIsNotBroken(t *testing.T) {
	w, s, _ := signedIn(t)
	other := w.instance()
	w.pass(accessLife)
	w.rc.before = func(op string) error {
		if op != "refresh" {
			return nil
		}
		w.rc.before = nil
		g, _, err := s.vault.load(t.Context(), agentP)
		if err != nil {
			return err
		}
		fresh, err := w.rc.Refresh(t.Context(), g.Token.Refresh) // an instance that lost its lease, but not its wits
		if err != nil {
			return err
		}
		if _, err := other.saveRefreshed(t.Context(), agentP, g.Token, keep(fresh, w.now())); err != nil {
			return err
		}
		_, err = w.rc.Me(t.Context(), fresh.Access) // from now on the old token is dead
		return err
	}
	wantToken(t, s, agentP)
	w.wantQuiet(s)
}

func TestAnAppWithoutRefreshTokensLastsAsLongAsItsToken(t *testing.T) {
	w, s, _ := signedIn(t)
	if _, err := s.vault.change(t.Context(), agentP, func(g *grant) error {
		g.Token.Refresh = ""
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	w.pass(accessLife - time.Second)
	wantToken(t, s, agentP)
	w.pass(time.Second)
	_, err := s.Token(t.Context(), agentP)
	wantIs(t, err, ErrGrantBroken)
	w.wantTold("person 1.101 signed-out-elsewhere")
}

func TestCloseWaitsForARefresh(t *testing.T) {
	w, s, _ := signedIn(t)
	w.pass(accessLife)
	entered, release := make(chan struct{}), make(chan struct{})
	w.rc.hook = func(op string) error {
		if op == "refresh" {
			close(entered)
			<-release
		}
		return nil
	}
	got := make(chan error, 1)
	go func() {
		_, err := s.Token(t.Context(), agentP)
		got <- err
	}()
	<-entered
	go close(release)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	g, _, err := s.vault.load(t.Context(), agentP)
	if err != nil || !w.now().Before(g.Token.AccessExpires) {
		t.Errorf("the answer was not saved: %v", err)
	}
	if err := <-got; err != nil {
		t.Error(err)
	}
	if _, err := s.Refused(t.Context(), agentP, g.Token.Access); err == nil {
		t.Error("refreshes after Close")
	}
}

func TestNoChangeOfAGrantIsLost(t *testing.T) {
	w, s, _ := signedIn(t)
	instances := []*Sessions{s, w.instance()}
	var all sync.WaitGroup
	for i := range 16 {
		all.Go(func() {
			if _, err := instances[i%2].vault.change(t.Context(), agentP, func(g *grant) error {
				g.Sessions = append(g.Sessions, fmt.Sprint("hash", i))
				return nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	g, _, err := s.vault.load(t.Context(), agentP)
	if err != nil || len(g.Sessions) != 17 {
		t.Errorf("%d sessions, %v", len(g.Sessions), err)
	}
}

func TestSealedGrantsOpenInTheirPlaceOnly(t *testing.T) {
	w, s, _ := signedIn(t)
	newBrowser(t).signIn(s, w.rc, colleague)
	sealed, _, err := s.vault.bucket.Get(t.Context(), agentP.Key())
	if err != nil {
		t.Fatal(err)
	}
	put := func(t *testing.T, p Person, value []byte) {
		t.Helper()
		if _, err := s.vault.bucket.Put(t.Context(), p.Key(), value); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("moved to another person", func(t *testing.T) {
		put(t, colleagueP, sealed)
		_, err := s.Token(t.Context(), colleagueP)
		wantIs(t, err, errUnreadable)
		wantIs(t, err, problem.NewSignedOut(nil))
	})
	t.Run("moved to another bucket", func(t *testing.T) {
		_, err := s.ring.open(sealed, place{"other", "1", "101"})
		wantIs(t, err, errUnreadable)
	})
	t.Run("changed or cut anywhere", func(t *testing.T) {
		for i := range sealed {
			changed := slices.Clone(sealed)
			changed[i] ^= 1
			if _, err := s.ring.open(changed, grantPlace(agentP)); !errors.Is(err, errUnreadable) {
				t.Fatalf("byte %d changed: %v", i, err)
			}
			if _, err := s.ring.open(sealed[:i], grantPlace(agentP)); !errors.Is(err, errUnreadable) {
				t.Fatalf("cut to %d bytes: %v", i, err)
			}
		}
		if _, err := s.ring.open(sealed, grantPlace(agentP)); err != nil {
			t.Fatal(err)
		}
	})
	t.Run("two seals of the same differ", func(t *testing.T) {
		one, two := s.ring.seal([]byte("x"), place{}), s.ring.seal([]byte("x"), place{})
		if slices.Equal(one, two) {
			t.Error("they are equal")
		}
	})
	t.Run("a sweep leaves what does not open, and a sign-in replaces it", func(t *testing.T) {
		put(t, colleagueP, sealed)
		sweep(t, s)
		if got, _, err := s.vault.bucket.Get(t.Context(), colleagueP.Key()); err != nil || !slices.Equal(got, sealed) {
			t.Errorf("swept: %v", err)
		}
		b := newBrowser(t)
		b.signIn(s, w.rc, colleague)
		wantToken(t, s, colleagueP)
		put(t, colleagueP, sealed)
		b.signOut(s)
		if _, err := b.current(s); err == nil {
			t.Error("a grant that does not open keeps the browser signed in")
		}
	})
}

func TestKeysRotate(t *testing.T) {
	w, s, _ := signedIn(t)
	both := w.instance(func(c *Config) { c.Keys = [][]byte{testKey(2), testKey(1)} })
	only := w.instance(func(c *Config) { c.Keys = [][]byte{testKey(2)} })
	wantToken(t, both, agentP)
	_, err := only.Token(t.Context(), agentP)
	wantIs(t, err, errUnreadable)
	w.pass(accessLife)
	wantToken(t, both, agentP) // a refresh seals anew
	wantToken(t, only, agentP)
	_, err = s.Token(t.Context(), agentP)
	wantIs(t, err, errUnreadable)
}

func TestKeysAreChecked(t *testing.T) {
	for name, keys := range map[string][][]byte{
		"none": nil, "short": {testKey(1)[:31]}, "long": {append(testKey(1), 1)}, "second empty": {testKey(1), nil},
	} {
		if _, err := newKeyring(keys); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestIDsThatWouldReachElsewhereAreRefused(t *testing.T) {
	w := newWorld(t)
	s := w.instance()
	for _, p := range []Person{{}, {AccountID: "1"}, {AccountID: "1", ExtensionID: "*"}, {AccountID: "1.2", ExtensionID: "3"}, {AccountID: "1", ExtensionID: ">"}} {
		if _, err := s.Token(t.Context(), p); err == nil || errors.Is(err, ErrNoGrant) {
			t.Errorf("%q: %v", p.Key(), err)
		}
	}
	_, err := newBrowser(t).trySignIn(s, w.rc, rc.Extension{AccountID: "1", ID: "1.2"})
	wantIs(t, err, problem.NewInternal(nil))
}
