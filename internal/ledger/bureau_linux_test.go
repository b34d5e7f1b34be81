package ledger

import (
	"context"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A ledgerBureau is a Tracker with the telemetry of its connections, held
// against their numbers as they end and in sum.
type ledgerBureau struct {
	run     *ledgerRun
	watched bool
	tracker *otelnetstats.Tracker
	dialer  *otelnetstats.Dialer
	told    ledgerTold
	spans   ledgerSpans
	tracers *sdktrace.TracerProvider
	meters  *sdkmetric.MeterProvider

	mu                      sync.Mutex // guards all below
	cumulative, delta, late *sdkmetric.ManualReader
	seen, deltas            ledgerTotals
	ended                   ledgerTotals // of all connections
}

// ledgerTotals are bytes by metric and direction.
type ledgerTotals map[string][2]int64

var ledgerMetrics = map[string]string{"client": "netstats.client.io", "server": "netstats.server.io"}

func newLedgerBureau(run *ledgerRun, watched bool) *ledgerBureau {
	b := &ledgerBureau{
		run: run, watched: watched, deltas: make(ledgerTotals), ended: make(ledgerTotals),
		cumulative: sdkmetric.NewManualReader(), late: sdkmetric.NewManualReader(),
		delta: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(
			func(sdkmetric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality })),
	}
	b.meters = sdkmetric.NewMeterProvider(sdkmetric.WithReader(b.cumulative), sdkmetric.WithReader(b.delta), sdkmetric.WithReader(b.late))
	opts := []otelnetstats.Option{otelnetstats.WithMeterProvider(b.meters)}
	if watched {
		b.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(&b.spans))
		opts = append(opts, otelnetstats.WithTracerProvider(b.tracers), otelnetstats.WithCallback(&b.told))
	} else {
		opts = append(opts, otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff))
	}
	b.tracker = newTracker(run.t, opts...)
	b.dialer = &otelnetstats.Dialer{Tracker: b.tracker}
	return b
}

// dial returns the client's end of a new connection, nil if there is none.
func (b *ledgerBureau) dial(name, address string) *ledgerEnd {
	conn, err := b.dialer.Dial("tcp", address)
	if !b.run.must("dial", err) {
		return nil
	}
	return b.end(name, conn)
}

// collect collects and checks that no counter goes back.
func (b *ledgerBureau) collect() {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := ledgerCollect(b.run, b.cumulative)
	for metric, got := range now {
		if before := b.seen[metric]; got[ledgerIn] < before[ledgerIn] || got[ledgerOut] < before[ledgerOut] {
			b.run.errorf("%s went from %d to %d", metric, before, got)
		}
	}
	b.seen = now
	b.collectDelta()
}

func (b *ledgerBureau) collectDelta() {
	for metric, got := range ledgerCollect(b.run, b.delta) {
		sum := b.deltas[metric]
		b.deltas[metric] = [2]int64{sum[ledgerIn] + got[ledgerIn], sum[ledgerOut] + got[ledgerOut]}
	}
}

func ledgerCollect(run *ledgerRun, r sdkmetric.Reader) ledgerTotals {
	s := collect(run.t, r)
	totals := make(ledgerTotals)
	for _, metric := range ledgerMetrics {
		totals[metric] = [2]int64{s.sum(metric, received), s.sum(metric, transmitted)}
	}
	return totals
}

// settled takes the numbers of a connection that ended, and holds its span and
// what callbacks were told against them. They are exact if the connection was
// closed after all calls had returned, and else may lack what came later.
func (b *ledgerBureau) settled(e *ledgerEnd, exact bool) {
	in, out := e.counted()
	b.add(ledgerMetrics[e.record.Role()], in, out)
	if !b.watched {
		return
	}
	ours := [2]int64{in, out}
	for what, got := range map[string][2]int64{
		"the span": b.spans.take(e), "callbacks": b.told.take(e.record.ID()),
	} {
		for d := range got {
			if got[d] > ours[d] || exact && got[d] != ours[d] {
				e.errorf("direction %d: counted %d, %s had %d", d, ours[d], what, got[d])
			}
		}
	}
}

