package main

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/overlay"
	"github.com/netstats-go/netstats/internal/terminal"
)

// maxShown bounds what is shown of a program's own words, and of its path.
const maxShown = 1000

// binary examines a program. What that says of itself is a stranger's word.
func (d *examination) binary(c *call) {
	path := from(c.dir, c.args[0])
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
		d.origin(c, generator)
		d.library(info, overlay.IsAuto(generator))
	case tagged(info):
		d.bad("built by netstats, but without package net: there is nothing to capture")
	default:
		d.bad("no capture build: build it by `netstats build`")
	}
}

// origin compares what a program was made from with what this command would make.
func (d *examination) origin(c *call, generator string) {
	s, err := siteOf(c)
	if err != nil {
		d.note("what it was prepared from cannot be compared: %s", shown(err.Error()))
		return
	}
	for kind, command := range map[overlay.Kind]string{overlay.Capture: "netstats diff", overlay.Auto: "netstats diff -auto"} {
		if o, err := s.overlay(kind, s.env.GOROOT); err == nil && o.Generator == generator {
			d.good("that is what `%s` shows here", command)
			return
		}
	}
	d.note("that is not what this netstats makes of %s: to see it, run `netstats diff` with the Go release, the version and the overlay that it was made with", s.env.GOVERSION)
}

// library tells which version of the library is in a program.
func (d *examination) library(info *debug.BuildInfo, auto bool) {
	if auto {
		d.good("shows its connections by itself: -auto linked in this library and OpenTelemetry, as packages that go version -m does not list")
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == library {
			d.good("contains %s %s", library, shown(m.Version))
			return
		}
	}
	if !auto {
		d.note("nothing of %s is in it, so nothing asks for capture", library)
	}
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
