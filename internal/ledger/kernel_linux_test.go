package ledger

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// kernelCounts are what the kernel says of a TCP connection, all at one time.
type kernelCounts struct {
	sent    int64 // bytes accepted from the program
	arrived int64 // bytes that came from the peer, and one for its FIN
	unread  int64 // bytes arrived that the program did not read; the FIN is none of them
	state   uint8
}

// The states of a connection whose peer has sent a FIN, and of one that is over,
// as tcpi_state has them.
const (
	stateClosed    = 7
	stateCloseWait = 8
	stateLastAck   = 9
	stateClosing   = 11
)

// peerFIN reports whether the peer's FIN has arrived. That is not known if the
// connection is over, after two FINs or a reset.
func (k kernelCounts) peerFIN() (arrived, known bool) {
	switch k.state {
	case stateCloseWait, stateLastAck, stateClosing:
		return true, true
	}
	return false, k.state != stateClosed
}

// A heldSocket is a second descriptor of a connection's socket. The kernel can be
// asked with it after the program closed the connection. Until it is released, the
// peer does not learn of a close.
type heldSocket struct{ fd int }

func holdSocket(c syscall.Conn) (s heldSocket, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return heldSocket{}, err
	}
	refused := raw.Control(func(fd uintptr) { s.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return s, errors.Join(refused, err)
}

// release asks the kernel and closes the descriptor. halfClosed says whether the
// program closed its direction: the FIN takes a place in the kernel's numbers.
func (s heldSocket) release(halfClosed bool) (kernelCounts, error) {
	k, err := askKernel(s.fd, halfClosed)
	return k, errors.Join(err, unix.Close(s.fd))
}

// askKernel asks until nothing has happened between two answers.
func askKernel(fd int, halfClosed bool) (kernelCounts, error) {
	before, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	for err == nil {
		unread, failed := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if failed != nil {
			return kernelCounts{}, failed
		}
		var after *unix.TCPInfo
		if after, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err != nil {
			break
		}
		if before.Bytes_received == after.Bytes_received && before.State == after.State {
			return newKernelCounts(after, int64(unread), halfClosed), nil
		}
		before = after
	}
	return kernelCounts{}, err
}

func newKernelCounts(info *unix.TCPInfo, unread int64, halfClosed bool) kernelCounts {
	k := kernelCounts{
		sent:    int64(info.Bytes_sent) - int64(info.Bytes_retrans) + int64(info.Notsent_bytes),
		arrived: int64(info.Bytes_received),
		unread:  unread,
		state:   info.State,
	}
	if halfClosed && info.Notsent_bytes > 0 {
		k.sent-- // the FIN, which waits behind the data
	}
	return k
}
