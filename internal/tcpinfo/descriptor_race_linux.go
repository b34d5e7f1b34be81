//go:build race

package tcpinfo

import (
	"net"
	"syscall"
)

// A descriptor knows nothing with the race detector, which takes the look at
// package poll's memory for what it is.
type descriptor struct{}

func descriptorOf(*net.TCPConn) descriptor { return descriptor{} }

func descriptorIn(syscall.RawConn) descriptor { return descriptor{} }

func (descriptor) writev() bool { return true }

// reading is not known, either. It may take a read's error away, see
// [Socket.Last]: programs with the race detector are tests.
func (descriptor) reading() bool { return false }

func (descriptor) keepWritesOut() bool { return false }
