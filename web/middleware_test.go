package web

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/labstack/echo/v4"

	"github.com/cordboard/cordboard/web/problem"
)

// stack is the middleware around routes of a test, with its log.
func stack(t *testing.T, https bool) (*echo.Echo, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	e := echo.New()
	e.IPExtractor = remote(nil)
	e.HTTPErrorHandler = func(err error, c echo.Context) { _ = c.String(problem.From(err).Status, problem.From(err).Code) }
	now := time.Unix(0, 0)
	clock := func() time.Time { now = now.Add(time.Second); return now }
	e.Use(through(https, slog.New(slog.NewJSONHandler(&out, nil)), clock)...)
	e.GET("/ok/:id", func(c echo.Context) error { return c.String(http.StatusOK, "fine") })
	e.GET("/broken", func(echo.Context) error { return errors.New("the cause") })
	e.GET("/panic", func(echo.Context) error { panic("the reason") })
	e.GET("/abort", func(echo.Context) error { panic(http.ErrAbortHandler) })
	e.GET("/left", func(echo.Context) error { return context.Canceled })
	e.POST("/press", func(c echo.Context) error { return c.String(http.StatusOK, c.FormValue("session")) })
	return e, &out
}

func send(t *testing.T, h http.Handler, method, target, body string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, target, strings.NewReader(body))
	if body != "" {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryResponseCarriesThePolicy(t *testing.T) {
	t.Parallel()
	const want = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; manifest-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	e, _ := stack(t, true)
	for _, target := range []string{"/ok/1", "/broken", "/panic", "/nowhere"} {
		w := send(t, e, http.MethodGet, target, "")
		for header, value := range map[string]string{
			"Content-Security-Policy": want, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin",
			"Cache-Control": "no-store", "Strict-Transport-Security": "max-age=31536000",
		} {
			if got := w.Header().Get(header); got != value {
				t.Errorf("%s: %s %q, want %q", target, header, got, value)
			}
		}
	}
	plain, _ := stack(t, false)
	if got := send(t, plain, http.MethodGet, "/ok/1", "").Header().Get("Strict-Transport-Security"); got != "" {
		t.Errorf("over http: Strict-Transport-Security %q", got)
	}
}

func TestTheAccessLogHasTheRouteAndNoQuery(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		target string
		status int
		route  string
		level  string
		more   string // in the line
	}{
		{"/ok/p-secret-1?code=secret", http.StatusOK, "/ok/:id", "INFO", `"duration":1000000000`},
		{"/broken?code=secret", http.StatusInternalServerError, "/broken", "ERROR", "the cause"},
		{"/panic?code=secret", http.StatusInternalServerError, "/panic", "ERROR", "the reason"},
		{"/left?code=secret", http.StatusInternalServerError, "/left", "INFO", `"left":true`},
		{"/secret?code=secret", http.StatusInternalServerError, "none", "ERROR", ""},
	} {
		e, out := stack(t, false)
		w := send(t, e, http.MethodGet, tc.target, "")
		if w.Code != tc.status {
			t.Errorf("%s: status %d, want %d", tc.target, w.Code, tc.status)
		}
		if strings.Count(out.String(), "\n") != 1 || strings.Contains(out.String(), "secret") {
			t.Errorf("%s: log %s", tc.target, out)
		}
		var line struct {
			Level, Route, Method, Remote string
			Status                       int
			RequestID                    string `json:"request_id"`
		}
		if err := json.Unmarshal(out.Bytes(), &line); err != nil {
			t.Fatal(err)
		}
		if line.Route != tc.route || line.Level != tc.level || line.Status != tc.status || line.Method != http.MethodGet || !strings.Contains(out.String(), tc.more) {
			t.Errorf("%s: log %s", tc.target, out)
		}
		if line.RequestID == "" || line.RequestID != w.Header().Get("X-Request-Id") {
			t.Errorf("%s: request id %q in the log, %q in the response", tc.target, line.RequestID, w.Header().Get("X-Request-Id"))
		}
	}
}

func TestAnAbortedResponseStaysAborted(t *testing.T) {
	t.Parallel()
	e, _ := stack(t, false)
	defer func() {
		if recover() == nil {
			t.Error("the abort was swallowed")
		}
	}()
	send(t, e, http.MethodGet, "/abort", "")
}

