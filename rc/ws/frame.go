package ws

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/cordboard/cordboard/rc/telephony"
)

// The types of frame.
const (
	typeDetails   = "ConnectionDetails"
	typeRequest   = "ClientRequest"
	typeNote      = "ServerNotification"
	typeHeartbeat = "Heartbeat"
	typeError     = "Error"
)

// frame is one message of the gateway: a header and perhaps a body.
type frame struct {
	header
	body json.RawMessage
}

type header struct {
	Type      string       `json:"type"`
	MessageID telephony.ID `json:"messageId"`
	Status    int          `json:"status"`
	Headers   headerFields `json:"headers"`
	WSC       struct {
		Token    string `json:"token"`
		Sequence int64  `json:"sequence"`
	} `json:"wsc"`
}

// headerFields are the HTTP headers of an answer, whatever the type of a value.
type headerFields map[string]telephony.ID

func (h headerFields) http() http.Header {
	out := make(http.Header, len(h))
	for name, value := range h {
		out.Set(name, string(value))
	}
	return out
}

var errFrame = errors.New("not an array of header and body")

func parseFrame(data []byte) (frame, error) {
	var parts []json.RawMessage
	if err := json.Unmarshal(data, &parts); err != nil {
		return frame{}, err
	}
	if len(parts) == 0 || len(parts) > 2 {
		return frame{}, errFrame
	}
	var f frame
	if err := json.Unmarshal(parts[0], &f.header); err != nil {
		var mistyped *json.UnmarshalTypeError
		if !errors.As(err, &mistyped) || f.Type == "" {
			return frame{}, err
		}
	}
	if len(parts) == 2 {
		f.body = parts[1]
	}
	return f, nil
}

// details is the body of ConnectionDetails; durations are in seconds.
type details struct {
	RecoveryState      string `json:"recoveryState"`
	RecoveryErrorCode  string `json:"recoveryErrorCode"`
	RecoveryBufferSize int    `json:"recoveryBufferSize"`
	RecoveryTimeout    int    `json:"recoveryTimeout"`
	IdleTimeout        int    `json:"idleTimeout"`
	AbsoluteTimeout    int    `json:"absoluteTimeout"`
}

// subscription is the body of the answer to a subscription request.
type subscription struct {
	ID              telephony.ID `json:"id"`
	DisabledFilters []struct {
		Filter  string `json:"filter"`
		Reason  string `json:"reason"`
		Message string `json:"message"`
	} `json:"disabledFilters"`
}

func (s subscription) disabled() []Disabled {
	var ds []Disabled
	for _, d := range s.DisabledFilters {
		ds = append(ds, Disabled{Filter: d.Filter, Reason: d.Reason, Message: d.Message})
	}
	return ds
}

type requestHeader struct {
	Type      string `json:"type"`
	MessageID string `json:"messageId"`
	Method    string `json:"method,omitempty"`
	Path      string `json:"path,omitempty"`
}

type subscriptionRequest struct {
	EventFilters []string     `json:"eventFilters"`
	DeliveryMode deliveryMode `json:"deliveryMode"`
}

type deliveryMode struct {
	TransportType string `json:"transportType"`
}

// The codes of Error frames that end a session.
const (
	codeIdle     = "WSG-902"
	codeAbsolute = "WSG-903"
)

// GatewayError is an Error frame, such as WSG-902 (idle for too long) or WSG-903
// (connected for too long).
type GatewayError struct{ Code, Message string }

// Error is the gateway's code and message.
func (e *GatewayError) Error() string {
	return strings.TrimSpace("rc/ws: gateway: " + e.Code + " " + e.Message)
}
