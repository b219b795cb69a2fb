package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"slices"
	"syscall"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/phones"
)

// demoLag is between a change and its notification; RingCentral's recorded
// streams show 14 to 115 ms.
const demoLag = 35 * time.Millisecond

// anyPort is taken when the default one is in use.
const anyPort = "127.0.0.1:0"

// demo runs an App on a simulated RingCentral of its own, over real HTTP, in a
// data folder that goes away with it; cfg was checked.
func demo(ctx context.Context, cfg Config, d demoSettings, stdout io.Writer) (err error) {
	var none problems
	exposed := d.ExposeSimulator.on(&none, "expose-simulator")
	if exposed {
		cfg.Log.Warn("the simulated RingCentral lets anybody who reaches it sign in as anybody")
	}
	opt := rcsim.Options{Exposed: exposed, Phones: phones.FS, EventDelay: demoLag, Log: cfg.Log}
	if d.Record != "" {
		record, end, err := rcsim.RecordFile(d.Record)
		if err != nil {
			return fmt.Errorf("record the traffic: %w", err)
		}
		defer end()
		opt.Record = record
	}
	sim := rcsim.New(opt)
	running, err := freePort(d.simulatorListen(), defaultSimulator, func(addr string) (*rcsim.Running, error) { return sim.Start(ctx, addr) })
	if err != nil {
		return fmt.Errorf("start the simulated RingCentral: %w", errors.Join(err, sim.Close()))
	}
	defer func() {
		stop, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Second)
		defer cancel()
		err = errors.Join(err, running.Stop(stop))
	}()
	if cfg.Data, err = os.MkdirTemp("", "cordboard-demo-"); err != nil {
		return fmt.Errorf("make the demo's data folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(cfg.Data)) }()

	cfg.RingCentralServer = browsable(running.URL)
	cfg.Phones = cfg.RingCentralServer + "/sim/"
	cfg.ClientID, cfg.ClientSecret = demoClient()
	if cfg.MetricsListen == defaultMetrics {
		cfg.MetricsListen = anyPort
	}
	app, err := freePort(cfg.Listen, defaultListen, func(addr string) (*App, error) {
		cfg.Listen = addr
		return New(ctx, cfg)
	})
	if err != nil {
		return err
	}
	sim.SetApp(app.URL())
	if err := announce(stdout, app.URL(), cfg.RingCentralServer, cfg.Phones, d.JSON.on(&none, "json")); err != nil {
		return errors.Join(err, app.Close())
	}
	return app.Run(ctx)
}

// freePort starts something on an address, and on any port when that is the default one and in use.
func freePort[T any](addr, usual string, start func(addr string) (T, error)) (T, error) {
	started, err := start(addr)
	if addr == usual && errors.Is(err, syscall.EADDRINUSE) {
		return start(anyPort)
	}
	return started, err
}

// demoClient is the demo's app at the simulated RingCentral.
func demoClient() (id, secret string) {
	clients := rcsim.DemoAccount().Clients
	i := slices.IndexFunc(clients, func(c rcsim.Client) bool { return c.ID == rcsim.ConfidentialClient })
	return clients[i].ID, clients[i].Secret
}

// browsable is a server's URL with a host that a browser can go to.
func browsable(base string) string {
	u, err := url.Parse(base)
	if err != nil {
		return base
	}
	if ip := net.ParseIP(u.Hostname()); ip != nil && ip.IsUnspecified() {
		u.Host = net.JoinHostPort("localhost", u.Port())
	}
	return u.String()
}

// announce says where to look.
func announce(w io.Writer, app, simulator, phones string, asJSON bool) error {
	if asJSON {
		return json.NewEncoder(w).Encode(struct {
			URL       string `json:"url"`
			Simulator string `json:"simulator"`
			Phones    string `json:"phones"`
		}{app, simulator, phones})
	}
	_, err := fmt.Fprintf(w, `Cordboard, with a simulated RingCentral.

  The desk:    %s
  The phones:  %s

Sign in as an agent on the desk, and play a call on the phones beside it.
Ctrl-C ends it; nothing is kept.
`, app, phones)
	return err
}
