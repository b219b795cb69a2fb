package rc

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/textproto"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const bearer = "access-token-of-jude"

// server runs handler and gives a client of it; change may alter its settings.
func server(t *testing.T, handler http.HandlerFunc, change ...func(*Config)) *Client {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	cfg := Config{Server: s.URL + "/", ClientID: "app"}
	for _, c := range change {
		c(&cfg)
	}
	c, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func caller(c *Client) *Caller {
	return c.As("jude", func(context.Context) (string, error) { return bearer, nil })
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []Config{
		{},
		{Server: "platform.example", ClientID: "app"},
		{Server: "ftp://platform.example", ClientID: "app"},
		{Server: "https://platform.example"},
		{Server: "https://u:p@platform.example", ClientID: "app"},
	} {
		if _, err := New(cfg); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}

func TestErrorBodies(t *testing.T) {
	tests := []struct {
		name   string
		status int
		header http.Header
		body   string
		want   Error
	}{
		{
			name: "top level only", status: 409, body: `{"errorCode":"TAS-102","message":"Incorrect State"}`,
			want: Error{Code: "TAS-102", Message: "Incorrect State"},
		},
		{
			name: "array only", status: 404, body: `{"errors":[{"errorCode":"CMN-102","message":"Not found","parameterName":"x"}]}`,
			want: Error{Code: "CMN-102", Message: "Not found"},
		},
		{
			name: "both, with a user permission", status: 403,
			header: http.Header{"Rcrequestid": {"req-1"}},
			body:   `{"errorCode":"CMN-408","message":"needs [Meetings]","errors":[{"errorCode":"CMN-408","message":"needs","permissionName":"Meetings"}],"permissionName":"Meetings"}`,
			want:   Error{Code: "CMN-408", Message: "needs [Meetings]", Permission: "Meetings", RequestID: "req-1"},
		},
		{
			name: "permission as a parameter", status: 400,
			body: `{"error":"invalid_client","error_description":"no access","errors":[{"errorCode":"CMN-408","message":"no access","parameters":[{"parameterName":"permissionName","parameterValue":"ThirdPartyAppAccess"}]}]}`,
			want: Error{Code: "CMN-408", Message: "no access", Permission: "ThirdPartyAppAccess"},
		},
		{
			name: "app scope in the message only", status: 403,
			body: `{"errors":[{"errorCode":"CMN-401","message":"application needs to have [CallControl] permission"}]}`,
			want: Error{Code: "CMN-401", Message: "application needs to have [CallControl] permission", Permission: "CallControl"},
		},
		{
			name: "oauth", status: 400,
			body: `{"error":"invalid_grant","error_description":"Token expired","errors":[{"errorCode":"OAU-210","message":"Token expired"}]}`,
			want: Error{Code: "OAU-210", Message: "Token expired"},
		},
		{
			name: "oauth without an array", status: 400, body: `{"error":"invalid_grant","error_description":"gone"}`,
			want: Error{Code: "invalid_grant", Message: "gone"},
		},
		{name: "not JSON", status: 502, body: `<html>Bad gateway`, want: Error{}},
		{name: "nothing", status: 503, header: http.Header{"Retry-After": {"7"}}, want: Error{RetryAfter: 7 * time.Second}},
		{name: "rate limit without Retry-After", status: 429, body: `{"errorCode":"CMN-301"}`, want: Error{Code: "CMN-301", RetryAfter: 30 * time.Second}},
		{name: "mistyped", status: 400, body: `{"errorCode":17,"message":["x"],"errors":[{"message":"kept"}]}`, want: Error{Code: "17", Message: "kept"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := server(t, func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), tt.header)
				w.WriteHeader(tt.status)
				_, _ = io.WriteString(w, tt.body)
			})
			_, err := caller(c).Session(t.Context(), "s-1")
			tt.want.Method, tt.want.Path, tt.want.Status = "GET", "/restapi/v1.0/account/~/telephony/sessions/s-1", tt.status
			var got *Error
			if !errors.As(err, &got) {
				t.Fatalf("error %v", err)
			}
			if diff := cmp.Diff(tt.want, *got); diff != "" {
				t.Errorf("-want +got\n%s", diff)
			}
			if Unsent(err) {
				t.Error("an answer came, yet the request is called unsent")
			}
		})
	}
}

