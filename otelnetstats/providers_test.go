package otelnetstats_test

import (
	"context"
	"errors"
	"net"
	"os"
	"os/exec"
	"regexp"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/netstats-go/netstats/otelnetstats"
)

const alone = "OTELNETSTATS_ALONE"

// inProcess runs the calling test in a process of its own, as it changes what
// is global. There it returns true.
func inProcess(t *testing.T) bool {
	t.Helper()
	if os.Getenv(alone) != "" {
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+regexp.QuoteMeta(t.Name())+"$", "-test.count=1", "-test.v")
	cmd.Env = append(os.Environ(), alone+"=1")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("in a process of its own: %v\n%s", err, out)
	}
	return false
}

// TestGlobalProvidersSetLater makes a Tracker and connections first, and the
// providers afterwards.
func TestGlobalProvidersSetLater(t *testing.T) {
	if !inProcess(t) {
		return
	}
	tracker := newTracker(t)
	early := tracker.Register(t.Context(), &stub{})
	send(t, early, 100)
	closedEarly := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: stubDialer}, "tcp", "h:1")
	send(t, closedEarly, 10)
	closedEarly.Close()

	spans := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))

	s := collect(t, reader)
	if got := s.sum("netstats.client.io", transmitted); got != 110 {
		t.Errorf("transmitted %d, want 110: what was counted before the provider was set too", got)
	}
	if got := s.sum("netstats.client.connection.count"); got != 1 {
		t.Errorf("connection.count = %d, want 1", got)
	}
	send(t, early, 1)
	late := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: stubDialer}, "tcp", "h:1")
	send(t, late, 1000)
	late.Close()
	early.Close()
	s = collect(t, reader)
	if got := s.sum("netstats.client.io", transmitted); got != 1111 {
		t.Errorf("transmitted %d, want 1111", got)
	}
	if got := s.count("netstats.client.connection.duration"); got != 2 {
		t.Errorf("%d durations, want those of the 2 connections that ended later", got)
	}
	if got := s.count("netstats.dial.duration"); got != 1 {
		t.Errorf("%d dials, want the later one", got)
	}
	names := map[string]int{}
	for _, span := range spans.Ended() {
		names[span.Name()]++
	}
	if names["dial h:1"] != 1 || names["connection h:1"] != 1 || len(names) != 2 {
		t.Errorf("spans %v, want those of the later connection", names)
	}
	if scope := s.Scope; scope.Version != otelnetstats.Version || scope.SchemaURL == "" {
		t.Errorf("scope %+v", scope)
	}
}

// TestDefaultTracker uses the zero Dialer, and shuts Default down.
func TestDefaultTracker(t *testing.T) {
	if !inProcess(t) {
		return
	}
	spans := tracetest.NewSpanRecorder()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans)))
	reader := sdkmetric.NewManualReader()
	otel.SetMeterProvider(sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader)))
	address := serve(t, echo)
	var zero otelnetstats.Dialer
	var none *otelnetstats.Dialer
	for name, dial := range map[string]func() (net.Conn, error){
		"zero":        func() (net.Conn, error) { return zero.DialContext(t.Context(), "tcp", address) },
		"nil":         func() (net.Conn, error) { return none.DialContext(t.Context(), "tcp", address) },
		"Dial":        func() (net.Conn, error) { return zero.Dial("tcp", address) },
		"DialTimeout": func() (net.Conn, error) { return zero.DialTimeout("tcp", address, time.Minute) },
		"no timeout":  func() (net.Conn, error) { return zero.DialTimeout("tcp", address, 0) },
	} {
		conn, err := dial()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if _, ok := otelnetstats.Lookup(conn); !ok {
			t.Errorf("%s: not tracked", name)
		}
		conn.Close()
	}
	if first, second := otelnetstats.Default(), otelnetstats.Default(); first != second {
		t.Error("Default gives another Tracker each time")
	}
	if got := collect(t, reader).count("netstats.client.connection.duration"); got != 5 {
		t.Errorf("%d connections, want 5", got)
	}
	if err := otelnetstats.Default().Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	conn := dial(t, &zero, "tcp", address)
	if _, ok := otelnetstats.Lookup(conn); ok {
		t.Error("Default tracks after its Shutdown")
	}
	if got := len(spans.Ended()); got != 10 {
		t.Errorf("%d spans, want 10", got)
	}
}

