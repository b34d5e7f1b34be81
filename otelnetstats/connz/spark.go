package connz

import (
	"math"
	"sync"
	"time"
)

const (
	// sparkSlots are kept, each of sparkSlot: what moved in the last two minutes.
	sparkSlots = 60
	sparkSlot  = 2 * time.Second
	// maxSparks bounds how many connections have one.
	maxSparks = 2048
)

// A spark is what a connection moved in the last minutes, from when it was first
// shown. It is safe for concurrent use.
type spark struct {
	mu             sync.Mutex // guards all below
	last           int64      // the slot that was written last, counted from the epoch
	received, sent [sparkSlots]float32
}

// add notes the rate since the look before.
func (s *spark) add(from, to time.Time, r rates) {
	s.mu.Lock()
	defer s.mu.Unlock()
	last := slotOf(to)
	for slot := max(slotOf(from), s.last+1, last-sparkSlots+1); slot <= last; slot++ {
		n := slot % sparkSlots
		s.received[n], s.sent[n] = float32(r.received), float32(r.sent)
	}
	s.last = last
}

// all returns the slots until the given time, oldest first.
func (s *spark) all(now time.Time) (received, sent [sparkSlots]float32) {
	s.mu.Lock()
	defer s.mu.Unlock()
	end := slotOf(now)
	for n := range int64(sparkSlots) {
		if slot := end - sparkSlots + 1 + n; slot <= s.last && slot > s.last-sparkSlots {
			received[n], sent[n] = s.received[slot%sparkSlots], s.sent[slot%sparkSlots]
		}
	}
	return received, sent
}

func slotOf(t time.Time) int64 {
	return max(0, t.UnixNano()/int64(sparkSlot))
}

// tallest is the largest of them.
func tallest(all ...[sparkSlots]float32) float32 {
	var most float32
	for _, values := range all {
		for _, v := range values {
			most = max(most, v)
		}
	}
	return most
}

// height is a part of most, in whole units of at most full, and at least one if there
// is anything.
func height(v, most, full float64) int {
	if v <= 0 || most <= 0 {
		return 0
	}
	return max(1, int(math.Round(v/most*full)))
}
