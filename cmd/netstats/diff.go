package main

import (
	"fmt"
	"io"
)

// diff prints what a capture build changes in the standard library. The files
// that -auto adds to the user's packages are no part of that.
func diff(args []string, stdout io.Writer) error {
	p, err := prepareOwn("diff", args)
	if err != nil {
		return err
	}
	return p.overlay.Diff(stdout)
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
