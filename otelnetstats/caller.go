package otelnetstats

import (
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
)

// callerIn returns the package of the first frame outside the standard library
// and this module. Where there is none, because the connection is opened by a
// goroutine of the standard library as those of net/http's pool are, it is the
// outermost package of the standard library.
func callerIn(frames *runtime.Frames) string {
	outermost := ""
	for {
		frame, more := frames.Next()
		path := packagePath(frame.Function)
		switch {
		case path == "" || path == "runtime" || own(path):
		case standard(path):
			outermost = path
		default:
			return importPath(path)
		}
		if !more {
			return outermost
		}
	}
}

// packagePath is the path of a function's package, as in its symbol name:
// example.com/a.b/c%2ed.(*T).f is of package example.com/a.b/c.d.
func packagePath(function string) string {
	function, _, _ = strings.Cut(function, "[") // type arguments have paths, too
	last := strings.LastIndexByte(function, '/') + 1
	dot := strings.IndexByte(function[last:], '.')
	if dot < 0 {
		return ""
	}
	return strings.ReplaceAll(function[:last+dot], "%2e", ".")
}

// ownInternal begins the paths of the packages below this one.
const ownInternal = "github.com/netstats-go/netstats/internal/"

// own reports whether a package stands between the dialer and package net.
// Programs of this module, such as its examples, are callers as any other.
func own(path string) bool {
	return path == ScopeName || strings.HasPrefix(path, ownInternal)
}

// standard reports whether a package is one of the standard library: its path
// begins with an element that has no dot. So may that of a module which was
// never to be downloaded, therefore the program's modules are looked at.
func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	if strings.Contains(first, ".") || path == "main" {
		return false
	}
	for _, module := range program().dotless {
		if path == module || strings.HasPrefix(path, module+"/") || path == module+"_test" {
			return false
		}
	}
	return first != "command-line-arguments"
}

// importPath is the path of a package as source code has it: the symbols of a
// program's main package do not.
func importPath(path string) string {
	if main := program().main; path == "main" && main != "" {
		return main
	}
	return path
}

// programInfo is what the build tells of the program.
type programInfo struct {
	main    string   // the path of package main
	dotless []string // the modules whose paths look like those of the standard library
}

var program = sync.OnceValue(func() (p programInfo) {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return p
	}
	if info.Path != "command-line-arguments" {
		p.main = info.Path
	}
	for _, m := range append(info.Deps, &info.Main) {
		if first, _, _ := strings.Cut(m.Path, "/"); first != "" && !strings.Contains(first, ".") {
			p.dotless = append(p.dotless, m.Path)
		}
	}
	return p
})
