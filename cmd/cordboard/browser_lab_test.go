package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/cordboard/cordboard/rc/rcsim"
	"github.com/cordboard/cordboard/rc/rcsim/conform"
)

// patience bounds every wait of the browser tests; none takes it unless it fails.
const patience = 60 * time.Second

// The people of the demo account, and the callers outside, that the tests play.
const (
	supervisor = "101"
	agent      = "102"
	colleague  = "103"
	outsider   = "+16505550142" // the caller's name is Eleanor Marsh
	outsider2  = "+16505550117" // Omar Castellanos
)

// TestBrowser drives the built binary in a real browser: each test has a process of its own, and each person a browser
// context of their own. Phones are played by the phones page or by the simulator's control API.
func TestBrowser(t *testing.T) {
	l := newLab(t)
	for _, test := range []struct {
		name string
		run  func(stage)
	}{
		{"joins what was played on the phones page", joinsWhatWasPlayed},
		{"finishes the story of the phones page", finishesTheStory},
		{"rings three phones of a line", ringsThreePhonesOfALine},
		{"parks and picks up", parksAndPicksUp},
		{"breaks and mends", breaksAndMends},
		{"fits the phones anywhere", fitsThePhonesAnywhere},
		{"keeps the pair over a refresh", keepsThePairOverARefresh},
		{"works without script", worksWithoutScript},
		{"stays off while the consult rings", staysOffWhileTheConsultRings},
		{"stays off in voicemail", staysOffInVoicemail},
		{"offers nothing for two customers", offersNothingForTwoCustomers},
		{"says that the customer left", saysThatTheCustomerLeft},
		{"sends one request", sendsOneRequest},
		{"says what RingCentral refused", saysWhatRingCentralRefused},
		{"shows a team its transfer", showsATeamItsTransfer},
		{"comes back after a cut socket", comesBackAfterACutSocket},
		{"lives in many tabs", livesInManyTabs},
		{"listens however late its scripts come", listensHoweverLateItsScriptsCome},
		{"obeys the keys", obeysTheKeys},
		{"never moves the focus", neverMovesTheFocus},
		{"signs out", signsOut},
		{"fits narrow windows", fitsNarrowWindows},
		{"survives a restart", survivesARestart},
		{"settles what a crash left", settlesWhatACrashLeft},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			test.run(stage{t, l})
		})
	}
}

// lab has the built programs and the browser that all tests share.
type lab struct {
	bin string
	// window opens the first tab of a fresh browser context.
	window func(...chromedp.ContextOption) (context.Context, context.CancelFunc)
	hands  *http.Client
}

func newLab(t *testing.T) *lab {
	t.Helper()
	bin := t.TempDir()
	build := exec.CommandContext(t.Context(), "go", "build", "-race", "-o", bin+string(filepath.Separator), ".", "../rcsim")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.UserDataDir(t.TempDir()),
		chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true))
	allocator, free := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(free)
	first, quit := chromedp.NewContext(allocator)
	t.Cleanup(quit)
	if err := chromedp.Do(first); err != nil {
		t.Fatalf("start the browser: %v", err)
	}
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	return &lab{
		bin: bin,
		window: func(options ...chromedp.ContextOption) (context.Context, context.CancelFunc) {
			return chromedp.NewContext(first, append(options, chromedp.WithNewBrowserContext())...)
		},
		hands: &http.Client{Transport: transport, Timeout: patience},
	}
}

// stage is where one test plays.
type stage struct {
	*testing.T
	lab *lab
}

// process is one of the built programs.
type process struct {
	t    stage
	cmd  *exec.Cmd
	out  *safeBuffer
	log  *safeBuffer
	done chan struct{} // closed when it has ended
	err  error         // read after done
}

