package rcsim

import (
	"errors"
	"net/http"
)

// oauthError is an error of the OAuth endpoints (API sheet 2.5).
type oauthError struct {
	err, code, message string
	status             int
	extra              map[string]string
}

func (e *oauthError) Error() string { return e.err + " " + e.code }

func refuseOAuth(kind, code, message string) error {
	return &oauthError{err: kind, code: code, message: message, status: http.StatusBadRequest}
}

// lacksAppAccess refuses a person whose role does not let apps in.
func lacksAppAccess() error {
	return &oauthError{
		err: "invalid_client", code: "CMN-408", status: http.StatusBadRequest,
		message: "In order to call this API endpoint, user needs to have [ThirdPartyAppAccess] permission for requested resource.",
		extra:   map[string]string{"permissionName": "ThirdPartyAppAccess"},
	}
}

// tableStatus is the HTTP status that RingCentral's list of error codes gives an OAuth error, where it is not 400. The OpenAPI
// document declares 400 alone, and so do the answers that were seen: see Assumptions.OAuthTableStatus.
var tableStatus = map[string]int{
	"CMN-408": http.StatusForbidden,
	"OAU-101": http.StatusForbidden, "OAU-105": http.StatusForbidden, "OAU-106": http.StatusForbidden, "OAU-108": http.StatusForbidden,
	"OAU-109": http.StatusForbidden, "OAU-110": http.StatusForbidden, "OAU-112": http.StatusForbidden, "OAU-113": http.StatusForbidden,
	"OAU-120": http.StatusUnauthorized, "OAU-121": http.StatusUnauthorized, "OAU-123": http.StatusUnauthorized, "OAU-125": http.StatusUnauthorized,
	"OAU-134": http.StatusUnauthorized, "OAU-136": http.StatusUnauthorized, "OAU-140": http.StatusUnauthorized, "OAU-146": http.StatusUnauthorized,
	"OAU-149": http.StatusUnauthorized, "OAU-151": http.StatusUnauthorized,
}

func (s *Server) writeOAuthError(w http.ResponseWriter, r *http.Request, err error) {
	o, ok := errors.AsType[*oauthError](err)
	if !ok {
		s.writeError(w, r, err)
		return
	}
	status := o.status
	s.mu.Lock()
	record(r).Code = o.code
	if s.opt.Assume.OAuthTableStatus && tableStatus[o.code] != 0 {
		status = tableStatus[o.code]
	}
	s.mu.Unlock()
	item := map[string]any{"errorCode": o.code, "message": o.message}
	if len(o.extra) > 0 {
		var ps []map[string]string
		for k, v := range o.extra {
			ps = append(ps, map[string]string{"parameterName": k, "parameterValue": v})
		}
		item["parameters"] = ps
	}
	w.Header().Set("Cache-Control", "no-store")
	writeJSON(w, status, map[string]any{"error": o.err, "error_description": o.message, "errors": []any{item}})
}
