package ws

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/telephony"
)

// userAgent is what the gateway's log will call this client.
const userAgent = "cordboard"

const (
	readLimit = 1 << 20 // bytes of one frame; a presence with seven calls has 5 KB
	heldNotes = 1000    // notifications kept until the subscription's answer

	subscriptionPath = "/restapi/v1.0/subscription"
)

// Why a feed's own hand ended a connection.
var (
	ErrSlow  = errors.New("rc/ws: not subscribed in time")
	ErrDead  = errors.New("rc/ws: no frame and no pong")
	errAged  = errors.New("rc/ws: renewed before RingCentral's absolute timeout")
	errReply = errors.New("rc/ws: an answer without subscription id")
)

// DialError is a handshake that failed; it holds no query, since that has the token.
type DialError struct {
	Host, Path string
	Status     int // of the refusal; 0 when there was no answer
	RetryAfter time.Duration
	Err        error
}

// Error names host and path.
func (e *DialError) Error() string { return "rc/ws: dial " + e.Host + e.Path + ": " + e.Err.Error() }

// Unwrap is the cause.
func (e *DialError) Unwrap() error { return e.Err }

// link is one connection. All of it but request and replaceFilters runs in the
// goroutine of Run, which is also the only one to read.
type link struct {
	feed *Feed
	conn *websocket.Conn
	m    *memory
	sink func(Message)
	over chan struct{} // closed when nothing is read any more

	welcomed  bool
	live      bool
	resumes   bool // connected with a recovery token
	began     time.Time
	held      []Note
	replayed  int       // frames that a recovery may have replayed; -1 when nobody counts
	recovered time.Time // when
	refusal   error     // of an Error frame

	mu      sync.Mutex
	last    int
	path    string // of the subscription
	pending map[string]pending
	beats   map[string]struct{} // heartbeats of our own that await their echo
}

// pending is a request whose answer is awaited.
type pending struct {
	heard    rc.Heard // what it counts for
	answered func(frame) error
}

// connect makes one connection and stays until it is over; the error says why.
func (f *Feed) connect(ctx context.Context, m *memory, sink func(Message)) error {
	m.wasUp = false
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	setup := time.AfterFunc(f.timing.Dial, func() { cancel(ErrSlow) })
	defer setup.Stop()

	token, err := f.takeToken(ctx, m)
	if err != nil {
		return because(ctx, err)
	}
	now := time.Now()
	if m.wsc != "" && now.Sub(m.lastHeard) >= m.timeout {
		m.wsc, m.subscribed = "", ""
	}
	conn, err := f.dial(ctx, token, m)
	if err != nil {
		return because(ctx, err)
	}
	conn.SetReadLimit(readLimit)
	l := &link{
		feed: f, conn: conn, m: m, sink: sink, over: make(chan struct{}), resumes: m.wsc != "", began: now, replayed: -1,
		pending: make(map[string]pending), beats: make(map[string]struct{}),
	}
	var watching sync.WaitGroup
	defer func() {
		f.mu.Lock()
		f.live = nil
		f.mu.Unlock()
		close(l.over)
		cancel(nil)
		_ = conn.CloseNow() // without a close frame: who says goodbye may have nothing left to recover
		watching.Wait()
		l.mu.Lock()
		for _, p := range l.pending {
			p.heard(0, nil, nil)
		}
		l.pending = nil
		l.mu.Unlock()
		if l.live {
			m.wasUp, m.lastHeard = true, f.Heard()
		}
	}()
	for {
		_, data, err := conn.Read(ctx)
		if err != nil {
			if l.refusal != nil {
				err = l.refusal
			}
			return because(ctx, err)
		}
		f.hear()
		fr, err := parseFrame(data)
		if err != nil {
			f.miscount(ctx, err, "")
			continue
		}
		if fr.Type == typeDetails && !l.welcomed {
			d, err := l.welcome(ctx, fr)
			if err != nil {
				return because(ctx, err)
			}
			l.welcomed = true
			if d.AbsoluteTimeout > 0 {
				watching.Go(func() { l.renew(ctx, cancel, time.Duration(d.AbsoluteTimeout)*time.Second) })
			}
			beat := time.Duration(max(d.IdleTimeout, 60)) * time.Second / 3
			watching.Go(func() { l.watch(ctx, cancel, beat) })
		} else if err := l.handle(ctx, fr); err != nil {
			return because(ctx, err)
		}
		if l.live {
			setup.Stop()
		}
	}
}

