package connstat_test

import (
	"sync"
	"testing"

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
			most = max(most, g.registry.Touched())
		}
		if limit := max(connstat.MinCompact, 2*(open+1)); most > limit {
			t.Errorf("%d open: the list grew to %d, want at most %d", open, most, limit)
		}
		if received, sent := g.folded(); received.Bytes != more || sent.Bytes != int64(open) {
			t.Errorf("%d open: totals %d and %d, want %d and %d", open, received.Bytes, sent.Bytes, more, open)
		}
		if n := g.registry.Touched(); n != 0 {
			t.Errorf("%d open: %d left after a fold", open, n)
		}
	}
}

// TestTouchedOnce: a connection is in the list once, however much it moves.
func TestTouchedOnce(t *testing.T) {
	var g group
	l := g.open(connstat.Config{})
	for range 1000 {
		l.Sent(1, nil)
		l.Received(1, nil)
	}
	if n := g.registry.Touched(); n != 1 {
		t.Errorf("%d in the list, want 1", n)
	}
	g.registry.Fold()
	if n := g.registry.Touched(); n != 0 {
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
		"touched and folded":   func(g *group, l *life) { l.Sent(1, nil); g.registry.Fold() },
		"folded after the end": func(g *group, l *life) { l.Sent(1, nil); l.Closing(); g.registry.Fold() },
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
