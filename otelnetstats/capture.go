package otelnetstats

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"slices"
	"sync"
	"syscall"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// What Capture can fail with; see there.
var (
	// ErrNotCaptureBuild is returned in a program that was built by the go
	// command alone.
	ErrNotCaptureBuild = bridge.ErrStock
	// ErrCaptureMismatch is returned in a program that was built by a netstats
	// command of another version than the library's.
	ErrCaptureMismatch = bridge.ErrMismatch
	// ErrCapturing is returned while another capture is on.
	ErrCapturing = bridge.ErrInstalled
)

var errOff = errors.New("otelnetstats: capture: the Tracker was shut down, or not made by New")

// maxCaptured bounds the closed connections that a Capture keeps.
const maxCaptured = 1024

// A Capture has every connection tracked that the process opens, in whatever
// library. Its methods are safe for concurrent use. A nil or zero Capture is one
// that was released.
type Capture struct {
	tracker   *Tracker
	hooks     *bridge.Hooks
	exporters exporters

	mu       sync.Mutex // guards all below; no user code runs under it
	open     map[*Conn]struct{}
	closed   []*Conn // a ring once full, the oldest at next
	next     int
	dropped  int
	released []*Conn // what Release returned
	over     bool
}

// Capture has every connection tracked from now on that the process opens
// through package net, in whatever library, and datagram sockets as well;
// accepted connections only with [WithAccepted]. Connections keep their types:
// what a library gets is a plain *net.TCPConn, and [Lookup], [StatsOf], [Mark]
// and [Reset] take it. Connections that exist already are not tracked.
//
// It works in a capture build only, a program built with `go tool netstats
// build`. In others it returns an error that is [ErrNotCaptureBuild] and says
// what to do. While one capture is on, a second is an error; nothing is
// displaced.
//
// A [Dialer] inside a captured program has its connections counted once, for
// its own Tracker. Dials with a context from [ContextWithoutTracking], those that
// [WithFilter] rejects, and those to the OTLP endpoints named by the
// environment (OTEL_EXPORTER_OTLP_ENDPOINT and its variants for signals, or
// else ports 4317 and 4318 of localhost) are left alone.
func (t *Tracker) Capture() (*Capture, error) {
	if t.off() {
		return nil, errOff
	}
	if err := bridge.Check(); err != nil {
		return nil, fmt.Errorf("otelnetstats: capture: %w", err)
	}
	k := &Capture{tracker: t, open: make(map[*Conn]struct{}), exporters: exportersFromEnvironment()}
	k.hooks = &bridge.Hooks{
		Dial:       k.dial,
		Socket:     k.socket,
		Adopted:    k.adopted,
		HalfClosed: halfClosed,
		Close:      closeCaptured,
	}
	if t.cfg.accepted {
		k.hooks.Accepted = k.accepted
	}
	if err := bridge.Install(k.hooks); err != nil {
		return nil, fmt.Errorf("otelnetstats: capture: %w", err)
	}
	t.capture.Store(k)
	if t.off() { // Shutdown came in between, and may not have seen the capture
		k.Release()
		return nil, errOff
	}
	return k, nil
}

// Release stops the capture and returns the connections seen since it began:
// all that are open, and the last 1,024 that closed, in the order in which they
// were opened. Open ones stay tracked until they close. A second call returns the
// same.
func (k *Capture) Release() []*Conn {
	if k == nil || k.hooks == nil {
		return nil
	}
	bridge.Remove(k.hooks)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return k.released
	}
	k.over = true
	k.released = slices.AppendSeq(k.closed, maps.Keys(k.open))
	slices.SortFunc(k.released, func(a, b *Conn) int { return cmp.Compare(a.rec.ID, b.rec.ID) })
	k.open, k.closed = nil, nil
	return k.released
}

// Dropped is the number of closed connections that Release does not return.
func (k *Capture) Dropped() int {
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropped
}

// saw notes a connection that was opened.
func (k *Capture) saw(c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over && !c.rec.Ended() {
		k.open[c] = struct{}{}
	}
}

// ended notes that a connection has ended.
func (k *Capture) ended(c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	delete(k.open, c)
	if len(k.closed) < maxCaptured {
		k.closed = append(k.closed, c)
		return
	}
	k.dropped++
	k.closed[k.next] = c
	k.next = (k.next + 1) % maxCaptured
}

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
		o.caller = d.caller
		return k.opens(d.parent, d.linked(), d.tracker, o)
	}
	if k.exporters.match(o.address) || !k.tracker.wants(ctx, o.network, o.address) {
		return nil
	}
	o.caller = k.tracker.caller()
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
		c.capture = k
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
	k.tracker.countAccept(exemplarContext(c.span), c.series, "")
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
	o.caller = k.tracker.caller()
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
	if d == connstat.Transmit {
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

// capturedConn returns the record of a plain connection of package net in a
// capture build.
func capturedConn(conn any) (*Conn, bool) {
	rec := bridge.RecordOf(conn)
	if rec == nil {
		return nil, false
	}
	return connOf(rec), true
}
