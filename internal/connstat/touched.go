package connstat

import (
	"slices"
	"sync"
	"time"
)

// touched are the connections that moved something since they were last folded.
// Each is put in by the first call that moves something after that, so that the
// calls themselves need not write to anything that connections share.
type touched struct {
	mu      sync.Mutex // guards list; held for a few instructions only
	list    []*Record
	compact int // the length at which ended connections are thrown out
}

const minCompact = 64

// remember has r folded by the next Fold. It reports false if r has ended: then
// there may be no next Fold.
func (s *OpenSet) remember(r *Record) bool {
	if r.Ended() {
		return false
	}
	t := &s.touched
	t.mu.Lock()
	defer t.mu.Unlock()
	t.list = append(t.list, r)
	if len(t.list) >= max(t.compact, minCompact) {
		t.throwOut()
	}
	return true
}

// throwOut drops the connections that ended, so that the list stays within
// twice the number of open ones where nobody collects metrics.
func (t *touched) throwOut() {
	open := t.list[:0]
	for _, r := range t.list {
		if !r.Ended() {
			open = append(open, r)
			continue
		}
		r.quiet.end() // before it is folded, so that no later call is missed
		r.fold()
	}
	clear(t.list[len(open):])
	t.list = open
	t.compact = 2 * len(open)
}

// Fold brings all Totals up to date.
func (s *OpenSet) Fold() {
	s.foldMu.Lock()
	defer s.foldMu.Unlock()
	s.touched.mu.Lock()
	list := s.touched.list
	s.touched.list = nil
	s.touched.mu.Unlock()
	if len(list) == 0 {
		return
	}
	s.foldAll(list, Now())
}

// foldBatch is how many records are folded while foldedMu is held: a connection that
// ends meanwhile waits for no more.
const foldBatch = 32

func (s *OpenSet) foldAll(list []*Record, now time.Time) {
	var all []*Totals
	for batch := range slices.Chunk(list, foldBatch) {
		s.foldedMu.Lock()
		for _, r := range batch {
			r.quiet.end() // before it is folded, so that no later call is missed
			all = r.foldLater(all)
			r.active.set(now.Sub(r.Opened))
		}
		s.foldedMu.Unlock()
	}
	for _, t := range all {
		t.received.add(t.due.received)
		t.sent.add(t.due.sent)
		t.due = due{}
	}
}
