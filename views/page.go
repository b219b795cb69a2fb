package views

import (
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/cordboard/cordboard/rc/board"
)

// htmxConfig is the page's htmx configuration: no history, no style sheet of
// htmx's own, no swap of an error's body (its partials are still taken), and a
// stream that stays open in a hidden tab and is tried again within 5 s.
const htmxConfig = `{"extensions":"sse","history":false,"includeIndicatorCSS":false,"noSwap":[204,304,"4xx","5xx"],"defaultTimeout":15000,` +
	`"sse":{"pauseOnBackground":false,"reconnectDelay":500,"reconnectMaxDelay":3800,"reconnectJitter":0.3,"connectTimeout":10000}}`

// The names of the events that end a stream, and of its heartbeat.
const (
	EventBeat      = "beat"
	EventNewer     = "newer"
	EventSignedOut = "signed-out"
	EventForbidden = "forbidden"
	EventShutdown  = "shutdown"
)

// actionURL is where a button of the desk posts to.
func actionURL(a board.Action) templ.SafeURL { return templ.SafeURL("/desk/" + string(a)) }

func submitUnless(off bool) string {
	if off {
		return "button"
	}
	return "submit"
}

// signInURL begins a sign-in that returns to a local path.
func signInURL(returnTo string) templ.SafeURL {
	if returnTo == "" || !strings.HasPrefix(returnTo, "/") || strings.HasPrefix(returnTo, "//") || strings.ContainsAny(returnTo, "\\\r\n\t") {
		return "/signin/start"
	}
	return templ.SafeURL("/signin/start?return=" + url.QueryEscape(returnTo))
}
