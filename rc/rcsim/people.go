package rcsim

import (
	"cmp"
	"slices"
	"strings"
)

// directory is the account, indexed: a lookup costs the same with ten people and with ten thousand. It belongs to the
// server; people's phones, presence and permissions change, who there is does not.
type directory struct {
	account  *Account
	users    []*User  // in the order of the account, then the guests
	sorted   []*User  // of the server's own account, by extension number
	entries  []*entry // everything with an extension number in the server's own account, as lists show it
	byID     map[string]*User
	byNumber map[string]*User // of the server's own account
	byDirect map[string]*User // of the server's own account
	byJWT    map[string]*User
	clients  map[string]*Client

	queues        map[string]*Queue // by extension number and direct number
	queuesByID    map[string]*Queue
	queuesOf      map[string][]*Queue // by extension number of a member
	services      map[string]*Service // by extension number
	servicesByID  map[string]*Service
	groups        map[string]*Group
	groupsOf      map[string][]*Group // by extension number of a member, either permission
	monitored     map[pair]struct{}   // supervisor and agent, extension numbers
	watchers      map[string][]*User  // whose phone lines show an extension number
	admirers      map[string][]*User  // whose favourites hold an extension number
	outsiderNames map[string]string
	off           map[pair]struct{} // queue and member (ids) who takes no calls of that queue
}

type pair struct{ a, b string }

func newDirectory(opt Options) *directory {
	a := *opt.Account
	d := &directory{
		account: &a, byID: map[string]*User{}, byNumber: map[string]*User{}, byDirect: map[string]*User{}, byJWT: map[string]*User{}, clients: map[string]*Client{},
		queues: map[string]*Queue{}, queuesByID: map[string]*Queue{}, queuesOf: map[string][]*Queue{},
		services: map[string]*Service{}, servicesByID: map[string]*Service{},
		groups: map[string]*Group{}, groupsOf: map[string][]*Group{}, monitored: map[pair]struct{}{},
		watchers: map[string][]*User{}, admirers: map[string][]*User{}, outsiderNames: map[string]string{}, off: map[pair]struct{}{},
	}
	for _, u := range a.Users {
		d.add(u, false)
	}
	for _, u := range opt.Guests {
		d.add(u, true)
	}
	slices.SortFunc(d.sorted, func(a, b *User) int {
		return cmp.Or(cmp.Compare(len(a.Number), len(b.Number)), strings.Compare(a.Number, b.Number))
	})
	d.sorted = slices.Clip(d.sorted)
	d.indexQueues()
	d.indexGroups()
	for i := range a.Services {
		v := &a.Services[i]
		d.servicesByID[v.ID], d.services[v.Number] = v, v
	}
	d.entries = slices.Concat(rows(d.sorted, (*User).entry), rows(pointers(a.Queues), (*Queue).entry), rows(pointers(a.Services), (*Service).entry))
	for _, o := range a.Outside {
		d.outsiderNames[o.Number] = o.Name
	}
	for _, c := range a.Clients {
		c.Scopes = slices.Clone(c.Scopes)
		d.clients[c.ID] = &c
	}
	return d
}

func (d *directory) add(u User, guest bool) {
	u.AccountID = cmp.Or(u.AccountID, d.account.ID)
	u.JWT = cmp.Or(u.JWT, demoJWT(u.ID))
	u.Devices, u.WebPhones, u.Lacks = slices.Clone(u.Devices), slices.Clone(u.WebPhones), slices.Clone(u.Lacks)
	d.users = append(d.users, &u)
	d.byID[u.ID], d.byJWT[u.JWT] = &u, &u
	if guest {
		return
	}
	d.byNumber[u.Number] = &u
	d.sorted = append(d.sorted, &u)
	if u.Direct != "" {
		d.byDirect[u.Direct] = &u
	}
	for _, n := range u.Lines {
		d.watchers[n] = append(d.watchers[n], &u)
	}
	for _, n := range u.Favorites {
		d.admirers[n] = append(d.admirers[n], &u)
	}
}