// start runs a built program; it ends with the test, and must end well.
func (t stage) start(name string, args ...string) *process {
	t.Helper()
	p := &process{t: t, out: &safeBuffer{}, log: &safeBuffer{}, done: make(chan struct{})}
	p.cmd = exec.CommandContext(context.Background(), filepath.Join(t.lab.bin, name), args...)
	p.cmd.Env = append(os.Environ(), "TMPDIR="+t.TempDir())
	p.cmd.Stdout, p.cmd.Stderr = p.out, p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatalf("start %s: %v", name, err)
	}
	go func() {
		p.err = p.cmd.Wait()
		close(p.done)
	}()
	t.Cleanup(func() {
		p.end(syscall.SIGTERM)
		if t.Failed() {
			t.Logf("the log of %s:\n%s", name, p.log)
		}
	})
	return p
}

// line waits for the program's one line of JSON.
func (p *process) line(into any) {
	t := p.t
	t.Helper()
	until(t.T, "the line that says where it is", func() (bool, string) {
		select {
		case <-p.done:
			t.Fatalf("it ended with %v:\n%s", p.err, p.log)
		default:
		}
		return strings.HasSuffix(p.out.String(), "\n"), p.log.String()
	})
	if err := json.Unmarshal([]byte(p.out.String()), into); err != nil {
		t.Fatal(err)
	}
}

// end stops the process if it still runs. After SIGTERM it must exit with 0, which a data race found in it forbids too.
func (p *process) end(how syscall.Signal) {
	t := p.t
	t.Helper()
	select {
	case <-p.done:
		return
	default:
	}
	if err := p.cmd.Process.Signal(how); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Errorf("signal: %v", err)
	}
	select {
	case <-p.done:
	case <-time.After(patience):
		_ = p.cmd.Process.Kill()
		<-p.done
		t.Errorf("it did not end:\n%s", p.log)
		return
	}
	if p.err != nil && how == syscall.SIGTERM {
		t.Errorf("it ended with %v:\n%s", p.err, p.log)
	}
}

// exchange is a Cordboard with its simulated RingCentral, whose phones the test plays.
type exchange struct {
	stage
	url    string // of Cordboard
	sim    string // of the simulator
	phones string
}

// recording makes a simulator record its traffic, which is checked when the test is over; start the program after it.
func recording(t *testing.T) []string {
	t.Helper()
	if !conform.On() {
		return nil
	}
	name := filepath.Join(t.TempDir(), "traffic.jsonl")
	t.Cleanup(func() { conform.File(t, name) })
	return []string{"--record=" + name}
}

// demo starts the demo.
func (t stage) demo() *exchange {
	t.Helper()
	args := []string{"demo", "-json", "--listen=" + anyPort, "--simulator-listen=" + anyPort, "--metrics-listen=" + anyPort, "--log-level=info"}
	p := t.start("cordboard", append(args, recording(t.T)...)...)
	var at struct{ URL, Simulator, Phones string }
	p.line(&at)
	return &exchange{stage: t, url: at.URL, sim: at.Simulator, phones: at.Phones}
}

// api asks the simulator's control API; into may be nil.
func (x *exchange) api(method, path string, body, into any) {
	x.Helper()
	var sent bytes.Buffer
	if body != nil {
		if err := json.NewEncoder(&sent).Encode(body); err != nil {
			x.Fatal(err)
		}
	}
	r, err := http.NewRequestWithContext(x.Context(), method, x.sim+"/sim/api"+path, &sent)
	if err != nil {
		x.Fatal(err)
	}
	res, err := x.lab.hands.Do(r)
	if err != nil {
		x.Fatalf("%s %s: %v", method, path, err)
	}
	defer func() { _ = res.Body.Close() }()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 {
		x.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, got, err)
	}
	if into != nil {
		if err := json.Unmarshal(got, into); err != nil {
			x.Fatal(err)
		}
	}
}

type callRef struct {
	ID string `json:"telephonySessionId"`
}

// ring lets somebody outside call the agent.
func (x *exchange) ring(from string) string {
	x.Helper()
	var c callRef
	x.api(http.MethodPost, "/calls", map[string]string{"from": from, "to": agent}, &c)
	return c.ID
}

// dial calls the colleague from the agent's phone.
func (x *exchange) dial() string {
	x.Helper()
	var c callRef
	x.api(http.MethodPost, "/phones/"+agent+"/dial", map[string]string{"to": colleague}, &c)
	return c.ID
}

