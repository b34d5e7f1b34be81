package ledger

import (
	"context"
	"io"
	"net"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The names in the telemetry that the test looks for.
const (
	eventRead  = "netstats.connection.read"
	eventWrite = "netstats.connection.write"
)

var (
	received    = attribute.String("network.io.direction", "receive")
	transmitted = attribute.String("network.io.direction", "transmit")
)

func newTracker(t *testing.T, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	t.Helper()
	tracker, err := otelnetstats.New(opts...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return tracker
}

// attrs are attributes by name.
type attrs map[attribute.Key]attribute.Value

func attrsOf(kvs []attribute.KeyValue) attrs {
	a := make(attrs, len(kvs))
	for _, kv := range kvs {
		a[kv.Key] = kv.Value
	}
	return a
}

func (a attrs) int(key attribute.Key) int64 { return a[key].AsInt64() }

// A snapshot is what a reader collected of otelnetstats' scope.
type snapshot struct{ metricdata.ScopeMetrics }

func collect(t *testing.T, r sdkmetric.Reader) snapshot {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := r.Collect(context.WithoutCancel(t.Context()), &rm); err != nil {
		t.Fatalf("Collect: %v", err)
	}
	for _, s := range rm.ScopeMetrics {
		if s.Scope.Name == otelnetstats.ScopeName {
			return snapshot{s}
		}
	}
	return snapshot{}
}

// sum adds up the points of a counter that have the attributes.
func (s snapshot) sum(name string, kvs ...attribute.KeyValue) int64 {
	var n int64
	for _, m := range s.Metrics {
		data, ok := m.Data.(metricdata.Sum[int64])
		if m.Name != name || !ok {
			continue
		}
		for _, p := range data.DataPoints {
			if has(p.Attributes, kvs) {
				n += p.Value
			}
		}
	}
	return n
}

func has(set attribute.Set, kvs []attribute.KeyValue) bool {
	for _, kv := range kvs {
		if v, ok := set.Value(kv.Key); !ok || v != kv.Value {
			return false
		}
	}
	return true
}

func listen(t *testing.T) net.Listener {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

// serve starts a server of one connection, for which it calls handle, and
// returns its address. The connection is closed when the test ends.
func serve(t *testing.T, handle func(net.Conn)) (address string) {
	t.Helper()
	ln := listen(t)
	var server sync.WaitGroup
	server.Go(func() {
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		defer context.AfterFunc(t.Context(), func() { c.Close() })()
		handle(c)
	})
	t.Cleanup(func() {
		ln.Close()
		server.Wait()
	})
	return ln.Addr().String()
}

// wait is a handler that waits for the peer to close.
func wait(c net.Conn) { _, _ = io.Copy(io.Discard, c) }
