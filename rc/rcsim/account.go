package rcsim

import "strings"

// Account is the company that the server simulates.
type Account struct {
	ID         string
	Name       string
	MainNumber string
	Users      []User
	Queues     []Queue
	Services   []Service
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
	// WebPhones are the person's RingCentral app and browser phones: GET webapp-devices lists them, GET device does not.
	WebPhones []Device
	// Forwarding are the numbers that a call can be forwarded or flipped to.
	Forwarding []ForwardingNumber
	// Lines and Favorites are the colleagues (extension numbers) whose presence the person's phone and app watch.
	Lines, Favorites []string
	// Lacks names user permissions that the person's role does not have (403 CMN-408), for instance ReadPresenceStatus;
	// ThirdPartyAppAccess refuses sign-in.
	Lacks []string

	set settings
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

// ForwardingNumber is another number of a person.
type ForwardingNumber struct {
	ID     string
	Number string // E.164
	Label  string
	Type   string // PhoneLine, Mobile, Home, Work, Other …
	Flip   string // shortcut for call flip, "1" to "8"; empty: the number is for forwarding only
}

// The kinds of a Service, as the extension list spells them.
const (
	TypeMenu         = "IvrMenu"
	TypeParkLocation = "ParkLocation"
	TypeAnnouncement = "Announcement"
)

// Service is an extension without a person behind it: a menu, a park location, an announcement. It has no phone, and its
// presence always reads Offline.
type Service struct {
	ID     string
	Number string
	Type   string
	Name   string
	// Members may park calls in a park location and pick them up there; extension numbers.
	Members []string
}

// Queue is a call queue; a call to its number rings every idle member.
type Queue struct {
	ID      string
	Number  string
	Name    string
	Direct  string
	Members []string // extension numbers
	// Fixed forbids the members to change their status in the queue (editableMemberStatus is false).
	Fixed bool
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
	Grants       []string // grant types that the app may use; empty: every one
	NoRefresh    bool     // the app's setting "Issue refresh tokens" is off
}

// only is the redirect URI of an app that has a single one; it need not be named then.
func (c Client) only() string {
	if len(c.Redirects) == 1 && c.LoopbackPath == "" {
		return c.Redirects[0]
	}
	return ""
}

// Public reports whether the client has no secret.
func (c Client) Public() bool { return c.Secret == "" }

// AllScopes are the application permissions of the demo apps (API sheet 2.6).
func AllScopes() []string {
	return []string{"CallControl", "EditPresence", "ReadAccounts", "ReadCallLog", "ReadPresence", "RingOut", "WebSocket"}
}
