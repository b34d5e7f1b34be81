// Package capture tests capture builds with the clients of other projects: they
// are given no dial function, know nothing of this library, and are counted to
// the byte, against a proxy in the middle. The tests are skipped unless run by
//
//	netstats test ./capture
package capture
