package rc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/oauth2"

	"github.com/cordboard/cordboard/rc/telephony"
)

const (
	authorizePath = "/restapi/oauth/authorize"
	tokenPath     = "/restapi/oauth/token"
	revokePath    = "/restapi/oauth/revoke"
	wstokenPath   = "/restapi/oauth/wstoken"
)

// Token is one OAuth session's pair of tokens. It prints without its secrets;
// JSON has them.
type Token struct {
	Access, Refresh string
	OwnerID         string // extension id of who signed in
	SessionID       string // "" from older servers
	Scopes          []string
	AccessExpires   time.Time
	RefreshExpires  time.Time // zero when RingCentral did not say
}

// String hides the tokens.
func (t Token) String() string { return "token of " + t.OwnerID }

// GoString hides the tokens.
func (t Token) GoString() string { return "rc.Token{" + t.OwnerID + "}" }

// LogValue hides the tokens.
func (t Token) LogValue() slog.Value {
	return slog.GroupValue(slog.String("owner", t.OwnerID), slog.Time("expires", t.AccessExpires))
}

// oauthConfig sets the style of client authentication by hand: x/oauth2 would
// find it by trying, which spends the single-use code.
func oauthConfig(base, id, secret string) oauth2.Config {
	style := oauth2.AuthStyleInHeader
	if secret == "" {
		style = oauth2.AuthStyleInParams
	}
	return oauth2.Config{
		ClientID:     id,
		ClientSecret: secret,
		Endpoint:     oauth2.Endpoint{AuthURL: base + authorizePath, TokenURL: base + tokenPath, AuthStyle: style},
	}
}

// AuthCodeURL is where a person signs in; verifier is the PKCE secret, of which
// only the S256 challenge is sent. Group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/authorize.
func (c *Client) AuthCodeURL(redirectURI, state, verifier string) string {
	conf := c.oauth
	conf.RedirectURL = redirectURI
	return conf.AuthCodeURL(state, oauth2.S256ChallengeOption(verifier))
}

// Exchange spends an authorization code, which can be done once; a refused or
// expired code is an *Error with status 400 or 403. Group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/getToken.
func (c *Client) Exchange(ctx context.Context, redirectURI, code, verifier string) (Token, error) {
	begin := time.Now()
	conf := c.oauth
	conf.RedirectURL = redirectURI
	secrets := []string{code, verifier, conf.ClientSecret}
	once := &oauthTransport{client: c, secrets: secrets}
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Transport: once})
	if _, err := conf.Exchange(ctx, code, oauth2.VerifierOption(verifier)); err != nil {
		if e, ok := errors.AsType[*Error](err); ok {
			return Token{}, e
		}
		return Token{}, &Error{
			Method: http.MethodPost, Path: tokenPath, Status: once.status,
			Err: errors.New(redact(err.Error(), secrets)),
		}
	}
	return decodeToken(once.body, begin)
}

// Refresh trades a refresh token for a new pair; the old access token dies at
// once. After an unknown outcome the same call with the same token answers with
// the same pair. A dead token is an *Error with status 400. Group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/getToken.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Token, error) {
	begin := time.Now()
	a, err := c.form(ctx, tokenPath, url.Values{"grant_type": {"refresh_token"}, "refresh_token": {refreshToken}}, refreshToken)
	if err != nil {
		return Token{}, err
	}
	return decodeToken(a.body, begin)
}

// Revoke ends the OAuth session that a token belongs to, with all its tokens and
// sockets; an error may be ignored, for the tokens die by themselves. Group Auth.
// See https://developers.ringcentral.com/api-reference/OAuth-and-OIDC/revokeToken.
func (c *Client) Revoke(ctx context.Context, token string) error {
	_, err := c.form(ctx, revokePath, url.Values{"token": {token}}, token)
	return err
}

// form posts to an OAuth endpoint as the app.
func (c *Client) form(ctx context.Context, path string, values url.Values, secret string) (answer, error) {
	header := http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
	if c.oauth.ClientSecret == "" {
		values.Set("client_id", c.oauth.ClientID)
	} else {
		basic := &http.Request{Header: header}
		basic.SetBasicAuth(url.QueryEscape(c.oauth.ClientID), url.QueryEscape(c.oauth.ClientSecret))
	}
	return c.do(ctx, personOf(ctx), call{
		method: http.MethodPost, route: path, path: path, header: header,
		body: []byte(values.Encode()), group: Auth, secrets: []string{secret, c.oauth.ClientSecret},
	})
}

// oauthTransport carries x/oauth2's one request over Client.do, so that it is
// counted, bounded and described like every other.
type oauthTransport struct {
	client  *Client
	secrets []string
	status  int
	body    []byte
}

// RoundTrip sends the request once; its errors are *Error.
func (t *oauthTransport) RoundTrip(req *http.Request) (*http.Response, error) {
	form, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	if err := req.Body.Close(); err != nil {
		return nil, err
	}
	a, err := t.client.do(req.Context(), personOf(req.Context()), call{
		method: http.MethodPost, route: tokenPath, path: tokenPath, header: req.Header.Clone(),
		body: form, group: Auth, secrets: t.secrets,
	})
	if err != nil {
		return nil, err
	}
	t.status, t.body = a.status, a.body
	return &http.Response{
		StatusCode: a.status, Header: a.header, Request: req,
		Body: io.NopCloser(bytes.NewReader(a.body)), ContentLength: int64(len(a.body)),
	}, nil
}

// decodeToken counts lifetimes from the moment the request began.
func decodeToken(body []byte, begin time.Time) (Token, error) {
	var w struct {
		AccessToken           string       `json:"access_token"`
		RefreshToken          string       `json:"refresh_token"`
		ExpiresIn             json.Number  `json:"expires_in"`
		RefreshTokenExpiresIn json.Number  `json:"refresh_token_expires_in"`
		Scope                 string       `json:"scope"`
		OwnerID               telephony.ID `json:"owner_id"`
		SessionID             telephony.ID `json:"session_id"`
	}
	if err := json.Unmarshal(body, &w); err != nil || w.AccessToken == "" {
		return Token{}, &Error{Method: http.MethodPost, Path: tokenPath, Status: http.StatusOK, Err: errNoToken}
	}
	return Token{
		Access: w.AccessToken, Refresh: w.RefreshToken,
		OwnerID: string(w.OwnerID), SessionID: string(w.SessionID),
		Scopes:         strings.Fields(w.Scope),
		AccessExpires:  begin.Add(lifetime(w.ExpiresIn, time.Hour)),
		RefreshExpires: expiry(begin, w.RefreshTokenExpiresIn),
	}, nil
}

var errNoToken = errors.New("the answer holds no token")

func lifetime(seconds json.Number, otherwise time.Duration) time.Duration {
	if n, err := seconds.Int64(); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	return otherwise
}

func expiry(begin time.Time, seconds json.Number) time.Time {
	if d := lifetime(seconds, 0); d > 0 {
		return begin.Add(d)
	}
	return time.Time{}
}
