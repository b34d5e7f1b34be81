package overlay

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"strconv"
)

// releaseDir has the file in which Go's build writes the release's name, as a
// constant that every build of a program can be checked against.
const (
	releaseDir  = "internal/buildcfg"
	releaseFile = "zbootstrap.go"
)

// release returns the name of the Go release, such as go1.26.8.
func (s Source) release() (string, error) {
	path := filepath.Join(s.dir(releaseDir), releaseFile)
	data, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("the release of this Go installation is unknown: %w", err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, data, parser.SkipObjectResolution)
	if err != nil {
		return "", err
	}
	for _, d := range file.Decls {
		if name, ok := constant(d, "version"); ok {
			return name, nil
		}
	}
	return "", fmt.Errorf("the release of this Go installation is unknown: %s has no constant version", path)
}

// constant returns the value of a string constant if d declares it.
func constant(d ast.Decl, name string) (string, bool) {
	g, ok := d.(*ast.GenDecl)
	if !ok || g.Tok != token.CONST {
		return "", false
	}
	for _, s := range g.Specs {
		v := s.(*ast.ValueSpec)
		if len(v.Names) != 1 || v.Names[0].Name != name || len(v.Values) != 1 {
			continue
		}
		if lit, ok := v.Values[0].(*ast.BasicLit); ok && lit.Kind == token.STRING {
			value, err := strconv.Unquote(lit.Value)
			return value, err == nil
		}
	}
	return "", false
}
