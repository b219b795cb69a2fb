package conform

import (
	"context"
	"encoding/json"
	"fmt"
	"hash/maphash"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// judge holds the document and what it has said about each shape of message before.
type judge struct {
	doc    *openapi3.T
	router routers.Router
	seed   maphash.Seed

	mu   sync.Mutex
	seen map[uint64]verdict
}

// verdict is what there is to say about one exchange.
type verdict struct {
	operation string // empty when it was not checked
	ours      bool   // our client's request
	request   bool   // the request was checked
	answer    bool
	event     bool
	status    int
	wrong     []finding
	excused   []string // names of the deviations that were met
}

func newJudge(name string) (*judge, error) {
	doc, err := openapi3.NewLoader().LoadFromFile(name)
	if err != nil {
		return nil, fmt.Errorf("read RingCentral's OpenAPI document: %w", err)
	}
	doc.Servers = nil // the simulator is anywhere
	for _, ref := range doc.Components.Schemas {
		if s := ref.Value; len(s.AnyOf) == 1 { // the same thing, but kin-openapi says what is wrong inside an allOf
			s.AllOf, s.AnyOf, s.Discriminator = append(s.AllOf, s.AnyOf...), nil, nil
		}
	}
	router, err := legacy.NewRouter(doc, openapi3.DisableExamplesValidation())
	if err != nil {
		return nil, fmt.Errorf("read RingCentral's OpenAPI document: %w", err)
	}
	return &judge{doc: doc, router: router, seed: maphash.MakeSeed(), seen: map[uint64]verdict{}}, nil
}

// judge says what is wrong with an exchange. The same shape is judged once.
func (j *judge) judge(e rcsim.Exchange) verdict {
	if e.Injected {
		return verdict{}
	}
	if e.Event != "" {
		return j.once(j.eventShape(e), func() verdict { return j.event(e) })
	}
	req, err := httpRequest(e)
	if err != nil {
		return verdict{wrong: []finding{{operation: e.Method, side: request, kind: unknownOperation, detail: err.Error()}}}
	}
	route, params, err := j.router.FindRoute(req)
	switch {
	case err == nil:
		return j.once(j.exchangeShape(e, req, route, params), func() verdict {
			return j.exchange(e, &openapi3filter.RequestValidationInput{Request: req, PathParams: params, Route: route, Options: options(e)})
		})
	case handwritten(e) && refused(e):
		return verdict{}
	default:
		return sort(verdict{wrong: []finding{{operation: e.Method + " " + e.Path, side: request, kind: unknownOperation}}})
	}
}

func (j *judge) once(shape uint64, say func() verdict) verdict {
	j.mu.Lock()
	defer j.mu.Unlock()
	v, known := j.seen[shape]
	if !known {
		v = say()
		j.seen[shape] = v
	}
	return v
}

// sort parts what a deviation excuses from what is wrong.
func sort(v verdict) verdict {
	v.wrong = slices.DeleteFunc(v.wrong, func(f finding) bool {
		name, ok := excuse(f)
		if ok && !slices.Contains(v.excused, name) {
			v.excused = append(v.excused, name)
		}
		return ok
	})
	return v
}

// ours is how Cordboard's client calls itself.
const ours = "cordboard"

func handwritten(e rcsim.Exchange) bool {
	return !strings.HasPrefix(strings.ToLower(e.Header.Get("User-Agent")), ours)
}

// refused reports whether the simulator would not have it.
func refused(e rcsim.Exchange) bool {
	return e.Status >= http.StatusBadRequest && e.Status < http.StatusInternalServerError
}

// httpRequest is the request as it would have come by HTTP.
func httpRequest(e rcsim.Exchange) (*http.Request, error) {
	u := url.URL{Scheme: "http", Host: "ringcentral", Path: e.Path, RawQuery: e.Query}
	req, err := http.NewRequestWithContext(context.Background(), e.Method, u.String(), strings.NewReader(e.Body))
	if err != nil {
		return nil, err
	}
	req.Header = e.Header.Clone()
	if req.Header == nil {
		req.Header = http.Header{}
	}
	if e.Tunnel && e.Body != "" && req.Header.Get("Content-Type") == "" {
		req.Header.Set("Content-Type", "application/json") // a frame's body is JSON
	}
	return req, nil
}

// options are the validator's; a frame carries no credentials, its socket does.
func options(e rcsim.Exchange) *openapi3filter.Options {
	return &openapi3filter.Options{
		MultiError: true, IncludeResponseStatus: true, RejectWhenRequestBodyNotSpecified: true, SkipSettingDefaults: true,
		AuthenticationFunc: func(_ context.Context, in *openapi3filter.AuthenticationInput) error {
			want := "Bearer"
			if in.SecurityScheme.Type == "http" {
				want = "Basic"
			}
			if scheme := scheme(e); !e.Tunnel && scheme != want {
				return &schemeError{scheme, want}
			}
			return nil
		},
	}
}

// scheme is the first word of the Authorization header.
func scheme(e rcsim.Exchange) string {
	scheme, _, _ := strings.Cut(e.Header.Get("Authorization"), " ")
	return scheme
}

func (j *judge) exchange(e rcsim.Exchange, in *openapi3filter.RequestValidationInput) verdict {
	op := in.Route.Operation
	v := verdict{operation: op.OperationID, status: e.Status, ours: !handwritten(e), request: true, answer: e.Status != 0}
	if handwritten(e) && refused(e) {
		v.request = false
	} else {
		v.wrong = append(v.wrong, j.request(e, in)...)
	}
	if v.answer {
		v.wrong = append(v.wrong, j.answer(e, in)...)
	}
	for i := range v.wrong {
		v.wrong[i].operation, v.wrong[i].fault = op.OperationID, e.Fault != ""
	}
	return sort(v)
}

func (j *judge) request(e rcsim.Exchange, in *openapi3filter.RequestValidationInput) []finding {
	contentType := in.Request.Header.Get("Content-Type")
	form := isForm(contentType)
	in.Options.ExcludeRequestBody = form
	found := findings(openapi3filter.ValidateRequest(context.Background(), in), finding{side: request})
	parameters := slices.Concat(in.Route.PathItem.Parameters, in.Route.Operation.Parameters)
	for name := range in.GetQueryParams() {
		if parameters.GetByInAndName(openapi3.ParameterInQuery, name) == nil {
			found = append(found, finding{side: request, kind: unknownParameter, at: name})
		}
	}
	body := in.Route.Operation.RequestBody
	if body == nil || e.Body == "" {
		return found
	}
	media := body.Value.Content.Get(contentType)
	if media == nil || media.Schema == nil {
		if form { // otherwise kin-openapi has said so
			found = append(found, finding{side: request, kind: badContentType, detail: "no form is declared"})
		}
		return found
	}
	value := decode(contentType, e.Body)
	if form {
		value = typed(value, media.Schema.Value)
		found = append(found, findings(media.Schema.Value.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsRequest()), finding{side: request})...)
	}
	for _, at := range unknown(value, media.Schema.Value) {
		found = append(found, finding{side: request, kind: unknownProperty, at: at})
	}
	return found
}

