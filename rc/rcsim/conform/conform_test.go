package conform

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// document is a RingCentral of two operations and one event, for what the judge says to be known without the real one.
const document = `{
  "openapi": "3.0.3", "info": {"title": "t", "version": "1"},
  "security": [{"OAuth2": []}],
  "paths": {
    "/restapi/v1.0/things/{thingId}": {"post": {
      "operationId": "makeThing",
      "parameters": [
        {"name": "thingId", "in": "path", "required": true, "schema": {"type": "string", "maxLength": 8}},
        {"name": "size", "in": "query", "schema": {"type": "integer", "maximum": 100}}
      ],
      "requestBody": {"required": true, "content": {"application/json": {"schema": {"allOf": [
        {"type": "object", "properties": {"name": {"type": "string"}}},
        {"type": "object", "required": ["kind"], "properties": {"kind": {"type": "string", "enum": ["Big", "Small"]}}}
      ]}}}},
      "responses": {
        "200": {"description": "ok", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}},
        "400": {"description": "no", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ApiErrorResponseModel"}}}}
      }
    }},
    "/restapi/oauth/token": {"post": {
      "operationId": "token", "security": [{}],
      "requestBody": {"content": {"application/x-www-form-urlencoded": {"schema": {"$ref": "#/components/schemas/Choice"}}}},
      "responses": {"200": {"description": "ok"}}
    }}
  },
  "components": {
    "securitySchemes": {"OAuth2": {"type": "oauth2", "flows": {}}},
    "schemas": {
      "Thing": {"type": "object", "properties": {"id": {"type": "string"}, "parts": {"type": "array", "items": {"type": "object", "properties": {"code": {"type": "string", "enum": ["Hold"]}}}}}},
      "Choice": {"anyOf": [{"type": "object", "required": ["grant"], "properties": {"grant": {"type": "string"}, "ttl": {"type": "integer", "minimum": 600}}}]},
      "ApiErrorResponseModel": {"type": "object", "required": ["errors"], "properties": {"errors": {"type": "array", "minItems": 1, "items": {"type": "object", "additionalProperties": true, "required": ["errorCode"]}}}},
      "ExtensionTelephonySessionsEvent": {"type": "object", "properties": {"event": {"type": "string"}, "body": {"type": "object", "properties": {"sequence": {"type": "integer"}, "parties": {"type": "array", "items": {"type": "object", "properties": {"id": {"type": "string"}}}}}}}}
    }
  }
}`

func testJudge(t *testing.T) *judge {
	t.Helper()
	name := filepath.Join(t.TempDir(), "openapi.json")
	if err := os.WriteFile(name, []byte(document), 0o600); err != nil {
		t.Fatal(err)
	}
	j, err := newJudge(name)
	if err != nil {
		t.Fatal(err)
	}
	return j
}

// right is an exchange of Cordboard's client that conforms.
func right() rcsim.Exchange {
	return rcsim.Exchange{
		Method: http.MethodPost, Path: "/restapi/v1.0/things/t-1", Query: "size=7",
		Header: http.Header{"Authorization": {"Bearer x"}, "Content-Type": {"application/json"}, "User-Agent": {"Cordboard/1"}},
		Body:   `{"name":"n","kind":"Big"}`,
		Status: 200, AnswerHeader: http.Header{"Content-Type": {"application/json;charset=utf-8"}}, Answer: `{"id":"t-1","parts":[{"code":"Hold"}]}`,
	}
}

func notification(body string) rcsim.Exchange {
	const path = "/restapi/v1.0/account/1/extension/2/telephony/sessions"
	return rcsim.Exchange{Event: path, Notification: `{"event":"` + path + `","body":` + body + `}`}
}

