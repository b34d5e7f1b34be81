package ledger

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A ledgerEnd is one end of a tracked connection, with the books of the calls
// that were made on it.
type ledgerEnd struct {
	run    *ledgerRun
	bureau *ledgerBureau
	name   string
	conn   net.Conn
	inner  *net.TCPConn
	record *otelnetstats.Conn
	manner ledgerManner

	announced atomic.Int64    // bytes of the writing calls that began
	returned  [2]atomic.Int64 // the sum of n, received and sent
	moving    [2]atomic.Int64 // calls that moved something and count once
	parted    [2]atomic.Bool  // there were calls that count once for each part
	spilled   atomic.Bool     // more was read than returned, as a WriteTo could not deliver it

	eof        atomic.Bool // a read saw the end of the stream
	halfClosed atomic.Bool
	shutting   atomic.Int64 // calls of CloseWrite that began
	shut       atomic.Int64 // and those that returned
	closing    atomic.Bool  // Close began
	gone       atomic.Bool  // and has returned
	closed     sync.Once
	held       Held // if abrupt

	desk ledgerDesk

	final   otelnetstats.Stats
	account Account
}

// The directions, as indices.
const (
	ledgerIn = iota
	ledgerOut
)

// end returns the books of a tracked connection. As it may be closed at an
// unknown time, the kernel is asked after that.
func (b *ledgerBureau) end(name string, conn net.Conn) *ledgerEnd {
	e := &ledgerEnd{run: b.run, bureau: b, name: name, conn: conn}
	e.record, _ = otelnetstats.Lookup(conn)
	e.inner, _ = conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn)
	var err error
	if e.held, err = Hold(e.inner); err != nil {
		e.errorf("hold: %v", err)
	}
	return e
}

func (e *ledgerEnd) errorf(format string, args ...any) {
	e.run.errorf("%s, %+v: "+format, append([]any{e.name, e.manner}, args...)...)
}

func (e *ledgerEnd) call() { e.run.calls.Add(1) }

func (e *ledgerEnd) closeWrite() {
	e.call()
	e.shutting.Add(1)
	defer e.shut.Add(1)
	switch err := e.conn.(interface{ CloseWrite() error }).CloseWrite(); {
	case err == nil:
		e.halfClosed.Store(true)
	case !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, net.ErrClosed):
		e.errorf("CloseWrite: %v", err)
	}
}

func (e *ledgerEnd) close() {
	e.closing.Store(true)
	e.closed.Do(func() {
		e.call()
		if e.manner.linger {
			_ = e.conn.(interface{ SetLinger(sec int) error }).SetLinger(0) // fails after a reset
		}
		if err := e.conn.Close(); err != nil {
			e.errorf("Close: %v", err)
		}
		e.gone.Store(true)
	})
}

// settle ends the end. No call is under way any more.
func (e *ledgerEnd) settle() {
	orderly := !e.closing.Load()
	before := e.record.Stats()
	e.close()
	e.final = e.record.Stats()
	if orderly && (before.Received != e.final.Received || before.Sent != e.final.Sent) {
		e.errorf("Close changed the counts from %+v, %+v to %+v, %+v", before.Received, before.Sent, e.final.Received, e.final.Sent)
	}
	account, err := e.held.Release(e.halfClosed.Load())
	if err != nil {
		e.errorf("the kernel's account: %v", err)
	}
	e.account = account
	if err := e.conn.Close(); !errors.Is(err, net.ErrClosed) {
		e.errorf("second Close: %v, want net.ErrClosed", err)
	}
	e.bureau.settled(e, orderly)
	e.balanceSent()
	e.balanceReceived()
	e.balanceOperations()
}

// counted is what this package counted, resets undone.
func (e *ledgerEnd) counted() (received, sent int64) {
	return e.final.Received.Bytes + e.desk.reset[ledgerIn], e.final.Sent.Bytes + e.desk.reset[ledgerOut]
}

// balanceSent: ours = the sum of n returned = what the kernel accepted.
func (e *ledgerEnd) balanceSent() {
	_, ours := e.counted()
	if returned := e.returned[ledgerOut].Load(); ours != returned || ours != e.account.Sent {
		e.errorf("sent: counted %d, calls returned %d, the kernel accepted %d", ours, returned, e.account.Sent)
	}
}

// balanceReceived: ours = the sum of n returned.
func (e *ledgerEnd) balanceReceived() {
	ours, _ := e.counted()
	returned := e.returned[ledgerIn].Load()
	if ours < returned || ours > returned && !e.spilled.Load() {
		e.errorf("received: counted %d, calls returned %d", ours, returned)
	}
	if fin, known := e.account.FIN(); known {
		e.balanceArrived(fin)
	}
}

// balanceArrived: ours + unread + 1 if a FIN arrived = bytes_received.
func (e *ledgerEnd) balanceArrived(fin bool) {
	ours, _ := e.counted()
	want := ours + e.account.Unread
	if fin {
		want++
	}
	if e.account.Arrived != want {
		e.errorf("received: counted %d, %d unread, FIN arrived %t, the kernel says %d (state %d)",
			ours, e.account.Unread, fin, e.account.Arrived, e.account.State)
	}
}

// balanceOperations holds the number of operations against the calls.
func (e *ledgerEnd) balanceOperations() {
	for d, ours := range []int64{e.final.Received.Operations, e.final.Sent.Operations} {
		ours += e.desk.resetOperations[d]
		calls := e.moving[d].Load()
		if ours < calls || ours > calls && !e.parted[d].Load() {
			e.errorf("direction %d: counted %d operations, %d calls moved something", d, ours, calls)
		}
	}
}

// balance holds both directions against what the proxy carried.
func (e *ledgerEnd) balance(out, in *Leg) {
	received, sent := e.counted()
	if out.Read > sent || out.EOF && out.Read != sent {
		e.errorf("sent: counted %d, the proxy read %d, to the end: %t", sent, out.Read, out.EOF)
	}
	if !out.Faulty && out.Read != out.Written {
		e.errorf("the proxy read %d and wrote %d without a fault", out.Read, out.Written)
	}
	if there := received + e.account.Unread; there > in.Written || e.eof.Load() && !in.Aborted && received != in.Written {
		e.errorf("received: counted %d, %d unread, the proxy wrote %d, to the end: %t", received, e.account.Unread, in.Written, e.eof.Load())
	}
	if _, known := e.account.FIN(); !known {
		e.balanceOver(in)
	}
	e.run.balanced.Add(1)
	if in.Aborted {
		e.run.aborted.Add(1)
	} else if e.eof.Load() {
		e.run.graceful.Add(1)
	}
}

// balanceOver does what balanceArrived does for a connection that is over, of
// which the kernel does not say whether a FIN arrived.
func (e *ledgerEnd) balanceOver(in *Leg) {
	fin := in.FIN
	if received, _ := e.counted(); fin && in.Aborted {
		fin = e.account.Arrived > received+e.account.Unread // may have been overtaken by an RST
	}
	e.balanceArrived(fin)
}
