package connstat_test

import (
	"runtime"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// eventually waits for what another goroutine is about to do.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: this has not come true", what)
		}
	}
}

// drop drops n connections, whose owners' callbacks are atEnd.
func (g *group) drop(n int, atEnd func(tcpinfo.Info, bool)) {
	for range n {
		l := g.open(connstat.Config{})
		l.atEnd = atEnd
		l.Sent(1, nil)
		l.Dropped()
	}
}

// TestDroppedOwnersThatExit: an owner's code that ends its goroutine, as
// t.FailNow does, ends nothing else.
func TestDroppedOwnersThatExit(t *testing.T) {
	var g group
	var told atomic.Int64
	g.drop(100, func(tcpinfo.Info, bool) {
		if told.Add(1)%3 == 0 {
			runtime.Goexit()
		}
	})
	eventually(t, "all are told of", func() bool { return told.Load() == 100 && len(g.set.Open()) == 0 })
	g.wantEmpty(t, 100)
}

// TestDroppedOwnerThatDoesNotReturn: no other set's connections wait for
// it, its own are out of the numbers at once, and what waits is bounded.
func TestDroppedOwnerThatDoesNotReturn(t *testing.T) {
	stuck := make(chan struct{})
	var g, other group
	g.drop(1, func(tcpinfo.Info, bool) { <-stuck })
	var told atomic.Int64
	count := func(tcpinfo.Info, bool) { told.Add(1) }
	other.drop(10, count)
	eventually(t, "the others' are told of", func() bool { return told.Load() == 10 && len(other.set.Open()) == 0 })
	other.wantEmpty(t, 10)

	g.drop(connstat.MaxDropped+100, count)
	if n := g.totals.Open(); n != 0 {
		t.Errorf("%d open, want 0", n)
	}
	if _, out := g.totals.Flows(); out.Bytes != connstat.MaxDropped+101 {
		t.Errorf("%d bytes sent in total, want %d", out.Bytes, connstat.MaxDropped+101)
	}
	if n := g.set.Dropped(); n > connstat.MaxDropped {
		t.Errorf("%d wait, want at most %d", n, connstat.MaxDropped)
	}
	close(stuck)
	eventually(t, "those that waited are told of", func() bool { return len(g.set.Open()) == 0 })
	if n := told.Load(); n < connstat.MaxDropped {
		t.Errorf("%d told of, want %d", n, connstat.MaxDropped)
	}
}

// TestDroppedRoomIsGivenBack: no queue is kept for what was.
func TestDroppedRoomIsGivenBack(t *testing.T) {
	var g group
	g.drop(1000, nil)
	eventually(t, "nothing waits", func() bool { return len(g.set.Open()) == 0 && g.set.Dropped() == 0 })
	g.drop(1, nil)
	eventually(t, "a later one is told of", func() bool { return len(g.set.Open()) == 0 })
}
