package rc

import (
	"context"
	"net/http"
	"net/url"
)

// Permitted reports whether the person's role holds a user permission, such as
// "ReadPresenceStatus". No scope, group Light.
// See https://developers.ringcentral.com/api-reference/User-Permissions/checkUserPermission.
func (p *Caller) Permitted(ctx context.Context, permission string) (bool, error) {
	const path = accountPath + "/extension/~/authz-profile/check"
	var w struct {
		Successful bool `json:"successful"`
	}
	err := p.read(ctx, call{
		method: http.MethodGet, path: path, route: path, query: url.Values{"permissionId": {permission}}, group: Light,
	}, &w)
	return w.Successful, err
}
