package connstat

import "sync"

// An OpenSet holds the open connections of a tracker. The zero value is empty
// and ready. It is safe for concurrent use.
type OpenSet struct {
	mu sync.Mutex // guards the rings and the links of the records in them; held for a few instructions only
	// plain and sampled are rings by age; sampled has the connections whose
	// sent bytes are taken from the kernel, too, longest unsampled first.
	plain, sampled ring
	n              int
	closed         bool
	empty          chan struct{} // made by Close; closed when all are removed

	foldMu  sync.Mutex // held by Fold, so that each caller finds all folded
	touched touched

	foldedMu sync.Mutex // guards folded and active of all records; held for a few instructions, or foldBatch records
	dropped  dropped
}

// links are a record's place in a ring.
type links struct {
	next, prev *Record
	ring       *ring
}

// A ring is a doubly linked list with its first element known.
type ring struct{ head *Record }

func (s *ring) push(r *Record) {
	if s.head == nil {
		s.head, r.next, r.prev = r, r, r
	} else {
		tail := s.head.prev
		r.prev, r.next = tail, s.head
		tail.next, s.head.prev = r, r
	}
	r.ring = s
}

func (s *ring) remove(r *Record) {
	if r.next == r {
		s.head = nil
	} else {
		r.prev.next, r.next.prev = r.next, r.prev
		if s.head == r {
			s.head = r.next
		}
	}
	r.next, r.prev, r.ring = nil, nil, nil
}

// Add puts r in, unless it has ended already. It reports false if the set
// is closed.
func (s *OpenSet) Add(r *Record) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	if r.Ended() {
		return true
	}
	if r.Reconciled() {
		s.sampled.push(r)
	} else {
		s.plain.push(r)
	}
	s.n++
	return true
}

// Remove takes r out, if it is in.
func (s *OpenSet) Remove(r *Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.ring == nil {
		return
	}
	r.ring.remove(r)
	s.n--
	s.tellEmpty()
}

// tellEmpty is called with the lock held.
func (s *OpenSet) tellEmpty() {
	if s.n == 0 && s.empty != nil {
		close(s.empty)
		s.empty = nil
	}
}

// Open returns the open connections, oldest first within each kind.
func (s *OpenSet) Open() []*Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.list()
}

// Close has Add refuse from now on, and returns the connections that are in, and
// a channel that is closed when none is any more. It is called once.
func (s *OpenSet) Close() ([]*Record, <-chan struct{}) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	empty := make(chan struct{})
	s.empty = empty
	all := s.list()
	s.tellEmpty()
	return all, empty
}

func (s *OpenSet) list() []*Record {
	all := make([]*Record, 0, s.n)
	for _, ring := range []*ring{&s.plain, &s.sampled} {
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
func (s *OpenSet) Sample(limit int) {
	for _, r := range s.turn(limit) {
		r.Sample()
	}
}

// turn takes the first records of the sampled ring and moves them to its end.
func (s *OpenSet) turn(limit int) []*Record {
	s.mu.Lock()
	defer s.mu.Unlock()
	var batch []*Record
	for r := s.sampled.head; r != nil && len(batch) < limit; r = r.next {
		batch = append(batch, r)
		if r.next == s.sampled.head {
			break
		}
	}
	if n := len(batch); n > 0 {
		s.sampled.head = batch[n-1].next // a ring turns by moving its head
	}
	return batch
}
