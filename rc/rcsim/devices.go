package rcsim

import (
	"net/http"
	"slices"
)

// Phones and numbers of a person (API sheet, section 9).

func deviceOperations() []operation {
	const get = http.MethodGet
	return []operation{
		{name: "devices", method: get, path: pathExtension + "/device", group: groupLight, scope: "ReadAccounts", permission: "ReadUserDevices", serve: (*call).listDevices},
		{name: "webappDevices", method: get, path: pathExtension + "/webapp-devices", group: groupMedium, scope: "ReadAccounts", serve: (*call).listWebPhones},
		{name: "phoneNumbers", method: get, path: pathExtension + "/phone-number", group: groupLight, scope: "ReadAccounts", permission: "ReadUserPhoneNumbers", serve: (*call).listPhoneNumbers},
		{name: "forwardingNumbers", method: get, path: pathExtension + "/forwarding-number", group: groupLight, scope: "ReadAccounts", permission: "ReadUserForwardingFlipNumbers", serve: (*call).listForwardingNumbers},
		{name: "flipNumbers", method: get, path: "/restapi/v2/accounts/{accountId}/extensions/{extensionId}/call-flip-numbers", group: groupLight, scope: "ReadAccounts", serve: (*call).listFlipNumbers},
	}
}

type extensionRef struct {
	URI             string `json:"uri"`
	ID              int64  `json:"id"`
	ExtensionNumber string `json:"extensionNumber"`
}

func (c *call) extensionRef(u *User) extensionRef {
	return extensionRef{c.extensionURI(u.ID), number(u.ID), u.Number}
}

type deviceWire struct {
	URI          string       `json:"uri"`
	ID           string       `json:"id"`
	Type         string       `json:"type"`
	Name         string       `json:"name"`
	Status       string       `json:"status"`
	Serial       string       `json:"serial,omitempty"`
	ComputerName string       `json:"computerName,omitempty"`
	LinePooling  string       `json:"linePooling"`
	PhoneLines   []phoneLine  `json:"phoneLines"`
	Extension    extensionRef `json:"extension"`
}

type phoneLine struct {
	ID        string    `json:"id"`
	LineType  string    `json:"lineType"`
	PhoneInfo phoneInfo `json:"phoneInfo"`
}

type phoneInfo struct {
	PhoneNumber string `json:"phoneNumber"`
	Type        string `json:"type"`
	UsageType   string `json:"usageType"`
}

func (d Device) status() string {
	if d.Online {
		return "Online"
	}
	return "Offline"
}

// listDevices filters by type, linePooling and lineType; RingCentral apps are not in it (API sheet, section 8).
func (c *call) listDevices() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	var all []Device
	if c.asks("linePooling", "None") && c.asks("lineType", "Standalone") {
		all = slices.DeleteFunc(slices.Clone(u.Devices), func(d Device) bool { return !c.asks("type", d.Type) })
	}
	return page(c, all, func(d Device) deviceWire {
		w := deviceWire{
			URI: c.accountURI() + "/device/" + d.ID, ID: d.ID, Type: d.Type, Name: d.Name, Status: d.status(), LinePooling: "None",
			PhoneLines: []phoneLine{}, Extension: c.extensionRef(u),
		}
		if u.Direct != "" {
			w.PhoneLines = append(w.PhoneLines, phoneLine{"1" + d.ID, "Standalone", phoneInfo{u.Direct, "VoiceFax", "DirectNumber"}})
		}
		if d.Type == "SoftPhone" {
			w.ComputerName = "desk-" + u.Number
		} else {
			w.Serial = "SN" + d.ID
		}
		return w
	}, 100, 1000)
}

// webPhoneTTL is how many seconds the registration of a RingCentral app is good for; the sheet names the field, not its value.
const webPhoneTTL = 3600

func (c *call) listWebPhones() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	type webPhone struct {
		ID        string `json:"id"`
		Type      string `json:"type"`
		Name      string `json:"name"`
		Serial    string `json:"serial"`
		Status    string `json:"status"`
		ExpiresIn int    `json:"expiresIn"`
	}
	return http.StatusOK, records[webPhone]{rows(u.WebPhones, func(d Device) webPhone {
		return webPhone{d.ID, "WebPhone", d.Name, "SN" + d.ID, d.status(), webPhoneTTL}
	})}, nil
}

type phoneNumberWire struct {
	URI         string       `json:"uri"`
	ID          int64        `json:"id"`
	PhoneNumber string       `json:"phoneNumber"`
	Label       string       `json:"label,omitempty"`
	PaymentType string       `json:"paymentType"`
	Status      string       `json:"status"`
	Type        string       `json:"type"`
	UsageType   string       `json:"usageType"`
	Features    []string     `json:"features"`
	Primary     bool         `json:"primary"`
	Extension   extensionRef `json:"extension"`
}

// listPhoneNumbers are the person's direct number and the company's main number.
func (c *call) listPhoneNumbers() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	var all []phoneNumberWire
	add := func(phone, id, usage, label string, primary bool) {
		if phone == "" || !c.asks("usageType", usage) || !c.asks("status", "Normal") {
			return
		}
		w := phoneNumberWire{
			PhoneNumber: phone, Label: label, PaymentType: "Local", Status: "Normal", Type: "VoiceFax", UsageType: usage, Features: []string{"CallerId"},
			Primary: primary, Extension: c.extensionRef(u),
		}
		w.ID, w.URI = number(id), c.extensionURI(u.ID)+"/phone-number/"+id
		all = append(all, w)
	}
	add(u.Direct, "7"+u.ID, "DirectNumber", "", false)
	if u.AccountID == c.s.dir.account.ID {
		add(c.s.dir.account.MainNumber, "7"+u.AccountID, "MainCompanyNumber", "Main number", true)
	}
	return page(c, all, func(w phoneNumberWire) phoneNumberWire { return w }, 100, 1000)
}

type forwardingWire struct {
	URI         string   `json:"uri"`
	ID          string   `json:"id"`
	PhoneNumber string   `json:"phoneNumber"`
	Label       string   `json:"label"`
	Type        string   `json:"type"`
	Features    []string `json:"features"`
	FlipNumber  string   `json:"flipNumber,omitempty"`
}

func (c *call) listForwardingNumbers() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	return page(c, u.Forwarding, func(f ForwardingNumber) forwardingWire {
		w := forwardingWire{
			URI: c.extensionURI(u.ID) + "/forwarding-number/" + f.ID, ID: f.ID, PhoneNumber: f.Number, Label: f.Label, Type: f.Type,
			Features: []string{"CallForwarding"}, FlipNumber: f.Flip,
		}
		if f.Flip != "" {
			w.Features = []string{"CallFlip", "CallForwarding"}
		}
		return w
	}, 100, 1000)
}

// listFlipNumbers is version 2 of the flip half of the forwarding numbers.
func (c *call) listFlipNumbers() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	type flip struct {
		ID          string `json:"id"`
		PhoneNumber string `json:"phoneNumber"`
		Type        string `json:"type"`
		Label       string `json:"label"`
		FlipNumber  string `json:"flipNumber"`
	}
	out := records[flip]{[]flip{}}
	for _, f := range u.Forwarding {
		kind := "External"
		if f.Type == "PhoneLine" {
			kind = f.Type
		}
		if f.Flip != "" {
			out.Records = append(out.Records, flip{f.ID, f.Number, kind, f.Label, f.Flip})
		}
	}
	return http.StatusOK, out, nil
}
