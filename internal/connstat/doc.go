// Package connstat counts what a connection moves and remembers how it ended.
//
// It is the hot core: a read or a write costs one atomic addition to its
// [Record], with no lock, no clock and no allocation. The [Totals] of a metric
// set take in what its connections moved when metrics are collected, from those
// connections only that moved something, and when a connection ends. Counters
// only grow and are never frozen, so they are exact once all calls have
// returned; resets are baselines kept by the owner.
//
// The package imports the standard library and tcpinfo only. Pointers run the
// way the data does: a wrapper points at its Record, a Record at its Owner,
// its Totals and its OpenSet. Nothing here points strongly at the watched connection.
package connstat
