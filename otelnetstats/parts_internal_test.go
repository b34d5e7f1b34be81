package otelnetstats

import (
	"context"
	"math"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/logevent"
	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

// recording returns a Tracker whose spans record, and what has them.
func recording(t *testing.T, opts ...Option) (*Tracker, *tracetest.SpanRecorder) {
	t.Helper()
	spans := tracetest.NewSpanRecorder()
	opts = append(opts,
		WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))),
		WithMeterProvider(metricnoop.NewMeterProvider()))
	tracker, err := New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tracker, spans
}

// openConn opens a connection that nothing is known of.
func openConn(t *testing.T, tracker *Tracker) *Conn {
	t.Helper()
	c := tracker.newConn(t.Context(), opening{opened: connstat.Now()})
	tracker.publish(t.Context(), c)
	return c
}

// all are the connections whose parts will end.
func (p *parts) all() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, list := range []*places{&p.young, &p.old} {
		for c := list.first; c != nil; c = c.journal.place.next {
			n++
		}
	}
	return n
}

// TestPartsOfEndedConnections are not waited for, whichever comes first, the end or
// the place.
func TestPartsOfEndedConnections(t *testing.T) {
	tracker, _ := recording(t)
	want := func(what string, n int) {
		t.Helper()
		if got := tracker.parts.all(); got != n {
			t.Errorf("%s: %d parts are waited for, want %d", what, got, n)
		}
	}
	c := openConn(t, tracker)
	want("open", 1)
	c.rec.End(connstat.Local)
	want("ended", 0)

	c = tracker.newConn(t.Context(), opening{opened: connstat.Now()})
	c.rec.End(connstat.Local) // by who registered it at the same time
	tracker.publish(t.Context(), c)
	want("ended before it was known", 0)

	unrecorded, _ := recording(t, WithConnectionSpan(ConnectionSpanOff))
	unrecorded.parts.add(openConn(t, unrecorded))
}

// TestPartsOfOtherClocks: a connection of a bubble lives by another clock than a
// Tracker outside, and has one span.
func TestPartsOfOtherClocks(t *testing.T) {
	tracker, _ := recording(t)
	synctest.Test(t, func(t *testing.T) {
		c := openConn(t, tracker)
		defer c.rec.End(connstat.Local)
		if got := tracker.parts.all(); got != 0 {
			t.Errorf("%d parts are waited for, want none", got)
		}
	})
}

// TestNoPartAfterTheLast, which ends while the next one begins.
func TestNoPartAfterTheLast(t *testing.T) {
	tracker, spans := recording(t)
	c := openConn(t, tracker)
	c.rec.End(connstat.Local)
	c.nextPart()
	if got := len(spans.Ended()); got != 1 {
		t.Errorf("%d spans have ended, want 1", got)
	}
	if c.live() != c.span {
		t.Error("the connection has another part")
	}
}

// TestPartsAmongOthers: whichever connections close, the others have their parts
// end, in time.
func TestPartsAmongOthers(t *testing.T) {
	const conns = 6
	for closed := range 1 << conns {
		synctest.Test(t, func(t *testing.T) {
			tracker, spans := recording(t)
			open := make(map[int]*Conn)
			for i := range conns {
				open[i] = openConn(t, tracker)
				time.Sleep(time.Second)
			}
			for i := range conns {
				if closed&(1<<i) != 0 {
					open[i].rec.End(connstat.Local)
					delete(open, i)
				}
			}
			open[conns] = openConn(t, tracker)
			spans.Reset()
			for round, wait := range []time.Duration{firstPart, defaultPart, defaultPart} {
				time.Sleep(wait)
				synctest.Wait()
				if got := len(spans.Ended()); got != len(open) {
					t.Fatalf("%06b are closed: %d parts have ended in round %d, want %d", closed, got, round, len(open))
				}
				spans.Reset()
			}
			for _, c := range open {
				c.rec.End(connstat.Local)
			}
		})
	}
}

// TestAnOlderAnswerOfTheKernel, which another one has overtaken, changes nothing.
func TestAnOlderAnswerOfTheKernel(t *testing.T) {
	tracker, _ := recording(t)
	j := openConn(t, tracker).journal
	for _, test := range []struct{ says, more, part int64 }{{5, 5, 5}, {3, 0, 5}, {7, 2, 7}} {
		if more := j.noteTCP(tcpinfo.Info{Retransmits: test.says}); more != test.more || j.part.retransmits != test.part {
			t.Errorf("%d segments: %d more, %d in the part, want %d and %d", test.says, more, j.part.retransmits, test.more, test.part)
		}
	}
	j.split(nil, new(laterSpan))
	if more := j.noteTCP(tcpinfo.Info{Retransmits: 8}); more != 1 || j.part.retransmits != 1 {
		t.Errorf("%d more and %d in the second part, want 1 and 1", more, j.part.retransmits)
	}
}

