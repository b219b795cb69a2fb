package main

import (
	"bufio"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/labstack/echo/v4"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/handlers"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
	"github.com/cordboard/cordboard/views"
	"github.com/cordboard/cordboard/web"
	"github.com/cordboard/cordboard/web/bus"
	"github.com/cordboard/cordboard/web/live"
)

func TestMain(m *testing.M) {
	if asked := os.Getenv(childSettings); asked != "" {
		os.Exit(runChild(asked)) //nolint:forbidigo // the test's program as an app of its own
	}
	// toxiproxy (v2.5) leaves a pipe behind when the far end of a connection goes while it writes there.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/Shopify/toxiproxy/v2/toxics.(*ToxicStub).Run"))
}

// wait bounds every wait of these tests; none takes it unless it fails.
const wait = 20 * time.Second

// world is an App over a simulated RingCentral, both on loopback.
type world struct {
	sim *rcsim.Server
	app *App
	log *safeBuffer

	noSockets atomic.Bool             // the gateway's dials fail
	barrier   atomic.Pointer[barrier] // in front of the simulator; may be nil

	stop context.CancelFunc
	done chan error // of Run

	child *child // instead of app: one that can be killed
}

// safeBuffer is written by many goroutines.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// newWorld starts an App; edit may change its settings and the simulator's.
func newWorld(t *testing.T, edit func(*Config, *rcsim.Options)) *world {
	t.Helper()
	w := &world{log: &safeBuffer{}}
	cfg, opt := demoSetting(t.TempDir(), w.log), rcsim.Options{Seed: 1, Limits: rcsim.Unlimited()}
	if edit != nil {
		edit(&cfg, &opt)
	}
	cfg.RingCentralServer = w.simulate(t, opt, nil)
	w.start(t, cfg)
	return w
}

// demoSetting is that of an App of the demo's account, but for where RingCentral is.
func demoSetting(data string, log io.Writer) Config {
	cfg := Config{
		Listen: anyPort, MetricsListen: anyPort, Data: data, Retention: 24 * time.Hour, Simulated: true,
		Log: slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	cfg.ClientID, cfg.ClientSecret = demoClient()
	return cfg
}

// simulate starts the simulator and returns the URL of its REST API. via, if there is one, is told where it listens, and says
// by which ways its REST API and its gateway are reached instead.
func (w *world) simulate(t *testing.T, opt rcsim.Options, via func(addr string) (rest, gateway string)) string {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if w.noSockets.Load() && r.Header.Get("Upgrade") != "" {
			http.Error(rw, "no sockets today", http.StatusServiceUnavailable)
			return
		}
		w.barrier.Load().pass(r)
		w.sim.ServeHTTP(rw, r)
	}))
	rest := "http://" + server.Listener.Addr().String()
	if via != nil {
		rest, opt.PublicURL = via(server.Listener.Addr().String())
	}
	w.sim = conform.New(t, opt)
	server.Start()
	t.Cleanup(func() {
		_ = w.sim.Close()
		server.Close()
	})
	return rest
}

// start runs an App until the test ends, or end is called.
func (w *world) start(t *testing.T, cfg Config) {
	t.Helper()
	app, err := New(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, 1)
	w.app, w.stop, w.done = app, stop, done
	go func() { done <- app.Run(ctx) }()
	t.Cleanup(func() {
		if err := w.end(t); err != nil {
			t.Errorf("the app ended with %v", err)
		}
	})
}

// base is where browsers find the App.
func (w *world) base() string {
	if w.child != nil {
		return w.child.url
	}
	return w.app.URL()
}

func (w *world) url(t *testing.T) *url.URL {
	t.Helper()
	u, err := url.Parse(w.app.URL())
	if err != nil {
		t.Fatal(err)
	}
	return u
}

// end stops the App and is what Run returned; again it is nil.
func (w *world) end(t *testing.T) error {
	t.Helper()
	if w.done == nil {
		return nil
	}
	w.stop()
	select {
	case err := <-w.done:
		w.done = nil
		return err
	case <-time.After(wait):
		t.Fatal("the app does not end")
		return nil
	}
}

