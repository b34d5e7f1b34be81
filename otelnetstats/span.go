package otelnetstats

import (
	"context"
	"net"
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/netstats-go/netstats/internal/connstat"
)

// noSpan is the span of a connection that has none.
var noSpan trace.Span = noop.Span{}

// startSpan begins the span of a connection's life.
func (t *Tracker) startSpan(ctx context.Context, o opening, id uint64) trace.Span {
	if t.cfg.connectionSpan == ConnectionSpanOff {
		return noSpan
	}
	room := startRooms.Get().(*startRoom)
	defer startRooms.Put(room)
	room.attrs = t.appendConnectionAttributes(room.attrs[:0], o, id)
	opts := append(room.opts[:0],
		trace.WithTimestamp(o.opened),
		trace.WithAttributes(room.attrs...))
	if t.cfg.connectionSpan == ConnectionSpanLinked || o.root {
		opts = append(opts, trace.WithNewRoot())
		if from := linkedTo(ctx); from.IsValid() {
			opts = append(opts, trace.WithLinks(trace.Link{SpanContext: from}))
		}
	}
	_, span := t.tracer.Start(ctx, o.series.spanName, opts...)
	return span
}

// A startRoom is room for what a span starts with. It can be used again, as
// trace.NewSpanStartConfig, the only way to read options, copies what they have
// before Start returns.
type startRoom struct {
	attrs []attribute.KeyValue
	opts  [4]trace.SpanStartOption
}

var startRooms = sync.Pool{New: func() any { return new(startRoom) }}

// linkedTo is the span in ctx, if a link to it leads somewhere.
func linkedTo(ctx context.Context) trace.SpanContext {
	if sc := trace.SpanContextFromContext(ctx); sc.IsSampled() {
		return sc
	}
	return trace.SpanContext{}
}

func (t *Tracker) appendConnectionAttributes(attrs []attribute.KeyValue, o opening, id uint64) []attribute.KeyValue {
	attrs = append(attrs, o.series.spanAttributes(o.target)...)
	attrs = append(attrs,
		keyConnectionID.Int64(int64(id)), //nolint:gosec // counts up from 1
		keyConnectionRole.String(roleNames[o.role]))
	attrs = appendAddr(attrs, keyPeerAddress, keyPeerPort, o.remote)
	if o.role == connstat.Server {
		attrs = appendAddr(attrs, keyClientAddress, keyClientPort, o.remote)
	}
	if path := t.callerOf(o.origin); path != "" {
		attrs = append(attrs, nameAttribute(keyCaller, path))
	}
	return append(attrs, t.cfg.spanAttributes...) // last, as the last of a name wins
}

// appendLocal appends which end of the connection is ours, for TCP and UDP: others
// have none that tells connections apart.
func appendLocal(attrs []attribute.KeyValue, addr net.Addr) []attribute.KeyValue {
	switch addr.(type) {
	case *net.TCPAddr, *net.UDPAddr:
		return appendAddr(attrs, keyLocalAddress, keyLocalPort, addr)
	}
	return attrs
}

// appendAddr appends the address and, if it has one, the port of addr.
func appendAddr(attrs []attribute.KeyValue, address, port attribute.Key, addr net.Addr) []attribute.KeyValue {
	if isNil(addr) {
		return attrs
	}
	host, number := splitAddr(addr)
	if host != "" {
		attrs = append(attrs, nameAttribute(address, host))
	}
	if number != 0 {
		attrs = append(attrs, port.Int(number))
	}
	return attrs
}

// A spanEvent is an event of a span to be.
type spanEvent struct {
	name  string
	at    time.Time
	attrs []attribute.KeyValue
}

func (r run) event(opened time.Time) spanEvent {
	name := eventRead
	if r.direction == connstat.Sent {
		name = eventWrite
	}
	return spanEvent{name, opened.Add(r.at), []attribute.KeyValue{
		keyIOSize.Int64(r.bytes),
		keyIOOperations.Int64(int64(r.operations)),
		keyTurnDuration.Float64(r.lasted.Seconds()),
	}}
}

// endSpans ends the connection's span: the last one, if it has parts.
func (c *Conn) endSpans() {
	if c.journal == nil {
		c.span.End()
		return
	}
	c.tracker.parts.remove(c)
	sum := c.journal.close(c.history.Load())
	c.endPart(&sum, true)
}

