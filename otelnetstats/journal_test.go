package otelnetstats_test

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

const (
	eventOpen  = "netstats.connection.open"
	eventRead  = "netstats.connection.read"
	eventWrite = "netstats.connection.write"
	eventMark  = "netstats.connection.mark"
	eventClose = "netstats.connection.close"
)

// A step is one of a script that a client and its server go through.
type step struct {
	do   string // send, receive, mark, reset, resetAll
	n    int
	name string
}

// TestARunGoesOnWhileMetricsAreCollected, which has the connection look at each call
// again.
func TestARunGoesOnWhileMetricsAreCollected(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	for range 5 {
		send(t, conn, 1)
		collect(t, l.cumulative)
	}
	conn.Close()
	found := events(l.only(t, "connection"), eventWrite)
	if len(found) != 1 {
		t.Fatalf("%d write events, want 1", len(found))
	}
	found[0].want(t, "write", attribute.Int("netstats.io.size", 5), attribute.Int("netstats.io.operations", 5))
}

// serveScript does what the server must do for the client's steps.
func serveScript(c net.Conn, script []step) error {
	for _, s := range script {
		var err error
		switch s.do {
		case "send":
			_, err = io.ReadFull(c, make([]byte, s.n))
		case "receive":
			_, err = c.Write(make([]byte, s.n))
		}
		if err != nil {
			return fmt.Errorf("server, %v: %w", s, err)
		}
	}
	return nil
}

// A model says what a client that goes through a script must be told.
type model struct {
	received, sent     otelnetstats.Flow // all; operations only where reads are whole
	base, lap          [2]int64          // received and sent at the latest reset, and mark or reset
	laps               []otelnetstats.Lap
	runs               []modelRun
	running            string // event name of the current run
	marks              []modelMark
	opened, since, now time.Time
}

type modelRun struct {
	name      string
	size, ops int64
	at, until time.Time
	seq       int
}

type modelMark struct {
	otelnetstats.Lap
	seq int
}

func (m *model) stats() otelnetstats.Stats {
	return otelnetstats.Stats{
		Opened: m.opened,
		Received: otelnetstats.Flow{
			Bytes: m.received.Bytes - m.base[0],
		},
		Sent:         otelnetstats.Flow{Bytes: m.sent.Bytes - m.base[1]},
		Marks:        m.laps[max(0, len(m.laps)-128):],
		MarksDropped: max(0, len(m.laps)-128),
	}
}

func (m *model) moved(name string, n int) {
	seq := len(m.runs) + len(m.marks)
	if m.running != name {
		m.endRun()
		m.runs = append(m.runs, modelRun{name: name, at: m.now, seq: seq})
		m.running = name
	}
	r := &m.runs[len(m.runs)-1]
	r.size += int64(n)
	r.ops++
	if name == eventRead {
		m.received.Bytes += int64(n)
		m.received.Operations++
	} else {
		m.sent.Bytes += int64(n)
		m.sent.Operations++
	}
}

func (m *model) endRun() {
	if m.running != "" {
		m.runs[len(m.runs)-1].until = m.now
	}
	m.running = ""
}

func (m *model) mark(name string) otelnetstats.Lap {
	m.endRun()
	lap := otelnetstats.Lap{
		Name: name, At: m.now, Elapsed: m.now.Sub(m.since),
		Received: m.received.Bytes - m.lap[0], Sent: m.sent.Bytes - m.lap[1],
		TotalReceived: m.received.Bytes - m.base[0], TotalSent: m.sent.Bytes - m.base[1],
	}
	m.lap = [2]int64{m.received.Bytes, m.sent.Bytes}
	m.since = m.now
	m.laps = append(m.laps, lap)
	m.marks = append(m.marks, modelMark{lap, len(m.runs) + len(m.marks)})
	return lap
}

func (m *model) reset(full bool) {
	m.base = [2]int64{m.received.Bytes, m.sent.Bytes}
	m.lap, m.since, m.laps = m.base, m.now, nil
	if full {
		m.opened = m.now
	}
}

