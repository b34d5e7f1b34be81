package otelnetstats

import (
	"net/http/httptrace"

	"go.opentelemetry.io/otel/attribute"
)

// The names of the marks that [WithRequestMarks] has made.
const (
	markRequestSent = "request sent"
	markFirstByte   = "first byte"
	markBodyDone    = "body done"
)

// wroteRequest is called when the request is sent, or could not be. With HTTP/2 it may
// be called late.
func (x *exchange) wroteRequest(info httptrace.WroteRequestInfo) {
	if info.Err == nil && !x.answering.Load() {
		x.mark(markRequestSent)
	}
}

// firstByte is called when something of the response is there.
func (x *exchange) firstByte() {
	x.answering.Store(true)
	x.mark(markFirstByte)
}

// mark marks the connection, if the exchange has one.
func (x *exchange) mark(name string) {
	x.mu.Lock()
	c := x.has.conn
	x.mu.Unlock()
	if c != nil {
		x.markOn(c, name)
	}
}

// markOn marks a connection for the exchange, and says if others have it, too.
func (x *exchange) markOn(c *Conn, name string) {
	var attrs []attribute.KeyValue
	if n := c.Requests().Active; n > 1 {
		attrs = append(attrs, keyActiveRequests.Int(n))
	}
	c.mark(x.Context, name, attrs)
}
