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
	if t == nil || isNil(l) {
		return l
	}
	if _, tracked := netwrap.ListenerOf(l); tracked {
		return l
	}
	a := acceptor{tracker: t, opening: listening(l.Addr())}
	return netwrap.Listener(l, a.accept)
}

// listening is what the connections of a listener have in common.
func listening(addr net.Addr) opening {
	o := opening{role: connstat.Server, target: targetOf(addr)}
	if !isNil(addr) {
		o.network, o.address = addr.Network(), addr.String()
	}
	return o
}

// An acceptor tracks what a listener accepts.
type acceptor struct {
	tracker *Tracker
	opening opening
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
	if tracked, ok := trackedBefore(conn); ok {
		return tracked, nil
	}
	if a.tracker.refusesTLS(conn) {
		return conn, nil
	}
	tracked, c := a.tracker.track(ctx, ctx, conn, a.opening)
	a.tracker.countAccept(c.exemplary(), c.series, "")
	return tracked, nil
}

// failed counts a failed Accept. That of a closed listener is no failure.
func (a acceptor) failed(ctx context.Context, err error) {
	if errors.Is(err, net.ErrClosed) {
		return
	}
	s := a.tracker.table.get(seriesKey{kind: serverConnections, target: a.opening.target})
	a.tracker.countAccept(ctx, s, errorType(err))
}
