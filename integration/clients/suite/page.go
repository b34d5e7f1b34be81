package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/template"

	"github.com/netstats-go/netstats/integration/clients/lab"
)

// pageFile is the page, seen from the folder of the libraries. What is written here
// stands in it between begin and end.
const (
	pageFile = "../../docs/clients.md"
	begin    = "<!-- begin: made from integration/clients by go generate, do not edit -->\n"
	end      = "<!-- end -->\n"
)

//go:embed page.md.tmpl
var pageText string

// A section is a library on the page.
type section struct {
	Folder string
	*row
	Notes  string // what to know
	Code   string // the hook
	ByHand bool   // the page has a section already
}

// Version is that of the library; of one that has none, the day.
func (s *section) Version() string {
	if s.Recipe.Module == "" {
		return s.Versions["go"]
	}
	version := s.Versions[s.Recipe.Module]
	if day, ok := strings.CutPrefix(version, "v0.0.0-"); ok {
		return day[:len("20060102")]
	}
	return version
}

// Anchor is what a heading with the library's name has on GitHub.
func (s *section) Anchor() string {
	var b strings.Builder
	for _, r := range strings.ToLower(s.Recipe.Library) {
		switch {
		case r == ' ' || r == '-':
			b.WriteByte('-')
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9' || r == '_':
			b.WriteRune(r)
		}
	}
	return b.String()
}

// Verdict says in two words what came out one way.
func (s *section) Verdict(way string) string { return s.Outcomes[way].Verdict() }

// Outcome is the one whose numbers are shown.
func (s *section) Outcome() *outcome {
	if o := s.Outcomes["wrapped"]; o != nil {
		return o
	}
	return s.Outcomes["captured"]
}

// Fast are the fast system calls that were seen, one way.
func (s *section) Fast() string {
	var seen []string
	for _, way := range []string{"wrapped", "captured"} {
		if o := s.Outcomes[way]; o != nil {
			for name := range o.Watched {
				if !slices.Contains(seen, name) {
					seen = append(seen, name)
				}
			}
		}
	}
	slices.Sort(seen)
	return strings.Join(seen, ", ")
}

// Parents says which dial spans are children of the caller's.
func (s *section) Parents() string {
	switch s.Recipe.Parent {
	case lab.Always:
		return "Dial spans are children of the caller's span."
	case lab.Never:
		return "Dial spans have no parent."
	}
	return "Some dial spans are children of the caller's span."
}

// page returns the page, with what is made anew.
func page(results results) ([]byte, error) {
	old, err := os.ReadFile(pageFile)
	if err != nil {
		return nil, err
	}
	before, rest, ok := strings.Cut(string(old), begin)
	_, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		return nil, fmt.Errorf("%s: the lines %q and %q are not there", pageFile, begin, end)
	}
	var sections []*section
	var missing []string
	for _, name := range libraries {
		row := results[name]
		if row == nil || row.Recipe.Library == "" {
			missing = append(missing, name)
			continue
		}
		s := &section{Folder: name, row: row}
		if err := s.parse(); err != nil {
			return nil, err
		}
		// What is written by hand has the heading.
		s.ByHand = strings.Contains(before+after, "\n## "+row.Recipe.Library+"\n")
		sections = append(sections, s)
	}
	t, err := template.New("page").Parse(pageText)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	b.WriteString(before + begin)
	err = t.Execute(&b, map[string]any{"Sections": sections, "Missing": missing})
	b.WriteString(end + after)
	return b.Bytes(), err
}

// parse takes from the library's source what the page quotes.
func (s *section) parse() error {
	name := filepath.Join(s.Folder, s.Folder+"_test.go")
	source, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, name, source, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	_, s.Notes, _ = strings.Cut(strings.TrimSpace(file.Doc.Text()), "\n\n")
	var code []string
	for _, d := range file.Decls {
		f, ok := d.(*ast.FuncDecl)
		if ok && strings.HasPrefix(f.Name.Name, "wrap") {
			code = append(code, string(source[files.Position(f.Pos()).Offset:files.Position(f.End()).Offset]))
		}
	}
	if len(code) == 0 {
		return fmt.Errorf("%s: no function wrap", name)
	}
	s.Code = strings.Join(code, "\n\n")
	return nil
}
