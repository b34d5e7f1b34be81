package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"time"

	"github.com/netstats-go/netstats/integration/clients/lab"
)

// run runs libraries, one after the other, and keeps what came out.
func run(ways string, names []string) error {
	temp, err := os.MkdirTemp("", "clients")
	if err != nil {
		return err
	}
	defer os.RemoveAll(temp)
	netstats := filepath.Join(temp, "netstats")
	if err := command("../../cmd/netstats", nil, "go", "build", "-o", netstats, "."); err != nil {
		return err
	}
	programs := map[string]string{"wrapped": "go", "captured": netstats}
	var failed []string
	for _, name := range names {
		for way := range strings.SplitSeq(ways, ",") {
			program, ok := programs[way]
			if !ok {
				return fmt.Errorf("no way %q: there are wrapped and captured", way)
			}
			file := filepath.Join(temp, name+"."+way)
			begun := time.Now()
			env := []string{lab.ResultsFile + "=" + file}
			err := command(name, env, program, "test", "-count=1", "-timeout=5m", "-vet=off", "-ldflags=-w", ".")
			took := time.Since(begun)
			o, err2 := read(file)
			if err2 != nil {
				return err2
			}
			if err != nil {
				failed = append(failed, name+", "+way)
				o = o.fail()
			}
			if err := keep(name, way, o); err != nil {
				return err
			}
			fmt.Printf("%-12s %-9s %6.1f s  %s\n", name, way, took.Seconds(), o)
		}
	}
	if failed != nil {
		return fmt.Errorf("failed: %s", strings.Join(failed, "; "))
	}
	return nil
}

// command runs a program in a folder. What it prints is no result: it goes to stderr.
func command(dir string, env []string, program string, args ...string) error {
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env = dir, append(os.Environ(), env...)
	cmd.Stdout, cmd.Stderr = os.Stderr, os.Stderr
	return cmd.Run()
}

// versions returns the versions of Go and of the modules that a library's folder needs.
func versions(name string) map[string]string {
	cmd := exec.Command("go", "list", "-m", "-f", "{{if not (or .Main .Indirect)}}{{.Path}} {{.Version}}{{end}}", "all")
	cmd.Dir = name
	out, err := cmd.Output()
	if err != nil {
		return nil
	}
	list := map[string]string{"go": strings.TrimPrefix(runtime.Version(), "go")}
	for line := range strings.Lines(string(out)) {
		if path, version, ok := strings.Cut(strings.TrimSpace(line), " "); ok {
			list[path] = version
		}
	}
	return list
}
