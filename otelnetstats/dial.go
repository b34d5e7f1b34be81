package otelnetstats

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"reflect"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/live"
	"github.com/netstats-go/netstats/internal/netwrap"
)

// A dial is one call of a Dialer's DialContext.
type dial struct {
	tracker *Tracker
	parent  context.Context // the caller's, for the length of the call
	ctx     context.Context // parent, with the dial span and the dial itself
	network string
	address string
	target  target
	series  *series
	origin  *live.Origin // nil if it is not known
	span    trace.Span
	start   time.Time
	took    time.Duration
	single  bool       // one address is dialed, so that the dial is one attempt
	steps   *dialSteps // nil if nobody notes them
	setup   *Setup     // how it went, once it has connected; nil if nobody asks. It does not change.

	// A nested dial is part of an outer one: in Resolver.Dial, or below a proxy's
	// dialer. If both have the same address, as when Dialers are stacked, they
	// are one attempt, which the outer one counts.
	outer *dial // nil unless nested
	same  bool

	mu    sync.Mutex // guards inner
	inner []*Conn    // opened by dials nested in this one
}

// startDial begins a tracked dial. plain says that package net dials, and nobody
// else has a part in it.
func (t *Tracker) startDial(ctx context.Context, network, address, name string, plain bool) *dial {
	d := &dial{tracker: t, parent: ctx, network: network, address: address, span: noSpan}
	if d.outer = dialIn(ctx); d.outer != nil {
		d.same = d.outer.tracker == t && d.outer.network == network && d.outer.address == address
		d.origin = d.outer.origin // the resolver dials in a goroutine of its own
	} else {
		d.origin = t.origin()
	}
	d.target = newTarget(network, address, name)
	d.series = t.table.get(seriesKey{kind: dials, target: d.target})
	d.start = connstat.Now()
	d.ctx = ctx
	if d.outer == nil {
		d.startSpan()
	}
	d.noteSteps(plain)
	d.ctx = context.WithValue(d.ctx, dialKey{}, d)
	return d
}

// noteSteps has the steps noted, where there can be several: of a name, which is
// looked up and has any number of addresses, and of a dial function, which may do
// what it likes. The steps of a nested dial are among those of the outer one.
func (d *dial) noteSteps(plain bool) {
	literal := d.target.isAddress()
	d.single = plain && literal
	if d.outer != nil || literal && (plain || !d.span.IsRecording()) {
		return
	}
	d.steps = new(dialSteps)
	d.ctx = httptrace.WithClientTrace(d.ctx, d.steps.hooks())
}

func (d *dial) startSpan() {
	d.ctx, d.span = d.tracker.tracer.Start(d.ctx, d.series.spanName,
		trace.WithTimestamp(d.start),
		trace.WithAttributes(d.attributes()...))
}

// attributes are what telemetry says of the dial from its start.
func (d *dial) attributes() []attribute.KeyValue {
	attrs := slices.Clip(d.series.spanAttributes(d.target))
	if path := d.tracker.callerOf(d.origin); path != "" {
		attrs = append(attrs, nameAttribute(keyCaller, path))
	}
	return append(attrs, d.tracker.cfg.spanAttributes...) // last, as the last of a name wins
}

// run dials as the plan says. Whatever a user's function in it does, the dial
// ends.
func (d *dial) run(p plan) (conn net.Conn, err error) {
	var c *Conn
	defer func() { d.end(c, err) }()
	conn, err = d.connect(p.base)
	if err != nil || isNil(conn) {
		return conn, err
	}
	if conn, c = d.adopt(conn, p.pristine()); c != nil {
		c.dialedBy(d)
	}
	if p.config == nil {
		return conn, nil
	}
	secure, err := d.secure(p, conn, c)
	if err != nil {
		return nil, err // not secure: a nil *tls.Conn is not a nil net.Conn
	}
	return secure, nil
}

// connect has the connection opened, and counts the attempt.
func (d *dial) connect(base ContextDialer) (net.Conn, error) {
	d.begin()
	finished := false
	defer func() {
		if !finished { // base panics
			d.abandon()
		}
	}()
	conn, err := base.DialContext(d.ctx, d.network, d.address)
	finished = true
	d.finish(err)
	return conn, err
}

// begin counts the dial as under way.
func (d *dial) begin() {
	if !d.same {
		d.series.active.Add(1)
	}
}

// abandon counts it as no longer so.
func (d *dial) abandon() {
	if !d.same {
		d.series.active.Add(-1)
	}
}

// finish counts what came of it.
func (d *dial) finish(err error) {
	d.took = connstat.Since(d.start)
	d.close(err)
	d.abandon()
	if d.same {
		return
	}
	if err == nil {
		d.series = d.tracker.table.answeredDial(d.series, d.target)
	}
	d.record(d.tracker.in.dialDuration, d.took, failure(err))
	if d.steps != nil {
		d.tracker.recordLookups(d.exemplar(), d.setup.Lookups)
	}
}

// record records a duration of the dial's.
func (d *dial) record(h metric.Float64Histogram, took time.Duration, more attribute.KeyValue) {
	record(d.exemplar(), h, &d.series.attributeSet, took, more)
}

