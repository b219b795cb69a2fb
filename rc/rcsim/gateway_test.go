package rcsim_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// wsFrame is one frame as a client reads it.
type wsFrame struct {
	Type      string
	MessageID string
	Status    int
	WSC       *struct {
		Token    string
		Sequence int
	}
	Headers map[string]string
	body    map[string]any
	raw     string
	at      time.Time
}

// note is the interesting part of a telephony notification.
type note struct {
	Event, SubscriptionID, OwnerID, UUID, Timestamp string
	Body                                            struct {
		Sequence           int
		SessionID          string
		TelephonySessionID string
		EventTime          string
		Parties            []struct {
			ID, Direction, ExtensionID string
			MissedCall, Muted          bool
			StandAlone                 bool
			ConferenceRole             string
			Recordings                 []struct {
				ID     string
				Active bool
			}
			Park   struct{ ID string }
			Status struct {
				Code, Reason     string
				ParkData         string
				PeerID           *struct{ SessionID, TelephonySessionID, PartyID string }
				MobilePickupData *struct{ CCMailboxes []string }
			}
		}
		TelephonyStatus string
		PresenceStatus  string
		ExtensionID     string
		ActiveCalls     []struct{ TelephonySessionID, PartyID, TelephonyStatus, From, To string }
	}
}

// line writes an event as the API sheet does: sequence: -n code.
func (n note) line() string {
	p := n.Body.Parties[0]
	s := fmt.Sprintf("%d: %s %s", n.Body.Sequence, p.ID[strings.LastIndex(p.ID, "-"):], p.Status.Code)
	if p.Status.Reason != "" {
		s += "/" + p.Status.Reason
	}
	if p.Status.MobilePickupData != nil {
		s += " +pickup"
	}
	return s
}

// wire is a client's socket.
type wire struct {
	w      *world
	conn   *websocket.Conn
	frames chan wsFrame // closed at the end
	err    error        // why, once frames is closed
	sub    string
	wsc    string // the newest
	next   int
}

func (w *world) wsToken(access string) string {
	w.t.Helper()
	r := w.rest(access, "POST", "/restapi/oauth/wstoken", "")
	if r.status != 200 {
		w.t.Fatalf("wstoken: %d %s", r.status, r.body)
	}
	m := r.json(w.t)
	if u := m["uri"].(string); u != "ws"+strings.TrimPrefix(w.url, "http")+"/ws" {
		w.t.Fatalf("uri %s", u)
	}
	return m["ws_access_token"].(string)
}

// dialConn upgrades a connection; whoever asked closes it.
func (w *world) dialConn(q url.Values) *websocket.Conn {
	w.t.Helper()
	conn, res, err := websocket.Dial(w.t.Context(), w.url+"/ws?"+q.Encode(), &websocket.DialOptions{HTTPClient: &http.Client{Transport: w.http.Transport}})
	if err != nil {
		w.t.Fatal(err)
	}
	if res.Body != nil {
		_ = res.Body.Close()
	}
	conn.SetReadLimit(1 << 20)
	return conn
}

// dialSocket opens a socket and reads it to its end.
func (w *world) dialSocket(token, wsc string) *wire {
	w.t.Helper()
	q := url.Values{}
	if token != "" {
		q.Set("access_token", token)
	}
	if wsc != "" {
		q.Set("wsc", wsc)
	}
	conn := w.dialConn(q)
	c := &wire{w: w, conn: conn, frames: make(chan wsFrame, 1000)}
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer close(c.frames)
		for {
			_, b, err := conn.Read(context.Background())
			if err != nil {
				c.err = err
				return
			}
			f := wsFrame{raw: string(b), at: time.Now()}
			var parts []json.RawMessage
			if json.Unmarshal(b, &parts) == nil {
				_ = json.Unmarshal(parts[0], &f)
				if len(parts) > 1 {
					_ = json.Unmarshal(parts[1], &f.body)
				}
			}
			c.frames <- f
		}
	}()
	w.t.Cleanup(func() {
		_ = conn.CloseNow()
		<-done
	})
	return c
}

