package rc_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc"
	"github.com/cordboard/cordboard/rc/directory"
	"github.com/cordboard/cordboard/rc/rcsim"
)

// What RingCentral does not allow comes back as its status and code, sent once.
func TestRefusalsAgainstTheSimulator(t *testing.T) {
	err := func(_ any, err error) error { return err }
	// scene is a customer's call with 102, as 102 or somebody else sees it.
	type scene struct {
		*world
		ctx            context.Context //nolint:containedctx // of the one test that it is
		p              *rc.Caller
		session, party string
	}
	for _, tt := range []struct {
		name    string
		as      string // "" is 102
		ringing bool   // 102 has not answered
		act     func(s scene) error
		status  int
		code    string
	}{
		{"answer what was answered", "", false, func(s scene) error {
			return err(s.p.Answer(s.ctx, s.session, s.party, s.phoneOf("102")))
		}, 409, "TAS-102"},
		{"decline what was answered", "", false, func(s scene) error { return s.p.Reject(s.ctx, s.session, s.party) }, 409, "TAS-102"},
		{"forward what was answered", "", false, func(s scene) error {
			return err(s.p.Forward(s.ctx, s.session, s.party, rc.ToExtension("103")))
		}, 409, "TAS-102"},
		{"reply to what was answered", "", false, func(s scene) error {
			return err(s.p.Reply(s.ctx, s.session, s.party, rc.Reply{Text: "x"}))
		}, 409, "TAS-102"},
		{"hold what rings", "", true, func(s scene) error { return err(s.p.Hold(s.ctx, s.session, s.party)) }, 409, "TAS-102"},
		{"transfer what rings", "", true, func(s scene) error {
			return err(s.p.Transfer(s.ctx, s.session, s.party, rc.ToExtension("103")))
		}, 409, "TAS-102"},
		{"record what rings", "", true, func(s scene) error { return err(s.p.StartRecording(s.ctx, s.session, s.party)) }, 403, "TAS-101"},
		{"pick up what is not parked", "103", false, func(s scene) error {
			return err(s.p.Pickup(s.ctx, s.session, s.party, s.phoneOf("103")))
		}, 409, "TAS-102"},
		{"mute somebody else", "103", false, func(s scene) error { return err(s.p.Mute(s.ctx, s.session, s.party, true)) }, 403, "TAS-106"},
		{"transfer somebody else's call", "103", false, func(s scene) error {
			return err(s.p.Transfer(s.ctx, s.session, s.party, rc.ToExtension("104")))
		}, 403, "TAS-106"},
		{"transfer to nobody", "", false, func(s scene) error {
			return err(s.p.Transfer(s.ctx, s.session, s.party, rc.ToExtensionID("1")))
		}, 404, "CMN-102"},
		{"pause a recording that is none", "", false, func(s scene) error {
			return err(s.p.SetRecording(s.ctx, s.session, s.party, "1", false))
		}, 404, "CMN-102"},
		{"a party that is none", "", false, func(s scene) error { return err(s.p.Park(s.ctx, s.session, "p-none-1")) }, 404, "CMN-102"},
		{"a call that is none", "101", false, func(s scene) error { return err(s.p.Supervise(s.ctx, "s-none", s.listening("101"))) }, 404, "CMN-102"},
		{"listen without being their supervisor", "103", false, func(s scene) error {
			return err(s.p.Supervise(s.ctx, s.session, s.listening("103")))
		}, 403, "TAS-106"},
		{"remove a party of an ordinary call", "", false, func(s scene) error { return s.p.RemoveParty(s.ctx, s.session, s.party) }, 403, "TAS-106"},
		{"bring into what is no conference", "", false, func(s scene) error {
			return err(s.p.BringIn(s.ctx, s.session, s.session, s.party))
		}, 403, "TAS-106"},
		{"call from a phone that is none of theirs", "", false, func(s scene) error {
			return err(s.p.CallOut(s.ctx, s.phoneOf("103"), rc.ToExtension("104")))
		}, 400, "CMN-101"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited(), RingTimeout: -1})
			s := scene{world: w, ctx: t.Context(), session: must[string](t)(w.Call(customer, "", "102"))}
			if !tt.ringing {
				if err := w.Answer("102", s.session); err != nil {
					t.Fatal(err)
				}
			}
			s.party = w.partyOf(s.session, "102")
			who := tt.as
			if who == "" {
				who = "102"
			}
			s.p = w.as(who)
			before := len(w.Requests("", ""))
			e := w.refused(tt.act(s), tt.status, tt.code)
			if e.Unsent || e.RequestID == "" {
				t.Errorf("%+v", e)
			}
			if n := len(w.Requests("", "")) - before; n != 1 {
				t.Errorf("%d requests", n)
			}
		})
	}
}