// says is what a verdict lists, as text.
func says(v verdict) string {
	lines := make([]string, len(v.wrong))
	for i, f := range v.wrong {
		lines[i] = f.String()
	}
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

func TestWhatConformsIsCountedAndNothingIsWrong(t *testing.T) {
	t.Parallel()
	j := testJudge(t)
	sum := newTally()
	other := right()
	other.Header.Set("User-Agent", "Go-http-client/1.1")
	refused := right()
	refused.Status, refused.Answer = 400, `{"errors":[{"errorCode":"CMN-101","message":"m","parameterName":"size"}]}`
	waiting := right()
	waiting.Status, waiting.AnswerHeader, waiting.Answer = 0, nil, ""
	frame := right()
	frame.Tunnel = true
	frame.Header = http.Header{"User-Agent": {"cordboard"}}
	for _, e := range []rcsim.Exchange{
		right(), other, refused, waiting, frame, notification(`{"sequence":2,"parties":[{"id":"p-1"}]}`),
		{Method: http.MethodPost, Path: "/restapi/oauth/token", Header: http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}, Body: "grant=a&ttl=600", Status: 200},
	} {
		v := j.judge(e)
		if len(v.wrong) != 0 {
			t.Errorf("%+v: %s", e, says(v))
		}
		sum.count(v)
	}
	want := map[string]*counts{
		"makeThing":                       {Ours: 4, Others: 1, Answers: map[int]int{200: 3, 400: 1}},
		"token":                           {Others: 1, Answers: map[int]int{200: 1}},
		"ExtensionTelephonySessionsEvent": {Events: 1, Answers: map[int]int{}},
	}
	if diff := cmp.Diff(want, sum.Seen); diff != "" {
		t.Error(diff)
	}
	if text := sum.of("makeThing").statuses(); text != "3×200 1×400" {
		t.Error(text)
	}
}

func TestEveryKindOfFinding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		edit func(*rcsim.Exchange)
		want string
	}{
		{"a route the document lacks", func(e *rcsim.Exchange) { e.Path = "/restapi/v1.0/thingies" }, "request of POST /restapi/v1.0/thingies: operation"},
		{"a method the document lacks", func(e *rcsim.Exchange) { e.Method = "PUT" }, "request of PUT /restapi/v1.0/things/t-1: operation"},
		{"an invented query parameter", func(e *rcsim.Exchange) { e.Query = "colour=red" }, "request of makeThing: unknown parameter colour"},
		{"a query parameter out of bounds", func(e *rcsim.Exchange) { e.Query = "size=101" }, "request of makeThing: parameter size: number must be at most 100"},
		{"a path parameter too long", func(e *rcsim.Exchange) { e.Path += "234567" }, "request of makeThing: parameter thingId: maximum string length is 8"},
		{"an invented property", func(e *rcsim.Exchange) { e.Body = `{"name":"n","kind":"Big","colour":"red"}` }, "request of makeThing: unknown property colour"},
		{"a value that is not allowed", func(e *rcsim.Exchange) { e.Body = `{"kind":"Medium"}` }, "request of makeThing: value kind: Medium is not one of the allowed values"},
		{"a missing property", func(e *rcsim.Exchange) { e.Body = `{"name":"n"}` }, `request of makeThing: value kind: property "kind" is missing`},
		{"no body", func(e *rcsim.Exchange) { e.Body = "" }, "request of makeThing: body: value is required but missing"},
		{"a body that is no JSON", func(e *rcsim.Exchange) { e.Body = "{" }, "request of makeThing: body: failed to decode request body"},
		{"another content type", func(e *rcsim.Exchange) { e.Header.Set("Content-Type", "text/plain") }, "request of makeThing: content type"},
		{"no token", func(e *rcsim.Exchange) { e.Header.Del("Authorization") }, `request of makeThing: authorization header: the scheme is "", not "Bearer"`},
		{"a misspelt property of an answer", func(e *rcsim.Exchange) { e.Answer = `{"id":"t-1","parts":[{"kode":"Hold"}]}` }, "answer 200 of makeThing: unknown property parts[].kode"},
		{"a wrong value in an answer", func(e *rcsim.Exchange) { e.Answer = `{"parts":[{"code":"Hold"},{"code":"Held"}]}` }, "answer 200 of makeThing: value parts[].code: Held is not one of the allowed values"},
		{"an answer that is no JSON", func(e *rcsim.Exchange) { e.Answer = "<html>" }, "answer 200 of makeThing: body: failed to decode response body"},
		{"an answer of another type", func(e *rcsim.Exchange) { e.AnswerHeader = http.Header{"Content-Type": {"text/html"}} }, "answer 200 of makeThing: content type"},
		{"a status that is not declared", func(e *rcsim.Exchange) { e.Status = 202 }, "answer 202 of makeThing: undeclared status"},
		{"an undeclared refusal without an error body", func(e *rcsim.Exchange) { e.Status = 403 }, `answer 403 of makeThing: value errors: property "errors" is missing`},
		{"a refusal without an error body", func(e *rcsim.Exchange) { e.Status, e.Answer = 400, `{}` }, `answer 400 of makeThing: value errors: property "errors" is missing`},
		{"a form that is out of bounds", func(e *rcsim.Exchange) {
			e.Path, e.Query, e.Body, e.Answer = "/restapi/oauth/token", "", "grant=a&ttl=599", ""
			e.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, "request of token: value ttl: number must be at least 600"},
		{"an invented field of a form", func(e *rcsim.Exchange) {
			e.Path, e.Query, e.Body, e.Answer = "/restapi/oauth/token", "", "grant=a&colour=red", ""
			e.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		}, "request of token: unknown property colour"},
		{"an event the document lacks", func(e *rcsim.Exchange) { *e = notification(`{}`); e.Event = "/restapi/v1.0/account/1/weather" }, "event of /restapi/v1.0/account/1/weather: operation"},
		{"a misspelt property of an event", func(e *rcsim.Exchange) { *e = notification(`{"parties":[{"ID":"p-1"}]}`) }, "event of ExtensionTelephonySessionsEvent: unknown property body.parties[].ID"},
		{"a wrong value in an event", func(e *rcsim.Exchange) { *e = notification(`{"sequence":"2"}`) }, "event of ExtensionTelephonySessionsEvent: value body.sequence"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			j, e := testJudge(t), right()
			if v := j.judge(e); len(v.wrong) != 0 {
				t.Fatal(says(v))
			}
			c.edit(&e)
			for _, when := range []string{"at first", "again"} { // the second time from memory
				if got := says(j.judge(e)); !strings.Contains(got, c.want) {
					t.Errorf("%s: got\n%s\nwant\n%s", when, got, c.want)
				}
			}
		})
	}
}

