package otelnetstats_test

import (
	"net"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The benchmarks compare the tracked connection with the plain one in the same
// run: each iteration does a batch of work with every variant in turn, so that
// what else the machine does meets all of them alike. They report, for each
// variant, the time of one operation and its ratio to the plain one's:
//
//	unsampled-x   metrics on, span not recording
//	recording-x   metrics on, span recording
//	callback-x    metrics on, span not recording, with an IOCallback
//
// Ratios are what to read; own-ns is the tracked time less the plain one's.

// A variant is one way to do the work.
type variant struct {
	name string
	do   func(n int) // n operations
}

// measure times the variants, the first of which is the plain one.
func measure(b *testing.B, batch int, variants []variant) {
	b.Helper()
	for _, v := range variants {
		v.do(batch) // caches, pools and growing slices
	}
	spent := make([]time.Duration, len(variants))
	rounds := 0
	for b.Loop() {
		for i := range variants {
			i = (i + rounds) % len(variants) // nobody is always first
			start := time.Now()
			variants[i].do(batch)
			spent[i] += time.Since(start)
		}
		rounds++
	}
	perOp := func(i int) float64 { return float64(spent[i].Nanoseconds()) / float64(rounds) / float64(batch) }
	b.ReportMetric(0, "ns/op") // the sum of all variants says nothing
	b.ReportMetric(perOp(0), "plain-ns")
	for i, v := range variants[1:] {
		b.ReportMetric(perOp(i+1)-perOp(0), v.name+"-own-ns")
		b.ReportMetric(perOp(i+1)/perOp(0), v.name+"-x")
	}
}

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

func benchTracker(b *testing.B, sampler sdktrace.Sampler, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	b.Helper()
	spans := sdktrace.NewTracerProvider(sdktrace.WithSampler(sampler))
	metrics := sdkmetric.NewMeterProvider(sdkmetric.WithReader(sdkmetric.NewManualReader()))
	t, err := otelnetstats.New(append(opts,
		otelnetstats.WithTracerProvider(spans),
		otelnetstats.WithMeterProvider(metrics))...)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = t.Shutdown(b.Context())
		_ = spans.Shutdown(b.Context())
		_ = metrics.Shutdown(b.Context())
	})
	return t
}

// A freeConn costs nothing to read and write.
type freeConn struct{ net.Conn }

func (*freeConn) Read(p []byte) (int, error)  { return len(p), nil }
func (*freeConn) Write(p []byte) (int, error) { return len(p), nil }
func (*freeConn) Close() error                { return nil }
func (*freeConn) LocalAddr() net.Addr         { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 1} }

func (*freeConn) RemoteAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 2} }
