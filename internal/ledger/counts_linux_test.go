package ledger

import (
	"fmt"
	"sync/atomic"
)

// A direction is the way that bytes go, as seen from an endpoint.
type direction int

const (
	received direction = iota
	sent
)

var directions = [...]direction{received, sent}

func (d direction) String() string { return [...]string{"received", "sent"}[d] }

// counts are numbers by direction: of bytes, if nothing else is said.
type counts [len(directions)]int64

func (c counts) String() string { return fmt.Sprintf("%d received, %d sent", c[received], c[sent]) }

func (c counts) plus(d counts) counts {
	return counts{c[received] + d[received], c[sent] + d[sent]}
}

// atomicCounts are counts for concurrent use.
type atomicCounts [len(directions)]atomic.Int64

func (c *atomicCounts) load() counts { return counts{c[received].Load(), c[sent].Load()} }
