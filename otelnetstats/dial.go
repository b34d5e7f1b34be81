package otelnetstats

import (
	"context"
	"crypto/tls"
	"net"
	"net/http/httptrace"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
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
	caller  caller
	span    trace.Span
	steps   *dialSteps // nil unless the span is recording
	start   time.Time

	// A nested dial is part of an outer one: in Resolver.Dial, or below a proxy's
	// dialer. If both have the same address, as when Dialers are stacked, they
	// are one attempt, which the outer one counts.
	outer *dial // nil unless nested
	same  bool

	mu    sync.Mutex // guards inner
	inner []*Conn    // opened by dials nested in this one
}

// startDial begins a tracked dial.
func (t *Tracker) startDial(ctx context.Context, network, address, name string) *dial {
	d := &dial{tracker: t, parent: ctx, network: network, address: address, span: noSpan}
	if d.outer = dialIn(ctx); d.outer != nil {
		d.same = d.outer.tracker == t && d.outer.network == network && d.outer.address == address
		d.caller = d.outer.caller // the resolver dials in a goroutine of its own
	} else {
		d.caller = t.caller()
	}
	d.target = newTarget(network, address, name)
	d.series = t.table.get(seriesKey{kind: dials, target: d.target})
	d.start = connstat.Now()
	d.ctx = ctx
	if d.outer == nil {
		d.startSpan()
	}
	d.ctx = context.WithValue(d.ctx, dialKey{}, d)
	return d
}

func (d *dial) startSpan() {
	attrs := append(slices.Clip(d.series.spanAttributes(d.target)), d.tracker.cfg.spanAttributes...)
	d.ctx, d.span = d.tracker.tracer.Start(d.ctx, d.series.spanName,
		trace.WithTimestamp(d.start),
		trace.WithAttributes(attrs...))
	if d.span.IsRecording() {
		d.steps = &dialSteps{span: d.span}
		d.ctx = httptrace.WithClientTrace(d.ctx, d.steps.hooks())
	}
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
	conn, c = d.adopt(conn, p.pristine())
	if p.config == nil {
		return conn, nil
	}
	secure, err := d.secure(p, conn)
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
	d.abandon()
	if d.same {
		return
	}
	name := ""
	if err != nil {
		name = errorType(err)
	} else {
		d.series = d.tracker.table.answeredDial(d.series, d.target)
	}
	record(exemplarContext(trace.SpanFromContext(d.ctx)), d.tracker.in.dialDuration, d.series, connstat.Since(d.start), name)
}

// adopt has the connection tracked, unless it is already: by a Dialer below, or
// by a Capture. A pristine one is new, so that nobody can have registered it.
func (d *dial) adopt(conn net.Conn, pristine bool) (net.Conn, *Conn) {
	if pristine {
		if c := find(conn); c != nil {
			return conn, c
		}
		return d.track(conn, true)
	}
	if tracked, ok := trackedBefore(conn); ok {
		return tracked, find(tracked)
	}
	if c := d.layeredOn(conn); c != nil {
		alias(conn, c, conn)
		return conn, c
	}
	if d.tracker.refusesTLS(conn) {
		return conn, nil
	}
	return d.track(conn, false)
}

