package connstat_test

import (
	"sync/atomic"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/tcpinfo"
)

// A group is what connections share.
type group struct {
	set    connstat.OpenSet
	totals connstat.Totals
}

// A life is a Record that is its own owner, and in its group's set while
// it is open, as a tracker has them.
type life struct {
	connstat.Record
	group                   *group
	ended, closed, revealed atomic.Int64

	// What is called when the owner is told; nil for nothing.
	atEnd              func(info tcpinfo.Info, asked bool)
	atClosed, atReveal func()
}

func (g *group) open(c connstat.Config) *life {
	l := g.prepare(c)
	g.set.Add(&l.Record)
	return l
}

// prepare returns a life that is not in the set yet.
func (g *group) prepare(c connstat.Config) *life {
	l := &life{group: g}
	c.Totals, c.Set = &g.totals, &g.set
	l.Init(l, c)
	return l
}

func (l *life) Ended(info tcpinfo.Info, asked bool) {
	l.ended.Add(1)
	if l.atEnd != nil {
		l.atEnd(info, asked)
	}
}

func (l *life) Revealed(any, any) {
	l.revealed.Add(1)
	if l.atReveal != nil {
		l.atReveal()
	}
}

func (l *life) Closed() {
	l.closed.Add(1)
	if l.atClosed != nil {
		l.atClosed()
	}
	l.group.set.Remove(&l.Record)
}

// folded brings the totals up to date and returns them.
func (g *group) folded() (received, sent connstat.Flow) {
	g.set.Fold()
	return g.totals.Flows()
}