// read is the next frame; it fails the test when the socket ends first.
func (c *wire) read() wsFrame {
	c.w.t.Helper()
	select {
	case f, ok := <-c.frames:
		if !ok {
			c.w.t.Fatalf("the socket has ended: %v", c.err)
		}
		if f.WSC != nil {
			c.wsc = f.WSC.Token
		}
		return f
	case <-time.After(10 * time.Second):
		c.w.t.Fatalf("no frame\n%s", c.w.State())
	}
	return wsFrame{}
}

// ended waits for the end and gives its close code.
func (c *wire) ended() websocket.StatusCode {
	c.w.t.Helper()
	for {
		select {
		case _, ok := <-c.frames:
			if !ok {
				return websocket.CloseStatus(c.err)
			}
		case <-time.After(10 * time.Second):
			c.w.t.Fatal("the socket does not end")
		}
	}
}

// ask sends a ClientRequest and reads its answer, which must be the next frame.
func (c *wire) ask(method, path, body string) wsFrame {
	c.w.t.Helper()
	c.next++
	id := fmt.Sprint("m", c.next)
	text := fmt.Sprintf(`[{"type":"ClientRequest","messageId":%q,"method":%q,"path":%q}`, id, method, path)
	if body != "" {
		text += "," + body
	}
	c.write(text + "]")
	f := c.read()
	if f.Type != "ClientRequest" || f.MessageID != id {
		c.w.t.Fatalf("the answer has the request's type and id: %s", f.raw)
	}
	return f
}

func (c *wire) write(text string) {
	c.w.t.Helper()
	if err := c.conn.Write(c.w.t.Context(), websocket.MessageText, []byte(text)); err != nil {
		c.w.t.Fatal(err)
	}
}

func filtersBody(filters ...string) string {
	b, _ := json.Marshal(map[string]any{"eventFilters": filters, "deliveryMode": map[string]string{"transportType": "WebSocket"}})
	return string(b)
}

const ownFilter = "/restapi/v1.0/account/~/extension/~/telephony/sessions"

// subscribe makes the subscription of the socket.
func (c *wire) subscribe(filters ...string) wsFrame {
	c.w.t.Helper()
	f := c.ask("POST", "/restapi/v1.0/subscription", filtersBody(filters...))
	if f.Status != 200 {
		c.w.t.Fatalf("subscribe: %s", f.raw)
	}
	c.sub = f.body["id"].(string)
	return f
}

// note reads the next frame, which must be a notification.
func (c *wire) note() note {
	c.w.t.Helper()
	f := c.read()
	if f.Type != "ServerNotification" {
		c.w.t.Fatalf("not a notification: %s", f.raw)
	}
	var parts []json.RawMessage
	var n note
	if err := errors.Join(json.Unmarshal([]byte(f.raw), &parts), json.Unmarshal(parts[1], &n)); err != nil {
		c.w.t.Fatal(err)
	}
	if n.UUID != f.MessageID || f.WSC == nil {
		c.w.t.Fatalf("a notification carries its uuid as message id, and wsc: %s", f.raw)
	}
	return n
}

func (c *wire) lines(n int) []string {
	c.w.t.Helper()
	var out []string
	for range n {
		out = append(out, c.note().line())
	}
	return out
}

// open signs a person in and opens a subscribed socket.
func (w *world) open(extension string, filters ...string) *wire {
	w.t.Helper()
	c := w.dialSocket(w.wsToken(w.signIn(extension)), "")
	if f := c.read(); f.Type != "ConnectionDetails" || f.WSC == nil || f.body["recoveryState"] != nil || f.body["recoveryBufferSize"] != 100.0 {
		w.t.Fatalf("first comes ConnectionDetails: %s", f.raw)
	}
	if len(filters) > 0 {
		c.subscribe(filters...)
	}
	return c
}

