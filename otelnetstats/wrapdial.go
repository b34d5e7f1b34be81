package otelnetstats

import (
	"context"
	"net"
)

// WrapDial returns a dial function whose connections are tracked by [Default], and
// which otherwise does what dial does. It is the one line for whatever has a dial
// function:
//
//	transport.DialContext = otelnetstats.WrapDial(transport.DialContext)
//
// A nil dial is that of a zero [net.Dialer]. The function is safe for concurrent
// use if dial is. A [Dialer] has more: a name, TLS that is timed, and the methods
// that some libraries want instead of a function.
func WrapDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) DialFunc {
	return wrapDial(nil, dial)
}

// WrapDial is the function [WrapDial] with connections that t tracks. A nil
// Tracker tracks nothing: it returns dial, or the dial function of a zero
// [net.Dialer].
func (t *Tracker) WrapDial(dial func(ctx context.Context, network, address string) (net.Conn, error)) DialFunc {
	if t == nil && dial == nil {
		return zeroDialer.DialContext
	}
	if t == nil {
		return dial
	}
	return wrapDial(t, dial)
}

func wrapDial(t *Tracker, dial DialFunc) DialFunc {
	d := &Dialer{Tracker: t}
	if dial != nil {
		d.Base = dial
	}
	return d.DialContext
}
