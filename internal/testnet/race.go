//go:build race

package testnet

// Race reports whether the race detector is on. It makes pools forget, so that
// allocations cannot be counted.
const Race = true
