package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
)

// What settings are when they are left empty, and the form of the keys.
const (
	defaultServer    = "https://platform.ringcentral.com"
	defaultListen    = "127.0.0.1:8080"
	defaultMetrics   = "127.0.0.1:9090"
	defaultSimulator = "127.0.0.1:8090"
	envPrefix        = "CORDBOARD"
	keyBytes         = 32 // AES-256
	keyFile          = "secret-keys"
	dataMode         = 0o700
)

// settings are read as text and checked all at once by config: kong would stop at the first wrong one and echo it.
// Each flag --some-name is also the environment variable CORDBOARD_SOME_NAME.
type settings struct {
	Listen         string `help:"Address to listen on." default:"${listen}"`
	PublicURL      string `help:"Where browsers find this server: scheme, host and port. The redirect URI is this with /oauth/callback. http only for loopback."`
	TLSCert        string `name:"tls-cert" help:"Certificate file (PEM); without one, TLS is a proxy's matter."`
	TLSKey         string `name:"tls-key" help:"Key file of the certificate (PEM)."`
	TrustedProxies string `help:"Proxies whose X-Forwarded-For is believed: addresses or networks with commas between; none by default."`

	RingCentralServer string `name:"ringcentral-server" help:"RingCentral's API server; https://platform.ringcentral.com when empty."`
	ClientID          string `help:"Client id of the RingCentral app."`
	ClientSecret      string `help:"Client secret of the RingCentral app; empty for a client-side web app, which has none (PKCE)."`
	ClientSecretFile  string `help:"File that holds the client secret."`
	Accounts          string `help:"RingCentral account ids that may sign in, with commas between; empty keeps the account of the first sign-in."`

	Data                string `help:"Folder for sessions, grants and the ledger; locked against a second process." default:"data"`
	SecretKeys          string `help:"Keys that seal grants and cookies: 32 bytes each in base64, with commas between; the first seals, all open. Made and kept in the data folder when empty; required with a NATS URL."`
	SecretKeysFile      string `help:"File that holds the secret keys."`
	NATSURL             string `name:"nats-url" help:"NATS servers to share state through, with commas between; empty embeds one in this process."`
	NATSCredentials     string `name:"nats-credentials" help:"Credentials for NATS: the text of a credentials file, user:password, or a token."`
	NATSCredentialsFile string `name:"nats-credentials-file" help:"File that holds the NATS credentials."`
	LedgerRetention     string `help:"How long transfers and actions are kept, in days (90d) or hours (2160h)." default:"90d"`

	MetricsListen string `help:"Address of /metrics, /healthz and /readyz." default:"${metrics}"`
	LogLevel      string `help:"debug, info, warn or error; when empty info, and warn in the demo."`
	LogFormat     string `help:"text or json." default:"text"`
}

// demoSettings are those of the demo beside the ones above.
type demoSettings struct {
	JSON            toggle `name:"json" help:"Print one JSON line with both URLs instead of words."`
	SimulatorListen string `help:"Address of the simulated RingCentral; 127.0.0.1:8090 when empty."`
	Record          string `type:"path" help:"Write every exchange with the simulated RingCentral to this file, one JSON line each; tokens are in it."`
	ExposeSimulator toggle `help:"Let the demo listen on an address that others can reach. They can sign in as anybody."`
}

// problems collects one sentence per wrong setting; none of them holds a value.
type problems []string

func (p *problems) add(setting, sentence string) {
	*p = append(*p, fmt.Sprintf("%s %s", settingName(setting), sentence))
}

// settingName names a setting in both of its forms.
func settingName(flag string) string {
	return envPrefix + "_" + strings.ToUpper(strings.ReplaceAll(flag, "-", "_")) + " (--" + flag + ")"
}

