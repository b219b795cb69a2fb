package rcsim

import (
	"net/http"
	"slices"
)

// Call monitoring groups: who may supervise whom (API sheet, section 8).

func groupOperations() []operation {
	const path = pathAccount + "/call-monitoring-groups"
	return []operation{
		{name: "monitoringGroups", method: http.MethodGet, path: path, group: groupMedium, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).listGroups},
		{name: "groupMembers", method: http.MethodGet, path: path + "/{groupId}/members", group: groupMedium, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).listGroupMembers},
	}
}

type groupWire struct {
	URI  string `json:"uri"`
	ID   string `json:"id"`
	Name string `json:"name"`
}

func (c *call) listGroups() (int, any, error) {
	var all []*Group
	if c.user.AccountID == c.s.dir.account.ID && inMainSite(c.r.URL.Query()["siteId"]) {
		all = pointers(c.s.dir.account.Groups)
		if member := c.r.URL.Query().Get("memberExtensionId"); member != "" {
			all = nil
			if u, err := c.colleague(member); err == nil {
				all = c.s.dir.groupsOf[u.Number]
			}
		}
	}
	return page(c, all, func(g *Group) groupWire {
		return groupWire{URI: c.accountURI() + "/call-monitoring-groups/" + g.ID, ID: g.ID, Name: g.Name}
	}, 100, 1000)
}

type memberWire struct {
	URI             string   `json:"uri"`
	ID              string   `json:"id"`
	ExtensionNumber string   `json:"extensionNumber"`
	Permissions     []string `json:"permissions"`
}

func (c *call) listGroupMembers() (int, any, error) {
	g := c.s.dir.groups[c.r.PathValue("groupId")]
	if g == nil || c.user.AccountID != c.s.dir.account.ID {
		return 0, nil, missing("groupId")
	}
	var all []*User
	for _, m := range g.members() {
		if u := c.s.dir.byNumber[m]; u != nil {
			all = append(all, u)
		}
	}
	return page(c, all, func(u *User) memberWire {
		w := memberWire{URI: c.extensionURI(u.ID), ID: u.ID, ExtensionNumber: u.Number}
		if slices.Contains(g.Monitoring, u.Number) {
			w.Permissions = append(w.Permissions, "Monitoring")
		}
		if slices.Contains(g.Monitored, u.Number) {
			w.Permissions = append(w.Permissions, "Monitored")
		}
		return w
	}, 100, 1000)
}
