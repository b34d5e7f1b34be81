// Package overlay prepares the standard library of a Go installation for
// capture builds: it makes edited copies of a few of its files, and some files
// to add, for `go build -overlay`.
//
// [Make] reads the installation's own sources and applies the rules of
// poll.go, net.go and syscall.go to their syntax trees, for an overlay of kind
// [Auto] also those of end.go. Each rule names one
// declaration, says what it is for, and knows the shape that it expects; where
// a declaration is missing or has another shape, Make refuses and says which.
// Functions are wrapped rather than edited: the declaration is renamed in
// place and a new one with its name and signature follows at the end of the
// file, so that bodies stay as they are, and line numbers too.
//
// One overlay serves all systems and architectures. The same sources give the
// same overlay, byte for byte.
//
// The package imports the standard library, connstat and bridge only; the
// copies that poll and net get of types of those two are generated from them.
package overlay
