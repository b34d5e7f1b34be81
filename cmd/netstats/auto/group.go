package auto

import (
	"maps"
	"time"
)

// A group is the sum of several connections.
type group struct {
	Connections int
	Accepted    int // of them
	Received    int64
	Sent        int64
	Dials       timing // sums
	Dialed      int    // of how many the times are known
	Age         time.Duration
	Callers     tally
	Ends        tally
}

func (g *group) add(r *row) {
	g.Connections++
	if r.Direction == incoming {
		g.Accepted++
	}
	g.Received += r.Received
	g.Sent += r.Sent
	if r.Dial.Total > 0 {
		g.Dialed++
		g.Dials = g.Dials.plus(r.Dial)
	}
	g.Age = max(g.Age, r.Age)
	g.Callers.count(r.Caller)
	g.Ends.count(r.End)
}

func (g *group) clone() *group {
	c := *g
	c.Callers, c.Ends = maps.Clone(g.Callers), maps.Clone(g.Ends)
	return &c
}

// mean is the mean of the dials' times.
func (g *group) mean() timing {
	n := time.Duration(max(g.Dialed, 1))
	return timing{g.Dials.Total / n, g.Dials.DNS / n, g.Dials.Connect / n}
}

// A tally counts by name.
type tally map[string]int

func (t *tally) count(name string) {
	if *t == nil {
		*t = make(tally)
	}
	if _, ok := (*t)[name]; !ok && len(*t) >= maxNames {
		name = otherName
	}
	(*t)[name]++
}
