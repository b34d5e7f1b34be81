package overlay

import (
	"embed"
	"fmt"
	"maps"
	"path"
	"slices"
	"strconv"
	"strings"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
)

//go:embed added
var addedFS embed.FS

// An addition is a file that the standard library does not have.
type addition struct {
	path string // below GOROOT/src
	name string // of the text in folder added
}

// additions are in order of path.
var additions = []addition{
	{"internal/poll/zz_netstats.go", "poll.go.txt"},
	{"internal/poll/zz_netstats_linux.go", "poll_linux.go.txt"},
	{"internal/poll/zz_netstats_other.go", "poll_other.go.txt"},
	{staleDir + "/zz_netstats_check.go", "stale.go.txt"},
	{"net/zz_netstats.go", "net.go.txt"},
	{"net/zz_netstats_posix.go", "net_posix.go.txt"},
	{"syscall/zz_netstats_linux.go", "syscall_linux.go.txt"},
	{"syscall/zz_netstats_linux_386.go", "syscall_linux_386.go.txt"},
	{"syscall/zz_netstats_linux_amd64.go", "syscall_linux_amd64.go.txt"},
	{"syscall/zz_netstats_linux_other.go", "syscall_linux_other.go.txt"},
}

// needs are declarations that the added files use, besides those that rules
// look for.
var needs = []struct{ pkg, text string }{
	{"internal/runtime/exithook", "func Add(h Hook)"},
	{"internal/runtime/exithook", "RunOnFailure bool"},
	{netPkg, "func newRawConn(fd *netFD) *rawConn"},
	{netPkg, "type sockaddr interface"},
	{syscallPkg, "type Msghdr struct"},
}

// unmet returns what is not there of needs.
func (l *library) unmet() (reasons []string, err error) {
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

// added returns the files to add for a Go release, by path. What varies
// outside of this package is given by vars.
func added(vars map[string]string) (map[string][]byte, error) {
	var pairs []string
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		pairs = append(pairs, "@"+name+"@", vars[name])
	}
	fill := strings.NewReplacer(pairs...)
	files := map[string][]byte{}
	for _, a := range additions {
		text, err := addedFS.ReadFile(path.Join("added", a.name))
		if err != nil {
			return nil, err
		}
		files[a.path] = []byte(fill.Replace(string(text)))
	}
	return files, nil
}

// variables are what the added files are filled with, but for the generator.
func variables(release string) map[string]string {
	return map[string]string{
		"ABI":           fmt.Sprintf("%#016x", bridge.ABI()),
		"BITS":          strconv.Itoa(connstat.OperationBits),
		"BRIDGE":        bridgePath(),
		"HOOKS":         hooksCopy(),
		"MAX":           strconv.FormatInt(connstat.MaxPacked, 10),
		"RECORD":        recordCopy(),
		"RELEASE":       release,
		"SPILL":         fmt.Sprintf("%#x", uint64(connstat.SpillMask)),
		"WRITEDEADLINE": strconv.Itoa(int(connstat.WriteDeadline)),
	}
}
