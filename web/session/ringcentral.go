package session

import (
	"errors"
	"net/http"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/web/problem"
)

// isAppsFault reports whether an OAuth error is about how the app is registered or configured, not about a person's grant.
//
// See https://developers.ringcentral.com/guide/basics/errors.
func isAppsFault(code string) bool {
	switch code {
	case "OAU-110", "OAU-111", "OAU-112", "OAU-113", "OAU-120", "OAU-121", "OAU-123", "OAU-125", "OAU-134", "OAU-146",
		"OAU-151", "OAU-153", "OAU-250",
		"invalid_client", "invalid_request", "unauthorized_client", "unsupported_grant_type":
		return true
	}
	return false
}

// isRefusal reports whether RingCentral answered no, and will answer so again.
func isRefusal(err error) bool {
	var e *rc.Error
	if !errors.As(err, &e) || e.Unsent {
		return false
	}
	switch e.Status {
	case http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden:
		return e.Code != ""
	}
	return false
}

// isPermanent reports whether a refresh was refused because the grant is dead.
func isPermanent(err error) bool {
	var e *rc.Error
	return isRefusal(err) && errors.As(err, &e) && !isAppsFault(e.Code)
}

// isKnown reports whether it is certain that a refresh gave no new pair.
func isKnown(err error) bool {
	var e *rc.Error
	return errors.As(err, &e) && (e.Unsent || e.Status >= http.StatusMultipleChoices)
}

// exchangeProblem says what a person can do after the code was not accepted.
func exchangeProblem(err error) *problem.Problem {
	var e *rc.Error
	if isPermanent(err) && errors.As(err, &e) && e.Permission == "" {
		return problem.NewSignInStale(err)
	}
	return ringCentralProblem(err)
}

// ringCentralProblem says what a person can do after RingCentral did not do as asked.
func ringCentralProblem(err error) *problem.Problem {
	var e *rc.Error
	if !errors.As(err, &e) {
		return problem.NewUnavailable(problem.ServiceRingCentral, err)
	}
	switch {
	case e.Status == http.StatusTooManyRequests:
		return problem.NewTooMany(e.RetryAfter, err)
	case e.Code == "CMN-401" && e.Permission != "":
		return problem.NewMissingScope(e.Permission, err)
	case e.Permission != "":
		return problem.NewMissingPermission(e.Permission, err)
	case isRefusal(err):
		return problem.NewRefused(e.Code, e.RequestID, err)
	}
	return problem.NewUnavailable(problem.ServiceRingCentral, err)
}
