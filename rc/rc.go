// Package rc is a client of RingCentral's REST API and OAuth endpoints: one
// short method per operation, sent once.
//
// Nothing in this package repeats a request: whoever calls knows whether the
// outcome is known. A call that fails returns an *Error, which says in Unsent
// whether RingCentral can have seen the request at all. Redirects are not
// followed. Answers are bounded in size and their bodies are always closed.
//
// Usage-plan limits are respected per person and group: the client counts what
// it sends and corrects itself by the X-Rate-Limit headers. A call that would
// break a limit waits when room comes within a moment (Usage.Patience, and the
// context's deadline); otherwise, and during a penalty, the client refuses it by
// itself: status 429, Unsent, ErrHeldBack, and in RetryAfter how long. Calls
// under a context of Background never wait and leave a part of every group to
// the calls that a person waits for.
//
// A Client is safe for use by several goroutines. Tokens, codes and client
// secrets never appear in an error, and secret-bearing types hide themselves
// from fmt and slog.
package rc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"golang.org/x/oauth2"
)

// maxAnswer bounds the body of one answer, in bytes.
const maxAnswer = 16 << 20 // 2,000 entries of a directory have 2 MB

// Config says which RingCentral a Client talks to and as which app.
type Config struct {
	Server       string // base URL, such as https://platform.ringcentral.com
	ClientID     string
	ClientSecret string        // "" for a public client (PKCE only)
	UserAgent    string        // "" means "cordboard"
	HTTP         *http.Client  // nil means a client with a transport of its own
	Timeout      time.Duration // of one call; 0 means 10 s
	Usage        Usage
	Observe      func(Observation) // called after every call, also one that was held back; may be nil
	Log          *slog.Logger      // nil means silence
}

// Observation is what metrics may know of one call.
type Observation struct {
	Method   string
	Route    string // the path with its ids as {name}
	Group    UsageGroup
	Status   int  // 0 when there was no answer; 429 with Unsent when the client held the call back
	Unsent   bool // the request certainly never reached RingCentral
	Duration time.Duration
}

// Client talks to one RingCentral server as one app.
type Client struct {
	base      string
	oauth     oauth2.Config
	userAgent string
	http      *http.Client
	timeout   time.Duration
	observe   func(Observation)
	log       *slog.Logger
	gate      *gate
}