func TestGatewaySubscription(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102")
	t.Run("create resolves ~ and keeps the query", func(t *testing.T) {
		f := c.subscribe(ownFilter+"?statusCode=Answered&statusCode=Hold", "/restapi/v1.0/account/~/extension/~/presence?detailedTelephonyState=true")
		b := fmt.Sprint(f.body["eventFilters"])
		if !strings.Contains(b, "/restapi/v1.0/account/400131426008/extension/400131512008/telephony/sessions?statusCode=Answered&statusCode=Hold ") || f.body["status"] != "Active" {
			t.Error(f.raw)
		}
		if f.Headers["X-Rate-Limit-Group"] != "medium" || f.Headers["RCRequestId"] == "" || f.Headers["RoutingKey"] == "" {
			t.Errorf("headers %v", f.Headers)
		}
	})
	t.Run("a query option filters", func(t *testing.T) {
		id := w.call(customer, "102")
		w.must(w.Answer("102", id))
		var got []string
		for len(got) < 1 {
			if n := c.note(); len(n.Body.Parties) > 0 {
				got = append(got, n.line())
			}
		}
		if got[0] != "6: -2 Answered +pickup" {
			t.Error(got)
		}
		w.must(w.Hangup("102", id))
	})
	t.Run("a second create replaces the first", func(t *testing.T) {
		old := c.sub
		c.drain()
		if f := c.subscribe(ownFilter); c.sub == old || f.Status != 200 {
			t.Error(f.raw)
		}
		if f := c.ask("PUT", "/restapi/v1.0/subscription/"+old, filtersBody(ownFilter)); f.Status != 404 || f.body["errorCode"] != "SUB-507" {
			t.Error(f.raw)
		}
	})
	t.Run("update keeps the id", func(t *testing.T) {
		presence := "/restapi/v1.0/account/~/extension/400131513008/presence?detailedTelephonyState=true"
		f := c.ask("PUT", "/restapi/v1.0/subscription/"+c.sub, filtersBody(ownFilter, presence))
		if f.Status != 200 || f.body["id"] != c.sub || len(f.body["eventFilters"].([]any)) != 2 {
			t.Error(f.raw)
		}
		id := w.call(customer, "103")
		n := c.note()
		if n.Body.TelephonyStatus != "Ringing" || n.Body.ActiveCalls[0].TelephonySessionID != id || n.SubscriptionID != c.sub {
			t.Errorf("presence of the colleague: %+v", n)
		}
		w.must(w.OutsideHangup(customer, id))
	})
	t.Run("delete", func(t *testing.T) {
		c.drain()
		if f := c.ask("DELETE", "/restapi/v1.0/subscription/"+c.sub, ""); f.Status != 204 || f.body != nil {
			t.Error(f.raw)
		}
		if f := c.ask("DELETE", "/restapi/v1.0/subscription/"+c.sub, ""); f.Status != 404 {
			t.Error(f.raw)
		}
	})
	for _, bad := range []struct{ name, body, code string }{
		{"no filters", filtersBody(), "CMN-101"},
		{"nonsense filter", filtersBody("presence"), "SUB-508"},
		{"other transport", `{"eventFilters":["` + ownFilter + `"],"deliveryMode":{"transportType":"WebHook","address":"x"}}`, "CMN-101"},
	} {
		t.Run(bad.name, func(t *testing.T) {
			if f := c.ask("POST", "/restapi/v1.0/subscription/", bad.body); f.Status != 400 || f.body["errorCode"] != bad.code {
				t.Error(f.raw)
			}
		})
	}
	t.Run("other requests are tunnelled", func(t *testing.T) {
		if f := c.ask("GET", "/restapi/v1.0/account/~/extension/~", ""); f.Status != 200 || f.body["extensionNumber"] != "102" {
			t.Error(f.raw)
		}
		if f := c.ask("GET", "/restapi/v1.0/nothing", ""); f.Status != 404 {
			t.Error(f.raw)
		}
		if got := w.Requests("GET", "/extension/~"); len(got) != 1 || !got[0].Tunnel || got[0].Status != 200 || got[0].Extension != "102" {
			t.Errorf("%+v", got)
		}
	})
	t.Run("heartbeat", func(t *testing.T) {
		c.write(`[{"type":"Heartbeat","messageId":"beat"}]`)
		if f := c.read(); f.Type != "Heartbeat" || f.MessageID != "beat" || f.WSC != nil {
			t.Error(f.raw)
		}
	})
}

