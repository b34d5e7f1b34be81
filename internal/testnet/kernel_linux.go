package testnet

import (
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// A Kernel is what the kernel says about a TCP connection, in one reading but
// for Unread.
type Kernel struct {
	unix.TCPInfo

	Unread int // bytes received and not read
}

// AskKernel returns what the kernel says about c.
func AskKernel(t testing.TB, c syscall.Conn) Kernel {
	t.Helper()
	raw, err := c.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var k Kernel
	var info *unix.TCPInfo
	var failed error
	err = raw.Control(func(fd uintptr) {
		if k.Unread, failed = unix.IoctlGetInt(int(fd), unix.TIOCINQ); failed == nil {
			info, failed = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO)
		}
	})
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	k.TCPInfo = *info
	return k
}
