package otelnetstats_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"unicode/utf8"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// hooks is a callback made of functions. Those that are nil do nothing.
type hooks struct {
	otelnetstats.NopCallback
	open, close func(context.Context, *otelnetstats.Conn)
	mark        func(context.Context, *otelnetstats.Conn, otelnetstats.Lap)
	dialError   func(ctx context.Context, network, address string, err error)
	read, write func(context.Context, *otelnetstats.Conn, int)
}

var _ otelnetstats.IOCallback = (*hooks)(nil)

func (h *hooks) Open(ctx context.Context, c *otelnetstats.Conn) {
	if h.open != nil {
		h.open(ctx, c)
	}
}

func (h *hooks) Close(ctx context.Context, c *otelnetstats.Conn) {
	if h.close != nil {
		h.close(ctx, c)
	}
}

func (h *hooks) Mark(ctx context.Context, c *otelnetstats.Conn, lap otelnetstats.Lap) {
	if h.mark != nil {
		h.mark(ctx, c, lap)
	}
}

func (h *hooks) DialError(ctx context.Context, network, address string, err error) {
	if h.dialError != nil {
		h.dialError(ctx, network, address, err)
	}
}

func (h *hooks) Read(ctx context.Context, c *otelnetstats.Conn, n int) {
	if h.read != nil {
		h.read(ctx, c, n)
	}
}

func (h *hooks) Write(ctx context.Context, c *otelnetstats.Conn, n int) {
	if h.write != nil {
		h.write(ctx, c, n)
	}
}

// everywhere calls f at each step, with the step's name.
func everywhere(f func(step string, ctx context.Context, c *otelnetstats.Conn)) *hooks {
	at := func(step string) func(context.Context, *otelnetstats.Conn) {
		return func(ctx context.Context, c *otelnetstats.Conn) { f(step, ctx, c) }
	}
	return &hooks{
		open: at("Open"), close: at("Close"),
		mark:      func(ctx context.Context, c *otelnetstats.Conn, _ otelnetstats.Lap) { f("Mark", ctx, c) },
		dialError: func(ctx context.Context, _, _ string, _ error) { f("DialError", ctx, nil) },
		read:      func(ctx context.Context, c *otelnetstats.Conn, _ int) { f("Read", ctx, c) },
		write:     func(ctx context.Context, c *otelnetstats.Conn, _ int) { f("Write", ctx, c) },
	}
}

// steps has a connection of d go through each step, and a dial fail.
func steps(t *testing.T, ctx context.Context, d *otelnetstats.Dialer) {
	t.Helper()
	failing := *d
	failing.Base = otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) { return nil, errors.New("no") })
	if _, err := failing.DialContext(ctx, "tcp", "h:1"); err == nil {
		t.Error("no error")
	}
	conn, err := d.DialContext(ctx, "tcp", "h:1")
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, 1)
	receive(t, conn, 2)
	otelnetstats.Mark(ctx, conn, "m")
	conn.Close()
}

func TestCallbackContexts(t *testing.T) {
	type key struct{}
	var l *lab
	callerCtx, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "the caller's"))
	seen := map[string]bool{}
	var caller trace.Span
	var conn *otelnetstats.Conn
	cb := everywhere(func(step string, ctx context.Context, c *otelnetstats.Conn) {
		seen[step] = true
		if step == "Open" {
			conn = c
		}
		if c != nil && c != conn {
			t.Errorf("%s: another *Conn than Open had", step)
		}
		_, hasDeadline := ctx.Deadline()
		if ctx.Err() != nil || ctx.Done() != nil || hasDeadline {
			t.Errorf("%s: the context can be canceled", step)
		}
		callers := step == "Open" || step == "Mark" || step == "DialError"
		if got := ctx.Value(key{}) != nil; got != callers {
			t.Errorf("%s: has the caller's values: %v, want %v", step, got, callers)
		}
		want := caller.SpanContext()
		if step == "Open" || step == "Read" || step == "Write" || step == "Close" {
			want = c.SpanContext()
		}
		if got := trace.SpanContextFromContext(ctx); got.SpanID() != want.SpanID() {
			t.Errorf("%s: another span in the context than it should have", step)
		}
	})
	l = newLab(t, otelnetstats.WithCallback(cb))
	callerCtx, caller = l.span(callerCtx, "caller")
	base := otelnetstats.DialFunc(func(context.Context, string, string) (net.Conn, error) {
		return &stub{}, nil
	})
	cancel() // before anything is told
	steps(t, callerCtx, &otelnetstats.Dialer{Tracker: l.Tracker, Base: base})
	caller.End()
	if len(seen) != 6 {
		t.Errorf("steps told: %v, want all 6", seen)
	}
}

