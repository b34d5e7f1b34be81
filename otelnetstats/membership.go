package otelnetstats

import "sync/atomic"

// A membership says what a connection belongs to. Most belong to nothing, and have
// none.
type membership struct {
	capture *Capture // nil unless a capture tracks it
	pooled  atomic.Pointer[pooled]
}

// membership returns the connection's, made at first use.
func (c *Conn) membership() *membership {
	if m := c.member.Load(); m != nil {
		return m
	}
	c.member.CompareAndSwap(nil, new(membership))
	return c.member.Load()
}

// pooled is what the connection is to a pool, nil if it is in none.
func (c *Conn) pooled() *pooled {
	if m := c.member.Load(); m != nil {
		return m.pooled.Load()
	}
	return nil
}
