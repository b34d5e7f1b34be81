package ledger

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spanBytes is a span processor that keeps the bytes of connections' spans.
type spanBytes struct{ spans sync.Map } // of spanCounts, by the connection's ID

// spanCounts are the bytes of a span, which has them twice.
type spanCounts struct {
	sizes  counts // in attributes
	events counts // in its events, and in attributes for those suppressed
}

var _ sdktrace.SpanProcessor = (*spanBytes)(nil)

// OnStart does nothing.
func (*spanBytes) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// ForceFlush does nothing.
func (*spanBytes) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (*spanBytes) Shutdown(context.Context) error { return nil }

// OnEnd keeps the bytes of a connection's span.
func (s *spanBytes) OnEnd(span sdktrace.ReadOnlySpan) {
	attrs := span.Attributes()
	id := number(attrs, "netstats.connection.id")
	if id == 0 {
		return // it is the span of a dial
	}
	c := spanCounts{
		sizes:  counts{number(attrs, "netstats.receive.size"), number(attrs, "netstats.transmit.size")},
		events: counts{number(attrs, "netstats.receive.suppressed.size"), number(attrs, "netstats.transmit.suppressed.size")},
	}
	for _, e := range span.Events() {
		switch n := number(e.Attributes, "netstats.io.size"); e.Name {
		case "netstats.connection.read":
			c.events[received] += n
		case "netstats.connection.write":
			c.events[sent] += n
		}
	}
	s.spans.Store(id, c)
}

// number is the value of an attribute, 0 if it is missing.
func number(attrs []attribute.KeyValue, key attribute.Key) (n int64) {
	for _, a := range attrs {
		if a.Key == key {
			n = a.Value.AsInt64()
		}
	}
	return n
}

// take returns the bytes of an endpoint's span, and forgets them.
func (s *spanBytes) take(e *endpoint) counts {
	v, ok := s.spans.LoadAndDelete(int64(e.record.ID())) //nolint:gosec // counts up from 1
	if !ok {
		e.errorf("no span ended")
		return counts{}
	}
	c := v.(spanCounts)
	if c.sizes != c.events {
		e.errorf("the span's sizes are %v, its events and what was suppressed add up to %v", c.sizes, c.events)
	}
	return c.sizes
}
