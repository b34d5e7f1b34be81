package overlay

import (
	"errors"
	"go/ast"
	"strings"
)

// A RawConn's callback gets a bare descriptor and makes system calls on it:
// grpc reads this way, and quic sends and receives. They all end in one of two
// functions of package syscall.

const syscallPkg = "syscall"

var syscallSet = ruleSet{pkg: syscallPkg, rules: rulesOf([]funcRule{
	{
		name: "Syscall", on: linux, edit: seeSyscall(3),
		why: "system calls made in a RawConn's callback can be counted",
	},
	{
		name: "Syscall6", on: linux, edit: seeSyscall(6),
		why: "system calls made in a RawConn's callback can be counted",
	},
})}

// seeSyscall puts a statement before the last return, where the system call is
// over and the goroutine is the scheduler's again. The function must not grow
// its stack, and none of what the statement calls does.
func seeSyscall(args int) func(*patch, *function, string) error {
	return func(p *patch, f *function, _ string) error {
		want := "func(uintptr" + strings.Repeat(", uintptr", args) + ") (uintptr, uintptr, Errno)"
		if got := f.signature(); got != want {
			return shape(got, want)
		}
		before, ret, ok := lastReturn(f.decl.Body)
		if !ok || p.text(before) != "runtime_exitsyscall()" || len(ret.Results) != 0 {
			return errors.New("does not end in runtime_exitsyscall() and a bare return")
		}
		results := namedResults(f.decl)
		if len(results) != 3 {
			return errors.New("has results without names")
		}
		call := []string{f.params[0].name, f.params[1].name, f.params[2].name, f.params[3].name, "0", results[0], results[2]}
		if args > 3 {
			call[4] = f.params[4].name
		}
		p.insert(ret.Pos(), "if netstatsWatched() { netstatsSee("+strings.Join(call, ", ")+") }; ")
		return nil
	}
}

func namedResults(d *ast.FuncDecl) []string {
	var names []string
	for _, f := range d.Type.Results.List {
		for _, n := range f.Names {
			names = append(names, n.Name)
		}
	}
	return names
}
