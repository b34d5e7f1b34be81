package main

import (
	"os"
	"reflect"
	"testing"
	"testing/fstest"
)

// TestTheSet can be read, and its names are unique. Whether each change can still be
// made is for make mutants to say: who changes the code need not think of that.
func TestTheSet(t *testing.T) {
	mutants, err := readAll(os.DirFS("testdata"))
	if err != nil {
		t.Fatal(err)
	}
	names := make(map[string]bool)
	for _, m := range mutants {
		if names[m.name] {
			t.Errorf("%s: there are two", m.name)
		}
		names[m.name] = true
	}
}

const document = `file: a/b.go

# first
It breaks
this.
test: ./a -run=TestA
capture test: ./c -run=TestC -race
log test: .
 	if x {
-		return 1

-	}
+		return 2
+	}

# second
It breaks nothing.
test: ./a
equivalent: because
-	one
+	two
`

func TestParse(t *testing.T) {
	mutants, err := readAll(fstest.MapFS{"d/a.txt": {Data: []byte(document)}})
	if err != nil || len(mutants) != 2 {
		t.Fatalf("%d mutants, %v, want 2", len(mutants), err)
	}
	m := mutants[0]
	if m.name != "first" || m.breaks != "It breaks this." || m.file != "a/b.go" || m.equivalent != "" {
		t.Errorf("got %+v", m)
	}
	if want := "\tif x {\n\t\treturn 1\n\n\t}\n"; m.old != want {
		t.Errorf("the old lines are %q, want %q", m.old, want)
	}
	if want := "\tif x {\n\n\t\treturn 2\n\t}\n"; m.new != want {
		t.Errorf("the new lines are %q, want %q", m.new, want)
	}
	want := []suite{
		{args: []string{"./a", "-run=TestA"}},
		{in: "integration", args: []string{"./c", "-run=TestC", "-race"}, captured: true},
		{in: "otelnetstats/netstatslog", args: []string{"."}},
	}
	if !reflect.DeepEqual(m.suites, want) {
		t.Errorf("the tests are %+v, want %+v", m.suites, want)
	}
	if mutants[1].equivalent != "because" {
		t.Errorf("got %+v", mutants[1])
	}
}

func TestParseRefuses(t *testing.T) {
	for name, text := range map[string]string{
		"no file":         "# a\nIt breaks.\ntest: ./a\n-x\n",
		"no sentence":     "file: a.go\n\n# a\ntest: ./a\n-x\n",
		"no change":       "file: a.go\n\n# a\nIt breaks.\ntest: ./a\n",
		"the same":        "file: a.go\n\n# a\nIt breaks.\ntest: ./a\n-x\n+x\n",
		"no test":         "file: a.go\n\n# a\nIt breaks.\n-x\n",
		"text behind it":  "file: a.go\n\n# a\nIt breaks.\ntest: ./a\n-x\nmore\n",
		"nothing at all":  "file: a.go\n",
		"an empty file":   "",
		"two first lines": "file: a.go\nfile: b.go\n\n# a\nIt breaks.\ntest: ./a\n-x\n",
	} {
		if mutants, err := parse(text); err == nil {
			t.Errorf("%s: got %+v", name, mutants)
		}
	}
}

func TestApply(t *testing.T) {
	m := mutant{name: "m", file: "f", old: "\tone\n", new: "\ttwo\n"}
	for _, test := range []struct{ source, want string }{
		{"a\n\tone\nb\n", "a\n\ttwo\nb\n"},
		{"\tone\n", "\ttwo\n"},
		{"a\n\t\tone\n", ""},            // not a whole line
		{"\tone\n\tone\n", ""},          // twice
		{"a\n\tone more\n\tzero\n", ""}, // not a whole line
	} {
		got, err := m.apply(test.source)
		if got != test.want || (err == nil) != (test.want != "") {
			t.Errorf("%q: got %q, %v, want %q", test.source, got, err, test.want)
		}
	}
}
