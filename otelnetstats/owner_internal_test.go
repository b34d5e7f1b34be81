package otelnetstats

import (
	"context"
	"sync/atomic"
	"testing"

	metricnoop "go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

// ioCallback is an IOCallback that does nothing.
type ioCallback struct{ NopCallback }

func (ioCallback) Read(context.Context, *Conn, int)  {}
func (ioCallback) Write(context.Context, *Conn, int) {}

// connToTell returns a connection with an IOCallback, and what has the kernel say
// that so many bytes were sent on it.
func connToTell(t *testing.T) (c *Conn, kernel func(n int64)) {
	t.Helper()
	tracker, err := New(WithTracerProvider(tracenoop.NewTracerProvider()), WithMeterProvider(metricnoop.NewMeterProvider()), WithCallback(ioCallback{}))
	if err != nil {
		t.Fatal(err)
	}
	c = tracker.newConn(t.Context(), opening{})
	return c, func(n int64) { c.rec.Sampled(tcpinfo.Info{Sent: n, HasSent: true}) }
}

// TestUntoldOnceConcurrentSafe: of two marks at once one tells callbacks of the bytes
// of a writev.
func TestUntoldOnceConcurrentSafe(t *testing.T) {
	rounds := 20_000
	if testnet.Race {
		rounds /= 20
	}
	c, kernel := connToTell(t)
	var sent int64
	var told atomic.Int64
	tell := func() { told.Add(c.untold()) }
	testnet.Meet(rounds, func(int) {
		sent += 10
		kernel(sent)
	}, tell, tell)
	if got := told.Load(); got != sent {
		t.Errorf("%d bytes were told of, want %d", got, sent)
	}
}

// TestUntoldNeverGoesBack: what was told stays so, also while a write has bytes on
// their way that may be among them.
func TestUntoldNeverGoesBack(t *testing.T) {
	c, kernel := connToTell(t)
	want := func(what string, n int64) {
		t.Helper()
		if got := c.untold(); got != n {
			t.Errorf("%s: %d bytes are to be told of, want %d", what, got, n)
		}
	}
	kernel(10)
	want("writev", 10)
	c.rec.Begin(5)
	want("a write in flight", 0)
	c.rec.Done(5, 5, nil)
	kernel(15)
	want("a write that was told of by itself", 0)
	kernel(18)
	want("another writev", 3)
}
