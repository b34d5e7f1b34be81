package otelnetstats_test

import (
	"errors"
	"io"
	"net"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"go.opentelemetry.io/otel/metric/noop"

	"github.com/netstats-go/netstats/internal/live"
	"github.com/netstats-go/netstats/otelnetstats"
)

// hubOf is what package connz asks.
func hubOf(t testing.TB, tracker *otelnetstats.Tracker) *live.Hub {
	t.Helper()
	hub := live.Of(tracker)
	if hub == nil {
		t.Fatal("the Tracker has no hub")
	}
	return hub
}

// shownOf is the one open connection, as it is shown.
func shownOf(t testing.TB, hub *live.Hub) live.Conn {
	t.Helper()
	var conns []live.Conn
	hub.Conns(func(c live.Conn) bool { conns = append(conns, c); return true })
	if len(conns) != 1 {
		t.Fatalf("%d connections are shown, want 1", len(conns))
	}
	return conns[0]
}

func TestATrackerHasOneHub(t *testing.T) {
	l := newLab(t)
	hubs := make([]*live.Hub, 8)
	var all sync.WaitGroup
	for i := range hubs {
		all.Go(func() { hubs[i] = live.Of(l.Tracker) })
	}
	all.Wait()
	for _, hub := range hubs {
		if hub == nil || hub != hubs[0] {
			t.Fatalf("hubs %p, want one", hubs)
		}
	}
	for name, other := range map[string]any{"nil": (*otelnetstats.Tracker)(nil), "zero": new(otelnetstats.Tracker), "other": t} {
		if live.Of(other) != nil {
			t.Errorf("%s has a hub", name)
		}
	}
	if hubs[0].Down() {
		t.Error("the hub is down")
	}
	must(t, l.Shutdown(t.Context()))
	if !hubs[0].Down() {
		t.Error("the hub works on after Shutdown")
	}
}

// TestWhatIsShownOfAConnection is what the connection itself says, while it is open
// and when it has ended.
func TestWhatIsShownOfAConnection(t *testing.T) {
	address := serve(t, echo)
	l := newLab(t, otelnetstats.WithCaller(), otelnetstats.WithDialStacks())
	hub := hubOf(t, l.Tracker)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Name: "pool"}, "tcp", address)
	c := lookup(t, conn)
	send(t, conn, 1000)
	receive(t, conn, 1000)
	c.Mark(t.Context(), "login")
	send(t, conn, 234)
	receive(t, conn, 234)

	totals := hub.Look()
	shown := shownOf(t, hub)
	id, n := shown.Identity(nil), shown.Numbers()
	if id.ID != c.ID() || id.Role != c.Role() || id.Server != address || id.Label != address || id.Name != "pool" ||
		id.Local.String() != conn.LocalAddr().String() || id.Remote.String() != address || !id.Opened.Equal(c.Stats().Opened) {
		t.Errorf("identity %+v", id)
	}
	if id.Caller() == "" || len(id.Origin.Stack) == 0 {
		t.Errorf("origin %+v, want a caller and a stack", id.Origin)
	}
	if id.Trace.TraceID != c.SpanContext().TraceID().String() || !id.Trace.Sampled {
		t.Errorf("trace %+v", id.Trace)
	}
	if len(id.Setup.Steps) != 1 || id.Setup.Steps[0].Kind != live.StepConnect || id.Setup.Total != c.Setup().Total {
		t.Errorf("setup %+v", id.Setup)
	}
	if shown.Identity(id) != id {
		t.Error("the identity is made again, though nothing is new")
	}
	if n.Received.Bytes != 1234 || n.Sent.Bytes != 1234 || n.Marks != 1 || n.Mark != "login" || n.Active.IsZero() {
		t.Errorf("numbers %+v", n)
	}
	if totals.Open != 1 || totals.Received != 1234 || totals.Sent != 1234 {
		t.Errorf("totals %+v", totals)
	}
	checkEvents(t, shown.Detail(), 1234)

	must(t, conn.Close())
	ended, count := hub.Ended()
	if count != 1 {
		t.Fatalf("%d ended, want 1", count)
	}
	e := ended[0]
	if e.ID != c.ID() || e.Reason != string(c.CloseReason()) || e.Received.Bytes != 1234 || e.Sent.Bytes != 1234 || e.ErrorType != "" {
		t.Errorf("ended %+v", e)
	}
	checkEvents(t, e.Detail, 1234)
	if totals := hub.Totals(); totals.Open != 0 || totals.Ended != 1 || totals.Broken != 0 {
		t.Errorf("totals %+v", totals)
	}
}

