//go:build !linux

package tcpinfo

import (
	"net"
	"syscall"
)

type vectors struct{}

func vectorsOf(*net.TCPConn) vectors { return vectors{} }

func (vectors) used() bool { return false }

func first(syscall.RawConn) (numbers, bool) { return numbers{}, false }

func plain(syscall.RawConn) bool { return false }

func ask(syscall.RawConn, *Socket, bool) (Info, bool) { return Info{}, false }

func hold(syscall.RawConn) (int, bool) { return 0, false }

func release(int, *Socket) (Info, bool) { return Info{}, false }
