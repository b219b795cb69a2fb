package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/cordboard/cordboard/"

// row is what one package may import of this module, and why no more than that.
type row struct {
	pkg  string
	may  []string // packages of this module; a trailing /... means those below too
	std  bool     // of anything else only the standard library
	pure bool     // and of that nothing that does I/O
	only []string // of anything else only these modules; nil = any
	why  string
}

// table is the import table of the design: what is not listed is forbidden, and
// a package without a row is a failure.
var table = []row{
	{pkg: "cmd/cordboard", may: []string{"..."}, why: "it does all the wiring"},
	{pkg: "cmd/rcsim", may: []string{"rc/rcsim", "rc/rcsim/phones"}, why: "the simulator runs without the product"},
	{pkg: "rc", may: []string{"rc/directory", "rc/telephony"}, why: "a REST client knows RingCentral, not the product"},
	{pkg: "rc/telephony", std: true, pure: true, why: "a leaf: what RingCentral says, decoded without I/O"},
	{pkg: "rc/directory", std: true, pure: true, why: "a leaf: who is in the account and how they are found, without asking anybody"},
	{pkg: "rc/board", may: []string{"rc/telephony"}, std: true, pure: true, why: "the pure core: no I/O, no clock, nothing to fake in a test"},
	{pkg: "rc/ws", may: []string{"rc", "rc/telephony"}, why: "one subscription, whoever listens"},
	{pkg: "rc/rcsim", may: []string{"rc/rcsim/phones"}, only: []string{"github.com/coder/websocket"}, why: "were it to share a type with the client, a wrong JSON tag would pass on both sides"},
	{pkg: "rc/rcsim/conform", may: []string{"rc/rcsim"}, why: "it judges both sides by RingCentral's document, not by what either thinks"},
	{pkg: "rc/rcsim/phones", std: true, why: "embedded files: the page speaks the control API and nothing else"},
	{pkg: "web", may: []string{"handlers", "static", "web/..."}, why: "routes and middleware; calls are none of its business"},
	{pkg: "web/problem", std: true, why: "a leaf that everybody under web may name"},
	{pkg: "web/bus", may: []string{"web/problem"}, why: "it moves bytes and knows nothing of calls"},
	{pkg: "web/session", may: []string{"rc", "web/bus", "web/problem"}, why: "signing in needs RingCentral's OAuth and a place to keep it, no desk"},
	{pkg: "web/ledger", may: []string{"web/bus", "web/problem"}, why: "a record outlives what it records"},
	{pkg: "web/live", may: []string{"web/bus", "web/problem"}, why: "it fans out bytes and knows nothing of calls"},
	{pkg: "web/desk", may: []string{"rc", "rc/ws", "rc/board", "rc/directory", "rc/telephony", "web/bus", "web/live", "web/ledger", "web/session", "web/problem"}, why: "a desk knows no page"},
	{pkg: "handlers", may: []string{"views", "rc/board", "rc/telephony", "web/session", "web/live", "web/ledger", "web/problem"}, why: "a desk arrives as an interface, so handlers are tested without RingCentral"},
	{pkg: "views", may: []string{"rc/board", "rc/telephony", "static"}, why: "pages are made from values: handlers turn ledger entries and problems into view models"},
	{pkg: "static", std: true, why: "embedded files"},
}

// testsMay is what _test.go files may import beside their package's row.
var testsMay = []string{"rc/rcsim", "rc/rcsim/conform", "web/bus"}

// doesIO is the standard library that a pure package has no business with.
var doesIO = []string{"bufio", "crypto/rand", "database/sql", "io/fs", "log", "log/slog", "math/rand", "math/rand/v2", "net", "net/http", "os", "os/exec", "os/signal", "path/filepath", "syscall"}

// pkg is what `go list -json` says of a package.
type pkg struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

// allowed reports whether a row lets its package import path.
func (r row) allowed(path string, test bool) bool {
	inside, ours := strings.CutPrefix(path, module)
	if !ours {
		return r.allowedOutside(path, test)
	}
	may := r.may
	if test {
		may = slices.Concat(may, testsMay, []string{r.pkg})
	}
	return slices.ContainsFunc(may, func(m string) bool {
		tree, ok := strings.CutSuffix(m, "...")
		return m == inside || ok && strings.HasPrefix(inside, tree)
	})
}

func (r row) allowedOutside(path string, test bool) bool {
	first, _, _ := strings.Cut(path, "/")
	standard := !strings.Contains(first, ".")
	switch {
	case test:
		return true
	case standard:
		return !r.pure || !slices.Contains(doesIO, path)
	case r.std:
		return false
	}
	return r.only == nil || slices.ContainsFunc(r.only, func(m string) bool { return path == m || strings.HasPrefix(path, m+"/") })
}

// violations is every import that the table forbids, one sentence each.
func violations(rows []row, pkgs []pkg) []string {
	var out []string
	for _, p := range pkgs {
		name := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(rows, func(r row) bool { return r.pkg == name })
		if i < 0 {
			out = append(out, fmt.Sprintf("%s has no row in the import table", name))
			continue
		}
		check := func(imports []string, test bool) {
			for _, path := range imports {
				if !rows[i].allowed(path, test) {
					out = append(out, fmt.Sprintf("%s must not import %s: %s", name, strings.TrimPrefix(path, module), rows[i].why))
				}
			}
		}
		check(p.Imports, false)
		check(slices.Concat(p.TestImports, p.XTestImports), true)
	}
	return out
}

