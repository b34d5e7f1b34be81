package otelnetstats_test

import (
	"context"
	"fmt"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// The tests of parts run in bubbles, where minutes take no time.

// parts returns the ended spans of connections, in order.
func (l *lab) parts(t testing.TB, want int) []sdktrace.ReadOnlySpan {
	t.Helper()
	spans := l.ended("connection")
	if len(spans) != want {
		t.Fatalf("%d spans of the connection have ended, want %d", len(spans), want)
	}
	return spans
}

func eventNames(s sdktrace.ReadOnlySpan) (names []string) {
	for _, e := range s.Events() {
		names = append(names, e.Name)
	}
	return names
}

func TestParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		sampler := newStarted()
		l := newSampledLab(t, sampler, otelnetstats.WithSpanAttributes(attribute.String("team", "storage")))
		opened := time.Now()
		conn := l.Register(t.Context(), &stub{})
		record := lookup(t, conn)
		send(t, conn, 5)
		receive(t, conn, 7)

		time.Sleep(54 * time.Second)
		l.parts(t, 0)
		time.Sleep(2 * time.Second)
		first := l.parts(t, 1)[0]
		if took := first.EndTime().Sub(opened); took != 55*time.Second || !first.StartTime().Equal(opened) {
			t.Errorf("the first part began at %v and took %v, want %v and 55s", first.StartTime(), took, opened)
		}
		attrsOf(first.Attributes()).want(t, "first part",
			attribute.Int("netstats.connection.part", 1),
			attribute.Int("netstats.receive.size", 7), attribute.Int("netstats.transmit.size", 5),
			absent("netstats.connection.close.reason"), absent("error.type"),
			absent("netstats.connection.duration"), absent("netstats.connection.receive.size"))
		if got, want := fmt.Sprint(eventNames(first)), fmt.Sprint([]string{eventOpen, eventWrite, eventRead}); got != want {
			t.Errorf("events %v, want %v", got, want)
		}
		if got := events(first, eventRead)[0]["netstats.turn.duration"].AsFloat64(); got != 55 {
			t.Errorf("the last turn took %v s, want until the end of the part, at 55", got)
		}

		send(t, conn, 10)
		synctest.Wait()
		sampler.mu.Lock()
		if got := sampler.attrs["connection"]; got.int("netstats.connection.part") != 2 || got["team"].AsString() != "storage" {
			t.Errorf("a sampler sees %v of the second part", got)
		}
		sampler.mu.Unlock()
		time.Sleep(10 * time.Minute)
		second := l.parts(t, 2)[1]
		if took := second.EndTime().Sub(second.StartTime()); took != 10*time.Minute {
			t.Errorf("the second part took %v, want 10m", took)
		}
		attrsOf(second.Attributes()).want(t, "second part",
			attribute.Int("netstats.connection.part", 2),
			attribute.Int("netstats.receive.size", 0), attribute.Int("netstats.transmit.size", 10),
			absent("netstats.connection.close.reason"), absent("netstats.connection.duration"))

		receive(t, conn, 20)
		time.Sleep(5 * time.Second)
		conn.Close()
		last := l.parts(t, 3)[2]
		attrsOf(last.Attributes()).want(t, "last part",
			attribute.Int("netstats.connection.part", 3),
			attribute.Int("netstats.receive.size", 20), attribute.Int("netstats.transmit.size", 0),
			attribute.Int("netstats.connection.receive.size", 27), attribute.Int("netstats.connection.transmit.size", 15),
			attribute.Float64("netstats.connection.duration", time.Since(opened).Seconds()),
			attribute.String("netstats.connection.close.reason", "local"))
		if got, want := fmt.Sprint(eventNames(last)), fmt.Sprint([]string{eventRead, eventClose}); got != want {
			t.Errorf("events %v, want %v", got, want)
		}
		for i, s := range []sdktrace.ReadOnlySpan{first, second, last} {
			if s.Name() != first.Name() {
				t.Errorf("part %d is named %q, want %q", i+1, s.Name(), first.Name())
			}
			if i > 0 && (s.Parent().SpanID() != first.SpanContext().SpanID() || s.SpanContext().TraceID() != first.SpanContext().TraceID()) {
				t.Errorf("part %d is no child of the first", i+1)
			}
			attrsOf(s.Attributes()).want(t, fmt.Sprint("part ", i+1),
				attribute.Int64("netstats.connection.id", int64(record.ID())), attribute.String("server.address", "192.0.2.2"),
				attribute.String("network.local.address", "192.0.2.1"), attribute.String("network.peer.address", "192.0.2.2"))
		}
		if !record.SpanContext().Equal(first.SpanContext()) {
			t.Error("Conn.SpanContext is not that of the first part")
		}
	})
}

