package netwrap

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A unixConn wraps a *net.UnixConn: stream, datagram or sequenced packets.
// Control messages are not counted.
//
// It has a named field, so that net.Buffers become several writes. To embed the
// connection would keep writev, but no kernel tells how many bytes a unix
// socket accepted, and they would not be counted.
type unixConn struct {
	conn *net.UnixConn
	rec  *connstat.Record
}

var (
	_ net.Conn       = (*unixConn)(nil)
	_ net.PacketConn = (*unixConn)(nil)
	_ syscall.Conn   = (*unixConn)(nil)
)

func (c *unixConn) record() *connstat.Record { return c.rec }

// NetConn returns the connection that is tracked.
func (c *unixConn) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }

func (c *unixConn) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.rec.Received(int64(n), err)
	return n, err
}

func (c *unixConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.conn.ReadFrom(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *unixConn) ReadFromUnix(b []byte) (int, *net.UnixAddr, error) {
	n, addr, err := c.conn.ReadFromUnix(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *unixConn) ReadMsgUnix(b, oob []byte) (n, oobn, flags int, addr *net.UnixAddr, err error) {
	n, oobn, flags, addr, err = c.conn.ReadMsgUnix(b, oob)
	c.rec.Received(int64(n), err)
	return n, oobn, flags, addr, err
}

func (c *unixConn) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *unixConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.conn.WriteTo(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *unixConn) WriteToUnix(b []byte, addr *net.UnixAddr) (int, error) {
	n, err := c.conn.WriteToUnix(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *unixConn) WriteMsgUnix(b, oob []byte, addr *net.UnixAddr) (n, oobn int, err error) {
	n, oobn, err = c.conn.WriteMsgUnix(b, oob, addr)
	c.rec.Sent(int64(n), err)
	return n, oobn, err
}

func (c *unixConn) Close() error { return c.rec.Close(c.conn.Close, nil) }

func (c *unixConn) CloseRead() error {
	c.rec.ReadClosed()
	return c.conn.CloseRead()
}

func (c *unixConn) CloseWrite() error { return c.rec.CloseWrite(c.conn.CloseWrite) }

func (c *unixConn) SyscallConn() (syscall.RawConn, error) { return guard(c.conn) }
func (c *unixConn) File() (*os.File, error)               { return c.conn.File() }
func (c *unixConn) LocalAddr() net.Addr                   { return c.conn.LocalAddr() }
func (c *unixConn) RemoteAddr() net.Addr                  { return c.conn.RemoteAddr() }
func (c *unixConn) SetDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetDeadline(t)
}

func (c *unixConn) SetReadDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetReadDeadline(t)
}

func (c *unixConn) SetWriteDeadline(t time.Time) error {
	c.rec.WriteDeadlineSet(t)
	return c.conn.SetWriteDeadline(t)
}
func (c *unixConn) SetReadBuffer(bytes int) error  { return c.conn.SetReadBuffer(bytes) }
func (c *unixConn) SetWriteBuffer(bytes int) error { return c.conn.SetWriteBuffer(bytes) }
