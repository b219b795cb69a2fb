package rcsim

import (
	"bytes"
	"mime/multipart"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
)

// People, devices, groups and presence (API sheet, section 9).

// number is an id as a JSON number.
func number(id string) int64 {
	n, _ := strconv.ParseInt(id, 10, 64)
	return n
}

func (c *call) accountURI() string { return c.s.uri(c.r, "/restapi/v1.0/account/"+c.user.AccountID) }

func (c *call) extensionURI(u *User) string { return c.accountURI() + "/extension/" + u.ID }

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
	FirstName     string `json:"firstName"`
	LastName      string `json:"lastName"`
	Company       string `json:"company"`
	JobTitle      string `json:"jobTitle,omitempty"`
	Email         string `json:"email"`
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

func (c *call) extensionWire(u *User) extensionWire {
	return extensionWire{
		URI: c.extensionURI(u), ID: number(u.ID), ExtensionNumber: u.Number, Name: u.Name(), Type: "User", Status: "Enabled",
		Contact: contactWire{
			FirstName: u.First, LastName: u.Last, Company: c.s.dir.account.Name, JobTitle: u.JobTitle, Email: u.Email,
			BusinessPhone: u.Direct, Department: u.Team,
		},
		Permissions: permissionsWire{Admin: enabledWire{u.Admin}},
	}
}

func (c *call) getExtension() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	w := c.extensionWire(u)
	w.Account = &accountRef{URI: c.accountURI(), ID: u.AccountID}
	if u == c.user {
		for _, name := range []string{"CallForwarding", "CallPark", "DND", "Presence"} {
			w.ServiceFeatures = append(w.ServiceFeatures, featureWire{name, true})
		}
	}
	return http.StatusOK, w, nil
}

func (c *call) getAccount() (int, any, error) {
	return http.StatusOK, map[string]any{
		"uri": c.accountURI(), "id": number(c.user.AccountID), "mainNumber": c.s.dir.account.MainNumber, "status": "Confirmed",
		"setupWizardState": "Completed",
	}, nil
}

// people are the colleagues of the caller, by extension number.
func (c *call) people() []*User {
	if c.user.AccountID != c.s.dir.account.ID {
		return []*User{c.user}
	}
	return c.s.dir.phones()
}

func (c *call) listExtensions() (int, any, error) {
	q := c.r.URL.Query()
	rows := []extensionWire{}
	for _, u := range c.people() {
		if (q.Get("extensionNumber") == "" || q.Get("extensionNumber") == u.Number) && (q.Get("email") == "" || q.Get("email") == u.Email) &&
			(!q.Has("type") || slices.Contains(q["type"], "User")) && (!q.Has("status") || slices.Contains(q["status"], "Enabled")) {
			rows = append(rows, c.extensionWire(u))
		}
	}
	return page(c, rows, 100, 1000)
}

type directoryWire struct {
	ID              string        `json:"id"`
	Type            string        `json:"type"`
	Status          string        `json:"status"`
	FirstName       string        `json:"firstName,omitempty"`
	LastName        string        `json:"lastName,omitempty"`
	Name            string        `json:"name,omitempty"`
	ExtensionNumber string        `json:"extensionNumber"`
	Email           string        `json:"email,omitempty"`
	Department      string        `json:"department,omitempty"`
	JobTitle        string        `json:"jobTitle,omitempty"`
	PhoneNumbers    []phoneNumber `json:"phoneNumbers"`
	Account         struct {
		ID string `json:"id"`
	} `json:"account"`
}

type phoneNumber struct {
	PhoneNumber string `json:"phoneNumber"`
	Type        string `json:"type"`
	UsageType   string `json:"usageType"`
}

