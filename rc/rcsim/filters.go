package rcsim

import (
	"encoding/json"
	"iter"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// What a filter asks for.
const (
	telephonyEvents = "telephony/sessions"
	presenceEvents  = "presence"
	lineEvents      = "presence/line/presence" // of the extensions that a phone's lines show
	favoriteEvents  = "favorite/presence"
	queueEvents     = "call-queues/presence"
)

// otherEvents are filters that RingCentral knows and the simulator accepts, and of which nothing is ever notified.
var otherEvents = []string{
	"", "extension", "directory/entries", "message-store", "message-store/instant", "missed-calls", "incoming-call-pickup", "presence/dnd", "presence/line",
	"favorite", "phone-number", "greeting", "voicemail", "call-queues",
}

// filter is one event filter of a subscription, with ~ resolved.
type filter struct {
	text    string // as it goes back to the client: ids resolved, query kept
	kind    string // telephonyEvents, presenceEvents, or the rest of the path
	account string
	extID   string // empty: the whole account
	queueID string // of queueEvents
	query   url.Values
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
	f := filter{query: q, account: parts[3]}
	rest := parts[4:]
	switch {
	case len(rest) >= 2 && rest[0] == "extension":
		if rest[1] == "~" {
			rest[1] = who.ID
		}
		f.extID = rest[1]
		rest = rest[2:]
	case len(rest) == 3 && rest[0] == "call-queues" && rest[2] == "presence":
		f.queueID = rest[1]
		rest = []string{"call-queues", "presence"}
	}
	f.kind = strings.Join(rest, "/")
	f.text = "/" + strings.Join(parts, "/")
	if hasQuery {
		f.text += "?" + query
	}
	return f, f.known()
}

// known reports whether RingCentral has such a filter.
func (f filter) known() bool {
	switch f.kind {
	case telephonyEvents, presenceEvents:
		return true
	case lineEvents, favoriteEvents:
		return f.extID != ""
	case queueEvents:
		return f.queueID != ""
	case "":
		return f.extID != ""
	}
	return slices.Contains(otherEvents, f.kind)
}

func (f filter) detailed() bool { return f.query.Get("detailedTelephonyState") == "true" }
func (f filter) sip() bool      { return f.query.Get("sipData") == "true" }

// wants reports whether a telephony filter wants this party's event.
func (f filter) wants(p *party) bool {
	if f.kind != telephonyEvents || (f.extID != "" && f.extID != p.extID) {
		return false
	}
	match := func(name string, have ...string) bool {
		return !f.query.Has(name) || slices.ContainsFunc(f.query[name], func(v string) bool {
			return slices.ContainsFunc(have, func(h string) bool { return strings.EqualFold(v, h) })
		})
	}
	// A plus sign that was not escaped arrives as a space.
	phones := []string{p.from.PhoneNumber, p.to.PhoneNumber}
	for _, n := range phones {
		phones = append(phones, strings.Replace(n, "+", " ", 1))
	}
	return match("direction", p.direction) && match("statusCode", p.code) && match("missedCall", strconv.FormatBool(p.missed)) && match("phoneNumber", phones...) &&
		(!strings.EqualFold(f.query.Get("withRecordings"), "true") || len(p.recordings) > 0)
}

// allowed says why a person may not have a filter: a code and a sentence, both empty when they may (API sheet 11.5).
func (s *Server) allowed(f filter, who *User, c *Client) (code, why string) {
	if who.AccountID != f.account || (who.AccountID != s.dir.account.ID && f.extID != who.ID) {
		return "SUB-406", "Subscriptions to extensions of other accounts are not allowed"
	}
	if f.extID != "" && f.extID != who.ID && !s.dir.exists(f.extID, who.AccountID) {
		return "SUB-408", "User [" + f.extID + "] is unknown"
	}
	if f.queueID != "" && (s.dir.queuesByID[f.queueID] == nil || who.AccountID != s.dir.account.ID) {
		return "SUB-408", "Call queue [" + f.queueID + "] is unknown"
	}
	scope := map[string]string{telephonyEvents: "CallControl", presenceEvents: "ReadPresence", lineEvents: "ReadPresence", favoriteEvents: "ReadPresence", queueEvents: "ReadPresence"}[f.kind]
	if scope != "" && !slices.Contains(c.Scopes, scope) {
		return "CMN-401", "In order to call this API endpoint, application needs to have [" + scope + "] permission"
	}
	if scope == "ReadPresence" && slices.Contains(who.Lacks, "ReadPresenceStatus") {
		return "CMN-408", "In order to call this API endpoint, user needs to have [ReadPresenceStatus] permission for requested resource"
	}
	theirs := f.extID != "" && f.extID == who.ID
	switch f.kind {
	case presenceEvents, queueEvents:
		return "", ""
	case telephonyEvents:
		theirs = theirs || s.dir.monitors(who, s.dir.byID[f.extID])
	}
	if theirs || who.Admin || s.opt.Assume.FiltersForAll || scope == "" {
		return "", ""
	}
	return "CMN-408", "In order to call this API endpoint, user needs to have permission for requested resource"
}

// publish turns one engine event into notifications: the party's own, then presence of its extension.
// The caller holds the lock.
func (s *Server) publish(ev event) {
	s.traffic.count(ev)
	entry := &Tape{At: stamp(ev.at), Session: ev.s.id, Party: ev.p.id, Seq: ev.seq, Code: ev.p.code, Reason: ev.p.reason, Owner: "outside", SaidTo: []string{}}
	path := s.eventPath("", telephonyEvents)
	if ev.p.extID != "" {
		entry.Owner = ev.p.number
		path = s.eventPath(ev.p.extID, telephonyEvents)
	}
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
	s.book.note(ev, s.opt.ActiveCallsKept)
	if ev.p.user != nil {
		s.publishPresence(ev.p.user, ev.at)
	}
}

// eventPath is how a notification names what it is about.
func (s *Server) eventPath(extID, kind string) string {
	path := "/restapi/v1.0/account/" + s.dir.account.ID
	if extID != "" {
		path += "/extension/" + extID
	}
	return path + "/" + kind
}

// publishPresence tells everybody who listens to a person's presence: directly, as one of their lines, as a favourite.
func (s *Server) publishPresence(u *User, at time.Time) {
	u.set.seq++
	bodies := map[[2]bool]json.RawMessage{} // shared by everybody who asked for the same details
	tell := func(listeners iter.Seq[*gwSession], fits func(filter) bool, path func(filter) string) {
		for g := range listeners {
			f, ok := g.match(fits)
			if !ok {
				continue
			}
			details := [2]bool{f.detailed(), f.sip()}
			if bodies[details] == nil {
				bodies[details] = s.presenceEvent(u, f.detailed(), f.sip())
			}
			event := path(f)
			if _, q, ok := strings.Cut(f.text, "?"); ok {
				event += "?" + q
			}
			s.notify(g, note{event: event, body: bodies[details], at: at})
		}
	}
	tell(s.gate.listeners(u.ID), func(f filter) bool { return f.kind == presenceEvents && (f.extID == "" || f.extID == u.ID) },
		func(filter) string { return s.eventPath(u.ID, presenceEvents) })
	watched := func(kind string, watchers []*User) {
		for _, w := range watchers {
			tell(slices.Values(s.gate.index[w.ID]), func(f filter) bool { return f.kind == kind && f.extID == w.ID },
				func(filter) string {
					if s.opt.Assume.WatchedByOwnName {
						return s.eventPath(u.ID, presenceEvents)
					}
					return s.eventPath(w.ID, kind)
				})
		}
	}
	watched(lineEvents, s.dir.watchers[u.Number])
	watched(favoriteEvents, s.dir.admirers[u.Number])
}

// publishQueuePresence tells who listens to a queue which members take its calls now; only members that changed are named.
func (s *Server) publishQueuePresence(q *Queue, changed map[*User]bool) {
	var body records[queueMemberPresence]
	for _, u := range s.dir.members(q) {
		if changed[u] {
			here := !s.dir.away(q, u)
			body.Records = append(body.Records, queueMemberPresence{Member: queueMember{ID: u.ID}, AcceptCurrentQueueCalls: &here})
		}
	}
	if body.Records == nil {
		return
	}
	data := encode(body)
	for g := range s.gate.listeners("") {
		if _, ok := g.match(func(f filter) bool { return f.kind == queueEvents && f.queueID == q.ID }); ok {
			s.notify(g, note{event: s.eventPath("", "call-queues/"+q.ID+"/presence"), body: data, at: s.now()})
		}
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
