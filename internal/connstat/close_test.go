package connstat_test

import (
	"net"
	"runtime"
	"slices"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// inGoroutine runs f in a goroutine of its own, which it may end or panic in.
func inGoroutine(f func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { _ = recover() }()
		f()
	}()
	<-done
}

// TestCloseThatDoesNotReturn: whatever the user's code does in the course of a
// Close, the connection is closed, and nothing is left of it.
func TestCloseThatDoesNotReturn(t *testing.T) {
	for _, test := range []struct {
		name   string
		atEnd  func(tcpinfo.Info, bool)
		inner  func()
		closes int
	}{
		{"callback that exits", func(tcpinfo.Info, bool) { runtime.Goexit() }, func() {}, 1},
		{"callback that panics", func(tcpinfo.Info, bool) { panic("of a span processor") }, func() {}, 1},
		{"Close that exits", nil, runtime.Goexit, 1},
		{"Close that panics", nil, func() { panic("of the user's connection") }, 1},
		{"both exit", func(tcpinfo.Info, bool) { runtime.Goexit() }, runtime.Goexit, 1},
		{"both panic", func(tcpinfo.Info, bool) { panic(1) }, func() { panic(2) }, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			l.Sent(10, nil)
			l.atEnd = test.atEnd
			closes, returned := 0, false
			inGoroutine(func() {
				_ = l.Close(func() error { closes++; test.inner(); return nil }, nil)
				returned = true
			})
			if returned {
				t.Error("Close returned, so that the user does not see what happened")
			}
			if closes != test.closes {
				t.Errorf("closed %d times, want %d", closes, test.closes)
			}
			g.wantEmpty(t, 10)
			if e, c := l.ended.Load(), l.closed.Load(); e != 1 || c != 1 {
				t.Errorf("the owner was told %d and %d times, want once", e, c)
			}
		})
	}
}

// TestEndThatDoesNotReturn: nor does a connection stay behind that ends without
// being closed, as when the Tracker is shut down.
func TestEndThatDoesNotReturn(t *testing.T) {
	for name, atEnd := range map[string]func(tcpinfo.Info, bool){
		"exits":  func(tcpinfo.Info, bool) { runtime.Goexit() },
		"panics": func(tcpinfo.Info, bool) { panic("of a span processor") },
	} {
		t.Run(name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			l.Sent(10, nil)
			l.atEnd = atEnd
			inGoroutine(func() { l.End(connstat.Shutdown) })
			g.wantEmpty(t, 10)
			if e, c := l.ended.Load(), l.closed.Load(); e != 1 || c != 1 {
				t.Errorf("the owner was told %d and %d times, want once", e, c)
			}
		})
	}
}

// TestCloseTellsFirst: the owner is told while the connection is open, and before
// what it waits for.
func TestCloseTellsFirst(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	var order []string
	l.atEnd = func(tcpinfo.Info, bool) { order = append(order, "Ended") }
	l.atClosed = func() { order = append(order, "Closed") }
	_ = l.Close(func() error { order = append(order, "inner"); return nil }, nil)
	if want := []string{"Ended", "inner", "Closed"}; !slices.Equal(order, want) {
		t.Errorf("in the order %q, want %q", order, want)
	}
}

// TestClosedIsFolded: when the owner lets go of a connection, what it moved is in the
// totals. Shutdown waits for no more than that before it exports them a last time.
func TestClosedIsFolded(t *testing.T) {
	for name, end := range map[string]func(*life){
		"Close":    (*life).Closing,
		"Shutdown": func(l *life) { l.End(connstat.Shutdown) },
	} {
		t.Run(name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			l.Sent(10, nil)
			l.atClosed = func() {
				if _, sent := g.totals.Flows(); sent.Bytes != 10 {
					t.Errorf("%d bytes are in the totals, want 10", sent.Bytes)
				}
			}
			end(l)
		})
	}
}

// wantEmpty fails the test if a connection of the group is open, or other numbers
// of bytes were sent.
func (g *group) wantEmpty(t *testing.T, sent int64) {
	t.Helper()
	if n := g.totals.Open(); n != 0 {
		t.Errorf("%d open, want 0", n)
	}
	if n := len(g.set.Open()); n != 0 {
		t.Errorf("%d in the set, want 0", n)
	}
	if _, out := g.totals.Flows(); out.Bytes != sent {
		t.Errorf("%d bytes sent in total, want %d", out.Bytes, sent)
	}
}

// TestCloseAsksOnce: the kernel is not asked about what has ended.
func TestCloseAsksOnce(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	asked := 0
	ask := func() (tcpinfo.Info, bool) { asked++; return tcpinfo.Info{Sent: 7, HasSent: true}, true }
	for range 3 {
		if err := l.Close(func() error { return net.ErrClosed }, ask); err != net.ErrClosed { //nolint:errorlint // it must be returned as it is
			t.Errorf("Close: %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times, want once", asked)
	}
	g.wantEmpty(t, 7)
}

// TestReveal: the owner is told before the program gets the connection, and need
// not be told again.
func TestReveal(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	for range 3 {
		l.Reveal(1, 2)
	}
	if n := l.revealed.Load(); n != 1 {
		t.Errorf("told %d times, want once", n)
	}
}

// TestRevealWhileRevealing: nobody gets the connection before the owner has been
// told, also not while another goroutine tells it.
func TestRevealWhileRevealing(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	l.atReveal = func() {
		if l.revealed.Load() == 1 {
			l.Reveal(1, 2)
			if n := l.revealed.Load(); n != 2 {
				t.Errorf("told %d times, and the first has not returned", n-1)
			}
		}
	}
	l.Reveal(1, 2)
}
