package connz

import (
	"cmp"
	"slices"
	"strings"
)

// What connections can be grouped by.
const (
	groupServer = "server"
	groupCaller = "caller"
)

// A group is connections, or dials that failed, with something in common.
type group struct {
	name           string
	count          int
	received, sent int64
	rates          rates
	states         map[string]int
	idle           int // of those that are open: nothing was found to have moved for a minute
}

// groupsOf adds up, the largest group first.
func groupsOf(items []*item, by string) []*group {
	byName := make(map[string]*group)
	for _, i := range items {
		name := i.place()
		if by == groupCaller {
			name = i.Caller()
		}
		g := byName[name]
		if g == nil {
			g = &group{name: name, states: make(map[string]int)}
			byName[name] = g
		}
		g.add(i)
	}
	groups := make([]*group, 0, len(byName))
	for _, g := range byName {
		groups = append(groups, g)
	}
	slices.SortFunc(groups, func(a, b *group) int {
		return cmp.Or(cmp.Compare(b.count, a.count), strings.Compare(a.name, b.name))
	})
	return groups
}

func (g *group) add(i *item) {
	g.count++
	g.received += i.Received.Bytes
	g.sent += i.Sent.Bytes
	g.rates.received += i.rates.received
	g.rates.sent += i.rates.sent
	g.rates.known = g.rates.known || i.rates.known
	g.states[i.state()]++
	if i.conn != nil && i.idle().Minutes() >= 1 {
		g.idle++
	}
}

// mix says how many are in which state, the most frequent first.
func (g *group) mix() string {
	names := make([]string, 0, len(g.states))
	for name := range g.states {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(g.states[b], g.states[a]), strings.Compare(a, b))
	})
	parts := make([]string, 0, len(names))
	for _, name := range names {
		parts = append(parts, count(int64(g.states[name]))+" "+name)
	}
	return strings.Join(parts, ", ")
}
