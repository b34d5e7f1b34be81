package otelnetstats_test

import (
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The benchmarks compare the tracked connection with the plain one in the same
// run, by package compare. The variants are
//
//	plain      not tracked
//	atomic     not tracked, with one atomic addition for each call
//	unsampled  metrics on, span not recording
//	recording  metrics on, span recording
//	callback   metrics on, span not recording, with an IOCallback

// tracked are the Trackers that are compared.
func tracked(b *testing.B) []namedTracker {
	return []namedTracker{
		{"unsampled", benchTracker(b, sdktrace.NeverSample())},
		{"recording", benchTracker(b, sdktrace.AlwaysSample())},
		{"callback", benchTracker(b, sdktrace.NeverSample(), otelnetstats.WithCallback(ioNop{}))},
	}
}

type namedTracker struct {
	name string
	*otelnetstats.Tracker
}

// ioNop is the cheapest IOCallback.
type ioNop struct{ nopIO }

func benchTracker(tb testing.TB, sampler sdktrace.Sampler, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	tb.Helper()
	spans := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler))
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	t, err := otelnetstats.New(append(opts,
		otelnetstats.WithTracerProvider(spans),
		otelnetstats.WithMeterProvider(metrics))...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = t.Shutdown(tb.Context())
		_ = spans.Shutdown(tb.Context())
		_ = metrics.Shutdown(tb.Context())
	})
	return t
}
