package ledger

import (
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// control makes a call that moves no byte.
func (c *caller) control() {
	c.countCall()
	if c.random.IntN(16) == 0 {
		c.tracker.metrics.collect()
		return
	}
	c.history.mu.Lock()
	defer c.history.mu.Unlock()
	switch c.random.IntN(10) {
	case 0:
		c.reset(otelnetstats.Reset)
	case 1:
		c.reset(otelnetstats.ResetAll)
	case 2, 3, 4:
		c.mark()
	case 5, 6:
		c.setDeadline()
	default:
		c.readStats()
	}
}

// setDeadline sets a deadline that passes soon, has passed, or never passes.
func (c *caller) setDeadline() {
	at := time.Now().Add(time.Duration(c.random.IntN(2000)-500) * time.Microsecond)
	if c.random.IntN(4) == 0 {
		at = time.Time{}
	}
	set := []func(time.Time) error{c.conn.SetDeadline, c.conn.SetReadDeadline, c.conn.SetWriteDeadline}
	_ = set[c.random.IntN(len(set))](at) // fails once closed
}
