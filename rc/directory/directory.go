// Package directory is the people, queues and other extensions of an account, as
// values, and how they are found while somebody types.
//
// An Index is made once of a whole listing and is not changed afterwards: any
// number of goroutines may search it. What can be found is kept in a few long
// texts, so that a search is a scan or two of memory, whatever was typed.
package directory

import (
	"cmp"
	"slices"
	"strings"
)

// Entry is one extension of the account.
type Entry struct {
	ID         string // extension id
	Type       string // verbatim: "User", "Department" (a call queue), "IvrMenu", …
	Name       string // hostile text: shown only after cleaning
	Number     string // extension number
	Department string
	JobTitle   string
	Email      string
	Numbers    []string // direct numbers, E.164
}

// Queue reports whether the entry is a call queue, as RingCentral's old word says.
func (e Entry) Queue() bool { return e.Type == "Department" }

// Index is a searchable listing.
type Index struct {
	entries  []indexed      // by name
	byID     map[string]int // index of an entry
	byNumber []int          // indices of the entries with an extension number, by number
	names    column         // of each entry: the words of its name
	groups   column         // of each entry: those of department and job title, and its extension number
	directs  column         // of each entry: the digits of its direct numbers
	numbers  column         // of each of byNumber: the extension number
}

// indexed is an entry with what is compared, folded.
type indexed struct {
	Entry
	name, group string // words, each after a space
}

// New makes an index; of several entries with one id the first stays.
func New(entries []Entry) *Index {
	x := &Index{byID: make(map[string]int, len(entries))}
	for _, e := range entries {
		if _, double := x.byID[e.ID]; e.ID == "" || double {
			continue
		}
		x.byID[e.ID] = -1
		x.entries = append(x.entries, indexed{Entry: e, name: words(e.Name), group: words(e.Department + " " + e.JobTitle)})
	}
	slices.SortFunc(x.entries, func(a, b indexed) int {
		return cmp.Or(strings.Compare(a.name, b.name), compareNumbers(a.Number, b.Number), strings.Compare(a.ID, b.ID))
	})
	var names, groups, directs, numbers builder
	for i, e := range x.entries {
		x.byID[e.ID] = i
		names.add(e.name)
		groups.add(e.group, " ", e.Number)
		directs.add()
		for _, n := range e.Numbers {
			directs.more(" ", digitsOf(n))
		}
		if e.Number != "" {
			x.byNumber = append(x.byNumber, i)
		}
	}
	slices.SortStableFunc(x.byNumber, func(a, b int) int { return compareNumbers(x.entries[a].Number, x.entries[b].Number) })
	for _, i := range x.byNumber {
		numbers.add(x.entries[i].Number)
	}
	x.names, x.groups, x.directs, x.numbers = names.column(), groups.column(), directs.column(), numbers.column()
	return x
}

// compareNumbers orders extension numbers as numbers.
func compareNumbers(a, b string) int { return cmp.Or(len(a)-len(b), strings.Compare(a, b)) }

// Len is how many entries there are.
func (x *Index) Len() int { return len(x.entries) }

// Lookup finds an entry by its extension id.
func (x *Index) Lookup(id string) (Entry, bool) {
	i, ok := x.byID[id]
	if !ok {
		return Entry{}, false
	}
	return x.entries[i].Entry, true
}
