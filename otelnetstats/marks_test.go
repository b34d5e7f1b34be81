package otelnetstats_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// linked returns how many links lead to the span.
func linked(links []sdktrace.Link, to trace.SpanContext) (n int) {
	for _, l := range links {
		if l.SpanContext.SpanID() == to.SpanID() && l.SpanContext.TraceID() == to.TraceID() {
			n++
		}
	}
	return n
}

func TestMarkEvent(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	send(t, conn, 3)
	receive(t, conn, 4)
	ctx, caller := l.span(t.Context(), "caller")
	lap, ok := otelnetstats.Mark(ctx, conn, "login", attribute.String("user", "ada"), attribute.Int("try", 2))
	caller.End()
	if !ok || lap.Name != "login" || len(lap.Attributes) != 2 {
		t.Errorf("Mark: %+v, %v", lap, ok)
	}
	mark(t, conn, "no span")
	conn.Close()
	found := events(l.only(t, "connection"), eventMark)
	if len(found) != 2 {
		t.Fatalf("%d mark events, want 2", len(found))
	}
	sc := caller.SpanContext()
	found[0].want(t, "mark", attribute.String("netstats.mark.name", "login"),
		attribute.Int("netstats.mark.receive.size", 4), attribute.Int("netstats.mark.transmit.size", 3),
		attribute.Float64("netstats.mark.duration", lap.Elapsed.Seconds()),
		attribute.String("trace_id", sc.TraceID().String()), attribute.String("span_id", sc.SpanID().String()),
		attribute.String("user", "ada"), attribute.Int("try", 2))
	if len(found[0]) != 8 {
		t.Errorf("the event has %d attributes, want 8: %v", len(found[0]), found[0])
	}
	found[1].want(t, "mark", attribute.String("netstats.mark.name", "no span"), absent("trace_id"), absent("span_id"),
		attribute.Int("netstats.mark.receive.size", 0), attribute.Int("netstats.mark.transmit.size", 0))
	for name, s := range map[string]snapshot{"io": collect(t, l.cumulative)} {
		for _, set := range s.sets("netstats.client.io") {
			if set.HasValue("user") || set.HasValue("netstats.mark.name") {
				t.Errorf("%s: a mark's attributes are on a metric: %v", name, set.ToSlice())
			}
		}
	}
}

func TestMarksLinkBothWaysOnce(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	cc := lookup(t, conn).SpanContext()
	first, a := l.span(t.Context(), "a")
	second, b := l.span(t.Context(), "b")
	for range 3 {
		otelnetstats.Mark(first, conn, "x")
		otelnetstats.Mark(second, conn, "y")
	}
	a.End()
	b.End()
	conn.Close()
	span := l.only(t, "connection")
	for name, marker := range map[string]trace.Span{"a": a, "b": b} {
		if n := linked(span.Links(), marker.SpanContext()); n != 1 {
			t.Errorf("the connection has %d links to %s, want 1", n, name)
		}
		if n := linked(l.only(t, name).Links(), cc); n != 1 {
			t.Errorf("%s has %d links to the connection, want 1", name, n)
		}
	}
	if n := len(span.Links()); n != 2 {
		t.Errorf("the connection has %d links, want 2", n)
	}
}

// TestTheSpanThatRegisteredMarks links the pair of the two once in each
// direction, although Register linked one already.
func TestTheSpanThatRegisteredMarks(t *testing.T) {
	l := newLab(t)
	ctx, caller := l.span(t.Context(), "caller")
	conn := l.Register(ctx, &stub{})
	cc := lookup(t, conn).SpanContext()
	for range 2 {
		otelnetstats.Mark(ctx, conn, "m")
	}
	caller.End()
	conn.Close()
	if n := linked(l.only(t, "connection").Links(), caller.SpanContext()); n != 1 {
		t.Errorf("the connection has %d links to the span that registered and marked it, want 1", n)
	}
	if n := linked(l.only(t, "caller").Links(), cc); n != 1 {
		t.Errorf("the span has %d links to the connection, want 1", n)
	}
}

