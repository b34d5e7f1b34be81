package otelnetstats

import (
	"context"
	"net"
	"net/http/httptrace"
	"sync"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
)

// exchangeKey is the key of an *exchange.
type exchangeKey struct{}

// An exchange is a request of a Transport and its response. It is a context, too:
// that of the request, as net/http gets it and the response's Request has it.
//
// net/http tells of it by hooks, in several goroutines, and also after the response
// is there: of a dial that is no longer waited for. A nil exchange is that of a dial
// that belongs to none.
type exchange struct {
	context.Context            // of the request
	connSlot                   // the connection that has it, or had it last
	user            *connSlot  // the user's slot, nil if there is none
	span            trace.Span // the one in Context
	transport       *Transport
	hooks           httptrace.ClientTrace
	answering       atomic.Bool // something of the response is there

	mu     sync.Mutex // guards all below
	pool   *series    // that a connection is waited for of; nil if it is not
	since  time.Time
	has    use // until the exchange is over
	secure handshaking
}

// A use is that of a connection by an exchange. The zero use is none.
type use struct {
	conn   *Conn   // nil if the connection cannot be tracked
	pooled *pooled // nil if it is in no pool of the Tracker's
}

func (t *Transport) newExchange(ctx context.Context) *exchange {
	return &exchange{
		Context:   ctx,
		user:      openSlotIn(ctx),
		span:      trace.SpanFromContext(ctx),
		transport: t,
	}
}

// exchangeIn returns the exchange that a dial is made for.
func exchangeIn(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// Value has the context lead to the exchange and to its connection.
func (x *exchange) Value(key any) any {
	switch key.(type) {
	case connKey:
		return &x.connSlot
	case exchangeKey:
		return x
	}
	return x.Context.Value(key)
}

// traced is the context that has net/http tell. The user's own hooks are called
// after these.
func (x *exchange) traced() context.Context {
	x.hooks = httptrace.ClientTrace{
		GetConn:           x.getConn,
		GotConn:           x.gotConn,
		PutIdleConn:       x.putIdleConn,
		TLSHandshakeStart: x.tlsStart,
		TLSHandshakeDone:  x.tlsDone,
	}
	if x.transport.config.marks {
		x.hooks.WroteRequest = x.wroteRequest
		x.hooks.GotFirstResponseByte = x.firstByte
	}
	return httptrace.WithClientTrace(x, &x.hooks)
}

// getConn is called when the request wants a connection: again after one was of no
// use.
func (x *exchange) getConn(address string) {
	s := x.transport.pool(x.Context, address, false)
	x.mu.Lock()
	defer x.mu.Unlock()
	x.stopWaiting()
	x.pool, x.since = s, connstat.Now()
	s.pool.waiting.Add(1)
}

// gotConn is called when it has one.
func (x *exchange) gotConn(info httptrace.GotConnInfo) {
	u := x.transport.use(info.Conn)
	x.mu.Lock()
	pool := x.stopWaiting()
	failed := x.has // as there was an attempt before this one
	x.has = u
	x.secure.gone(u.conn)
	x.mu.Unlock()

	failed.pooled.end()
	u.pooled.begin()
	if !info.WasIdle {
		x.recordWait(pool, nil)
	}
	if u.conn != nil {
		x.keep(u.conn)
		u.conn.link(x.span)
	}
}

// use is the use of a connection that net/http has from the Transport's dial.
func (t *Transport) use(conn net.Conn) use {
	c, ok := Lookup(conn)
	if !ok {
		return use{pooled: t.tracker.strangers.find(conn)}
	}
	return use{c, c.pooled()}
}

// keep has the contexts lead to the connection.
func (x *exchange) keep(c *Conn) {
	x.conn.Store(c)
	if x.user != nil {
		x.user.conn.Store(c)
	}
}

// stopWaiting returns what was waited for, nil if nothing was. The caller holds the
// lock.
func (x *exchange) stopWaiting() (pool *series) {
	pool, x.pool = x.pool, nil
	if pool != nil {
		pool.pool.waiting.Add(-1)
	}
	return pool
}

// recordWait records how long a connection was waited for, in vain if err is not nil.
// One that was idle was not waited for.
func (x *exchange) recordWait(pool *series, err error) {
	if pool == nil {
		return
	}
	record(exemplarContext(x.span), x.transport.tracker.in.http.wait, &pool.attributeSet, connstat.Since(x.since), failure(err))
}

// fail is called when there will be no response.
func (x *exchange) fail(err error) {
	x.mu.Lock()
	pool := x.stopWaiting()
	x.mu.Unlock()
	x.recordWait(pool, err)
	x.release().pooled.end()
}

// release takes the connection from the exchange, if it has one.
func (x *exchange) release() (u use) {
	x.mu.Lock()
	defer x.mu.Unlock()
	u, x.has = x.has, use{}
	return u
}

// over is called when the response is over, by whoever sees it first.
func (x *exchange) over() {
	u := x.release()
	if u.conn != nil && x.transport.config.marks {
		x.markOn(u.conn, markBodyDone)
	}
	u.pooled.end()
}

// putIdleConn is called when the connection of an HTTP/1 response that is over is in
// the pool again, or was refused there.
func (x *exchange) putIdleConn(error) { x.over() }
