package connstat

import (
	"sync"
	"sync/atomic"
)

// A counter counts the bytes and the operations of one direction. Both are
// packed into one word, so that a call costs one atomic addition; most
// processors do nothing on this path that is slower. When a part of the word is
// half full, its contents move to the wide part.
//
// The word overflows only if, between two steps of one spill, others add
// another 33 million operations or 128 GiB.
type counter struct {
	packed atomic.Uint64 // bytes above operationBits, operations below
	wide   atomic.Pointer[wide]
}

const (
	operationBits = 26
	operationMask = 1<<operationBits - 1
	// spillMask has the highest bit of each part.
	spillMask = 1<<63 | 1<<(operationBits-1)
	// maxPacked bounds what one addition can bring.
	maxPacked = 1 << 36
)

// wide holds what was spilled from a counter.
type wide struct {
	mu   sync.Mutex // guards flow, and moves between it and packed
	flow Flow
}

// Flow is a reading of one direction.
type Flow struct{ Bytes, Operations int64 }

// raise makes f at least to, and returns by how much it grew.
func (f *Flow) raise(to Flow) Flow {
	grew := Flow{max(0, to.Bytes-f.Bytes), max(0, to.Operations-f.Operations)}
	f.plus(grew)
	return grew
}

func (f *Flow) plus(more Flow) {
	f.Bytes += more.Bytes
	f.Operations += more.Operations
}

func unpack(word uint64) Flow {
	return Flow{int64(word >> operationBits), int64(word & operationMask)} //nolint:gosec // both parts are below 1<<38
}

// add counts operations that moved n bytes, with 0 <= n < maxPacked. It reports
// whether a call of spill is due.
func (c *counter) add(n int64, operations uint64) (due bool) {
	return c.packed.Add(uint64(n)<<operationBits|operations)&spillMask != 0 //nolint:gosec // n is not negative
}

// addWide counts n bytes, of any number, and no operation.
func (c *counter) addWide(n int64) {
	w := c.widen()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.flow.Bytes += n
}

// widen returns the wide part, made at first use.
func (c *counter) widen() *wide {
	if w := c.wide.Load(); w != nil {
		return w
	}
	c.wide.CompareAndSwap(nil, new(wide))
	return c.wide.Load()
}

// spill moves the word to the wide part. It does not wait: if another goroutine
// is at it, or reads, the next operation tries again.
func (c *counter) spill() {
	w := c.widen()
	if !w.mu.TryLock() {
		return
	}
	defer w.mu.Unlock()
	word := c.packed.Load()
	f := unpack(word)
	w.flow.Bytes += f.Bytes
	w.flow.Operations += f.Operations
	c.packed.Add(-word)
}

// load reads the counter. It never goes back from one call to the next.
func (c *counter) load() Flow {
	word := c.packed.Load()
	w := c.wide.Load()
	if w == nil {
		return unpack(word) // nothing had been spilled when word was read
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	f := unpack(c.packed.Load())
	return Flow{w.flow.Bytes + f.Bytes, w.flow.Operations + f.Operations}
}
