package overlay

import (
	"fmt"
	"go/ast"
	"strings"
)

// stockPrefix is what the name of a wrapped function gets in front.
const stockPrefix = "netstatsStock_"

// A function is a function declaration, taken apart.
type function struct {
	decl    *ast.FuncDecl
	recv    variable // zero for a function without receiver
	params  []variable
	results []string // types
}

type variable struct{ name, typ string }

func (v variable) String() string { return v.name + " " + v.typ }

func (p *patch) function(d *ast.FuncDecl) *function {
	f := &function{decl: d}
	if d.Recv != nil {
		f.recv = p.variables(d.Recv, "netstatsReceiver")[0]
	}
	f.params = p.variables(d.Type.Params, "netstatsParam")
	if d.Type.Results != nil {
		for _, v := range p.variables(d.Type.Results, "") {
			f.results = append(f.results, v.typ)
		}
	}
	return f
}

// variables lists the variables of a field list one by one. Those without a
// name get one.
func (p *patch) variables(list *ast.FieldList, unnamed string) []variable {
	var all []variable
	for _, field := range list.List {
		names := field.Names
		if len(names) == 0 {
			names = []*ast.Ident{ast.NewIdent("_")}
		}
		for _, n := range names {
			v := variable{n.Name, p.text(field.Type)}
			if v.name == "_" {
				v.name = fmt.Sprint(unnamed, len(all))
			}
			all = append(all, v)
		}
	}
	return all
}

func (f *function) name() string { return f.decl.Name.Name }

// signature spells the types, as in "func([]byte) (int, error)".
func (f *function) signature() string {
	types := make([]string, len(f.params))
	for i, v := range f.params {
		types[i] = v.typ
	}
	return "func(" + strings.Join(types, ", ") + ")" + f.resultTypes()
}

func (f *function) resultTypes() string {
	switch len(f.results) {
	case 0:
		return ""
	case 1:
		return " " + f.results[0]
	}
	return " (" + strings.Join(f.results, ", ") + ")"
}

// header is the declaration as far as the body, with all parameters named and
// the results unnamed.
func (f *function) header() string {
	params := make([]string, len(f.params))
	for i, v := range f.params {
		params[i] = v.String()
	}
	recv := ""
	if f.recv.name != "" {
		recv = "(" + f.recv.String() + ") "
	}
	return "func " + recv + f.name() + "(" + strings.Join(params, ", ") + ")" + f.resultTypes()
}

// stock is the call of the renamed function with the parameters as they came.
func (f *function) stock() string {
	args := make([]string, len(f.params))
	for i, v := range f.params {
		args[i] = v.name
		if strings.HasPrefix(v.typ, "...") {
			args[i] += "..."
		}
	}
	return f.stockCall(args...)
}

// stockCall is the call of the renamed function with the given arguments.
func (f *function) stockCall(args ...string) string {
	call := stockPrefix + f.name() + "(" + strings.Join(args, ", ") + ")"
	if f.recv.name != "" {
		return f.recv.name + "." + call
	}
	return call
}

// resultNames are variables for the results.
func (f *function) resultNames() []string {
	names := make([]string, len(f.results))
	for i := range names {
		names[i] = fmt.Sprint("netstats", i)
	}
	return names
}

// directive returns a compiler directive of the declaration, or "". A wrapper
// would not have it.
func (f *function) directive() string {
	if f.decl.Doc == nil {
		return ""
	}
	for _, c := range f.decl.Doc.List {
		if strings.HasPrefix(c.Text, "//go:") {
			return c.Text
		}
	}
	return ""
}

// find returns the first node for which match is true.
func find[N ast.Node](in ast.Node, match func(N) bool) (found N, ok bool) {
	ast.Inspect(in, func(n ast.Node) bool {
		if c, is := n.(N); is && !ok && match(c) {
			found, ok = c, true
		}
		return !ok
	})
	return found, ok
}

// lastReturn returns the return statement that ends a body, and the statement
// before it.
func lastReturn(body *ast.BlockStmt) (before ast.Stmt, ret *ast.ReturnStmt, ok bool) {
	n := len(body.List)
	if n < 2 {
		return nil, nil, false
	}
	ret, ok = body.List[n-1].(*ast.ReturnStmt)
	return body.List[n-2], ret, ok
}
