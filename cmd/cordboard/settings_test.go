package main

import (
	"bytes"
	"encoding/base64"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// parse is the command line and environment of a test as settings.
func parse(t *testing.T, args ...string) cli {
	t.Helper()
	var c cli
	parser, _ := newParser(&c, &bytes.Buffer{}, &bytes.Buffer{})
	if _, err := parser.Parse(args); err != nil {
		t.Fatal(err)
	}
	return c
}

func key(fill byte) string {
	return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{fill}, keyBytes))
}

// right is a serve command line with nothing wrong, and more.
func right(more ...string) []string {
	return append([]string{"serve", "--public-url=https://desk.example.com", "--client-id=abc"}, more...)
}

func TestEverySettingIsCheckedAndNoneIsEchoed(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want []string // flags that problems name, in order
	}{
		{"nothing wrong", right(), nil},
		{"nothing given", []string{"serve"}, []string{"client-id", "public-url"}},
		{"public url over http", right("--public-url=http://sekret.example.com"), []string{"public-url"}},
		{"public url over http, loopback", right("--public-url=http://127.0.0.1:8080"), nil},
		{"public url over http, localhost", right("--public-url=http://localhost:8080/"), nil},
		{"public url over http, a name below localhost", right("--public-url=http://sekret.localhost:8080"), []string{"public-url"}},
		{"public url with a path", right("--public-url=https://sekret.example.com/desk"), []string{"public-url"}},
		{"public url with a user", right("--public-url=https://sekret@example.com"), []string{"public-url"}},
		{"public url, another scheme", right("--public-url=ftp://sekret.example.com"), []string{"public-url"}},
		{"listen", right("--listen=sekret"), []string{"listen"}},
		{"listen, a port that is none", right("--listen=sekret:99999"), []string{"listen"}},
		{"metrics", right("--metrics-listen=sekret"), []string{"metrics-listen"}},
		{"key without certificate", right("--tls-key=sekret"), []string{"tls-cert"}},
		{"certificate without key", right("--tls-cert=sekret"), []string{"tls-key"}},
		{"certificate that is not there", right("--tls-cert=sekret", "--tls-key=sekret"), []string{"tls-cert"}},
		{"proxies", right("--trusted-proxies=10.0.0.0/8, 192.0.2.7"), nil},
		{"proxies that are names", right("--trusted-proxies=10.0.0.0/8,sekret"), []string{"trusted-proxies"}},
		{"server over http", right("--ringcentral-server=http://sekret.example.com"), []string{"ringcentral-server"}},
		{"server on loopback", right("--ringcentral-server=http://127.0.0.1:8090"), nil},
		{"secret and its file", right("--client-secret=sekret", "--client-secret-file=sekret"), []string{"client-secret"}},
		{"secret file that is not there", right("--client-secret-file=sekret"), []string{"client-secret-file"}},
		{"secret file that is empty", right("--client-secret-file=" + empty), []string{"client-secret-file"}},
		{"accounts", right("--accounts=400131426008,1"), nil},
		{"accounts that are names", right("--accounts=400131426008,sekret"), []string{"accounts"}},
		{"data", right("--data="), []string{"data"}},
		{"keys", right("--secret-keys=" + key(1) + "," + key(2)), nil},
		{"keys that are short", right("--secret-keys=c2VrcmV0"), []string{"secret-keys"}},
		{"keys that are no base64", right("--secret-keys=sekret!"), []string{"secret-keys"}},
		{"nats without keys", right("--nats-url=nats://sekret@nats.example.com"), []string{"secret-keys"}},
		{"nats with no key among the keys", right("--nats-url=nats://sekret@nats.example.com", "--secret-keys= , "), []string{"secret-keys"}},
		{"nats with keys that are short", right("--nats-url=nats://sekret@nats.example.com", "--secret-keys=c2VrcmV0"), []string{"secret-keys"}},
		{"nats with keys", right("--nats-url=nats://a.example.com,tls://b.example.com", "--secret-keys="+key(1)), nil},
		{"nats that is no url", right("--nats-url=sekret", "--secret-keys="+key(1)), []string{"nats-url"}},
		{"nats credentials alone", right("--nats-credentials=sekret"), []string{"nats-credentials"}},
		{"retention", right("--ledger-retention=48h"), nil},
		{"retention below a day", right("--ledger-retention=1h"), []string{"ledger-retention"}},
		{"retention that is no time", right("--ledger-retention=sekret"), []string{"ledger-retention"}},
		{"retention that is negative", right("--ledger-retention=-90d"), []string{"ledger-retention"}},
		{"log level", right("--log-level=sekret"), []string{"log-level"}},
		{"log format", right("--log-format=sekret"), []string{"log-format"}},
		{"all at once", []string{"serve", "--listen=sekret", "--log-level=sekret", "--accounts=sekret", "--secret-keys=sekret"}, []string{"listen", "log-level", "client-id", "public-url", "accounts", "secret-keys"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, wrong := parse(t, tc.args...).Settings.config()
			checkProblems(t, wrong, tc.want)
		})
	}
}

