package rcsim

import (
	"net/http"
	"slices"
)

// Call queues, their members, and who of them takes calls (API sheet, section 9).

func queueOperations() []operation {
	const queue = pathAccount + "/call-queues/{groupId}"
	const own = pathExtension + "/call-queue-presence"
	return []operation{
		{name: "queues", method: http.MethodGet, path: pathAccount + "/call-queues", group: groupMedium, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).listQueues},
		{name: "queue", method: http.MethodGet, path: queue, group: groupLight, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).getQueue},
		{name: "queueMembers", method: http.MethodGet, path: queue + "/members", group: groupLight, scope: "ReadAccounts", permission: "ReadExtensions", serve: (*call).listQueueMembers},
		{name: "queuePresence", method: http.MethodGet, path: queue + "/presence", group: groupLight, scope: "ReadPresence", serve: (*call).getQueuePresence},
		{name: "setQueuePresence", method: http.MethodPut, path: queue + "/presence", group: groupMedium, scope: "EditPresence", serve: (*call).putQueuePresence, pretend: (*call).getQueuePresence, acts: true},
		{name: "ownQueuePresence", method: http.MethodGet, path: own, group: groupLight, scope: "ReadPresence", serve: (*call).getOwnQueuePresence},
		{name: "setOwnQueuePresence", method: http.MethodPut, path: own, group: groupMedium, scope: "EditPresence", serve: (*call).putOwnQueuePresence, pretend: (*call).getOwnQueuePresence, acts: true},
	}
}

type queueWire struct {
	URI                  string `json:"uri"`
	ID                   string `json:"id"`
	ExtensionNumber      string `json:"extensionNumber"`
	Name                 string `json:"name"`
	Status               string `json:"status"`
	EditableMemberStatus *bool  `json:"editableMemberStatus,omitempty"` // only when one queue is read
}

func (c *call) queueWire(q *Queue) queueWire {
	return queueWire{URI: c.accountURI() + "/call-queues/" + q.ID, ID: q.ID, ExtensionNumber: q.Number, Name: q.Name, Status: "Enabled"}
}

// queues are the queues of the caller's account.
func (c *call) queues() []*Queue {
	if c.user.AccountID != c.s.dir.account.ID {
		return nil
	}
	return pointers(c.s.dir.account.Queues)
}

func (c *call) listQueues() (int, any, error) {
	all := c.queues()
	if member := c.r.URL.Query().Get("memberExtensionId"); member != "" {
		u, err := c.colleague(member)
		if err != nil {
			return 0, nil, invalid("memberExtensionId")
		}
		all = c.s.dir.queuesOf[u.Number]
	}
	return page(c, all, c.queueWire, 100, 1000)
}

// queue is the call queue that the path names.
func (c *call) queue() (*Queue, error) {
	q := c.s.dir.queuesByID[c.r.PathValue("groupId")]
	if q == nil || c.user.AccountID != c.s.dir.account.ID {
		return nil, missing("groupId")
	}
	return q, nil
}

func (c *call) getQueue() (int, any, error) {
	q, err := c.queue()
	if err != nil {
		return 0, nil, err
	}
	w, editable := c.queueWire(q), !q.Fixed
	w.EditableMemberStatus = &editable
	return http.StatusOK, w, nil
}

func (c *call) listQueueMembers() (int, any, error) {
	q, err := c.queue()
	if err != nil {
		return 0, nil, err
	}
	type member struct {
		URI             string `json:"uri"`
		ID              int64  `json:"id"`
		ExtensionNumber string `json:"extensionNumber"`
	}
	return page(c, c.s.dir.members(q), func(u *User) member {
		return member{URI: c.extensionURI(u.ID), ID: number(u.ID), ExtensionNumber: u.Number}
	}, 100, 1000)
}

// queueMemberPresence is a member in the presence of a queue; a notification names only what it is about.
type queueMemberPresence struct {
	Member                  queueMember `json:"member"`
	AcceptQueueCalls        *bool       `json:"acceptQueueCalls,omitempty"`
	AcceptCurrentQueueCalls *bool       `json:"acceptCurrentQueueCalls,omitempty"`
}

