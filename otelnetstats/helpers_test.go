package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A lab is a Tracker whose telemetry can be looked at.
type lab struct {
	*otelnetstats.Tracker
	spans             *tracetest.SpanRecorder
	tracers           *sdktrace.TracerProvider
	meters            *sdkmetric.MeterProvider
	cumulative, delta *sdkmetric.ManualReader
	late              *sdkmetric.ManualReader // cumulative; for a first collection at the end
}

func newLab(t testing.TB, opts ...otelnetstats.Option) *lab {
	t.Helper()
	return newSampledLab(t, sdktrace.AlwaysSample(), opts...)
}

// newLabWithErrors is newLab for options of which New refuses a part.
func newLabWithErrors(t testing.TB, opts ...otelnetstats.Option) *lab {
	t.Helper()
	l := makeLab(t, sdktrace.AlwaysSample())
	l.Tracker, _ = otelnetstats.New(append(l.options(), opts...)...)
	return l
}

func newSampledLab(t testing.TB, sampler sdktrace.Sampler, opts ...otelnetstats.Option) *lab {
	t.Helper()
	l := makeLab(t, sampler)
	l.Tracker = newTracker(t, append(l.options(), opts...)...)
	return l
}

// makeLab makes a lab without a Tracker. All that it exports is witnessed.
func makeLab(t testing.TB, sampler sdktrace.Sampler) *lab {
	l := &lab{
		spans:      tracetest.NewSpanRecorder(),
		cumulative: sdkmetric.NewManualReader(),
		delta: sdkmetric.NewManualReader(sdkmetric.WithTemporalitySelector(
			func(sdkmetric.InstrumentKind) metricdata.Temporality { return metricdata.DeltaTemporality })),
		late: sdkmetric.NewManualReader(),
	}
	l.tracers = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(l.spans), sdktrace.WithSpanProcessor(seen), sdktrace.WithSampler(sampler))
	l.meters = sdkmetric.NewMeterProvider(sdkmetric.WithView(seen.view), sdkmetric.WithReader(l.cumulative), sdkmetric.WithReader(l.delta), sdkmetric.WithReader(l.late))
	t.Cleanup(func() {
		var all metricdata.ResourceMetrics
		if err := l.cumulative.Collect(context.WithoutCancel(t.Context()), &all); err == nil {
			seen.noteMetrics(all.ScopeMetrics)
		}
	})
	return l
}

func (l *lab) options() []otelnetstats.Option {
	return []otelnetstats.Option{otelnetstats.WithTracerProvider(l.tracers), otelnetstats.WithMeterProvider(l.meters)}
}

func newTracker(t testing.TB, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	t.Helper()
	tracker, err := otelnetstats.New(opts...)
	if err != nil {
		t.Fatalf("New: %v", err)
	}
	return tracker
}

// span starts a span of the lab's caller, which the caller ends.
func (l *lab) span(ctx context.Context, name string) (context.Context, trace.Span) {
	return l.tracers.Tracer("caller").Start(ctx, name)
}

// ended returns the ended spans whose names begin with prefix.
func (l *lab) ended(prefix string) []sdktrace.ReadOnlySpan {
	return slices.DeleteFunc(l.spans.Ended(), func(s sdktrace.ReadOnlySpan) bool {
		return !strings.HasPrefix(s.Name(), prefix)
	})
}

