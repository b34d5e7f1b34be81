package main

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/cmd/netstats/internal/relocate"
	"github.com/netstats-go/netstats/cmd/netstats/internal/shadow"
	"github.com/netstats-go/netstats/internal/overlay"
)

// What -auto links into programs are packages of the standard library in their
// builds: ours, OpenTelemetry's and what those import. So no go.mod has to name
// them, and no version of what the program uses itself is another.

// autoModule is the module of our packages.
const autoModule = library + "/cmd/netstats/auto"

// standardName is the folder below GOROOT/src where the packages are.
const standardName = "netstats"

// sources are where our packages are read from.
type sources struct {
	dir string // of autoModule, with its go.mod
	id  string // tells these sources from others
}

// ownSources finds the sources that fit this command: those beside its own, in a
// checkout, or the module of its version.
func (s *site) ownSources() (*sources, error) {
	m := commandModule()
	for _, dir := range s.checkouts(m) {
		dir = filepath.Join(dir, "auto")
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return checkoutSources(dir)
		}
	}
	if m == nil || m.Replace != nil {
		return nil, errors.New("-auto needs the sources that this netstats was built from, and they are not where they were: build it again in its checkout, by `go -C cmd/netstats install .`, without -trimpath")
	}
	return publishedSources(m.Version)
}

// checkouts are folders in which this command's sources may be: the one that it
// was compiled in, and the one that stands for its module.
func (s *site) checkouts(m *debug.Module) []string {
	var dirs []string
	if _, file, _, ok := runtime.Caller(0); ok && filepath.IsAbs(file) {
		dirs = append(dirs, filepath.Dir(file))
	}
	if m != nil && m.Replace != nil && (m.Replace.Version == "" || m.Replace.Version == "(devel)") {
		dirs = append(dirs, from(filepath.Dir(s.env.GOMOD), filepath.FromSlash(m.Replace.Path)))
	}
	return dirs
}

// commandModule is this command's module, nil if it was built in a checkout of it.
func commandModule() *debug.Module {
	info, ok := debug.ReadBuildInfo()
	if !ok || slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "vcs" }) {
		return nil
	}
	for _, m := range append(info.Deps, &info.Main) {
		if m.Path == library+"/cmd/netstats" && m.Version != "(devel)" {
			return m
		}
	}
	return nil
}

// checkoutSources are known by what is in them: they change as one works.
func checkoutSources(dir string) (*sources, error) {
	h := sha256.New()
	root := filepath.Join(dir, "..", "..", "..")
	for _, part := range []string{dir, filepath.Join(root, "otelnetstats"), filepath.Join(root, "internal")} {
		err := filepath.WalkDir(part, func(path string, e fs.DirEntry, err error) error {
			if err != nil || !e.Type().IsRegular() || strings.HasSuffix(path, "_test.go") {
				return err
			}
			return addFile(h, path)
		})
		if err != nil {
			return nil, err
		}
	}
	return &sources{dir, hex.EncodeToString(h.Sum(nil))}, nil
}

func addFile(w io.Writer, path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Fprintln(w, path)
	_, err = io.Copy(w, f)
	return err
}

// publishedSources have the go command download our packages' module, and check
// it as it does any. The sums of all others are in that module's go.sum.
func publishedSources(version string) (*sources, error) {
	out, err := inNoModule("mod", "download", "-json", autoModule+"@"+version)
	var module struct{ Dir, Sum, Error string }
	if jsonErr := json.Unmarshal(out, &module); jsonErr == nil && module.Error != "" {
		err = errors.New(module.Error)
	}
	if err != nil {
		return nil, fmt.Errorf("-auto needs %s@%s: %w", autoModule, version, err)
	}
	return &sources{module.Dir, module.Sum}, nil
}

// inNoModule runs the go command where no go.mod counts.
func inNoModule(args ...string) ([]byte, error) {
	tmp, err := os.MkdirTemp("", "netstats-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	return goAlone(tmp, args...)
}

// standardGoroot returns a GOROOT like the one of a site, in which our packages
// are among the standard library's.
func (s *site) standardGoroot(variant string) (string, error) {
	src, err := s.ownSources()
	if err != nil {
		return "", err
	}
	own, err := s.standardTree(src, variant)
	if err != nil {
		return "", fmt.Errorf("-auto: the packages to link in cannot be prepared: %w", err)
	}
	dir := filepath.Join(s.cache, "goroot")
	made, err := shadow.Goroot(dir, s.env.GOROOT, own, standardName)
	if err != nil {
		return "", fmt.Errorf("-auto: a GOROOT with the packages to link in cannot be made: %w", err)
	}
	_ = overlay.Trim(dir) // the next run tries again
	return made, nil
}

// standardTree returns the folder with the packages of a variant.
func (s *site) standardTree(src *sources, variant string) (string, error) {
	dir := filepath.Join(s.cache, "std")
	made, err := shadow.Once(dir, standardName, []string{src.id, variant}, func(tmp string) error {
		modules, err := relocate.ModulesOf(src.dir, goAlone)
		if err != nil {
			return err
		}
		tree, err := relocate.Copy(modules, standardName, autoModule+"/"+variant)
		if err != nil {
			return err
		}
		tree[startPackage+"/start.go"] = []byte(startFile(variant))
		return tree.Write(tmp)
	})
	if err == nil {
		_ = overlay.Trim(dir) // the next run tries again
	}
	return made, err
}

// startPackage is what the file added to a program imports. It is small, and the
// same for all variants but for one import.
const startPackage = "auto"

func startFile(variant string) string {
	return fmt.Sprintf(`// Code generated by netstats. DO NOT EDIT.

// Package auto has a program show its connections.
package auto

import (
	"%[1]s/%[2]s"
	_ "%[1]s/%[2]s/%[3]s"
)

// SpanContexts says how the span in a context of the program's is known.
var SpanContexts = auto.SpanContexts
`, standardName, autoModule, variant)
}
