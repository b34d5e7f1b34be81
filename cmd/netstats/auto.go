package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/cmd/netstats/internal/shadow"
	"github.com/netstats-go/netstats/internal/overlay"
)

// autoBuild has the go command make what shows its connections.
func autoBuild(c *call) error {
	if c.remote() {
		return remoteBuild(c)
	}
	s, err := siteOf(c)
	if err != nil {
		return err
	}
	if err := s.autoFits(c); err != nil {
		return err
	}
	targets, err := s.targets(c.packages())
	if err != nil {
		return err
	}
	tools, err := s.instrument(c, targets)
	if err != nil {
		return err
	}
	if c.command == "run" {
		c.restoreEnvironment(tools.env)
	}
	c.tellOfTables()
	return tools.become(tools.words(c))
}

// tellOfTables says how to see what the go command hides: what tests that pass have
// written, if packages are named.
func (c *call) tellOfTables() {
	_, verbose := c.value("v")
	_, compile := c.value("c")
	_, named := c.value("")
	if c.command == "test" && named && !verbose && !compile && c.variant() == variants["none"] {
		fmt.Fprintln(os.Stderr, "netstats: go test shows what tests that pass write, and so their tables, with -v only")
	}
}

// An instrumented toolchain builds some packages with a file more.
type instrumented struct {
	toolchain

	flags []string // for the go command, in place of the user's
}

// words are the arguments for the go command.
func (t *instrumented) words(c *call) []string {
	return c.words(t.flags, "overlay", "tags", "auto", "exporters")
}

// instrument prepares all that a build of the targets needs.
func (s *site) instrument(c *call, targets []target) (*instrumented, error) {
	files, err := s.inject(c.command, targets)
	if err != nil {
		return nil, err
	}
	goroot, err := s.standardGoroot(c.variant())
	if err != nil {
		return nil, err
	}
	o, err := s.overlay(overlay.Auto, goroot)
	if err != nil {
		return nil, err
	}
	t := &instrumented{toolchain: toolchain{goroot: goroot, binary: goBinary(goroot), env: map[string]string{}}}
	if os.Getenv("GOROOT") != "" {
		t.env["GOROOT"] = goroot // or else the go command would believe the user's
	}
	if err := s.addToModCache(t, files); err != nil {
		return nil, err
	}
	replace, err := s.stored(files)
	if err != nil {
		return nil, err
	}
	file, err := s.store(o, replace)
	if err != nil {
		return nil, err
	}
	t.flags = s.overlayFlags(file)
	s.announce(c.command, o, c.variant())
	return t, nil
}

// addToModCache has the toolchain use a module cache in which files are that an
// overlay cannot add.
func (s *site) addToModCache(t *instrumented, files []injected) error {
	var added []shadow.Addition
	for _, f := range files {
		if f.module == "" {
			continue
		}
		name, err := filepath.Rel(f.module, f.path)
		if err != nil {
			return err
		}
		added = append(added, shadow.Addition{Module: f.module, Name: name, Contents: f.contents})
	}
	if len(added) == 0 {
		return nil
	}
	dir := filepath.Join(s.cache, "mod")
	made, err := shadow.ModCache(dir, s.env.GOMODCACHE, added)
	if err != nil {
		return fmt.Errorf("-auto: a module cache with a file more cannot be made: %w", err)
	}
	_ = overlay.Trim(dir) // the next run tries again
	t.env["GOMODCACHE"] = made
	return nil
}

// stored stores the files that an overlay can add, and returns by where they seem
// to be where they are. Their names come from their contents, so that builds
// going on at the same time have theirs.
func (s *site) stored(files []injected) (map[string]string, error) {
	replace := map[string]string{}
	for _, f := range files {
		if f.module != "" {
			continue
		}
		sum := sha256.Sum256([]byte(f.contents))
		path := filepath.Join(s.cache, "auto", fmt.Sprintf("%x.go", sum[:8]))
		if err := overlay.WriteFile(path, []byte(f.contents)); err != nil {
			return nil, fmt.Errorf("-auto: a file cannot be stored: %w", err)
		}
		replace[f.path] = path
	}
	return replace, nil
}

// autoFits says why -auto cannot work, if so.
func (s *site) autoFits(c *call) error {
	if slices.ContainsFunc(c.packages(), func(arg string) bool { return strings.HasSuffix(arg, ".go") }) {
		return errors.New("-auto adds a file to a package, so name the package instead of its files: netstats " + c.command + " -auto .")
	}
	if cover, ok := lastValue(s.flags, "cover"); ok && cover != "false" && c.command != "test" {
		return errors.New("-auto does not work with -cover, which ignores added files (go.dev/issue/73802): leave one of them out")
	}
	return s.obstacle(overlay.Auto)
}