// New makes a Client; it fails when the server is no absolute http or https URL
// or the client id is missing.
func New(cfg Config) (*Client, error) {
	u, err := url.Parse(strings.TrimRight(cfg.Server, "/"))
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.RawQuery != "" || u.User != nil {
		return nil, errors.New("rc: the server must be an absolute http or https URL")
	}
	if cfg.ClientID == "" {
		return nil, errors.New("rc: the client id is missing")
	}
	c := &Client{
		base:      u.String(),
		oauth:     oauthConfig(u.String(), cfg.ClientID, cfg.ClientSecret),
		userAgent: cfg.UserAgent,
		http:      httpClient(cfg.HTTP),
		timeout:   cfg.Timeout,
		observe:   cfg.Observe,
		log:       cfg.Log,
		gate:      newGate(cfg.Usage),
	}
	if c.userAgent == "" {
		c.userAgent = "cordboard"
	}
	if c.timeout <= 0 {
		c.timeout = 10 * time.Second
	}
	if c.observe == nil {
		c.observe = func(Observation) {}
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	return c, nil
}

// Close drops idle connections; calls under way go on.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// httpClient is a copy that follows no redirect, since one would carry the
// bearer token and could repeat a POST, and that keeps no cookies, since it
// speaks for many people.
func httpClient(from *http.Client) *http.Client {
	var h http.Client
	if from != nil {
		h = *from
	}
	if h.Transport == nil {
		t, ok := http.DefaultTransport.(*http.Transport)
		if ok {
			t = t.Clone()
			t.MaxIdleConnsPerHost = 64
			t.IdleConnTimeout = 30 * time.Second
			h.Transport = t
		}
	}
	h.Jar = nil
	h.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &h
}

// call is one request before it is sent.
type call struct {
	method     string
	route      string // path with ids as {name}, for metrics
	path       string // escaped path
	query      url.Values
	header     http.Header
	body       []byte
	group      UsageGroup
	invalid    error    // why it cannot be sent as it is; nil when it can
	background bool     // leaves room in its group, and never waits for it
	secrets    []string // what must not appear in an error
}

// with is the call with a JSON body, or without one when v is nil.
func (k call) with(v any) call {
	if v == nil {
		return k
	}
	body, err := json.Marshal(v)
	if err != nil {
		k.invalid = err
	}
	k.body = body
	return k
}

// answer is a 2xx answer.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends one call once. Every error is an *Error.
func (c *Client) do(ctx context.Context, person string, k call) (answer, error) {
	begin := time.Now()
	a, err := c.attempt(ctx, person, k)
	o := Observation{Method: k.method, Route: k.route, Group: k.group, Status: a.status, Duration: time.Since(begin)}
	if err != nil {
		o.Status, o.Unsent = err.Status, err.Unsent
		c.observe(o)
		c.log.DebugContext(ctx, "call failed", "error", err)
		return answer{}, err
	}
	c.observe(o)
	return a, nil
}

func (c *Client) attempt(ctx context.Context, person string, k call) (answer, *Error) {
	fail := func(e Error) *Error {
		e.Method, e.Path = k.method, k.path
		e.Message = redact(e.Message, k.secrets)
		return &e
	}
	if err := ctx.Err(); err != nil {
		return answer{}, fail(Error{Unsent: true, Err: err})
	}
	slot, wait, err := c.gate.take(ctx, person, k.group, k.background)
	if err != nil {
		return answer{}, fail(*heldBack(wait, err))
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()

	var asked, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	req, err := c.request(traced, k)
	if err != nil {
		c.gate.giveBack(slot)
		return answer{}, fail(Error{Unsent: true, Err: err})
	}
	res, err := c.http.Do(req)
	if err != nil {
		// A transport that never said it had a connection wrote nothing. One that
		// does not report at all (asked is false) proves nothing.
		unsent := asked.Load() && !connected.Load()
		if unsent {
			c.gate.giveBack(slot)
		} else {
			c.gate.lost(slot)
		}
		return answer{}, fail(Error{Unsent: unsent, Err: scrub(err, k.secrets)})
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(res.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errTooLong
	}
	refusal := ErrorFrom(k.method, k.path, res.StatusCode, res.Header, body)
	if res.StatusCode == http.StatusTooManyRequests && res.Header.Get("Retry-After") == "" {
		refusal.RetryAfter = c.gate.usage.Penalty
	}
	c.gate.heard(slot, res.StatusCode, refusal.Code, refusal.RetryAfter, res.Header)
	if err != nil {
		refusal.Err = scrub(err, k.secrets)
		return answer{}, fail(*refusal)
	}
	if res.StatusCode < 200 || res.StatusCode > 299 {
		return answer{}, fail(*refusal)
	}
	return answer{status: res.StatusCode, header: res.Header, body: body}, nil
}

func (c *Client) request(ctx context.Context, k call) (*http.Request, error) {
	target := c.base + k.path
	if len(k.query) > 0 {
		target += "?" + k.query.Encode()
	}
	var body io.Reader
	if k.body != nil {
		body = bytes.NewReader(k.body)
	}
	req, err := http.NewRequestWithContext(ctx, k.method, target, body)
	if err != nil {
		return nil, fmt.Errorf("rc: %w", scrub(err, k.secrets))
	}
	req.GetBody = nil // nothing may send a body a second time
	maps.Copy(req.Header, k.header)
	if req.Header.Get("Accept") == "" {
		req.Header.Set("Accept", "application/json")
	}
	req.Header.Set("User-Agent", c.userAgent)
	return req, nil
}

// scrub unwraps what net/http puts around an error, since that text holds the
// URL with its query, and hides what must not be said.
func scrub(err error, secrets []string) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	if text := redact(err.Error(), secrets); text != err.Error() {
		return errors.New(text)
	}
	return err
}

func redact(text string, secrets []string) string {
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(text, s, "[hidden]")
			text = strings.ReplaceAll(text, url.QueryEscape(s), "[hidden]")
		}
	}
	return text
}
