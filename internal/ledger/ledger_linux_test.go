package ledger

import "testing"

// TestLedger compares the counts of connections, and the telemetry made from
// them, with what calls returned, with the kernel and with the peer.
func TestLedger(t *testing.T) {
	run := newRun(t)
	// Half of the sessions are observed by all that can observe a connection. The
	// other half has metrics only, so that its calls take the shortest path.
	trackers := []*tracker{newTracker(run, true), newTracker(run, false)}
	run.work(trackers)
	for _, tracker := range trackers {
		tracker.finish()
	}
	run.summarize()
}
