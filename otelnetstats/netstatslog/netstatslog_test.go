package netstatslog_test

import (
	"context"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
	"github.com/netstats-go/netstats/otelnetstats/netstatslog"
)

// A recorder keeps records.
type recorder struct {
	mu       sync.Mutex
	records  []sdklog.Record
	canceled int // how many came with a context that was done
}

func (r *recorder) OnEmit(ctx context.Context, record *sdklog.Record) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.records = append(r.records, record.Clone())
	if ctx.Err() != nil {
		r.canceled++
	}
	return nil
}
func (*recorder) Enabled(context.Context, sdklog.EnabledParameters) bool { return true }
func (*recorder) Shutdown(context.Context) error                         { return nil }
func (*recorder) ForceFlush(context.Context) error                       { return nil }

func (r *recorder) all() []sdklog.Record {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.records)
}

// A lab is a Tracker whose spans and records can be looked at.
type lab struct {
	*otelnetstats.Tracker
	recorder
	spans *tracetest.SpanRecorder
}

func newLab(t *testing.T, sampler sdktrace.Sampler, opts ...otelnetstats.Option) *lab {
	t.Helper()
	l := &lab{spans: tracetest.NewSpanRecorder()}
	tracker, err := otelnetstats.New(append(opts,
		otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(l.spans), sdktrace.WithSampler(sampler))),
		netstatslog.WithLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(&l.recorder))))...)
	if err != nil {
		t.Fatal(err)
	}
	l.Tracker = tracker
	return l
}

// want checks that there is one record more, and returns its attributes.
func (l *lab) want(t *testing.T, n int, name string, severity log.Severity, of trace.SpanContext) map[attribute.Key]attribute.Value {
	t.Helper()
	all := l.all()
	if len(all) != n {
		t.Fatalf("%d records, want %d", len(all), n)
	}
	r := all[n-1]
	if r.EventName() != name || r.Severity() != severity || r.Body().AsString() == "" || r.Timestamp().IsZero() {
		t.Errorf("record %q, %v, %q at %v; want %q, %v", r.EventName(), r.Severity(), r.Body().AsString(), r.Timestamp(), name, severity)
	}
	if r.TraceID() != of.TraceID() || r.SpanID() != of.SpanID() {
		t.Errorf("%s belongs to the span %v, want %v", name, r.SpanID(), of.SpanID())
	}
	scope := r.InstrumentationScope()
	if scope.Name != otelnetstats.ScopeName || scope.Version != otelnetstats.Version || scope.SchemaURL != otelnetstats.SchemaURL {
		t.Errorf("scope %+v", scope)
	}
	attrs := map[attribute.Key]attribute.Value{}
	r.WalkAttributes(func(a attribute.KeyValue) bool { attrs[a.Key] = a.Value; return true })
	return attrs
}

func wantAttributes(t *testing.T, got map[attribute.Key]attribute.Value, want ...attribute.KeyValue) {
	t.Helper()
	for _, a := range want {
		if got[a.Key] != a.Value {
			t.Errorf("%s = %v, want %v", a.Key, got[a.Key].String(), a.Value.String())
		}
	}
}

func echo(t *testing.T) (address string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			wg.Go(func() {
				defer c.Close()
				b := make([]byte, 1)
				for {
					if _, err := c.Read(b); err != nil {
						return
					}
					_, _ = c.Write(b)
				}
			})
		}
	})
	t.Cleanup(func() { l.Close(); wg.Wait() })
	return l.Addr().String()
}