// only returns the one ended span whose name begins with prefix.
func (l *lab) only(t testing.TB, prefix string) sdktrace.ReadOnlySpan {
	t.Helper()
	spans := l.ended(prefix)
	if len(spans) != 1 {
		var names []string
		for _, s := range l.spans.Ended() {
			names = append(names, s.Name())
		}
		t.Fatalf("got %d spans %q, want 1; all spans: %q", len(spans), prefix, names)
	}
	return spans[0]
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

// want checks that the attributes are there, and that those with no value, made
// by absent, are not.
func (a attrs) want(t testing.TB, what string, kvs ...attribute.KeyValue) {
	t.Helper()
	for _, kv := range kvs {
		got, ok := a[kv.Key]
		switch {
		case kv.Value.Type() == absentType:
			if ok {
				t.Errorf("%v: %v = %v, want it absent", what, kv.Key, got.AsInterface())
			}
		case !ok:
			t.Errorf("%v: no %v, want %v", what, kv.Key, kv.Value.AsInterface())
		case got != kv.Value:
			t.Errorf("%v: %v = %v (%v), want %v (%v)", what, kv.Key, got.AsInterface(), got.Type(), kv.Value.AsInterface(), kv.Value.Type())
		}
	}
}

// absentType is that of a value that is none. Its name has changed.
var absentType = attribute.Value{}.Type()

func absent(key attribute.Key) attribute.KeyValue { return attribute.KeyValue{Key: key} }

// unlessZero is an attribute that is not there if it is zero.
func unlessZero(key attribute.Key, n int64) attribute.KeyValue {
	if n == 0 {
		return absent(key)
	}
	return key.Int64(n)
}

// A snapshot is what a reader collected of this package's scope.
type snapshot struct{ metricdata.ScopeMetrics }

func collect(t testing.TB, r sdkmetric.Reader) snapshot {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := r.Collect(context.WithoutCancel(t.Context()), &rm); err != nil {
		t.Fatalf("Collect: %v", err)
	}
	seen.noteMetrics(rm.ScopeMetrics)
	for _, s := range rm.ScopeMetrics {
		if s.Scope.Name == otelnetstats.ScopeName {
			return snapshot{s}
		}
	}
	return snapshot{}
}

func (s snapshot) metric(name string) (metricdata.Metrics, bool) {
	for _, m := range s.Metrics {
		if m.Name == name {
			return m, true
		}
	}
	return metricdata.Metrics{}, false
}

func has(set attribute.Set, kvs []attribute.KeyValue) bool {
	for _, kv := range kvs {
		v, ok := set.Value(kv.Key)
		if kv.Value.Type() == absentType {
			if ok {
				return false
			}
			continue
		}
		if !ok || v != kv.Value {
			return false
		}
	}
	return true
}

// sum adds up the points of a counter that have the attributes.
func (s snapshot) sum(name string, kvs ...attribute.KeyValue) int64 {
	var n int64
	m, _ := s.metric(name)
	if data, ok := m.Data.(metricdata.Sum[int64]); ok {
		for _, p := range data.DataPoints {
			if has(p.Attributes, kvs) {
				n += p.Value
			}
		}
	}
	return n
}

// count adds up the counts of a histogram's points that have the attributes.
func (s snapshot) count(name string, kvs ...attribute.KeyValue) int {
	n := 0
	for _, p := range s.histogram(name) {
		if has(p.Attributes, kvs) {
			n += int(p.Count)
		}
	}
	return n
}

func (s snapshot) histogram(name string) []metricdata.HistogramDataPoint[float64] {
	m, _ := s.metric(name)
	data, _ := m.Data.(metricdata.Histogram[float64])
	return data.DataPoints
}

// sets returns the attribute sets of a metric.
func (s snapshot) sets(name string) []attribute.Set {
	var sets []attribute.Set
	m, _ := s.metric(name)
	switch data := m.Data.(type) {
	case metricdata.Sum[int64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	case metricdata.Histogram[float64]:
		for _, p := range data.DataPoints {
			sets = append(sets, p.Attributes)
		}
	}
	return sets
}

var (
	received    = attribute.String("network.io.direction", "receive")
	transmitted = attribute.String("network.io.direction", "transmit")
)

// A tape is a callback that writes down what it is told.
type tape struct {
	otelnetstats.NopCallback
	mu    sync.Mutex
	lines []string
}

var _ otelnetstats.IOCallback = (*tape)(nil)

func (p *tape) note(format string, args ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines = append(p.lines, fmt.Sprintf(format, args...))
}

func (p *tape) Open(context.Context, *otelnetstats.Conn) { p.note("open") }
func (p *tape) Mark(_ context.Context, _ *otelnetstats.Conn, lap otelnetstats.Lap) {
	p.note("mark %s", lap.Name)
}
func (p *tape) Read(_ context.Context, _ *otelnetstats.Conn, n int)  { p.note("read %d", n) }
func (p *tape) Write(_ context.Context, _ *otelnetstats.Conn, n int) { p.note("write %d", n) }
func (p *tape) Close(_ context.Context, c *otelnetstats.Conn) {
	s := c.Stats()
	p.note("close %s %d %d", c.CloseReason(), s.Received.Bytes, s.Sent.Bytes)
}

func (p *tape) DialError(_ context.Context, network, address string, _ error) {
	p.note("dialerror %s %s", network, address)
}

// text returns the lines, reads in a row added up.
func (p *tape) text() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []string
	sum := 0
	for i, line := range p.lines {
		var n int
		if _, err := fmt.Sscanf(line, "read %d", &n); err != nil {
			out = append(out, line)
			continue
		}
		sum += n
		if i+1 == len(p.lines) || !strings.HasPrefix(p.lines[i+1], "read ") {
			out = append(out, fmt.Sprintf("read %d", sum))
			sum = 0
		}
	}
	return strings.Join(out, "\n")
}

func (p *tape) want(t testing.TB, lines ...string) {
	t.Helper()
	if got, want := p.text(), strings.Join(lines, "\n"); got != want {
		t.Errorf("callbacks:\n%s\nwant:\n%s", got, want)
	}
}

// A stub is a connection made of functions. Those that are nil succeed at once.
type stub struct {
	read, write   func([]byte) (int, error)
	close         func() error
	local, remote net.Addr
}

func (s *stub) Read(b []byte) (int, error) {
	if s.read == nil {
		return len(b), nil
	}
	return s.read(b)
}

func (s *stub) Write(b []byte) (int, error) {
	if s.write == nil {
		return len(b), nil
	}
	return s.write(b)
}

func (s *stub) Close() error {
	if s.close == nil {
		return nil
	}
	return s.close()
}

func (s *stub) LocalAddr() net.Addr {
	if s.local == nil {
		return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 1024}
	}
	return s.local
}