func TestAHandwrittenRequestThatWasRefusedIsNotJudged(t *testing.T) {
	t.Parallel()
	j := testJudge(t)
	wrong := right()
	wrong.Body = `{"kind":"Medium"}`
	wrong.Status, wrong.Answer = 400, `{"errors":[{"errorCode":"CMN-101"}]}`
	if got := says(j.judge(wrong)); got == "" {
		t.Error("a wrong request of Cordboard's client is wrong, however it was answered")
	}
	wrong.Header.Set("User-Agent", "Go-http-client/1.1")
	if v := j.judge(wrong); says(v) != "" || v.request || !v.answer {
		t.Errorf("%+v", v)
	}
	wrong.Path, wrong.Status = "/restapi/v1.0/nothing", 404
	if v := j.judge(wrong); says(v) != "" || v.request || v.answer {
		t.Errorf("%+v", v)
	}
	wrong.Status = 200
	if got := says(j.judge(wrong)); got == "" {
		t.Error("an operation that the document lacks was served")
	}
}

func TestNotificationsOfATestsOwnAreNotJudged(t *testing.T) {
	t.Parallel()
	e := notification(`{"colour":"red"}`)
	e.Injected = true
	if v := testJudge(t).judge(e); says(v) != "" || v.event {
		t.Errorf("%+v", v)
	}
}

// teller is a test that only listens.
type teller struct {
	said []string
	ends []func()
}

func (*teller) Helper()                          {}
func (s *teller) Cleanup(f func())               { s.ends = append(s.ends, f) }
func (s *teller) Errorf(format string, a ...any) { s.said = append(s.said, fmt.Sprintf(format, a...)) }
func (s *teller) Fatalf(format string, a ...any) { s.Errorf(format, a...) }

func TestTheTestThatDeviatesFailsOnceForEachFinding(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	c := &check{judge: testJudge(t), tally: newTally(), wrong: map[finding]string{}, folder: folder}
	e := right()
	e.Query = "colour=red"
	c.add(right())
	c.add(e)
	c.add(e)
	s := &teller{}
	c.end(s)
	if len(s.said) != 1 || !strings.Contains(s.said[0], "request of makeThing: unknown parameter colour (POST /restapi/v1.0/things/t-1)") {
		t.Errorf("said %q", s.said)
	}
	sum, err := readTally(folder)
	if err != nil || sum.of("makeThing").Ours != 3 {
		t.Errorf("%v %+v", err, sum.of("makeThing"))
	}
	c.end(s) // a second test of the same process
	if sum, err = readTally(folder); err != nil || sum.of("makeThing").Answers[200] != 6 {
		t.Errorf("%v %+v", err, sum.of("makeThing"))
	}
}

