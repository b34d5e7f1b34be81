package netwrap

import (
	"net"

	"github.com/netstats-go/netstats/internal/connstat"
)

// Conn returns inner with what it moves counted in rec, and arranges for rec to
// be told if inner is dropped without Close. A *tls.Conn must not be passed:
// TLS goes on top of the wrapper. Nil, also of one of package net's types, is
// returned as it is.
func Conn(inner net.Conn, rec *connstat.Record) net.Conn {
	if wrapped := wrapNet(inner, rec); wrapped != nil {
		return wrapped
	}
	switch c := inner.(type) {
	case nil, *net.TCPConn, *net.UnixConn, *net.UDPConn, *net.IPConn:
		return inner // a nil pointer
	case packetStream:
		return wrapPacketStream(c, rec)
	}
	return wrapStream(inner, rec)
}

// Dialed is [Conn] for what a zero [net.Dialer] has just dialed, or one that does
// nothing to a socket that package net does not do by itself.
func Dialed(inner net.Conn, rec *connstat.Record) net.Conn {
	if c, ok := inner.(*net.TCPConn); ok && c != nil {
		connstat.EndWith(rec, c)
		return wrapDialedTCP(c, rec)
	}
	return Conn(inner, rec)
}

// Accepted is [Conn] for what a *net.TCPListener has just accepted.
func Accepted(inner net.Conn, rec *connstat.Record) net.Conn {
	if c, ok := inner.(*net.TCPConn); ok && c != nil {
		connstat.EndWith(rec, c)
		return wrapAcceptedTCP(c, rec)
	}
	return Conn(inner, rec)
}

// PacketConn is [Conn] for packet connections.
func PacketConn(inner net.PacketConn, rec *connstat.Record) net.PacketConn {
	if wrapped := wrapNet(inner, rec); wrapped != nil {
		return wrapped.(net.PacketConn)
	}
	switch c := inner.(type) {
	case nil, *net.UnixConn, *net.UDPConn, *net.IPConn:
		return inner // a nil pointer
	case packetStream:
		return wrapPacketStream(c, rec)
	}
	return wrapPacket(inner, rec)
}

// wrapNet wraps what is exactly one of package net's types, not nil. A type
// that embeds one of them has methods of its own and is other people's.
func wrapNet(inner any, rec *connstat.Record) net.Conn {
	switch c := inner.(type) {
	case *net.TCPConn:
		if c != nil {
			connstat.EndWith(rec, c)
			return wrapTCP(c, rec)
		}
	case *net.UnixConn:
		if c != nil {
			connstat.EndWith(rec, c)
			return &unixConn{conn: c, rec: rec}
		}
	case *net.UDPConn:
		if c != nil {
			connstat.EndWith(rec, c)
			return &udpConn{conn: c, rec: rec}
		}
	case *net.IPConn:
		if c != nil {
			connstat.EndWith(rec, c)
			return &ipConn{conn: c, rec: rec}
		}
	}
	return nil
}

// reveal returns inner, which NetConn of the wrapper gives to the program.
func reveal(inner net.Conn, rec *connstat.Record, wrapper any) net.Conn {
	rec.Reveal(inner, wrapper)
	return inner
}

// A tracked is one of this package's wrappers.
type tracked interface{ record() *connstat.Record }

// RecordOf returns the record that v counts in, nil if v is no wrapper of this
// package. It does not look at what v may wrap.
func RecordOf(v any) *connstat.Record {
	if t, ok := v.(tracked); ok {
		return t.record()
	}
	return nil
}
