package directory

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	gocmp "github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func office() *Index {
	return New([]Entry{
		{ID: "1", Type: "User", Name: "Jude Okafor", Number: "102", Department: "Customer Care", JobTitle: "Agent", Numbers: []string{"+16505550102"}},
		{ID: "2", Type: "User", Name: "Jürgen Łukasz Straße", Number: "103", Department: "Orders", Numbers: []string{"+442079460958"}},
		{ID: "3", Type: "User", Name: "Zoë O'Brien-Nguyễn", Number: "1021", Department: "Billing", JobTitle: "Head of care"},
		{ID: "4", Type: "Department", Name: "Orders", Number: "3001", Numbers: []string{"+16505550300", "+18005550199"}},
		{ID: "5", Type: "User", Name: "Anna Judeson", Number: "10"},
		{ID: "6", Type: "User", Name: "Анна Петрова", Number: "104"},
		{ID: "7", Type: "ParkLocation", Name: "Park 24"},
		{ID: "8", Type: "User", Name: "Orderly Jones", Number: "2102", JobTitle: "Orders"},
		{ID: "9", Type: "User", Name: "Jude Abbott", Number: "2999", JobTitle: "Order clerk"},
		{ID: "10", Type: "User", Name: "Orderly Zed", Department: "Jude's team"},
	})
}

func names(es []Entry) []string {
	var out []string
	for _, e := range es {
		out = append(out, e.Name)
	}
	return out
}

func TestSearch(t *testing.T) {
	for _, tt := range []struct {
		why, typed string
		want       []string
	}{
		{"the number itself, then those that begin so", "102", []string{"Jude Okafor", "Zoë O'Brien-Nguyễn"}},
		{"short numbers first", "10", []string{"Anna Judeson", "Jude Okafor", "Jürgen Łukasz Straße", "Анна Петрова", "Zoë O'Brien-Nguyễn"}},
		{"names that begin so, then words of names", "jude", []string{"Jude Abbott", "Jude Okafor", "Anna Judeson", "Orderly Zed"}},
		{"before departments and titles", "order", []string{"Orderly Jones", "Orderly Zed", "Orders", "Jude Abbott", "Jürgen Łukasz Straße"}},
		{"by name, whichever word is whose", "jude order", []string{"Jude Abbott", "Orderly Zed"}},
		{"words in any order", "oka jud", []string{"Jude Okafor"}},
		{"every word is needed", "jude brien", nil},
		{"a word of the name and one of the department", "jude care", []string{"Jude Okafor"}},
		{"a word of the name and the number", "jude 29", []string{"Jude Abbott"}},
		{"a department", "customer", []string{"Jude Okafor"}},
		{"a job title", "agent", []string{"Jude Okafor"}},
		{"without accents", "jurgen lukasz strasse", []string{"Jürgen Łukasz Straße"}},
		{"with them", "JÜRGEN Ł", []string{"Jürgen Łukasz Straße"}},
		{"with combining ones", "ju\u0308rgen", []string{"Jürgen Łukasz Straße"}},
		{"an apostrophe or none", "obrien", []string{"Zoë O'Brien-Nguyễn"}},
		{"another apostrophe", "o’b", []string{"Zoë O'Brien-Nguyễn"}},
		{"a second surname", "nguyen", []string{"Zoë O'Brien-Nguyễn"}},
		{"another script", "анна", []string{"Анна Петрова"}},
		{"digits of a name", "24", []string{"Park 24"}},
		{"a direct number", "+1 (650) 555-0102", []string{"Jude Okafor"}},
		{"a part of it", "555 01", []string{"Jude Okafor", "Orders"}},
		{"as at home", "020 7946 0958", []string{"Jürgen Łukasz Straße"}},
		{"as from abroad", "0044 20 7946", []string{"Jürgen Łukasz Straße"}},
		{"as on a card", "+44 (0)20 7946", []string{"Jürgen Łukasz Straße"}},
		{"an extension before a direct number", "300", []string{"Orders"}},
		{"too few digits of a direct number", "79", nil},
		{"the middle of a word", "kafor", nil},
		{"nothing", "  ", nil},
		{"punctuation", "-()", nil},
		{"a stranger", "nobody", nil},
	} {
		t.Run(tt.why, func(t *testing.T) {
			if diff := gocmp.Diff(tt.want, names(office().Search(tt.typed, 10))); diff != "" {
				t.Errorf("%q, -want +got\n%s", tt.typed, diff)
			}
		})
	}
}