// TestRecords are there as soon as what they tell of has happened.
func TestRecords(t *testing.T) {
	l := newLab(t, sdktrace.AlwaysSample())
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool"}
	conn, err := d.DialContext(t.Context(), "tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	record, _ := otelnetstats.Lookup(conn)
	port := conn.RemoteAddr().(*net.TCPAddr).Port
	identity := []attribute.KeyValue{
		attribute.Int64("netstats.connection.id", int64(record.ID())), attribute.String("netstats.connection.role", "client"),
		attribute.String("server.address", "127.0.0.1"), attribute.Int("server.port", port), attribute.String("netstats.dialer.name", "pool"),
		attribute.Int("network.local.port", conn.LocalAddr().(*net.TCPAddr).Port),
	}
	wantAttributes(t, l.want(t, 1, "netstats.connection.open", log.SeverityInfo, record.SpanContext()), identity...)

	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	otelnetstats.Mark(t.Context(), conn, "asked", attribute.String("table", "users"))
	wantAttributes(t, l.want(t, 2, "netstats.connection.mark", log.SeverityInfo, record.SpanContext()),
		append(identity, attribute.String("netstats.mark.name", "asked"), attribute.Int("netstats.mark.transmit.size", 1), attribute.String("table", "users"))...)

	conn.Close()
	wantAttributes(t, l.want(t, 3, "netstats.connection.close", log.SeverityInfo, record.SpanContext()),
		append(identity, attribute.String("netstats.connection.close.reason", "local"), attribute.Int("netstats.connection.transmit.size", 1), attribute.Int("netstats.connection.receive.size", 0))...)
	if got := len(spanOf(t, l, "connection").Events()); got != 4 {
		t.Errorf("the span has %d events, want 4 as without records", got)
	}
}

func spanOf(t *testing.T, l *lab, kind string) sdktrace.ReadOnlySpan {
	t.Helper()
	for _, s := range l.spans.Ended() {
		if s.Name()[:len(kind)] == kind {
			return s
		}
	}
	t.Fatalf("no span of a %s has ended", kind)
	return nil
}

// TestFailedDials belong to the dial's span.
func TestFailedDials(t *testing.T) {
	l := newLab(t, sdktrace.AlwaysSample())
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	if _, err := l.WrapDial(nil)(t.Context(), "tcp", closed.Addr().String()); err == nil {
		t.Fatal("a closed port answers")
	}
	span := spanOf(t, l, "dial")
	wantAttributes(t, l.want(t, 1, "netstats.dial.failed", log.SeverityWarn, span.SpanContext()),
		attribute.String("error.type", "connection_refused"), attribute.String("server.address", "127.0.0.1"))
}

// TestCanceledDials are told of by a context that is not, as processors may look.
func TestCanceledDials(t *testing.T) {
	l := newLab(t, sdktrace.AlwaysSample())
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := l.WrapDial(nil)(ctx, "tcp", echo(t)); err == nil {
		t.Fatal("a canceled dial connects")
	}
	wantAttributes(t, l.want(t, 1, "netstats.dial.failed", log.SeverityWarn, spanOf(t, l, "dial").SpanContext()), attribute.String("error.type", "canceled"))
	if l.canceled != 0 {
		t.Error("the record comes with the dial's own context")
	}
}

// A choosy processor wants failures only, and says so.
type choosy struct{ recorder }

func (*choosy) Enabled(_ context.Context, p sdklog.EnabledParameters) bool {
	return p.Severity >= log.SeverityWarn
}

// TestRecordsThatNobodyWants are not made.
func TestRecordsThatNobodyWants(t *testing.T) {
	var c choosy
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(&c))))
	if err != nil {
		t.Fatal(err)
	}
	tracker.Register(t.Context(), stub{}).Close()
	bad := tracker.Register(t.Context(), stub{})
	_, _ = bad.Read(nil)
	bad.Close()
	if got := c.all(); len(got) != 1 || got[0].Severity() != log.SeverityWarn {
		t.Errorf("%d records, want that of the failure", len(got))
	}
}

// A panicking processor does so.
type panicking struct{ recorder }

func (*panicking) OnEmit(context.Context, *sdklog.Record) error { panic("on purpose") }

// TestProcessorsThatPanic hurt nobody: the connection is opened, marked and closed.
func TestProcessorsThatPanic(t *testing.T) {
	before := otel.GetErrorHandler()
	defer otel.SetErrorHandler(before)
	var handled []error
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) { handled = append(handled, err) }))
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(new(panicking)))))
	if err != nil {
		t.Fatal(err)
	}
	conn := tracker.Register(t.Context(), stub{})
	otelnetstats.Mark(t.Context(), conn, "m")
	if err := conn.Close(); err != nil {
		t.Error(err)
	}
	if len(handled) != 3 {
		t.Errorf("otel.Handle was given %v, want a panic for each step", handled)
	}
}