// because is the feed's own reason for ending a connection, else err.
func because(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// dial opens the socket and keeps the token when certainly nobody saw it.
func (f *Feed) dial(ctx context.Context, token rc.WSToken, m *memory) (*websocket.Conn, error) {
	u, err := url.Parse(token.URI)
	if err != nil || u.Host == "" {
		return nil, &DialError{Err: errors.New("not an absolute URL")}
	}
	q := u.Query()
	q.Set("access_token", token.Token)
	if m.wsc != "" {
		q.Set("wsc", m.wsc)
	}
	u.RawQuery = q.Encode()

	var asked, connected atomic.Bool
	traced := httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GetConn: func(string) { asked.Store(true) },
		GotConn: func(httptrace.GotConnInfo) { connected.Store(true) },
	})
	//nolint:bodyclose // Dial closes it
	conn, res, err := websocket.Dial(traced, u.String(), &websocket.DialOptions{
		HTTPClient:      f.http,
		HTTPHeader:      http.Header{"User-Agent": {userAgent}},
		CompressionMode: websocket.CompressionDisabled,
		OnPingReceived:  func(context.Context, []byte) bool { f.hear(); return true },
		OnPongReceived:  func(context.Context, []byte) { f.hear() },
	})
	if err == nil {
		return conn, nil
	}
	if asked.Load() && !connected.Load() {
		m.unused = token
	}
	e := &DialError{Host: u.Host, Path: u.Path, Err: withoutURL(err, token.Token, m.wsc)}
	if res != nil {
		e.Status = res.StatusCode
		e.RetryAfter = rc.ErrorFrom(http.MethodGet, u.Path, res.StatusCode, res.Header, nil).RetryAfter
		if e.Status >= 400 && e.Status < 500 && e.Status != http.StatusTooManyRequests {
			m.wsc, m.subscribed = "", "" // perhaps it is the recovery that was refused
		}
	}
	return nil, e
}

// withoutURL unwraps what net/http puts around an error, since that has the URL.
func withoutURL(err error, secrets ...string) error {
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	text := err.Error()
	for _, s := range secrets {
		if s != "" {
			text = strings.ReplaceAll(strings.ReplaceAll(text, s, "[hidden]"), url.QueryEscape(s), "[hidden]")
		}
	}
	if text != err.Error() {
		return errors.New(text)
	}
	return err
}

// welcome takes up the old session or subscribes anew.
func (l *link) welcome(ctx context.Context, fr frame) (details, error) {
	var d details
	if err := json.Unmarshal(fr.body, &d); err != nil && fr.body != nil {
		if _, ok := errors.AsType[*json.UnmarshalTypeError](err); !ok {
			return d, fmt.Errorf("rc/ws: connection details: %w", err)
		}
	}
	if fr.Status >= 300 {
		return d, &GatewayError{Code: strconv.Itoa(fr.Status), Message: "refused"}
	}
	m := l.m
	m.wsc, m.sequence = fr.WSC.Token, fr.WSC.Sequence
	m.buffer, m.timeout = d.RecoveryBufferSize, cmp.Or(time.Duration(d.RecoveryTimeout)*time.Second, l.feed.timing.Recovery)
	if l.resumes && d.RecoveryState == "Successful" && m.subscribed != "" {
		l.recovered = time.Now()
		l.replayed = 0
		l.up(ctx, Up{Recovered: true, Overflow: m.buffer <= 0, Disabled: m.disabled})
		return d, nil
	}
	m.subscribed, m.active = "", nil
	l.feed.mu.Lock()
	wanted := l.feed.wanted
	l.feed.mu.Unlock()
	return d, l.subscribe(ctx, wanted, nil)
}

// handle acts on every frame but ConnectionDetails; its error ends the connection.
func (l *link) handle(ctx context.Context, fr frame) error {
	if fr.WSC.Token != "" && fr.WSC.Sequence >= l.m.sequence {
		l.m.wsc, l.m.sequence = fr.WSC.Token, fr.WSC.Sequence
	}
	if fr.Type != typeError {
		l.refusal = nil // it was no last word
	}
	switch fr.Type {
	case typeNote:
		l.note(ctx, fr)
	case typeRequest:
		id := string(fr.MessageID)
		l.mu.Lock()
		p, known := l.pending[id]
		delete(l.pending, id)
		l.mu.Unlock()
		if known {
			p.heard(fr.Status, fr.Headers.http(), fr.body)
			return p.answered(fr)
		}
	case typeHeartbeat:
		return l.echo(ctx, string(fr.MessageID))
	case typeError:
		refusal := rc.ErrorFrom("", "", http.StatusInternalServerError, nil, fr.body)
		l.refusal = &GatewayError{Code: refusal.Code, Message: refusal.Message}
		if !l.live {
			l.m.wsc, l.m.subscribed = "", ""
			return l.refusal
		}
		if refusal.Code == codeIdle || refusal.Code == codeAbsolute {
			return l.refusal // the socket may still answer pings, but says nothing any more
		}
		l.feed.log.InfoContext(ctx, "gateway error", "error", l.refusal)
	}
	return nil
}

