package otelnetstats

import "go.opentelemetry.io/otel/metric"

// httpInstruments are those of the pools of [Transport]s.
type httpInstruments struct {
	open, pending  metric.Int64ObservableUpDownCounter
	requests       metric.Int64ObservableCounter
	wait, duration metric.Float64Histogram
}

func newHTTPInstruments(m *maker) httpInstruments {
	return httpInstruments{
		open:     m.upDown(metricHTTPOpen, unitConnections, descriptionHTTPOpen),
		pending:  m.upDown(metricHTTPPending, unitRequests, descriptionHTTPPending),
		requests: m.counter(metricHTTPRequests, unitRequests, descriptionHTTPRequests),
		wait:     m.histogram(metricHTTPWait, descriptionHTTPWait, httpWaitBuckets),
		duration: m.histogram(metricHTTPDuration, descriptionHTTPDuration, httpDurationBuckets),
	}
}

func (t *Tracker) observePool(o metric.Observer, s *series) {
	in, p := &t.in.http, s.pool
	active := p.active.Load()
	observe(o, in.open, active, p.observeActive)
	observe(o, in.open, max(0, p.open.Load()-active), p.observeIdle) // one may have joined in between
	observe(o, in.pending, p.waiting.Load(), s.observe)
	observe(o, in.requests, p.first.Load(), p.observeFirst)
	observe(o, in.requests, p.again.Load(), p.observeAgain)
}
