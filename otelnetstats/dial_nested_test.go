package otelnetstats_test

import (
	"context"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"golang.org/x/net/proxy"

	"github.com/netstats-go/netstats/otelnetstats"
)

// wantOneDial checks that the dial of address is all that the trace of the
// caller has, with one connect event and as many of DNS as said.
func wantOneDial(t *testing.T, l *lab, address string, dns int) {
	t.Helper()
	span := l.only(t, "dial")
	if want := "dial " + address; span.Name() != want {
		t.Errorf("dial span %q, want %q", span.Name(), want)
	}
	if n := len(events(span, "netstats.dns")); n != dns {
		t.Errorf("%d dns events, want %d: %v", n, dns, span.Events())
	}
	if n := len(events(span, "netstats.connect")); n != 1 {
		t.Errorf("%d connect events, want 1: %v", n, span.Events())
	}
	for _, s := range l.spans.Ended() {
		if s.SpanContext().TraceID() == span.SpanContext().TraceID() && s.Name() != "caller" && s != span {
			t.Errorf("span %q is in the trace of the dial", s.Name())
		}
	}
}

// TestATrackedDialInAResolver has DNS questions asked over tracked connections,
// and the name server given by number and by name.
func TestATrackedDialInAResolver(t *testing.T) {
	port, _ := portOf(t, serve(t, wait))
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	namesPort, _ := portOf(t, names)
	for _, span := range []otelnetstats.ConnectionSpan{otelnetstats.ConnectionSpanLinked, otelnetstats.ConnectionSpanChild} {
		for _, nameServer := range []string{names, "localhost:" + namesPort} {
			t.Run(fmt.Sprint(span, nameServer), func(t *testing.T) {
				cb := new(tape)
				l := newLab(t, otelnetstats.WithConnectionSpan(span), otelnetstats.WithCallback(cb))
				inner := &otelnetstats.Dialer{Tracker: l.Tracker}
				d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(nameServer, inner.DialContext)}}
				ctx, caller := l.span(t.Context(), "caller")
				conn, err := d.DialContext(ctx, "tcp", "server.test:"+port)
				if err != nil {
					t.Fatal(err)
				}
				caller.End()
				if span == otelnetstats.ConnectionSpanLinked {
					conn.Close()
				}
				wantOneDial(t, l, "server.test:"+port, 1)
				for _, s := range l.ended("connection " + nameServer) {
					if s.Parent().IsValid() {
						t.Errorf("the span of a connection to the name server is a child, in trace %v", s.Parent().TraceID())
					}
				}
				conn.Close()
				s := collect(t, l.cumulative)
				toServer := []attribute.KeyValue{attribute.String("network.transport", "tcp"), attribute.String("server.address", "server.test")}
				if n := s.count("netstats.dial.duration", toServer...); n != 1 {
					t.Errorf("%d dials of the server, want 1", n)
				}
				questions := s.count("netstats.dial.duration", attribute.String("network.transport", "udp"))
				if n := s.count("netstats.client.connection.duration", attribute.String("network.transport", "udp")); n == 0 || n != questions {
					t.Errorf("%d connections to the name server, %d dials; want as many, and some", n, questions)
				}
				if n := s.sum("netstats.client.packet.count", attribute.String("network.transport", "udp"), transmitted); n < 1 {
					t.Errorf("%d packets to the name server", n)
				}
				if n := s.sum("netstats.client.connection.count"); n != 0 {
					t.Errorf("connection.count = %d, want 0", n)
				}
			})
		}
	}
}

