package connstat

import "time"

// maxParting bounds the bytes that are taken for a goodbye: a TLS alert has 24 to
// 69 of them.
const maxParting = 128

// deadlinePassed notes that a call found its deadline passed. It allocates
// nothing, as programs poll with deadlines.
func (r *Record) deadlinePassed(d Direction) {
	r.stalled.Store(r.moved() + 1) // never 0
	r.state.And(^(stateHeldUp | stateParting | stateParted))
	if d == Sent {
		r.state.Or(stateHeldUp)
	}
}

// DeadlineSet notes a SetDeadline or a SetReadDeadline: who sets one after one
// passed goes on. net/http, for one, interrupts its reads by a deadline in 1970.
func (r *Record) DeadlineSet() {
	if r.stalled.Load() != 0 {
		r.stalled.Store(0)
	}
}

// WriteDeadlineSet notes a SetWriteDeadline. After a read found its deadline
// passed, that need not be to go on: a *tls.Conn that is closed sets one, says
// goodbye to the peer, and ends its writing by another one that has passed.
func (r *Record) WriteDeadlineSet(t time.Time) {
	switch {
	case t.IsZero():
		r.DeadlineSet()
	case r.stalled.Load() != 0:
		r.writeDeadlineSet(Since(t) >= 0)
	}
}

func (r *Record) writeDeadlineSet(passed bool) {
	if r.state.Load()&stateHeldUp != 0 {
		r.stalled.Store(0)
		return
	}
	since := r.moved() + 1 - r.stalled.Load()
	switch {
	case passed && since <= maxParting && r.state.Load()&stateParting != 0:
		r.state.Or(stateParted)
	case !passed && since == 0:
		r.state.Or(stateParting)
	}
}

// timedOut reports whether a passed deadline was the last thing that happened,
// but for a goodbye.
func (r *Record) timedOut() bool {
	stalled := r.stalled.Load()
	if stalled == 0 {
		return false
	}
	since := r.moved() + 1 - stalled
	return since == 0 || since <= maxParting && r.state.Load()&stateParted != 0
}
