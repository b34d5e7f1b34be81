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
	return c.reconciled(c.socket.Init(inner))
}

func wrapDialedTCP(inner *net.TCPConn, rec *connstat.Record) net.Conn {
	c := &tcpConn{TCPConn: inner, rec: rec}
	return c.reconciled(c.socket.InitDialed(inner))
}

func wrapAcceptedTCP(inner *net.TCPConn, rec *connstat.Record) net.Conn {
	c := &tcpConn{TCPConn: inner, rec: rec}
	return c.reconciled(c.socket.InitAccepted(inner))
}

// reconciled returns c, if its socket tells what it sent.
func (c *tcpConn) reconciled(tells bool) net.Conn {
	if !tells {
		return &plainTCPConn{c.TCPConn, c.rec}
	}
	c.rec.Reconcile(&c.socket)
	return c
}

func (c *tcpConn) record() *connstat.Record { return c.rec }
func (c *tcpConn) end() end                 { return end{c.TCPConn, c.socket.Raw(), c.rec} }

// NetConn returns the connection that is tracked.
func (c *tcpConn) NetConn() net.Conn { return reveal(c.TCPConn, c.rec, c) }

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

func (c *tcpConn) Close() error { return c.rec.Close(c.close, c.last) }

// last asks the kernel before the inner connection is closed, if anything
// happened to it.
func (c *tcpConn) last() (tcpinfo.Info, bool) {
	if !c.rec.Used() && !c.socket.Writev() {
		return tcpinfo.Info{}, false
	}
	return c.socket.Last()
}

// close asks the kernel once more, if there was a writev: it may have moved bytes
// since the record ended. It asks when none is under way any more.
func (c *tcpConn) close() error {
	if !c.socket.KeepWritesOut() {
		return c.closeWhileWriting()
	}
	if c.socket.Writev() {
		c.sampled(c.socket.Info())
	}
	return c.TCPConn.Close()
}

// closeWhileWriting closes the connection while a write is under way. That one goes
// on until it finds the connection closed, and may move bytes, so the socket is held
// meanwhile.
func (c *tcpConn) closeWhileWriting() error {
	held, ok := c.socket.Hold()
	err := c.TCPConn.Close()
	if ok {
		c.sampled(held.Info())
	}
	return err
}

func (c *tcpConn) sampled(info tcpinfo.Info, ok bool) {
	if ok {
		c.rec.Sampled(info)
	}
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
	c.rec.WriteDeadlineSet(t)
	return c.TCPConn.SetWriteDeadline(t)
}

func (c *tcpConn) SyscallConn() (syscall.RawConn, error) {
	c.rec.Lent()
	return (*rawSocket)(&c.socket), nil
}

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
