package rcsim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// operation is one REST operation of RingCentral: where it is, what it costs and what it needs.
type operation struct {
	name       string
	method     string
	path       string
	group      string
	scope      string // application permission
	permission string // user permission
	serve      func(*call) (int, any, error)
	pretend    func(*call) (int, any, error) // what a fault answers instead of acting; nil: serve
	acts       bool                          // changes something
}

// call is one request of one person to one operation. serve runs under the server's lock.
type call struct {
	s     *Server
	w     http.ResponseWriter
	r     *http.Request
	grant *grant
	user  *User
	body  []byte
	sock  *gwSession // the gateway session of a tunnelled request
}

const (
	pathAccount   = "/restapi/v1.0/account/{accountId}"
	pathExtension = pathAccount + "/extension/{extensionId}"
	pathSession   = pathAccount + "/telephony/sessions/{telephonySessionId}"
	pathParty     = pathSession + "/parties/{partyId}"
	pathSub       = "/restapi/v1.0/subscription"
)

// operations is the route table of the REST API.
func operations() []operation {
	control := func(name, method, path string, serve, pretend func(*call) (int, any, error)) operation {
		if pretend == nil && method != http.MethodGet {
			pretend = onCopy(serve)
		}
		return operation{name: name, method: method, path: path, group: groupLight, scope: "CallControl", serve: serve, pretend: pretend, acts: method != http.MethodGet}
	}
	const get, post = http.MethodGet, http.MethodPost
	ops := []operation{
		control("session", get, pathSession, (*call).getSession, nil),
		control("drop", http.MethodDelete, pathSession, (*call).dropSession, pretendDone),
		control("party", get, pathParty, (*call).getParty, nil),
		control("hold", post, pathParty+"/hold", (*call).hold, pretendParty(codeHold)),
		control("unhold", post, pathParty+"/unhold", (*call).unhold, pretendParty(codeAnswered)),
		control("mute", http.MethodPatch, pathParty, (*call).patchParty, (*call).getParty),
		control("answer", post, pathParty+"/answer", (*call).answer, pretendParty(codeAnswered)),
		control("reject", post, pathParty+"/reject", (*call).reject, pretendDone),
		control("bridge", post, pathParty+"/bridge", (*call).bridge, (*call).pretendBridge),
		control("removeParty", http.MethodDelete, pathParty, (*call).deleteParty, pretendDone),
		control("ignore", post, pathParty+"/ignore", (*call).ignore, nil),
		control("forward", post, pathParty+"/forward", (*call).forward, nil),
		control("reply", post, pathParty+"/reply", (*call).reply, nil),
		control("transfer", post, pathParty+"/transfer", (*call).transfer, nil),
		control("park", post, pathParty+"/park", (*call).park, nil),
		control("pickup", post, pathParty+"/pickup", (*call).pickup, nil),
		control("flip", post, pathParty+"/flip", (*call).flip, nil),
		control("recordings", post, pathParty+"/recordings", (*call).record, nil),
		control("pauseRecording", http.MethodPatch, pathParty+"/recordings/{recordingId}", (*call).pauseRecording, nil),
		control("supervise", post, pathParty+"/supervise", (*call).superviseParty, nil),
		control("superviseSession", post, pathSession+"/supervise", (*call).superviseSession, nil),
		control("bringIn", post, pathSession+"/parties/bring-in", (*call).bringIn, nil),
		{name: "callOut", method: post, path: pathAccount + "/telephony/call-out", group: groupHeavy, scope: "CallControl", serve: (*call).callOut, pretend: onCopy((*call).callOut), acts: true},
		{name: "conference", method: post, path: pathAccount + "/telephony/conference", group: groupHeavy, scope: "CallControl", serve: (*call).conference, pretend: onCopy((*call).conference), acts: true},

		{name: "wstoken", method: post, path: "/restapi/oauth/wstoken", group: groupAuth, scope: "WebSocket", serve: (*call).wsToken, acts: true},
		{name: "subscribe", method: post, path: pathSub, group: groupMedium, serve: (*call).subscribe, acts: true},
		{name: "subscriptions", method: get, path: pathSub, group: groupLight, serve: (*call).listSubscriptions},
		{name: "renewSubscription", method: post, path: pathSub + "/{subscriptionId}/renew", group: groupLight, serve: (*call).readSubscription},
		{name: "readSubscription", method: get, path: pathSub + "/{subscriptionId}", group: groupLight, serve: (*call).readSubscription},
		{name: "updateSubscription", method: http.MethodPut, path: pathSub + "/{subscriptionId}", group: groupMedium, serve: (*call).updateSubscription, acts: true},
		{name: "unsubscribe", method: http.MethodDelete, path: pathSub + "/{subscriptionId}", group: groupMedium, serve: (*call).unsubscribe, pretend: pretendDone, acts: true},
	}
	return slices.Concat(
		ops, extensionOperations(), directoryOperations(), deviceOperations(), presenceOperations(), queueOperations(), groupOperations(),
		discoveryOperations(), openidOperations(), activeCallsOperations(), ringOutOperations(),
	)
}

