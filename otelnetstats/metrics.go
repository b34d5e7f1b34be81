package otelnetstats

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/metric"

	"github.com/netstats-go/netstats/internal/connstat"
)

// maxSamples bounds what one collection asks the kernel, at about 2 µs each.
const maxSamples = 256

// connectionInstruments are those of one role.
type connectionInstruments struct {
	io       metric.Int64ObservableCounter
	count    metric.Int64ObservableUpDownCounter
	packets  metric.Int64ObservableCounter
	duration metric.Float64Histogram
}

// instruments are those of a Tracker. Bytes and counts are pulled: one callback
// reads the totals of each series, after those connections were folded in that
// moved something since it last ran.
type instruments struct {
	connections  [dials]connectionInstruments // by kind
	dialDuration metric.Float64Histogram
	dialActive   metric.Int64ObservableUpDownCounter
	accepted     metric.Int64Counter
	registration metric.Registration
}

// newInstruments makes what it can: an instrument that fails is left a no-op.
func newInstruments(meter metric.Meter, observe metric.Callback) (*instruments, error) {
	m := maker{meter: meter}
	in := &instruments{
		connections: [...]connectionInstruments{
			clientConnections: {
				io:       m.counter(metricClientIO, unitBytes, descriptionIO),
				count:    m.upDown(metricClientConnections, unitConnections, descriptionConnections),
				packets:  m.counter(metricClientPackets, unitPackets, descriptionPackets),
				duration: m.histogram(metricClientDuration, descriptionDuration, connectionBuckets),
			},
			serverConnections: {
				io:       m.counter(metricServerIO, unitBytes, descriptionIO),
				count:    m.upDown(metricServerConnections, unitConnections, descriptionConnections),
				packets:  m.counter(metricServerPackets, unitPackets, descriptionPackets),
				duration: m.histogram(metricServerDuration, descriptionDuration, connectionBuckets),
			},
		},
		dialDuration: m.histogram(metricDialDuration, descriptionDialDuration, dialBuckets),
		dialActive:   m.upDown(metricDialActive, unitDials, descriptionDialActive),
	}
	accepted, err := meter.Int64Counter(metricAcceptedConnections, metric.WithUnit(unitConnections), metric.WithDescription(descriptionAcceptedResults))
	m.errs = append(m.errs, err)
	in.accepted = accepted
	in.registration, err = meter.RegisterCallback(observe, m.observables...)
	return in, errors.Join(append(m.errs, err)...)
}

// A maker makes instruments and gathers what goes wrong.
type maker struct {
	meter       metric.Meter
	observables []metric.Observable
	errs        []error
}

func (m *maker) counter(name, unit, description string) metric.Int64ObservableCounter {
	c, err := m.meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	return observable(m, c, err)
}

func (m *maker) upDown(name, unit, description string) metric.Int64ObservableUpDownCounter {
	c, err := m.meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(description))
	return observable(m, c, err)
}

func observable[T metric.Observable](m *maker, instrument T, err error) T {
	if err != nil {
		m.errs = append(m.errs, err)
		var none T
		return none // observing it would be an error each time
	}
	m.observables = append(m.observables, instrument)
	return instrument
}

func (m *maker) histogram(name, description string, buckets []float64) metric.Float64Histogram {
	h, err := m.meter.Float64Histogram(name, metric.WithUnit(unitSeconds), metric.WithDescription(description), metric.WithExplicitBucketBoundaries(buckets...))
	m.errs = append(m.errs, err)
	return h
}

// observe is the metric callback. It is called once for each reader.
func (t *Tracker) observe(_ context.Context, o metric.Observer) error {
	t.open.Sample(maxSamples)
	t.open.Fold()
	for _, s := range *t.table.all.Load() {
		if s.key.kind == dials {
			observe(o, t.in.dialActive, s.active.Load(), s.observe)
			continue
		}
		in := &t.in.connections[s.key.kind]
		received, sent := s.totals.Flows()
		observe(o, in.io, received.Bytes, s.observeReceive)
		observe(o, in.io, sent.Bytes, s.observeTransmit)
		observe(o, in.count, s.totals.Open(), s.observe)
		if s.packet.Load() {
			observe(o, in.packets, received.Operations, s.observeReceive)
			observe(o, in.packets, sent.Operations, s.observeTransmit)
		}
	}
	return nil
}

// observe observes, unless the instrument could not be made.
func observe(o metric.Observer, instrument metric.Int64Observable, n int64, opts []metric.ObserveOption) {
	if instrument != nil {
		o.ObserveInt64(instrument, n, opts...)
	}
}

// recordDuration records how long the connection was open.
func (c *Conn) recordDuration() {
	h := c.tracker.in.connections[c.series.key.kind].duration
	record(exemplarContext(c.span), h, c.series, connstat.Since(c.rec.Opened), c.errorType())
}

// record records a duration, under error.type if it is not empty. ctx carries
// the span, for exemplars.
func record(ctx context.Context, h metric.Float64Histogram, s *series, d time.Duration, errorType string) {
	if h == nil || !h.Enabled(ctx) {
		return
	}
	if errorType == "" {
		h.Record(ctx, d.Seconds(), s.record...)
		return
	}
	h.Record(ctx, d.Seconds(), metric.WithAttributeSet(s.failure(errorType)))
}

// countAccept counts the result of an Accept.
func (t *Tracker) countAccept(ctx context.Context, s *series, errorType string) {
	if t.in.accepted == nil {
		return
	}
	if errorType == "" {
		t.in.accepted.Add(ctx, 1, s.add...)
		return
	}
	t.in.accepted.Add(ctx, 1, metric.WithAttributeSet(s.failure(errorType)))
}
