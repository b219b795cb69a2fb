package rcsim_test

import (
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func TestCrowd(t *testing.T) {
	const people, team = 10_000, 15
	a := rcsim.Crowd(people, team)
	seen := map[string]string{}
	once := func(kind, value, who string) {
		if other, twice := seen[kind+value]; twice || value == "" {
			t.Fatalf("%s %q of %s is also %s's", kind, value, who, other)
		}
		seen[kind+value] = who
	}
	for _, u := range a.Users {
		once("id ", u.ID, u.Number)
		once("number ", u.Number, u.Number)
		once("name ", u.Name(), u.Number)
		once("direct number ", u.Direct, u.Number)
		once("email ", u.Email, u.Number)
		for _, d := range u.Devices {
			once("id ", d.ID, u.Number)
		}
	}
	if len(a.Users) != people || len(a.Groups) != 667 || len(a.Groups[0].Monitored) != team-1 || len(a.Queues) != len(a.Groups) {
		t.Errorf("%d people, %d groups, %d queues", len(a.Users), len(a.Groups), len(a.Queues))
	}
	w := newWorld(t, rcsim.Options{Account: &a})
	token := w.signIn(a.Groups[3].Monitoring[0])
	r := w.rest(token, "GET", account+"/call-monitoring-groups?memberExtensionId=~", "")
	if rows := r.json(t)["records"].([]any); len(rows) != 1 || rows[0].(map[string]any)["name"] != a.Groups[3].Name {
		t.Errorf("a supervisor is in one group: %s", r.body)
	}
	id := w.call(customer, a.Groups[3].Monitored[2])
	w.must(w.Answer(a.Groups[3].Monitored[2], id))
	w.await(rcsim.Talking(customer, a.Groups[3].Monitored[2]))
}

func TestCrowdBeyondTheNames(t *testing.T) {
	seen := map[string]bool{}
	for _, u := range rcsim.Crowd(25_000, 20).Users {
		if seen[u.Name()] {
			t.Fatalf("two people are called %s", u.Name())
		}
		seen[u.Name()] = true
	}
}
