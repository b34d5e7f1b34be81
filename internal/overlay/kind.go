package overlay

import "slices"

// A Kind says what an overlay makes possible.
type Kind int

// The kinds.
const (
	// Capture has programs see their connections.
	Capture Kind = iota
	// Auto has them besides show those when they end, whatever way they do.
	Auto
)

// Own is the prefix of the import paths of our own packages in a build with
// -auto: they are packages of the standard library there.
const Own = "netstats/"

// bridges are the paths of the packages that capture: the library that the
// program has itself, if any, and the one that -auto brings along. Each has a
// side of its own, so that neither knows of the other.
func (k Kind) bridges() []string {
	if k == Auto {
		return []string{bridgePath(), Own + bridgePath()}
	}
	return []string{bridgePath()}
}

// A part is a set of rules and files that belong together.
type part struct {
	sets      []ruleSet
	additions []addition
	needs     []need
}

// parts are what a kind of overlay consists of.
func (k Kind) parts() []part {
	if k == Auto {
		return []part{capturePart, endPart}
	}
	return []part{capturePart}
}

// Packages returns the import paths that a kind of overlay has files for.
func Packages(k Kind) []string {
	var all []string
	for _, p := range k.parts() {
		for _, s := range p.sets {
			all = append(all, s.pkg)
		}
		for _, a := range p.additions {
			all = append(all, a.pkg())
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// capturePart is what is needed to see connections.
var capturePart = part{
	sets: []ruleSet{syscallSet, pollSet, netSet},
	additions: []addition{
		{"internal/poll/zz_netstats.go", "poll.go.txt", "a record counts what is moved"},
		{"internal/poll/zz_netstats_linux.go", "poll_linux.go.txt", "what a RawConn's callback moves is counted"},
		{"internal/poll/zz_netstats_other.go", "poll_other.go.txt", "what a RawConn's callback moves is left alone where it cannot be seen"},
		{staleDir + "/zz_netstats_check.go", "stale.go.txt", "the overlay of another Go release fails to compile"},
		{"net/zz_netstats.go", "net.go.txt", "the library is asked what to do"},
		{"net/zz_netstats_posix.go", "net_posix.go.txt", "the library is asked what to do about a socket"},
		{"syscall/zz_netstats_linux.go", "syscall_linux.go.txt", "system calls that a RawConn's callback makes are seen"},
		{"syscall/zz_netstats_linux_386.go", "syscall_linux_386.go.txt", "system calls have their numbers"},
		{"syscall/zz_netstats_linux_amd64.go", "syscall_linux_amd64.go.txt", "system calls have their numbers"},
		{"syscall/zz_netstats_linux_other.go", "syscall_linux_other.go.txt", "system calls have their numbers"},
	},
	needs: []need{
		{"internal/runtime/exithook", "func Add(h Hook)"},
		{"internal/runtime/exithook", "RunOnFailure bool"},
		{netPkg, "func newRawConn(fd *netFD) *rawConn"},
		{netPkg, "type sockaddr interface"},
		{syscallPkg, "type Msghdr struct"},
	},
}
