package rc

import (
	"context"
	"net/http"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Extensions lists the account's extensions. Scope ReadAccounts, group Medium,
// a request per 1,000 extensions.
// See https://developers.ringcentral.com/api-reference/Extensions/listExtensions.
func (p *Caller) Extensions(ctx context.Context) ([]Extension, error) {
	const path = accountPath + "/extension"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, group: Medium}, extensionWire.extension)
}

// extensionWire is an extension as RingCentral writes it; a listing leaves the
// account out.
type extensionWire struct {
	ID      telephony.ID `json:"id"`
	Number  telephony.ID `json:"extensionNumber"`
	Name    string       `json:"name"`
	Type    string       `json:"type"`
	Status  string       `json:"status"`
	Account struct {
		ID telephony.ID `json:"id"`
	} `json:"account"`
}

func (w extensionWire) extension() Extension {
	return Extension{
		ID: string(w.ID), Number: string(w.Number), Name: w.Name,
		AccountID: string(w.Account.ID), Type: w.Type, Status: w.Status,
	}
}
