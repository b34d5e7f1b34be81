package otelnetstats_test

import (
	"context"
	"errors"
	"net"
	"testing"

	"github.com/netstats-go/netstats/otelnetstats"
)

func TestWrapDial(t *testing.T) {
	address := serve(t, echo)
	l := newLab(t)
	called := 0
	var dialFunc func(ctx context.Context, network, address string) (net.Conn, error)
	dialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		called++
		return new(net.Dialer).DialContext(ctx, network, address)
	}
	dialFunc = l.WrapDial(dialFunc)
	conn, err := dialFunc(t.Context(), "tcp", address)
	must(t, err)
	defer conn.Close()
	send(t, conn, 5)
	receive(t, conn, 5)
	if s := statsOf(t, conn); called != 1 || s.Sent.Bytes != 5 {
		t.Errorf("dial was called %d times, %d bytes sent; want 1, 5", called, s.Sent.Bytes)
	}
	if n := collect(t, l.cumulative).count("netstats.dial.duration"); n != 1 {
		t.Errorf("%d dials, want 1", n)
	}
}

func TestWrapDialOfNothing(t *testing.T) {
	address := serve(t, wait)
	var none *otelnetstats.Tracker
	for name, test := range map[string]struct {
		dial    otelnetstats.DialFunc
		tracked bool
	}{
		"a Tracker's":      {newLab(t).WrapDial(nil), true},
		"the default's":    {otelnetstats.WrapDial(nil), true},
		"a nil Tracker's":  {none.WrapDial(nil), false},
		"a zero Tracker's": {new(otelnetstats.Tracker).WrapDial(nil), false},
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := test.dial(t.Context(), "tcp", address)
			must(t, err)
			defer conn.Close()
			if _, ok := otelnetstats.Lookup(conn); ok != test.tracked {
				t.Errorf("tracked: %v, want %v", ok, test.tracked)
			}
		})
	}
	want := errors.New("mine")
	if _, err := none.WrapDial(failing(want))(t.Context(), "tcp", address); err != want { //nolint:errorlint // the very error
		t.Errorf("a nil Tracker's function returned %v, want %v", err, want)
	}
}