func TestNoopProviders(t *testing.T) {
	cb := new(tape)
	tracker := newTracker(t, otelnetstats.WithTracerProvider(tracenoop.NewTracerProvider()), otelnetstats.WithMeterProvider(metricnoop.NewMeterProvider()), otelnetstats.WithCallback(cb))
	conn := dial(t, &otelnetstats.Dialer{Tracker: tracker}, "tcp", serve(t, echo))
	send(t, conn, 3)
	receive(t, conn, 3)
	if lap := mark(t, conn, "m"); lap.Sent != 3 {
		t.Errorf("Mark: %+v", lap)
	}
	if lookup(t, conn).SpanContext().IsValid() {
		t.Error("a no-op provider made a span")
	}
	ln := tracker.Listener(listen(t, "tcp", "127.0.0.1:0"))
	dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	if c, err := ln.Accept(); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	conn.Close()
	if err := tracker.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
	cb.want(t, "open", "write 3", "read 3", "mark m", "open", "close local 0 0", "close local 3 3")
}

func TestNilProvidersAreIgnored(t *testing.T) {
	l := newLab(t, otelnetstats.WithTracerProvider(nil), otelnetstats.WithMeterProvider(nil), otelnetstats.WithCallback(nil), otelnetstats.WithFilter(nil), nil)
	l.Register(t.Context(), &stub{}).Close()
	l.only(t, "connection")
}

func TestBadOptionsAreErrors(t *testing.T) {
	for name, option := range map[string]otelnetstats.Option{
		"WithMaxServers":     otelnetstats.WithMaxServers(-1),
		"WithConnectionSpan": otelnetstats.WithConnectionSpan(17),
	} {
		tracker, err := otelnetstats.New(option, otelnetstats.WithTracerProvider(tracenoop.NewTracerProvider()), otelnetstats.WithMeterProvider(metricnoop.NewMeterProvider()))
		if err == nil || tracker == nil {
			t.Errorf("%s: got %v, %v; want a Tracker and an error", name, tracker, err)
			continue
		}
		conn := tracker.Register(t.Context(), &stub{})
		if _, ok := otelnetstats.Lookup(conn); !ok {
			t.Errorf("%s: the Tracker that comes with the error does not work", name)
		}
		conn.Close()
	}
}

// refusing is a MeterProvider that refuses a part of the instruments.
type refusing struct{ metric.MeterProvider }

type refusingMeter struct{ metric.Meter }

var errRefused = errors.New("refused")

func (r refusing) Meter(name string, opts ...metric.MeterOption) metric.Meter {
	return refusingMeter{r.MeterProvider.Meter(name, opts...)}
}

func (refusingMeter) Int64ObservableCounter(string, ...metric.Int64ObservableCounterOption) (metric.Int64ObservableCounter, error) {
	return nil, errRefused
}

func (refusingMeter) Int64Counter(string, ...metric.Int64CounterOption) (metric.Int64Counter, error) {
	return nil, errRefused
}

// TestInstrumentsThatFail has the Tracker work without what failed.
func TestInstrumentsThatFail(t *testing.T) {
	reader := sdkmetric.NewManualReader()
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(reader))
	tracker, err := otelnetstats.New(otelnetstats.WithMeterProvider(refusing{mp}), otelnetstats.WithTracerProvider(tracenoop.NewTracerProvider()))
	if !errors.Is(err, errRefused) || tracker == nil {
		t.Fatalf("New: %v, %v; want a Tracker and the meter's error", tracker, err)
	}
	conn := dial(t, &otelnetstats.Dialer{Tracker: tracker, Base: stubDialer}, "tcp", "h:1")
	send(t, conn, 3)
	inner := &listener{conns: make(chan net.Conn, 1)}
	inner.conns <- &stub{}
	if c, err := tracker.Listener(inner).Accept(); err != nil {
		t.Error(err)
	} else {
		c.Close()
	}
	s := collect(t, reader)
	if got := s.sum("netstats.client.connection.count"); got != 1 {
		t.Errorf("connection.count = %d, want 1", got)
	}
	conn.Close()
	s = collect(t, reader)
	if got := s.count("netstats.dial.duration"); got != 1 {
		t.Errorf("%d dials, want 1: one instrument's failure must not take the others along", got)
	}
	if got := s.sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
	if err := tracker.Shutdown(t.Context()); err != nil {
		t.Errorf("Shutdown: %v", err)
	}
}