// TestStackedDialersCountOnce has a Dialer as, or in, another's Base.
func TestStackedDialersCountOnce(t *testing.T) {
	port, _ := portOf(t, serve(t, wait))
	address := "localhost:" + port
	for name, stack := range map[string]func(inner *otelnetstats.Dialer) otelnetstats.ContextDialer{
		"Dialer": func(inner *otelnetstats.Dialer) otelnetstats.ContextDialer { return inner },
		"DialFunc": func(inner *otelnetstats.Dialer) otelnetstats.ContextDialer {
			return otelnetstats.DialFunc(inner.DialContext)
		},
		"wrapped": func(inner *otelnetstats.Dialer) otelnetstats.ContextDialer {
			return otelnetstats.DialFunc(func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := inner.DialContext(ctx, network, address)
				return unwrappable{conn}, err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			cb := new(tape)
			l := newLab(t, otelnetstats.WithCallback(cb))
			d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: stack(&otelnetstats.Dialer{Tracker: l.Tracker})}
			ctx, caller := l.span(t.Context(), "caller")
			conn, err := d.DialContext(ctx, "tcp4", address)
			if err != nil {
				t.Fatal(err)
			}
			send(t, conn, 10)
			record := lookup(t, conn)
			conn.Close()
			caller.End()
			wantOneDial(t, l, address, 1)
			cb.want(t, "open", "write 10", "close local 0 10")
			if n := linked(l.only(t, "dial").Links(), record.SpanContext()); n != 1 {
				t.Errorf("the dial has %d links to the connection, want 1", n)
			}
			if n := linked(l.only(t, "connection").Links(), l.only(t, "dial").SpanContext()); n != 1 {
				t.Errorf("the connection has %d links to the dial, want 1", n)
			}
			s := collect(t, l.cumulative)
			if n := s.count("netstats.dial.duration"); n != 1 {
				t.Errorf("%d dials, want 1", n)
			}
			if n := s.count("netstats.client.connection.duration"); n != 1 {
				t.Errorf("%d connections, want 1", n)
			}
			if n := s.sum("netstats.client.io"); n != 10 {
				t.Errorf("io = %d, want 10", n)
			}
		})
	}
}

// TestStackedDialersOfTwoTrackers each count the dial, and the inner one the
// connection.
func TestStackedDialersOfTwoTrackers(t *testing.T) {
	address := serve(t, wait)
	inner, outer := newLab(t), newLab(t)
	dial(t, &otelnetstats.Dialer{Tracker: outer.Tracker, Base: &otelnetstats.Dialer{Tracker: inner.Tracker}}, "tcp", address).Close()
	for name, want := range map[*lab]int{inner: 1, outer: 0} {
		s := collect(t, name.cumulative)
		if n := s.count("netstats.dial.duration"); n != 1 {
			t.Errorf("%d dials, want 1", n)
		}
		if n := s.count("netstats.client.connection.duration"); n != want {
			t.Errorf("%d connections, want %d", n, want)
		}
	}
}

// unwrappable is a layer on a connection that says what it is on.
type unwrappable struct{ net.Conn }

func (u unwrappable) NetConn() net.Conn { return u.Conn }

func TestStackedDialersTellOneDialError(t *testing.T) {
	address := closedPort(t)
	cb := new(tape)
	l := newLab(t, otelnetstats.WithCallback(cb))
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &otelnetstats.Dialer{Tracker: l.Tracker}}
	if _, err := d.DialContext(t.Context(), "tcp", address); err == nil {
		t.Fatal("the dial succeeded")
	}
	cb.want(t, "dialerror tcp "+address)
	if n := collect(t, l.cumulative).count("netstats.dial.duration"); n != 1 {
		t.Errorf("%d dials, want 1", n)
	}
}

// serveSOCKS is a SOCKS5 proxy without authentication.
func serveSOCKS(t testing.TB) (address string) {
	t.Helper()
	return serve(t, func(c net.Conn) {
		head := make([]byte, 2)
		if _, err := io.ReadFull(c, head); err != nil {
			return
		}
		if _, err := io.ReadFull(c, make([]byte, head[1])); err != nil {
			return
		}
		if _, err := c.Write([]byte{5, 0}); err != nil {
			return
		}
		request := make([]byte, 5) // version, command, 0, type, length of the name
		if _, err := io.ReadFull(c, request); err != nil {
			return
		}
		rest := make([]byte, int(request[4])+2)
		if _, err := io.ReadFull(c, rest); err != nil {
			return
		}
		if _, err := c.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0}); err != nil {
			return
		}
		echo(c) // the proxy is the server
	})
}