// config checks every setting of serve and returns all problems at once.
func (s settings) config() (Config, problems) {
	var p problems
	c := s.common(&p)
	c.RingCentralServer = cmp.Or(s.RingCentralServer, defaultServer)
	if u, err := url.Parse(c.RingCentralServer); err != nil || !bareURL(u) || (u.Scheme != "https" && !loopback(u.Hostname())) {
		p.add("ringcentral-server", "must be an https URL of scheme and host only.")
	}
	if c.ClientID = strings.TrimSpace(s.ClientID); c.ClientID == "" {
		p.add("client-id", "is missing: it is the client id of your RingCentral app.")
	}
	c.ClientSecret = secret(&p, "client-secret", s.ClientSecret, s.ClientSecretFile)
	if s.PublicURL == "" {
		p.add("public-url", "is missing: it is the address that browsers use, such as https://cordboard.example.com.")
	}
	for _, id := range split(s.Accounts) {
		if strings.Trim(id, "0123456789") != "" {
			p.add("accounts", "must be account ids, which are digits, with commas between.")
			break
		}
		c.Accounts = append(c.Accounts, id)
	}
	if c.Data = s.Data; c.Data == "" {
		p.add("data", "is missing: it is the folder for sessions, grants and the ledger.")
	}
	before := len(p)
	c.Keys = keys(&p, "secret-keys", secret(&p, "secret-keys", s.SecretKeys, s.SecretKeysFile))
	noKeys := len(c.Keys) == 0 && len(p) == before
	c.NATSURL = strings.TrimSpace(s.NATSURL)
	c.NATSCredentials = secret(&p, "nats-credentials", s.NATSCredentials, s.NATSCredentialsFile)
	switch {
	case c.NATSURL == "" && c.NATSCredentials != "":
		p.add("nats-credentials", "is set without a NATS URL.")
	case c.NATSURL != "" && noKeys:
		p.add("secret-keys", "is missing: with a NATS URL every instance needs the same keys.")
	}
	for _, one := range split(c.NATSURL) {
		if u, err := url.Parse(one); err != nil || u.Scheme == "" || u.Host == "" {
			p.add("nats-url", "must be URLs with a scheme and a host, such as tls://nats.example.com:4222.")
			break
		}
	}
	return c, p
}

// demo checks the settings that the demo has, and refuses those of a real RingCentral.
func (s settings) demo(d demoSettings) (Config, problems) {
	var p problems
	exposed := d.ExposeSimulator.on(&p, "expose-simulator")
	d.JSON.on(&p, "json")
	for _, real := range []struct{ name, value string }{
		{"ringcentral-server", s.RingCentralServer},
		{"client-secret", s.ClientSecret},
		{"client-secret-file", s.ClientSecretFile},
		{"nats-url", s.NATSURL},
	} {
		if real.value != "" {
			p.add(real.name, "is set: the demo runs on a simulated RingCentral and takes nothing of a real one. Unset it, or run serve.")
		}
	}
	c := s.common(&p)
	c.Simulated = true
	if u, err := url.Parse(c.PublicURL); err == nil && c.PublicURL != "" && !exposed && !loopback(u.Hostname()) {
		p.add("public-url", "is not a loopback address: the demo is not your installation. Unset it, or run serve.")
	}
	for _, a := range []struct{ name, addr string }{{"listen", s.Listen}, {"simulator-listen", d.simulatorListen()}} {
		host, ok := address(a.addr)
		switch {
		case !ok && a.name == "simulator-listen":
			p.add(a.name, "must be host:port.")
		case ok && !exposed && !loopback(host):
			p.add(a.name, "is not a loopback address: the demo lets anybody sign in as anybody. --expose-simulator allows it.")
		}
	}
	return c, p
}

func (d demoSettings) simulatorListen() string { return cmp.Or(d.SimulatorListen, defaultSimulator) }

// common checks what serve and demo share.
func (s settings) common(p *problems) Config {
	c := Config{Listen: s.Listen, MetricsListen: s.MetricsListen}
	for _, a := range []struct{ name, addr string }{{"listen", s.Listen}, {"metrics-listen", s.MetricsListen}} {
		if _, ok := address(a.addr); !ok {
			p.add(a.name, "must be host:port.")
		}
	}
	if s.PublicURL != "" {
		u, err := url.Parse(strings.TrimSuffix(s.PublicURL, "/"))
		switch {
		case err != nil || !bareURL(u):
			p.add("public-url", "must be a URL of scheme, host and port only.")
		case u.Scheme == "http" && !loopback(u.Hostname()):
			p.add("public-url", "must be https: http is allowed for loopback only.")
		case u.Scheme == "http" && s.TLSCert != "":
			p.add("public-url", "must be https when a certificate is set.")
		default:
			c.PublicURL = u.String()
		}
	}
	c.Certificate = certificate(p, s.TLSCert, s.TLSKey)
	for _, one := range split(s.TrustedProxies) {
		network, ok := parseNetwork(one)
		if !ok {
			p.add("trusted-proxies", "must be addresses or networks (192.0.2.7, 10.0.0.0/8) with commas between.")
			break
		}
		c.TrustedProxies = append(c.TrustedProxies, network)
	}
	var ok bool
	if c.Retention, ok = retention(s.LedgerRetention); !ok {
		p.add("ledger-retention", "must be days or hours, at least one day, such as 90d.")
	}
	var level slog.Level
	if err := level.UnmarshalText([]byte(s.LogLevel)); s.LogLevel != "" && err != nil {
		p.add("log-level", "must be debug, info, warn or error.")
	}
	if s.LogFormat != "text" && s.LogFormat != "json" {
		p.add("log-format", "must be text or json.")
	}
	return c
}

