package netstatstest

import (
	"fmt"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// evidence is what the likely cause of a fault is concluded from.
type evidence struct {
	entries []*entry
	start   time.Time
	unread  int // connections of net/http in the process that wait for a body to be read
}

// cause is a sentence on why a budget was not kept, empty if nothing is likely.
func (ev evidence) cause(f fault) string {
	switch f.figure {
	case leaks:
		return ev.causeOfLeak(f.guilty)
	case dials, failures, open, lookups, idle:
		return ev.causeOfDials(busiest(f.guilty))
	case received, sent:
		return causeOfBytes(f)
	}
	return ""
}

// busiest are the entries of the server that was dialed most often.
func busiest(entries []*entry) (most []*entry) {
	for _, group := range byServer(entries) {
		if len(group) > len(most) {
			most = group
		}
	}
	return most
}

func (ev evidence) causeOfLeak(leaked []*entry) string {
	if len(leaked) == 0 {
		return ""
	}
	group := busiest(leaked)
	first := group[0]
	switch {
	case first.dropped:
		return fmt.Sprintf("Likely: the connection to %s was forgotten, and nobody can close it any more: is a Close missing on some way out?", show(first.server))
	case first.stack.http && ev.unread > 0:
		return "Likely: the body of a response was not closed: net/http waits for it to be read."
	case first.stack.http && len(group) > 1:
		return fmt.Sprintf("Likely: a client for each request: %d connections to %s are idle, in pools that the Watcher does not know. Each http.Transport has a pool of its own; make one and share it.", len(group), show(first.server))
	case first.stack.http:
		return "Likely: it is idle in a pool that the Watcher does not know: tell it by Pool, or close it by CloseIdleConnections."
	}
	return fmt.Sprintf("Likely: the connection to %s was not closed, and is still held: is a Close missing?", show(first.server))
}

// causeOfDials looks at how the dials to one server lie in time.
func (ev evidence) causeOfDials(group []*entry) string {
	if len(group) < 2 {
		return ""
	}
	first, last := group[0], group[len(group)-1]
	server := show(first.server)
	if n := len(filter(group, failed)); 2*n >= len(group) {
		each := last.opened.Sub(first.opened) / time.Duration(len(group)-1)
		return fmt.Sprintf("Likely: retries without a pause: %d dials to %s failed, one every %s.", n, server, duration(int64(each)))
	}
	group = filter(group, connected)
	if len(group) < 2 {
		return ""
	}
	if cut := filter(group, func(e *entry) bool { return e.cut && closedLocally(e) }); len(cut) > 0 {
		return fmt.Sprintf("Likely: a body that was not closed: a connection to %s was in use until the test's context ended.", server)
	}
	if leaked := filter(group, wasLeaked); len(leaked) > 0 && leaked[0].stack.http && ev.unread > 0 {
		return fmt.Sprintf("Likely: a body that was not closed: dials to %s were made while an earlier connection waited for its response to be read.", server)
	} else if len(leaked) > 1 && leaked[0].stack.http {
		return ev.causeOfLeak(leaked)
	}
	switch {
	case openAtOnce(group) == 1:
		return causeInTurn(group, server)
	case len(filter(group, closedLocally)) > 0 && group[0].stack.http:
		return fmt.Sprintf("Likely: a pool too small: %d connections to %s were open at once, and were closed rather than kept. http.Transport keeps 2 for each host, unless MaxIdleConnsPerHost is set.", openAtOnce(group), server)
	}
	return fmt.Sprintf("Likely: %d requests at once: a connection to %s was dialed while another one was open and in use.", openAtOnce(group), server)
}

// causeInTurn is of connections of which each was closed when the next was dialed.
func causeInTurn(group []*entry, server string) string {
	switch {
	case len(filter(group, closedLocally)) < len(group)/2:
		return fmt.Sprintf("Likely: the server at %s closes connections after each use.", server)
	case group[0].stack.http:
		return fmt.Sprintf("Likely: bodies that were closed before they were read to the end: each connection to %s was closed before the next was dialed. Or keep-alives are switched off.", server)
	}
	return fmt.Sprintf("Likely: a connection for each request: each one to %s was closed before the next was dialed.", server)
}

func closedLocally(e *entry) bool {
	return e.err == nil && !e.leaked && !e.pooled && e.conn.CloseReason() == otelnetstats.ClosedLocal
}

// causeOfBytes names the connection that moved most.
func causeOfBytes(f fault) string {
	moved := receivedBy
	if f.figure == sent {
		moved = sentBy
	}
	var most *entry
	for _, e := range f.guilty {
		if most == nil || moved(e) > moved(most) {
			most = e
		}
	}
	if most == nil {
		return ""
	}
	after := ""
	if mark := most.marked(); mark != "" {
		after = fmt.Sprintf("; its last mark was %q", show(mark))
	}
	return fmt.Sprintf("Most of it, %s, on one connection to %s%s.", size(moved(most)), show(most.server), after)
}

func filter(entries []*entry, keep func(*entry) bool) (kept []*entry) {
	for _, e := range entries {
		if keep(e) {
			kept = append(kept, e)
		}
	}
	return kept
}
