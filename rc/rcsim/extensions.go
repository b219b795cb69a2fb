package rcsim

import (
	"net/http"
	"slices"
	"strconv"
)

// The account, the caller and the extensions of the account (API sheet, section 9).

func extensionOperations() []operation {
	return []operation{
		{name: "account", method: http.MethodGet, path: pathAccount, group: groupLight, scope: "ReadAccounts", permission: "ReadCompanyInfo", serve: (*call).getAccount},
		{name: "me", method: http.MethodGet, path: pathExtension, group: groupLight, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).getExtension},
		{name: "extensions", method: http.MethodGet, path: pathAccount + "/extension", group: groupMedium, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).listExtensions},
		{name: "roleCheck", method: http.MethodGet, path: pathExtension + "/authz-profile/check", group: groupLight, serve: (*call).checkPermission},
	}
}

// number is an id as a JSON number.
func number(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

func (c *call) accountURI() string { return c.s.uri(c.r, "/restapi/v1.0/account/"+c.user.AccountID) }

func (c *call) extensionURI(id string) string { return c.accountURI() + "/extension/" + id }

type extensionWire struct {
	URI             string          `json:"uri"`
	ID              int64           `json:"id"`
	ExtensionNumber string          `json:"extensionNumber"`
	Name            string          `json:"name"`
	Type            string          `json:"type"`
	Status          string          `json:"status"`
	Hidden          bool            `json:"hidden"`
	Account         *accountRef     `json:"account,omitempty"`
	Contact         contactWire     `json:"contact"`
	Permissions     permissionsWire `json:"permissions"`
	ServiceFeatures []featureWire   `json:"serviceFeatures,omitempty"`
}

type accountRef struct {
	URI string `json:"uri"`
	ID  string `json:"id"`
}

type contactWire struct {
	FirstName     string `json:"firstName,omitempty"`
	LastName      string `json:"lastName,omitempty"`
	Company       string `json:"company,omitempty"`
	JobTitle      string `json:"jobTitle,omitempty"`
	Email         string `json:"email,omitempty"`
	BusinessPhone string `json:"businessPhone,omitempty"`
	Department    string `json:"department,omitempty"`
}

type enabledWire struct {
	Enabled bool `json:"enabled"`
}

type permissionsWire struct {
	Admin                enabledWire `json:"admin"`
	InternationalCalling enabledWire `json:"internationalCalling"`
}

type featureWire struct {
	FeatureName string `json:"featureName"`
	Enabled     bool   `json:"enabled"`
}

// entry is an extension of any type as lists show it.
type entry struct {
	id, number, kind, first, last, name, email, title, department, direct string
	admin                                                                 bool
}

func (u *User) entry() *entry {
	return &entry{u.ID, u.Number, "User", u.First, u.Last, u.Name(), u.Email, u.JobTitle, u.Team, u.Direct, u.Admin}
}

func (q *Queue) entry() *entry {
	return &entry{id: q.ID, number: q.Number, kind: "Department", name: q.Name, direct: q.Direct}
}

func (v *Service) entry() *entry {
	return &entry{id: v.ID, number: v.Number, kind: v.Type, name: v.Name}
}

// entries are the extensions of the caller's account that fit: people, then queues, then services.
func (c *call) entries(fits func(*entry) bool) []*entry {
	all := c.s.dir.entries
	if c.user.AccountID != c.s.dir.account.ID {
		all = []*entry{c.user.entry()}
	}
	var out []*entry
	for _, e := range all {
		if fits(e) {
			out = append(out, e)
		}
	}
	return out
}

// people are the colleagues of the caller, by extension number.
func (c *call) people() []*User {
	if c.user.AccountID != c.s.dir.account.ID {
		return []*User{c.user}
	}
	return c.s.dir.phones()
}

func (c *call) extensionWire(e *entry) extensionWire {
	w := extensionWire{
		URI: c.extensionURI(e.id), ID: number(e.id), ExtensionNumber: e.number, Name: e.name, Type: e.kind, Status: "Enabled",
		Contact:     contactWire{FirstName: e.first, LastName: e.last, JobTitle: e.title, Email: e.email, BusinessPhone: e.direct, Department: e.department},
		Permissions: permissionsWire{Admin: enabledWire{e.admin}},
	}
	if e.kind == "User" {
		w.Contact.Company = c.s.dir.account.Name
	} else {
		w.Contact.FirstName = e.name
	}
	return w
}

// getExtension is any extension of the account; serviceFeatures only of the caller's own.
func (c *call) getExtension() (int, any, error) {
	id := c.r.PathValue("extensionId")
	if id == "~" {
		id = c.user.ID
	}
	e, ok := c.s.dir.entry(id, c.user.AccountID)
	if !ok {
		return 0, nil, missing("extensionId")
	}
	w := c.extensionWire(e)
	w.Account = &accountRef{URI: c.accountURI(), ID: c.user.AccountID}
	if id == c.user.ID {
		for _, name := range []string{"CallForwarding", "CallPark", "CallSupervision", "DND", "OnDemandCallRecording", "Presence", "RingOut"} {
			w.ServiceFeatures = append(w.ServiceFeatures, featureWire{name, true})
		}
	}
	return http.StatusOK, w, nil
}

// entry is the extension of any type with that id.
func (d *directory) entry(id, account string) (*entry, bool) {
	if u := d.byID[id]; u != nil {
		return u.entry(), u.AccountID == account
	}
	if q := d.queuesByID[id]; q != nil {
		return q.entry(), account == d.account.ID
	}
	if v := d.servicesByID[id]; v != nil {
		return v.entry(), account == d.account.ID
	}
	return nil, false
}

func (c *call) getAccount() (int, any, error) {
	return http.StatusOK, map[string]any{
		"uri": c.accountURI(), "id": number(c.user.AccountID), "mainNumber": c.s.dir.account.MainNumber, "status": "Confirmed",
		"setupWizardState": "Completed",
	}, nil
}

// listExtensions filters by type, status, extensionNumber and email; each may be named several times.
func (c *call) listExtensions() (int, any, error) {
	all := c.entries(func(e *entry) bool {
		return c.asks("type", e.kind) && c.asks("status", "Enabled") && c.asks("extensionNumber", e.number) && c.asks("email", e.email)
	})
	return page(c, all, c.extensionWire, 100, 1000)
}

// checkPermission is whether the caller's role has a user permission.
func (c *call) checkPermission() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	q := c.r.URL.Query()
	id := q.Get("permissionId")
	if id == "" {
		return 0, nil, invalid("permissionId")
	}
	return http.StatusOK, map[string]any{
		"uri":        c.extensionURI(u.ID) + "/authz-profile/check?" + q.Encode(),
		"successful": u.may(id),
		"details": map[string]any{
			"permission": map[string]any{"uri": c.s.uri(c.r, "/restapi/v1.0/dictionary/permission/"+id), "id": id},
		},
	}, nil
}

// may reports whether the person's role has a permission: all but the ones it lacks, and the administrator's own only as one.
func (u *User) may(permission string) bool {
	return !slices.Contains(u.Lacks, permission) && (u.Admin || !slices.Contains(adminPermissions, permission))
}

// adminPermissions are user permissions that only an administrator's role has.
var adminPermissions = []string{"AddRemoveUsers", "EditCompanyInfo", "EditUserInfo", "Groups", "ReadCompanyCallLog", "ReadCompanyPhoneNumbers", "Users"}
