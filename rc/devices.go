package rc

import (
	"context"
	"net/http"
	"strings"

	"github.com/cordboard/cordboard/rc/telephony"
)

// Device is a phone or an app that rings for the person.
type Device struct {
	ID, Name string
	Type     string // verbatim: "HardPhone", "SoftPhone", "WebPhone", …
	Online   bool
}

// Dials reports whether RingCentral calls out and supervises on this device: desk
// and soft phones alone, for it takes no id of an app.
func (d Device) Dials() bool { return d.Type == "HardPhone" || d.Type == "SoftPhone" }

type deviceWire struct {
	ID     telephony.ID `json:"id"`
	Name   string       `json:"name"`
	Type   string       `json:"type"`
	Status string       `json:"status"`
}

func (w deviceWire) device() Device {
	return Device{ID: string(w.ID), Name: w.Name, Type: w.Type, Online: strings.EqualFold(w.Status, "Online")}
}

// Devices lists the person's desk and soft phones. Scope ReadAccounts, group
// Light.
// See https://developers.ringcentral.com/api-reference/Devices/listExtensionDevices.
func (p *Caller) Devices(ctx context.Context) ([]Device, error) {
	const path = accountPath + "/extension/~/device"
	return list(ctx, p, call{method: http.MethodGet, path: path, route: path, group: Light}, deviceWire.device)
}

// WebAppDevices lists where the person runs RingCentral's own app. Scope
// ReadAccounts, group Medium.
// See https://developers.ringcentral.com/api-reference/Devices/listWebAppDevices.
func (p *Caller) WebAppDevices(ctx context.Context) ([]Device, error) {
	const path = accountPath + "/extension/~/webapp-devices"
	var w struct {
		Records []deviceWire `json:"records"`
	}
	if err := p.read(ctx, call{method: http.MethodGet, path: path, route: path, group: Medium}, &w); err != nil {
		return nil, err
	}
	return each(w.Records, deviceWire.device), nil
}
