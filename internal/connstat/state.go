package connstat

import (
	"errors"
	"io"
	"net"
	"os"
)

// Reason says why a connection ended.
type Reason uint8

// The reasons.
const (
	Open     Reason = iota // not ended
	Local                  // closed by this process
	Remote                 // the peer's FIN was read before
	Reset                  // the peer reset the connection, or was gone
	Timeout                // nothing moved after a deadline passed, or the kernel gave up
	Error                  // another error of a read or a write
	Shutdown               // tracking was shut down
	Leaked                 // dropped without Close
)

// The bits of Record.state. The Reason is kept above them.
const (
	stateEnded    uint32 = 1 << iota
	stateSentFIN         // this side closed its direction, by CloseWrite
	stateReadFIN         // the peer's end of stream was read
	stateShutRead        // this side closed the other direction, by CloseRead

	reasonShift = 8
)

// A fault is an error that ends a connection unless bytes move after it.
type fault struct {
	reason Reason
	err    error
	moved  int64 // bytes moved when it happened
}

// failed takes note of the error of a call. Errors do not end a connection by
// themselves: what was noted is weighed when it is closed.
func (r *Record) failed(d Direction, err error) {
	if r.Ended() || r.packet {
		// Late errors are the Close's own doing; a datagram's error, such as a
		// refused port, says nothing about the socket.
		return
	}
	switch {
	case err == io.EOF && d == Receive: //nolint:errorlint // io.EOF is returned bare, as io.Reader demands
		r.PeerClosed()
	case errors.Is(err, net.ErrClosed):
	case errors.Is(err, os.ErrDeadlineExceeded):
		r.stalled.Store(r.moved() + 1) // never 0; no allocation, as programs poll with deadlines
	case errors.Is(err, io.ErrClosedPipe):
		if d == Transmit {
			r.PeerClosed()
		}
	case isReset(err):
		if d == Transmit && r.state.Load()&stateSentFIN != 0 {
			return // writing after one's own CloseWrite
		}
		r.fault.Store(&fault{Reset, err, 0})
	case isTimeout(err):
		r.keep(&fault{Timeout, err, r.moved()})
	default:
		r.keep(&fault{Error, err, r.moved()})
	}
}

// keep notes f unless a reset, which nothing outranks, was noted.
func (r *Record) keep(f *fault) {
	for {
		old := r.fault.Load()
		if old != nil && (old.reason == Reset || old.moved == f.moved) {
			return // the first error of a stop is the telling one
		}
		if r.fault.CompareAndSwap(old, f) {
			return
		}
	}
}

// moved is the number of bytes counted.
func (r *Record) moved() int64 { return r.received.load().Bytes + r.sent.load().Bytes }

// PeerClosed notes that the peer's end of stream was read, unless it is one of
// this side's making.
func (r *Record) PeerClosed() {
	if r.state.Load()&stateShutRead == 0 {
		r.state.Or(stateReadFIN)
	}
}

// ReadClosed notes that this side closes the peer's direction, by CloseRead: a
// read finds an end of stream from then on, also one that waits.
func (r *Record) ReadClosed() { r.state.Or(stateShutRead) }

// HalfClosed notes that this side closed its direction, by CloseWrite.
func (r *Record) HalfClosed() { r.state.Or(stateSentFIN) }

// CloseWrite closes this side's direction by the given function, whose error it
// returns. It notes that first: a write that waits fails before inner returns.
func (r *Record) CloseWrite(inner func() error) error {
	before := r.state.Or(stateSentFIN)
	err := inner()
	if err != nil && before&stateSentFIN == 0 {
		r.state.And(^stateSentFIN)
	}
	return err
}

// DeadlineSet notes a SetDeadline and its like: who sets one after one passed
// goes on. net/http, for one, interrupts its reads by a deadline in 1970.
func (r *Record) DeadlineSet() {
	if r.stalled.Load() != 0 {
		r.stalled.Store(0)
	}
}

// Close closes the watched connection by the given function, whose error it
// returns. If nothing ended the connection before, it ends with the reason that
// its history tells.
func (r *Record) Close(inner func() error) error {
	first := r.claim(r.verdict())
	if first {
		r.Owner.Ended()
	}
	err := inner()
	if first {
		r.leak.Stop() // else the collector would have to call Dropped in vain
		r.Owner.Closed()
		r.fold()
	}
	return err
}

// End ends the connection with the given reason, if nothing did before. It
// reports whether this call was the one.
func (r *Record) End(reason Reason) bool {
	if !r.claim(reason) {
		return false
	}
	r.Owner.Ended()
	r.Owner.Closed()
	r.fold()
	return true
}

// Discard undoes [Record.Init] for a record that nobody got to see.
func (r *Record) Discard() { r.claim(Local) }

// claim makes this caller the one that ends the connection. From here on it is
// not counted as open.
func (r *Record) claim(reason Reason) bool {
	for {
		old := r.state.Load()
		if old&stateEnded != 0 {
			return false
		}
		if r.state.CompareAndSwap(old, old|stateEnded|uint32(reason)<<reasonShift) {
			r.totals.open.Add(-1)
			return true
		}
	}
}

// Reason says why the connection ended; Open if it has not.
func (r *Record) Reason() Reason { return Reason(r.state.Load() >> reasonShift) }

// Ended reports whether the connection has ended.
func (r *Record) Ended() bool { return r.state.Load()&stateEnded != 0 }

// Fault is the error that the connection ended with, nil if there was none.
func (r *Record) Fault() error {
	reason, f := r.Reason(), r.fault.Load()
	switch {
	case f != nil && f.reason == reason:
		return f.err
	case reason == Timeout:
		return os.ErrDeadlineExceeded
	}
	return nil
}

// verdict says why the connection ends if it is closed now.
func (r *Record) verdict() Reason {
	f := r.fault.Load()
	switch {
	case f != nil && f.reason == Reset:
		return Reset
	case r.state.Load()&stateReadFIN != 0:
		return Remote
	case f != nil && f.moved == r.moved():
		return f.reason
	case r.timedOut():
		return Timeout
	}
	return Local
}

// timedOut reports whether the last thing that happened was a passed deadline.
func (r *Record) timedOut() bool { return r.stalled.Load() == r.moved()+1 }

func isTimeout(err error) bool {
	t, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err)
	return ok && t.Timeout()
}
