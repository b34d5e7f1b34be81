package otelnetstats

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"

	"github.com/netstats-go/netstats/internal/connstat"
)

// maxSamples bounds what one collection asks the kernel, at about 2 µs each.
const maxSamples = 256

// connectionInstruments are those of one role.
type connectionInstruments struct {
	io, closed, packets, retransmits metric.Int64ObservableCounter
	count                            metric.Int64ObservableUpDownCounter
	duration, rtt                    metric.Float64Histogram
}

// instruments are those of a Tracker. Bytes and counts are pulled: one callback
// reads the totals of each series, after those connections were folded in that
// moved something since it last ran.
type instruments struct {
	connections    [dials]connectionInstruments // by kind
	dialDuration   metric.Float64Histogram
	dialActive     metric.Int64ObservableUpDownCounter
	tlsDuration    metric.Float64Histogram
	lookupDuration metric.Float64Histogram
	accepted       metric.Int64Counter
	http           httpInstruments
	servers        metric.Int64ObservableUpDownCounter
	serversLimit   metric.Int64ObservableUpDownCounter
	registration   metric.Registration
}

// newInstruments makes what it can: an instrument that fails is left a no-op.
func newInstruments(meter metric.Meter, observe metric.Callback) (*instruments, error) {
	m := maker{meter: meter}
	in := &instruments{
		connections: [...]connectionInstruments{
			clientConnections: {
				io:          m.counter(metricClientIO, unitBytes, descriptionIO),
				closed:      m.counter(metricClientClosed, unitConnections, descriptionClosed),
				packets:     m.counter(metricClientPackets, unitPackets, descriptionPackets),
				retransmits: m.counter(metricClientRetransmits, unitSegments, descriptionRetransmits),
				count:       m.upDown(metricClientConnections, unitConnections, descriptionConnections),
				duration:    m.histogram(metricClientDuration, descriptionDuration, connectionBuckets),
				rtt:         m.histogram(metricClientRTT, descriptionRTT, rttBuckets),
			},
			serverConnections: {
				io:          m.counter(metricServerIO, unitBytes, descriptionIO),
				closed:      m.counter(metricServerClosed, unitConnections, descriptionClosed),
				packets:     m.counter(metricServerPackets, unitPackets, descriptionPackets),
				retransmits: m.counter(metricServerRetransmits, unitSegments, descriptionRetransmits),
				count:       m.upDown(metricServerConnections, unitConnections, descriptionConnections),
				duration:    m.histogram(metricServerDuration, descriptionDuration, connectionBuckets),
				rtt:         m.histogram(metricServerRTT, descriptionRTT, rttBuckets),
			},
		},
		dialDuration:   m.histogram(metricDialDuration, descriptionDialDuration, dialBuckets),
		dialActive:     m.upDown(metricDialActive, unitDials, descriptionDialActive),
		tlsDuration:    m.histogram(metricTLSDuration, descriptionTLSDuration, tlsBuckets),
		lookupDuration: m.histogram(metricDNSDuration, descriptionDNSDuration, dnsBuckets),
		servers:        m.upDown(metricDistinctServers, unitServers, descriptionDistinctServers),
		serversLimit:   m.upDown(metricDistinctServersLimit, unitServers, descriptionDistinctServersLimit),
		http:           newHTTPInstruments(&m),
	}
	accepted, err := meter.Int64Counter(metricServerAccepted, metric.WithUnit(unitConnections), metric.WithDescription(descriptionAcceptedResults))
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
	t.strangers.look()
	all := *t.table.all.Load()
	if len(all) > 0 {
		t.observeServers(o)
	}
	closed := closedCounts{tracker: t, observer: o}
	for _, s := range all {
		switch s.key.kind {
		case dials:
			observe(o, t.in.dialActive, s.active.Load(), s.observe)
		case pools:
			t.observePool(o, s)
		default:
			t.observeConnections(o, s)
			closed.add(s)
		}
	}
	closed.observePast()
	return nil
}