// A stub is a connection whose reads fail.
type stub struct{ net.Conn }

func (stub) Read([]byte) (int, error)  { return 0, net.UnknownNetworkError("broken") }
func (stub) LocalAddr() net.Addr       { return &net.TCPAddr{} }
func (stub) RemoteAddr() net.Addr      { return &net.TCPAddr{} }
func (stub) Close() error              { return nil }
func (stub) Write([]byte) (int, error) { return 0, nil }

// TestUnsampled ones are told of if they fail.
func TestUnsampled(t *testing.T) {
	l := newLab(t, sdktrace.NeverSample())
	good := l.Register(t.Context(), stub{})
	otelnetstats.Mark(t.Context(), good, "m")
	good.Close()
	if got := l.all(); len(got) != 0 {
		t.Errorf("%d records of a connection that is not sampled and did not fail", len(got))
	}
	bad := l.Register(t.Context(), stub{})
	record, _ := otelnetstats.Lookup(bad)
	_, _ = bad.Read(nil)
	bad.Close()
	wantAttributes(t, l.want(t, 1, "netstats.connection.close", log.SeverityWarn, record.SpanContext()),
		attribute.String("netstats.connection.close.reason", "error"), attribute.String("error.type", "net.UnknownNetworkError"))
}

// TestWithoutTraces all are told of.
func TestWithoutTraces(t *testing.T) {
	var r recorder
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(sdklog.NewLoggerProvider(sdklog.WithProcessor(&r))))
	if err != nil {
		t.Fatal(err)
	}
	tracker.Register(t.Context(), stub{}).Close()
	if got := r.all(); len(got) != 2 {
		t.Errorf("%d records, want 2", len(got))
	}
}

// TestRecordsOfParts belong to the part that is live.
func TestRecordsOfParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, sdktrace.AlwaysSample())
		conn := l.Register(t.Context(), stub{})
		time.Sleep(time.Minute)
		otelnetstats.Mark(t.Context(), conn, "m")
		conn.Close()
		ended := l.spans.Ended()
		if len(ended) != 2 {
			t.Fatalf("%d parts, want 2", len(ended))
		}
		l.want(t, 3, "netstats.connection.close", log.SeverityInfo, ended[1].SpanContext())
		if got := l.all()[1]; got.SpanID() != ended[1].SpanContext().SpanID() {
			t.Error("the mark does not belong to the second part")
		}
	})
}

// TestWithoutSpanEvents has them once.
func TestWithoutSpanEvents(t *testing.T) {
	l := newLab(t, sdktrace.AlwaysSample(), otelnetstats.WithSpanEvents(false))
	conn, err := l.WrapDial(nil)(t.Context(), "tcp", echo(t))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := conn.Write([]byte("x")); err != nil {
		t.Fatal(err)
	}
	otelnetstats.Mark(t.Context(), conn, "m")
	conn.Close()
	for _, s := range l.spans.Ended() {
		if len(s.Events()) != 0 {
			t.Errorf("%s has events %v", s.Name(), s.Events())
		}
		for _, a := range s.Attributes() {
			if a.Key == "netstats.events.suppressed" {
				t.Error("events are said to be suppressed")
			}
			if a.Key == "netstats.transmit.size" && a.Value.AsInt64() != 1 {
				t.Errorf("%s = %d, want 1", a.Key, a.Value.AsInt64())
			}
		}
	}
	if got := l.all(); len(got) != 3 {
		t.Errorf("%d records, want 3", len(got))
	}
}

func TestNil(t *testing.T) {
	tracker, err := otelnetstats.New(netstatslog.WithLoggerProvider(nil))
	if err != nil {
		t.Fatal(err)
	}
	tracker.Register(t.Context(), stub{}).Close()
}
