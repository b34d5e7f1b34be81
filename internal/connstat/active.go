package connstat

import (
	"math"
	"time"
)

// activity is when a connection was last found to have moved something: in tenths
// of a second since it was opened, plus one. Calls have no clock to look at; it is
// noted when they are folded, and so late by up to the time between two folds.
type activity struct{ word uint32 }

const tenth = time.Second / 10

// set notes that something had moved by then. A bubble's clock may be far off.
func (a *activity) set(sinceOpened time.Duration) {
	tenths := min(max(0, sinceOpened/tenth), math.MaxUint32-1)
	a.word = uint32(tenths) + 1 //nolint:gosec // bounded above
}

// Active is when the connection was last found to have moved something, zero if
// it never was. It is [OpenSet.Fold] that finds out, so the time is that of a fold:
// what moved, moved after the fold before it.
func (r *Record) Active() time.Time {
	r.set.foldedMu.Lock()
	word := r.active.word
	r.set.foldedMu.Unlock()
	if word == 0 {
		return time.Time{}
	}
	return r.Opened.Add(time.Duration(word-1) * tenth)
}

// PeerDone reports whether the peer's end of stream was read, and no end of this
// side's direction has followed.
func (r *Record) PeerDone() bool { return r.state.Load()&(stateReadFIN|stateSentFIN) == stateReadFIN }
