package rcsim

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"net/http"
	"slices"
	"strings"
	"sync"
)

// OpenID Connect: the metadata document, the key, the user's claims and the id_token of a code that was asked for with the
// scope openid.

const pathJWKS = "/restapi/oauth/jwks"

func (s *Server) openidRoutes() {
	s.mux.HandleFunc("GET /.well-known/openid-configuration", s.handleOpenID)
	s.mux.HandleFunc("GET "+pathJWKS, s.handleJWKS)
}

func openidOperations() []operation {
	return []operation{{name: "userinfo", method: http.MethodGet, path: "/restapi/oauth/userinfo", group: groupAuth, serve: (*call).userinfo}}
}

// handleOpenID is GET /.well-known/openid-configuration.
func (s *Server) handleOpenID(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"issuer":                                s.uri(r, ""),
		"authorization_endpoint":                s.uri(r, "/restapi/oauth/authorize"),
		"token_endpoint":                        s.uri(r, "/restapi/oauth/token"),
		"revocation_endpoint":                   s.uri(r, "/restapi/oauth/revoke"),
		"userinfo_endpoint":                     s.uri(r, "/restapi/oauth/userinfo"),
		"jwks_uri":                              s.uri(r, pathJWKS),
		"scopes_supported":                      []string{"openid", "email", "profile"},
		"token_endpoint_auth_methods_supported": []string{"client_secret_basic", "client_secret_jwt"},
		"response_types_supported":              []string{"code"},
		"subject_types_supported":               []string{"public"},
		"userinfo_signing_alg_values_supported": []string{"none"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
		"display_values_supported":              []string{"page", "popup", "touch", "mobile"},
		"claims_supported":                      []string{"sub", "iss", "auth_time", "aud", "exp", "iat", "jti", "nonce", "account_id", "email", "email_verified", "given_name", "family_name"},
		"ui_locales_supported":                  []string{"en-US"},
		"code_challenge_methods_supported":      []string{"plain", "S256"},
		"claims_parameter_supported":            false,
		"request_parameter_supported":           false,
		"request_uri_parameter_supported":       false,
	})
}

// signer makes the server's key when somebody first needs it: most tests never do.
type signer struct {
	once sync.Once
	key  *rsa.PrivateKey
}

const keyID = "rcsim"

func (g *signer) private() *rsa.PrivateKey {
	g.once.Do(func() {
		key, err := rsa.GenerateKey(rand.Reader, 2048)
		if err != nil {
			panic("rcsim: " + err.Error()) // the system has no randomness: nothing works
		}
		g.key = key
	})
	return g.key
}

// sign is a JSON Web Token by RS256.
func (g *signer) sign(claims any) string {
	enc := base64.RawURLEncoding.EncodeToString
	text := enc(encode(map[string]string{"alg": "RS256", "typ": "JWT", "kid": keyID})) + "." + enc(encode(claims))
	sum := sha256.Sum256([]byte(text))
	sig, err := rsa.SignPKCS1v15(nil, g.private(), crypto.SHA256, sum[:])
	if err != nil {
		panic("rcsim: " + err.Error()) // the key is ours and long enough
	}
	return text + "." + enc(sig)
}

func (s *Server) handleJWKS(w http.ResponseWriter, _ *http.Request) {
	key := s.signer.private().PublicKey
	enc := base64.RawURLEncoding.EncodeToString
	writeJSON(w, http.StatusOK, map[string]any{"keys": []any{map[string]string{
		"kty": "RSA", "use": "sig", "alg": "RS256", "kid": keyID, "n": enc(key.N.Bytes()), "e": enc(big.NewInt(int64(key.E)).Bytes()),
	}}})
}

// claims are what OpenID Connect tells about a person.
func (u *User) claims() map[string]any {
	return map[string]any{
		"sub": u.ID, "account_id": u.AccountID, "email": u.Email, "email_verified": true, "given_name": u.First, "family_name": u.Last,
	}
}

func (c *call) userinfo() (int, any, error) { return http.StatusOK, c.user.claims(), nil }

// idToken is the id_token of a redeemed code, or nothing when openid was not asked for.
func (s *Server) idToken(r *http.Request, code *authCode) string {
	if !slices.Contains(strings.Fields(code.scope), "openid") {
		return ""
	}
	now := s.now()
	claims := code.user.claims()
	claims["iss"], claims["aud"], claims["jti"] = s.uri(r, ""), code.client.ID, s.ids.uuid()
	claims["iat"], claims["auth_time"], claims["exp"] = now.Unix(), code.made.Unix(), now.Add(s.opt.AccessTTL).Unix()
	if code.nonce != "" {
		claims["nonce"] = code.nonce
	}
	return s.issue(s.signer.sign(claims))
}