// browser is a person's browser without a screen: it keeps cookies and follows no redirect.
type browser struct {
	world  *world
	client *http.Client
}

func (w *world) browser(t *testing.T) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &browser{w, &http.Client{Jar: jar, Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// signedIn is a browser whose person has signed in.
func (w *world) signedIn(t *testing.T, extension string) *browser {
	t.Helper()
	b := w.browser(t)
	b.signIn(t, extension)
	return b
}

// signIn goes to the authorize page and approves as that extension.
func (b *browser) signIn(t *testing.T, extension string) {
	t.Helper()
	authorize := b.get(t, "/signin/start").to(t)
	page := b.get(t, authorize)
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(page.body))
	if err != nil {
		t.Fatal(err)
	}
	form := url.Values{"user": {extension}, "decision": {"approve"}}
	doc.Find("form input[type=hidden]").Each(func(_ int, in *goquery.Selection) { form.Set(in.AttrOr("name", ""), in.AttrOr("value", "")) })
	base, err := url.Parse(authorize)
	if err != nil {
		t.Fatal(err)
	}
	approve, err := base.Parse(doc.Find("form").AttrOr("action", ""))
	if err != nil {
		t.Fatal(err)
	}
	callback := b.post(t, approve.String(), form).to(t)
	if to := b.get(t, callback).to(t); to != "/desk" {
		t.Fatalf("signed in, and led to %q", to)
	}
}

// answer is a response whose body has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// to is where a redirect leads.
func (a answer) to(t *testing.T) string {
	t.Helper()
	if a.status < 300 || a.status > 399 {
		t.Fatalf("status %d, want a redirect: %.300s", a.status, a.body)
	}
	return a.header.Get("Location")
}

func (b *browser) get(t *testing.T, target string) answer {
	t.Helper()
	return b.do(t, http.MethodGet, target, nil)
}

func (b *browser) post(t *testing.T, target string, form url.Values) answer {
	t.Helper()
	return b.do(t, http.MethodPost, target, form)
}

func (b *browser) do(t *testing.T, method, target string, form url.Values, header ...string) answer {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	res := b.send(ctx, t, method, target, form, header...)
	defer func() { _ = res.Body.Close() }()
	a := answer{status: res.StatusCode, header: res.Header}
	if strings.HasPrefix(res.Header.Get("Content-Type"), "text/event-stream") {
		return a // it does not end
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.body = string(body)
	return a
}

func (b *browser) send(ctx context.Context, t *testing.T, method, target string, form url.Values, header ...string) *http.Response {
	t.Helper()
	if strings.HasPrefix(target, "/") {
		target = b.world.base() + target
	}
	r, err := http.NewRequestWithContext(ctx, method, target, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := b.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

// awaitEvent reads a stream up to the event with that name.
func awaitEvent(t *testing.T, res *http.Response, name string) {
	t.Helper()
	found := make(chan bool, 1)
	go func() {
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if lines.Text() == "event: "+name {
				found <- true
				return
			}
		}
		found <- false
	}()
	select {
	case ok := <-found:
		if !ok {
			t.Fatalf("the stream ended before %q", name)
		}
	case <-time.After(wait):
		t.Fatalf("no %q came", name)
	}
}

func TestWhoMayDoWhat(t *testing.T) {
	t.Parallel()
	const (
		ok, see, bad, out, no, none = http.StatusOK, http.StatusSeeOther, http.StatusBadRequest, http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound
	)
	type may struct{ nobody, agent, supervisor int }
	rights := map[string]may{
		"GET /":                    {see, see, see},
		"GET /signin":              {ok, see, see},
		"GET /signin/start":        {see, see, see},
		"GET /oauth/callback":      {bad, bad, bad}, // without a state of this browser's own
		"GET /signedout":           {ok, ok, ok},
		"GET /desk":                {see, ok, ok},
		"GET /desk/stream":         {out, ok, ok},
		"POST /desk/complete":      {out, none, none}, // ids that are nobody's
		"POST /desk/back":          {out, none, none},
		"POST /desk/choose":        {out, none, none},
		"POST /desk/hold":          {out, none, none},
		"POST /desk/unhold":        {out, none, none},
		"POST /desk/hangup":        {out, none, none},
		"POST /desk/reread":        {out, none, none},
		"GET /team":                {see, no, ok},
		"GET /team/stream":         {out, no, ok},
		"GET /static/*":            {none, none, none}, // a name that does not exist
		"POST /signout":            {see, see, see},
		"POST /signout/everywhere": {see, see, see},
	}
	routes := web.New(web.Config{Handlers: &handlers.Handlers{}, Log: slog.New(slog.DiscardHandler)}).(*echo.Echo).Routes()
	for _, r := range routes {
		if _, ok := rights[r.Method+" "+r.Path]; !ok {
			t.Errorf("%s %s has no row", r.Method, r.Path)
		}
		if strings.Contains(r.Path, "sim") || strings.Contains(r.Path, "restapi") {
			t.Errorf("%s is a route of the simulator", r.Path)
		}
	}
	if len(routes) != len(rights) {
		t.Errorf("%d routes, %d rows", len(routes), len(rights))
	}
	w := newWorld(t, nil)
	people := map[string]*browser{"nobody": w.browser(t), "agent": w.signedIn(t, "102"), "supervisor": w.signedIn(t, "101")}
	form := url.Values{
		"customer_session": {"s-1"}, "customer_party": {"p-1-1"}, "consult_session": {"s-2"}, "consult_party": {"p-2-1"}, "party_s-1": {"p-1-1"}, "party_s-2": {"p-2-1"},
		"session": {"s-1"}, "party": {"p-1-1"}, "revision": {"1"},
	}
	order := make([]string, 0, len(rights))
	for route := range rights {
		order = append(order, route)
	}
	slices.SortFunc(order, func(a, b string) int { // who signs out does so last
		return strings.Compare(strings.ReplaceAll(a, "POST /signout", "Z"), strings.ReplaceAll(b, "POST /signout", "Z"))
	})
	for _, route := range order {
		method, path, _ := strings.Cut(route, " ")
		path = strings.ReplaceAll(path, "*", "none.js")
		for who, want := range map[string]int{"nobody": rights[route].nobody, "agent": rights[route].agent, "supervisor": rights[route].supervisor} {
			accept := "text/html"
			if strings.HasSuffix(path, "/stream") {
				accept = "text/event-stream"
			}
			a := people[who].do(t, method, path, form, "Accept", accept)
			if a.status != want {
				t.Errorf("%s as %s: status %d, want %d", route, who, a.status, want)
			}
			if a.header.Get("Content-Security-Policy") == "" {
				t.Errorf("%s as %s: no policy", route, who)
			}
			if cross := people[who].do(t, method, path, form, "Accept", accept, "Sec-Fetch-Site", "cross-site"); method == http.MethodPost && cross.status != http.StatusForbidden {
				t.Errorf("%s as %s from another site: status %d", route, who, cross.status)
			}
		}
	}
	if sent := w.sim.Requests(http.MethodPost, "/parties/"); len(sent) > 0 {
		t.Errorf("%d call-control requests left for ids that are nobody's", len(sent))
	}
	for _, path := range []string{"/sim/", "/sim/api/state", "/restapi/oauth/authorize"} {
		if a := people["nobody"].get(t, path); a.status != none {
			t.Errorf("%s: status %d on the product's address", path, a.status)
		}
	}
}

func TestAnAppEndsInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	b := w.signedIn(t, "102")
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	stream := b.send(ctx, t, http.MethodGet, "/desk/stream", nil, "Accept", "text/event-stream")
	defer func() { _ = stream.Body.Close() }()
	awaitEvent(t, stream, views.EventBeat)
	if a := b.get(t, w.app.AdminURL()+"/metrics"); !strings.Contains(a.body, "cordboard_streams 1\n") {
		t.Error("the metrics do not count the stream")
	}
	if a := b.get(t, w.app.AdminURL()+"/readyz"); a.status != http.StatusOK {
		t.Errorf("readyz %d", a.status)
	}
	began := time.Now()
	w.stop()
	awaitEvent(t, stream, live.EndShutdown)
	if err := w.end(t); err != nil {
		t.Errorf("ended with %v", err)
	}
	if took := time.Since(began); took > closeTime {
		t.Errorf("took %s", took)
	}
	if err := w.app.Close(); err != nil {
		t.Errorf("closed again: %v", err)
	}
	if _, err := net.DialTimeout("tcp", strings.TrimPrefix(w.app.URL(), "http://"), time.Second); err == nil { //nolint:noctx // it fails at once
		t.Error("somebody still listens")
	}
}

func TestADataFolderBelongsToOneApp(t *testing.T) {
	t.Parallel()
	var data string
	newWorld(t, func(c *Config, _ *rcsim.Options) { data = c.Data })
	id, secret := demoClient()
	_, err := New(t.Context(), Config{
		Listen: anyPort, MetricsListen: anyPort, Data: data, RingCentralServer: "http://127.0.0.1:1", ClientID: id, ClientSecret: secret, Log: slog.New(slog.DiscardHandler),
	})
	if !errors.Is(err, bus.ErrLocked) {
		t.Errorf("a second app on the same folder: %v", err)
	}
}

func TestOverTLSThereIsHTTP2AndASafeCookie(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *Config, _ *rcsim.Options) { c.Certificate = selfSigned(t) })
	if !strings.HasPrefix(w.app.URL(), "https://127.0.0.1:") {
		t.Fatalf("URL %s", w.app.URL())
	}
	b := w.browser(t)
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{InsecureSkipVerify: true}}
	t.Cleanup(transport.CloseIdleConnections)
	b.client.Transport = transport
	res := b.send(t.Context(), t, http.MethodGet, "/signin/start", nil)
	defer func() { _ = res.Body.Close() }()
	if res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s, Strict-Transport-Security %q", res.Proto, res.Header.Get("Strict-Transport-Security"))
	}
	for _, c := range res.Cookies() {
		if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.SameSite != http.SameSiteLaxMode {
			t.Errorf("cookie %s: secure %t, http-only %t", c.Name, c.Secure, c.HttpOnly)
		}
	}
	if len(res.Cookies()) == 0 {
		t.Error("no cookie")
	}
}

