package rc

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/cordboard/cordboard/rc/directory"
	"github.com/cordboard/cordboard/rc/telephony"
)

// Directory lists the people, queues and other extensions of the account that are
// enabled, without what they hide. It is meant to be kept and searched where it
// is: RingCentral's own search is of the Heavy group. Scope ReadAccounts, group
// Medium, a request per 2,000 entries, of which there are 100,000 at most.
// See https://developers.ringcentral.com/api-reference/Internal-Contacts/listDirectoryEntries.
func (p *Caller) Directory(ctx context.Context) ([]directory.Entry, error) {
	const path = accountPath + "/directory/entries"
	rows, err := pages[directoryWire](ctx, p, call{
		method: http.MethodGet, path: path, route: path, group: Medium,
		query: url.Values{"showFederated": {"false"}, "perPage": {"2000"}},
	})
	if err != nil {
		return nil, err
	}
	entries := make([]directory.Entry, 0, len(rows))
	for _, r := range rows {
		if r.ID != "" && !r.Hidden && (r.Status == "" || r.Status == "Enabled") {
			entries = append(entries, r.entry())
		}
	}
	return entries, nil
}

type directoryWire struct {
	ID         telephony.ID `json:"id"`
	Type       string       `json:"type"`
	Status     string       `json:"status"`
	Hidden     bool         `json:"hidden"`
	First      string       `json:"firstName"` // of people
	Last       string       `json:"lastName"`
	Name       string       `json:"name"` // of everything else
	Number     telephony.ID `json:"extensionNumber"`
	Department string       `json:"department"`
	JobTitle   string       `json:"jobTitle"`
	Email      string       `json:"email"`
	Numbers    []struct {
		Number telephony.ID `json:"phoneNumber"`
		Hidden bool         `json:"hidden"`
	} `json:"phoneNumbers"`
}

func (w directoryWire) entry() directory.Entry {
	e := directory.Entry{
		ID: string(w.ID), Type: w.Type, Name: w.Name, Number: string(w.Number),
		Department: w.Department, JobTitle: w.JobTitle, Email: w.Email,
	}
	if e.Name == "" {
		e.Name = strings.TrimSpace(w.First + " " + w.Last)
	}
	for _, n := range w.Numbers {
		if n.Number != "" && !n.Hidden {
			e.Numbers = append(e.Numbers, string(n.Number))
		}
	}
	return e
}
