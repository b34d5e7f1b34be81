package overlay

import (
	"fmt"
	"go/ast"
	"slices"
	"strings"
)

// A rule edits one declaration of a package of the standard library.
type rule struct {
	pkg    string
	recv   string // the type whose method it is, without *; "" for a function
	name   string
	strct  bool     // the declaration is a struct type
	on     []string // the systems in which it must be found
	why    string   // a clause: what the edit makes possible
	edit   func(p *patch, f *function, why string) error
	extend func(p *patch, s *ast.StructType) // edit, for a struct
}

// String names the declaration as its documentation would.
func (r rule) String() string {
	switch {
	case r.strct:
		return "type " + r.name
	case r.recv != "":
		return "method (*" + r.recv + ")." + r.name
	}
	return "func " + r.name
}

// word is a text that the declaration cannot do without.
func (r rule) word() string {
	switch {
	case r.strct:
		return r.name + " struct"
	case r.recv != "":
		return ") " + r.name + "("
	}
	return "func " + r.name + "("
}

// apply edits the declaration if p's file has it, and reports whether it has.
func (r rule) apply(p *patch) (found bool, err error) {
	if !r.concerns(p) {
		return false, nil
	}
	for _, d := range p.file.Decls {
		switch d := d.(type) {
		case *ast.GenDecl:
			found = r.applyType(p, d) || found
		case *ast.FuncDecl:
			if r.strct || d.Body == nil || d.Name.Name != r.name || receiver(d) != r.recv {
				continue
			}
			found = true
			if err := r.edit(p, p.function(d), r.why); err != nil {
				return true, fmt.Errorf("package %s: %s, in %s, %w", r.pkg, r, p.name, err)
			}
		}
	}
	return found, nil
}

func (r rule) applyType(p *patch, d *ast.GenDecl) (found bool) {
	for _, s := range d.Specs {
		t, ok := s.(*ast.TypeSpec)
		if !ok || !r.strct || t.Name.Name != r.name {
			continue
		}
		if s, ok := t.Type.(*ast.StructType); ok {
			r.extend(p, s)
			found = true
		}
	}
	return found
}

// receiver returns the name of the type that a method belongs to.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil || len(d.Recv.List) == 0 {
		return ""
	}
	t := d.Recv.List[0].Type
	if s, ok := t.(*ast.StarExpr); ok {
		t = s.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return ""
}

// wrap renames f and adds a function of its name with the given body.
func (p *patch) wrap(f *function, why, format string, args ...any) error {
	if d := f.directive(); d != "" {
		return fmt.Errorf("has the directive %s, which is not expected", d)
	}
	body := strings.TrimSpace(fmt.Sprintf(format, args...))
	for _, v := range append(f.params, f.recv) {
		if declares(body, v.name) {
			return fmt.Errorf("has a parameter %s, whose name netstats needs", v.name)
		}
	}
	p.insert(f.decl.Name.Pos(), stockPrefix)
	p.add("// %s is added by netstats, so that %s.\n%s {\n\t%s\n}\n", f.name(), why, f.header(), strings.ReplaceAll(body, "\n", "\n\t"))
	return nil
}

// concerns reports whether p's file is compiled where r applies.
func (r rule) concerns(p *patch) bool { return p.compiledFor(r.on) }

// declares reports whether a body declares the name on its outermost level.
func declares(body, name string) bool {
	for line := range strings.Lines(body) {
		names, _, ok := strings.Cut(line, " := ")
		if ok && slices.Contains(strings.Split(names, ", "), name) {
			return true
		}
	}
	return false
}
