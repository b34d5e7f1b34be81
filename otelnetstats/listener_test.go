package otelnetstats_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

func TestListenerCountsBothSides(t *testing.T) {
	client, server := newLab(t), newLab(t)
	ln := server.Listener(listen(t, "tcp", "127.0.0.1:0"))
	serveOn(t, ln, echo)
	conn := dial(t, &otelnetstats.Dialer{Tracker: client.Tracker}, "tcp", ln.Addr().String())
	send(t, conn, 1000)
	receive(t, conn, 1000)
	conn.Close()
	for collect(t, server.cumulative).sum("netstats.server.connection.count") != 0 {
		time.Sleep(time.Millisecond) // until the server has read the end
	}
	for _, d := range []attribute.KeyValue{received, transmitted} {
		if got := collect(t, server.cumulative).sum("netstats.server.io", d); got != 1000 {
			t.Errorf("server: %v %d, want 1000", d.Value.AsInterface(), got)
		}
		if got := collect(t, client.cumulative).sum("netstats.client.io", d); got != 1000 {
			t.Errorf("client: %v %d, want 1000", d.Value.AsInterface(), got)
		}
	}
	if got := attrsOf(server.only(t, "connection").Attributes())["netstats.connection.close.reason"].AsString(); got != "remote" {
		t.Errorf("server: close reason %q, want remote", got)
	}
}

func TestListenerIsTheListener(t *testing.T) {
	l, other := newLab(t), newLab(t)
	inner := listen(t, "tcp", "127.0.0.1:0")
	ln := l.Listener(inner)
	if ln.Addr() != inner.Addr() {
		t.Errorf("Addr() = %v, want %v", ln.Addr(), inner.Addr())
	}
	if again := l.Listener(ln); again != ln {
		t.Error("a tracked listener was tracked again")
	}
	if again := other.Listener(ln); again != ln {
		t.Error("a listener has two owners")
	}
	for name, ok := range map[string]bool{
		"SetDeadline":  is[interface{ SetDeadline(time.Time) error }](ln),
		"File":         is[interface{ File() (*os.File, error) }](ln),
		"syscall.Conn": is[syscall.Conn](ln),
	} {
		if !ok {
			t.Errorf("a tracked TCP listener has no %s", name)
		}
	}
	if is[interface{ AcceptTCP() (*net.TCPConn, error) }](ln) {
		t.Error("a tracked TCP listener has AcceptTCP, which goes past the Tracker")
	}
	if err := ln.(interface{ SetDeadline(time.Time) error }).SetDeadline(time.Now().Add(-1)); err != nil {
		t.Fatal(err)
	}
	if _, err := ln.Accept(); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("Accept: %v, want a timeout", err)
	}
	if err := ln.Close(); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := ln.Accept(); !errors.Is(err, net.ErrClosed) {
		t.Errorf("Accept: %v, want net.ErrClosed", err)
	}
	if got := collect(t, l.cumulative).sum("netstats.server.connection.accepted", absent("error.type")); got != 0 {
		t.Errorf("%d accepted, want 0", got)
	}
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}

func TestListenerBelowTLS(t *testing.T) {
	cert, pool := certificate()
	l := newLab(t)
	ln := tls.NewListener(l.Listener(listen(t, "tcp", "127.0.0.1:0")), &tls.Config{Certificates: []tls.Certificate{cert}})
	found := make(chan bool, 1)
	serveOn(t, ln, func(c net.Conn) {
		echo(c)
		_, ok := otelnetstats.StatsOf(c)
		found <- ok
	})
	conn, err := tls.Dial("tcp", ln.Addr().String(), &tls.Config{RootCAs: pool, ServerName: "server.test"})
	if err != nil {
		t.Fatal(err)
	}
	send(t, conn, 1)
	receive(t, conn, 1)
	conn.Close()
	if !<-found {
		t.Error("StatsOf does not know the server's *tls.Conn")
	}
}

// TestConnectionsOfAnHTTPServer has ordinary life be no failure: package http
// interrupts reads by deadlines that have passed.
func TestConnectionsOfAnHTTPServer(t *testing.T) {
	for name, test := range map[string]struct {
		close  bool // the request says Connection: close
		finish func(t *testing.T, s *http.Server, client *http.Transport)
		want   string
	}{
		"Connection: close": {true, nil, "local"},
		"the server shuts down": {false, func(t *testing.T, s *http.Server, _ *http.Transport) {
			if err := s.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
		}, "local"},
		"the client closes": {false, func(_ *testing.T, _ *http.Server, client *http.Transport) { client.CloseIdleConnections() }, "remote"},
	} {
		t.Run(name, func(t *testing.T) {
			closed := make(chan otelnetstats.CloseReason, 8)
			l := newLab(t, otelnetstats.WithCallback(&onClose{f: func(_ context.Context, c *otelnetstats.Conn) { closed <- c.CloseReason() }}))
			ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
			server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") })}
			served := make(chan error, 1)
			go func() { served <- server.Serve(ln) }()
			client := &http.Transport{}
			request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+ln.Addr().String(), nil)
			if err != nil {
				t.Fatal(err)
			}
			request.Close = test.close
			response, err := client.RoundTrip(request)
			if err != nil {
				t.Fatal(err)
			}
			var reason otelnetstats.CloseReason
			if test.finish == nil {
				reason = <-closed // before the body is read, after which the client closes, too
			}
			if _, err := io.Copy(io.Discard, response.Body); err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if test.finish != nil {
				test.finish(t, server, client)
				reason = <-closed
			}
			if string(reason) != test.want {
				t.Errorf("close reason %q, want %q", reason, test.want)
			}
			client.CloseIdleConnections()
			server.Close()
			<-served
		})
	}
}

func TestListenerAfterShutdown(t *testing.T) {
	l := newLab(t)
	ln := l.Listener(listen(t, "tcp", "127.0.0.1:0"))
	if err := l.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	dial(t, new(net.Dialer), "tcp", ln.Addr().String())
	conn, err := ln.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, ok := otelnetstats.Lookup(conn); ok {
		t.Error("a connection was tracked after Shutdown")
	}
}

// TestListenerOfTrackedConnections accepts what another Tracker has, and counts it as
// accepted, and what its own one has, which does not count again.
func TestListenerOfTrackedConnections(t *testing.T) {
	l, other := newLab(t), newLab(t)
	for _, test := range []struct {
		tracker *lab
		counted int64
	}{{other, 1}, {l, 1}} {
		tracked := test.tracker.Register(t.Context(), &stub{})
		inner := &listener{conns: make(chan net.Conn, 1)}
		inner.conns <- tracked
		conn, err := l.Listener(inner).Accept()
		if err != nil || conn != tracked {
			t.Errorf("Accept: %v, %v; want the tracked connection", conn, err)
		}
		if got := collect(t, l.cumulative).sum("netstats.server.connection.accepted"); got != test.counted {
			t.Errorf("%d connections accepted so far, want %d", got, test.counted)
		}
		must(t, tracked.Close())
	}
}
