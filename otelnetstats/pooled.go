package otelnetstats

import (
	"sync"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A pooled is a connection as the pool of a [Transport] knows it: idle until a
// request gets it, and when the last one is over. With HTTP/2 several have it at
// once; with HTTP/1, too, for a moment: net/http tells that one is over when the next
// may have begun.
//
// Its methods are safe for concurrent use. A nil pooled is that of a connection in
// no pool.
type pooled struct {
	series *series // of the pool
	timed  bool    // how long the connection is open is recorded for the pool

	mu     sync.Mutex // guards all below
	begun  int64      // requests that were given the connection
	active int        // of which are not over
	secure bool       // net/http has done TLS on top
	left   bool       // the connection has ended
}

// join notes that a connection is in a pool, unless it is in one.
func (c *Conn) join(p *pooled) {
	if !c.membership().pooled.CompareAndSwap(nil, p) {
		return
	}
	p.series.pool.open.Add(1)
	if c.rec.Ended() { // when it was in none, perhaps
		c.leave()
	}
}

// leave notes that the connection has ended.
func (c *Conn) leave() {
	p := c.pooled()
	if p == nil || !p.leave() || !p.timed {
		return
	}
	record(exemplarContext(c.live()), c.tracker.in.http.duration, &p.series.attributeSet, connstat.Since(c.rec.Opened), none)
}

// begin notes that a request was given the connection.
func (p *pooled) begin() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.begun++
	p.active++
	p.series.pool.got(p.begun > 1)
	if p.active == 1 && !p.left {
		p.series.pool.active.Add(1)
	}
}

// end notes that one of them is over.
func (p *pooled) end() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.active--
	if p.active == 0 && !p.left {
		p.series.pool.active.Add(-1)
	}
}

// leave notes that the connection has ended, with the requests that have it. It
// reports whether that is new.
func (p *pooled) leave() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return false
	}
	p.left = true
	if p.active > 0 {
		p.series.pool.active.Add(-1)
	}
	p.series.pool.open.Add(-1)
	return true
}

// requests counts them.
func (p *pooled) requests() Requests {
	if p == nil {
		return Requests{}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.left {
		return Requests{Served: p.begun}
	}
	return Requests{Served: p.begun - int64(p.active), Active: p.active}
}

// secured notes that net/http has done TLS on top, or has tried to.
func (p *pooled) secured() {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.secure = true
}

// isSecured reports whether it has.
func (p *pooled) isSecured() bool {
	if p == nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.secure
}
