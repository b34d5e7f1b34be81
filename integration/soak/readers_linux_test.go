package soak

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// readers collect metrics at two paces, and compare.
type readers struct {
	provider          *sdkmetric.MeterProvider
	cumulative, delta *sdkmetric.ManualReader
	deltas            map[string]int64 // added up
	last              map[string]int64
}

func newReaders() *readers {
	r := &readers{
		cumulative: sdkmetric.NewManualReader(),
		delta: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(
			func(sdkmetric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality })),
		deltas: make(map[string]int64), last: make(map[string]int64),
	}
	r.provider = sdkmetric.NewMeterProvider(sdkmetric.WithReader(r.cumulative), sdkmetric.WithReader(r.delta))
	return r
}

// run collects until ctx is done.
func (r *readers) run(ctx context.Context, t *testing.T) {
	for i := 0; sleep(ctx, 30*time.Millisecond); i++ {
		r.read(t)
		if i%10 == 0 {
			r.readDelta(t)
		}
	}
}

// read checks that no counter goes back and no gauge is negative.
func (r *readers) read(t *testing.T) {
	counters := make(map[string]int64)
	for name, v := range sums(t, r.cumulative, true) {
		counters[name] = v
		if v < r.last[name] {
			t.Errorf("%s went back from %d to %d", name, r.last[name], v)
		}
	}
	r.last = counters
	for name, v := range sums(t, r.cumulative, false) {
		if v < 0 {
			t.Errorf("%s is %d", name, v)
		}
	}
}

func (r *readers) readDelta(t *testing.T) {
	for name, v := range sums(t, r.delta, true) {
		r.deltas[name] += v
		if v < 0 {
			t.Errorf("%s grew by %d", name, v)
		}
	}
}

// open is how many connections and dials the gauges have. It is asked when
// nothing happens any more, so that both readers must have the same.
func (r *readers) open(t *testing.T) (n int64) {
	t.Helper()
	gauges := sums(t, r.cumulative, false)
	for _, name := range []string{"netstats.client.connection.count", "netstats.server.connection.count", "netstats.dial.active"} {
		v, ok := gauges[name]
		if !ok {
			t.Errorf("there is no metric %s", name)
		}
		n += v
	}
	if n == 0 {
		r.read(t)
		r.readDelta(t)
		for name, v := range r.last {
			if r.deltas[name] != v {
				t.Errorf("%s is %d for one reader, and %d for the other", name, v, r.deltas[name])
			}
		}
	}
	return n
}

// sums returns the sums of counters or of gauges by name.
func sums(t *testing.T, r *sdkmetric.ManualReader, monotonic bool) map[string]int64 {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := r.Collect(context.WithoutCancel(t.Context()), &all); err != nil {
		t.Error(err)
	}
	found := make(map[string]int64)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			if data, ok := m.Data.(metricdata.Sum[int64]); ok && data.IsMonotonic == monotonic {
				for _, p := range data.DataPoints {
					found[m.Name] += p.Value
				}
			}
		}
	}
	return found
}

// counts are what callbacks were told of.
type counts struct {
	otelnetstats.NopCallback
	opened, closed, marks, failures atomic.Int64
	reasons                         [8]atomic.Int64
}

func (c *counts) Open(context.Context, *otelnetstats.Conn)                   { c.opened.Add(1) }
func (c *counts) Mark(context.Context, *otelnetstats.Conn, otelnetstats.Lap) { c.marks.Add(1) }
func (c *counts) DialError(context.Context, string, string, error)           { c.failures.Add(1) }
func (c *counts) Close(_ context.Context, conn *otelnetstats.Conn) {
	c.closed.Add(1)
	for i, reason := range reasons {
		if conn.CloseReason() == reason {
			c.reasons[i].Add(1)
		}
	}
}

var reasons = []otelnetstats.CloseReason{
	otelnetstats.ClosedLocal, otelnetstats.ClosedRemote, otelnetstats.ClosedReset, otelnetstats.ClosedTimeout,
	otelnetstats.ClosedError, otelnetstats.ClosedShutdown, otelnetstats.ClosedLeaked,
}

func (c *counts) String() string {
	s := fmt.Sprintf("%d connections opened, %d closed, %d marks, %d failed dials;", c.opened.Load(), c.closed.Load(), c.marks.Load(), c.failures.Load())
	for i, reason := range reasons {
		s += fmt.Sprintf(" %s %d", reason, c.reasons[i].Load())
	}
	return s
}
