package connstat

import "sync"

// dropped has the connections that the garbage collector found unclosed. What
// ends them runs in a goroutine that exists only while there are any: an Owner
// may call user code, and the runtime's cleanup goroutine is shared by the
// whole program.
var dropped struct {
	mu      sync.Mutex // held for a few instructions only
	queue   []*Record
	running bool
}

// Dropped ends the connection as leaked, in another goroutine, if nothing ended
// it before. It is what runtime.AddCleanup calls when the watched connection
// is gone.
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
