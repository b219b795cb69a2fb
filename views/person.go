package views

import (
	"strings"
	"unicode"

	"github.com/nyaruka/phonenumbers"

	"github.com/cordboard/cordboard/rc/board"
)

// maxName is how many runes of a reported name are shown.
const maxName = 64

// Person is one end of a call as it is shown: a clean name, if one was
// reported, and always a number beside it.
type Person struct {
	Name   string // clean; "" when none was reported
	Number string // "+1 650 555 0142" or "ext. 103"; "" when withheld
	First  string // the short form in sentences: first name, else the number
}

// NewPerson cleans what was reported of one end of a call.
func NewPerson(name, number string) Person {
	p := Person{Name: CleanName(name), Number: FormatNumber(number)}
	if sameDigits(p.Name, number) {
		p.Name = ""
	}
	p.First = firstName(p.Name)
	if p.First == "" {
		p.First = p.Number
	}
	if p.First == "" {
		p.First = wordTheCaller
	}
	return p
}

func farPerson(f board.Far) Person { return NewPerson(f.Name, f.Number) }

// Label is the name, else the number, else the words for a withheld number.
func (p Person) Label() string {
	switch {
	case p.Name != "":
		return p.Name
	case p.Number != "":
		return p.Number
	}
	return wordWithheld
}

// Under is the number when a name stands above it, else "".
func (p Person) Under() string {
	switch {
	case p.Name == "":
		return ""
	case p.Number == "":
		return wordWithheld
	}
	return p.Number
}

// apart gives two people full labels in sentences when their short forms are
// the same word.
func apart(a, b Person) (Person, Person) {
	if strings.EqualFold(a.First, b.First) {
		a.First, b.First = a.Label(), b.Label()
		if strings.EqualFold(a.First, b.First) {
			a.First, b.First = numbered(a), numbered(b)
		}
	}
	return a, b
}

func numbered(p Person) string {
	if p.Under() == "" {
		return p.Label()
	}
	return p.Name + " (" + p.Number + ")"
}

// CleanName makes a reported name safe to show: no control and no
// bidirectional formatting characters, single spaces, at most 64 runes, and no
// more than two marks on one letter.
func CleanName(name string) string {
	var b strings.Builder
	runes, marks, space := 0, 0, false
	for _, r := range strings.ToValidUTF8(name, "") {
		switch {
		case unicode.IsSpace(r):
			space = runes > 0
			continue
		case hidden(r):
			continue
		case unicode.Is(unicode.M, r):
			if marks++; marks > 2 || runes == 0 {
				continue
			}
		default:
			marks = 0
		}
		if space {
			if runes >= maxName-1 {
				break
			}
			b.WriteByte(' ')
			runes++
			space = false
		}
		if runes >= maxName {
			break
		}
		b.WriteRune(r)
		runes++
	}
	return b.String()
}

// hidden tells the characters that steer a terminal or the direction of text,
// or that show nothing; the joiners that Persian and Indic names need stay.
func hidden(r rune) bool {
	switch {
	case r == '\u200c' || r == '\u200d':
		return false
	case unicode.IsControl(r), unicode.Is(unicode.Cf, r), unicode.Is(unicode.Co, r), unicode.Is(unicode.Cs, r):
		return true
	case r == '\ufffd', r >= 0xfe00 && r <= 0xfe0f, r >= 0xe0000 && r <= 0xe0fff:
		return true
	case r == '\u115f', r == '\u1160', r == '\u3164', r == '\uffa0', r == '\u2800':
		return true
	}
	return false
}

// firstName is the word by which a sentence calls a person: "Dana" of both
// "Dana Whitlock" and "Whitlock, Dana".
func firstName(name string) string {
	words := strings.Fields(name)
	if len(words) == 0 {
		return ""
	}
	if len(words) > 1 && strings.HasSuffix(words[0], ",") {
		return words[1]
	}
	if strings.IndexFunc(words[0], unicode.IsLetter) < 0 {
		return name
	}
	return words[0]
}

// sameDigits reports whether a name is only the number once more.
func sameDigits(name, number string) bool {
	if name == "" || strings.IndexFunc(name, unicode.IsLetter) >= 0 {
		return false
	}
	a, b := digits(name), digits(number)
	return a != "" && (strings.HasSuffix(a, b) || strings.HasSuffix(b, a))
}

func digits(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// FormatNumber writes a number as people do: "+1 650 555 0142", "ext. 103".
// What is not a number is cleaned and shown as it came; "" stays "".
func FormatNumber(number string) string {
	number = strings.TrimSpace(number)
	if !strings.HasPrefix(number, "+") {
		if d := digits(number); d != "" && d == number && len(d) <= 8 {
			return "ext. " + d
		}
		return CleanName(number)
	}
	d := number[1:]
	if digits(d) != d {
		return CleanName(number)
	}
	if len(d) == 11 && d[0] == '1' {
		return "+1 " + d[1:4] + " " + d[4:7] + " " + d[7:]
	}
	n, err := phonenumbers.Parse(number, "")
	if err != nil {
		return CleanName(number)
	}
	return strings.Map(func(r rune) rune {
		switch r {
		case '-', '/':
			return ' '
		case '(', ')':
			return -1
		}
		return r
	}, phonenumbers.Format(n, phonenumbers.INTERNATIONAL))
}
