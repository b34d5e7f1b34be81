package main

import (
	"debug/buildinfo"
	"os"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
)

// binary examines a program.
func (d *examination) binary(path string) {
	info, err := buildinfo.ReadFile(path)
	if err != nil {
		d.bad("%s is no Go program, or its build information was removed: %v", path, err)
		info = new(debug.BuildInfo)
	} else {
		d.good("a Go program, built by %s", info.GoVersion)
	}
	generator, err := readMarker(path)
	switch {
	case err != nil:
		d.bad("%v", err)
	case generator != "":
		d.good("a capture build, prepared from %s", generator)
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
			d.good("contains %s %s", library, m.Version)
			return
		}
	}
	d.note("nothing of %s is in it, so nothing asks for capture", library)
}

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
