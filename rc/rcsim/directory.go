package rcsim

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
)

// The company directory: listed page by page, or searched (API sheet, section 9).

func directoryOperations() []operation {
	const path = pathAccount + "/directory/entries"
	return []operation{
		{name: "directory", method: http.MethodGet, path: path, group: groupMedium, scope: "ReadAccounts", serve: (*call).listDirectory},
		{name: "directoryEntry", method: http.MethodGet, path: path + "/{entryId}", group: groupMedium, scope: "ReadAccounts", serve: (*call).getDirectoryEntry},
		{name: "directorySearch", method: http.MethodPost, path: path + "/search", group: groupHeavy, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).searchDirectory},
	}
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

func (c *call) directoryWire(e *entry) directoryWire {
	w := directoryWire{
		ID: e.id, Type: e.kind, Status: "Enabled", FirstName: e.first, LastName: e.last, ExtensionNumber: e.number, Email: e.email,
		Department: e.department, JobTitle: e.title, PhoneNumbers: []phoneNumber{},
	}
	if e.kind != "User" {
		w.Name = e.name
	}
	if e.direct != "" {
		w.PhoneNumbers = append(w.PhoneNumbers, phoneNumber{e.direct, "VoiceFax", "DirectNumber"})
	}
	w.Account.ID = c.user.AccountID
	return w
}

// listDirectory filters by type and typeGroup. There is one account and no site: showFederated changes nothing, and a siteId
// names none of it.
func (c *call) listDirectory() (int, any, error) {
	q := c.r.URL.Query()
	kind, group := q.Get("type"), q.Get("typeGroup")
	if group != "" && group != "User" && group != "NonUser" {
		return 0, nil, invalid("typeGroup")
	}
	all := c.entries(func(e *entry) bool {
		return (kind == "" || kind == e.kind) && (group == "" || (group == "User") == (e.kind == "User")) && inMainSite(q["siteId"])
	})
	status, answer, err := page(c, all, c.directoryWire, 1000, 2000)
	if w, ok := answer.(pageWire[directoryWire]); ok { // the directory numbers its pages and does not link them
		w.URI, w.Navigation = "", nil
		answer = w
	}
	return status, answer, err
}

// mainSite is how the site of an account without sites is called.
const mainSite = "main-site"

func inMainSite(sites []string) bool {
	return len(sites) == 0 || slices.Contains(sites, mainSite) || slices.Contains(sites, "")
}

func (c *call) getDirectoryEntry() (int, any, error) {
	e, ok := c.s.dir.entry(c.r.PathValue("entryId"), c.user.AccountID)
	if !ok {
		return 0, nil, missing("entryId")
	}
	return http.StatusOK, c.directoryWire(e), nil
}

// searchFields are what a search looks at, and how the result can be ordered.
var searchFields = map[string]func(*entry) string{
	"firstName": func(e *entry) string { return cmp.Or(e.first, e.name) }, "lastName": func(e *entry) string { return e.last },
	"extensionNumber": func(e *entry) string { return e.number }, "phoneNumber": func(e *entry) string { return e.direct },
	"email": func(e *entry) string { return e.email }, "jobTitle": func(e *entry) string { return e.title },
	"department": func(e *entry) string { return e.department }, "customFieldValue": func(*entry) string { return "" },
}

type searchIn struct {
	SearchString      string    `json:"searchString"`
	SearchFields      []string  `json:"searchFields"`
	ExtensionType     string    `json:"extensionType"`
	ExtensionTypes    []string  `json:"extensionTypes"`
	ExtensionStatuses []string  `json:"extensionStatuses"`
	ExtensionIDs      []string  `json:"extensionIds"`
	Department        string    `json:"department"`
	SiteIDs           []string  `json:"siteIds"`
	OrderBy           []orderIn `json:"orderBy"`
	Page              int       `json:"page"`
	PerPage           int       `json:"perPage"`
}

type orderIn struct {
	Index     int    `json:"index"`
	FieldName string `json:"fieldName"`
	Direction string `json:"direction"`
}

// searchDirectory finds the entries in which every word of the search string occurs in some of the named fields.
func (c *call) searchDirectory() (int, any, error) {
	in := searchIn{Page: 1, PerPage: 100}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	if in.Page < 1 || in.Page > 1000 || in.PerPage < 1 { // the document's last page
		return 0, nil, invalid("page or perPage")
	}
	in.PerPage = min(in.PerPage, 2000)
	if len(in.SearchFields) == 0 {
		in.SearchFields = []string{"firstName", "lastName", "extensionNumber", "phoneNumber", "email", "jobTitle", "department"}
	}
	for _, f := range in.SearchFields {
		if searchFields[f] == nil {
			return 0, nil, invalid("searchFields")
		}
	}
	for _, o := range in.OrderBy {
		if searchFields[o.FieldName] == nil || (o.Direction != "" && o.Direction != "Asc" && o.Direction != "Desc") {
			return 0, nil, invalid("orderBy")
		}
	}
	if in.ExtensionType != "" {
		in.ExtensionTypes = append(in.ExtensionTypes, in.ExtensionType)
	}
	slices.SortStableFunc(in.OrderBy, func(a, b orderIn) int { return cmp.Compare(a.Index, b.Index) })
	found := c.entries(in.fits)
	slices.SortStableFunc(found, in.order)
	cut, where := paging(found, in.Page, in.PerPage)
	return http.StatusOK, map[string]any{"records": rows(cut, c.directoryWire), "paging": where}, nil
}

func (in searchIn) fits(e *entry) bool {
	among := func(list []string, v string) bool { return len(list) == 0 || slices.Contains(list, v) }
	if !among(in.ExtensionTypes, e.kind) || !among(in.ExtensionStatuses, "Enabled") || !among(in.ExtensionIDs, e.id) || !inMainSite(in.SiteIDs) ||
		(in.Department != "" && !strings.EqualFold(in.Department, e.department)) {
		return false
	}
	for word := range strings.FieldsSeq(strings.ToLower(in.SearchString)) {
		if !slices.ContainsFunc(in.SearchFields, func(f string) bool { return strings.Contains(strings.ToLower(searchFields[f](e)), word) }) {
			return false
		}
	}
	return true
}

// order compares by the orderBy list, whose indexes have put the fields in order.
func (in searchIn) order(a, b *entry) int {
	for _, o := range in.OrderBy {
		n := strings.Compare(strings.ToLower(searchFields[o.FieldName](a)), strings.ToLower(searchFields[o.FieldName](b)))
		if o.Direction == "Desc" {
			n = -n
		}
		if n != 0 {
			return n
		}
	}
	return 0
}
