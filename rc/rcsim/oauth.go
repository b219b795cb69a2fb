package rcsim

import (
	"cmp"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	grantCode    = "authorization_code"
	grantRefresh = "refresh_token"
	grantJWT     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// oauth holds codes and OAuth sessions. The server's lock guards it.
type oauth struct {
	codes   map[string]*authCode
	grants  map[holder][]*grant // OAuth sessions of a person and an app, oldest first
	access  map[string]*grant   // by the access token that is good, or expired
	refresh map[string]*grant   // by the refresh token that is good, or expired, and by the one before
}

// holder is who has OAuth sessions: a person in an app.
type holder struct {
	user   *User
	client *Client
}

type authCode struct {
	client       *Client
	user         *User
	redirect     string // as it was asked for; empty: the only registered one
	challenge    string
	method       string
	scope, nonce string // for the id_token; the app's permissions do not depend on scope
	made         time.Time
	expires      time.Time
}

// grant is one OAuth session of one person and one app.
type grant struct {
	id       string
	client   *Client
	user     *User
	endpoint string
	born     time.Time
	lastUsed time.Time
	ended    bool

	access, refresh               string
	accessExpires, refreshExpires time.Time
	accessTTL, refreshTTL         time.Duration
	previous                      string    // the refresh token that made the present pair
	rotated, firstUsed            time.Time // when it did; when the present access token was first used
	forget                        func()    // stops the timer of SessionTimeout
}

func newOAuth() *oauth {
	return &oauth{codes: map[string]*authCode{}, grants: map[holder][]*grant{}, access: map[string]*grant{}, refresh: map[string]*grant{}}
}

// tokenWire is TokenInfo.
type tokenWire struct {
	AccessToken           string `json:"access_token"`
	TokenType             string `json:"token_type"`
	ExpiresIn             int    `json:"expires_in"`
	RefreshToken          string `json:"refresh_token,omitempty"`
	RefreshTokenExpiresIn int    `json:"refresh_token_expires_in,omitempty"`
	Scope                 string `json:"scope"`
	OwnerID               string `json:"owner_id"`
	EndpointID            string `json:"endpoint_id"`
	SessionID             string `json:"session_id"`
	IDToken               string `json:"id_token,omitempty"`
	// Only where an administrator limits sessions.
	SessionExpiresIn      int    `json:"session_expires_in,omitempty"`
	SessionExpirationTime string `json:"session_expiration_time,omitempty"`
	SessionIdleTimeout    int    `json:"session_idle_timeout,omitempty"`
}

// handleToken is POST /restapi/oauth/token.
func (s *Server) handleToken(w http.ResponseWriter, r *http.Request) {
	form, ok := s.oauthForm(w, r)
	if !ok {
		return
	}
	var out tokenWire
	err := s.perform(w, r, s.meetOAuth(r, "token", form), func() error {
		c, err := s.clientOf(r, form)
		if err != nil {
			return err
		}
		record(r).Client = c.ID
		kind := form.Get("grant_type")
		if len(c.Grants) > 0 && !slices.Contains(c.Grants, kind) {
			return refuseOAuth("unauthorized_client", "OAU-112", "The grant type is not authorized for this application")
		}
		switch kind {
		case grantCode:
			out, err = s.redeemCode(w, r, c, form)
		case grantRefresh:
			out, err = s.refreshGrant(w, r, c, form)
		case grantJWT:
			out, err = s.redeemJWT(w, r, c, form)
		default:
			err = refuseOAuth("unsupported_grant_type", "OAU-250", "Unsupported grant type")
		}
		return err
	})
	if err != nil {
		s.writeOAuthError(w, r, err)
		return
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, http.StatusOK, out)
}

// handleRevoke is POST /restapi/oauth/revoke: it ends the whole OAuth session.
func (s *Server) handleRevoke(w http.ResponseWriter, r *http.Request) {
	form, ok := s.oauthForm(w, r)
	if !ok {
		return
	}
	err := s.perform(w, r, s.meetOAuth(r, "revoke", form), func() error {
		c, err := s.clientOf(r, form)
		if err != nil {
			return err
		}
		record(r).Client = c.ID
		token := form.Get("token")
		if token == "" {
			token = r.URL.Query().Get("token")
		}
		g := s.oauth.access[token]
		if g == nil {
			g = s.oauth.refresh[token]
		}
		if g == nil || g.client != c {
			return nil
		}
		record(r).Extension = g.user.Number
		if err := s.limit(w, g.user, c, groupAuth); err != nil {
			return err
		}
		s.endGrant(g)
		return nil
	})
	if err != nil {
		s.writeOAuthError(w, r, err)
		return
	}
	w.WriteHeader(http.StatusOK)
}

// oauthForm reads a form body; anything else is 415. A revoke whose token is in the query may come without a body.
func (s *Server) oauthForm(w http.ResponseWriter, r *http.Request) (url.Values, bool) {
	kind, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type"))
	bare := r.ContentLength == 0 && r.URL.Query().Has("token")
	if kind != "application/x-www-form-urlencoded" && !bare {
		s.writeError(w, r, refuse(http.StatusUnsupportedMediaType, "CMN-415", "Unsupported Media Type"))
		return nil, false
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.writeOAuthError(w, r, refuseOAuth("invalid_request", "OAU-111", "The form cannot be parsed"))
		return nil, false
	}
	for name, values := range r.PostForm {
		if len(values) > 1 {
			s.writeOAuthError(w, r, refuseOAuth("invalid_request", "OAU-111", "Duplicated parameter ["+name+"]"))
			return nil, false
		}
	}
	return r.PostForm, true
}

// meetOAuth is the fault that an OAuth request meets, as a request of the person whose code, token or credential it carries.
func (s *Server) meetOAuth(r *http.Request, operation string, form url.Values) met {
	var f met
	_ = s.change(func() error {
		extension := ""
		if u := s.personOf(form); u != nil {
			extension = u.Number
		}
		f = s.meet(r, operation, extension, s.hangUp)
		return nil
	})
	return f
}

// personOf is whom the secret in a form belongs to, or nil.
func (s *Server) personOf(form url.Values) *User {
	if code := s.oauth.codes[form.Get("code")]; code != nil {
		return code.user
	}
	for _, g := range []*grant{s.oauth.refresh[form.Get("refresh_token")], s.oauth.access[form.Get("token")], s.oauth.refresh[form.Get("token")]} {
		if g != nil {
			return g.user
		}
	}
	return s.dir.byJWT[form.Get("assertion")]
}

// redeemCode: a code works once, for its client, its redirect URI and its verifier.
func (s *Server) redeemCode(w http.ResponseWriter, r *http.Request, c *Client, form url.Values) (tokenWire, error) {
	code := s.oauth.codes[form.Get("code")]
	if code != nil {
		record(r).Extension = code.user.Number
		if err := s.limit(w, code.user, c, groupAuth); err != nil {
			return tokenWire{}, err
		}
		delete(s.oauth.codes, form.Get("code"))
	}
	switch {
	case code == nil:
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-106", "Invalid authorization code")
	case code.client != c:
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-110", "Authorization code was issued to another application")
	case s.now().After(code.expires):
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-108", "Authorization code is expired")
	case form.Get("redirect_uri") != code.redirect && (code.redirect != "" || form.Get("redirect_uri") != c.only()):
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-109", "Redirect URIs do not match")
	case !verified(code, form.Get("code_verifier")):
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-106", "Invalid authorization code")
	}
	out, err := s.newGrant(c, code.user, form)
	if err == nil {
		out.IDToken = s.idToken(r, code)
	}
	return out, err
}

// verified checks the PKCE verifier (RFC 7636); a code without a challenge takes none.
func verified(code *authCode, verifier string) bool {
	if code.challenge == "" {
		return verifier == ""
	}
	have := verifier
	if code.method == "S256" {
		sum := sha256.Sum256([]byte(verifier))
		have = base64.RawURLEncoding.EncodeToString(sum[:])
	}
	return subtle.ConstantTimeCompare([]byte(have), []byte(code.challenge)) == 1
}

func (s *Server) redeemJWT(w http.ResponseWriter, r *http.Request, c *Client, form url.Values) (tokenWire, error) {
	u := s.dir.byJWT[form.Get("assertion")]
	if u == nil {
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-251", "Invalid assertion")
	}
	record(r).Extension = u.Number
	if err := s.limit(w, u, c, groupAuth); err != nil {
		return tokenWire{}, err
	}
	return s.newGrant(c, u, form)
}

// newGrant begins an OAuth session; one too many for the person and app ends the oldest, and its sockets.
func (s *Server) newGrant(c *Client, u *User, form url.Values) (tokenWire, error) {
	if slices.Contains(u.Lacks, "ThirdPartyAppAccess") {
		return tokenWire{}, lacksAppAccess()
	}
	own := holder{u, c}
	for len(s.oauth.grants[own]) >= s.opt.MaxOAuthSessions {
		s.endGrant(s.oauth.grants[own][0])
	}
	g := &grant{
		id: s.ids.token(""), client: c, user: u, endpoint: form.Get("endpoint_id"), born: s.now(), lastUsed: s.now(),
		accessTTL:  ttl(form.Get("access_token_ttl"), s.opt.AccessTTL, 10*time.Minute, time.Hour),
		refreshTTL: ttl(form.Get("refresh_token_ttl"), s.opt.RefreshTTL, 0, 30*24*time.Hour),
	}
	if g.endpoint == "" {
		g.endpoint = s.ids.token("")
	}
	s.oauth.grants[own] = append(s.oauth.grants[own], g)
	s.rotate(g)
	g.previous = ""
	if s.opt.SessionTimeout > 0 {
		g.forget = s.after(s.opt.SessionTimeout, func() { s.endGrant(g) })
	}
	return s.tokenWire(g), nil
}

// lapsed ends a session that an administrator's timeout has ended.
func (s *Server) lapsed(g *grant) bool {
	now := s.now()
	over := (s.opt.SessionTimeout > 0 && now.Sub(g.born) >= s.opt.SessionTimeout) || (s.opt.SessionIdleTimeout > 0 && now.Sub(g.lastUsed) >= s.opt.SessionIdleTimeout)
	if over {
		s.endGrant(g)
	}
	g.lastUsed = now
	return over
}

// ttl reads a wished lifetime in seconds and clamps it; nonsense and the SDK's -1 are tolerated.
func ttl(text string, usual, least, most time.Duration) time.Duration {
	n, err := strconv.Atoi(text)
	if err != nil || (n <= 0 && least == 0) {
		return usual
	}
	most = max(most, usual)
	if n > int(most.Seconds()) {
		return most // before it overflows
	}
	return max(time.Duration(n)*time.Second, least)
}

// rotate gives a grant a new pair: the old access token is dead at once, the old refresh token by the grace rules. What was
// dead before is forgotten, and so not found like any other token that never was.
func (s *Server) rotate(g *grant) {
	now := s.now()
	delete(s.oauth.access, g.access)
	delete(s.oauth.refresh, g.previous)
	g.previous, g.rotated, g.firstUsed = g.refresh, now, time.Time{}
	g.access, g.refresh = s.issue(s.ids.token("U0pD")), s.issue(s.ids.token("U0pDUl"))
	g.accessExpires, g.refreshExpires = now.Add(g.accessTTL), now.Add(g.refreshTTL)
	s.oauth.access[g.access] = g
	s.oauth.refresh[g.refresh] = g
}

// refreshGrant rotates, or repeats the same pair inside the grace of the previous refresh token (API sheet 2.3).
func (s *Server) refreshGrant(w http.ResponseWriter, r *http.Request, c *Client, form url.Values) (tokenWire, error) {
	token := form.Get("refresh_token")
	g := s.oauth.refresh[token]
	if token != "" && !opaque(token) {
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-149", "Token cannot be parsed")
	}
	if g == nil || s.lapsed(g) {
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-213", "Token not found")
	}
	if g.client != c {
		return tokenWire{}, refuseOAuth("invalid_grant", "OAU-120", "Token was issued to another application")
	}
	record(r).Extension = g.user.Number
	if err := s.limit(w, g.user, c, groupAuth); err != nil {
		return tokenWire{}, err
	}
	now := s.now()
	switch token {
	case g.refresh:
		if now.After(g.refreshExpires) {
			return tokenWire{}, refuseOAuth("invalid_grant", "OAU-210", "Token expired")
		}
		g.accessTTL = ttl(form.Get("access_token_ttl"), g.accessTTL, 10*time.Minute, time.Hour)
		g.refreshTTL = ttl(form.Get("refresh_token_ttl"), g.refreshTTL, 0, 30*24*time.Hour)
		s.rotate(g)
		return s.tokenWire(g), nil
	case g.previous:
		fresh := now.Sub(g.rotated) <= s.opt.RefreshUnused
		if !g.firstUsed.IsZero() {
			fresh = now.Sub(g.firstUsed) <= s.opt.RefreshGrace
		}
		if fresh {
			return s.tokenWire(g), nil
		}
	}
	return tokenWire{}, refuseOAuth("invalid_grant", "OAU-213", "Token not found")
}

func (s *Server) tokenWire(g *grant) tokenWire {
	now := s.now()
	w := tokenWire{
		AccessToken: g.access, TokenType: "bearer", ExpiresIn: int(g.accessExpires.Sub(now).Seconds()),
		RefreshToken: g.refresh, RefreshTokenExpiresIn: int(g.refreshExpires.Sub(now).Seconds()),
		Scope: strings.Join(g.client.Scopes, " "), OwnerID: g.user.ID, EndpointID: g.endpoint, SessionID: g.id,
		SessionIdleTimeout: int(s.opt.SessionIdleTimeout.Seconds()),
	}
	if g.client.NoRefresh {
		w.RefreshToken, w.RefreshTokenExpiresIn = "", 0
	}
	if s.opt.SessionTimeout > 0 {
		ends := g.born.Add(s.opt.SessionTimeout)
		w.SessionExpiresIn, w.SessionExpirationTime = int(ends.Sub(now).Seconds()), stamp(ends)
	}
	return w
}

// opaque reports whether a text can be one of our tokens at all.
func opaque(token string) bool {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."
	return strings.Trim(token, letters) == ""
}

// endGrant ends an OAuth session: all its tokens, and its sockets.
func (s *Server) endGrant(g *grant) {
	g.ended = true
	delete(s.oauth.access, g.access)
	delete(s.oauth.refresh, g.refresh)
	delete(s.oauth.refresh, g.previous)
	if g.forget != nil {
		g.forget()
	}
	own := holder{g.user, g.client}
	s.oauth.grants[own] = slices.DeleteFunc(s.oauth.grants[own], func(o *grant) bool { return o == g })
	if len(s.oauth.grants[own]) == 0 {
		delete(s.oauth.grants, own)
	}
	s.endSockets(g)
}

// grantsOf are the OAuth sessions of a person (extension number or id) in every app.
func (s *Server) grantsOf(extension string) []*grant {
	u := s.dir.person(extension)
	var out []*grant
	for _, c := range s.dir.clients {
		out = append(out, s.oauth.grants[holder{u, c}]...)
	}
	return out
}

// bearer is the OAuth session of a request's access token; using the token ends the grace of older refresh tokens.
func (s *Server) bearer(r *http.Request) (*grant, error) {
	scheme, token, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	token = strings.TrimSpace(token)
	if token == "" || !strings.EqualFold(scheme, "bearer") {
		return nil, s.unauthorized("CMN-405", "Login to API is required")
	}
	g := s.oauth.access[token]
	switch {
	case !opaque(token):
		return nil, s.unauthorized("OAU-149", "Token cannot be parsed")
	case g == nil, s.lapsed(g):
		return nil, s.unauthorized("OAU-213", "Token not found")
	case s.now().After(g.accessExpires):
		return nil, s.unauthorized("OAU-128", "Access token expired")
	}
	if g.firstUsed.IsZero() {
		g.firstUsed = s.now()
	}
	return g, nil
}

// unauthorized is a 401 of the API (not of the OAuth endpoints); its code is an assumption.
func (s *Server) unauthorized(code, message string) error {
	return refuse(http.StatusUnauthorized, cmp.Or(s.opt.Assume.UnauthorizedCode, code), message)
}

// SignIn gives tokens of a person (extension number or id) without a browser, as a code flow would; it counts as an OAuth session.
func (s *Server) SignIn(extension, clientID string) (Tokens, error) {
	var t tokenWire
	err := s.change(func() error {
		u, c := s.dir.person(extension), s.dir.clients[clientID]
		if u == nil || c == nil {
			return missing("extension or client")
		}
		var err error
		t, err = s.newGrant(c, u, url.Values{})
		return err
	})
	return Tokens{Access: t.AccessToken, Refresh: t.RefreshToken, OwnerID: t.OwnerID, SessionID: t.SessionID}, err
}

// Tokens are what a sign-in gives.
type Tokens struct{ Access, Refresh, OwnerID, SessionID string }

// EndSessions ends every OAuth session of a person, as signing out elsewhere or a changed password does; it returns how many.
func (s *Server) EndSessions(extension string) int {
	n := 0
	_ = s.change(func() error {
		for _, g := range s.grantsOf(extension) {
			s.endGrant(g)
			n++
		}
		return nil
	})
	return n
}

// ExpireAccess makes every access token of a person expired; refresh tokens stay.
func (s *Server) ExpireAccess(extension string) {
	_ = s.change(func() error {
		for _, g := range s.grantsOf(extension) {
			g.accessExpires = s.now().Add(-time.Second)
		}
		return nil
	})
}

// ExpireRefresh makes every refresh token of a person expired; access tokens stay.
func (s *Server) ExpireRefresh(extension string) {
	_ = s.change(func() error {
		for _, g := range s.grantsOf(extension) {
			g.refreshExpires = s.now().Add(-time.Second)
		}
		return nil
	})
}

// OAuthSessions is how many OAuth sessions a person has.
func (s *Server) OAuthSessions(extension string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.grantsOf(extension))
}

