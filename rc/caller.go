package rc

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

const (
	accountPath = "/restapi/v1.0/account/~"
	sessionPath = accountPath + "/telephony/sessions"
)

// TokenFunc gives a valid access token of one person.
type TokenFunc func(ctx context.Context) (string, error)

// Caller makes calls as one person. It is safe for use by several goroutines.
type Caller struct {
	client *Client
	person string
	token  TokenFunc
}

// As makes calls as one person; person is the key by which usage is counted,
// shared by all Callers of the same key.
func (c *Client) As(person string, token TokenFunc) *Caller {
	return &Caller{client: c, person: person, token: token}
}

// Remaining is how many requests of a group may still be sent for this person
// now: 0 in a penalty.
func (p *Caller) Remaining(g UsageGroup) int { return p.client.gate.remaining(p.person, g) }

// Heard takes RingCentral's answer to a request that went through Tunnel; status
// is 0 when there was none.
type Heard func(status int, header http.Header, body []byte)

// Tunnel makes room for a request that takes another way than this client, over a
// socket, where RingCentral counts it like every other. It waits for room as a
// call does, or is an *Error with ErrHeldBack. The answer must be told once.
func (p *Caller) Tunnel(ctx context.Context, group UsageGroup) (Heard, error) {
	gate := p.client.gate
	slot, wait, err := gate.take(ctx, p.person, group, isBackground(ctx))
	if err != nil {
		return nil, heldBack(wait, err)
	}
	return func(status int, header http.Header, body []byte) {
		if status == 0 {
			gate.lost(slot)
			return
		}
		e := ErrorFrom("", "", status, header, body)
		gate.heard(slot, status, e.Code, e.RetryAfter, header)
	}, nil
}

// Extension is who a person is at RingCentral.
type Extension struct {
	ID, Number, Name string
	AccountID        string
	Type, Status     string // verbatim, such as "User" and "Enabled"
}

// WSToken opens one socket of the WebSocket gateway, once. It prints without its
// secret.
type WSToken struct {
	URI     string
	Token   string
	Expires time.Time
}

// String hides the token.
func (t WSToken) String() string { return "wstoken for " + t.URI }

// GoString hides the token.
func (t WSToken) GoString() string { return "rc.WSToken{" + t.URI + "}" }

// LogValue hides the token.
func (t WSToken) LogValue() slog.Value { return slog.StringValue(t.String()) }