func selfSigned(t *testing.T) *tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return &tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

func TestTheDemoSaysWhereToLookAndEndsWithZero(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	var stderr safeBuffer
	args := append([]string{"demo", "-json", "--listen", anyPort, "--simulator-listen", anyPort}, recording(t)...)
	go func() {
		ended <- run(ctx, args, writer, &stderr)
		_ = writer.Close()
	}()
	var said struct{ URL, Simulator, Phones string }
	if err := json.NewDecoder(reader).Decode(&said); err != nil {
		t.Fatalf("%v; %s", err, stderr.String())
	}
	w := &world{}
	b := w.browser(t)
	for target, band := range map[string]string{said.URL + "/signin": "Simulated RingCentral", said.Phones: "Simulat"} {
		if a := b.get(t, target); a.status != http.StatusOK || !strings.Contains(a.body, band) {
			t.Errorf("%s: status %d, without a band: %.200s", target, a.status, a.body)
		}
	}
	if !strings.HasPrefix(said.Phones, said.Simulator) {
		t.Errorf("phones at %s, simulator at %s", said.Phones, said.Simulator)
	}
	stop()
	select {
	case code := <-ended:
		if code != exitOK {
			t.Errorf("exit code %d: %s", code, stderr.String())
		}
	case <-time.After(wait):
		t.Fatal("the demo does not end")
	}
	b.client.CloseIdleConnections()
}
