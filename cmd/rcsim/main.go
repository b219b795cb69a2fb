// Command rcsim runs a simulated RingCentral on this machine: OAuth, REST, the WebSocket gateway and the phones page.
//
// It prints one JSON line (its URL, the registered apps, the account and its first hundred people) and serves until SIGINT or
// SIGTERM. Exit codes: 0 after a signal, 1 when serving failed, 2 for wrong arguments.
//
// # Load
//
// With -load-users the account is a large company, and with -load-rate its people have calls at so many events a second, so
// that an app can be measured against it. Whether the simulator itself keeps up is measured by a second process that signs
// everybody in, opens a socket for each and prints one JSON line of what arrived and how late:
//
//	GOMAXPROCS=1 rcsim -listen 127.0.0.1:8090 -load-users 10000 -load-rate 1000 &
//	rcsim -drive http://127.0.0.1:8090 -load-users 10000 -for 60s
//
// Each socket needs a file descriptor on both sides: the soft limit is raised to the hard one, which must be large enough.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/cordboard/cordboard/rc/rcsim"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// hello is the one line on standard output.
type hello struct {
	URL     string              `json:"url"`
	Phones  string              `json:"phones"`
	Clients []rcsim.ClientState `json:"clients"`
	Account helloAccount        `json:"account"`
	Users   []helloUser         `json:"users"`
	Outside []string            `json:"outside"`
}

type helloAccount struct {
	ID         string `json:"id"`
	Name       string `json:"name"`
	MainNumber string `json:"mainNumber"`
}

type helloUser struct {
	ExtensionID     string `json:"extensionId"`
	ExtensionNumber string `json:"extensionNumber"`
	Name            string `json:"name"`
	Team            string `json:"team"`
	JWT             string `json:"jwt"`
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var opt rcsim.Options
	flags := flag.NewFlagSet("rcsim", flag.ContinueOnError)
	flags.SetOutput(stderr)
	listen := flags.String("listen", "127.0.0.1:8090", "`address` to listen on; not loopback only with --expose-simulator")
	flags.BoolVar(&opt.Exposed, "expose-simulator", false, "let other machines in: anybody who reaches it can act as anybody")
	flags.Uint64Var(&opt.Seed, "seed", 0, "seed of ids and tokens; 0 picks one")
	flags.DurationVar(&opt.RingTimeout, "ring", 0, "how long a phone rings before voicemail (0: 25s)")
	flags.BoolVar(&opt.NoVoicemail, "no-voicemail", false, "unanswered calls end instead of going to voicemail")
	flags.DurationVar(&opt.EventDelay, "event-delay", 0, "time from a change to its notification")
	flags.BoolVar(&opt.SingleUseWSToken, "single-use-wstoken", false, "a gateway token opens one socket only")
	flags.StringVar(&opt.PublicURL, "public-url", "", "base `URL` of the addresses in answers (default: the Host that was asked)")
	record := flags.String("record", "", "write every exchange with a client to this `file`, one JSON line each; it holds their tokens")
	faults := flags.String("faults", "", "`JSON` of faults to begin with, as POST /sim/api/faults takes it: "+`{"bridge":{"status":409,"times":1}}`)
	load := loadFlags{}
	flags.IntVar(&load.users, "load-users", 0, "an account of that many `people` (extensions from 10001) instead of the demo's; with -drive: how many sign in (0: all)")
	flags.IntVar(&load.rate, "load-rate", 0, "let people have calls, at so many `events` a second: one notification each for who listens to their own calls")
	flags.StringVar(&load.drive, "drive", "", "do not serve: sign people in at the simulator at this `URL`, listen to their calls and report what arrives")
	flags.DurationVar(&load.measure, "for", 30*time.Second, "how long -drive measures once everybody is signed in")
	unlimited := flags.Bool("no-limits", false, "no usage-plan limits")
	verbose := flags.Bool("v", false, "log refused requests")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0
		}
		return 2
	}
	level := slog.LevelInfo
	if *verbose {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: level}))
	if flags.NArg() > 0 {
		log.Error("rcsim takes no arguments besides flags")
		return 2
	}
	if err := load.check(); err != nil {
		log.Error(err.Error())
		return 2
	}
	if load.drive != "" {
		return load.report(ctx, stdout, log)
	}
	if load.users > 0 {
		account := rcsim.Crowd(load.users, loadTeam)
		opt.Account = &account
	}
	if *unlimited {
		opt.Limits = rcsim.Unlimited()
	}
	opt.Log = log
	if *record != "" {
		to, end, err := rcsim.RecordFile(*record)
		if err != nil {
			log.Error("cannot record", "error", err)
			return 1
		}
		defer end()
		opt.Record = to
	}

	sim := rcsim.New(opt)
	if *faults != "" {
		if _, err := sim.Break([]byte(*faults)); err != nil {
			_ = sim.Close()
			log.Error("these faults cannot be set", "error", err)
			return 2
		}
	}
	running, err := sim.Start(ctx, *listen)
	if err != nil {
		_ = sim.Close()
		if errors.Is(err, rcsim.ErrExposed) {
			log.Error("this address is not loopback: add --expose-simulator if others may reach a simulator that lets anybody in")
			return 2
		}
		log.Error("cannot listen", "error", err)
		return 1
	}
	if opt.Exposed {
		log.Warn("the simulator is exposed: anybody who reaches it can act as anybody; never use real numbers or secrets with it")
	}
	if err := json.NewEncoder(stdout).Encode(greet(sim, running.URL)); err != nil {
		log.Error("cannot write the JSON line", "error", err)
	}

	var loading sync.WaitGroup
	defer loading.Wait()
	if load.rate > 0 {
		loading.Go(func() {
			if err := sim.Load(ctx, load.rate); ctx.Err() == nil {
				log.Error("there are no more calls", "error", err)
			}
		})
	}

	code := 0
	select {
	case <-ctx.Done():
	case err := <-running.Failed():
		log.Error("serving ended", "error", err)
		code = 1
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if err := running.Stop(stopping); err != nil {
		log.Warn("some connections were cut", "error", fmt.Sprint(err))
	}
	return code
}

// greeted is how many people the line names; GET /sim/api/account has all.
const greeted = 100

// greet is what a script needs to begin.
func greet(sim *rcsim.Server, url string) hello {
	a := sim.Account()
	h := hello{URL: url, Phones: url + "/sim/", Clients: sim.Clients(), Account: helloAccount{a.ID, a.Name, a.MainNumber}}
	for _, u := range a.Users[:min(len(a.Users), greeted)] {
		h.Users = append(h.Users, helloUser{u.ID, u.Number, u.Name(), u.Team, u.JWT})
	}
	for _, o := range a.Outside {
		h.Outside = append(h.Outside, o.Number)
	}
	return h
}
