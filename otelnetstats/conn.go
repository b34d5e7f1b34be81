package otelnetstats

import (
	"context"
	"net"
	"sync/atomic"
	"unique"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/live"
)

// A Conn is the record of a tracked connection: who it is, what it moved, how
// it ended. It is not a net.Conn: it neither reads nor writes, and keeping one
// does not keep the connection open.
//
// All methods are safe for concurrent use, also after the connection was
// closed. On a nil Conn, and on a zero one, they return zero values.
type Conn struct {
	rec     connstat.Record
	tracker *Tracker
	series  *series
	network unique.Handle[string]
	address string
	origin  *live.Origin // nil if it is not known
	span    trace.Span
	journal *journal // nil unless the span is recording
	history atomic.Pointer[history]
	told    atomic.Int64               // bytes of writev that IOCallbacks were told of
	dialed  atomic.Int64               // how long its dial took; 0 if it was not dialed, or the dial lasts
	setup   atomic.Pointer[Setup]      // nil if dialed says it all
	member  atomic.Pointer[membership] // nil if it belongs to nothing
}

// zero reports whether c is nil, or not the record of any connection.
func (c *Conn) zero() bool { return c == nil || c.tracker == nil }

// ID is a number that no other connection of the process has. It is the span's
// netstats.connection.id.
func (c *Conn) ID() uint64 {
	if c.zero() {
		return 0
	}
	return c.rec.ID
}

// Role is "client" for a connection that was dialed or registered, and
// "server" for one that was accepted, and for a packet connection without a
// remote address.
func (c *Conn) Role() string {
	if c.zero() {
		return ""
	}
	return roleNames[c.rec.Role]
}

var roleNames = [...]string{connstat.Client: "client", connstat.Server: "server"}

// Network is the name of the network, as it was dialed: "tcp" or "unix", for
// example. For connections not dialed it is that of the local address.
func (c *Conn) Network() string {
	if c.zero() {
		return ""
	}
	return c.network.Value()
}

// Address is the address as it was dialed, its host unresolved. For an
// accepted connection it is the listener's; for a registered one the remote
// address.
func (c *Conn) Address() string {
	if c.zero() {
		return ""
	}
	return c.address
}

// Caller is the path of the package that opened the connection: of the first
// function on the stack of the dial, or of Register, that belongs neither to
// the standard library nor to this package. It is the client library's where
// that dials; connections that net/http's pool opens have "net/http", since
// requests share them, or the package of a dial function of your own between the
// two. It is empty without [WithCaller], and for connections that were accepted.
func (c *Conn) Caller() string {
	if c.zero() {
		return ""
	}
	return c.tracker.callerOf(c.origin)
}

// LocalAddr is the local address, nil if there is none.
func (c *Conn) LocalAddr() net.Addr {
	if c.zero() {
		return nil
	}
	return c.rec.Local
}

// RemoteAddr is the remote address, nil if there is none.
func (c *Conn) RemoteAddr() net.Addr {
	if c.zero() {
		return nil
	}
	return c.rec.Remote
}

// SpanContext identifies the connection's span: the first one, if the connection
// lives so long that others go on (see [WithMaxSpanAge]). It is not valid where no
// span was made.
func (c *Conn) SpanContext() trace.SpanContext {
	if c.zero() {
		return trace.SpanContext{}
	}
	return c.span.SpanContext()
}

// CloseReason says why the connection ended. It is empty while it is open.
func (c *Conn) CloseReason() CloseReason {
	if c.zero() {
		return ""
	}
	return reasons[c.rec.Reason()]
}

// Stats does what [StatsOf] does.
func (c *Conn) Stats() Stats {
	if c.zero() {
		return Stats{}
	}
	c.rec.Sample()
	now := c.read()
	if h := c.history.Load(); h != nil {
		return h.stats(now)
	}
	return Stats{
		Opened:   c.rec.Opened,
		Received: Flow(now.received),
		Sent:     Flow(now.sent),
	}
}

// Reset does what the function [Reset] does.
func (c *Conn) Reset() Stats { return c.reset(false) }

// ResetAll does what the function [ResetAll] does.
func (c *Conn) ResetAll() Stats { return c.reset(true) }

func (c *Conn) reset(full bool) Stats {
	if c.zero() {
		return Stats{}
	}
	c.rec.Sample()
	return c.past().reset(c.read, full)
}

// Mark does what the function [Mark] does.
func (c *Conn) Mark(ctx context.Context, name string, attrs ...attribute.KeyValue) Lap {
	if c.zero() {
		return Lap{}
	}
	return c.mark(ctx, name, attrs)
}

func (c *Conn) read() reading {
	received, sent := c.rec.Flows()
	return reading{received, sent}
}

// past returns the history, made at first use.
func (c *Conn) past() *history {
	if h := c.history.Load(); h != nil {
		return h
	}
	c.history.CompareAndSwap(nil, newHistory(c.rec.Opened))
	return c.history.Load()
}
