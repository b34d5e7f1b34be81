package main

import (
	"errors"
	"strings"
	"testing"
)

// What would have no effect is refused, with the way out.
func TestMisuse(t *testing.T) {
	t.Setenv("PATH", "") // or else the go command would take this process's place
	t.Setenv("GOOS", "")
	for args, want := range map[string]string{
		"version -x":             "netstats version takes no flag -x; it takes -C dir",
		"version x":              "netstats version takes no argument x; it takes -C dir",
		"--version -auto":        "netstats version takes no flag -auto; it takes -C dir",
		"help build":             "netstats help takes no argument build; it takes -C dir",
		"-h -x":                  "netstats help takes no flag -x; it takes -C dir",
		"diff foo":               "netstats diff takes no argument foo; it takes -C dir, -auto, -overlay=x",
		"diff -tags=x":           "netstats diff takes no flag -tags; it takes -C dir, -auto, -overlay=x",
		"diff -auto=maybe":       "-auto=maybe is neither true nor false: say -auto, or leave it out",
		"diff -overlay":          "the flag -overlay needs a value, as in -overlay=x",
		"diff -C":                "the flag -C needs a folder, as in netstats diff -C dir",
		"doctor -x":              "netstats doctor takes no flag -x; it takes -C dir, -compiler=x, -coverpkg=x, -overlay=x",
		"doctor -x app":          "netstats doctor takes no flag -x; it takes -C dir, -compiler=x, -coverpkg=x, -overlay=x",
		"doctor -auto":           "netstats doctor takes no flag -auto; it takes -C dir, -compiler=x, -coverpkg=x, -overlay=x",
		"doctor -overlay=x app":  "netstats doctor takes no flag -overlay with a program, only -C dir",
		"doctor a b":             "netstats doctor takes one program, or none",
		"overlay -x":             "netstats overlay takes no flag -x; it takes -C dir, -overlay=x",
		"overlay -tags x":        "netstats overlay takes no flag -tags; it takes -C dir, -overlay=x",
		"overlay x":              "netstats overlay takes no argument x; it takes -C dir, -overlay=x",
		"overlay -auto":          "netstats overlay takes no flag -auto; it takes -C dir, -overlay=x",
		"run -exporters=all .":   "-exporters is for what -auto adds: say -auto as well, or leave it out",
		"run -auto -exporters .": "-exporters=. is not known: use none, otlp or all",
		"run -auto -exporters":   "-exporters= is not known: use none, otlp or all",
		"build -auto a@v1 b":     "b has no version, as other packages have: name all as pkg@version",
		"vet -auto .":            "netstats vet takes no flag -auto, which changes programs: it is for build, install, run, test",
		"list -auto=1 .":         "netstats list takes no flag -auto, which changes programs: it is for build, install, run, test",
		"run -auto=maybe .":      "-auto=maybe is neither true nor false: say -auto, or leave it out",
		"build -auto= .":         "-auto= is neither true nor false: say -auto, or leave it out",
		"test -auto=no -auto .":  "-auto=no is neither true nor false: say -auto, or leave it out",
		"test . -auto=no":        "-auto=no is neither true nor false: say -auto, or leave it out",
		"build -overlay":         "the flag -overlay needs a value, as in -overlay=x",
		"test . -tags":           "the flag -tags needs a value, as in -tags=x",
		"install -C":             "the flag -C needs a folder, as in netstats install -C dir",
		"build -v -C dir":        "the flag -C must come first, after netstats build",
		"-diff":                  `no command "-diff"; netstats runs go build, `,
		"GOOS=linux -overlay -x": `no command "-overlay"; netstats runs go build, `,
	} {
		err := run(strings.Fields(args), new(strings.Builder))
		if err == nil || !strings.HasPrefix(err.Error(), want) || errors.As(err, new(exitStatus)) {
			t.Errorf("%s\ngot  %v\nwant %s", args, err, want)
		}
	}
}

func TestAutoIsAsked(t *testing.T) {
	for args, want := range map[string]bool{
		"":                   false,
		"-v .":               false,
		"-auto .":            true,
		"--auto=true .":      true,
		"-auto=1 .":          true,
		"-auto=false .":      false,
		"-auto=0 .":          false,
		"-auto -auto=F .":    false,
		"-auto=f -auto=T .":  true,
		". -auto":            false, // the program's
		"-ldflags -auto . x": false,
	} {
		c, err := parse("run", strings.Fields(args))
		if err != nil || c.misuse() != nil || c.auto() != want {
			t.Errorf("%s: got %v, %v, want %v", args, c.auto(), errors.Join(err, c.misuse()), want)
		}
	}
}
