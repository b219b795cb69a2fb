package static_test

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/static"
)

var names = []string{
	static.CSS, static.App, static.HTMX, static.SSE, static.Sprite, static.FontLatin, static.FontExt,
	static.IconIdle, static.IconHold, static.IconReady, static.IconAlone, static.IconRing,
}

// get asks the handler, and returns its answer.
func get(t *testing.T, method, path, encoding string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	static.Handler().ServeHTTP(w, r)
	return w
}

func TestEveryAssetIsServedForEverUnderItsHash(t *testing.T) {
	t.Parallel()
	hashed := regexp.MustCompile(`^/static/[a-z0-9-]+\.[0-9a-f]{12}\.(css|js|svg|woff2)$`)
	for _, name := range names {
		url := static.URL(name)
		if !hashed.MatchString(url) {
			t.Errorf("%s: URL %q", name, url)
		}
		plain := get(t, http.MethodGet, url, "")
		data := plain.Body.Bytes()
		if plain.Code != http.StatusOK || len(data) == 0 {
			t.Errorf("%s: status %d, %d bytes", name, plain.Code, len(data))
		}
		sum := sha256.Sum256(data)
		if !strings.Contains(url, hex.EncodeToString(sum[:6])) {
			t.Errorf("%s: the hash in %s is not that of its content", name, url)
		}
		if got := plain.Header().Get("Cache-Control"); got != "public, max-age=31536000, immutable" {
			t.Errorf("%s: Cache-Control %q", name, got)
		}
		if plain.Header().Get("X-Content-Type-Options") != "nosniff" || plain.Header().Get("Content-Type") == "" {
			t.Errorf("%s: headers %v", name, plain.Header())
		}
		small := get(t, http.MethodGet, url, "gzip, br")
		packed := small.Body.Bytes()
		if small.Header().Get("Content-Encoding") == "gzip" {
			z, err := gzip.NewReader(bytes.NewReader(packed))
			if err != nil {
				t.Fatal(err)
			}
			if unpacked, err := io.ReadAll(z); err != nil || !bytes.Equal(unpacked, data) {
				t.Errorf("%s: the packed body is another one (%v)", name, err)
			}
		}
		if static.Size(name) != len(packed) {
			t.Errorf("%s: Size %d, sent %d", name, static.Size(name), len(packed))
		}
	}
}

func TestNothingElseIsServed(t *testing.T) {
	t.Parallel()
	for _, path := range []string{"/static/", "/static/app.css", "/static/app.000000000000.css", "/static/../static.go", "/static/VENDOR.md"} {
		if r := get(t, http.MethodGet, path, ""); r.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, r.Code)
		}
	}
	if r := get(t, http.MethodPost, static.URL(static.CSS), ""); r.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: status %d", r.Code)
	}
	r := get(t, http.MethodHead, static.URL(static.CSS), "")
	if r.Code != http.StatusOK || r.Body.Len() != 0 {
		t.Errorf("HEAD: status %d, %d bytes", r.Code, r.Body.Len())
	}
	if static.URL("nothing.css") != "" {
		t.Error("a name that does not exist has a URL")
	}
}

func TestVendoredFilesAreThoseThatWereChecked(t *testing.T) {
	t.Parallel()
	list, err := os.ReadFile("VENDOR.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`(?m)^\| (third_party/\S+) \|.*\| ([0-9a-f]{64}) \|$`).FindAllStringSubmatch(string(list), -1)
	listed := map[string]bool{}
	for _, row := range rows {
		data, err := os.ReadFile(row[1])
		if err != nil {
			t.Error(err)
			continue
		}
		sum := sha256.Sum256(data)
		if got := hex.EncodeToString(sum[:]); got != row[2] {
			t.Errorf("%s: sha256 %s, VENDOR.md says %s", row[1], got, row[2])
		}
		listed[row[1]] = true
	}
	files, err := os.ReadDir("third_party")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := "third_party/" + f.Name(); !listed[name] && !strings.HasPrefix(f.Name(), "LICENSE-") {
			t.Errorf("%s is not in VENDOR.md", name)
		}
	}
}

func TestTheStyleSheetKeepsToTheDesign(t *testing.T) {
	t.Parallel()
	css := get(t, http.MethodGet, static.URL(static.CSS), "").Body.String()
	for _, url := range regexp.MustCompile(`url\([^)]*\)`).FindAllString(css, -1) {
		if !strings.HasPrefix(url, "url(/static/atkinson-next-latin") {
			t.Errorf("a URL that the content policy or the hash forbids: %s", url)
		}
	}
	for _, must := range []string{"prefers-reduced-motion", "forced-colors", "prefers-color-scheme", `[data-theme="dark"]`, "tabular-nums", ":focus-visible"} {
		if !strings.Contains(css, must) {
			t.Errorf("the style sheet has no %s", must)
		}
	}
	if strings.Contains(css, "@import") {
		t.Error("the style sheet imports another")
	}
	// Both ways into the dark have the same colours.
	dark := regexp.MustCompile(`color-scheme: dark;\s+((?:--[a-z0-9-]+: #[0-9A-F]{3,6};\s*)+)`).FindAllStringSubmatch(css, -1)
	if len(dark) != 2 || strings.Join(strings.Fields(dark[0][1]), " ") != strings.Join(strings.Fields(dark[1][1]), " ") {
		t.Errorf("dark by choice and dark by preference differ: %d blocks", len(dark))
	}
}

func TestTheScriptKeepsToThePolicy(t *testing.T) {
	t.Parallel()
	js := get(t, http.MethodGet, static.URL(static.App), "").Body.String()
	for _, no := range []string{"eval(", "new Function", "innerHTML", "insertAdjacentHTML", "document.write", ".style.", "setAttribute(\"style\""} {
		if strings.Contains(js, no) {
			t.Errorf("the script uses %s", no)
		}
	}
}

// Fonts apart, a first visit costs at most 40 KB.
func TestTheAssetsAreSmall(t *testing.T) {
	t.Parallel()
	total := 0
	for _, name := range []string{static.CSS, static.App, static.HTMX, static.SSE, static.Sprite, static.IconIdle} {
		t.Logf("%-12s %6d bytes", name, static.Size(name))
		total += static.Size(name)
	}
	if total > 40<<10 {
		t.Errorf("%d bytes of style, script and marks; 40 KB is the limit", total)
	}
}
