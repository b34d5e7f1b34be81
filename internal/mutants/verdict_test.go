package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// said is what go test -json says of some actions, each with a test or an output.
func said(actions ...string) string {
	var b strings.Builder
	for _, a := range actions {
		e := event{Package: "p"}
		var of string
		if e.Action, of, _ = strings.Cut(a, " "); strings.HasSuffix(e.Action, "output") {
			e.Output = of + "\n"
		} else {
			e.Test = of
		}
		line, _ := json.Marshal(e) // cannot fail
		b.Write(append(line, '\n'))
	}
	return b.String()
}

func TestVerdict(t *testing.T) {
	for _, test := range []struct {
		name string
		said string
		want verdict
	}{
		{"passes", said("run A", "pass A", "pass"), verdict{survived, ""}},
		{"fails", said("run A", "run A/b", "fail A/b", "fail A", "fail"), verdict{killed, "A/b"}},
		{"fails later", said("run A", "pass A", "run B", "fail B", "fail"), verdict{killed, "B"}},
		{"does not build", said("build-output # p", "build-output x.go:1: no", "fail"), verdict{broken, "does not build: x.go:1: no"}},
		{"hangs", said("run A", "output panic: test timed out after 1s", "fail"), verdict{killed, "timeout in A"}},
		{"hangs, and is said to fail", said("run A", "output panic: test timed out after 1s", "fail A", "fail"), verdict{killed, "timeout in A"}},
		{"crashes", said("run A", "output fatal error: all goroutines are asleep", "fail"), verdict{killed, "fatal error: all goroutines are asleep A"}},
		{"leaves goroutines", said("run A", "pass A", "output goroutines outlive their tests:", "fail"), verdict{killed, "goroutines outlive their tests"}},
		{"has no tests", said("pass"), verdict{broken, "there is no such test"}},
		{"is skipped", said("run A", "skip A", "pass"), verdict{skipped, "its tests cannot be run here"}},
		{"has all subtests skipped", said("run A", "run A/b", "skip A/b", "pass A", "pass"), verdict{skipped, "its tests cannot be run here"}},
		{"has some subtests skipped", said("run A", "run A/b", "run A/c", "skip A/b", "pass A/c", "pass A", "pass"), verdict{survived, ""}},
		{"fails for no reason", said("fail"), verdict{broken, "go test fails without a word"}},
	} {
		l, err := listen(strings.NewReader(test.said))
		if err != nil {
			t.Errorf("%s: %v", test.name, err)
			continue
		}
		if got := l.verdict(); got != test.want {
			t.Errorf("%s: got %+v, want %+v", test.name, got, test.want)
		}
	}
	if _, err := listen(strings.NewReader("no JSON")); err == nil {
		t.Error("no error")
	}
}

// TestChangesThatCannotBeMade are found before any test runs.
func TestChangesThatCannotBeMade(t *testing.T) {
	root := t.TempDir()
	if err := os.WriteFile(filepath.Join(root, "a.go"), []byte("one\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		m  mutant
		ok bool
	}{
		{mutant{name: "there", file: "a.go", old: "one\n"}, true},
		{mutant{name: "gone", file: "a.go", old: "two\n"}, false},
		{mutant{name: "file gone", file: "b.go", old: "one\n"}, false},
	} {
		s := survey{runner: runner{root: root}, mutants: []mutant{test.m}}
		if got := s.prepare(); got != test.ok || (len(s.left()) == 1) != test.ok {
			t.Errorf("%s: can be made: %v, %d to be tested", test.m.name, got, len(s.left()))
		}
	}
}

func TestSummary(t *testing.T) {
	s := survey{
		mutants: []mutant{{name: "a"}, {name: "b", equivalent: "why"}, {name: "c"}},
		verdicts: map[string]verdict{
			"a": {killed, "TestA"}, "b": {survived, ""}, "c": {skipped, "not here"},
		},
	}
	if !s.summary() {
		t.Error("a set of which all are killed, equivalent or skipped is found bad")
	}
	for _, f := range []fate{survived, broken} {
		s.verdicts["c"] = verdict{f, ""}
		if s.summary() {
			t.Errorf("a set with fate %d is found good", f)
		}
	}
}
