package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/netstats-go/netstats/cmd/netstats/internal/shadow"
	"github.com/netstats-go/netstats/internal/overlay"
)

// kindFlags are those of which each value has a standard library of its own in the
// build cache.
var kindFlags = []string{"race", "msan", "asan", "trimpath", "gcflags", "asmflags", "buildmode", "cover", "pgo"}

// announce says on stderr that a build will take long, if it is the first of its
// kind: the standard library is compiled in it. Others are as fast as ever.
func (s *site) announce(command string, o *overlay.Overlay, variant string) {
	if command == "list" {
		return // it compiles nothing
	}
	kind := []string{s.env.GOCACHE, o.Generator, s.env.GOOS, s.env.GOARCH, variant}
	for _, f := range s.flags {
		if slices.Contains(kindFlags, f.name) {
			kind = append(kind, f.words...)
		}
	}
	first := false
	dir := filepath.Join(s.cache, "announced")
	_, err := shadow.Once(dir, "kind", kind, func(string) error { first = true; return nil })
	if err != nil || !first {
		return // where nothing can be kept, each build would seem to be the first
	}
	_ = overlay.Trim(dir) // the next run tries again
	fmt.Fprintln(os.Stderr, "netstats: the first build of its kind compiles the standard library, which takes a minute or so; later ones find it in the build cache")
}
