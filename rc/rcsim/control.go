package rcsim

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// The control API: what people and faults do, for scripts and for the phones page. JSON in, JSON out; errors are
// {"error":"…"} with 400 (bad body), 404 (no such phone or call), 409 (the state does not allow it).
//
//	GET  /sim/api/account                                   users, devices, JWT credentials, clients, groups, queues, operations
//	GET  /sim/api/state                                     State
//	GET  /sim/api/stream                                    server-sent events, each message a State; the latest wins
//	POST /sim/api/calls {"from","fromName","to","ivr"}      201 {"telephonySessionId"}: an outside caller rings
//	POST /sim/api/phones/{ext}/dial {"to"}                  201 {"telephonySessionId"}
//	POST /sim/api/phones/{ext}/{verb} {…}                   what a person does with a call: handlePhone
//	POST /sim/api/outside/{number}/{answer|decline|hangup} {"telephonySessionId"}                                 204
//	POST /sim/api/events {"event","body"}                   202 {"delivered":n}: a recorded notification
//	GET  /sim/api/requests?method=&path=                    [Request]; path is a part of the path
//	GET  /sim/api/traffic                                   Traffic
//	POST /sim/api/sockets/{ext}/cut {"how"}                 204; clean (default), reset, silent
//	POST /sim/api/tokens/{ext}/{expire|expire-refresh|revoke}   204
//	GET  /sim/api/faults, POST /sim/api/faults              FaultsState; see handleFaults
//	POST /sim/api/reset                                     204
func (s *Server) controlRoutes() {
	api := func(pattern string, h func(http.ResponseWriter, *http.Request) (int, any, error)) {
		s.mux.HandleFunc(pattern, func(w http.ResponseWriter, r *http.Request) {
			if !s.guard(w, r) {
				return
			}
			status, v, err := h(w, r)
			switch {
			case err != nil:
				e, ok := errors.AsType[*restError](err)
				if !ok {
					e = refuse(http.StatusBadRequest, "", err.Error())
				}
				text := e.message
				if state := e.extra["state"]; state != "" {
					text = e.extra["operation"] + " is not possible: the party is " + state
				}
				writeJSON(w, e.status, map[string]string{"error": text})
			case v == nil:
				w.WriteHeader(status)
			default:
				writeJSON(w, status, v)
			}
		})
	}
	api("GET /sim/api/account", s.handleAccount)
	api("GET /sim/api/state", func(http.ResponseWriter, *http.Request) (int, any, error) { return http.StatusOK, s.State(), nil })
	api("POST /sim/api/calls", s.handleCall)
	api("POST /sim/api/phones/{ext}/{verb}", s.handlePhone)
	api("POST /sim/api/outside/{number}/{verb}", s.handleOutside)
	api("POST /sim/api/events", s.handleRecorded)
	api("GET /sim/api/requests", func(_ http.ResponseWriter, r *http.Request) (int, any, error) {
		return http.StatusOK, s.Requests(r.FormValue("method"), r.FormValue("path")), nil
	})
	api("GET /sim/api/traffic", s.handleTraffic)
	api("POST /sim/api/sockets/{ext}/cut", s.handleCut)
	api("POST /sim/api/tokens/{ext}/{verb}", s.handleTokens)
	api("GET /sim/api/faults", func(http.ResponseWriter, *http.Request) (int, any, error) {
		return http.StatusOK, s.State().Faults, nil
	})
	api("POST /sim/api/faults", s.handleFaults)
	api("POST /sim/api/reset", func(http.ResponseWriter, *http.Request) (int, any, error) {
		s.Reset()
		return http.StatusNoContent, nil, nil
	})
	s.mux.HandleFunc("GET /sim/api/stream", s.handleStream)
	s.mux.HandleFunc("/sim/", s.handlePage)
	s.mux.Handle("GET /{$}", http.RedirectHandler("/sim/", http.StatusFound))
}