func TestAPenaltyOfUnsaidLength(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(429) },
		func(cfg *Config) { cfg.Usage.Penalty = 7 * time.Second })
	p := caller(c)
	_, err := p.Me(t.Context())
	var e *Error
	if !errors.As(err, &e) || e.RetryAfter != 7*time.Second || e.Unsent {
		t.Errorf("refused: %v, wait %v", err, e.RetryAfter)
	}
	_, err = p.MonitoringGroups(t.Context(), "") // a limiter that names no group
	if !errors.As(err, &e) || e.RetryAfter <= 5*time.Second || e.RetryAfter > 7*time.Second || !errors.Is(err, ErrHeldBack) {
		t.Errorf("held back: %v, wait %v", err, e.RetryAfter)
	}
}

// Everything waits for a refresh, whoever needs it, and a socket that nobody waits for leaves it room.
func TestRefreshComesFirst(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"access_token":"at","uri":"ws://x/ws","ws_access_token":"t"}`)
	})
	p := caller(c)
	sockets := 0
	for range 6 {
		if _, err := p.WSToken(Background(t.Context())); err == nil {
			sockets++
		} else if !errors.Is(err, ErrHeldBack) || !Unsent(err) {
			t.Fatal(err)
		}
	}
	if sockets != 4 {
		t.Errorf("%d tokens for sockets", sockets)
	}
	if _, err := c.Refresh(ForPerson(Background(t.Context()), "jude"), "rt"); err != nil {
		t.Error(err)
	}
	if n := p.Remaining(Auth); n != 0 {
		t.Errorf("%d remain", n)
	}
	c.SignedIn("kim")
	if n := c.As("kim", nil).Remaining(Auth); n != 4 {
		t.Errorf("%d remain after a sign-in", n)
	}
}

func TestASessionThatEnded(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		ends bool
	}{
		"refused at the token endpoint":    {&Error{Status: 400, Code: "OAU-213"}, true},
		"refused at an operation":          {fmt.Errorf("feed: %w", &Error{Status: 401, Code: "OAU-213"}), true},
		"beneath an error of ours":         {&Error{Unsent: true, Err: &Error{Status: 400, Code: "OAU-213"}}, true},
		"an access token that ran out":     {&Error{Status: 401, Code: "OAU-128"}, false},
		"a refresh token that ran out":     {&Error{Status: 400, Code: "OAU-210"}, false},
		"a code for another kind of error": {&Error{Status: 503, Code: "OAU-213"}, false},
		"a held-back call":                 {&Error{Status: 429, Unsent: true, Err: ErrHeldBack}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := errors.Is(tt.err, ErrSessionEnded); got != tt.ends {
				t.Errorf("got %v", got)
			}
		})
	}
}

func TestRetryAfterAsADate(t *testing.T) {
	got := retryAfter(time.Now().Add(90 * time.Second).UTC().Format(http.TimeFormat))
	if got < 85*time.Second || got > 90*time.Second {
		t.Errorf("got %v", got)
	}
	if got := retryAfter("soon"); got != 0 {
		t.Errorf("got %v", got)
	}
}

func TestListingsReadAllPages(t *testing.T) {
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		page := r.URL.Query().Get("page")
		_, _ = fmt.Fprintf(w, `{"records":[{"id":"g%s"}],"paging":{"page":%s,"totalPages":3}}`, page, page)
	})
	got, err := caller(c).MonitoringGroups(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]Group{{ID: "g1"}, {ID: "g2"}, {ID: "g3"}}, got); diff != "" {
		t.Errorf("-want +got\n%s", diff)
	}
}

func TestPresences(t *testing.T) {
	one := func(id string) string {
		return `{"extension":{"id":` + id + `},"presenceStatus":"Busy"}`
	}
	const refused = `{"errorCode":"CMN-102","message":"no such extension"}`
	kinds := map[string]func(w http.ResponseWriter, ids []string){
		"multipart": func(w http.ResponseWriter, ids []string) {
			m := multipart.NewWriter(w)
			w.Header().Set("Content-Type", "multipart/mixed; boundary="+m.Boundary())
			w.WriteHeader(http.StatusMultiStatus)
			part := func(body string) {
				p, _ := m.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
				_, _ = io.WriteString(p, body)
			}
			part(`{"response":[{"href":"x","status":200,"responseDescription":"OK"}]}`)
			part(refused)
			for _, id := range ids[1:] {
				part(one(id))
			}
			_ = m.Close()
		},
		"json": func(w http.ResponseWriter, ids []string) {
			w.Header().Set("Content-Type", multipartJSON)
			w.WriteHeader(http.StatusMultiStatus)
			rows := []string{`{"resourceId":"1","status":404,"body":` + refused + `}`}
			for _, id := range ids[1:] {
				rows = append(rows, `{"status":200,"body":`+one(id)+`}`)
			}
			_, _ = io.WriteString(w, "["+strings.Join(rows, ",")+"]")
		},
		"records": func(w http.ResponseWriter, ids []string) {
			w.Header().Set("Content-Type", "application/json;charset=utf-8")
			rows := []string{refused}
			for _, id := range ids[1:] {
				rows = append(rows, one(id))
			}
			_, _ = io.WriteString(w, `{"records":[`+strings.Join(rows, ",")+"]}")
		},
	}
	for name, write := range kinds {
		t.Run(name, func(t *testing.T) {
			var batches []int
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				list, _ := strings.CutSuffix(strings.TrimPrefix(r.URL.Path, "/restapi/v1.0/account/~/extension/"), "/presence")
				ids := strings.Split(list, ",")
				batches = append(batches, len(ids))
				if len(ids) == 1 {
					_, _ = io.WriteString(w, one(ids[0]))
					return
				}
				write(w, ids)
			})
			ids := make([]string, 61)
			for i := range ids {
				ids[i] = fmt.Sprint(100 + i)
			}
			got, err := caller(c).Presences(t.Context(), ids)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]int{30, 30, 1}, batches); diff != "" {
				t.Errorf("batches, -want +got\n%s", diff)
			}
			if len(got) != 59 || got[0].ExtensionID != "101" || got[58].ExtensionID != "160" {
				t.Errorf("%d presences", len(got))
			}
		})
	}
}

func TestUnsent(t *testing.T) {
	broken := errors.New("broken")
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := "http://" + closed.Addr().String()
	if err := closed.Close(); err != nil {
		t.Fatal(err)
	}
	over, cancel := context.WithCancel(t.Context())
	cancel()
	hangUp := func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }
	never := func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // else the server does not notice that the client is gone
		<-r.Context().Done()
	}
	refuse := func(http.ResponseWriter, *http.Request) { t.Error("a request arrived") }

	tests := []struct {
		name    string
		handler http.HandlerFunc
		ctx     context.Context //nolint:containedctx // a table of contexts
		token   TokenFunc
		change  func(*Config)
		session string
		unsent  bool
		cause   error
	}{
		{name: "nobody listens", handler: refuse, change: func(c *Config) { c.Server = nobody }, unsent: true},
		{name: "the context was over before", handler: refuse, ctx: over, unsent: true, cause: context.Canceled},
		{name: "no token", handler: refuse, token: func(context.Context) (string, error) { return "", broken }, unsent: true, cause: broken},
		{name: "an id that is none", handler: refuse, session: "../../extension", unsent: true, cause: ErrBadID},
		{name: "no id", handler: refuse, session: "-none-", unsent: true, cause: ErrBadID},
		{name: "hung up after reading", handler: hangUp},
		{name: "no answer in time", handler: never, change: func(c *Config) { c.Timeout = 50 * time.Millisecond }, cause: context.DeadlineExceeded},
		{name: "a transport that reports nothing", handler: refuse, change: func(c *Config) {
			c.HTTP = &http.Client{Transport: roundTrip(func(*http.Request) (*http.Response, error) { return nil, broken })}
		}, cause: broken},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var changes []func(*Config)
			if tt.change != nil {
				changes = append(changes, tt.change)
			}
			c := server(t, tt.handler, changes...)
			p := caller(c)
			if tt.token != nil {
				p = c.As("jude", tt.token)
			}
			ctx := t.Context()
			if tt.ctx != nil {
				ctx = tt.ctx
			}
			session := "s-1"
			switch tt.session {
			case "":
			case "-none-":
				session = ""
			default:
				session = tt.session
			}
			_, err := p.Bridge(ctx, session, "p-1-2", "s-2", "p-2-1")
			if err == nil || Unsent(err) != tt.unsent {
				t.Errorf("unsent %v of %v", Unsent(err), err)
			}
			if tt.cause != nil && !errors.Is(err, tt.cause) {
				t.Errorf("%v, want the cause %v", err, tt.cause)
			}
		})
	}
	if Unsent(nil) || Unsent(broken) {
		t.Error("unsent without a call")
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// A kept-alive connection that dies under a request is where transports like to
// send it again.
func TestCallControlIsNeverRepeated(t *testing.T) {
	for name, act := range map[string]func(*Caller) error{
		"bridge": func(p *Caller) error { _, err := p.Bridge(t.Context(), "s-1", "p-1", "s-2", "p-2"); return err },
		"hold":   func(p *Caller) error { _, err := p.Hold(t.Context(), "s-1", "p-1"); return err },
		"drop":   func(p *Caller) error { return p.Drop(t.Context(), "s-1") },
	} {
		t.Run(name, func(t *testing.T) {
			var arrived atomic.Int32
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				if r.Method == http.MethodGet {
					_, _ = io.WriteString(w, `{"id":"s-1"}`)
					return
				}
				arrived.Add(1)
				_, _ = io.Copy(io.Discard, r.Body)
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.Close()
			})
			p := caller(c)
			if _, err := p.Session(t.Context(), "s-1"); err != nil { // leaves a connection to reuse
				t.Fatal(err)
			}
			err := act(p)
			if err == nil || Unsent(err) {
				t.Errorf("unsent %v of %v", Unsent(err), err)
			}
			if n := arrived.Load(); n != 1 {
				t.Errorf("%d requests arrived", n)
			}
		})
	}
}

// Without GetBody no transport, of whatever HTTP version, can send a body again.
func TestABodyCanBeReadOnce(t *testing.T) {
	c := server(t, nil, func(cfg *Config) {
		cfg.HTTP = &http.Client{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			if r.Body == nil || r.GetBody != nil || r.Header["Idempotency-Key"] != nil || r.Header["X-Idempotency-Key"] != nil {
				t.Errorf("a transport may repeat %+v", r)
			}
			return nil, errTooLong
		})}
	})
	if _, err := caller(c).Bridge(t.Context(), "s-1", "p-1", "s-2", "p-2"); err == nil {
		t.Error("no error")
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	var arrived atomic.Int32
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		http.Redirect(w, r, "/elsewhere", http.StatusTemporaryRedirect)
	})
	_, err := caller(c).Hold(t.Context(), "s-1", "p-1")
	var e *Error
	if !errors.As(err, &e) || e.Status != http.StatusTemporaryRedirect || arrived.Load() != 1 {
		t.Errorf("%v after %d requests", err, arrived.Load())
	}
}

func TestAnswersThatCannotBeRead(t *testing.T) {
	for name, body := range map[string]string{
		"too long":  `{"id":"` + strings.Repeat("p", maxAnswer) + `"}`,
		"not JSON":  `<html>`,
		"not whole": `{"status":{"code":"Hold"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			c := server(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) })
			_, err := caller(c).Hold(t.Context(), "s-1", "p-1")
			var e *Error
			if !errors.As(err, &e) || e.Status != http.StatusOK || e.Unsent || e.Err == nil {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestNumbersAreMaskedHoweverTheyAreWritten(t *testing.T) {
	t.Parallel()
	for message, want := range map[string]string{
		"+16505550142":                    "+…0142",
		"Parameter [(650) 555-0142]":      "Parameter [(…0142]",
		"to 650.555.0142, 1 650 555 0177": "to …0142, …0177",
		"Limit 40 per 60 seconds":         "Limit 40 per 60 seconds",
		"":                                "",
	} {
		e := &Error{Method: "GET", Path: "/x", Message: message}
		if got := strings.TrimPrefix(strings.TrimPrefix(e.Error(), "rc: GET /x:"), " "); got != want {
			t.Errorf("%q is logged as %q, want %q", message, got, want)
		}
	}
}

func TestErrorTextsHoldNoNumbersAndNoQuery(t *testing.T) {
	e := &Error{Method: "GET", Path: "/x", Status: 400, Code: "CMN-101", Message: "Parameter [+16505550142] is wrong 4711", RequestID: "r-1", Err: errTooLong, Unsent: true, Permission: "X"}
	const want = "rc: GET /x: 400 CMN-101 Parameter [+…0142] is wrong 4711 [X] the answer is too long (not sent) (request r-1)"
	if e.Error() != want {
		t.Errorf("got  %s\nwant %s", e, want)
	}
}

func TestOAuth(t *testing.T) {
	const answer = `{"access_token":"at","refresh_token":"rt","expires_in":3600,"refresh_token_expires_in":"604800","scope":"CallControl ReadAccounts","owner_id":8,"session_id":"os-1","token_type":"bearer"}`
	for _, secret := range []string{"", "se cret/+"} {
		t.Run(fmt.Sprintf("secret %q", secret), func(t *testing.T) {
			var forms []url.Values
			c := server(t, func(w http.ResponseWriter, r *http.Request) {
				if err := r.ParseForm(); err != nil {
					t.Error(err)
				}
				id, pass, basic := r.BasicAuth()
				if secret == "" && (basic || r.PostForm.Get("client_id") != "app") {
					t.Errorf("a public client sent %v, %v", r.Header, r.PostForm)
				}
				if secret != "" && (id != "app" || pass != url.QueryEscape(secret) || r.PostForm.Has("client_id")) {
					t.Errorf("a confidential client sent %q %q %v", id, pass, r.PostForm)
				}
				if r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.UserAgent() != "cordboard" {
					t.Errorf("headers %v", r.Header)
				}
				r.PostForm.Del("client_id")
				forms = append(forms, r.PostForm)
				w.Header().Set("Content-Type", "application/json")
				if r.URL.Path == tokenPath {
					_, _ = io.WriteString(w, answer)
				}
			}, func(cfg *Config) { cfg.ClientSecret = secret })

			begin := time.Now()
			exchanged, err := c.Exchange(t.Context(), "http://127.0.0.1:8080/oauth/callback", "the-code", "the-verifier")
			if err != nil {
				t.Fatal(err)
			}
			refreshed, err := c.Refresh(t.Context(), "old-rt")
			if err != nil {
				t.Fatal(err)
			}
			if err := c.Revoke(t.Context(), "rt"); err != nil {
				t.Fatal(err)
			}
			for _, tok := range []Token{exchanged, refreshed} {
				if tok.Access != "at" || tok.Refresh != "rt" || tok.OwnerID != "8" || tok.SessionID != "os-1" || len(tok.Scopes) != 2 {
					t.Errorf("token %#v", tok)
				}
				if d := tok.AccessExpires.Sub(begin); d < time.Hour || d > time.Hour+time.Minute {
					t.Errorf("expires in %v", d)
				}
				if d := tok.RefreshExpires.Sub(begin); d < 7*24*time.Hour || d > 7*24*time.Hour+time.Minute {
					t.Errorf("refresh expires in %v", d)
				}
			}
			want := []url.Values{
				{"grant_type": {"authorization_code"}, "code": {"the-code"}, "code_verifier": {"the-verifier"}, "redirect_uri": {"http://127.0.0.1:8080/oauth/callback"}},
				{"grant_type": {"refresh_token"}, "refresh_token": {"old-rt"}},
				{"token": {"rt"}},
			}
			if diff := cmp.Diff(want, forms); diff != "" {
				t.Errorf("forms, -want +got\n%s", diff)
			}
		})
	}
}

func TestAuthCodeURL(t *testing.T) {
	c, err := New(Config{Server: "https://platform.example", ClientID: "app", ClientSecret: "s"})
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(c.AuthCodeURL("https://board.example/oauth/callback", "the-state", "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"))
	if err != nil {
		t.Fatal(err)
	}
	want := url.Values{
		"response_type": {"code"}, "client_id": {"app"}, "redirect_uri": {"https://board.example/oauth/callback"}, "state": {"the-state"},
		"code_challenge": {"E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"}, "code_challenge_method": {"S256"},
	}
	if u.Path != "/restapi/oauth/authorize" || !cmp.Equal(u.Query(), want) {
		t.Errorf("got %s", u)
	}
}

// Every way to fail, with a server that says everything back that it was told.
func TestNoErrorTellsASecret(t *testing.T) {
	secrets := []string{"code-4a1", "verifier-9c2", "refresh-7d3+/=", "client-secret-5e4", bearer}
	var mode atomic.Int32
	c := server(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		echo := string(body) + " " + r.Header.Get("Authorization") + " " + strings.Join(secrets, " ")
		switch mode.Load() {
		case 0:
			w.WriteHeader(400)
			quoted, _ := json.Marshal(echo)
			_, _ = fmt.Fprintf(w, `{"error":"invalid_grant","error_description":%s,"errors":[{"errorCode":"OAU-213","message":%s}]}`, quoted, quoted)
		case 1:
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, `{"access_token":`+strings.Join(secrets, " "))
		case 2:
			panic(http.ErrAbortHandler)
		case 3:
			http.Redirect(w, r, "/?"+url.QueryEscape(echo), http.StatusFound)
		}
	}, func(cfg *Config) { cfg.ClientSecret = "client-secret-5e4" })
	p := caller(c)
	var log strings.Builder
	logger := slog.New(slog.NewTextHandler(&log, nil))
	for m := range int32(4) {
		mode.Store(m)
		for i, act := range []func() error{
			func() error {
				_, err := c.Exchange(t.Context(), "http://127.0.0.1/cb", secrets[0], secrets[1])
				return err
			},
			func() error { _, err := c.Refresh(t.Context(), secrets[2]); return err },
			func() error { return c.Revoke(t.Context(), secrets[2]) },
			func() error { _, err := p.WSToken(t.Context()); return err },
		} {
			err := act()
			if m == 1 && i == 2 {
				continue // a revoke has no answer to misread
			}
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("mode %d, call %d: %v", m, i, err)
			}
			text := fmt.Sprintf("%v %+v", err, e.Err)
			own := map[int][]string{0: {secrets[0], secrets[1], secrets[3]}, 1: {secrets[2], secrets[3]}, 2: {secrets[2], secrets[3]}, 3: {bearer}}[i]
			for _, s := range own {
				if strings.Contains(text, s) || strings.Contains(text, url.QueryEscape(s)) || strings.Contains(e.Message, s) {
					t.Errorf("mode %d, call %d tells %q: %s", m, i, s, text)
				}
			}
		}
	}
	logger.Info("x", "token", Token{Access: "at-1", Refresh: "rt-1"}, "ws", WSToken{Token: "ws-1"})
	text := log.String() + fmt.Sprintf("%v %+v %#v %v %+v %#v", Token{Access: "at-1", Refresh: "rt-1"}, Token{Access: "at-1"},
		Token{Access: "at-1"}, WSToken{Token: "ws-1"}, WSToken{Token: "ws-1"}, WSToken{Token: "ws-1"})
	for _, s := range []string{"at-1", "rt-1", "ws-1"} {
		if strings.Contains(text, s) {
			t.Errorf("%q is told: %s", s, text)
		}
	}
}

