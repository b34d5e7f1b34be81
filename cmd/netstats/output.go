package main

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// moveAll moves what was built to where -o says, as `go build` run here would have
// put it there: several programs into a folder, and nowhere if nothing is said.
func moveAll(bin, here, out string) error {
	programs, err := os.ReadDir(bin)
	if err != nil {
		return err
	}
	to := from(here, out)
	info, err := os.Stat(to)
	folder := err == nil && info.IsDir() || strings.HasSuffix(filepath.ToSlash(out), "/")
	switch {
	case len(programs) > 1 && out == "":
		return nil
	case len(programs) > 1 && !folder:
		return errors.New("several programs cannot be written to one file: say -o and a folder")
	}
	for _, p := range programs {
		name := to
		if folder {
			name = filepath.Join(to, p.Name())
		}
		if err := move(filepath.Join(bin, p.Name()), name); err != nil {
			return err
		}
	}
	return nil
}

// move moves a program, also to another disk.
func move(from, to string) error {
	if err := os.MkdirAll(filepath.Dir(to), 0o777); err != nil {
		return err
	}
	if os.Rename(from, to) == nil {
		return nil
	}
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	_ = os.Remove(to) // it may be running
	out, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o777)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// exeSuffix is what names of programs end in on a system.
func exeSuffix(goos string) string {
	if goos == "windows" {
		return ".exe"
	}
	return ""
}