// SetScopes changes an app's application permissions; tokens issued before keep working with the new ones.
func (s *Server) SetScopes(clientID string, scopes ...string) {
	_ = s.change(func() error {
		if c := s.dir.clients[clientID]; c != nil {
			c.Scopes = slices.Clone(scopes)
		}
		return nil
	})
}

// SetLacks changes the user permissions that a person does not have.
func (s *Server) SetLacks(extension string, permissions ...string) {
	_ = s.change(func() error {
		if u := s.dir.person(extension); u != nil {
			u.Lacks = slices.Clone(permissions)
		}
		return nil
	})
}

// issuedKept bounds the record of secrets.
const issuedKept = 100_000

// issue remembers a secret that left the server, for tests that search logs. The caller holds the lock.
func (s *Server) issue(secret string) string {
	s.issued = keepNewest(s.issued, secret, issuedKept)
	return secret
}

// Issued is every secret that this server was born with, and the newest that it handed out, 100,000 at least: tokens, codes,
// credentials.
func (s *Server) Issued() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Clone(s.issued)
	for _, u := range s.dir.users {
		out = append(out, u.JWT)
	}
	for _, c := range s.dir.clients {
		if c.Secret != "" {
			out = append(out, c.Secret)
		}
	}
	slices.Sort(out)
	return out
}
