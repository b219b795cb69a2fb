package conform

import (
	"context"
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"github.com/cordboard/cordboard/rc/rcsim"
)

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
	return weigh(v)
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
	return append(found, strange(value, media.Schema.Value, finding{side: request})...)
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
		f := base
		f.kind = undeclaredStatus
		found = append(found, f)
		if e.Status >= http.StatusBadRequest {
			schema = j.refusal(in.Route.Operation)
			found = append(found, findings(schema.VisitJSON(value, openapi3.MultiErrors(), openapi3.VisitAsResponse()), base)...)
		}
	}
	if schema == nil {
		return found
	}
	return append(found, strange(value, schema, base)...)
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
