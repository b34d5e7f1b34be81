package connstat_test

import (
	"runtime"
	"sync"
	"testing"
	"weak"

	"github.com/netstats-go/netstats/internal/connstat"
)

// TestTouchedStaysBounded where nobody collects and connections come and go.
func TestTouchedStaysBounded(t *testing.T) {
	for _, open := range []int{0, 10, 1000} {
		var (
			g    group
			most int
		)
		for range open {
			g.open(connstat.Config{}).Sent(1, nil)
		}
		const more = 10_000
		for range more {
			l := g.open(connstat.Config{})
			l.Received(1, nil)
			l.Closing()
			most = max(most, g.set.Touched())
		}
		if limit := max(connstat.MinCompact, 2*(open+1)); most > limit {
			t.Errorf("%d open: the list grew to %d, want at most %d", open, most, limit)
		}
		if received, sent := g.folded(); received.Bytes != more || sent.Bytes != int64(open) {
			t.Errorf("%d open: totals %d and %d, want %d and %d", open, received.Bytes, sent.Bytes, more, open)
		}
		if n := g.set.Touched(); n != 0 {
			t.Errorf("%d open: %d left after a fold", open, n)
		}
	}
}

// TestTouchedKeepsNoEnded: connections that ended are not kept by the list that
// they were in.
func TestTouchedKeepsNoEnded(t *testing.T) {
	var (
		g     group
		lives [connstat.MinCompact]weak.Pointer[life]
	)
	for i := range lives {
		l := g.open(connstat.Config{})
		l.Sent(1, nil)
		l.Closing()
		lives[i] = weak.Make(l)
	}
	runtime.GC()
	for i, l := range lives[:len(lives)-1] { // all but the one that was open when the list was full
		if l.Value() != nil {
			t.Errorf("connection %d of %d is kept", i, len(lives))
		}
	}
	runtime.KeepAlive(&g)
}

// TestTouchedOnce: a connection is in the list once, however much it moves.
func TestTouchedOnce(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	for range 1000 {
		l.Sent(1, nil)
		l.Received(1, nil)
	}
	if n := g.set.Touched(); n != 1 {
		t.Errorf("%d in the list, want 1", n)
	}
	g.set.Fold()
	if n := g.set.Touched(); n != 0 {
		t.Errorf("%d in the list after a fold, want 0", n)
	}
	l.Sent(1, nil)
	if _, sent := g.folded(); sent.Bytes != 1001 || sent.Operations != 1001 {
		t.Errorf("total %+v, want 1001 of each", sent)
	}
}

// TestLateAdds: what is counted after the end is folded in, whether the list had
// the connection then or not.
func TestLateAdds(t *testing.T) {
	for name, before := range map[string]func(*group, *life){
		"untouched":            func(*group, *life) {},
		"touched":              func(_ *group, l *life) { l.Sent(1, nil) },
		"touched and folded":   func(g *group, l *life) { l.Sent(1, nil); g.set.Fold() },
		"folded after the end": func(g *group, l *life) { l.Sent(1, nil); l.Closing(); g.set.Fold() },
	} {
		t.Run(name, func(t *testing.T) {
			var g group
			l := g.open(connstat.Config{})
			before(&g, l)
			l.Closing()
			for range 5 {
				l.Sent(1, nil)
				l.Received(2, nil)
				_, want := l.Flows()
				if _, got := g.folded(); got != want {
					t.Fatalf("total %+v, connection %+v", got, want)
				}
			}
			received, _ := g.folded()
			if received.Bytes != 10 || received.Operations != 5 {
				t.Errorf("received %+v, want 10 bytes in 5 operations", received)
			}
		})
	}
}

// TestLateAddsNeedNoFold: where the list does not have a connection that ended, what
// it moves is in the totals at once, as there may be no fold any more.
func TestLateAddsNeedNoFold(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	l.Closing()
	for n := range int64(5) {
		l.Sent(1, nil)
		if _, sent := g.totals.Flows(); sent.Bytes != n+1 {
			t.Errorf("total %d, want %d", sent.Bytes, n+1)
		}
	}
}

// TestLateAddsAreThrownOutFolded: what a connection moved after its end is in the
// totals when the list lets go of it.
func TestLateAddsAreThrownOutFolded(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	l.Sent(1, nil)
	l.Closing()
	l.Sent(10, nil)
	g.crowd().Received(1, nil)
	if _, sent := g.totals.Flows(); sent.Bytes != 11 {
		t.Errorf("total %d, want 11", sent.Bytes)
	}
}

