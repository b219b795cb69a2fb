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
	type row struct {
		ID     telephony.ID `json:"id"`
		Number telephony.ID `json:"extensionNumber"`
		Name   string       `json:"name"`
		Type   string       `json:"type"`
		Status string       `json:"status"`
	}
	const path = accountPath + "/extension"
	rows, err := pages[row](ctx, p, call{method: http.MethodGet, path: path, route: path, group: Medium})
	if err != nil {
		return nil, err
	}
	people := make([]Extension, len(rows))
	for i, r := range rows {
		people[i] = Extension{ID: string(r.ID), Number: string(r.Number), Name: r.Name, Type: r.Type, Status: r.Status}
	}
	return people, nil
}
