package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// loadFlags are the flags of a measurement.
type loadFlags struct {
	users, rate int
	drive       string
	measure     time.Duration
}

// loadTeam is how many people of a large account work together.
const loadTeam = 20

func (f loadFlags) check() error {
	u, err := url.Parse(f.drive)
	switch {
	case f.users < 0 || f.rate < 0 || f.measure <= 0 || f.users == 1:
		return errors.New("-load-users is 2 or more, -load-rate and -for are positive")
	case f.drive != "" && (err != nil || u.Scheme != "http" || u.Host == ""):
		return errors.New("-drive is the URL that a simulator printed, such as http://127.0.0.1:8090")
	case f.drive != "" && f.rate > 0:
		return errors.New("-load-rate is for the simulator, not for -drive")
	}
	return nil
}

// report drives and prints what was measured; it returns the exit code.
func (f loadFlags) report(ctx context.Context, stdout io.Writer, log *slog.Logger) int {
	transport := &http.Transport{MaxIdleConnsPerHost: atOnce}
	defer transport.CloseIdleConnections()
	d := &drive{base: strings.TrimSuffix(f.drive, "/"), http: &http.Client{Transport: transport}, log: log}
	r, err := d.run(ctx, f.users, f.measure)
	if err == nil {
		err = json.NewEncoder(stdout).Encode(r)
	}
	if err != nil {
		log.Error("the drive ended early", "error", err)
		return 1
	}
	return 0
}

// report is what a drive measured: the one line on standard output.
type report struct {
	Users         int     `json:"users"`  // with an open, subscribed socket at the end of the measurement
	SignIn        float64 `json:"signIn"` // seconds until all were
	Seconds       float64 `json:"seconds"`
	Notifications int64   `json:"notifications"` // that arrived while it measured
	PerSecond     float64 `json:"perSecond"`
	Sent          int     `json:"sent"`  // what the simulator says it put on sockets meanwhile
	P50Ms         int     `json:"p50Ms"` // from eventTime to arrival; eventTime has whole milliseconds
	P99Ms         int     `json:"p99Ms"`
	MaxMs         int     `json:"maxMs"`
	Lost          int     `json:"lostSockets"`
}

// drive signs people in at a simulator on this machine, opens a socket for each with a subscription to their own calls, and
// measures how many notifications arrive and how late.
type drive struct {
	base   string
	http   *http.Client
	log    *slog.Logger
	client rcsim.ClientState

	open     atomic.Int64
	lost     atomic.Int64
	arrived  atomic.Int64
	lateness histogram
}

// account is the part of GET /sim/api/account that a drive needs.
type account struct {
	Users []struct {
		JWT string `json:"jwt"`
	} `json:"users"`
	Clients []rcsim.ClientState `json:"clients"`
}

// atOnce is how many people sign in at the same time.
const atOnce = 32

// run drives that many users (0: all there are) and measures for a time after the last has signed in.
func (d *drive) run(ctx context.Context, users int, measure time.Duration) (report, error) {
	var a account
	if err := d.get(ctx, "/sim/api/account", &a); err != nil {
		return report{}, fmt.Errorf("read the account: %w", err)
	}
	if users == 0 {
		users = len(a.Users)
	}
	if users > len(a.Users) || len(a.Clients) == 0 {
		return report{}, fmt.Errorf("the simulator has %d people and %d apps", len(a.Users), len(a.Clients))
	}
	d.client = a.Clients[0]
	ctx, cancel := context.WithCancel(ctx)
	var sockets sync.WaitGroup
	defer sockets.Wait()
	defer cancel()

	begun := time.Now()
	next := make(chan string)
	failed := make(chan error, atOnce)
	var signers sync.WaitGroup
	for range atOnce {
		signers.Go(func() {
			for jwt := range next {
				conn, err := d.connect(ctx, jwt)
				if err != nil {
					failed <- err
					return
				}
				sockets.Go(func() { d.listen(ctx, conn) })
			}
		})
	}
	err := func() error {
		for _, u := range a.Users[:users] {
			select {
			case next <- u.JWT:
			case err := <-failed:
				return err
			case <-ctx.Done():
				return context.Cause(ctx)
			}
		}
		return nil
	}()
	close(next)
	signers.Wait()
	select {
	case late := <-failed:
		err = errors.Join(err, late)
	default:
	}
	if err != nil {
		return report{}, fmt.Errorf("sign in: %w", err)
	}
	r := report{SignIn: time.Since(begun).Seconds()}
	d.log.Info("everybody is signed in", "users", users, "seconds", r.SignIn)

	var before, after rcsim.Traffic
	if err := d.get(ctx, "/sim/api/traffic", &before); err != nil {
		return r, err
	}
	d.arrived.Store(0)
	d.lateness.reset()
	begun = time.Now()
	select {
	case <-time.After(measure):
	case <-ctx.Done():
	}
	r.Seconds, r.Notifications, r.Users, r.Lost = time.Since(begun).Seconds(), d.arrived.Load(), int(d.open.Load()), int(d.lost.Load())
	r.PerSecond = float64(r.Notifications) / r.Seconds
	late := d.lateness.counted()
	r.P50Ms, r.P99Ms, r.MaxMs = late.quantile(0.5), late.quantile(0.99), late.quantile(1)
	if err := d.get(context.WithoutCancel(ctx), "/sim/api/traffic", &after); err != nil {
		return r, err
	}
	r.Sent = after.Notifications - before.Notifications
	return r, nil
}

