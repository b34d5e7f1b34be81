package connz

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

const (
	// pace is between two looks that rates are of.
	pace = 900 * time.Millisecond
	// share is the part of its time that a look is good for: those who look within
	// it share one. So looks take a hundredth of a core, however many look.
	share = 100
	// idleAfter is how long after a look nothing of it is kept.
	idleAfter = 30 * time.Second
	// pauseAfter is how long after a look the next one tells no rates: they would
	// be those of a time long past.
	pauseAfter = 2 * time.Minute
)

// A lookout looks at the open connections for all who ask. What it knows of single
// connections is forgotten when nobody asks any more.
type lookout struct {
	hub *live.Hub

	mu     sync.Mutex // guards all below; held while the connections are gone through
	last   *look
	base   *look             // the last that rates are of
	known  map[uint64]*known // of connections that the last look found
	sparks int
	timed  bool // a timer runs that forgets
}

// A look is how the open connections were at a time. It does not change.
type look struct {
	at     time.Time
	until  time.Time // it is good
	totals live.Totals
	asked  bool // the kernel was asked about all
	items  []*item
}

// known is what one look leaves to the next.
type known struct {
	id    *live.Identity
	last  *look        // that found it
	moved live.Numbers // by the last look that rates are of, if based is set
	based bool
	rates rates // until then
	spark *spark
}

// look returns how the open connections are. If ask is set, the kernel was asked about
// each of them.
func (l *lookout) look(ask bool) *look {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.hub.Now()
	if l.last != nil && now.Before(l.last.until) && (l.last.asked || !ask) {
		return l.last
	}
	next := &look{at: now, totals: l.hub.Look(), asked: ask}
	if l.last == nil {
		l.known = make(map[uint64]*known)
	} else {
		next.items = make([]*item, 0, len(l.last.items)+8)
	}
	paced := l.base == nil || now.Sub(l.base.at) >= pace
	l.hub.Conns(func(c live.Conn) bool {
		next.items = append(next.items, l.see(c, next, paced))
		return true
	})
	slices.SortFunc(next.items, func(a, b *item) int { return cmp.Compare(a.ID, b.ID) }) // oldest first
	l.drop(next)
	next.until = now.Add(min(share*l.hub.Now().Sub(now), pace))
	l.last = next
	if paced {
		l.base = next
	}
	l.forgetLater()
	return next
}

// see looks at one connection.
func (l *lookout) see(c live.Conn, next *look, paced bool) *item {
	k := l.known[c.ID()]
	if k == nil {
		k = new(known)
		l.known[c.ID()] = k
	}
	k.id = c.Identity(k.id)
	i := &item{Identity: k.id, conn: c, at: next.at, spark: k.spark}
	if next.asked {
		i.tcp, i.asked = c.Ask()
	}
	i.Numbers = c.Numbers()
	if paced {
		k.rates = k.ratesSince(l.base, i)
		if k.spark != nil && k.rates.known {
			k.spark.add(l.base.at, next.at, k.rates)
		}
		k.moved, k.based = i.Numbers, true
	}
	k.last, i.rates = next, k.rates
	return i
}

// ratesSince are those since the look before. A connection that was not found then is
// told of if it has been opened since.
func (k *known) ratesSince(base *look, i *item) rates {
	if base == nil || i.at.Sub(base.at) > pauseAfter || !k.based && i.Opened.Before(base.at) {
		return rates{}
	}
	d := i.at.Sub(base.at).Seconds()
	return rates{
		received: float64(i.Received.Bytes-k.moved.Received.Bytes) / d,
		sent:     float64(i.Sent.Bytes-k.moved.Sent.Bytes) / d,
		known:    true,
	}
}

// drop forgets the connections that the look did not find.
func (l *lookout) drop(next *look) {
	if len(l.known) == len(next.items) {
		return
	}
	for id, k := range l.known {
		if k.last != next {
			if k.spark != nil {
				l.sparks--
			}
			delete(l.known, id)
		}
	}
}

// shown has what the connections move noted from now on, as far as there is room.
func (l *lookout) shown(items []*item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, i := range items {
		if k := l.known[i.ID]; i.conn != nil && k != nil && k.spark == nil && l.sparks < maxSparks {
			k.spark = new(spark)
			l.sparks++
		}
	}
}

// forgetLater has all forgotten some time after the last look. The timer is never
// touched: it arms itself again as long as somebody looks.
func (l *lookout) forgetLater() {
	if l.timed {
		return
	}
	l.timed = true
	time.AfterFunc(idleAfter, func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.timed = false
		if l.hub.Now().Sub(l.last.at) < idleAfter {
			l.forgetLater()
			return
		}
		l.last, l.base, l.known, l.sparks = nil, nil, nil, 0
	})
}
