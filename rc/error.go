package rc

import (
	"encoding/json"
	"errors"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Causes that an *Error may wrap besides those of the network and the context.
var (
	// ErrHeldBack: the client refused the call by itself, to keep a usage limit.
	ErrHeldBack = errors.New("held back by the usage limit")
	// ErrBadID: an id that cannot be part of a path.
	ErrBadID = errors.New("not an id")
	// ErrBadArgument: something that the operation does not take.
	ErrBadArgument = errors.New("not an argument of this operation")
	// ErrSessionEnded: RingCentral no longer knows the OAuth session. Somebody
	// ended it elsewhere, or a sixth sign-in of the same person displaced it; its
	// socket and all its tokens are dead. From Refresh that is certain. A call
	// may also meet it because its access token was replaced by a refresh: only
	// when a fresh token meets it as well is the person signed out.
	ErrSessionEnded = errors.New("the OAuth session has ended")

	errTooLong = errors.New("the answer is too long")
)

// retryAfterDefault is how long RingCentral wants to be left alone when a 429
// does not say so.
const retryAfterDefault = 30 * time.Second

// Error is a call that did not end well: RingCentral refused it, its answer was
// of no use, or there was no answer.
//
// A Status of 2xx means that RingCentral did what it was asked and only the
// answer could not be read. Unsent means that the request certainly never
// reached RingCentral; without it and without a Status the outcome is unknown.
type Error struct {
	Method     string
	Path       string // without the query
	Status     int    // 0 when there was no answer
	Code       string // RingCentral's, such as "TAS-102"
	Message    string // RingCentral's; never shown to a person
	RequestID  string
	Permission string        // the app scope or user permission that was missing
	RetryAfter time.Duration // how long to wait before the next try; 0 when unsaid
	Unsent     bool
	Err        error // the cause when it was not RingCentral's answer
}

// heldBack is a request that the client did not send, and how long it should wait.
func heldBack(wait time.Duration, err error) *Error {
	e := &Error{Unsent: true, RetryAfter: wait, Err: err}
	if errors.Is(err, ErrHeldBack) {
		e.Status = http.StatusTooManyRequests
	}
	return e
}

// Error names the operation, the answer and RingCentral's request id.
func (e *Error) Error() string {
	var b strings.Builder
	b.WriteString("rc: " + e.Method + " " + e.Path + ":")
	if e.Status != 0 {
		b.WriteString(" " + strconv.Itoa(e.Status))
	}
	for _, s := range []string{e.Code, maskNumbers(e.Message)} {
		if s != "" {
			b.WriteString(" " + s)
		}
	}
	if e.Permission != "" {
		b.WriteString(" [" + e.Permission + "]")
	}
	if e.Err != nil {
		b.WriteString(" " + e.Err.Error())
	}
	if e.Unsent {
		b.WriteString(" (not sent)")
	}
	if e.RequestID != "" {
		b.WriteString(" (request " + e.RequestID + ")")
	}
	return b.String()
}

// Unwrap is the cause when it was not RingCentral's answer.
func (e *Error) Unwrap() error { return e.Err }

// codeTokenNotFound is how RingCentral refuses a token that it knows no longer.
const codeTokenNotFound = "OAU-213"

// Is reports whether RingCentral's answer means ErrSessionEnded.
func (e *Error) Is(target error) bool {
	return target == ErrSessionEnded && e.Code == codeTokenNotFound &&
		(e.Status == http.StatusUnauthorized || e.Status == http.StatusBadRequest)
}

// Unsent reports whether err says that the request certainly never reached
// RingCentral, so that repeating it is safe.
func Unsent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Unsent
}

// ErrorFrom reads a refusal, whether its body repeats the first error at the
// top, holds it in "errors" only, or comes from the OAuth endpoints.
func ErrorFrom(method, path string, status int, header http.Header, body []byte) *Error {
	e := &Error{Method: method, Path: path, Status: status, RequestID: header.Get("RCRequestId")}
	e.RetryAfter = retryAfter(header.Get("Retry-After"))
	if status == http.StatusTooManyRequests && e.RetryAfter == 0 {
		e.RetryAfter = retryAfterDefault
	}
	if status >= 200 && status <= 299 {
		return e
	}
	var w wireErrors
	if json.Unmarshal(body, &w) != nil && w.ErrorCode == "" && len(w.Errors) == 0 && w.OAuthError == "" {
		return e
	}
	details := append([]wireError{w.wireError}, w.Errors...)
	for _, d := range details {
		e.Code = first(e.Code, string(d.ErrorCode))
		e.Message = first(e.Message, d.Message)
		e.Permission = first(e.Permission, d.PermissionName)
		for _, p := range d.Parameters {
			if p.Name == "permissionName" {
				e.Permission = first(e.Permission, string(p.Value))
			}
		}
	}
	e.Code = first(e.Code, w.OAuthError)
	e.Message = first(e.Message, w.OAuthDescription)
	if e.Permission == "" && (e.Code == "CMN-401" || e.Code == "CMN-408") {
		e.Permission = bracketed(e.Message)
	}
	return e
}

type wireErrors struct {
	wireError
	Errors           []wireError `json:"errors"`
	OAuthError       string      `json:"error"`
	OAuthDescription string      `json:"error_description"`
}

type wireError struct {
	ErrorCode      telephony.ID `json:"errorCode"`
	Message        string       `json:"message"`
	PermissionName string       `json:"permissionName"`
	Parameters     []struct {
		Name  string       `json:"parameterName"`
		Value telephony.ID `json:"parameterValue"`
	} `json:"parameters"`
}

// retryAfter reads both forms of the header; a date is compared with now.
func retryAfter(value string) time.Duration {
	if seconds, err := strconv.Atoi(strings.TrimSpace(value)); err == nil && seconds > 0 {
		return time.Duration(min(seconds, 3600)) * time.Second
	}
	if at, err := http.ParseTime(value); err == nil {
		return max(0, min(time.Until(at), time.Hour))
	}
	return 0
}

// bracketed is the word that a message puts into square brackets.
func bracketed(message string) string {
	_, rest, _ := strings.Cut(message, "[")
	word, _, found := strings.Cut(rest, "]")
	if !found {
		return ""
	}
	return word
}

// number is what may be a telephone number, also as people write one.
var number = regexp.MustCompile(`\d(?:[ ().-]{0,2}\d){6,}`)

// maskNumbers keeps the last four digits of what may be a telephone number.
func maskNumbers(text string) string {
	return number.ReplaceAllStringFunc(text, func(found string) string {
		digits := nonDigits.Replace(found)
		return "…" + digits[len(digits)-4:]
	})
}

var nonDigits = strings.NewReplacer(" ", "", "(", "", ")", "", ".", "", "-", "")

func first(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
