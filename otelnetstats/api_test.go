package otelnetstats_test

import (
	"bytes"
	"flag"
	"go/ast"
	"go/parser"
	"go/printer"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the files that the tests compare with")

// TestAPI compares what the packages export with texts, as the Go project does with
// its own: a change of an API is a change of its text, and is seen.
func TestAPI(t *testing.T) {
	for _, dir := range []string{".", "netstatstest"} {
		t.Run(dir, func(t *testing.T) { compareAPI(t, dir) })
	}
}

func compareAPI(t *testing.T, dir string) {
	got := strings.Join(api(t, dir), "\n") + "\n"
	file := filepath.Join(dir, "testdata", "api.txt")
	if *update {
		must(t, os.WriteFile(file, []byte(got), 0o666)) //nolint:gosec // a file of the repository
	}
	want, err := os.ReadFile(file)
	must(t, err)
	for line := range strings.Lines(got) {
		if !strings.Contains("\n"+string(want), "\n"+line) {
			t.Errorf("new: %s", line)
		}
	}
	for line := range strings.Lines(string(want)) {
		if !strings.Contains("\n"+got, "\n"+line) {
			t.Errorf("gone: %s", line)
		}
	}
	if t.Failed() {
		t.Log("if this is meant, run go test -run TestAPI -update ./otelnetstats, and say so in the changelog")
	}
}

// api lists what the package in a folder exports, a line each.
func api(t *testing.T, dir string) (lines []string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	must(t, err)
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		fset := token.NewFileSet()
		file, err := parser.ParseFile(fset, name, nil, parser.SkipObjectResolution)
		must(t, err)
		ast.FileExports(file)
		for _, decl := range file.Decls {
			lines = append(lines, declared(t, fset, decl)...)
		}
	}
	slices.Sort(lines)
	return slices.Compact(lines)
}

// declared lists what a declaration of exported names declares.
func declared(t *testing.T, fset *token.FileSet, decl ast.Decl) (lines []string) {
	t.Helper()
	switch d := decl.(type) {
	case *ast.FuncDecl:
		if d.Recv != nil && !exportedReceiver(d.Recv.List[0].Type) {
			return nil
		}
		d.Body, d.Doc = nil, nil
		return []string{oneLine(t, fset, d)}
	case *ast.GenDecl:
		typ := "" // of a const that repeats the one before
		for _, spec := range d.Specs {
			switch s := spec.(type) {
			case *ast.TypeSpec:
				lines = append(lines, "type "+oneLine(t, fset, s))
			case *ast.ValueSpec:
				if s.Type != nil {
					typ = " " + oneLine(t, fset, s.Type)
				} else if len(s.Values) > 0 {
					typ = " = " + oneLine(t, fset, s.Values[0])
				}
				for _, n := range s.Names {
					lines = append(lines, d.Tok.String()+" "+n.Name+typ)
				}
			}
		}
	}
	return lines
}

func exportedReceiver(typ ast.Expr) bool {
	if star, ok := typ.(*ast.StarExpr); ok {
		typ = star.X
	}
	name, ok := typ.(*ast.Ident)
	return ok && name.IsExported()
}

// oneLine prints a node on one line, without comments.
func oneLine(t *testing.T, fset *token.FileSet, node ast.Node) string {
	t.Helper()
	var b bytes.Buffer
	must(t, printer.Fprint(&b, fset, node))
	var words []string
	for line := range strings.Lines(b.String()) {
		line, _, _ := strings.Cut(line, "// ") // "contains unexported fields", of go/doc's
		if w := strings.Join(strings.Fields(line), " "); w != "" {
			words = append(words, w)
		}
	}
	return strings.NewReplacer("{; ", "{ ", "; }", " }").Replace(strings.Join(words, "; "))
}