// Operations are the names that SetFault takes.
func Operations() []string {
	names := []string{"*", "gateway", "token", "revoke"}
	for _, op := range operations() {
		names = append(names, op.name)
	}
	slices.Sort(names)
	return names
}

// routes builds the one table of everything this server answers.
func (s *Server) routes() {
	s.mux = http.NewServeMux()
	for _, op := range operations() {
		s.mux.Handle(op.method+" "+op.path, s.handle(op))
	}
	s.discoveryRoutes()
	s.openidRoutes()
	s.mux.HandleFunc("GET /restapi/oauth/authorize", s.handleAuthorize)
	s.mux.HandleFunc("POST /restapi/oauth/authorize", s.handleAuthorize)
	s.mux.HandleFunc("POST /restapi/oauth/token", s.handleToken)
	s.mux.HandleFunc("POST /restapi/oauth/revoke", s.handleRevoke)
	s.mux.HandleFunc("/restapi/", func(w http.ResponseWriter, r *http.Request) {
		s.writeError(w, r, refuse(http.StatusNotFound, "CMN-120", "Invalid URI"))
	})
	s.mux.HandleFunc("GET /ws", s.handleSocket)
	s.controlRoutes()
}

// serve records RingCentral traffic and routes it.
func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	if !strings.HasPrefix(r.URL.Path, "/restapi") && !strings.HasPrefix(r.URL.Path, "/.well-known/") && r.URL.Path != gatewayPath {
		s.mux.ServeHTTP(w, r)
		return
	}
	r = s.arrive(r, false)
	defer s.afterwards(r)
	s.serveREST(w, r)
	if len(remains(r).do) > 0 {
		_ = http.NewResponseController(w).Flush()
	}
}

// serveREST is the part that real and tunnelled requests share.
func (s *Server) serveREST(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		// Method tunnelling (API sheet 3).
		for _, m := range []string{r.Header.Get("X-HTTP-Method-Override"), r.URL.Query().Get("_method")} {
			if m != "" {
				r.Method = strings.ToUpper(m)
			}
		}
	}
	if strings.HasPrefix(r.URL.Path, pathSub) {
		r.URL.Path = strings.TrimSuffix(r.URL.Path, "/")
	}
	sw := &statusWriter{ResponseWriter: w}
	defer func() { s.answered(r, sw.status) }()
	if r.URL.Path == "/ws" {
		s.mux.ServeHTTP(w, r) // the upgrade needs the writer itself
		sw.status = http.StatusSwitchingProtocols
		return
	}
	defer s.overhear(sw, r)()
	h := w.Header()
	s.mu.Lock()
	h["RCRequestId"] = []string{record(r).RequestID} // the wire shows RingCentral's own spelling, and frames are case-sensitive
	s.mu.Unlock()
	h["RoutingKey"] = []string{"SIM01P01"}
	h.Set("Server", "rcsim")
	s.mux.ServeHTTP(sw, r)
	if sw.status == 0 {
		sw.status = http.StatusOK
	}
}

// statusWriter remembers the status, and the answer where somebody records.
type statusWriter struct {
	http.ResponseWriter
	status int
	kept   *bytes.Buffer
}

func (w *statusWriter) Write(b []byte) (int, error) {
	if w.kept != nil {
		w.kept.Write(b)
	}
	return w.ResponseWriter.Write(b)
}

func (w *statusWriter) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *statusWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// handle makes an HTTP handler of an operation: who asks, how often, may they, then the operation, with its faults.
func (s *Server) handle(op operation) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
		if err != nil {
			s.writeError(w, r, invalid("body"))
			return
		}
		c := &call{s: s, w: w, r: r, body: body, sock: tunnelOf(r)}
		var f met
		err = s.change(func() error {
			if err := c.admit(op); err != nil {
				return err
			}
			f = s.meet(r, op.name, c.user.Number, c.hangUp)
			return nil
		})
		if err != nil {
			s.writeError(w, r, err)
			return
		}
		var status int
		var answer any
		err = s.perform(w, r, f, func() error {
			serve := op.serve
			if f.Pretend && op.pretend != nil {
				serve = op.pretend
			}
			var err error
			status, answer, err = serve(c)
			if _, raw := answer.(rawAnswer); !raw && answer != nil && err == nil {
				answer = encode(answer) // before the lock is gone
			}
			return err
		})
		if err != nil {
			s.writeError(w, r, err)
			return
		}
		switch a := answer.(type) {
		case nil:
			w.WriteHeader(status)
		case rawAnswer:
			w.Header().Set("Content-Type", a.kind)
			w.WriteHeader(status)
			_, _ = w.Write(a.data)
		default:
			writeJSON(w, status, answer)
		}
	})
}