// checkEvents checks that events are in order and add up.
func checkEvents(t *testing.T, d live.Detail, bytes int64) {
	t.Helper()
	var received, sent, marks int64
	var last time.Time
	for _, e := range d.Events {
		if e.At.Before(last) {
			t.Errorf("event %+v is out of order", e)
		}
		last = e.At
		if e.Kind == live.EventMark {
			marks++
			continue
		}
		received, sent = received+e.Received, sent+e.Sent
	}
	if !d.Recording || d.Part != 1 || received != bytes || sent != bytes || marks != 1 {
		t.Errorf("part %d: %d bytes received, %d sent, %d marks in %+v", d.Part, received, sent, marks, d.Events)
	}
}

func TestWhatIsShownOfAFailedDial(t *testing.T) {
	address := closedPort(t)
	l := newLab(t)
	hub := hubOf(t, l.Tracker)
	_, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", address)
	if err == nil {
		t.Fatal("the dial did not fail")
	}
	failed, count := hub.Failed()
	if count != 1 {
		t.Fatalf("%d failed, want 1", count)
	}
	f := failed[0]
	if f.Server != address || f.Error != err.Error() || f.ErrorType == "" || f.Network != "tcp" || f.Setup.Total <= 0 || !f.Trace.Sampled {
		t.Errorf("failed dial %+v", f)
	}
	if totals := hub.Totals(); totals.Failed != 1 || totals.Dialing != 0 {
		t.Errorf("totals %+v", totals)
	}
}

func TestFaultsAreShown(t *testing.T) {
	l := newLab(t)
	hub := hubOf(t, l.Tracker)
	boom := errors.New("boom")
	conn := l.Register(t.Context(), &stub{read: func([]byte) (int, error) { return 0, boom }})
	_, _ = conn.Read(make([]byte, 1))
	must(t, conn.Close())
	ended, _ := hub.Ended()
	if len(ended) != 1 || ended[0].Reason != "error" || ended[0].Error != "boom" || ended[0].ErrorType == "" {
		t.Fatalf("ended %+v", ended)
	}
	if totals := hub.Totals(); totals.Broken != 1 {
		t.Errorf("totals %+v, want one broken", totals)
	}
}

// TestTheHubKeepsNoConnection: what ended is there as values.
func TestTheHubKeepsNoConnection(t *testing.T) {
	l := newLab(t)
	hub := hubOf(t, l.Tracker)
	open := func() weak.Pointer[otelnetstats.Conn] {
		conn := l.Register(t.Context(), &stub{read: func([]byte) (int, error) { return 0, io.EOF }})
		c := lookup(t, conn)
		shownOf(t, hub).Identity(nil)
		must(t, conn.Close())
		return weak.Make(c)
	}
	kept := open()
	eventually(t, "the connection is collected", func() bool { runtime.GC(); return kept.Value() == nil })
	if _, n := hub.Ended(); n != 1 {
		t.Errorf("%d ended, want 1", n)
	}
}

// TestATrackerWithAHubIsCollected: its timer keeps neither of them.
func TestATrackerWithAHubIsCollected(t *testing.T) {
	open := func() weak.Pointer[otelnetstats.Tracker] {
		tracker := newTracker(t, otelnetstats.WithMeterProvider(noop.NewMeterProvider())) // which keeps no callbacks
		hubOf(t, tracker)
		return weak.Make(tracker)
	}
	kept := open()
	eventually(t, "the Tracker is collected", func() bool { runtime.GC(); return kept.Value() == nil })
}

// TestAShownConnectionConcurrentSafe, while it is read, marked and closed.
func TestAShownConnectionConcurrentSafe(t *testing.T) {
	l := newLab(t)
	hub := hubOf(t, l.Tracker)
	client, server := net.Pipe()
	conn := l.Register(t.Context(), client)
	shown := shownOf(t, hub)
	var all sync.WaitGroup
	all.Go(func() { _, _ = io.Copy(server, server) })
	all.Go(func() {
		defer server.Close()
		for range 100 {
			send(t, conn, 10)
			receive(t, conn, 10)
			otelnetstats.Mark(t.Context(), conn, "turn")
		}
		conn.Close()
	})
	all.Go(func() {
		id := shown.Identity(nil)
		for _, n := hub.Ended(); n == 0; _, n = hub.Ended() {
			id = shown.Identity(id)
			shown.Numbers()
			shown.Ask()
			shown.Detail()
			hub.Look()
		}
	})
	all.Wait()
	if e, _ := hub.Ended(); e[0].Received.Bytes != 1000 || e[0].Sent.Bytes != 1000 || e[0].Marks != 100 {
		t.Errorf("ended %+v", e[0].Numbers)
	}
}
