package conform_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/coder/websocket/wsjson"
	"go.uber.org/goleak"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// These operations and events no other test needs; with them the report has all that is named.

// caller is somebody signed in, with a plain HTTP client.
type caller struct {
	t     *testing.T
	sim   *rcsim.Server
	url   string
	token string
	http  *http.Client
}

func newCaller(t *testing.T, extension string) *caller {
	t.Helper()
	sim := conform.New(t, rcsim.Options{Seed: 7})
	srv := httptest.NewServer(sim)
	c := &caller{t: t, sim: sim, url: srv.URL, http: &http.Client{Transport: &http.Transport{}}}
	t.Cleanup(func() {
		if err := sim.Close(); err != nil {
			t.Error(err)
		}
		c.http.CloseIdleConnections()
		srv.Close()
	})
	tokens, err := sim.SignIn(extension, rcsim.ConfidentialClient)
	if err != nil {
		t.Fatal(err)
	}
	c.token = tokens.Access
	return c
}

// do sends a request and reads a JSON object.
func (c *caller) do(method, path string, into any) {
	c.t.Helper()
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.url+path, http.NoBody)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.token)
	res, err := c.http.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode != http.StatusOK || json.Unmarshal(body, into) != nil {
		c.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, body, err)
	}
}

func TestAccount(t *testing.T) {
	c := newCaller(t, "102")
	var got struct{ MainNumber string }
	c.do(http.MethodGet, "/restapi/v1.0/account/~", &got)
	if want := c.sim.Account().MainNumber; got.MainNumber != want {
		t.Errorf("%+v, want %s", got, want)
	}
}

func TestPresenceWithSIPData(t *testing.T) {
	c := newCaller(t, "102")
	var token struct {
		URI   string
		Token string `json:"ws_access_token"`
	}
	c.do(http.MethodPost, "/restapi/oauth/wstoken", &token)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, token.URI+"?access_token="+token.Token, nil) //nolint:bodyclose // Dial closes it
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	// next is the first frame of a type, its header and its body.
	next := func(want string) []json.RawMessage {
		t.Helper()
		for {
			var frame []json.RawMessage
			if err := wsjson.Read(ctx, conn, &frame); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(string(frame[0]), `"type":"`+want+`"`) {
				return frame
			}
		}
	}
	next("ConnectionDetails")
	err = wsjson.Write(ctx, conn, []any{
		map[string]string{"type": "ClientRequest", "messageId": "1", "method": "POST", "path": "/restapi/v1.0/subscription"},
		map[string]any{
			"eventFilters": []string{"/restapi/v1.0/account/~/extension/~/presence?detailedTelephonyState=true&sipData=true"},
			"deliveryMode": map[string]string{"transportType": "WebSocket"},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	next("ClientRequest")
	if _, err := c.sim.Call("+16505550142", "", "102"); err != nil {
		t.Fatal(err)
	}
	if body := string(next("ServerNotification")[1]); !strings.Contains(body, `"sipData"`) || !strings.Contains(body, `"Ringing"`) {
		t.Errorf("the notification has no SIP data: %s", body)
	}
}
