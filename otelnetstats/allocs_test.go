package otelnetstats_test

import (
	"testing"

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
		"no connection span":         {sdktrace.AlwaysSample(), []otelnetstats.Option{otelnetstats.WithConnectionSpan(otelnetstats.Off)}, false},
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
