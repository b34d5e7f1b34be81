package ledger

import "sync/atomic"

// results add up what the reads and the writes of an endpoint returned.
type results struct {
	bytes atomicCounts
	// maxSent is the most that can have been sent: all bytes given to the calls under
	// way, and those that the others returned.
	maxSent atomic.Int64
	// movingCalls moved bytes, and are counted as one operation each.
	movingCalls atomicCounts
	// inParts is set if a call was counted as one operation for each of its parts.
	inParts [len(directions)]atomic.Bool
	// undelivered is set if a copy may have read bytes that it could not write. It
	// does not return those.
	undelivered atomic.Bool
	// readEOF is set if a read found the end of the stream.
	readEOF atomic.Bool
	// wasReset is set if a call failed because the peer reset the connection.
	wasReset atomic.Bool
	// ignoredReset is set if a call failed so, but the library does not see its
	// error, or does not take it for a reset.
	ignoredReset atomic.Bool
}

// add adds the n bytes that a call returned.
func (r *results) add(d direction, t transfer, n int64) {
	switch {
	case t.inParts:
		r.inParts[d].Store(true)
	case n > 0 && !t.uncounted:
		r.movingCalls[d].Add(1)
	}
	r.bytes[d].Add(n)
}

// A transfer is a kind of call that reads or writes.
type transfer struct {
	name string
	call func(c *caller, size int64) (int64, error)
	// A call is counted as one operation if it moves bytes. But inParts says that it
	// is counted as one for each part in which it moves them, and uncounted that it
	// is not counted.
	inParts, uncounted bool
}
