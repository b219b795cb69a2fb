package conform

import (
	"net/url"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func (j *judge) event(e rcsim.Exchange) verdict {
	name := eventSchema(e.Event)
	schema := j.schema(name)
	if schema == nil {
		return weigh(verdict{wrong: []finding{{operation: e.Event, side: event, kind: unknownOperation}}})
	}
	base := finding{operation: name, side: event}
	value := decode("application/json", e.Notification)
	v := verdict{operation: name, event: true}
	v.wrong = findings(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()), base)
	v.wrong = append(v.wrong, strange(value, schema, base)...)
	return weigh(v)
}

// eventSchema is the schema of an event path's notifications; empty when the document has none.
func eventSchema(path string) string {
	path, query, _ := strings.Cut(path, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if len(parts) < 5 || parts[2] != "account" {
		return ""
	}
	q, _ := url.ParseQuery(query)
	switch rest := strings.Join(parts[4:], "/"); {
	case rest == "telephony/sessions":
		return "AccountTelephonySessionsEvent"
	case rest == "presence":
		return "AccountPresenceEvent"
	case parts[4] == "call-queues" && strings.HasSuffix(rest, "/presence"):
		return "CallQueuePresenceEvent"
	case parts[4] != "extension" || len(parts) < 7:
		return ""
	case strings.HasSuffix(rest, "/telephony/sessions"):
		return "ExtensionTelephonySessionsEvent"
	case strings.HasSuffix(rest, "/presence") && q.Get("detailedTelephonyState") == "true" && q.Get("sipData") == "true":
		return "DetailedExtensionPresenceWithSIPEvent"
	case strings.HasSuffix(rest, "/presence") && q.Get("detailedTelephonyState") == "true":
		return "DetailedExtensionPresenceEvent"
	case strings.HasSuffix(rest, "/presence"):
		return "ExtensionPresenceEvent"
	}
	return ""
}