// kept is what the budget of events leaves, in order, and what it leaves out.
func (m *model) kept() (kept []any, suppressed int, received, sent int64, unmarked otelnetstats.Lap) {
	for i, r := range m.runs {
		if i < 24 || i >= len(m.runs)-24 {
			kept = append(kept, r)
			continue
		}
		suppressed++
		if r.name == eventRead {
			received += r.size
		} else {
			sent += r.size
		}
	}
	for i, mk := range m.marks {
		if i < 8 || i >= len(m.marks)-24 {
			kept = append(kept, mk)
			continue
		}
		suppressed++
		unmarked.Received += mk.Received
		unmarked.Sent += mk.Sent
	}
	seq := func(v any) int {
		if r, ok := v.(modelRun); ok {
			return r.seq
		}
		return v.(modelMark).seq
	}
	slices.SortStableFunc(kept, func(a, b any) int { return seq(a) - seq(b) })
	return kept, suppressed, received, sent, unmarked
}

// checkSpan compares the span with the model; times only if exact.
func (m *model) checkSpan(t *testing.T, span sdktrace.ReadOnlySpan, exact bool) {
	t.Helper()
	events := span.Events()
	if len(events) > 128 || span.DroppedEvents() != 0 {
		t.Errorf("%d events, %d dropped by the SDK", len(events), span.DroppedEvents())
	}
	kept, suppressed, received, sent, unmarked := m.kept()
	if len(events) != len(kept)+2 {
		t.Fatalf("%d events, want %d:\n%v", len(events), len(kept)+2, events)
	}
	if events[0].Name != eventOpen || events[len(events)-1].Name != eventClose {
		t.Errorf("first event %s, last %s, want open and close", events[0].Name, events[len(events)-1].Name)
	}
	if !events[0].Time.Equal(span.StartTime()) {
		t.Errorf("open at %v, span starts at %v", events[0].Time, span.StartTime())
	}
	for i, e := range events {
		if i > 0 && e.Time.Before(events[i-1].Time) {
			t.Errorf("event %d (%s) is before the one before it", i, e.Name)
		}
	}
	for i, want := range kept {
		checkEvent(t, events[i+1], want, exact)
	}
	got := attrsOf(span.Attributes())
	got.want(t, "span",
		attribute.Int64("netstats.receive.size", m.received.Bytes),
		attribute.Int64("netstats.transmit.size", m.sent.Bytes),
		unlessZero("netstats.events.suppressed", int64(suppressed)),
		unlessZero("netstats.receive.suppressed.size", received),
		unlessZero("netstats.transmit.suppressed.size", sent),
		unlessZero("netstats.marks.suppressed.count", int64(max(0, len(m.marks)-32))),
		unlessZero("netstats.marks.suppressed.receive.size", unmarked.Received),
		unlessZero("netstats.marks.suppressed.transmit.size", unmarked.Sent))
	if exact {
		got.want(t, "span",
			attribute.Int64("netstats.receive.operations", m.received.Operations),
			attribute.Int64("netstats.transmit.operations", m.sent.Operations))
	}
}

func checkEvent(t *testing.T, e sdktrace.Event, want any, exact bool) {
	t.Helper()
	got := attrsOf(e.Attributes)
	switch want := want.(type) {
	case modelRun:
		if e.Name != want.name {
			t.Errorf("event %s, want %s of %d bytes", e.Name, want.name, want.size)
			return
		}
		got.want(t, e.Name, attribute.Int64("netstats.io.size", want.size))
		if exact {
			got.want(t, e.Name, attribute.Int64("netstats.io.operations", want.ops),
				attribute.Float64("netstats.turn.duration", want.until.Sub(want.at).Seconds()))
			if !e.Time.Equal(want.at) {
				t.Errorf("%s at %v, want %v", e.Name, e.Time, want.at)
			}
		}
	case modelMark:
		if e.Name != eventMark {
			t.Errorf("event %s, want mark %s", e.Name, want.Name)
			return
		}
		got.want(t, e.Name, attribute.String("netstats.mark.name", want.Name),
			attribute.Int64("netstats.mark.receive.size", want.Received),
			attribute.Int64("netstats.mark.transmit.size", want.Sent))
		if exact {
			got.want(t, e.Name, attribute.Float64("netstats.mark.duration", want.Elapsed.Seconds()))
			if !e.Time.Equal(want.At) {
				t.Errorf("mark %s at %v, want %v", want.Name, e.Time, want.At)
			}
		}
	}
}

