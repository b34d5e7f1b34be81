package otelnetstats_test

import (
	"io"
	"net"
	"runtime"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

// A load is many tracked connections at once.
type load struct {
	tracker *otelnetstats.Tracker
	reader  *sdkmetric.ManualReader
	dialer  *otelnetstats.Dialer
	server  net.Listener // tracked

	clients, servers []net.Conn
	others           []io.Closer // not tracked
}

const (
	loadRounds = 10
	// loadTolerance is by how many bytes the heap may differ from its start.
	// It is what the runtime's and the SDK's own tables take; 20,000 records that
	// stayed would be more than ten times as much.
	loadTolerance = 1 << 20
)

// TestLoad opens many connections at once and closes them, several times over,
// with some spans, metrics and callbacks on: nothing of them remains.
func TestLoad(t *testing.T) {
	pipes, tcp := 19_000, 500 // of the latter, both ends are tracked
	if raced {
		pipes, tcp = 1900, 50
	}
	l := newLoad(t)
	l.round(t, pipes, tcp) // makes what is made once
	goroutines := runtime.NumGoroutine()
	start := loadHeap()
	for range loadRounds {
		l.round(t, pipes, tcp)
	}
	if left := testnet.Settle(goroutines); left != "" {
		t.Errorf("goroutines remain:\n%s", left)
	}
	// What is told by the garbage collector that a connection is gone runs some
	// time after it.
	end := loadHeap()
	for deadline := time.Now().Add(10 * time.Second); end > start+loadTolerance && time.Now().Before(deadline); {
		end = loadHeap()
	}
	t.Logf("heap %d bytes at the start, %d at the end", start, end)
	if end > start+loadTolerance {
		t.Errorf("the heap grew from %d bytes to %d, want at most %d more", start, end, loadTolerance)
	}
	if n := collect(t, l.reader).sum("netstats.client.io", transmitted); n != int64((1+loadRounds)*(pipes+tcp)) {
		t.Errorf("clients sent %d bytes in all, want one each", n)
	}
}

// loadHeap is what is reachable.
func loadHeap() uint64 {
	runtime.GC()
	runtime.GC() // what the first one found to be dropped
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func newLoad(t *testing.T) *load {
	t.Helper()
	l := &load{reader: sdkmetric.NewManualReader()}
	l.tracker = newTracker(t,
		otelnetstats.WithMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(l.reader))),
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(
			sdktrace.WithSyncer(tracetest.NewNoopExporter()), sdktrace.WithSampler(sdktrace.TraceIDRatioBased(0.1)))),
		otelnetstats.WithCallback(otelnetstats.NopCallback{}))
	l.dialer = &otelnetstats.Dialer{Tracker: l.tracker}
	l.server = l.tracker.Listener(listen(t, "tcp", "127.0.0.1:0"))
	return l
}

// round opens, moves a byte on each connection, and closes.
func (l *load) round(t *testing.T, pipes, tcp int) {
	t.Helper()
	goroutines := runtime.NumGoroutine()
	for range pipes {
		l.pipe(t)
	}
	for range tcp {
		l.tcp(t)
	}
	if more := testnet.Settle(goroutines); more != "" { // a timer's ends by itself
		t.Errorf("goroutines that open connections have:\n%s", more)
	}
	l.wantOpen(t, len(l.clients), len(l.servers))
	for _, conns := range [][]net.Conn{l.clients, l.servers} {
		for _, c := range conns {
			if err := c.Close(); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range l.others {
		c.Close()
	}
	l.clients, l.servers, l.others = nil, nil, nil
	l.wantOpen(t, 0, 0)
}

func (l *load) pipe(t *testing.T) {
	near, far := net.Pipe()
	c := l.tracker.Register(t.Context(), near)
	l.clients = append(l.clients, c)
	l.others = append(l.others, far)
	written := make(chan error, 1)
	go func() {
		_, err := c.Write([]byte{1})
		written <- err
	}()
	receive(t, far, 1)
	if err := <-written; err != nil {
		t.Fatal(err)
	}
}

// tcp resets the connection when it is closed, as the ports would not suffice
// if each were in TIME_WAIT.
func (l *load) tcp(t *testing.T) {
	c, err := l.dialer.Dial("tcp", l.server.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	l.clients = append(l.clients, c)
	s, err := l.server.Accept()
	if err != nil {
		t.Fatal(err)
	}
	l.servers = append(l.servers, s)
	if err := c.(interface{ SetLinger(sec int) error }).SetLinger(0); err != nil {
		t.Fatal(err)
	}
	send(t, c, 1)
	receive(t, s, 1)
}

// wantOpen checks the gauges, and the list of open connections.
func (l *load) wantOpen(t *testing.T, clients, servers int) {
	t.Helper()
	s := collect(t, l.reader)
	got := [2]int64{s.sum("netstats.client.connection.count"), s.sum("netstats.server.connection.count")}
	if want := [2]int64{int64(clients), int64(servers)}; got != want {
		t.Errorf("%d clients and servers open, want %d", got, want)
	}
	n := 0
	for range l.tracker.Conns() {
		n++
	}
	if n != clients+servers {
		t.Errorf("%d open connections in the list, want %d", n, clients+servers)
	}
}