func (s *stub) RemoteAddr() net.Addr {
	if s.remote == nil {
		return &net.TCPAddr{IP: net.IPv4(192, 0, 2, 2), Port: 80}
	}
	return s.remote
}

func (*stub) SetDeadline(time.Time) error      { return nil }
func (*stub) SetReadDeadline(time.Time) error  { return nil }
func (*stub) SetWriteDeadline(time.Time) error { return nil }

// stubDialer returns stubs.
var stubDialer = otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return &stub{}, nil })

// serve has handle serve each connection to the address that it returns, until
// the test ends.
func serve(t testing.TB, handle func(net.Conn)) (address string) {
	t.Helper()
	ln := listen(t, "tcp", "127.0.0.1:0")
	serveOn(t, ln, handle)
	return ln.Addr().String()
}

func listen(t testing.TB, network, address string) net.Listener {
	t.Helper()
	ln, err := net.Listen(network, address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ln.Close() })
	return ln
}

func serveOn(t testing.TB, ln net.Listener, handle func(net.Conn)) {
	var (
		wg    sync.WaitGroup
		mu    sync.Mutex
		conns []net.Conn
	)
	wg.Go(func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			mu.Lock()
			conns = append(conns, c)
			mu.Unlock()
			wg.Go(func() {
				defer c.Close()
				handle(c)
			})
		}
	})
	t.Cleanup(func() {
		ln.Close()
		mu.Lock()
		for _, c := range conns {
			c.Close()
		}
		mu.Unlock()
		wg.Wait()
	})
}

// echo sends back what it reads.
func echo(c net.Conn) { _, _ = io.Copy(c, c) }

// wait is a handler that waits for the peer to close.
func wait(c net.Conn) { _, _ = io.Copy(io.Discard, c) }

// closedPort returns an address where nobody listens.
func closedPort(t testing.TB) string {
	t.Helper()
	ln := listen(t, "tcp", "127.0.0.1:0")
	ln.Close()
	return ln.Addr().String()
}

// dial dials with d and closes the connection when the test ends.
func dial(t testing.TB, d otelnetstats.ContextDialer, network, address string) net.Conn {
	t.Helper()
	c, err := d.DialContext(t.Context(), network, address)
	if err != nil {
		t.Fatalf("dial %s %s: %v", network, address, err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func send(t testing.TB, c io.Writer, n int) {
	t.Helper()
	if m, err := c.Write(make([]byte, n)); m != n || err != nil {
		t.Fatalf("Write of %d bytes: %d, %v", n, m, err)
	}
}

func receive(t testing.TB, c io.Reader, n int) {
	t.Helper()
	if m, err := io.ReadFull(c, make([]byte, n)); err != nil {
		t.Fatalf("read of %d bytes: %d, %v", n, m, err)
	}
}

func lookup(t testing.TB, c otelnetstats.Endpoint) *otelnetstats.Conn {
	t.Helper()
	record, ok := otelnetstats.Lookup(c)
	if !ok {
		t.Fatalf("Lookup(%T): not tracked", c)
	}
	return record
}

func statsOf(t testing.TB, c otelnetstats.Endpoint) otelnetstats.Stats {
	t.Helper()
	s, ok := otelnetstats.StatsOf(c)
	if !ok {
		t.Fatalf("StatsOf(%T): not tracked", c)
	}
	return s
}

// eventually waits for what another goroutine is about to do.
func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: this has not come true", what)
		}
	}
}

// handled has the errors given to otel.Handle while the test runs. Tests that
// use it cannot be parallel.
type handled struct {
	mu   sync.Mutex
	errs []error
}

func handleErrors(t testing.TB) *handled {
	t.Helper()
	h := new(handled)
	before := otel.GetErrorHandler()
	otel.SetErrorHandler(h)
	t.Cleanup(func() { otel.SetErrorHandler(before) })
	return h
}

func (h *handled) Handle(err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.errs = append(h.errs, err)
}

func (h *handled) all() []error {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.errs)
}

// want checks that one error was handled for each text, which it has.
func (h *handled) want(t testing.TB, texts ...string) {
	t.Helper()
	errs := h.all()
	ok := len(errs) == len(texts)
	for i := 0; ok && i < len(texts); i++ {
		ok = strings.Contains(errs[i].Error(), texts[i])
	}
	if !ok {
		t.Errorf("otel.Handle was given:\n%v\nwant errors with %q", errors.Join(errs...), texts)
	}
}