// guard refuses requests under another host name (DNS rebinding) and from other origins.
func (s *Server) guard(w http.ResponseWriter, r *http.Request) bool {
	host := r.Host
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	if !s.opt.Exposed && !loopbackHost(host) {
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "the simulator answers loopback host names only"})
		return false
	}
	site := r.Header.Get("Sec-Fetch-Site")
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		if err != nil || u.Host != r.Host {
			site = "cross-site"
		}
	}
	if site == "cross-site" || site == "same-site" {
		if r.Method == http.MethodGet && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
			return true // a link to the phones page
		}
		writeJSON(w, http.StatusForbidden, map[string]string{"error": "requests from other origins are refused"})
		return false
	}
	return true
}

func readAll(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	b, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return nil, refuse(http.StatusBadRequest, "", "the body cannot be read")
	}
	return b, nil
}

// read decodes a JSON body; an empty one leaves v as it is.
func read(w http.ResponseWriter, r *http.Request, v any) error {
	b, err := readAll(w, r)
	if err != nil || len(bytes.TrimSpace(b)) == 0 {
		return err
	}
	if err := json.Unmarshal(b, v); err != nil {
		return refuse(http.StatusBadRequest, "", "the body is not the JSON that is expected")
	}
	return nil
}

// strict decodes JSON and refuses a field that v does not have.
func strict(b []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		text := strings.TrimPrefix(err.Error(), "json: ")
		if !strings.HasPrefix(text, "unknown field") {
			text = "the body is not the JSON that is expected"
		}
		return errors.New(text)
	}
	return nil
}

