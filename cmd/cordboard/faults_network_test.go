package main

import (
	"fmt"
	"strings"
	"testing"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// ways are what lies between the App and the simulator: one way to the REST API, one to the gateway.
type ways struct{ rest, gateway *way }

// way is a proxy that may go bad; it starts good.
type way struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newWays lead to a server at addr.
func newWays(t *testing.T, addr string) *ways {
	t.Helper()
	return &ways{newWay(t, addr), newWay(t, addr)}
}

func newWay(t *testing.T, addr string) *way {
	t.Helper()
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	w := &way{t, toxiproxy.NewProxy(server, "ringcentral", anyPort, addr)}
	w.up()
	t.Cleanup(w.down)
	return w
}

func (w *way) url() string { return "http://" + w.proxy.Listen }

// up opens the way, at the address that it had before.
func (w *way) up() {
	w.t.Helper()
	if err := w.proxy.Start(); err != nil {
		w.t.Fatal(err)
	}
}

// down ends its connections and refuses new ones.
func (w *way) down() { w.proxy.Stop() }

// spoil adds a toxic, in the words of toxiproxy, to both directions.
func (w *way) spoil(kind, attributes string) {
	w.t.Helper()
	for _, stream := range []string{"upstream", "downstream"} {
		toxic := fmt.Sprintf(`{"type":%q,"stream":%q,"attributes":{%s}}`, kind, stream, attributes)
		if _, err := w.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
			w.t.Fatal(err)
		}
	}
}

// clean takes every toxic away.
func (w *way) clean() { w.proxy.Toxics.ResetToxics(w.t.Context()) }
