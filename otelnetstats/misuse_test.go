package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/otelnetstats"
)

// TestZeroAndNilTracker: both track nothing, and change nothing.
func TestZeroAndNilTracker(t *testing.T) {
	t.Run("nil", func(t *testing.T) { testNoTracker(t, nil) })
	t.Run("zero", func(t *testing.T) { testNoTracker(t, new(otelnetstats.Tracker)) })
}

func testNoTracker(t *testing.T, none *otelnetstats.Tracker) {
	conn, udp := net.Conn(&stub{}), net.PacketConn(packets{})
	ln := listen(t, "tcp", "127.0.0.1:0")
	if got := none.Register(t.Context(), conn); got != conn {
		t.Errorf("Register: %v", got)
	}
	if got := none.RegisterPacketConn(t.Context(), udp); got != udp {
		t.Errorf("RegisterPacketConn: %v", got)
	}
	if got := none.Listener(ln); got != ln {
		t.Errorf("Listener: %v", got)
	}
	for range none.Conns() {
		t.Error("Conns has a connection")
	}
	if _, err := none.Capture(); err == nil {
		t.Error("Capture: no error")
	}
	if none != nil { // a Dialer without a Tracker has the default one
		d := &otelnetstats.Dialer{Tracker: none, Base: always(conn)}
		if got, err := d.Dial("tcp", "h:1"); got != conn || err != nil {
			t.Errorf("Dial: %v, %v", got, err)
		}
	}
	if err := none.Shutdown(nil); err != nil { //nolint:staticcheck // on purpose
		t.Errorf("Shutdown: %v", err)
	}
}

func TestShutdownWithoutContext(t *testing.T) {
	l := newLab(t)
	l.Register(t.Context(), &stub{})
	if err := l.Shutdown(nil); err != nil { //nolint:staticcheck // on purpose
		t.Error(err)
	}
	l.only(t, "connection")
}

// TestAttributesThatAreTaken are refused, each by name, and the others are set.
func TestAttributesThatAreTaken(t *testing.T) {
	mine := attribute.String("mine", "1")
	for name, test := range map[string]struct {
		option func(...attribute.KeyValue) otelnetstats.Option
		taken  []string
	}{
		"WithMetricAttributes": {otelnetstats.WithMetricAttributes, []string{"server.address", "network.io.direction", "error.type", "netstats.dialer.name"}},
		"WithSpanAttributes":   {otelnetstats.WithSpanAttributes, []string{"server.address", "network.peer.address", "error.type", "client.port"}},
	} {
		t.Run(name, func(t *testing.T) {
			attrs := []attribute.KeyValue{mine, attribute.String("", "no name")}
			for _, key := range test.taken {
				attrs = append(attrs, attribute.String(key, "mine"))
			}
			tracker, err := otelnetstats.New(test.option(attrs...))
			if tracker == nil || err == nil || !strings.Contains(err.Error(), name+": an attribute has no name") {
				t.Fatalf("New: %v, %v", tracker, err)
			}
			for _, key := range test.taken {
				if !strings.Contains(err.Error(), name+": the attribute "+key+" is set by this package") {
					t.Errorf("%s is not refused: %v", key, err)
				}
			}
		})
	}
	l := newLabWithErrors(t, otelnetstats.WithMetricAttributes(mine, attribute.String("server.address", "mine")), otelnetstats.WithSpanAttributes(mine, attribute.String("server.address", "mine")))
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}, "tcp", "h:1").Close()
	attrsOf(l.only(t, "connection").Attributes()).want(t, "span", mine, attribute.String("server.address", "h"))
	if n := collect(t, l.cumulative).count("netstats.dial.duration", mine, attribute.String("server.address", "h")); n != 1 {
		t.Errorf("%d dials with both attributes, want 1", n)
	}
}

// packets is a packet connection that nothing works on.
type packets struct{ net.PacketConn }

func (packets) LocalAddr() net.Addr { return nil }

