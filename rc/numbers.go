package rc

import (
	"context"
	"net/http"
	"slices"

	"github.com/cordboard/cordboard/rc/telephony"
)

// PhoneNumber is a number that leads to the person, or that they may show.
type PhoneNumber struct {
	Number   string // E.164
	Label    string
	Usage    string // verbatim: "DirectNumber", "MainCompanyNumber", …
	CallerID bool   // it may be shown to those who are called
}

// ForwardingNumber is a phone of the person's outside RingCentral.
type ForwardingNumber struct {
	Number, Label string
	Forwards      bool // calls ring there as well
}

// PhoneNumbers lists the person's own numbers and those of the company that they
// may use. Scope ReadAccounts, group Light.
// See https://developers.ringcentral.com/api-reference/Phone-Numbers/listExtensionPhoneNumbers.
func (p *Caller) PhoneNumbers(ctx context.Context) ([]PhoneNumber, error) {
	type row struct {
		Number   telephony.ID `json:"phoneNumber"`
		Label    string       `json:"label"`
		Usage    string       `json:"usageType"`
		Features []string     `json:"features"`
	}
	const path = accountPath + "/extension/~/phone-number"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, group: Light}, func(r row) PhoneNumber {
		return PhoneNumber{Number: string(r.Number), Label: r.Label, Usage: r.Usage, CallerID: slices.Contains(r.Features, "CallerId")}
	})
}

// ForwardingNumbers lists the person's phones outside RingCentral. Scope
// ReadAccounts, group Light.
// See https://developers.ringcentral.com/api-reference/Call-Forwarding/listForwardingNumbers.
func (p *Caller) ForwardingNumbers(ctx context.Context) ([]ForwardingNumber, error) {
	type row struct {
		Number   telephony.ID `json:"phoneNumber"`
		Label    string       `json:"label"`
		Features []string     `json:"features"`
	}
	const path = accountPath + "/extension/~/forwarding-number"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, group: Light}, func(r row) ForwardingNumber {
		return ForwardingNumber{Number: string(r.Number), Label: r.Label, Forwards: slices.Contains(r.Features, "CallForwarding")}
	})
}