func TestPressesOfOtherSitesAreRefused(t *testing.T) {
	t.Parallel()
	const ok, no = http.StatusOK, http.StatusForbidden
	for _, tc := range []struct {
		name      string
		header    []string
		post, get int
	}{
		{"same origin", []string{"Sec-Fetch-Site", "same-origin", "Sec-Fetch-Mode", "cors"}, ok, ok},
		{"typed by hand", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, ok, ok},
		{"no header", nil, ok, ok},
		{"an older browser, this origin", []string{"Origin", "http://example.com"}, ok, ok},
		{"an older browser, another origin", []string{"Origin", "https://evil.example"}, no, ok},
		{"no origin", []string{"Origin", "null"}, no, ok},
		{"a link on the same site", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "navigate"}, no, ok},
		{"a link on another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate"}, no, ok},
		{"an image on another site", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, no, no},
		{"a stream from another port", []string{"Sec-Fetch-Site", "same-site", "Sec-Fetch-Mode", "cors"}, no, no},
		{"another site that does not say how", []string{"Sec-Fetch-Site", "cross-site"}, no, no},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, _ := stack(t, false)
			if w := send(t, e, http.MethodPost, "/press", "session=s-1", tc.header...); w.Code != tc.post {
				t.Errorf("POST: status %d, want %d", w.Code, tc.post)
			}
			if w := send(t, e, http.MethodGet, "/ok/1", "", tc.header...); w.Code != tc.get {
				t.Errorf("GET: status %d, want %d", w.Code, tc.get)
			}
		})
	}
}

func TestAFormIsSmallAndQuick(t *testing.T) {
	t.Parallel()
	e, _ := stack(t, false)
	if w := send(t, e, http.MethodPost, "/press", "session=s-1"); w.Body.String() != "s-1" {
		t.Errorf("answer %q", w.Body)
	}
	if w := send(t, e, http.MethodPost, "/press", "session="+strings.Repeat("s", maxForm)); w.Code != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d for a large form", w.Code)
	}
	if w := send(t, e, http.MethodPost, "/press", "session=%zz"); w.Code != http.StatusBadRequest {
		t.Errorf("status %d for a broken form", w.Code)
	}
}

// deadlines is a response whose connection has a read deadline.
type deadlines struct {
	*httptest.ResponseRecorder
	read time.Time
}

func (d *deadlines) SetReadDeadline(t time.Time) error { d.read = t; return nil }

func TestABodyThatNobodyReadsHoldsNoConnection(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, method, body string
		header             []string
		read               bool // to its end, and the connection goes on
	}{
		{"none", http.MethodGet, "", nil, true},
		{"form", http.MethodPost, "session=s-1", nil, true},
		{"not a form", http.MethodPost, "{}", []string{"Content-Type", "application/json"}, true},
		{"of a GET", http.MethodGet, "session=s-1", nil, false},
		{"of a PUT", http.MethodPut, "session=s-1", nil, false},
		{"of another site", http.MethodPost, "session=s-1", []string{"Sec-Fetch-Site", "cross-site"}, false},
		{"broken form", http.MethodPost, "session=%zz", nil, false},
		{"too long", http.MethodPost, strings.Repeat("s", maxForm+1), []string{"Content-Type", "application/json"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			e, _ := stack(t, false)
			r := httptest.NewRequestWithContext(t.Context(), tc.method, "/press", strings.NewReader(tc.body))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			for i := 0; i+1 < len(tc.header); i += 2 {
				r.Header.Set(tc.header[i], tc.header[i+1])
			}
			w := &deadlines{ResponseRecorder: httptest.NewRecorder()}
			e.ServeHTTP(w, r)
			if goesOn := w.read.IsZero() && w.Header().Get("Connection") == ""; goesOn != tc.read {
				t.Errorf("status %d, Connection %q, read deadline %v", w.Code, w.Header().Get("Connection"), w.read)
			}
		})
	}
}

// A client that announces a body and never sends it is answered at once all the same.
func TestABodyThatNeverComesKeepsNobodyWaiting(t *testing.T) {
	t.Parallel()
	e, _ := stack(t, false)
	srv := httptest.NewServer(e)
	t.Cleanup(srv.Close)
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if _, err := conn.Write([]byte("GET /ok/1 HTTP/1.1\r\nHost: example.com\r\nContent-Length: 100\r\n\r\n")); err != nil {
		t.Fatal(err)
	}
	if err := conn.SetReadDeadline(time.Now().Add(formTime / 2)); err != nil {
		t.Fatal(err)
	}
	answer, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	_ = answer.Body.Close()
	if answer.StatusCode != http.StatusOK || !answer.Close {
		t.Errorf("status %d, close %v", answer.StatusCode, answer.Close)
	}
}

