package rcsim

import (
	"fmt"
	"slices"
	"strings"
)

// Crowd is a large company for load and search: that many people with distinct names, extension numbers from 10001 and two
// phones each, in teams of teamSize (at least two). The first of a team supervises the others in a call monitoring group, and
// the team's queue rings them. Apps and outside callers are the demo account's.
func Crowd(people, teamSize int) Account {
	demo := DemoAccount()
	a := Account{ID: "600000000008", Name: "Crowded Harbour Bank", MainNumber: "+12095550000", Outside: demo.Outside, Clients: demo.Clients}
	teamSize = max(teamSize, 2)
	departments := []string{"Claims", "Card Services", "Mortgages", "Member Care", "Fraud", "Billing", "Onboarding", "Pensions", "Payments", "Lending", "Travel", "Complaints"}
	for i := range people {
		team := i / teamSize
		department := departments[team%len(departments)]
		first, last := crowdName(i)
		number, title := fmt.Sprint(10001+i), "Agent"
		if i%teamSize == 0 {
			title = "Supervisor"
		}
		id := fmt.Sprintf("61%07d008", i)
		a.Users = append(a.Users, User{
			ID: id, Number: number, First: first, Last: last, JobTitle: department + " " + title,
			Team: fmt.Sprintf("%s %d", department, team+1), Email: strings.ToLower(first) + "." + number + "@crowded.example",
			Direct: crowdNumber(i), Admin: i == 0, JWT: demoJWT(id),
			Devices: []Device{
				{ID: fmt.Sprintf("62%07d008", i), Type: "SoftPhone", Name: "RingCentral Phone (" + first + ")", Online: true},
				{ID: fmt.Sprintf("63%07d008", i), Type: "HardPhone", Name: "Desk phone " + number, Online: i%3 == 0},
			},
		})
	}
	n := 0
	for members := range slices.Chunk(a.Users, teamSize) {
		var numbers []string
		for _, u := range members {
			numbers = append(numbers, u.Number)
		}
		name := members[0].Team
		a.Groups = append(a.Groups, Group{ID: fmt.Sprintf("64%07d008", n), Name: name, Monitoring: numbers[:1], Monitored: numbers[1:]})
		a.Queues = append(a.Queues, Queue{ID: fmt.Sprintf("65%07d008", n), Number: fmt.Sprint(900001 + n), Name: name + " line", Members: numbers[1:]})
		n++
	}
	return a
}

// crowdNumber is the direct number of the i-th person; area codes hold ten thousand each.
func crowdNumber(i int) string {
	areas := []string{"341", "408", "424", "442", "510", "530", "559", "562", "619", "626"}
	return fmt.Sprintf("+1%s555%04d", areas[i/10000%len(areas)], i%10000)
}

// crowdName is the i-th name: no two of the first 10,000 people have the same, later ones get a middle initial.
func crowdName(i int) (first, last string) {
	firsts, lasts := strings.Fields(crowdFirst), strings.Fields(crowdLast)
	round, k := i/(len(firsts)*len(lasts)), i%(len(firsts)*len(lasts))
	first, last = firsts[k%len(firsts)], lasts[(k/len(firsts)+k)%len(lasts)]
	if round > 0 {
		last = strings.Repeat(string(rune('A'+(round-1)%26))+". ", 1+(round-1)/26) + last
	}
	return first, last
}

const (
	crowdFirst = `Aaliyah Adam Aisha Alejandro Alina Amir Ana Anders Anjali Antonio Arjun Astrid Ayumi Beatriz Benedikt Bianca Bruno
		Camille Carlos Chiara Chloe Clara Daniel Daria David Deniz Diego Dmitri Dorota Elena Elias Emeka Emma Erik Esther Eva
		Fatima Felix Fiona Francesca Gabriel Giulia Greta Gustav Hana Hassan Helena Hugo Ibrahim Ida Igor Ingrid Irina Isaac
		Ivan Jakub Jamila Jasper Joana Johan Jonas Julia Kamil Karin Keiko Kwame Lars Laura Leila Leon Lena Lucia Magnus Mariam
		Marta Mateo Maya Mehmet Mira Nadia Nia Nikhil Nora Olga Omar Oscar Paula Pavel Petra Quentin Rania Rosa Samir Sofia
		Soren Tariq Teresa Umut Vera Wanjiru Yusuf`
	crowdLast = `Abara Adeyemi Ahmed Alvarez Andersson Aoki Bakker Banerjee Barros Becker Bennett Bianchi Boateng Brennan Castillo
		Chaudhry Chen Clarke Costa Dahl Darwish Das Delgado Demir Dubois Eriksen Esposito Farouk Fernandez Fischer Fontaine Fraser
		Garcia Georgiou Gomes Haas Haddon Hansen Hayashi Herrera Hoffmann Horvat Hughes Ibanez Iyer Jansen Jimenez Johansson Kaplan
		Kaur Keller Khan Kim Kovacs Kowalski Kumar Laine Larsen Lefebvre Levy Lopez Lund Madsen Marino Marques Mehta Meyer Mensah
		Moreau Murphy Nakamura Navarro Nguyen Novak Nwosu Obrien Okoye Olsen Ortega Ozturk Park Patel Pereira Petrov Popescu
		Qureshi Reyes Ricci Rossi Sato Schmidt Silva Singh Soto Suzuki Tanaka Torres Usman Varga Weber Yamada`
)
