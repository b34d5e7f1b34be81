package ledger

import (
	"math/rand/v2"
	"time"
)

// A plan says how a session goes.
type plan struct {
	client, server     behavior
	toServer, toClient faults
}

// A behavior says how the callers of an endpoint behave. With no flag set, they
// write, close their direction, read to the end of the stream, and close.
type behavior struct {
	readers, writers int
	calls            int  // of each writer
	closesEarly      bool // closes while calls are under way
	readsLittle      bool // closes with bytes unread
	closesWithRST    bool
}

func newPlan(r *rand.Rand) plan {
	p := plan{client: newBehavior(r), server: newBehavior(r), toServer: newFaults(r), toClient: newFaults(r)}
	// Never both: two that do not read would wait for each other.
	switch r.IntN(12) {
	case 0:
		p.client.readsLittle = true
	case 1:
		p.server.readsLittle = true
	}
	return p
}

func newBehavior(r *rand.Rand) behavior {
	return behavior{
		readers: 1 + r.IntN(2), writers: 1 + r.IntN(3), calls: 5 + r.IntN(60),
		closesEarly: r.IntN(5) == 0, closesWithRST: r.IntN(10) == 0,
	}
}

// faults are what happens to a stream. The zero faults are none.
type faults struct {
	// slice is the most that is written at once, for the first sliceFor bytes. Zero
	// is no limit.
	slice    int
	sliceFor int64
	// delay is the time before each of the first delays writes.
	delay  time.Duration
	delays int
	// then happens once, after at bytes.
	at   int64
	then fault
}

// A fault is one of those that end a stream or a connection.
type fault int

const (
	noFault       fault = iota
	halfClose           // the receiver gets a FIN, and later bytes are dropped
	resetSender         // the sender gets an RST
	resetReceiver       // the receiver gets an RST
	resetBoth
)

func newFaults(r *rand.Rand) (f faults) {
	switch r.IntN(8) {
	case 0, 1:
		f.slice, f.sliceFor = 1+r.IntN(2000), 1<<14
	case 2:
		f.delay, f.delays = time.Duration(r.IntN(2000))*time.Microsecond, r.IntN(8)
	case 3:
		f.at = 1 + r.Int64N(1<<r.IntN(20))
		f.then = halfClose + fault(r.IntN(4))
	}
	return f
}
