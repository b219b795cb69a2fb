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

// Extension is who a person is at RingCentral.
type Extension struct {
	ID, Number, Name string
	AccountID        string
	Type, Status     string // verbatim, such as "User" and "Enabled"
}

// Group is a call monitoring group.
type Group struct{ ID, Name string }

// Member is one extension of a call monitoring group; who is Monitoring may
// watch who is Monitored.
type Member struct {
	ExtensionID, Number   string
	Monitoring, Monitored bool
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

// Session reads a call with all its parties, other people's included; one that
// is long over is an *Error with status 404. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/readCallSessionStatus.
func (p *Caller) Session(ctx context.Context, sessionID string) (telephony.Session, error) {
	return decoded(ctx, p, call{
		method: http.MethodGet, path: sessionPath + "/" + sessionID, route: sessionPath + "/{session}", group: Light,
	}, telephony.DecodeSession, sessionID)
}

// Hold puts the person's own party on hold; a state that does not allow it is an
// *Error with status 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/holdCallParty.
func (p *Caller) Hold(ctx context.Context, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, "hold", sessionID, partyID, nil)
}

// Unhold takes the person's own party back from a hold made over REST, not from
// one made on a phone; a state that does not allow it is an *Error with status
// 409 and code TAS-102. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/unholdCallParty.
func (p *Caller) Unhold(ctx context.Context, sessionID, partyID string) (telephony.Party, error) {
	return p.party(ctx, "unhold", sessionID, partyID, nil)
}

// Bridge joins the far parties of two calls and takes the person out of both;
// the parties named are the person's own. The answer is the path party and is no
// proof yet. A wrong state is an *Error with status 409 (TAS-102), a party of
// somebody else one with 403. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/bridgeCallParty.
func (p *Caller) Bridge(ctx context.Context, sessionID, partyID, otherSession, otherParty string) (telephony.Party, error) {
	body, err := json.Marshal(telephony.Peer{SessionID: otherSession, PartyID: otherParty})
	if err != nil || !isID(otherSession) || !isID(otherParty) {
		return telephony.Party{}, &Error{Method: http.MethodPost, Path: sessionPath, Unsent: true, Err: ErrBadID}
	}
	return p.party(ctx, "bridge", sessionID, partyID, body)
}

// Drop ends a call for everybody in it; one that is already over (404) counts as
// dropped. Scope CallControl, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Control/deleteCallSession.
func (p *Caller) Drop(ctx context.Context, sessionID string) error {
	_, err := p.do(ctx, call{
		method: http.MethodDelete, path: sessionPath + "/" + sessionID, route: sessionPath + "/{session}", group: Light,
	}, sessionID)
	if e, ok := errors.AsType[*Error](err); ok && e.Status == http.StatusNotFound {
		return nil
	}
	return err
}

// MonitoringGroups lists the call monitoring groups that an extension belongs
// to, all of the account's when memberExtensionID is "". Scope ReadAccounts,
// group Medium, a request per 1,000 groups.
// See https://developers.ringcentral.com/api-reference/Call-Monitoring-Groups/listCallMonitoringGroups.
func (p *Caller) MonitoringGroups(ctx context.Context, memberExtensionID string) ([]Group, error) {
	query := url.Values{}
	if memberExtensionID != "" {
		query.Set("memberExtensionId", memberExtensionID)
	}
	type row struct {
		ID   telephony.ID `json:"id"`
		Name string       `json:"name"`
	}
	const path = accountPath + "/call-monitoring-groups"
	rows, err := pages[row](ctx, p, call{method: http.MethodGet, path: path, route: path, query: query, group: Medium})
	if err != nil {
		return nil, err
	}
	groups := make([]Group, len(rows))
	for i, r := range rows {
		groups[i] = Group{ID: string(r.ID), Name: r.Name}
	}
	return groups, nil
}