func TestNilConnections(t *testing.T) {
	l := newLab(t)
	for name, conn := range map[string]net.Conn{
		"nil":                nil,
		"typed nil TCPConn":  (*net.TCPConn)(nil),
		"typed nil UnixConn": (*net.UnixConn)(nil),
		"typed nil UDPConn":  (*net.UDPConn)(nil),
		"typed nil tls.Conn": (*tls.Conn)(nil),
		"typed nil stub":     (*stub)(nil),
	} {
		if got := l.Register(t.Context(), conn); got != conn {
			t.Errorf("%s: Register gave %v", name, got)
		}
		if _, ok := otelnetstats.Lookup(conn); ok {
			t.Errorf("%s: Lookup found it", name)
		}
		if s, ok := otelnetstats.StatsOf(conn); ok || s.Marks != nil || !s.Opened.IsZero() {
			t.Errorf("%s: StatsOf = %+v, %v", name, s, ok)
		}
		if _, ok := otelnetstats.Reset(conn); ok {
			t.Errorf("%s: Reset", name)
		}
		if _, ok := otelnetstats.ResetAll(conn); ok {
			t.Errorf("%s: ResetAll", name)
		}
		if lap, ok := otelnetstats.Mark(t.Context(), conn, "m"); ok || lap.Name != "" {
			t.Errorf("%s: Mark = %+v, %v", name, lap, ok)
		}
		d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(conn)}
		if got, err := d.Dial("tcp", "h:1"); got != conn || err != nil {
			t.Errorf("%s: Dial gave %v, %v; want what the base gave", name, got, err)
		}
	}
	for name, conn := range map[string]net.PacketConn{"nil": nil, "typed nil": (*net.UDPConn)(nil)} {
		if got := l.RegisterPacketConn(t.Context(), conn); got != conn {
			t.Errorf("%s: RegisterPacketConn gave %v", name, got)
		}
	}
	for name, ln := range map[string]net.Listener{"nil": nil, "typed nil": (*net.TCPListener)(nil)} {
		if got := l.Listener(ln); got != ln {
			t.Errorf("%s: Listener gave %v", name, got)
		}
	}
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
}

// TestZeroAndNilConn: both are the record of nothing.
func TestZeroAndNilConn(t *testing.T) {
	for name, c := range map[string]*otelnetstats.Conn{"nil": nil, "zero": new(otelnetstats.Conn)} {
		if c.ID() != 0 || c.Role() != "" || c.Network() != "" || c.Address() != "" || c.Caller() != "" || c.LocalAddr() != nil || c.RemoteAddr() != nil ||
			c.SpanContext().IsValid() || c.CloseReason() != "" || c.Stats().Marks != nil || c.Mark(t.Context(), "m").Name != "" ||
			c.Reset().Marks != nil || c.ResetAll().Marks != nil {
			t.Errorf("a method of a %s Conn does not return the zero value", name)
		}
	}
}

// TestConnHasNoMethodsToEndIt: those of its life are not the user's.
func TestConnHasNoMethodsToEndIt(t *testing.T) {
	if _, ok := any(new(otelnetstats.Conn)).(interface{ Closed() }); ok {
		t.Error("Conn has a method Closed")
	}
	if _, ok := any(new(otelnetstats.Conn)).(connstat.Owner); ok {
		t.Error("Conn is a connstat.Owner")
	}
}

func TestZeroAndNilCapture(t *testing.T) {
	for name, k := range map[string]*otelnetstats.Capture{"nil": nil, "zero": new(otelnetstats.Capture)} {
		if conns := k.Release(); conns != nil || k.Dropped() != 0 {
			t.Errorf("a %s Capture has seen %d connections and dropped %d", name, len(conns), k.Dropped())
		}
	}
}

