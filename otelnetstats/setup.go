package otelnetstats

import (
	"crypto/tls"
	"slices"
	"time"
)

// A Setup says how a connection came about: the steps of its dial, each with the
// time it took. It is a copy, and belongs to the caller.
//
// Steps are known where package net's hooks tell of them, or the dial was one of
// an IP address. A Base that looks names up in its own way has none; of a dial
// function that dials an IP address, they are known if the dial's span records.
type Setup struct {
	// Start is when the dial began. It is zero for connections that were not
	// dialed: accepted and registered ones.
	Start time.Time
	// Total is how long the dial took, with TLS if [Dialer.TLS] did the handshake.
	// It is zero as long as the dial lasts.
	Total time.Duration
	// Lookups are the names that were looked up, usually one: none where an IP
	// address was dialed.
	Lookups []DNSLookup
	// Connects are the attempts to connect, one for each address tried, in the
	// order in which they began; at most 32.
	Connects []ConnectAttempt
	// TLS is the handshake on top of the connection, as far as this package did
	// it. It is zero if there was none.
	TLS TLSHandshake
}

// A DNSLookup is a step of a [Setup]: a name was looked up.
type DNSLookup struct {
	// Name is what was looked up, without a port.
	Name     string
	Start    time.Time
	Duration time.Duration
	// Addresses is how many were found.
	Addresses int
	// Err is nil on success.
	Err error
}

// A ConnectAttempt is a step of a [Setup]: one address was tried.
type ConnectAttempt struct {
	Start    time.Time
	Duration time.Duration
	// Network and Address are as package net has them: "tcp" and host:port, or the
	// path of a unix socket.
	Network, Address string
	// Err is nil if the attempt was successful. It is context.Canceled if it was
	// given up because another one was.
	Err error
}

// A TLSHandshake is a step of a [Setup].
type TLSHandshake struct {
	Start    time.Time
	Duration time.Duration
	// Version is one of the versions of package tls, and CipherSuite one of its
	// suites, as in [tls.ConnectionState]. Group is how the key was exchanged.
	Version, CipherSuite uint16
	Group                tls.CurveID
	// NextProtocol is the protocol that was agreed upon, "h2" for example; empty if
	// there was none.
	NextProtocol string
	// Resumed reports whether the session is that of an earlier connection.
	Resumed bool
	// CertificateExpiry is when the first of the peer's certificates expires that
	// lead to its name. It is zero if the peer showed none.
	CertificateExpiry time.Time
	// Err is nil on success.
	Err error
}

// Setup says how the connection came about. What was tried to connect is known
// before Open is called, and TLS and the whole when the dial has returned; in a
// capture build all of it then. The zero Setup is that of a connection that was
// not dialed.
func (c *Conn) Setup() Setup {
	if c.zero() {
		return Setup{}
	}
	switch s := c.setup.Load(); s {
	case nil:
		return c.setupOfTime()
	case oneStep:
		return c.setupOfAddress()
	default:
		return s.clone()
	}
}

// oneStep stands for the setup of a connection whose address was dialed as such:
// the connection knows it all.
var oneStep = new(Setup)

// dialedBy notes how the connection came about, when its dial has connected. The
// first dial that knows of steps is it: a nested one knows of none.
func (c *Conn) dialedBy(d *dial) {
	c.dialed.CompareAndSwap(0, int64(d.took))
	switch {
	case d.single:
		c.setup.CompareAndSwap(nil, oneStep)
	case d.steps != nil:
		c.setup.CompareAndSwap(nil, d.setup)
	}
}

// secured notes a handshake on top of the connection.
func (c *Conn) secured(h TLSHandshake) {
	s := c.Setup()
	s.TLS = h
	s.Total = h.Start.Add(h.Duration).Sub(s.Start)
	c.setup.Store(&s)
}

// setupOfTime is what is known if no steps are.
func (c *Conn) setupOfTime() Setup {
	took := time.Duration(c.dialed.Load())
	if took == 0 {
		return Setup{}
	}
	return Setup{Start: c.rec.Opened.Add(-took), Total: took}
}

func (c *Conn) setupOfAddress() Setup {
	s := c.setupOfTime()
	if c.rec.Remote != nil {
		s.Connects = []ConnectAttempt{{Start: s.Start, Duration: s.Total, Network: c.Network(), Address: textOf(c.rec.Remote)}}
	}
	return s
}

func (s *Setup) clone() Setup {
	c := *s
	c.Lookups, c.Connects = slices.Clone(s.Lookups), slices.Clone(s.Connects)
	return c
}

// tlsHandshake describes a handshake that began at start and has ended.
func tlsHandshake(start time.Time, took time.Duration, state tls.ConnectionState, err error) TLSHandshake {
	h := TLSHandshake{Start: start, Duration: took, Err: err}
	if err != nil {
		return h
	}
	h.Version, h.CipherSuite, h.Group = state.Version, state.CipherSuite, state.CurveID
	h.NextProtocol, h.Resumed = state.NegotiatedProtocol, state.DidResume
	for _, cert := range state.PeerCertificates {
		if h.CertificateExpiry.IsZero() || cert.NotAfter.Before(h.CertificateExpiry) {
			h.CertificateExpiry = cert.NotAfter
		}
	}
	return h
}