func (c *call) listDirectory() (int, any, error) {
	want := c.r.URL.Query().Get("type")
	rows := []directoryWire{}
	for _, u := range c.people() {
		if want != "" && want != "User" {
			break
		}
		w := directoryWire{
			ID: u.ID, Type: "User", Status: "Enabled", FirstName: u.First, LastName: u.Last, ExtensionNumber: u.Number, Email: u.Email,
			Department: u.Team, JobTitle: u.JobTitle, PhoneNumbers: []phoneNumber{},
		}
		if u.Direct != "" {
			w.PhoneNumbers = append(w.PhoneNumbers, phoneNumber{u.Direct, "VoiceFax", "DirectNumber"})
		}
		w.Account.ID = u.AccountID
		rows = append(rows, w)
	}
	if c.user.AccountID == c.s.dir.account.ID && (want == "" || want == "Department") {
		for _, q := range c.s.dir.account.Queues {
			w := directoryWire{ID: q.ID, Type: "Department", Status: "Enabled", Name: q.Name, ExtensionNumber: q.Number, PhoneNumbers: []phoneNumber{{q.Direct, "VoiceFax", "DirectNumber"}}}
			w.Account.ID = c.user.AccountID
			rows = append(rows, w)
		}
	}
	return page(c, rows, 1000, 2000)
}

type deviceWire struct {
	URI          string     `json:"uri"`
	ID           string     `json:"id"`
	Type         string     `json:"type"`
	Name         string     `json:"name"`
	Status       string     `json:"status"`
	Serial       string     `json:"serial,omitempty"`
	ComputerName string     `json:"computerName,omitempty"`
	LinePooling  string     `json:"linePooling"`
	PhoneLines   []struct{} `json:"phoneLines"`
	Extension    struct {
		URI             string `json:"uri"`
		ID              int64  `json:"id"`
		ExtensionNumber string `json:"extensionNumber"`
	} `json:"extension"`
}

func (c *call) listDevices() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	rows := []deviceWire{}
	for _, d := range u.Devices {
		if want := c.r.URL.Query().Get("type"); want != "" && want != d.Type {
			continue
		}
		w := deviceWire{
			URI: c.accountURI() + "/device/" + d.ID, ID: d.ID, Type: d.Type, Name: d.Name, Status: "Offline", LinePooling: "None", PhoneLines: []struct{}{},
		}
		if d.Online {
			w.Status = "Online"
		}
		if d.Type == "SoftPhone" {
			w.ComputerName = "desk-" + u.Number
		}
		w.Extension.URI, w.Extension.ID, w.Extension.ExtensionNumber = c.extensionURI(u), number(u.ID), u.Number
		rows = append(rows, w)
	}
	return page(c, rows, 100, 1000)
}

