package rcsim_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// Helpers of the tests of the call-control verbs.

const mobile102 = "+15105550102"

// in is the world in a subtest.
func (w *world) in(t *testing.T) *world {
	t.Helper()
	sub := *w
	sub.t = t
	return &sub
}

// as does a request as a person and wants a status; it returns the answer's JSON object, nil when there is none.
func (w *world) as(who, method, path, body string, status int) map[string]any {
	w.t.Helper()
	if w.tokens[who] == "" {
		w.tokens[who] = w.signIn(who)
	}
	r := w.rest(w.tokens[who], method, path, body)
	if r.status != status {
		w.t.Fatalf("%s %s: %d %s, want %d\n%s", method, path, r.status, r.body, status, w.State())
	}
	if r.body == "" {
		return nil
	}
	return r.json(w.t)
}

// refused does a request that must be refused with a status and a code.
func (w *world) refused(who, method, path, body string, status int, code string) {
	w.t.Helper()
	if m := w.as(who, method, path, body, status); m["errorCode"] != code {
		w.t.Errorf("%s %s: %v, want %s", method, path, m, code)
	}
}

// status is the code and reason of a party that REST answered.
func status(party map[string]any) string {
	st := party["status"].(map[string]any)
	if st["reason"] == nil {
		return fmt.Sprint(st["code"])
	}
	return fmt.Sprint(st["code"], "/", st["reason"])
}

// phone is the n-th device of a person: 0 the soft phone, 1 the desk phone.
func (w *world) phone(extension string, n int) string {
	w.t.Helper()
	return w.person(extension).Devices[n].ID
}

func (w *world) person(extension string) rcsim.User {
	w.t.Helper()
	users := w.Account().Users
	i := slices.IndexFunc(users, func(u rcsim.User) bool { return u.Number == extension })
	return users[i]
}

// answered is a call of the customer that a person has answered.
func (w *world) answered(extension string) string {
	w.t.Helper()
	id := w.call(customer, extension)
	w.must(w.Answer(extension, id))
	return id
}

// sequence is a story and the events of a call that follow it.
type sequence struct {
	name string
	opt  rcsim.Options
	play func(*world) string // returns the session
	want []string
}

// check plays the story before an account-level subscriber, and sees that nothing more is said.
func (c sequence) check(t *testing.T) {
	t.Helper()
	t.Run(c.name, func(t *testing.T) {
		t.Helper()
		w := newWorld(t, c.opt)
		socket := w.open("100", "/restapi/v1.0/account/~/telephony/sessions")
		id := c.play(w)
		if got := stream(socket, len(c.want), id); !slices.Equal(got, c.want) {
			t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(c.want, "\n"))
		}
		s, _ := w.State().Session(id)
		last := 1
		for _, p := range s.Parties {
			last = max(last, p.Seq)
		}
		if last != len(c.want)+1 {
			t.Errorf("the last event is %d\n%s", last, w.State())
		}
	})
}