func TestSearchKeepsToItsLimit(t *testing.T) {
	x := office()
	for _, limit := range []int{-1, 0, 1, 2} {
		if got := x.Search("10", limit); len(got) != max(0, limit) {
			t.Errorf("limit %d: %d", limit, len(got))
		}
	}
	if got := names(x.Search("10", 2)); got[0] != "Anna Judeson" || got[1] != "Jude Okafor" {
		t.Errorf("got %q", got)
	}
}

func TestLookup(t *testing.T) {
	x := New([]Entry{{ID: "8", Name: "Jude"}, {ID: "8", Name: "Another"}, {Name: "Nobody"}, {ID: "9", Name: "Abe"}})
	if e, ok := x.Lookup("8"); !ok || e.Name != "Jude" {
		t.Errorf("got %+v, %v", e, ok)
	}
	if e, ok := x.Lookup(""); ok {
		t.Errorf("nobody: %+v", e)
	}
	if x.Len() != 2 {
		t.Errorf("%d entries", x.Len())
	}
}

func TestQueues(t *testing.T) {
	if !(Entry{Type: "Department"}).Queue() || (Entry{Type: "User"}).Queue() {
		t.Error("a queue is a Department, and nobody else is")
	}
}

// naive says how well an entry fits, straight from the words of Search's comment.
func naive(e Entry, typed string) int {
	tokens := strings.Fields(words(typed))
	name, group := strings.Fields(words(e.Name)), strings.Fields(words(e.Department+" "+e.JobTitle))
	begins := func(fields []string, token string) bool {
		return slices.ContainsFunc(fields, func(f string) bool { return strings.HasPrefix(f, token) })
	}
	number := strings.Trim(typed, "0123456789+-./() ") == ""
	digits := digitsOf(typed)
	switch {
	case number && digits != "" && e.Number == digits:
		return rankNumber
	case number && digits != "" && strings.HasPrefix(e.Number, digits):
		return rankNumberBegin
	case len(tokens) > 0 && strings.HasPrefix(strings.Join(name, " "), strings.Join(tokens, " ")):
		return rankNameBegin
	case !slices.ContainsFunc(tokens, func(t string) bool { return !begins(name, t) }):
		return rankName
	case !slices.ContainsFunc(tokens, func(t string) bool { return !begins(name, t) && !begins(group, t) && !strings.HasPrefix(e.Number, t) }):
		return rankGroup
	}
	inside := strings.TrimLeft(digitsOf(strings.ReplaceAll(typed, "(0)", "")), "0")
	if number && len(inside) >= 3 && slices.ContainsFunc(e.Numbers, func(n string) bool { return strings.Contains(digitsOf(n), inside) }) {
		return rankDigits
	}
	return noMatch
}

func drawEntries() *rapid.Generator[[]Entry] {
	word := rapid.SampledFrom([]string{"Jude", "Judith", "jü", "Ann", "Anna", "O'Ann", "Okafor", "5", "Care", "Ca re", "Żak", "", "24-7"})
	number := rapid.SampledFrom([]string{"", "1", "10", "102", "103", "1021", "24", "5"})
	direct := rapid.SampledFrom([]string{"+16505550102", "+442079460958", "+1020304050"})
	return rapid.Map(rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Entry {
		return Entry{
			Name: word.Draw(t, "first") + " " + word.Draw(t, "last"), Number: number.Draw(t, "number"),
			Department: word.Draw(t, "department"), JobTitle: word.Draw(t, "title"), Numbers: rapid.SliceOfN(direct, 0, 2).Draw(t, "numbers"),
		}
	}), 0, 30), func(es []Entry) []Entry {
		for i := range es {
			es[i].ID = fmt.Sprint(100 + i)
		}
		return es
	})
}