// TestLinksOfAConnectionAreBounded: those from it are. Each span that marks is
// linked to it, whatever number it has.
func TestLinksOfAConnectionAreBounded(t *testing.T) {
	address := serve(t, wait)
	l := newLab(t)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	for i := range 100 {
		ctx, marker := l.span(t.Context(), fmt.Sprint("marker ", i))
		otelnetstats.Mark(ctx, conn, fmt.Sprint("m", i))
		marker.End()
		if n := linked(l.only(t, fmt.Sprint("marker ", i)).Links(), lookup(t, conn).SpanContext()); n != 1 {
			t.Errorf("marker %d has %d links to the connection, want 1", i, n)
		}
		l.spans.Reset()
	}
	conn.Close()
	links := l.only(t, "connection").Links()
	if n := len(links); n != 32 {
		t.Errorf("the connection has %d links, want 32, that to the dial among them", n)
	}
	found := events(l.only(t, "connection"), eventMark)
	if len(found) != 32 {
		t.Errorf("%d mark events, want 32", len(found))
	}
	for i, e := range found {
		n := i // the first 8, then the last 24
		if i >= 8 {
			n = 100 - 32 + i
		}
		if got, want := e["netstats.mark.name"].AsString(), fmt.Sprint("m", n); got != want {
			t.Errorf("mark event %d is %s, want %s", i, got, want)
		}
		if _, ok := e["span_id"]; !ok {
			t.Error("a mark event past the links' bound does not say which span it was")
		}
	}
}

func TestMarksByUnsampledSpans(t *testing.T) {
	for name, prefix := range map[string]string{"unsampled marker": "connection", "unsampled connection": "caller"} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, byName{prefix})
			conn := l.Register(t.Context(), &stub{})
			ctx, caller := l.span(t.Context(), "caller")
			otelnetstats.Mark(ctx, conn, "m")
			caller.End()
			conn.Close()
			for _, s := range l.spans.Ended() {
				if len(s.Links()) != 0 {
					t.Errorf("%s has links that lead nowhere: %v", s.Name(), s.Links())
				}
				for _, e := range events(s, eventMark) {
					e.want(t, "mark", attribute.String("span_id", caller.SpanContext().SpanID().String()))
				}
			}
		})
	}
}

// TestMarksOnConnectionsThatOnlyRecord: their spans are not exported, so that no link
// leads to them.
func TestMarksOnConnectionsThatOnlyRecord(t *testing.T) {
	l := newSampledLab(t, exceptByName{"connection", sdktrace.RecordOnly})
	conn := l.Register(t.Context(), &stub{})
	ctx, caller := l.span(t.Context(), "caller")
	mark(t, conn, "m") // without a span
	otelnetstats.Mark(ctx, conn, "m")
	caller.End()
	conn.Close()
	if links := l.only(t, "caller").Links(); len(links) != 0 {
		t.Errorf("the marking span has links that lead nowhere: %v", links)
	}
}

func TestMarkWithinTheConnectionsOwnSpan(t *testing.T) {
	var conn *otelnetstats.Conn
	cb := &onClose{f: func(ctx context.Context, c *otelnetstats.Conn) { c.Mark(ctx, "at close") }}
	l := newLab(t, otelnetstats.WithCallback(cb))
	c := l.Register(t.Context(), &stub{})
	conn = lookup(t, c)
	send(t, c, 2)
	c.Close()
	if n := linked(l.only(t, "connection").Links(), conn.SpanContext()); n != 0 {
		t.Errorf("the connection's span has %d links to itself", n)
	}
	if found := events(l.only(t, "connection"), eventMark); len(found) != 1 || found[0].int("netstats.mark.transmit.size") != 2 {
		t.Errorf("mark events %v, want that of the Close callback", found)
	}
}

