package tcpinfo

import (
	"sync/atomic"
	"syscall"
	"time"
)

// Info is what the kernel knows about a TCP connection.
type Info struct {
	RTT         time.Duration // smoothed round-trip time
	Retransmits int64         // segments sent again, over the connection's life

	// Sent is the number of bytes that the kernel accepted from the program, a
	// number that only grows. It is known if HasSent is set.
	Sent    int64
	HasSent bool
}

// A Socket asks about one connection. The zero Socket knows nothing. It is safe
// for concurrent use once [Socket.Init] has returned.
//
// It is small, as every tracked connection has one; what the kernel writes its
// answer to is shared by all.
type Socket struct {
	raw syscall.RawConn
	// fins counts the calls that may have closed this side's direction. The
	// kernel's state tells that only some of the time, see query.finQueued.
	fins atomic.Int32
}

// Init lets s ask about c, and asks at once. It reports whether the kernel says
// how many bytes it accepted: whether c is a connected socket of plain TCP (not
// MPTCP, whose bytes go through subflows) on a kernel that tells enough.
func (s *Socket) Init(c syscall.Conn) (Info, bool) {
	raw, err := c.SyscallConn()
	if err != nil {
		return Info{}, false
	}
	info, ok := first(raw)
	if ok {
		s.raw = raw
		tells.Store(true)
	}
	return info, ok
}

// InitDialed is [Socket.Init] for a connection that package net has just dialed,
// and that is of plain TCP as far as the program knows. Nothing was sent on it, so
// that the kernel need not be asked, once it is known to tell enough. Where the
// system makes Multipath TCP of it behind the program's back, by eBPF, the bytes
// of writev are those of the first subflow.
func (s *Socket) InitDialed(c syscall.Conn) (Info, bool) {
	if !tells.Load() {
		return s.Init(c)
	}
	raw, err := c.SyscallConn()
	if err != nil {
		return Info{}, false
	}
	s.raw = raw
	return Info{HasSent: true}, true
}

// tells is set when the kernel was seen to say how many bytes it accepted.
var tells atomic.Bool

// Raw is the connection that s asks about, nil if [Socket.Init] reported false.
func (s *Socket) Raw() syscall.RawConn { return s.raw }

// Info asks the kernel. It allocates nothing. It reports false once the
// connection is closed by this side; a reset by the peer leaves the numbers
// readable.
func (s *Socket) Info() (Info, bool) {
	if s.raw == nil {
		return Info{}, false
	}
	return ask(s.raw, &s.fins)
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

// Hold lets s be asked once more after the connection is closed: it keeps the
// socket until [Held.Info] is called, which must happen. It reports false if
// that is not possible.
func (s *Socket) Hold() (Held, bool) {
	if s.raw == nil {
		return Held{}, false
	}
	fd, ok := hold(s.raw)
	return Held{fd, &s.fins}, ok
}

// Held is a socket that [Socket.Hold] keeps.
type Held struct {
	fd   int
	fins *atomic.Int32
}

// Info asks the kernel, and lets go of the socket.
func (h Held) Info() (Info, bool) { return release(h.fd, h.fins) }

// Of asks once about the connection c. It reports false if c is no TCP
// connection, or closed, or the operating system does not tell.
func Of(c syscall.RawConn) (Info, bool) { return ask(c, new(atomic.Int32)) }
