package rc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/cordboard/cordboard/rc/telephony"
)

// presenceBatch is how many extensions RingCentral answers for in one request.
const presenceBatch = 30

const (
	multipartJSON = "application/vnd.ringcentral.multipart+json"
	presenceRoute = accountPath + "/extension/{extension}/presence"
)

// Presence reads the calls of one extension, "~" for the person's own. Scope
// ReadPresence, group Light.
// See https://developers.ringcentral.com/api-reference/Presence/readUserPresenceStatus.
func (p *Caller) Presence(ctx context.Context, extensionID string) (telephony.Presence, error) {
	id := extensionID
	var check []string
	if id != "~" {
		check = []string{id}
	}
	return decoded(ctx, p, presenceCall(id), telephony.DecodePresence, check...)
}

// Presences reads the calls of several extensions, a request per 30 of them;
// those that RingCentral does not show to the person are left out. Scope
// ReadPresence, group Light.
// See https://developers.ringcentral.com/api-reference/Presence/readUserPresenceStatus.
func (p *Caller) Presences(ctx context.Context, extensionIDs []string) ([]telephony.Presence, error) {
	var all []telephony.Presence
	for ids := range slices.Chunk(extensionIDs, presenceBatch) {
		if len(ids) == 1 {
			one, err := p.Presence(ctx, ids[0])
			var e *Error
			if errors.As(err, &e) && (e.Status == http.StatusForbidden || e.Status == http.StatusNotFound) {
				continue
			}
			if err != nil {
				return nil, err
			}
			all = append(all, one)
			continue
		}
		k := presenceCall(strings.Join(ids, ","))
		k.header = http.Header{"Accept": {"multipart/mixed, application/json"}}
		a, err := p.do(ctx, k, ids...)
		if err != nil {
			return nil, err
		}
		parts, err := multiStatus(a)
		if err != nil {
			return nil, unreadable(k, a, err)
		}
		for _, part := range parts {
			if one, err := telephony.DecodePresence(part); err == nil && one.ExtensionID != "" {
				all = append(all, one)
			}
		}
	}
	return all, nil
}

func presenceCall(ids string) call {
	return call{
		method: http.MethodGet,
		path:   accountPath + "/extension/" + ids + "/presence",
		route:  presenceRoute,
		query:  url.Values{"detailedTelephonyState": {"true"}},
		group:  Light,
	}
}

// multiStatus is the bodies of a bulk answer, refused ones and the table of
// contents included: neither is the resource that was asked for.
// See https://developers.ringcentral.com/guide/basics/batch-requests.
func multiStatus(a answer) ([][]byte, error) {
	kind, params, err := mime.ParseMediaType(a.header.Get("Content-Type"))
	if err != nil {
		return nil, err
	}
	if strings.HasPrefix(kind, "multipart/") {
		var parts [][]byte
		r := multipart.NewReader(bytes.NewReader(a.body), params["boundary"])
		for {
			part, err := r.NextPart()
			if errors.Is(err, io.EOF) {
				return parts, nil
			}
			if err != nil {
				return nil, err
			}
			body, err := io.ReadAll(part)
			if err != nil {
				return nil, err
			}
			parts = append(parts, body)
		}
	}
	if kind == multipartJSON {
		var rows []struct {
			Body json.RawMessage `json:"body"`
		}
		if err := json.Unmarshal(a.body, &rows); err != nil {
			return nil, err
		}
		parts := make([][]byte, 0, len(rows))
		for _, row := range rows {
			if row.Body != nil {
				parts = append(parts, row.Body)
			}
		}
		return parts, nil
	}
	var list struct {
		Records []json.RawMessage `json:"records"`
	}
	if err := json.Unmarshal(a.body, &list); err != nil {
		return nil, err
	}
	if list.Records == nil {
		return [][]byte{a.body}, nil
	}
	parts := make([][]byte, len(list.Records))
	for i, r := range list.Records {
		parts[i] = r
	}
	return parts, nil
}
