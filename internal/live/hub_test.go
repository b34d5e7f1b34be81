package live_test

import (
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// A source is a Tracker that has moved as many bytes as seconds have passed.
type source struct {
	begin time.Time
	asked atomic.Int64
	down  atomic.Bool
}

func (s *source) Down() bool     { return s.down.Load() }
func (s *source) Now() time.Time { return time.Now() }
func (s *source) Totals() live.Totals {
	s.asked.Add(1)
	return live.Totals{Received: int64(time.Since(s.begin) / time.Second)}
}
func (*source) Conns(func(live.Conn) bool) {}

func newHub() (*live.Hub, *source) {
	s := &source{begin: time.Now()}
	return live.NewHub(s), s
}

// TestTotalsAreSampled every five seconds with nobody looking, for ten minutes, and
// no more after Shutdown.
func TestTotalsAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, s := newHub()
		time.Sleep(12*time.Minute + time.Second)
		all := hub.History()
		if n := len(all); n != 120 {
			t.Errorf("%d samples, want those of 10 minutes: 120", n)
		}
		for i, total := range all[1:] {
			if d := total.At.Sub(all[i].At); d != 5*time.Second || total.Received-all[i].Received != 5 {
				t.Fatalf("sample %d: %v and %d bytes after the one before", i, d, total.Received-all[i].Received)
			}
		}
		s.down.Store(true)
		asked := s.asked.Load()
		time.Sleep(time.Minute)
		if n := s.asked.Load() - asked; n != 0 {
			t.Errorf("%d samples after Shutdown", n)
		}
	})
}

// TestLooksAreSampled at most about once a second, for two minutes.
func TestLooksAreSampled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hub, s := newHub()
		for range 4 * 60 * 3 {
			hub.Look()
			time.Sleep(time.Second / 4)
		}
		all := hub.History()
		if len(all) > 120+134 {
			t.Errorf("%d samples", len(all))
		}
		if !slices.IsSortedFunc(all, func(a, b live.Totals) int { return a.At.Compare(b.At) }) {
			t.Error("they are not in order of time")
		}
		if d := all[len(all)-1].At.Sub(all[len(all)-2].At); d > 2*time.Second {
			t.Errorf("the last two are %v apart, though somebody looked", d)
		}
		s.down.Store(true)
	})
}

func TestRingsHaveTheLatest(t *testing.T) {
	hub, s := newHub()
	defer s.down.Store(true)
	for i := range 1000 {
		hub.End(&live.Ended{Identity: live.Identity{ID: uint64(i), Opened: time.Now()}, At: time.Now()})
		hub.Fail(new(live.Failed))
	}
	ended, n := hub.Ended()
	failed, m := hub.Failed()
	if n != 1000 || m != 1000 || len(ended) != 256 || len(failed) != 256 || hub.Totals().Failed != 1000 {
		t.Fatalf("%d of %d ended, %d of %d failed", len(ended), n, len(failed), m)
	}
	for i, e := range ended {
		if want := uint64(999 - i); e.ID != want || failed[i].ID != want+1 {
			t.Fatalf("place %d has connection %d and dial %d, want %d and %d", i, e.ID, failed[i].ID, want, want+1)
		}
	}
}

// TestTallyIsBounded, and adds up beyond that.
func TestTallyIsBounded(t *testing.T) {
	hub, s := newHub()
	defer s.down.Store(true)
	const n = 10_000
	for i := range n {
		hub.Fail(&live.Failed{Label: fmt.Sprint(i), Setup: live.Setup{Total: 1}})
		hub.End(&live.Ended{
			Identity: live.Identity{Label: fmt.Sprint(i), Role: "client"},
			Numbers:  live.Numbers{Received: live.Flow{Bytes: 2}, Sent: live.Flow{Bytes: 3}},
		})
	}
	tally := hub.Tally()
	if len(tally) > 4096+2 {
		t.Errorf("%d places are told apart", len(tally))
	}
	var sum live.Sums
	for _, sums := range tally {
		sum.Add(sums)
	}
	if want := (live.Sums{Connections: n, Failures: n, Received: 2 * n, Sent: 3 * n, Dial: n}); sum != want {
		t.Errorf("in all %+v, want %+v", sum, want)
	}
}

func TestHubConcurrentSafe(t *testing.T) {
	hub, s := newHub()
	defer s.down.Store(true)
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 300 {
				hub.End(new(live.Ended))
				hub.Fail(new(live.Failed))
			}
		})
		all.Go(func() {
			for range 30 {
				hub.Look()
				hub.History()
				hub.Tally()
				ended, _ := hub.Ended()
				failed, _ := hub.Failed()
				if len(ended) > 256 || len(failed) > 256 {
					t.Error("more than there is room for")
				}
			}
		})
	}
	all.Wait()
	if _, n := hub.Ended(); n != 4*300 {
		t.Errorf("%d ended, want %d", n, 4*300)
	}
}

func TestSpentIsFromTheFirstToTheLast(t *testing.T) {
	at := time.Now()
	s := live.Setup{Steps: []live.Step{
		{Kind: live.StepConnect, Start: at.Add(2), Took: 3},
		{Kind: live.StepDNS, Start: at, Took: 2},
		{Kind: live.StepConnect, Start: at.Add(4), Took: 6},
	}}
	for kind, want := range map[string]time.Duration{live.StepDNS: 2, live.StepConnect: 8, live.StepTLS: 0} {
		if got := s.Spent(kind); got != want {
			t.Errorf("%s took %v, want %v", kind, got, want)
		}
	}
}