// TestAnswerComesBeforeNotifications: official clients die of a notification before the answer to their subscription.
func TestAnswerComesBeforeNotifications(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102")
	w.SetFault("subscribe", rcsim.Fault{AnswerDelayMs: 100})
	c.write(`[{"type":"ClientRequest","messageId":"late","method":"POST","path":"/restapi/v1.0/subscription"},` + filtersBody(ownFilter) + `]`)
	w.await(rcsim.Subscribed("102"))
	w.call(customer, "102")
	if f := c.read(); f.Type != "ClientRequest" || f.MessageID != "late" {
		t.Errorf("first comes the answer: %s", f.raw)
	}
	if got, want := c.lines(2), []string{"3: -2 Setup", "5: -2 Proceeding +pickup"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// drain throws away what has arrived, up to a heartbeat's answer.
func (c *wire) drain() {
	c.w.t.Helper()
	c.write(`[{"type":"Heartbeat","messageId":"drain"}]`)
	for f := c.read(); f.MessageID != "drain"; f = c.read() {
		c.w.t.Log("not looked at:", f.Type)
	}
}

func TestFilterPermissions(t *testing.T) {
	const (
		of102   = "/restapi/v1.0/account/~/extension/400131512008/telephony/sessions"
		ofAll   = "/restapi/v1.0/account/~/telephony/sessions"
		foreign = "/restapi/v1.0/account/~/extension/12345/telephony/sessions"
	)
	for _, c := range []struct {
		name, who, filter string
		opt               rcsim.Assumptions
		reason            string
	}{
		{"own", "102", of102, rcsim.Assumptions{}, ""},
		{"a colleague's", "103", of102, rcsim.Assumptions{}, "CMN-408"},
		{"a monitored agent's for the supervisor", "101", of102, rcsim.Assumptions{}, ""},
		{"another team's for a supervisor", "111", of102, rcsim.Assumptions{}, "CMN-408"},
		{"account for an agent", "102", ofAll, rcsim.Assumptions{}, "CMN-408"},
		{"account for the administrator", "100", ofAll, rcsim.Assumptions{}, ""},
		{"account for all, by assumption", "102", ofAll, rcsim.Assumptions{FiltersForAll: true}, ""},
		{"unknown extension", "100", foreign, rcsim.Assumptions{}, "SUB-408"},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Assume: c.opt})
			f := w.open(c.who).subscribe(c.filter)
			disabled, _ := f.body["disabledFilters"].([]any)
			switch {
			case c.reason == "" && (len(disabled) != 0 || len(f.body["eventFilters"].([]any)) != 1):
				t.Errorf("allowed: %s", f.raw)
			case c.reason != "" && (len(disabled) != 1 || disabled[0].(map[string]any)["reason"] != c.reason || len(f.body["eventFilters"].([]any)) != 0):
				t.Errorf("refused with %s: %s", c.reason, f.raw)
			}
		})
	}
	t.Run("an app without CallControl", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		w.SetScopes(rcsim.ConfidentialClient, "ReadAccounts", "ReadPresence", "WebSocket")
		f := w.open("102").subscribe(ownFilter)
		if !strings.Contains(f.raw, "CMN-401") || !strings.Contains(f.raw, "CallControl") {
			t.Error(f.raw)
		}
	})
	t.Run("by assumption the whole subscription is refused", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{Assume: rcsim.Assumptions{FilterRefusal403: true}})
		if f := w.open("103").ask("POST", "/restapi/v1.0/subscription", filtersBody(of102)); f.Status != 403 {
			t.Error(f.raw)
		}
	})
}

