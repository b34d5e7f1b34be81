// Package tcpinfo asks the kernel about TCP connections.
//
// It knows how on Linux. Elsewhere everything builds, and the answer is that
// nothing is known.
package tcpinfo
