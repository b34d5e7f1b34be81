package connstat_test

import (
	"sync"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

// kernelSays is the kernel's answer that n bytes were sent.
func kernelSays(n int64) tcpinfo.Info { return tcpinfo.Info{Sent: n, HasSent: true} }

// TestKernel: the larger of what the kernel said and what was counted is what
// was sent, and it never shrinks.
func TestKernel(t *testing.T) {
	var g group
	l := g.prepare(connstat.Config{})
	socket := new(tcpinfo.Socket)
	l.Reconcile(socket)
	g.set.Add(&l.Record)
	kernel := func(n int64) { l.Sampled(kernelSays(n)) }
	for _, step := range []struct {
		name  string
		do    func()
		bytes int64
	}{
		{"nothing", func() {}, 0},
		{"a write", func() { l.Sent(10, nil) }, 10},
		{"a sample as old", func() { kernel(0) }, 10},
		{"a sample", func() { kernel(10) }, 10},
		{"writev", func() { kernel(30) }, 30},
		{"an older sample", func() { kernel(20) }, 30},
		{"a write not sampled", func() { l.Sent(10, nil) }, 30},
		{"its sample", func() { kernel(40) }, 40},
		{"many writes not sampled", func() { l.Sent(100, nil) }, 120},
		{"an answer without the number", func() { l.Sampled(tcpinfo.Info{Sent: 1 << 40}) }, 120},
		{"their sample", func() { kernel(140) }, 140},
		{"after the end", func() { l.Closing(); kernel(150) }, 150},
	} {
		step.do()
		if got := l.Flow(connstat.Sent).Bytes; got != step.bytes {
			t.Errorf("%s: %d bytes, want %d", step.name, got, step.bytes)
		}
		if _, got := g.folded(); got.Bytes != step.bytes {
			t.Errorf("%s: total %d, want %d", step.name, got.Bytes, step.bytes)
		}
	}
	if got := l.Flow(connstat.Sent).Operations; got != 3 {
		t.Errorf("%d operations, want 3", got)
	}
	if _, ok := l.Ask(); ok {
		t.Error("a socket that knows nothing has answered")
	}
}

// TestUnwatched: what a watcher was not told of, and never too much.
func TestUnwatched(t *testing.T) {
	var (
		g    group
		told int64
	)
	l := g.prepare(connstat.Config{EachCall: true, Watch: func(_ connstat.Direction, n int64) { told += n }})
	l.Reconcile(new(tcpinfo.Socket))
	kernel := func(n int64) { l.Sampled(kernelSays(n)) }
	want := func(what string, n int64) {
		t.Helper()
		if got := l.Unwatched(); got != n {
			t.Errorf("%s: %d unwatched, want %d", what, got, n)
		}
	}
	l.Begin(100)
	kernel(60)
	want("a write in flight", 0)
	l.Done(100, 80, nil)
	kernel(80)
	want("a short write", 0)
	kernel(110)
	want("writev", 30)
	l.Begin(50)
	kernel(130)
	want("writev, and a write in flight", 0)
	l.Done(50, 50, nil)
	kernel(160)
	want("both done", 30)
	if told != 130 {
		t.Errorf("told of %d, want 130", told)
	}
}

// TestUnwatchedAmidWritesConcurrentSafe: a watcher who is told of each write is
// never told of one twice, whenever it is asked what it was not told of.
func TestUnwatchedAmidWritesConcurrentSafe(t *testing.T) {
	writes := int64(500_000)
	if testnet.Race {
		writes /= 20
	}
	var g group
	l := g.prepare(connstat.Config{EachCall: true, Watch: func(connstat.Direction, int64) {}})
	l.Reconcile(new(tcpinfo.Socket))
	var writer sync.WaitGroup
	var done atomic.Bool
	writer.Go(func() {
		defer done.Store(true)
		for n := range writes {
			l.Begin(1)
			l.Sampled(kernelSays(n + 1))
			l.Done(1, 1, nil)
		}
	})
	for !done.Load() && !t.Failed() {
		if n := l.Unwatched(); n != 0 {
			t.Errorf("%d bytes are said not to have been told of", n)
		}
	}
	writer.Wait()
}