// TestTurnsAreNotWatchedForNobody: where a span has no events, calls are only counted.
func TestTurnsAreNotWatchedForNobody(t *testing.T) {
	for wanted, opts := range map[bool][]Option{true: nil, false: {WithSpanEvents(false)}} {
		tracker, _ := recording(t, opts...)
		if got := openConn(t, tracker).watcher() != nil; got != wanted {
			t.Errorf("events wanted %v: calls are watched: %v", wanted, got)
		}
	}
}

// TestPartsForEver: the longest duration there is, for who wants no second part, is
// not one that has passed already.
func TestPartsForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tracker, spans := recording(t, WithMaxSpanAge(math.MaxInt64))
		c := openConn(t, tracker)
		time.Sleep(time.Hour)
		synctest.Wait()
		if n := len(spans.Ended()); n != 1 {
			t.Errorf("%d parts have ended, want the first", n)
		}
		c.rec.End(connstat.Local)
	})
}

// An exiting sink ends the goroutine that closes a connection.
type exiting struct{}

func (exiting) Enabled(context.Context, string, bool) bool { return true }

func (exiting) Emit(_ context.Context, e logevent.Event) {
	if e.Name == eventClose {
		runtime.Goexit()
	}
}

// TestALoggerThatExits: the connection ends all the same, with its span.
func TestALoggerThatExits(t *testing.T) {
	tracker, spans := recording(t, logevent.NewOption(exiting{}).(Option))
	c := openConn(t, tracker)
	done := make(chan struct{})
	go func() { defer close(done); c.rec.End(connstat.Local) }()
	<-done
	if spans, parts := len(spans.Ended()), tracker.parts.all(); spans != 1 || parts != 0 {
		t.Errorf("%d spans have ended, and %d parts are waited for", spans, parts)
	}
}

// A panicking processor does so when a span ends.
type panicking struct{ sdktrace.SpanProcessor }

func (panicking) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (panicking) OnEnd(sdktrace.ReadOnlySpan)                     { panic("processor") }

// TestAProcessorThatPanics does not in the goroutine that closes.
func TestAProcessorThatPanics(t *testing.T) {
	tracker, err := New(
		WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(panicking{}))),
		WithMeterProvider(metricnoop.NewMeterProvider()))
	if err != nil {
		t.Fatal(err)
	}
	c := openConn(t, tracker)
	c.rec.End(connstat.Local)
	for range tracker.Conns() {
		t.Error("the connection is open")
	}
}

// stuck is a Callback that does not return from Close until it is let go.
type stuck struct {
	NopCallback
	until chan struct{}
}

func (s stuck) Close(context.Context, *Conn) { <-s.until }

// TestPartsOfMoreLeaksThanAreTold: those that nobody is told of have no part to come.
func TestPartsOfMoreLeaksThanAreTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := stuck{until: make(chan struct{})}
		tracker, spans := recording(t, WithCallback(s))
		for range 5000 {
			openConn(t, tracker).rec.Dropped()
		}
		time.Sleep(time.Hour)
		synctest.Wait()
		if ended, parts := len(spans.Ended()), tracker.parts.all(); ended != 0 || parts != 0 {
			t.Errorf("%d parts have ended of connections that had, and %d are waited for", ended, parts)
		}
		close(s.until)
		synctest.Wait()
	})
}

// A slow processor is not done with a span that ends until it is let go.
type slow struct {
	sdktrace.SpanProcessor

	begun, until chan struct{}
	done         atomic.Bool
}

func (*slow) OnStart(context.Context, sdktrace.ReadWriteSpan) {}
func (*slow) ForceFlush(context.Context) error                { return nil }

func (s *slow) OnEnd(span sdktrace.ReadOnlySpan) {
	if spanPart(span) == 1 {
		close(s.begun)
		<-s.until
		s.done.Store(true)
	}
}

// spanPart is which part a span says it is.
func spanPart(s sdktrace.ReadOnlySpan) int64 {
	for _, kv := range s.Attributes() {
		if kv.Key == keyConnectionPart {
			return kv.Value.AsInt64()
		}
	}
	return 0
}

// TestShutdownAwaitsAPartThatIsEnding, as the provider's comes next.
func TestShutdownAwaitsAPartThatIsEnding(t *testing.T) {
	s := &slow{begun: make(chan struct{}), until: make(chan struct{})}
	tracker, err := New(
		WithTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(s))),
		WithMeterProvider(metricnoop.NewMeterProvider()), WithMaxSpanAge(50*time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	openConn(t, tracker)
	<-s.begun
	begun := time.Now()
	down := make(chan error)
	go func() { down <- tracker.Shutdown(t.Context()) }()
	testnet.AwaitBlocked(t, "internal/sync.(*Mutex).lockSlow", 1)
	close(s.until)
	if err := <-down; err != nil {
		t.Error(err)
	}
	if !s.done.Load() && time.Since(begun) < closingLimit {
		t.Error("Shutdown has returned before the part had ended")
	}
}
