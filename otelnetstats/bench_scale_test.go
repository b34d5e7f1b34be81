package otelnetstats_test

import (
	"context"
	"fmt"
	"math"
	"net"
	"runtime"
	"testing"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/internal/testnet/compare"
	"github.com/netstats-go/netstats/otelnetstats"
)

func dialer(t *otelnetstats.Tracker) *otelnetstats.Dialer { return &otelnetstats.Dialer{Tracker: t} }

// free is a Dialer whose connections cost nothing.
func free(t *otelnetstats.Tracker) *otelnetstats.Dialer {
	return &otelnetstats.Dialer{Tracker: t, Base: otelnetstats.DialFunc(
		func(context.Context, string, string) (net.Conn, error) { return new(compare.FreeConn), nil })}
}

// BenchmarkCollect collects metrics of many open connections: idle ones, and
// such as each moved something since the last collection.
func BenchmarkCollect(b *testing.B) {
	for _, open := range []int{100, 10_000, 100_000} {
		for _, sets := range []int{1, 100, 200} {
			for _, busy := range []bool{false, true} {
				name := fmt.Sprintf("open=%d/sets=%d/busy=%t", open, sets, busy)
				b.Run(name, func(b *testing.B) { benchmarkCollect(b, open, sets, busy) })
			}
		}
	}
}

func benchmarkCollect(b *testing.B, open, sets int, busy bool) {
	reader := sdkmetric.NewManualReader()
	t, err := otelnetstats.New(
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSampler(sdktrace.NeverSample()))),
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	if err != nil {
		b.Fatal(err)
	}
	conns := make([]net.Conn, open)
	for i := range conns {
		if conns[i], err = free(t).Dial("tcp", fmt.Sprintf("server-%d:80", i%sets)); err != nil {
			b.Fatal(err)
		}
	}
	buf := make([]byte, 64)
	var rm metricdata.ResourceMetrics
	for b.Loop() {
		if busy {
			b.StopTimer()
			for _, c := range conns {
				_, _ = c.Read(buf)
			}
			b.StartTimer()
		}
		if err := reader.Collect(b.Context(), &rm); err != nil {
			b.Fatal(err)
		}
	}
	runtime.KeepAlive(conns)
}

// BenchmarkHeap is the memory of an open connection over the plain one's.
func BenchmarkHeap(b *testing.B) {
	l := listen(b, "tcp", "127.0.0.1:0")
	plain := heapPerConn(b, l, new(net.Dialer), nil)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(plain, "plain-B")
	for _, t := range tracked(b)[:2] {
		b.ReportMetric(heapPerConn(b, l, dialer(t.Tracker), nil)-plain, t.name+"-own-B")
	}
	t := tracked(b)[1]
	b.ReportMetric(heapPerConn(b, l, dialer(t.Tracker), fillEvents)-plain, "full-own-B")
}

// heapPerConn is the heap that an open connection and its other end take.
func heapPerConn(tb testing.TB, l net.Listener, d otelnetstats.ContextDialer, use func(c, peer net.Conn)) float64 {
	tb.Helper()
	const n = 1000
	conns := make([]net.Conn, 0, 2*(n+1))
	var before uint64
	for i := range n + 1 {
		if i == 1 { // the first is for what all share
			before = liveHeap()
		}
		c, err := d.DialContext(tb.Context(), "tcp", l.Addr().String())
		if err != nil {
			tb.Fatal(err)
		}
		accepted, err := l.Accept()
		if err != nil {
			tb.Fatal(err)
		}
		conns = append(conns, c, accepted)
		if use != nil {
			use(c, accepted)
		}
	}
	after := liveHeap()
	for _, c := range conns {
		_ = c.Close()
	}
	return float64(int64(after)-int64(before)) / n
}

// fillEvents has a recording connection keep all the events that it can.
func fillEvents(c, peer net.Conn) {
	for range 32 {
		otelnetstats.Mark(context.Background(), c, "phase")
	}
	one := []byte{0}
	for range 30 {
		_, _ = c.Write(one)
		_, _ = peer.Write(one)
		_, _ = c.Read(one)
	}
}

// liveHeap collects garbage until there is no less: what has a finalizer takes
// several rounds.
func liveHeap() uint64 {
	least := uint64(math.MaxUint64)
	for {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		if m.HeapAlloc >= least {
			return least
		}
		least = m.HeapAlloc
	}
}

// BenchmarkDestinations dials as many distinct servers as there are iterations;
// run it with -benchtime=1000000x. heap-B is what they leave behind.
func BenchmarkDestinations(b *testing.B) {
	t := benchTracker(b, sdktrace.NeverSample())
	d := free(t)
	before := liveHeap()
	i := 0
	for b.Loop() {
		i++
		c, err := d.Dial("tcp", fmt.Sprintf("server-%d:80", i))
		if err != nil {
			b.Fatal(err)
		}
		_ = c.Close()
	}
	b.ReportMetric(float64(int64(liveHeap())-int64(before)), "heap-B")
}
