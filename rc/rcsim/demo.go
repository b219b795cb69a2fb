package rcsim

import (
	"encoding/base64"
	"fmt"
	"strings"
)

// The demo account's two registered apps.
const (
	ConfidentialClient = "demoServerSideWebApp"
	PublicClient       = "demoClientSideWebApp"
)

// DemoAccount is Brightwater Mutual: fifteen people, two teams with a supervisor and a call queue each, one administrator,
// a menu, a park location, two apps and six outside callers.
func DemoAccount() Account {
	const care, claims, office = "Member Care", "Claims", "Office"
	people := []struct{ number, first, last, title, team string }{
		{"100", "Ines", "Duarte", "IT Administrator", office},
		{"101", "Grace", "Okafor", "Member Care Supervisor", care},
		{"102", "Jordan", "Whitfield", "Member Care Agent", care},
		{"103", "Mei-Ling", "Tan", "Member Care Agent", care},
		{"104", "Rafael", "Cardoso", "Member Care Agent", care},
		{"105", "Siobhán", "Kearney", "Member Care Agent", care},
		{"106", "Tomasz", "Zieliński", "Member Care Agent", care},
		{"107", "Priya", "Raman", "Member Care Specialist", care},
		{"111", "Viktor", "Lindqvist", "Claims Supervisor", claims},
		{"112", "Amara", "Diallo", "Claims Adjuster", claims},
		{"113", "Luca", "Ferraro", "Claims Adjuster", claims},
		{"114", "Hannah", "Brandt", "Claims Adjuster", claims},
		{"115", "Noor", "Haddad", "Claims Adjuster", claims},
		{"116", "Kenji", "Watanabe", "Claims Investigator", claims},
		{"117", "Zoë", "van der Meer", "Claims Clerk", claims},
	}
	a := Account{ID: "400131426008", Name: "Brightwater Mutual", MainNumber: "+16285550199"}
	for i, p := range people {
		id := fmt.Sprintf("4001315%02d008", 10+i)
		ascii := strings.NewReplacer("á", "a", "ń", "n", "ë", "e", " ", "", "-", "").Replace(strings.ToLower(p.first + "." + p.last))
		a.Users = append(a.Users, User{
			ID: id, Number: p.number, First: p.first, Last: p.last, JobTitle: p.title, Team: p.team,
			Email:  ascii + "@brightwater.example",
			Direct: "+16285550" + p.number,
			Admin:  p.team == office,
			JWT:    demoJWT(id),
			Devices: []Device{
				{ID: fmt.Sprintf("8015%02d426008", 10+i), Type: "SoftPhone", Name: "RingCentral Phone (" + p.first + ")", Online: true},
				{ID: fmt.Sprintf("8016%02d426008", 10+i), Type: "HardPhone", Name: "Desk phone " + p.number, Online: i%3 == 0},
			},
			WebPhones: []Device{{ID: fmt.Sprintf("8017%02d426008", 10+i), Type: "WebPhone", Name: "RingCentral app (" + p.first + ")", Online: true}},
			Forwarding: []ForwardingNumber{
				{ID: fmt.Sprintf("8018%02d426008", 10+i), Number: "+16285550" + p.number, Label: "Desk phone " + p.number, Type: "PhoneLine", Flip: "1"},
				{ID: fmt.Sprintf("8019%02d426008", 10+i), Number: "+15105550" + p.number, Label: "Mobile", Type: "Mobile", Flip: "2"},
			},
		})
	}
	numbers := func(team, except string) (out []string) {
		for _, p := range people {
			if p.team == team && p.number != except {
				out = append(out, p.number)
			}
		}
		return out
	}
	for i := range a.Users {
		u := &a.Users[i]
		u.Lines = numbers(u.Team, u.Number)
		if u.Number != "107" {
			u.Favorites = []string{"107"} // the specialist whom everybody asks
		}
	}
	a.Groups = []Group{
		{ID: "78901008", Name: care, Monitoring: []string{"101"}, Monitored: numbers(care, "101")},
		{ID: "78902008", Name: claims, Monitoring: []string{"111"}, Monitored: numbers(claims, "111")},
	}
	a.Queues = []Queue{
		{ID: "400131590008", Number: "300", Name: "Member Care line", Direct: "+16285550300", Members: []string{"104", "105", "106"}},
		{ID: "400131591008", Number: "301", Name: "Claims line", Direct: "+16285550301", Members: []string{"112", "113", "114"}},
	}
	a.Services = []Service{
		{ID: "400131599008", Number: "399", Type: TypeMenu, Name: "Main menu"},
		{ID: "400131598008", Number: "398", Type: TypeParkLocation, Name: "Member Care park", Members: numbers(care, "")},
	}
	a.Outside = []Outsider{
		{"+16505550142", "Eleanor Marsh"},
		{"+16505550117", "Omar Castellanos"},
		{"+16505550163", "Patricia Núñez"},
		{"+16505550188", "Halden & Sons Roofing"},
		{"+16505550129", "W. Kowalczyk"},
		{"+16505550175", ""},
	}
	a.Clients = []Client{
		{ID: ConfidentialClient, Secret: "demoSecretOfTheServerSideWebApp", Name: "Cordboard", LoopbackPath: "/oauth/callback", Scopes: AllScopes()},
		{ID: PublicClient, Name: "Cordboard (public client)", LoopbackPath: "/oauth/callback", Scopes: AllScopes()},
	}
	return a
}

// demoJWT is a credential in the shape of a JSON Web Token; the server compares it whole and checks no signature.
func demoJWT(sub string) string {
	enc := base64.RawURLEncoding.EncodeToString
	return enc([]byte(`{"alg":"RS256","kid":"rcsim"}`)) + "." +
		enc([]byte(`{"aud":"rcsim","iss":"rcsim","sub":"`+sub+`","jti":"demo"}`)) + "." +
		enc([]byte("simulated-"+sub))
}