// rawAnswer is an answer that is not plain JSON.
type rawAnswer struct {
	kind string
	data []byte
}

// admit checks the token, the rate, the app's and the person's permissions and the body's type, in that order.
func (c *call) admit(op operation) error {
	s := c.s
	if c.sock != nil {
		c.grant = c.sock.grant
		if c.grant.ended {
			return s.unauthorized("OAU-213", "Token not found")
		}
	} else {
		g, err := s.bearer(c.r)
		if err != nil {
			c.w.Header().Set("WWW-Authenticate", `Bearer realm="RingCentral REST API"`)
			return err
		}
		c.grant = g
	}
	c.user = c.grant.user
	e := record(c.r)
	e.Extension, e.Client = c.user.Number, c.grant.client.ID
	if err := s.limit(c.w, c.user, c.grant.client, op.group); err != nil {
		return err
	}
	if op.scope != "" && !slices.Contains(c.grant.client.Scopes, op.scope) {
		return &restError{
			status: http.StatusForbidden, code: "CMN-401", extra: map[string]string{"permissionName": op.scope},
			message: "In order to call this API endpoint, application needs to have [" + op.scope + "] permission",
		}
	}
	if op.permission != "" && slices.Contains(c.user.Lacks, op.permission) {
		return lacksPermission(op.permission)
	}
	if len(bytes.TrimSpace(c.body)) > 0 {
		if kind, _, _ := mime.ParseMediaType(c.r.Header.Get("Content-Type")); kind != "application/json" && c.sock == nil {
			return refuse(http.StatusUnsupportedMediaType, "CMN-415", "Unsupported Media Type")
		}
	}
	if a := c.r.PathValue("accountId"); a != "" && a != "~" && a != c.user.AccountID {
		return missing("accountId")
	}
	return nil
}

// decode reads the JSON body into v; an empty body leaves it as it is.
func (c *call) decode(v any) error {
	if len(bytes.TrimSpace(c.body)) == 0 {
		return nil
	}
	if err := json.Unmarshal(c.body, v); err != nil {
		return refuse(http.StatusBadRequest, "CMN-103", "JSON cannot be parsed")
	}
	return nil
}

// extension is the person that the path names.
func (c *call) extension() (*User, error) { return c.colleague(c.r.PathValue("extensionId")) }

// colleague is a person of the caller's account, the caller too.
func (c *call) colleague(id string) (*User, error) {
	if id == "~" {
		return c.user, nil
	}
	u := c.s.dir.byID[id]
	if u == nil || u.AccountID != c.user.AccountID {
		return nil, missing("extensionId")
	}
	return u, nil
}

// uri is the address of a resource on this server.
func (s *Server) uri(r *http.Request, path string) string {
	if s.opt.PublicURL != "" {
		return strings.TrimSuffix(s.opt.PublicURL, "/") + path
	}
	host := r.Host
	if host == "" {
		host = "localhost"
	}
	scheme := "http"
	if r.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + host + path
}

// asks reports whether a row with that value is asked for: the parameter names it, perhaps among others, or nothing.
func (c *call) asks(parameter, have string) bool {
	q := c.r.URL.Query()
	return q.Get(parameter) == "" || slices.Contains(q[parameter], have)
}

// Paged lists (API sheet 3).
type pagingWire struct {
	Page          int `json:"page"`
	PerPage       int `json:"perPage"`
	PageStart     int `json:"pageStart"`
	PageEnd       int `json:"pageEnd"`
	TotalPages    int `json:"totalPages"`
	TotalElements int `json:"totalElements"`
}

type pageLink struct {
	URI string `json:"uri"`
}

type navigationWire struct {
	FirstPage    *pageLink `json:"firstPage,omitempty"`
	NextPage     *pageLink `json:"nextPage,omitempty"`
	PreviousPage *pageLink `json:"previousPage,omitempty"`
	LastPage     *pageLink `json:"lastPage,omitempty"`
}

