package ledger

import (
	"sync"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A history is what an endpoint's calls of StatsOf, Mark and Reset returned. They
// are made one at a time, while bytes move.
type history struct {
	mu              sync.Mutex // guards all below; held during the calls
	reset           counts     // bytes up to the latest reset
	resetOperations counts     // operations up to the latest reset
	laps            counts     // bytes of all laps since then
	latest          counts     // bytes as last read, with those up to the reset
}

// A progress is how far an endpoint's other calls have got.
type progress struct {
	returned           counts
	closeWriteReturned int64
	closeReturned      bool
}

func (e *endpoint) progress() progress {
	return progress{e.results.bytes.load(), e.closeWriteReturned.Load(), e.closeReturned.Load()}
}

// checkStats checks that s has all bytes of the calls that had returned before it
// was read, no more than those of the calls that have begun, and no less than were
// read last. The history must be locked.
//
// In two cases s may have less sent than calls returned. While CloseWrite is under
// way, the last unsent byte of a connection that was reset may be the FIN, and is
// taken for it. While Close is under way, the kernel cannot be asked, and nobody
// else knows what writev sent.
func (e *endpoint) checkStats(what string, before progress, s otelnetstats.Stats) {
	most := e.results.maxSent.Load()
	least := before.returned
	if e.closeWriteBegan.Load() > before.closeWriteReturned {
		least[sent]--
	}
	if e.closeBegan.Load() && !before.closeReturned {
		least[sent] = 0
	}
	h := &e.history
	got := counts{s.Received.Bytes, s.Sent.Bytes}.plus(h.reset)
	for _, d := range directions {
		if least := max(least[d], h.latest[d]); got[d] < least {
			e.errorf("%s: %v %d, want at least %d", what, d, got[d], least)
		}
	}
	if got[sent] > most {
		e.errorf("%s: sent %d, want at most %d", what, got[sent], most)
	}
	h.latest = got
}

// readStats calls StatsOf. The history must be locked.
func (e *endpoint) readStats() {
	before := e.progress()
	s, _ := otelnetstats.StatsOf(e.conn)
	e.checkStats("StatsOf", before, s)
}

// reset calls Reset or ResetAll. The history must be locked.
func (e *endpoint) reset(reset func(otelnetstats.Endpoint) (otelnetstats.Stats, bool)) {
	before := e.progress()
	s, _ := reset(e.conn)
	e.checkStats("Reset", before, s)
	h := &e.history
	bytes := counts{s.Received.Bytes, s.Sent.Bytes}
	if bytes[received] < h.laps[received] || bytes[sent] < h.laps[sent] {
		e.errorf("Reset: %v, but laps had %v", bytes, h.laps)
	}
	h.reset = h.reset.plus(bytes)
	h.resetOperations = h.resetOperations.plus(counts{s.Received.Operations, s.Sent.Operations})
	h.laps = counts{}
}

// mark calls Mark, and checks that no byte is lost between two laps. The history
// must be locked.
func (e *endpoint) mark() {
	lap, _ := otelnetstats.Mark(e.run.t.Context(), e.conn, "mark")
	h := &e.history
	h.laps = h.laps.plus(counts{lap.Received, lap.Sent})
	if total := (counts{lap.TotalReceived, lap.TotalSent}); total != h.laps {
		e.errorf("Mark: the totals are %v, laps add up to %v", total, h.laps)
	}
}
