//go:build !linux

package tcpinfo

import "syscall"

func first(syscall.RawConn) (Info, bool) { return Info{}, false }

func ask(syscall.RawConn, bool) (Info, bool) { return Info{}, false }

func hold(syscall.RawConn) (int, bool) { return 0, false }

func release(int, bool) (Info, bool) { return Info{}, false }
