package tcpinfo

import (
	"net"
	"sync/atomic"
	"syscall"
	"time"
)

// Info is what the kernel knows about a TCP connection.
type Info struct {
	RTT         time.Duration // smoothed round-trip time
	Retransmits int64         // segments sent again, over the connection's life

	// Sent is the number of bytes that the kernel accepted from the program since
	// [Socket.Init], a number that only grows. It is known if HasSent is set.
	Sent    int64
	HasSent bool

	// PeerLeft is set if the peer has closed the connection, or broken it off, and
	// this process has closed no direction of it.
	PeerLeft bool

	// Peer says what became of the other end. Only [Socket.Last] and [Last] tell.
	Peer Peer
}

// Peer says how the other end of a connection ended it, as far as the kernel
// knows.
type Peer uint8

// The ways.
const (
	PeerUnknown  Peer = iota // it did not, or that cannot be told
	PeerClosed               // its FIN came
	PeerReset                // it sent a RST, and no FIN before
	PeerTimedOut             // it did not answer any more
)

// A Socket asks about one connection. The zero Socket knows nothing. It is safe
// for concurrent use once [Socket.Init] has returned.
//
// Bytes are asked for only where a writev may have been begun: of all other
// calls, what they returned is known. The kernel has two numbers for them, and
// neither is enough by itself; see query.sent.
//
// It is small, as every tracked connection has one; what the kernel writes its
// answer to is shared by all.
type Socket struct {
	raw        syscall.RawConn
	descriptor descriptor
	start      numbers // when tracking began
	// fins counts the calls that may have closed this side's direction. The
	// kernel's state tells that only some of the time, see numbers.
	fins atomic.Int32
}

// numbers are the two numbers of bytes sent that the kernel has. Neither begins
// with zero.
type numbers struct {
	passed int64 // handed to the network at least once, or waiting for it
	acked  int64 // acknowledged, or waiting for that
}

// Init lets s ask about c, and asks at once. It reports whether the kernel says
// how many bytes it accepted: whether c is a connected socket of plain TCP (not
// MPTCP, whose bytes go through subflows) on a kernel that tells enough.
func (s *Socket) Init(c *net.TCPConn) bool {
	raw, err := c.SyscallConn()
	if err != nil {
		return false
	}
	start, ok := first(raw)
	if ok {
		s.raw, s.descriptor, s.start = raw, descriptorOf(c), start
		tells.Store(true)
	}
	return ok
}

// InitDialed is [Socket.Init] for a connection that package net has just dialed,
// and that is of plain TCP as far as the program knows. Nothing was sent on it, so
// that the kernel need not be asked, once it is known to tell enough. Where the
// system makes Multipath TCP of it behind the program's back, by eBPF, the bytes
// of writev are those of the first subflow.
func (s *Socket) InitDialed(c *net.TCPConn) bool {
	const syn = 1 // is acknowledged as a byte is, where it was this side's
	return s.initNew(c, numbers{acked: syn}, func(syscall.RawConn) bool { return true })
}

// InitAccepted is [Socket.Init] for a connection that package net has just
// accepted. It may be of Multipath TCP, as package net's listeners are.
func (s *Socket) InitAccepted(c *net.TCPConn) bool { return s.initNew(c, numbers{}, plain) }

func (s *Socket) initNew(c *net.TCPConn, start numbers, suitable func(syscall.RawConn) bool) bool {
	if !tells.Load() {
		return s.Init(c)
	}
	raw, err := c.SyscallConn()
	if err != nil || !suitable(raw) {
		return false
	}
	s.raw, s.descriptor, s.start = raw, descriptorOf(c), start
	return true
}

// tells is set when the kernel was seen to say how many bytes it accepted.
var tells atomic.Bool

// Raw is the connection that s asks about, nil if [Socket.Init] reported false.
func (s *Socket) Raw() syscall.RawConn { return s.raw }

// Writev reports whether a writev may have been begun on the connection.
func (s *Socket) Writev() bool { return s.raw != nil && s.descriptor.writev() }

// Info asks the kernel. It allocates nothing. It reports false once the
// connection is closed by this side; a reset by the peer leaves the numbers
// readable.
func (s *Socket) Info() (Info, bool) { return s.ask(false) }

// Last is [Socket.Info] right before the connection is closed by this side: it
// asks for the fate of the peer, too. That takes a pending error of the socket away,
// unless a read is under way that is to have it: one that begins between this and the
// close finds the end of the stream in its place.
func (s *Socket) Last() (Info, bool) { return s.ask(true) }

func (s *Socket) ask(last bool) (Info, bool) {
	if s.raw == nil {
		return Info{}, false
	}
	return ask(s.raw, s, last)
}

// CloseWrite calls shut, which closes the direction to the peer. The FIN takes
// a place in the kernel's numbers, which [Socket.Info] must know of.
func (s *Socket) CloseWrite(shut func() error) error {
	s.fins.Add(1)
	err := shut()
	if err != nil {
		s.fins.Add(-1) // nothing was queued by this call
	}
	return err
}

// KeepWritesOut has nobody write any more: no write is under way, and none will
// begin. The connection must be closed next, which tells those who wait that it
// is, as if they had come later. It reports false if a write is under way, or if
// that is not possible.
func (s *Socket) KeepWritesOut() bool { return s.raw != nil && s.descriptor.keepWritesOut() }

// Hold lets s be asked once more after the connection is closed: it keeps the
// socket until [Held.Info] is called, which must happen. It reports false if
// that is not possible.
func (s *Socket) Hold() (Held, bool) {
	if s.raw == nil {
		return Held{}, false
	}
	fd, ok := hold(s.raw)
	return Held{fd, s}, ok
}

// Held is a socket that [Socket.Hold] keeps.
type Held struct {
	fd     int
	socket *Socket
}

// Info lets go of the socket. Before that it asks the kernel, if a writev may
// have been begun: once the connection is closed none is under way.
func (h Held) Info() (Info, bool) { return release(h.fd, h.socket) }

// Of asks once about the connection c. It reports false if c is no TCP
// connection, or closed, or the operating system does not tell. Bytes are not
// asked for.
func Of(c syscall.RawConn) (Info, bool) { return ask(c, nil, false) }

// Last is to [Of] as [Socket.Last] is to [Socket.Info].
func Last(c syscall.RawConn) (Info, bool) { return ask(c, nil, true) }
