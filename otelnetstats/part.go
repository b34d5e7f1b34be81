package otelnetstats

import (
	"context"
	"slices"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
)

// The budget of events on a span. The SDK drops the oldest events past 128, so
// what is kept here, with open and close, stays below that.
const (
	firstRuns  = 24
	lastRuns   = 24
	firstMarks = 8
	lastMarks  = 24
)

// A part is a stretch of a connection's life that has a span of its own: all of
// it, unless it is long. It is what the span is built from.
type part struct {
	number int32            // from 1
	tcp    bool             // the kernel was asked
	before [2]connstat.Flow // what had moved by then, by direction
	runs   runs
	marked *marked // nil if it has no mark
	linked *links  // nil if no span had to do with it but the one below

	begun       trace.SpanID  // its span was linked to this one at its start
	rtt         time.Duration // when the kernel was last asked
	retransmits int64         // in the part, as far as it was
}

// A laterSpan is the span of a part that is not the first.
type laterSpan struct {
	span trace.Span
	ctx  context.Context // a background context with the span
}

// A run is a number of calls in one direction with none in the other between
// them.
type run struct {
	at         time.Duration // since open
	lasted     time.Duration // until the turn
	bytes      int64
	operations uint32
	direction  connstat.Direction
}

// runs are the first and the last ones.
type runs struct {
	first      []run
	last       []run // a ring once full, the oldest at next
	next       int
	suppressed suppressed
}

// suppressed is what the budget left out.
type suppressed struct {
	events int64
	bytes  [2]int64 // by direction
}

func (rs *runs) add(r run) {
	switch {
	case len(rs.first) < firstRuns:
		rs.first = append(roomFor(rs.first, firstRuns), r)
	case len(rs.last) < lastRuns:
		rs.last = append(roomFor(rs.last, lastRuns), r)
	default:
		rs.suppressed.events++
		rs.suppressed.bytes[rs.last[rs.next].direction] += rs.last[rs.next].bytes
		rs.last[rs.next] = r
		rs.next = (rs.next + 1) % lastRuns
	}
}

// all returns those that are kept, in order of time.
func (rs *runs) all() []run {
	all := make([]run, 0, len(rs.first)+len(rs.last))
	all = append(all, rs.first...)
	all = append(all, rs.last[rs.next:]...)
	return append(all, rs.last[:rs.next]...)
}

// marked is what marks leave in a part. They are in the connection's history, which
// has the latest ones.
type marked struct {
	before marksMade // in the connection's life
	first  []mark    // of the part, before the history loses them
}

// add notes the mark that was just made.
func (p *part) add(h *history, m mark) {
	made := h.marksMade()
	if p.marked == nil {
		p.marked = &marked{before: made.less(m)}
	}
	if made.count-p.marked.before.count == maxLaps {
		p.marked.first = slices.Clone(h.recent(maxLaps)[:firstMarks])
	}
}

// marks returns those that are kept, in order of time, and what is left out.
func (p *part) marks(h *history) (kept []mark, left marksMade) {
	if p.marked == nil {
		return nil, marksMade{}
	}
	left = h.marksMade().sub(p.marked.before)
	kept = h.recent(min(left.count, maxLaps))
	if first := firstMarks; left.count > first+lastMarks {
		if p.marked.first != nil {
			first = copy(kept, p.marked.first)
		}
		kept = slices.Delete(kept, first, len(kept)-lastMarks)
	}
	for i := range kept {
		left = left.less(kept[i])
	}
	return kept, left
}

// links returns the spans that the part's is to be linked to.
func (p *part) links() []trace.SpanContext {
	if p.linked == nil {
		return nil
	}
	return p.linked.to
}

// link notes that a span has to do with the part. It reports whether that one is to be
// linked to the part's.
func (p *part) link(by trace.SpanContext) (back bool) {
	if p.linked == nil {
		p.linked = &links{begun: p.begun}
	}
	return p.linked.add(by)
}

// A summary is what a part amounts to when it ends.
type summary struct {
	number      int
	span        trace.Span
	until       time.Duration    // since open
	whole       [2]connstat.Flow // what the connection had moved by then
	moved       [2]connstat.Flow // in the part
	runs        []run            // in order of time
	suppressed  suppressed
	marks       []mark // in order of time
	unmarked    marksMade
	links       []trace.SpanContext
	tcp         bool // what follows is known
	rtt         time.Duration
	retransmits int64
}

func (p *part) sum(h *history, now time.Duration, noted [2]connstat.Flow) summary {
	s := summary{
		number:      int(p.number),
		until:       now,
		whole:       noted,
		runs:        p.runs.all(),
		suppressed:  p.runs.suppressed,
		links:       p.links(),
		tcp:         p.tcp,
		rtt:         p.rtt,
		retransmits: p.retransmits,
	}
	for d := range noted {
		s.moved[d] = connstat.Flow{Bytes: noted[d].Bytes - p.before[d].Bytes, Operations: noted[d].Operations - p.before[d].Operations}
	}
	s.marks, s.unmarked = p.marks(h)
	s.suppressed.events += int64(s.unmarked.count)
	return s
}

// maxLinks bounds the links on one span: the SDK keeps 128 and evicts the oldest,
// which may be the user's own.
const maxLinks = 32

// links are the spans that marked a part, or had requests in it.
type links struct {
	begun trace.SpanID        // the part's span is linked to this one already
	back  bool                // which is linked to the part's, too
	to    []trace.SpanContext // the first others, which the part's span will be linked to
	late  []trace.SpanID      // the latest others, a ring once full
	next  int
}

// add notes that a span marked. It reports whether that is to be linked to the
// part's: once, as far as can be told from the latest ones.
func (l *links) add(by trace.SpanContext) (back bool) {
	id := by.SpanID()
	if id == l.begun {
		back, l.back = !l.back, true
		return back
	}
	if slices.ContainsFunc(l.to, func(to trace.SpanContext) bool { return to.SpanID() == id }) || slices.Contains(l.late, id) {
		return false
	}
	switch {
	case len(l.to) < l.most():
		l.to = append(roomFor(l.to, maxLinks), by)
	case len(l.late) < maxLinks:
		l.late = append(roomFor(l.late, maxLinks), id)
	default:
		l.late[l.next] = id
		l.next = (l.next + 1) % maxLinks
	}
	return true
}

// most is how many links the part's span can get.
func (l *links) most() int {
	if l.begun.IsValid() {
		return maxLinks - 1
	}
	return maxLinks
}
