package otelnetstats_test

import (
	"net"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// writev sends two buffers by one call of the kernel.
func writev(t *testing.T, conn net.Conn, n int) {
	t.Helper()
	if got, err := (&net.Buffers{make([]byte, n/2), make([]byte, n-n/2)}).WriteTo(conn); got != int64(n) || err != nil {
		t.Fatalf("writev: %d, %v", got, err)
	}
}

// TestWritevIsToldAtMarksAndBeforeClose, and is in the numbers of both.
func TestWritevIsToldAtMarksAndBeforeClose(t *testing.T) {
	for name, sampler := range map[string]sdktrace.Sampler{"recorded": sdktrace.AlwaysSample(), "not recorded": sdktrace.NeverSample()} {
		t.Run(name, func(t *testing.T) {
			cb := new(tape)
			l := newSampledLab(t, sampler, otelnetstats.WithCallback(cb))
			conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, wait))
			writev(t, conn, 30)
			if lap := mark(t, conn, "m"); lap.Sent != 30 || lap.TotalSent != 30 {
				t.Errorf("the mark has %d bytes and %d in all, want 30 and 30", lap.Sent, lap.TotalSent)
			}
			send(t, conn, 5)
			writev(t, conn, 7)
			must(t, conn.Close())
			cb.want(t, "open", "write 30", "mark m", "write 5", "write 7", "close local 0 42")
			if got := collect(t, l.cumulative).sum("netstats.client.io", transmitted); got != 42 {
				t.Errorf("io = %d, want 42", got)
			}
		})
	}
}

// TestMarksAskTheKernel: what it said at the last mark is on the span, if it is not
// asked at the end, as of a connection that moved nothing.
func TestMarksAskTheKernel(t *testing.T) {
	l := newLab(t)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, wait))
	mark(t, conn, "m")
	must(t, conn.Close())
	wantTCPInfo(t, l, true)
}

// TestWritevIsInTheMetricsBeforeClose: the kernel is asked when they are collected.
func TestWritevIsInTheMetricsBeforeClose(t *testing.T) {
	l := newLab(t)
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", serve(t, wait))
	defer conn.Close()
	for _, want := range []int64{30, 60} {
		writev(t, conn, 30)
		if got := collect(t, l.cumulative).sum("netstats.client.io", transmitted); got != want {
			t.Errorf("io = %d while the connection is open, want %d", got, want)
		}
	}
}
