package connstat

import "sync/atomic"

// Totals is what all connections of one metric set have moved, the closed ones
// included. It only grows. The zero value is empty and ready.
//
// Connections do not write to it as they read and write. What they moved is
// folded in when they end and when their [Registry] is folded.
type Totals struct {
	received, sent folded
	open           atomic.Int64
	ended          [reasonCount]atomic.Int64 // by Reason
}

// folded is a sum over connections.
type folded struct{ bytes, operations atomic.Int64 }

func (f *folded) add(d Flow) {
	if d != (Flow{}) { // as in the other direction of many a connection
		f.bytes.Add(d.Bytes)
		f.operations.Add(d.Operations)
	}
}

func (f *folded) load() Flow { return Flow{f.bytes.Load(), f.operations.Load()} }

// Flows is what was folded in so far. On packet connections, operations are
// packets.
func (t *Totals) Flows() (received, sent Flow) { return t.received.load(), t.sent.load() }

// Open is the number of connections opened and not yet ended.
func (t *Totals) Open() int64 { return t.open.Load() }

// Ended is the number of connections that ended with the given reason.
func (t *Totals) Ended(reason Reason) int64 { return t.ended[reason].Load() }

// folding is how much of a connection is in its Totals.
type folding struct{ received, sent foldedPart }

type foldedPart struct{ bytes, operations atomic.Int64 }

// advance raises the part to f and returns by how much it grew. Concurrent
// calls share the growth out among them.
func (p *foldedPart) advance(f Flow) Flow {
	return Flow{storeMax(&p.bytes, f.Bytes), storeMax(&p.operations, f.Operations)}
}

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