func TestWhatWasNotSeenIsMissingAndWhatWasNotMetIsStale(t *testing.T) {
	t.Parallel()
	all := func() tally {
		sum := newTally()
		for _, name := range ofClient {
			sum.of(name).Ours, sum.of(name).Answers[200] = 1, 1
		}
		for _, name := range ofOthers {
			sum.of(name).Others, sum.of(name).Answers[200] = 1, 1
		}
		for _, name := range events {
			sum.of(name).Events = 1
		}
		for _, d := range deviations {
			sum.Excused[d.name] = 1
		}
		return sum
	}
	if m, s := all().missing(), all().stale(); m != nil || s != nil {
		t.Errorf("missing %v, stale %v", m, s)
	}
	if got := len(newTally().missing()); got != len(named()) {
		t.Errorf("of nothing, %d are missing", got)
	}
	for what, edit := range map[string]func(tally){
		"readExtension: no request of Cordboard's client":                func(s tally) { s.of("readExtension").Ours, s.of("readExtension").Others = 0, 1 },
		"authorize: no request":                                          func(s tally) { s.of("authorize").Others = 0 },
		"authorize: no answer of success":                                func(s tally) { s.of("authorize").Answers = map[int]int{400: 1} },
		"authorize: Cordboard's client calls it, and it is not named so": func(s tally) { s.of("authorize").Ours = 1 },
		"ExtensionTelephonySessionsEvent: no event":                      func(s tally) { s.of("ExtensionTelephonySessionsEvent").Events = 0 },
		"createMessage: not named":                                       func(s tally) { s.of("createMessage").Others = 1 },
	} {
		sum := all()
		edit(sum)
		if m := sum.missing(); len(m) != 1 || m[0] != what {
			t.Errorf("missing %v, want %s", m, what)
		}
	}
	sum := all()
	delete(sum.Excused, deviations[0].name)
	if s := sum.stale(); len(s) != 1 || s[0] != deviations[0].name {
		t.Errorf("stale %v", s)
	}
	if text := sum.String(); !strings.Contains(text, ofClient[0]) || !strings.Contains(text, deviations[0].reason) {
		t.Errorf("the report tells neither: %s", text)
	}
}

// TestTheClientsOperationsAreNamed: the client's methods link to RingCentral's page of their operation.
func TestTheClientsOperationsAreNamed(t *testing.T) {
	t.Parallel()
	link := regexp.MustCompile(`developers\.ringcentral\.com/api-reference/[A-Za-z-]+/([A-Za-z0-9]+)\.`)
	linked := []string{"authorize"} // a page that the client sends browsers to
	for _, pattern := range []string{"../../*.go", "../../ws/*.go"} {
		names, err := filepath.Glob(pattern)
		if err != nil || len(names) == 0 {
			t.Fatal(err, names)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range link.FindAllSubmatch(text, -1) {
				linked = append(linked, string(m[1]))
			}
		}
	}
	for _, name := range linked {
		if name != "authorize" && !slices.Contains(ofClient, name) {
			t.Errorf("Cordboard's client calls %s, which is not in ofClient", name)
		}
	}
	for _, name := range ofClient {
		if !slices.Contains(linked, name) {
			t.Errorf("%s is in ofClient, and no comment of Cordboard's client links to it", name)
		}
	}
}

func TestEveryDeviationSaysWhatAndWhy(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, d := range deviations {
		if d.name == "" || d.reason == "" || names[d.name] {
			t.Errorf("%+v", d)
		}
		names[d.name] = true
		if d.side == "" && d.says == nil || d.operations == nil && d.kind == "" && d.at == nil {
			t.Errorf("%s excuses too much", d.name)
		}
	}
}

func TestADocumentThatCannotBeReadIsAnError(t *testing.T) {
	t.Parallel()
	if _, err := newJudge(filepath.Join(t.TempDir(), "none.json")); err == nil {
		t.Error("no error")
	}
}

