package otelnetstats

import (
	"context"
	"net"
	"sync/atomic"
	"time"
	"unique"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/live"
)

// lastID numbers the connections of the process.
var lastID atomic.Uint64

// An opening is what is known of a connection when it begins.
type opening struct {
	role          connstat.Role
	network       string
	address       string
	target        target
	series        *series
	local, remote net.Addr
	opened        time.Time
	packet        bool
	root          bool         // never a child, whatever the option says
	origin        *live.Origin // nil if it is not known
	dial          *dial        // that is over; nil if there is none, or it goes on
}

// typed is the address that tells the network type.
func (o opening) typed() net.Addr {
	if isNil(o.remote) {
		return o.local
	}
	return o.remote
}

// of fills in what the connection itself knows.
func (o opening) of(conn Endpoint) opening {
	o.opened = connstat.Now()
	o.local, o.remote = addrsOf(conn)
	o.packet = movesPackets(conn, o.local)
	return o
}

// addrsOf returns the addresses of a connection, nil where it has none. Other
// people's connections may panic, as one does that embeds a nil.
func addrsOf(conn Endpoint) (local, remote net.Addr) {
	defer func() { _ = recover() }()
	local = conn.LocalAddr()
	if c, ok := conn.(interface{ RemoteAddr() net.Addr }); ok {
		if addr := c.RemoteAddr(); !isNil(addr) {
			remote = addr
		}
	}
	return local, remote
}

// movesPackets reports whether conn moves datagrams. Unix stream connections of
// package net have the methods of a net.PacketConn as well.
func movesPackets(conn Endpoint, local net.Addr) bool {
	if _, ok := conn.(net.PacketConn); !ok {
		return false
	}
	return isNil(local) || datagrams(networkOf(local))
}

// datagrams reports whether a network with PacketConns has datagrams.
func datagrams(network string) bool {
	switch network {
	case "tcp", "unix", "unixpacket":
		return false
	}
	return true
}

// newConn makes the record of a connection and starts its span, linked to the
// one in the context.
func (t *Tracker) newConn(linked context.Context, o opening) *Conn {
	o.series = t.table.get(seriesKey{
		kind:        connectionsOf(o.role),
		target:      o.target,
		networkType: networkTypeOf(o.typed()),
	})
	if o.packet {
		o.series.packet.Store(true)
	}
	id := lastID.Add(1)
	c := &Conn{tracker: t, series: o.series, network: unique.Make(short(o.network)), address: short(o.address), origin: o.origin}
	c.span = t.startSpan(linked, o, id)
	if c.span.IsRecording() {
		c.record(o, linkedTo(linked).SpanID())
	}
	if o.dial != nil {
		c.dialedBy(o.dial)
	}
	c.rec.Init((*owner)(c), connstat.Config{
		ID:     id,
		Role:   o.role,
		Local:  o.local,
		Remote: o.remote,
		Opened: o.opened,
		Packet: o.packet,
		Totals: &o.series.totals,
		Watch:  c.watcher(),

		EachCall: len(t.cfg.callbacks.io) > 0,
		Set:      &t.open,
	})
	return c
}

// record has a journal kept, for the connection's span. from is the span that this
// one is linked to.
func (c *Conn) record(o opening, from trace.SpanID) {
	c.journal = &journal{rec: &c.rec, part: part{number: 1, begun: from}}
	if o.series.server == nil {
		c.journal.target = &o.target
	}
}

// watcher is called for reads and writes, if anyone asked: an IOCallback for
// each of them, or a recording span for changes of direction.
func (c *Conn) watcher() func(connstat.Direction, int64) {
	callbacks := c.tracker.cfg.callbacks
	journal := c.journal
	if c.tracker.cfg.noSpanEvents {
		journal = nil // nobody wants to know when the direction changes
	}
	if len(callbacks.io) == 0 {
		if journal == nil {
			return nil
		}
		return func(d connstat.Direction, _ int64) { journal.moved(d) }
	}
	first := c.context()
	return func(d connstat.Direction, n int64) {
		ctx := first
		if journal != nil && !journal.in(d) {
			journal.moved(d)
		}
		if later := c.later(); later != nil {
			ctx = later.ctx
		}
		if d == connstat.Received {
			callbacks.read(ctx, c, int(n))
		} else {
			callbacks.write(ctx, c, int(n))
		}
	}
}

// publish makes the connection known, before its user gets it. ctx is the
// caller's.
func (t *Tracker) publish(ctx context.Context, c *Conn) {
	told := false
	defer func() {
		if !told { // a callback ends the goroutine, and nobody gets the connection
			c.rec.End(connstat.Local)
		}
	}()
	late := !t.open.Add(&c.rec) // the Tracker was shut down meanwhile
	t.parts.add(c)
	c.logOpen()
	if len(t.cfg.callbacks.all) > 0 {
		t.cfg.callbacks.open(trace.ContextWithSpan(context.WithoutCancel(ctx), c.span), c)
	}
	told = true
	if late {
		c.rec.End(connstat.Shutdown)
	}
}

// A wrapFunc wraps a connection: one of package netwrap's.
type wrapFunc func(net.Conn, *connstat.Record) net.Conn

// track wraps a connection that was opened here. linked has the span that its own
// is linked to, ctx is the caller's.
func (t *Tracker) track(ctx, linked context.Context, conn net.Conn, wrap wrapFunc, o opening) (net.Conn, *Conn) {
	tracked := conn
	done := false
	defer func() {
		if !done { // as in publish
			_ = tracked.Close()
		}
	}()
	c := t.newConn(linked, o.of(conn))
	tracked = wrap(conn, &c.rec)
	t.publish(ctx, c)
	done = true
	return tracked, c
}