// TestPartsOfServersPastTheCap have the address, as their first one has.
func TestPartsOfServersPastTheCap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, otelnetstats.WithMaxServers(0))
		conn := l.Register(t.Context(), &stub{})
		time.Sleep(time.Minute)
		conn.Close()
		for _, s := range l.parts(t, 2) {
			attrsOf(s.Attributes()).want(t, s.Name(), attribute.String("server.address", "192.0.2.2"), attribute.Int("server.port", 80))
		}
	})
}

// TestMarksBelongToTheirPart, and so do their links: they lead to the live one.
func TestMarksBelongToTheirPart(t *testing.T) {
	for _, n := range []int{33, 127, 128, 129, 300} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { marksBelongToTheirPart(t, n) })
		})
	}
}

func marksBelongToTheirPart(t *testing.T, marksInPart int) {
	l := newLab(t)
	ctx, caller := l.span(t.Context(), "caller")
	conn := l.Register(t.Context(), &stub{})
	for part := range 2 {
		for i := range marksInPart {
			send(t, conn, 1)
			otelnetstats.Mark(ctx, conn, fmt.Sprint(part, ".", i))
		}
		time.Sleep(time.Minute)
	}
	caller.End()
	conn.Close()
	spans := l.parts(t, 2)
	for part, s := range spans {
		marks := events(s, eventMark)
		if len(marks) != 32 {
			t.Fatalf("part %d has %d marks, want 32", part+1, len(marks))
		}
		for i, m := range marks {
			n := i
			if i >= 8 {
				n += marksInPart - 32
			}
			if got, want := m["netstats.mark.name"].AsString(), fmt.Sprint(part, ".", n); got != want {
				t.Errorf("part %d: mark %d is %s, want %s", part+1, i, got, want)
			}
		}
		attrsOf(s.Attributes()).want(t, fmt.Sprint("part ", part+1),
			attribute.Int("netstats.marks.suppressed.count", marksInPart-32), attribute.Int("netstats.marks.suppressed.transmit.size", marksInPart-32),
			absent("netstats.marks.suppressed.receive.size"))
		if n := linked(s.Links(), caller.SpanContext()); n != 1 {
			t.Errorf("part %d has %d links to the span that marked it, want 1", part+1, n)
		}
		if n := linked(l.only(t, "caller").Links(), s.SpanContext()); n != 1 {
			t.Errorf("the marking span has %d links to part %d, want 1", n, part+1)
		}
	}
}

// TestConnectionsWithOneSpan are those of options and samplers that have it so, and
// of other clocks than the Tracker's.
func TestConnectionsWithOneSpan(t *testing.T) {
	for name, opts := range map[string][]otelnetstats.Option{
		"no age": {otelnetstats.WithMaxSpanAge(0)},
		"child":  {otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanChild)},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := newLab(t, opts...)
				conn := l.Register(t.Context(), &stub{})
				time.Sleep(time.Hour)
				conn.Close()
				attrsOf(l.only(t, "connection").Attributes()).want(t, "span", absent("netstats.connection.part"), absent("netstats.connection.duration"))
			})
		})
	}
	t.Run("other clock", func(t *testing.T) {
		l := newLab(t)
		synctest.Test(t, func(t *testing.T) {
			conn := l.Register(t.Context(), &stub{})
			time.Sleep(time.Hour)
			conn.Close()
		})
		l.only(t, "connection")
	})
	t.Run("other clock, in a Tracker of a bubble", func(t *testing.T) {
		conn := func() net.Conn { return &stub{} }()
		synctest.Test(t, func(t *testing.T) {
			l := newLab(t)
			done := make(chan struct{})
			conn = l.Register(t.Context(), conn)
			go func() { time.Sleep(time.Second); close(done) }()
			<-done
		})
		conn.Close() // outside, as a test does that forgot to
	})
}

// TestMaxSpanAge: below a minute it is that of the first part, too.
func TestMaxSpanAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t, otelnetstats.WithMaxSpanAge(time.Second))
		conn := l.Register(t.Context(), &stub{})
		time.Sleep(10*time.Second + 500*time.Millisecond)
		conn.Close()
		l.parts(t, 11)
	})
	if _, err := otelnetstats.New(otelnetstats.WithMaxSpanAge(-time.Second)); err == nil {
		t.Error("a negative age is taken")
	}
}

