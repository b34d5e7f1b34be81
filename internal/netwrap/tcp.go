package netwrap

import (
	"io"
	"net"
	"os"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A plainTCPConn wraps a *net.TCPConn where the kernel does not tell how many
// bytes it accepted: on everything but Linux, and for Multipath TCP.
//
// It has a named field, so that net.Buffers become several writes: package net
// finds writev by an unexported method, which cannot be implemented elsewhere
// and which, if promoted, would not be counted.
type plainTCPConn struct {
	conn *net.TCPConn
	rec  *connstat.Record
}

var (
	_ net.Conn      = (*plainTCPConn)(nil)
	_ syscall.Conn  = (*plainTCPConn)(nil)
	_ io.ReaderFrom = (*plainTCPConn)(nil)
	_ io.WriterTo   = (*plainTCPConn)(nil)
)

func (c *plainTCPConn) record() *connstat.Record { return c.rec }
func (c *plainTCPConn) end() end                 { return end{conn: c.conn, rec: c.rec} }

// NetConn returns the connection that is tracked.
func (c *plainTCPConn) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }

func (c *plainTCPConn) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.rec.Received(int64(n), err)
	return n, err
}

func (c *plainTCPConn) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *plainTCPConn) ReadFrom(r io.Reader) (int64, error) {
	if n, handled, err := fastReadFrom(c.conn, c.end(), r); handled {
		return n, err
	}
	n, err := io.Copy(plainTCPConnWithoutReadFrom{plainTCPConn: c}, r)
	return n, readFromError(c.conn, err)
}

func (c *plainTCPConn) WriteTo(w io.Writer) (int64, error) {
	if n, handled, err := fastWriteTo(w, c.conn, c.end()); handled {
		return n, err
	}
	n, err := io.Copy(w, plainTCPConnWithoutWriteTo{plainTCPConn: c})
	return n, writeToError(c.conn, err)
}

func (c *plainTCPConn) Close() error { return c.rec.Close(c.conn.Close, nil) }

func (c *plainTCPConn) CloseRead() error {
	c.rec.ReadClosed()
	return c.conn.CloseRead()
}

func (c *plainTCPConn) CloseWrite() error { return c.rec.CloseWrite(c.conn.CloseWrite) }

func (c *plainTCPConn) SyscallConn() (syscall.RawConn, error) { return guard(c.conn) }
func (c *plainTCPConn) File() (*os.File, error)               { return c.conn.File() }
func (c *plainTCPConn) LocalAddr() net.Addr                   { return c.conn.LocalAddr() }
func (c *plainTCPConn) RemoteAddr() net.Addr                  { return c.conn.RemoteAddr() }
func (c *plainTCPConn) SetDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetDeadline(t)
}

func (c *plainTCPConn) SetReadDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetReadDeadline(t)
}

func (c *plainTCPConn) SetWriteDeadline(t time.Time) error {
	c.rec.WriteDeadlineSet(t)
	return c.conn.SetWriteDeadline(t)
}

func (c *plainTCPConn) SetReadBuffer(bytes int) error { return c.conn.SetReadBuffer(bytes) }

func (c *plainTCPConn) SetWriteBuffer(bytes int) error { return c.conn.SetWriteBuffer(bytes) }
func (c *plainTCPConn) SetLinger(sec int) error        { return c.conn.SetLinger(sec) }
func (c *plainTCPConn) SetNoDelay(noDelay bool) error  { return c.conn.SetNoDelay(noDelay) }

func (c *plainTCPConn) SetKeepAlive(keepalive bool) error { return c.conn.SetKeepAlive(keepalive) }

func (c *plainTCPConn) SetKeepAlivePeriod(d time.Duration) error { return c.conn.SetKeepAlivePeriod(d) }
func (c *plainTCPConn) MultipathTCP() (bool, error)              { return c.conn.MultipathTCP() }

func (c *plainTCPConn) SetKeepAliveConfig(config net.KeepAliveConfig) error {
	return c.conn.SetKeepAliveConfig(config)
}

// The types below have all methods of a wrapper but one, which is hidden by
// being ambiguous, as package net does it: io.Copy must find the others and
// must not call back.
type (
	plainTCPConnWithoutReadFrom struct {
		noReadFrom //nolint:unused // it hides
		*plainTCPConn
	}
	plainTCPConnWithoutWriteTo struct {
		noWriteTo //nolint:unused // it hides
		*plainTCPConn
	}
)
