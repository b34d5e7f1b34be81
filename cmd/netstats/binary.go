package main

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/terminal"
)

// maxShown bounds what is shown of a program's own words, and of its path.
const maxShown = 1000

// binary examines a program. What that says of itself is a stranger's word.
func (d *examination) binary(path string) {
	generator, err := readMarker(path)
	if err != nil {
		d.bad("%s", shown(err.Error())) // it is not there, or cannot be read
		return
	}
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		d.bad("%s is no Go program, or its build information was removed: %s", shown(path), shown(err.Error()))
		info = new(debug.BuildInfo)
	} else {
		d.good("a Go program, built by %s", shown(info.GoVersion))
	}
	switch {
	case generator != "":
		d.good("a capture build, prepared from %s", shown(generator))
		d.library(info)
	case tagged(info):
		d.bad("built by netstats, but without package net: there is nothing to capture")
	default:
		d.bad("no capture build: build it by `netstats build`")
	}
}

// library tells which version of the library is in a program.
func (d *examination) library(info *debug.BuildInfo) {
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == library {
			d.good("contains %s %s", library, shown(m.Version))
			return
		}
	}
	d.note("nothing of %s is in it, so nothing asks for capture", library)
}

// shown is a text of the program's, in one line.
func shown(text string) string { return terminal.Text(text, maxShown) }

func readMarker(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	return bridge.FindMarker(f)
}

// tagged reports whether a program was built with our build tag.
func tagged(info *debug.BuildInfo) bool {
	for _, s := range info.Settings {
		if s.Key == "-tags" && slices.Contains(strings.Split(s.Value, ","), buildTag) {
			return true
		}
	}
	return false
}