// TestShapes: what a schema could tell apart has another shape, what it could not has the same.
func TestShapes(t *testing.T) {
	t.Parallel()
	j := testJudge(t)
	shape := func(json string) uint64 {
		h := j.shape()
		shapeJSON(h, json)
		return h.Sum64()
	}
	const one = `{"id":"s-a0d8","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":12,"ok":true}`
	for _, same := range []string{
		`{"id":"s-77f1","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":12,"ok":true}`,
		`{"id":"s-a0d8","at":"2027-11-12T13:14:15.999Z","code":"Hold","n":99,"ok":true}`,
	} {
		if shape(one) != shape(same) {
			t.Errorf("another shape: %s", same)
		}
	}
	for _, other := range []string{
		`{"ID":"s-a0d8","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":12,"ok":true}`,
		`{"id":"s-a0d8","at":"2026-01-02T03:04:05.678+0000","code":"Hold","n":12,"ok":true}`,
		`{"id":"s-a0d8","at":"2026-01-02T03:04:05.678Z","code":"Held","n":12,"ok":true}`,
		`{"id":"s-a0d8","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":"12","ok":true}`,
		`{"id":"s-a0d8","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":12,"ok":null}`,
		`{"id":"","at":"2026-01-02T03:04:05.678Z","code":"Hold","n":12,"ok":true}`,
	} {
		if shape(one) == shape(other) {
			t.Errorf("the same shape: %s", other)
		}
	}
	if a, b := shape(`{"a\"b":"c\"d","e":1}`), shape(`{"a\"b":"c\"d","f":1}`); a == b {
		t.Error("a quote inside a string hides what follows")
	}
}

func TestEventSchemas(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"/restapi/v1.0/account/1/telephony/sessions":                                            "AccountTelephonySessionsEvent",
		"/restapi/v1.0/account/1/extension/2/telephony/sessions":                                "ExtensionTelephonySessionsEvent",
		"/restapi/v1.0/account/1/presence":                                                      "AccountPresenceEvent",
		"/restapi/v1.0/account/1/extension/2/presence":                                          "ExtensionPresenceEvent",
		"/restapi/v1.0/account/1/extension/2/presence?detailedTelephonyState=true":              "DetailedExtensionPresenceEvent",
		"/restapi/v1.0/account/1/extension/2/presence?detailedTelephonyState=true&sipData=true": "DetailedExtensionPresenceWithSIPEvent",
		"/restapi/v1.0/account/1/call-queues/2/presence":                                        "CallQueuePresenceEvent",
		"/restapi/v1.0/account/1/extension/2/weather":                                           "",
		"/restapi/v1.0/account/1":                                                               "",
		"nonsense":                                                                              "",
	} {
		if got := eventSchema(path); got != want {
			t.Errorf("%s: %q, want %q", path, got, want)
		}
	}
}

// What another process records is checked like what this one hears.
func TestARecordingReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "traffic.jsonl")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	record := rcsim.RecordTo(f)
	record(right())
	record(notification(`{"sequence":2}`))
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	var got []rcsim.Exchange
	if err := read(name, func(e rcsim.Exchange) { got = append(got, e) }); err != nil || len(got) != 2 {
		t.Fatalf("%v %v", err, got)
	}
	for i, want := range []rcsim.Exchange{right(), notification(`{"sequence":2}`)} {
		a, _ := json.Marshal(got[i])
		b, _ := json.Marshal(want)
		if string(a) != string(b) {
			t.Errorf("%s\nwant %s", a, b)
		}
	}
	if err := os.WriteFile(name, []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := read(name, func(rcsim.Exchange) {}); err == nil {
		t.Error("a broken recording was read")
	}
}

// unchecked are the test files that may make a simulator without this package.
var unchecked = map[string]string{
	"cmd/cordboard/bench_test.go": "it measures",
}

func TestEveryTestChecksItsTraffic(t *testing.T) {
	t.Parallel()
	checked := 0
	root := os.DirFS("../../..")
	err := fs.WalkDir(root, ".", func(name string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && strings.HasPrefix(d.Name(), ".") && name != ".":
			return fs.SkipDir
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		text, err := fs.ReadFile(root, name)
		if strings.Contains(string(text), "conform.New(") {
			checked++
		}
		if unchecked[name] == "" && regexp.MustCompile(`\brcsim\.New\(`).Match(text) {
			t.Errorf("%s makes a simulator with rcsim.New: use conform.New, so that its traffic is checked", name)
		}
		return err
	})
	if err != nil || checked < 5 {
		t.Errorf("%d test files check their traffic, %v", checked, err)
	}
}
