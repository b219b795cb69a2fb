package rcsim

import (
	"net/http"
	"strings"
)

// Unified presence: the same settings in the words of the RingCentral app, for messages, calls and meetings.

type unifiedWire struct {
	Status string `json:"status"`
	Glip   struct {
		Status       string `json:"status"`
		Visibility   string `json:"visibility"`
		Availability string `json:"availability"`
	} `json:"glip"`
	Telephony struct {
		Status       string `json:"status"`
		Visibility   string `json:"visibility"`
		Availability string `json:"availability"`
	} `json:"telephony"`
	Meeting struct {
		Status string `json:"status"`
	} `json:"meeting"`
}

func (c *call) unifiedWire(u *User) unifiedWire {
	var w unifiedWire
	_, w.Telephony.Status = c.s.activeCalls(u.ID, false)
	w.Status = c.s.presenceStatus(u, w.Telephony.Status)
	w.Glip.Status, w.Glip.Visibility, w.Glip.Availability = "Online", "Visible", "Available"
	w.Telephony.Visibility, w.Telephony.Availability = "Visible", dndTakeAll
	w.Meeting.Status = "NoMeeting"
	if u.userStatus() == statusOffline {
		w.Glip.Visibility = "Invisible"
	}
	if u.set.concealed {
		w.Telephony.Visibility = "Invisible"
	}
	if !u.online() {
		w.Glip.Status = statusOffline
	}
	switch u.dnd() {
	case dndTakeNothing:
		w.Glip.Availability, w.Telephony.Availability = "DND", dndTakeNothing
		if w.Status == statusBusy && w.Telephony.Status == "NoCall" {
			w.Status = "DND"
		}
	case dndNoQueues:
		w.Telephony.Availability = "DoNotAcceptQueueCalls"
	}
	return w
}

// getUnifiedPresence is unified presence of one extension, or of up to 30 in one answer of status 207.
func (c *call) getUnifiedPresence() (int, any, error) {
	ids := strings.Split(c.r.PathValue("extensionId"), ",")
	one := func(id string) (any, error) {
		u, err := c.colleague(id)
		if err != nil {
			return nil, err
		}
		return c.unifiedWire(u), nil
	}
	if len(ids) == 1 {
		w, err := one(ids[0])
		if err != nil {
			return 0, nil, err
		}
		return http.StatusOK, w, nil
	}
	if len(ids) > presenceBatch {
		return 0, nil, invalid("extensionId")
	}
	type entry struct {
		ResourceID string `json:"resourceId"`
		Status     int    `json:"status"`
		Body       any    `json:"body,omitempty"`
	}
	rows := make([]entry, len(ids))
	for i, id := range ids {
		rows[i] = entry{ResourceID: id, Status: http.StatusOK}
		var err error
		if rows[i].Body, err = one(id); err != nil {
			rows[i].Status = http.StatusNotFound
		}
	}
	return http.StatusMultiStatus, rows, nil
}

// patchUnifiedPresence changes the settings that unified presence names.
func (c *call) patchUnifiedPresence() (int, any, error) {
	u, err := c.editable()
	if err != nil {
		return 0, nil, err
	}
	var in struct {
		Glip struct {
			Visibility   string `json:"visibility"`
			Availability string `json:"availability"`
		} `json:"glip"`
		Telephony struct {
			Availability string `json:"availability"`
		} `json:"telephony"`
	}
	if err := c.decode(&in); err != nil {
		return 0, nil, err
	}
	set := u.set
	switch in.Glip.Visibility {
	case "":
	case "Visible":
		set.userStatus = statusAvailable
	case "Invisible":
		set.userStatus = statusOffline
	default:
		return 0, nil, invalid("glip.visibility")
	}
	switch in.Glip.Availability {
	case "":
	case "Available":
		if set.dnd == dndTakeNothing {
			set.dnd = dndTakeAll
		}
	case "DND":
		set.dnd = dndTakeNothing
	default:
		return 0, nil, invalid("glip.availability")
	}
	switch in.Telephony.Availability {
	case "":
	case dndTakeAll, dndTakeNothing:
		set.dnd = in.Telephony.Availability
	case "DoNotAcceptQueueCalls":
		set.dnd = dndNoQueues
	default:
		return 0, nil, invalid("telephony.availability")
	}
	u.set = set
	c.s.publishPresence(u, c.s.now())
	return http.StatusOK, c.unifiedWire(u), nil
}
