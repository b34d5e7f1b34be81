package connstat

import "sync/atomic"

// Totals is what all connections of one metric set have moved, the closed ones
// included. It only grows. The zero value is empty and ready.
//
// Connections do not write to it as they read and write. What they moved is
// folded in when they end and when their [OpenSet] is folded.
type Totals struct {
	received, sent sum
	open           atomic.Int64
	ended          [reasonCount]atomic.Int64 // by Reason
	due            due
}

// due is what an [OpenSet.Fold] under way has found and not yet added: it adds once
// for all connections of the set. The OpenSet's foldMu guards it.
type due struct {
	received, sent Flow
	listed         bool
}

// A sum is what moved in one direction.
type sum struct{ bytes, operations atomic.Int64 }

func (s *sum) add(f Flow) {
	if f != (Flow{}) { // as in the other direction of many a connection
		s.bytes.Add(f.Bytes)
		s.operations.Add(f.Operations)
	}
}

func (s *sum) load() Flow { return Flow{s.bytes.Load(), s.operations.Load()} }

// Flows is what was folded in so far. On packet connections, operations are
// packets.
func (t *Totals) Flows() (received, sent Flow) { return t.received.load(), t.sent.load() }

// Open is the number of connections opened and not yet ended.
func (t *Totals) Open() int64 { return t.open.Load() }

// Ended is the number of connections that ended with the given reason.
func (t *Totals) Ended(reason Reason) int64 { return t.ended[reason].Load() }

// storeMax raises a to v and returns by how much it grew.
func storeMax(a *atomic.Int64, v int64) (grew int64) {
	for {
		old := a.Load()
		if v <= old {
			return 0
		}
		if a.CompareAndSwap(old, v) {
			return v - old
		}
	}
}
