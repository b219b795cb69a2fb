package phones_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"os"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim/phones"
)

func file(t *testing.T, name string) string {
	t.Helper()
	b, err := fs.ReadFile(phones.FS, name)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func names(t *testing.T) []string {
	t.Helper()
	var out []string
	err := fs.WalkDir(phones.FS, ".", func(name string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			out = append(out, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// scripts are the page's own: it has no others.
func scripts(t *testing.T) []string {
	t.Helper()
	return slices.DeleteFunc(names(t), func(name string) bool { return path.Ext(name) != ".js" })
}

// policy names what the content policy of the page would block; each expression finds one kind.
func policy() map[string]*regexp.Regexp {
	return map[string]*regexp.Regexp{
		"inline script":   regexp.MustCompile(`(?is)<script(?:\s[^>]*)?>\s*[^<\s]`),
		"script of data":  regexp.MustCompile(`(?i)\b(?:src|href)\s*=\s*["']?\s*(?:javascript|data|https?|//)`),
		"inline style":    regexp.MustCompile(`(?i)<style[\s>]`),
		"style attribute": regexp.MustCompile(`(?i)<[^>]*\sstyle\s*=`),
		"event handler":   regexp.MustCompile(`(?i)<[^>]*\son[a-z]+\s*=`),
	}
}

func TestThePageKeepsAStrictContentPolicy(t *testing.T) {
	html := file(t, "index.html")
	for kind, bad := range policy() {
		if found := bad.FindString(html); found != "" {
			t.Errorf("index.html has an %s: %q", kind, found)
		}
	}
	for _, name := range scripts(t) {
		js := strings.ReplaceAll(file(t, name), "http://www.w3.org/2000/svg", "") // a name, not an address
		for _, word := range []string{"eval(", "new Function", "innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", ".cssText", `"style"`, "style:", ".style.", "http:", "https://", "import("} {
			if strings.Contains(js, word) {
				t.Errorf("%s has %q", name, word)
			}
		}
	}
	for _, name := range names(t) {
		if path.Ext(name) == ".css" && regexp.MustCompile(`(?i)(?:https?:|data:|//[a-z])`).MatchString(file(t, name)) {
			t.Errorf("%s loads from elsewhere", name)
		}
	}
}

func TestThePolicyCheckFindsWhatItLooksFor(t *testing.T) {
	for kind, sample := range map[string]string{
		"inline script":   `<script>go()</script>`,
		"script of data":  `<a href="javascript:go()">`,
		"inline style":    `<style>p{}</style>`,
		"style attribute": `<p class="a" style="color:red">`,
		"event handler":   `<button type="button" onclick="go()">`,
	} {
		if bad := policy()[kind]; !bad.MatchString(sample) {
			t.Errorf("%s: %q is not found", kind, sample)
		}
	}
}

func TestEveryAssetThatIsNamedIsThere(t *testing.T) {
	have := names(t)
	used := map[string]bool{"index.html": true, "assets/authorize.css": true} // the latter by rcsim's authorize.html
	note := func(from, name string) {
		used[name] = true
		if !slices.Contains(have, name) {
			t.Errorf("%s names %s, which is not embedded", from, name)
		}
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="([^"#]+)"`).FindAllStringSubmatch(file(t, "index.html"), -1) {
		note("index.html", m[1])
	}
	for _, name := range scripts(t) {
		for _, m := range regexp.MustCompile(`(?m)^import .* from "([^"]+)";$`).FindAllStringSubmatch(file(t, name), -1) {
			note(name, path.Join(path.Dir(name), m[1]))
		}
	}
	for _, name := range have {
		if path.Ext(name) == ".css" {
			for _, m := range regexp.MustCompile(`url\(([^)]+)\)`).FindAllStringSubmatch(file(t, name), -1) {
				note(name, path.Join(path.Dir(name), m[1]))
			}
		}
	}
	for _, name := range have {
		if !used[name] && !strings.HasPrefix(path.Base(name), "LICENSE") {
			t.Errorf("%s is embedded and nothing loads it", name)
		}
	}
}

func TestVendoredFilesAreAsTheyWerePublished(t *testing.T) {
	table, err := os.ReadFile("VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]string{}
	for _, m := range regexp.MustCompile(`(?m)^\| (assets/\S+) \|.*\| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(table), -1) {
		listed[m[1]] = m[2]
	}
	for _, name := range names(t) {
		if path.Ext(name) != ".woff2" && !strings.HasPrefix(path.Base(name), "LICENSE") {
			continue
		}
		sum := sha256.Sum256([]byte(file(t, name)))
		if got := hex.EncodeToString(sum[:]); listed[name] != got {
			t.Errorf("%s has sha256 %s, VENDOR.md says %q", name, got, listed[name])
		}
		delete(listed, name)
	}
	for name := range listed {
		t.Errorf("VENDOR.md lists %s, which is not embedded", name)
	}
}

func TestThePageStaysSmall(t *testing.T) {
	fonts, rest := 0, 0
	for _, name := range names(t) {
		switch {
		case path.Ext(name) == ".woff2":
			fonts += len(file(t, name))
		case !strings.HasPrefix(path.Base(name), "LICENSE"): // no page loads it
			rest += len(file(t, name))
		}
	}
	if fonts > 90<<10 || rest > 96<<10 {
		t.Errorf("fonts %d bytes of %d, everything else %d of %d", fonts, 90<<10, rest, 96<<10)
	}
}

// Browser tests rely on these; the comment at the top of phones.js is their contract.
func TestEveryTestIDIsDocumented(t *testing.T) {
	head, _, ok := strings.Cut(file(t, "assets/phones.js"), "\n\n")
	if !ok {
		t.Fatal("phones.js has no head comment")
	}
	var ids []string
	for _, m := range regexp.MustCompile(`data-testid="([^"]+)"`).FindAllStringSubmatch(file(t, "index.html"), -1) {
		ids = append(ids, m[1])
	}
	spelled := strings.NewReplacer(
		"${role}", "ROLE", "${item.key}", "1", "${c.a}", "A", "${c.b}", "B", "${l.line}", "N", "${u.extensionNumber}", "EXT", "${q.extensionNumber}", "EXT",
		`${p.park.replace("*", "")}`, "SLOT", "mend-${item.key}", "mend-FAULT")
	for _, name := range scripts(t) {
		js := file(t, name)
		for _, m := range regexp.MustCompile("data-testid\": `([^`]+)`").FindAllStringSubmatch(js, -1) {
			ids = append(ids, spelled.Replace(m[1]))
		}
		for _, m := range regexp.MustCompile("\\b(?:b|row|bridge|rest|event|act|choice)\\([\"`]([^\"`]+)[\"`], [\"`][A-Z1]").FindAllStringSubmatch(js, -1) {
			ids = append(ids, spelled.Replace(m[1]))
		}
	}
	if len(ids) < 75 {
		t.Fatalf("only %d test ids were found: the search is wrong", len(ids))
	}
	for _, id := range ids {
		if !regexp.MustCompile(`(?:\b|-)` + regexp.QuoteMeta(id) + `\b`).MatchString(head) {
			t.Errorf("data-testid %q is not in the comment at the top of phones.js", id)
		}
	}
}
