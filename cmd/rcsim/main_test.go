package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// program is a running rcsim: its line, and how it ends.
type program struct {
	t      *testing.T
	hello  hello
	lines  *bufio.Scanner
	stderr bytes.Buffer
	signal context.CancelFunc
	ended  chan int
}

func start(t *testing.T, args ...string) *program {
	t.Helper()
	if conform.On() && !slices.Contains(args, "-record") {
		name := filepath.Join(t.TempDir(), "traffic.jsonl")
		t.Cleanup(func() { conform.File(t, name) })
		args = append(args, "-record", name)
	}
	ctx, cancel := context.WithCancel(t.Context())
	out, in := io.Pipe()
	p := &program{t: t, lines: bufio.NewScanner(out), signal: cancel, ended: make(chan int, 1)}
	p.lines.Buffer(nil, 1<<20)
	go func() {
		p.ended <- run(ctx, args, in, &p.stderr)
		_ = in.Close()
	}()
	if !p.lines.Scan() {
		t.Fatal("no line")
	}
	if err := json.Unmarshal(p.lines.Bytes(), &p.hello); err != nil {
		t.Fatal(err)
	}
	return p
}

// stop signals the program and gives its exit code.
func (p *program) stop() int {
	p.t.Helper()
	p.signal()
	code := <-p.ended
	if p.lines.Scan() {
		p.t.Errorf("more than one line: %s", p.lines.Text())
	}
	return code
}

func TestRunPrintsOneLineAndServesUntilTheSignal(t *testing.T) {
	p := start(t, "-listen", "127.0.0.1:0", "-seed", "7", "-no-limits", "-faults", `{"bridge":{"status":409}}`)
	h := p.hello
	if len(h.Clients) != 2 || h.Clients[0].Secret == "" || h.Clients[1].Type != "public" || len(h.Users) < 12 || h.Account.ID == "" {
		t.Errorf("%+v", h)
	}
	client := &http.Client{Transport: &http.Transport{}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.URL+"/sim/api/state", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	b, _ := io.ReadAll(res.Body)
	_ = res.Body.Close()
	client.CloseIdleConnections()
	if res.StatusCode != http.StatusOK || !strings.Contains(string(b), `"seed":7`) || !strings.Contains(string(b), `"routes":{"bridge":{"status":409}}`) {
		t.Errorf("%d %s", res.StatusCode, b)
	}
	if code := p.stop(); code != 0 || p.stderr.Len() != 0 {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
}

func TestExposedOnPurposeWarns(t *testing.T) {
	p := start(t, "-listen", "0.0.0.0:0", "--expose-simulator")
	if code := p.stop(); code != 0 || !strings.Contains(p.stderr.String(), "level=WARN") {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
}

func TestExitCodes(t *testing.T) {
	for _, c := range []struct {
		name string
		args []string
		code int
		says string
	}{
		{"help", []string{"-h"}, 0, "expose-simulator"},
		{"unknown flag", []string{"-nonsense"}, 2, "nonsense"},
		{"an argument", []string{"serve"}, 2, "no arguments"},
		{"no such fault", []string{"-faults", `{"brdige":{}}`}, 2, "brdige: there is no fault of that name"},
		{"a crowd of one", []string{"-load-users", "1"}, 2, "2 or more"},
		{"drive at no address", []string{"-drive", "8090"}, 2, "-drive is the URL"},
		{"drive and load at once", []string{"-drive", "http://127.0.0.1:1", "-load-rate", "1"}, 2, "not for -drive"},
		{"reachable by others", []string{"-listen", "0.0.0.0:0"}, 2, "--expose-simulator"},
		{"no such address", []string{"-listen", "127.0.0.1:99999"}, 1, "cannot listen"},
	} {
		t.Run(c.name, func(t *testing.T) {
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), c.args, &stdout, &stderr); code != c.code || !strings.Contains(stderr.String(), c.says) || stdout.Len() != 0 {
				t.Errorf("exit code %d, %s%s", code, &stdout, &stderr)
			}
		})
	}
}

// TestDriveMeasuresWhatArrives: a second rcsim signs everybody in at the first and hears their calls.
func TestDriveMeasuresWhatArrives(t *testing.T) {
	p := start(t, "-listen", "127.0.0.1:0", "-seed", "7", "-load-users", "12", "-load-rate", "400")
	if len(p.hello.Users) != 12 || p.hello.Users[0].ExtensionNumber != "10001" {
		t.Errorf("%+v", p.hello)
	}
	var stdout, stderr bytes.Buffer
	if code := run(t.Context(), []string{"-drive", p.hello.URL, "-load-users", "9", "-for", "1s"}, &stdout, &stderr); code != 0 {
		t.Fatalf("exit code %d: %s", code, &stderr)
	}
	var r report
	if err := json.Unmarshal(stdout.Bytes(), &r); err != nil {
		t.Fatal(err)
	}
	if r.Users != 9 || r.Lost != 0 || r.Notifications == 0 || r.Sent == 0 || r.PerSecond == 0 || r.P50Ms > r.P99Ms || r.P99Ms > r.MaxMs {
		t.Errorf("%+v", r)
	}
	for name, c := range map[string]struct {
		args []string
		says string
	}{
		"more people than there are": {[]string{"-drive", p.hello.URL, "-load-users", "13"}, "has 12 people"},
		"nobody there":               {[]string{"-drive", "http://127.0.0.1:1"}, "read the account"},
	} {
		var stdout, stderr bytes.Buffer
		if code := run(t.Context(), c.args, &stdout, &stderr); code != 1 || !strings.Contains(stderr.String(), c.says) || stdout.Len() != 0 {
			t.Errorf("%s: exit code %d: %s%s", name, code, &stdout, &stderr)
		}
	}
	if code := p.stop(); code != 0 || p.stderr.Len() != 0 {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
}

func TestHistogram(t *testing.T) {
	var h histogram
	if h.counted().quantile(0.5) != 0 {
		t.Error("nothing was measured")
	}
	for ms := range 100 {
		h.add(time.Duration(ms+1) * time.Millisecond)
	}
	h.add(-time.Second)
	h.add(time.Hour)
	c := h.counted()
	if got := [3]int{c.quantile(0.5), c.quantile(0.99), c.quantile(1)}; got != [3]int{50, 100, 59_999} {
		t.Errorf("%v", got)
	}
}

func TestRecordWritesEveryExchange(t *testing.T) {
	name := filepath.Join(t.TempDir(), "traffic.jsonl")
	p := start(t, "-listen", "127.0.0.1:0", "-record", name)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.hello.URL+"/restapi", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	client := &http.Client{Transport: &http.Transport{}}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	client.CloseIdleConnections()
	if code := p.stop(); code != 0 {
		t.Errorf("exit code %d: %s", code, &p.stderr)
	}
	b, err := os.ReadFile(name)
	var e rcsim.Exchange
	if err != nil || json.Unmarshal(b, &e) != nil || e.Method != http.MethodGet || e.Path != "/restapi" || e.Status != http.StatusOK || !strings.Contains(e.Answer, "apiVersions") {
		t.Errorf("%v: %s", err, b)
	}
	if info, err := os.Stat(name); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("others can read the tokens: %v %v", info.Mode(), err)
	}
	var stderr bytes.Buffer
	if code := run(t.Context(), []string{"-record", filepath.Join(name, "no")}, io.Discard, &stderr); code != 1 || !strings.Contains(stderr.String(), "cannot record") {
		t.Errorf("exit code %d: %s", code, &stderr)
	}
}
