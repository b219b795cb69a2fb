package rcsim

import (
	"net/url"
	"slices"
	"strings"
)

// Whom the authorize page offers to sign in: everybody, or some where there is a crowd, and a search for the others.

// mostOffered is how many people the page shows at once.
const mostOffered = 60

// authorizeView is what the authorize page shows.
type authorizeView struct {
	Client, Account string
	Hidden          []hidden
	Teams           []authorizeTeam
	Hint            string
	Scopes          []string
	Problem         string

	Crowd                bool   // there are more people than are shown at once
	Find                 string // what was searched for
	Shown, Found, People int    // how many people are shown, were found, and are there
}

type hidden struct{ Name, Value string }

type authorizeTeam struct {
	Name   string
	People []authorizePerson
}

type authorizePerson struct {
	Number, Name, Title string
	Checked             bool
}

func (s *Server) authorizeView(c *Client, q url.Values) authorizeView {
	v := authorizeView{Client: c.Name, Account: s.dir.account.Name, Scopes: c.Scopes, Hint: q.Get("login_hint"), Find: q.Get("find")}
	for _, name := range []string{"response_type", "client_id", "redirect_uri", "state", "scope", "code_challenge", "code_challenge_method", "nonce", "discovery", "login_hint"} {
		if q.Get(name) != "" {
			v.Hidden = append(v.Hidden, hidden{name, q.Get(name)})
		}
	}
	everybody := slices.Clone(s.dir.phones())
	for _, u := range s.dir.users {
		if s.dir.byNumber[u.Number] != u {
			everybody = append(everybody, u)
		}
	}
	hinted := func(u *User) bool { return v.Hint != "" && (u.Number == v.Hint || u.Email == v.Hint) }
	found := slices.DeleteFunc(slices.Clone(everybody), func(u *User) bool { return !u.called(v.Find) })
	if i := slices.IndexFunc(found, hinted); i >= mostOffered {
		found[0], found[i] = found[i], found[0] // among those who are shown
	}
	shown := found[:min(len(found), mostOffered)]
	v.People, v.Found, v.Shown, v.Crowd = len(everybody), len(found), len(shown), len(everybody) > mostOffered
	v.Teams = s.teamsOf(shown, hinted)
	return v
}

// called reports whether each word is in the person's name, number, address, title or team.
func (u *User) called(words string) bool {
	text := strings.ToLower(strings.Join([]string{u.Name(), u.Number, u.Email, u.JobTitle, u.Team}, " "))
	for word := range strings.FieldsSeq(strings.ToLower(words)) {
		if !strings.Contains(text, word) {
			return false
		}
	}
	return true
}

// teamsOf puts people into teams; the first who is hinted at is chosen already.
func (s *Server) teamsOf(people []*User, hinted func(*User) bool) []authorizeTeam {
	var teams []authorizeTeam
	chosen := false
	for _, u := range people {
		p, team := authorizePerson{Number: u.Number, Name: u.Name(), Title: u.JobTitle, Checked: !chosen && hinted(u)}, u.Team
		if u.AccountID != s.dir.account.ID {
			p.Number, team = u.ID, "Another company"
		}
		chosen = chosen || p.Checked
		i := slices.IndexFunc(teams, func(t authorizeTeam) bool { return t.Name == team })
		if i < 0 {
			i, teams = len(teams), append(teams, authorizeTeam{Name: team})
		}
		teams[i].People = append(teams[i].People, p)
	}
	// Teams that somebody supervises come first: most people who try it want an agent.
	last := func(t authorizeTeam) int {
		return b2i(!slices.ContainsFunc(s.dir.account.Groups, func(g Group) bool { return g.Name == t.Name }))
	}
	slices.SortStableFunc(teams, func(a, b authorizeTeam) int { return last(a) - last(b) })
	return teams
}
