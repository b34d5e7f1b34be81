package ledger

import (
	"errors"
	"net"
	"sync"
	"sync/atomic"
	"syscall"

	"github.com/netstats-go/netstats/otelnetstats"
)

// An endpoint is one end of a tracked connection, with all that is known of it.
type endpoint struct {
	run      *run
	tracker  *tracker
	name     string
	behavior behavior

	conn   net.Conn
	record *otelnetstats.Conn
	socket heldSocket

	results results
	history history

	halfClosed                          atomic.Bool // by a CloseWrite that was successful
	closeWriteBegan, closeWriteReturned atomic.Int64
	closeBegan, closeReturned           atomic.Bool
	closeOnce                           sync.Once

	// These are set by finish.
	stats  otelnetstats.Stats
	kernel kernelCounts
}

// newEndpoint returns an endpoint of a tracked connection. It holds the socket,
// so that the kernel can be asked after the connection was closed.
func newEndpoint(t *tracker, name string, conn net.Conn) *endpoint {
	e := &endpoint{run: t.run, tracker: t, name: name, conn: conn}
	e.record, _ = otelnetstats.Lookup(conn)
	inner, _ := conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn)
	var err error
	if e.socket, err = holdSocket(inner); err != nil {
		e.errorf("hold: %v", err)
	}
	return e
}

func (e *endpoint) errorf(format string, args ...any) {
	e.run.t.Helper()
	e.run.errorf("%s, %+v: "+format, append([]any{e.name, e.behavior}, args...)...)
}

// countCall counts a call that is about to be made towards the run's target.
func (e *endpoint) countCall() { e.run.calls.Add(1) }

func (e *endpoint) closeWrite() {
	e.countCall()
	e.closeWriteBegan.Add(1)
	defer e.closeWriteReturned.Add(1)
	switch err := e.conn.(interface{ CloseWrite() error }).CloseWrite(); {
	case err == nil:
		e.halfClosed.Store(true)
	case !errors.Is(err, syscall.ENOTCONN) && !errors.Is(err, net.ErrClosed):
		e.errorf("CloseWrite: %v", err)
	}
}

// close closes the connection, unless it was closed before.
func (e *endpoint) close() {
	e.closeBegan.Store(true)
	e.closeOnce.Do(func() {
		e.countCall()
		if e.behavior.closesWithRST {
			_ = e.conn.(interface{ SetLinger(sec int) error }).SetLinger(0) // fails after a reset
		}
		if err := e.conn.Close(); err != nil {
			e.errorf("Close: %v", err)
		}
		e.closeReturned.Store(true)
	})
}

// finish closes the connection and checks what was counted. No other call may be
// under way.
func (e *endpoint) finish() {
	closedEarly := e.closeBegan.Load()
	before := e.record.Stats()
	e.close()
	e.stats = e.record.Stats()
	if !closedEarly && (before.Received != e.stats.Received || before.Sent != e.stats.Sent) {
		e.errorf("Close changed the counts from %+v, %+v to %+v, %+v", before.Received, before.Sent, e.stats.Received, e.stats.Sent)
	}
	var err error
	if e.kernel, err = e.socket.release(e.halfClosed.Load()); err != nil {
		e.errorf("the kernel's counts: %v", err)
	}
	if err := e.conn.Close(); !errors.Is(err, net.ErrClosed) {
		e.errorf("second Close: %v, want net.ErrClosed", err)
	}
	e.tracker.finished(e, !closedEarly)
	e.checkSent()
	e.checkReceived()
	e.checkOperations()
	e.checkReason(closedEarly)
}