// play goes through one step as the client, and checks what is returned.
func (m *model) play(t *testing.T, conn net.Conn, s step, exact bool) {
	t.Helper()
	var lap, want otelnetstats.Lap
	switch s.do {
	case "send":
		send(t, conn, s.n)
		m.moved(eventWrite, s.n)
		return
	case "receive":
		receive(t, conn, s.n)
		m.moved(eventRead, s.n)
		return
	case "mark":
		lap, want = mark(t, conn, s.name), m.mark(s.name)
	case "reset", "resetAll":
		m.playReset(t, conn, s.do == "resetAll", exact)
		return
	}
	if !exact {
		lap.At, lap.Elapsed, want.At, want.Elapsed = time.Time{}, 0, time.Time{}, 0
	}
	if !sameLap(lap, want) {
		t.Errorf("lap\n%+v, want\n%+v", lap, want)
	}
}

func (m *model) playReset(t *testing.T, conn net.Conn, full, exact bool) {
	t.Helper()
	want, reset := statsOf(t, conn), otelnetstats.Reset
	if full {
		reset = otelnetstats.ResetAll
	}
	if got, ok := reset(conn); !ok || !sameStats(got, want) {
		t.Errorf("reset returned\n%+v, want\n%+v", got, want)
	}
	m.checkStats(t, want, exact)
	m.reset(full)
	m.checkStats(t, statsOf(t, conn), exact)
}

func (m *model) checkStats(t *testing.T, got otelnetstats.Stats, exact bool) {
	t.Helper()
	want := m.stats()
	got.Received.Operations, got.Sent.Operations = 0, 0
	if !exact {
		got.Opened = want.Opened
		got.Marks = slices.Clone(got.Marks)
		for i := range min(len(got.Marks), len(want.Marks)) {
			got.Marks[i].At, got.Marks[i].Elapsed = want.Marks[i].At, want.Marks[i].Elapsed
		}
	}
	if !sameStats(got, want) {
		t.Errorf("stats\n%+v, want\n%+v", got, want)
	}
}

// collectDeltas adds what the delta reader has, of both directions at once, as
// a collection uses it up.
func collectDeltas(t *testing.T, l *lab, deltas map[attribute.KeyValue]int64) {
	t.Helper()
	s := collect(t, l.delta)
	for _, d := range []attribute.KeyValue{received, transmitted} {
		deltas[d] += s.sum("netstats.client.io", d)
	}
}

// checkReaders compares the readers with what the wire carried. The late one is
// to collect at the end only.
func (m *model) checkReaders(t *testing.T, l *lab, deltas map[attribute.KeyValue]int64, late bool) {
	t.Helper()
	collectDeltas(t, l, deltas)
	cumulative := collect(t, l.cumulative)
	for direction, want := range map[attribute.KeyValue]int64{received: m.received.Bytes, transmitted: m.sent.Bytes} {
		readers := map[string]int64{
			"cumulative":    cumulative.sum("netstats.client.io", direction),
			"sum of deltas": deltas[direction],
		}
		if late {
			readers["late reader"] = collect(t, l.late).sum("netstats.client.io", direction)
		}
		for name, got := range readers {
			if got != want {
				t.Errorf("%v: %v = %d, want %d", name, direction.Value.AsInterface(), got, want)
			}
		}
	}
}

