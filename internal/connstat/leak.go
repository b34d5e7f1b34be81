package connstat

import (
	"runtime"
	"sync"
)

// dropped has the connections that the garbage collector found unclosed. What
// ends them runs in a goroutine that exists only while there are any: an Owner
// may call user code, and the runtime's cleanup goroutine is shared by the
// whole program.
var dropped struct {
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

// Dropped ends the connection as leaked, in another goroutine, if nothing ended
// it before.
func (r *Record) Dropped() {
	if r.Ended() {
		return
	}
	dropped.mu.Lock()
	defer dropped.mu.Unlock()
	dropped.queue = append(dropped.queue, r)
	if !dropped.running {
		dropped.running = true
		go endDropped()
	}
}

func endDropped() {
	for batch := takeDropped(); batch != nil; batch = takeDropped() {
		for _, r := range batch {
			r.End(Leaked)
		}
	}
}

// takeDropped empties the queue. With nil the calling goroutine must end.
func takeDropped() []*Record {
	dropped.mu.Lock()
	defer dropped.mu.Unlock()
	batch := dropped.queue
	dropped.queue = nil
	dropped.running = batch != nil
	return batch
}
