package desk_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/telephony"
)

// look takes in what has happened: who was ever on hold and who ever answered, and which calls were joined. byPhone means
// that the step just made joined two calls without a desk.
func (d *day) look(byPhone bool) {
	d.state = d.sim.State()
	for _, s := range d.state.Sessions {
		for _, p := range s.Parties {
			if d.facts[p.ID] == nil {
				d.facts[p.ID] = &fact{session: s.ID, number: p.Number, owner: p.ExtensionID, direction: p.Direction, queueCall: p.QueueCall}
			}
		}
	}
	for _, e := range slices.Backward(d.state.Tape) {
		f := d.facts[e.Party]
		if f == nil || e.Seq <= d.heard[e.Session] {
			continue
		}
		d.heard[e.Session] = e.Seq
		f.held = f.held || e.Code == "Hold"
		f.answered = f.answered || e.Code == "Answered" || e.Code == "Hold"
	}
	for _, s := range d.state.Sessions {
		for _, other := range s.Joined {
			if edge := s.ID + " " + other; !d.edges[edge] {
				d.edges[edge], d.edges[other+" "+s.ID] = true, true
				d.joined(s.ID, other, byPhone)
			}
		}
	}
	d.mu.Lock()
	offers, strange := d.offers, d.strange
	d.offers = nil
	d.mu.Unlock()
	for _, o := range offers {
		if why := d.wrongOffer(o); why != "" {
			raw, _ := json.MarshalIndent(o.snap, "", " ")
			d.fail("offered to %s: %s\n%s", o.who, why, raw)
		}
	}
	if len(strange) > 0 {
		d.fail("%s", strings.Join(strange, "\n"))
	}
}

// joined checks two calls that were just joined: a press named them, and the two who talk are the two that it showed.
func (d *day) joined(one, other string, byPhone bool) {
	i := slices.IndexFunc(d.pressed, func(c claimed) bool { return c.Names(one) && c.Names(other) })
	if i < 0 {
		if !byPhone {
			d.fail("%s and %s were joined, and no press named them", one, other)
		}
		return
	}
	if byPhone {
		return
	}
	for _, pair := range d.state.Audio {
		if pair[0].Session == other {
			pair[0], pair[1] = pair[1], pair[0]
		}
		if pair[0].Session != one || pair[1].Session != other {
			continue
		}
		named := slices.ContainsFunc(d.pressed, func(c claimed) bool {
			return c.showed(d.facts[pair[0].Party], pair[0].Party) && c.showed(d.facts[pair[1].Party], pair[1].Party)
		})
		if !named {
			d.fail("%s talks to %s, and no press showed these two", pair[0].Party, pair[1].Party)
		}
	}
}

// showed reports whether one of the two people of a press was that party, or had its number while nobody was there yet.
func (c claimed) showed(f *fact, party string) bool {
	return slices.ContainsFunc(c.far[:], func(far board.Far) bool {
		return far.PartyID == party || far.PartyID == "" && f != nil && far.Number == f.number
	})
}

// wrongOffer is why a pair must not have been shown; "" when it may.
func (d *day) wrongOffer(o offer) string {
	p := o.snap.Pair
	c, okC := o.snap.Board.Leg(p.CustomerSession)
	k, okK := o.snap.Board.Leg(p.ConsultSession)
	if !okC || !okK {
		return "an end that is not on the board"
	}
	customer, consult := d.facts[p.CustomerParty], d.facts[p.ConsultParty]
	if customer == nil || consult == nil {
		return "an end that never was"
	}
	colleague := func(l board.Leg) bool {
		f := d.facts[l.Far.PartyID]
		return f != nil && f.owner != "" && !consult.queueCall
	}
	if p.Why != board.WhyChosen {
		switch {
		case customer.direction == "Inbound" && consult.direction == "Inbound" && k.Far.PartyID != "" && !colleague(k):
			return "two callers who both called in"
		case consult.direction == "Inbound" && k.Far.PartyID != "" && !colleague(k):
			return "a consult that is no colleague and was not called"
		}
	}
	if !o.ready {
		return ""
	}
	for name, l := range map[string]board.Leg{"customer": c, "consult": k} {
		f := d.facts[l.Far.PartyID]
		switch {
		case f == nil:
			return "ready, and who is the " + name + " is not known"
		case !f.answered:
			return "ready, and the " + name + " never answered"
		}
	}
	if !customer.held && !consult.held {
		return "ready, and nobody was ever on hold"
	}
	return ""
}

