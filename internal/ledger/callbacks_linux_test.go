package ledger

import (
	"context"
	"sync"

	"github.com/netstats-go/netstats/otelnetstats"
)

// callbackBytes is a callback that adds up the bytes of connections.
type callbackBytes struct {
	otelnetstats.NopCallback
	conns sync.Map // of *atomicCounts, by ID
}

var _ otelnetstats.IOCallback = (*callbackBytes)(nil)

// Open begins with the connection.
func (b *callbackBytes) Open(_ context.Context, c *otelnetstats.Conn) {
	b.conns.Store(c.ID(), new(atomicCounts))
}

// Read adds n bytes received.
func (b *callbackBytes) Read(_ context.Context, c *otelnetstats.Conn, n int) { b.add(c, received, n) }

// Write adds n bytes sent.
func (b *callbackBytes) Write(_ context.Context, c *otelnetstats.Conn, n int) { b.add(c, sent, n) }

func (b *callbackBytes) add(c *otelnetstats.Conn, d direction, n int) {
	if sums, ok := b.conns.Load(c.ID()); ok {
		sums.(*atomicCounts)[d].Add(int64(n))
	}
}

// take returns the bytes of an endpoint, and forgets them.
func (b *callbackBytes) take(e *endpoint) counts {
	v, ok := b.conns.LoadAndDelete(e.record.ID())
	if !ok {
		e.errorf("callback Open was not called")
		return counts{}
	}
	return v.(*atomicCounts).load()
}
