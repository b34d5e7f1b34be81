package main

import (
	"fmt"
	"io"

	"github.com/netstats-go/netstats/internal/overlay"
)

// diff prints what a capture build changes in the standard library. What -auto
// adds to the user's packages is no part of that.
func diff(args []string, stdout io.Writer) error {
	c, s, err := ownSite("diff", args)
	if err != nil {
		return err
	}
	kind := overlay.Capture
	if c.auto() {
		kind = overlay.Auto
	}
	o, err := s.overlay(kind, s.env.GOROOT)
	if err != nil {
		return err
	}
	return o.Diff(stdout)
}

// printOverlay prints the name of the overlay file.
func printOverlay(args []string, stdout io.Writer) error {
	_, s, err := ownSite("overlay", args)
	if err != nil {
		return err
	}
	if within(s.env.GOMODCACHE, s.env.GOROOT) {
		return fmt.Errorf("%s was downloaded into the module cache, where the go command does not let an overlay replace files (go.dev/issue/78644): run netstats build, which has a way around that, or install that Go release in a place of its own", s.env.GOVERSION)
	}
	o, err := s.overlay(overlay.Capture, s.env.GOROOT)
	if err != nil {
		return err
	}
	file, err := s.store(o, nil)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, file)
	return err
}

// ownSite is the place of a command that is not the go command's.
func ownSite(command string, args []string) (*call, *site, error) {
	c, err := parseOwn(command, args)
	if err != nil {
		return nil, nil, err
	}
	if err := c.noArguments(); err != nil {
		return nil, nil, err
	}
	s, err := siteOf(c)
	return c, s, err
}
