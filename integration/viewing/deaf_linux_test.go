package viewing

import (
	"errors"
	"net"
	"time"

	"golang.org/x/sys/unix"
)

// deaf has the kernel drop what arrives for a while, so that the peer's sends it
// again. The peer is told when that begins.
func deaf(c net.Conn, d time.Duration) error {
	raw, err := c.(*net.TCPConn).SyscallConn()
	if err != nil {
		return err
	}
	drop := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K} // returns 0: not a byte of it is kept
	if cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptSockFprog(int(fd), unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &drop})
	}); cerr != nil || err != nil {
		return errors.Join(cerr, err)
	}
	if _, err := c.Write([]byte{'d'}); err != nil {
		return err
	}
	time.Sleep(d)
	cerr := raw.Control(func(fd uintptr) {
		err = unix.SetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_DETACH_FILTER, 0)
	})
	return errors.Join(cerr, err)
}