func (b *ledgerBureau) add(metric string, in, out int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	sum := b.ended[metric]
	b.ended[metric] = [2]int64{sum[ledgerIn] + in, sum[ledgerOut] + out}
}

// close holds the metrics against the connections, all of which have ended.
func (b *ledgerBureau) close() {
	b.collect()
	late := ledgerCollect(b.run, b.late)
	for _, metric := range ledgerMetrics {
		want := b.ended[metric]
		for reader, got := range map[string][2]int64{
			"cumulative": b.seen[metric], "sum of deltas": b.deltas[metric], "late": late[metric],
		} {
			if got != want {
				b.run.errorf("%s, %s: %d, connections had %d", metric, reader, got, want)
			}
		}
	}
	s := collect(b.run.t, b.cumulative)
	for _, metric := range []string{"netstats.client.connection.count", "netstats.server.connection.count", "netstats.dial.active"} {
		if n := s.sum(metric); n != 0 {
			b.run.errorf("%s is %d, want 0", metric, n)
		}
	}
}

// ledgerTold adds up what callbacks were told, by connection.
type ledgerTold struct {
	otelnetstats.NopCallback
	conns sync.Map // of *[2]atomic.Int64, by ID
}

var _ otelnetstats.IOCallback = (*ledgerTold)(nil)

func (l *ledgerTold) Open(_ context.Context, c *otelnetstats.Conn) {
	l.conns.Store(c.ID(), new([2]atomic.Int64))
}

func (l *ledgerTold) Read(_ context.Context, c *otelnetstats.Conn, n int)  { l.add(c, ledgerIn, n) }
func (l *ledgerTold) Write(_ context.Context, c *otelnetstats.Conn, n int) { l.add(c, ledgerOut, n) }

func (l *ledgerTold) add(c *otelnetstats.Conn, direction, n int) {
	if sums, ok := l.conns.Load(c.ID()); ok {
		sums.(*[2]atomic.Int64)[direction].Add(int64(n))
	}
}

func (l *ledgerTold) take(id uint64) [2]int64 {
	v, ok := l.conns.LoadAndDelete(id)
	if !ok {
		return [2]int64{-1, -1}
	}
	sums := v.(*[2]atomic.Int64)
	return [2]int64{sums[ledgerIn].Load(), sums[ledgerOut].Load()}
}

// ledgerSpans is a span processor that keeps the sums of connection spans.
type ledgerSpans struct{ conns sync.Map } // of ledgerSpan, by ID

// A ledgerSpan is what a span says in two ways.
type ledgerSpan struct{ sizes, events [2]int64 }

var _ sdktrace.SpanProcessor = (*ledgerSpans)(nil)

func (*ledgerSpans) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (*ledgerSpans) ForceFlush(context.Context) error                { return nil }
func (*ledgerSpans) Shutdown(context.Context) error                  { return nil }

func (l *ledgerSpans) OnEnd(s sdktrace.ReadOnlySpan) {
	a := attrsOf(s.Attributes())
	id := a.int("netstats.connection.id")
	if id == 0 {
		return // of a dial
	}
	span := ledgerSpan{
		sizes:  [2]int64{a.int("netstats.receive.size"), a.int("netstats.transmit.size")},
		events: [2]int64{a.int("netstats.receive.suppressed.size"), a.int("netstats.transmit.suppressed.size")},
	}
	for _, e := range s.Events() {
		switch n := attrsOf(e.Attributes).int(attribute.Key("netstats.io.size")); e.Name {
		case eventRead:
			span.events[ledgerIn] += n
		case eventWrite:
			span.events[ledgerOut] += n
		}
	}
	l.conns.Store(id, span)
}

// take returns what the span of e says, and checks that it says the same twice.
func (l *ledgerSpans) take(e *ledgerEnd) [2]int64 {
	v, ok := l.conns.LoadAndDelete(int64(e.record.ID())) //nolint:gosec // counts up from 1
	if !ok {
		e.errorf("no span ended")
		return [2]int64{-1, -1}
	}
	span := v.(ledgerSpan)
	if span.sizes != span.events {
		e.errorf("the span's sizes are %d, its events and what was suppressed add up to %d", span.sizes, span.events)
	}
	return span.sizes
}
