package conform

import (
	"cmp"
	"fmt"
)

// side is one of the three kinds of message.
type side string

const (
	request side = "request"
	answer  side = "answer"
	event   side = "event"
)

// kind is what a finding is about.
type kind string

const (
	unknownOperation kind = "operation"            // the document has no such route
	unknownParameter kind = "unknown parameter"    // in the query
	unknownProperty  kind = "unknown property"     // in a body
	badParameter     kind = "parameter"            // missing, or its value is wrong
	badValue         kind = "value"                // a property's value is wrong or missing
	badBody          kind = "body"                 // missing, undeclared or no JSON
	badContentType   kind = "content type"         // not the declared one
	undeclaredStatus kind = "undeclared status"    // of an answer
	badCredentials   kind = "authorization header" // not as the security scheme wants it
)

// finding is one way in which a message is not as the document says.
type finding struct {
	operation string // operationId, or the event's schema; of an unknown operation method and path
	side      side
	status    int // of the answer; 0 for an event
	kind      kind
	at        string // where: a parameter's name, or the property's path as in parties[].status.code
	detail    string
	fault     bool // a fault of the test's own choice made the answer
}

func (f finding) String() string {
	s := fmt.Sprintf("%s of %s", f.side, f.operation)
	if f.side == answer {
		s = fmt.Sprintf("answer %d of %s", f.status, f.operation)
	}
	s += ": " + string(f.kind)
	if f.at != "" {
		s += " " + f.at
	}
	if f.detail != "" {
		s += ": " + f.detail
	}
	return s
}

func (f finding) compare(o finding) int {
	return cmp.Or(cmp.Compare(f.side, o.side), cmp.Compare(f.operation, o.operation), cmp.Compare(f.status, o.status),
		cmp.Compare(f.kind, o.kind), cmp.Compare(f.at, o.at), cmp.Compare(f.detail, o.detail))
}