// A dropper drops what is after the first.
type dropper struct{ sdktrace.Sampler }

func (d dropper) ShouldSample(p sdktrace.SamplingParameters) sdktrace.SamplingResult {
	if trace.SpanContextFromContext(p.ParentContext).IsValid() {
		return sdktrace.SamplingResult{Decision: sdktrace.Drop}
	}
	return d.Sampler.ShouldSample(p)
}

// TestASamplerThatDropsParts has none of them, and all else goes on.
func TestASamplerThatDropsParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newSampledLab(t, dropper{sdktrace.AlwaysSample()})
		conn := l.Register(t.Context(), &stub{})
		for range 20 {
			send(t, conn, 1)
			mark(t, conn, "m")
			time.Sleep(time.Minute)
		}
		conn.Close()
		attrsOf(l.parts(t, 1)[0].Attributes()).want(t, "first part", attribute.Int("netstats.connection.part", 1), attribute.Int("netstats.transmit.size", 1))
		if got := collect(t, l.cumulative).sum("netstats.client.io", transmitted); got != 20 {
			t.Errorf("%d bytes in the metric, want 20", got)
		}
	})
}

// liveSpans remembers the spans that an IOCallback is called with.
type liveSpans struct {
	otelnetstats.NopCallback
	seen []trace.SpanID
}

func (s *liveSpans) note(ctx context.Context) {
	s.seen = append(s.seen, trace.SpanContextFromContext(ctx).SpanID())
}
func (s *liveSpans) Read(ctx context.Context, _ *otelnetstats.Conn, _ int)  { s.note(ctx) }
func (s *liveSpans) Write(ctx context.Context, _ *otelnetstats.Conn, _ int) { s.note(ctx) }
func (s *liveSpans) Close(ctx context.Context, _ *otelnetstats.Conn)        { s.note(ctx) }

// TestCallbacksGetTheLiveSpan, so that what they log can be found with it.
func TestCallbacksGetTheLiveSpan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cb := new(liveSpans)
		l := newLab(t, otelnetstats.WithCallback(cb))
		conn := l.Register(t.Context(), &stub{})
		send(t, conn, 1)
		time.Sleep(time.Minute)
		receive(t, conn, 1)
		conn.Close()
		spans := l.parts(t, 2)
		first, second := spans[0].SpanContext().SpanID(), spans[1].SpanContext().SpanID()
		if got, want := fmt.Sprint(cb.seen), fmt.Sprint([]trace.SpanID{first, second, second}); got != want {
			t.Errorf("callbacks got the spans %v, want %v", got, want)
		}
	})
}

// TestShutdownEndsTheLastPart, and no more come.
func TestShutdownEndsTheLastPart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := newLab(t)
		conn := l.Register(t.Context(), &stub{})
		time.Sleep(time.Minute)
		if err := l.Shutdown(t.Context()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Hour)
		conn.Close()
		attrsOf(l.parts(t, 2)[1].Attributes()).want(t, "last part", attribute.String("netstats.connection.close.reason", "shutdown"))
	})
}

// TestALeakIsAnError that is found among the spans that failed.
func TestALeakIsAnError(t *testing.T) {
	l := newLab(t)
	func() { l.Register(t.Context(), &stub{}) }()
	eventually(t, "the connection is found to be dropped", func() bool {
		runtime.GC()
		return len(l.ended("connection")) == 1
	})
	span := l.only(t, "connection")
	if got := span.Status(); got.Code != codes.Error || got.Description == "" {
		t.Errorf("status %+v, want an error that is described", got)
	}
	attrsOf(span.Attributes()).want(t, "span", attribute.String("netstats.connection.close.reason", "leaked"), attribute.String("error.type", "leaked"))
	if got := collect(t, l.cumulative).count("netstats.client.connection.duration", attribute.String("error.type", "leaked")); got != 1 {
		t.Errorf("%d durations with error.type leaked, want 1", got)
	}
}

// A slowExporter takes as long for a batch as a backend does.
type slowExporter struct{ spans atomic.Int64 }

func (e *slowExporter) ExportSpans(_ context.Context, spans []sdktrace.ReadOnlySpan) error {
	time.Sleep(100 * time.Millisecond)
	e.spans.Add(int64(len(spans)))
	return nil
}
func (*slowExporter) Shutdown(context.Context) error { return nil }

