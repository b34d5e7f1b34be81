package connstat

import (
	"net"
	"runtime"
	"sync/atomic"
	"time"

	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// Direction is the way that bytes go, as seen by this process.
type Direction uint8

// The directions.
const (
	Received Direction = iota
	Sent
)

// Role says which side opened the connection.
type Role uint8

// The roles.
const (
	Client Role = iota
	Server
)

// Owner is what a Record belongs to. Ended and Closed are called once, by the
// call that ends the connection, and must not panic.
type Owner interface {
	// Ended is called before the watched connection is closed, with what the
	// kernel says of it, if it was asked.
	Ended(info tcpinfo.Info, asked bool)
	// Closed is called after that, so that what it waits for keeps no connection
	// open.
	Closed()
	// Revealed is called before the program gets the watched connection, which
	// only its wrapper had.
	Revealed(conn, wrapper any)
}

// A Record holds the numbers of one connection. Its Owner embeds it as first
// field, so that connection and numbers are one allocation.
//
// The order of the fields is deliberate. What a call reads comes first and is
// hardly ever written; each direction's counter lies on a cache line of its own
// (allocations of this size are aligned to 64 bytes), which fields that are
// rarely touched fill up. A capture build has a copy of the first fields in
// package internal/poll, generated from this type.
type Record struct {
	slow   func(*Record, Direction, int64, error)
	watch  func(Direction, int64) // usually nil
	quiet  quiet
	packet bool // datagrams: empty ones count, too
	each   bool // watch wants each call
	Role   Role

	Owner  Owner
	ID     uint64
	set    *OpenSet
	totals *Totals

	received counter
	Local    net.Addr
	Remote   net.Addr
	outcome  atomic.Pointer[outcome] // nil as long as no error was seen
	stalled  atomic.Int64            // bytes moved when a deadline passed, plus one

	sent   counter
	Opened time.Time
	state  atomic.Uint32
	active activity

	kernel kernel
	folded folded
	leak   runtime.Cleanup
	links
}

// Config is what a Record starts with.
type Config struct {
	ID            uint64
	Role          Role
	Local, Remote net.Addr
	Opened        time.Time
	Packet        bool
	Totals        *Totals
	Set           *OpenSet
	// Watch, if not nil, is called after a call that moved something, in the
	// goroutine of that call; not after those that [Record.Hush] spares it.
	Watch func(d Direction, n int64)
	// EachCall has it called after each of them.
	EachCall bool
}

// Init makes r ready. It must be called before r is shared, and once.
func (r *Record) Init(owner Owner, c Config) {
	r.Owner = owner
	r.ID, r.Role = c.ID, c.Role
	r.Local, r.Remote = c.Local, c.Remote
	r.Opened = c.Opened
	r.packet = c.Packet
	r.watch, r.each = c.Watch, c.EachCall
	r.slow = slow
	r.totals, r.set = c.Totals, c.Set
	c.Totals.open.Add(1)
}

// Received counts a read that returned n and err.
func (r *Record) Received(n int64, err error) {
	if uint64(n-1) >= maxPacked-1 { //nolint:gosec // what is not positive becomes very large
		r.unusual(Received, n, err)
	} else if r.received.add(n, 1) || !r.quiet.in(Received) || err != nil {
		slow(r, Received, n, err)
	}
}

// Sent counts a write that returned n and err.
func (r *Record) Sent(n int64, err error) {
	if uint64(n-1) >= maxPacked-1 { //nolint:gosec // what is not positive becomes very large
		r.unusual(Sent, n, err)
	} else if r.sent.add(n, 1) || !r.quiet.in(Sent) || err != nil {
		slow(r, Sent, n, err)
	}
}

// unusual counts a call that moved no byte, or very many.
func (r *Record) unusual(d Direction, n int64, err error) {
	if n <= 0 && (err != nil || !r.packet) {
		if err != nil {
			r.failed(d, err)
		}
		return
	}
	c := r.counter(d)
	c.add(0, 1)
	if n > 0 {
		c.addWide(n)
	}
	slow(r, d, n, err)
}

func (r *Record) counter(d Direction) *counter {
	if d == Received {
		return &r.received
	}
	return &r.sent
}

// WriteDeadline stands in the place of a direction where a capture build tells of
// a deadline for writes. Then n says whether it has passed: 1 if so, else 0.
const WriteDeadline Direction = 2

// slow does what most calls do not need, after they were counted.
func slow(r *Record, d Direction, n int64, err error) {
	if d == WriteDeadline {
		r.writeDeadlineSet(n != 0)
		return
	}
	r.touch()
	if c := r.counter(d); c.packed.Load()&spillMask != 0 {
		c.spill()
	}
	if r.watch != nil && (n > 0 || r.packet && err == nil) {
		r.watch(d, n)
	}
	if err != nil {
		r.failed(d, err)
	}
}

// Flow reads one direction, without asking the kernel; see [Record.Sample].
func (r *Record) Flow(d Direction) Flow {
	f := r.counter(d).load()
	if d == Sent {
		f.Bytes = max(f.Bytes, r.kernel.last.Load())
	}
	return f
}

// Flows reads both directions.
func (r *Record) Flows() (received, sent Flow) { return r.Flow(Received), r.Flow(Sent) }

// Reveal has the owner know that the program gets the watched connection from
// its wrapper.
func (r *Record) Reveal(conn, wrapper any) {
	if r.state.Load()&stateRevealed == 0 {
		r.Owner.Revealed(conn, wrapper)
		r.state.Or(stateRevealed)
	}
}

// folded is how much of a connection is in its Totals. The OpenSet's foldedMu
// guards it.
type folded struct{ received, sent Flow }

// fold brings the connection's Totals up to date.
func (r *Record) fold() {
	received, sent := r.unfolded()
	r.totals.received.add(received)
	r.totals.sent.add(sent)
}

// unfolded is what moved since the last call.
func (r *Record) unfolded() (received, sent Flow) {
	r.set.foldedMu.Lock()
	defer r.set.foldedMu.Unlock()
	return r.advance()
}

// advance is unfolded with the lock held.
func (r *Record) advance() (received, sent Flow) {
	received, sent = r.Flows()
	return r.folded.received.raise(received), r.folded.sent.raise(sent)
}

// foldLater leaves what moved with the Totals, which it puts among those that are to
// be brought up to date.
func (r *Record) foldLater(among []*Totals) []*Totals {
	received, sent := r.advance()
	d := &r.totals.due
	d.received.plus(received)
	d.sent.plus(sent)
	if d.listed {
		return among
	}
	d.listed = true
	return append(among, r.totals)
}
