package otelnetstats

import (
	"encoding/binary"
	"testing"

	"go.opentelemetry.io/otel/trace"
)

// marker is the context of one of very many spans.
func marker(i int) trace.SpanContext {
	var id trace.SpanID
	binary.BigEndian.PutUint64(id[:], uint64(i+1))
	return trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: id, TraceFlags: trace.FlagsSampled})
}

// TestMarkersAreForgotten, but for the first and the latest ones: those are linked to
// the connection once.
func TestMarkersAreForgotten(t *testing.T) {
	const markers = 1000
	l := new(links)
	for i := range markers {
		if !l.add(marker(i)) {
			t.Errorf("marker %d is not to be linked", i)
		}
		if l.add(marker(i)) || l.add(marker(min(i, maxLinks-1))) {
			t.Errorf("after marker %d: one is to be linked again", i)
		}
	}
	for i := markers - maxLinks; i < markers; i++ {
		if l.add(marker(i)) {
			t.Errorf("marker %d is to be linked again", i)
		}
	}
	if len(l.to) != maxLinks || len(l.late) != maxLinks || cap(l.to) > maxLinks || cap(l.late) > maxLinks {
		t.Errorf("%d and %d markers are remembered, want %d and %d", len(l.to), len(l.late), maxLinks, maxLinks)
	}
}
