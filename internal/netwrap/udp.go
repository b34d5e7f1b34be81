package netwrap

import (
	"net"
	"net/netip"
	"os"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A udpConn wraps a *net.UDPConn, connected or not. Control messages are not
// counted.
type udpConn struct {
	conn *net.UDPConn
	rec  *connstat.Record
}

var (
	_ net.Conn       = (*udpConn)(nil)
	_ net.PacketConn = (*udpConn)(nil)
	_ syscall.Conn   = (*udpConn)(nil)
)

func (c *udpConn) record() *connstat.Record { return c.rec }

// NetConn returns the connection that is tracked.
func (c *udpConn) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }

func (c *udpConn) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.rec.Received(int64(n), err)
	return n, err
}

func (c *udpConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.conn.ReadFrom(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *udpConn) ReadFromUDP(b []byte) (int, *net.UDPAddr, error) {
	n, addr, err := c.conn.ReadFromUDP(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *udpConn) ReadFromUDPAddrPort(b []byte) (int, netip.AddrPort, error) {
	n, addr, err := c.conn.ReadFromUDPAddrPort(b)
	c.rec.Received(int64(n), err)
	return n, addr, err
}

func (c *udpConn) ReadMsgUDP(b, oob []byte) (n, oobn, flags int, addr *net.UDPAddr, err error) {
	n, oobn, flags, addr, err = c.conn.ReadMsgUDP(b, oob)
	c.rec.Received(int64(n), err)
	return n, oobn, flags, addr, err
}

func (c *udpConn) ReadMsgUDPAddrPort(b, oob []byte) (n, oobn, flags int, addr netip.AddrPort, err error) {
	n, oobn, flags, addr, err = c.conn.ReadMsgUDPAddrPort(b, oob)
	c.rec.Received(int64(n), err)
	return n, oobn, flags, addr, err
}

func (c *udpConn) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *udpConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.conn.WriteTo(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *udpConn) WriteToUDP(b []byte, addr *net.UDPAddr) (int, error) {
	n, err := c.conn.WriteToUDP(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *udpConn) WriteToUDPAddrPort(b []byte, addr netip.AddrPort) (int, error) {
	n, err := c.conn.WriteToUDPAddrPort(b, addr)
	c.rec.Sent(int64(n), err)
	return n, err
}

func (c *udpConn) WriteMsgUDP(b, oob []byte, addr *net.UDPAddr) (n, oobn int, err error) {
	n, oobn, err = c.conn.WriteMsgUDP(b, oob, addr)
	c.rec.Sent(int64(n), err)
	return n, oobn, err
}

func (c *udpConn) WriteMsgUDPAddrPort(b, oob []byte, addr netip.AddrPort) (n, oobn int, err error) {
	n, oobn, err = c.conn.WriteMsgUDPAddrPort(b, oob, addr)
	c.rec.Sent(int64(n), err)
	return n, oobn, err
}

func (c *udpConn) Close() error { return c.rec.Close(c.conn.Close, nil) }

func (c *udpConn) SyscallConn() (syscall.RawConn, error) { return guard(c.conn) }
func (c *udpConn) File() (*os.File, error)               { return c.conn.File() }
func (c *udpConn) LocalAddr() net.Addr                   { return c.conn.LocalAddr() }
func (c *udpConn) RemoteAddr() net.Addr                  { return c.conn.RemoteAddr() }
func (c *udpConn) SetDeadline(t time.Time) error         { return c.conn.SetDeadline(t) }
func (c *udpConn) SetReadDeadline(t time.Time) error     { return c.conn.SetReadDeadline(t) }
func (c *udpConn) SetWriteDeadline(t time.Time) error    { return c.conn.SetWriteDeadline(t) }
func (c *udpConn) SetReadBuffer(bytes int) error         { return c.conn.SetReadBuffer(bytes) }
func (c *udpConn) SetWriteBuffer(bytes int) error        { return c.conn.SetWriteBuffer(bytes) }