func TestNilBases(t *testing.T) {
	l := newLab(t)
	for name, base := range map[string]otelnetstats.ContextDialer{
		"net.Dialer": (*net.Dialer)(nil),
		"tls.Dialer": (*tls.Dialer)(nil),
		"DialFunc":   otelnetstats.DialFunc(nil),
	} {
		d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}
		for how, dial := range map[string]func() (net.Conn, error){
			"DialContext": func() (net.Conn, error) { return d.DialContext(t.Context(), "tcp", "127.0.0.1:1") },
			"TLS":         func() (net.Conn, error) { return d.TLS(nil)(t.Context(), "tcp", "127.0.0.1:1") },
			"untracked": func() (net.Conn, error) {
				return d.DialContext(otelnetstats.ContextWithoutTracking(t.Context()), "tcp", "127.0.0.1:1")
			},
		} {
			conn, err := dial()
			if conn != nil || err == nil || !strings.Contains(err.Error(), "Dialer.Base is a nil") {
				t.Errorf("%s, %s: got %v, %v; want an error that names Dialer.Base", name, how, conn, err)
			}
		}
	}
}

func TestUnknownNetworks(t *testing.T) {
	l := newLab(t)
	for _, network := range []string{"", "x", "tcp5", "unix "} {
		_, want := new(net.Dialer).DialContext(t.Context(), network, "127.0.0.1:1")
		conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), network, "127.0.0.1:1")
		if conn != nil || err == nil || err.Error() != want.Error() {
			t.Errorf("network %q: got %v, %v; want package net's %v", network, conn, err, want)
		}
	}
	for _, address := range []string{"", ":", "no port", "h:no such service", "[::1", "h:99999", ":0"} {
		_, want := new(net.Dialer).DialContext(t.Context(), "tcp", address)
		_, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), "tcp", address)
		if err == nil || err.Error() != want.Error() {
			t.Errorf("address %q: got %v; want package net's %v", address, err, want)
		}
	}
}

// TestTLSConnectionsAreNotWrapped registers several; one error says what to do.
func TestTLSConnectionsAreNotWrapped(t *testing.T) {
	h := handleErrors(t)
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	for range 3 {
		conn := net.Conn(tls.Client(&stub{}, &tls.Config{ServerName: "h"}))
		if got := l.Register(t.Context(), conn); got != conn {
			t.Errorf("Register gave %T", got)
		}
		d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(conn)}
		if got, err := d.Dial("tcp", "h:1"); got != conn || err != nil {
			t.Errorf("Dial gave %T, %v", got, err)
		}
		inner := &listener{conns: make(chan net.Conn, 1)}
		inner.conns <- conn
		if got, err := l.Listener(inner).Accept(); got != conn || err != nil {
			t.Errorf("Accept gave %T, %v", got, err)
		}
		if _, ok := otelnetstats.Lookup(conn); ok {
			t.Error("Lookup finds an untracked *tls.Conn")
		}
	}
	h.want(t, "Dialer.TLS")
	cb.want(t)
	if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
}

func TestNilContexts(t *testing.T) {
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	conn := l.Register(nil, &stub{})                     //nolint:staticcheck // on purpose
	if _, ok := otelnetstats.Mark(nil, conn, "m"); !ok { //nolint:staticcheck // on purpose
		t.Error("Mark: not tracked")
	}
	conn.Close()
	cb.want(t, "open", "mark m", "close local 0 0")
}

// TestConnectionsWithoutAddresses have nil, or typed nil, addresses.
func TestConnectionsWithoutAddresses(t *testing.T) {
	l := newLab(t)
	for name, conn := range map[string]net.Conn{
		"nil":       &noAddr{},
		"typed nil": &noAddr{addr: (*net.TCPAddr)(nil)},
	} {
		tracked := l.Register(t.Context(), conn)
		send(t, tracked, 3)
		if c := lookup(t, tracked); c.RemoteAddr() != nil {
			t.Errorf("%s: RemoteAddr() = %#v, want nil", name, c.RemoteAddr())
		}
		tracked.Close()
	}
	ln := l.Listener(noAddrListener{})
	if conn, err := ln.Accept(); err != nil {
		t.Error(err)
	} else {
		conn.Close()
	}
	if got := collect(t, l.cumulative).sum("netstats.client.io"); got != 6 {
		t.Errorf("io = %d, want 6", got)
	}
}