// TestABlockedExporterIsNotFelt has connections live and end while nothing gets
// out.
func TestABlockedExporterIsNotFelt(t *testing.T) {
	release := make(chan struct{})
	e := &blockedExporter{release: release}
	tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e, sdktrace.WithMaxQueueSize(8), sdktrace.WithMaxExportBatchSize(1)))
	tracker := newTracker(t, otelnetstats.WithTracerProvider(tp), otelnetstats.WithMeterProvider(metricnoop.NewMeterProvider()))
	address := serve(t, echo)
	for range 50 {
		conn, err := (&otelnetstats.Dialer{Tracker: tracker}).Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		send(t, conn, 10)
		receive(t, conn, 10)
		mark(t, conn, "m")
		if err := conn.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	}
	close(release)
	if err := tp.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	if e.exports.Load() == 0 {
		t.Error("nothing was exported at all")
	}
}

type blockedExporter struct {
	release chan struct{}
	exports atomic.Int64
}

func (e *blockedExporter) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error {
	<-e.release
	e.exports.Add(1)
	return nil
}
func (e *blockedExporter) Shutdown(context.Context) error { return nil }

// TestAFailingExporterIsNotFelt has each export fail, at each span's end.
func TestAFailingExporterIsNotFelt(t *testing.T) {
	handleErrors(t)
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(&exporter{err: errors.New("no collector")}))
	l := newLab(t, otelnetstats.WithTracerProvider(tp))
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, echo))
	send(t, conn, 10)
	receive(t, conn, 10)
	if err := conn.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 20 {
		t.Errorf("io = %d, want 20", got)
	}
}

// TestABlockedSynchronousExporter blocks whoever ends a span, as it does in any
// instrumentation; but the socket is closed by then, and other connections live
// on.
func TestABlockedSynchronousExporter(t *testing.T) {
	e := &blockedExporter{release: make(chan struct{})}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(e))
	tracker := newTracker(t, otelnetstats.WithTracerProvider(tp), otelnetstats.WithMeterProvider(metricnoop.NewMeterProvider()))
	inner := make(chan struct{})
	conn := tracker.Register(t.Context(), &stub{close: func() error { close(inner); return nil }})
	other := tracker.Register(t.Context(), &stub{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn.Close()
	}()
	for lookup(t, conn).CloseReason() == "" {
		time.Sleep(time.Millisecond)
	}
	send(t, other, 1)
	receive(t, other, 1)
	mark(t, other, "m")
	select {
	case <-inner:
	case <-time.After(100 * time.Millisecond):
		t.Log("Close waits for the exporter before it closes the inner connection")
	}
	close(e.release)
	<-done
	other.Close()
}

func TestSpanAttributesAreOnBothSpans(t *testing.T) {
	l := newLab(t, otelnetstats.WithSpanAttributes(attribute.String("a", "1")), otelnetstats.WithSpanAttributes(attribute.String("b", "2")))
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}, "tcp", "h:1").Close()
	for _, name := range []string{"dial", "connection"} {
		attrsOf(l.only(t, name).Attributes()).want(t, name, attribute.String("a", "1"), attribute.String("b", "2"))
	}
	for _, m := range []string{"netstats.client.io", "netstats.dial.duration"} {
		for _, set := range collect(t, l.cumulative).sets(m) {
			if set.HasValue("a") {
				t.Errorf("%s has a span attribute", m)
			}
		}
	}
}
