package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"

	"github.com/netstats-go/netstats/internal/overlay"
)

// diff prints what a capture build changes in the standard library.
func diff(args []string, stdout io.Writer) error {
	p, err := prepareOwn("diff", args)
	if err != nil {
		return err
	}
	if err := p.overlay.Diff(stdout); err != nil || !p.call.auto() {
		return err
	}
	return p.diffAuto(stdout)
}

// diffAuto prints what -auto changes besides. The imports that it adds to the
// user's packages are no part of GOROOT.
func (p *preparation) diffAuto(stdout io.Writer) error {
	source := p.overlay.Source
	files, err := autoStandard(source)
	if err != nil {
		return err
	}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		before, err := readStandard(source, path)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		name, err := filepath.Rel(source.Root, path)
		if err != nil {
			return err
		}
		if err := overlay.DiffFile(stdout, filepath.ToSlash(name), before, files[path]); err != nil {
			return err
		}
	}
	return nil
}

// printOverlay prints the name of the overlay file.
func printOverlay(args []string, stdout io.Writer) error {
	p, err := prepareOwn("overlay", args)
	if err != nil {
		return err
	}
	if p.toolchain.linked {
		return fmt.Errorf("%s was downloaded into the module cache, where the go command does not let an overlay replace files (go.dev/issue/78644): run netstats build, which has a way around that, or install that Go release in a place of its own", p.env.GOVERSION)
	}
	file, err := p.store()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(stdout, file)
	return err
}

// prepareOwn makes the overlay for a command that is not the go command's.
func prepareOwn(command string, args []string) (*preparation, error) {
	c, err := parseOwn(command, args)
	if err != nil {
		return nil, err
	}
	if err := c.noArguments(); err != nil {
		return nil, err
	}
	return prepare(c)
}
