package rcsim

import (
	"cmp"
	_ "embed"
	"html/template"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

//go:embed authorize.html
var authorizeHTML string

var authorizePage = template.Must(template.New("authorize").Parse(authorizeHTML))

// handleAuthorize is GET and POST /restapi/oauth/authorize: choose a person, approve or deny. A bad request is 400 and
// never a redirect.
func (s *Server) handleAuthorize(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		s.refuseAuthorize(w, "The request cannot be read.")
		return
	}
	q := r.Form
	s.mu.Lock()
	c := s.dir.clients[q.Get("client_id")]
	s.mu.Unlock()
	if problem := authorizeProblem(c, q); problem != "" {
		s.refuseAuthorize(w, problem)
		return
	}
	if q.Get("prompt") == "none" {
		back(w, r, c, q, url.Values{"error": {"login_required"}}) // nobody is ever signed in here already
		return
	}
	s.mu.Lock()
	record(r).Client = c.ID
	s.mu.Unlock()
	if r.Method == http.MethodPost && q.Get("decision") != "" {
		s.decide(w, r, c, q)
		return
	}
	s.mu.Lock()
	view := s.authorizeView(c, q)
	s.mu.Unlock()
	s.renderAuthorize(w, http.StatusOK, view, redirectOf(c, q))
}

// authorizeProblem says what is wrong with a request; an empty parameter counts as absent, as official clients send them.
func authorizeProblem(c *Client, q url.Values) string {
	for name, values := range q {
		if len(values) > 1 {
			return "The parameter " + name + " is there twice (OAU-111)."
		}
	}
	method, prompts := q.Get("code_challenge_method"), strings.Fields(q.Get("prompt"))
	switch {
	case c == nil:
		return "No app is registered under this client id."
	case q.Get("response_type") != "code":
		return "response_type must be code."
	case !registered(c, redirectOf(c, q)):
		return "The redirect URI is not registered for this app."
	case len(c.Grants) > 0 && !slices.Contains(c.Grants, grantCode):
		return "This app may not sign people in by code."
	case c.Public() && q.Get("code_challenge") == "":
		return "This app must send a code_challenge (PKCE)."
	case method != "" && method != "S256" && method != "plain":
		return "code_challenge_method must be S256 or plain."
	case slices.ContainsFunc(prompts, func(p string) bool { return !slices.Contains([]string{"login", "sso", "consent", "none"}, p) }),
		len(prompts) > 1 && slices.Contains(prompts, "none"):
		return "prompt must be none, or some of login, sso and consent."
	}
	return ""
}

// redirectOf is where a request wants to be sent back to; an app with one registered URI need not say.
func redirectOf(c *Client, q url.Values) string { return cmp.Or(q.Get("redirect_uri"), c.only()) }

// codeRemembered is how long a code that nobody redeemed is said to be expired; later it is not known.
const codeRemembered = time.Hour

// decide redirects with a code or with access_denied.
func (s *Server) decide(w http.ResponseWriter, r *http.Request, c *Client, q url.Values) {
	if q.Get("decision") != "approve" {
		back(w, r, c, q, url.Values{"error": {"access_denied"}, "error_description": {"The person denied access"}})
		return
	}
	code := ""
	_ = s.change(func() error {
		u := s.dir.person(q.Get("user"))
		if u == nil {
			return nil
		}
		record(r).Extension = u.Number
		maps.DeleteFunc(s.oauth.codes, func(_ string, old *authCode) bool { return s.now().Sub(old.expires) > codeRemembered })
		code = s.issue(s.ids.token("U0pDMDFQ"))
		method := q.Get("code_challenge_method")
		if method == "" {
			method = "plain"
		}
		s.oauth.codes[code] = &authCode{
			client: c, user: u, redirect: q.Get("redirect_uri"), challenge: q.Get("code_challenge"), method: method,
			scope: q.Get("scope"), nonce: q.Get("nonce"), made: s.now(), expires: s.now().Add(s.opt.CodeTTL),
		}
		return nil
	})
	if code == "" {
		s.mu.Lock()
		view := s.authorizeView(c, q)
		s.mu.Unlock()
		view.Problem = "Choose a person first."
		s.renderAuthorize(w, http.StatusBadRequest, view, redirectOf(c, q))
		return
	}
	answer := url.Values{"code": {code}, "expires_in": {seconds(s.opt.CodeTTL)}}
	if q.Get("discovery") == "true" {
		answer.Set("discovery_uri", s.uri(r, pathExternal))
		answer.Set("token_uri", s.uri(r, "/restapi/oauth/token"))
	}
	back(w, r, c, q, answer)
}

// back redirects to the app; state goes back verbatim.
func back(w http.ResponseWriter, r *http.Request, c *Client, q, answer url.Values) {
	if q.Get("state") != "" {
		answer.Set("state", q.Get("state"))
	}
	target := redirectOf(c, q)
	sep := "?"
	if strings.Contains(target, "?") {
		sep = "&"
	}
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, target+sep+answer.Encode(), http.StatusFound)
}

// registered reports whether an app may be redirected to: an exact URI, or its path on any loopback port.
func registered(c *Client, redirect string) bool {
	if slices.Contains(c.Redirects, redirect) {
		return true
	}
	u, err := url.Parse(redirect)
	return err == nil && c.LoopbackPath != "" && (u.Scheme == "http" || u.Scheme == "https") && u.User == nil && u.RawQuery == "" && u.Fragment == "" &&
		loopbackHost(u.Hostname()) && u.Path == c.LoopbackPath
}

func (s *Server) refuseAuthorize(w http.ResponseWriter, problem string) {
	s.renderAuthorize(w, http.StatusBadRequest, authorizeView{Problem: problem}, "")
}

// renderAuthorize writes the page. Browsers check form-action against the redirect as well, so it names the app's origin.
func (s *Server) renderAuthorize(w http.ResponseWriter, status int, view authorizeView, redirect string) {
	form := "'self'"
	if u, err := url.Parse(redirect); err == nil && u.Host != "" && !strings.ContainsAny(u.Host, "[]; ,'") {
		form += " " + u.Scheme + "://" + u.Host
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; style-src 'self'; img-src 'self'; font-src 'self'; form-action "+form+"; base-uri 'none'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	if err := authorizePage.Execute(w, view); err != nil {
		s.log.Debug("authorize page not written", "error", err)
	}
}
