package capture

import (
	"errors"
	"iter"
	"net"
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// captureBuild is set in a capture build.
var captureBuild bool

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// A lab is a capture that lasts as long as a test.
type lab struct {
	tracker *otelnetstats.Tracker
	capture *otelnetstats.Capture
	reader  *sdkmetric.ManualReader
}

// newLab begins to capture, or skips the test in an ordinary build.
func newLab(t *testing.T, opts ...otelnetstats.Option) *lab {
	t.Helper()
	l := newLabWithout(t, opts...)
	var err error
	l.capture, err = l.tracker.Capture()
	if errors.Is(err, otelnetstats.ErrNotCaptureBuild) && !captureBuild {
		t.Skip(err)
	}
	must(t, err)
	t.Cleanup(func() { l.capture.Release() })
	return l
}

// newLabWithout returns a lab that captures nothing.
func newLabWithout(t *testing.T, opts ...otelnetstats.Option) *lab {
	t.Helper()
	reader := sdkmetric.NewManualReader()
	provider := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelnetstats.New(append(opts, otelnetstats.WithMeterProvider(provider))...)
	must(t, err)
	return &lab{tracker: tracker, reader: reader}
}

// balance compares what was captured with what the proxy counted: of each
// connection, and in the metrics. It is called when the client is closed, and
// returns the number of connections, of which there is at least one.
func (l *lab) balance(t *testing.T, p *proxy) int {
	t.Helper()
	links := p.close()
	l.wait(t)

	want := make(map[string]*link)
	var sent, received int64
	for _, k := range links {
		want[k.client] = k
		sent += k.sent.Load()
		received += k.received.Load()
	}
	if len(want) == 0 || sent == 0 || received == 0 {
		t.Fatalf("the proxy had %d connections, and %d and %d bytes", len(want), sent, received)
	}
	conns := l.capture.Release()
	for _, c := range conns {
		k := want[c.LocalAddr().String()]
		if k == nil || c.RemoteAddr().String() != p.addr() || c.Role() != "client" {
			t.Errorf("captured, but not by way of the proxy: %s %v to %v", c.Role(), c.LocalAddr(), c.RemoteAddr())
			continue
		}
		delete(want, k.client)
		s := c.Stats()
		if s.Sent.Bytes != k.sent.Load() || s.Received.Bytes != k.received.Load() {
			t.Errorf("captured %d bytes sent and %d received; the proxy counted %d and %d",
				s.Sent.Bytes, s.Received.Bytes, k.sent.Load(), k.received.Load())
		}
	}
	if len(want) != 0 || l.capture.Dropped() != 0 {
		t.Errorf("%d of %d connections were not captured, %d dropped", len(want), len(links), l.capture.Dropped())
	}

	sums := l.sums(t)
	for name, want := range map[string]int64{
		"netstats.client.io transmit":       sent,
		"netstats.client.io receive":        received,
		"netstats.client.connection.count ": 0,
		"netstats.server.io transmit":       0,
		"netstats.server.io receive":        0,
	} {
		if sums[name] != want {
			t.Errorf("%s is %d, want %d", name, sums[name], want)
		}
	}
	t.Logf("%d connections, %d bytes sent, %d received", len(links), sent, received)
	return len(links)
}

// wait waits for the close of the last connection to return: the proxy knows
// of it a bit earlier.
func (l *lab) wait(t *testing.T) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
		open := 0
		for range l.tracker.Conns() {
			open++
		}
		if open == 0 {
			return
		}
	}
	t.Error("connections are open that the client has closed")
}

// sums returns the sums of the counters, by name and direction.
func (l *lab) sums(t *testing.T) map[string]int64 {
	t.Helper()
	sums := make(map[string]int64)
	for name, p := range l.points(t) {
		direction, _ := p.Attributes.Value(attribute.Key("network.io.direction"))
		sums[name+" "+direction.AsString()] += p.Value
	}
	return sums
}

// ports returns the sums of a counter by server.port.
func (l *lab) ports(t *testing.T, metric string) map[int64]int64 {
	t.Helper()
	ports := make(map[int64]int64)
	for name, p := range l.points(t) {
		if name == metric {
			port, _ := p.Attributes.Value(attribute.Key("server.port"))
			ports[port.AsInt64()] += p.Value
		}
	}
	return ports
}

// points returns the points of all counters, with their names.
func (l *lab) points(t *testing.T) iter.Seq2[string, metricdata.DataPoint[int64]] {
	t.Helper()
	var all metricdata.ResourceMetrics
	must(t, l.reader.Collect(t.Context(), &all))
	return func(yield func(string, metricdata.DataPoint[int64]) bool) {
		for _, scope := range all.ScopeMetrics {
			for _, m := range scope.Metrics {
				data, _ := m.Data.(metricdata.Sum[int64])
				for _, p := range data.DataPoints {
					if !yield(m.Name, p) {
						return
					}
				}
			}
		}
	}
}

// wantPlain checks a connection that a client came by: its type is package
// net's, and it has a record all the same.
func wantPlain(t *testing.T, conn net.Conn) {
	t.Helper()
	if got := reflect.TypeOf(conn); got != reflect.TypeFor[*net.TCPConn]() {
		t.Errorf("the client has a %v", got)
		return
	}
	if c, ok := otelnetstats.Lookup(conn); !ok || c.LocalAddr().String() != conn.LocalAddr().String() {
		t.Errorf("no record of %v", conn.LocalAddr())
	}
}
