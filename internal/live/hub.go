package live

import (
	"sync/atomic"
	"time"
	"weak"
)

// A Hub takes what its Tracker tells, from the first Handler on. It is safe for
// concurrent use.
type Hub struct {
	source  Source
	since   time.Time
	ended   ring[Ended]
	failed  ring[Failed]
	fails   atomic.Uint64
	history history
	tally   tally
}

// A Source is a Tracker, as its Hub asks it.
type Source interface {
	// Down reports whether it was shut down.
	Down() bool
	// Totals brings the totals up to date. Those of failed dials are the Hub's.
	Totals() Totals
	// Conns calls yield with each open connection, until that returns false.
	Conns(yield func(Conn) bool)
	// Now is its clock.
	Now() time.Time
}

// Of returns the Hub of an *otelnetstats.Tracker, which it makes if there is none;
// nil for a Tracker that tracks nothing. Package otelnetstats sets it.
var Of func(tracker any) *Hub

// NewHub returns a Hub that samples the totals from now on.
func NewHub(source Source) *Hub {
	h := &Hub{source: source, since: source.Now()}
	h.history.add(h.Totals(), coarse)
	sampleAfter(weak.Make(h))
	return h
}

// sampleAfter has the totals sampled after a while, and so on, as long as there is
// a Hub and its Tracker works. The timer is never touched from elsewhere: it may
// belong to a bubble of testing/synctest.
func sampleAfter(hub weak.Pointer[Hub]) {
	time.AfterFunc(coarse, func() {
		if h := hub.Value(); h != nil && !h.source.Down() {
			h.history.add(h.Totals(), coarse)
			sampleAfter(hub)
		}
	})
}

// Since is when the Hub began to take notes.
func (h *Hub) Since() time.Time { return h.since }

// Now is the Tracker's clock.
func (h *Hub) Now() time.Time { return h.source.Now() }

// Down reports whether the Tracker was shut down.
func (h *Hub) Down() bool { return h.source.Down() }

// Conns calls yield with each open connection, until that returns false.
func (h *Hub) Conns(yield func(Conn) bool) { h.source.Conns(yield) }

// Totals are those of now.
func (h *Hub) Totals() Totals {
	t := h.source.Totals()
	t.At, t.Failed = h.source.Now(), int64(h.fails.Load()) //nolint:gosec // there are fewer
	return t
}

// Look returns the totals of now and notes them, as somebody looks.
func (h *Hub) Look() Totals {
	t := h.Totals()
	h.history.add(t, fine)
	return t
}

// History is how the totals were in the last minutes, oldest first.
func (h *Hub) History() []Totals { return h.history.all() }

// End takes a connection that ended.
func (h *Hub) End(e *Ended) {
	h.ended.add(e)
	h.tally.end(e)
}

// Fail takes a dial that failed, and numbers it.
func (h *Hub) Fail(f *Failed) {
	f.ID = h.fails.Add(1)
	h.failed.add(f)
	h.tally.fail(f)
}

// Ended are the latest connections that ended, latest first, and how many there
// were since the Hub was made.
func (h *Hub) Ended() ([]*Ended, int64) { return h.ended.latest() }

// Failed are the latest dials that failed, latest first, and how many there were.
func (h *Hub) Failed() ([]*Failed, int64) { return h.failed.latest() }

// Tally is what ended and what failed, added up.
func (h *Hub) Tally() map[Place]Sums { return h.tally.copy() }