// endPart builds a span from what the connection kept, and ends it.
func (c *Conn) endPart(sum *summary, last bool) {
	var ending []attribute.KeyValue
	if last {
		ending = c.ending()
	}
	c.addEvents(sum, last, ending)
	for _, to := range sum.links {
		sum.span.AddLink(trace.Link{SpanContext: to})
	}
	attrs := appendLocal(make([]attribute.KeyValue, 0, 20), c.rec.Local)
	attrs = append(sum.append(attrs), ending...)
	if sum.number > 1 || !last {
		attrs = append(attrs, keyConnectionPart.Int(sum.number))
	}
	if p := c.pooled(); p != nil && last {
		attrs = append(attrs, keyRequests.Int64(p.requests().Served))
	}
	if sum.number > 1 && last {
		attrs = append(attrs,
			keyConnectionReceiveSize.Int64(sum.whole[connstat.Received].Bytes),
			keyConnectionTransmitSize.Int64(sum.whole[connstat.Sent].Bytes),
			keyConnectionDuration.Float64(sum.until.Seconds()))
	}
	sum.span.SetAttributes(attrs...)
	if err := c.fault(); err != nil && last {
		sum.span.SetStatus(codes.Error, errorText(err))
	}
	sum.span.End(trace.WithTimestamp(c.rec.Opened.Add(sum.until)))
}

// append appends what a span says at its end of its part of the connection's life.
func (s *summary) append(attrs []attribute.KeyValue) []attribute.KeyValue {
	attrs = append(attrs,
		keyReceiveSize.Int64(s.moved[connstat.Received].Bytes),
		keyTransmitSize.Int64(s.moved[connstat.Sent].Bytes),
		keyReceiveOperations.Int64(s.moved[connstat.Received].Operations),
		keyTransmitOperations.Int64(s.moved[connstat.Sent].Operations),
	)
	attrs = appendUnlessZero(attrs, keyEventsSuppressed, s.suppressed.events)
	attrs = appendUnlessZero(attrs, keyReceiveSuppressedSize, s.suppressed.bytes[connstat.Received])
	attrs = appendUnlessZero(attrs, keyTransmitSuppressedSize, s.suppressed.bytes[connstat.Sent])
	attrs = appendUnlessZero(attrs, keyMarksSuppressed, int64(s.unmarked.count))
	attrs = appendUnlessZero(attrs, keyMarksSuppressedReceiveSize, s.unmarked.bytes[connstat.Received])
	attrs = appendUnlessZero(attrs, keyMarksSuppressedTransmitSize, s.unmarked.bytes[connstat.Sent])
	if s.tcp {
		attrs = append(attrs, keyTCPRTT.Float64(s.rtt.Seconds()), keyTCPRetransmits.Int64(s.retransmits))
	}
	return attrs
}

func appendUnlessZero(attrs []attribute.KeyValue, key attribute.Key, n int64) []attribute.KeyValue {
	if n == 0 {
		return attrs
	}
	return append(attrs, key.Int64(n))
}

// ending says how the connection ended: the close event has it, and the span.
func (c *Conn) ending() []attribute.KeyValue {
	attrs := []attribute.KeyValue{keyCloseReason.String(string(c.CloseReason()))}
	if failed := c.failure(); failed.Valid() {
		attrs = append(attrs, failed)
	}
	return attrs
}

// failure is error.type of the connection, and none if it did not fail.
func (c *Conn) failure() attribute.KeyValue { return failure(c.fault()) }

// fault is the error that the connection ended with, nil if it did not.
func (c *Conn) fault() error {
	if c.rec.Reason() == connstat.Leaked {
		return errLeaked
	}
	return c.rec.Fault()
}

// addEvents adds the events in order of time.
func (c *Conn) addEvents(sum *summary, last bool, ending []attribute.KeyValue) {
	if c.tracker.cfg.noSpanEvents {
		sum.suppressed, sum.unmarked = suppressed{}, marksMade{} // what is nowhere is not left out
		return
	}
	events := make([]spanEvent, 0, 2+len(sum.runs)+len(sum.marks))
	if sum.number == 1 {
		events = append(events, spanEvent{eventOpen, c.rec.Opened, nil})
		if c.pooled().isSecured() { // after the dial's span had ended
			events = append(events, c.setup.Load().TLS.event())
		}
	}
	for _, r := range sum.runs {
		events = append(events, r.event(c.rec.Opened))
	}
	for i := range sum.marks {
		events = append(events, sum.marks[i].event(c.rec.Opened))
	}
	slices.SortStableFunc(events, func(a, b spanEvent) int { return a.at.Compare(b.at) })
	if last {
		events = append(events, spanEvent{eventClose, c.rec.Opened.Add(sum.until), ending})
	}
	for _, e := range events {
		sum.span.AddEvent(e.name, trace.WithTimestamp(e.at), trace.WithAttributes(e.attrs...))
	}
}
