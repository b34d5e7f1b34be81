package connz

import (
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// A sheet is what a view shows at a time. The page, the text and JSON are made of it.
type sheet struct {
	view
	at      time.Time
	since   time.Time // when notes began to be taken
	over    bool      // the Tracker was shut down
	totals  live.Totals
	history []live.Totals
	kept    map[string]int // by state, how many there are to look at
	matched int
	items   []*item // in order, at most limit
	groups  []*group
	detail  *item // what the view has opened, nil if it is not there any more
}

// sheet takes down what a view shows.
func (h *handler) sheet(v view) *sheet {
	look := h.lookout.look(v.asksKernel())
	ended, _ := h.hub.Ended()
	failed, _ := h.hub.Failed()
	s := &sheet{
		view: v, at: look.at, since: h.hub.Since(), over: h.hub.Down(),
		totals: look.totals, history: h.hub.History(),
		kept: map[string]int{"open": len(look.items), "closed": len(ended), "failed": len(failed)},
	}
	all := map[string]func() []*item{
		"open":   func() []*item { return look.items },
		"closed": func() []*item { return itemsOf(ended, endedItem) },
		"failed": func() []*item { return itemsOf(failed, failedItem) },
	}
	s.choose(all[v.state]())
	s.items = askAll(s.items)
	h.lookout.shown(s.items)
	if v.open != "" {
		s.find(all)
	}
	return s
}

func itemsOf[T any](all []*T, itemOf func(*T) *item) []*item {
	items := make([]*item, len(all))
	for i, v := range all {
		items[i] = itemOf(v)
	}
	return items
}

// choose takes those of the items that the view shows.
func (s *sheet) choose(all []*item) {
	var matching []*item
	for _, i := range all {
		if i = s.seen(i); s.filter.match(i) {
			matching = append(matching, i)
		}
	}
	s.matched = len(matching)
	if s.group != "" {
		s.groups = groupsOf(matching, s.group)
		s.groups = s.groups[:min(len(s.groups), s.limit)]
		return
	}
	s.order(matching)
	s.items = matching[:min(len(matching), s.limit)]
}

// seen is the item as who looks may see it.
func (s *sheet) seen(i *item) *item {
	if s.names {
		return i
	}
	return i.hidden()
}

// askAll returns the items with what the kernel says of each.
func askAll(items []*item) []*item {
	for n, i := range items {
		if i.conn != nil && !i.asked {
			asked := *i
			asked.tcp, asked.asked = i.conn.Ask()
			items[n] = &asked
		}
	}
	return items
}

// find looks for what is shown in detail: it may be in another state by now.
func (s *sheet) find(all map[string]func() []*item) {
	for _, state := range []string{s.state, "open", "closed", "failed"} {
		for _, i := range all[state]() {
			if i.id() == s.open {
				s.detail = askAll([]*item{s.seen(i)})[0]
				return
			}
		}
	}
}

// rates are the totals' of late.
func (s *sheet) rates() rates {
	if n := len(s.history); n > 0 {
		for i := n - 1; i >= 0; i-- {
			if d := s.totals.At.Sub(s.history[i].At); d >= pace/2 {
				return ratesBetween(s.history[i], s.totals)
			}
		}
	}
	return rates{}
}

func ratesBetween(a, b live.Totals) rates {
	d := b.At.Sub(a.At).Seconds()
	return rates{
		received: float64(b.Received-a.Received) / d,
		sent:     float64(b.Sent-a.Sent) / d,
		known:    true,
	}
}

// A sample is what moved in a part of the last minutes.
type sample struct {
	from, to     time.Time
	rates        rates
	open, failed int64
}

// samples are the last minutes, oldest first. Totals that were noted shortly after
// others are left out, as rates of so short a time jump.
func (s *sheet) samples() (all []sample) {
	if len(s.history) == 0 {
		return nil
	}
	last := s.history[0]
	for _, t := range s.history[1:] {
		if t.At.Sub(last.At) < pace {
			continue
		}
		all = append(all, sample{from: last.At, to: t.At, rates: ratesBetween(last, t), open: t.Open, failed: t.Failed - last.Failed})
		last = t
	}
	return all
}
