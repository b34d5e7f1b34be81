package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/cmd/netstats/internal/shadow"
	"github.com/netstats-go/netstats/internal/overlay"
)

// Some modules can be built as the main module only: those with replacements,
// which the go command heeds nowhere else, and any whose tests are to be run. For
// them there is a copy of the module's folder.

// goModDirectives are those that count in a main module only.
type goModDirectives struct {
	Replace []struct {
		Old struct{ Path string }
		New struct{ Path, Version string }
	}
	Exclude []struct{ Path string }
}

// isMain reports whether the module has to be the main module.
func (r *remotePlace) isMain(command string) (bool, error) {
	file := filepath.Join(r.module.Dir, "go.mod")
	if _, err := os.Stat(file); err != nil {
		if command == "test" {
			return false, fmt.Errorf("%s@%s has no go.mod, so its tests cannot be run", r.module.Path, r.module.Version)
		}
		return false, nil //nolint:nilerr // the go command makes one
	}
	out, err := goAlone(r.dir, "mod", "edit", "-json", file)
	if err != nil {
		return false, err
	}
	var mod goModDirectives
	if err := json.Unmarshal(out, &mod); err != nil {
		return false, err
	}
	for _, replace := range mod.Replace {
		if replace.New.Version == "" {
			return false, fmt.Errorf("%s@%s cannot be built by itself: its go.mod replaces %s by the folder %s, which is not in the module; get its repository and run netstats there", r.module.Path, r.module.Version, replace.Old.Path, replace.New.Path)
		}
	}
	return command == "test" || len(mod.Replace)+len(mod.Exclude) > 0, nil
}

// buildInCopy builds the packages in a copy of their module.
func (r *remotePlace) buildInCopy(c *call, tmp string) error {
	dir, err := r.copyModule()
	if err != nil {
		return err
	}
	inside, program, err := r.insideCopy(c, dir, tmp)
	if err != nil {
		return err
	}
	s, err := siteOf(inside)
	if err != nil {
		return err
	}
	s.environment = []string{"GOFLAGS=", "GOWORK=off"}
	targets, err := s.completed(inside.packages())
	if err != nil {
		return err
	}
	tools, err := s.instrument(inside, targets)
	if err != nil {
		return err
	}
	tools.env["GOWORK"] = "off"
	if program == "" {
		return tools.become(tools.words(inside))
	}
	if err := tools.child(tools.words(inside)); err != nil {
		return err
	}
	return asGoRun(program, c.args[c.files():])
}

// copyModule returns a copy of the module's folder.
func (r *remotePlace) copyModule() (string, error) {
	dir := filepath.Join(r.cache, "src")
	made, err := shadow.Once(dir, filepath.Base(r.module.Path), []string{r.module.Path, r.module.Version}, func(tmp string) error {
		return os.CopyFS(tmp, os.DirFS(r.module.Dir))
	})
	if err != nil {
		return "", fmt.Errorf("%s@%s cannot be copied: %w", r.module.Path, r.module.Version, err)
	}
	_ = overlay.Trim(dir) // the next run tries again
	return made, nil
}

// insideCopy is the call as it would be given in the copy. What a program is run
// in stays the folder that the user is in, so it is built first, as program.
func (r *remotePlace) insideCopy(c *call, dir, tmp string) (inside *call, program string, err error) {
	here, err := filepath.Abs(c.dir)
	if err != nil {
		return nil, "", err
	}
	inside = &call{command: c.command, dir: dir, flags: slices.Clone(c.flags), args: c.args}
	var packages []string
	for _, p := range r.patterns {
		packages = append(packages, "."+strings.TrimPrefix(p, r.module.Path))
	}
	inside.setPackages(packages)
	inside.set("buildvcs", "false") // where the copy lies says nothing of it
	out, given := c.value("o")
	switch {
	case c.command == "run":
		program = filepath.Join(tmp, filepath.Base(r.patterns[0])+exeSuffix(r.env.GOOS))
		inside.command, inside.args = "build", packages
		inside.set("o", program)
	case given:
		inside.set("o", from(here, out))
	case c.command == "build":
		inside.set("o", here+string(filepath.Separator))
	case c.command == "test":
		inside.set("outputdir", here)
	}
	return inside, program, nil
}

// completed lists packages of a copy, whose go.sum may lack lines: of a module that
// is built by its version the go command reads no go.sum. Its go.mod stays.
func (s *site) completed(packages []string) ([]target, error) {
	file := filepath.Join(s.dir, "go.mod")
	before, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	with := *s
	with.flags = append(slices.Clip(with.flags), flag{"mod", "mod", []string{"-mod=mod"}})
	targets, err := with.targets(packages)
	if err != nil {
		return nil, err
	}
	after, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	if bytes.Equal(before, after) {
		return targets, nil
	}
	if err := os.WriteFile(file, before, 0o666); err != nil {
		return nil, err
	}
	return nil, errors.New("its go.mod lacks what its packages need, and netstats changes no versions: get its repository, run `go mod tidy` there, and then netstats")
}
