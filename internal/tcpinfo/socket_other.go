//go:build !linux

package tcpinfo

import (
	"sync/atomic"
	"syscall"
)

func first(syscall.RawConn) (Info, bool) { return Info{}, false }

func ask(syscall.RawConn, *atomic.Int32) (Info, bool) { return Info{}, false }

func hold(syscall.RawConn) (int, bool) { return 0, false }

func release(int, *atomic.Int32) (Info, bool) { return Info{}, false }
