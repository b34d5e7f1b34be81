package otelnetstats

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// The budget of events on a connection span. The SDK drops the oldest events
// past 128, so what is kept here, with open and close, stays below that.
const (
	firstRuns = 24
	lastRuns  = 24
	lastMarks = 32
)

// A journal notes what a connection with a recording span does, in runs: calls
// in one direction with none in the other between them. Spans are built from it
// when the connection ends.
//
// Sizes are differences of the connection's counters, so whatever calls overlap,
// the runs of a direction add up to what its counter says.
type journal struct {
	rec *connstat.Record

	// direction is that of the current run, plus one; zero if there is none.
	direction atomic.Uint32

	mu         sync.Mutex       // guards all below, and changes of direction; no user code runs under it
	current    time.Duration    // when its first call returned, since open
	noted      [2]connstat.Flow // what the finished runs add up to, by direction
	first      []run
	last       []run // a ring once full, the oldest at next
	next       int
	suppressed suppressed
	tcp        tcpinfo.Info // the latest answer of the kernel
	hasTCP     bool

	links links
}

// A run is a finished one.
type run struct {
	at         time.Duration // since open
	lasted     time.Duration
	bytes      int64
	operations uint32
	direction  connstat.Direction
}

// suppressed is what the budget left out.
type suppressed struct {
	events int64
	bytes  [2]int64 // by direction
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

// pause ends the current run, at a mark or at the end of the connection, and
// notes what no run has: calls that overlap with turns, and bytes of writev.
func (j *journal) pause() {
	j.mu.Lock()
	defer j.mu.Unlock()
	now := j.stop()
	j.direction.Store(0)
	j.rec.Rouse()
	j.note(connstat.Receive, now, 0)
	j.note(connstat.Transmit, now, 0)
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
		j.keep(r)
	}
}

func (j *journal) keep(r run) {
	switch {
	case len(j.first) < firstRuns:
		j.first = append(roomFor(j.first, firstRuns), r)
	case len(j.last) < lastRuns:
		j.last = append(roomFor(j.last, lastRuns), r)
	default:
		j.suppressed.add(j.last[j.next])
		j.last[j.next] = r
		j.next = (j.next + 1) % lastRuns
	}
}

func (s *suppressed) add(r run) {
	s.events++
	s.bytes[r.direction] += r.bytes
}

// A summary is what a journal amounts to when the connection ends.
type summary struct {
	runs       []run // in order of time
	noted      [2]connstat.Flow
	suppressed suppressed
	tcp        tcpinfo.Info
	hasTCP     bool
}

// noteTCP keeps what the kernel said of the connection. The last note goes to
// the span: that of the last mark, where there is none at the end.
//
// It returns the number of retransmits that the note before had.
func (j *journal) noteTCP(info tcpinfo.Info) (before int64) {
	j.mu.Lock()
	defer j.mu.Unlock()
	before = j.tcp.Retransmits
	info.Retransmits = max(info.Retransmits, before) // two may ask at once
	j.tcp, j.hasTCP = info, true
	return before
}

// close ends the current run and sums up.
func (j *journal) close() summary {
	j.pause()
	j.mu.Lock()
	defer j.mu.Unlock()
	runs := make([]run, 0, len(j.first)+len(j.last))
	runs = append(runs, j.first...)
	runs = append(runs, j.last[j.next:]...)
	runs = append(runs, j.last[:j.next]...)
	return summary{runs, j.noted, j.suppressed, j.tcp, j.hasTCP}
}
