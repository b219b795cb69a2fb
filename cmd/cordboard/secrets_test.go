package main

import (
	"context"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/views"
)

// A sign-in, a dial that fails, a refresh that fails and a wrong setting: none of them may write a secret down.
func TestNoSecretIsLogged(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), wait)
	defer cancel()
	var later atomic.Int64
	w := newWorld(t, func(c *Config, _ *rcsim.Options) {
		c.Now = func() time.Time { return time.Now().Add(time.Duration(later.Load())) }
	})
	w.noSockets.Store(true)
	b := w.signedIn(t, "102")
	stream := b.send(ctx, t, http.MethodGet, "/desk/stream", nil, "Accept", "text/event-stream")
	defer func() { _ = stream.Body.Close() }()
	awaitEvent(t, stream, views.EventBeat)
	await(t, w.sim.AwaitRequest(ctx, 2, http.MethodPost, "/wstoken")) // the first dial has failed

	const number = "+16505550142"
	if _, err := w.sim.Call(number, "Eleanor Marsh", "102"); err != nil {
		t.Fatal(err)
	}
	w.noSockets.Store(false)
	later.Store(int64(59 * time.Minute)) // the access token is about to end
	w.sim.EndSessions("102")
	b.get(t, "/team")                                                     // asks RingCentral for the groups
	await(t, w.sim.AwaitRequest(ctx, 2, http.MethodPost, "/oauth/token")) // the refresh, which is refused

	var cookies []string
	for _, c := range b.client.Jar.Cookies(w.url(t)) {
		cookies = append(cookies, c.Value)
	}
	issued := append(w.sim.Issued(), cookies...)
	if len(cookies) == 0 || len(issued) < 8 {
		t.Fatalf("%d secrets, %d of them cookies", len(issued), len(cookies))
	}
	_, secret := demoClient()
	if code := run(ctx, []string{"serve", "--client-secret", secret, "--log-level", secret, "--secret-keys", secret}, w.log, w.log); code != exitSettings {
		t.Errorf("exit code %d", code)
	}
	if err := w.end(t); err != nil {
		t.Error(err)
	}
	log := w.log.String()
	for _, marker := range []string{`"route":"/oauth/callback"`, `CORDBOARD_LOG_LEVEL`} {
		if !strings.Contains(log, marker) {
			t.Errorf("the log lacks %s", marker)
		}
	}
	for _, s := range append(issued, number, strings.TrimPrefix(number, "+1")) {
		if i := strings.Index(log, s); i >= 0 {
			t.Errorf("a secret or a number is in the log: …%s…", log[max(0, i-200):min(len(log), i+len(s)+60)])
		}
	}
}

func await(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
