package rc

import (
	"context"
	"net/http"
	"net/url"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Queue is a call queue; its id is that of its extension.
type Queue struct{ ID, Number, Name string }

// QueueMember is one agent of a call queue.
type QueueMember struct{ ExtensionID, Number string }

// CallQueues lists the queues that an extension answers, all of the account's
// when memberExtensionID is "". Scope ReadAccounts, group Medium, a request per
// 1,000 queues.
// See https://developers.ringcentral.com/api-reference/Call-Queues/listCallQueues.
func (p *Caller) CallQueues(ctx context.Context, memberExtensionID string) ([]Queue, error) {
	query := url.Values{}
	if memberExtensionID != "" {
		query.Set("memberExtensionId", memberExtensionID)
	}
	type row struct {
		ID     telephony.ID `json:"id"`
		Number telephony.ID `json:"extensionNumber"`
		Name   string       `json:"name"`
	}
	const path = accountPath + "/call-queues"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, query: query, group: Medium},
		func(r row) Queue { return Queue{ID: string(r.ID), Number: string(r.Number), Name: r.Name} })
}

// QueueMembers lists the agents of a call queue. Scope ReadAccounts, group Light,
// a request per 1,000 agents.
// See https://developers.ringcentral.com/api-reference/Call-Queues/listCallQueueMembers.
func (p *Caller) QueueMembers(ctx context.Context, queueID string) ([]QueueMember, error) {
	type row struct {
		ID     telephony.ID `json:"id"`
		Number telephony.ID `json:"extensionNumber"`
	}
	const path = accountPath + "/call-queues"
	return list(ctx, p, call{
		method: http.MethodGet, path: path + "/" + queueID + "/members", route: path + "/{queue}/members", group: Light,
	}, func(r row) QueueMember { return QueueMember{ExtensionID: string(r.ID), Number: string(r.Number)} }, queueID)
}
