package otelnetstats

import "github.com/netstats-go/netstats/internal/connstat"

// A CloseReason says why a connection ended.
type CloseReason string

// The reasons.
const (
	// ClosedLocal: this process closed it.
	ClosedLocal CloseReason = "local"
	// ClosedRemote: the peer had closed its direction before this process closed
	// the connection. That is known from a read that found the end of the stream,
	// and on Linux from the kernel, for TCP connections that moved a byte: TLS and
	// pools that look at the descriptor hide it. It is not known of what has not
	// arrived: who answers TLS's goodbye at once may be the first to close.
	ClosedRemote CloseReason = "remote"
	// ClosedReset: the peer reset it, or took no more bytes.
	ClosedReset CloseReason = "reset"
	// ClosedTimeout: it was closed with nothing moved since a deadline passed, the
	// goodbye of TLS aside, or the kernel gave up waiting for the peer. A deadline
	// does not end a connection by itself. Packet connections never end so: an
	// error or a deadline of a datagram says nothing of the socket.
	ClosedTimeout CloseReason = "timeout"
	// ClosedError: another error of a read or a write was the last thing seen.
	ClosedError CloseReason = "error"
	// ClosedShutdown: its Tracker was shut down while it was open.
	ClosedShutdown CloseReason = "shutdown"
	// ClosedLeaked: the program dropped it without Close, and the garbage
	// collector found it.
	ClosedLeaked CloseReason = "leaked"
)

// errLeaked is how a connection ended that the program dropped.
var errLeaked error = leak{}

type leak struct{}

func (leak) Error() string     { return "dropped without Close" }
func (leak) ErrorType() string { return string(ClosedLeaked) }

var reasons = [...]CloseReason{
	connstat.Open:     "",
	connstat.Local:    ClosedLocal,
	connstat.Remote:   ClosedRemote,
	connstat.Reset:    ClosedReset,
	connstat.Timeout:  ClosedTimeout,
	connstat.Error:    ClosedError,
	connstat.Shutdown: ClosedShutdown,
	connstat.Leaked:   ClosedLeaked,
}
