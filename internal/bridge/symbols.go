package bridge

import "unsafe"

// The variables shared with a capture build's package net and internal/poll.
// Only those two give them initial values.
var (
	// slot holds the *Hooks in effect.
	//
	//go:linkname slot
	slot unsafe.Pointer

	// atExit holds a *func() that runs when the program ends by a return from
	// main or by os.Exit.
	//
	//go:linkname atExit
	atExit unsafe.Pointer

	// abi is the ABI that package net was prepared for; 0 in an ordinary build.
	//
	//go:linkname abi
	abi uint64

	// generator names what package net was prepared from, and by what.
	//
	//go:linkname generator
	generator string

	// layout is what internal/poll's copy of a Record looks like, as the compiler
	// of this very program laid it out; see memory.
	//
	//go:linkname layout
	layout []uintptr

	// recordOf finds the record of a connection of package net, or of the
	// syscall.RawConn of one; known is false for values of other types.
	//
	//go:linkname recordOf
	recordOf func(conn any) (record unsafe.Pointer, known bool)
)
