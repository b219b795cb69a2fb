// Command cordboard serves Cordboard: sign in with RingCentral, see your live
// calls, and join the customer on hold to the colleague you consulted.
//
// It ends with 0 after SIGINT or SIGTERM, with 1 when something went wrong,
// and with 2 when the settings are wrong: then standard error has one sentence
// for each of them, and no value.
package main

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"
)

// The exit codes.
const (
	exitOK       = 0
	exitFailed   = 1
	exitSettings = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// cli is the command line; every flag belongs to every command.
type cli struct {
	Settings settings     `embed:""`
	Serve    struct{}     `cmd:"" default:"1" help:"Serve Cordboard. The default."`
	Demo     demoSettings `cmd:"" help:"Try Cordboard with a simulated RingCentral, phones included."`
	Version  struct{}     `cmd:"" help:"Print the version."`
}

// run is the whole program; it returns when ctx ends or the command is done.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	var c cli
	parser, exited := newParser(&c, stdout, stderr)
	args = oneDash(parser, args)
	parsed, err := parser.Parse(args)
	if *exited {
		return exitOK
	}
	if err != nil { // its text may hold a value
		return refuse(stderr, misread(parser, args))
	}
	switch parsed.Command() {
	case "version":
		_, _ = fmt.Fprintln(stdout, version())
		return exitOK
	case "demo":
		cfg, wrong := c.Settings.demo(c.Demo)
		if len(wrong) > 0 {
			return refuse(stderr, wrong)
		}
		cfg.Log = logger(stderr, c.Settings, slog.LevelWarn)
		return ended(cfg.Log, demo(ctx, cfg, c.Demo, stdout))
	}
	cfg, wrong := c.Settings.config()
	if len(wrong) > 0 {
		return refuse(stderr, wrong)
	}
	cfg.Log = logger(stderr, c.Settings, slog.LevelInfo)
	return ended(cfg.Log, serve(ctx, cfg))
}

// newParser makes the command line's parser; exited turns true when it has printed help.
func newParser(c *cli, stdout, stderr io.Writer) (parser *kong.Kong, exited *bool) {
	exited = new(bool)
	parser = kong.Must(c,
		kong.Name("cordboard"),
		kong.Description("Join the customer on hold to the colleague you consulted: warm transfers for RingCentral, beside your phone."),
		kong.DefaultEnvars(envPrefix),
		kong.Vars{"listen": defaultListen, "metrics": defaultMetrics},
		kong.Writers(stdout, stderr),
		kong.Exit(func(int) { *exited = true }),
	)
	return parser, exited
}

// refuse prints what is wrong, a sentence a line.
func refuse(stderr io.Writer, wrong problems) int {
	for _, sentence := range wrong {
		_, _ = fmt.Fprintln(stderr, sentence)
	}
	return exitSettings
}

// ended turns the end of a command into an exit code.
func ended(log *slog.Logger, err error) int {
	if err != nil {
		log.Error("stopped", "err", err)
		return exitFailed
	}
	return exitOK
}

// serve runs an App until ctx ends.
func serve(ctx context.Context, cfg Config) error {
	app, err := New(ctx, cfg)
	if err != nil {
		return err
	}
	cfg.Log.Info("serving", "url", app.URL(), "version", version())
	return app.Run(ctx)
}

// misread names what a command line holds that is not ours, without any value: what follows a flag, or begins with the name
// of one, may be a value and is not named.
func misread(parser *kong.Kong, args []string) problems {
	var p problems
	for i, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		flag, ok := strings.CutPrefix(name, "--")
		after := i > 0 && known(parser, strings.TrimPrefix(args[i-1], "--"))
		if ok && flag != "" && !known(parser, flag) && !after && !beginsKnown(parser, flag) {
			p = append(p, "There is no flag "+name+": cordboard --help lists the flags.")
		}
	}
	if len(p) == 0 {
		p = append(p, "The command line cannot be read: cordboard --help shows its form.")
	}
	return p
}

// beginsKnown reports whether a word begins with the name of a flag.
func beginsKnown(parser *kong.Kong, word string) bool {
	return slices.ContainsFunc(flags(parser.Model.Node), func(f *kong.Flag) bool { return strings.HasPrefix(word, f.Name) })
}

// oneDash lets a flag's long name be written with one dash too.
func oneDash(parser *kong.Kong, args []string) []string {
	out := make([]string, len(args))
	for i, arg := range args {
		name, _, _ := strings.Cut(arg, "=")
		if flag, ok := strings.CutPrefix(name, "-"); ok && known(parser, flag) {
			arg = "-" + arg
		}
		out[i] = arg
	}
	return out
}

// known reports whether some command has a flag of that name.
func known(parser *kong.Kong, name string) bool {
	for _, f := range flags(parser.Model.Node) {
		if f.Name == name {
			return true
		}
	}
	return false
}

// flags are those of a command and of the commands below it.
func flags(n *kong.Node) []*kong.Flag {
	out := append([]*kong.Flag(nil), n.Flags...)
	for _, child := range n.Children {
		out = append(out, flags(child)...)
	}
	return out
}

// logger writes what the settings ask for, which were checked, and from level on when they ask for nothing.
func logger(w io.Writer, s settings, level slog.Level) *slog.Logger {
	if s.LogLevel != "" {
		_ = level.UnmarshalText([]byte(s.LogLevel))
	}
	opt := &slog.HandlerOptions{Level: level}
	if s.LogFormat == "json" {
		return slog.New(slog.NewJSONHandler(w, opt))
	}
	return slog.New(slog.NewTextHandler(w, opt))
}

// version is the module's version, and the commit it was built from where that is known.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	v := info.Main.Version
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && !strings.Contains(v, s.Value[:min(12, len(s.Value))]) {
			v += " (" + s.Value[:min(12, len(s.Value))] + ")"
		}
	}
	return v
}
