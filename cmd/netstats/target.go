package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
)

// A target is a package that a call with -auto names, as `go list -json` tells.
type target struct {
	ImportPath, Name, Dir string
	Standard              bool
	Module                *targetModule
	Deps                  []string
	TestGoFiles           []string
	XTestGoFiles          []string
	TestImports           []string
	XTestImports          []string
}

// A targetModule is the one that a target belongs to.
type targetModule struct{ Path, Version, Dir string }

// targetFields are those of a target.
const targetFields = "ImportPath,Name,Dir,Standard,Module,Deps,TestGoFiles,XTestGoFiles,TestImports,XTestImports"

// tested reports whether there are tests.
func (t *target) tested() bool { return len(t.TestGoFiles)+len(t.XTestGoFiles) > 0 }

// has reports whether a package, or its tests, need another.
func (t *target) has(importPath string) bool {
	return slices.Contains(t.Deps, importPath) || slices.Contains(t.TestImports, importPath) || slices.Contains(t.XTestImports, importPath)
}

// choosingFlags are the flags on which it depends what packages there are.
var choosingFlags = []string{"mod", "modfile", "overlay", "race", "msan", "asan"}

// targets lists packages, as the go command would build them. What is wrong with
// them it says itself, as in a build.
func (s *site) targets(packages []string) ([]target, error) {
	args := []string{"list", "-json=" + targetFields, "-tags=" + s.tags()}
	for _, f := range s.flags {
		if slices.Contains(choosingFlags, f.name) {
			args = append(args, f.words...)
		}
	}
	cmd := exec.Command("go", append(append(args, "--"), packages...)...)
	cmd.Dir, cmd.Stderr = s.dir, os.Stderr
	cmd.Env = append(os.Environ(), s.environment...)
	out, err := cmd.Output()
	var exit *exec.ExitError
	switch {
	case errors.As(err, &exit):
		return nil, exitStatus(exit.ExitCode())
	case err != nil:
		return nil, fmt.Errorf("the packages cannot be listed: %w", err)
	}
	var all []target
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var t target
		err := d.Decode(&t)
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return nil, err
		}
		all = append(all, t)
	}
}