func (j *judge) answer(e rcsim.Exchange, in *openapi3filter.RequestValidationInput) []finding {
	base := finding{side: answer, status: e.Status}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: e.AnswerHeader, Options: in.Options}
	out.SetBodyBytes([]byte(e.Answer))
	contentType := e.AnswerHeader.Get("Content-Type")
	value := decode(contentType, e.Answer)

	declared := in.Route.Operation.Responses.Status(e.Status)
	var schema *openapi3.Schema
	var found []finding
	switch {
	case declared != nil:
		found = findings(openapi3filter.ValidateResponse(context.Background(), out), base)
		if media := declared.Value.Content.Get(contentType); media != nil && media.Schema != nil {
			schema = media.Schema.Value
		}
	default:
		found = append(found, finding{side: answer, status: e.Status, kind: undeclaredStatus})
		if e.Status >= http.StatusBadRequest {
			schema = j.refusal(in.Route.Operation)
			found = append(found, findings(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()), base)...)
		}
	}
	if schema == nil {
		return found
	}
	for _, at := range unknown(value, schema) {
		found = append(found, finding{side: answer, status: e.Status, kind: unknownProperty, at: at})
	}
	return found
}

// refusal is how an operation's undeclared refusals look: like its declared one, or else like any of RingCentral's.
func (j *judge) refusal(op *openapi3.Operation) *openapi3.Schema {
	if declared := op.Responses.Status(http.StatusBadRequest); declared != nil {
		if media := declared.Value.Content.Get("application/json"); media != nil {
			return media.Schema.Value
		}
	}
	return j.schema("ApiErrorResponseModel")
}

// schema is one of the document's named schemas.
func (j *judge) schema(name string) *openapi3.Schema {
	if ref := j.doc.Components.Schemas[name]; ref != nil {
		return ref.Value
	}
	return nil
}

func (j *judge) event(e rcsim.Exchange) verdict {
	name := eventSchema(e.Event)
	schema := j.schema(name)
	if schema == nil {
		return sort(verdict{wrong: []finding{{operation: e.Event, side: event, kind: unknownOperation}}})
	}
	base := finding{operation: name, side: event}
	value := decode("application/json", e.Notification)
	v := verdict{operation: name, event: true}
	v.wrong = findings(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()), base)
	for _, at := range unknown(value, schema) {
		f := base
		f.kind, f.at = unknownProperty, at
		v.wrong = append(v.wrong, f)
	}
	return sort(v)
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

func isForm(contentType string) bool {
	kind, _, _ := mime.ParseMediaType(contentType)
	return kind == "application/x-www-form-urlencoded"
}

// typed gives the numbers of a form their type. kin-openapi decodes no form whose schema is a choice, as the token
// request's is.
func typed(form any, schema *openapi3.Schema) any {
	object := form.(map[string]any)
	known, _ := properties(flatten([]*openapi3.Schema{schema}, nil))
	for name, v := range object {
		n, err := strconv.ParseFloat(v.(string), 64)
		if err == nil && slices.ContainsFunc(known[name], func(s *openapi3.Schema) bool { return s.Type.Is("integer") || s.Type.Is("number") }) {
			object[name] = n
		}
	}
	return object
}

// decode is a body as JSON knows it; nil when it is none.
func decode(contentType, body string) any {
	if isForm(contentType) {
		form, _ := url.ParseQuery(body)
		object := map[string]any{}
		for name := range form {
			object[name] = form.Get(name)
		}
		return object
	}
	var value any
	_ = json.Unmarshal([]byte(body), &value) // kin-openapi reports what is no JSON
	return value
}
