package live

import "sync/atomic"

// ringSize is how many connections that ended, and how many dials that failed, are
// kept: as values, which keep neither a connection nor its span.
const ringSize = 256

// A ring has the latest values. What adds to it waits for nobody.
type ring[T any] struct {
	slots [ringSize]atomic.Pointer[T]
	next  atomic.Int64
}

func (r *ring[T]) add(v *T) { r.slots[(r.next.Add(1)-1)%ringSize].Store(v) }

// latest returns what is kept, latest first. What is added meanwhile may take the
// place of something that is older.
func (r *ring[T]) latest() (all []*T, count int64) {
	count = r.next.Load()
	for i := count - 1; i >= max(0, count-ringSize); i-- {
		if v := r.slots[i%ringSize].Load(); v != nil {
			all = append(all, v)
		}
	}
	return all, count
}
