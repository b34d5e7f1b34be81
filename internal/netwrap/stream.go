package netwrap

import (
	"net"
	"runtime"
	"syscall"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A stream wraps a connection that is none of package net's: an in-memory
// pipe, an ssh channel, another library's wrapper. Of what such a connection
// may have beyond net.Conn, half-close and the descriptor are kept, as programs
// ask for them; the four types below are their combinations.
//
// The garbage collector's cleanup is attached to the stream, not to the inner
// connection, whose type may not allow it; so a stream must be reachable while
// one of its methods runs.
type stream struct {
	conn net.Conn
	rec  *connstat.Record
}

type (
	closeWriteStream struct{ stream }
	syscallStream    struct{ stream }
	fullStream       struct{ closeWriteStream }
)

var (
	_ net.Conn     = (*stream)(nil)
	_ closeWriter  = (*closeWriteStream)(nil)
	_ syscall.Conn = (*syscallStream)(nil)
	_ closeWriter  = (*fullStream)(nil)
	_ syscall.Conn = (*fullStream)(nil)
)

type closeWriter interface{ CloseWrite() error }

func wrapStream(inner net.Conn, rec *connstat.Record) net.Conn {
	s := stream{inner, rec}
	_, half := inner.(closeWriter)
	_, raw := inner.(syscall.Conn)
	switch {
	case half && raw:
		return watch(&fullStream{closeWriteStream{s}}, rec)
	case half:
		return watch(&closeWriteStream{s}, rec)
	case raw:
		return watch(&syscallStream{s}, rec)
	}
	return watch(&s, rec)
}

// watch has rec told when the wrapper is dropped, and returns the wrapper.
func watch[T any](wrapper *T, rec *connstat.Record) *T {
	connstat.EndWith(rec, wrapper)
	return wrapper
}

func (c *stream) record() *connstat.Record { return c.rec }

// NetConn returns the connection that is tracked.
func (c *stream) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }

func (c *stream) Read(b []byte) (int, error) {
	n, err := c.conn.Read(b)
	c.rec.Received(int64(n), err)
	runtime.KeepAlive(c)
	return n, err
}

func (c *stream) Write(b []byte) (int, error) {
	n, err := c.conn.Write(b)
	c.rec.Sent(int64(n), err)
	runtime.KeepAlive(c)
	return n, err
}

func (c *stream) Close() error {
	err := c.rec.Close(c.conn.Close, nil)
	runtime.KeepAlive(c)
	return err
}

func (c *stream) LocalAddr() net.Addr  { return c.conn.LocalAddr() }
func (c *stream) RemoteAddr() net.Addr { return c.conn.RemoteAddr() }
func (c *stream) SetDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetDeadline(t)
}

func (c *stream) SetReadDeadline(t time.Time) error {
	c.rec.DeadlineSet()
	return c.conn.SetReadDeadline(t)
}

func (c *stream) SetWriteDeadline(t time.Time) error {
	c.rec.WriteDeadlineSet(t)
	return c.conn.SetWriteDeadline(t)
}

func (c *closeWriteStream) CloseWrite() error {
	err := c.rec.CloseWrite(c.conn.(closeWriter).CloseWrite)
	runtime.KeepAlive(c)
	return err
}

// NetConn is there again in each type that embeds a stream: what is known of the
// connection then must be all of the wrapper.

func (c *closeWriteStream) NetConn() net.Conn { return reveal(c.conn, c.rec, c) }
func (c *syscallStream) NetConn() net.Conn    { return reveal(c.conn, c.rec, c) }
func (c *fullStream) NetConn() net.Conn       { return reveal(c.conn, c.rec, c) }

func (c *syscallStream) SyscallConn() (syscall.RawConn, error) { return guard(c.conn.(syscall.Conn)) }

func (c *fullStream) SyscallConn() (syscall.RawConn, error) { return guard(c.conn.(syscall.Conn)) }