// press is a button of a person's phone.
func (x *exchange) press(extension, verb, call string) {
	x.Helper()
	x.api(http.MethodPost, "/phones/"+extension+"/"+verb, callRef{call}, nil)
}

// leaves lets somebody outside hang up.
func (x *exchange) leaves(number, call string) {
	x.Helper()
	x.api(http.MethodPost, "/outside/"+url.PathEscape(number)+"/hangup", callRef{call}, nil)
}

// faults breaks or mends something.
func (x *exchange) faults(set map[string]any) {
	x.Helper()
	x.api(http.MethodPost, "/faults", set, nil)
}

// talks is a customer whom the agent has answered.
func (x *exchange) talks() (customer string) {
	x.Helper()
	customer = x.ring(outsider)
	x.press(agent, "answer", customer)
	return customer
}

// consults is a customer on hold while the agent talks to a colleague.
func (x *exchange) consults() (customer, consult string) {
	x.Helper()
	customer = x.talks()
	x.press(agent, "hold", customer)
	consult = x.dial()
	x.press(colleague, "answer", consult)
	return customer, consult
}

func (x *exchange) state() rcsim.State {
	x.Helper()
	var s rcsim.State
	x.api(http.MethodGet, "/state", nil, &s)
	return s
}

// requests are what arrived at the simulated RingCentral, and what of the path is a part.
func (x *exchange) requests(method, path string) []rcsim.Request {
	x.Helper()
	var list []rcsim.Request
	x.api(http.MethodGet, "/requests?"+url.Values{"method": {method}, "path": {path}}.Encode(), nil, &list)
	return list
}

// bridges is how many times RingCentral was asked to join two calls.
func (x *exchange) bridges() int {
	x.Helper()
	return len(x.requests(http.MethodPost, "/bridge"))
}

// code is RingCentral's word for the agent's party in a call.
func (x *exchange) code(call string) string {
	x.Helper()
	for _, s := range x.state().Sessions {
		if s.ID != call {
			continue
		}
		for _, p := range slices.Backward(s.Parties) {
			if p.ExtensionNumber == agent {
				return p.Code
			}
		}
	}
	return ""
}

// untilCode waits until RingCentral has a word for the agent's party in a call.
func (x *exchange) untilCode(call, code string) {
	x.Helper()
	until(x.T, "the agent is "+code, func() (bool, string) {
		got := x.code(call)
		return got == code, got
	})
}

// untilLeft waits until the agent is in a call no more.
func (x *exchange) untilLeft(call string) {
	x.Helper()
	until(x.T, "the agent has left", func() (bool, string) {
		got := x.code(call)
		return got == "Gone" || got == "Disconnected", got
	})
}

// untilTalksTo waits until the customer and somebody hear each other, and nobody else hears anybody.
func (x *exchange) untilTalksTo(other string) {
	x.Helper()
	until(x.T, "the customer talks to "+other, func() (bool, string) {
		s := x.state()
		who := map[rcsim.End]string{}
		for _, c := range s.Sessions {
			for _, p := range c.Parties {
				who[rcsim.End{Session: c.ID, Party: p.ID}] = cmp.Or(p.ExtensionNumber, p.Number)
			}
		}
		var heard []string
		for _, ends := range s.Audio {
			pair := []string{who[ends[0]], who[ends[1]]}
			slices.Sort(pair)
			heard = append(heard, strings.Join(pair, "-"))
		}
		want := []string{outsider, other}
		slices.Sort(want)
		return slices.Equal(slices.Compact(heard), []string{strings.Join(want, "-")}), strings.Join(heard, " ")
	})
}

// until waits for a condition that tells what it saw last.
func until(t *testing.T, what string, holds func() (ok bool, saw string)) {
	t.Helper()
	late := time.NewTimer(patience)
	defer late.Stop()
	tick := time.NewTicker(25 * time.Millisecond)
	defer tick.Stop()
	for {
		ok, saw := holds()
		if ok {
			return
		}
		select {
		case <-tick.C:
		case <-late.C:
			t.Fatalf("waited for %s; last seen: %s", what, saw)
		}
	}
}

// freeAddress is a loopback address that nobody listened on a moment ago.
func (t stage) freeAddress() string {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp", anyPort)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}
