package ledger

import (
	"context"
	"sync"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// metrics are those of a Tracker, as three readers collect them, and what they are
// to be in the end.
type metrics struct {
	run      *run
	provider *sdkmetric.MeterProvider

	mu         sync.Mutex // guards all below; held while metrics are collected
	cumulative *sdkmetric.ManualReader
	delta      *sdkmetric.ManualReader
	late       *sdkmetric.ManualReader // cumulative; collected at the end only
	latest     totals                  // of the cumulative reader
	deltas     totals                  // added up
	finished   totals                  // what all connections counted
}

// totals are bytes by the role of the connections.
type totals map[string]counts

// ioMetrics are the metrics that count bytes, by role.
var ioMetrics = map[string]string{"client": "netstats.client.io", "server": "netstats.server.io"}

// openMetrics are zero once all connections have ended.
var openMetrics = []string{"netstats.client.connection.count", "netstats.server.connection.count", "netstats.dial.active"}

func newMetrics(run *run) *metrics {
	m := &metrics{
		run:        run,
		cumulative: sdkmetric.NewManualReader(),
		delta: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(
			func(sdkmetric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality })),
		late:   sdkmetric.NewManualReader(),
		deltas: make(totals), finished: make(totals),
	}
	m.provider = sdkmetric.NewMeterProvider(
		sdkmetric.WithReader(m.cumulative), sdkmetric.WithReader(m.delta), sdkmetric.WithReader(m.late))
	return m
}

// add adds what a connection counted.
func (m *metrics) add(role string, c counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.finished[role] = m.finished[role].plus(c)
}

// collect collects and checks that no metric decreased.
func (m *metrics) collect() {
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.read(m.cumulative).totals()
	for role, got := range now {
		if before := m.latest[role]; got[received] < before[received] || got[sent] < before[sent] {
			m.run.errorf("%s went from %v to %v", ioMetrics[role], before, got)
		}
	}
	m.latest = now
	for role, got := range m.read(m.delta).totals() {
		m.deltas[role] = m.deltas[role].plus(got)
	}
}

// check compares the metrics with what all connections counted.
func (m *metrics) check() {
	m.collect()
	late := m.read(m.late).totals()
	for role, name := range ioMetrics {
		for reader, got := range map[string]counts{
			"cumulative": m.latest[role], "sum of deltas": m.deltas[role], "late": late[role],
		} {
			if want := m.finished[role]; got != want {
				m.run.errorf("%s, %s: %v, connections had %v", name, reader, got, want)
			}
		}
	}
	now := m.read(m.cumulative)
	for _, name := range openMetrics {
		if n := now.total(name); n != 0 {
			m.run.errorf("%s is %d, want 0", name, n)
		}
	}
}

// A collection is what a reader collected from the library.
type collection []metricdata.Metrics

func (m *metrics) read(r sdkmetric.Reader) collection {
	var rm metricdata.ResourceMetrics
	m.run.succeeded("collect", r.Collect(context.WithoutCancel(m.run.t.Context()), &rm))
	for _, s := range rm.ScopeMetrics {
		if s.Scope.Name == otelnetstats.ScopeName {
			return s.Metrics
		}
	}
	return nil
}

// totals are what the metrics of bytes add up to.
func (c collection) totals() totals {
	t := make(totals)
	for role, name := range ioMetrics {
		var sums counts
		for _, p := range c.points(name) {
			switch v, _ := p.Attributes.Value("network.io.direction"); v.AsString() {
			case "receive":
				sums[received] += p.Value
			case "transmit":
				sums[sent] += p.Value
			}
		}
		t[role] = sums
	}
	return t
}

// total is what the points of a metric add up to.
func (c collection) total(name string) (n int64) {
	for _, p := range c.points(name) {
		n += p.Value
	}
	return n
}

func (c collection) points(name string) (points []metricdata.DataPoint[int64]) {
	for _, m := range c {
		if sum, ok := m.Data.(metricdata.Sum[int64]); ok && m.Name == name {
			points = append(points, sum.DataPoints...)
		}
	}
	return points
}