// TestConversation goes through a script over TCP and compares everything that
// is told with what the wire carried.
func TestConversation(t *testing.T) {
	script := []step{
		{do: "send", n: 12},
		{do: "receive", n: 5},
		{do: "mark", name: "login"},
		{do: "send", n: 100},
		{do: "send", n: 1},
		{do: "receive", n: 70_000},
		{do: "receive", n: 30_000},
		{do: "mark", name: "query"},
		{do: "mark", name: "nothing since"},
		{do: "reset"},
		{do: "send", n: 9},
		{do: "receive", n: 9},
		{do: "mark", name: "after reset"},
		{do: "resetAll"},
		{do: "send", n: 300_000},
		{do: "mark", name: "upload"},
		{do: "send", n: 2},
	}
	served := make(chan error, 1)
	address := serve(t, func(c net.Conn) {
		served <- serveScript(c, script)
		wait(c)
	})
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	m := &model{}
	deltas := map[attribute.KeyValue]int64{}
	for _, s := range script {
		m.play(t, conn, s, false)
		m.checkReaders(t, l, deltas, false)
	}
	m.checkStats(t, statsOf(t, conn), false)
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	conn.Close()
	m.checkStats(t, statsOf(t, conn), false)
	m.checkReaders(t, l, deltas, true)
	m.endRun()
	m.checkSpan(t, l.only(t, "connection"), false)
	cb.want(t, "open", "write 12", "read 5", "mark login", "write 100", "write 1", "read 100000", "mark query",
		"mark nothing since", "write 9", "read 9", "mark after reset", "write 300000", "mark upload", "write 2", "close local 0 300002")
}

// TestRandomConversations compares random scripts with the model, to the
// nanosecond, over a pipe.
func TestRandomConversations(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) { randomConversation(t, seed) })
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func randomScript(seed uint64) []step {
	r := rand.New(rand.NewPCG(seed, 1))
	script := make([]step, r.IntN(700))
	for i := range script {
		s := &script[i]
		switch n := r.IntN(100); {
		case n < 45:
			*s = step{do: "send", n: 1 + r.IntN(1<<r.IntN(16))}
		case n < 90:
			*s = step{do: "receive", n: 1 + r.IntN(1<<r.IntN(16))}
		case n < 98:
			*s = step{do: "mark", name: fmt.Sprint("m", i)}
		case n < 99:
			*s = step{do: "reset"}
		default:
			*s = step{do: "resetAll"}
		}
	}
	return script
}

func randomConversation(t *testing.T, seed uint64) {
	script := randomScript(seed)
	l := newLab(t)
	near, far := net.Pipe()
	start := time.Now()
	m := &model{opened: start, since: start, now: start}
	conn := l.Register(t.Context(), near)
	served := make(chan error, 1)
	go func() { served <- serveScript(far, script) }()
	deltas := map[attribute.KeyValue]int64{}
	for i, s := range script {
		time.Sleep(time.Duration(i%7+1) * time.Millisecond)
		m.now = time.Now()
		m.play(t, conn, s, true)
		if i%50 == 0 {
			m.checkReaders(t, l, deltas, false)
		}
	}
	if err := <-served; err != nil {
		t.Fatal(err)
	}
	time.Sleep(time.Millisecond)
	m.now = time.Now()
	m.checkStats(t, statsOf(t, conn), true)
	conn.Close()
	far.Close()
	m.checkReaders(t, l, deltas, true)
	m.endRun()
	m.checkSpan(t, l.only(t, "connection"), true)
}

// TestEventsAddUpWhateverOverlaps has calls in both directions and marks at the
// same time. Who is first cannot be told, but nothing may get lost.
func TestEventsAddUpWhateverOverlapsConcurrentSafe(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	const calls = 500
	var wg sync.WaitGroup
	for i := range 2 {
		wg.Go(func() {
			for n := range calls {
				send(t, conn, n%9+i)
			}
		})
		wg.Go(func() {
			for n := range calls {
				receive(t, conn, n%5+i)
			}
		})
	}
	wg.Go(func() {
		for range 50 {
			mark(t, conn, "m")
			otelnetstats.StatsOf(conn)
		}
	})
	wg.Wait()
	s := statsOf(t, conn)
	conn.Close()
	checkSums(t, l.only(t, "connection"), s.Received.Bytes, s.Sent.Bytes)
	if n := int64(calls/9*36 + sumTo(calls%9)); s.Sent.Bytes != 2*n+calls {
		t.Errorf("sent %d, want %d", s.Sent.Bytes, 2*n+calls)
	}
}

func sumTo(n int) int { return n * (n - 1) / 2 }

