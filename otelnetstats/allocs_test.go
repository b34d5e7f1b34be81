package otelnetstats_test

import (
	"context"
	"net"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// wantNoAllocs checks that f does not allocate.
func wantNoAllocs(t *testing.T, what string, f func()) {
	t.Helper()
	if raced {
		t.Skip("the race detector allocates")
	}
	if n := testing.AllocsPerRun(200, f); n != 0 {
		t.Errorf("%s: %v allocations, want 0", what, n)
	}
}

func TestReadsAndWritesDoNotAllocate(t *testing.T) {
	buf := make([]byte, 64)
	for name, test := range map[string]struct {
		sampler sdktrace.Sampler
		options []otelnetstats.Option
		full    bool // the span's events are
	}{
		"unsampled":                  {sdktrace.NeverSample(), nil, false},
		"no connection span":         {sdktrace.AlwaysSample(), []otelnetstats.Option{otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff)}, false},
		"a callback without I/O":     {sdktrace.NeverSample(), []otelnetstats.Option{otelnetstats.WithCallback(otelnetstats.NopCallback{})}, false},
		"recording, once it is full": {sdktrace.AlwaysSample(), nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, test.sampler, test.options...)
			conn := l.Register(t.Context(), &stub{})
			defer conn.Close()
			both := func() {
				_, _ = conn.Read(buf)
				_, _ = conn.Write(buf)
			}
			if test.full {
				for range 100 {
					both()
				}
			}
			wantNoAllocs(t, "Read and Write in turn", both)
			wantNoAllocs(t, "Read", func() { _, _ = conn.Read(buf) })
			wantNoAllocs(t, "Write", func() { _, _ = conn.Write(buf) })
		})
	}
}

func TestRealReadsAndWritesDoNotAllocate(t *testing.T) {
	address := serve(t, echo)
	buf := make([]byte, 64)
	l := newSampledLab(t, sdktrace.NeverSample())
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
	wantNoAllocs(t, "a ping-pong over TCP", func() {
		if _, err := conn.Write(buf); err != nil {
			t.Error(err)
		}
		if _, err := conn.Read(buf); err != nil {
			t.Error(err)
		}
	})
}

func TestStatsDoNotAllocate(t *testing.T) {
	l := newSampledLab(t, sdktrace.NeverSample())
	free := l.Register(t.Context(), &stub{})
	defer free.Close()
	tcp := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, wait))
	for name, conn := range map[string]otelnetstats.Endpoint{"free": free, "tcp": tcp} {
		wantNoAllocs(t, "StatsOf, "+name, func() {
			if _, ok := otelnetstats.StatsOf(conn); !ok {
				t.Error("not tracked")
			}
		})
	}
	otelnetstats.Reset(free)
	wantNoAllocs(t, "StatsOf after Reset", func() { otelnetstats.StatsOf(free) })
}

// allocsAtMost checks how often f allocates.
func allocsAtMost(t *testing.T, what string, limit float64, f func()) {
	t.Helper()
	if raced {
		t.Skip("the race detector allocates")
	}
	n := testing.AllocsPerRun(500, f)
	t.Logf("%s: %v allocations", what, n)
	if n > limit {
		t.Errorf("%s: %v allocations, want at most %v", what, n, limit)
	}
}

// TestDialsAllocateLittle, the plain dial left out. What remains is for the most
// part OpenTelemetry's: the limits may have to follow a new version.
func TestDialsAllocateLittle(t *testing.T) {
	for name, test := range map[string]struct {
		sampler sdktrace.Sampler
		options []otelnetstats.Option
		limit   float64
	}{
		"unsampled":          {sdktrace.NeverSample(), nil, 24},
		"recording":          {sdktrace.AlwaysSample(), nil, 75},
		"no connection span": {sdktrace.NeverSample(), []otelnetstats.Option{otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff)}, 16},
	} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, test.sampler, test.options...)
			plain := new(stub)
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: otelnetstats.DialFunc(
				func(context.Context, string, string) (net.Conn, error) { return plain, nil })}
			allocsAtMost(t, "dial and close", test.limit, func() {
				conn, err := d.DialContext(t.Context(), "tcp", "127.0.0.1:80")
				if err != nil {
					t.Error(err)
					return
				}
				_ = conn.Close()
			})
		})
	}
}

func TestMarksAllocateLittle(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{
		"unsampled": sdktrace.NeverSample(),
		"recording": sdktrace.AlwaysSample(),
	} {
		t.Run(name, func(t *testing.T) {
			l := newSampledLab(t, sampler)
			conn := l.Register(t.Context(), &stub{})
			defer conn.Close()
			for range 100 { // as many as are kept
				otelnetstats.Mark(t.Context(), conn, "phase")
			}
			allocsAtMost(t, "Mark", 1, func() { otelnetstats.Mark(t.Context(), conn, "phase") })
			ctx, span := l.span(t.Context(), "caller")
			defer span.End()
			allocsAtMost(t, "Mark with a span and an attribute", 4, func() {
				otelnetstats.Mark(ctx, conn, "phase", attribute.Int("n", 1))
			})
		})
	}
}

// TestOpenConnectionsAreSmall: what one takes of the heap, over a plain one.
func TestOpenConnectionsAreSmall(t *testing.T) {
	if raced {
		t.Skip("the race detector changes what is allocated")
	}
	ln := listen(t, "tcp", "127.0.0.1:0")
	plain := heapPerConn(t, ln, new(net.Dialer), nil)
	for name, test := range map[string]struct {
		sampler sdktrace.Sampler
		use     func(c, peer net.Conn)
		limit   float64
	}{
		"unsampled":            {sdktrace.NeverSample(), nil, 640},
		"recording":            {sdktrace.AlwaysSample(), nil, 2000},
		"recording all it can": {sdktrace.AlwaysSample(), fillEvents, 6000},
	} {
		t.Run(name, func(t *testing.T) {
			own := heapPerConn(t, ln, dialer(benchTracker(t, test.sampler)), test.use) - plain
			t.Logf("%.0f bytes", own)
			if own > test.limit {
				t.Errorf("%.0f bytes, want at most %.0f", own, test.limit)
			}
		})
	}
}
