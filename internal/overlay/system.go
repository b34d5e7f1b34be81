package overlay

import (
	"bytes"
	"go/build"
	"io"
	"slices"
)

// Systems by their GOOS.
var (
	linux   = []string{"linux", "android"}
	unixes  = slices.Concat(linux, []string{"darwin", "ios", "freebsd", "openbsd", "netbsd", "dragonfly", "solaris", "illumos", "aix"})
	windows = []string{"windows"}
	// posix are those with sockets that have a descriptor.
	posix = slices.Concat(unixes, windows)
	// everywhere has those whose package net is of another kind, too.
	everywhere = slices.Concat(posix, []string{"js", "wasip1", "plan9"})
)

// systems returns those that p's file is compiled for.
func (p *patch) systems() []string {
	if p.on == nil {
		p.on = slices.DeleteFunc(slices.Clone(everywhere), func(goos string) bool { return !builds(p.name, p.src, goos) })
	}
	return p.on
}

// compiledFor reports whether p's file is for one of the given systems.
func (p *patch) compiledFor(systems []string) bool {
	return slices.ContainsFunc(systems, func(goos string) bool { return slices.Contains(p.systems(), goos) })
}

// builds reports whether a file is part of its package on a system.
func builds(name string, src []byte, goos string) bool {
	ctx := build.Default
	ctx.GOOS, ctx.GOARCH, ctx.CgoEnabled, ctx.Compiler = goos, "amd64", true, "gc"
	if goos == "js" || goos == "wasip1" {
		ctx.GOARCH = "wasm"
	}
	ctx.OpenFile = func(string) (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(src)), nil }
	ok, err := ctx.MatchFile("", name)
	return err == nil && ok
}