// TestAUsersOwnLinksStay marks one connection often under a span that has as
// many links as the SDK keeps, but for those that this package may add.
func TestAUsersOwnLinksStay(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	ctx, caller := l.span(t.Context(), "caller")
	_, own := l.span(t.Context(), "own")
	own.End()
	for range 127 {
		caller.AddLink(trace.Link{SpanContext: own.SpanContext()})
	}
	for range 300 {
		otelnetstats.Mark(ctx, conn, "m")
	}
	caller.End()
	span := l.only(t, "caller")
	if n := linked(span.Links(), own.SpanContext()); n != 127 || span.DroppedLinks() != 0 {
		t.Errorf("the user's span has %d of its 127 links, %d dropped", n, span.DroppedLinks())
	}
}

func TestMarksAreToldWithTheirLap(t *testing.T) {
	var got otelnetstats.Lap
	l := newLab(t, otelnetstats.WithCallback(&onMark{f: func(_ context.Context, _ *otelnetstats.Conn, lap otelnetstats.Lap) { got = lap }}))
	conn := l.Register(t.Context(), &stub{})
	defer conn.Close()
	receive(t, conn, 9)
	if want := mark(t, conn, "m", attribute.Bool("b", true)); !sameLap(got, want) {
		t.Errorf("the callback got %+v, the caller %+v", got, want)
	}
}

type onMark struct {
	otelnetstats.NopCallback
	f func(context.Context, *otelnetstats.Conn, otelnetstats.Lap)
}

func (o *onMark) Mark(ctx context.Context, c *otelnetstats.Conn, lap otelnetstats.Lap) {
	o.f(ctx, c, lap)
}

func TestMarksAtOnceConcurrentSafe(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	const each = 100
	var wg sync.WaitGroup
	var mu sync.Mutex
	var laps int64
	for range 4 {
		wg.Go(func() {
			ctx, span := l.span(t.Context(), "marker")
			defer span.End()
			for range each {
				send(t, conn, 1)
				lap, _ := otelnetstats.Mark(ctx, conn, "m")
				mu.Lock()
				laps += lap.Sent
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	last := mark(t, conn, "last")
	if got := laps + last.Sent; got != 4*each || last.TotalSent != 4*each {
		t.Errorf("laps add up to %d, total %d; want %d", got, last.TotalSent, 4*each)
	}
	s := statsOf(t, conn)
	if len(s.Marks) != 128 || s.MarksDropped != 4*each+1-128 {
		t.Errorf("%d marks, %d dropped", len(s.Marks), s.MarksDropped)
	}
	for i := 1; i < len(s.Marks); i++ {
		if s.Marks[i].At.Before(s.Marks[i-1].At) || s.Marks[i].TotalSent < s.Marks[i-1].TotalSent {
			t.Fatalf("mark %d is before the one before it", i)
		}
	}
	conn.Close()
	if links := l.only(t, "connection").Links(); len(links) != 4 {
		t.Errorf("%d links, want 4", len(links))
	}
	if n := len(l.ended("marker")); n != 4 {
		t.Errorf("%d markers", n)
	}
}

// TestMarksAreBoundedInSize, however long what a stranger has chosen is.
func TestMarksAreBoundedInSize(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	var many []attribute.KeyValue
	for i := range 500 {
		many = append(many, attribute.String(fmt.Sprint("k", i), strings.Repeat("y", 1<<16)))
	}
	lap := mark(t, conn, strings.Repeat("x", 1<<16), many...)
	conn.Close()
	event := events(l.only(t, "connection"), eventMark)[0]
	if want := strings.Repeat("x", 255); lap.Name != want || event["netstats.mark.name"].AsString() != want {
		t.Errorf("names of %d and %d bytes, want the first 255", len(lap.Name), len(event["netstats.mark.name"].AsString()))
	}
	if want := strings.Repeat("y", 1024); len(lap.Attributes) != 128 || lap.Attributes[127].Value.AsString() != want || event["k0"].AsString() != want {
		t.Errorf("%d attributes with %d bytes, want 128 with 1024", len(lap.Attributes), len(event["k0"].AsString()))
	}
}