func TestTheDemoTakesNothingOfARealRingCentral(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		args []string
		want []string
	}{
		{"nothing given", nil, nil},
		{"a real server", []string{"--ringcentral-server=https://sekret.example.com"}, []string{"ringcentral-server"}},
		{"the real server", []string{"--ringcentral-server=" + defaultServer}, []string{"ringcentral-server"}},
		{"a real secret", []string{"--client-secret=sekret"}, []string{"client-secret"}},
		{"a real secret's file", []string{"--client-secret-file=sekret"}, []string{"client-secret-file"}},
		{"a shared NATS", []string{"--nats-url=sekret"}, []string{"nats-url"}},
		{"a real public URL", []string{"--public-url=https://sekret.example.com"}, []string{"public-url"}},
		{"a public URL on loopback", []string{"--public-url=http://localhost:8080"}, nil},
		{"open to others", []string{"--listen=0.0.0.0:8080"}, []string{"listen"}},
		{"open to others, the simulator", []string{"--simulator-listen=192.0.2.1:80"}, []string{"simulator-listen"}},
		{"open to others on purpose", []string{"--listen=:8080", "--simulator-listen=:8090", "--expose-simulator"}, nil},
		{"a toggle that is none", []string{"--json=sekret", "--expose-simulator=sekret"}, []string{"expose-simulator", "json"}},
		{"an address that is none", []string{"--simulator-listen=sekret"}, []string{"simulator-listen"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := parse(t, append([]string{"demo"}, tc.args...)...)
			_, wrong := c.Settings.demo(c.Demo)
			checkProblems(t, wrong, tc.want)
		})
	}
}

func checkProblems(t *testing.T, got problems, flags []string) {
	t.Helper()
	if len(got) != len(flags) {
		t.Fatalf("problems %q, want one for each of %q", got, flags)
	}
	for i, flag := range flags {
		if !strings.HasPrefix(got[i], settingName(flag)+" ") {
			t.Errorf("problem %q, want one of %s", got[i], settingName(flag))
		}
		if !strings.HasSuffix(got[i], ".") || strings.Contains(got[i], "sekret") || strings.Contains(got[i], "c2Vrcm") {
			t.Errorf("%q is not a sentence, or echoes a value", got[i])
		}
	}
}

