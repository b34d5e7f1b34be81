package otelnetstats

import (
	"time"

	"go.opentelemetry.io/otel/attribute"
)

// maxLaps is the number of marks that Stats keeps.
const maxLaps = 128

// Stats are the numbers of a connection. A Stats is a copy: it belongs to the
// caller and does not change.
type Stats struct {
	// Opened is when the connection was opened, or when ResetAll was called.
	Opened time.Time
	// Received and Sent count since the connection was opened, or since the
	// latest Reset or ResetAll.
	Received, Sent Flow
	// Marks are the latest 128 marks since then, oldest first; nil if there are
	// none.
	Marks []Lap
	// MarksDropped is the number of marks that were dropped to keep the latest.
	MarksDropped int
}

// Flow is what moved in one direction.
type Flow struct {
	// Bytes is the sum of what the calls returned.
	Bytes int64
	// Operations is the number of calls that moved bytes. On a packet connection
	// it is the number of calls that moved a datagram, an empty one included. A
	// call such as ReadFrom that moves many bytes counts once for each part in
	// which they moved.
	Operations int64
}

// Sub returns what happened between earlier and s, two Stats of one connection
// with no reset in between: the differences of the counts, and the marks made
// meanwhile. Opened stays that of s.
func (s Stats) Sub(earlier Stats) Stats {
	s.Received = s.Received.sub(earlier.Received)
	s.Sent = s.Sent.sub(earlier.Sent)
	seen := len(earlier.Marks) + earlier.MarksDropped - s.MarksDropped
	if seen >= 0 {
		s.Marks = s.Marks[min(seen, len(s.Marks)):]
		s.MarksDropped = 0
	} else {
		s.MarksDropped = -seen
	}
	if len(s.Marks) == 0 {
		s.Marks = nil
	}
	return s
}

func (f Flow) sub(earlier Flow) Flow {
	return Flow{f.Bytes - earlier.Bytes, f.Operations - earlier.Operations}
}

// A Lap is what a mark measured: the way from the latest of open, previous mark
// and reset to the mark.
type Lap struct {
	// Name is the mark's.
	Name string
	// At is when the mark was made.
	At time.Time
	// Elapsed is the duration of the lap.
	Elapsed time.Duration
	// Received and Sent are the bytes moved in the lap.
	Received, Sent int64
	// TotalReceived and TotalSent are the bytes moved up to the mark, as
	// StatsOf would have said at that time.
	TotalReceived, TotalSent int64
	// Attributes are the user's.
	Attributes []attribute.KeyValue
}

// StatsOf returns the numbers of a tracked connection, and false if conn is not
// tracked. They remain available after Close. They are exact once all reads and
// writes have returned; bytes of a call in flight may not be counted yet.
//
// conn may be what a [Dialer] or [Tracker.Register] returned, or a connection
// on top of it that can be unwrapped by a NetConn method, as *tls.Conn.
//
// It is safe for concurrent use and does not disturb reads and writes.
func StatsOf(conn Endpoint) (Stats, bool) {
	c, ok := Lookup(conn)
	if !ok {
		return Stats{}, false
	}
	return c.Stats(), true
}

// Reset sets the counts and marks of a tracked connection to zero, as StatsOf,
// Mark and callbacks see them, and returns what StatsOf would have returned. It
// returns false if conn is not tracked. Exported metrics and spans do not go
// back.
func Reset(conn Endpoint) (Stats, bool) {
	c, ok := Lookup(conn)
	if !ok {
		return Stats{}, false
	}
	return c.Reset(), true
}

// ResetAll does what [Reset] does, and also makes now the time at which the
// connection was opened.
func ResetAll(conn Endpoint) (Stats, bool) {
	c, ok := Lookup(conn)
	if !ok {
		return Stats{}, false
	}
	return c.ResetAll(), true
}
