package netstatstest

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// A Budget is an upper limit of one figure, for the whole of the test unless it is
// within [For] or [EachServer]. It is an [Option].
type Budget struct {
	figure *figure
	limit  int64
}

// A figure is something that is measured of connections.
type figure struct {
	option string // the name of the function that limits it
	attr   string // the name of the test's attribute
	of     func([]*entry) int64
	text   func(int64) string
	guilty func(*entry) bool // those of which the figure is made
}

// The figures, in the order in which they are reported.
var (
	dials    = &figure{"MaxDials", "netstats.dials", countOf(dialed), counted("dial", "dials"), dialed}
	failures = &figure{"MaxFailedDials", "netstats.dials.failed", countOf(failed), counted("failed dial", "failed dials"), failed}
	lookups  = &figure{"MaxLookups", "netstats.lookups", lookedUp, counted("DNS lookup", "DNS lookups"), func(e *entry) bool { return lookupsOf(e) > 0 }}
	dialTime = &figure{"MaxDialTime", "netstats.dial.max", slowest, func(n int64) string { return "a dial of " + duration(n) }, dialed}
	open     = &figure{"MaxOpen", "netstats.open.max", openAtOnce, func(n int64) string { return counted("connection", "connections")(n) + " open at once" }, connected}
	received = &figure{"MaxReceived", "netstats.received", sum(receivedBy), func(n int64) string { return size(n) + " received" }, connected}
	sent     = &figure{"MaxSent", "netstats.sent", sum(sentBy), func(n int64) string { return size(n) + " sent" }, connected}
	idle     = &figure{"MaxIdle", "netstats.idle", countOf(wasIdle), func(n int64) string { return counted("connection", "connections")(n) + " idle in pools" }, wasIdle}
	leaks    = &figure{"MaxLeaks", "netstats.leaks", countOf(wasLeaked), counted("leaked connection", "leaked connections"), wasLeaked}

	figures = []*figure{dials, failures, lookups, dialTime, open, received, sent, idle, leaks}
)

// MaxDials limits the dials: the connections that were opened, and the attempts that
// failed. MaxDials(0) also says that none is expected.
func MaxDials(n int) Budget { return Budget{dials, int64(n)} }

// MaxFailedDials limits the dials that failed.
func MaxFailedDials(n int) Budget { return Budget{failures, int64(n)} }

// MaxLookups limits how often names were looked up for connections that were opened.
func MaxLookups(n int) Budget { return Budget{lookups, int64(n)} }

// MaxDialTime limits how long each dial took that opened a connection: with the lookup
// of its name and, if [otelnetstats.Dialer.TLS] did it, the TLS handshake.
func MaxDialTime(d time.Duration) Budget { return Budget{dialTime, int64(d)} }

// MaxOpen limits how many connections were open at once.
func MaxOpen(n int) Budget { return Budget{open, int64(n)} }

// MaxReceived limits the bytes that were received, of TLS the encrypted ones. They
// are those since the latest [otelnetstats.Reset].
func MaxReceived(bytes int64) Budget { return Budget{received, bytes} }

// MaxSent limits the bytes that were sent; see [MaxReceived].
func MaxSent(bytes int64) Budget { return Budget{sent, bytes} }

// MaxIdle limits the connections that were idle when the test ended, in pools that
// the [Watcher] knows; see [Watcher.Pool].
func MaxIdle(n int) Budget { return Budget{idle, int64(n)} }

// MaxLeaks limits the connections that leaked, and is 0 unless set: those that were
// neither closed when the test ended nor idle in a pool that the [Watcher] knows, and
// those that the garbage collector found to be dropped. Within [For] it is for that
// server, while others may have none.
func MaxLeaks(n int) Budget { return Budget{leaks, int64(n)} }

func (b Budget) apply(w *Watcher) error { return w.add(scoped{budget: b}) }

// String is as the budget was given.
func (b Budget) String() string {
	switch b.figure {
	case nil:
		return "Budget{}"
	case dialTime:
		return fmt.Sprintf("MaxDialTime(%v)", time.Duration(b.limit))
	}
	return fmt.Sprintf("%s(%d)", b.figure.option, b.limit)
}

// A scoped budget is kept by all connections, by those to one server, or by those to
// each server.
type scoped struct {
	budget Budget
	server string
	each   bool
	except []string // servers that have one of their own
}

func (s scoped) String() string {
	switch {
	case s.each:
		return fmt.Sprintf("EachServer(%v)", s.budget)
	case s.server != "":
		return fmt.Sprintf("For(%q, %v)", s.server, s.budget)
	}
	return s.budget.String()
}

func dialed(e *entry) bool    { return !e.lookup() }
func failed(e *entry) bool    { return !e.lookup() && e.err != nil }
func connected(e *entry) bool { return !e.lookup() && e.err == nil }
func wasIdle(e *entry) bool   { return e.pooled }
func wasLeaked(e *entry) bool { return e.leaked }

func countOf(is func(*entry) bool) func([]*entry) int64 {
	return sum(func(e *entry) int64 {
		if is(e) {
			return 1
		}
		return 0
	})
}

func sum(of func(*entry) int64) func([]*entry) int64 {
	return func(entries []*entry) (n int64) {
		for _, e := range entries {
			n += of(e)
		}
		return n
	}
}

var lookedUp = sum(lookupsOf)

func lookupsOf(e *entry) int64 { return int64(len(e.conn.Setup().Lookups)) }

func receivedBy(e *entry) int64 {
	if e.lookup() {
		return 0
	}
	return e.conn.Stats().Received.Bytes
}

func sentBy(e *entry) int64 {
	if e.lookup() {
		return 0
	}
	return e.conn.Stats().Sent.Bytes
}

func slowest(entries []*entry) (d int64) {
	for _, e := range entries {
		d = max(d, int64(e.conn.Setup().Total))
	}
	return d
}

// openAtOnce is the largest number of connections that were open at once. Each began
// and ended at an event of its own.
func openAtOnce(entries []*entry) int64 {
	change := make(map[int]int64)
	for _, e := range entries {
		if connected(e) {
			change[e.first]++
			change[e.last]-- // at 0, before all others, if it is open
		}
	}
	delete(change, 0)
	var now, most int64
	for _, at := range slices.Sorted(maps.Keys(change)) {
		now += change[at]
		most = max(most, now)
	}
	return most
}

func counted(one, many string) func(int64) string {
	return func(n int64) string {
		if n == 1 {
			return "1 " + one
		}
		return strconv.FormatInt(n, 10) + " " + many
	}
}
