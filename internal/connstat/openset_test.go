package connstat_test

import (
	"slices"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

// fill opens connections with the given IDs, every other of them sampled: those
// with even ones.
func fill(g *group, ids ...uint64) []*life {
	lives := make([]*life, len(ids))
	for i, id := range ids {
		l := g.prepare(connstat.Config{ID: id})
		if id%2 == 0 {
			l.AsSampled()
		}
		g.set.Add(&l.Record)
		lives[i] = l
	}
	return lives
}

func ids(records []*connstat.Record) []uint64 {
	var ids []uint64
	for _, r := range records {
		ids = append(ids, r.ID)
	}
	return ids
}

func wantIDs(t *testing.T, what string, records []*connstat.Record, want ...uint64) {
	t.Helper()
	if got := ids(records); !slices.Equal(got, want) {
		t.Errorf("%s: %d, want %d", what, got, want)
	}
}

func TestRegistryIsInOrderOfAge(t *testing.T) {
	var g group
	wantIDs(t, "empty", g.set.Open())
	l := fill(&g, 1, 2, 3, 4, 5, 6)
	wantIDs(t, "all", g.set.Open(), 1, 3, 5, 2, 4, 6)
	l[0].Closing() // the first of its ring
	l[3].Closing() // in the middle
	l[4].Closing() // the last
	wantIDs(t, "some closed", g.set.Open(), 3, 2, 6)
	fill(&g, 7, 8)
	wantIDs(t, "two more", g.set.Open(), 3, 7, 2, 6, 8)
	for _, l := range l {
		l.Closing()
		g.set.Remove(&l.Record) // once more
	}
	wantIDs(t, "only the new ones", g.set.Open(), 7, 8)
}

// TestTurns takes the longest unsampled first, at most as many as it may.
func TestTurns(t *testing.T) {
	var g group
	wantIDs(t, "empty", g.set.Turn(3))
	l := fill(&g, 1, 2, 4, 6, 8, 10)
	wantIDs(t, "first turn", g.set.Turn(2), 2, 4)
	wantIDs(t, "none", g.set.Turn(0))
	wantIDs(t, "second turn", g.set.Turn(2), 6, 8)
	l[5].Closing() // 10 would be next
	fill(&g, 12)
	wantIDs(t, "a newer one is last", g.set.Turn(3), 2, 4, 6)
	wantIDs(t, "more than there are", g.set.Turn(100), 8, 12, 2, 4, 6)
	wantIDs(t, "each once", g.set.Turn(5), 8, 12, 2, 4, 6)
	for _, l := range l {
		l.Closing()
	}
	wantIDs(t, "one left", g.set.Turn(2), 12)
	wantIDs(t, "one left, again", g.set.Turn(2), 12)
}

// TestTurnsReachAll in as few collections as promised.
func TestTurnsReachAll(t *testing.T) {
	var g group
	const open, limit = 1000, 256
	for i := range uint64(open) {
		fill(&g, 2*i)
	}
	seen := make(map[uint64]int)
	for range (open + limit - 1) / limit {
		for _, id := range ids(g.set.Turn(limit)) {
			seen[id]++
		}
	}
	if len(seen) != open {
		t.Errorf("%d of %d were sampled", len(seen), open)
	}
}

func TestClosedRegistry(t *testing.T) {
	var g group
	l := fill(&g, 1, 2)
	all, empty := g.set.Close()
	wantIDs(t, "left", all, 1, 2)
	if late := g.prepare(connstat.Config{}); g.set.Add(&late.Record) {
		t.Error("Add after Close is accepted")
	}
	l[0].Closing()
	select {
	case <-empty:
		t.Fatal("empty with a connection left")
	default:
	}
	l[1].Closing()
	<-empty
	var none group
	_, empty = none.set.Close()
	<-empty
}

func TestRegistryConcurrentSafe(t *testing.T) {
	var (
		g               group
		owners, readers sync.WaitGroup
		stop            = make(chan struct{})
	)
	for i := range uint64(4) {
		owners.Go(func() {
			for j := range uint64(200) {
				for _, l := range fill(&g, i<<32+j, i<<32+j+1) {
					l.Sent(1, nil)
					l.Closing()
				}
			}
		})
	}
	for range 2 {
		readers.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				g.set.Sample(3)
				g.set.Fold()
				_ = g.set.Open()
			}
		})
	}
	owners.Wait()
	close(stop)
	readers.Wait()
	wantIDs(t, "at the end", g.set.Open())
	wantIDs(t, "to be sampled at the end", g.set.Turn(1))
	if _, sent := g.folded(); sent.Bytes != 4*200*2 {
		t.Errorf("total %d, want %d", sent.Bytes, 4*200*2)
	}
}
