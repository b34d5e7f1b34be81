package ledger

import (
	"errors"
	"syscall"

	"golang.org/x/sys/unix"
)

// An Account is what the kernel says about a TCP connection. All of it is of one
// time: the readings that it is made of are repeated until nothing happened
// between them.
type Account struct {
	Sent    int64 // accepted from the program
	Arrived int64 // bytes_received: what came from the peer, with one for its FIN
	Unread  int64 // of those arrived, what the program did not read; never the FIN
	State   uint8
}

// The states of a connection that has the peer's FIN, as tcpi_state has them.
const (
	closed    = 7
	closeWait = 8
	lastAck   = 9
	closing   = 11
)

// FIN reports whether the peer's FIN has arrived. It is not known of a
// connection that is over, be it by two FINs or by a reset.
func (a Account) FIN() (arrived, known bool) {
	switch a.State {
	case closeWait, lastAck, closing:
		return true, true
	}
	return false, a.State != closed
}

// Ask returns the kernel's account of c. halfClosed says whether the program
// closed its direction: the FIN takes a place in the kernel's numbers.
func Ask(c syscall.Conn, halfClosed bool) (a Account, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Account{}, err
	}
	refused := raw.Control(func(fd uintptr) { a, err = ask(int(fd), halfClosed) })
	return a, errors.Join(refused, err)
}

// A Held is a connection that can be asked about after it was closed, because
// its socket is kept. The peer does not see the end of it before
// [Held.Release].
type Held struct{ fd int }

// Hold keeps the socket of c.
func Hold(c syscall.Conn) (h Held, err error) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Held{}, err
	}
	refused := raw.Control(func(fd uintptr) { h.fd, err = unix.FcntlInt(fd, unix.F_DUPFD_CLOEXEC, 0) })
	return h, errors.Join(refused, err)
}

// Release does what [Ask] does, and lets go of the socket.
func (h Held) Release(halfClosed bool) (Account, error) {
	a, err := ask(h.fd, halfClosed)
	return a, errors.Join(err, unix.Close(h.fd))
}

func ask(fd int, halfClosed bool) (Account, error) {
	before, err := unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO)
	for err == nil {
		unread, failed := unix.IoctlGetInt(fd, unix.TIOCINQ)
		if failed != nil {
			return Account{}, failed
		}
		var after *unix.TCPInfo
		if after, err = unix.GetsockoptTCPInfo(fd, unix.IPPROTO_TCP, unix.TCP_INFO); err != nil {
			break
		}
		if before.Bytes_received == after.Bytes_received && before.State == after.State {
			return account(after, int64(unread), halfClosed), nil
		}
		before = after
	}
	return Account{}, err
}

// account works out an Account from one reading.
func account(info *unix.TCPInfo, unread int64, halfClosed bool) Account {
	a := Account{
		Sent:    int64(info.Bytes_sent) - int64(info.Bytes_retrans) + int64(info.Notsent_bytes),
		Arrived: int64(info.Bytes_received),
		Unread:  unread,
		State:   info.State,
	}
	if halfClosed && info.Notsent_bytes > 0 {
		a.Sent-- // the FIN, which waits behind the data
	}
	return a
}
