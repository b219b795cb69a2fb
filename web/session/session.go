// Package session is who is signed in: sign-in with RingCentral, the sessions of
// browsers, and one grant per person however many browsers they use.
//
// A browser's session is an opaque id in a cookie; the bus keeps it under its
// hash, with its own end, which is checked on each read. A person's grant (the
// OAuth tokens) is sealed in one record together with the list of their browser
// sessions, and every change of that record is a compare-and-set: of a sign-in
// and the last sign-out at the same moment, on whichever instances, one comes
// first. OAuth sessions that are to be revoked are in that record too, until
// they are, so that a crash forgets none.
//
// Token gives a person's access token. It is refreshed early, by one refresher
// at a time over all instances, and saved before it is used. When RingCentral
// says for good that the grant is dead, the grant is marked broken and the
// browsers' sessions live on, so that people can see what was true; the next
// sign-in replaces it.
//
// What ended is told to every instance: SessionEnded for one browser, Ended for
// a person. Whoever makes a Sessions closes it, before the bus.
package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

// CallbackPath is where RingCentral sends browsers back to, below the public URL.
const CallbackPath = "/oauth/callback"

// Why a session or a person's presence ended.
const (
	ReasonSignedOut = "signed-out"           // by the person
	ReasonElsewhere = "signed-out-elsewhere" // RingCentral ended the grant: password change, administrator, too many sign-ins
	ReasonTimedOut  = "timed-out"            // the grant ran out at RingCentral: not used for days, or an administrator's limit
	ReasonForbidden = "forbidden"            // the person's role no longer allows this app
	ReasonExpired   = "expired"              // not used for too long, or too old
	ReasonReplaced  = "replaced"             // the same browser signed in again
)

// The causes of a signed-out problem that Token and its kin return.
var (
	ErrNoGrant     = errors.New("session: this person is not signed in")
	ErrGrantBroken = errors.New("session: RingCentral ended this person's grant")
)

// What is told on the bus.
const (
	subjectBrowser = "session.browser"
	subjectPerson  = "session.person"
)

// How long things take or last.
const (
	defaultIdle     = 12 * time.Hour
	defaultLifetime = 7 * 24 * time.Hour
	signInLife      = 10 * time.Minute
	spareLife       = time.Minute // sign-in, refresh, wstoken and revoke share 5 requests a minute
	finishTimeout   = 25 * time.Second
	signOutTimeout  = 5 * time.Second
	closeTimeout    = 3 * time.Second
	sweepEvery      = time.Minute
	sweepTimeout    = 30 * time.Second
)

// authority is RingCentral as sign-in sees it.
type authority interface {
	AuthCodeURL(redirectURI, state, verifier string) string
	Exchange(ctx context.Context, redirectURI, code, verifier string) (rc.Token, error)
	Refresh(ctx context.Context, refreshToken string) (rc.Token, error)
	Revoke(ctx context.Context, token string) error
	Me(ctx context.Context, access string) (rc.Extension, error)
	SignedIn(person string)
}

// ringCentral gives the client's calls of one person the shape of one function.
type ringCentral struct{ *rc.Client }

func (c ringCentral) Me(ctx context.Context, access string) (rc.Extension, error) {
	return c.As("", func(context.Context) (string, error) { return access, nil }).Me(ctx)
}

// Config says how people sign in.
type Config struct {
	RC         *rc.Client
	Bus        *bus.Bus
	PublicURL  string        // scheme and host; http for loopback only
	Keys       [][]byte      // 32 bytes each: the first seals, all open
	Accounts   []string      // who may sign in; empty = the account of the first sign-in
	CookieName string        // without prefix; empty = "cordboard"
	Idle       time.Duration // a session unused for so long ends; zero = 12 h
	Lifetime   time.Duration // a session ends so long after sign-in; zero = 7 days
	Now        func() time.Time
	After      func(d time.Duration, f func()) (cancel func()) // time.AfterFunc when nil
	Log        *slog.Logger
}

// Person is an extension of a RingCentral account.
type Person struct {
	AccountID       string `json:"accountId"`
	ExtensionID     string `json:"extensionId"`
	ExtensionNumber string `json:"extensionNumber"`
	Name            string `json:"name"`
}

// Key is the person in buckets, subjects and usage counts: account first.
func (p Person) Key() string { return p.AccountID + "." + p.ExtensionID }

// Session is one signed-in browser.
type Session struct {
	Hash    string // names it where its id may not be told
	Person  Person
	Started time.Time
	Expires time.Time // unless it is used before
}

// Sessions is who is signed in; it may be used from any goroutine.
type Sessions struct {
	rc          authority
	bus         *bus.Bus
	log         *slog.Logger
	now         func() time.Time
	after       func(time.Duration, func()) func()
	redirectURI string
	accounts    []string
	lease       time.Duration // how long a refresher that died keeps others waiting

	signIns *bus.Bucket
	leases  *bus.Bucket
	first   *bus.Bucket // the account of the first sign-in
	ring    keyring
	store   *store
	vault   *vault
	flights singleflight.Group

	// detached is a context that outlives a request but not limit and not Close.
	detached func(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc)
	end      context.CancelFunc // of everything detached
	work     sync.WaitGroup     // what Close waits for
	stops    []func()

	mu        sync.Mutex
	closed    bool
	onPerson  []func(Person, string)
	onBrowser []func(string, string)
	spares    map[string]scheduled // revocations that this instance put off, by person

	closing sync.Once
}

