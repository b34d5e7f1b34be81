package main

import (
	"cmp"
	"encoding/json"
	"io"
	"maps"
	"slices"
	"strings"
)

// An event is a line of go test -json.
type event struct {
	Action, Package, Test, Output string
}

// A verdict is what came of the tests of a mutant.
type verdict struct {
	fate fate
	why  string // the test that noticed, or what went wrong
}

// fate is the kind of a verdict.
type fate uint8

const (
	survived fate = iota
	killed
	skipped // no test can be run here
	broken  // it cannot be tested: it does not build, or has no test
)

// A listener makes a verdict of events.
type listener struct {
	running map[string]bool
	ran     int             // tests without subtests that ended
	skips   int             // of them, those that were skipped
	parents map[string]bool // tests with subtests
	failed  bool
	by      string // the first that failed, the innermost of its kind
	last    string // what was said last of a failure
	build   string // what the compiler says
	timeout bool
}

// listen hears go test out.
func listen(r io.Reader) (*listener, error) {
	l := &listener{running: make(map[string]bool), parents: make(map[string]bool)}
	for d := json.NewDecoder(r); ; {
		var e event
		if err := d.Decode(&e); err == io.EOF {
			return l, nil
		} else if err != nil {
			return l, err
		}
		l.hear(e)
	}
}

func (l *listener) hear(e event) {
	switch e.Action {
	case "run":
		l.running[e.Test] = true
		if i := strings.LastIndexByte(e.Test, '/'); i >= 0 {
			l.parents[e.Test[:i]] = true
		}
	case "build-output":
		l.build += e.Output
	case "output":
		l.output(strings.TrimSpace(e.Output))
	case "pass", "skip", "fail":
		l.end(e)
	}
}

// output looks for what tells why a whole process failed.
func (l *listener) output(line string) {
	switch {
	case strings.HasPrefix(line, "panic: test timed out"):
		l.timeout = true
	case l.last != "":
	case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "), strings.HasPrefix(line, "goroutines outlive"):
		l.last = strings.TrimSuffix(line, ":")
	}
}

func (l *listener) end(e event) {
	if e.Action == "fail" {
		l.failed = true
	}
	if e.Test == "" {
		return
	}
	delete(l.running, e.Test)
	if e.Action == "fail" && l.by == "" {
		l.by = e.Test
	}
	if !l.parents[e.Test] {
		l.ran++
	}
	if e.Action == "skip" {
		l.skips++
	}
}

// verdict sums up.
func (l *listener) verdict() verdict {
	switch {
	case l.build != "":
		return verdict{broken, "does not build: " + firstLine(l.build)}
	case l.timeout:
		return verdict{killed, "timeout in " + cmp.Or(l.unfinished(), l.by)}
	case l.by != "":
		return verdict{killed, l.by}
	case l.failed && l.last != "":
		return verdict{killed, strings.TrimSpace(l.last + " " + l.unfinished())}
	case l.failed:
		return verdict{broken, "go test fails without a word"}
	case l.ran == 0:
		return verdict{broken, "there is no such test"}
	case l.skips == l.ran:
		return verdict{skipped, "its tests cannot be run here"}
	}
	return verdict{survived, ""}
}

// unfinished are the tests that did not end.
func (l *listener) unfinished() string {
	if len(l.running) == 0 {
		return ""
	}
	return strings.Join(slices.Sorted(maps.Keys(l.running)), ", ")
}

// firstLine is the first line that is not the name of a package.
func firstLine(text string) string {
	for line := range strings.Lines(text) {
		if !strings.HasPrefix(line, "#") {
			return strings.TrimSpace(line)
		}
	}
	return ""
}