// checkSums compares the sizes over events, and those suppressed, with totals.
func checkSums(t *testing.T, span sdktrace.ReadOnlySpan, received, sent int64) {
	t.Helper()
	if n := len(span.Events()); n > 128 || span.DroppedEvents() != 0 {
		t.Errorf("%d events, %d dropped by the SDK", n, span.DroppedEvents())
	}
	got := attrsOf(span.Attributes())
	in, out := got.int("netstats.receive.suppressed.size"), got.int("netstats.transmit.suppressed.size")
	runs, marks := 0, 0
	for _, e := range span.Events() {
		size := attrsOf(e.Attributes).int("netstats.io.size")
		switch e.Name {
		case eventRead:
			in += size
			runs++
		case eventWrite:
			out += size
			runs++
		case eventMark:
			marks++
		}
		if (e.Name == eventRead || e.Name == eventWrite) && size <= 0 {
			t.Errorf("%s of %d bytes", e.Name, size)
		}
	}
	if runs > 48 || marks > 32 {
		t.Errorf("%d runs and %d marks, want at most 48 and 32", runs, marks)
	}
	if in != received || out != sent {
		t.Errorf("events and suppressed sizes add up to %d in, %d out; want %d, %d", in, out, received, sent)
	}
	got.want(t, "span", attribute.Int64("netstats.receive.size", received), attribute.Int64("netstats.transmit.size", sent))
}

// TestClosingAmidCalls closes while calls are under way: the span has what was
// known then, and that adds up.
func TestClosingAmidCallsConcurrentSafe(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	var wg sync.WaitGroup
	half := make(chan struct{})
	for range 2 {
		wg.Go(func() {
			for n := range 200 {
				if n == 100 {
					half <- struct{}{}
				}
				send(t, conn, 3)
				receive(t, conn, 5)
			}
		})
	}
	<-half
	<-half
	conn.Close()
	wg.Wait()
	span := l.only(t, "connection")
	got := attrsOf(span.Attributes())
	checkSums(t, span, got.int("netstats.receive.size"), got.int("netstats.transmit.size"))
	if s := statsOf(t, conn); s.Sent.Bytes != 1200 || s.Received.Bytes != 2000 {
		t.Errorf("StatsOf has %d sent, %d received; want 1200 and 2000", s.Sent.Bytes, s.Received.Bytes)
	}
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 3200 {
		t.Errorf("io = %d, want 3200", got)
	}
}

// TestAlternatingRuns has many runs alternate and looks at those that are kept.
func TestAlternatingRuns(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &stub{})
	m := &model{}
	for i := range 1000 {
		m.play(t, conn, step{do: "send", n: i + 1}, false)
		m.play(t, conn, step{do: "send", n: 1}, false)
		m.play(t, conn, step{do: "receive", n: i + 2}, false)
	}
	conn.Close()
	m.endRun()
	span := l.only(t, "connection")
	m.checkSpan(t, span, false)
	attrsOf(span.Attributes()).want(t, "span", attribute.Int("netstats.events.suppressed", 2000-48),
		attribute.Int("netstats.transmit.operations", 2000), attribute.Int("netstats.receive.operations", 1000))
	attrsOf(span.Events()[1].Attributes).want(t, "first run", attribute.Int("netstats.io.operations", 2))
}

func TestTwoTrackersOnOneProviderAddUp(t *testing.T) {
	l := newLab(t)
	second := newTracker(t, otelnetstats.WithTracerProvider(l.tracers), otelnetstats.WithMeterProvider(l.meters))
	a, b := l.Register(t.Context(), &stub{}), second.Register(t.Context(), &stub{})
	send(t, a, 10)
	send(t, b, 100)
	if got := collect(t, l.delta).sum("netstats.client.io", transmitted); got != 110 {
		t.Errorf("first delta %d, want 110", got)
	}
	b.Close()
	send(t, a, 1)
	if got := collect(t, l.delta).sum("netstats.client.io", transmitted); got != 1 {
		t.Errorf("second delta %d, want 1", got)
	}
	s := collect(t, l.cumulative)
	if got := s.sum("netstats.client.io", transmitted); got != 111 {
		t.Errorf("cumulative %d, want 111", got)
	}
	if got := s.sum("netstats.client.connection.count"); got != 1 {
		t.Errorf("connection.count %d, want 1", got)
	}
	if got := len(s.sets("netstats.client.connection.count")); got != 1 {
		t.Errorf("%d streams, want 1", got)
	}
	a.Close()
}
