package otelnetstats

import (
	"context"
	"net"
	"sync/atomic"
)

// connKey is the key of a *connSlot.
type connKey struct{}

// A connSlot is where a context has a connection.
type connSlot struct {
	conn atomic.Pointer[Conn]
	open bool // for each [Transport] to fill that gets the context
}

// ConnFromContext returns the connection that a context leads to, nil if there is
// none. It is
//
//   - the one that served a request of a [Transport], from the response:
//     resp.Request.Context();
//   - the one that a request came in on, in a handler: r.Context(), if the server
//     has [ConnContext];
//   - the one that served the latest request made with a context from
//     [ContextWithConn].
//
// A context that was there before the call has none, as contexts only go down: for
// that there is [ContextWithConn]. The nearest of several wins. The methods of a
// nil *Conn do nothing, so that the result needs no check:
//
//	otelnetstats.ConnFromContext(ctx).Mark(ctx, "first row")
func ConnFromContext(ctx context.Context) *Conn {
	if s := slotIn(ctx); s != nil {
		return s.conn.Load()
	}
	return nil
}

// ContextWithConn returns a context with room for a connection. Each [Transport]
// whose request has the context, or one made from it, notes there which connection
// the request got: the latest one after a retry, and after a redirect that of the
// last hop. [ConnFromContext] returns it, and nil before. It is for calls that
// return no response, as those of client libraries. Of requests that share the
// context and run at once, the last one to get a connection is it.
func ContextWithConn(ctx context.Context) context.Context {
	return context.WithValue(ctx, connKey{}, &connSlot{open: true})
}

// ConnContext has [ConnFromContext] return the connection that a request came in
// on. It goes where an [net/http.Server] has a ConnContext, and needs a listener
// that is tracked; with another, it returns ctx as it is.
//
//	server := &http.Server{Handler: handler, ConnContext: otelnetstats.ConnContext}
//	err := server.Serve(tracker.Listener(listener))
func ConnContext(ctx context.Context, conn net.Conn) context.Context {
	c, ok := Lookup(conn)
	if !ok {
		return ctx
	}
	s := new(connSlot)
	s.conn.Store(c)
	return context.WithValue(ctx, connKey{}, s)
}

// slotIn returns the nearest slot of a context, nil if there is none.
func slotIn(ctx context.Context) *connSlot {
	if ctx == nil {
		return nil
	}
	s, _ := ctx.Value(connKey{}).(*connSlot)
	return s
}

// openSlotIn returns the nearest slot if it is there to be filled.
func openSlotIn(ctx context.Context) *connSlot {
	if s := slotIn(ctx); s != nil && s.open {
		return s
	}
	return nil
}
