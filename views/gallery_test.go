package views_test

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/cordboard/cordboard/rc/board"
	"github.com/cordboard/cordboard/static"
	"github.com/cordboard/cordboard/views"
)

// TestGallery renders every page in every state, and writes them, with their
// assets, into the folder that VIEWS_GALLERY names: serve it and look at it.
func TestGallery(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("VIEWS_GALLERY")
	if folder == "" {
		folder = t.TempDir()
	}
	pages := map[string]templ.Component{
		"01-sign-in":      views.SignIn("/desk", views.Options{}),
		"01-sign-in-demo": views.SignIn("/desk", views.Options{Demo: true, PhonesURL: "http://127.0.0.1:8090/sim/"}),
		"01-signed-out":   views.SignedOut(false, views.Options{}),
		"16-error":        views.ErrorPage(views.Problem{Code: "not-a-supervisor", Status: 403}, true, views.Options{}),
		"16-denied":       views.DeniedPage([]board.Denied{{What: "call-control", Code: "CMN-401", Scope: "CallControl"}, {What: "presence", Code: "CMN-408", Permission: "ReadPresence"}}, views.Options{}),
		"14-team":         views.TeamPage(views.NewTeam(team(), now, options())),
		"14-team-nobody":  views.TeamPage(views.NewTeam(board.Team{Owner: team().Owner, Feed: team().Feed}, now, options())),
		"06-flash":        views.DeskPage(views.NewDesk(ready(), now, views.Options{Flash: &views.Problem{Code: "changed"}, Demo: true})),
	}
	for name, s := range states() {
		pages[name] = views.DeskPage(views.NewDesk(s, now, options()))
	}
	assets := map[string]bool{}
	for name, page := range pages {
		for _, theme := range []string{"light", "dark"} {
			html := strings.Replace(render(t, page), `<html lang="en"`, `<html lang="en" data-theme="`+theme+`"`, 1)
			for _, url := range assetURL.FindAllString(html, -1) {
				assets[url] = true
			}
			write(t, filepath.Join(folder, name+"-"+theme+".html"), html)
		}
	}
	for _, name := range []string{static.FontLatin, static.FontExt, static.Sprite} {
		assets[static.URL(name)] = true
	}
	for url := range assets {
		answer := httptest.NewRecorder()
		static.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, url, nil))
		if answer.Code != http.StatusOK {
			t.Errorf("%s: status %d", url, answer.Code)
		}
		write(t, filepath.Join(folder, filepath.FromSlash(url)), answer.Body.String())
	}
}

var assetURL = regexp.MustCompile(`/static/[a-z0-9.-]+`)

func render(t *testing.T, c templ.Component) string {
	t.Helper()
	var b strings.Builder
	if err := c.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func write(t *testing.T, name, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
