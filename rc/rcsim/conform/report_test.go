package conform

import (
	"os"
	"testing"
)

// TestReport tells what the tests that ran before it have checked (make conformance). Run on its own it has nothing to
// tell: what does not conform has already failed the test whose traffic it was.
func TestReport(t *testing.T) {
	folder := os.Getenv(ReportEnv)
	switch {
	case !On():
		t.Log(NotChecked)
		return
	case folder == "":
		t.Log(ReportEnv + " is not set: make conformance tells what was checked")
		return
	}
	sum, err := readTally(folder)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("checked against RingCentral's OpenAPI document:\n\n%s", sum)
	for _, name := range sum.missing() {
		t.Errorf("not checked: %s", name)
	}
	for _, name := range sum.stale() {
		t.Errorf("the deviation %q was not met: remove it", name)
	}
}
