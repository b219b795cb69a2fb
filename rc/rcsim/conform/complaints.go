package conform

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
)

// schemeError is an Authorization header of another scheme than the operation wants.
type schemeError struct{ got, want string }

func (e *schemeError) Error() string { return fmt.Sprintf("the scheme is %q, not %q", e.got, e.want) }

// findings are what an error of kin-openapi says, which is a tree; each is like base otherwise.
func findings(err error, base finding) []finding {
	var out []finding
	for _, err := range leaves(err) {
		f := base
		if e, ok := errors.AsType[*openapi3filter.RequestError](err); ok {
			switch {
			case e.Parameter != nil:
				f.kind, f.at = badParameter, e.Parameter.Name
			case e.Err == nil:
				f.kind = badContentType
			}
			out = append(out, because(e.Err, e.Reason, f)...)
			continue
		}
		if e, ok := errors.AsType[*openapi3filter.ResponseError](err); ok {
			if e.Err == nil {
				f.kind = badContentType
			}
			out = append(out, because(e.Err, e.Reason, f)...)
			continue
		}
		if e, ok := errors.AsType[*schemeError](err); ok {
			f.kind, f.at, f.detail = badCredentials, e.got, e.Error()
			out = append(out, f)
			continue
		}
		out = append(out, because(err, "", f)...)
	}
	return out
}

// because is one finding for each cause, or one for the reason alone; a cause that a schema gives has a place.
func because(cause error, reason string, base finding) []finding {
	if cause == nil {
		base.detail = reason
		return []finding{base}
	}
	var out []finding
	for _, err := range leaves(cause) {
		f := base
		schema, ok := errors.AsType[*openapi3.SchemaError](err)
		switch {
		case ok:
			if f.kind == "" {
				f.kind = badValue
			}
			f.at = strings.Trim(f.at+"."+pointer(schema.JSONPointer()), ".")
			f.detail = schema.Reason
			if schema.SchemaField == "enum" {
				f.detail = fmt.Sprintf("%v is not one of the allowed values", schema.Value)
			}
		default:
			if f.kind == "" {
				f.kind = badBody
			}
			f.detail = strings.TrimSpace(reason + " " + strings.Join(strings.Fields(err.Error()), " "))
		}
		out = append(out, f)
	}
	return out
}

// leaves are the errors of a tree of MultiErrors.
func leaves(err error) []error {
	switch e := err.(type) { //nolint:errorlint // the tree itself, not what an error wraps
	case nil:
		return nil
	case openapi3.MultiError:
		var all []error
		for _, one := range e {
			all = append(all, leaves(one)...)
		}
		return all
	case *openapi3.SchemaError:
		// Of a whole that is not met, the part; of alternatives, none is to blame.
		if parts, ok := errors.AsType[openapi3.MultiError](e.Origin); ok && e.SchemaField == "allOf" {
			return leaves(parts)
		}
	}
	return []error{err}
}

// pointer is a JSON pointer as a path; the number of an element does not matter.
func pointer(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		switch _, err := strconv.Atoi(p); {
		case err == nil:
			b.WriteString("[]")
		case b.Len() > 0:
			b.WriteString("." + p)
		default:
			b.WriteString(p)
		}
	}
	return b.String()
}
