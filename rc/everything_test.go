package rc_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/telephony"
)

// Each operation succeeds against the simulator: what the client sends is understood, and what comes back can be read.
// Refusals and answers that nobody expects are in operations_test.go.

// answered is a customer's call that 102 has taken: its session and their party.
func (w *world) answered() (session, party string) {
	w.t.Helper()
	session = must[string](w.t)(w.Call(customer, "", "102"))
	if err := w.Answer("102", session); err != nil {
		w.t.Fatal(err)
	}
	return session, w.partyOf(session, "102")
}

func (w *world) partyOf(session, number string) string {
	w.t.Helper()
	p, ok := w.State().Party(session, number)
	if !ok {
		w.t.Fatalf("%s is not in %s\n%s", number, session, w.State())
	}
	return p.ID
}

// user is somebody of the account.
func (w *world) user(number string) rcsim.User {
	w.t.Helper()
	users := w.Account().Users
	i := slices.IndexFunc(users, func(u rcsim.User) bool { return u.Number == number })
	if i < 0 {
		w.t.Fatalf("nobody has %s", number)
	}
	return users[i]
}

func (w *world) phoneOf(number string) string { return w.user(number).Devices[0].ID }

func (w *world) await(cond func(rcsim.State) bool) {
	w.t.Helper()
	ctx, cancel := context.WithTimeout(w.t.Context(), 10*time.Second)
	defer cancel()
	if err := w.Await(ctx, cond); err != nil {
		w.t.Fatal(err)
	}
}

func TestEachVerbOnACallAgainstTheSimulator(t *testing.T) {
	is := func(code, reason string) func(*testing.T, telephony.Party) {
		return func(t *testing.T, p telephony.Party) {
			t.Helper()
			if p.Status.Word != code || p.Status.Reason != reason {
				t.Errorf("the answer is %s/%s, want %s/%s", p.Status.Word, p.Status.Reason, code, reason)
			}
		}
	}
	whatever := func(*testing.T, telephony.Party) {}
	for _, c := range []struct {
		name    string
		ringing bool
		act     func(w *world, p *rc.Caller, session, party string) (telephony.Party, error)
		answer  func(*testing.T, telephony.Party)
		truth   func(rcsim.State) bool
	}{
		{
			"mute", false,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Mute(t.Context(), s, id, true)
			},
			func(t *testing.T, p telephony.Party) {
				t.Helper()
				if p.Muted == nil || !*p.Muted {
					t.Error("not muted")
				}
			},
			func(st rcsim.State) bool { p, _ := st.Party("", "102"); return p.Muted },
		},
		{
			"answer", true,
			func(w *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Answer(t.Context(), s, id, w.phoneOf("102"))
			},
			is("Answered", ""), rcsim.Talking(customer, "102"),
		},
		{
			"reject", true,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return telephony.Party{}, p.Reject(t.Context(), s, id)
			},
			whatever, func(st rcsim.State) bool { p, _ := st.Party("", "102"); return !p.Alive() || p.Code == "VoiceMail" },
		},
		{
			"forward", true,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Forward(t.Context(), s, id, rc.ToExtension("103"))
			},
			is("Disconnected", "BlindTransfer"), rcsim.Is("", "103", "Proceeding"),
		},
		{
			"reply", true,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Reply(t.Context(), s, id, rc.Reply{Pattern: &rc.ReplyPattern{Name: rc.CallMeBack, Time: 5, Unit: rc.ReplyMinutes}})
			},
			whatever, func(st rcsim.State) bool { p, _ := st.Party("", "102"); return !p.Alive() },
		},
		{
			"reply in words", true,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Reply(t.Context(), s, id, rc.Reply{Text: "In a minute"})
			},
			whatever, func(st rcsim.State) bool { p, _ := st.Party("", "102"); return !p.Alive() },
		},
		{
			"transfer to a colleague", false,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Transfer(t.Context(), s, id, rc.ToExtension("103"))
			},
			is("Disconnected", "BlindTransfer"), rcsim.Is("", "103", "Proceeding"),
		},
		{
			"transfer by extension id", false,
			func(w *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Transfer(t.Context(), s, id, rc.ToExtensionID(w.user("103").ID))
			},
			is("Disconnected", "BlindTransfer"), rcsim.Is("", "103", "Proceeding"),
		},
		{
			"transfer to an outside number", false,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Transfer(t.Context(), s, id, rc.ToNumber("+16505550188"))
			},
			is("Disconnected", "BlindTransfer"), rcsim.Is("", "+16505550188", "Proceeding"),
		},
		{
			"transfer to a mailbox", false,
			func(w *world, p *rc.Caller, s, id string) (telephony.Party, error) {
				return p.Transfer(t.Context(), s, id, rc.ToVoicemail(w.user("103").ID))
			},
			whatever, rcsim.Is("", "103", "VoiceMail"),
		},
		{
			"park", false,
			func(_ *world, p *rc.Caller, s, id string) (telephony.Party, error) { return p.Park(t.Context(), s, id) },
			is("Parked", "CallPark"), rcsim.Is("", "102", "Parked"),
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), RingTimeout: -1})
			p := w.as("102")
			session := must[string](t)(w.Call(customer, "", "102"))
			if !c.ringing {
				if err := w.Answer("102", session); err != nil {
					t.Fatal(err)
				}
			}
			got, err := c.act(w, p, session, w.partyOf(session, "102"))
			if err != nil {
				t.Fatal(err)
			}
			c.answer(t, got)
			w.await(c.truth)
		})
	}
}

func TestIgnoreAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), RingTimeout: -1})
	queue := w.Account().Queues[0]
	session := must[string](t)(w.Call(customer, "", queue.Number))
	agent := queue.Members[0]
	if err := w.as(agent).Ignore(t.Context(), session, w.partyOf(session, agent), w.phoneOf(agent)); err != nil {
		t.Fatal(err)
	}
	w.await(func(st rcsim.State) bool { p, _ := st.Party(session, agent); return !p.Alive() })
}

func TestPickupAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), RingTimeout: -1})
	session, party := w.answered()
	const location = "400131598008" // of the demo account, for 102 and 103
	if _, err := w.as("102").Transfer(t.Context(), session, party, rc.ToParkLocation(location)); err != nil {
		t.Fatal(err)
	}
	st, _ := w.State().Session(session)
	i := slices.IndexFunc(st.Parties, func(p rcsim.PartyState) bool { return p.Code == "Parked" })
	if i < 0 {
		t.Fatalf("nobody is parked\n%s", w.State())
	}
	if _, err := w.as("103").Pickup(t.Context(), session, st.Parties[i].ID, w.phoneOf("103")); err != nil {
		t.Fatal(err)
	}
	w.await(rcsim.Talking(customer, "103"))
}

func TestRecordingAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	session, party := w.answered()
	p := w.as("102")
	r, err := p.StartRecording(t.Context(), session, party)
	if err != nil || !r.Active {
		t.Fatalf("%+v %v", r, err)
	}
	for _, active := range []bool{false, true} {
		if r, err = p.SetRecording(t.Context(), session, party, r.ID, active); err != nil || r.Active != active {
			t.Errorf("%+v %v", r, err)
		}
	}
}

func TestSupervisionAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	session, party := w.answered()
	p, how := w.as("101"), rc.Supervision{AgentID: w.user("102").ID, DeviceID: w.phoneOf("101")}
	own, err := p.Supervise(t.Context(), session, how)
	if err != nil || own.ExtensionID != w.user("101").ID {
		t.Fatalf("%+v %v", own, err)
	}
	w.await(func(st rcsim.State) bool { return len(st.Listens) > 0 })
	if err := p.RemoveParty(t.Context(), session, own.ID); err != nil {
		t.Fatal(err)
	}
	w.await(func(st rcsim.State) bool { return len(st.Listens) == 0 })
	if _, err := p.SuperviseParty(t.Context(), session, party, how); err != nil {
		t.Fatal(err)
	}
	w.await(func(st rcsim.State) bool { return len(st.Listens) > 0 })
}

func TestConferenceAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	session, party := w.answered()
	p := w.as("102")
	conf, err := p.Conference(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := w.JoinConference("102", conf.SessionID); err != nil {
		t.Fatal(err)
	}
	if _, err := p.BringIn(t.Context(), conf.SessionID, session, party); err != nil {
		t.Fatal(err)
	}
	w.await(rcsim.Talking("102", customer))
}

func TestCallOutAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	p := w.as("102")
	for _, to := range []rc.Target{rc.ToExtension("103"), rc.ToNumber("+16505550188")} {
		s, err := p.CallOut(t.Context(), w.phoneOf("102"), to)
		if err != nil || s.ID == "" {
			t.Fatalf("%s: %+v %v", to, s, err)
		}
		if err := p.Drop(t.Context(), s.ID); err != nil {
			t.Fatal(err)
		}
	}
}

func TestListsAgainstTheSimulator(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	p := w.as("104")
	u := w.user("104")
	entries, err := p.Directory(t.Context())
	if err != nil || len(entries) < len(w.Account().Users) {
		t.Errorf("%d directory entries, %v", len(entries), err)
	}
	devices := must[[]rc.Device](t)(p.Devices(t.Context()))
	if len(devices) != len(u.Devices) || devices[0].ID != u.Devices[0].ID || !devices[0].Dials() {
		t.Errorf("devices %+v", devices)
	}
	if got := must[[]rc.Device](t)(p.WebAppDevices(t.Context())); len(got) > 0 && got[0].Dials() {
		t.Errorf("a browser dials: %+v", got)
	}
	queues := must[[]rc.Queue](t)(p.CallQueues(t.Context(), u.ID))
	if len(queues) != 1 || queues[0].Number != w.Account().Queues[0].Number {
		t.Fatalf("queues %+v", queues)
	}
	members := must[[]rc.QueueMember](t)(p.QueueMembers(t.Context(), queues[0].ID))
	if !slices.Contains(members, rc.QueueMember{ExtensionID: u.ID, Number: "104"}) {
		t.Errorf("members %+v", members)
	}
	numbers := must[[]rc.PhoneNumber](t)(p.PhoneNumbers(t.Context()))
	if !slices.ContainsFunc(numbers, func(n rc.PhoneNumber) bool { return n.Number == u.Direct }) {
		t.Errorf("numbers %+v", numbers)
	}
	must[[]rc.ForwardingNumber](t)(p.ForwardingNumbers(t.Context()))
	if ok := must[bool](t)(p.Permitted(t.Context(), "ReadPresenceStatus")); !ok {
		t.Error("not permitted")
	}
}
