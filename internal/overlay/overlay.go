package overlay

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
)

// An Overlay is a set of files that take the place of files of the standard
// library, or are added to it.
type Overlay struct {
	Source Source
	// Release is the Go release that the overlay is for, such as go1.26.8.
	Release string
	// Generator identifies the overlay: the release, the version of netstats
	// and a hash of all files. Programs built with it contain it.
	Generator string
	// Files has the contents by slash-separated path below GOROOT/src.
	Files map[string][]byte
	// Points lists what is edited, in the order of the rules.
	Points []Point

	originals map[string][]byte // of the edited files
}

// A Point is an edited declaration.
type Point struct{ Package, Declaration, Why string }

// A Refusal says that a Go installation is not as netstats knows it.
type Refusal struct {
	Release string
	Reasons []string
}

func (r *Refusal) Error() string {
	return fmt.Sprintf("netstats does not know how to prepare %s for capture:\n\t%s\nUse a netstats that knows this Go release, or a Go release that this netstats knows, or build without capture.",
		r.Release, strings.Join(r.Reasons, "\n\t"))
}

// Make prepares the standard library in source. version is that of netstats.
// The error is a *[Refusal] if the sources are not as expected.
func Make(source Source, version string) (*Overlay, error) {
	release, err := source.release()
	if err != nil {
		return nil, err
	}
	o := &Overlay{Source: source, Release: release, Files: map[string][]byte{}, originals: map[string][]byte{}}
	lib := &library{source, map[string]map[string][]byte{}}
	if done, err := lib.prepared(); done || err != nil {
		return nil, cmp.Or(err, error(&Refusal{release, []string{"it was prepared by netstats before, in place or by an overlay"}}))
	}
	reasons, err := lib.unmet()
	if err != nil {
		return nil, err
	}
	for _, rules := range [][]rule{syscallRules, pollRules, netRules} {
		more, err := o.edit(lib, rules)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, more...)
	}
	if len(reasons) > 0 {
		return nil, &Refusal{release, reasons}
	}
	return o, o.complete(version)
}

// Packages returns the import paths that an overlay has files for.
func Packages() []string { return []string{pollPkg, netPkg, staleDir, syscallPkg} }

// edit applies the rules of one package and returns what is not as expected.
func (o *Overlay) edit(lib *library, rules []rule) (reasons []string, err error) {
	pkg := rules[0].pkg
	names, contents, err := lib.having(pkg, words(rules)...)
	if err != nil {
		return nil, err
	}
	found := make(coverage, len(rules))
	for _, name := range names {
		p, err := newPatch(name, contents[name])
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, p.run(rules, found)...)
		if !p.changed() {
			continue
		}
		if o.Files[pkg+"/"+name], err = p.apply(); err != nil {
			return nil, err
		}
		o.originals[pkg+"/"+name] = contents[name]
	}
	for i, r := range rules {
		if missing := found[i].missing(r.on); missing != "" {
			reasons = append(reasons, fmt.Sprintf("package %s has no %s (for %s)", r.pkg, r, missing))
		}
		o.Points = append(o.Points, Point{r.pkg, r.String(), r.why})
	}
	return reasons, nil
}

// words returns texts one of which is in each file that concerns the rules.
func words(rules []rule) []string {
	var all []string
	for _, r := range rules {
		all = append(all, r.word())
	}
	if rules[0].pkg == pollPkg {
		all = append(all, "*FD", " FD)") // to be inspected
	}
	return all
}

// coverage has, by rule, the systems in which the declaration was found.
type coverage []systems

type systems []string

func (s systems) missing(want []string) string {
	return strings.Join(slices.DeleteFunc(slices.Clone(want), func(goos string) bool { return slices.Contains(s, goos) }), ", ")
}

// run applies the rules to p's file and returns what is not as expected.
func (p *patch) run(rules []rule, found coverage) (reasons []string) {
	for i, r := range rules {
		here, err := r.apply(p)
		if here {
			found[i] = append(found[i], p.systems()...)
		}
		if err != nil {
			reasons = append(reasons, err.Error())
		}
	}
	if rules[0].pkg == pollPkg && p.compiledFor(posix) {
		for _, err := range inspectPoll(p) {
			reasons = append(reasons, err.Error())
		}
	}
	return reasons
}

// complete adds the files that the standard library does not have.
func (o *Overlay) complete(version string) error {
	vars := variables(o.Release)
	vars["GENERATOR"] = ""
	files, err := added(vars)
	if err != nil {
		return err
	}
	maps.Copy(o.Files, files)
	o.Generator = fmt.Sprintf("%s netstats/%s %s", o.Release, version, o.hash())
	vars["GENERATOR"] = bridge.Marker(o.Generator)
	files, err = added(vars)
	maps.Copy(o.Files, files)
	return err
}

// hash identifies all files, before they name it.
func (o *Overlay) hash() string {
	h := sha256.New()
	for _, name := range o.names() {
		fmt.Fprintf(h, "%s %d\n", name, len(o.Files[name]))
		h.Write(o.Files[name])
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// names returns the paths of all files in order.
func (o *Overlay) names() []string { return slices.Sorted(maps.Keys(o.Files)) }

// target is the absolute path that a file takes the place of.
func (o *Overlay) target(name string) string {
	return filepath.Join(o.Source.Root, "src", filepath.FromSlash(name))
}

// shortHash is a hash fit for names.
func shortHash(data []byte) string {
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:8])
}
