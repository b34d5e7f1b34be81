package connz

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const (
	maxRows     = 200    // on the page, and of JSON if nothing else is asked
	maxJSONRows = 10_000 // of JSON
)

// A view is what a request asks to see.
type view struct {
	state  string // open, closed or failed
	query  string
	filter filter
	sort   *column // nil: as they come
	down   bool    // largest first
	group  string  // server or caller; empty: single ones
	open   string  // the id of what is shown in detail
	limit  int
	names  bool // may see addresses and names
}

// parseView understands a query. What is wrong in it is left out of the view, which
// is good in any case.
func parseView(q url.Values, names bool, limit int) (view, error) {
	v := view{state: "open", limit: min(limit, maxRows), names: names, query: cut(q.Get("q")), open: cut(q.Get("open"))}
	return v, errors.Join(
		v.parseState(q.Get("state")), // before sort, as each state has columns of its own
		v.parseFilter(q.Get("q")),
		v.parseSort(q.Get("sort")),
		v.parseGroup(q.Get("group")),
		v.parseLimit(q.Get("limit"), limit),
	)
}

func (v *view) parseState(s string) error {
	if s == "" {
		return nil
	}
	if columns[s] == nil {
		return fmt.Errorf("state %q: there are open, closed and failed", cut(s))
	}
	v.state = s
	return nil
}

func (v *view) parseFilter(s string) (err error) {
	v.filter, err = parseFilter(s)
	return err
}

func (v *view) parseSort(s string) error {
	name, down := strings.CutPrefix(s, "-")
	if name == "" {
		return nil
	}
	c := columnOf(v.state, name)
	if c == nil {
		return fmt.Errorf("sort by %q: what is %s has no such column", cut(name), v.state)
	}
	v.sort, v.down = c, down
	return nil
}

func (v *view) parseGroup(s string) error {
	switch s {
	case "", groupServer, groupCaller:
		v.group = s
		return nil
	}
	return fmt.Errorf("group by %q: there are %s and %s", cut(s), groupServer, groupCaller)
}

func (v *view) parseLimit(s string, most int) error {
	if s == "" {
		return nil
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		return fmt.Errorf("limit %q: a number is wanted, from 1 to %d", cut(s), most)
	}
	v.limit = min(n, most)
	return nil
}

// asksKernel reports whether the kernel is to be asked about each connection.
func (v *view) asksKernel() bool {
	return v.filter.asksKernel() || v.group != "" || v.sort != nil && v.sort.kernel
}

// order puts items in the view's order. What is equal stays as it was.
func (v *view) order(items []*item) {
	if v.sort == nil {
		return
	}
	slices.SortStableFunc(items, func(a, b *item) int {
		if v.down {
			a, b = b, a
		}
		return v.sort.compare(a, b)
	})
}

// link is the query of a view that is another one in some ways, given as names and
// values; an empty value leaves a name out.
func (v *view) link(changes ...string) string {
	q := make(url.Values)
	set := func(name, value string) {
		q.Del(name)
		if value != "" {
			q.Set(name, value)
		}
	}
	if v.state != "open" {
		set("state", v.state)
	}
	set("q", v.query)
	set("sort", v.sortName())
	set("group", v.group)
	set("open", v.open)
	for i := 0; i+1 < len(changes); i += 2 {
		set(changes[i], changes[i+1])
	}
	return "?" + q.Encode()
}

// sortName is the order as URLs have it.
func (v *view) sortName() string {
	switch {
	case v.sort == nil:
		return ""
	case v.down:
		return "-" + v.sort.name
	}
	return v.sort.name
}

// sortLink is the query that sorts by a column: numbers with the largest first, and
// the other way round if that is so already.
func (v *view) sortLink(c *column) string {
	down := c.number
	if v.sort != nil && v.sort.name == c.name {
		down = !v.down
	}
	name := c.name
	if down {
		name = "-" + name
	}
	return v.link("sort", name, "open", "")
}

// cut bounds what a request has shown again.
func cut(s string) string { return s[:min(len(s), maxFilter)] }
