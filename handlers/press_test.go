package handlers_test

import (
	"net/http"
	"net/url"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/web/problem"
)

var ends = board.Ends{CustomerSession: "s-1", CustomerParty: "p-1-2", ConsultSession: "s-2", ConsultParty: "p-2-1"}

func TestAPressIsTheClaimOfWhatWasSeen(t *testing.T) {
	t.Parallel()
	pair := url.Values{"customer_session": {"s-1"}, "customer_party": {"p-1-2"}, "consult_session": {"s-2"}, "consult_party": {"p-2-1"}, "revision": {"7"}}
	leg := url.Values{"session": {"s-1"}, "party": {"p-1-2"}, "revision": {"7"}}
	for _, tc := range []struct {
		path string
		form url.Values
		want board.Claim
	}{
		{"complete", pair, board.Claim{Action: board.ActionComplete, Ends: ends, Revision: 7}},
		{"back", pair, board.Claim{Action: board.ActionBack, Ends: ends, Revision: 7}},
		{"choose", url.Values{"customer_session": {"s-1"}, "consult_session": {"s-2"}, "party_s-1": {"p-1-2"}, "party_s-2": {"p-2-1"}, "party_s-3": {"p-3-1"}, "revision": {"7"}}, board.Claim{Action: board.ActionChoose, Ends: ends, Revision: 7}},
		{"hold", leg, board.Claim{Action: board.ActionHold, SessionID: "s-1", PartyID: "p-1-2", Revision: 7}},
		{"unhold", leg, board.Claim{Action: board.ActionUnhold, SessionID: "s-1", PartyID: "p-1-2", Revision: 7}},
		{"hangup", leg, board.Claim{Action: board.ActionHangUp, SessionID: "s-1", PartyID: "p-1-2", Revision: 7}},
		{"reread", leg, board.Claim{Action: board.ActionReread, SessionID: "s-1", PartyID: "p-1-2", Revision: 7}},
		{"reread", url.Values{}, board.Claim{Action: board.ActionReread}},     // every call
		{"complete", url.Values{}, board.Claim{Action: board.ActionComplete}}, // refused by the desk
	} {
		t.Run(tc.path, func(t *testing.T) {
			t.Parallel()
			o := newOffice(t)
			if a := o.ask(t, http.MethodPost, "/desk/"+tc.path, tc.form); a.status != http.StatusSeeOther || a.header.Get("Location") != "/desk" {
				t.Errorf("a plain form is answered %d, to %q", a.status, a.header.Get("Location"))
			}
			if a := o.ask(t, http.MethodPost, "/desk/"+tc.path, tc.form, "HX-Request", "true"); a.status != http.StatusNoContent || a.body != "" {
				t.Errorf("the script's press is answered %d with %q", a.status, a.body)
			}
			if diff := cmp.Diff([]board.Claim{tc.want, tc.want}, o.desks.did()); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestAPressThatMakesNoSenseReachesNoDesk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, form := range []url.Values{
		{"session": {"s-1/../../p"}, "party": {"p"}, "revision": {"1"}},
		{"session": {"s 1"}},
		{"party": {"<script>"}},
		{"session": {string(make([]byte, 200))}},
		{"revision": {"-1"}},
		{"revision": {"x"}},
	} {
		if a := o.ask(t, http.MethodPost, "/desk/hold", form); a.status != http.StatusBadRequest {
			t.Errorf("%v: status %d", form, a.status)
		}
	}
	if did := o.desks.did(); len(did) > 0 {
		t.Errorf("a desk was asked for %v", did)
	}
}

func TestAPressThatCameToNothingSaysSoOnTheDesk(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		refuse *problem.Problem
		status int
		words  string
	}{
		{problem.NewChanged(nil), http.StatusConflict, "This changed while you pressed."},
		{problem.NewNotFound(nil), http.StatusNotFound, "no such thing"},
		{problem.NewUnavailable(problem.ServiceRingCentral, nil), http.StatusServiceUnavailable, "Not sent"},
	} {
		o := newOffice(t)
		o.desks.refuse = tc.refuse
		form := url.Values{"session": {"s-1"}, "party": {"p-1-2"}, "revision": {"1"}}
		plain := o.ask(t, http.MethodPost, "/desk/hold", form)
		if plain.status != tc.status {
			t.Errorf("%s: a plain form is answered %d, want %d", tc.refuse.Code, plain.status, tc.status)
		}
		plain.wantFound(t, "problem", tc.words)
		plain.wantFound(t, "bay-customer", "Eleanor Marsh")
		script := o.ask(t, http.MethodPost, "/desk/hold", form, "HX-Request", "true")
		if script.status != tc.status {
			t.Errorf("%s: the script's press is answered %d, want %d", tc.refuse.Code, script.status, tc.status)
		}
		script.wantFound(t, "problem", tc.words)
		if _, whole := script.find(t, "bay-customer"); whole {
			t.Errorf("%s: the script got a whole page", tc.refuse.Code)
		}
	}
}
