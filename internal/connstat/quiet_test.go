package connstat_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A turnstile is a watcher that is interested in changes of direction only, as
// the journal of a recording span is.
type turnstile struct {
	*life
	mu    sync.Mutex
	heard []connstat.Direction
}

func newTurnstile(g *group, c connstat.Config) *turnstile {
	s := new(turnstile)
	c.Watch = s.watch
	s.life = g.open(c)
	return s
}

func (s *turnstile) watch(d connstat.Direction, _ int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.heard = append(s.heard, d)
	s.Hush(d)
}

func (s *turnstile) want(t *testing.T, what string, want ...connstat.Direction) {
	t.Helper()
	if !slices.Equal(s.heard, want) {
		t.Errorf("%s: the watcher was called for %v, want %v", what, s.heard, want)
	}
	s.heard = nil
}

func TestHush(t *testing.T) {
	const r, w = connstat.Received, connstat.Sent
	var g group
	s := newTurnstile(&g, connstat.Config{})
	s.Received(1, nil)
	s.Received(1, nil)
	s.Received(1, nil)
	s.want(t, "three reads", r)
	s.Sent(1, nil)
	s.Sent(1, nil)
	s.Received(1, nil)
	s.want(t, "two writes and a read", w, r)
	s.Rouse()
	s.Received(1, nil)
	s.Received(1, nil)
	s.want(t, "two reads after Rouse", r)
	g.set.Fold()
	s.Received(1, nil)
	s.Received(1, nil)
	s.want(t, "two reads after a fold", r)
	g.set.Fold()
	s.Rouse()
	s.Sent(1, nil)
	s.want(t, "a write after both", w)
}

func TestHushWhereEachCallIsWatched(t *testing.T) {
	const r, w = connstat.Received, connstat.Sent
	var g group
	s := newTurnstile(&g, connstat.Config{EachCall: true})
	s.Received(1, nil)
	s.Received(1, nil)
	s.Sent(1, nil)
	s.Sent(1, nil)
	s.want(t, "each call", r, r, w, w)
}

// TestHushesConcurrentSafe: a record that is hushed and folded at once is folded
// to the end, and the watcher hears of the last change of direction.
func TestHushesConcurrentSafe(t *testing.T) {
	var (
		g       group
		s       = newTurnstile(&g, connstat.Config{})
		callers sync.WaitGroup
		folder  sync.WaitGroup
		stop    = make(chan struct{})
	)
	const calls = 20_000
	callers.Go(func() {
		for range calls {
			s.Received(1, nil)
		}
	})
	callers.Go(func() {
		for range calls {
			s.Sent(1, nil)
		}
	})
	folder.Go(func() {
		for {
			select {
			case <-stop:
				return
			default:
				g.set.Fold()
				s.Rouse()
			}
		}
	})
	callers.Wait()
	close(stop)
	folder.Wait()
	want := connstat.Flow{Bytes: calls, Operations: calls}
	if received, sent := g.folded(); received != want || sent != want {
		t.Errorf("totals %+v and %+v, want %+v each", received, sent, want)
	}
	s.Sent(1, nil)
	s.heard = nil
	s.Received(1, nil)
	s.Sent(1, nil)
	s.want(t, "a read and a write in the end", connstat.Received, connstat.Sent)
}