// calm lets everything settle and compares each desk with the truth.
func (d *day) calm() {
	d.sim.ClearFaults() // what was held back is delivered
	d.presses.Wait()
	d.sim.ClearFaults() // a press may have met none
	ctx, cancel := context.WithTimeout(d.t.Context(), calmWithin)
	defer cancel()
	for _, c := range d.seats {
		d.until(ctx, c, "live", func(s board.Snapshot) string {
			if s.Feed.State != board.FeedLive {
				return "feed " + s.Feed.State.String()
			}
			return ""
		})
		if since := c.last.Feed.Since; d.missed || !since.Equal(c.since) { // a socket may also end by too much that was let go at once
			d.inexact, c.since = time.Now(), since
		}
		if !d.lost {
			d.until(ctx, c, "true by itself", func(s board.Snapshot) string { return d.untrue(s, false) })
		}
		d.must(d.desks.Act(ctx, c.person, board.Claim{Action: board.ActionReread}))
		d.until(ctx, c, "true", func(s board.Snapshot) string { return d.untrue(s, true) })
	}
	d.look(false)
	d.history, d.missed, d.lost = nil, false, false
}

// until waits for a snapshot that nothing is wrong with.
func (d *day) until(ctx context.Context, c *chair, what string, wrong func(board.Snapshot) string) {
	c.last = d.snapshot(c)
	for {
		why := wrong(c.last)
		if why == "" {
			return
		}
		select {
		case <-c.box.C():
			if _, data, ok := c.box.Take(); ok {
				c.last = board.Snapshot{}
				d.must(json.Unmarshal(data, &c.last))
			}
		case <-ctx.Done():
			c.last.Today, c.last.Notices = nil, nil
			raw, _ := json.MarshalIndent(c.last, "", " ")
			d.fail("the desk of %s does not become %s: %s\n%s", c.number, what, why, raw)
		}
	}
}

// witness compares what a desk shows with the truth.
type witness struct {
	sim     *rcsim.Server
	inexact time.Time // of sessions that began before, events may have been missed
}

// untrue is what a snapshot shows that is not so, or does not show that is. What the other side does once it has answered
// is told by no event of one's own: it is on the board when everything was read.
func (w witness) untrue(s board.Snapshot, read bool) string {
	switch {
	case len(s.Asked) > 0:
		return "something is still asked for"
	case s.Attempt != nil && !s.Attempt.Phase.Settled():
		return "the attempt has no end: " + s.Attempt.Phase.String()
	}
	truth := w.sim.State()
	seen := map[string]bool{}
	for _, sess := range truth.Sessions {
		mine, far := ends(sess, s.Owner.ExtensionID)
		if mine.ID == "" {
			continue
		}
		seen[sess.ID] = true
		l, ok := s.Board.Leg(sess.ID)
		switch why := w.wrongLeg(sess, l, mine); {
		case !ok && mine.Code == "VoiceMail" && when(sess.Created).Before(w.inexact):
			continue // a mailbox whose events were lost is in no presence
		case !ok || !l.Alive():
			return sess.ID + " is missing"
		case why != "":
			return sess.ID + ": " + why
		}
		polled := !l.Answered.IsZero() && l.Far.State != board.FarAnswered
		if want, one := farOf(sess, mine, far); (read || polled) && (l.Far.State != want || l.Far.PartyID != one) {
			return fmt.Sprintf("%s: far side %s %s, truly %s %s", sess.ID, l.Far.State, l.Far.PartyID, want, one)
		}
	}
	for _, l := range s.Board.Legs {
		if l.Alive() && !seen[l.SessionID] {
			return l.SessionID + " is over"
		}
	}
	return ""
}