func TestTheGateHoldsBackOnTheWire(t *testing.T) {
	var arrived atomic.Int32
	var mu sync.Mutex
	var seen []Observation
	c := server(t, func(w http.ResponseWriter, _ *http.Request) {
		arrived.Add(1)
		w.Header().Set("X-Rate-Limit-Group", "light")
		w.Header().Set("Retry-After", "45")
		w.WriteHeader(429)
		_, _ = io.WriteString(w, `{"errorCode":"CMN-301","message":"Request rate exceeded"}`)
	}, func(cfg *Config) {
		cfg.Observe = func(o Observation) {
			mu.Lock()
			defer mu.Unlock()
			seen = append(seen, o)
		}
	})
	p := caller(c)
	_, first := p.Session(t.Context(), "s-1")
	_, second := p.Hold(t.Context(), "s-1", "p-1")
	_, other := p.MonitoringGroups(t.Context(), "") // another group
	var e *Error
	if !errors.As(first, &e) || e.Status != 429 || e.Unsent || e.RetryAfter != 45*time.Second {
		t.Errorf("first: %v", first)
	}
	if !errors.As(second, &e) || e.Status != 429 || !e.Unsent || !errors.Is(second, ErrHeldBack) || e.RetryAfter <= 40*time.Second || e.RetryAfter > 45*time.Second {
		t.Errorf("second: %v", second)
	}
	if Unsent(other) || arrived.Load() != 2 {
		t.Errorf("other group: %v, %d arrived", other, arrived.Load())
	}
	if n := p.Remaining(Light); n != 0 {
		t.Errorf("%d remain in a penalty", n)
	}
	if len(seen) != 3 || !seen[1].Unsent || seen[1].Status != 429 {
		t.Errorf("observed %+v", seen)
	}
}
