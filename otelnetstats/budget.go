package otelnetstats

import "sync/atomic"

// A budget bounds how many names metrics tell apart: servers, or names that are
// looked up. A name that has never answered does not count against the cap, as
// names that do not exist are often a stranger's choice, and would use it up. It
// counts against a smaller one, until it answers.
//
// Its methods are called with a lock held, but for named.
type budget struct {
	max        int
	answered   atomic.Int64 // how many names have
	unanswered int          // how many have not
}

// admitted is a name within the budget.
type admitted struct {
	settled atomic.Bool // it has answered, and counts for what it will count for ever
}

// named is how many names have answered.
func (b *budget) named() int64 { return b.answered.Load() }

// full reports whether no more names that answer are admitted.
func (b *budget) full() bool { return b.answered.Load() >= int64(b.max) }

// maxUnanswered is the cap on names that have never answered.
func (b *budget) maxUnanswered() int { return (b.max + 3) / 4 }

// admit reports whether there is room for a new name.
func (b *budget) admit(a *admitted, answered bool) bool {
	switch {
	case b.full():
		return false
	case answered:
		b.answered.Add(1)
		a.settled.Store(true)
	case b.unanswered >= b.maxUnanswered():
		return false
	default:
		b.unanswered++
	}
	return true
}

// answer notes that a name answered. Past the cap it goes on counting as one that
// has not: what it costs is there.
func (b *budget) answer(a *admitted) {
	if a.settled.Swap(true) || b.full() {
		return
	}
	b.answered.Add(1)
	b.unanswered--
}