// GroupMembers lists the extensions of a call monitoring group. Scope
// ReadAccounts, group Medium, a request per 1,000 members.
// See https://developers.ringcentral.com/api-reference/Call-Monitoring-Groups/listCallMonitoringGroupMembers.
func (p *Caller) GroupMembers(ctx context.Context, groupID string) ([]Member, error) {
	type row struct {
		ID          telephony.ID `json:"id"`
		Number      telephony.ID `json:"extensionNumber"`
		Permissions []string     `json:"permissions"`
	}
	const path = accountPath + "/call-monitoring-groups"
	rows, err := pages[row](ctx, p, call{
		method: http.MethodGet, path: path + "/" + groupID + "/members", route: path + "/{group}/members", group: Medium,
	}, groupID)
	if err != nil {
		return nil, err
	}
	members := make([]Member, len(rows))
	for i, r := range rows {
		members[i] = Member{ExtensionID: string(r.ID), Number: string(r.Number)}
		for _, word := range r.Permissions {
			switch word {
			case "Monitoring":
				members[i].Monitoring = true
			case "Monitored":
				members[i].Monitored = true
			}
		}
	}
	return members, nil
}

// WSToken asks for a token that opens one socket within a minute or less. It
// leaves the last request of the minute to sign-in and refresh. Scope WebSocket,
// group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/authWsToken.
func (p *Caller) WSToken(ctx context.Context) (WSToken, error) {
	begin := time.Now()
	var w struct {
		URI       string      `json:"uri"`
		Token     string      `json:"ws_access_token"`
		ExpiresIn json.Number `json:"expires_in"`
	}
	k := call{method: http.MethodPost, path: wstokenPath, route: wstokenPath, group: Auth, background: true}
	if err := p.read(ctx, k, &w); err != nil {
		return WSToken{}, err
	}
	if w.URI == "" || w.Token == "" {
		return WSToken{}, &Error{Method: k.method, Path: k.path, Status: http.StatusOK, Err: errNoToken}
	}
	return WSToken{URI: w.URI, Token: w.Token, Expires: begin.Add(lifetime(w.ExpiresIn, 30*time.Second))}, nil
}

// party is a call-control operation on the person's own party.
func (p *Caller) party(ctx context.Context, verb, sessionID, partyID string, body []byte) (telephony.Party, error) {
	return decoded(ctx, p, call{
		method: http.MethodPost,
		path:   sessionPath + "/" + sessionID + "/parties/" + partyID + "/" + verb,
		route:  sessionPath + "/{session}/parties/{party}/" + verb,
		body:   body,
		group:  Light,
	}, telephony.DecodeParty, sessionID, partyID)
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
func (p *Caller) read(ctx context.Context, k call, into any, ids ...string) error {
	a, err := p.do(ctx, k, ids...)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return unreadable(k, a, err)
	}
	return nil
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
	token, err := p.token(ctx)
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
	k.background = k.background || isBackground(ctx)
	return p.client.do(ctx, p.person, k)
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

// pages reads all pages of a listing.
func pages[T any](ctx context.Context, p *Caller, k call, ids ...string) ([]T, error) {
	var rows []T
	query := url.Values{}
	maps.Copy(query, k.query)
	query.Set("perPage", "1000")
	k.query = query
	for page := 1; page <= maxPages; page++ {
		query.Set("page", strconv.Itoa(page))
		var w struct {
			Records []T `json:"records"`
			Paging  struct {
				TotalPages int `json:"totalPages"`
			} `json:"paging"`
			Navigation struct {
				NextPage *struct {
					URI string `json:"uri"`
				} `json:"nextPage"`
			} `json:"navigation"`
		}
		if err := p.read(ctx, k, &w, ids...); err != nil {
			return nil, err
		}
		rows = append(rows, w.Records...)
		more := w.Paging.TotalPages > page || (w.Paging.TotalPages == 0 && w.Navigation.NextPage != nil)
		if !more {
			break
		}
	}
	return rows, nil
}
