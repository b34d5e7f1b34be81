package main

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/netstats-go/netstats/internal/overlay"
)

// goCommand runs a command of the go command with an overlay.
func goCommand(command string, args []string) error {
	c, err := parse(command, args)
	if err != nil {
		return err
	}
	if err := c.misuse(); err != nil {
		return err
	}
	if c.auto() {
		return autoBuild(c)
	}
	return captureBuild(c)
}

// captureBuild has the go command make what sees its connections if it asks to.
func captureBuild(c *call) error {
	s, err := siteOf(c)
	if err != nil {
		return err
	}
	if err := s.obstacle(overlay.Capture); err != nil {
		return err
	}
	tools, err := toolchainFor(s.env, s.cache)
	if err != nil {
		return err
	}
	o, err := s.overlay(overlay.Capture, tools.goroot)
	if err != nil {
		return err
	}
	file, err := s.store(o, nil)
	if err != nil {
		return err
	}
	s.announce(c.command, o, "")
	return tools.become(c.words(s.overlayFlags(file), "overlay", "tags", "auto"))
}

// store writes an overlay, and drops old ones.
func (s *site) store(o *overlay.Overlay, extra map[string]string) (string, error) {
	dir := filepath.Join(s.cache, "overlay")
	file, err := o.Store(dir, extra)
	if err != nil {
		return "", fmt.Errorf("the overlay cannot be stored: %w", err)
	}
	_ = overlay.Trim(dir) // the next run tries again
	return file, nil
}

// overlayFlags take the place of the user's -overlay and -tags.
func (s *site) overlayFlags(file string) []string {
	return []string{"-overlay=" + file, "-tags=" + s.tags()}
}

// become has the go command take the place of this process.
func (t *toolchain) become(words []string) error {
	for _, name := range slices.Sorted(maps.Keys(t.env)) {
		if err := os.Setenv(name, t.env[name]); err != nil {
			return err
		}
	}
	return execute(t.binary, words)
}
