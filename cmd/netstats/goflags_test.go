package main

import (
	"slices"
	"testing"

	"github.com/netstats-go/netstats/internal/overlay"
)

// What goes to the go command: our flags, then the user's without replaced
// ones, then the rest as it was.
func TestWords(t *testing.T) {
	for _, test := range []struct {
		args []string
		want []string
	}{
		{[]string{"build"}, []string{"build", "ADDED"}},
		{[]string{"build", "-o", "x", "./..."}, []string{"build", "ADDED", "-o", "x", "./..."}},
		{[]string{"build", "-C", "dir", "-v", "."}, []string{"build", "-C", "dir", "ADDED", "-v", "."}},
		{[]string{"build", "--C=dir", "."}, []string{"build", "-C", "dir", "ADDED", "."}},
		{[]string{"build", "-overlay", "x", "-tags=a", "--tags", "b", "."}, []string{"build", "ADDED", "."}},
		{[]string{"build", "-o", "-tags=a", "."}, []string{"build", "ADDED", "-o", "-tags=a", "."}},
		{[]string{"build", "-ldflags", "-overlay=x", "."}, []string{"build", "ADDED", "-ldflags", "-overlay=x", "."}},
		{[]string{"build", "-race", "-tags", "a", "."}, []string{"build", "ADDED", "-race", "."}},
		{[]string{"build", "--", "-tags=a"}, []string{"build", "ADDED", "--", "-tags=a"}},
		{[]string{"build", "-tags"}, []string{"build", "ADDED"}},
		{[]string{"run", ".", "-tags=a"}, []string{"run", "ADDED", ".", "-tags=a"}},
		{[]string{"run", "-tags=a", "-", "-tags=b"}, []string{"run", "ADDED", "-", "-tags=b"}},
		{[]string{"test", ".", "-tags=a", "-run", "-tags=b", "-v"}, []string{"test", "ADDED", ".", "-run", "-tags=b", "-v"}},
		{[]string{"test", ".", "-args", "-tags=a"}, []string{"test", "ADDED", ".", "-args", "-tags=a"}},
		{[]string{"test", "-test.run", "X", "-own", "-tags=a"}, []string{"test", "ADDED", "-test.run", "X", "-own"}},
		{[]string{"test", "-c", "-tags", "a", "."}, []string{"test", "ADDED", "-c", "."}},
		{[]string{"vet", "-printf", "-tags=a", "."}, []string{"vet", "ADDED", "-printf", "."}},
		{[]string{"list", "-m", "-f", "-tags=a", "all"}, []string{"list", "ADDED", "-m", "-f", "-tags=a", "all"}},
	} {
		c, err := parse(test.args[0], test.args[1:])
		if err != nil {
			t.Errorf("%q: %v", test.args, err)
			continue
		}
		if got := c.words([]string{"ADDED"}, "overlay", "tags"); !slices.Equal(got, test.want) {
			t.Errorf("%q\ngot  %q\nwant %q", test.args, got, test.want)
		}
	}
	if _, err := parse("build", []string{"-v", "-C", "dir"}); err == nil {
		t.Error("no error for a -C that does not come first")
	}
}

func TestSplitQuoted(t *testing.T) {
	for value, want := range map[string][]string{
		"":                            nil,
		" -a\t-b=c ":                  {"-a", "-b=c"},
		`-a '-b=c d' "-e='f'" -g`:     {"-a", "-b=c d", "-e='f'", "-g"},
		`'-ldflags=-X a.b="c d"' '-x`: {`-ldflags=-X a.b="c d"`, "-x"},
		`-ldflags=-X' 'y`:             {"-ldflags=-X'", "y"},
	} {
		if got := splitQuoted(value); !slices.Equal(got, want) {
			t.Errorf("%s\ngot  %q\nwant %q", value, got, want)
		}
	}
}

func TestCovered(t *testing.T) {
	for pattern, want := range map[string]string{
		"":                "",
		"./...":           "",
		"example.com/...": "",
		"netip":           "",
		"net/http":        "",
		"net/http/...":    "",
		"net":             "net",
		"net/...":         "net",
		"n...":            "net",
		"internal/...":    "internal/poll",
		"syscall":         "syscall",
		"all":             "internal/poll",
		"std":             "internal/poll",
		"...":             "internal/poll",
		"runtime":         "",
	} {
		if got := covered(pattern, overlay.Capture); got != want {
			t.Errorf("%q: got %q, want %q", pattern, got, want)
		}
	}
	if got := covered("runtime/...", overlay.Auto); got != "runtime" {
		t.Errorf("with -auto: got %q", got)
	}
}

func TestTags(t *testing.T) {
	for value, want := range map[string]string{
		"":                    "netstats_capture",
		"a":                   "a,netstats_capture",
		"a,b":                 "a,b,netstats_capture",
		"a b":                 "a,b,netstats_capture",
		"netstats_capture, a": "netstats_capture,a",
	} {
		p := site{flags: []flag{{name: "tags", value: "other"}, {name: "tags", value: value}}}
		if got := p.tags(); got != want {
			t.Errorf("%q: got %q, want %q", value, got, want)
		}
	}
}
