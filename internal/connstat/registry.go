package connstat

import "sync"

// A Registry holds the open connections of a tracker. The zero value is empty
// and ready. It is safe for concurrent use.
type Registry struct {
	mu sync.Mutex // guards the rings and the links of the records in them; held for a few instructions only
	// plain and sampled are rings by age; sampled has the connections whose
	// sent bytes are taken from the kernel, too, longest unsampled first.
	plain, sampled ring
	n              int
	closed         bool
	empty          chan struct{} // made by Close; closed when all are removed

	folding sync.Mutex // held by Fold, so that each caller finds all folded
	touched touched
	dropped dropped
}

// links are a record's place in a ring.
type links struct {
	next, prev *Record
	ring       *ring
}

// A ring is a doubly linked list with its first element known.
type ring struct{ head *Record }

func (g *ring) push(r *Record) {
	if g.head == nil {
		g.head, r.next, r.prev = r, r, r
	} else {
		tail := g.head.prev
		r.prev, r.next = tail, g.head
		tail.next, g.head.prev = r, r
	}
	r.ring = g
}

func (g *ring) remove(r *Record) {
	if r.next == r {
		g.head = nil
	} else {
		r.prev.next, r.next.prev = r.next, r.prev
		if g.head == r {
			g.head = r.next
		}
	}
	r.next, r.prev, r.ring = nil, nil, nil
}

// Add puts r in, unless it has ended already. It reports false if the registry
// is closed.
func (g *Registry) Add(r *Record) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return false
	}
	if r.Ended() {
		return true
	}
	if r.Reconciled() {
		g.sampled.push(r)
	} else {
		g.plain.push(r)
	}
	g.n++
	return true
}

// Remove takes r out, if it is in.
func (g *Registry) Remove(r *Record) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if r.ring == nil {
		return
	}
	r.ring.remove(r)
	g.n--
	g.tellEmpty()
}

// tellEmpty is called with the lock held.
func (g *Registry) tellEmpty() {
	if g.n == 0 && g.empty != nil {
		close(g.empty)
		g.empty = nil
	}
}

// Open returns the open connections, oldest first within each kind.
func (g *Registry) Open() []*Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.list()
}

// Close has Add refuse from now on, and returns the connections that are in, and
// a channel that is closed when none is any more. It is called once.
func (g *Registry) Close() ([]*Record, <-chan struct{}) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	empty := make(chan struct{})
	g.empty = empty
	all := g.list()
	g.tellEmpty()
	return all, empty
}

func (g *Registry) list() []*Record {
	all := make([]*Record, 0, g.n)
	for _, ring := range []*ring{&g.plain, &g.sampled} {
		for r := ring.head; r != nil; r = r.next {
			all = append(all, r)
			if r.next == ring.head {
				break
			}
		}
	}
	return all
}

// Sample asks the kernel about at most limit connections, those first that were
// not asked about for longest.
func (g *Registry) Sample(limit int) {
	for _, r := range g.turn(limit) {
		r.Sample()
	}
}

// turn takes the first records of the sampled ring and moves them to its end.
func (g *Registry) turn(limit int) []*Record {
	g.mu.Lock()
	defer g.mu.Unlock()
	var batch []*Record
	for r := g.sampled.head; r != nil && len(batch) < limit; r = r.next {
		batch = append(batch, r)
		if r.next == g.sampled.head {
			break
		}
	}
	if n := len(batch); n > 0 {
		g.sampled.head = batch[n-1].next // a ring turns by moving its head
	}
	return batch
}
