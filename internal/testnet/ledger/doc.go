// Package ledger has what it takes to hold counts of bytes against the kernel's
// and the peer's: a reading of the kernel's books, and a proxy that makes faults
// and keeps books of its own.
package ledger
