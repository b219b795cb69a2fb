package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"
)

// The README's table of settings is made from the flags; when this fails, copy what it wants.
func TestTheReadmeListsEverySetting(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(readme), "<!-- settings: a test keeps this table equal to the flags -->\n")
	got, _, _ := strings.Cut(rest, "<!-- end of settings -->\n")
	if want := settingsTable(); got != want {
		t.Errorf("the table of settings in README.md is not that of the flags; it should be:\n%s", want)
	}
}

func settingsTable() string {
	var c cli
	parser, _ := newParser(&c, &bytes.Buffer{}, &bytes.Buffer{})
	var b strings.Builder
	b.WriteString("| setting | default | what |\n|---|---|---|\n")
	for _, f := range flags(parser.Model.Node) {
		if f.Name == "help" {
			continue
		}
		fallback, help := "", f.Help
		if f.HasDefault {
			fallback = "`" + f.Default + "`"
		}
		for _, command := range parser.Model.Children {
			for _, own := range command.Flags {
				if own == f {
					help = "`" + command.Name + "` only. " + help
				}
			}
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", f.Envs[0], fallback, help)
	}
	return b.String()
}
