package live

import (
	"net/netip"
	"time"
)

// A Conn is an open connection. Its methods are safe for concurrent use.
type Conn interface {
	ID() uint64
	// Identity says which connection it is. It returns known, if nothing is new.
	Identity(known *Identity) *Identity
	Numbers() Numbers
	// Ask asks the kernel, and reports whether it answered.
	Ask() (TCP, bool)
	Detail() Detail
}

// An Identity is what does not change with what a connection moves. It is not to be
// changed.
type Identity struct {
	ID      uint64
	Role    string
	Network string
	Server  string // the address as it was dialed, or that of the listener
	Label   string // the server as metrics name it
	Name    string // of the Dialer
	Local   Addr
	Remote  Addr
	Origin  *Origin // nil if it is not known
	Opened  time.Time
	Setup   Setup
	Trace   Trace

	// Version is of use to the Conn that made the Identity.
	Version any
}

// Caller is the package that opened the connection, empty if it is not known.
func (i *Identity) Caller() string { return i.Origin.caller() }

func (o *Origin) caller() string {
	if o == nil {
		return ""
	}
	return o.Caller
}

// An Addr is an address: of IP, or another one's text.
type Addr struct {
	IP   netip.AddrPort
	Text string
}

// String is empty for the zero Addr.
func (a Addr) String() string {
	if a.IP.IsValid() {
		return a.IP.String()
	}
	return a.Text
}

// A Trace identifies a span. The zero Trace is none.
type Trace struct {
	TraceID, SpanID string
	Sampled         bool
}

// Numbers are what a connection has moved.
type Numbers struct {
	Received, Sent Flow
	// Active is when it was last found to have moved something; zero if never.
	Active time.Time
	// PeerDone is set if the peer's end of stream was read, and the connection is
	// not closed.
	PeerDone bool
	// Marks is how many there are, and Mark the name of the latest.
	Marks int
	Mark  string
}

// Flow is what moved in one direction.
type Flow struct{ Bytes, Operations int64 }

// TCP is what the kernel says.
type TCP struct {
	RTT         time.Duration
	Retransmits int64
	// PeerDone is set if the peer closed or broke off the connection, and this side
	// did nothing.
	PeerDone bool
}

// Setup says how a connection came about.
type Setup struct {
	Start time.Time // zero if it was not dialed
	Total time.Duration
	Steps []Step // at most MaxSteps
	TLS   *TLS   // nil if no handshake was seen to succeed
}

// MaxSteps is how many steps of a Setup are kept.
const MaxSteps = 16

// The kinds of a [Step].
const (
	StepDNS     = "dns"
	StepConnect = "connect"
	StepTLS     = "tls"
)

// A Step is a part of a dial.
type Step struct {
	Kind      string
	Name      string // what was looked up, or the address that was tried
	Start     time.Time
	Took      time.Duration
	Addresses int    // that were found
	Error     string // error.type; empty if nothing failed
}

// Spent is how long the steps of a kind lasted, from the start of the first to the
// end of the last.
func (s *Setup) Spent(kind string) time.Duration {
	var end time.Time
	for _, step := range s.Steps {
		if e := step.Start.Add(step.Took); step.Kind == kind && end.Before(e) {
			end = e
		}
	}
	return end.Sub(s.Began(kind))
}

// Began is when the first step of a kind did; zero if there is none.
func (s *Setup) Began(kind string) (begin time.Time) {
	for _, step := range s.Steps {
		if step.Kind == kind && (begin.IsZero() || step.Start.Before(begin)) {
			begin = step.Start
		}
	}
	return begin
}

// TLS is what a handshake agreed upon.
type TLS struct {
	Version, Cipher, Group, Protocol string
	Resumed                          bool
	Expires                          time.Time // zero if no certificate was shown
}

// Detail is what is asked of a single connection.
type Detail struct {
	// Recording is set if reads and writes are noted: the connection's span records.
	Recording bool
	// Part is which part of the connection's life the reads and writes are of, from 1.
	Part   int
	Events []Event // in order of time
	// Left is how many events there was no room for.
	Left int64
}

// The kinds of an [Event].
const (
	EventRead  = "read"
	EventWrite = "write"
	EventMark  = "mark"
)

// An Event is a step in a connection's life.
type Event struct {
	Kind           string
	At             time.Time
	Took           time.Duration // of the mark's lap, or until the turn of direction
	Received, Sent int64
	Operations     int64
	Name           string // of a mark
	Trace          Trace  // of who marked
}

// Ended is a connection that ended.
type Ended struct {
	Identity
	Numbers
	Detail
	At        time.Time
	Reason    string
	ErrorType string
	Error     string
	TCP       TCP
	HasTCP    bool
}

// Failed is a dial that failed.
type Failed struct {
	ID        uint64 // given by the Hub, from 1
	At        time.Time
	Network   string
	Server    string
	Label     string
	Name      string
	Origin    *Origin // nil if it is not known
	Setup     Setup
	ErrorType string
	Error     string
	Trace     Trace
}

// Caller is the package that dialed, empty if it is not known.
func (f *Failed) Caller() string { return f.Origin.caller() }

// Totals are of all connections of a Tracker.
type Totals struct {
	At             time.Time
	Received, Sent int64
	Open           int64
	Ended          int64 // since the Tracker was made
	Broken         int64 // of them, by a fault: reset, timeout, error or leaked
	Failed         int64 // dials, since the Hub was made
	Dialing        int64
}
