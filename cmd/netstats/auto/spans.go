package auto

import (
	"context"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/bridge"
)

// SpanContexts says how the span in a context of the program's is known: the
// program has an OpenTelemetry of its own, and this package cannot see what that
// has in contexts. A dial's span is a child of that span from then on. It is called
// by what `netstats build -auto` adds to a program that has one.
func SpanContexts(of func(context.Context) (traceID [16]byte, spanID [8]byte, flags byte)) {
	bridge.TranslateContexts(func(ctx context.Context) context.Context {
		if trace.SpanContextFromContext(ctx).IsValid() {
			return ctx // a dial within a dial, whose span is ours
		}
		traceID, spanID, flags := of(ctx)
		span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: traceID, SpanID: spanID, TraceFlags: trace.TraceFlags(flags)})
		if !span.IsValid() {
			return ctx
		}
		return trace.ContextWithSpanContext(ctx, span)
	})
}