type extensionWire struct {
	ID      telephony.ID `json:"id"`
	Number  telephony.ID `json:"extensionNumber"`
	Name    string       `json:"name"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Account struct {
		ID telephony.ID `json:"id"`
	} `json:"account"`
}

func (w extensionWire) extension() Extension {
	return Extension{
		ID: string(w.ID), Number: string(w.Number), Name: w.Name,
		AccountID: string(w.Account.ID), Type: w.Type, Status: w.Status,
	}
}

// Me reads the person's own extension. Scope ReadAccounts, group Light.
// See https://developers.ringcentral.com/api-reference/Extensions/readExtension.
func (p *Caller) Me(ctx context.Context) (Extension, error) {
	var w extensionWire
	k := call{method: http.MethodGet, path: accountPath + "/extension/~", route: accountPath + "/extension/~", group: Light}
	if err := p.read(ctx, k, &w); err != nil {
		return Extension{}, err
	}
	return w.extension(), nil
}

// WSToken asks for a token that opens one socket within a minute or less. Under
// Background it leaves the last request of the minute to sign-in and refresh.
// Scope WebSocket, group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/authWsToken.
func (p *Caller) WSToken(ctx context.Context) (WSToken, error) {
	begin := time.Now()
	var w struct {
		URI       string      `json:"uri"`
		Token     string      `json:"ws_access_token"`
		ExpiresIn json.Number `json:"expires_in"`
	}
	k := call{method: http.MethodPost, path: wstokenPath, route: wstokenPath, group: Auth}
	if err := p.read(ctx, k, &w); err != nil {
		return WSToken{}, err
	}
	if w.URI == "" || w.Token == "" {
		return WSToken{}, &Error{Method: k.method, Path: k.path, Status: http.StatusOK, Err: errNoToken}
	}
	return WSToken{URI: w.URI, Token: w.Token, Expires: begin.Add(lifetime(w.ExpiresIn, 30*time.Second))}, nil
}

// decoded sends a call and decodes its answer.
func decoded[T any](ctx context.Context, p *Caller, k call, decode func([]byte) (T, error), ids ...string) (T, error) {
	var zero T
	a, err := p.do(ctx, k, ids...)
	if err != nil {
		return zero, err
	}
	v, err := decode(a.body)
	if err != nil {
		return zero, unreadable(k, a, err)
	}
	return v, nil
}

// read sends a call and reads its JSON answer.
func (p *Caller) read(ctx context.Context, k call, into any) error {
	a, err := p.do(ctx, k)
	if err != nil {
		return err
	}
	if err := lenient(a.body, into); err != nil {
		return unreadable(k, a, err)
	}
	return nil
}

// lenient unmarshals and forgives fields of an unexpected type, which stay zero.
func lenient(data []byte, into any) error {
	err := json.Unmarshal(data, into)
	var mistyped *json.UnmarshalTypeError
	if errors.As(err, &mistyped) && mistyped.Field != "" {
		return nil
	}
	return err
}

func unreadable(k call, a answer, err error) error {
	return &Error{Method: k.method, Path: k.path, Status: a.status, RequestID: a.header.Get("RCRequestId"), Err: err}
}

// do sends a call as the person. The ids are those that its path is made of.
func (p *Caller) do(ctx context.Context, k call, ids ...string) (answer, error) {
	for _, id := range ids {
		if !isID(id) {
			return answer{}, &Error{Method: k.method, Path: k.route, Unsent: true, Err: ErrBadID}
		}
	}
	if k.invalid != nil {
		return answer{}, &Error{Method: k.method, Path: k.route, Unsent: true, Err: k.invalid}
	}
	token, err := p.tokenSoon(ctx)
	if err != nil {
		return answer{}, &Error{Method: k.method, Path: k.path, Unsent: true, Err: err}
	}
	if k.header == nil {
		k.header = http.Header{}
	}
	k.header.Set("Authorization", "Bearer "+token)
	if k.body != nil {
		k.header.Set("Content-Type", "application/json")
	}
	k.secrets = append(k.secrets, token)
	k.background = isBackground(ctx)
	return p.client.do(ctx, p.person, k)
}

// tokenSoon is the person's access token, which a call that is sent at once or not
// at all does not wait long for: replacing one can take many seconds.
func (p *Caller) tokenSoon(ctx context.Context) (string, error) {
	if !isAtOnce(ctx) {
		return p.token(ctx)
	}
	ctx, cancel := context.WithTimeout(ctx, atOnceToken)
	defer cancel()
	token, err := p.token(ctx)
	if err == nil {
		err = ctx.Err() // whoever gave it did not mind the time
	}
	return token, err
}

// isID reports whether s can stand in a path as it is: no more than what
// RingCentral's ids are made of.
func isID(s string) bool {
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' && c != '_' && c != '=' {
			return false
		}
	}
	return s != "" && len(s) <= 256
}

// maxPages ends a listing whose paging never does.
const maxPages = 50

// pages reads all pages of a listing. Once it has begun it waits for room in the
// usage window as long as ctx allows: what was read is not asked for again.
func pages[T any](ctx context.Context, p *Caller, k call, ids ...string) ([]T, error) {
	var rows []T
	query := url.Values{"perPage": {"1000"}}
	maps.Copy(query, k.query)
	k.query = query
	for page := 1; page <= maxPages; page++ {
		query.Set("page", strconv.Itoa(page))
		a, err := p.do(ctx, k, ids...)
		for page > 1 && errors.Is(err, ErrHeldBack) && waited(ctx, err) {
			a, err = p.do(ctx, k, ids...)
		}
		if err != nil {
			return nil, err
		}
		var w struct {
			Records rowsOf[T] `json:"records"`
			Paging  struct {
				TotalPages int `json:"totalPages"`
			} `json:"paging"`
			Navigation struct {
				NextPage *struct {
					URI string `json:"uri"`
				} `json:"nextPage"`
			} `json:"navigation"`
		}
		if err := lenient(a.body, &w); err != nil {
			return nil, unreadable(k, a, err)
		}
		if w.Records == nil { // an empty list has none, but has the list
			return nil, unreadable(k, a, errNoRecords)
		}
		rows = append(rows, w.Records...)
		more := w.Paging.TotalPages > page || (w.Paging.TotalPages == 0 && w.Navigation.NextPage != nil)
		if !more {
			break
		}
	}
	return rows, nil
}

var errNoRecords = errors.New("the answer holds no records")

// rowsOf is a list of rows; a row that is none is left out.
type rowsOf[T any] []T

// UnmarshalJSON reads what is a list.
func (r *rowsOf[T]) UnmarshalJSON(data []byte) error {
	var raw []json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil || raw == nil {
		return nil //nolint:nilerr // no list, which is for the caller to notice
	}
	*r = make(rowsOf[T], 0, len(raw))
	for _, one := range raw {
		var row T
		if string(one) != "null" && lenient(one, &row) == nil {
			*r = append(*r, row)
		}
	}
	return nil
}

// waited waits until a call that was held back may be tried again; false when ctx
// does not last that long.
func waited(ctx context.Context, held error) bool {
	var e *Error
	if !errors.As(held, &e) {
		return false
	}
	if deadline, ok := ctx.Deadline(); ok && time.Now().Add(e.RetryAfter).After(deadline) {
		return false
	}
	timer := time.NewTimer(e.RetryAfter)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// list reads all pages of a listing and makes each row what it stands for.
func list[W, T any](ctx context.Context, p *Caller, k call, of func(W) T, ids ...string) ([]T, error) {
	rows, err := pages[W](ctx, p, k, ids...)
	if err != nil {
		return nil, err
	}
	return each(rows, of), nil
}

func each[W, T any](rows []W, of func(W) T) []T {
	all := make([]T, len(rows))
	for i, r := range rows {
		all[i] = of(r)
	}
	return all
}
