package connstat

import "github.com/netstats-go/netstats/internal/tcpinfo"

// Counter is a counter whose packed word tests can see and set.
type Counter struct{ counter }

func (c *Counter) Add(n int64, operations uint64) (due bool) { return c.add(n, operations) }
func (c *Counter) AddWide(n int64)                           { c.addWide(n) }
func (c *Counter) Spill()                                    { c.spill() }
func (c *Counter) Load() Flow                                { return c.load() }

// Packed is what has not been spilled.
func (c *Counter) Packed() Flow { return unpack(c.packed.Load()) }

// HoldWide has spills find the wide part in use until release is called.
func (c *Counter) HoldWide() (release func()) {
	w := c.widen()
	w.mu.Lock()
	return w.mu.Unlock
}

// Touched is the length of the list of connections to be folded.
func (s *OpenSet) Touched() int {
	s.touched.mu.Lock()
	defer s.touched.mu.Unlock()
	return len(s.touched.list)
}

// Turn takes the next connections to be sampled.
func (s *OpenSet) Turn(limit int) []*Record { return s.turn(limit) }

// MinCompact is the length of that list up to which nothing is thrown out.
const MinCompact = minCompact

// AsSampled has the set take r for one that is sampled.
func (r *Record) AsSampled() { r.Reconcile(new(tcpinfo.Socket)) }

// Closing closes a connection whose Close does nothing.
func (r *Record) Closing() { _ = r.Close(func() error { return nil }, nil) }

// MaxDropped bounds the dropped connections that wait to be told of.
const MaxDropped = maxDropped

// Dropped is how many wait.
func (s *OpenSet) Dropped() int {
	s.dropped.mu.Lock()
	defer s.dropped.mu.Unlock()
	return len(s.dropped.queue)
}