func TestOnlyTrustedProxiesSayWhoAClientIs(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name    string
		trusted []netip.Prefix
		peer    string
		header  string
		want    string
	}{
		{"none trusted", nil, "10.0.0.9:1", "203.0.113.7", "10.0.0.9"},
		{"a trusted network", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "10.0.0.9:1", "203.0.113.7", "203.0.113.7"},
		{"a trusted address", []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")}, "10.0.0.9:1", "203.0.113.7", "203.0.113.7"},
		{"another peer", []netip.Prefix{netip.MustParsePrefix("10.0.0.9/32")}, "10.0.0.8:1", "203.0.113.7", "10.0.0.8"},
		{"a client that lies to the proxy", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "10.0.0.9:1", "198.51.100.1, 203.0.113.7", "203.0.113.7"},
		{"loopback is not trusted by itself", []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8")}, "127.0.0.1:1", "203.0.113.7", "127.0.0.1"},
		{"IPv6", []netip.Prefix{netip.MustParsePrefix("fd00::/8")}, "[fd00::1]:1", "2001:db8::7", "2001:db8::7"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
			r.RemoteAddr = tc.peer
			r.Header.Set("X-Forwarded-For", tc.header)
			if got := remote(tc.trusted)(r); got != tc.want {
				t.Errorf("client %s, want %s", got, tc.want)
			}
		})
	}
}

func TestMetricsTellWhatTheHooksWereTold(t *testing.T) {
	t.Parallel()
	m := NewMetrics()
	m.WatchStreams(func() int { return 7 })
	m.FeedOpened("connecting")
	m.FeedMoved("connecting", "live")
	m.FeedOpened("connecting")
	m.FeedClosed("connecting")
	m.EventLag(120 * time.Millisecond)
	m.EventLag(-time.Second) // clocks differ
	m.TransferEnded("confirmed")
	m.UnknownWord()
	m.RingCentralRequest("Light", http.StatusOK, false, time.Second)
	m.RingCentralRequest("Light", http.StatusTooManyRequests, true, 0)
	m.KV("put", "sessions", time.Millisecond, false)
	m.KV("put", "sessions", time.Millisecond, true)
	ready := errors.New("not yet: secret")
	admin := Admin(m, func() error { return ready })
	text := send(t, admin, http.MethodGet, "/metrics", "").Body.String()
	for _, want := range []string{
		`cordboard_feeds{state="live"} 1`, `cordboard_feeds{state="connecting"} 0`, "cordboard_event_lag_seconds_sum 0.12", "cordboard_event_lag_seconds_count 2",
		`cordboard_transfers_total{end="confirmed"} 1`, "cordboard_unknown_words_total 1",
		`cordboard_ringcentral_requests_total{group="Light",status="200"} 1`, `cordboard_ringcentral_requests_total{group="Light",status="held"} 1`,
		`cordboard_ringcentral_request_seconds_count{group="Light"} 1`,
		"cordboard_streams 7", `cordboard_kv_seconds_count{name="sessions",op="put"} 2`, `cordboard_kv_errors_total{name="sessions",op="put"} 1`, "go_goroutines",
	} {
		if !strings.Contains(text, want+"\n") && !strings.Contains(text, want+" ") {
			t.Errorf("metrics lack %s", want)
		}
	}
	if w := send(t, admin, http.MethodGet, "/healthz", ""); w.Code != http.StatusOK {
		t.Errorf("healthz %d", w.Code)
	}
	if w := send(t, admin, http.MethodGet, "/readyz", ""); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") {
		t.Errorf("readyz %d %s", w.Code, w.Body)
	}
	ready = nil
	if w := send(t, admin, http.MethodGet, "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("readyz %d", w.Code)
	}
}

func TestAWriteThatIsNotTakenEndsAPage(t *testing.T) {
	t.Parallel()
	if s := Listen(http.NotFoundHandler(), slog.New(slog.DiscardHandler)); s.ReadHeaderTimeout == 0 || s.WriteTimeout == 0 || s.IdleTimeout == 0 {
		t.Errorf("a server without deadlines: %+v", s)
	}
}

func TestAnAddressMayNotFloodSignIns(t *testing.T) {
	t.Parallel()
	e, _ := stack(t, false)
	e.GET("/start", func(c echo.Context) error { return c.NoContent(http.StatusOK) }, unhurried())
	statuses := map[int]int{}
	for range 20 * signInsAtOnce {
		statuses[send(t, e, http.MethodGet, "/start", "").Code]++
	}
	if statuses[http.StatusOK] < signInsAtOnce || statuses[http.StatusTooManyRequests] == 0 {
		t.Errorf("statuses: %v", statuses)
	}
}
