package main

import (
	"go/parser"
	"go/token"
	"strings"
	"testing"
)

const source = `package p

const limit = 1

func add(a, b int) int {
	return a + b
}

func (t *T) log(s string) {
	if s != "" {
		t.print(s)
	}
}
`

// TestBody: a mutant can be woven in if it changes one function, within its braces.
func TestBody(t *testing.T) {
	for _, test := range []struct {
		name, old, new string
		want           string // empty if it cannot
	}{
		{"a result", "\treturn a + b\n", "\treturn a - b\n", "\n\treturn a - b\n"},
		{"without a result", "\t\tt.print(s)\n", "", "\n\tif s != \"\" {\n\t}\n\nreturn"},
		{"a header", "\tif s != \"\" {\n", "\tif s == \"\" {\n", "\n\tif s == \"\" {\n\t\tt.print(s)\n\t}\n\nreturn"},
		{"a constant", "const limit = 1\n", "const limit = 2\n", ""},
		{"a signature", "func add(a, b int) int {\n", "func add(b, a int) int {\n", ""},
		{"two functions", "\treturn a + b\n}\n\nfunc (t *T) log(s string) {\n", "\treturn a - b\n}\n\nfunc (t *T) log(s string) {\n\tpanic(s)\n", ""},
		{"another function", "\treturn a + b\n}\n", "\treturn a + b\n}\n\nfunc f() {}\n", ""},
		{"what is no Go", "\treturn a + b\n", "\treturn a +\n", ""},
		{"what is not there", "\treturn a * b\n", "\treturn a\n", ""},
	} {
		b, ok := mutant{name: "m", old: test.old, new: test.new}.body(source)
		if ok != (test.want != "") || strings.TrimSpace(b.text) != strings.TrimSpace(test.want) {
			t.Errorf("%s: got %q, %v, want %q", test.name, b.text, ok, test.want)
		}
	}
}

// TestWeave: all bodies are in, those of one function in a row, and the rest is as it
// was.
func TestWeave(t *testing.T) {
	var bodies []body
	for i, m := range []mutant{
		{name: "minus", old: "\treturn a + b\n", new: "\treturn a - b\n"},
		{name: "silent", old: "\t\tt.print(s)\n"},
		{name: "times", old: "\treturn a + b\n", new: "\treturn a * b\n"},
	} {
		b, ok := m.body(source)
		if !ok {
			t.Fatalf("%s cannot be woven in", m.name)
		}
		b.number = i + 1
		bodies = append(bodies, b)
	}
	woven := weave(source, bodies)
	if _, err := parser.ParseFile(token.NewFileSet(), "", woven, parser.SkipObjectResolution); err != nil {
		t.Error(err)
	}
	for _, want := range []string{"chosenMutant == 1 {", "chosenMutant == 2 {", "chosenMutant == 3 {", "\treturn a - b\n", "\treturn a * b\n", "\treturn a + b\n", "\t\tt.print(s)\n", "mutant-silent:1"} {
		if n := strings.Count(woven, want); n != 1 {
			t.Errorf("%q is there %d times, want once, in\n%s", want, n, woven)
		}
	}
	if got := namedMutant.FindStringSubmatch("../x/mutant-times:2:9: undefined: c"); got == nil || got[1] != "times" {
		t.Errorf("the compiler's mistake is found in %v", got)
	}
}
