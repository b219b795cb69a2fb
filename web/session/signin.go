package session

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/gorilla/sessions"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

// bucketSignIns is where sign-ins under way are kept.
const bucketSignIns = "attempts"

// firstAccountKey is where the account of the first sign-in is kept.
const firstAccountKey = "first"

// maxReturn bounds the length of a path to return to.
const maxReturn = 512

// attempt is one sign-in under way, kept sealed under the hash of its state.
type attempt struct {
	Verifier string    `json:"verifier"`
	Browser  string    `json:"browser"` // hash of the pre-session cookie
	ReturnTo string    `json:"returnTo"`
	Expires  time.Time `json:"expires"`
}

// Begin starts a sign-in and returns where to send the browser; the way back leads to returnTo if that is a local path, else to "/".
func (s *Sessions) Begin(w http.ResponseWriter, r *http.Request, returnTo string) (authorizeURL string, err error) {
	browser, state, verifier := s.preSession(w, r), randomID(), randomID()
	plain, err := json.Marshal(attempt{
		Verifier: verifier, Browser: browser, ReturnTo: localPath(returnTo), Expires: s.now().Add(signInLife),
	})
	if err != nil {
		return "", problem.NewInternal(err)
	}
	key, _ := hashID(state)
	if _, err := s.signIns.CreateFor(r.Context(), key, s.ring.seal(plain, place{bucket: bucketSignIns, account: key}), signInLife); err != nil {
		return "", problem.NewUnavailable(problem.ServiceBus, err)
	}
	return s.rc.AuthCodeURL(s.redirectURI, state, verifier), nil
}

// preSession ties a sign-in to the browser that began it, and returns the hash of the cookie's id; two tabs share one.
func (s *Sessions) preSession(w http.ResponseWriter, r *http.Request) string {
	id := ""
	if c, err := r.Cookie(s.preSessionCookie()); err == nil {
		id = c.Value
	}
	hash, ok := hashID(id)
	if !ok {
		id = randomID()
		hash, _ = hashID(id)
	}
	http.SetCookie(w, sessions.NewCookie(s.preSessionCookie(), id, s.store.options(signInLife)))
	return hash
}

func (s *Sessions) preSessionCookie() string { return s.store.name + "-signin" }

// Finish ends a sign-in at the callback: it checks state and browser, learns who signed in, and starts their session.
//
// The person's grant is the one they have while it works, and the new OAuth session is revoked a minute later; else it is the new one.
func (s *Sessions) Finish(w http.ResponseWriter, r *http.Request) (sess Session, returnTo string, err error) {
	a, err := s.take(r)
	if err != nil {
		return Session{}, "", err
	}
	query := r.URL.Query()
	switch word := query.Get("error"); {
	case word == "access_denied":
		return Session{}, "", problem.NewSignInDenied(nil)
	case word != "":
		return Session{}, "", problem.NewSignInStale(errors.New("session: the authorize page ended with an error"))
	case query.Get("code") == "":
		return Session{}, "", problem.NewBadRequest("code", nil)
	}
	ctx, cancel := s.detached(r.Context(), finishTimeout) // from here on a browser that goes away must leave nothing behind
	defer cancel()
	token, err := s.rc.Exchange(ctx, s.redirectURI, query.Get("code"), a.Verifier)
	if err != nil {
		return Session{}, "", exchangeProblem(err)
	}
	sess, err = s.signIn(ctx, w, r, token)
	if err != nil {
		if err := s.rc.Revoke(ctx, keepable(token)); err != nil {
			s.log.Warn("session: a refused sign-in was not revoked", "err", err)
		}
		return Session{}, "", err
	}
	return sess, a.ReturnTo, nil
}

// take uses a sign-in up; only the browser that began it can, once, in time.
func (s *Sessions) take(r *http.Request) (attempt, error) {
	key, ok := hashID(r.URL.Query().Get("state"))
	if !ok {
		return attempt{}, problem.NewSignInStale(errors.New("session: not a state"))
	}
	sealed, rev, err := s.signIns.Get(r.Context(), key)
	if errors.Is(err, bus.ErrNotFound) {
		return attempt{}, problem.NewSignInStale(errors.New("session: no sign-in has this state"))
	}
	if err != nil {
		return attempt{}, problem.NewUnavailable(problem.ServiceBus, err)
	}
	plain, err := s.ring.open(sealed, place{bucket: bucketSignIns, account: key})
	if err != nil {
		return attempt{}, problem.NewSignInStale(err)
	}
	var a attempt
	if err := json.Unmarshal(plain, &a); err != nil {
		return attempt{}, problem.NewSignInStale(err)
	}
	browser := ""
	if c, err := r.Cookie(s.preSessionCookie()); err == nil {
		browser, _ = hashID(c.Value)
	}
	if subtle.ConstantTimeCompare([]byte(browser), []byte(a.Browser)) != 1 {
		return attempt{}, problem.NewSignInStale(errors.New("session: another browser began this sign-in"))
	}
	err = s.signIns.DeleteAt(r.Context(), key, rev)
	switch {
	case errors.Is(err, bus.ErrConflict):
		return attempt{}, problem.NewSignInStale(errors.New("session: this sign-in was finished before"))
	case err != nil:
		return attempt{}, problem.NewUnavailable(problem.ServiceBus, err)
	case !s.now().Before(a.Expires):
		return attempt{}, problem.NewSignInStale(errors.New("session: this sign-in took too long"))
	}
	return a, nil
}

