package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/netstats-go/netstats/internal/overlay"
	"github.com/netstats-go/netstats/internal/terminal"
)

// doctor examines a program, or where it is run.
func doctor(args []string, stdout io.Writer) error {
	c, err := parseOwn("doctor", args)
	if err != nil {
		return err
	}
	d := &examination{out: stdout}
	switch {
	case len(c.args) == 0:
		d.here(c)
	case len(c.args) > 1:
		return errors.New("netstats doctor takes one program, or none")
	case len(c.flags) > 0:
		return fmt.Errorf("netstats doctor takes no flag -%s with a program, only -C dir", c.flags[0].name)
	default:
		d.binary(c)
	}
	if d.failed {
		return exitStatus(1)
	}
	return nil
}

// An examination writes findings, a line each.
type examination struct {
	out    io.Writer
	failed bool
}

func (d *examination) good(format string, args ...any) { d.line("ok  ", format, args...) }

// note is for what is no obstacle, but good to know.
func (d *examination) note(format string, args ...any) { d.line("note", format, args...) }

func (d *examination) bad(format string, args ...any) {
	d.failed = true
	d.line("bad ", format, args...)
}

func (d *examination) line(mark, format string, args ...any) {
	text := terminal.Lines(fmt.Sprintf(format, args...), maxLines)
	fmt.Fprintf(d.out, "%s  %s\n", mark, strings.ReplaceAll(text, "\n", "\n      "))
}

// here examines the Go installation and the module.
func (d *examination) here(c *call) {
	s, err := siteOf(c)
	if err != nil {
		d.bad("%v", err)
		return
	}
	tools, err := toolchainFor(s.env, s.cache)
	if err != nil {
		d.bad("%v", err)
		return
	}
	o, err := s.overlay(overlay.Capture, tools.goroot)
	if err != nil {
		d.bad("%v", err)
		return
	}
	d.good("%s in %s, %s/%s", s.env.GOVERSION, s.env.GOROOT, s.env.GOOS, s.env.GOARCH)
	if tools.linked {
		d.note("this toolchain was downloaded into the module cache, where overlays are not allowed: netstats runs it by way of %s", tools.goroot)
	}
	d.good("the standard library can be prepared: %d files, %s; netstats diff shows them, and why", len(o.Files), o.Generator)
	d.auto(s)
	d.system(s)
	d.goflags(s)
	d.module(s)
}

// auto tells whether -auto has all that it needs. Other builds need less.
func (d *examination) auto(s *site) {
	src, err := s.ownSources()
	if err != nil {
		d.note("-auto will not work: %v", err)
		return
	}
	goroot, err := s.standardGoroot(variants["none"])
	if err != nil {
		d.note("-auto will not work: %v", err)
		return
	}
	if _, err := s.overlay(overlay.Auto, goroot); err != nil {
		d.note("-auto will not work: %v", err)
		return
	}
	d.good("-auto links in packages from %s, in a GOROOT of links, %s", src.dir, goroot)
}

// system tells what a build for the chosen system can do.
func (d *examination) system(s *site) {
	switch s.env.GOOS {
	case "linux":
	case "android", "darwin", "ios", "freebsd", "openbsd", "netbsd", "dragonfly", "solaris", "illumos", "aix", "windows":
		d.note("capture for %s is experimental: it is known to build; what RawConn callbacks move is not counted", s.env.GOOS)
	default:
		d.bad("package net of %s has no sockets to capture", s.env.GOOS)
	}
}

func (d *examination) goflags(s *site) {
	if err := s.obstacle(overlay.Capture); err != nil {
		d.bad("%v", err)
	}
	replace, kept, err := s.userOverlay()
	switch {
	case err != nil:
		d.bad("%v", err)
	case kept:
		d.note("GOFLAGS has an overlay that netstats made: netstats build does not need it, and other builds fail when Go or its sources change; take it out")
	}
	if len(replace) > 0 {
		d.good("your own overlay of %d files is merged", len(replace))
	}
}

// module examines the library in the module at hand, or in those of a
// workspace.
func (d *examination) module(s *site) {
	patterns := []string{"./..."}
	switch {
	case s.env.GOWORK != "" && s.env.GOWORK != "off":
		d.note("the workspace %s is in effect", s.env.GOWORK)
		dirs, err := goOutput(s.dir, "list", "-m", "-f", "{{.Dir}}/...")
		if err != nil {
			d.bad("the modules of the workspace cannot be listed: %v", err)
			return
		}
		patterns = strings.Split(strings.TrimSpace(string(dirs)), "\n")
	case s.env.GOMOD == "" || s.env.GOMOD == os.DevNull:
		d.note("no module here: run netstats doctor in the folder of your program, too")
		return
	}
	format := `{{if eq .ImportPath "` + library + `/otelnetstats"}}{{with .Module}}{{.Version}}{{with .Replace}} => {{.Path}}{{end}}{{end}}{{end}}`
	out, err := goOutput(s.dir, append([]string{"list", "-e", "-deps", "-f", format}, patterns...)...)
	if err != nil {
		d.bad("the packages here cannot be listed: %v", err)
		return
	}
	d.version(strings.TrimSpace(string(out)))
}

// version compares the library's version, "" if nothing imports it, with ours.
func (d *examination) version(found string) {
	have, _, replaced := strings.Cut(found, " => ")
	switch want := libraryVersion(); {
	case found == "":
		d.note("no package here imports %s/otelnetstats: builds are prepared, but without -auto nothing in them asks for capture", library)
	case replaced || want == "devel":
		d.note("%s is %s, this command %s: whether they fit shows when the program runs", library, found, want)
	case have != want:
		d.bad("%s is %s, but this command was made for %s: run it as `go tool netstats`, which takes the version in go.mod", library, have, want)
	default:
		d.good("%s %s, as this command", library, have)
	}
}
