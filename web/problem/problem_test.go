package problem_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"testing"
	"time"

	"github.com/cordboard/cordboard/web/problem"
)

func TestEachKindHasItsStatusCodeAndArguments(t *testing.T) {
	t.Parallel()
	cause := errors.New("private")
	for _, tc := range []struct {
		name   string
		got    *problem.Problem
		status int
		code   string
		args   map[string]string
	}{
		{"internal", problem.NewInternal(cause), http.StatusInternalServerError, "internal", nil},
		{"bad request", problem.NewBadRequest("revision", cause), http.StatusBadRequest, "bad-request", map[string]string{"field": "revision"}},
		{"sign-in stale", problem.NewSignInStale(cause), http.StatusBadRequest, "sign-in-stale", nil},
		{"sign-in denied", problem.NewSignInDenied(cause), http.StatusForbidden, "sign-in-denied", nil},
		{"signed out", problem.NewSignedOut(cause), http.StatusUnauthorized, "signed-out", nil},
		{"not a supervisor", problem.NewNotSupervisor(), http.StatusForbidden, "not-a-supervisor", nil},
		{"missing scope", problem.NewMissingScope("CallControl", cause), http.StatusForbidden, "missing-scope", map[string]string{"scope": "CallControl"}},
		{"missing permission", problem.NewMissingPermission("ReadPresence", cause), http.StatusForbidden, "missing-permission", map[string]string{"permission": "ReadPresence"}},
		{"foreign account", problem.NewForeignAccount(), http.StatusForbidden, "foreign-account", nil},
		{"not found", problem.NewNotFound(cause), http.StatusNotFound, "not-found", nil},
		{"changed", problem.NewChanged(cause), http.StatusConflict, "changed", nil},
		{"too many", problem.NewTooMany(1500*time.Millisecond, cause), http.StatusTooManyRequests, "too-many", map[string]string{"seconds": "2"}},
		{"too many, no wait known", problem.NewTooMany(0, cause), http.StatusTooManyRequests, "too-many", nil},
		{"refused", problem.NewRefused("TAS-102", "", cause), http.StatusBadGateway, "refused", map[string]string{"code": "TAS-102"}},
		{"unavailable", problem.NewUnavailable(problem.ServiceBus, cause), http.StatusServiceUnavailable, "unavailable", map[string]string{"service": "bus"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.got.Status != tc.status || tc.got.Kind.Status() != tc.status {
				t.Errorf("status %d, its kind's %d, want %d", tc.got.Status, tc.got.Kind.Status(), tc.status)
			}
			if tc.got.Code != tc.code {
				t.Errorf("code %q, want %q", tc.got.Code, tc.code)
			}
			if !maps.Equal(tc.got.Args, tc.args) {
				t.Errorf("args %v, want %v", tc.got.Args, tc.args)
			}
		})
	}
}

func TestFromFindsTheProblemAndHidesAnyOtherError(t *testing.T) {
	t.Parallel()
	if p := problem.From(nil); p != nil {
		t.Errorf("From(nil) = %v", p)
	}
	changed := problem.NewChanged(nil)
	if p := problem.From(fmt.Errorf("complete: %w", changed)); p != changed {
		t.Errorf("From(wrapped) = %v", p)
	}
	cause := errors.New("disk on fire")
	p := problem.From(cause)
	if p.Code != problem.CodeInternal || !errors.Is(p, cause) {
		t.Errorf("From(other) = %v", p)
	}
}

func TestProblemsCompareByCode(t *testing.T) {
	t.Parallel()
	err := fmt.Errorf("press: %w", problem.NewChanged(errors.New("revision 7, now 9")))
	if !errors.Is(err, problem.NewChanged(nil)) {
		t.Error("a changed problem is not itself")
	}
	if errors.Is(err, problem.NewNotFound(nil)) {
		t.Error("a changed problem is a missing one")
	}
}

func TestAnUnknownKindIsOurOwnFault(t *testing.T) {
	t.Parallel()
	if got := problem.Kind(200).Status(); got != http.StatusInternalServerError {
		t.Errorf("status %d", got)
	}
}