type pageWire[T any] struct {
	URI        string          `json:"uri,omitempty"`
	Records    []T             `json:"records"`
	Paging     pagingWire      `json:"paging"`
	Navigation *navigationWire `json:"navigation,omitempty"`
}

// pageNumber reads a number of the query that must be positive; more than most, "max" and "all" count as most.
func (c *call) pageNumber(name string, usual, most int) (int, error) {
	text := c.r.URL.Query().Get(name)
	switch text {
	case "":
		return usual, nil
	case "max", "all":
		return most, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, invalid(name)
	}
	return min(n, most), nil
}

// mostPages is the last page that can be asked for; the rows before it can be counted.
const mostPages = 1 << 20

// paging cuts one page out of everything, and says where it is.
func paging[T any](all []T, no, per int) ([]T, pagingWire) {
	from, to := min((no-1)*per, len(all)), min(no*per, len(all))
	return all[from:to], pagingWire{
		Page: no, PerPage: per, PageStart: from, PageEnd: max(to-1, 0), TotalPages: max(1, (len(all)+per-1)/per), TotalElements: len(all),
	}
}

// page answers with one page of all: only its rows are made. perPage is usual when the query names none, and never above most.
func page[T, W any](c *call, all []T, row func(T) W, usual, most int) (int, any, error) {
	per, err := c.pageNumber("perPage", usual, most)
	if err != nil {
		return 0, nil, err
	}
	no, err := c.pageNumber("page", 1, mostPages)
	if err != nil {
		return 0, nil, err
	}
	cut, where := paging(all, no, per)
	link := func(n int) *pageLink {
		v := c.r.URL.Query()
		v.Set("page", strconv.Itoa(n))
		v.Set("perPage", strconv.Itoa(per))
		return &pageLink{c.s.uri(c.r, c.r.URL.Path) + "?" + v.Encode()}
	}
	w := pageWire[W]{URI: link(no).URI, Records: rows(cut, row), Paging: where, Navigation: &navigationWire{FirstPage: link(1), LastPage: link(where.TotalPages)}}
	if no > 1 {
		w.Navigation.PreviousPage = link(no - 1)
	}
	if no < where.TotalPages {
		w.Navigation.NextPage = link(no + 1)
	}
	return http.StatusOK, w, nil
}

// rows makes the wire form of each item; the result is never nil.
func rows[T, W any](all []T, row func(T) W) []W {
	out := make([]W, len(all))
	for i, v := range all {
		out[i] = row(v)
	}
	return out
}

// writeError answers with RingCentral's error body.
func (s *Server) writeError(w http.ResponseWriter, r *http.Request, err error) {
	e := restErrorOf(err)
	s.mu.Lock()
	record(r).Code = e.code
	s.mu.Unlock()
	s.log.Debug("refused", "method", r.Method, "path", r.URL.Path, "status", e.status, "code", e.code)
	if e.retryAfter > 0 {
		w.Header().Set("Retry-After", seconds(e.retryAfter))
	}
	if e.body != "" {
		writeRaw(w, e.status, e.body)
		return
	}
	writeJSON(w, e.status, errorBody(e))
}

// restErrorOf is an error as REST answers it.
func restErrorOf(err error) *restError {
	if e, ok := errors.AsType[*restError](err); ok {
		return e
	}
	if o, ok := errors.AsType[*oauthError](err); ok {
		return &restError{status: o.status, code: o.code, message: o.message, extra: o.extra}
	}
	return refuse(http.StatusInternalServerError, "CMN-203", "Internal server error")
}

// errorBody is RingCentral's error body: the list, and the first error again at the top.
func errorBody(e *restError) map[string]any {
	item := map[string]any{"errorCode": e.code, "message": e.message}
	body := map[string]any{"errorCode": e.code, "message": e.message, "errors": []any{item}}
	for k, v := range e.extra {
		item[k], body[k] = v, v
	}
	return body
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json;charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(encode(v))
}

// writeRaw answers with a body that somebody wrote by hand.
func writeRaw(w http.ResponseWriter, status int, body string) {
	kind := "text/html;charset=utf-8"
	if json.Valid([]byte(body)) {
		kind = "application/json;charset=utf-8"
	}
	w.Header().Set("Content-Type", kind)
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

type tunnelKey struct{}

// tunnelOf is the gateway session that a request came through, or nil.
func tunnelOf(r *http.Request) *gwSession {
	g, _ := r.Context().Value(tunnelKey{}).(*gwSession)
	return g
}

func withTunnel(ctx context.Context, g *gwSession) context.Context {
	return context.WithValue(ctx, tunnelKey{}, g)
}
