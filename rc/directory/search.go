package directory

import (
	"slices"
	"strings"
)

const (
	maxQuery  = 64 // runes that are looked at
	minDigits = 3  // of a direct number; fewer are in every other one
)

// The ranks of a match, best first.
const (
	rankNumber      = iota // its extension number
	rankNumberBegin        // its extension number begins so
	rankNameBegin          // its name begins so
	rankName               // words of its name begin so
	rankGroup              // some of the words are of its department or job title
	rankDigits             // the digits are in a direct number
	ranks
	noMatch = ranks
)

// Search finds entries for what somebody has typed so far, at most limit, the best
// first: the extension number, numbers that begin so, names that begin so, names
// with words that begin so, departments and job titles, and direct numbers that
// hold these digits as people write them. Every word must be found; case and
// accents do not matter. Entries of one rank are in order of their numbers where
// the number was found, else of their names: always the same order.
func (x *Index) Search(typed string, limit int) []Entry {
	q := parse(typed)
	if limit <= 0 || q.words == "" {
		return nil
	}
	f := finding{index: x, query: q, limit: limit}
	f.numbers()
	f.names()
	f.groups()
	f.directs()
	var out []Entry
	for _, is := range f.at {
		for _, i := range is {
			if len(out) == limit {
				return out
			}
			out = append(out, x.entries[i].Entry)
		}
	}
	return out
}

// finding is a search under way: what was found so far, by rank.
type finding struct {
	index *Index
	query query
	limit int
	at    [ranks][]int
}

// numbers finds extension numbers, in their order.
func (f *finding) numbers() {
	if f.query.digits == "" {
		return
	}
	for n := range f.index.numbers.with("\n" + f.query.digits) {
		i, rank := f.index.byNumber[n], rankNumberBegin
		if f.index.entries[i].Number == f.query.digits {
			rank = rankNumber
		}
		f.put(rank, i)
		if f.full(rankNumberBegin) {
			return
		}
	}
}

// names finds all words where the longest is one of the name.
func (f *finding) names() {
	if f.full(rankNumberBegin) {
		return
	}
	for i := range f.index.names.with(f.query.longest) {
		if e := &f.index.entries[i]; !f.numbered(e) {
			f.put(f.query.rank(e), i)
		}
		if f.full(rankNameBegin) {
			return
		}
	}
}

// groups finds all words where the longest is none of the name.
func (f *finding) groups() {
	if f.full(rankName) {
		return
	}
	enough := len(f.at[rankGroup]) + f.limit
	for i := range f.index.groups.with(f.query.longest) {
		if e := &f.index.entries[i]; !f.numbered(e) && !strings.Contains(e.name, f.query.longest) {
			f.put(f.query.rank(e), i)
		}
		if len(f.at[rankGroup]) == enough {
			break
		}
	}
	slices.Sort(f.at[rankGroup]) // some came by their names
}

// directs finds direct numbers of those who were not found otherwise.
func (f *finding) directs() {
	if f.query.inside == "" || f.full(rankGroup) {
		return
	}
	for i := range f.index.directs.with(f.query.inside) {
		if e := &f.index.entries[i]; !f.numbered(e) && f.query.rank(e) == noMatch {
			f.put(rankDigits, i)
		}
		if f.full(rankDigits) {
			return
		}
	}
}

// numbered reports whether an entry was found by its number already.
func (f *finding) numbered(e *indexed) bool {
	return f.query.digits != "" && strings.HasPrefix(e.Number, f.query.digits)
}

func (f *finding) put(rank, i int) {
	if rank != noMatch {
		f.at[rank] = append(f.at[rank], i)
	}
}

// full reports whether nothing of a rank, and so nothing worse, can be needed.
func (f *finding) full(rank int) bool {
	n := 0
	for _, is := range f.at[:rank+1] {
		n += len(is)
	}
	return n >= f.limit
}

// query is what somebody typed, ready to be compared.
type query struct {
	words   string   // folded, each after a space
	each    []string // the same one by one, with its space
	longest string   // of each
	digits  string   // when nothing else was typed than a number as people write one
	inside  string   // the digits as they are inside a direct number; "" when too few
}

func parse(typed string) query {
	if r := []rune(typed); len(r) > maxQuery {
		typed = string(r[:maxQuery])
	}
	q := query{words: words(typed)}
	for w := range strings.FieldsSeq(q.words) {
		q.each = append(q.each, " "+w)
		if len(w) >= len(q.longest) {
			q.longest = " " + w
		}
	}
	if !strings.ContainsFunc(typed, func(r rune) bool { return !strings.ContainsRune("0123456789+-./() \t\u00a0", r) }) {
		q.digits = digitsOf(typed)
		// Abroad a number is written +44 20 …, at home 020 …, for a mix of both +44 (0)20 …
		q.inside = strings.TrimLeft(digitsOf(strings.ReplaceAll(typed, "(0)", "")), "0")
		if len(q.inside) < minDigits {
			q.inside = ""
		}
	}
	return q
}

// rank is how well the words fit an entry.
func (q query) rank(e *indexed) int {
	if strings.HasPrefix(e.name, q.words) {
		return rankNameBegin
	}
	rank := rankName
	for _, w := range q.each {
		switch {
		case strings.Contains(e.name, w):
		case strings.Contains(e.group, w), strings.HasPrefix(e.Number, w[1:]):
			rank = rankGroup
		default:
			return noMatch
		}
	}
	return rank
}

// digitsOf is the digits of a number as people write it.
func digitsOf(number string) string {
	return strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' {
			return r
		}
		return -1
	}, number)
}
