package netwrap

import (
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A packetConn wraps a packet connection that is none of package net's. See
// stream for the cleanup.
type packetConn struct {
	conn net.PacketConn
	rec  *connstat.Record
}

// A packetStream is a connected packet connection. Programs, DNS clients among
// them, take a net.Conn that is no net.PacketConn for a stream and frame what
// they send accordingly, so a wrapper must have both sets of methods or one, as
// the inner connection has.
type packetStream interface {
	net.Conn
	ReadFrom(b []byte) (int, net.Addr, error)
	WriteTo(b []byte, addr net.Addr) (int, error)
}

type (
	syscallPacketConn struct{ packetConn }
	connectedPacket   struct{ stream }
	fullPacketConn    struct{ connectedPacket }
)

var (
	_ net.PacketConn = (*packetConn)(nil)
	_ syscall.Conn   = (*syscallPacketConn)(nil)
	_ packetStream   = (*connectedPacket)(nil)
	_ packetStream   = (*fullPacketConn)(nil)
	_ syscall.Conn   = (*fullPacketConn)(nil)
)

func wrapPacket(inner net.PacketConn, rec *connstat.Record) net.PacketConn {
	c := packetConn{inner, rec}
	if _, raw := inner.(syscall.Conn); raw {
		return watch(&syscallPacketConn{c}, rec)
	}
	return watch(&c, rec)
}

func wrapPacketStream(inner packetStream, rec *connstat.Record) packetStream {
	c := connectedPacket{stream{inner, rec}}
	if _, raw := inner.(syscall.Conn); raw {
		return watch(&fullPacketConn{c}, rec)
	}
	return watch(&c, rec)
}

func (c *packetConn) record() *connstat.Record { return c.rec }

func (c *packetConn) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.conn.ReadFrom(b)
	c.rec.Received(int64(n), err)
	runtime.KeepAlive(c)
	return n, addr, err
}

func (c *packetConn) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.conn.WriteTo(b, addr)
	c.rec.Sent(int64(n), err)
	runtime.KeepAlive(c)
	return n, err
}

func (c *packetConn) Close() error {
	err := c.rec.Close(c.conn.Close, nil)
	runtime.KeepAlive(c)
	return err
}

func (c *packetConn) LocalAddr() net.Addr                { return c.conn.LocalAddr() }
func (c *packetConn) SetDeadline(t time.Time) error      { return c.conn.SetDeadline(t) }
func (c *packetConn) SetReadDeadline(t time.Time) error  { return c.conn.SetReadDeadline(t) }
func (c *packetConn) SetWriteDeadline(t time.Time) error { return c.conn.SetWriteDeadline(t) }

func (c *syscallPacketConn) SyscallConn() (syscall.RawConn, error) {
	return guard(c.conn.(syscall.Conn))
}

func (c *connectedPacket) ReadFrom(b []byte) (int, net.Addr, error) {
	n, addr, err := c.conn.(packetStream).ReadFrom(b)
	c.rec.Received(int64(n), err)
	runtime.KeepAlive(c)
	return n, addr, err
}

func (c *connectedPacket) WriteTo(b []byte, addr net.Addr) (int, error) {
	n, err := c.conn.(packetStream).WriteTo(b, addr)
	c.rec.Sent(int64(n), err)
	runtime.KeepAlive(c)
	return n, err
}

func (c *connectedPacket) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }
func (c *fullPacketConn) NetConn() net.Conn  { return reveal(c.conn, c.rec, c) }

func (c *fullPacketConn) SyscallConn() (syscall.RawConn, error) { return guard(c.conn.(syscall.Conn)) }
