package otelnetstats

import (
	"net"
	"reflect"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/netwrap"
)

// Endpoint is what [net.Conn], [net.PacketConn] and *[tls.Conn] share: the
// functions of this package take any of them.
type Endpoint interface {
	LocalAddr() net.Addr
	Close() error
}

// Lookup returns the record of a tracked connection, and false if conn is not
// tracked. conn may be what a [Dialer], a [Tracker.Listener] or
// [Tracker.Register] returned, or a connection on top of it that can be
// unwrapped by a NetConn method, as *tls.Conn; in a capture build, also a plain
// connection of package net. A nil conn is not tracked.
func Lookup(conn Endpoint) (*Conn, bool) {
	c, _ := locate(conn)
	return c, c != nil
}

// locate returns the record of conn, and the connection that it is of: conn, or
// one below it.
func locate(conn Endpoint) (c *Conn, at any) {
	if c, at = below(conn, counted); c == nil && wrappers.count.Load() != 0 {
		c, at = below(conn, wrapped)
	}
	return c, at
}

// maxHops bounds the chain of NetConn methods that is followed.
const maxHops = 16

// below goes down from conn until recordOf knows the connection, which it returns
// as well.
func below(conn any, recordOf func(conn any) *Conn) (c *Conn, at any) {
	at = conn
	for range maxHops + 1 {
		if at == nil {
			break
		}
		if c := recordOf(at); c != nil {
			return c, at
		}
		at = unwrap(at)
	}
	return nil, nil
}

// counted returns the record that this very connection counts in: a wrapper of
// ours does, and so does a plain one in a capture build.
func counted(conn any) *Conn {
	rec := netwrap.RecordOf(conn)
	if rec == nil {
		rec = bridge.RecordOf(conn)
	}
	if rec == nil {
		return nil
	}
	return connOf(rec)
}

// trackedAs returns the connection to be used for conn, if it is tracked: its
// wrapper, or conn itself if it is one, or lies on one.
func trackedAs[T Endpoint](conn T) (T, bool) {
	if w, ok := wrapperOf(conn); ok {
		if tracked, ok := w.wrapper().(T); ok {
			return tracked, true
		}
	}
	c, _ := below(conn, counted)
	return conn, c != nil
}

// unwrap returns the connection below conn, nil if there is none. It calls
// other people's methods, whose panics must not become ours.
func unwrap(conn any) (below any) {
	u, ok := conn.(interface{ NetConn() net.Conn })
	if !ok {
		return nil
	}
	defer func() {
		if recover() != nil {
			below = nil
		}
	}()
	if c := u.NetConn(); c != nil {
		return c
	}
	return nil
}

// isNil reports whether v is nil or an interface that holds a nil pointer.
func isNil(v any) bool {
	if v == nil {
		return true
	}
	switch r := reflect.ValueOf(v); r.Kind() {
	case reflect.Pointer, reflect.Func, reflect.Map, reflect.Chan, reflect.Slice:
		return r.IsNil()
	}
	return false
}