// signIn makes a session of a fresh token; on an error nothing is left but the token.
func (s *Sessions) signIn(ctx context.Context, w http.ResponseWriter, r *http.Request, token rc.Token) (Session, error) {
	me, err := s.rc.Me(ctx, token.Access)
	if err != nil {
		return Session{}, ringCentralProblem(err)
	}
	p := Person{AccountID: me.AccountID, ExtensionID: me.ID, ExtensionNumber: me.Number, Name: me.Name}
	if !isID(p.AccountID) || !isID(p.ExtensionID) {
		return Session{}, problem.NewInternal(errors.New("session: RingCentral named no account or extension"))
	}
	s.rc.SignedIn(p.Key())
	if err := s.admit(ctx, p.AccountID); err != nil {
		return Session{}, err
	}
	before, beforeHash, beforeErr := s.store.current(r)
	sess, err := s.store.begin(w, r.WithContext(ctx), p)
	if err != nil {
		return Session{}, err
	}
	if err := s.adopt(ctx, p, token, sess.Hash); err != nil {
		s.store.forget(w)
		if err := s.store.delete(ctx, sess.Hash); err != nil {
			s.log.Warn("session: a session that did not begin was not deleted", "err", err)
		}
		return Session{}, problem.NewUnavailable(problem.ServiceBus, err)
	}
	if beforeErr == nil {
		if err := s.leave(ctx, before.Person, []string{beforeHash}, ReasonReplaced); err != nil {
			s.log.Warn("session: the browser's older session was not ended", "err", err)
		}
	}
	return sess, nil
}

// admit lets in the accounts of the list, or, without one, the account of the first sign-in.
func (s *Sessions) admit(ctx context.Context, account string) error {
	if len(s.accounts) > 0 {
		if slices.Contains(s.accounts, account) {
			return nil
		}
		return problem.NewForeignAccount()
	}
	_, err := s.first.Create(ctx, firstAccountKey, []byte(account))
	if err == nil {
		s.log.Info("session: the first sign-in decides the account", "account", account)
		return nil
	}
	if !errors.Is(err, bus.ErrExists) {
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	first, _, err := s.first.Get(ctx, firstAccountKey)
	if err != nil {
		return problem.NewUnavailable(problem.ServiceBus, err)
	}
	if string(first) != account {
		return problem.NewForeignAccount()
	}
	return nil
}

// adopt adds a session to a person's grant, which stays as it is while it works.
func (s *Sessions) adopt(ctx context.Context, p Person, token rc.Token, hash string) error {
	s.probe(ctx, p)
	fresh := keep(token, s.now())
	g, err := s.vault.replace(ctx, p, func(g *grant) error {
		same := fresh.SessionID != "" && fresh.SessionID == g.Token.SessionID
		switch {
		case g.works() && !same:
			g.spare(fresh, s.now().Add(spareLife))
		default: // nothing that works, or the same OAuth session, whose revocation would end it
			g.Token, g.Broken = fresh, ""
		}
		g.Person = p
		g.Sessions = append(slices.Clone(g.Sessions), hash)
		return nil
	})
	if err != nil {
		return err
	}
	if slices.ContainsFunc(g.Spares, func(sp spare) bool { return !s.now().Before(sp.Due) }) {
		if err := s.revokeDue(ctx, p); err != nil {
			s.log.Warn("session: not revoked yet", "person", p.Key(), "err", err)
		}
	}
	if len(g.Spares) > 0 {
		s.revokeLater(p, spareLife)
	}
	return nil
}

// probe asks RingCentral whether the grant that a person has still works, so that one that does not is marked broken.
func (s *Sessions) probe(ctx context.Context, p Person) {
	access, err := s.Token(ctx, p)
	if err != nil {
		return // none, broken, or not to be known now
	}
	_, err = s.rc.Me(ctx, access)
	var e *rc.Error
	if !errors.As(err, &e) || e.Status != http.StatusUnauthorized {
		return
	}
	if _, err := s.Refused(ctx, p, access); err != nil {
		s.log.Info("session: the stored grant does not work", "person", p.Key(), "err", err)
	}
}

// keepable is the token by which an OAuth session is revoked.
func keepable(t rc.Token) string {
	if t.Refresh != "" {
		return t.Refresh
	}
	return t.Access
}

// personOf reads a grant's key.
func personOf(key string) (Person, bool) {
	account, extension, ok := strings.Cut(key, ".")
	return Person{AccountID: account, ExtensionID: extension}, ok && isID(account) && isID(extension)
}

// localPath is a path of this server, or "/" when it is anything else: browsers read "//" and "/\" as another host.
func localPath(path string) string {
	const home = "/"
	if len(path) > maxReturn || !strings.HasPrefix(path, "/") || strings.HasPrefix(path, "//") {
		return home
	}
	if strings.ContainsFunc(path, func(c rune) bool { return c == '\\' || unicode.IsControl(c) }) { // browsers drop control characters
		return home
	}
	u, err := url.Parse(path)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" {
		return home
	}
	return path
}
