package connstat_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
)

const (
	// half is where an addition has a part of the word moved.
	halfBytes      = 1 << (63 - connstat.OperationBits)
	halfOperations = 1 << (connstat.OperationBits - 1)
)

// TestCounterAtTheBoundary looks at both sides of it.
func TestCounterAtTheBoundary(t *testing.T) {
	type addition struct {
		n          int64
		operations uint64
	}
	for _, test := range []struct {
		name string
		adds []addition
		due  bool // the last addition has a spill due
	}{
		{"one", []addition{{1, 1}}, false},
		{"largest", []addition{{connstat.MaxPacked - 1, 1}}, false},
		{"bytes below half", []addition{{connstat.MaxPacked - 1, 1}, {connstat.MaxPacked - 1, 1}, {1, 1}}, false},
		{"bytes half", []addition{{connstat.MaxPacked - 1, 1}, {connstat.MaxPacked - 1, 1}, {2, 1}}, true},
		{"operations below half", []addition{{1, halfOperations - 2}, {1, 1}}, false},
		{"operations half", []addition{{1, halfOperations - 1}, {1, 1}}, true},
		{"both", []addition{{connstat.MaxPacked - 1, halfOperations - 1}, {connstat.MaxPacked - 1, 1}, {connstat.MaxPacked - 1, 1}}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			var (
				c    connstat.Counter
				want connstat.Flow
				due  bool
			)
			for _, a := range test.adds {
				due = c.Add(a.n, a.operations)
				want.Bytes += a.n
				want.Operations += int64(a.operations)
			}
			if due != test.due {
				t.Errorf("spill due: %t, want %t", due, test.due)
			}
			if got := c.Load(); got != want {
				t.Errorf("before the spill %+v, want %+v", got, want)
			}
			c.Spill()
			if got := c.Packed(); got != (connstat.Flow{}) {
				t.Errorf("%+v was not spilled", got)
			}
			if got := c.Load(); got != want {
				t.Errorf("after the spill %+v, want %+v", got, want)
			}
		})
	}
	if halfBytes != 2*connstat.MaxPacked {
		t.Errorf("half of the bytes is %d, want room for two of the largest additions", int64(halfBytes))
	}
}

// TestCounterSpillDoesNotWait: the next one does what was left.
func TestCounterSpillDoesNotWait(t *testing.T) {
	var c connstat.Counter
	c.Add(5, halfOperations)
	release := c.HoldWide()
	c.Spill()
	if got, want := c.Packed(), (connstat.Flow{Bytes: 5, Operations: halfOperations}); got != want {
		t.Errorf("%+v left in the word, want %+v", got, want)
	}
	release()
	if !c.Add(1, 1) {
		t.Error("the spill is no longer due")
	}
	c.Spill()
	if got, want := c.Load(), (connstat.Flow{Bytes: 6, Operations: halfOperations + 1}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestCounterConcurrentSafe adds, spills and reads at once: nothing is lost and
// no reading is less than the one before.
//
// It goes in rounds, as a goroutine may be stopped in the middle of a spill for
// as long as the others run: in a round they add less than half a word.
func TestCounterConcurrentSafe(t *testing.T) {
	var (
		c            connstat.Counter
		bytes, calls atomic.Int64
		reader       sync.WaitGroup
		stop         = make(chan struct{})
	)
	const rounds, goroutines, adds = 50, 4, 100
	write := func(r *rand.Rand) {
		for range adds {
			n, operations := r.Int64N(halfBytes/goroutines/adds), r.Uint64N(halfOperations/goroutines/adds)
			if r.IntN(16) == 0 {
				c.AddWide(n)
				operations = 0
			} else if c.Add(n, operations) {
				c.Spill()
			}
			bytes.Add(n)
			calls.Add(int64(operations))
		}
	}
	reader.Go(func() {
		var last connstat.Flow
		for {
			got := c.Load()
			if got.Bytes < last.Bytes || got.Operations < last.Operations {
				t.Errorf("went from %+v to %+v", last, got)
				return
			}
			last = got
			select {
			case <-stop:
				return
			default:
			}
		}
	})
	for round := range uint64(rounds) {
		var writers sync.WaitGroup
		for g := range uint64(goroutines) {
			writers.Go(func() { write(rand.New(rand.NewPCG(round, g))) })
		}
		writers.Wait()
		if c.Add(0, 0) {
			c.Spill() // the reader was in the way of it
		}
	}
	close(stop)
	reader.Wait()
	if got, want := c.Load(), (connstat.Flow{Bytes: bytes.Load(), Operations: calls.Load()}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestAdditionsAmidSpillsConcurrentSafe: what is added between two steps of a spill
// stays.
func TestAdditionsAmidSpillsConcurrentSafe(t *testing.T) {
	const times = 20
	var c *connstat.Counter
	meet(t, 5000, func() { c = new(connstat.Counter) }, func() {
		for range times {
			c.Spill()
		}
	}, func() {
		for range times {
			c.Add(3, 1)
		}
	}, func() {
		if got, want := c.Load(), (connstat.Flow{Bytes: 3 * times, Operations: times}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestLoadAmidASpillConcurrentSafe: what is spilled while the counter is read is
// read once.
func TestLoadAmidASpillConcurrentSafe(t *testing.T) {
	var (
		c   *connstat.Counter
		got connstat.Flow
	)
	meet(t, 20_000, func() {
		c = new(connstat.Counter)
		c.Spill() // makes the wide part
		c.Add(2, 1)
	}, func() { got = c.Load() }, func() { c.Spill() }, func() {
		if want := (connstat.Flow{Bytes: 2, Operations: 1}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
	})
}

// TestFirstSpillsConcurrentSafe: of two goroutines that each find no wide part,
// neither loses what it has for it.
func TestFirstSpillsConcurrentSafe(t *testing.T) {
	var all []connstat.Counter
	add := func() {
		for i := range all { // side by side, as each waits for what the other wrote
			all[i].AddWide(1)
		}
	}
	meet(t, 1000, func() { all = make([]connstat.Counter, 20) }, add, add, func() {
		for i := range all {
			if got := all[i].Load().Bytes; got != 2 {
				t.Errorf("%d bytes, want 2", got)
			}
		}
	})
}