// track has a new connection tracked.
func (d *dial) track(conn net.Conn, pristine bool) (net.Conn, *Conn) {
	wrap := netwrap.Conn
	if pristine {
		wrap = netwrap.Dialed
	}
	tracked, c := d.tracker.track(d.parent, d.linked(), conn, wrap, opening{
		network: d.network,
		address: d.address,
		target:  d.target,
		root:    d.outer != nil,
		caller:  d.caller,
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

// secure does the TLS handshake.
func (d *dial) secure(p plan, conn net.Conn) (*tls.Conn, error) {
	start := connstat.Now()
	c, err := p.handshake(d.ctx, conn, d.address)
	if d.steps != nil {
		d.steps.secured(start, c, err)
	}
	return c, err
}

// end ends the dial's span. c is the connection, if there is one.
func (d *dial) end(c *Conn, err error) {
	defer d.span.End()
	if d.steps != nil {
		d.describe(c, err)
	}
	if err != nil && !d.same {
		d.tracker.cfg.callbacks.dialError(context.WithoutCancel(d.parent), d.network, d.address, err)
	}
}

// describe puts on the span what came of the dial.
func (d *dial) describe(c *Conn, err error) {
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
		d.span.SetAttributes(keyErrorType.String(errorType(err)))
		d.span.SetStatus(codes.Error, errorText(err))
	}
}

// maxConnects bounds the events of one dial: a name may have any number of
// addresses.
const maxConnects = 32

// dialSteps makes events of the steps of a dial. Its hooks may be called by
// several goroutines, and after the dial returned: of two addresses tried at
// once, one loses.
type dialSteps struct {
	span     trace.Span
	mu       sync.Mutex // guards all below
	lookup   time.Time
	lookups  int // under way: one more within another is that of a name server's name
	connects []connecting
}

// connecting is an attempt at one address.
type connecting struct {
	network, addr string
	start         time.Time
}

func (s *dialSteps) hooks() *httptrace.ClientTrace {
	return &httptrace.ClientTrace{
		DNSStart:     s.dnsStart,
		DNSDone:      s.dnsDone,
		ConnectStart: s.connectStart,
		ConnectDone:  s.connectDone,
	}
}

func (s *dialSteps) dnsStart(httptrace.DNSStartInfo) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.lookups++; s.lookups == 1 {
		s.lookup = connstat.Now()
	}
}

func (s *dialSteps) dnsDone(info httptrace.DNSDoneInfo) {
	s.mu.Lock()
	start := s.lookup
	s.lookups--
	within := s.lookups > 0
	s.mu.Unlock()
	if within {
		return
	}
	s.event(eventDNS, start, info.Err, keyDNSAddresses.Int(len(info.Addrs)))
}

func (s *dialSteps) connectStart(network, addr string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.connects) < maxConnects {
		s.connects = append(s.connects, connecting{network, addr, connstat.Now()})
	}
}

func (s *dialSteps) connectDone(network, addr string, err error) {
	start, ok := s.connectStarted(network, addr)
	if !ok {
		return
	}
	peer := newTarget(network, addr, "")
	attrs := append(make([]attribute.KeyValue, 0, 4), nameAttribute(keyPeerAddress, peer.address))
	if peer.port != 0 {
		attrs = append(attrs, keyPeerPort.Int(peer.port))
	}
	s.event(eventConnect, start, err, attrs...)
}

// connectStarted is when the latest attempt at an address began.
func (s *dialSteps) connectStarted(network, addr string) (start time.Time, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range slices.Backward(s.connects) {
		if c.network == network && c.addr == addr {
			return c.start, true
		}
	}
	return start, false
}

// secured notes a TLS handshake.
func (s *dialSteps) secured(start time.Time, c *tls.Conn, err error) {
	var attrs []attribute.KeyValue
	if err == nil {
		state := c.ConnectionState()
		attrs = append(attrs,
			keyTLSVersion.String(tlsVersion(state.Version)),
			keyTLSResumed.Bool(state.DidResume))
		if state.NegotiatedProtocol != "" {
			attrs = append(attrs, nameAttribute(keyTLSNextProtocol, state.NegotiatedProtocol))
		}
	}
	s.event(eventTLS, start, err, attrs...)
}

// event adds the event of a step that began at start and is over.
func (s *dialSteps) event(name string, start time.Time, err error, attrs ...attribute.KeyValue) {
	now := connstat.Now()
	attrs = append(attrs, keyDuration.Float64(now.Sub(start).Seconds()))
	if err != nil {
		attrs = append(attrs, keyErrorType.String(errorType(err)))
	}
	s.span.AddEvent(name, trace.WithTimestamp(now), trace.WithAttributes(attrs...))
}

// tlsVersion is tls.protocol.version: the number alone.
func tlsVersion(version uint16) string {
	return strings.TrimPrefix(tls.VersionName(version), "TLS ")
}