type noAddr struct {
	stub
	addr net.Addr
}

func (n *noAddr) LocalAddr() net.Addr  { return n.addr }
func (n *noAddr) RemoteAddr() net.Addr { return n.addr }

type noAddrListener struct{}

func (noAddrListener) Accept() (net.Conn, error) { return &noAddr{}, nil }
func (noAddrListener) Close() error              { return nil }
func (noAddrListener) Addr() net.Addr            { return nil }

func TestContextWithoutTracking(t *testing.T) {
	address, config := serveTLS(t)
	config.ServerName = "server.test"
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	ctx := otelnetstats.ContextWithoutTracking(t.Context())
	d := &otelnetstats.Dialer{Tracker: l.Tracker}
	stacked := &otelnetstats.Dialer{Tracker: l.Tracker, Base: d}
	for name, dial := range map[string]func() (net.Conn, error){
		"DialContext": func() (net.Conn, error) { return d.DialContext(ctx, "tcp", address) },
		"stacked":     func() (net.Conn, error) { return stacked.DialContext(ctx, "tcp", address) },
		"TLS":         func() (net.Conn, error) { return d.TLS(config)(ctx, "tcp", address) },
		"tls.Dialer": func() (net.Conn, error) {
			return (&otelnetstats.Dialer{Tracker: l.Tracker, Base: &tls.Dialer{Config: config}}).DialContext(ctx, "tcp", address)
		},
	} {
		conn, err := dial()
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if _, ok := otelnetstats.Lookup(conn); ok {
			t.Errorf("%s: tracked", name)
		}
		_, tcp := conn.(*net.TCPConn)
		_, secure := conn.(*tls.Conn)
		if !tcp && !secure {
			t.Errorf("%s: got a %T, want what the base gave", name, conn)
		}
		conn.Close()
	}
	cb.want(t)
	if n := len(l.spans.Started()); n != 0 {
		t.Errorf("%d spans", n)
	}
	if m := collect(t, l.cumulative).Metrics; len(m) != 0 {
		t.Errorf("metrics %v", m)
	}
}

// TestUntrackedHandshakesThatFail return a nil net.Conn, not a nil *tls.Conn.
func TestUntrackedHandshakesThatFail(t *testing.T) {
	address, config := serveTLS(t)
	config.ServerName = "another.test"
	l := newLab(t)
	for _, ctx := range []context.Context{t.Context(), otelnetstats.ContextWithoutTracking(t.Context())} {
		if conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).TLS(config)(ctx, "tcp", address); conn != nil || err == nil {
			t.Errorf("got %v, %v; want nil and an error", conn, err)
		}
	}
}

func TestFilter(t *testing.T) {
	type key struct{}
	var asked []string
	l := newLab(t, otelnetstats.WithFilter(func(ctx context.Context, network, address string) bool {
		if ctx.Value(key{}) != "v" {
			t.Error("the filter does not get the dial's context")
		}
		asked = append(asked, network+" "+address)
		return address != "no:1"
	}))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}
	ctx := context.WithValue(t.Context(), key{}, "v")
	for address, want := range map[string]bool{"yes:1": true, "no:1": false} {
		conn, err := d.DialContext(ctx, "tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := otelnetstats.Lookup(conn); ok != want {
			t.Errorf("%s: tracked %v, want %v", address, ok, want)
		}
		conn.Close()
	}
	if len(asked) != 2 {
		t.Errorf("the filter was asked about %q, want each dial once", asked)
	}
}

func TestAFilterThatPanics(t *testing.T) {
	h := handleErrors(t)
	l := newLab(t, otelnetstats.WithFilter(func(context.Context, string, string) bool { panic("mine") }))
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer}).Dial("tcp", "h:1")
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := otelnetstats.Lookup(conn); ok {
		t.Error("tracked")
	}
	h.want(t, "mine")
}

