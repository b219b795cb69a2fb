package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/gorilla/sessions"

	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/problem"
)

// touches is how many times in its idle time a session in use is written again.
const touches = 24

// errNoSession says that there is no such session, or no longer.
var errNoSession = errors.New("session: no such session, or it is over")

// record is a browser's session as it is kept, under the hash of its id.
type record struct {
	Person  Person    `json:"person"`
	Started time.Time `json:"started"`
	Ends    time.Time `json:"ends"`    // whatever happens
	Expires time.Time `json:"expires"` // unless it is used before
}

func (rec record) session(hash string) Session {
	return Session{Hash: hash, Person: rec.Person, Started: rec.Started, Expires: rec.Expires}
}

// store keeps sessions on the bus; it is a gorilla/sessions store whose cookie holds nothing but the id.
type store struct {
	bucket         *bus.Bucket
	now            func() time.Time
	idle, lifetime time.Duration
	name           string
	secure         bool
}

var _ sessions.Store = (*store)(nil)

// valueKey is where a gorilla session holds its record.
type valueKey struct{}

// cookieName adds the prefix with which browsers refuse a cookie that another host, or http, has set.
func cookieName(name string, secure bool) string {
	if name == "" {
		name = "cordboard"
	}
	if secure {
		return "__Host-" + name
	}
	return name
}

// options are those of the session's cookie; a negative maxAge deletes it.
func (s *store) options(maxAge time.Duration) *sessions.Options {
	return &sessions.Options{
		Path: "/", MaxAge: int(maxAge / time.Second),
		Secure: s.secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	}
}

// Get is the session of a request, read once per request.
func (s *store) Get(r *http.Request, name string) (*sessions.Session, error) {
	return sessions.GetRegistry(r).Get(s, name)
}

// New reads the session that the request's cookie names; without one it is new and empty.
func (s *store) New(r *http.Request, name string) (*sessions.Session, error) {
	sess := sessions.NewSession(s, name)
	sess.Options, sess.IsNew = s.options(s.lifetime), true
	cookie, err := r.Cookie(name)
	if err != nil {
		return sess, nil //nolint:nilerr // the only error is that there is no cookie
	}
	hash, ok := hashID(cookie.Value)
	if !ok {
		return sess, nil
	}
	rec, err := s.touch(r.Context(), hash)
	if errors.Is(err, problem.NewSignedOut(nil)) {
		return sess, nil
	}
	if err != nil {
		return sess, err
	}
	sess.ID, sess.IsNew = cookie.Value, false
	sess.Values[valueKey{}] = rec
	return sess, nil
}

// Save writes a new session under a new id and sets its cookie, or, with a negative MaxAge, deletes both.
func (s *store) Save(r *http.Request, w http.ResponseWriter, sess *sessions.Session) error {
	hash, known := hashID(sess.ID)
	if sess.Options.MaxAge < 0 {
		s.forget(w)
		if !known {
			return nil
		}
		return s.delete(r.Context(), hash)
	}
	rec, ok := sess.Values[valueKey{}].(record)
	if !ok {
		return errors.New("session: a session without a person is not kept")
	}
	if !known {
		sess.ID = randomID()
		hash, _ = hashID(sess.ID)
		data, err := json.Marshal(rec)
		if err != nil {
			return fmt.Errorf("session: %w", err)
		}
		if _, err := s.bucket.CreateFor(r.Context(), hash, data, rec.Expires.Sub(s.now())); err != nil {
			return problem.NewUnavailable(problem.ServiceBus, err)
		}
	}
	http.SetCookie(w, sessions.NewCookie(sess.Name(), sess.ID, sess.Options))
	return nil
}

// begin makes a new session for a person, with an id of its own whatever the request came with.
func (s *store) begin(w http.ResponseWriter, r *http.Request, p Person) (Session, error) {
	now := s.now()
	rec := record{Person: p, Started: now, Ends: now.Add(s.lifetime)}
	rec.Expires = s.expiry(rec)
	sess := sessions.NewSession(s, s.name)
	sess.Options, sess.IsNew = s.options(s.lifetime), true
	sess.Values[valueKey{}] = rec
	if err := sess.Save(r, w); err != nil {
		return Session{}, err
	}
	hash, _ := hashID(sess.ID)
	return rec.session(hash), nil
}

// forget deletes the browser's cookie.
func (s *store) forget(w http.ResponseWriter) {
	http.SetCookie(w, sessions.NewCookie(s.name, "", s.options(-time.Second)))
}

// current is the record of a request's session, or a signed-out problem.
func (s *store) current(r *http.Request) (rec record, hash string, err error) {
	sess, err := s.Get(r, s.name)
	if err != nil {
		return record{}, "", err
	}
	rec, ok := sess.Values[valueKey{}].(record)
	if !ok {
		return record{}, "", problem.NewSignedOut(nil)
	}
	hash, _ = hashID(sess.ID)
	return rec, hash, nil
}

// read returns a session that is not over, or errNoSession.
func (s *store) read(ctx context.Context, hash string) (record, uint64, error) {
	data, rev, err := s.bucket.Get(ctx, hash)
	if errors.Is(err, bus.ErrNotFound) {
		return record{}, 0, errNoSession
	}
	if err != nil {
		return record{}, 0, err
	}
	var rec record
	if err := json.Unmarshal(data, &rec); err != nil {
		return record{}, 0, fmt.Errorf("session: %w", err)
	}
	if !s.now().Before(rec.Expires) {
		return record{}, 0, errNoSession
	}
	return rec, rev, nil
}

// touch reads a session and, now and then, puts its end off.
func (s *store) touch(ctx context.Context, hash string) (record, error) {
	rec, rev, err := s.read(ctx, hash)
	if errors.Is(err, errNoSession) {
		return record{}, problem.NewSignedOut(err)
	}
	if err != nil {
		return record{}, problem.NewUnavailable(problem.ServiceBus, err)
	}
	later := rec
	later.Expires = s.expiry(rec)
	if later.Expires.Sub(rec.Expires) < s.idle/touches {
		return rec, nil
	}
	data, err := json.Marshal(later)
	if err != nil {
		return record{}, fmt.Errorf("session: %w", err)
	}
	_, err = s.bucket.RenewFor(ctx, hash, data, rev, later.Expires.Sub(s.now()))
	switch {
	case errors.Is(err, bus.ErrConflict): // put off, or ended, by somebody else at this moment
		if rec, _, err = s.read(ctx, hash); errors.Is(err, errNoSession) {
			return record{}, problem.NewSignedOut(err)
		}
		later = rec
	case err == nil:
	}
	if err != nil {
		return record{}, problem.NewUnavailable(problem.ServiceBus, err)
	}
	return later, nil
}

// expiry is when a session ends that is used now and not again.
func (s *store) expiry(rec record) time.Time {
	at := s.now().Add(s.idle)
	if at.After(rec.Ends) {
		return rec.Ends
	}
	return at
}

func (s *store) delete(ctx context.Context, hash string) error { return s.bucket.Delete(ctx, hash) }
