package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestOutcomeAddsCasesUp(t *testing.T) {
	file := filepath.Join(t.TempDir(), "results")
	const lines = `{"recipe": {"Library": "x"}, "way": "wrapped", "passed": true, "connections": 2, "sent": 10, "received": 20,
		"ends": {"local": 2}, "calls": {"plain": {"writev": 3}, "wrapped": {"writev": 4}}}
		{"recipe": {"Library": "y"}, "way": "wrapped", "connections": 1, "sent": 1, "received": 2, "ends": {"local": 1}}`
	if err := os.WriteFile(file, []byte(lines), 0o600); err != nil {
		t.Fatal(err)
	}
	o, err := read(file)
	if err != nil {
		t.Fatal(err)
	}
	if o.Cases != 2 || o.Passed != 1 || o.Connections != 3 || o.Sent != 11 || o.Received != 22 || o.Ends["local"] != 3 ||
		o.Plain["writev"] != 3 || o.Watched["writev"] != 4 || o.recipe.Library != "x" {
		t.Errorf("%+v", o)
	}
	if got, want := o.Verdict(), "FAILED"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	o.Passed = 2
	if got, want := o.Verdict(), "same, exact"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := o.fail().Verdict(), "FAILED"; got != want {
		t.Errorf("of a test that failed: %q, want %q", got, want)
	}
}

func TestNoOutcome(t *testing.T) {
	o, err := read(filepath.Join(t.TempDir(), "none"))
	if o != nil || err != nil {
		t.Fatal(o, err)
	}
	if got, want := o.Verdict(), "not run"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	if got, want := o.fail().Verdict(), "FAILED"; got != want {
		t.Errorf("of a test that failed before its first case: %q, want %q", got, want)
	}
}