func TestSearchIsWhatItSays(t *testing.T) {
	typing := rapid.OneOf(
		rapid.StringMatching(`(jude|ju|ann|an|oka|care|ca|zak|o'a|5|24)( (jude|a|oka|10|care|5|re))?`),
		rapid.StringMatching(`[+(]?[0-9]{1,4}[ )-]?[0-9]{0,4}`),
		rapid.SampledFrom([]string{"+1 (650) 555-0102", "020 7946", "+44 (0)20", "", "-"}),
		rapid.String(),
	)
	rapid.Check(t, func(rt *rapid.T) {
		entries := drawEntries().Draw(rt, "entries")
		typed := typing.Draw(rt, "typed")
		limit := rapid.IntRange(1, 12).Draw(rt, "limit")
		if utf8.RuneCountInString(typed) > maxQuery || strings.ContainsAny(typed, "\t\u00a0") {
			return
		}
		shuffled := slices.Clone(entries)
		rand.Shuffle(len(shuffled), func(i, j int) { shuffled[i], shuffled[j] = shuffled[j], shuffled[i] })
		got := New(shuffled).Search(typed, limit)

		var want []Entry
		if words(typed) != "" {
			want = slices.DeleteFunc(slices.Clone(entries), func(e Entry) bool { return naive(e, typed) == noMatch })
		}
		slices.SortFunc(want, func(a, b Entry) int {
			rank := naive(a, typed)
			byName := cmp.Or(strings.Compare(words(a.Name), words(b.Name)), compareNumbers(a.Number, b.Number))
			if rank <= rankNumberBegin {
				byName = cmp.Or(compareNumbers(a.Number, b.Number), byName)
			}
			return cmp.Or(rank-naive(b, typed), byName, strings.Compare(a.ID, b.ID))
		})
		if diff := gocmp.Diff(want[:min(len(want), limit)], got, gocmp.Transformer("list", func(es []Entry) []string {
			out := []string{}
			for _, e := range es {
				out = append(out, e.ID+" "+e.Name)
			}
			return out
		})); diff != "" {
			rt.Errorf("%q, -want +got\n%s", typed, diff)
		}
	})
}

func FuzzSearch(f *testing.F) {
	for _, s := range []string{"jude", "+1 (650) 555-01", "é\u0301", "\xff", "0000", strings.Repeat("a ", 100)} {
		f.Add(s, s)
	}
	f.Fuzz(func(t *testing.T, name, typed string) {
		x := New([]Entry{{ID: "1", Name: name, Number: "102"}, {ID: "2", Name: "Jude Okafor", Numbers: []string{name}}})
		got := x.Search(typed, 5)
		if len(got) > 2 || (words(typed) == "" && len(got) > 0) {
			t.Errorf("%q finds %v", typed, got)
		}
		if n := utf8.RuneCountInString(name); n <= maxQuery && words(name) != "" && !slices.ContainsFunc(x.Search(name, 5), func(e Entry) bool { return e.ID == "1" }) {
			t.Errorf("%q does not find itself", name)
		}
	})
}

// company is a directory as large as they come.
func company(size int) []Entry {
	firsts := []string{"Jude", "Anna", "Rosa", "Eleanor", "Jürgen", "Zoë", "Mohammed", "Wei", "Siobhán", "Łukasz"}
	lasts := []string{"Okafor", "Alvarez", "Marsh", "Müller", "Nguyễn", "O'Brien", "Smith", "García", "Kowalski", "Chen"}
	teams := []string{"Customer Care", "Orders", "Billing", "Field Service", "Research"}
	chance := rand.New(rand.NewPCG(1, 2))
	out := make([]Entry, size)
	for i := range out {
		first, last := firsts[chance.IntN(len(firsts))], lasts[chance.IntN(len(lasts))]
		out[i] = Entry{
			ID: fmt.Sprint(700000000 + i), Type: "User", Name: fmt.Sprintf("%s %s%d", first, last, i%997), Number: fmt.Sprint(10000 + i),
			Department: teams[chance.IntN(len(teams))], JobTitle: "Agent", Email: "someone@example.com",
			Numbers: []string{fmt.Sprintf("+1650%07d", chance.IntN(1e7))},
		}
	}
	return out
}

func BenchmarkSearch(b *testing.B) {
	x := New(company(20_000))
	for _, typed := range []string{"j", "jude", "jude okafor1", "muller", "care", "nobody at all", "1", "12345", "650 555", "9999999"} {
		b.Run(typed, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				x.Search(typed, 20)
			}
		})
	}
}

func BenchmarkNew(b *testing.B) {
	entries := company(20_000)
	b.ReportAllocs()
	for b.Loop() {
		New(entries)
	}
}
