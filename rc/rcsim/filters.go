package rcsim

import (
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// What a filter asks for.
const (
	telephonyEvents = "telephony/sessions"
	presenceEvents  = "presence"
)

// filter is one event filter of a subscription, with ~ resolved.
type filter struct {
	text  string // as it goes back to the client: ids resolved, query kept
	kind  string // telephonyEvents, presenceEvents, or the rest of the path
	extID string // empty: the whole account
	query url.Values
}

// parseFilter resolves ~ for the person and splits a filter; false means it is none.
func parseFilter(text string, who *User) (filter, bool) {
	path, query, hasQuery := strings.Cut(text, "?")
	q, err := url.ParseQuery(query)
	parts := strings.Split(strings.Trim(path, "/"), "/")
	if err != nil || len(parts) < 4 || parts[0] != "restapi" || parts[1] != "v1.0" || parts[2] != "account" {
		return filter{}, false
	}
	if parts[3] == "~" {
		parts[3] = who.AccountID
	}
	f := filter{query: q}
	rest := parts[4:]
	if len(rest) >= 2 && rest[0] == "extension" {
		if rest[1] == "~" {
			rest[1] = who.ID
		}
		f.extID = rest[1]
		rest = rest[2:]
	}
	f.kind = strings.Join(rest, "/")
	f.text = "/" + strings.Join(parts, "/")
	if hasQuery {
		f.text += "?" + query
	}
	return f, len(rest) > 0 || f.extID != ""
}

func (f filter) detailed() bool { return f.query.Get("detailedTelephonyState") == "true" }
func (f filter) sip() bool      { return f.query.Get("sipData") == "true" }

// wants reports whether a telephony filter wants this party's event.
func (f filter) wants(p *party) bool {
	if f.kind != telephonyEvents || (f.extID != "" && f.extID != p.extID) {
		return false
	}
	match := func(name, have string) bool {
		return !f.query.Has(name) || slices.ContainsFunc(f.query[name], func(v string) bool { return strings.EqualFold(v, have) })
	}
	return match("direction", p.direction) &&
		match("statusCode", p.code) &&
		(!f.query.Has("missedCall") || f.query.Get("missedCall") == strconv.FormatBool(p.missed)) &&
		(!f.query.Has("phoneNumber") || slices.Contains(f.query["phoneNumber"], p.from.PhoneNumber) || slices.Contains(f.query["phoneNumber"], p.to.PhoneNumber))
}

// allowed says why a person may not have a filter: a code and a sentence, both empty when they may (API sheet 11.5).
func (s *Server) allowed(f filter, who *User, c *Client) (code, why string) {
	if who.AccountID != s.dir.account.ID && f.extID != who.ID {
		return "SUB-406", "Subscriptions to extensions of other accounts are not allowed"
	}
	if f.extID != "" && s.dir.byID[f.extID] == nil && !slices.ContainsFunc(s.dir.account.Queues, func(q Queue) bool { return q.ID == f.extID }) {
		return "SUB-408", "User [" + f.extID + "] is unknown"
	}
	switch f.kind {
	case telephonyEvents:
		if !slices.Contains(c.Scopes, "CallControl") {
			return "CMN-401", "In order to call this API endpoint, application needs to have [CallControl] permission"
		}
		if f.extID == who.ID || who.Admin || s.opt.Assume.FiltersForAll {
			return "", ""
		}
		if f.extID != "" && s.dir.monitors(who, s.dir.byID[f.extID]) {
			return "", ""
		}
		return "CMN-408", "In order to call this API endpoint, user needs to have permission for requested resource"
	case presenceEvents:
		if !slices.Contains(c.Scopes, "ReadPresence") {
			return "CMN-401", "In order to call this API endpoint, application needs to have [ReadPresence] permission"
		}
		if slices.Contains(who.Lacks, "ReadPresenceStatus") {
			return "CMN-408", "In order to call this API endpoint, user needs to have [ReadPresenceStatus] permission for requested resource"
		}
	}
	return "", ""
}

// publish turns one engine event into notifications: the party's own, then presence of its extension.
// The caller holds the lock.
func (s *Server) publish(ev event) {
	entry := &Tape{At: stamp(ev.at), Session: ev.s.id, Party: ev.p.id, Seq: ev.seq, Code: ev.p.code, Reason: ev.p.reason, Owner: "outside", SaidTo: []string{}}
	path := "/restapi/v1.0/account/" + s.dir.account.ID
	if ev.p.extID != "" {
		entry.Owner = ev.p.number
		path += "/extension/" + ev.p.extID
	}
	path += "/" + telephonyEvents
	s.tape = append(s.tape, entry)
	if n := len(s.tape) - tapeLength; n > 0 {
		s.tape = slices.Delete(s.tape, 0, n)
	}
	if !ev.mute {
		var plain, sip json.RawMessage
		for g := range s.gate.listeners(ev.p.extID) {
			f, ok := g.match(func(f filter) bool { return f.wants(&ev.p) })
			if !ok {
				continue
			}
			body := &plain
			if f.sip() {
				body = &sip
			}
			if *body == nil {
				*body = encode(s.eventWire(ev, f.sip()))
			}
			s.notify(g, note{event: path, body: *body, tape: entry, at: ev.at})
		}
	}
	if ev.p.user != nil {
		s.publishPresence(ev.p.user, ev)
	}
}

// publishPresence tells everybody who listens to a person's presence.
func (s *Server) publishPresence(u *User, ev event) {
	s.presence[u.ID]++
	for g := range s.gate.listeners(u.ID) {
		f, ok := g.match(func(f filter) bool { return f.kind == presenceEvents && (f.extID == "" || f.extID == u.ID) })
		if !ok {
			continue
		}
		path := "/restapi/v1.0/account/" + s.dir.account.ID + "/extension/" + u.ID + "/presence"
		if len(f.query) > 0 {
			_, q, _ := strings.Cut(f.text, "?")
			path += "?" + q
		}
		s.notify(g, note{event: path, body: encode(s.presenceEvent(u, f.detailed(), f.sip())), at: ev.at})
	}
}

// encode is JSON of the simulator's own types, which always works.
func encode(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic("rcsim: " + err.Error()) // a type of this package that JSON cannot hold: a programming error
	}
	return b
}
