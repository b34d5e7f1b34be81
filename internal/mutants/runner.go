package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// A runner runs the tests of mutants.
type runner struct {
	root    string // of the repository
	scratch string // a folder for changed files
	timeout time.Duration
}

// run has the tests of m look for it, one suite after the other until one
// notices.
func (r runner) run(ctx context.Context, m mutant, w *woven) verdict {
	command := func(s suite) *exec.Cmd { return w.command(ctx, s, w.numbers[m.name]) }
	if !w.has(ctx, m) {
		overlay, err := r.overlay(m)
		if err != nil {
			return verdict{broken, err.Error()}
		}
		command = func(s suite) *exec.Cmd { return s.command(ctx, r, overlay) }
	}
	all := verdict{fate: skipped}
	for _, s := range m.suites {
		v, err := r.listen(ctx, command(s), filepath.Join(r.scratch, m.name+".stderr"))
		if err != nil {
			return verdict{broken, err.Error()}
		}
		if v.fate == killed || v.fate == broken {
			return v
		}
		if all.fate == skipped {
			all = v
		}
	}
	return all
}

// overlay writes the changed file, and returns the name of what leads go test to
// it.
func (r runner) overlay(m mutant) (name string, err error) {
	changed, err := r.changed(m)
	if err != nil {
		return "", err
	}
	path := filepath.Join(r.scratch, m.name+".go")
	list, err := json.Marshal(map[string]map[string]string{"Replace": {r.original(m): path}})
	if err != nil {
		return "", err
	}
	name = filepath.Join(r.scratch, m.name+".json")
	if err := os.WriteFile(path, []byte(changed), 0o600); err != nil {
		return "", err
	}
	return name, os.WriteFile(name, list, 0o600)
}

// changed returns what becomes of the file.
func (r runner) changed(m mutant) (string, error) {
	source, err := os.ReadFile(r.original(m))
	if err != nil {
		return "", err
	}
	return m.apply(string(source))
}

func (r runner) original(m mutant) string { return filepath.Join(r.root, filepath.FromSlash(m.file)) }

// listen runs the tests of one suite. Those that hang end themselves.
func (r runner) listen(ctx context.Context, cmd *exec.Cmd, stderr string) (verdict, error) {
	out, err := cmd.StdoutPipe()
	if err != nil {
		return verdict{}, err
	}
	said, err := os.Create(stderr)
	if err != nil {
		return verdict{}, err
	}
	defer said.Close()
	cmd.Stderr = said
	if err := cmd.Start(); err != nil {
		return verdict{}, err
	}
	heard, err := listen(out)
	waited := cmd.Wait()
	if err != nil || ctx.Err() != nil {
		return verdict{}, fmt.Errorf("go test: %w, %w", err, waited)
	}
	return heard.verdict(), nil
}

// command is the call of go test, or of what does the same for capture builds.
// What the suite says itself comes last, and so wins.
func (s suite) command(ctx context.Context, r runner, overlay string) *exec.Cmd {
	args, dir := []string{"test"}, s.module(r.root)
	if s.captured {
		args, dir = []string{"run", ".", "test", "-C", dir}, filepath.Join(r.root, "cmd", "netstats")
	}
	args = append(args, "-json", "-vet=off", "-ldflags=-w", "-failfast", "-count=1", fmt.Sprint("-timeout=", r.timeout), "-overlay="+overlay)
	cmd := exec.CommandContext(ctx, "go", append(args, s.args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "GOWORK=off")
	return cmd
}
