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
	// Points lists what is edited and added.
	Points []Point

	originals map[string][]byte // of the edited files
}

// A Point is an edited declaration, or an added file.
type Point struct {
	File        string // slash-separated, below GOROOT/src
	Declaration string // "" for an added file
	Why         string // a clause
}

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
func Make(source Source, kind Kind, version string) (*Overlay, error) {
	release, err := source.release()
	if err != nil {
		return nil, err
	}
	o := &Overlay{Source: source, Release: release, Files: map[string][]byte{}, originals: map[string][]byte{}}
	lib := &library{source, map[string]map[string][]byte{}}
	if done, err := lib.prepared(); done || err != nil {
		return nil, cmp.Or(err, error(&Refusal{release, []string{"it was prepared by netstats before, in place or by an overlay"}}))
	}
	var reasons []string
	for _, p := range kind.parts() {
		more, err := o.prepare(lib, p, len(kind.bridges()))
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, more...)
	}
	if len(reasons) > 0 {
		return nil, &Refusal{release, reasons}
	}
	return o, o.complete(kind, version)
}

// prepare edits what a part has rules for, and returns what is not as expected.
func (o *Overlay) prepare(lib *library, p part, sides int) (reasons []string, err error) {
	for _, a := range p.additions {
		o.Points = append(o.Points, Point{File: a.path, Why: a.why})
	}
	if reasons, err = lib.unmet(p.needs); err != nil {
		return nil, err
	}
	for _, s := range p.sets {
		more, err := o.edit(lib, s, sides)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, more...)
	}
	return reasons, nil
}

// edit applies the rules for one package and returns what is not as expected.
func (o *Overlay) edit(lib *library, s ruleSet, sides int) (reasons []string, err error) {
	names, contents, err := lib.having(s.pkg, s.words()...)
	if err != nil {
		return nil, err
	}
	found := make(coverage, len(s.rules))
	for _, name := range names {
		p, err := newPatch(name, contents[name], sides)
		if err != nil {
			return nil, err
		}
		reasons = append(reasons, s.apply(p, found)...)
		if !p.changed() {
			continue
		}
		if err := o.take(s.pkg+"/"+name, p); err != nil {
			return nil, err
		}
	}
	return append(reasons, s.missing(found)...), nil
}

// take has an edited file in the overlay.
func (o *Overlay) take(name string, p *patch) (err error) {
	o.originals[name] = p.src
	for _, r := range p.rules {
		o.Points = append(o.Points, Point{name, r.String(), r.reason()})
	}
	o.Files[name], err = p.apply()
	return err
}

// complete adds the files that the standard library does not have.
func (o *Overlay) complete(kind Kind, version string) error {
	if err := o.add(kind, ""); err != nil {
		return err
	}
	o.Generator = fmt.Sprintf("%s netstats/%s %s", o.Release, version, o.hash())
	if kind == Auto {
		o.Generator += autoSuffix
	}
	return o.add(kind, bridge.Marker(o.Generator))
}

// autoSuffix is what the generators of -auto's overlays end in.
const autoSuffix = " -auto"

// IsAuto reports whether a generator is that of an overlay for -auto.
func IsAuto(generator string) bool { return strings.HasSuffix(generator, autoSuffix) }

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