func (t *Tracker) observeConnections(o metric.Observer, s *series) {
	in := &t.in.connections[s.key.kind]
	received, sent := s.totals.Flows()
	observe(o, in.io, received.Bytes, s.observeReceive)
	observe(o, in.io, sent.Bytes, s.observeTransmit)
	observe(o, in.count, s.totals.Open(), s.observe)
	if s.packet.Load() {
		observe(o, in.packets, received.Operations, s.observeReceive)
		observe(o, in.packets, sent.Operations, s.observeTransmit)
	}
	if s.tcp.Load() {
		observe(o, in.retransmits, s.retransmits.Load(), s.observe)
	}
}

// observeServers says how many servers metrics tell apart, and how many they can.
func (t *Tracker) observeServers(o metric.Observer) {
	observe(o, t.in.servers, t.table.budget.named(), t.table.observe)
	observe(o, t.in.serversLimit, int64(t.table.budget.max), t.table.observe)
}

// closedCounts observes how many connections ended, by reason. What there is no
// room for is counted with all that is past a cap.
type closedCounts struct {
	tracker  *Tracker
	observer metric.Observer
	past     map[closedKey]int64 // nil for most programs
}

type closedKey struct {
	series *series
	reason connstat.Reason
}

func (c *closedCounts) add(s *series) {
	for r := range reasons {
		reason := connstat.Reason(r) //nolint:gosec // there are few
		n := s.totals.Ended(reason)
		if n == 0 {
			continue
		}
		if s.server == nil {
			c.addPast(closedKey{s, reason}, n)
		} else if opts := s.closedWith(reason); opts != nil {
			observe(c.observer, c.tracker.in.connections[s.key.kind].closed, n, opts)
		} else {
			c.addPast(closedKey{c.tracker.table.past(s.key), reason}, n)
		}
	}
}

func (c *closedCounts) addPast(key closedKey, n int64) {
	if c.past == nil {
		c.past = make(map[closedKey]int64)
	}
	c.past[key] += n
}

func (c *closedCounts) observePast() {
	for key, n := range c.past {
		observe(c.observer, c.tracker.in.connections[key.series.key.kind].closed, n, key.series.closedWith(key.reason))
	}
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
	record(exemplarContext(c.live()), h, &c.series.attributeSet, connstat.Since(c.rec.Opened), c.failure())
}

// recordTCP records what the kernel said of the connection, and how many more
// segments it has sent again than when it was last asked.
func (c *Conn) recordTCP(rtt time.Duration, retransmits int64) {
	c.series.tcp.Store(true)
	c.series.retransmits.Add(retransmits)
	h := c.tracker.in.connections[c.series.key.kind].rtt
	record(exemplarContext(c.live()), h, &c.series.attributeSet, rtt, none)
}

// none is no attribute.
var none attribute.KeyValue

// failure is error.type, and none if nothing failed.
func failure(err error) attribute.KeyValue {
	if err == nil {
		return none
	}
	return keyErrorType.String(errorType(err))
}

// record records a duration, with one attribute more than the set has, or with
// none. ctx carries the span, for exemplars.
func record(ctx context.Context, h metric.Float64Histogram, s *attributeSet, d time.Duration, more attribute.KeyValue) {
	if h == nil || !h.Enabled(ctx) {
		return
	}
	if !more.Valid() {
		h.Record(ctx, d.Seconds(), s.record...)
		return
	}
	h.Record(ctx, d.Seconds(), metric.WithAttributeSet(s.with(more)))
}

// countAccept counts the result of an Accept.
func (t *Tracker) countAccept(ctx context.Context, s *series, failed attribute.KeyValue) {
	if t.in.accepted == nil {
		return
	}
	if !failed.Valid() {
		t.in.accepted.Add(ctx, 1, s.add...)
		return
	}
	t.in.accepted.Add(ctx, 1, metric.WithAttributeSet(s.with(failed)))
}
