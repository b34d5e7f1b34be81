package relocate

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Modules are a module and those that it requires. Its go.mod must be tidy, so
// that it names all that have a package which is imported.
type Modules struct {
	run  GoCommand
	dir  string // where go.mod and go.sum are
	all  []requirement
	dirs map[string]string // of modules that are there, by path
}

// A GoCommand runs the go command in a folder and returns its output. It may
// return output with an error.
type GoCommand func(dir string, args ...string) ([]byte, error)

// A requirement is a module, and what stands for it.
type requirement struct{ path, source, version string }

// goMod is what `go mod edit -json` prints.
type goMod struct {
	Module  struct{ Path string }
	Require []struct{ Path, Version string }
	Replace []struct {
		Old, New struct{ Path, Version string }
	}
}

// ModulesOf reads the go.mod in a folder.
func ModulesOf(dir string, run GoCommand) (*Modules, error) {
	out, err := run(dir, "mod", "edit", "-json")
	if err != nil {
		return nil, err
	}
	var mod goMod
	if err := json.Unmarshal(out, &mod); err != nil {
		return nil, fmt.Errorf("the go.mod in %s: %w", dir, err)
	}
	m := &Modules{run: run, dir: dir, dirs: map[string]string{mod.Module.Path: dir}}
	m.all = append(m.all, requirement{path: mod.Module.Path})
	for _, r := range mod.Require {
		m.all = append(m.all, m.replaced(mod, r.Path, r.Version))
	}
	slices.SortFunc(m.all, func(a, b requirement) int { return len(b.path) - len(a.path) })
	return m, nil
}

// replaced is the requirement of a module, if need be of what replaces it.
func (m *Modules) replaced(mod goMod, path, version string) requirement {
	for _, r := range mod.Replace {
		switch {
		case r.Old.Path != path || r.Old.Version != "" && r.Old.Version != version:
		case r.New.Version == "":
			dir := filepath.FromSlash(r.New.Path)
			if !filepath.IsAbs(dir) {
				dir = filepath.Join(m.dir, dir)
			}
			m.dirs[path] = dir
			return requirement{path: path}
		default:
			return requirement{path, r.New.Path, r.New.Version}
		}
	}
	return requirement{path, path, version}
}

// Dirs returns the folders of packages. Modules that are not there are
// downloaded, and checked against go.sum.
func (m *Modules) Dirs(packages []string) (map[string]string, error) {
	dirs := map[string]string{}
	for _, p := range packages {
		dirs[p] = ""
	}
	for {
		var wanted []requirement
		for p := range dirs {
			dir, want, err := m.find(p)
			if err != nil {
				return nil, err
			}
			if want != nil {
				wanted = append(wanted, *want)
			}
			dirs[p] = dir
		}
		if len(wanted) == 0 {
			return dirs, nil
		}
		if err := m.fetch(wanted); err != nil {
			return nil, err
		}
	}
}

// find returns the folder of a package, or the module that must be there to know
// it. Of several modules that may have a package, the one with the longest path
// has it.
func (m *Modules) find(importPath string) (dir string, want *requirement, err error) {
	for i, r := range m.all {
		below, ok := strings.CutPrefix(importPath, r.path)
		if !ok || below != "" && below[0] != '/' {
			continue
		}
		root, there := m.dirs[r.path]
		if !there {
			return "", &m.all[i], nil
		}
		dir := filepath.Join(root, filepath.FromSlash(below))
		if hasGo(dir) {
			return dir, nil, nil
		}
	}
	return "", nil, fmt.Errorf("no module that %s requires has package %s", filepath.Join(m.dir, "go.mod"), importPath)
}

func hasGo(dir string) bool {
	files, err := filepath.Glob(filepath.Join(dir, "*.go"))
	return err == nil && len(files) > 0
}

// fetch has modules be in the module cache. The go command runs in a folder with
// go.sum alone: it is to check what it downloads, and to change nothing.
func (m *Modules) fetch(wanted []requirement) error {
	tmp, err := os.MkdirTemp("", "netstats-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	sums, err := os.ReadFile(filepath.Join(m.dir, "go.sum"))
	if err != nil {
		return err
	}
	err = errors.Join(os.WriteFile(filepath.Join(tmp, "go.mod"), []byte("module fetch\n"), 0o600), os.WriteFile(filepath.Join(tmp, "go.sum"), sums, 0o600))
	if err != nil {
		return err
	}
	args := []string{"mod", "download", "-json"}
	paths := map[string][]string{} // of modules, by what stands for them
	for _, r := range wanted {
		source := r.source + "@" + r.version
		if !slices.Contains(args, source) {
			args = append(args, source)
		}
		paths[source] = append(paths[source], r.path)
	}
	out, runErr := m.run(tmp, args...)
	if err := m.fetched(out, paths); err != nil || runErr == nil {
		return err
	}
	return runErr
}

// fetched reads what `go mod download -json` printed.
func (m *Modules) fetched(out []byte, paths map[string][]string) error {
	for d := json.NewDecoder(bytes.NewReader(out)); ; {
		var module struct{ Path, Version, Dir, Error string }
		err := d.Decode(&module)
		switch {
		case errors.Is(err, io.EOF):
			return nil
		case err != nil:
			return err
		case module.Error != "":
			return fmt.Errorf("%s@%s: %s", module.Path, module.Version, module.Error)
		}
		for _, path := range paths[module.Path+"@"+module.Version] {
			m.dirs[path] = module.Dir
		}
	}
}