func TestRightSettingsBecomeTheConfig(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "secret")
	if err := os.WriteFile(file, []byte("of a file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	got, wrong := parse(t, right("--client-secret-file="+file, "--accounts=1, 2,", "--secret-keys="+key(1)+","+key(2), "--trusted-proxies=10.1.2.3/8", "--ledger-retention=30d")...).Settings.config()
	if len(wrong) > 0 {
		t.Fatal(wrong)
	}
	if got.ClientSecret != "of a file" || !slices.Equal(got.Accounts, []string{"1", "2"}) || got.Retention != 30*24*time.Hour {
		t.Errorf("config %+v", got)
	}
	if len(got.Keys) != 2 || got.Keys[0][0] != 1 || got.Keys[1][0] != 2 {
		t.Errorf("keys %v", got.Keys)
	}
	if got.RingCentralServer != defaultServer || got.PublicURL != "https://desk.example.com" || got.TrustedProxies[0].String() != "10.0.0.0/8" {
		t.Errorf("config %+v", got)
	}
}

func TestEveryFlagIsAnEnvironmentVariableToo(t *testing.T) {
	t.Setenv("CORDBOARD_PUBLIC_URL", "http://localhost:8080")
	t.Setenv("CORDBOARD_CLIENT_ID", "from the environment")
	t.Setenv("CORDBOARD_EXPOSE_SIMULATOR", "maybe")
	got, wrong := parse(t).Settings.config()
	if len(wrong) > 0 || got.ClientID != "from the environment" {
		t.Errorf("config %+v, problems %q", got, wrong)
	}
	c := parse(t, "demo")
	if _, wrong := c.Settings.demo(c.Demo); len(wrong) != 1 || !strings.HasPrefix(wrong[0], "CORDBOARD_EXPOSE_SIMULATOR") {
		t.Errorf("problems %q", wrong)
	}
	var model cli
	parser, _ := newParser(&model, &bytes.Buffer{}, &bytes.Buffer{})
	for _, f := range flags(parser.Model.Node) {
		if f.Name != "help" && (len(f.Envs) != 1 || settingName(f.Name) != f.Envs[0]+" (--"+f.Name+")") {
			t.Errorf("--%s has the environment variables %q", f.Name, f.Envs)
		}
	}
}

func TestWrongSettingsEndWithTwoAndASentenceEach(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		args  []string
		code  int
		lines int
		out   string // on standard output
	}{
		{"two settings", []string{"serve"}, exitSettings, 2, ""},
		{"a flag that is mistyped", right("--client-secrt=sekret"), exitSettings, 1, ""},
		{"a value that looks like a flag", right("--client-secret", "--sekret"), exitSettings, 1, ""},
		{"a flag that its value sticks to", right("--client-secretsekret"), exitSettings, 1, ""},
		{"a flag without its value", right("--client-secret"), exitSettings, 1, ""},
		{"a word too many", right("sekret"), exitSettings, 1, ""},
		{"the demo with a secret", []string{"demo", "-json", "--client-secret=sekret"}, exitSettings, 1, ""},
		{"version", []string{"version"}, exitOK, 0, version()},
		{"help", []string{"--help"}, exitOK, 0, "--public-url"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := run(t.Context(), tc.args, &stdout, &stderr); code != tc.code {
				t.Errorf("exit code %d, want %d", code, tc.code)
			}
			if n := strings.Count(stderr.String(), "\n"); n != tc.lines || strings.Contains(stderr.String(), "sekret") {
				t.Errorf("standard error %q, want %d lines without a value", stderr.String(), tc.lines)
			}
			if !strings.Contains(stdout.String(), tc.out) || tc.out == "" && stdout.Len() > 0 {
				t.Errorf("standard output %q, want %q in it", stdout.String(), tc.out)
			}
		})
	}
}

func TestKeysAreMadeOnceAndKept(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	first, err := keptKeys(dir)
	if err != nil || len(first) != 1 || len(first[0]) != keyBytes {
		t.Fatalf("keys %v, %v", first, err)
	}
	second, err := keptKeys(dir)
	if err != nil || !bytes.Equal(first[0], second[0]) {
		t.Errorf("keys %v at the second start, %v; want the first ones", second, err)
	}
	info, err := os.Stat(filepath.Join(dir, keyFile))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("file %v, %v; want mode 0600", info, err)
	}
	if other, _ := keptKeys(t.TempDir()); bytes.Equal(first[0], other[0]) {
		t.Error("two folders have the same key")
	}
	if err := os.WriteFile(filepath.Join(dir, keyFile), []byte("sekret"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := keptKeys(dir); err == nil || strings.Contains(err.Error(), "sekret") {
		t.Errorf("a broken file gives %v", err)
	}
}
