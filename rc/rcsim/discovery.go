package rcsim

import "net/http"

// Where the services of RingCentral are (API sheet, section 1). An app may ignore discovery and use a configured base URL.

const (
	pathInitial  = "/.well-known/entry-points/initial"
	pathExternal = "/.well-known/entry-points/external"
	pathOpenID   = "/.well-known/openid-configuration"
	version      = "1.0.0" // of the discovery documents
)

func (s *Server) discoveryRoutes() {
	s.mux.HandleFunc("GET /restapi", s.handleVersion)
	s.mux.HandleFunc("GET /restapi/{$}", s.handleVersion)
	s.mux.HandleFunc("GET "+pathInitial, s.handleInitial)
}

func discoveryOperations() []operation {
	return []operation{{name: "discovery", method: http.MethodGet, path: pathExternal, group: groupNone, serve: (*call).external}}
}

// handleInitial tells an app, before anybody has signed in, where to sign in.
func (s *Server) handleInitial(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	known := s.dir.clients[r.URL.Query().Get("clientId")] != nil
	s.mu.Unlock()
	if !known {
		s.writeError(w, r, invalid("clientId"))
		return
	}
	brand := r.URL.Query().Get("brandId")
	if brand == "" {
		brand = brandID
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"version": version, "retryCount": 3, "retryInterval": 30, "brandId": brand,
		"discoveryApi": map[string]string{"defaultExternalUri": s.uri(r, pathExternal)},
		"authApi": map[string]string{
			"authorizationUri": s.uri(r, "/restapi/oauth/authorize"), "oidcDiscoveryUri": s.uri(r, pathOpenID), "defaultTokenUri": s.uri(r, "/restapi/oauth/token"),
		},
		"coreApi": map[string]string{"baseUri": s.uri(r, "")},
	})
}

// external tells a signed-in app where its account lives.
func (c *call) external() (int, any, error) {
	at := func(path string) string { return c.s.uri(c.r, path) }
	return http.StatusOK, map[string]any{
		"version": version, "expiresIn": 86400,
		"discoveryApi": map[string]string{"initialUri": at(pathInitial), "externalUri": at(pathExternal)},
		"authApi": map[string]string{
			"authorizationUri": at("/restapi/oauth/authorize"), "oidcDiscoveryUri": at(pathOpenID), "baseUri": at(""), "tokenUri": at("/restapi/oauth/token"),
		},
		"coreApi": map[string]string{"baseUri": at("")},
		"rcv":     map[string]string{"baseApiUri": at("")}, // video; RingCentral's SDK reads it
	}, nil
}

// handleVersion is GET /restapi: the versions of the API.
func (s *Server) handleVersion(w http.ResponseWriter, r *http.Request) {
	writeJSON(w, http.StatusOK, map[string]any{
		"uri": s.uri(r, "/restapi"),
		"apiVersions": []any{map[string]string{
			"uri": s.uri(r, "/restapi/v1.0"), "versionString": "1.0.60", "releaseDate": "2026-08-01T00:00:00.000Z", "uriString": "v1.0",
		}},
		"serverVersion": "rcsim", "serverRevision": "1",
	})
}
