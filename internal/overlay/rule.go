package overlay

import (
	"fmt"
	"go/ast"
)

// A rule edits one declaration of a package of the standard library. It is a
// [funcRule] or a [structRule].
type rule interface {
	fmt.Stringer // names the declaration as its documentation would
	// systems are those in which the declaration must be found.
	systems() []string
	// reason is a clause: what the edit makes possible.
	reason() string
	// word is a text that the declaration cannot do without.
	word() string
	// apply edits d, a declaration in p's file, if it is the one that the rule is
	// for, and reports whether it is.
	apply(p *patch, d ast.Decl) (found bool, err error)
}

// A funcRule edits a function or a method.
type funcRule struct {
	recv string   // the type whose method it is, without *; "" for a function
	name string   // of the function
	on   []string // systems
	why  string   // reason
	edit func(p *patch, f *function, why string) error
}

var _ rule = funcRule{}

func (r funcRule) systems() []string { return r.on }

func (r funcRule) reason() string { return r.why }

func (r funcRule) String() string {
	if r.recv != "" {
		return "method (*" + r.recv + ")." + r.name
	}
	return "func " + r.name
}

func (r funcRule) word() string {
	if r.recv != "" {
		return ") " + r.name + "("
	}
	return "func " + r.name + "("
}

func (r funcRule) apply(p *patch, d ast.Decl) (found bool, err error) {
	f, ok := d.(*ast.FuncDecl)
	if !ok || f.Body == nil || f.Name.Name != r.name || receiver(f) != r.recv {
		return false, nil
	}
	return true, r.edit(p, p.function(f), r.why)
}

// rulesOf has the rules for functions among others.
func rulesOf(funcs []funcRule) []rule {
	rules := make([]rule, len(funcs))
	for i, r := range funcs {
		rules[i] = r
	}
	return rules
}

// A structRule extends a struct type.
type structRule struct {
	name   string
	on     []string // systems
	why    string   // reason
	extend func(p *patch, s *ast.StructType)
}

var _ rule = structRule{}

func (r structRule) systems() []string { return r.on }

func (r structRule) reason() string { return r.why }

func (r structRule) String() string { return "type " + r.name }

func (r structRule) word() string { return r.name + " struct" }

func (r structRule) apply(p *patch, d ast.Decl) (found bool, err error) {
	g, ok := d.(*ast.GenDecl)
	if !ok {
		return false, nil
	}
	for _, spec := range g.Specs {
		t, ok := spec.(*ast.TypeSpec)
		if !ok || t.Name.Name != r.name {
			continue
		}
		if s, ok := t.Type.(*ast.StructType); ok {
			r.extend(p, s)
			found = true
		}
	}
	return found, nil
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
