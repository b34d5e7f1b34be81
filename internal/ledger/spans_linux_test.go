package ledger

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// spans is a span processor that keeps summaries of connections' spans.
type spans struct{ summaries sync.Map } // of spanSummary, by the connection's ID

// A spanSummary is what a span says of its connection. It has the bytes twice.
type spanSummary struct {
	sizes       counts // in attributes
	events      counts // in its events, and in attributes for those suppressed
	closeReason string
}

var _ sdktrace.SpanProcessor = (*spans)(nil)

// OnStart does nothing.
func (*spans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// ForceFlush does nothing.
func (*spans) ForceFlush(context.Context) error { return nil }

// Shutdown does nothing.
func (*spans) Shutdown(context.Context) error { return nil }

// OnEnd keeps the summary of a connection's span.
func (s *spans) OnEnd(span sdktrace.ReadOnlySpan) {
	attrs := span.Attributes()
	id := number(attrs, "netstats.connection.id")
	if id == 0 {
		return // it is the span of a dial
	}
	summary := spanSummary{
		sizes:       counts{number(attrs, "netstats.receive.size"), number(attrs, "netstats.transmit.size")},
		events:      counts{number(attrs, "netstats.receive.suppressed.size"), number(attrs, "netstats.transmit.suppressed.size")},
		closeReason: value(attrs, "netstats.connection.close.reason").AsString(),
	}
	for _, e := range span.Events() {
		switch n := number(e.Attributes, "netstats.io.size"); e.Name {
		case "netstats.connection.read":
			summary.events[received] += n
		case "netstats.connection.write":
			summary.events[sent] += n
		}
	}
	s.summaries.Store(id, summary)
}

// value is the value of an attribute, the zero Value if it is missing.
func value(attrs []attribute.KeyValue, key attribute.Key) (v attribute.Value) {
	for _, a := range attrs {
		if a.Key == key {
			v = a.Value
		}
	}
	return v
}

func number(attrs []attribute.KeyValue, key attribute.Key) int64 { return value(attrs, key).AsInt64() }

// take checks the summary of an endpoint's span, forgets it, and returns the bytes.
func (s *spans) take(e *endpoint) counts {
	v, ok := s.summaries.LoadAndDelete(int64(e.record.ID())) //nolint:gosec // counts up from 1
	if !ok {
		e.errorf("no span ended")
		return counts{}
	}
	summary := v.(spanSummary)
	if summary.sizes != summary.events {
		e.errorf("the span's sizes are %v, its events and what was suppressed add up to %v", summary.sizes, summary.events)
	}
	if reason := e.record.CloseReason(); summary.closeReason != string(reason) {
		e.errorf("the close reason is %q, the span has %q", reason, summary.closeReason)
	}
	return summary.sizes
}
