package overlay

import (
	"bytes"
	"cmp"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"strings"
)

// A patch collects the changes to one file.
type patch struct {
	name  string
	src   []byte
	fset  *token.FileSet
	file  *ast.File
	edits []edit
	tail  bytes.Buffer // declarations for the end of the file
	on    []string     // see systems
	rules []rule       // those that have edited it
	sides int          // how many libraries may capture
}

// An edit replaces the bytes from start to end. Its text has no newline, so
// that all lines keep their numbers.
type edit struct {
	start, end int
	text       string
}

func newPatch(name string, src []byte, sides int) (*patch, error) {
	p := &patch{name: name, src: src, fset: token.NewFileSet(), sides: sides}
	var err error
	p.file, err = parser.ParseFile(p.fset, name, src, parser.SkipObjectResolution|parser.ParseComments)
	return p, err
}

func (p *patch) offset(pos token.Pos) int { return p.fset.Position(pos).Offset }

// text returns the source of a node.
func (p *patch) text(n ast.Node) string { return string(p.src[p.offset(n.Pos()):p.offset(n.End())]) }

func (p *patch) insert(at token.Pos, text string) { p.replace(at, at, text) }

func (p *patch) replace(start, end token.Pos, text string) {
	p.edits = append(p.edits, edit{p.offset(start), p.offset(end), text})
}

// add puts a declaration at the end of the file.
func (p *patch) add(format string, args ...any) {
	p.tail.WriteByte('\n')
	fmt.Fprintf(&p.tail, format, args...)
}

// changed reports whether there is anything to do.
func (p *patch) changed() bool { return len(p.edits) > 0 }

// apply returns the edited file.
func (p *patch) apply() ([]byte, error) {
	slices.SortStableFunc(p.edits, func(a, b edit) int { return cmp.Compare(a.start, b.start) })
	var out bytes.Buffer
	done := 0
	for _, e := range p.edits {
		if e.start < done || strings.Contains(e.text, "\n") {
			return nil, fmt.Errorf("%s: two rules edit the same place, or one moves lines", p.name)
		}
		out.Write(p.src[done:e.start])
		out.WriteString(e.text)
		done = e.end
	}
	out.Write(p.src[done:])
	out.Write(p.tail.Bytes())
	if _, err := parser.ParseFile(token.NewFileSet(), p.name, out.Bytes(), parser.SkipObjectResolution); err != nil {
		return nil, fmt.Errorf("the edited file is no Go: %w", err)
	}
	return out.Bytes(), nil
}