func (d *directory) indexQueues() {
	for i := range d.account.Queues {
		q := &d.account.Queues[i]
		d.queuesByID[q.ID] = q
		for _, key := range []string{q.Number, q.Direct} {
			if key != "" {
				d.queues[key] = q
			}
		}
		for _, m := range q.Members {
			d.queuesOf[m] = append(d.queuesOf[m], q)
		}
	}
	if len(d.account.Queues) > 0 && d.account.MainNumber != "" {
		d.queues[d.account.MainNumber] = &d.account.Queues[0]
	}
}

func (d *directory) indexGroups() {
	for i := range d.account.Groups {
		g := &d.account.Groups[i]
		d.groups[g.ID] = g
		for _, m := range g.members() {
			d.groupsOf[m] = append(d.groupsOf[m], g)
		}
		for _, a := range g.Monitoring {
			for _, b := range g.Monitored {
				d.monitored[pair{a, b}] = struct{}{}
			}
		}
	}
}

// members are the extension numbers of a group, each once, in order.
func (g *Group) members() []string {
	all := slices.Concat(g.Monitoring, g.Monitored)
	slices.Sort(all)
	return slices.Compact(all)
}

// phones are the people of the server's own account in order of extension number. The caller changes nothing.
func (d *directory) phones() []*User { return d.sorted }

// find is the person of the server's account with that extension number or direct number.
func (d *directory) find(number string) *User {
	if u := d.byNumber[number]; u != nil {
		return u
	}
	return d.byDirect[number]
}

// person is who has that extension number or extension id, guests too.
func (d *directory) person(name string) *User {
	if u := d.byNumber[name]; u != nil {
		return u
	}
	return d.byID[name]
}

// queue is the call queue with that extension number or direct number; the main number is the first queue's.
func (d *directory) queue(number string) *Queue { return d.queues[number] }

// members are the people of a queue.
func (d *directory) members(q *Queue) []*User {
	var out []*User
	for _, m := range q.Members {
		if u := d.byNumber[m]; u != nil {
			out = append(out, u)
		}
	}
	return out
}

// exists reports whether an account has an extension with that id, with a person behind it or not.
func (d *directory) exists(id, account string) bool {
	_, ok := d.entry(id, account)
	return ok
}

// takers are the members who take calls of the queue: neither away from this queue nor from all of them.
func (d *directory) takers(q *Queue) []*User {
	return slices.DeleteFunc(d.members(q), func(u *User) bool { return d.away(q, u) || !u.takes(true) })
}

// away reports whether a member has switched off the calls of that queue.
func (d *directory) away(q *Queue, u *User) bool {
	_, off := d.off[pair{q.ID, u.ID}]
	return off
}

// setAway switches the calls of a queue off or on for a member, and reports whether that changed anything.
func (d *directory) setAway(q *Queue, u *User, off bool) bool {
	was := d.away(q, u)
	if off {
		d.off[pair{q.ID, u.ID}] = struct{}{}
	} else {
		delete(d.off, pair{q.ID, u.ID})
	}
	return was != off
}

// outsiderName is what caller id shows for an outside number.
func (d *directory) outsiderName(number string) string { return d.outsiderNames[number] }

// monitors reports whether a supervises b in some call monitoring group.
func (d *directory) monitors(a, b *User) bool {
	if a == nil || b == nil || a.AccountID != d.account.ID {
		return false
	}
	_, ok := d.monitored[pair{a.Number, b.Number}]
	return ok
}

// online reports whether some phone of the person is registered.
func (u *User) online() bool {
	return slices.ContainsFunc(u.Devices, func(d Device) bool { return d.Online })
}

// device is the id of the phone that the person uses.
func (u *User) device() string {
	for _, d := range u.Devices {
		if d.Online {
			return d.ID
		}
	}
	return ""
}

// pointers are the addresses of the elements.
func pointers[T any](all []T) []*T {
	out := make([]*T, len(all))
	for i := range all {
		out[i] = &all[i]
	}
	return out
}
