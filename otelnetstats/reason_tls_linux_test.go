package otelnetstats_test

import (
	"crypto/tls"
	"errors"
	"io"
	"net"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/otelnetstats"
)

// TLS hides the end of the stream, which it takes for the end of its own, and
// says goodbye by itself. The reasons are those that a connection without it has.

// securePair returns both ends of a TLS connection whose client is tracked.
func securePair(t *testing.T, l *lab, version uint16) (conn, peer *tls.Conn) {
	t.Helper()
	cert, pool := certificate()
	ln := listen(t, "tcp", "127.0.0.1:0")
	d := &otelnetstats.Dialer{Tracker: l.Tracker}
	served := make(chan *tls.Conn, 1)
	go func() {
		c, err := ln.Accept()
		if err != nil {
			served <- nil
			return
		}
		s := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}, MaxVersion: version})
		_ = s.Handshake() // the client has the error
		served <- s
	}()
	c, err := d.TLS(&tls.Config{RootCAs: pool, ServerName: "server.test", MaxVersion: version})(t.Context(), "tcp", ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	conn, peer = c.(*tls.Conn), <-served
	t.Cleanup(func() { conn.Close(); peer.Close() })
	exchange1(t, conn, peer)
	return conn, peer
}

func TestLivesOverTLS(t *testing.T) {
	for _, test := range []struct {
		name   string
		live   func(t *testing.T, conn, peer *tls.Conn)
		reason otelnetstats.CloseReason
	}{
		{"closed", func(*testing.T, *tls.Conn, *tls.Conn) {}, otelnetstats.ClosedLocal},
		{"closed by the peer in good order", func(t *testing.T, conn, peer *tls.Conn) {
			must(t, peer.Close())
			wantEOF(t, "conn", conn)
			awaitEnd(t, conn.NetConn())
		}, otelnetstats.ClosedRemote},
		{"closed by the peer, which nobody read", func(t *testing.T, conn, peer *tls.Conn) {
			must(t, peer.Close())
			awaitEnd(t, conn.NetConn())
		}, otelnetstats.ClosedRemote},
		{"closed by the peer without a word", func(t *testing.T, conn, peer *tls.Conn) {
			must(t, peer.NetConn().Close())
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, io.EOF) {
				t.Errorf("Read: %v", err)
			}
		}, otelnetstats.ClosedRemote},
		{"half-closed by the peer", func(t *testing.T, conn, peer *tls.Conn) {
			must(t, peer.CloseWrite())
			wantEOF(t, "conn", conn)
		}, otelnetstats.ClosedLocal}, // the peer's TCP is open
		{"reset", func(t *testing.T, conn, peer *tls.Conn) {
			abort(t, peer.NetConn())
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("Read: %v", err)
			}
		}, otelnetstats.ClosedReset},
		{"a read deadline passed", func(t *testing.T, conn, _ *tls.Conn) {
			pass(t, conn)
		}, otelnetstats.ClosedTimeout},
		{"a read deadline passed while a read waited", func(t *testing.T, conn, _ *tls.Conn) {
			must(t, conn.SetDeadline(time.Now().Add(time.Millisecond)))
			_, err := conn.Read(make([]byte, 1))
			wantTimeout(t, "Read", err)
		}, otelnetstats.ClosedTimeout},
		{"a deadline passed and another was set", func(t *testing.T, conn, _ *tls.Conn) {
			pass(t, conn)
			must(t, conn.SetReadDeadline(time.Now().Add(time.Hour)))
		}, otelnetstats.ClosedLocal},
		{"a deadline passed, then bytes", func(t *testing.T, conn, peer *tls.Conn) {
			pass(t, conn)
			must(t, conn.SetReadDeadline(time.Time{}))
			exchange1(t, conn, peer)
		}, otelnetstats.ClosedLocal},
		{"a deadline passed, then a long message", func(t *testing.T, conn, peer *tls.Conn) {
			pass(t, conn)
			send(t, conn, 1000)
			receive(t, peer, 1000)
		}, otelnetstats.ClosedLocal},
	} {
		for name, version := range map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13} {
			t.Run(name+"/"+test.name, func(t *testing.T) {
				l := newLab(t)
				conn, peer := securePair(t, l, version)
				test.live(t, conn, peer)
				_ = conn.Close()
				if got := lookup(t, conn).CloseReason(); got != test.reason {
					t.Errorf("reason %q, want %q", got, test.reason)
				}
				attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.String("netstats.connection.close.reason", string(test.reason)))
			})
		}
	}
}

// dead reports whether a pool would find a connection dead, by a peek at its
// descriptor, as go-redis and database drivers do it.
func dead(t *testing.T, c net.Conn) (dead bool) {
	t.Helper()
	must(t, rawConn(t, c).Read(func(fd uintptr) bool {
		n, _, err := syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
		dead = n > 0 || !errors.Is(err, syscall.EAGAIN)
		return true
	}))
	return dead
}

// TestKilledPooledConnection: the server kills a connection that lies idle in a
// pool, which finds it dead before the next use and closes it.
func TestKilledPooledConnection(t *testing.T) {
	for name, open := range map[string]func(t *testing.T, l *lab) (conn, peer net.Conn){
		"tcp": func(t *testing.T, l *lab) (conn, peer net.Conn) {
			conn, peer, err := trackedPair(t, "tcp", "127.0.0.1:0", nil)(l)
			must(t, err)
			exchange1(t, conn, peer)
			return conn, peer
		},
		"tls": func(t *testing.T, l *lab) (conn, peer net.Conn) { return securePair(t, l, tls.VersionTLS13) },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			conn, peer := open(t, l)
			below := conn
			if secure, ok := conn.(*tls.Conn); ok {
				below = secure.NetConn()
			}
			must(t, peer.Close())
			eventually(t, "the pool finds the connection dead", func() bool { return dead(t, below) })
			_ = conn.Close()
			if got := lookup(t, conn).CloseReason(); got != otelnetstats.ClosedRemote {
				t.Errorf("reason %q, want remote", got)
			}
		})
	}
}
