package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"testing"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/terminal"
)

// A program says of itself what it likes: this one, with other words in it.
func TestDoctorOfAStranger(t *testing.T) {
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile(self)
	if err != nil {
		t.Fatal(err)
	}
	for word, other := range map[string]string{
		"(" + regexp.QuoteMeta(runtime.Version()) + ")": "\x1b[2J\n",
		`\ndep\t` + library + `\t(v\S{4,})`:             "\x1b[2J",
	} {
		for _, place := range regexp.MustCompile(word).FindAllSubmatchIndex(program, -1) {
			copy(program[place[2]:], other)
		}
	}
	program = append(program, bridge.Marker("\x1b]0;owned\a\nok    all fine\u202e\xff")...)
	path := filepath.Join(t.TempDir(), "stranger\u202e")
	if err := os.WriteFile(path, program, 0o600); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := doctor([]string{path}, &out); err != nil {
		t.Errorf("%v\n%s", err, out.String())
	}
	lines := strings.Split(out.String(), "\n")
	for i, want := range []string{
		`ok    a Go program, built by \x1b[2J\n`,
		`ok    a capture build, prepared from \x1b]0;owned\a\nok    all fine\u202e\xff`,
		`note  that is not what this netstats makes of go`,
		`ok    contains ` + library + ` \x1b[2J`,
		"",
	} {
		if i >= len(lines) || !strings.HasPrefix(lines[i], want) {
			t.Fatalf("line %d is not %s:\n%q", i, want, lines)
		}
	}
}

// What cannot be examined is named, and its name is a stranger's, too.
func TestDoctorOfNoProgram(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a\nok    all fine\x1b[2J")
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Skip(err)
	}
	var out strings.Builder
	if err := doctor([]string{path}, &out); err == nil {
		t.Error("no error")
	}
	if got := out.String(); strings.Count(got, "\n") != 2 || !strings.Contains(got, `a\nok    all fine\x1b[2J is no Go program`) || strings.Contains(got, "\x1b") {
		t.Errorf("got %q", got)
	}
}

// What cannot be read is neither a Go program nor none.
func TestDoctorOfNothing(t *testing.T) {
	dir := t.TempDir()
	for _, path := range []string{filepath.Join(dir, "nope\x1b"), dir} {
		var out strings.Builder
		if err := doctor([]string{path}, &out); !errors.Is(err, exitStatus(1)) {
			t.Errorf("got error %v", err)
		}
		got := out.String()
		if strings.Count(got, "\n") != 1 || !strings.HasPrefix(got, "bad   ") || !strings.Contains(got, terminal.Text(path, maxShown)) || strings.Contains(got, "Go program") {
			t.Errorf("got %q", got)
		}
	}
}
