// Package conform checks traffic with the simulator against RingCentral's own OpenAPI document: each request that a
// client sends, each answer that the simulator gives and each notification, in the test that made it.
//
//	sim := conform.New(t, rcsim.Options{Seed: 1}) // in every test, instead of rcsim.New
//	conform.File(t, name)                         // what another process wrote with rcsim -record
//
// The document is not in the repository. RC_OPENAPI names a copy of it; without one nothing is checked. It is read once
// per process, and a message whose shape was seen before costs one scan.
//
// # What is checked
//
// Routes, parameters, bodies and statuses as the document says (github.com/getkin/kin-openapi). Beyond that, a query
// parameter or a property that the document does not know is a finding too: a client must not invent one, and a
// misspelt one is an unknown one. Findings that are RingCentral's own or the document's fault are listed with their
// reason in deviations.go; every other one fails the test.
//
// # What is not
//
// The frames of the gateway, which no document describes, only what they carry. Notifications that a test wrote itself
// (Inject). A request that a test wrote by hand and that the simulator refused with 4xx: that is the point of the test, and
// the answer is checked. Requests of Cordboard's client are always checked.
package conform

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"sync"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// Environment variables.
const (
	// DocumentEnv names RingCentral's OpenAPI document.
	DocumentEnv = "RC_OPENAPI"
	// TallyEnv names a folder where each process adds what it has checked, for the report over a whole test run.
	TallyEnv = "RC_OPENAPI_TALLY"
	// ReportEnv names such a folder to report on, when the run is over.
	ReportEnv = "RC_OPENAPI_REPORT"
)

// NotChecked is what to tell people when there is no document.
const NotChecked = DocumentEnv + " is not set: no traffic was checked against RingCentral's OpenAPI document; get it from https://developers.ringcentral.com/api-reference"

// TB is what of a test is needed here; *testing.T, *testing.B and *rapid.T have it.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// New is rcsim.New with its traffic checked; what does not conform fails t when it ends. The server is the caller's to
// close, before t ends.
func New(t TB, opt rcsim.Options) *rcsim.Server {
	t.Helper()
	if c := watch(t); c != nil {
		also := opt.Record
		opt.Record = func(e rcsim.Exchange) {
			c.add(e)
			if also != nil {
				also(e)
			}
		}
	}
	return rcsim.New(opt)
}

// On reports whether there is a document to check against.
func On() bool { return os.Getenv(DocumentEnv) != "" }

// File checks what rcsim.RecordTo wrote.
func File(t TB, name string) {
	t.Helper()
	c := watch(t)
	if c == nil {
		return
	}
	if err := read(name, c.add); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
}

func read(name string, each func(rcsim.Exchange)) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for lines := json.NewDecoder(bufio.NewReader(f)); ; {
		var e rcsim.Exchange
		switch err := lines.Decode(&e); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		each(e)
	}
}

// check is the traffic of one test.
type check struct {
	judge  *judge
	folder string // of the tally

	mu    sync.Mutex
	tally tally
	wrong map[finding]string // with the exchange that showed it first
}

// watch begins to check for t; nil when there is no document.
func watch(t TB) *check {
	t.Helper()
	if !On() {
		return nil
	}
	j, err := theJudge()
	if err != nil {
		t.Fatalf("%s: %v", DocumentEnv, err)
	}
	c := &check{judge: j, folder: os.Getenv(TallyEnv), tally: newTally(), wrong: map[finding]string{}}
	t.Cleanup(func() { c.end(t) })
	return c
}

// theJudge reads the document the first time that it is needed.
var theJudge = sync.OnceValues(func() (*judge, error) { return newJudge(os.Getenv(DocumentEnv)) })

func (c *check) add(e rcsim.Exchange) {
	v := c.judge.judge(e)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.tally.count(v)
	for _, f := range v.wrong {
		if _, known := c.wrong[f]; !known {
			c.wrong[f] = strings.TrimSpace(e.Method + " " + e.Path + e.Event)
		}
	}
}

// end tells t what was wrong, and the tally what was checked.
func (c *check) end(t TB) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	findings := make([]finding, 0, len(c.wrong))
	for f := range c.wrong {
		findings = append(findings, f)
	}
	slices.SortFunc(findings, finding.compare)
	for _, f := range findings {
		t.Errorf("not as RingCentral's OpenAPI document says: %s (%s)", f, c.wrong[f])
	}
	if err := c.tally.save(c.folder); err != nil {
		t.Errorf("%s: %v", TallyEnv, err)
	}
}
