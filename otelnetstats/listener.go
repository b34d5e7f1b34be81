package otelnetstats

import (
	"context"
	"errors"
	"net"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
)

// Listener returns a listener whose accepted connections are tracked as the
// server's side. Callbacks are told that a connection is open before Accept
// returns it. Errors come back unchanged. A nil listener, and one that is
// tracked already, are returned as they are.
//
// The listener has the methods of l, but for AcceptTCP and AcceptUnix, which
// promise concrete types. Put TLS on top: tls.NewListener(t.Listener(l), config).
func (t *Tracker) Listener(l net.Listener) net.Listener {
	if t.zero() || isNil(l) {
		return l
	}
	if _, tracked := netwrap.ListenerOf(l); tracked {
		return l
	}
	a := acceptor{tracker: t, opening: listening(addrOf(l)), wrap: netwrap.Conn}
	if _, ok := l.(*net.TCPListener); ok {
		a.wrap = netwrap.Accepted
	}
	return netwrap.Listener(l, a.accept)
}

// addrOf is the address of a listener, nil if asking for it panics.
func addrOf(l net.Listener) (addr net.Addr) {
	defer func() { _ = recover() }()
	return l.Addr()
}

// listening is what the connections of a listener have in common.
func listening(addr net.Addr) opening {
	o := opening{role: connstat.Server, target: targetOf(addr)}
	if !isNil(addr) {
		o.network, o.address = networkOf(addr), textOf(addr)
	}
	return o
}

// An acceptor tracks what a listener accepts.
type acceptor struct {
	tracker *Tracker
	opening opening
	wrap    wrapFunc
}

func (a acceptor) accept(l net.Listener) (net.Conn, error) {
	conn, err := l.Accept()
	ctx := context.Background()
	switch {
	case a.tracker.down.Load():
		return conn, err
	case err != nil:
		a.failed(ctx, err)
		return conn, err
	case isNil(conn):
		return conn, nil
	}
	if tracked, ok := trackedAs(conn); ok {
		a.countAgain(tracked)
		return tracked, nil
	}
	if a.tracker.refusesTLS(conn) {
		return conn, nil
	}
	tracked, c := a.tracker.track(ctx, ctx, conn, a.wrap, a.opening)
	a.tracker.countAccept(exemplarContext(c.span), c.series, none)
	return tracked, nil
}

// countAgain counts an accepted connection that is tracked already, for another
// Tracker than this one: that of a capture, or of a listener below.
func (a acceptor) countAgain(conn net.Conn) {
	if c, ok := Lookup(conn); ok && c.tracker != a.tracker {
		a.tracker.countAccept(context.Background(), a.series(), none)
	}
}

// failed counts a failed Accept. That of a closed listener is no failure.
func (a acceptor) failed(ctx context.Context, err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	a.tracker.countAccept(ctx, a.series(), failure(err))
}

// series is that of what becomes no connection of this Tracker.
func (a acceptor) series() *series {
	return a.tracker.table.get(seriesKey{kind: serverConnections, target: a.opening.target})
}