func TestExtensionFilterHearsItsOwnPartyOnly(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	agent, boss, admin := w.open("102", ownFilter), w.open("101", "/restapi/v1.0/account/~/extension/400131512008/telephony/sessions"), w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	want := []string{"3: -2 Setup", "5: -2 Proceeding +pickup", "6: -2 Answered +pickup"}
	for _, c := range []*wire{agent, boss} {
		if got := c.lines(3); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	}
	if got, want := admin.lines(5), []string{"2: -1 Setup", "3: -2 Setup", "4: -1 Answered", "5: -2 Proceeding +pickup", "6: -2 Answered +pickup"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.must(w.Hold("102", id))
	n := agent.note()
	if n.Event != "/restapi/v1.0/account/400131426008/extension/400131512008/telephony/sessions" || n.OwnerID != "400131512008" || n.SubscriptionID != agent.sub || n.line() != "7: -2 Hold" {
		t.Errorf("%+v", n)
	}
	if n := boss.note(); n.OwnerID != "400131511008" {
		t.Errorf("the owner is the subscriber: %+v", n)
	}
	admin.note()
	w.must(w.OutsideHangup(customer, id))
	if n := admin.note(); n.Event != "/restapi/v1.0/account/400131426008/telephony/sessions" {
		t.Errorf("a party without extension speaks at account level: %+v", n)
	}
}

func TestRecovery(t *testing.T) {
	w := newWorld(t, rcsim.Options{RecoveryPause: 60 * time.Millisecond, Limits: rcsim.Unlimited()})
	access := w.signIn("102")
	start := func() *wire {
		t.Helper()
		c := w.dialSocket(w.wsToken(access), "")
		c.read()
		c.subscribe(ownFilter)
		return c
	}
	t.Run("missed frames are replayed once and in order, after a pause", func(t *testing.T) {
		c := start()
		id := w.call(customer, "102")
		c.lines(2)
		if n := w.CutSocket("102", rcsim.CutClean); n != 1 {
			t.Fatalf("%d sockets cut", n)
		}
		if code := c.ended(); code != websocket.StatusGoingAway {
			t.Errorf("closed with %d", code)
		}
		w.must(w.Answer("102", id))
		w.must(w.Hold("102", id))
		d := w.dialSocket(w.wsToken(access), c.wsc)
		details := d.read()
		if details.body["recoveryState"] != "Successful" {
			t.Fatalf("%s", details.raw)
		}
		first := d.read()
		if wait := first.at.Sub(details.at); wait < 50*time.Millisecond {
			t.Errorf("the first replayed frame came after %v", wait)
		}
		if !strings.Contains(first.raw, `"Answered"`) || !strings.Contains(first.raw, c.sub) {
			t.Errorf("the subscription lives on: %s", first.raw)
		}
		if got := d.note().line(); got != "7: -2 Hold" {
			t.Error(got)
		}
		w.must(w.OutsideHangup(customer, id))
		if got := d.note().line(); got != "9: -2 Disconnected" {
			t.Error(got)
		}
		w.CutSocket("102", rcsim.CutReset)
		d.ended()
	})
	t.Run("overflow keeps the newest hundred", func(t *testing.T) {
		c := start()
		id := w.call(customer, "102")
		w.must(w.Answer("102", id))
		c.lines(3)
		w.CutSocket("102", rcsim.CutReset)
		c.ended()
		for range 60 {
			w.must(w.Phone("102", "mute", id))
			w.must(w.Phone("102", "unmute", id))
		}
		d := w.dialSocket(w.wsToken(access), c.wsc)
		if f := d.read(); f.body["recoveryState"] != "Successful" {
			t.Fatal(f.raw)
		}
		for want := 27; want <= 126; want++ {
			if n := d.note(); n.Body.Sequence != want {
				t.Fatalf("sequence %d, want %d", n.Body.Sequence, want)
			}
		}
		w.must(w.OutsideHangup(customer, id))
		if n := d.note(); n.Body.Sequence != 128 {
			t.Errorf("then live ones: %d", n.Body.Sequence)
		}
		w.CutSocket("102", rcsim.CutReset)
		d.ended()
	})
	t.Run("frames that were sent but not received are replayed", func(t *testing.T) {
		c := start()
		wsc := c.wsc
		id := w.call(customer, "102")
		c.lines(2)
		d := w.dialSocket(w.wsToken(access), wsc) // the old connection is still there
		if f := d.read(); f.body["recoveryState"] != "Successful" {
			t.Fatal(f.raw)
		}
		if got := d.lines(2); !slices.Equal(got, []string{"3: -2 Setup", "5: -2 Proceeding +pickup"}) {
			t.Error(got)
		}
		c.ended()
		w.must(w.OutsideHangup(customer, id))
	})
	for _, c := range []struct {
		name string
		wsc  func(*wire) string
		set  func()
	}{
		{"an unknown token fails", func(*wire) string { return "bm90aGluZy40" }, func() {}},
		{"a refused one fails", func(c *wire) string { return c.wsc }, func() { w.RefuseRecovery(true) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			k := start()
			c.set()
			w.CutSocket("102", rcsim.CutReset)
			d := w.dialSocket(w.wsToken(access), c.wsc(k))
			if f := d.read(); f.body["recoveryState"] != "Failed" || f.body["recoveryErrorCode"] != "WSG-1005" {
				t.Errorf("%s", f.raw)
			}
			w.RefuseRecovery(false)
			d.subscribe(ownFilter) // the connection is usable
		})
	}
}

func TestRecoveryTimesOut(t *testing.T) {
	w := newWorld(t, rcsim.Options{RecoveryTimeout: time.Millisecond, Limits: rcsim.Unlimited()})
	access := w.signIn("102")
	c := w.dialSocket(w.wsToken(access), "")
	c.read()
	w.CutSocket("102", rcsim.CutReset)
	c.ended()
	// The timer needs its millisecond of real time: try until the server has forgotten.
	deadline := time.Now().Add(10 * time.Second)
	for {
		d := w.dialSocket(w.wsToken(access), c.wsc)
		if d.read().body["recoveryState"] == "Failed" {
			return
		}
		w.CutSocket("102", rcsim.CutReset)
		c = d
		c.ended()
		if time.Now().After(deadline) {
			t.Fatal("never forgotten")
		}
	}
}

func TestSocketsEnd(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), MaxOAuthSessions: 2})
	t.Run("without a token", func(t *testing.T) {
		if code := w.dialSocket("", "").ended(); code != 4400 {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("with a wrong token", func(t *testing.T) {
		c := w.dialSocket("wrong", "")
		if f := c.read(); f.Type != "Error" || f.body["errorCode"] != "OAU-213" {
			t.Error(f.raw)
		}
		if code := c.ended(); code != websocket.StatusPolicyViolation {
			t.Errorf("closed with %d", code)
		}
	})
	t.Run("when its OAuth session is revoked", func(t *testing.T) {
		tok, _ := w.SignIn("103", rcsim.ConfidentialClient)
		c := w.dialSocket(w.wsToken(tok.Access), "")
		c.read()
		if r := w.form("/restapi/oauth/revoke", url.Values{"token": {tok.Refresh}}, rcsim.ConfidentialClient); r.status != 200 || r.body != "" {
			t.Fatalf("%d %s", r.status, r.body)
		}
		c.ended()
		if r := w.rest(tok.Access, "GET", "/restapi/v1.0/account/~/extension/~", ""); r.status != 401 {
			t.Errorf("%d %s", r.status, r.body)
		}
	})
	t.Run("when one sign-in too many ends the oldest", func(*testing.T) {
		first := w.open("104")
		second := w.open("104")
		third := w.open("104")
		first.ended()
		second.subscribe(ownFilter)
		third.subscribe(ownFilter)
	})
	t.Run("when refreshed it lives", func(t *testing.T) {
		tok, _ := w.SignIn("105", rcsim.ConfidentialClient)
		c := w.dialSocket(w.wsToken(tok.Access), "")
		c.read()
		if r := w.form("/restapi/oauth/token", url.Values{"grant_type": {"refresh_token"}, "refresh_token": {tok.Refresh}}, rcsim.ConfidentialClient); r.status != 200 {
			t.Fatal(r.body)
		}
		c.subscribe(ownFilter)
	})
}

func TestSocketTimeouts(t *testing.T) {
	for _, c := range []struct {
		name, code string
		opt        rcsim.Options
	}{
		{"idle", "WSG-902", rcsim.Options{IdleTimeout: 30 * time.Millisecond}},
		{"absolute", "WSG-903", rcsim.Options{AbsoluteTimeout: 30 * time.Millisecond}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, c.opt)
			k := w.dialSocket(w.wsToken(w.signIn("102")), "")
			k.read()
			if f := k.read(); f.Type != "Error" || f.body["errorCode"] != c.code {
				t.Error(f.raw)
			}
			k.ended()
		})
	}
	t.Run("no pong", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{PingEvery: 10 * time.Millisecond, PongWithin: 30 * time.Millisecond})
		q := url.Values{"access_token": {w.wsToken(w.signIn("102"))}}
		conn := w.dialConn(q)
		defer func() { _ = conn.CloseNow() }()
		w.await(rcsim.Connected("102", 1))
		w.await(rcsim.Connected("102", 0)) // nobody reads, so nobody pongs
	})
	t.Run("single use", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{SingleUseWSToken: true})
		token := w.wsToken(w.signIn("102"))
		w.dialSocket(token, "").read()
		if f := w.dialSocket(token, "").read(); f.Type != "Error" {
			t.Error(f.raw)
		}
	})
	t.Run("silent", func(t *testing.T) {
		w := newWorld(t, rcsim.Options{})
		c := w.open("102", ownFilter)
		w.CutSocket("102", rcsim.CutSilent)
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if c.conn.Ping(ctx) == nil {
			t.Error("a half-open socket pongs")
		}
	})
}