// listening is how somebody would listen to 102.
func (w *world) listening(number string) rc.Supervision {
	return rc.Supervision{AgentID: w.user("102").ID, DeviceID: w.phoneOf(number)}
}

func TestASecondSupervisorIsRefused(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	session, _ := w.answered()
	p := w.as("101")
	if _, err := p.Supervise(t.Context(), session, w.listening("101")); err != nil {
		t.Fatal(err)
	}
	_, err := p.Supervise(t.Context(), session, w.listening("101"))
	_ = w.refused(err, 403, "TAS-106")
}

// Every control operation meets every answer that RingCentral is known to give, and
// says truly whether it may have been done.
func TestWhatAnOperationMayMeet(t *testing.T) {
	operations := map[string]struct {
		fault string
		act   func(ctx context.Context, w *world, p *rc.Caller) error
	}{
		"mute": {"mute", func(ctx context.Context, _ *world, p *rc.Caller) error {
			_, err := p.Mute(ctx, "s-1", "p-1", true)
			return err
		}},
		"transfer": {"transfer", func(ctx context.Context, _ *world, p *rc.Caller) error {
			_, err := p.Transfer(ctx, "s-1", "p-1", rc.ToExtension("103"))
			return err
		}},
		"park": {"park", func(ctx context.Context, _ *world, p *rc.Caller) error {
			_, err := p.Park(ctx, "s-1", "p-1")
			return err
		}},
		"call out": {"callOut", func(ctx context.Context, w *world, p *rc.Caller) error {
			_, err := p.CallOut(ctx, w.phoneOf("102"), rc.ToExtension("103"))
			return err
		}},
		"listen": {"superviseSession", func(ctx context.Context, w *world, p *rc.Caller) error {
			_, err := p.Supervise(ctx, "s-1", w.listening("102"))
			return err
		}},
		"devices": {"devices", func(ctx context.Context, _ *world, p *rc.Caller) error { _, err := p.Devices(ctx); return err }},
	}
	answers := []rcsim.Fault{
		{Status: http.StatusConflict, Code: "TAS-102"},
		{Status: http.StatusForbidden, Code: "TAS-106"},
		{Status: http.StatusNotFound, Code: "CMN-102"},
		{Status: http.StatusTooManyRequests, Code: "CMN-301", RetryAfter: 60},
		{Status: http.StatusServiceUnavailable, Code: "CMN-201"},
	}
	for name, op := range operations {
		t.Run(name, func(t *testing.T) {
			for _, answer := range answers {
				w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
				w.SetFault(op.fault, answer)
				e := w.refused(op.act(t.Context(), w, w.as("102")), answer.Status, answer.Code)
				if e.Unsent || (answer.RetryAfter > 0) != (e.RetryAfter > 0) {
					t.Errorf("%d: %+v", answer.Status, e)
				}
			}
		})
	}
}

func TestTheDirectoryIsListedPageByPage(t *testing.T) {
	crowd := rcsim.Crowd(4500, 20)
	w := newWorld(t, rcsim.Options{Account: &crowd})
	entries := must[[]directory.Entry](t)(w.as(crowd.Users[0].Number).Directory(t.Context()))
	if len(entries) < 4500 {
		t.Errorf("%d entries", len(entries))
	}
	listed := w.Requests(http.MethodGet, "/directory/entries")
	if len(listed) != 3 {
		t.Errorf("%d requests", len(listed))
	}
	for _, r := range w.Requests("", "") {
		if strings.Contains(r.Path, "search") {
			t.Errorf("searched at RingCentral: %s", r.Path)
		}
	}
	last := crowd.Users[4499]
	x := directory.New(entries)
	if e, ok := x.Lookup(last.ID); !ok || e.Number != last.Number || e.Name == "" || e.Type != "User" {
		t.Errorf("the last: %+v", e)
	}
	if found := x.Search(last.Number, 3); len(found) == 0 || found[0].ID != last.ID {
		t.Errorf("found %+v", found)
	}
}
