package directory

import (
	"iter"
	"sort"
	"strings"
)

// column is one text of each entry, all in one: what is sought is found by a
// single scan. Each text begins with a line feed.
type column struct {
	text   string
	starts []int // where the texts begin
}

// with yields the indices of the texts that hold what is sought, in order.
func (c column) with(sought string) iter.Seq[int] {
	return func(yield func(int) bool) {
		for i, from := 0, 0; from < len(c.text); from = c.starts[i] {
			found := strings.Index(c.text[from:], sought)
			if found < 0 {
				return
			}
			i += sort.SearchInts(c.starts[i:], from+found+1)
			if !yield(i-1) || i == len(c.starts) {
				return
			}
		}
	}
}

// builder makes a column.
type builder struct {
	text   strings.Builder
	starts []int
}

// add begins the text of the next entry.
func (b *builder) add(parts ...string) {
	b.starts = append(b.starts, b.text.Len())
	b.text.WriteByte('\n')
	b.more(parts...)
}

// more goes on with the text.
func (b *builder) more(parts ...string) {
	for _, p := range parts {
		b.text.WriteString(p)
	}
}

func (b *builder) column() column { return column{b.text.String(), b.starts} }
