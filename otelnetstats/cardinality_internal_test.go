package otelnetstats

import (
	"fmt"
	"net"
	"testing"

	"go.opentelemetry.io/otel/metric"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/internal/connstat"
)

// failed is an error that says its type itself.
type failed string

func (f failed) Error() string     { return string(f) }
func (f failed) ErrorType() string { return string(f) }

// TestNoInstrumentHasTooManySets, whatever strangers do: SDKs have a limit of 2,000
// sets of an instrument, tell one less apart, and count what comes later together,
// without a word.
func TestNoInstrumentHasTooManySets(t *testing.T) {
	const limit = 1999
	reader := sdkmetric.NewManualReader()
	tracker, err := New(WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))))
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	recordAll := func(h metric.Float64Histogram, s *attributeSet) {
		record(ctx, h, s, 1, none)
		for i := range 40 {
			record(ctx, h, s, 1, failure(failed(fmt.Sprint("failure ", i))))
		}
	}
	ended := map[connstat.Reason]int64{}
	address := func(i int) net.IP { return net.IPv4(10, 0, byte(i>>8), byte(i)) }
	for i := range 50 { // which will not have answered before there are 200 others
		tracker.table.get(seriesKey{kind: dials, target: newTarget("tcp", net.JoinHostPort(address(i).String(), "80"), "0")})
	}
	for i := 299; i >= 0; i-- {
		ip := address(i)
		for name := range 5 {
			to := newTarget("tcp", net.JoinHostPort(ip.String(), "80"), fmt.Sprint(name))
			for kind, key := range []seriesKey{{kind: clientConnections, target: to, networkType: "ipv4"}, {kind: serverConnections, target: to}} {
				s := tracker.table.get(key)
				recordAll(tracker.in.connections[kind].duration, &s.attributeSet)
				if key.kind == serverConnections {
					tracker.countAccept(ctx, s, failure(failed(fmt.Sprint(i))))
				}
			}
			for _, reason := range []connstat.Reason{connstat.Local, connstat.Remote, connstat.Shutdown, connstat.Leaked} {
				for _, remote := range []net.IP{ip, net.IPv6loopback} {
					c := tracker.newConn(ctx, opening{target: to, remote: &net.TCPAddr{IP: remote}})
					c.rec.Received(1, nil)
					c.rec.Sent(1, nil)
					c.rec.End(reason)
					ended[reason]++
				}
			}
			dial := tracker.table.get(seriesKey{kind: dials, target: to})
			recordAll(tracker.in.dialDuration, &dial.attributeSet)
			recordAll(tracker.in.tlsDuration, &dial.attributeSet)
		}
		tracker.recordLookups(ctx, []DNSLookup{{Name: fmt.Sprint("good", i)}, {Name: fmt.Sprint("bad", i), Err: failed(fmt.Sprint(i))}})
	}
	var all metricdata.ResourceMetrics
	if err := reader.Collect(ctx, &all); err != nil {
		t.Fatal(err)
	}
	for _, m := range all.ScopeMetrics[0].Metrics {
		sets := 0
		switch data := m.Data.(type) {
		case metricdata.Sum[int64]:
			sets = len(data.DataPoints)
		case metricdata.Histogram[float64]:
			sets = len(data.DataPoints)
		}
		if sets > limit {
			t.Errorf("%s has %d sets, want at most %d", m.Name, sets, limit)
		}
		if m.Name == metricClientClosed {
			checkEnded(t, m.Data.(metricdata.Sum[int64]), ended)
		}
	}
}

// checkEnded: what has no set of its own is counted with others.
func checkEnded(t *testing.T, data metricdata.Sum[int64], want map[connstat.Reason]int64) {
	t.Helper()
	got := map[string]int64{}
	for _, p := range data.DataPoints {
		reason, _ := p.Attributes.Value(keyCloseReason)
		got[reason.AsString()] += p.Value
	}
	for reason, n := range want {
		if name := string(reasons[reason]); got[name] != n {
			t.Errorf("%d connections ended by %s, want %d", got[name], name, n)
		}
	}
}
