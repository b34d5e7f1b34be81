package relocate

import (
	"go/ast"
	"go/build/constraint"
)

// ignored reports whether a file is left out of its package in all builds, as
// those are that have `//go:build ignore`: no system and no tag but ignore would
// have it.
func ignored(file *ast.File) bool {
	for _, group := range file.Comments {
		if group.Pos() > file.Package {
			return false
		}
		for _, c := range group.List {
			if !constraint.IsGoBuild(c.Text) {
				continue
			}
			expr, err := constraint.Parse(c.Text)
			return err == nil && !possible(expr, true)
		}
	}
	return false
}

// possible reports whether a constraint can have the wanted value. Each tag can
// be there or not, but for ignore.
func possible(expr constraint.Expr, want bool) bool {
	switch e := expr.(type) {
	case *constraint.TagExpr:
		return !want || e.Tag != "ignore"
	case *constraint.NotExpr:
		return possible(e.X, !want)
	case *constraint.AndExpr:
		if want {
			return possible(e.X, true) && possible(e.Y, true)
		}
		return possible(e.X, false) || possible(e.Y, false)
	case *constraint.OrExpr:
		if want {
			return possible(e.X, true) || possible(e.Y, true)
		}
		return possible(e.X, false) && possible(e.Y, false)
	}
	return true
}
