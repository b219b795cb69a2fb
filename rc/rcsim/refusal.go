package rcsim

import (
	"cmp"
	"net/http"
	"time"
)

// restError is an answer other than success: an HTTP status and RingCentral's error code.
type restError struct {
	status        int
	code, message string
	extra         map[string]string // parameterName, permissionName …
	body          string            // instead of RingCentral's error body; set by a fault
	retryAfter    time.Duration
}

func (r *restError) Error() string { return r.code + " " + r.message }

func refuse(status int, code, message string) *restError {
	return &restError{status: status, code: code, message: message}
}

// wrongState is the answer to an operation that the party's state does not allow.
func wrongState(op string, p *party) error {
	return &restError{status: http.StatusConflict, code: "TAS-102", message: "Incorrect State", extra: map[string]string{"operation": op, "state": p.code}}
}

func notAllowed() error { return notAllowedAs("") }

// notAllowedAs is notAllowed with a code that is assumed; empty means the one that is known.
func notAllowedAs(code string) error {
	return refuse(http.StatusForbidden, cmp.Or(code, "TAS-106"), "Operation is not allowed")
}

// missing is a 404 for something that a parameter names. The code is an assumption (API sheet 11.4).
func missing(parameter string) *restError {
	return &restError{status: http.StatusNotFound, code: "CMN-102", message: "Resource for parameter [" + parameter + "] is not found", extra: map[string]string{"parameterName": parameter}}
}

func invalid(parameter string) error {
	return &restError{status: http.StatusBadRequest, code: "CMN-101", message: "Parameter [" + parameter + "] value is invalid", extra: map[string]string{"parameterName": parameter}}
}

// lacksPermission refuses a person whose role does not have a permission.
func lacksPermission(permission string) error {
	return &restError{
		status: http.StatusForbidden, code: "CMN-408", extra: map[string]string{"permissionName": permission},
		message: "In order to call this API endpoint, user needs to have [" + permission + "] permission for requested resource.",
	}
}

// notOwnExtension refuses what a person may do for themselves only.
func notOwnExtension() error {
	return &restError{
		status: http.StatusForbidden, code: "CMN-404", message: "Access to another extension is not allowed",
		extra: map[string]string{"parameterName": "extensionId"},
	}
}