func TestContextWithName(t *testing.T) {
	l := newLab(t)
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stubDialer, Name: "field"}
	for _, test := range []struct {
		ctx  context.Context
		want attribute.KeyValue
	}{
		{t.Context(), attribute.String("netstats.dialer.name", "field")},
		{otelnetstats.ContextWithName(t.Context(), "context"), attribute.String("netstats.dialer.name", "context")},
		{otelnetstats.ContextWithName(t.Context(), ""), absent("netstats.dialer.name")},
	} {
		l.spans.Reset()
		conn, err := d.DialContext(test.ctx, "tcp", "h:1")
		if err != nil {
			t.Fatal(err)
		}
		conn.Close()
		for _, span := range []string{"dial", "connection"} {
			attrsOf(l.only(t, span).Attributes()).want(t, span, test.want)
		}
		s := collect(t, l.cumulative)
		for _, m := range []string{"netstats.dial.duration", "netstats.client.connection.duration"} {
			if n := s.count(m, test.want); n != 1 {
				t.Errorf("%v has %d recordings with %v, want 1", m, n, test.want.Value.AsInterface())
			}
		}
	}
}

// TestAConnWhoseAddressAsks has a connection whose methods use this package, as
// a wrapper that logs may.
func TestAConnWhoseAddressAsks(t *testing.T) {
	l := newLab(t)
	other := &stub{}
	defer l.Register(t.Context(), other).Close()
	conn := &asking{ask: func() {
		otelnetstats.StatsOf(other)
		otelnetstats.Lookup(&stub{})
		l.Register(t.Context(), other)
	}}
	l.Register(t.Context(), conn).Close()
	l.RegisterPacketConn(t.Context(), askingPackets{conn}).Close()
	dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(&asking{ask: conn.ask})}, "tcp", "h:1").Close()
}

type asking struct {
	stub
	ask func()
}

func (a *asking) RemoteAddr() net.Addr { a.ask(); return a.stub.RemoteAddr() }
func (a *asking) LocalAddr() net.Addr  { a.ask(); return a.stub.LocalAddr() }

type askingPackets struct{ *asking }

func (askingPackets) ReadFrom([]byte) (int, net.Addr, error)    { return 0, nil, errors.ErrUnsupported }
func (askingPackets) WriteTo(b []byte, _ net.Addr) (int, error) { return len(b), nil }

// aGlobal is not on the heap, where the garbage collector's tools do not reach.
var aGlobal stub

func TestAGlobalConnection(t *testing.T) {
	l := newLab(t)
	if _, ok := otelnetstats.Lookup(&aGlobal); ok {
		t.Error("Lookup finds what was never registered")
	}
	conn := l.Register(t.Context(), &aGlobal)
	if l.Register(t.Context(), &aGlobal) != conn {
		t.Error("registering again gave another")
	}
	conn.Close()
}

// TestZeroSizedConnections may all be at one address.
func TestZeroSizedConnections(t *testing.T) {
	l := newLab(t)
	a := l.Register(t.Context(), &empty{})
	b := l.Register(t.Context(), &empty{})
	if lookup(t, a) == lookup(t, b) {
		t.Error("two connections have one record")
	}
	a.Close()
	b.Close()
}

// empty is a connection without state.
type empty struct{}

func (*empty) Read(b []byte) (int, error)       { return len(b), nil }
func (*empty) Write(b []byte) (int, error)      { return len(b), nil }
func (*empty) Close() error                     { return nil }
func (*empty) LocalAddr() net.Addr              { return nil }
func (*empty) RemoteAddr() net.Addr             { return nil }
func (*empty) SetDeadline(time.Time) error      { return nil }
func (*empty) SetReadDeadline(time.Time) error  { return nil }
func (*empty) SetWriteDeadline(time.Time) error { return nil }
