package otelnetstats

import (
	"cmp"
	"crypto/tls"
	"slices"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// addEvents puts the steps of the dial on its span, in the order in which they
// ended.
func (d *dial) addEvents() {
	if d.setup == nil || d.tracker.cfg.noSpanEvents {
		return // there is no setup if the dial function panics
	}
	var room [4]spanEvent // enough for most
	events := room[:0]
	for i := range d.setup.Lookups {
		events = append(events, d.setup.Lookups[i].event())
	}
	for i := range d.setup.Connects {
		events = append(events, d.setup.Connects[i].event())
	}
	if !d.setup.TLS.Start.IsZero() {
		events = append(events, d.setup.TLS.event())
	}
	if len(events) > 1 {
		slices.SortStableFunc(events, func(a, b spanEvent) int { return cmp.Compare(a.at.UnixNano(), b.at.UnixNano()) })
	}
	for _, e := range events {
		d.span.AddEvent(e.name, trace.WithTimestamp(e.at), trace.WithAttributes(e.attrs...))
	}
}

func (l *DNSLookup) event() spanEvent {
	attrs := append(make([]attribute.KeyValue, 0, 4), nameAttribute(keyDNSQuestionName, l.Name), keyDNSAddresses.Int(l.Addresses))
	return stepEvent(eventDNS, l.Start, l.Duration, l.Err, attrs)
}

func (c *ConnectAttempt) event() spanEvent {
	peer := newTarget(c.Network, c.Address, "")
	attrs := append(make([]attribute.KeyValue, 0, 4), nameAttribute(keyPeerAddress, peer.address))
	if peer.port != 0 {
		attrs = append(attrs, keyPeerPort.Int(peer.port))
	}
	return stepEvent(eventConnect, c.Start, c.Duration, c.Err, attrs)
}

func (h *TLSHandshake) event() spanEvent {
	var attrs []attribute.KeyValue
	if h.Err == nil {
		attrs = append(make([]attribute.KeyValue, 0, 4), h.outcome(), keyTLSResumed.Bool(h.Resumed))
		if h.NextProtocol != "" {
			attrs = append(attrs, nameAttribute(keyTLSNextProtocol, h.NextProtocol))
		}
	}
	return stepEvent(eventTLS, h.Start, h.Duration, h.Err, attrs)
}

// outcome is what came of a handshake: the version, or the failure.
func (h *TLSHandshake) outcome() attribute.KeyValue {
	if h.Err != nil {
		return failure(h.Err)
	}
	return keyTLSVersion.String(tlsVersion(h.Version))
}

// stepEvent is the event of a step, which has the time at which the step ended.
func stepEvent(name string, start time.Time, took time.Duration, err error, attrs []attribute.KeyValue) spanEvent {
	attrs = append(attrs, keyDuration.Float64(took.Seconds()))
	if err != nil {
		attrs = append(attrs, failure(err))
	}
	return spanEvent{name, start.Add(took), attrs}
}

// tlsVersion is tls.protocol.version: the number alone.
func tlsVersion(version uint16) string {
	return strings.TrimPrefix(tls.VersionName(version), "TLS ")
}
