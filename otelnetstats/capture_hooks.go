package otelnetstats

import (
	"context"
	"net"
	"syscall"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// dial is told of each dial by package net.
func (k *Capture) dial(ctx context.Context, network, address string) (context.Context, func(net.Conn, error)) {
	switch outer := dialIn(ctx); {
	case outer != nil && outer.network == network && outer.address == address:
		return ctx, nil // a Dialer's own
	case untracked(ctx):
		return ctx, nil
	case k.exporters.match(address), !k.tracker.wants(ctx, network, address):
		return ContextWithoutTracking(ctx), nil
	}
	d := k.tracker.startDial(ctx, network, address, nameIn(ctx, ""), true)
	d.begin()
	return d.ctx, func(conn net.Conn, err error) {
		d.finish(err)
		var c *Conn
		if !isNil(conn) {
			if c, _ = Lookup(conn); c != nil {
				c.dialedBy(d)
			}
		}
		d.end(c, err)
	}
}

// socket is told of each socket by package net. A socket that belongs to a
// tracked dial belongs to that dial's Tracker.
func (k *Capture) socket(ctx context.Context, use bridge.Kind, network string, local, remote net.Addr) func(local, remote net.Addr, err error) *connstat.Record {
	if use == bridge.Listening || untracked(ctx) {
		return nil
	}
	o := captured(use, network, local, remote)
	if d := dialIn(ctx); d != nil {
		o.network, o.address, o.target, o.root = d.network, d.address, d.target, d.outer != nil
		o.origin = d.origin
		return k.opens(d.parent, d.linked(), d.tracker, o)
	}
	if k.exporters.match(o.address) || !k.tracker.wants(ctx, o.network, o.address) {
		return nil
	}
	o.origin = k.tracker.origin()
	return k.opens(ctx, ctx, k.tracker, o)
}

// opens returns what is to be done when a socket is there.
func (k *Capture) opens(ctx, linked context.Context, t *Tracker, o opening) func(local, remote net.Addr, err error) *connstat.Record {
	return func(local, remote net.Addr, err error) *connstat.Record {
		if err != nil {
			return nil
		}
		o.local, o.remote = local, remote
		if o.role == connstat.Server {
			o.address, o.target = boundTo(local) // the port, if any would do
		}
		return &k.track(ctx, linked, t, o).rec
	}
}

func (k *Capture) track(ctx, linked context.Context, t *Tracker, o opening) *Conn {
	o.opened = connstat.Now()
	c := t.newConn(linked, o)
	if t == k.tracker {
		c.membership().capture = k
		k.saw(c)
	}
	t.publish(ctx, c)
	return c
}

// accepted is told of each accepted connection by package net.
func (k *Capture) accepted(_ *connstat.Record, network string, local, remote net.Addr) *connstat.Record {
	ctx := context.Background()
	o := listening(local)
	o.network, o.local, o.remote = network, local, remote
	if !k.tracker.wants(ctx, o.network, o.address) {
		return nil
	}
	c := k.track(ctx, ctx, k.tracker, o)
	k.tracker.countAccept(exemplarContext(c.span), c.series, none)
	return &c.rec
}

// adopted is told of each socket that package net made of a file.
func (k *Capture) adopted(use bridge.Kind, network string, local, remote net.Addr) *connstat.Record {
	ctx := context.Background()
	o := captured(use, network, local, remote)
	if use == bridge.Listening || !k.tracker.wants(ctx, o.network, o.address) {
		return nil
	}
	o.local, o.remote = local, remote
	o.origin = k.tracker.origin()
	return &k.track(ctx, ctx, k.tracker, o).rec
}

// captured is the opening of a socket that is known by its addresses only.
func captured(use bridge.Kind, network string, local, remote net.Addr) opening {
	o := opening{network: network, packet: capturedPackets(network)}
	addr := remote
	if use == bridge.Bound {
		o.role, addr = connstat.Server, local
	}
	o.address, o.target = boundTo(addr)
	return o
}

// boundTo is how telemetry names a socket of which only an address is known.
func boundTo(addr net.Addr) (address string, t target) {
	if !isNil(addr) {
		address = addr.String()
	}
	return address, targetOf(addr)
}

// capturedPackets reports whether the sockets of a network move datagrams.
func capturedPackets(network string) bool {
	return transportOf(network) != "tcp" && datagrams(network)
}

func halfClosed(r *connstat.Record, d connstat.Direction) {
	if d == connstat.Sent {
		r.HalfClosed()
	} else {
		r.ReadClosed()
	}
}

// closeCaptured is called by package net in place of each Close.
func closeCaptured(r *connstat.Record, leaked bool, raw syscall.RawConn, inner func() error) error {
	if leaked {
		r.Dropped() // this is the finalizers' goroutine
		return inner()
	}
	return r.Close(inner, func() (tcpinfo.Info, bool) {
		if _, tcp := r.Local.(*net.TCPAddr); !tcp || !r.Used() {
			return tcpinfo.Info{}, false
		}
		return tcpinfo.Last(raw)
	})
}
