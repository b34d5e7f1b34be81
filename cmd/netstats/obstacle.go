package main

import (
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
)

// obstacle says why the flags cannot work with an overlay of some kind.
func (s *site) obstacle(kind overlay.Kind) error {
	if compiler, _ := lastValue(s.flags, "compiler"); compiler == "gccgo" {
		return errors.New("-compiler=gccgo has a standard library of its own, which netstats does not know: use gc")
	}
	patterns, _ := lastValue(s.flags, "coverpkg")
	for pattern := range strings.SplitSeq(patterns, ",") {
		if pkg := covered(pattern, kind); pkg != "" {
			return fmt.Errorf("-coverpkg=%s includes package %s, which netstats edits, but the cover tool reads the original (go.dev/issue/73802): name your own packages, as in -coverpkg=./... of your module", pattern, pkg)
		}
	}
	return nil
}

// covered returns one of the edited packages that a -coverpkg pattern includes.
func covered(pattern string, kind overlay.Kind) string {
	if pattern == "all" || pattern == "std" {
		pattern = "..."
	}
	expr := strings.ReplaceAll(regexp.QuoteMeta(pattern), `\.\.\.`, ".*")
	if prefix, ok := strings.CutSuffix(expr, "/.*"); ok {
		expr = prefix + "(/.*)?"
	}
	match := regexp.MustCompile("^" + expr + "$")
	for _, pkg := range overlay.Packages(kind) {
		if match.MatchString(pkg) {
			return pkg
		}
	}
	return ""
}
