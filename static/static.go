// Package static holds the assets of the product and serves them under names
// that carry a hash of their content, so that a browser may keep them for ever.
//
// Everything is built once, on first use, from files inside the binary: the
// style sheet is its layers in a fixed order, and a name of another asset in it
// is replaced by that asset's URL. The handler needs no configuration, answers
// GET and HEAD only, and knows nothing of sessions or calls.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// Prefix is the path under which Handler serves.
const Prefix = "/static/"

//go:embed css/*.css app.js img/*.svg third_party
var files embed.FS

// The names of the assets that pages ask for.
const (
	CSS       = "app.css"
	App       = "app.js"
	HTMX      = "htmx.js"
	SSE       = "hx-sse.js"
	Sprite    = "sprite.svg"
	FontLatin = "atkinson-next-latin.woff2"
	FontExt   = "atkinson-next-latin-ext.woff2"
	IconIdle  = "icon-idle.svg"
	IconHold  = "icon-hold.svg"
	IconReady = "icon-ready.svg"
	IconAlone = "icon-alone.svg"
	IconRing  = "icon-ring.svg"
)

// sources says which file in the binary is behind a name; app.css has several.
var sources = map[string][]string{
	FontLatin: {"third_party/atkinson-next-latin.woff2"},
	FontExt:   {"third_party/atkinson-next-latin-ext.woff2"},
	Sprite:    {"img/sprite.svg"},
	IconIdle:  {"img/icon-idle.svg"},
	IconHold:  {"img/icon-hold.svg"},
	IconReady: {"img/icon-ready.svg"},
	IconAlone: {"img/icon-alone.svg"},
	IconRing:  {"img/icon-ring.svg"},
	HTMX:      {"third_party/htmx.min.js"},
	SSE:       {"third_party/hx-sse.min.js"},
	App:       {"app.js"},
	CSS:       {"css/tokens.css", "css/base.css", "css/components.css", "css/pages.css"},
}

type asset struct {
	url     string
	kind    string
	plain   []byte
	gzipped []byte // nil when it does not pay
}

type library struct {
	byName map[string]asset
	byURL  map[string]asset
}

var load = sync.OnceValue(func() library {
	lib := library{byName: make(map[string]asset, len(sources)), byURL: make(map[string]asset, len(sources))}
	for name, parts := range sources {
		if name != CSS {
			lib.add(name, read(parts))
		}
	}
	lib.add(CSS, lib.resolve(read(sources[CSS])))
	return lib
})

// URL is the path of an asset, with its content's hash in it; "" for a name that does not exist.
func URL(name string) string { return load().byName[name].url }

// Size is the number of bytes of an asset as it travels to a browser that takes gzip.
func Size(name string) int {
	a := load().byName[name]
	if a.gzipped != nil {
		return len(a.gzipped)
	}
	return len(a.plain)
}

// Handler serves every asset for ever under its hashed name, and nothing else.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
			return
		}
		a, ok := load().byURL[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		body := a.plain
		h := w.Header()
		h.Set("Content-Type", a.kind)
		h.Set("Cache-Control", "public, max-age=31536000, immutable")
		h.Set("X-Content-Type-Options", "nosniff")
		if a.gzipped != nil {
			h.Set("Vary", "Accept-Encoding")
			if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
				h.Set("Content-Encoding", "gzip")
				body = a.gzipped
			}
		}
		h.Set("Content-Length", strconv.Itoa(len(body)))
		if r.Method == http.MethodHead {
			return
		}
		_, _ = w.Write(body) // the browser that left will not read an error either
	})
}

func (l library) add(name string, plain []byte) {
	sum := sha256.Sum256(plain)
	ext := path.Ext(name)
	a := asset{
		url:   Prefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:6]) + ext,
		kind:  contentTypes[ext],
		plain: plain,
	}
	if ext != ".woff2" {
		a.gzipped = compress(plain)
	}
	l.byName[name], l.byURL[a.url] = a, a
}

// resolve replaces url(name) by the URL of the asset of that name.
func (l library) resolve(css []byte) []byte {
	text := string(css)
	for name, a := range l.byName {
		text = strings.ReplaceAll(text, "url("+name+")", "url("+a.url+")")
	}
	return []byte(text)
}

var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

func compress(plain []byte) []byte {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err := z.Write(plain); err != nil {
		return nil
	}
	if err := z.Close(); err != nil || b.Len() >= len(plain) {
		return nil
	}
	return b.Bytes()
}

// read joins embedded files; a missing one cannot be told apart from an empty
// one here, and the package's test names it.
func read(parts []string) []byte {
	var b bytes.Buffer
	for _, p := range parts {
		data, err := fs.ReadFile(files, p)
		if err != nil {
			continue
		}
		b.Write(data)
	}
	return b.Bytes()
}
