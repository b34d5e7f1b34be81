package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// A program of somebody else's is named as for `go run` and `go install`, by its
// package and a version, pkg@version. It is built as those commands build it: in
// no module, with the versions that its own go.mod has.

// remote reports whether a call names such packages.
func (c *call) remote() bool {
	return slices.ContainsFunc(c.packages(), func(p string) bool { return strings.Contains(p, "@") })
}

// A remotePlace is a temporary module that requires the one of the packages and
// nothing else, so that they can be looked at.
type remotePlace struct {
	*site

	patterns []string // the packages, without versions
	module   *targetModule
}

// remoteBuild builds packages by their version.
func remoteBuild(c *call) error {
	dir, err := os.MkdirTemp("", "netstats-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	r, targets, err := c.lookUp(dir)
	if err != nil {
		return err
	}
	if err := r.autoFits(c); err != nil {
		return err
	}
	if own, err := r.isMain(c.command); own || err != nil {
		if err != nil {
			return err
		}
		return r.buildInCopy(c, dir)
	}
	tools, err := r.instrument(c, targets)
	if err != nil {
		return err
	}
	c.setPackages(r.versioned())
	switch c.command {
	case "build":
		return r.buildByInstall(c, tools, dir)
	case "run":
		c.restoreEnvironment(tools.env)
	}
	os.RemoveAll(dir) // this process ends here
	return tools.become(tools.words(c))
}

// lookUp finds the module of a call's packages, as the go command does, and
// downloads all that they need.
func (c *call) lookUp(dir string) (*remotePlace, []target, error) {
	r := &remotePlace{}
	for _, p := range c.packages() {
		pattern, version, _ := strings.Cut(p, "@")
		if version == "" {
			return nil, nil, fmt.Errorf("%s has no version, as other packages have: name all as pkg@version", p)
		}
		r.patterns = append(r.patterns, pattern)
	}
	alone := []string{"GOFLAGS=", "GOWORK=off"}
	if err := goAside(dir, alone, "mod", "init", standardName); err != nil {
		return nil, nil, err
	}
	err := goAside(dir, alone, append([]string{"get"}, c.packages()...)...)
	if err != nil {
		return nil, nil, err
	}
	here := *c
	here.dir = dir
	if r.site, err = siteOf(&here); err != nil {
		return nil, nil, err
	}
	r.environment = alone
	targets, err := r.targets(r.patterns)
	if err != nil {
		return nil, nil, err
	}
	r.module, err = oneModule(targets)
	return r, targets, err
}

// oneModule is the module that all targets belong to.
func oneModule(targets []target) (*targetModule, error) {
	for _, t := range targets {
		switch {
		case t.Module == nil:
			return nil, fmt.Errorf("%s is a part of Go itself and has no version", t.ImportPath)
		case *t.Module != *targets[0].Module:
			return nil, fmt.Errorf("%s is in module %s, %s in %s: name packages of one module at a time", targets[0].ImportPath, targets[0].Module.Path, t.ImportPath, t.Module.Path)
		}
	}
	if len(targets) == 0 {
		return nil, errors.New("no packages match")
	}
	return targets[0].Module, nil
}

// versioned are the packages with the version that was found.
func (r *remotePlace) versioned() []string {
	var packages []string
	for _, p := range r.patterns {
		packages = append(packages, p+"@"+r.module.Version)
	}
	return packages
}

// buildByInstall has `go install` do what `go build` would, if that took versions.
func (r *remotePlace) buildByInstall(c *call, tools *instrumented, dir string) error {
	here, err := filepath.Abs(c.dir)
	if err != nil {
		return err
	}
	out, _ := c.value("o")
	c.command = "install"
	bin, err := r.installInto(filepath.Join(dir, "go"), tools)
	if err != nil {
		return err
	}
	if err := tools.child(c.words(tools.flags, "overlay", "tags", "auto", "exporters", "o")); err != nil {
		return err
	}
	return moveAll(bin, here, out)
}

// installInto has the go command install programs in a folder below dir, which it
// returns. For another system it takes no GOBIN; it makes a folder in GOPATH then.
func (r *remotePlace) installInto(dir string, tools *instrumented) (bin string, err error) {
	bin = filepath.Join(dir, "bin")
	if err := os.MkdirAll(bin, 0o777); err != nil {
		return "", err
	}
	if r.env.GOOS == r.env.GOHOSTOS && r.env.GOARCH == r.env.GOHOSTARCH {
		tools.env["GOBIN"] = bin
		return bin, nil
	}
	first := filepath.SplitList(r.env.GOPATH)[0]
	if err := os.Symlink(filepath.Join(first, "pkg"), filepath.Join(dir, "pkg")); err != nil {
		return "", err
	}
	tools.env["GOPATH"], tools.env["GOBIN"] = dir, ""
	if tools.env["GOMODCACHE"] == "" {
		tools.env["GOMODCACHE"] = r.env.GOMODCACHE
	}
	return filepath.Join(bin, r.env.GOOS+"_"+r.env.GOARCH), nil
}