// exemplar is the context to record a metric of the dial's with.
func (d *dial) exemplar() context.Context {
	return exemplarContext(trace.SpanFromContext(d.ctx))
}

// close sums up how the dial went, if anybody is to be told. Of a single address
// without a recording span, the connection knows it all.
func (d *dial) close(err error) {
	if d.steps == nil && !d.span.IsRecording() {
		return
	}
	d.setup = &Setup{Start: d.start, Total: d.took}
	switch {
	case d.steps != nil:
		d.steps.close(d.setup)
	case d.single:
		d.setup.Connects = []ConnectAttempt{{Start: d.start, Duration: d.took, Network: d.network, Address: d.address, Err: err}}
	}
}

// adopt has the connection tracked, unless it is already: by a Dialer below, or
// by a Capture. A pristine one is new, so that nobody can have registered it.
func (d *dial) adopt(conn net.Conn, pristine bool) (net.Conn, *Conn) {
	if pristine {
		if c := counted(conn); c != nil {
			return conn, c
		}
		return d.track(conn, netwrap.Dialed)
	}
	if tracked, ok := trackedAs(conn); ok {
		c, _ := locate(tracked)
		return tracked, c
	}
	if c := d.layeredOn(conn); c != nil {
		alias(conn, c, conn)
		return conn, c
	}
	if d.tracker.refusesTLS(conn) {
		return conn, nil
	}
	return d.track(conn, netwrap.Conn)
}

// track has a new connection tracked.
func (d *dial) track(conn net.Conn, wrap wrapFunc) (net.Conn, *Conn) {
	tracked, c := d.tracker.track(d.parent, d.linked(), conn, wrap, opening{
		network: d.network,
		address: d.address,
		target:  d.target,
		root:    d.outer != nil,
		origin:  d.origin,
		dial:    d,
	})
	d.tellOuter(c)
	return tracked, c
}

// tellOuter has the dial that this one is nested in know the connection.
func (d *dial) tellOuter(c *Conn) {
	if d.outer == nil {
		return
	}
	d.outer.mu.Lock()
	defer d.outer.mu.Unlock()
	d.outer.inner = append(d.outer.inner, c)
}

// layeredOn returns the connection below conn, if conn is a layer without a
// NetConn method on one that a nested dial opened: that of a SOCKS proxy's
// dialer, for one. Its bytes are counted there.
func (d *dial) layeredOn(conn net.Conn) *Conn {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, c := range d.inner {
		if sameAddr(conn.LocalAddr(), c.rec.Local) && sameAddr(conn.RemoteAddr(), c.rec.Remote) {
			return c
		}
	}
	return nil
}

// sameAddr reports whether a and b are the very same address, as layers pass it
// on. Only pointers are compared: other people's types may panic if they are.
func sameAddr(a, b net.Addr) bool {
	v, w := reflect.ValueOf(a), reflect.ValueOf(b)
	return v.Kind() == reflect.Pointer && w.Kind() == reflect.Pointer && !v.IsNil() && a == b
}

// linked has the span that the connection's is linked to: the dial's, or that
// of the caller where the dial's was not sampled.
func (d *dial) linked() context.Context {
	if d.span.SpanContext().IsSampled() {
		return d.ctx
	}
	return d.parent
}

// secure does the TLS handshake, of which c is told, if there is one.
func (d *dial) secure(p plan, conn net.Conn, c *Conn) (*tls.Conn, error) {
	start := connstat.Now()
	secure, err := p.handshake(d.ctx, conn, d.address)
	took := connstat.Since(start)
	var state tls.ConnectionState
	if secure != nil {
		state = secure.ConnectionState()
	}
	handshake := tlsHandshake(start, took, state, err)
	d.record(d.tracker.in.tlsDuration, handshake.Duration, handshake.outcome())
	if c != nil {
		c.secured(handshake)
	}
	if d.setup != nil { // which the connection may have
		setup := d.setup.clone()
		setup.TLS = handshake
		d.setup = &setup
	}
	return secure, err
}

// end ends the dial's span. c is the connection, if there is one.
func (d *dial) end(c *Conn, err error) {
	defer d.span.End()
	if d.span.IsRecording() {
		d.describe(c, err)
	}
	if err != nil && !d.same {
		d.tellFailed(err)
		d.logFailure(err)
		d.tracker.cfg.callbacks.dialError(context.WithoutCancel(d.parent), d.network, d.address, err)
	}
}

// describe puts on the span what came of the dial.
func (d *dial) describe(c *Conn, err error) {
	d.addEvents()
	if c != nil {
		attrs := make([]attribute.KeyValue, 0, 3)
		if t := networkTypeOf(c.rec.Remote); t != "" {
			attrs = append(attrs, keyNetworkType.String(t))
		}
		d.span.SetAttributes(appendAddr(attrs, keyPeerAddress, keyPeerPort, c.rec.Remote)...)
		if sc := c.span.SpanContext(); sc.IsSampled() && d.outer == nil {
			d.span.AddLink(trace.Link{SpanContext: sc})
		}
	}
	if err != nil {
		d.span.SetAttributes(failure(err))
		d.span.SetStatus(codes.Error, errorText(err))
	}
}
