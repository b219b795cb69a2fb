package session

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/bus"
)

// bucketGrants is where grants are kept, one record per person.
const bucketGrants = "grants"

// maxSpares is how many OAuth sessions of a person may wait to be revoked: RingCentral allows five in all, and one more is being made.
const maxSpares = 3

// maxRaces bounds how often a change is tried again because somebody else was quicker.
const maxRaces = 100

// grant is what is kept of a person: the tokens, which browsers use them, and which OAuth sessions are to be revoked.
type grant struct {
	Person   Person   `json:"person"`
	Token    tokens   `json:"token,omitzero"`
	Broken   string   `json:"broken,omitempty"`   // why RingCentral will not have the tokens any more
	Sessions []string `json:"sessions,omitempty"` // hashes
	Spares   []spare  `json:"spares,omitempty"`
}

// tokens are one OAuth session's.
type tokens struct {
	Access         string    `json:"access"`
	Refresh        string    `json:"refresh,omitempty"`
	SessionID      string    `json:"sessionId,omitempty"`
	Issued         time.Time `json:"issued"`
	AccessExpires  time.Time `json:"accessExpires"`
	RefreshExpires time.Time `json:"refreshExpires,omitzero"`
}

// spare is an OAuth session that nobody needs.
type spare struct {
	Token string    `json:"token"`
	Due   time.Time `json:"due"`
	Until time.Time `json:"until"` // it dies by itself then
}

// keep makes of a fresh token what is stored.
func keep(t rc.Token, now time.Time) tokens {
	return tokens{
		Access: t.Access, Refresh: t.Refresh, SessionID: t.SessionID,
		Issued: now, AccessExpires: t.AccessExpires, RefreshExpires: t.RefreshExpires,
	}
}

// works reports whether there are tokens that RingCentral has not refused.
func (g *grant) works() bool { return g.Token.Access != "" && g.Broken == "" }

func (g *grant) empty() bool {
	return g.Token.Access == "" && g.Broken == "" && len(g.Sessions) == 0 && len(g.Spares) == 0
}

// retire puts the tokens among those to be revoked now.
func (g *grant) retire(now time.Time) {
	if g.works() {
		g.spare(g.Token, now)
	}
	g.Token, g.Broken = tokens{}, ""
}

// spare notes an OAuth session that is to be revoked at due, and makes earlier ones due when there are too many.
func (g *grant) spare(t tokens, due time.Time) {
	token, until := t.Refresh, t.RefreshExpires
	if token == "" {
		token, until = t.Access, t.AccessExpires
	}
	if until.IsZero() {
		until = t.Issued.Add(defaultLifetime)
	}
	g.Spares = append(slices.Clone(g.Spares), spare{Token: token, Due: due, Until: until})
	for i := range len(g.Spares) - maxSpares {
		g.Spares[i].Due = t.Issued
	}
}

// vault keeps grants sealed.
type vault struct {
	bucket *bus.Bucket
	ring   keyring
	log    *slog.Logger
}

func grantPlace(p Person) place { return place{bucketGrants, p.AccountID, p.ExtensionID} }

// load reads a person's grant; one that is not there is empty at revision 0.
func (v *vault) load(ctx context.Context, p Person) (grant, uint64, error) {
	if !isID(p.AccountID) || !isID(p.ExtensionID) {
		return grant{}, 0, errors.New("session: not a person's ids")
	}
	sealed, rev, err := v.bucket.Get(ctx, p.Key())
	if errors.Is(err, bus.ErrNotFound) {
		return grant{Person: p}, 0, nil
	}
	if err != nil {
		return grant{}, 0, err
	}
	plain, err := v.ring.open(sealed, grantPlace(p))
	if err != nil {
		return grant{Person: p}, rev, err
	}
	var g grant
	if err := json.Unmarshal(plain, &g); err != nil {
		return grant{Person: p}, rev, fmt.Errorf("%w: %w", errUnreadable, err)
	}
	return g, rev, nil
}

// save writes a grant that still has revision rev, or returns bus.ErrConflict; an empty one is deleted.
func (v *vault) save(ctx context.Context, p Person, g grant, rev uint64) error {
	if g.empty() {
		if rev == 0 {
			return nil
		}
		return v.bucket.DeleteAt(ctx, p.Key(), rev)
	}
	plain, err := json.Marshal(g)
	if err != nil {
		return fmt.Errorf("session: %w", err)
	}
	sealed := v.ring.seal(plain, grantPlace(p))
	if rev == 0 {
		_, err = v.bucket.Create(ctx, p.Key(), sealed)
		if errors.Is(err, bus.ErrExists) {
			return bus.ErrConflict
		}
		return err
	}
	_, err = v.bucket.Update(ctx, p.Key(), sealed, rev)
	return err
}

// change applies edit to a person's grant until it is saved as it was read; edit may run several times.
func (v *vault) change(ctx context.Context, p Person, edit func(*grant) error) (grant, error) {
	return v.changeFrom(ctx, p, v.load, edit)
}

// replace is change for a sign-in, to which a grant that does not open is no grant.
func (v *vault) replace(ctx context.Context, p Person, edit func(*grant) error) (grant, error) {
	return v.changeFrom(ctx, p, func(ctx context.Context, p Person) (grant, uint64, error) {
		g, rev, err := v.load(ctx, p)
		if errors.Is(err, errUnreadable) {
			v.log.Warn("session: a grant that does not open is replaced", "person", p.Key())
			return grant{Person: p}, rev, nil
		}
		return g, rev, err
	}, edit)
}

func (v *vault) changeFrom(
	ctx context.Context, p Person, load func(context.Context, Person) (grant, uint64, error), edit func(*grant) error,
) (grant, error) {
	for range maxRaces {
		g, rev, err := load(ctx, p)
		if err != nil {
			return grant{}, err
		}
		if err := edit(&g); err != nil {
			return grant{}, err
		}
		err = v.save(ctx, p, g, rev)
		if !errors.Is(err, bus.ErrConflict) {
			return g, err
		}
	}
	return grant{}, bus.ErrConflict
}

// isID reports whether an id can be part of a key.
func isID(id string) bool {
	if id == "" || len(id) > 64 {
		return false
	}
	for _, c := range []byte(id) {
		if (c < '0' || c > '9') && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}