// TestCallbacksThatPanic go on, and the error handler is told.
func TestCallbacksThatPanic(t *testing.T) {
	h := handleErrors(t)
	after := new(tape)
	l := newLab(t, otelnetstats.WithCallback(everywhere(func(step string, _ context.Context, _ *otelnetstats.Conn) {
		panic("my " + step)
	})), otelnetstats.WithCallback(after))
	steps(t, t.Context(), &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer})
	after.want(t, "dialerror tcp h:1", "open", "write 1", "read 2", "mark m", "close local 2 1")
	h.want(t, "my DialError", "my Open", "my Write", "my Read", "my Mark", "my Close")
	if got := len(l.ended("connection")); got != 1 {
		t.Errorf("%d connection spans ended, want 1", got)
	}
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 3 {
		t.Errorf("io = %d, want 3", got)
	}
}

// exit runs f in a goroutine of its own, and reports whether it returned.
func exit(f func()) (returned bool) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
		returned = true
	}()
	<-done
	return returned
}

// TestCallbacksThatExit their goroutine, as t.FailNow does, leave no connection
// open, no span without an end, and nothing behind.
func TestCallbacksThatExit(t *testing.T) {
	for _, step := range []string{"Open", "Mark", "Close", "DialError"} {
		t.Run(step, func(t *testing.T) {
			h := handleErrors(t)
			l := newLab(t, otelnetstats.WithCallback(everywhere(func(at string, _ context.Context, _ *otelnetstats.Conn) {
				if at == step {
					runtime.Goexit()
				}
			})))
			ln := listen(t, "tcp", "127.0.0.1:0")
			address := ln.Addr().String()
			if step == "DialError" {
				address = closedPort(t)
			}
			var conn net.Conn
			if exit(func() {
				conn = dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", address)
				otelnetstats.Mark(t.Context(), conn, "m")
				_ = conn.Close()
			}) {
				t.Error("the callback's Goexit was swallowed")
			}
			h.want(t, step+": it ended its goroutine")
			if step == "Mark" {
				_ = conn.Close()
			}
			if step != "DialError" {
				wantEOF(t, "peer", accept(t, ln))
				l.only(t, "connection")
			}
			l.only(t, "dial")
			l.wantNothingOpen(t)
		})
	}
}

// wantNothingOpen checks that no connection and no dial is counted as open.
func (l *lab) wantNothingOpen(t *testing.T) {
	t.Helper()
	for c := range l.Conns() {
		t.Errorf("%s is open", c.Address())
	}
	s := collect(t, l.cumulative)
	for _, name := range []string{"netstats.client.connection.count", "netstats.server.connection.count", "netstats.dial.active"} {
		if n := s.sum(name); n != 0 {
			t.Errorf("%s = %d, want 0", name, n)
		}
	}
	if n := len(l.spans.Started()) - len(l.spans.Ended()); n != 0 {
		t.Errorf("%d spans have not ended", n)
	}
	if n := l.Records(); n != 0 {
		t.Errorf("%d records are left", n)
	}
}

// TestOpenCallbackOfAnAcceptThatExits: nobody gets the connection, so that it is
// closed.
func TestOpenCallbackOfAnAcceptThatExits(t *testing.T) {
	handleErrors(t)
	l := newLab(t, otelnetstats.WithCallback(&hooks{open: func(context.Context, *otelnetstats.Conn) { runtime.Goexit() }}))
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	peer := dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	if exit(func() { _, _ = ln.Accept() }) {
		t.Error("the callback's Goexit was swallowed")
	}
	wantEOF(t, "peer", peer)
	l.wantNothingOpen(t)
}