// TestManyPartsAtOnce are not lost in the default batch processor.
func TestManyPartsAtOnce(t *testing.T) {
	const conns = 10_000
	synctest.Test(t, func(t *testing.T) {
		e := new(slowExporter)
		provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(e))
		tracker := newTracker(t, otelnetstats.WithTracerProvider(provider))
		open := make([]net.Conn, conns)
		for i := range open {
			open[i] = tracker.Register(t.Context(), &stub{})
		}
		time.Sleep(time.Minute + 5*time.Second)
		if got := e.spans.Load(); got != conns {
			t.Errorf("%d of %d spans arrived", got, conns)
		}
		if err := tracker.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if err := provider.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if got := e.spans.Load(); got != 2*conns {
			t.Errorf("%d of %d spans arrived in the end", got, 2*conns)
		}
		runtime.KeepAlive(open)
	})
}

// A failingEnd is a span processor that fails at first, in one way and in another.
type failingEnd struct {
	sdktrace.SpanProcessor
	ended atomic.Int64
}

func (f *failingEnd) OnEnd(sdktrace.ReadOnlySpan) {
	switch f.ended.Add(1) {
	case 1:
		panic("on purpose")
	case 2:
		runtime.Goexit()
	}
}

// TestProvidersThatFailEndParts all the same, and the parts after them.
func TestProvidersThatFailEndParts(t *testing.T) {
	h := handleErrors(t)
	synctest.Test(t, func(t *testing.T) {
		spans := &failingEnd{SpanProcessor: tracetest.NewSpanRecorder()}
		tracker := newTracker(t, otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))))
		conn := tracker.Register(t.Context(), &stub{})
		defer conn.Close()
		time.Sleep(time.Hour)
		if got := spans.ended.Load(); got != 6 {
			t.Errorf("%d parts have ended in an hour, want 6", got)
		}
	})
	h.want(t, "the TracerProvider: panic: on purpose", "the TracerProvider")
}

// TestPartsAddUp, whatever moves while they end.
func TestPartsAddUpConcurrentSafe(t *testing.T) {
	l := newLab(t, otelnetstats.WithMaxSpanAge(10*time.Millisecond))
	conn := l.Register(t.Context(), &stub{})
	var wg sync.WaitGroup
	stop := make(chan struct{})
	loop := func(do func()) {
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
					do()
				}
			}
		})
	}
	loop(func() { send(t, conn, 3) })
	loop(func() { receive(t, conn, 2) })
	loop(func() { mark(t, conn, "m") })
	eventually(t, "five parts have ended", func() bool { return len(l.ended("connection")) >= 5 })
	close(stop)
	wg.Wait()
	s := statsOf(t, conn)
	conn.Close()
	var received, sent, marks int64
	spans := l.ended("connection")
	for i, span := range spans {
		a := attrsOf(span.Attributes())
		received += a.int("netstats.receive.size")
		sent += a.int("netstats.transmit.size")
		marks += int64(len(events(span, eventMark))) + a.int("netstats.marks.suppressed.count")
		checkSums(t, span, a.int("netstats.receive.size"), a.int("netstats.transmit.size"))
		if got := a.int("netstats.connection.part"); got != int64(i+1) {
			t.Errorf("span %d is part %d", i+1, got)
		}
		for _, e := range span.Events() {
			if e.Time.After(span.EndTime()) || e.Time.Before(span.StartTime()) && e.Name == eventMark {
				t.Errorf("part %d, from %v to %v, has an event %s at %v", i+1, span.StartTime(), span.EndTime(), e.Name, e.Time)
			}
		}
	}
	made := int64(len(s.Marks) + s.MarksDropped)
	if received != s.Received.Bytes || sent != s.Sent.Bytes || marks != made {
		t.Errorf("the parts add up to %d and %d bytes and %d marks, want %d, %d and %d", received, sent, marks, s.Received.Bytes, s.Sent.Bytes, made)
	}
	last := attrsOf(spans[len(spans)-1].Attributes())
	last.want(t, "last part", attribute.Int64("netstats.connection.receive.size", received), attribute.Int64("netstats.connection.transmit.size", sent))
}

// TestTrackersAreCollected although their timers go on.
func TestTrackersAreCollected(t *testing.T) {
	collected := make(chan struct{})
	func() {
		tracker := newTracker(t, otelnetstats.WithMaxSpanAge(time.Hour),
			otelnetstats.WithTracerProvider(sdktrace.NewTracerProvider()), otelnetstats.WithMeterProvider(noop.NewMeterProvider()))
		runtime.AddCleanup(tracker, func(c chan struct{}) { close(c) }, collected)
	}()
	eventually(t, "the Tracker is collected", func() bool {
		runtime.GC()
		select {
		case <-collected:
			return true
		default:
			return false
		}
	})
}
