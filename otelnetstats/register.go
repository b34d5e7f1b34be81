package otelnetstats

import (
	"context"
	"crypto/tls"
	"errors"
	"net"

	"go.opentelemetry.io/otel"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
)

var errTLSConn = errors.New("otelnetstats: a *tls.Conn cannot be tracked without being told apart from one: dial with Dialer.TLS, or register the connection below TLS before the handshake; it was returned as it is")

// Register tracks a connection that exists already, as one that this process
// opened, and returns the tracked connection, to be used instead. Callbacks are
// told that it is open before Register returns. ctx gives the span that the
// connection's is linked to; it is not kept.
//
// A connection has one owner. Registering it again, with any Tracker, gives the
// same tracked connection. A *tls.Conn is returned as it is: TLS goes on top of
// a tracked connection, see [Dialer.TLS]. A nil conn is returned as it is. Use
// [Tracker.Listener] for connections that were accepted.
func (t *Tracker) Register(ctx context.Context, conn net.Conn) net.Conn {
	return register(ctx, t, conn, netwrap.Conn)
}

// refusesTLS reports whether conn is a *tls.Conn, and says once what to do.
func (t *Tracker) refusesTLS(conn Endpoint) bool {
	if _, ok := conn.(*tls.Conn); !ok {
		return false
	}
	t.tlsWarning.Do(func() { otel.Handle(errTLSConn) })
	return true
}

// RegisterPacketConn does for a packet connection what [Tracker.Register] does.
// One that has a remote address is a client; one that has not is a server,
// known by the address that it is bound to. Reads and writes are also counted
// as packets.
func (t *Tracker) RegisterPacketConn(ctx context.Context, conn net.PacketConn) net.PacketConn {
	return register(ctx, t, conn, netwrap.PacketConn)
}

func register[T Endpoint](ctx context.Context, t *Tracker, conn T, wrap func(T, *connstat.Record) T) T {
	if t.off() || isNil(conn) {
		return conn
	}
	if tracked, ok := trackedAs(conn); ok {
		return tracked
	}
	if t.refusesTLS(conn) {
		return conn
	}
	if ctx == nil {
		ctx = context.Background()
	}
	tracked, c, first := wrapOnce(conn,
		func() *Conn { return t.newConn(ctx, t.openingOf(conn)) },
		func(c *Conn) T { return wrap(conn, &c.rec) })
	if first {
		t.publish(ctx, c)
	}
	return tracked
}

// openingOf is the opening of a connection that somebody else opened.
func (t *Tracker) openingOf(conn Endpoint) opening {
	o := opening{origin: t.origin()}.of(conn)
	addr := o.local
	if !isNil(addr) {
		o.network = networkOf(addr)
	}
	if o.remote != nil {
		addr = o.remote
	} else if _, ok := conn.(net.PacketConn); ok {
		o.role = connstat.Server
	}
	if !isNil(addr) {
		o.address = textOf(addr)
	}
	o.target = targetOf(addr)
	return o
}
