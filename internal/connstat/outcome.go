package connstat

import (
	"errors"
	"io"
	"net"
	"os"

	"github.com/netstats-go/netstats/internal/neterr"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// Reason says why a connection ended.
type Reason uint8

// The reasons.
const (
	Open     Reason = iota // not ended
	Local                  // closed by this process
	Remote                 // the peer's FIN came before
	Reset                  // the peer reset the connection, or was gone
	Timeout                // nothing moved after a deadline passed, or the kernel gave up
	Error                  // another error of a read or a write
	Shutdown               // tracking was shut down
	Leaked                 // dropped without Close

	reasonCount = iota
)

// An outcome says how a connection is to end, or how it has ended. It does not
// change; a record leads from one to the next until one is final. Reason and
// error lie in one outcome, so that nobody finds the one without the other.
type outcome struct {
	reason Reason
	err    error // for Reset, Timeout and Error
	moved  int64 // bytes moved when the error happened
	final  bool
}

// plainOutcomes are the final ones that no error led to.
var plainOutcomes = [...]outcome{
	Local:    {reason: Local, final: true},
	Remote:   {reason: Remote, final: true},
	Shutdown: {reason: Shutdown, final: true},
	Leaked:   {reason: Leaked, final: true},
}

// What the kernel and deadlines tell, without an error of a call.
var (
	deadlinePassed = &outcome{reason: Timeout, err: os.ErrDeadlineExceeded, final: true}
	peerReset      = &outcome{reason: Reset, err: neterr.ErrReset, final: true}
	peerTimedOut   = &outcome{reason: Timeout, err: neterr.ErrTimedOut, final: true}
)

// last returns the outcome of a connection that ends by this error.
func (o *outcome) last() *outcome { return &outcome{reason: o.reason, err: o.err, final: true} }

// failed takes note of the error of a call. Errors do not end a connection by
// themselves: what was noted is weighed when it is closed.
func (r *Record) failed(d Direction, err error) {
	if r.Ended() || r.packet {
		// Late errors are the Close's own doing; a datagram's error, such as a
		// refused port, says nothing about the socket.
		return
	}
	switch kind := classify(err); {
	case kind == endOfStream && d == Received, kind == brokenPipe && d == Sent:
		r.PeerClosed()
	case kind == closedHere, kind == brokenPipe:
	case kind == pastDeadline:
		r.deadlinePassed(d)
	case kind == reset:
		if d == Sent && r.state.Load()&stateSentFIN != 0 {
			return // writing after one's own CloseWrite
		}
		r.note(&outcome{reason: Reset, err: err})
	case kind == timeout:
		r.note(&outcome{reason: Timeout, err: err, moved: r.moved()})
	default:
		r.note(&outcome{reason: Error, err: err, moved: r.moved()})
	}
}

// failure is a kind of error.
type failure uint8

const (
	otherFailure failure = iota
	endOfStream
	closedHere   // the connection is closed by this side
	pastDeadline // that the program set
	brokenPipe   // a pipe in memory is closed
	reset
	timeout // of the kernel, or of another layer
)

// classify asks the error, which may be anybody's, and may panic: a nil pointer
// that is returned as an error does. Who never looks at it must not notice.
func classify(err error) (kind failure) {
	defer func() {
		if recover() != nil {
			kind = otherFailure
		}
	}()
	switch {
	case err == io.EOF: //nolint:errorlint // io.EOF is returned bare, as io.Reader demands
		return endOfStream
	case errors.Is(err, net.ErrClosed):
		return closedHere
	case errors.Is(err, os.ErrDeadlineExceeded):
		return pastDeadline
	case errors.Is(err, io.ErrClosedPipe):
		return brokenPipe
	case neterr.IsReset(err):
		return reset
	case neterr.IsTimeout(err):
		return timeout
	}
	return otherFailure
}

// note makes o the outcome, unless there is one that outranks it: the final one,
// a reset, or the first error of the same stop, which is the telling one.
func (r *Record) note(o *outcome) {
	for {
		old := r.outcome.Load()
		if old != nil && (old.final || old.reason == Reset || o.reason != Reset && old.moved == o.moved) {
			return
		}
		if r.outcome.CompareAndSwap(old, o) {
			return
		}
	}
}

// verdict says how the connection ends if it is closed now. It is given what
// errors have left behind, and what the kernel says of the peer.
func (r *Record) verdict(noted *outcome, peer tcpinfo.Peer) *outcome {
	state := r.state.Load()
	switch {
	case noted != nil && noted.reason == Reset:
		return noted.last()
	case state&stateReadFIN != 0:
		return &plainOutcomes[Remote]
	case noted != nil && noted.moved == r.moved():
		return noted.last()
	case r.timedOut():
		return deadlinePassed
	case state&stateSentFIN != 0:
		return &plainOutcomes[Local] // it was this side that began, whatever the peer made of it
	}
	switch peer {
	case tcpinfo.PeerClosed:
		return &plainOutcomes[Remote]
	case tcpinfo.PeerReset:
		return peerReset
	case tcpinfo.PeerTimedOut:
		return peerTimedOut
	}
	return &plainOutcomes[Local]
}

// end fixes how the connection ended, by what judge makes of the errors noted. It
// reports false if that was fixed before. From here on the connection is not
// counted as open.
func (r *Record) end(judge func(noted *outcome) *outcome) bool {
	for {
		noted := r.outcome.Load()
		if noted != nil && noted.final {
			return false
		}
		final := judge(noted)
		if r.outcome.CompareAndSwap(noted, final) {
			r.totals.ended[final.reason].Add(1)
			r.totals.open.Add(-1)
			return true
		}
	}
}

// endAs ends the connection with the given reason.
func (r *Record) endAs(reason Reason) bool {
	return r.end(func(*outcome) *outcome { return &plainOutcomes[reason] })
}

// Reason says why the connection ended; Open if it has not.
func (r *Record) Reason() Reason {
	if o := r.outcome.Load(); o != nil && o.final {
		return o.reason
	}
	return Open
}

// Ended reports whether the connection has ended.
func (r *Record) Ended() bool { return r.Reason() != Open }

// Fault is the error that the connection ended with: not nil if the reason is
// Reset, Timeout or Error, and nil with all others.
func (r *Record) Fault() error {
	if o := r.outcome.Load(); o != nil && o.final {
		return o.err
	}
	return nil
}
