package netwrap

import (
	"net"
	"os"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// An ipConn wraps a *net.IPConn. Control messages are not counted.
type ipConn struct {
	conn *net.IPConn
	rec  *connstat.Record
}

var (
	_ net.Conn       = (*ipConn)(nil)
	_ net.PacketConn = (*ipConn)(nil)
	_ syscall.Conn   = (*ipConn)(nil)
)

func (c *ipConn) record() *connstat.Record { return c.rec }

// NetConn returns the connection that is tracked.
func (c *ipConn) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }

func (c *ipConn) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.rec.Received(int64(n), err)
	return n, err
}

func (c *ipConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.conn.ReadFrom(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *ipConn) ReadFromIP(b []byte) (int, *net.IPAddr, error) {
	n, addr, err := c.conn.ReadFromIP(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *ipConn) ReadMsgIP(b, oob []byte) (n, oobn, flags int, addr *net.IPAddr, err error) {
	n, oobn, flags, addr, err = c.conn.ReadMsgIP(b, oob)
	c.rec.Received(int64(n), err)
	return n, oobn, flags, addr, err
}

func (c *ipConn) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *ipConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.conn.WriteTo(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *ipConn) WriteToIP(b []byte, addr *net.IPAddr) (int, error) {
	n, err := c.conn.WriteToIP(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *ipConn) WriteMsgIP(b, oob []byte, addr *net.IPAddr) (n, oobn int, err error) {
	n, oobn, err = c.conn.WriteMsgIP(b, oob, addr)
	c.rec.Sent(int64(n), err)
	return n, oobn, err
}

func (c *ipConn) Close() error { return c.rec.Close(c.conn.Close, nil) }

func (c *ipConn) SyscallConn() (syscall.RawConn, error) { return guard(c.conn) }
func (c *ipConn) File() (*os.File, error)               { return c.conn.File() }
func (c *ipConn) LocalAddr() net.Addr                   { return c.conn.LocalAddr() }
func (c *ipConn) RemoteAddr() net.Addr                  { return c.conn.RemoteAddr() }
func (c *ipConn) SetDeadline(t time.Time) error         { return c.conn.SetDeadline(t) }
func (c *ipConn) SetReadDeadline(t time.Time) error     { return c.conn.SetReadDeadline(t) }
func (c *ipConn) SetWriteDeadline(t time.Time) error    { return c.conn.SetWriteDeadline(t) }
func (c *ipConn) SetReadBuffer(bytes int) error         { return c.conn.SetReadBuffer(bytes) }
func (c *ipConn) SetWriteBuffer(bytes int) error        { return c.conn.SetWriteBuffer(bytes) }
