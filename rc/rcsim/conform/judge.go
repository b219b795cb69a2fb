package conform

import (
	"context"
	"fmt"
	"hash/maphash"
	"net/http"
	"net/url"
	"slices"
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
		return weigh(verdict{wrong: []finding{{operation: e.Method + " " + e.Path, side: request, kind: unknownOperation}}})
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

// weigh parts what a deviation excuses from what is wrong.
func weigh(v verdict) verdict {
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
