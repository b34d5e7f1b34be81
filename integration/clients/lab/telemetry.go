package lab

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A telemetry is a Tracker, and all that it tells.
type telemetry struct {
	tracker *otelnetstats.Tracker
	capture *otelnetstats.Capture // nil if connections are wrapped
	reader  *sdkmetric.ManualReader
	spans   *tracetest.SpanRecorder
	request trace.Span // the caller's

	mu    sync.Mutex
	conns []*otelnetstats.Conn
}

// newTelemetry returns a telemetry and the context of a caller with a span.
func newTelemetry(ctx context.Context, t *testing.T, capture bool) (*telemetry, context.Context) {
	t.Helper()
	k := &telemetry{reader: sdkmetric.NewManualReader(), spans: tracetest.NewSpanRecorder()}
	traces := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(k.spans))
	var err error
	k.tracker, err = otelnetstats.New(
		otelnetstats.WithTracerProvider(traces),
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(k.reader))),
		otelnetstats.WithCallback(&witness{telemetry: k}),
		otelnetstats.WithCaller(),
	)
	if err == nil && capture {
		k.capture, err = k.tracker.Capture()
	}
	if err != nil {
		t.Fatal(err)
	}
	ctx, k.request = traces.Tracer("lab").Start(ctx, "request")
	return k, ctx
}

// A witness remembers each connection, and marks it before it is closed.
type witness struct {
	otelnetstats.NopCallback
	telemetry *telemetry
}

func (w *witness) Open(_ context.Context, c *otelnetstats.Conn) {
	w.telemetry.mu.Lock()
	defer w.telemetry.mu.Unlock()
	w.telemetry.conns = append(w.telemetry.conns, c)
}

func (*witness) Close(ctx context.Context, c *otelnetstats.Conn) { c.Mark(ctx, "close") }

// wait waits for the last close to return: the relay knows of it a bit earlier.
func (k *telemetry) wait(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		open := slices.Collect(k.tracker.Conns())
		if len(open) == 0 {
			return
		}
	}
	for c := range k.tracker.Conns() {
		t.Errorf("the connection to %s is open", c.RemoteAddr())
	}
}

// close ends the capture and the Tracker, and returns the connections.
func (k *telemetry) close(t *testing.T) []*otelnetstats.Conn {
	t.Helper()
	released := k.capture.Release()
	if n := len(k.conns); k.capture != nil && n != len(released)+k.capture.Dropped() {
		t.Errorf("Open was called for %d connections, Release returned %d and dropped %d", n, len(released), k.capture.Dropped())
	}
	k.request.End()
	if err := k.tracker.Shutdown(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	return k.conns
}

// dials returns the number of spans of dials, and how many of them are the
// caller's children.
func (k *telemetry) dials() (all, children int) {
	for _, s := range k.spans.Ended() {
		if has(s, "netstats.connection.id") || s.Name() == "request" {
			continue
		}
		all++
		if s.Parent().SpanID() == k.request.SpanContext().SpanID() {
			children++
		}
	}
	return all, children
}

func has(s sdktrace.ReadOnlySpan, key attribute.Key) bool {
	return slices.ContainsFunc(s.Attributes(), func(a attribute.KeyValue) bool { return a.Key == key })
}

func value(s sdktrace.ReadOnlySpan, key attribute.Key) attribute.Value {
	for _, a := range s.Attributes() {
		if a.Key == key {
			return a.Value
		}
	}
	return attribute.Value{}
}

// wantSpans compares the spans of the connections with their records.
func (k *telemetry) wantSpans(t *testing.T, conns []*otelnetstats.Conn) {
	t.Helper()
	byID := make(map[int64]sdktrace.ReadOnlySpan)
	for _, s := range k.spans.Ended() {
		if !has(s, "netstats.connection.id") {
			continue
		}
		id := value(s, "netstats.connection.id").AsInt64()
		if byID[id] != nil {
			t.Errorf("connection %d has two spans", id)
		}
		byID[id] = s
	}
	if len(byID) != len(conns) {
		t.Errorf("%d spans of %d connections", len(byID), len(conns))
	}
	for _, c := range conns {
		s, stats := byID[int64(c.ID())], c.Stats()
		if s == nil {
			t.Errorf("connection %d has no span", c.ID())
			continue
		}
		in, out := value(s, "netstats.receive.size").AsInt64(), value(s, "netstats.transmit.size").AsInt64()
		reason := otelnetstats.CloseReason(value(s, "netstats.connection.close.reason").AsString())
		if in != stats.Received.Bytes || out != stats.Sent.Bytes || reason != c.CloseReason() {
			t.Errorf("the span says %d B received, %d sent, %s; the record %d, %d, %s",
				in, out, reason, stats.Received.Bytes, stats.Sent.Bytes, c.CloseReason())
		}
	}
}

// collect returns the sums of the counters by name and direction, and the
// numbers of connections' durations by error.type.
func (k *telemetry) collect(t *testing.T) (sums map[string]int64, faults map[string]int) {
	t.Helper()
	var all metricdata.ResourceMetrics
	if err := k.reader.Collect(context.WithoutCancel(t.Context()), &all); err != nil {
		t.Error(err)
	}
	sums, faults = make(map[string]int64), make(map[string]int)
	for _, scope := range all.ScopeMetrics {
		for _, m := range scope.Metrics {
			switch data := m.Data.(type) {
			case metricdata.Sum[int64]:
				for _, p := range data.DataPoints {
					direction, _ := p.Attributes.Value("network.io.direction")
					sums[m.Name+" "+direction.AsString()] += p.Value
				}
			case metricdata.Histogram[float64]:
				for _, p := range data.DataPoints {
					sums[m.Name+" "] += int64(p.Count)
					if v, ok := p.Attributes.Value("error.type"); ok && isDuration[m.Name] {
						faults[v.AsString()] += int(p.Count)
					}
				}
			}
		}
	}
	return sums, faults
}

var isDuration = map[string]bool{
	"netstats.client.connection.duration": true,
	"netstats.server.connection.duration": true,
}

// wantMetrics compares the metrics with the connections' records.
func (k *telemetry) wantMetrics(t *testing.T, conns []*otelnetstats.Conn) (faults map[string]int) {
	t.Helper()
	want := make(map[string]int64)
	for _, c := range conns {
		s, role := c.Stats(), "netstats."+c.Role()
		want[role+".io receive"] += s.Received.Bytes
		want[role+".io transmit"] += s.Sent.Bytes
		want[role+".connection.duration "]++
		want[role+".connection.count "] += 0
	}
	// A connection that is being closed has left Conns before metrics have its end.
	var sums map[string]int64
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if sums, faults = k.collect(t); covers(sums, want) {
			break
		}
	}
	for name, n := range want {
		if sums[name] != n {
			t.Errorf("%s is %d, want %d", name, sums[name], n)
		}
	}
	return faults
}

func covers(sums, want map[string]int64) bool {
	for name, n := range want {
		if sums[name] != n {
			return false
		}
	}
	return true
}

// host is what server.address has of a connection.
func host(c *otelnetstats.Conn) string {
	host, _, err := net.SplitHostPort(c.Address())
	if err != nil {
		return c.Address()
	}
	return host
}
