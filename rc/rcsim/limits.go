package rcsim

import (
	"net/http"
	"slices"
	"strconv"
	"time"
)

// Usage-plan groups, as the header spells them.
const (
	groupLight  = "light"
	groupMedium = "medium"
	groupHeavy  = "heavy"
	groupAuth   = "auth"
	groupNone   = "" // not limited
)

// meter counts requests per person, app and group in a sliding window (API sheet 3.1).
type meter struct {
	limits Limits
	use    map[meterKey]*usage
}

type meterKey struct{ extID, client, group string }

type usage struct {
	at      []time.Time
	penalty time.Time
}

func newMeter(l Limits) *meter { return &meter{limits: l, use: map[meterKey]*usage{}} }

func (m *meter) limitOf(group string) int {
	return map[string]int{groupLight: m.limits.Light, groupMedium: m.limits.Medium, groupHeavy: m.limits.Heavy, groupAuth: m.limits.Auth}[group]
}

// take counts one request; false means it is over the limit, and every try during the penalty restarts it.
func (m *meter) take(key meterKey, now time.Time) (remaining int, ok bool) {
	limit := m.limitOf(key.group)
	u := m.use[key]
	if u == nil {
		u = &usage{}
		m.use[key] = u
	}
	u.at = slices.DeleteFunc(u.at, func(t time.Time) bool { return now.Sub(t) >= m.limits.Window })
	if now.Before(u.penalty) || len(u.at) >= limit {
		u.penalty = now.Add(m.limits.Penalty)
		return 0, false
	}
	u.at = append(u.at, now)
	return limit - len(u.at), true
}

// limit counts a request of a person and writes the headers; over the limit it returns the 429. The caller holds the lock.
func (s *Server) limit(w http.ResponseWriter, u *User, c *Client, group string) error {
	limit := s.meter.limitOf(group)
	if group == groupNone || limit < 0 {
		return nil
	}
	remaining, ok := s.meter.take(meterKey{u.ID, c.ID, group}, s.now())
	h := w.Header()
	h.Set("X-Rate-Limit-Group", group)
	h.Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	h.Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	h.Set("X-Rate-Limit-Window", seconds(s.meter.limits.Window))
	if !ok {
		return &restError{status: http.StatusTooManyRequests, code: "CMN-301", message: "Request rate exceeded", retryAfter: s.meter.limits.Penalty}
	}
	return nil
}

// seconds is a duration in whole seconds, rounded up.
func seconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
