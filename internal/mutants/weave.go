package main

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// A body is that of a function as a mutant has it, which one build can have beside
// the one that is right.
type body struct {
	at     int    // where the right one begins in the source
	text   string // without the braces
	name   string // of the mutant
	number int    // by which it is chosen, from 1
}

// weave puts the bodies into a source, each to be used if it is chosen by number. The
// compiler is to say of a mistake in one which mutant it is in.
func weave(source string, bodies []body) string {
	slices.SortStableFunc(bodies, func(a, b body) int { return b.at - a.at }) // from the end on
	for _, b := range bodies {
		line := strings.Count(source[:b.at], "\n") + 1
		source = source[:b.at] + fmt.Sprintf("\nif chosenMutant == %d {\n//line %s%s:1\n%s\n}\n//line original.go:%d\n", b.number, linePrefix, b.name, b.text, line) + source[b.at:]
	}
	return source
}

// linePrefix is what the names of mutants have before them where the compiler names
// them.
const linePrefix = "mutant-"

// chooser is a further file of each package with such bodies.
func chooser(source string) (string, error) {
	f, err := parser.ParseFile(token.NewFileSet(), "", source, parser.PackageClauseOnly)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("package %s\n\nimport (\n\"os\"\n\"strconv\"\n)\n\nvar chosenMutant, _ = strconv.Atoi(os.Getenv(%q))\n", f.Name.Name, mutantVariable), nil
}

// mutantVariable says which mutant a test is run with.
const mutantVariable = "NETSTATS_MUTANT"

// body returns what the mutant makes of the one function that it changes. It reports
// false if it changes something else.
func (m mutant) body(source string) (b body, ok bool) {
	changed, err := m.apply(source)
	if err != nil {
		return body{}, false
	}
	before, ok := functions(source)
	if !ok {
		return body{}, false
	}
	after, ok := functions(changed)
	if !ok || len(before) != len(after) {
		return body{}, false
	}
	n := 0
	rest, restChanged := source, changed
	for i, old := range slices.Backward(before) {
		now := after[i]
		if text := now.text(changed); text != old.text(source) {
			b, n = body{at: old.from, text: text, name: m.name}, n+1
			if !old.results {
				b.text += "\nreturn"
			}
		}
		rest = rest[:old.from] + rest[old.to:]
		restChanged = restChanged[:now.from] + restChanged[now.to:]
	}
	if n != 1 || rest != restChanged {
		return body{}, false
	}
	return b, true
}

// A function is where the body of one lies, within its braces.
type function struct {
	from, to int
	results  bool
}

func (f function) text(source string) string { return source[f.from:f.to] }

// functions finds those of a source. It reports false if that is no Go.
func functions(source string) (all []function, ok bool) {
	set := token.NewFileSet()
	f, err := parser.ParseFile(set, "", source, parser.SkipObjectResolution)
	if err != nil {
		return nil, false
	}
	for _, d := range f.Decls {
		if d, ok := d.(*ast.FuncDecl); ok && d.Body != nil {
			all = append(all, function{set.Position(d.Body.Lbrace).Offset + 1, set.Position(d.Body.Rbrace).Offset, d.Type.Results != nil})
		}
	}
	return all, true
}
