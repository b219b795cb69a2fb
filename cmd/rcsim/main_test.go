package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"go.uber.org/goleak"
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