// crowd fills the list but for one connection, which it returns: when that one
// moves something, those are thrown out that have ended.
func (g *group) crowd() (last *life) {
	for range connstat.MinCompact - 1 - g.set.Touched() {
		g.open(connstat.Config{}).Received(1, nil)
	}
	return g.open(connstat.Config{})
}

// TestCallsAmidFoldsConcurrentSafe: a call that comes while its connection is
// folded, for whatever reason, is in the totals after the next fold at the latest.
func TestCallsAmidFoldsConcurrentSafe(t *testing.T) {
	for name, test := range map[string]struct {
		rounds int
		// prepare returns what has a connection folded that has moved something.
		prepare func(*group, *life) (fold func())
	}{
		"metrics are collected": {20_000, func(g *group, _ *life) func() {
			return g.set.Fold
		}},
		"it is closed": {20_000, func(_ *group, l *life) func() {
			return l.Closing
		}},
		"it was closed, and moves something": {50_000, func(g *group, l *life) func() {
			l.Closing()
			g.set.Fold()
			return func() { l.Sampled(kernelSays(1)) }
		}},
		"it was closed, and is thrown out": {4000, func(g *group, l *life) func() {
			l.Closing()
			last := g.crowd()
			return func() { last.Received(1, nil) }
		}},
	} {
		t.Run(name, func(t *testing.T) {
			var (
				g    *group
				l    *life
				fold func()
			)
			meet(t, test.rounds, func() {
				g = new(group)
				l = g.open(connstat.Config{})
				l.Sent(1, nil)
				fold = test.prepare(g, l)
			}, func() { fold() }, func() { l.Sent(1, nil) }, func() {
				_, want := l.Flows()
				if _, got := g.folded(); got != want {
					t.Errorf("total %+v, connection %+v", got, want)
				}
			})
		})
	}
}

// TestFoldsThatMeetConcurrentSafe: each of two that have everything folded finds it
// folded, also what the other one has begun with.
func TestFoldsThatMeetConcurrentSafe(t *testing.T) {
	const lives = 8
	var (
		g         *group
		got, also connstat.Flow
	)
	meet(t, 5000, func() {
		g = new(group)
		for range lives {
			g.open(connstat.Config{}).Sent(1, nil)
		}
	}, func() { _, got = g.folded() }, func() { _, also = g.folded() }, func() {
		if got.Bytes != lives || also.Bytes != lives {
			t.Errorf("%d and %d bytes were folded, want %d", got.Bytes, also.Bytes, lives)
		}
	})
}

// TestLateAddsAtOnceConcurrentSafe: what a connection moves in several calls after
// its end, which each fold it, is added once.
func TestLateAddsAtOnceConcurrentSafe(t *testing.T) {
	const calls = 20
	var (
		g *group
		l *life
	)
	late := func() {
		for range calls {
			l.Sent(1, nil)
		}
	}
	meet(t, 10_000, func() {
		g = new(group)
		l = g.open(connstat.Config{})
		l.Closing()
	}, late, late, func() {
		if _, sent := g.totals.Flows(); sent.Bytes != 2*calls || sent.Operations != 2*calls {
			t.Errorf("total %+v, want %d of each", sent, 2*calls)
		}
	})
}

// TestFoldsConcurrentSafe: connections move, end and are folded at once, and
// some move after their end. No total goes back, and nothing is lost.
func TestFoldsConcurrentSafe(t *testing.T) {
	var (
		g               group
		writers, folder sync.WaitGroup
		stop            = make(chan struct{})
	)
	const goroutines, lives, calls = 4, 100, 20
	for range goroutines {
		writers.Go(func() {
			for range lives {
				l := g.open(connstat.Config{})
				var both sync.WaitGroup
				for range 2 {
					both.Go(func() {
						for range calls {
							l.Received(1, nil)
							l.Sent(3, nil)
						}
					})
				}
				l.Closing()
				both.Wait()
			}
		})
	}
	folder.Go(func() {
		var last connstat.Flow
		for {
			_, sent := g.folded()
			if sent.Bytes < last.Bytes || sent.Operations < last.Operations {
				t.Errorf("total went from %+v to %+v", last, sent)
				return
			}
			last = sent
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	writers.Wait()
	close(stop)
	folder.Wait()
	const n = goroutines * lives * calls * 2
	received, sent := g.folded()
	if want := (connstat.Flow{Bytes: n, Operations: n}); received != want {
		t.Errorf("received %+v, want %+v", received, want)
	}
	if want := (connstat.Flow{Bytes: 3 * n, Operations: n}); sent != want {
		t.Errorf("sent %+v, want %+v", sent, want)
	}
}
