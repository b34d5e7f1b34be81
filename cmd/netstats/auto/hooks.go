package auto

import (
	"os"
	_ "unsafe" // for linkname
)

// A build with -auto has variables of these names in the standard library, and
// the linker makes one of each two. In others they stay nil.
var (
	// onPanic is called by package runtime when a panic is about to end the
	// program.
	//
	//go:linkname onPanic
	onPanic func() //nolint:unused // read by package runtime

	// notified reports whether package os/signal has somebody who is to be
	// notified of a signal, but for c.
	//
	//go:linkname notified
	notified func(signal int, c chan<- os.Signal) bool
)
