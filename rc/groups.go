package rc

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Group is a call monitoring group.
type Group struct{ ID, Name string }

// Member is one extension of a call monitoring group; who is Monitoring may
// watch who is Monitored.
type Member struct {
	ExtensionID, Number   string
	Monitoring, Monitored bool
}

// MonitoringGroups lists the call monitoring groups that an extension belongs
// to, all of the account's when memberExtensionID is "". Scope ReadAccounts,
// group Medium, a request per 1,000 groups.
// See https://developers.ringcentral.com/api-reference/Call-Monitoring-Groups/listCallMonitoringGroups.
func (p *Caller) MonitoringGroups(ctx context.Context, memberExtensionID string) ([]Group, error) {
	query := url.Values{}
	if memberExtensionID != "" {
		query.Set("memberExtensionId", memberExtensionID)
	}
	type row struct {
		ID   telephony.ID `json:"id"`
		Name string       `json:"name"`
	}
	const path = accountPath + "/call-monitoring-groups"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, query: query, group: Medium},
		func(r row) Group { return Group{ID: string(r.ID), Name: r.Name} })
}

// GroupMembers lists the extensions of a call monitoring group. Scope
// ReadAccounts, group Medium, a request per 1,000 members.
// See https://developers.ringcentral.com/api-reference/Call-Monitoring-Groups/listCallMonitoringGroupMembers.
func (p *Caller) GroupMembers(ctx context.Context, groupID string) ([]Member, error) {
	type row struct {
		ID          telephony.ID `json:"id"`
		Number      telephony.ID `json:"extensionNumber"`
		Permissions []string     `json:"permissions"`
	}
	const path = accountPath + "/call-monitoring-groups"
	return list(ctx, p, call{
		method: http.MethodGet, path: path + "/" + groupID + "/members", route: path + "/{group}/members", group: Medium,
	}, func(r row) Member {
		return Member{
			ExtensionID: string(r.ID), Number: string(r.Number),
			Monitoring: slices.Contains(r.Permissions, "Monitoring"), Monitored: slices.Contains(r.Permissions, "Monitored"),
		}
	}, groupID)
}
