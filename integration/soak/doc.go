// Package soak runs a scripted mix of everything for as long as it is told, and
// looks whether anything is left at the end: memory, goroutines, descriptors,
// connections that count as open.
//
//	NETSTATS_SOAK=1h netstats test -timeout 2h ./soak
//
// In an ordinary build nothing is captured; the rest runs all the same. As root,
// on Linux, it runs in a network of its own whose queues drop packets now and
// then.
package soak
