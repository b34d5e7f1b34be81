package otelnetstats

import (
	"crypto/tls"
	"net"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A handshaking is the TLS that net/http does on top of a connection that an exchange
// dialed. The hooks tell of it without the connection: it is the one that was dialed,
// if there is no doubt.
type handshaking struct {
	conn    *Conn // nil: none was dialed that no request has
	series  *series
	since   time.Time // when the handshake began; zero if none is under way
	unclear bool      // two were dialed
}

// gone notes that a request has the connection, so that TLS is over.
func (h *handshaking) gone(c *Conn) {
	if h.conn == c {
		h.conn = nil
	}
}

// dialed notes that the exchange has dialed a connection. s is the series of the dial.
func (x *exchange) dialed(c *Conn, s *series) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if old := x.secure.conn; old != nil && old != c && !old.rec.Ended() {
		x.secure.unclear = true
	}
	x.secure.conn, x.secure.series, x.secure.since = c, s, time.Time{}
}

// tlsStart is called when a handshake begins.
func (x *exchange) tlsStart() {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.secure.since = connstat.Now()
}

// tlsDone is called when it has ended. With a proxy that is spoken to by TLS, another
// one may follow.
func (x *exchange) tlsDone(state tls.ConnectionState, err error) {
	x.mu.Lock()
	h := x.secure
	x.secure.since = time.Time{}
	x.mu.Unlock()
	if h.conn == nil || h.unclear || h.since.IsZero() {
		return
	}
	took := tlsHandshake(h.since, connstat.Since(h.since), state, err)
	record(exemplarContext(x.span), x.transport.tracker.in.tlsDuration, &h.series.attributeSet, took.Duration, took.outcome())
	h.conn.secured(took)
	h.conn.pooled().secured()
}

// handshaken reports whether TLS is on top of a connection already.
func handshaken(conn net.Conn) bool {
	c, ok := conn.(*tls.Conn)
	return ok && c.ConnectionState().HandshakeComplete
}