func (s *Server) handleAccount(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	type device struct {
		ID     string `json:"id"`
		Type   string `json:"type"`
		Name   string `json:"name"`
		Status string `json:"status"`
	}
	type user struct {
		ExtensionID     string   `json:"extensionId"`
		ExtensionNumber string   `json:"extensionNumber"`
		AccountID       string   `json:"accountId"`
		Name            string   `json:"name"`
		Email           string   `json:"email"`
		JobTitle        string   `json:"jobTitle"`
		Team            string   `json:"team"`
		DirectNumber    string   `json:"directNumber"`
		Roles           []string `json:"roles"`
		Devices         []device `json:"devices"`
		JWT             string   `json:"jwt"`
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	users := []user{}
	for _, u := range s.dir.users {
		w := user{
			ExtensionID: u.ID, ExtensionNumber: u.Number, AccountID: u.AccountID, Name: u.Name(), Email: u.Email, JobTitle: u.JobTitle, Team: u.Team,
			DirectNumber: u.Direct, Roles: []string{"Agent"}, Devices: []device{}, JWT: u.JWT,
		}
		if slices.ContainsFunc(s.dir.account.Groups, func(g Group) bool { return slices.Contains(g.Monitoring, u.Number) }) {
			w.Roles = []string{"Supervisor"}
		}
		if u.Admin {
			w.Roles = []string{"Administrator"}
		}
		for _, d := range u.Devices {
			status := "Offline"
			if d.Online {
				status = "Online"
			}
			w.Devices = append(w.Devices, device{d.ID, d.Type, d.Name, status})
		}
		users = append(users, w)
	}
	groups := []map[string]any{}
	for _, g := range s.dir.account.Groups {
		groups = append(groups, map[string]any{"id": g.ID, "name": g.Name, "monitoring": g.Monitoring, "monitored": g.Monitored})
	}
	queues := []map[string]any{}
	for _, q := range s.dir.account.Queues {
		queues = append(queues, map[string]any{"id": q.ID, "extensionNumber": q.Number, "name": q.Name, "directNumber": q.Direct, "members": q.Members})
	}
	outside := []OutsideState{}
	for _, o := range s.dir.account.Outside {
		outside = append(outside, OutsideState(o))
	}
	return http.StatusOK, map[string]any{
		"url": s.uri(r, ""), "seed": s.opt.Seed,
		"account": map[string]string{"id": s.dir.account.ID, "name": s.dir.account.Name, "mainNumber": s.dir.account.MainNumber},
		"users":   users, "clients": s.clientList(), "groups": groups, "queues": queues, "outside": outside,
		"operations": Operations(),
	}, nil
}

// ClientState is a registered app as the control API and cmd/rcsim show it.
type ClientState struct {
	ID           string `json:"id"`
	Secret       string `json:"secret"`
	Type         string `json:"type"` // confidential or public
	RedirectPath string `json:"redirectPath"`
}

// Clients are the registered apps.
func (s *Server) Clients() []ClientState {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.clientList()
}

func (s *Server) clientList() []ClientState {
	out := []ClientState{}
	for _, c := range s.dir.account.Clients {
		kind := "confidential"
		if c.Public() {
			kind = "public"
		}
		out = append(out, ClientState{ID: c.ID, Secret: c.Secret, Type: kind, RedirectPath: c.LoopbackPath})
	}
	return out
}

// Account is the simulated account as it was given.
func (s *Server) Account() Account { return *s.opt.Account }

func (s *Server) handleCall(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var in struct {
		From     string `json:"from"`
		FromName string `json:"fromName"`
		To       string `json:"to"`
		IVR      bool   `json:"ivr"`
	}
	if err := read(w, r, &in); err != nil {
		return 0, nil, err
	}
	return created(s.call(in.From, in.FromName, in.To, in.IVR))
}

func created(id string, err error) (int, any, error) {
	if err != nil {
		return 0, nil, err
	}
	return http.StatusCreated, map[string]string{"telephonySessionId": id}, nil
}

func (s *Server) handleOutside(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var in struct {
		TelephonySessionID string `json:"telephonySessionId"`
	}
	if err := read(w, r, &in); err != nil {
		return 0, nil, err
	}
	return http.StatusNoContent, nil, s.Outside(r.PathValue("number"), r.PathValue("verb"), in.TelephonySessionID)
}

// Inject delivers a recorded notification to every subscription that its event matches, and returns to how many.
func (s *Server) Inject(event string, body json.RawMessage) (int, error) {
	f, ok := parseFilter(event, &User{AccountID: s.opt.Account.ID})
	if !ok || !json.Valid(body) || len(body) == 0 {
		return 0, refuse(http.StatusBadRequest, "", "event must be the path of an event and body its body")
	}
	n := 0
	_ = s.change(func() error {
		for g := range s.gate.listeners(f.extID) {
			if _, ok := g.match(func(o filter) bool {
				return o.kind == f.kind && o.account == f.account && o.queueID == f.queueID && (o.extID == "" || o.extID == f.extID)
			}); ok {
				s.notify(g, note{event: event, body: body, at: s.now(), injected: true})
				n++
			}
		}
		return nil
	})
	return n, nil
}

func (s *Server) handleRecorded(w http.ResponseWriter, r *http.Request) (int, any, error) {
	var in struct {
		Event string          `json:"event"`
		Body  json.RawMessage `json:"body"`
	}
	if err := read(w, r, &in); err != nil {
		return 0, nil, err
	}
	n, err := s.Inject(in.Event, in.Body)
	return http.StatusAccepted, map[string]int{"delivered": n}, err
}

func (s *Server) known(ext string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.dir.byNumber[ext] == nil {
		return noSuch("phone", ext)
	}
	return nil
}

func (s *Server) handleCut(w http.ResponseWriter, r *http.Request) (int, any, error) {
	in := struct {
		How CutMode `json:"how"`
	}{How: CutClean}
	if err := read(w, r, &in); err != nil {
		return 0, nil, err
	}
	if !slices.Contains([]CutMode{CutClean, CutReset, CutSilent}, in.How) {
		return 0, nil, refuse(http.StatusBadRequest, "", "how must be clean, reset or silent")
	}
	ext := r.PathValue("ext")
	if err := s.known(ext); err != nil {
		return 0, nil, err
	}
	s.CutSocket(ext, in.How)
	return http.StatusNoContent, nil, nil
}

func (s *Server) handleTokens(_ http.ResponseWriter, r *http.Request) (int, any, error) {
	ext := r.PathValue("ext")
	if err := s.known(ext); err != nil {
		return 0, nil, err
	}
	switch r.PathValue("verb") {
	case "expire":
		s.ExpireAccess(ext)
	case "expire-refresh":
		s.ExpireRefresh(ext)
	case "revoke":
		s.EndSessions(ext)
	default:
		return 0, nil, noSuch("verb", r.PathValue("verb"))
	}
	return http.StatusNoContent, nil, nil
}

// handleFaults is POST /sim/api/faults; every key is optional and what is not named stays as it is:
//
//	{"clear": true}                                  first: no faults, what was held is delivered, what hangs ends
//	{"bridge": {"status":409,"code":"TAS-102","times":1}}   a Fault for an operation (Operations); null ends it
//	{"events": {"extension":"102","drop":3}}         an EventFault; null ends all of them
//	{"holdEvents": true}                             notifications are kept back; false delivers them in order
//	{"release": {"order":"reverse","duplicate":true,"drop":1,"keep":true}}   deliver them otherwise
//	{"refuseRecovery": true}                         the gateway answers every recovery with Failed
//	{"refuseConnections": 2}                         the next two connections are reset before a byte is read
//	{"bridgeEvents": "noPeer"}                       Assumptions.BridgeEvents
//	{"eventDelayMs": 500}                            Options.EventDelay
//
// It answers 200 with the FaultsState that follows. A field that no fault has is refused.
func (s *Server) handleFaults(w http.ResponseWriter, r *http.Request) (int, any, error) {
	body, err := readAll(w, r)
	if err != nil {
		return 0, nil, err
	}
	st, err := s.Break(body)
	return http.StatusOK, st, err
}

// handleStream sends the state on every change, or less often where there is much of it; a slow reader gets the latest only.
func (s *Server) handleStream(w http.ResponseWriter, r *http.Request) {
	if !s.guard(w, r) {
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/event-stream")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	rc := http.NewResponseController(w)
	send := func(message []byte) bool {
		_ = rc.SetWriteDeadline(time.Now().Add(10 * time.Second))
		_, err := w.Write(message)
		return err == nil && rc.Flush() == nil
	}
	beat := time.NewTicker(15 * time.Second)
	defer beat.Stop()
	var sent []byte
	for {
		s.mu.Lock()
		begun := time.Now()
		st, changed := s.state(), s.nextChange()
		took := time.Since(begun)
		s.mu.Unlock()
		now := st.Now
		st.Now = ""
		if next := encode(st); !bytes.Equal(next, sent) {
			sent, st.Now = next, now
			if !send(slices.Concat([]byte("data: "), encode(st), []byte("\n\n"))) {
				return
			}
		}
		breathe(r.Context(), took)
		select {
		case <-changed:
		case <-beat.C:
			if !send([]byte(": alive\n\n")) {
				return
			}
		case <-r.Context().Done():
			return
		case <-s.ctx.Done():
			return
		}
	}
}

// handlePage serves the phones page and its assets.
func (s *Server) handlePage(w http.ResponseWriter, r *http.Request) {
	if !s.guard(w, r) {
		return
	}
	if s.opt.Phones == nil || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
		http.NotFound(w, r)
		return
	}
	name := strings.TrimPrefix(r.URL.Path, "/sim/")
	if name == "" {
		name = "index.html"
	}
	if info, err := fs.Stat(s.opt.Phones, name); err != nil || info.IsDir() {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cache-Control", "no-cache")
	http.ServeFileFS(w, r, s.opt.Phones, name)
}