// TestOpenCallbackOfARegisterThatExits: nobody gets the tracked connection, so that
// its record ends; the one that was given stays the program's.
func TestOpenCallbackOfARegisterThatExits(t *testing.T) {
	handleErrors(t)
	l := newLab(t, otelnetstats.WithCallback(&hooks{open: func(context.Context, *otelnetstats.Conn) { runtime.Goexit() }}))
	conn := &stub{close: func() error { t.Error("it was closed"); return nil }}
	if exit(func() { l.Register(t.Context(), conn) }) {
		t.Error("the callback's Goexit was swallowed")
	}
	l.wantNothingOpen(t)
}

// TestCloseThatPanics: the panic is the user's, and nothing stays behind.
func TestCloseThatPanics(t *testing.T) {
	l := newLab(t)
	for range 100 {
		conn := l.Register(t.Context(), &stub{close: func() error { panic("mine") }})
		func() {
			defer func() {
				if v := recover(); v != "mine" {
					t.Errorf("recovered %v", v)
				}
			}()
			_ = conn.Close()
		}()
	}
	l.wantNothingOpen(t)
}

// TestDroppedConnectionsOfATrackerWhoseCallbackDoesNotReturn hold up no other
// Tracker's.
func TestDroppedConnectionsOfATrackerWhoseCallbackDoesNotReturn(t *testing.T) {
	stuck := make(chan struct{})
	defer close(stuck)
	bad := newLab(t, otelnetstats.WithCallback(&hooks{close: func(context.Context, *otelnetstats.Conn) { <-stuck }}))
	good := newLab(t)
	for range 20 {
		bad.Register(t.Context(), &stub{})
		good.Register(t.Context(), &stub{})
	}
	eventually(t, "the other Tracker's connections are found", func() bool {
		runtime.GC()
		return len(good.ended("connection")) == 20
	})
	eventually(t, "none is counted as open", func() bool {
		runtime.GC()
		return collect(t, bad.cumulative).sum("netstats.client.connection.count") == 0
	})
}

// TestShutdownDoesNotWaitForever for a callback, when its context is done.
func TestShutdownDoesNotWaitForever(t *testing.T) {
	stuck := make(chan struct{})
	l := newLab(t, otelnetstats.WithCallback(&hooks{close: func(_ context.Context, c *otelnetstats.Conn) {
		if c.Address() == "192.0.2.2:80" {
			<-stuck
		}
	}}))
	conns := []net.Conn{l.Register(t.Context(), &stub{}), l.Register(t.Context(), &stub{remote: strange("other")})}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := l.Shutdown(ctx); err == nil || !strings.Contains(err.Error(), "a Close callback did not return") {
		t.Errorf("Shutdown: %v", err)
	}
	close(stuck)
	eventually(t, "the rest ends all the same", func() bool { return len(l.ended("connection")) == 2 })
	closeAll(conns)
}

// TestCallbacksThatPanicWithAnything: what the error handler is given is text, and
// not too long.
func TestCallbacksThatPanicWithAnything(t *testing.T) {
	h := handleErrors(t)
	l := newLab(t, otelnetstats.WithCallback(&hooks{open: func(context.Context, *otelnetstats.Conn) {
		panic(strings.Repeat("\xff", 1<<20))
	}}))
	l.Register(t.Context(), &stub{}).Close()
	h.want(t, "callback Open: panic")
	for _, err := range h.all() {
		if text := err.Error(); len(text) > 2048 || !utf8.ValidString(text) {
			t.Errorf("an error of %d bytes, UTF-8: %v", len(text), utf8.ValidString(text))
		}
	}
}

