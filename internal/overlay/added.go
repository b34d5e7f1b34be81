package overlay

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netstats-go/netstats/internal/connstat"
)

//go:embed added
var addedFS embed.FS

// An addition is a file that the standard library does not have.
type addition struct {
	path string // below GOROOT/src
	name string // of the text in folder added
	why  string // a clause
}

// pkg is the package that it is added to.
func (a addition) pkg() string { return path.Dir(a.path) }

// A need is a declaration that added files use, besides those that rules look
// for.
type need struct{ pkg, text string }

// unmet returns what is not there of needs.
func (l *library) unmet(needs []need) (reasons []string, err error) {
	for _, n := range needs {
		names, _, err := l.having(n.pkg, n.text)
		if err != nil {
			return nil, err
		}
		if len(names) == 0 {
			reasons = append(reasons, fmt.Sprintf("package %s has no %q", n.pkg, n.text))
		}
	}
	return reasons, nil
}

// staleDir is an import path of the standard library that has a folder but no
// package: vet runs in the folders of packages, so it must be there. An overlay
// puts the release's own zbootstrap.go there, read from its true place by each
// build, and a file that does not compile next to another release's.
const staleDir = "net/internal"

// ReleaseCopy is the path below GOROOT/src of that copy of zbootstrap.go, which
// an overlay has besides its Files.
const ReleaseCopy = staleDir + "/" + releaseFile

// add puts the files that a kind of overlay adds in it.
func (o *Overlay) add(kind Kind, generator string) error {
	var pairs []string
	vars := kind.variables(o.Release, generator)
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		pairs = append(pairs, "@"+name+"@", vars[name])
	}
	fill := strings.NewReplacer(pairs...)
	for _, p := range kind.parts() {
		for _, a := range p.additions {
			text, err := addedFS.ReadFile(path.Join("added", a.name))
			if err != nil {
				return err
			}
			o.Files[a.path] = []byte(fill.Replace(string(text)))
		}
	}
	return nil
}

// variables are what the added files are filled with.
func (k Kind) variables(release, generator string) map[string]string {
	return map[string]string{
		"AUTO":          autoPath(),
		"BITS":          strconv.Itoa(connstat.OperationBits),
		"HOOKS":         hooksCopy(),
		"LAYOUT":        k.layoutCopy(),
		"MAX":           strconv.FormatInt(connstat.MaxPacked, 10),
		"RECORD":        recordCopy(),
		"RECORDOF":      k.recordOfCopy(),
		"RELEASE":       release,
		"SHARED":        k.sharedCopy(generator),
		"SIDES":         strconv.Itoa(len(k.bridges())),
		"SPILL":         fmt.Sprintf("%#x", uint64(connstat.SpillMask)),
		"WRITEDEADLINE": strconv.Itoa(int(connstat.WriteDeadline)),
	}
}
