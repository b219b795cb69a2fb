package rcsim

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
)

// How an app says who it is (API sheet 2.2): a confidential one by Basic or by a signed assertion, a public one by client_id alone.

const assertionJWT = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// clientOf authenticates the app of a token or revoke request.
func (s *Server) clientOf(r *http.Request, form url.Values) (*Client, error) {
	switch {
	case r.Header.Get("Authorization") != "":
		return s.basicClient(r, form)
	case form.Get("client_assertion_type") != "":
		return s.assertedClient(r, form)
	}
	id := form.Get("client_id")
	c := s.dir.clients[id]
	switch {
	case id == "":
		return nil, refuseOAuth("invalid_client", "OAU-123", "Client authentication is required")
	case c == nil:
		return nil, unknownClient()
	case !c.Public():
		return nil, refuseOAuth("invalid_client", "OAU-123", "Client authentication is required")
	}
	return c, nil
}

func unknownClient() error {
	return refuseOAuth("invalid_client", "OAU-153", "Invalid client credentials")
}

// basicClient: the header is for confidential clients only; a public client that sends it, with an empty secret, is refused.
func (s *Server) basicClient(r *http.Request, form url.Values) (*Client, error) {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "basic") {
		return nil, refuseOAuth("invalid_client", "OAU-151", "Authorization method is not supported")
	}
	id, secret, ok := r.BasicAuth()
	if !ok {
		return nil, refuseOAuth("invalid_client", "OAU-134", "Invalid Authorization header")
	}
	id, _ = url.QueryUnescape(id)
	secret, _ = url.QueryUnescape(secret)
	c := s.dir.clients[id]
	switch {
	case c == nil, c.Public(), form.Get("client_id") != "" && form.Get("client_id") != c.ID:
		return nil, unknownClient()
	case subtle.ConstantTimeCompare([]byte(c.Secret), []byte(secret)) != 1:
		return nil, refuseOAuth("invalid_client", "OAU-146", "Invalid client credentials")
	}
	return c, nil
}

// assertedClient is client_secret_jwt (RFC 7523): the app signs a short-lived token with its secret. private_key_jwt is not modelled.
func (s *Server) assertedClient(r *http.Request, form url.Values) (*Client, error) {
	var claims struct {
		Iss string `json:"iss"`
		Sub string `json:"sub"`
		Aud any    `json:"aud"`
		Exp int64  `json:"exp"`
	}
	var header struct {
		Alg string `json:"alg"`
	}
	parts := strings.Split(form.Get("client_assertion"), ".")
	if form.Get("client_assertion_type") != assertionJWT || len(parts) != 3 || unpack(parts[0], &header) != nil || unpack(parts[1], &claims) != nil {
		return nil, refuseOAuth("invalid_client", "OAU-149", "The client assertion cannot be parsed")
	}
	c := s.dir.clients[claims.Sub]
	if c == nil || c.Public() || claims.Iss != claims.Sub || header.Alg != "HS256" {
		return nil, unknownClient()
	}
	mac := hmac.New(sha256.New, []byte(c.Secret))
	mac.Write([]byte(parts[0] + "." + parts[1]))
	given, err := base64.RawURLEncoding.DecodeString(parts[2])
	base := s.uri(r, "")
	aud, _ := claims.Aud.(string)
	switch {
	case err != nil || !hmac.Equal(given, mac.Sum(nil)), aud != base && !strings.HasPrefix(aud, base+"/"), s.now().Unix() >= claims.Exp:
		return nil, refuseOAuth("invalid_client", "OAU-146", "Invalid client credentials")
	}
	return c, nil
}

// unpack decodes one part of a JSON Web Token.
func unpack(part string, v any) error {
	b, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	return json.Unmarshal(b, v)
}