// connect signs a person in by their credential and opens a subscribed socket.
func (d *drive) connect(ctx context.Context, jwt string) (*websocket.Conn, error) {
	var tokens struct {
		AccessToken string `json:"access_token"`
	}
	form := url.Values{"grant_type": {"urn:ietf:params:oauth:grant-type:jwt-bearer"}, "assertion": {jwt}}
	if err := d.post(ctx, "/restapi/oauth/token", form, func(r *http.Request) { r.SetBasicAuth(d.client.ID, d.client.Secret) }, &tokens); err != nil {
		return nil, err
	}
	var gateway struct {
		URI   string `json:"uri"`
		Token string `json:"ws_access_token"`
	}
	bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+tokens.AccessToken) }
	if err := d.post(ctx, "/restapi/oauth/wstoken", nil, bearer, &gateway); err != nil {
		return nil, err
	}
	conn, res, err := websocket.Dial(ctx, gateway.URI+"?access_token="+url.QueryEscape(gateway.Token), &websocket.DialOptions{
		HTTPClient: d.http, CompressionMode: websocket.CompressionDisabled,
	})
	if res != nil && res.Body != nil {
		_ = res.Body.Close()
	}
	if err != nil {
		return nil, errors.New("the gateway refused a socket") // the cause names the token
	}
	conn.SetReadLimit(1 << 20)
	if err := subscribe(ctx, conn); err != nil {
		_ = conn.CloseNow()
		return nil, err
	}
	return conn, nil
}

// subscribe asks for the person's own calls and waits for the answer.
func subscribe(ctx context.Context, conn *websocket.Conn) error {
	const request = `[{"type":"ClientRequest","messageId":"1","method":"POST","path":"/restapi/v1.0/subscription"},` +
		`{"eventFilters":["/restapi/v1.0/account/~/extension/~/telephony/sessions"],"deliveryMode":{"transportType":"WebSocket"}}]`
	if err := conn.Write(ctx, websocket.MessageText, []byte(request)); err != nil {
		return err
	}
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			return fmt.Errorf("wait for the subscription: %w", err)
		}
		var parts []struct {
			Type   string `json:"type"`
			Status any    `json:"status"`
		}
		if err := json.Unmarshal(frame, &parts); err != nil || len(parts) == 0 {
			return fmt.Errorf("a frame that is none: %w", err)
		}
		if parts[0].Type == "ClientRequest" {
			if status, _ := parts[0].Status.(float64); status != http.StatusOK {
				return fmt.Errorf("the subscription was answered %v", parts[0].Status)
			}
			return nil
		}
	}
}

// listen counts the notifications of one socket until ctx ends.
func (d *drive) listen(ctx context.Context, conn *websocket.Conn) {
	defer func() { _ = conn.CloseNow() }()
	d.open.Add(1)
	defer d.open.Add(-1)
	for {
		_, frame, err := conn.Read(ctx)
		if err != nil {
			if ctx.Err() == nil {
				d.lost.Add(1)
			}
			return
		}
		_, rest, ok := bytes.Cut(frame, []byte(`"eventTime":"`))
		text, _, _ := bytes.Cut(rest, []byte(`"`))
		if at, err := time.Parse("2006-01-02T15:04:05.000Z", string(text)); ok && err == nil {
			d.arrived.Add(1)
			d.lateness.add(time.Since(at))
		}
	}
}

func (d *drive) get(ctx context.Context, path string, v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, d.base+path, http.NoBody)
	if err != nil {
		return err
	}
	return d.send(req, v)
}

func (d *drive) post(ctx context.Context, path string, form url.Values, authorize func(*http.Request), v any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, d.base+path, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	if form != nil {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	authorize(req)
	return d.send(req, v)
}

func (d *drive) send(req *http.Request, v any) error {
	res, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("%s was answered %s", req.URL.Path, res.Status)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, v)
}

// histogram counts durations by the millisecond, up to a minute.
type histogram struct{ ms [60_000]atomic.Int64 }

func (h *histogram) add(d time.Duration) {
	h.ms[min(max(int(d.Milliseconds()), 0), len(h.ms)-1)].Add(1)
}

func (h *histogram) reset() {
	for i := range h.ms {
		h.ms[i].Store(0)
	}
}

// counted are the counts of one moment.
func (h *histogram) counted() counts {
	c := make(counts, len(h.ms))
	for i := range h.ms {
		c[i] = h.ms[i].Load()
	}
	return c
}

// counts are how many durations there were of each millisecond.
type counts []int64

// quantile is the duration in milliseconds that this part of all did not exceed.
func (c counts) quantile(q float64) int {
	all, seen := int64(0), int64(0)
	for _, n := range c {
		all += n
	}
	want := int64(q*float64(all) + 0.5)
	for ms, n := range c {
		if seen += n; seen >= want {
			return ms
		}
	}
	return 0
}