// ends are a person's own live party in a call, the newest, and everybody else who is there.
func ends(sess rcsim.SessionState, extension string) (mine rcsim.PartyState, far []rcsim.PartyState) {
	for _, p := range sess.Parties {
		switch {
		case !p.Alive():
		case p.ExtensionID == extension:
			mine = p
		case p.Reason != telephony.ReasonSupervising:
			far = append(far, p)
		}
	}
	return mine, far
}

// when is a time as the simulator writes it.
func when(text string) time.Time {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		panic(err)
	}
	return at
}

// clockError is by how much a desk may misjudge RingCentral's clock: the way of a notification.
const clockError = 250 * time.Millisecond

func (w witness) wrongLeg(sess rcsim.SessionState, l board.Leg, mine rcsim.PartyState) string {
	switch {
	case l.Moving():
		return "still moving"
	case l.PartyID != mine.ID:
		return fmt.Sprintf("my party %s, truly %s", l.PartyID, mine.ID)
	case !strings.EqualFold(l.State.String(), mine.Code):
		return fmt.Sprintf("my state %s, truly %s", l.State, mine.Code)
	case l.Muted != mine.Muted:
		return fmt.Sprintf("muted %t, truly %t", l.Muted, mine.Muted)
	case l.Unsure:
		return "unsure"
	}
	if mine.Code == "Hold" {
		switch since := when(mine.Since); {
		case l.Held.AtLeast && l.Held.Time.Before(since.Add(-clockError)):
			return fmt.Sprintf("held at least since %v, truly since %v", l.Held.Time, since)
		case !l.Held.AtLeast && !l.Held.Time.Equal(since) && when(sess.Created).After(w.inexact):
			return fmt.Sprintf("held since %v, truly since %v", l.Held.Time, since)
		}
	}
	return ""
}

// farOf is what is to be said of the far parties, and which one it is when it is one.
func farOf(sess rcsim.SessionState, mine rcsim.PartyState, far []rcsim.PartyState) (board.FarState, string) {
	alone := !slices.ContainsFunc(sess.Parties, func(p rcsim.PartyState) bool {
		return p.ExtensionID != mine.ExtensionID && p.Reason != telephony.ReasonSupervising
	})
	var there []rcsim.PartyState
	for _, p := range far {
		if p.Code != "Setup" && p.Code != "Proceeding" {
			there = append(there, p)
		}
	}
	switch {
	case alone:
		return board.FarWaiting, ""
	case len(far) == 0:
		return board.FarLeft, ""
	case len(there) > 1:
		return board.FarSeveral, ""
	case len(there) == 1:
		return map[string]board.FarState{
			"Answered": board.FarAnswered, "Hold": board.FarHolding, "VoiceMail": board.FarVoicemail, "Parked": board.FarParked,
		}[there[0].Code], there[0].ID
	case len(far) > 1:
		return board.FarRinging, ""
	}
	return board.FarRinging, far[0].ID
}

// reckon compares what was sent with what was pressed and with the ledger: nothing was ever sent twice.
func (d *day) reckon() {
	sent := map[string]int{}
	for _, r := range d.sim.Requests(http.MethodPost, "/bridge") {
		parts := strings.Split(r.Path, "/")
		sent[parts[len(parts)-4]+" "+parts[len(parts)-2]]++
	}
	meant := map[string]int{}
	for _, c := range d.seats {
		entries, err := d.ledger.Person(d.t.Context(), c.person.AccountID, c.person.ExtensionID, time.Now().Add(-time.Hour))
		d.must(err)
		once := map[string]bool{}
		for _, e := range entries {
			var t board.Transfer
			if e.Kind != "transfer" || json.Unmarshal(e.Data, &t) != nil || t.Phase != board.Sent {
				continue
			}
			if once[t.ID] {
				d.fail("attempt %s was sent twice", t.ID)
			}
			once[t.ID] = true
			meant[t.CustomerSession+" "+t.CustomerParty]++
		}
	}
	for key, n := range sent {
		if n > meant[key] || n > d.bridged[key] {
			d.fail("%d bridge requests for %s, %d attempts, %d presses", n, key, meant[key], d.bridged[key])
		}
	}
}
