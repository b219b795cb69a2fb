package rcsim

import (
	"encoding/json"
	"net/http"
	"slices"
	"time"
)

// Subscriptions: one to a gateway session, and whatever filters it wants (API sheet 10.3, 10.4).

type subscription struct {
	id      string
	created time.Time
	filters []filter
	texts   []string
	refused []disabledWire
	transit json.RawMessage
}

type disabledWire struct {
	Filter  string `json:"filter"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

type subscriptionWire struct {
	URI             string          `json:"uri"`
	ID              string          `json:"id"`
	CreationTime    string          `json:"creationTime"`
	Status          string          `json:"status"`
	EventFilters    []string        `json:"eventFilters"`
	DisabledFilters []disabledWire  `json:"disabledFilters,omitempty"`
	ExpirationTime  string          `json:"expirationTime"`
	ExpiresIn       int             `json:"expiresIn"`
	DeliveryMode    json.RawMessage `json:"deliveryMode"`
}

// subscriptionIn is the body of create and update.
type subscriptionIn struct {
	EventFilters []string        `json:"eventFilters"`
	DeliveryMode json.RawMessage `json:"deliveryMode"`
}

// filters reads and judges the filters of a request.
func (c *call) filters() (*subscription, error) {
	if c.sock == nil {
		return nil, invalid("deliveryMode.transportType") // WebHook and PubNub are not modelled
	}
	var in subscriptionIn
	if err := c.decode(&in); err != nil {
		return nil, err
	}
	var mode struct {
		TransportType string `json:"transportType"`
	}
	if len(in.DeliveryMode) > 0 {
		_ = json.Unmarshal(in.DeliveryMode, &mode)
	}
	longest := c.s.opt.Assume.MaxFilterLength
	switch {
	case mode.TransportType != "" && mode.TransportType != "WebSocket":
		return nil, invalid("deliveryMode.transportType")
	case len(in.EventFilters) == 0:
		return nil, invalid("eventFilters")
	case longest > 0 && slices.ContainsFunc(in.EventFilters, func(text string) bool { return len(text) > longest }):
		return nil, refuse(http.StatusBadRequest, "SUB-508", "An event filter is too long")
	case c.s.opt.Assume.MaxFilters > 0 && len(in.EventFilters) > c.s.opt.Assume.MaxFilters:
		return nil, refuse(http.StatusBadRequest, "SUB-508", "There are too many event filters")
	}
	sub := &subscription{transit: encode(map[string]any{"transportType": "WebSocket", "encryption": false}), texts: []string{}}
	for _, text := range in.EventFilters {
		f, ok := parseFilter(text, c.user)
		if !ok {
			return nil, refuse(http.StatusBadRequest, "SUB-508", "Event filter ["+text+"] is invalid")
		}
		if code, why := c.s.allowed(f, c.user, c.grant.client); code != "" {
			if c.s.opt.Assume.FilterRefusal403 {
				return nil, refuse(http.StatusForbidden, code, why)
			}
			sub.refused = append(sub.refused, disabledWire{Filter: f.text, Reason: code, Message: why})
			continue
		}
		sub.filters = append(sub.filters, f)
		sub.texts = append(sub.texts, f.text)
	}
	return sub, nil
}

const subscriptionTTL = 24 * time.Hour

func (c *call) subscriptionWire(sub *subscription) subscriptionWire {
	expires := c.s.now().Add(subscriptionTTL)
	return subscriptionWire{
		URI: c.s.uri(c.r, pathSub+"/"+sub.id), ID: sub.id, CreationTime: stamp(sub.created), Status: "Active", EventFilters: sub.texts,
		DisabledFilters: sub.refused, ExpirationTime: stamp(expires), ExpiresIn: int(subscriptionTTL.Seconds()) - 1, DeliveryMode: sub.transit,
	}
}

// subscribe replaces the session's subscription (10.4).
func (c *call) subscribe() (int, any, error) {
	sub, err := c.filters()
	if err != nil {
		return 0, nil, err
	}
	if c.sock.sub == nil && len(c.subscriptions()) >= maxSubscriptions {
		return 0, nil, refuse(http.StatusForbidden, "SUB-505", "Subscriptions limit exceeded")
	}
	sub.id, sub.created = c.s.ids.uuid(), c.s.now()
	c.s.gate.listen(c.sock, sub)
	return http.StatusOK, c.subscriptionWire(sub), nil
}

// subscriptions are the caller's in this app, on whatever socket.
func (c *call) subscriptions() []*subscription {
	var out []*subscription
	for _, g := range c.s.gate.ofUser[c.user] {
		if g.grant.client == c.grant.client && g.sub != nil {
			out = append(out, g.sub)
		}
	}
	return out
}

func (c *call) listSubscriptions() (int, any, error) {
	return http.StatusOK, map[string]any{"uri": c.s.uri(c.r, pathSub), "records": rows(c.subscriptions(), c.subscriptionWire)}, nil
}

// current is the subscription that the path names, which must be this session's.
func (c *call) current() (*subscription, error) {
	if c.sock == nil || c.sock.sub == nil || c.sock.sub.id != c.r.PathValue("subscriptionId") {
		return nil, refuse(http.StatusNotFound, "SUB-507", "Subscription expired or not found")
	}
	return c.sock.sub, nil
}

func (c *call) readSubscription() (int, any, error) {
	sub, err := c.current()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, c.subscriptionWire(sub), nil
}

func (c *call) updateSubscription() (int, any, error) {
	old, err := c.current()
	if err != nil {
		return 0, nil, err
	}
	sub, err := c.filters()
	if err != nil {
		return 0, nil, err
	}
	sub.id, sub.created = old.id, old.created
	c.s.gate.listen(c.sock, sub)
	return http.StatusOK, c.subscriptionWire(sub), nil
}

func (c *call) unsubscribe() (int, any, error) {
	if _, err := c.current(); err != nil {
		return 0, nil, err
	}
	c.s.gate.deaf(c.sock)
	return http.StatusNoContent, nil, nil
}
