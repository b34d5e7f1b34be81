package netstatstest

import (
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/otelnetstats"
)

// An entry is a connection that was opened, or a dial that failed.
type entry struct {
	watcher *Watcher // set once it has begun
	conn    *otelnetstats.Conn
	server  string // as it was dialed
	remote  net.Addr
	err     error // why the dial failed; nil if there is a connection
	stack   *stack
	opened  time.Time

	// Guarded by the Watcher's mutex. They do not change once the test is over.
	first, last int // when it began and ended, in the order of events; last is 0 while it is open
	ended       time.Time
	pooled      bool // it was idle in a pool when the test ended
	cut         bool // its request was cancelled with the context of the test, and it with the request
	leaked      bool // it was not closed when the test ended, or was dropped
	dropped     bool // of those that leaked, it is one that nobody holds

	markMu   sync.Mutex
	lastMark string
}

func newEntry(c *otelnetstats.Conn) *entry {
	return &entry{
		conn:   c,
		server: c.Address(),
		remote: c.RemoteAddr(),
		stack:  stackOfDial(),
		opened: connstat.Now(),
	}
}

func newFailure(address string, err error) *entry {
	return &entry{server: address, err: err, stack: stackOfDial(), opened: connstat.Now()}
}

// begin takes e into the books of w.
func (w *Watcher) begin(e *entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	e.watcher = w
	w.events++
	e.first = w.events
	if e.err != nil {
		e.last = e.first
		e.ended = e.opened
	}
	w.entries = append(w.entries, e)
}

// end notes that the connection has ended.
func (e *entry) end() {
	now, pooled := connstat.Now(), closedByPool()
	cut := e.watcher.t.Context().Err() != nil && closedByRequest()
	e.watcher.mu.Lock()
	defer e.watcher.mu.Unlock()
	if e.watcher.over { // it has been reported as open
		return
	}
	e.watcher.events++
	e.last, e.ended, e.pooled, e.cut = e.watcher.events, now, pooled && e.watcher.settling, cut
}

func (e *entry) mark(name string) {
	e.markMu.Lock()
	defer e.markMu.Unlock()
	e.lastMark = name
}

func (e *entry) marked() string {
	e.markMu.Lock()
	defer e.markMu.Unlock()
	return e.lastMark
}

// lookup reports whether package net opened the connection to look up a name.
func (e *entry) lookup() bool { return e.stack.resolver }

// at reports whether e is to a server, which is given as host:port, as a host or as
// the path of a socket. An address that a name was resolved to is known by either.
func (e *entry) at(server string) bool {
	return matches(e.server, server) || e.remote != nil && matches(e.remote.String(), server)
}

func matches(address, server string) bool {
	if address == server {
		return true
	}
	host, _, err := net.SplitHostPort(address)
	return err == nil && host == server
}

// local reports whether e stays within the machine: a loopback address, a unix
// socket, or a pipe.
func (e *entry) local() bool {
	switch addr := e.remote.(type) {
	case *net.TCPAddr:
		return addr.IP.IsLoopback()
	case *net.UDPAddr:
		return addr.IP.IsLoopback()
	case *net.IPAddr:
		return addr.IP.IsLoopback()
	case *net.UnixAddr:
		return true
	case nil:
	default:
		if addr.Network() == "pipe" {
			return true
		}
	}
	host, _, err := net.SplitHostPort(e.server)
	if err != nil {
		return e.err != nil && e.server != "" && e.server[0] == '/' // a unix socket
	}
	ip, err := netip.ParseAddr(host)
	return host == "" || host == "localhost" || err == nil && ip.IsLoopback()
}

// A stray is a dial of which it is not known whose it is.
type stray struct {
	entry  *entry
	others []*Watcher
}

// stray notes a dial that may belong to w, or to another one.
func (w *Watcher) stray(e *entry, candidates []*Watcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.strays = append(w.strays, stray{e, candidates})
}
