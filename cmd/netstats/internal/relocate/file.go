package relocate

import (
	"bytes"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strconv"
	"strings"
)

// A file is a Go file of a package to be copied.
type file struct {
	src     []byte
	imports []imported
	// comment is the place of an import comment, which would forbid the copy its
	// path; the zero span if there is none.
	comment span
}

// An imported package, and where in the file it is.
type imported struct {
	path string
	at   span
}

type span struct{ start, end int }

// parse reads a file. It returns nil for one that no build has.
func parse(name string, src []byte) (*file, error) {
	fset := token.NewFileSet()
	parsed, err := parser.ParseFile(fset, name, src, parser.ImportsOnly|parser.ParseComments)
	if err != nil {
		return nil, err
	}
	if ignored(parsed) {
		return nil, nil //nolint:nilnil // no file, and no mistake
	}
	place := func(n ast.Node) span {
		return span{fset.Position(n.Pos()).Offset, fset.Position(n.End()).Offset}
	}
	f := &file{src: src}
	for _, spec := range parsed.Imports {
		path, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		f.imports = append(f.imports, imported{path, place(spec.Path)})
	}
	if c := importComment(fset, parsed); c != nil {
		f.comment = place(c)
	}
	return f, nil
}

// importComment returns the comment behind the package clause that says by which
// path a package is to be imported.
func importComment(fset *token.FileSet, parsed *ast.File) *ast.Comment {
	line := fset.Position(parsed.Name.End()).Line
	for _, group := range parsed.Comments {
		for _, c := range group.List {
			text := strings.TrimSpace(strings.TrimLeft(c.Text, "/*"))
			if c.Pos() > parsed.Name.End() && fset.Position(c.Pos()).Line == line && strings.HasPrefix(text, "import ") {
				return c
			}
		}
	}
	return nil
}

// relocated is the file with other paths for the packages for which there is one.
func (f *file) relocated(path func(string) (string, bool)) []byte {
	type edit struct {
		at   span
		text string
	}
	edits := []edit{{f.comment, ""}}
	for _, i := range f.imports {
		if to, ok := path(i.path); ok {
			edits = append(edits, edit{i.at, strconv.Quote(to)})
		}
	}
	slices.SortFunc(edits, func(a, b edit) int { return a.at.start - b.at.start })
	var out bytes.Buffer
	done := 0
	for _, e := range edits {
		out.Write(f.src[done:e.at.start])
		out.WriteString(e.text)
		done = e.at.end
	}
	out.Write(f.src[done:])
	return out.Bytes()
}
