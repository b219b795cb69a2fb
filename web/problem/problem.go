// Package problem names the few kinds of trouble a person can meet in the
// browser. A Problem carries what a page may say, as a code with arguments, and
// apart from it a private cause that only the log sees: sentences are made
// elsewhere, and nothing of the cause ever reaches a page.
//
// Values are immutable by convention: whoever holds one reads it.
package problem

import (
	"errors"
	"net/http"
	"strconv"
	"time"
)

// Kind is a class of problems that share an HTTP status; the zero value is Internal.
type Kind uint8

// The kinds of problem.
const (
	Internal    Kind = iota // our own fault
	BadRequest              // the request makes no sense
	SignedOut               // nobody is signed in, or no longer
	Forbidden               // signed in, but not allowed
	Missing                 // no such thing, or not this person's
	Stale                   // what the person saw is no longer so; nothing was sent
	TooMany                 // too many requests
	RefusedByRC             // RingCentral said no
	Unavailable             // something we need cannot be reached
	numKinds    = iota
)

var statuses = [numKinds]int{
	Internal:    http.StatusInternalServerError,
	BadRequest:  http.StatusBadRequest,
	SignedOut:   http.StatusUnauthorized,
	Forbidden:   http.StatusForbidden,
	Missing:     http.StatusNotFound,
	Stale:       http.StatusConflict,
	TooMany:     http.StatusTooManyRequests,
	RefusedByRC: http.StatusBadGateway,
	Unavailable: http.StatusServiceUnavailable,
}

// Status is the HTTP status that answers problems of this kind.
func (k Kind) Status() int {
	if int(k) >= len(statuses) {
		return http.StatusInternalServerError
	}
	return statuses[k]
}

// The codes of problems, each with the arguments that it carries.
const (
	CodeInternal          = "internal"
	CodeBadRequest        = "bad-request"        // field
	CodeSignInStale       = "sign-in-stale"      // the sign-in took too long, was used before, or began in another browser
	CodeSignInDenied      = "sign-in-denied"     // the person said no on RingCentral's page
	CodeSignedOut         = "signed-out"         //
	CodeNotSupervisor     = "not-a-supervisor"   //
	CodeMissingScope      = "missing-scope"      // scope
	CodeMissingPermission = "missing-permission" // permission
	CodeForeignAccount    = "foreign-account"    //
	CodeNotFound          = "not-found"          //
	CodeChanged           = "changed"            // the board moved on between look and press
	CodeTooMany           = "too-many"           // seconds, when known
	CodeRefused           = "refused"            // code, request
	CodeUnavailable       = "unavailable"        // service
	CodeUnknown           = "unknown"            // a press got no answer: whether anything was sent is not known
)

// The names of arguments.
const (
	ArgField      = "field"
	ArgScope      = "scope"
	ArgPermission = "permission"
	ArgSeconds    = "seconds"
	ArgCode       = "code"
	ArgRequest    = "request"
	ArgService    = "service"
)

// The services that an unavailable problem may name.
const (
	ServiceRingCentral = "ringcentral"
	ServiceBus         = "bus"
)

// Problem is an error with a public face: Code and Args may be shown, Cause may not.
type Problem struct {
	Kind   Kind
	Code   string
	Args   map[string]string
	Status int // the HTTP status; Kind.Status unless its maker knew better
	Cause  error
}

// Error is the text for the log: the code, and the cause behind it.
func (p *Problem) Error() string {
	if p.Cause == nil {
		return p.Code
	}
	return p.Code + ": " + p.Cause.Error()
}

// Unwrap is the private cause.
func (p *Problem) Unwrap() error { return p.Cause }

// Is reports whether target is a problem with the same code.
func (p *Problem) Is(target error) bool {
	t, ok := target.(*Problem)
	return ok && t.Code == p.Code
}

// From finds the problem in err's chain; any other error becomes an internal problem, and nil stays nil.
func From(err error) *Problem {
	if err == nil {
		return nil
	}
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	return newProblem(Internal, CodeInternal, err)
}

// NewInternal says that something went wrong on our side.
func NewInternal(cause error) *Problem { return newProblem(Internal, CodeInternal, cause) }

// NewBadRequest says that the named field of a request is missing or makes no sense.
func NewBadRequest(field string, cause error) *Problem {
	return newProblem(BadRequest, CodeBadRequest, cause, ArgField, field)
}

// NewSignInStale says that this sign-in cannot be finished and has to be started again.
func NewSignInStale(cause error) *Problem { return newProblem(BadRequest, CodeSignInStale, cause) }

// NewSignInDenied says that the person did not approve on RingCentral's page.
func NewSignInDenied(cause error) *Problem { return newProblem(Forbidden, CodeSignInDenied, cause) }

// NewSignedOut says that nobody is signed in with this browser, or no longer.
func NewSignedOut(cause error) *Problem { return newProblem(SignedOut, CodeSignedOut, cause) }

// NewNotSupervisor says that a page is for those who monitor a team.
func NewNotSupervisor() *Problem { return newProblem(Forbidden, CodeNotSupervisor, nil) }

// NewMissingScope says that the RingCentral app lacks an app scope, such as CallControl.
func NewMissingScope(scope string, cause error) *Problem {
	return newProblem(Forbidden, CodeMissingScope, cause, ArgScope, scope)
}

// NewMissingPermission says that the person's RingCentral role lacks a permission.
func NewMissingPermission(permission string, cause error) *Problem {
	return newProblem(Forbidden, CodeMissingPermission, cause, ArgPermission, permission)
}

// NewForeignAccount says that this installation does not serve the person's RingCentral account.
func NewForeignAccount() *Problem { return newProblem(Forbidden, CodeForeignAccount, nil) }

// NewNotFound says that there is no such thing, or that it belongs to somebody else.
func NewNotFound(cause error) *Problem { return newProblem(Missing, CodeNotFound, cause) }

// NewChanged says that the board changed while the person pressed, and that nothing was sent.
func NewChanged(cause error) *Problem { return newProblem(Stale, CodeChanged, cause) }

// NewTooMany says that the person has to wait; a wait of zero is unknown.
func NewTooMany(wait time.Duration, cause error) *Problem {
	if wait <= 0 {
		return newProblem(TooMany, CodeTooMany, cause)
	}
	seconds := int64((wait + time.Second - 1) / time.Second)
	return newProblem(TooMany, CodeTooMany, cause, ArgSeconds, strconv.FormatInt(seconds, 10))
}

// NewRefused says that RingCentral answered no, with its error code and request id where known.
func NewRefused(code, request string, cause error) *Problem {
	return newProblem(RefusedByRC, CodeRefused, cause, ArgCode, code, ArgRequest, request)
}

// NewUnavailable says that the named service cannot be reached now.
func NewUnavailable(service string, cause error) *Problem {
	return newProblem(Unavailable, CodeUnavailable, cause, ArgService, service)
}

// NewUnknown says that a press got no answer, so that it is not known whether anything was sent.
func NewUnknown(cause error) *Problem { return newProblem(Unavailable, CodeUnknown, cause) }

// newProblem builds a problem; args are names and values in turn, and empty values are left out.
func newProblem(k Kind, code string, cause error, args ...string) *Problem {
	p := &Problem{Kind: k, Code: code, Status: k.Status(), Cause: cause}
	for i := 0; i+1 < len(args); i += 2 {
		if args[i+1] == "" {
			continue
		}
		if p.Args == nil {
			p.Args = make(map[string]string, len(args)/2)
		}
		p.Args[args[i]] = args[i+1]
	}
	return p
}
