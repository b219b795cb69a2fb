package rcsim_test

import (
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// numbersOf are the extension numbers of a list's records.
func numbersOf(m map[string]any) string {
	var out []string
	for _, r := range m["records"].([]any) {
		out = append(out, r.(map[string]any)["extensionNumber"].(string))
	}
	return strings.Join(out, " ")
}

func TestDirectorySearch(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	for _, c := range []struct{ name, body, want string }{
		{"a name", `{"searchString":"mei-ling"}`, "103"},
		{"accents are letters", `{"searchString":"ZIELIŃSKI"}`, "106"},
		{"every word", `{"searchString":"claims ferraro"}`, "113"},
		{"an extension number", `{"searchString":"11","searchFields":["extensionNumber"]}`, "111 112 113 114 115 116 117"},
		{"a phone number", `{"searchString":"+16285550107"}`, "107"},
		{"a field that does not hold it", `{"searchString":"ferraro","searchFields":["firstName"]}`, ""},
		{"queues by type", `{"searchString":"line","extensionTypes":["Department"]}`, "300 301"},
		{"one type", `{"extensionType":"ParkLocation"}`, "398"},
		{"a department", `{"department":"office"}`, "100"},
		{"no such status", `{"extensionStatuses":["Disabled"]}`, ""},
		{"ids", `{"extensionIds":["400131517008","400131512008"]}`, "102 107"},
		{"another site", `{"siteIds":["77"]}`, ""},
		{
			"ordered by title, then last name downwards",
			`{"department":"Claims","orderBy":[{"index":2,"fieldName":"lastName","direction":"Desc"},{"index":1,"fieldName":"jobTitle","direction":"Asc"}]}`,
			"115 113 112 114 117 116 111",
		},
		{"a page", `{"department":"Claims","page":2,"perPage":3}`, "114 115 116"},
		{"past the end", `{"department":"Claims","page":9,"perPage":3}`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m := w.set(token, "POST", "/directory/entries/search", c.body)
			if got := numbersOf(m); got != c.want {
				t.Errorf("%s, want %s", got, c.want)
			}
		})
	}
	for _, bad := range []string{`{"searchFields":["shoeSize"]}`, `{"orderBy":[{"fieldName":"x"}]}`, `{"orderBy":[{"fieldName":"email","direction":"Up"}]}`, `{"perPage":0}`} {
		if r := w.rest(token, "POST", account+"/directory/entries/search", bad); r.status != 400 {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
}

func TestDirectoryFilters(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	for query, want := range map[string]string{
		"type=Department":                  "300 301",
		"typeGroup=NonUser":                "300 301 399 398",
		"typeGroup=NonUser&type=User":      "",
		"type=IvrMenu&showFederated=false": "399",
		"siteId=77":                        "",
		"perPage=2&page=2":                 "102 103",
	} {
		if got := numbersOf(w.get(token, "/directory/entries?"+query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
	for query, per := range map[string]float64{"": 1000, "perPage=5000": 2000, "perPage=all": 2000, "perPage=max": 2000} {
		if p := w.get(token, "/directory/entries?"+query)["paging"].(map[string]any); p["perPage"] != per {
			t.Errorf("%s: %v", query, p)
		}
	}
	if m := w.get(token, "/directory/entries/400131513008"); m["lastName"] != "Tan" {
		t.Errorf("%v", m)
	}
	for _, bad := range []string{"?typeGroup=x", "?perPage=x"} {
		if r := w.rest(token, "GET", account+"/directory/entries"+bad, ""); r.status != 400 {
			t.Errorf("%s: %d", bad, r.status)
		}
	}
	if r := w.rest(token, "GET", account+"/directory/entries/1", ""); r.status != 404 {
		t.Errorf("%d", r.status)
	}
}

func TestExtensionFilters(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	for query, want := range map[string]string{
		"type=Department&type=ParkLocation":           "300 301 398",
		"type=User&extensionNumber=107":               "107",
		"email=priya.raman@brightwater.example":       "107",
		"status=Disabled":                             "",
		"status=Disabled&status=Enabled&type=IvrMenu": "399",
	} {
		if got := numbersOf(w.get(token, "/extension?"+query)); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

func TestDevicesAndNumbers(t *testing.T) {
	w := newWorld(t, rcsim.Options{Limits: rcsim.Unlimited()})
	token := w.signIn("102")
	for path, want := range map[string]string{
		"/extension/~/device?type=HardPhone":                           `"serial":"SN801612426008"`,
		"/extension/~/device?linePooling=Host":                         `"records":[]`,
		"/extension/~/webapp-devices":                                  `{"records":[{"id":"801712426008","type":"WebPhone","name":"RingCentral app (Jordan)","serial":"SN801712426008","status":"Online","expiresIn":3600}]}`,
		"/extension/~/phone-number?usageType=DirectNumber":             `"phoneNumber":"+16285550102"`,
		"/extension/~/phone-number?status=Pending":                     `"records":[]`,
		"/extension/~/forwarding-number":                               `"phoneNumber":"+15105550102","label":"Mobile","type":"Mobile","features":["CallFlip","CallForwarding"],"flipNumber":"2"`,
		"/extension/~/authz-profile/check?permissionId=Users":          `"successful":false`,
		"/extension/~/authz-profile/check?permissionId=ReadExtensions": `"successful":true`,
	} {
		r := w.rest(token, "GET", account+path, "")
		if r.status != 200 || !strings.Contains(r.body, want) {
			t.Errorf("%s: %d %s", path, r.status, r.body)
		}
	}
	if r := w.rest(token, "GET", account+"/extension/~/device", ""); strings.Contains(r.body, "801712426008") {
		t.Error("apps are not in the device list")
	}
	if r := w.rest(token, "GET", "/restapi/v2/accounts/~/extensions/~/call-flip-numbers", ""); r.status != 200 || !strings.Contains(r.body, `"type":"External","label":"Mobile","flipNumber":"2"`) {
		t.Errorf("%d %s", r.status, r.body)
	}
	if r := w.rest(token, "GET", account+"/extension/~/authz-profile/check", ""); r.status != 400 {
		t.Errorf("%d", r.status)
	}
	if m := w.get(w.signIn("100"), "/extension/~/authz-profile/check?permissionId=Users"); m["successful"] != true {
		t.Errorf("an administrator: %v", m)
	}
	w.SetLacks("102", "ReadExtensions")
	if m := w.get(token, "/extension/~/authz-profile/check?permissionId=ReadExtensions"); m["successful"] != false {
		t.Errorf("%v", m)
	}
}

func TestSearchFarBeyondTheLastPage(t *testing.T) {
	w := newWorld(t, rcsim.Options{})
	search := func(page string, status int) map[string]any {
		t.Helper()
		return w.as("102", "POST", account+"/directory/entries/search", `{"page":`+page+`,"perPage":100}`, status)
	}
	if m := search("1000", 200); len(m["records"].([]any)) != 0 || m["paging"].(map[string]any)["totalElements"] != 19.0 {
		t.Errorf("the last page that may be asked for: %v", m)
	}
	for _, page := range []string{"0", "1001", "92233720368547759", "9223372036854775807"} {
		search(page, 400)
	}
}
