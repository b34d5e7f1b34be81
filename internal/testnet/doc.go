// Package testnet has what the tests of this module share: pairs of
// connections, records whose end can be awaited, a look at the system calls
// that a piece of code makes, a network that loses packets, and a check that no
// goroutine outlives its test.
package testnet
