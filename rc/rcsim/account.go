package rcsim

import (
	"encoding/base64"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// The demo account's two registered apps.
const (
	ConfidentialClient = "demoServerSideWebApp"
	PublicClient       = "demoClientSideWebApp"
)

// Account is the company that the server simulates.
type Account struct {
	ID         string
	Name       string
	MainNumber string
	Users      []User
	Queues     []Queue
	Groups     []Group
	Outside    []Outsider
	Clients    []Client
}

// User is an extension with a person behind it.
type User struct {
	ID        string // extension id, digits
	AccountID string // empty means the server's account
	Number    string // extension number
	First     string
	Last      string
	Email     string
	JobTitle  string
	Team      string
	Direct    string // direct number, E.164
	Admin     bool
	JWT       string // credential for the jwt-bearer grant
	Devices   []Device
	// Lacks names user permissions that the person's role does not have (403 CMN-408), for instance ReadPresenceStatus;
	// ThirdPartyAppAccess refuses sign-in.
	Lacks []string
}

// Name is the person's full name.
func (u User) Name() string { return strings.TrimSpace(u.First + " " + u.Last) }

// Device is a phone of an extension.
type Device struct {
	ID     string
	Type   string // SoftPhone, HardPhone, …
	Name   string
	Online bool
}

// Queue is a call queue; a call to its number rings every idle member.
type Queue struct {
	ID      string
	Number  string
	Name    string
	Direct  string
	Members []string // extension numbers
}

// Group is a call monitoring group; people are named by extension number.
type Group struct {
	ID         string
	Name       string
	Monitoring []string
	Monitored  []string
}

// Outsider is somebody with an ordinary telephone.
type Outsider struct {
	Number string // E.164
	Name   string // what caller id shows; may be empty
}

// Client is a registered app.
type Client struct {
	ID           string
	Secret       string   // empty: a public client, PKCE only
	Name         string   // shown on the authorize page
	LoopbackPath string   // redirect path accepted on any loopback port
	Redirects    []string // further exact redirect URIs
	Scopes       []string // application permissions
}

// Public reports whether the client has no secret.
func (c Client) Public() bool { return c.Secret == "" }

// AllScopes are the application permissions of the demo apps (API sheet 2.6).
func AllScopes() []string {
	return []string{"CallControl", "EditPresence", "ReadAccounts", "ReadCallLog", "ReadPresence", "WebSocket"}
}

// DemoAccount is Brightwater Mutual: fifteen people, two teams with a supervisor each, one administrator, a call queue,
// two apps and six outside callers.
func DemoAccount() Account {
	const care, claims, office = "Member Care", "Claims", "Office"
	people := []struct{ number, first, last, title, team string }{
		{"100", "Ines", "Duarte", "IT Administrator", office},
		{"101", "Grace", "Okafor", "Member Care Supervisor", care},
		{"102", "Jordan", "Whitfield", "Member Care Agent", care},
		{"103", "Mei-Ling", "Tan", "Member Care Agent", care},
		{"104", "Rafael", "Cardoso", "Member Care Agent", care},
		{"105", "Siobhán", "Kearney", "Member Care Agent", care},
		{"106", "Tomasz", "Zieliński", "Member Care Agent", care},
		{"107", "Priya", "Raman", "Member Care Specialist", care},
		{"111", "Viktor", "Lindqvist", "Claims Supervisor", claims},
		{"112", "Amara", "Diallo", "Claims Adjuster", claims},
		{"113", "Luca", "Ferraro", "Claims Adjuster", claims},
		{"114", "Hannah", "Brandt", "Claims Adjuster", claims},
		{"115", "Noor", "Haddad", "Claims Adjuster", claims},
		{"116", "Kenji", "Watanabe", "Claims Investigator", claims},
		{"117", "Zoë", "van der Meer", "Claims Clerk", claims},
	}
	a := Account{ID: "400131426008", Name: "Brightwater Mutual", MainNumber: "+16285550199"}
	for i, p := range people {
		id := fmt.Sprintf("4001315%02d008", 10+i)
		ascii := strings.NewReplacer("á", "a", "ń", "n", "ë", "e", " ", "", "-", "").Replace(strings.ToLower(p.first + "." + p.last))
		a.Users = append(a.Users, User{
			ID: id, Number: p.number, First: p.first, Last: p.last, JobTitle: p.title, Team: p.team,
			Email:  ascii + "@brightwater.example",
			Direct: "+16285550" + p.number,
			Admin:  p.team == office,
			JWT:    demoJWT(id),
			Devices: []Device{
				{ID: fmt.Sprintf("8015%02d426008", 10+i), Type: "SoftPhone", Name: "RingCentral Phone (" + p.first + ")", Online: true},
				{ID: fmt.Sprintf("8016%02d426008", 10+i), Type: "HardPhone", Name: "Desk phone " + p.number, Online: i%3 == 0},
			},
		})
	}
	numbers := func(team, except string) (out []string) {
		for _, p := range people {
			if p.team == team && p.number != except {
				out = append(out, p.number)
			}
		}
		return out
	}
	a.Groups = []Group{
		{ID: "78901008", Name: care, Monitoring: []string{"101"}, Monitored: numbers(care, "101")},
		{ID: "78902008", Name: claims, Monitoring: []string{"111"}, Monitored: numbers(claims, "111")},
	}
	a.Queues = []Queue{{ID: "400131590008", Number: "300", Name: "Member Care line", Direct: "+16285550300", Members: []string{"104", "105", "106"}}}
	a.Outside = []Outsider{
		{"+16505550142", "Eleanor Marsh"},
		{"+16505550117", "Omar Castellanos"},
		{"+16505550163", "Patricia Núñez"},
		{"+16505550188", "Halden & Sons Roofing"},
		{"+16505550129", "W. Kowalczyk"},
		{"+16505550175", ""},
	}
	a.Clients = []Client{
		{ID: ConfidentialClient, Secret: "demoSecretOfTheServerSideWebApp", Name: "Cordboard", LoopbackPath: "/oauth/callback", Scopes: AllScopes()},
		{ID: PublicClient, Name: "Cordboard (public client)", LoopbackPath: "/oauth/callback", Scopes: AllScopes()},
	}
	return a
}

// demoJWT is a credential in the shape of a JSON Web Token; the server compares it whole and checks no signature.
func demoJWT(sub string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256","kid":"rcsim"}`)) + "." +
		enc([]byte(`{"aud":"rcsim","iss":"rcsim","sub":"`+sub+`","jti":"demo"}`)) + "." +
		enc([]byte("simulated-"+sub))
}

// directory is the account, indexed; it belongs to the server and may be changed by faults.
type directory struct {
	account  *Account
	users    []*User
	byID     map[string]*User
	byNumber map[string]*User // of the server's own account
	clients  map[string]*Client
}

func newDirectory(opt Options) *directory {
	a := *opt.Account
	d := &directory{account: &a, byID: map[string]*User{}, byNumber: map[string]*User{}, clients: map[string]*Client{}}
	add := func(u User, guest bool) {
		if u.AccountID == "" {
			u.AccountID = a.ID
		}
		if u.JWT == "" {
			u.JWT = demoJWT(u.ID)
		}
		u.Devices, u.Lacks = slices.Clone(u.Devices), slices.Clone(u.Lacks)
		d.users = append(d.users, &u)
		d.byID[u.ID] = &u
		if !guest {
			d.byNumber[u.Number] = &u
		}
	}
	for _, u := range a.Users {
		add(u, false)
	}
	for _, u := range opt.Guests {
		add(u, true)
	}
	for _, c := range a.Clients {
		c.Scopes = slices.Clone(c.Scopes)
		d.clients[c.ID] = &c
	}
	return d
}

// phones are the people of the server's own account in order of extension number.
func (d *directory) phones() []*User {
	return slices.SortedFunc(maps.Values(d.byNumber), func(a, b *User) int { return strings.Compare(a.Number, b.Number) })
}

// find is the person of the server's account with that extension number or direct number.
func (d *directory) find(number string) *User {
	if u := d.byNumber[number]; u != nil {
		return u
	}
	for _, u := range d.byNumber {
		if u.Direct != "" && u.Direct == number {
			return u
		}
	}
	return nil
}

// person is who has that extension number or extension id, guests too.
func (d *directory) person(name string) *User {
	if u := d.byNumber[name]; u != nil {
		return u
	}
	return d.byID[name]
}

// queue is the call queue with that extension number or direct number; the main number is the first queue's.
func (d *directory) queue(number string) *Queue {
	for i := range d.account.Queues {
		q := &d.account.Queues[i]
		if q.Number == number || q.Direct == number || number == d.account.MainNumber {
			return q
		}
	}
	return nil
}

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

// outsiderName is what caller id shows for an outside number.
func (d *directory) outsiderName(number string) string {
	for _, o := range d.account.Outside {
		if o.Number == number {
			return o.Name
		}
	}
	return ""
}

// monitors reports whether a supervises b in some call monitoring group.
func (d *directory) monitors(a, b *User) bool {
	return b != nil && slices.ContainsFunc(d.account.Groups, func(g Group) bool {
		return slices.Contains(g.Monitoring, a.Number) && slices.Contains(g.Monitored, b.Number)
	})
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
