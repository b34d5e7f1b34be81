package main

import (
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
)

// buildTag is set in capture builds, so that go version -m shows what they are.
const buildTag = "netstats_capture"

// A site is where a build takes place.
type site struct {
	dir   string
	env   *goEnv
	flags []flag // of GOFLAGS and the call
	cache string
	// environment is what the go command gets besides ours to list packages.
	environment []string
}

// siteOf asks the go command about the place of a call.
func siteOf(c *call) (*site, error) {
	env, err := askGo(c.dir)
	if err != nil {
		return nil, err
	}
	return &site{dir: c.dir, env: env, flags: slices.Concat(parseGOFLAGS(env.GOFLAGS), c.flags), cache: cacheDir(env)}, nil
}

// overlay prepares the standard library in goroot, with the user's own overlay.
func (s *site) overlay(kind overlay.Kind, goroot string) (*overlay.Overlay, error) {
	replace, _, err := s.userOverlay()
	if err != nil {
		return nil, err
	}
	source := overlay.Source{Root: goroot, Replace: map[string]string{}}
	for from, to := range replace {
		if below, err := filepath.Rel(s.env.GOROOT, from); err == nil && filepath.IsLocal(below) {
			from = filepath.Join(goroot, below) // what the go command will see
		}
		source.Replace[from] = to
	}
	return overlay.Make(source, kind, libraryVersion())
}

// userOverlay is the one in effect: an argument overrides GOFLAGS. kept says
// whether a netstats overlay is among it.
func (s *site) userOverlay() (replace map[string]string, kept bool, err error) {
	file, ok := lastValue(s.flags, "overlay")
	if !ok || file == "" {
		return nil, false, nil
	}
	dir, err := filepath.Abs(s.dir)
	if err != nil {
		return nil, false, err
	}
	return readOverlay(file, dir, s.cache)
}

// tags are the user's build tags and our own.
func (s *site) tags() string {
	value, _ := lastValue(s.flags, "tags")
	tags := strings.FieldsFunc(value, func(r rune) bool { return r == ',' || r == ' ' })
	if !slices.Contains(tags, buildTag) {
		tags = append(tags, buildTag)
	}
	return strings.Join(tags, ",")
}
