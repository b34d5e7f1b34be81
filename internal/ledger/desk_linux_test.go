package ledger

import (
	"math/rand/v2"
	"sync"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A ledgerDesk has the calls of an end that ask, mark and reset, one at a time.
// Bytes move meanwhile.
type ledgerDesk struct {
	mu              sync.Mutex // guards all below
	reset           [2]int64   // bytes before the latest reset
	resetOperations [2]int64
	laps            [2]int64 // bytes in the laps since then
	latest          [2]int64 // what was told last, resets undone
}

// office makes one call that moves nothing.
func (e *ledgerEnd) office(r *rand.Rand) {
	e.call()
	if r.IntN(16) == 0 {
		e.bureau.collect()
		return
	}
	e.desk.mu.Lock()
	defer e.desk.mu.Unlock()
	switch r.IntN(10) {
	case 0:
		e.reset(otelnetstats.Reset)
	case 1:
		e.reset(otelnetstats.ResetAll)
	case 2, 3, 4:
		e.mark()
	case 5, 6:
		e.deadline(r)
	default:
		before := e.floor()
		s, _ := otelnetstats.StatsOf(e.conn)
		e.within("StatsOf", before, s)
	}
}

// deadline sets one that passes soon, has passed, or never passes.
func (e *ledgerEnd) deadline(r *rand.Rand) {
	at := time.Now().Add(time.Duration(r.IntN(2000)-500) * time.Microsecond)
	if r.IntN(4) == 0 {
		at = time.Time{}
	}
	set := []func(time.Time) error{e.conn.SetDeadline, e.conn.SetReadDeadline, e.conn.SetWriteDeadline}
	_ = set[r.IntN(len(set))](at) // fails once closed
}

// A ledgerFloor is what had happened before a question was asked.
type ledgerFloor struct {
	returned [2]int64
	shut     int64
	gone     bool
}

func (e *ledgerEnd) floor() ledgerFloor {
	return ledgerFloor{[2]int64{e.returned[ledgerIn].Load(), e.returned[ledgerOut].Load()}, e.shut.Load(), e.gone.Load()}
}

// within checks that s has all that had returned before, no more than had been
// announced after, and no less than was told before. The caller holds the lock.
//
// While a CloseWrite is under way on a connection that was reset, nobody knows
// whether the last unsent byte is its FIN; it is taken for that. And while a Close
// is under way the kernel cannot be asked for what writev moved in that time.
func (e *ledgerEnd) within(what string, before ledgerFloor, s otelnetstats.Stats) {
	most := e.announced.Load()
	least := before.returned
	if e.shutting.Load() > before.shut {
		least[ledgerOut]--
	}
	if e.closing.Load() && !before.gone {
		least[ledgerOut] = 0
	}
	d := &e.desk
	got := [2]int64{d.reset[ledgerIn] + s.Received.Bytes, d.reset[ledgerOut] + s.Sent.Bytes}
	for i := range got {
		if least := max(least[i], d.latest[i]); got[i] < least {
			e.errorf("%s: direction %d is %d, want at least %d", what, i, got[i], least)
		}
	}
	if got[ledgerOut] > most {
		e.errorf("%s: sent is %d, but only %d were announced", what, got[ledgerOut], most)
	}
	d.latest = got
}

func (e *ledgerEnd) reset(reset func(otelnetstats.Endpoint) (otelnetstats.Stats, bool)) {
	before := e.floor()
	s, _ := reset(e.conn)
	e.within("Reset", before, s)
	d := &e.desk
	if s.Received.Bytes < d.laps[ledgerIn] || s.Sent.Bytes < d.laps[ledgerOut] {
		e.errorf("Reset: laps had %d, the count is %+v, %+v", d.laps, s.Received, s.Sent)
	}
	d.reset[ledgerIn] += s.Received.Bytes
	d.reset[ledgerOut] += s.Sent.Bytes
	d.resetOperations[ledgerIn] += s.Received.Operations
	d.resetOperations[ledgerOut] += s.Sent.Operations
	d.laps = [2]int64{}
}

// mark checks that laps add up: nothing is between two marks.
func (e *ledgerEnd) mark() {
	lap, _ := otelnetstats.Mark(e.run.t.Context(), e.conn, "mark")
	d := &e.desk
	d.laps[ledgerIn] += lap.Received
	d.laps[ledgerOut] += lap.Sent
	if got := [2]int64{lap.TotalReceived, lap.TotalSent}; got != d.laps {
		e.errorf("Mark: totals are %d, laps add up to %d", got, d.laps)
	}
}
