package otelnetstats

import (
	"testing"
	"testing/synctest"
	"time"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
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
