package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
)

// woven are mutants in one build of each package's tests: most of the time that a
// mutant takes is the compiler's and the linker's. Those that change more or less than
// one function are not among them, nor those of capture builds.
type woven struct {
	runner  runner
	numbers map[string]int    // by name of the mutant
	tests   map[string]string // by what they are of

	mu    sync.Mutex      // guards sound
	sound map[string]bool // by suite: whether it passes without a mutant
}

// weaveAll builds the tests of all mutants that can be woven.
func (r runner) weaveAll(ctx context.Context, mutants []mutant) (*woven, error) {
	w := &woven{runner: r, numbers: make(map[string]int), tests: make(map[string]string), sound: make(map[string]bool)}
	bodies := make(map[string][]body) // by file
	for i, m := range mutants {
		source, err := os.ReadFile(r.original(m))
		if err != nil {
			return nil, err
		}
		if b, ok := m.body(string(source)); ok && !m.captured() {
			b.number = i + 1
			w.numbers[m.name] = b.number
			bodies[r.original(m)] = append(bodies[r.original(m)], b)
		}
	}
	for {
		overlay, err := w.overlay(bodies)
		if err != nil {
			return nil, err
		}
		said, err := w.build(ctx, mutants, overlay)
		if err == nil {
			return w, nil
		}
		if !w.drop(bodies, said) {
			return nil, fmt.Errorf("%w\n%s", err, said)
		}
	}
}

// overlay writes the sources, and returns the name of what leads go test to them.
func (w *woven) overlay(bodies map[string][]body) (name string, err error) {
	replace := make(map[string]string)
	for file, of := range bodies {
		source, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		choose, err := chooser(string(source))
		if err != nil {
			return "", err
		}
		for name, text := range map[string]string{file: weave(string(source), of), filepath.Join(filepath.Dir(file), "chosen_mutant.go"): choose} {
			path := filepath.Join(w.runner.scratch, strings.ReplaceAll(name, string(filepath.Separator), "-"))
			if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
				return "", err
			}
			replace[name] = path
		}
	}
	list, err := json.Marshal(map[string]map[string]string{"Replace": replace})
	if err != nil {
		return "", err
	}
	name = filepath.Join(w.runner.scratch, "woven.json")
	return name, os.WriteFile(name, list, 0o600)
}

// build builds the tests. If that fails it returns what the compiler says.
func (w *woven) build(ctx context.Context, mutants []mutant, overlay string) (said string, err error) {
	for _, m := range mutants {
		for _, s := range m.suites {
			key := s.build()
			if _, ok := w.tests[key]; ok || w.numbers[m.name] == 0 {
				continue
			}
			path := filepath.Join(w.runner.scratch, fmt.Sprintf("tests%d", len(w.tests)))
			args := []string{"test", "-c", "-vet=off", "-overlay=" + overlay, "-o", path}
			if s.race() {
				args = append(args, "-race")
			}
			cmd := exec.CommandContext(ctx, "go", append(args, s.args[0])...)
			cmd.Dir = s.module(w.runner.root)
			cmd.Env = append(os.Environ(), "GOWORK=off")
			if out, err := cmd.CombinedOutput(); err != nil {
				clear(w.tests)
				return string(out), err
			}
			w.tests[key] = path
		}
	}
	return "", nil
}

var namedMutant = regexp.MustCompile(linePrefix + `([a-z0-9-]+):\d`)

// drop leaves out the mutants that the compiler names. It reports whether there are any.
func (w *woven) drop(bodies map[string][]body, said string) bool {
	found := false
	for _, match := range namedMutant.FindAllStringSubmatch(said, -1) {
		for file, of := range bodies {
			for i, b := range of {
				if b.name == match[1] {
					bodies[file] = append(of[:i:i], of[i+1:]...)
					delete(w.numbers, b.name)
					found = true
					break
				}
			}
		}
	}
	return found
}

// build says what a suite is built of, and race whether it has the race detector.
func (s suite) build() string { return fmt.Sprint(s.in, " ", s.args[0], " ", s.race()) }

func (s suite) race() bool { return slices.Contains(s.args, "-race") }

// has reports whether the mutant is woven in, and all its suites are sound.
func (w *woven) has(ctx context.Context, m mutant) bool {
	if w == nil || w.numbers[m.name] == 0 {
		return false
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range m.suites {
		key := fmt.Sprint(s)
		ok, known := w.sound[key]
		if !known {
			v, err := w.runner.listen(ctx, w.command(ctx, s, 0), filepath.Join(w.runner.scratch, "sound"))
			ok = err == nil && v.fate == survived
			w.sound[key] = ok
		}
		if !ok {
			return false
		}
	}
	return true
}

// command runs a suite with a mutant, or with none.
func (w *woven) command(ctx context.Context, s suite, number int) *exec.Cmd {
	args := []string{"tool", "test2json", w.tests[s.build()], "-test.v=test2json", "-test.failfast", "-test.count=1", fmt.Sprint("-test.timeout=", w.runner.timeout)}
	for _, a := range s.args[1:] {
		if a != "-race" {
			args = append(args, "-test."+strings.TrimPrefix(a, "-"))
		}
	}
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = filepath.Join(s.module(w.runner.root), filepath.FromSlash(s.args[0]))
	cmd.Env = append(os.Environ(), fmt.Sprint(mutantVariable, "=", number), "GOWORK=off")
	return cmd
}