func TestPackagesImportOnlyWhatTheTableAllows(t *testing.T) {
	t.Parallel()
	pkgs := list(t)
	if len(pkgs) < 5 {
		t.Fatalf("go list found %d packages", len(pkgs))
	}
	for _, v := range violations(table, pkgs) {
		t.Error(v)
	}
}

// The programs carry no validator: only tests check traffic against RingCentral's OpenAPI document.
func TestOnlyTestsImportTestSupport(t *testing.T) {
	t.Parallel()
	const support = module + "rc/rcsim/conform"
	users := 0
	for _, p := range list(t) {
		if slices.Contains(p.Imports, support) {
			t.Errorf("%s imports %s outside its tests", p.ImportPath, support)
		}
		if slices.Contains(slices.Concat(p.TestImports, p.XTestImports), support) {
			users++
		}
	}
	if users == 0 {
		t.Error("no test imports it")
	}
}

// Every row forbids something, and is seen to: a table that allows all finds nothing.
func TestEachRowOfTheImportTableCanFail(t *testing.T) {
	t.Parallel()
	forbidden := map[string]string{
		"cmd/rcsim":        module + "rc",
		"rc":               module + "rc/board",
		"rc/telephony":     "github.com/coder/websocket",
		"rc/directory":     "golang.org/x/text/unicode/norm",
		"rc/board":         "net/http",
		"rc/ws":            module + "rc/board",
		"rc/rcsim":         module + "rc/telephony",
		"rc/rcsim/conform": module + "rc",
		"rc/rcsim/phones":  module + "rc/rcsim",
		"web":              module + "rc/board",
		"web/problem":      "github.com/labstack/echo/v4",
		"web/bus":          module + "rc/telephony",
		"web/session":      module + "web/live",
		"web/ledger":       module + "rc/board",
		"web/live":         module + "rc/board",
		"web/desk":         module + "views",
		"handlers":         module + "web/desk",
		"views":            module + "web/ledger",
		"static":           module + "views",
	}
	for _, r := range table {
		if r.pkg == "cmd/cordboard" { // imports everything by design
			continue
		}
		t.Run(r.pkg, func(t *testing.T) {
			t.Parallel()
			path, ok := forbidden[r.pkg]
			if !ok {
				t.Fatal("no import is known that this row forbids")
			}
			for _, p := range []pkg{
				{ImportPath: module + r.pkg, Imports: []string{path}},
				{ImportPath: module + r.pkg, Imports: []string{module + "cmd/cordboard"}},
				{ImportPath: module + r.pkg, XTestImports: []string{module + "cmd/cordboard"}},
			} {
				got := violations(table, []pkg{p})
				if len(got) != 1 || !strings.HasSuffix(got[0], r.why) {
					t.Errorf("violations = %q, want one that says why", got)
				}
			}
			if got := violations(table, []pkg{{ImportPath: module + r.pkg, Imports: []string{"strings"}, TestImports: []string{module + "rc/rcsim", module + "rc/rcsim/conform", module + "web/bus", module + r.pkg}}}); len(got) != 0 {
				t.Errorf("violations = %q, want none", got)
			}
		})
	}
	t.Run("a package without a row", func(t *testing.T) {
		t.Parallel()
		if got := violations(table, []pkg{{ImportPath: module + "utils"}}); len(got) != 1 {
			t.Errorf("violations = %q, want one", got)
		}
	})
	t.Run("a third-party module in the simulator", func(t *testing.T) {
		t.Parallel()
		if got := violations(table, []pkg{{ImportPath: module + "rc/rcsim", Imports: []string{"github.com/coder/websocket", "github.com/nats-io/nats.go"}}}); len(got) != 1 {
			t.Errorf("violations = %q, want one", got)
		}
	})
	t.Run("nothing under web imports web", func(t *testing.T) {
		t.Parallel()
		for _, r := range table {
			if strings.HasPrefix(r.pkg, "web/") && r.allowed(module+"web", false) {
				t.Errorf("%s may import web", r.pkg)
			}
		}
	})
}

// topLevel is the fixed layout of the repository, dot files apart.
var topLevel = []string{"cmd", "rc", "web", "handlers", "views", "static", "go.mod", "go.sum", "Makefile", "README.md", "CONTRIBUTING.md", "LICENSE"}

func TestNothingIsTrackedOutsideTheFixedTopLevel(t *testing.T) {
	t.Parallel()
	out := command(t, "git", "ls-files")
	entries := strings.Fields(out)
	if len(entries) < 5 {
		t.Fatalf("git tracks %d files", len(entries))
	}
	for _, path := range entries {
		top, _, _ := strings.Cut(path, "/")
		if !strings.HasPrefix(top, ".") && !slices.Contains(topLevel, top) {
			t.Errorf("%s is outside the fixed top level", path)
		}
	}
}

func list(t *testing.T) []pkg {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(command(t, "go", "list", "-e", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")))
	var pkgs []pkg
	for {
		var p pkg
		switch err := dec.Decode(&p); {
		case errors.Is(err, io.EOF):
			return pkgs
		case err != nil:
			t.Fatal(err)
		}
		pkgs = append(pkgs, p)
	}
}

// command is what a program prints when it runs in the repository's root.
func command(t *testing.T, name string, args ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%s %s: %v", name, strings.Join(args, " "), err)
	}
	return string(out)
}