// TestATrackedDialToAProxy has a SOCKS client as Base that dials the proxy by a
// tracked Dialer.
func TestATrackedDialToAProxy(t *testing.T) {
	address := serveSOCKS(t)
	l := newLab(t)
	socks, err := proxy.SOCKS5("tcp", address, nil, &otelnetstats.Dialer{Tracker: l.Tracker, Name: "proxy"})
	if err != nil {
		t.Fatal(err)
	}
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: socks.(otelnetstats.ContextDialer)}
	ctx, caller := l.span(t.Context(), "caller")
	conn, err := d.DialContext(ctx, "tcp", "server.test:80")
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, 10)
	receive(t, conn, 10)
	conn.Close()
	caller.End()
	span := l.only(t, "dial")
	if span.Name() != "dial server.test:80" {
		t.Errorf("dial span %q", span.Name())
	}
	for _, s := range l.spans.Ended() {
		if s.SpanContext().TraceID() == caller.SpanContext().TraceID() && s.Name() != "caller" && s.Name() != span.Name() {
			t.Errorf("span %q is in the caller's trace", s.Name())
		}
	}
	s := collect(t, l.cumulative)
	for _, server := range []string{"server.test", "127.0.0.1"} {
		if n := s.count("netstats.dial.duration", attribute.String("server.address", server)); n != 1 {
			t.Errorf("%d dials of %s, want 1", n, server)
		}
	}
	if n := len(events(span, "netstats.connect")); n > 1 {
		t.Errorf("%d connect events, want at most the one to the proxy: %v", n, span.Events())
	}
	if n := s.count("netstats.client.connection.duration"); n != 1 {
		t.Errorf("one connection was counted %d times", n)
	}
	// A greeting and a request, 3 and 7+11 bytes, and their answers, 2 and 10.
	if in, out := s.sum("netstats.client.io", received), s.sum("netstats.client.io", transmitted); in != 22 || out != 31 {
		t.Errorf("%d received, %d transmitted; the wire carried 22 and 31", in, out)
	}
}

// TestANestedDialsHooks has the caller's own hooks called as without tracking.
func TestANestedDialsHooks(t *testing.T) {
	port, _ := portOf(t, serve(t, wait))
	names := serveNames(t, map[string][]net.IP{"server.test": {net.IPv4(127, 0, 0, 1)}})
	l := newLab(t)
	calls := func(dial func(context.Context, string, string) (net.Conn, error)) string {
		return hookCalls(t, func(ctx context.Context) {
			conn, err := dial(ctx, "tcp", "server.test:"+port)
			if err != nil {
				t.Fatal(err)
			}
			conn.Close()
		})
	}
	inner := &otelnetstats.Dialer{Tracker: l.Tracker}
	outer := &otelnetstats.Dialer{Tracker: l.Tracker, Base: &net.Dialer{Resolver: resolver(names, inner.DialContext)}}
	plain := (&net.Dialer{Resolver: resolver(names, nil)}).DialContext
	if got, want := calls(outer.DialContext), calls(plain); got != want || strings.Count(got, "ConnectStart") != 1 {
		t.Errorf("hooks called: %s; without tracking: %s", got, want)
	}
}

// oddAddr cannot be compared.
type oddAddr []string

func (oddAddr) Network() string { return "odd" }
func (oddAddr) String() string  { return "odd" }

type oddConn struct{ stub }

func (*oddConn) LocalAddr() net.Addr  { return oddAddr(nil) }
func (*oddConn) RemoteAddr() net.Addr { return oddAddr(nil) }

// TestLayersWhoseAddressesCannotBeCompared has both the nested and the outer
// connection say so of an address on which == panics.
func TestLayersWhoseAddressesCannotBeCompared(t *testing.T) {
	l := newLab(t)
	inner := &otelnetstats.Dialer{Tracker: l.Tracker, Base: always(&oddConn{})}
	d := &otelnetstats.Dialer{Tracker: l.Tracker, Base: otelnetstats.DialFunc(
		func(ctx context.Context, network, _ string) (net.Conn, error) {
			_, err := inner.DialContext(ctx, network, "proxy:1")
			return &oddConn{}, err
		})}
	conn, err := d.Dial("tcp", "server:1")
	if err != nil {
		t.Fatal(err)
	}
	conn.Close()
}

// globalConn is not on the heap.
var globalConn oddConn

func TestRegisterOfAGlobalVariable(t *testing.T) {
	l := newLab(t)
	conn := l.Register(t.Context(), &globalConn)
	if l.Register(t.Context(), &globalConn) != conn {
		t.Error("registering it again gave another connection")
	}
	conn.Close()
}
