package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"testing"
)

// childSettings is the environment variable that makes the tests' program an App with these settings.
const childSettings = "CORDBOARD_TEST_CHILD"

// childConfig is what a child cannot know by itself.
type childConfig struct{ Data, Server string }

// child is an App in a process of its own, which can be killed.
type child struct {
	url string
	cmd *exec.Cmd
	in  io.Closer // the child ends with it
}

// spawn runs an App with the settings that a table's play gives; it ends with the test, if nothing ends it before.
func (w *world) spawn(t *testing.T, data, server string) {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	settings, err := json.Marshal(childConfig{data, server})
	if err != nil {
		t.Fatal(err)
	}
	c := &child{cmd: exec.CommandContext(context.Background(), program)}
	c.cmd.Env = append(os.Environ(), childSettings+"="+string(settings))
	c.cmd.Stderr = w.log
	out, err := c.cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if c.in, err = c.cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	if err := c.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.kill(t) })
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatalf("the child does not say where it is: %v; %s", err, w.log)
	}
	c.url = strings.TrimSpace(line)
	w.child = c
}

// kill ends the process as a crash does.
func (c *child) kill(t *testing.T) {
	t.Helper()
	if c.cmd.ProcessState != nil {
		return
	}
	if err := c.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Error(err)
	}
	_ = c.cmd.Wait() // it was killed
}

// end ends the process in order.
func (c *child) end() error {
	if c.cmd.ProcessState != nil {
		return nil
	}
	return errors.Join(c.cmd.Process.Signal(syscall.SIGTERM), c.cmd.Wait())
}

// runChild is the child's main; it is its exit code.
func runChild(settings string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	ctx, orphaned := context.WithCancel(ctx)
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin) // ends when the parent does
		orphaned()
	}()
	var told childConfig
	err := json.Unmarshal([]byte(settings), &told)
	if err == nil {
		cfg := demoSetting(told.Data, os.Stderr)
		cfg.RingCentralServer = told.Server
		hurry(&cfg)
		var app *App
		if app, err = New(ctx, cfg); err == nil {
			_, _ = fmt.Fprintln(os.Stdout, app.URL())
			err = app.Run(ctx)
		}
	}
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return exitFailed
	}
	return exitOK
}
