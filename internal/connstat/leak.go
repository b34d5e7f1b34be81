package connstat

import (
	"runtime"
	"sync"
)

// maxDropped bounds how many connections of one OpenSet wait to be ended: an
// Owner may call user code, which may not return.
const maxDropped = 4096

// dropped are the connections of an OpenSet that the garbage collector found
// unclosed. Their owners are told in a goroutine that exists only while there
// are any: an Owner may call user code, and the runtime's cleanup goroutine is
// shared by the whole program. Each OpenSet has one of its own, so that one
// owner's code holds up no other's.
type dropped struct {
	mu      sync.Mutex // held for a few instructions only
	queue   []*Record
	running bool
}

// EndWith has r end as leaked if conn, the connection that it counts, is
// collected as garbage before r has ended. conn is the connection that keeps
// what it needs to be closed, not a wrapper that may be dropped on its own.
func EndWith[T any](r *Record, conn *T) {
	r.leak = runtime.AddCleanup(conn, (*Record).Dropped, r)
}

// Dropped ends the connection as leaked, if nothing ended it before. The owner
// is told in another goroutine; if too many wait there already, it is not, and
// the connection is only taken out of the numbers.
func (r *Record) Dropped() {
	if !r.endAs(Leaked) {
		return
	}
	r.fold()
	if !r.set.dropped.add(r) {
		r.set.Remove(r)
	}
}

func (d *dropped) add(r *Record) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) >= maxDropped {
		return false
	}
	d.queue = append(d.queue, r)
	if !d.running {
		d.running = true
		InTurn(d.take, (*Record).ended)
	}
	return true
}

// take returns the next one. If there is none, the calling goroutine must end.
func (d *dropped) take() (next *Record, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.queue) == 0 {
		d.queue, d.running = nil, false
		return nil, false
	}
	next, d.queue[0] = d.queue[0], nil
	d.queue = d.queue[1:]
	return next, true
}
