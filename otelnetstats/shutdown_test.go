package otelnetstats_test

import (
	"context"
	"errors"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"

	"github.com/netstats-go/netstats/otelnetstats"
)

// An exporter counts the spans that it is given, after a while.
type exporter struct {
	takes    time.Duration
	err      error
	exported atomic.Int64
}

func (e *exporter) ExportSpans(ctx context.Context, spans []sdktrace.ReadOnlySpan) error {
	select {
	case <-time.After(e.takes):
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.err == nil {
		e.exported.Add(int64(len(spans)))
	}
	return e.err
}

func (e *exporter) Shutdown(context.Context) error { return nil }

// unflushable is a TracerProvider of somebody's own around the SDK's.
type unflushable struct {
	embedded.TracerProvider
	tp *sdktrace.TracerProvider
}

func (u unflushable) Tracer(name string, opts ...trace.TracerOption) trace.Tracer {
	return u.tp.Tracer(name, opts...)
}

// open opens n connections that nobody closes before the test ends.
func open(t testing.TB, tracker *otelnetstats.Tracker, n int) []net.Conn {
	t.Helper()
	conns := make([]net.Conn, n)
	for i := range conns {
		conns[i] = tracker.Register(t.Context(), &stub{})
	}
	return conns
}

// closeAll has none left that the collector would find: it is not in a bubble.
func closeAll(conns []net.Conn) {
	for _, c := range conns {
		c.Close()
	}
}

// TestShutdownLosesNoSpan ends many spans at once through a batch processor
// whose exporter is slow: its queue would overflow.
func TestShutdownLosesNoSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const n = 10_000
		e := &exporter{takes: 10 * time.Millisecond}
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e))
		tracker := newTracker(t, otelnetstats.WithTracerProvider(tp))
		conns := open(t, tracker, n)
		if err := tracker.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		if err := tp.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := e.exported.Load(); got != n {
			t.Errorf("%d spans were exported, want %d", got, n)
		}
		for range tracker.Conns() {
			t.Fatal("Conns has connections after Shutdown")
		}
		closeAll(conns)
	})
}

// TestShutdownPacesWhatItCannotFlush says how many spans are at risk, takes the
// time that there is, and no more.
func TestShutdownPacesWhatItCannotFlush(t *testing.T) {
	for name, test := range map[string]struct {
		limit time.Duration // of the context; zero: none
		most  time.Duration // that Shutdown may take
		all   bool          // all spans are exported
	}{
		"no limit":     {0, 10 * time.Second, true},
		"enough time":  {5 * time.Second, 5 * time.Second, true},
		"little time":  {20 * time.Millisecond, 21 * time.Millisecond, false},
		"no time left": {-1, 0, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const n = 10_000
				e := &exporter{takes: 10 * time.Millisecond}
				tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e))
				tracker := newTracker(t, otelnetstats.WithTracerProvider(unflushable{tp: tp}))
				conns := open(t, tracker, n)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if test.limit != 0 {
					ctx, cancel = context.WithTimeout(ctx, test.limit)
				}
				defer cancel()
				start := time.Now()
				err := tracker.Shutdown(ctx)
				if took := time.Since(start); took > test.most {
					t.Errorf("Shutdown took %v, want at most %v", took, test.most)
				}
				if err == nil || !strings.Contains(err.Error(), "10000") {
					t.Errorf("Shutdown: %v, want an error that says that 10000 spans are at risk", err)
				}
				if err := tp.Shutdown(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := e.exported.Load(); test.all && got != n {
					t.Errorf("%d spans were exported, want %d", got, n)
				}
				for _, c := range conns {
					if r := lookup(t, c).CloseReason(); r != otelnetstats.ClosedShutdown {
						t.Fatalf("close reason %q, want shutdown", r)
					}
					c.Close()
				}
			})
		})
	}
}

func TestShutdownWithAnExporterThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := handleErrors(t)
		errExport := errors.New("the collector is away")
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&exporter{err: errExport}))
		tracker := newTracker(t, otelnetstats.WithTracerProvider(tp))
		defer closeAll(open(t, tracker, 3))
		err := tracker.Shutdown(t.Context())
		if told := len(h.all()) > 0; !told && (err == nil || !errors.Is(err, errExport)) {
			t.Errorf("Shutdown: %v, otel.Handle told: %v; want the failure to be seen", err, told)
		}
		_ = tp.Shutdown(t.Context())
	})
}

func TestShutdownWithAnExporterThatBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp := sdktrace.NewTracerProvider(sdktrace.WithBatcher(&exporter{takes: time.Hour}))
		tracker := newTracker(t, otelnetstats.WithTracerProvider(tp))
		defer closeAll(open(t, tracker, 600))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		err := tracker.Shutdown(ctx)
		if took := time.Since(start); took > time.Second {
			t.Errorf("Shutdown took %v, want at most the context's second", took)
		}
		if !errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "600") {
			t.Errorf("Shutdown: %v, want the context's error and 600 spans at risk", err)
		}
		_ = tp.Shutdown(t.Context())
	})
}

// TestConnectionsGoOnAfterShutdown has reads, writes, numbers and marks work,
// and nothing exported.
func TestConnectionsGoOnAfterShutdown(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, echo))
	send(t, conn, 3)
	receive(t, conn, 3)
	for range 2 {
		if err := l.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
	}
	attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.String("netstats.connection.close.reason", "shutdown"),
		attribute.Int("netstats.transmit.size", 3), attribute.Int("netstats.receive.size", 3), absent("error.type"))
	send(t, conn, 4)
	receive(t, conn, 4)
	if lap := mark(t, conn, "m"); lap.Sent != 7 {
		t.Errorf("Mark: %+v, want 7 sent", lap)
	}
	if s, ok := otelnetstats.Reset(conn); !ok || s.Sent.Bytes != 7 {
		t.Errorf("Reset: %+v", s)
	}
	spans := len(l.spans.Ended())
	conn.Close()
	if got := len(l.spans.Ended()); got != spans {
		t.Errorf("%d spans ended after Shutdown", got-spans)
	}
	if n := strings.Count(cb.text(), "close"); n != 1 {
		t.Errorf("callbacks:\n%s\nwant one close", cb.text())
	}
	if _, ok := otelnetstats.Lookup(l.Register(t.Context(), &stub{})); ok {
		t.Error("Register tracks after Shutdown")
	}
	if _, ok := otelnetstats.Lookup(dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}, "tcp", "h:1")); ok {
		t.Error("a Dialer tracks after Shutdown")
	}
	udp, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer udp.Close()
	if l.RegisterPacketConn(t.Context(), udp) != udp {
		t.Error("RegisterPacketConn tracks after Shutdown")
	}
	if again := l.Register(t.Context(), conn); again != conn {
		t.Error("registering a tracked connection after Shutdown gives another")
	}
}

func TestShutdownExportsWhatIsCounted(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	send(t, conn, 5)
	if err := l.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn.Close()
	s := collect(t, l.cumulative)
	if got := s.count("netstats.client.connection.duration"); got != 1 {
		t.Errorf("%d durations, want 1", got)
	}
	if _, ok := s.metric("netstats.client.connection.count"); ok {
		t.Error("the metric callback is still called")
	}
}

// flushes is a MeterProvider that counts how often it is flushed.
type flushes struct {
	metricnoop.MeterProvider
	n atomic.Int64
}

func (f *flushes) ForceFlush(context.Context) error { f.n.Add(1); return nil }

// TestShutdownFlushesMetricsOnce, and a second one does nothing.
func TestShutdownFlushesMetricsOnce(t *testing.T) {
	f := new(flushes)
	tracker := newTracker(t, otelnetstats.WithMeterProvider(f))
	for range 2 {
		must(t, tracker.Shutdown(t.Context()))
		if got := f.n.Load(); got != 1 {
			t.Errorf("flushed %d times, want once", got)
		}
	}
}

// slowEnds are spans that end when they may, which they are told of by a signal.
type slowEnds struct {
	sdktrace.SpanProcessor
	ending, allowed chan struct{}
}

func (s *slowEnds) OnEnd(sdktrace.ReadOnlySpan) {
	s.ending <- struct{}{}
	<-s.allowed
}

// TestShutdownAwaitsWhatOthersClose: the provider is shut down after it, and would
// lose a span that another goroutine is about to end.
func TestShutdownAwaitsWhatOthersClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		spans := &slowEnds{tracetest.NewSpanRecorder(), make(chan struct{}), make(chan struct{})}
		tracker := newTracker(t, otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
		conn := tracker.Register(t.Context(), &stub{})
		var both sync.WaitGroup
		both.Go(func() { conn.Close() })
		<-spans.ending
		var shut atomic.Bool
		both.Go(func() {
			if err := tracker.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			shut.Store(true)
		})
		synctest.Wait()
		if shut.Load() {
			t.Error("Shutdown has returned, and a span has not ended")
		}
		close(spans.allowed)
		both.Wait()
	})
}