func TestCallbacksThatPanicWithNil(t *testing.T) {
	h := handleErrors(t)
	l := newLab(t, otelnetstats.WithCallback(&hooks{open: func(context.Context, *otelnetstats.Conn) { panic(nil) }})) //nolint:govet // on purpose
	l.Register(t.Context(), &stub{}).Close()
	h.want(t, "Open")
}

func TestCallbacksAreCalledInOrder(t *testing.T) {
	var got []string
	note := func(name string) otelnetstats.Option {
		return otelnetstats.WithCallback(everywhere(func(step string, _ context.Context, _ *otelnetstats.Conn) {
			got = append(got, name+" "+step)
		}))
	}
	l := newLab(t, note("a"), otelnetstats.WithCallback(nil), note("b"))
	steps(t, t.Context(), &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer})
	var want []string
	for _, step := range []string{"DialError", "Open", "Write", "Read", "Mark", "Close"} {
		want = append(want, "a "+step, "b "+step)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("got:\n%s\nwant:\n%s", g, w)
	}
}

// TestCallbacksThatReenter do at each step what a callback may.
func TestCallbacksThatReenter(t *testing.T) {
	address := serve(t, echo)
	var (
		l     *lab
		inner net.Conn
		depth atomic.Int32
		done  = map[string]int{}
	)
	cb := everywhere(func(step string, ctx context.Context, c *otelnetstats.Conn) {
		if depth.Add(1) > 1 { // what this does is told, too
			depth.Add(-1)
			return
		}
		defer depth.Add(-1)
		done[step]++
		for range l.Conns() {
			collect(t, l.cumulative)
		}
		conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(ctx, "tcp", address)
		if err != nil {
			t.Errorf("%s: dial: %v", step, err)
			return
		}
		defer conn.Close()
		send(t, conn, 1)
		receive(t, conn, 1)
		if c == nil {
			return
		}
		c.Stats()
		c.Mark(ctx, "in "+step)
		c.Reset()
		c.ResetAll()
		l.Register(ctx, inner)
		if _, ok := otelnetstats.Lookup(inner); ok != (step != "none") {
			t.Errorf("%s: the registered connection is not found", step)
		}
	})
	l = newLab(t, otelnetstats.WithCallback(cb))
	inner = dial(t, new(net.Dialer), "tcp", address)
	conn := l.Register(t.Context(), inner)
	send(t, conn, 5)
	receive(t, conn, 5)
	mark(t, conn, "m")
	conn.Close()
	if _, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).Dial("tcp", closedPort(t)); err == nil {
		t.Error("the dial succeeded")
	}
	for _, step := range []string{"Open", "Write", "Read", "Mark", "Close", "DialError"} {
		if done[step] != 1 {
			t.Errorf("%s ran %d times, want 1", step, done[step])
		}
	}
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
}

// TestCallbacksThatClose close the connection that they are told of.
func TestCallbacksThatClose(t *testing.T) {
	for _, step := range []string{"Write", "Mark", "Close"} {
		t.Run(step, func(t *testing.T) {
			var conn net.Conn
			closed := new(tape)
			l := newLab(t, otelnetstats.WithCallback(everywhere(func(at string, _ context.Context, _ *otelnetstats.Conn) {
				if at == step {
					conn.Close()
				}
			})), otelnetstats.WithCallback(closed))
			inner, far := net.Pipe()
			defer far.Close()
			conn = l.Register(t.Context(), inner)
			go func() { _, _ = far.Read(make([]byte, 1)) }()
			send(t, conn, 1)
			mark(t, conn, "m")
			conn.Close()
			if n := strings.Count(closed.text(), "close"); n != 1 {
				t.Errorf("callbacks:\n%s\nwant one close", closed.text())
			}
			if n := len(l.ended("connection")); n != 1 {
				t.Errorf("%d connection spans ended, want 1", n)
			}
		})
	}
}

