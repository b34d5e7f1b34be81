//go:build !linux

package tcpinfo

import (
	"net"
	"syscall"
)

type descriptor struct{}

func descriptorOf(*net.TCPConn) descriptor { return descriptor{} }

func (descriptor) writev() bool { return false }

func (descriptor) keepWritesOut() bool { return false }

func first(syscall.RawConn) (numbers, bool) { return numbers{}, false }

func plain(syscall.RawConn) bool { return false }

func ask(syscall.RawConn, *Socket, bool) (Info, bool) { return Info{}, false }

func hold(syscall.RawConn) (int, bool) { return 0, false }

func release(int, *Socket) (Info, bool) { return Info{}, false }