// scheduled is a revocation that waits for its time.
type scheduled struct {
	person Person
	cancel func()
}

// ended is what instances tell each other.
type ended struct {
	Hash   string `json:"hash,omitempty"`
	Person Person `json:"person,omitzero"`
	Reason string `json:"reason"`
}

// New opens the buckets and begins to listen and to sweep; its errors hold no secret.
func New(ctx context.Context, cfg Config) (*Sessions, error) {
	return newSessions(ctx, cfg, ringCentral{cfg.RC})
}

func newSessions(ctx context.Context, cfg Config, a authority) (*Sessions, error) {
	origin, secure, err := checkPublicURL(cfg.PublicURL)
	if err != nil {
		return nil, err
	}
	ring, err := newKeyring(cfg.Keys)
	if err != nil {
		return nil, err
	}
	s := &Sessions{
		rc: a, bus: cfg.Bus, log: cfg.Log, now: cfg.Now, after: cfg.After,
		redirectURI: origin + CallbackPath, accounts: slices.Clone(cfg.Accounts),
		lease: defaultLease, ring: ring, spares: map[string]scheduled{},
	}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	if s.now == nil {
		s.now = time.Now
	}
	if s.after == nil {
		s.after = func(d time.Duration, f func()) func() {
			t := time.AfterFunc(d, f)
			return func() { t.Stop() }
		}
	}
	life, end := context.WithCancel(context.Background())
	s.end = end
	s.detached = func(ctx context.Context, limit time.Duration) (context.Context, context.CancelFunc) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), limit)
		stop := context.AfterFunc(life, cancel)
		return ctx, func() {
			stop()
			cancel()
		}
	}
	var sessions, grants *bus.Bucket
	for _, b := range []struct {
		to   **bus.Bucket
		name string
		ttl  bool
	}{
		{&sessions, "sessions", true},
		{&grants, bucketGrants, false},
		{&s.signIns, bucketSignIns, true},
		{&s.leases, "session-leases", true},
		{&s.first, "account", false},
	} {
		if *b.to, err = cfg.Bus.Bucket(ctx, b.name, b.ttl); err != nil {
			end()
			return nil, fmt.Errorf("session: %w", err)
		}
	}
	s.vault = &vault{bucket: grants, ring: ring, log: s.log}
	s.store = &store{
		bucket: sessions, now: s.now, idle: cfg.Idle, lifetime: cfg.Lifetime,
		name: cookieName(cfg.CookieName, secure), secure: secure,
	}
	if s.store.idle <= 0 {
		s.store.idle = defaultIdle
	}
	if s.store.lifetime <= 0 {
		s.store.lifetime = defaultLifetime
	}
	if err := s.listen(); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	s.stops = append(s.stops, s.startSweeping())
	return s, nil
}

// checkPublicURL takes a public URL apart; http is for loopback only.
func checkPublicURL(text string) (origin string, secure bool, err error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return "", false, errors.New("session: the public URL must be a scheme and a host, and nothing more")
	}
	ip := net.ParseIP(u.Hostname())
	switch {
	case u.Scheme == "https":
		return "https://" + u.Host, true, nil
	case u.Scheme == "http" && (u.Hostname() == "localhost" || ip != nil && ip.IsLoopback()):
		return "http://" + u.Host, false, nil
	}
	return "", false, errors.New("session: the public URL must be https, or http on loopback")
}

func (s *Sessions) listen() error {
	browser, err := s.bus.Subscribe(subjectBrowser, s.heard(func(e ended) {
		for _, fn := range s.listeners().onBrowser {
			fn(e.Hash, e.Reason)
		}
	}))
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	s.stops = append(s.stops, browser)
	person, err := s.bus.Subscribe(subjectPerson, s.heard(func(e ended) {
		for _, fn := range s.listeners().onPerson {
			fn(e.Person, e.Reason)
		}
	}))
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	s.stops = append(s.stops, person)
	return nil
}

func (s *Sessions) heard(tell func(ended)) func(string, []byte) {
	return func(subject string, data []byte) {
		var e ended
		if err := json.Unmarshal(data, &e); err != nil {
			s.log.Warn("session: not understood", "subject", subject, "err", err)
			return
		}
		tell(e)
	}
}

// listening is a copy of who is to be told.
type listening struct {
	onPerson  []func(Person, string)
	onBrowser []func(string, string)
}

func (s *Sessions) listeners() listening {
	s.mu.Lock()
	defer s.mu.Unlock()
	return listening{slices.Clone(s.onPerson), slices.Clone(s.onBrowser)}
}