// secret is a secret given as text or as a file, not both.
func secret(p *problems, name, value, file string) string {
	if file == "" {
		return strings.TrimSpace(value)
	}
	if value != "" {
		p.add(name, "and its file are both set: set one.")
		return ""
	}
	b, err := os.ReadFile(file)
	switch {
	case err != nil:
		p.add(name+"-file", "cannot be read.")
	case len(bytes.TrimSpace(b)) == 0:
		p.add(name+"-file", "is an empty file.")
	}
	return string(bytes.TrimSpace(b))
}

// keys reads sealing keys: base64, with commas or white space between.
func keys(p *problems, name, text string) [][]byte {
	var out [][]byte
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' || r == ' ' || r == '\n' || r == '\r' || r == '\t' }) {
		key, err := base64.StdEncoding.DecodeString(one)
		if err != nil || len(key) != keyBytes {
			p.add(name, "must be keys of 32 bytes in base64 (openssl rand -base64 32), with commas between.")
			return nil
		}
		out = append(out, key)
	}
	return out
}

func certificate(p *problems, cert, key string) *tls.Certificate {
	switch {
	case cert == "" && key == "":
		return nil
	case cert == "":
		p.add("tls-cert", "is missing: a key is set without its certificate.")
		return nil
	case key == "":
		p.add("tls-key", "is missing: a certificate is set without its key.")
		return nil
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		p.add("tls-cert", "and its key cannot be read as a PEM pair.")
		return nil
	}
	return &pair
}

// keptKeys are the keys of the data folder, made at the first start.
func keptKeys(folder string) ([][]byte, error) {
	path := filepath.Join(folder, keyFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if text, err = makeKeys(folder, path); err != nil {
			return nil, fmt.Errorf("make the secret keys: %w", err)
		}
	}
	if err != nil {
		return nil, fmt.Errorf("read the secret keys: %w", err)
	}
	var p problems
	found := keys(&p, "secret-keys", string(text))
	if len(p) > 0 || len(found) == 0 {
		return nil, fmt.Errorf("the file %s in the data folder does not hold keys of 32 bytes in base64", keyFile)
	}
	return found, nil
}

// makeKeys writes one new key for its owner's eyes only; a half-written file is never seen.
func makeKeys(folder, path string) ([]byte, error) {
	if err := os.MkdirAll(folder, dataMode); err != nil {
		return nil, err
	}
	key := make([]byte, keyBytes)
	if _, err := rand.Read(key); err != nil {
		return nil, err
	}
	text := []byte(base64.StdEncoding.EncodeToString(key) + "\n")
	f, err := os.CreateTemp(folder, keyFile+".*") // mode 0600
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	err = errors.Join(err, f.Sync(), f.Close())
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return nil, errors.Join(err, os.Remove(f.Name()))
	}
	return text, nil
}

// toggle is a switch that is read as text, so that a wrong one in the environment is a problem among others.
type toggle string

// IsBool tells kong that the flag takes no value.
func (*toggle) IsBool() bool { return true }

// Decode keeps the word of the environment or of --flag=word; on reads it.
func (t *toggle) Decode(ctx *kong.DecodeContext) error { //nolint:unparam // kong wants it so
	*t = "true"
	if ctx.Scan.Peek().Type == kong.FlagValueToken {
		*t = toggle(ctx.Scan.Pop().String())
	}
	return nil
}

func (t toggle) on(p *problems, name string) bool {
	if t == "" {
		return false
	}
	v, err := strconv.ParseBool(string(t))
	if err != nil {
		p.add(name, "must be true or false.")
	}
	return v
}

// address splits a listen address and reports whether it is one.
func address(addr string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		return "", false
	}
	_, err = strconv.ParseUint(port, 10, 16)
	return host, err == nil
}

// loopback reports whether a host is this machine and no other.
func loopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}

// bareURL reports whether a URL is scheme and host and nothing else.
func bareURL(u *url.URL) bool {
	return (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil &&
		strings.Trim(u.Path, "/") == "" && u.RawQuery == "" && !u.ForceQuery && u.Fragment == ""
}

func parseNetwork(text string) (netip.Prefix, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Masked(), true
	}
	ip, err := netip.ParseAddr(text)
	if err != nil {
		return netip.Prefix{}, false
	}
	return netip.PrefixFrom(ip, ip.BitLen()), true
}

func retention(text string) (time.Duration, bool) {
	const day = 24 * time.Hour
	d, err := time.ParseDuration(text)
	if days, ok := strings.CutSuffix(text, "d"); ok {
		var n uint64
		n, err = strconv.ParseUint(days, 10, 16)
		d = time.Duration(n) * day
	}
	return d, err == nil && d >= day
}

// split cuts a list at its commas and drops the empty parts.
func split(list string) []string {
	parts := strings.Split(list, ",")
	for i := range parts {
		parts[i] = strings.TrimSpace(parts[i])
	}
	return slices.DeleteFunc(parts, func(s string) bool { return s == "" })
}
