package otelnetstats

import (
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// A journal notes what a connection with a recording span does. The spans of its
// parts are built from it, each when the part ends.
//
// Sizes are differences of the connection's counters, so whatever calls overlap,
// the runs of a direction add up to what its counter says.
type journal struct {
	rec *connstat.Record

	// direction is that of the current run, plus one; zero if there is none.
	direction atomic.Uint32
	later     atomic.Pointer[laterSpan] // of the live part; nil if that is the first

	mu          sync.Mutex       // guards all below, and changes of direction; no user code runs under it
	current     time.Duration    // when the first call of the current run returned, since open
	noted       [2]connstat.Flow // what is noted, by direction
	retransmits int64            // as far as the kernel was asked
	ended       bool
	part        part    // the live one
	target      *target // the connection's, if its series is not its own

	place place // guarded by the Tracker's parts
}

// moved is told of calls that moved bytes, after they were counted. If the
// direction is another than before, it ends the current run and starts one. It
// need not know of further calls in that direction.
func (j *journal) moved(d connstat.Direction) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if !j.in(d) {
		j.current = j.stop()
		j.direction.Store(uint32(d) + 1)
	}
	j.rec.Hush(d)
}

// in reports whether the current run is in direction d.
func (j *journal) in(d connstat.Direction) bool { return j.direction.Load() == uint32(d)+1 }

// stop ends the current run, if there is one, and returns the time.
func (j *journal) stop() (now time.Duration) {
	now = connstat.Since(j.rec.Opened)
	if old := j.direction.Load(); old != 0 {
		j.note(connstat.Direction(old-1), j.current, now-j.current) //nolint:gosec // 0 or 1
	}
	return now
}

// pause ends the current run, at a mark or at the end of a part, and notes what no
// run has: calls that overlap with turns, and bytes of writev.
func (j *journal) pause() (now time.Duration) {
	now = j.stop()
	j.direction.Store(0)
	j.rec.Rouse()
	j.note(connstat.Received, now, 0)
	j.note(connstat.Sent, now, 0)
	return now
}

// note takes what moved in a direction since it was last noted as a run.
func (j *journal) note(d connstat.Direction, at, lasted time.Duration) {
	before := j.noted[d]
	j.noted[d] = j.rec.Flow(d)
	r := run{
		at: at, lasted: lasted, direction: d,
		bytes:      j.noted[d].Bytes - before.Bytes,
		operations: uint32(j.noted[d].Operations - before.Operations), //nolint:gosec // a run has fewer
	}
	if r.bytes != 0 || r.operations != 0 {
		j.part.runs.add(r)
	}
}

// noteTCP keeps what the kernel said of the connection, and returns how many
// segments it has sent again since it last said so.
func (j *journal) noteTCP(info tcpinfo.Info) (retransmits int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	retransmits = max(0, info.Retransmits-j.retransmits) // two may ask at once
	j.retransmits += retransmits
	j.part.retransmits += retransmits
	j.part.rtt, j.part.tcp = info.RTT, true
	return retransmits
}

// mark makes a mark in the history. It returns the live span, and reports whether
// the marking one is to be linked to that.
func (j *journal) mark(h *history, read func() reading, name string, attrs []attribute.KeyValue, by trace.SpanContext) (m mark, lap Lap, live trace.Span, back bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.pause()
	m, lap = h.add(read, name, attrs, by)
	j.part.add(h, m)
	live, back = j.tie(by)
	return m, lap, live, back
}

// link has the live part linked to a span. It returns the part's, and reports whether
// the other one is to be linked to that.
func (j *journal) link(by trace.SpanContext) (live trace.Span, back bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tie(by)
}

// tie does what link does, with the lock held.
func (j *journal) tie(by trace.SpanContext) (live trace.Span, back bool) {
	live = connOf(j.rec).live()
	sc := live.SpanContext()
	return live, by.IsSampled() && sc.IsSampled() && by.SpanID() != sc.SpanID() && j.part.link(by)
}

// split ends the live part and begins one with the given span. It reports false if
// there is nothing to go on with.
func (j *journal) split(h *history, later *laterSpan) (ended summary, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.ended {
		return summary{}, false
	}
	ended = j.sum(h)
	j.part = part{number: j.part.number + 1, before: j.noted}
	j.later.Store(later)
	return ended, true
}

// soFar is what the live part amounts to now: its events, in order of time within
// each kind, how many of them there was no room for, and its number. The run that
// goes on is among them.
func (j *journal) soFar(h *history) (runs []run, marks []mark, left int64, number int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	runs = j.part.runs.all()
	if old := j.direction.Load(); old != 0 {
		d := connstat.Direction(old - 1) //nolint:gosec // 0 or 1
		now := j.rec.Flow(d)
		runs = append(runs, run{
			at: j.current, lasted: connstat.Since(j.rec.Opened) - j.current, direction: d,
			bytes:      now.Bytes - j.noted[d].Bytes,
			operations: uint32(now.Operations - j.noted[d].Operations), //nolint:gosec // a run has fewer
		})
	}
	marks, unmarked := j.part.marks(h)
	return runs, marks, j.part.runs.suppressed.events + int64(unmarked.count), int(j.part.number)
}

// partNumber is the number of the live part.
func (j *journal) partNumber() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return int(j.part.number)
}

// close ends the last part.
func (j *journal) close(h *history) summary {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.ended = true
	return j.sum(h)
}

// sum ends the current run, and says what the live part amounts to. h may be nil.
func (j *journal) sum(h *history) summary {
	now := j.pause()
	s := j.part.sum(h, now, j.noted)
	s.span = connOf(j.rec).live()
	return s
}
