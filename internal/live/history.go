package live

import (
	"sync"
	"time"
)

const (
	// coarse is between two samples of the totals, with nobody looking, and fine at
	// least, with somebody.
	coarse = 5 * time.Second
	fine   = 900 * time.Millisecond
	// keep is how long the samples are kept, and keepFine all of them.
	keep     = 10 * time.Minute
	keepFine = 2 * time.Minute
)

// history is how totals were. It has at most keep/coarse + keepFine/fine of them.
type history struct {
	mu           sync.Mutex // guards all below
	coarse, fine []Totals   // oldest first
}

// add notes the totals, unless there are some that are younger than interval.
func (h *history) add(t Totals, interval time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if interval == coarse {
		h.coarse = shift(h.coarse, t, keep, interval)
	} else if n := len(h.fine); n == 0 || t.At.Sub(h.fine[n-1].At) >= interval {
		h.fine = shift(h.fine, t, keepFine, interval)
	}
}

// shift appends t, and drops what is too old.
func shift(all []Totals, t Totals, keep, interval time.Duration) []Totals {
	most := int(keep / interval)
	drop := max(0, len(all)+1-most)
	for drop < len(all) && t.At.Sub(all[drop].At) > keep {
		drop++
	}
	if drop > 0 {
		all = all[:copy(all, all[drop:])]
	}
	return append(all, t)
}

// all merges the two by time.
func (h *history) all() []Totals {
	h.mu.Lock()
	defer h.mu.Unlock()
	merged := make([]Totals, 0, len(h.coarse)+len(h.fine))
	fine := h.fine
	for _, c := range h.coarse {
		for len(fine) > 0 && fine[0].At.Before(c.At) {
			merged, fine = append(merged, fine[0]), fine[1:]
		}
		merged = append(merged, c)
	}
	return append(merged, fine...)
}
