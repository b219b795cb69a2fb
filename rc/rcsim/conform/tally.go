package conform

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"
)

// tally is what was checked, by operation or event schema, and which deviations were met.
type tally struct {
	Seen    map[string]*counts `json:"seen"`
	Excused map[string]int     `json:"excused"`
}

// counts are of one operation or event schema.
type counts struct {
	Ours    int         `json:"ours"`    // requests of Cordboard's client
	Others  int         `json:"others"`  // requests of anything else
	Answers map[int]int `json:"answers"` // by status
	Events  int         `json:"events"`
}

// answers are how many were of success, and how many were not.
func (c *counts) answers() (done, refused int) {
	for status, n := range c.Answers {
		if status < http.StatusBadRequest {
			done += n
		} else {
			refused += n
		}
	}
	return done, refused
}

// statuses are the answers by status, as text.
func (c *counts) statuses() string {
	parts := make([]string, 0, len(c.Answers))
	for _, status := range slices.Sorted(maps.Keys(c.Answers)) {
		parts = append(parts, fmt.Sprintf("%d×%d", c.Answers[status], status))
	}
	return strings.Join(parts, " ")
}

func (c *counts) add(o *counts) {
	c.Ours += o.Ours
	c.Others += o.Others
	c.Events += o.Events
	for status, n := range o.Answers {
		c.Answers[status] += n
	}
}

func newTally() tally { return tally{Seen: map[string]*counts{}, Excused: map[string]int{}} }

func (t tally) of(name string) *counts {
	c := t.Seen[name]
	if c == nil {
		c = &counts{Answers: map[int]int{}}
		t.Seen[name] = c
	}
	return c
}

func (t tally) count(v verdict) {
	for _, name := range v.excused {
		t.Excused[name]++
	}
	if v.operation == "" {
		return
	}
	c := t.of(v.operation)
	switch {
	case v.event:
		c.Events++
	case v.request && v.ours:
		c.Ours++
	case v.request:
		c.Others++
	}
	if v.answer {
		c.Answers[v.status]++
	}
}

func (t tally) add(o tally) {
	for name, n := range o.Seen {
		t.of(name).add(n)
	}
	for name, n := range o.Excused {
		t.Excused[name] += n
	}
}

// saving is one line at a time.
var saving sync.Mutex

// save adds a line to this process's file in a folder; no folder, no line.
func (t tally) save(folder string) error {
	if folder == "" || len(t.Seen) == 0 {
		return nil
	}
	line, err := json.Marshal(t)
	if err != nil {
		return err
	}
	saving.Lock()
	defer saving.Unlock()
	f, err := os.OpenFile(filepath.Join(folder, fmt.Sprintf("%d.jsonl", os.Getpid())), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(append(line, '\n'))
	return errors.Join(err, f.Close())
}

// readTally is all that was saved in a folder.
func readTally(folder string) (tally, error) {
	sum := newTally()
	names, err := filepath.Glob(filepath.Join(folder, "*.jsonl"))
	if err != nil {
		return sum, err
	}
	for _, name := range names {
		if err := sum.read(name); err != nil {
			return sum, fmt.Errorf("%s: %w", name, err)
		}
	}
	return sum, nil
}

func (t tally) read(name string) error {
	f, err := os.Open(name)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	for lines := json.NewDecoder(bufio.NewReader(f)); ; {
		one := newTally()
		switch err := lines.Decode(&one); {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		}
		t.add(one)
	}
}

// missing are the named operations and events that were not checked in both directions, and the checked ones that
// nobody has named.
func (t tally) missing() []string {
	var out []string
	for _, name := range slices.Concat(ofClient, ofOthers) {
		c := t.of(name)
		done, _ := c.answers()
		switch client := slices.Contains(ofClient, name); {
		case client && c.Ours == 0:
			out = append(out, name+": no request of Cordboard's client")
		case c.Ours+c.Others == 0:
			out = append(out, name+": no request")
		case done == 0:
			out = append(out, name+": no answer of success")
		case !client && c.Ours > 0:
			out = append(out, name+": Cordboard's client calls it, and it is not named so")
		}
	}
	for _, name := range events {
		if t.of(name).Events == 0 {
			out = append(out, name+": no event")
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Seen)) {
		if !slices.Contains(named(), name) {
			out = append(out, name+": not named")
		}
	}
	return out
}

// named are all names in the order of the report.
func named() []string { return slices.Concat(ofClient, ofOthers, events) }

// stale are the deviations that nothing showed.
func (t tally) stale() []string {
	var out []string
	for _, d := range deviations {
		if t.Excused[d.name] == 0 {
			out = append(out, d.name)
		}
	}
	return out
}

// String is the report.
func (t tally) String() string {
	var b strings.Builder
	all := &counts{Answers: map[int]int{}}
	seen := 0
	for name, c := range t.Seen {
		all.add(c)
		if done, _ := c.answers(); done > 0 && c.Ours+c.Others > 0 && slices.Contains(named(), name) {
			seen++
		}
	}
	done, refused := all.answers()
	fmt.Fprintf(&b, "%d of %d named operations; %d requests (%d of Cordboard's client), %d answers (%d refusals), %d events\n\n",
		seen, len(ofClient)+len(ofOthers), all.Ours+all.Others, all.Ours, done+refused, refused, all.Events)
	w := tabwriter.NewWriter(&b, 0, 8, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintln(w, "requests\tof our client\tevents\t\toperation or event\t\tanswers")
	for _, name := range named() {
		c := t.of(name)
		_, _ = fmt.Fprintf(w, "%d\t%d\t%d\t\t%s\t\t%s\n", c.Ours+c.Others, c.Ours, c.Events, name, c.statuses())
	}
	_ = w.Flush()
	b.WriteString("\nDeviations met, and why they are let pass:\n")
	for _, d := range deviations {
		fmt.Fprintf(&b, "%7d  %s: %s\n", t.Excused[d.name], d.name, d.reason)
	}
	return b.String()
}