type groupWire struct {
	URI  string `json:"uri"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (c *call) groups() []Group {
	if c.user.AccountID != c.s.dir.account.ID {
		return nil
	}
	return c.s.dir.account.Groups
}

func (c *call) listGroups() (int, any, error) {
	member := c.r.URL.Query().Get("memberExtensionId")
	if member == "~" {
		member = c.user.ID
	}
	rows := []groupWire{}
	for _, g := range c.groups() {
		if member != "" {
			u := c.s.dir.byID[member]
			if u == nil || (!slices.Contains(g.Monitoring, u.Number) && !slices.Contains(g.Monitored, u.Number)) {
				continue
			}
		}
		rows = append(rows, groupWire{URI: c.accountURI() + "/call-monitoring-groups/" + g.ID, ID: g.ID, Name: g.Name})
	}
	return page(c, rows, 100, 1000)
}

type memberWire struct {
	URI             string   `json:"uri"`
	ID              string   `json:"id"`
	ExtensionNumber string   `json:"extensionNumber"`
	Permissions     []string `json:"permissions"`
}

func (c *call) listGroupMembers() (int, any, error) {
	id := c.r.PathValue("groupId")
	i := slices.IndexFunc(c.groups(), func(g Group) bool { return g.ID == id })
	if i < 0 {
		return 0, nil, missing("groupId")
	}
	g := c.groups()[i]
	rows := []memberWire{}
	for _, u := range c.s.dir.phones() {
		w := memberWire{URI: c.extensionURI(u), ID: u.ID, ExtensionNumber: u.Number}
		if slices.Contains(g.Monitoring, u.Number) {
			w.Permissions = append(w.Permissions, "Monitoring")
		}
		if slices.Contains(g.Monitored, u.Number) {
			w.Permissions = append(w.Permissions, "Monitored")
		}
		if w.Permissions != nil {
			rows = append(rows, w)
		}
	}
	return page(c, rows, 100, 1000)
}

type presenceWire struct {
	URI       string `json:"uri"`
	Extension struct {
		URI             string `json:"uri"`
		ID              int64  `json:"id"`
		ExtensionNumber string `json:"extensionNumber"`
	} `json:"extension"`
	PresenceStatus      string        `json:"presenceStatus"`
	TelephonyStatus     string        `json:"telephonyStatus"`
	UserStatus          string        `json:"userStatus"`
	DNDStatus           string        `json:"dndStatus"`
	MeetingStatus       string        `json:"meetingStatus"`
	AllowSeeMyPresence  bool          `json:"allowSeeMyPresence"`
	RingOnMonitoredCall bool          `json:"ringOnMonitoredCall"`
	PickUpCallsOnHold   bool          `json:"pickUpCallsOnHold"`
	ActiveCalls         *[]activeCall `json:"activeCalls,omitempty"`
}

func (c *call) presenceWire(u *User) presenceWire {
	q := c.r.URL.Query()
	rows, status := c.s.activeCalls(u.ID, q.Get("sipData") == "true")
	w := presenceWire{
		URI: c.extensionURI(u) + "/presence", PresenceStatus: presenceStatus(u, status), TelephonyStatus: status, UserStatus: "Available",
		DNDStatus: "TakeAllCalls", MeetingStatus: "Disconnected", AllowSeeMyPresence: true,
	}
	w.Extension.URI, w.Extension.ID, w.Extension.ExtensionNumber = c.extensionURI(u), number(u.ID), u.Number
	if q.Get("detailedTelephonyState") == "true" && len(rows) > 0 {
		w.ActiveCalls = &rows
	}
	return w
}

// presenceBatch is how many extensions one presence request may name.
const presenceBatch = 30

// getPresence is presence of one extension, or of up to 30 in a multipart answer.
func (c *call) getPresence() (int, any, error) {
	ids := strings.Split(c.r.PathValue("extensionId"), ",")
	if len(ids) == 1 {
		u, err := c.extension()
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, c.presenceWire(u), nil
	}
	if len(ids) > presenceBatch {
		return 0, nil, refuse(http.StatusBadRequest, "InvalidMultipartRequest", "Extension Presence Info multipart request is limited to 30 extensions")
	}
	parts := make([]batchPart, len(ids))
	for i, id := range ids {
		u := c.s.dir.byID[id]
		if id == "~" {
			u = c.user
		}
		parts[i] = batchPart{Href: c.accountURI() + "/extension/" + id + "/presence", Status: http.StatusOK, ResponseDescription: "OK"}
		if u == nil || u.AccountID != c.user.AccountID {
			parts[i].Status, parts[i].ResponseDescription = http.StatusNotFound, "Not Found"
			const message = "Resource for parameter [extensionId] is not found"
			parts[i].Body = map[string]any{"errorCode": "CMN-102", "message": message, "errors": []any{map[string]string{"errorCode": "CMN-102", "message": message, "parameterName": "extensionId"}}}
			continue
		}
		parts[i].Body = c.presenceWire(u)
	}
	if strings.Contains(c.r.Header.Get("Accept"), "application/vnd.ringcentral.multipart+json") {
		return http.StatusMultiStatus, rawAnswer{"application/vnd.ringcentral.multipart+json", encode(parts)}, nil
	}
	return http.StatusMultiStatus, mixed(parts), nil
}

// batchPart is one answer of a batch request.
type batchPart struct {
	Href                string `json:"href"`
	Status              int    `json:"status"`
	ResponseDescription string `json:"responseDescription"`
	Body                any    `json:"body,omitempty"`
}

// mixed writes a batch as multipart/mixed: first the statuses, then one body each.
func mixed(parts []batchPart) rawAnswer {
	var buf bytes.Buffer
	w := multipart.NewWriter(&buf)
	add := func(v any) {
		p, _ := w.CreatePart(textproto.MIMEHeader{"Content-Type": {"application/json"}})
		_, _ = p.Write(encode(v))
	}
	bare := slices.Clone(parts)
	for i := range bare {
		bare[i].Body = nil
	}
	add(map[string]any{"response": bare})
	for _, p := range parts {
		add(p.Body)
	}
	_ = w.Close()
	return rawAnswer{"multipart/mixed; boundary=" + w.Boundary(), buf.Bytes()}
}

func (c *call) accountPresence() (int, any, error) {
	rows := []presenceWire{}
	for _, u := range c.people() {
		rows = append(rows, c.presenceWire(u))
	}
	return page(c, rows, 100, 1000)
}
