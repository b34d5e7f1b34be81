package auto

import (
	"context"
	"maps"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// What a summary keeps is bounded: of closed connections each one as long as
// they are few, then their sums by server; of open ones all. The length of their
// names is bounded, too.
const (
	maxRows    = 20
	maxServers = 1000
	maxNames   = 8 // of callers, and of reasons, of one server
	otherName  = "others"
)

// A summary notes what a table at the end of the program needs, as a callback.
type summary struct {
	otelnetstats.NopCallback

	mu       sync.Mutex // guards all below
	open     map[*otelnetstats.Conn]*row
	closed   []row // nil once there were more than maxRows
	many     bool
	servers  map[place]*group
	total    group
	failures map[failure]int
}

var _ otelnetstats.Callback = (*summary)(nil)

func newSummary() *summary {
	return &summary{
		open:     make(map[*otelnetstats.Conn]*row),
		servers:  make(map[place]*group),
		failures: make(map[failure]int),
	}
}

// A place is where connections are made to, or accepted.
type place struct {
	Server    string
	Direction direction
}

// A direction says who opened a connection.
type direction string

const (
	outgoing direction = "out"   // dialed
	incoming direction = "in"    // accepted
	bound    direction = "bound" // a socket that takes packets from anybody
)

func directionOf(c *otelnetstats.Conn) direction {
	switch {
	case c.Role() == "client":
		return outgoing
	case c.RemoteAddr() != nil:
		return incoming
	}
	return bound
}

// A row is one connection.
type row struct {
	place
	Network  string
	Caller   string // the package that dialed, or the host that did
	Received int64
	Sent     int64
	Dial     timing
	Age      time.Duration
	End      string
}

// A failure is a reason why a server could not be dialed.
type failure struct{ Server, Reason string }

// Open implements otelnetstats.Callback.
func (s *summary) Open(_ context.Context, c *otelnetstats.Conn) {
	server := c.Address()
	if server == "" {
		server = c.Network()
	}
	r := &row{place: place{cut(server, maxName), directionOf(c)}, Network: cut(c.Network(), maxName), Caller: cut(openedBy(c), maxName)}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open[c] = r
}

// openedBy is who opened a connection: a package of the program, or else another
// host. The port that host chose tells nothing.
func openedBy(c *otelnetstats.Conn) string {
	if directionOf(c) != incoming {
		return c.Caller()
	}
	peer := c.RemoteAddr().String()
	if host, _, err := net.SplitHostPort(peer); err == nil {
		return host
	}
	return peer
}

// Close implements otelnetstats.Callback.
func (s *summary) Close(_ context.Context, c *otelnetstats.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.open[c]
	if !ok {
		return
	}
	delete(s.open, c)
	r.read(c, time.Now())
	s.group(r.place).add(r)
	s.total.add(r)
	if s.many = s.many || len(s.closed) >= maxRows; s.many {
		s.closed = nil
		return
	}
	s.closed = append(s.closed, *r)
}

// read takes the connection's numbers.
func (r *row) read(c *otelnetstats.Conn, now time.Time) {
	stats := c.Stats()
	r.Received, r.Sent = stats.Received.Bytes, stats.Sent.Bytes
	r.Age = now.Sub(stats.Opened)
	r.Dial = timingOf(c.Setup())
	if r.End = string(c.CloseReason()); r.End == "" {
		r.End = "open"
	}
}

// group returns that of a place, or that of the others.
func (s *summary) group(at place) *group {
	g, ok := s.servers[at]
	if !ok && len(s.servers) >= maxServers {
		at.Server = otherName
		g, ok = s.servers[at]
	}
	if !ok {
		g = new(group)
		s.servers[at] = g
	}
	return g
}

// DialError implements otelnetstats.Callback.
func (s *summary) DialError(_ context.Context, _, address string, err error) {
	f := failure{cut(address, maxName), reasonOf(err)}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.failures[f]; !ok && len(s.failures) >= maxServers {
		f = failure{Server: otherName, Reason: "various"}
	}
	s.failures[f]++
}

// report returns what is known by now.
func (s *summary) report(now time.Time) *report {
	s.mu.Lock()
	defer s.mu.Unlock()
	rows := slices.Clone(s.closed)
	servers := make(map[place]*group, len(s.servers))
	for at, g := range s.servers {
		servers[at] = g.clone()
	}
	total := s.total.clone()
	for c, r := range s.open {
		r := *r
		r.read(c, now)
		rows = append(rows, r)
		g, ok := servers[r.place]
		if !ok {
			g = new(group)
			servers[r.place] = g
		}
		g.add(&r)
		total.add(&r)
	}
	if s.many || len(rows) > maxRows {
		rows = nil
	}
	return newReport(rows, servers, total, maps.Clone(s.failures))
}
