package ledger

import (
	"slices"

	"github.com/netstats-go/netstats/otelnetstats"
)

// counted is the number of bytes that the library counted, before and after resets.
func (e *endpoint) counted() counts {
	return counts{e.stats.Received.Bytes, e.stats.Sent.Bytes}.plus(e.history.reset)
}

// checkSent: counted = returned by calls = accepted by the kernel.
func (e *endpoint) checkSent() {
	counted, returned := e.counted()[sent], e.results.bytes[sent].Load()
	if counted != returned || counted != e.kernel.sent {
		e.errorf("sent: counted %d, calls returned %d, the kernel accepted %d", counted, returned, e.kernel.sent)
	}
}

// checkReceived: counted = returned by calls, but for what copies could not
// deliver.
func (e *endpoint) checkReceived() {
	counted, returned := e.counted()[received], e.results.bytes[received].Load()
	if counted < returned || counted > returned && !e.results.undelivered.Load() {
		e.errorf("received: counted %d, calls returned %d", counted, returned)
	}
	if fin, known := e.kernel.peerFIN(); known {
		e.checkArrived(fin)
	}
}

// checkArrived: counted + unread + 1 for a FIN = arrived at the kernel.
func (e *endpoint) checkArrived(fin bool) {
	counted := e.counted()[received]
	want := counted + e.kernel.unread
	if fin {
		want++
	}
	if e.kernel.arrived != want {
		e.errorf("received: counted %d, %d unread, FIN arrived %t, the kernel says %d (state %d)",
			counted, e.kernel.unread, fin, e.kernel.arrived, e.kernel.state)
	}
}

// checkOperations: counted operations = calls that moved bytes, but for calls that
// are counted in parts.
func (e *endpoint) checkOperations() {
	counted := counts{e.stats.Received.Operations, e.stats.Sent.Operations}.plus(e.history.resetOperations)
	for _, d := range directions {
		calls := e.results.movingCalls[d].Load()
		if counted[d] < calls || counted[d] > calls && !e.results.inParts[d].Load() {
			e.errorf("%v: counted %d operations, %d calls moved something", d, counted[d], calls)
		}
	}
}

// checkReason checks why the connection ended. If it was closed early, calls may
// have failed too late to be a reason.
func (e *endpoint) checkReason(closedEarly bool) {
	want := []otelnetstats.CloseReason{otelnetstats.ClosedLocal, otelnetstats.ClosedRemote, otelnetstats.ClosedReset, otelnetstats.ClosedTimeout}
	switch r := &e.results; {
	case closedEarly:
	case r.wasReset.Load():
		want = []otelnetstats.CloseReason{otelnetstats.ClosedReset}
	case r.readEOF.Load() && !r.ignoredReset.Load():
		want = []otelnetstats.CloseReason{otelnetstats.ClosedRemote}
	}
	if got := e.record.CloseReason(); !slices.Contains(want, got) {
		e.errorf("the close reason is %q, want one of %q", got, want)
	}
}

// checkPeer compares both directions with what the proxy carried: out came from
// this endpoint, in went to it.
func (e *endpoint) checkPeer(out, in *stream) {
	counted := e.counted()
	if out.read > counted[sent] || out.eof && out.read != counted[sent] {
		e.errorf("sent: counted %d, the proxy read %d, to the end: %t", counted[sent], out.read, out.eof)
	}
	if !out.faulty && out.read != out.written {
		e.errorf("the proxy read %d and wrote %d without a fault", out.read, out.written)
	}
	arrived := counted[received] + e.kernel.unread
	if arrived > in.written || e.results.readEOF.Load() && !in.aborted && counted[received] != in.written {
		e.errorf("received: counted %d, %d unread, the proxy wrote %d, to the end: %t",
			counted[received], e.kernel.unread, in.written, e.results.readEOF.Load())
	}
	if _, known := e.kernel.peerFIN(); !known {
		e.checkArrivedFrom(in)
	}
	e.run.checked.Add(1)
	if in.aborted {
		e.run.wereReset.Add(1)
	} else if e.results.readEOF.Load() {
		e.run.readToEnd.Add(1)
	}
}

// checkArrivedFrom is checkArrived for a connection of which the kernel no longer
// says whether a FIN arrived: the peer knows whether it sent one.
func (e *endpoint) checkArrivedFrom(in *stream) {
	fin := in.sentFIN
	if fin && in.aborted { // an RST may have overtaken the FIN
		fin = e.kernel.arrived > e.counted()[received]+e.kernel.unread
	}
	e.checkArrived(fin)
}