func (l *link) note(ctx context.Context, fr frame) {
	now := time.Now()
	n, err := telephony.DecodeNotification(fr.body)
	if err != nil {
		l.feed.miscount(ctx, err, string(fr.MessageID))
	} else if note := (Note{n, now}); l.live || len(l.held) >= heldNotes {
		l.sink(note)
	} else {
		l.held = append(l.held, note)
	}
	if l.replayed < 0 {
		return
	}
	if t := l.feed.timing; n.Sent.After(l.recovered.Add(t.Skew)) && now.Sub(l.recovered) > t.Replay {
		l.replayed = -1
		return
	}
	l.replayed++
	if l.m.buffer > 0 && l.replayed >= l.m.buffer {
		l.replayed = -1
		l.sink(Up{At: now, Recovered: true, Overflow: true, Missed: l.missed(l.recovered)})
	}
}

// miscount counts what could not be decoded; the text of such an error holds no data.
func (f *Feed) miscount(ctx context.Context, err error, id string) {
	f.undecoded.Add(1)
	f.log.WarnContext(ctx, "notification not decoded", "error", err, "messageId", id)
}

// up tells that the feed hears, lets go of what came before, and asks for other
// filters when they were wanted while there was no link to ask on.
func (l *link) up(ctx context.Context, u Up) {
	u.At = time.Now()
	if !l.live { // else the socket was well and only the subscription was made again
		u.Missed = l.missed(u.At)
	}
	l.live = true
	l.mu.Lock()
	l.path = subscriptionPath + "/" + l.m.subscribed
	l.mu.Unlock()
	l.feed.mu.Lock()
	l.feed.live = l
	wanted := l.feed.wanted // what is wanted from here on is asked for by SetFilters
	l.feed.mu.Unlock()
	l.feed.log.InfoContext(ctx, "feed up", "recovered", u.Recovered, "overflow", u.Overflow, "missed", u.Missed, "disabled", len(u.Disabled))
	l.sink(u)
	for _, n := range l.held {
		l.sink(n)
	}
	l.held = nil
	if slices.Equal(wanted, l.m.active) {
		return
	}
	heard, err := l.roomNow(ctx)
	if err != nil {
		l.feed.unwanted(wanted, l.m.active)
		l.sink(Filters{At: time.Now(), Active: l.m.active, Err: err})
		return
	}
	if err := l.replaceFilters(ctx, wanted, heard, make(chan error, 1)); err != nil {
		l.feed.log.InfoContext(ctx, "filters not sent", "error", err)
	}
}

// roomNow makes room for a request of the goroutine that reads, which cannot wait
// for any.
func (l *link) roomNow(ctx context.Context) (rc.Heard, error) {
	ctx, cancel := context.WithDeadline(ctx, time.Now())
	defer cancel()
	return l.feed.room(ctx)
}

func (l *link) missed(now time.Time) time.Duration {
	if l.m.lastHeard.IsZero() {
		return 0
	}
	return max(0, now.Sub(l.m.lastHeard))
}

// subscribe creates the subscription and tells Up when it stands. A result, if
// there is one, gets the outcome; a refusal then brings back the filters that
// were in force, and otherwise ends the connection.
//
// See https://developers.ringcentral.com/api-reference/Subscriptions/createSubscription.
func (l *link) subscribe(ctx context.Context, filters []string, result chan<- error) error {
	heard, err := l.roomNow(ctx)
	if err != nil {
		return err
	}
	return l.request(ctx, http.MethodPost, subscriptionPath, subscriptionBody(filters), heard, func(fr frame) error {
		var s subscription
		err := refused(http.MethodPost, subscriptionPath, fr, &s)
		if err == nil && s.ID == "" {
			err = errReply
		}
		if result != nil {
			result <- err
			if old := l.m.active; err != nil && !slices.Equal(old, filters) {
				l.feed.unwanted(filters, old)
				return l.subscribe(ctx, old, nil)
			}
		}
		if err != nil {
			return err
		}
		l.m.subscribed, l.m.active, l.m.disabled = string(s.ID), filters, s.disabled()
		l.up(ctx, Up{Disabled: l.m.disabled})
		return nil
	})
}

// replaceFilters asks for other filters; result gets the answer, if one comes.
//
// See https://developers.ringcentral.com/api-reference/Subscriptions/updateSubscription.
func (l *link) replaceFilters(ctx context.Context, filters []string, heard rc.Heard, result chan<- error) error {
	l.mu.Lock()
	path := l.path
	l.mu.Unlock()
	return l.request(ctx, http.MethodPut, path, subscriptionBody(filters), heard, func(fr frame) error {
		if fr.Status == http.StatusNotFound {
			return l.subscribe(ctx, filters, result)
		}
		var s subscription
		err := refused(http.MethodPut, path, fr, &s)
		if err != nil {
			l.feed.unwanted(filters, l.m.active)
			l.sink(Filters{At: time.Now(), Active: l.m.active, Err: err})
		} else {
			l.m.active, l.m.disabled = filters, s.disabled()
			l.sink(Filters{At: time.Now(), Active: filters, Disabled: l.m.disabled})
		}
		result <- err
		return nil
	})
}

