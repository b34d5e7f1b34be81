package lab

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// A Way is one of the ways in which a library is run.
type Way struct {
	// Tracker is for the library's hook. It is nil if the library is run without
	// one, that is plain or captured.
	Tracker *otelnetstats.Tracker
	// Tracked reports whether connections have a record, and Traced whether system
	// calls are looked at, which makes them slow.
	Tracked, Traced bool

	t          *testing.T
	ctx        context.Context //nolint:containedctx // it lasts as long as the Way
	name       string
	transcript transcript
	telemetry  *telemetry // nil if plain
	relays     []*relay
	datagrams  []*datagrams
	marks      atomic.Int64
}

// Context returns the context of the caller: it has a span.
func (w *Way) Context() context.Context { return w.ctx }

// Relay returns a new address, of the name localhost, that leads to the server at
// the given one. What goes that way is counted.
func (w *Way) Relay(server string) string {
	w.t.Helper()
	r := newRelay(w.t, server)
	w.relays = append(w.relays, r)
	return net.JoinHostPort("localhost", strconv.Itoa(r.port()))
}

// AwaitHangups waits until the server has closed so many of the relayed
// connections, and the client's system knows it.
func (w *Way) AwaitHangups(n int) {
	w.t.Helper()
	w.Await("hangups", func() bool {
		sum := 0
		for _, r := range w.relays {
			sum += int(r.hangups.Load())
		}
		return sum >= n
	})
}

// Await waits until something is true.
func (w *Way) Await(what string, is func() bool) {
	w.t.Helper()
	for end := time.Now().Add(patience); !is(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			w.t.Fatalf("waited in vain for %s", what)
		}
	}
}

// Hangup has the servers' ends of all relayed connections closed that are open,
// and returns their number.
func (w *Way) Hangup() (n int) {
	for _, r := range w.relays {
		n += r.end(false)
	}
	return n
}

// Note keeps what the library returned: it has to be the same each way.
func (w *Way) Note(what string, result any, errs ...error) {
	if err, ok := result.(error); ok {
		result = describe(err)
	}
	line := []string{fmt.Sprintf("%s: %v", what, result)}
	for _, err := range errs {
		line = append(line, describe(err))
	}
	w.transcript.add(strings.Join(line, "; "))
}

// Must notes that all is well, and ends the test if it is not.
func (w *Way) Must(what string, errs ...error) {
	w.t.Helper()
	for _, err := range errs {
		if err != nil {
			w.t.Fatalf("%s: %s", what, describe(err))
		}
	}
	w.transcript.add(what)
}

// Mark marks a connection that the library shows, which has to have a record
// where it is tracked.
func (w *Way) Mark(conn otelnetstats.Endpoint) {
	w.t.Helper()
	w.marks.Add(1)
	if _, ok := otelnetstats.Mark(w.ctx, conn, "shown"); ok != w.Tracked {
		w.t.Errorf("Mark of a %T: %v, want %v", conn, ok, w.Tracked)
	}
}

// MarkAll marks the connections that are open, of a library that shows none, and
// returns their number.
func (w *Way) MarkAll() (n int) {
	w.marks.Add(1)
	if w.telemetry == nil {
		return 0
	}
	for c := range w.telemetry.tracker.Conns() {
		c.Mark(w.ctx, "hidden")
		n++
	}
	return n
}