type queueMember struct {
	ID              string `json:"id"`
	Name            string `json:"name,omitempty"`
	ExtensionNumber string `json:"extensionNumber,omitempty"`
}

type records[T any] struct {
	Records []T `json:"records"`
}

func (c *call) getQueuePresence() (int, any, error) {
	q, err := c.queue()
	if err != nil {
		return 0, nil, err
	}
	return http.StatusOK, records[queueMemberPresence]{rows(c.s.dir.members(q), func(u *User) queueMemberPresence {
		every, here := u.dnd() == dndTakeAll || u.dnd() == dndQueuesOnly, !c.s.dir.away(q, u)
		return queueMemberPresence{queueMember{u.ID, u.Name(), u.Number}, &every, &here}
	})}, nil
}

// putQueuePresence is a manager who switches the calls of a queue on or off for its members; acceptQueueCalls is the
// member's own setting for every queue and is not changed here.
func (c *call) putQueuePresence() (int, any, error) {
	q, err := c.queue()
	if err != nil {
		return 0, nil, err
	}
	var in records[queueMemberPresence]
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, r := range in.Records {
		u, err := c.colleague(r.Member.ID)
		if err != nil || !slices.Contains(q.Members, u.Number) {
			return 0, nil, invalid("records.member.id")
		}
		if err := c.mayEdit(u); err != nil {
			return 0, nil, err
		}
	}
	changed := map[*User]bool{}
	for _, r := range in.Records {
		u, _ := c.colleague(r.Member.ID)
		if r.AcceptCurrentQueueCalls != nil {
			changed[u] = c.s.dir.setAway(q, u, !*r.AcceptCurrentQueueCalls)
		}
	}
	c.s.publishQueuePresence(q, changed)
	return c.getQueuePresence()
}

type ownQueuePresence struct {
	CallQueue struct {
		ID                   string `json:"id"`
		Name                 string `json:"name,omitempty"`
		ExtensionNumber      string `json:"extensionNumber,omitempty"`
		EditableMemberStatus *bool  `json:"editableMemberStatus,omitempty"`
	} `json:"callQueue"`
	AcceptCalls *bool `json:"acceptCalls,omitempty"`
}

func (c *call) getOwnQueuePresence() (int, any, error) {
	u, err := c.extension()
	if err != nil {
		return 0, nil, err
	}
	out := records[ownQueuePresence]{[]ownQueuePresence{}}
	for _, q := range c.s.dir.queuesOf[u.Number] {
		if c.r.URL.Query().Get("editableMemberStatus") == "true" && q.Fixed {
			continue
		}
		var w ownQueuePresence
		editable, accept := !q.Fixed, !c.s.dir.away(q, u)
		w.CallQueue.ID, w.CallQueue.Name, w.CallQueue.ExtensionNumber = q.ID, q.Name, q.Number
		w.CallQueue.EditableMemberStatus, w.AcceptCalls = &editable, &accept
		out.Records = append(out.Records, w)
	}
	return http.StatusOK, out, nil
}

// putOwnQueuePresence is a member who switches the calls of their queues on or off.
func (c *call) putOwnQueuePresence() (int, any, error) {
	u, err := c.editable()
	if err != nil {
		return 0, nil, err
	}
	var in records[ownQueuePresence]
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	for _, r := range in.Records {
		q := c.s.dir.queuesByID[r.CallQueue.ID]
		switch {
		case q == nil || !slices.Contains(q.Members, u.Number):
			return 0, nil, invalid("records.callQueue.id")
		case q.Fixed && !c.user.Admin:
			return 0, nil, refuse(http.StatusForbidden, "CMN-408", "Members may not change their status in this queue")
		}
	}
	for _, r := range in.Records {
		if r.AcceptCalls != nil {
			q := c.s.dir.queuesByID[r.CallQueue.ID]
			c.s.publishQueuePresence(q, map[*User]bool{u: c.s.dir.setAway(q, u, !*r.AcceptCalls)})
		}
	}
	return c.getOwnQueuePresence()
}
