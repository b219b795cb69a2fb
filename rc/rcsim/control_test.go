package rcsim_test

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

func TestControlAPIGuardsHostAndOrigin(t *testing.T) {
	page := fstest.MapFS{"index.html": {Data: []byte("<p>phones</p>")}, "assets/phones.css": {Data: []byte("p{}")}}
	for _, c := range []struct {
		name    string
		opt     rcsim.Options
		host    string
		header  map[string]string
		api     int
		thePage int
	}{
		{"a script", rcsim.Options{}, "", nil, 200, 200},
		{"localhost by name", rcsim.Options{}, "localhost:1", nil, 200, 200},
		{"the page itself", rcsim.Options{}, "127.0.0.1:9", map[string]string{"Origin": "http://127.0.0.1:9", "Sec-Fetch-Site": "same-origin"}, 200, 200},
		{"another host name", rcsim.Options{}, "rebound.example:1", nil, 403, 403},
		{"another host name, exposed", rcsim.Options{Exposed: true}, "lab.example:1", nil, 200, 200},
		{"another origin", rcsim.Options{}, "", map[string]string{"Origin": "http://evil.example"}, 403, 403},
		{"no origin at all", rcsim.Options{}, "", map[string]string{"Origin": "null"}, 403, 403},
		{"another site", rcsim.Options{}, "", map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403, 403},
		{"the app on another port", rcsim.Options{}, "", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, 403, 403},
		{"a link in the app", rcsim.Options{}, "", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate"}, 200, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.opt.Phones = page
			w := newWorld(t, c.opt)
			for path, want := range map[string]int{"/sim/api/state": c.api, "/sim/": c.thePage} {
				req := w.request("GET", path, "")
				if c.host != "" {
					req.Host = c.host
				}
				for k, v := range c.header {
					req.Header.Set(k, v)
				}
				r := w.send(req)
				if r.status != want || r.header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s: %d, want %d", path, r.status, want)
				}
			}
		})
	}
	t.Run("a link never posts", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		req := w.request("POST", "/sim/api/reset", "")
		req.Header.Set("Sec-Fetch-Site", "cross-site")
		req.Header.Set("Sec-Fetch-Mode", "navigate")
		if r := w.send(req); r.status != 403 {
			t.Errorf("%d", r.status)
		}
	})
}

func TestPhonesPageIsServed(t *testing.T) {
	w := newWorld(t, rcsim.Options{Phones: fstest.MapFS{
		"index.html": {Data: []byte("<p>phones</p>")}, "assets/phones.css": {Data: []byte("p{}")}, "assets/phones.js": {Data: []byte("1")},
	}})
	for _, c := range []struct {
		path, kind string
		status     int
	}{
		{"/sim/", "text/html", 200},
		{"/sim/assets/phones.css", "text/css", 200},
		{"/sim/assets/phones.js", "text/javascript", 200},
		{"/sim/assets/", "", 404},
		{"/sim/assets", "", 404},
		{"/sim/none", "", 404},
		{"/sim", "", 301},
		{"/", "", 302},
	} {
		r := w.control("GET", c.path, "")
		if r.status != c.status && (c.status != 301 || r.status/100 != 3) {
			t.Errorf("%s: %d", c.path, r.status)
		}
		if c.kind != "" && (!strings.HasPrefix(r.header.Get("Content-Type"), c.kind) || !strings.Contains(r.header.Get("Content-Security-Policy"), "default-src 'none'")) {
			t.Errorf("%s: %v", c.path, r.header)
		}
	}
}

