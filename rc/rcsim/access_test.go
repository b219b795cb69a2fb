package rcsim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/cordboard/cordboard/rc/rcsim"
)

// TestWhatOperationsCostAndNeed: the usage-plan group, the application scope and the user permission of each operation, by the
// columns of the API sheet's section 9.
func TestWhatOperationsCostAndNeed(t *testing.T) {
	const ext, queue = account + "/extension/~", account + "/call-queues/400131590008"
	for _, c := range []struct{ method, path, body, group, scope, permission string }{
		{"GET", ext, "", "light", "ReadAccounts", "ReadExtensions"},
		{"GET", account + "/extension", "", "medium", "ReadAccounts", "ReadExtensions"},
		{"GET", account + "/directory/entries", "", "medium", "ReadAccounts", ""},
		{"POST", account + "/directory/entries/search", `{}`, "heavy", "ReadAccounts", "ReadExtensions"},
		{"GET", ext + "/presence", "", "light", "ReadPresence", "ReadPresenceStatus"},
		{"GET", account + "/presence", "", "heavy", "ReadPresence", "ReadPresenceStatus"},
		{"PUT", ext + "/presence", `{}`, "medium", "EditPresence", ""},
		{"GET", ext + "/unified-presence", "", "medium", "ReadPresence", "ReadPresenceStatus"},
		{"PATCH", ext + "/unified-presence", `{}`, "medium", "EditPresence", "EditPresenceStatus"},
		{"GET", ext + "/device", "", "light", "ReadAccounts", "ReadUserDevices"},
		{"GET", ext + "/webapp-devices", "", "medium", "ReadAccounts", ""},
		{"GET", account + "/call-queues", "", "medium", "ReadAccounts", "ReadExtensions"},
		{"GET", queue + "/members", "", "light", "ReadAccounts", "ReadExtensions"},
		{"GET", queue + "/presence", "", "light", "ReadPresence", ""},
		{"PUT", queue + "/presence", `{"records":[]}`, "medium", "EditPresence", ""},
		{"GET", ext + "/call-queue-presence", "", "light", "ReadPresence", ""},
		{"PUT", ext + "/call-queue-presence", `{"records":[]}`, "medium", "EditPresence", ""},
		{"GET", account + "/call-monitoring-groups", "", "medium", "ReadAccounts", "ReadExtensions"},
		{"GET", account + "/call-monitoring-groups/78901008/members", "", "medium", "ReadAccounts", "ReadExtensions"},
		{"GET", ext + "/active-calls", "", "heavy", "ReadCallLog", "ReadCallLog"},
		{"GET", account + "/active-calls", "", "heavy", "ReadCallLog", "ReadCompanyCallLog"},
		{"GET", ext + "/forwarding-number", "", "light", "ReadAccounts", "ReadUserForwardingFlipNumbers"},
		{"GET", ext + "/phone-number", "", "light", "ReadAccounts", "ReadUserPhoneNumbers"},
		{"GET", ext + "/authz-profile/check?permissionId=Users", "", "light", "", ""},
		{"POST", ext + "/ring-out", `{"from":{"phoneNumber":"100"},"to":{"phoneNumber":"103"}}`, "heavy", "RingOut", ""},
		{"POST", "/restapi/oauth/wstoken", "", "auth", "WebSocket", ""},
	} {
		t.Run(c.method+" "+strings.TrimPrefix(c.path, account), func(t *testing.T) {
			w := newWorld(t, rcsim.Options{})
			token := w.signIn("100")
			send := func() reply { return w.rest(token, c.method, c.path, c.body) }
			limits := map[string]string{"light": "50", "medium": "40", "heavy": "10", "auth": "5"}
			if r := send(); r.status != 200 || r.header.Get("X-Rate-Limit-Group") != c.group || r.header.Get("X-Rate-Limit-Limit") != limits[c.group] || r.header.Get("X-Rate-Limit-Window") != "60" {
				t.Errorf("%d %v %s", r.status, r.header, r.body)
			}
			if c.permission != "" {
				w.SetLacks("100", c.permission)
				if r := send(); r.status != 403 || r.json(t)["errorCode"] != "CMN-408" || r.json(t)["permissionName"] != c.permission || r.header.Get("X-Rate-Limit-Group") != c.group {
					t.Errorf("without the permission: %d %s", r.status, r.body)
				}
				w.SetLacks("100")
			}
			if c.scope != "" {
				w.SetScopes(rcsim.ConfidentialClient, slices.DeleteFunc(rcsim.AllScopes(), func(s string) bool { return s == c.scope })...)
				if r := send(); r.status != 403 || r.json(t)["errorCode"] != "CMN-401" || r.json(t)["permissionName"] != c.scope {
					t.Errorf("without the scope: %d %s", r.status, r.body)
				}
			}
		})
	}
}