func TestHeldNotifications(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	w.HoldEvents()
	id := w.call(customer, "102")
	w.must(w.Answer("102", id))
	if st := w.State(); st.Faults.Held != 3 {
		t.Fatalf("held %d", st.Faults.Held)
	}
	if n := w.ReleaseEvents(rcsim.Release{Order: "reverse", Duplicate: true, Drop: 1, Keep: true}); n != 4 {
		t.Errorf("%d left", n)
	}
	if got, want := c.lines(4), []string{"6: -2 Answered +pickup", "6: -2 Answered +pickup", "5: -2 Proceeding +pickup", "5: -2 Proceeding +pickup"}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	w.must(w.Hold("102", id))
	w.ClearFaults()
	if got := c.lines(1); got[0] != "7: -2 Hold" {
		t.Error(got)
	}
	if tape := w.State().Tape; tape[0].Code != "Hold" || !slices.Equal(tape[0].SaidTo, []string{"102"}) || tape[0].Owner != "102" {
		t.Errorf("%+v", tape[0])
	}
}

func TestRecordedNotificationIsDelivered(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	c := w.open("102", ownFilter)
	admin := w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
	const body = `{"sequence":4,"telephonySessionId":"s-recorded","parties":[{"id":"p-recorded-1","status":{"code":"Answered"}}],"odd":{"kept":[1,2]}}`
	r := w.control("POST", "/sim/api/events", `{"uuid":"1","subscriptionId":"x","event":"/restapi/v1.0/account/400131426008/extension/400131512008/telephony/sessions","body":`+body+`}`)
	if r.status != 202 || r.json(t)["delivered"] != 2.0 {
		t.Fatalf("%d %s", r.status, r.body)
	}
	f := c.read()
	if !strings.Contains(f.raw, body) || !strings.Contains(f.raw, c.sub) {
		t.Errorf("body verbatim, subscription the subscriber's: %s", f.raw)
	}
	if n := admin.note(); n.OwnerID != "400131510008" || n.Body.TelephonySessionID != "s-recorded" {
		t.Errorf("%+v", n)
	}
	if r := w.control("POST", "/sim/api/events", `{"event":"/restapi/v1.0/account/1/extension/2/telephony/sessions","body":{}}`); r.json(t)["delivered"] != 0.0 {
		t.Error(r.body)
	}
	if r := w.control("POST", "/sim/api/events", `{"event":"nothing","body":{}}`); r.status != 400 {
		t.Error(r.body)
	}
}