func subscriptionBody(filters []string) subscriptionRequest {
	return subscriptionRequest{EventFilters: filters, DeliveryMode: deliveryMode{TransportType: "WebSocket"}}
}

// refused reads the answer to a subscription request; a refusal is an *rc.Error.
func refused(method, path string, fr frame, into *subscription) error {
	if fr.Status < 200 || fr.Status > 299 {
		return rc.ErrorFrom(method, path, fr.Status, fr.Headers.http(), fr.body)
	}
	if err := json.Unmarshal(fr.body, into); err != nil {
		return &rc.Error{Method: method, Path: path, Status: fr.Status, Err: err}
	}
	return nil
}

// request sends a request; answered is called in the goroutine that reads.
func (l *link) request(ctx context.Context, method, path string, body any, heard rc.Heard, answered func(frame) error) error {
	l.mu.Lock()
	if l.pending == nil { // the link is over
		l.mu.Unlock()
		heard(0, nil, nil)
		return net.ErrClosed
	}
	l.last++
	id := "cb-" + strconv.Itoa(l.last)
	l.pending[id] = pending{heard, answered}
	l.mu.Unlock()
	return l.write(ctx, requestHeader{Type: typeRequest, MessageID: id, Method: method, Path: path}, body)
}

// echo answers a heartbeat, unless it is the answer to one of ours.
func (l *link) echo(ctx context.Context, id string) error {
	l.mu.Lock()
	_, ours := l.beats[id]
	delete(l.beats, id)
	l.mu.Unlock()
	if ours {
		return nil
	}
	return l.write(ctx, requestHeader{Type: typeHeartbeat, MessageID: id})
}

// write sends one frame. A caller that gives up must not tear a frame apart,
// which would end the connection, so its context does not count.
func (l *link) write(ctx context.Context, parts ...any) error {
	data, err := json.Marshal(parts)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.feed.timing.Write)
	defer cancel()
	return l.conn.Write(ctx, websocket.MessageText, data)
}

// renew ends the connection before RingCentral does, as soon as there is a token
// for the next one. While there is none the connection stays as long as it may.
func (l *link) renew(ctx context.Context, end context.CancelCauseFunc, absolute time.Duration) {
	early := min(l.feed.timing.Renew, absolute/10)
	early += rand.N(early/2 + 1)
	wait := absolute - early
	for try := 1; ; try++ {
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		wait = l.m.pace(time.Now(), l.feed.timing.Tokens)
		if wait > 0 {
			continue
		}
		token, err := l.feed.takeToken(ctx, l.m)
		if err == nil {
			l.m.unused = token
			end(errAged)
			return
		}
		wait = max(l.feed.backoff(try), askedToWait(err), l.m.pace(time.Now(), l.feed.timing.Tokens))
		l.feed.log.InfoContext(ctx, "no token to renew with", "error", err, "try", try, "next", wait)
	}
}

// watch pings, sends a heartbeat now and then so that the gateway does not find
// the session idle, and ends the connection when nothing was heard for too long.
func (l *link) watch(ctx context.Context, end context.CancelCauseFunc, beat time.Duration) {
	t := l.feed.timing
	heard := func() time.Time {
		if h := l.feed.Heard(); h.After(l.began) {
			return h
		}
		return l.began
	}
	lastBeat := time.Now()
	for {
		timer := time.NewTimer(min(t.Ping, time.Until(heard().Add(t.Dead))))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
		}
		left := time.Until(heard().Add(t.Dead))
		if left <= 0 {
			end(ErrDead)
			return
		}
		l.ping(ctx, min(left, t.Ping))
		if time.Since(lastBeat) >= beat {
			lastBeat = time.Now()
			id := "beat-" + strconv.FormatInt(lastBeat.UnixNano(), 36)
			l.mu.Lock()
			l.beats[id] = struct{}{}
			l.mu.Unlock()
			if err := l.write(ctx, requestHeader{Type: typeHeartbeat, MessageID: id}); err != nil {
				end(fmt.Errorf("rc/ws: heartbeat: %w", err))
				return
			}
		}
	}
}

// ping waits for the pong, which is heard in the goroutine that reads; a missing
// one is for watch to notice.
func (l *link) ping(ctx context.Context, wait time.Duration) {
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	if err := l.conn.Ping(ctx); err != nil && !errors.Is(err, context.DeadlineExceeded) {
		l.feed.log.DebugContext(ctx, "ping failed", "error", err)
	}
}
