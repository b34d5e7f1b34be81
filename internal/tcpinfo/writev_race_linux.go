//go:build race

package tcpinfo

import "net"

// vectors know nothing with the race detector, which takes the look at package
// poll's memory for what it is.
type vectors struct{}

func vectorsOf(*net.TCPConn) vectors { return vectors{} }

func (vectors) used() bool { return true }