// TestShutdownWithinAClose does not wait for itself for ever.
func TestShutdownWithinAClose(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var l *lab
		l = newLab(t, otelnetstats.WithCallback(&onClose{f: func(context.Context, *otelnetstats.Conn) {
			must(t, l.Shutdown(context.WithoutCancel(t.Context())))
		}}))
		must(t, l.Register(t.Context(), &stub{}).Close())
		l.wantNothingOpen(t)
	})
}

// TestShutdownWithCallbacksThatExit ends all connections all the same.
func TestShutdownWithCallbacksThatExit(t *testing.T) {
	handleErrors(t)
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, otelnetstats.WithCallback(&onClose{f: func(context.Context, *otelnetstats.Conn) { runtime.Goexit() }}))
		conns := open(t, l.Tracker, 3)
		must(t, l.Shutdown(t.Context()))
		for _, c := range conns {
			l.wantEnded(t, c)
		}
		closeAll(conns)
	})
}

// TestShutdownAnswersForItsOwnSpans: those that others have ended are not at risk by
// its doing.
func TestShutdownAnswersForItsOwnSpans(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tp := sdktrace.NewTracerProvider()
		tracker := newTracker(t, otelnetstats.WithTracerProvider(unflushable{tp: tp}))
		closing, allowed := make(chan struct{}), make(chan struct{})
		conn := tracker.Register(t.Context(), &stub{close: func() error { close(closing); <-allowed; return nil }})
		var closer sync.WaitGroup
		closer.Go(func() { conn.Close() })
		<-closing
		if err := tracker.Shutdown(t.Context()); err != nil {
			t.Errorf("Shutdown: %v", err)
		}
		close(allowed)
		closer.Wait()
	})
}

// TestShutdownAfterTheProviders is too late, and no more than that.
func TestShutdownAfterTheProviders(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	if err := l.tracers.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := l.meters.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	send(t, conn, 5)
	_ = l.Shutdown(t.Context())
	conn.Close()
	if s := statsOf(t, conn); s.Sent.Bytes != 5 {
		t.Errorf("sent %d, want 5", s.Sent.Bytes)
	}
}

// TestShutdownAmidEverythingConcurrentSafe shuts down while connections open,
// move, mark and close, and metrics are collected.
func TestShutdownAmidEverythingConcurrentSafe(t *testing.T) {
	cb := &balance{}
	l := newLab(t, otelnetstats.WithCallback(cb))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
	var wg sync.WaitGroup
	for range 3 {
		wg.Go(func() {
			for range 30 {
				conn, err := d.Dial("tcp", "h:1")
				if err != nil {
					t.Error(err)
					return
				}
				send(t, conn, 1)
				otelnetstats.Mark(t.Context(), conn, "m")
				otelnetstats.Reset(conn)
				otelnetstats.StatsOf(conn)
				conn.Close()
			}
		})
	}
	wg.Go(func() {
		for range 10 {
			collect(t, l.cumulative)
			for c := range l.Conns() {
				c.Stats()
			}
		}
	})
	wg.Go(func() {
		if err := l.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	if cb.opens.Load() != cb.closes.Load() {
		t.Errorf("%d opens, %d closes", cb.opens.Load(), cb.closes.Load())
	}
	if started, ended := len(l.spans.Started()), len(l.spans.Ended()); started != ended {
		t.Errorf("%d spans started, %d ended", started, ended)
	}
}

// balance counts opens and closes.
type balance struct {
	otelnetstats.NopCallback
	opens, closes atomic.Int64
}

func (b *balance) Open(context.Context, *otelnetstats.Conn)  { b.opens.Add(1) }
func (b *balance) Close(context.Context, *otelnetstats.Conn) { b.closes.Add(1) }

func TestShutdownOfNothing(t *testing.T) {
	var none *otelnetstats.Tracker
	if err := none.Shutdown(t.Context()); err != nil {
		t.Errorf("nil Tracker: %v", err)
	}
	if err := newLab(t).Shutdown(t.Context()); err != nil {
		t.Errorf("unused Tracker: %v", err)
	}
}
