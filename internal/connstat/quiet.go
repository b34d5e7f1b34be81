package connstat

import "sync/atomic"

// quiet says in which directions a call is only counted, and nobody told of it:
// the OpenSet knows that there is something to fold, and no watcher asks. It is
// one word, so that a call has one thing to look at.
//
// A direction is quiet only while the OpenSet has the record listed. Clearing
// is always safe, as the next call sets again what is right.
type quiet struct{ word atomic.Uint32 }

const (
	quietReceived = 1 << Received
	quietSent     = 1 << Sent
	listed        = 1 << 2 // the OpenSet is to fold the record
)

// in reports whether calls in direction d are only counted.
func (q *quiet) in(d Direction) bool { return q.word.Load()&(1<<d) != 0 }

// list begins the time in which the record is listed. It reports whether it was
// not before.
func (q *quiet) list(directions uint32) bool {
	return q.word.Load() == 0 && q.word.CompareAndSwap(0, listed|directions)
}

// end ends that time.
func (q *quiet) end() { q.word.Store(0) }

// only makes d the one quiet direction, if the record is listed.
func (q *quiet) only(d Direction) {
	for old := q.word.Load(); old != 0; old = q.word.Load() {
		if q.word.CompareAndSwap(old, listed|1<<d) {
			return
		}
	}
}

// none makes no direction quiet.
func (q *quiet) none() { q.word.And(listed) }

// touch has the OpenSet fold the connection, or does so itself if it ended.
func (r *Record) touch() {
	directions := uint32(quietReceived | quietSent)
	if r.watch != nil {
		directions = 0
	}
	if r.quiet.list(directions) && !r.set.remember(r) {
		r.quiet.end()
		r.fold()
	}
}

// Hush spares the watcher further calls in direction d, until there is one in
// the other direction, or [Record.Rouse]. Now and then it is called nevertheless.
// It is the watcher's to call, not by two goroutines at once.
func (r *Record) Hush(d Direction) {
	if !r.each {
		r.quiet.only(d)
	}
}

// Rouse ends what Hush began.
func (r *Record) Rouse() { r.quiet.none() }
