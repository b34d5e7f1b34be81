package netstatstest

import (
	"context"
	"fmt"
	"net"
	"sync"

	"go.opentelemetry.io/otel/metric/noop"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/netstats-go/netstats/otelnetstats"
)

// newTracker makes a Tracker that tells r alone. It has no spans, and so no timer,
// which might belong to a bubble of testing/synctest.
func newTracker(r *recorder) (*otelnetstats.Tracker, error) {
	return otelnetstats.New(
		otelnetstats.WithTracerProvider(tracenoop.NewTracerProvider()),
		otelnetstats.WithMeterProvider(noop.NewMeterProvider()),
		otelnetstats.WithConnectionSpan(otelnetstats.ConnectionSpanOff),
		otelnetstats.WithMaxSpanAge(0),
		otelnetstats.WithCallback(r),
	)
}

// A recorder has the Watchers know what a Tracker sees.
type recorder struct {
	otelnetstats.NopCallback

	// owner returns the Watcher that a dial with ctx belongs to, or those of which
	// it may belong to any.
	owner func(ctx context.Context) (w *Watcher, candidates []*Watcher)
	conns sync.Map // of *otelnetstats.Conn to *entry, while open
}

// controlKey is in the context of a control connection; its value is the Watcher.
type controlKey struct{}

// Open notes a connection that the program opened. Those that it accepted are its
// clients' business.
func (r *recorder) Open(ctx context.Context, c *otelnetstats.Conn) {
	if c.Role() != "client" {
		return
	}
	if w, ok := ctx.Value(controlKey{}).(*Watcher); ok {
		w.controlSeen()
		return
	}
	e := newEntry(c)
	if r.begin(ctx, e) {
		r.conns.Store(c, e)
	}
}

// DialError notes a dial that failed.
func (r *recorder) DialError(ctx context.Context, _, address string, err error) {
	r.begin(ctx, newFailure(address, err))
}

func (r *recorder) begin(ctx context.Context, e *entry) bool {
	w, candidates := r.owner(ctx)
	if w == nil {
		for _, w := range candidates {
			w.stray(e, candidates)
		}
		return false
	}
	w.begin(e)
	return true
}

// Mark notes the name of a mark.
func (r *recorder) Mark(_ context.Context, c *otelnetstats.Conn, lap otelnetstats.Lap) {
	if e, ok := r.conns.Load(c); ok {
		e.(*entry).mark(lap.Name)
	}
}

// Close notes that a connection ends.
func (r *recorder) Close(_ context.Context, c *otelnetstats.Conn) {
	if e, ok := r.conns.LoadAndDelete(c); ok {
		e.(*entry).end()
	}
}

// controlSeen notes that the control connection was seen.
func (w *Watcher) controlSeen() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.control = true
}

// dialControl opens a connection that has to be seen, as the program's are: by
// package net alone where all is captured, or else by the Tracker.
func (w *Watcher) dialControl() error {
	dial := w.tracker.WrapDial(pipe)
	if w.capture {
		dial = loopback
	}
	conn, err := dial(context.WithValue(w.Context(), controlKey{}, w), "tcp", "control")
	if err != nil {
		return err
	}
	defer conn.Close()
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.control {
		return fmt.Errorf("%s was not seen", conn.RemoteAddr())
	}
	return nil
}

// pipe opens one end of a pipe; the other one is closed.
func pipe(context.Context, string, string) (net.Conn, error) {
	near, far := net.Pipe()
	return near, far.Close()
}

// loopback opens a connection to a listener of its own.
func loopback(ctx context.Context, _, _ string) (net.Conn, error) {
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	defer l.Close()
	return new(net.Dialer).DialContext(ctx, "tcp", l.Addr().String())
}
