package netwrap

import (
	"io"
	"net"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// A tcpConn wraps a *net.TCPConn on Linux.
//
// It is the one wrapper that embeds the inner connection. The promoted method
// that counts is unexported: package net asks for it to hand net.Buffers to the
// kernel as one writev, which protocols rely on to be atomic, and nobody else
// can implement it. Its bytes go past this type; the kernel tells how many it
// accepted in all, and rec takes the difference to what was counted. Every
// other method that moves bytes or ends something must be overridden here: a
// test compares the method set with a list.
type tcpConn struct {
	*net.TCPConn
	rec    *connstat.Record
	socket tcpinfo.Socket // rec has a weak pointer to it
}

var (
	_ net.Conn      = (*tcpConn)(nil)
	_ syscall.Conn  = (*tcpConn)(nil)
	_ io.ReaderFrom = (*tcpConn)(nil)
	_ io.WriterTo   = (*tcpConn)(nil)
)

func wrapTCP(inner *net.TCPConn, rec *connstat.Record) net.Conn {
	c := &tcpConn{TCPConn: inner, rec: rec}
	start, ok := c.socket.Init(inner)
	return c.reconciled(start, ok)
}

func wrapDialedTCP(inner *net.TCPConn, rec *connstat.Record) net.Conn {
	c := &tcpConn{TCPConn: inner, rec: rec}
	start, ok := c.socket.InitDialed(inner)
	return c.reconciled(start, ok)
}

// reconciled returns c, if its socket tells what it sent: start by now.
func (c *tcpConn) reconciled(start tcpinfo.Info, ok bool) net.Conn {
	if !ok {
		return &plainTCPConn{c.TCPConn, c.rec}
	}
	c.rec.Reconcile(&c.socket, start)
	return c
}

func (c *tcpConn) record() *connstat.Record { return c.rec }
func (c *tcpConn) end() end                 { return end{c.TCPConn, c.socket.Raw(), c.rec} }

// NetConn returns the connection that is tracked.
func (c *tcpConn) NetConn() net.Conn { return c.TCPConn }

func (c *tcpConn) Read(b []byte) (int, error) {
	n, err := c.TCPConn.Read(b)
	c.rec.Received(int64(n), err)
	return n, err
}

func (c *tcpConn) Write(b []byte) (int, error) {
	c.rec.Begin(int64(len(b)))
	n, err := c.TCPConn.Write(b)
	c.rec.Done(int64(len(b)), int64(n), err)
	return n, err
}

func (c *tcpConn) ReadFrom(r io.Reader) (int64, error) {
	if n, handled, err := fastReadFrom(c.TCPConn, c.end(), r); handled {
		return n, err
	}
	n, err := io.Copy(tcpConnWithoutReadFrom{tcpConn: c}, r)
	return n, readFromError(c.TCPConn, err)
}

func (c *tcpConn) WriteTo(w io.Writer) (int64, error) {
	if n, handled, err := fastWriteTo(w, c.TCPConn, c.end()); handled {
		return n, err
	}
	n, err := io.Copy(w, tcpConnWithoutWriteTo{tcpConn: c})
	return n, writeToError(c.TCPConn, err)
}

func (c *tcpConn) Close() error { return c.rec.Close(c.close) }

// close asks the kernel once more when the inner connection is closed: a writev
// that was on its way may have moved bytes since the record ended, and now none
// is. There is no telling whether one was. To ask only where writev had been
// seen before lost bytes in half of the cases in which the first writev and
// Close met.
func (c *tcpConn) close() error {
	held, ok := c.socket.Hold()
	err := c.TCPConn.Close()
	if ok {
		if info, ok := held.Info(); ok {
			c.rec.Sampled(info)
		}
	}
	return err
}

func (c *tcpConn) CloseRead() error {
	c.rec.ReadClosed()
	return c.TCPConn.CloseRead()
}

func (c *tcpConn) CloseWrite() error {
	return c.rec.CloseWrite(func() error { return c.socket.CloseWrite(c.TCPConn.CloseWrite) })
}

func (c *tcpConn) SetDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.TCPConn.SetDeadline(t)
}

func (c *tcpConn) SetReadDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.TCPConn.SetReadDeadline(t)
}

func (c *tcpConn) SetWriteDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.TCPConn.SetWriteDeadline(t)
}

func (c *tcpConn) SyscallConn() (syscall.RawConn, error) { return (*rawSocket)(&c.socket), nil }

// A rawSocket is what guard makes, without an allocation: a copy from a file
// asks for it.
type rawSocket tcpinfo.Socket

func (s *rawSocket) raw() syscall.RawConn { return (*tcpinfo.Socket)(s).Raw() }

func (s *rawSocket) Control(f func(fd uintptr)) error    { return s.raw().Control(f) }
func (s *rawSocket) Read(f func(fd uintptr) bool) error  { return s.raw().Read(f) }
func (s *rawSocket) Write(f func(fd uintptr) bool) error { return s.raw().Write(f) }

type (
	tcpConnWithoutReadFrom struct {
		noReadFrom //nolint:unused // it hides
		*tcpConn
	}
	tcpConnWithoutWriteTo struct {
		noWriteTo //nolint:unused // it hides
		*tcpConn
	}
)