// TestABlockedCallbackBlocksNobodyElse has one connection's callback wait at
// each step until other connections have gone through all of theirs.
func TestABlockedCallbackBlocksNobodyElse(t *testing.T) {
	for _, step := range []string{"DialError", "Open", "Write", "Read", "Mark", "Close"} {
		t.Run(step, func(t *testing.T) {
			var first atomic.Bool
			blocked, release := make(chan struct{}), make(chan struct{})
			l := newLab(t, otelnetstats.WithCallback(everywhere(func(at string, _ context.Context, _ *otelnetstats.Conn) {
				if at == step && first.CompareAndSwap(false, true) {
					close(blocked)
					<-release
				}
			})))
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
			var wg sync.WaitGroup
			wg.Go(func() { steps(t, t.Context(), d) })
			<-blocked
			steps(t, t.Context(), d)
			conn := l.Register(t.Context(), &stub{})
			if l.Register(t.Context(), conn) != conn {
				t.Error("another connection")
			}
			conn.Close()
			for c := range l.Conns() {
				c.Stats()
				c.Mark(t.Context(), "by another")
				c.Reset()
			}
			collect(t, l.cumulative)
			close(release)
			wg.Wait()
		})
	}
}

func TestACallbackThatIsNoIOCallback(t *testing.T) {
	var told []string
	l := newLab(t, otelnetstats.WithCallback(&onClose{f: func(_ context.Context, c *otelnetstats.Conn) {
		told = append(told, fmt.Sprint("close ", c.Stats().Sent.Bytes))
	}}))
	conn := l.Register(t.Context(), &stub{})
	send(t, conn, 4)
	conn.Close()
	if got := strings.Join(told, "\n"); got != "close 4" {
		t.Errorf("told %q", got)
	}
}

func TestIOResultsAreUntouched(t *testing.T) {
	errRead, errWrite, errClose := errors.New("read"), errors.New("write"), errors.New("close")
	l := newLab(t, otelnetstats.WithCallback(new(tape)))
	conn := l.Register(t.Context(), &stub{
		read:  func([]byte) (int, error) { return 3, errRead },
		write: func([]byte) (int, error) { return 2, errWrite },
		close: func() error { return errClose },
	})
	if n, err := conn.Read(make([]byte, 5)); n != 3 || err != errRead { //nolint:errorlint // the very error
		t.Errorf("Read: %d, %v", n, err)
	}
	if n, err := conn.Write(make([]byte, 5)); n != 2 || err != errWrite { //nolint:errorlint // the very error
		t.Errorf("Write: %d, %v", n, err)
	}
	if err := conn.Close(); err != errClose { //nolint:errorlint // the very error
		t.Errorf("Close: %v", err)
	}
	if s := statsOf(t, conn); s.Received.Bytes != 3 || s.Sent.Bytes != 2 {
		t.Errorf("stats %+v: bytes that came with an error are not counted", s)
	}
}

// TestNoCloseWithoutOpen shuts the Tracker down while a dial is under way.
func TestNoCloseWithoutOpen(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	base := otelnetstats.DialFunc(func(ctx context.Context, _, _ string) (net.Conn, error) {
		if err := l.Shutdown(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
		return &stub{}, nil
	})
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: base}).Dial("tcp", "h:1")
	if err != nil {
		t.Fatal(err)
	}
	cb.want(t, "open", "close shutdown 0 0")
	l.wantEnded(t, conn)
	send(t, conn, 1)
	conn.Close()
	cb.want(t, "open", "close shutdown 0 0", "write 1")
}

// wantEnded checks that a connection that is not closed has been ended by Shutdown.
func (l *lab) wantEnded(t *testing.T, conn net.Conn) {
	t.Helper()
	if got := lookup(t, conn).CloseReason(); got != otelnetstats.ClosedShutdown {
		t.Errorf("close reason %q, want shutdown", got)
	}
	l.wantNothingOpen(t)
}

// TestNoRegisterAfterShutdown shuts the Tracker down while a connection is asked for
// its address.
func TestNoRegisterAfterShutdown(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := l.Register(t.Context(), &asking{ask: func() {
		if err := l.Shutdown(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
	}})
	cb.want(t, "open", "close shutdown 0 0")
	l.wantEnded(t, conn)
	conn.Close()
	cb.want(t, "open", "close shutdown 0 0")
}