// Ended calls fn, on every instance, when a person's last browser session is gone or their grant is broken; fn must not wait.
func (s *Sessions) Ended(fn func(p Person, reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onPerson = append(s.onPerson, fn)
}

// SessionEnded calls fn, on every instance, when the session with this hash is over; fn must not wait.
func (s *Sessions) SessionEnded(fn func(hash, reason string)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onBrowser = append(s.onBrowser, fn)
}

func (s *Sessions) tell(subject string, e ended) {
	data, err := json.Marshal(e)
	if err == nil {
		err = s.bus.Publish(subject, data)
	}
	if err != nil {
		s.log.Warn("session: an end was not told", "err", err)
	}
}

// Current is the session of a request, or a signed-out problem; asking again in the same request gives the same answer.
func (s *Sessions) Current(r *http.Request) (Session, error) {
	rec, hash, err := s.store.current(r)
	if err != nil {
		return Session{}, err
	}
	return rec.session(hash), nil
}

// Touch reads a session again and counts as use of it; a signed-out problem says that it is over.
func (s *Sessions) Touch(ctx context.Context, sess Session) (Session, error) {
	rec, err := s.store.touch(ctx, sess.Hash)
	if err != nil {
		return Session{}, err
	}
	return rec.session(sess.Hash), nil
}

// SignOut ends this browser's session, and the grant with the person's last one; without a session it does nothing.
func (s *Sessions) SignOut(w http.ResponseWriter, r *http.Request) error {
	return s.signOut(w, r, func(_ context.Context, _ Person, hash string) ([]string, error) {
		return []string{hash}, nil
	})
}

// SignOutEverywhere ends all sessions of this browser's person, and the grant.
func (s *Sessions) SignOutEverywhere(w http.ResponseWriter, r *http.Request) error {
	return s.signOut(w, r, func(ctx context.Context, p Person, hash string) ([]string, error) {
		g, _, err := s.vault.load(ctx, p)
		if err != nil && !errors.Is(err, errUnreadable) {
			return nil, err
		}
		if slices.Contains(g.Sessions, hash) {
			return g.Sessions, nil
		}
		return append(slices.Clone(g.Sessions), hash), nil
	})
}

func (s *Sessions) signOut(w http.ResponseWriter, r *http.Request, which func(context.Context, Person, string) ([]string, error)) error {
	rec, hash, err := s.store.current(r)
	s.store.forget(w) // whatever happens, this browser is rid of it
	if errors.Is(err, problem.NewSignedOut(nil)) {
		return nil
	}
	if err != nil {
		return err
	}
	ctx, cancel := s.detached(r.Context(), signOutTimeout)
	defer cancel()
	hashes, err := which(ctx, rec.Person, hash)
	if err == nil {
		err = s.leave(ctx, rec.Person, hashes, ReasonSignedOut)
	}
	if err != nil {
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	return nil
}

// leave ends sessions of a person, tells it, and ends the grant when none is left.
func (s *Sessions) leave(ctx context.Context, p Person, hashes []string, reason string) error {
	for _, hash := range hashes {
		if err := s.store.delete(ctx, hash); err != nil {
			return err
		}
		s.tell(subjectBrowser, ended{Hash: hash, Reason: reason})
	}
	var last bool
	_, err := s.vault.change(ctx, p, func(g *grant) error {
		last = false
		alive, err := s.alive(ctx, g.Sessions)
		if err != nil {
			return err
		}
		g.Sessions = alive
		if len(alive) == 0 && (g.Token.Access != "" || g.Broken != "") {
			g.retire(s.now())
			last = true
		}
		return nil
	})
	if errors.Is(err, errUnreadable) {
		s.log.Error("session: a grant cannot be opened with the keys given", "person", p.Key())
		return nil
	}
	if err != nil {
		return err
	}
	if last {
		s.tell(subjectPerson, ended{Person: p, Reason: reason})
	}
	if err := s.revokeDue(ctx, p); err != nil {
		s.log.Warn("session: not revoked yet", "person", p.Key(), "err", err)
	}
	return nil
}

// alive keeps of the hashes those whose session is not over.
func (s *Sessions) alive(ctx context.Context, hashes []string) ([]string, error) {
	var alive []string
	for _, hash := range hashes {
		_, _, err := s.store.read(ctx, hash)
		switch {
		case err == nil:
			alive = append(alive, hash)
		case !errors.Is(err, errNoSession):
			return nil, err
		}
	}
	return alive, nil
}

// Close revokes what waits to be revoked, ends the work under way and waits for it; again does nothing.
func (s *Sessions) Close() error {
	s.closing.Do(func() {
		s.mu.Lock()
		s.closed = true
		waiting := s.spares
		s.spares = nil
		s.mu.Unlock()
		ctx, cancel := s.detached(context.Background(), closeTimeout)
		for _, w := range waiting {
			w.cancel()
			s.work.Go(func() {
				if err := s.revokeAll(ctx, w.person); err != nil {
					s.log.Warn("session: left to be revoked by the next run", "person", w.person.Key(), "err", err)
				}
			})
		}
		for _, stop := range s.stops {
			stop()
		}
		stopEnding := context.AfterFunc(ctx, s.end)
		s.work.Wait()
		stopEnding()
		cancel()
		s.end()
	})
	return nil
}