func TestBuiltInPageIsServed(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	if r := w.control("GET", "/sim/", ""); r.status != 200 || !strings.Contains(r.body, `data-testid="story-play"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
}

// states reads the stream; it ends with ctx.
func states(ctx context.Context, t *testing.T, w *world) <-chan rcsim.State {
	t.Helper()
	res, err := w.http.Do(w.request("GET", "/sim/api/stream", "").WithContext(ctx)) //nolint:bodyclose // closed by the goroutine that reads it
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("%d %v", res.StatusCode, res.Header)
	}
	out := make(chan rcsim.State)
	go func() {
		defer close(out)
		defer func() { _ = res.Body.Close() }()
		sc := bufio.NewScanner(res.Body)
		sc.Buffer(nil, 1<<20)
		for sc.Scan() {
			data, ok := strings.CutPrefix(sc.Text(), "data: ")
			var st rcsim.State
			if !ok || json.Unmarshal([]byte(data), &st) != nil {
				continue
			}
			select {
			case out <- st:
			case <-ctx.Done():
				return
			}
		}
	}()
	return out
}

func TestStreamFollowsTheState(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	stream := states(ctx, t, w)
	if st := <-stream; len(st.Sessions) != 0 || st.Now == "" {
		t.Errorf("first comes the present: %s", st)
	}
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	for st := range stream {
		if st.Hear(customer, "102") {
			break
		}
	}
	if ctx.Err() != nil {
		t.Error("the answered call never came")
	}
	cancel()
	for range stream {
	}
}

func TestCloseEndsStreamsSocketsAndHangingRequests(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	stream := states(t.Context(), t, w)
	<-stream
	w.SetFault("me", rcsim.Fault{Silent: true})
	gone := make(chan struct{})
	req := w.request("GET", account+"/extension/~", "")
	req.Header.Set("Authorization", "Bearer "+w.signIn("103"))
	go func() {
		defer close(gone)
		if res, err := w.http.Do(req); err == nil {
			_ = res.Body.Close()
		}
	}()
	if err := w.AwaitRequest(t.Context(), 1, "GET", "/extension/~"); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c.ended()
	for range stream {
	}
	<-gone
	if r := w.control("GET", "/sim/api/state", ""); r.status != http.StatusServiceUnavailable {
		t.Errorf("afterwards: %d", r.status)
	}
	if err := w.Await(t.Context(), rcsim.Subscribed("102")); err == nil {
		t.Error("Await on a closed server")
	}
	if err := w.Close(); err != nil {
		t.Error("twice", err)
	}
}

func TestResetEndsSocketsAndTokens(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	token := w.signIn("103")
	w.SetScopes(rcsim.ConfidentialClient)
	w.must(w.SetOnline("103", false))
	before := w.State()
	w.Reset()
	c.ended()
	if r := w.rest(token, "GET", account+"/extension/~", ""); r.status != 401 {
		t.Errorf("%d", r.status)
	}
	st := w.State()
	if st.Seed != before.Seed || len(st.Sockets) != 0 || len(st.Tape) != 0 {
		t.Errorf("%s", st)
	}
	for _, p := range st.Phones {
		if !p.Online {
			t.Errorf("%s is still offline", p.ExtensionNumber)
		}
	}
	w.open("102", ownFilter) // scopes are back
}

func TestAwaitSaysWhatIsTrue(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	id := w.call(customer, "102")
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	err := w.Await(ctx, rcsim.Is(id, "102", "Answered"))
	if err == nil || !strings.Contains(err.Error(), "Proceeding") {
		t.Errorf("%v", err)
	}
	if err := w.AwaitRequest(ctx, 1, "POST", "/bridge"); err == nil {
		t.Error("no request has arrived")
	}
}

func TestStartRefusesToBeReachable(t *testing.T) {
	for _, addr := range []string{"0.0.0.0:0", ":0", "192.0.2.1:0", "nonsense"} {
		sim := conform.New(t, rcsim.Options{Seed: 1})
		if r, err := sim.Start(t.Context(), addr); err == nil {
			_ = r.Stop(t.Context())
			t.Errorf("%s was accepted", addr)
		}
		_ = sim.Close()
	}
	sim := conform.New(t, rcsim.Options{Seed: 1})
	r, err := sim.Start(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	res, err := http.DefaultTransport.RoundTrip(mustRequest(t, r.URL+"/restapi"))
	if err != nil || res.StatusCode != 200 {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	http.DefaultTransport.(*http.Transport).CloseIdleConnections()
	if err := r.Stop(t.Context()); err != nil {
		t.Error(err)
	}
}

func mustRequest(t *testing.T, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

// TestControlAPIPlaysEveryVerb: what a person can do with a call, a script can do.
func TestControlAPIPlaysEveryVerb(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	press := func(extension, verb, body string, status int) map[string]any {
		t.Helper()
		r := w.control("POST", "/sim/api/phones/"+extension+"/"+verb, body)
		if r.status != status {
			t.Fatalf("%s %s: %d %s\n%s", extension, verb, r.status, r.body, w.State())
		}
		if r.body == "" {
			return nil
		}
		return r.json(t)
	}
	on := func(id string) string { return `{"telephonySessionId":"` + id + `"}` }

	first := w.call(customer, "102")
	press("102", "forward", `{"to":"103"}`, 204)
	press("103", "answer", "", 204)
	if m := press("103", "record", "", 201); m["recordingId"] == "" {
		t.Error(m)
	}
	press("103", "pause", "", 204)
	if p := w.party(first, "103"); p.Recording != "paused" {
		t.Errorf("%+v", p)
	}
	press("103", "resume", on(first), 204)
	if p := w.party(first, "103"); p.Recording != "recording" {
		t.Errorf("%+v", p)
	}
	press("103", "switch", `{"deviceId":"`+w.phone("103", 1)+`"}`, 204)
	if leg := press("101", "supervise", `{"agent":"103","telephonySessionId":"`+first+`"}`, 201)["telephonySessionId"].(string); !hears(w.State(), "103") || leg == first {
		t.Errorf("%s\n%s", leg, w.State())
	}
	press("103", "flip", `{"flipNumber":"2"}`, 204)
	if r := w.control("POST", "/sim/api/outside/+15105550103/decline", ""); r.status != 204 {
		t.Fatal(r.body)
	}
	if slot := press("103", "park", "", 200)["slot"]; slot != "*801" {
		t.Error(slot)
	}
	second := press("104", "pickup", `{"to":"*801"}`, 201)["telephonySessionId"].(string)
	if !w.State().Hear("104", customer) {
		t.Errorf("\n%s", w.State())
	}
	press("104", "transfer", `{"to":"398","telephonySessionId":"`+second+`"}`, 204)
	third := press("105", "pickup", on(second), 201)["telephonySessionId"].(string)
	conf := press("105", "conference", "", 201)["telephonySessionId"].(string)
	press("105", "enter", `{"conferenceId":"`+conf+`"}`, 204)
	press("105", "bring-in", `{"conferenceId":"`+conf+`","telephonySessionId":"`+third+`"}`, 204)
	if !w.State().Hear("105", customer) {
		t.Errorf("\n%s", w.State())
	}
	press("105", "hangup", on(conf), 204)
	w.await(rcsim.Over(""))

	id := w.call(customer, "300")
	press("104", "ignore", "", 204)
	press("105", "answer", on(id), 204)
	press("105", "transfer", `{"voicemail":"107"}`, 204)
	if p := w.party(id, "107"); p.Code != "VoiceMail" {
		t.Errorf("%+v", p)
	}
	for verb, body := range map[string]string{
		"transfer": `{"to":"103"}`, "park": "", "flip": `{"flipNumber":"2"}`, "switch": "", "record": "", "pause": "", "forward": `{"to":"103"}`,
		"pickup": `{"to":"*850"}`, "supervise": `{"agent":"102"}`, "enter": "", "bring-in": "",
	} {
		press("102", verb, body, 404)
	}
}
