package main

import (
	"bytes"
	"errors"
	"os"
	"os/exec"
)

// goAside runs a command of the go command in a folder of ours. Of what it says
// only downloads are passed on, unless it fails.
func goAside(dir string, env []string, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	var said downloads
	cmd.Stderr = &said
	err := cmd.Run()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		os.Stderr.Write(said.rest.Bytes())
		return exitStatus(exit.ExitCode())
	}
	return err
}

// downloads passes on what the go command says of downloads, and keeps the rest.
type downloads struct{ line, rest bytes.Buffer }

func (d *downloads) Write(p []byte) (int, error) {
	d.line.Write(p)
	for {
		line, err := d.line.ReadBytes('\n')
		switch {
		case err != nil:
			d.line.Write(line) // not a whole one
			return len(p), nil
		case bytes.HasPrefix(line, []byte("go: downloading ")):
			os.Stderr.Write(line)
		default:
			d.rest.Write(line)
		}
	}
}
