package otelnetstats_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"

	"github.com/netstats-go/netstats/otelnetstats"
)

// halfCloser is a connection of package net whose directions can be closed one
// by one.
type halfCloser interface {
	net.Conn
	CloseRead() error
	CloseWrite() error
}

var past = time.Unix(1, 0)

func wantEOF(t *testing.T, what string, c io.Reader) {
	t.Helper()
	if n, err := c.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("%s: Read: %d, %v; want io.EOF", what, n, err)
	}
}

func wantTimeout(t *testing.T, call string, err error) {
	t.Helper()
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%s: %v, want a timeout", call, err)
	}
}

// pass has a deadline pass during a read.
func pass(t *testing.T, c net.Conn) {
	t.Helper()
	must(t, c.SetReadDeadline(past))
	_, err := c.Read(make([]byte, 1))
	wantTimeout(t, "Read", err)
}

// fill writes until the deadline passes, as the peer reads nothing. It returns
// what was written.
func fill(t *testing.T, c net.Conn) (n int64) {
	t.Helper()
	b := make([]byte, 1<<16)
	for {
		must(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		m, err := c.Write(b)
		n += int64(m)
		if err != nil {
			wantTimeout(t, "Write", err)
			return n
		}
	}
}

// exchange1 moves a byte in each direction.
func exchange1(t *testing.T, conn, peer net.Conn) {
	t.Helper()
	send(t, conn, 1)
	receive(t, peer, 1)
	send(t, peer, 1)
	receive(t, conn, 1)
}

// A life is what happens to conn, over which one byte was moved in each
// direction, until it is closed with the given reason.
type life struct {
	name   string
	reason otelnetstats.CloseReason
	typ    string // error.type; empty if the connection did not fail
	tcp    bool   // not for unix sockets, which know no reset, and wake no write at half-close
	live   func(t *testing.T, conn, peer halfCloser)

	// What the kernel tells of a TCP connection, if that is another reason.
	kernel    otelnetstats.CloseReason
	kernelTyp string
}

// knownBy returns the life as the kernel tells it, on systems where it does.
func (want life) knownBy(network string) life {
	if runtime.GOOS == "linux" && network == "tcp" && want.kernel != "" {
		want.reason, want.typ = want.kernel, want.kernelTyp
	}
	return want
}

var lives = []life{
	{name: "closed", reason: otelnetstats.ClosedLocal, live: func(*testing.T, halfCloser, halfCloser) {}},
	{name: "closed with bytes unread", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, _, peer halfCloser) {
		send(t, peer, 100)
	}},
	{name: "closed by the peer, which nobody read", reason: otelnetstats.ClosedLocal, kernel: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.Close())
		awaitEnd(t, conn)
	}},
	{name: "closed by the peer, which answered what came later by a reset", reason: otelnetstats.ClosedLocal, kernel: otelnetstats.ClosedRemote, tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.Close())
		awaitEnd(t, conn)
		send(t, conn, 30)
		awaitReset(t, conn)
	}},
	{name: "the end is read", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.Close())
		wantEOF(t, "conn", conn)
	}},
	{name: "the end is read after the last bytes", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		send(t, peer, 100)
		must(t, peer.Close())
		if b, err := io.ReadAll(conn); len(b) != 100 || err != nil {
			t.Errorf("ReadAll: %d bytes, %v", len(b), err)
		}
	}},
	{name: "the end is read by a limited copy", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		send(t, peer, 100)
		must(t, peer.Close())
		if n, err := io.Copy(io.Discard, io.LimitReader(conn, 1000)); n != 100 || err != nil {
			t.Errorf("Copy: %d, %v", n, err)
		}
	}},
	{name: "a copy stops before the end", reason: otelnetstats.ClosedLocal, kernel: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		send(t, peer, 100)
		must(t, peer.Close())
		awaitEnd(t, conn)
		if n, err := io.Copy(io.Discard, io.LimitReader(conn, 100)); n != 100 || err != nil {
			t.Errorf("Copy: %d, %v", n, err)
		}
	}},

	{name: "half-closed", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite())
		wantEOF(t, "peer", peer)
	}},
	{name: "half-closed, then a reply and its end", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite())
		wantEOF(t, "peer", peer)
		send(t, peer, 100)
		must(t, peer.Close())
		receive(t, conn, 100)
		wantEOF(t, "conn", conn)
	}},
	{name: "half-closed, then a reply whose end is not read", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite())
		send(t, peer, 100)
		must(t, peer.Close())
		receive(t, conn, 100)
	}},
	{name: "half-closed by the peer, answered", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.CloseWrite())
		wantEOF(t, "conn", conn)
		send(t, conn, 100)
		receive(t, peer, 100)
	}},
	{name: "half-closed by the peer, then here", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.CloseWrite())
		wantEOF(t, "conn", conn)
		must(t, conn.CloseWrite())
		wantEOF(t, "peer", peer)
	}},
	{name: "half-closed here, then by the peer", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite())
		wantEOF(t, "peer", peer)
		must(t, peer.CloseWrite())
		wantEOF(t, "conn", conn)
	}},
	{name: "half-closed by both, which nobody read", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.CloseWrite(), conn.CloseWrite())
	}},
	{name: "written to after half-close", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, _ halfCloser) {
		must(t, conn.CloseWrite())
		if n, err := conn.Write([]byte{1}); n != 0 || !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: %d, %v; want EPIPE", n, err)
		}
	}},
	{name: "half-closed twice", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite(), conn.CloseWrite())
		wantEOF(t, "peer", peer)
	}},
	{name: "closed for reading", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseRead())
		send(t, conn, 100)
		receive(t, peer, 100)
	}},
	{name: "closed for reading while a read waited", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, _ halfCloser) {
		var wg sync.WaitGroup
		wg.Go(func() { wantEOF(t, "conn", conn) })
		must(t, conn.CloseRead())
		wg.Wait()
	}},
	{name: "the end is read, then closed for reading", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.CloseWrite())
		wantEOF(t, "conn", conn)
		must(t, conn.CloseRead())
		wantEOF(t, "conn", conn)
	}},
	{name: "half-closed while a write waited", reason: otelnetstats.ClosedLocal, tcp: true, live: func(t *testing.T, conn, _ halfCloser) {
		fill(t, conn)
		must(t, conn.SetWriteDeadline(time.Time{}))
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := conn.Write(make([]byte, 64<<20)); !errors.Is(err, syscall.EPIPE) {
				t.Errorf("Write: %v, want EPIPE", err)
			}
		})
		runtime.Gosched()
		must(t, conn.CloseWrite())
		wg.Wait()
	}},
	{name: "read from after it was closed for reading", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, _ halfCloser) {
		must(t, conn.CloseRead())
		wantEOF(t, "conn", conn)
	}},

	{name: "a read deadline passed", reason: otelnetstats.ClosedTimeout, typ: "timeout", live: func(t *testing.T, conn, _ halfCloser) {
		pass(t, conn)
	}},
	{name: "a read deadline passed while a read waited", reason: otelnetstats.ClosedTimeout, typ: "timeout", live: func(t *testing.T, conn, _ halfCloser) {
		must(t, conn.SetDeadline(time.Now().Add(time.Millisecond)))
		_, err := conn.Read(make([]byte, 1))
		wantTimeout(t, "Read", err)
	}},
	{name: "a deadline passed and another was set", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, _ halfCloser) {
		pass(t, conn)
		must(t, conn.SetReadDeadline(time.Time{}))
	}},
	{name: "a deadline passed and bytes were read", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		pass(t, conn)
		must(t, conn.SetReadDeadline(time.Time{}))
		exchange1(t, conn, peer)
	}},
	{name: "a deadline passed and bytes were written", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		pass(t, conn)
		send(t, conn, 1)
		receive(t, peer, 1)
	}},
	{name: "a deadline passed again", reason: otelnetstats.ClosedTimeout, typ: "timeout", live: func(t *testing.T, conn, peer halfCloser) {
		pass(t, conn)
		must(t, conn.SetReadDeadline(time.Time{}))
		exchange1(t, conn, peer)
		pass(t, conn)
	}},
	{name: "a deadline that no call met", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, _ halfCloser) {
		must(t, conn.SetDeadline(past))
	}},
	{name: "a deadline passed, then the end is read", reason: otelnetstats.ClosedRemote, live: func(t *testing.T, conn, peer halfCloser) {
		pass(t, conn)
		must(t, peer.Close(), conn.SetReadDeadline(time.Time{}))
		wantEOF(t, "conn", conn)
	}},
	{name: "a write deadline passed", reason: otelnetstats.ClosedTimeout, typ: "timeout", live: func(t *testing.T, conn, _ halfCloser) {
		fill(t, conn)
	}},
	{name: "a write deadline passed and the write went on", reason: otelnetstats.ClosedLocal, live: func(t *testing.T, conn, peer halfCloser) {
		n := fill(t, conn)
		must(t, conn.SetWriteDeadline(time.Time{}))
		if _, err := io.CopyN(io.Discard, peer, n); err != nil {
			t.Errorf("the peer: %v", err)
		}
		exchange1(t, conn, peer)
	}},

	{name: "reset", reason: otelnetstats.ClosedReset, typ: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		abort(t, peer)
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read: %v, want ECONNRESET", err)
		}
	}},
	{name: "reset, found by a write", reason: otelnetstats.ClosedReset, typ: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		abort(t, peer)
		if _, err := conn.Write([]byte{1}); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Write: %v, want ECONNRESET", err)
		}
	}},
	{name: "reset, found by a copy", reason: otelnetstats.ClosedReset, typ: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		abort(t, peer)
		if _, err := io.Copy(io.Discard, conn); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Copy: %v, want ECONNRESET", err)
		}
	}},
	{name: "reset after a deadline passed", reason: otelnetstats.ClosedReset, typ: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		pass(t, conn)
		must(t, conn.SetReadDeadline(time.Time{}))
		abort(t, peer)
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read: %v, want ECONNRESET", err)
		}
	}},
	{name: "reset after half-close", reason: otelnetstats.ClosedReset, typ: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		must(t, conn.CloseWrite())
		wantEOF(t, "peer", peer)
		abort(t, peer)
		if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
			t.Errorf("Read: %v, want ECONNRESET", err)
		}
	}},
	{name: "reset, which nobody saw", reason: otelnetstats.ClosedLocal, kernel: otelnetstats.ClosedReset, kernelTyp: "connection_reset", tcp: true, live: func(t *testing.T, conn, peer halfCloser) {
		abort(t, peer)
		awaitReset(t, conn)
	}},
	{name: "the peer has gone, found by writes", reason: otelnetstats.ClosedReset, typ: "broken_pipe", live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.Close())
		var err error
		for err == nil || errors.Is(err, syscall.ECONNRESET) {
			_, err = conn.Write([]byte{1})
		}
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: %v, want EPIPE", err)
		}
	}},
	{name: "the peer has gone after its end was read", reason: otelnetstats.ClosedReset, typ: "broken_pipe", live: func(t *testing.T, conn, peer halfCloser) {
		must(t, peer.Close())
		wantEOF(t, "conn", conn)
		var err error
		for err == nil || errors.Is(err, syscall.ECONNRESET) {
			_, err = conn.Write([]byte{1})
		}
		if !errors.Is(err, syscall.EPIPE) {
			t.Errorf("Write: %v, want EPIPE", err)
		}
	}},
}

// abort has the peer of c get a reset.
func abort(t *testing.T, c net.Conn) {
	t.Helper()
	must(t, c.(*net.TCPConn).SetLinger(0), c.Close())
}

// lifeNetworks are how conn, tracked by l, and its peer come to be.
var lifeNetworks = []struct {
	name, network string
	open          func(t *testing.T, l *lab, ln net.Listener) (conn, peer net.Conn)
}{
	{"dialed tcp", "tcp", dialLife},
	{"dialed unix", "unix", dialLife},
	{"accepted tcp", "tcp", acceptLife},
	{"accepted unix", "unix", acceptLife},
}

func dialLife(t *testing.T, l *lab, ln net.Listener) (conn, peer net.Conn) {
	t.Helper()
	conn = dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, ln.Addr().Network(), ln.Addr().String())
	return conn, accept(t, ln)
}

func acceptLife(t *testing.T, l *lab, ln net.Listener) (conn, peer net.Conn) {
	t.Helper()
	ln = l.Listener(ln)
	peer = dial(t, new(net.Dialer), ln.Addr().Network(), ln.Addr().String())
	return accept(t, ln), peer
}

func accept(t *testing.T, ln net.Listener) net.Conn {
	t.Helper()
	c, err := ln.Accept()
	must(t, err)
	t.Cleanup(func() { c.Close() })
	return c
}

func TestLives(t *testing.T) {
	for _, n := range lifeNetworks {
		t.Run(n.name, func(t *testing.T) {
			t.Parallel()
			address := "127.0.0.1:0"
			if n.network == "unix" {
				address = filepath.Join(shortDir(t), "s")
			}
			for _, test := range lives {
				if test.tcp && n.network != "tcp" {
					continue
				}
				t.Run(test.name, func(t *testing.T) {
					cb := new(balance)
					l := newLab(t, otelnetstats.WithCallback(cb))
					conn, peer := n.open(t, l, listen(t, n.network, address))
					exchange1(t, conn, peer)
					test.live(t, conn.(halfCloser), peer.(halfCloser))
					record := lookup(t, conn)
					if got := record.CloseReason(); got != "" || cb.closes.Load() != 0 {
						t.Errorf("before Close: reason %q, %d times closed", got, cb.closes.Load())
					}
					must(t, conn.Close())
					want := test.knownBy(n.network)
					want.check(t, l, record)
					_ = conn.Close()
					_, _ = conn.Read(make([]byte, 1))
					want.check(t, l, record)
					if got := cb.closes.Load(); got != 1 {
						t.Errorf("closed %d times, want 1", got)
					}
				})
			}
		})
	}
}

// check checks what is known of a connection that has ended.
func (want life) check(t *testing.T, l *lab, record *otelnetstats.Conn) {
	t.Helper()
	if got := record.CloseReason(); got != want.reason {
		t.Errorf("reason %q, want %q", got, want.reason)
	}
	failed := attribute.KeyValue{Key: "error.type"}
	code := codes.Unset
	if want.typ != "" {
		failed, code = attribute.String("error.type", want.typ), codes.Error
	}
	span := l.only(t, "connection")
	attrsOf(span.Attributes()).want(t, "span", attribute.String("netstats.connection.close.reason", string(want.reason)), failed)
	if got := span.Status().Code; got != code {
		t.Errorf("status %v, want %v", got, code)
	}
	metrics := collect(t, l.cumulative)
	if got := metrics.count("netstats."+record.Role()+".connection.duration", failed); got != 1 {
		t.Errorf("connection.duration has %d recordings with %v, want 1", got, failed)
	}
	if got := metrics.sum("netstats." + record.Role() + ".connection.count"); got != 0 {
		t.Errorf("connection.count = %d, want 0", got)
	}
	closed := "netstats." + record.Role() + ".connection.closed"
	if got, all := metrics.sum(closed, closedFor(want.reason)), metrics.sum(closed); got != 1 || all != 1 {
		t.Errorf("connection.closed has %d of %s and %d in all, want 1 and 1", got, want.reason, all)
	}
}

func closedFor(reason otelnetstats.CloseReason) attribute.KeyValue {
	return attribute.String("netstats.connection.close.reason", string(reason))
}

// TestLifeOfAPipe has the reasons of connections whose errors are none of the
// kernel's.
func TestLifeOfAPipe(t *testing.T) {
	for _, test := range []struct {
		name string
		want otelnetstats.CloseReason
		live func(conn, peer net.Conn) error
	}{
		{"closed", otelnetstats.ClosedLocal, func(_, _ net.Conn) error { return nil }},
		{"the end is read", otelnetstats.ClosedRemote, func(conn, peer net.Conn) error {
			peer.Close()
			_, err := conn.Read(make([]byte, 1))
			return err
		}},
		{"written to after the peer closed", otelnetstats.ClosedRemote, func(conn, peer net.Conn) error {
			peer.Close()
			_, err := conn.Write(make([]byte, 1))
			return err
		}},
		{"a deadline passed", otelnetstats.ClosedTimeout, func(conn, _ net.Conn) error {
			_ = conn.SetDeadline(past)
			_, err := conn.Write(make([]byte, 1))
			return err
		}},
		{"a deadline passed and another was set", otelnetstats.ClosedLocal, func(conn, _ net.Conn) error {
			_ = conn.SetDeadline(past)
			_, err := conn.Write(make([]byte, 1))
			return errors.Join(err, conn.SetDeadline(time.Time{}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			inner, peer := net.Pipe()
			defer peer.Close()
			conn := l.Register(t.Context(), inner)
			if err := test.live(conn, peer); (err == nil) != (test.name == "closed") {
				t.Errorf("error %v", err)
			}
			must(t, conn.Close(), conn.Close())
			if got := lookup(t, conn).CloseReason(); got != test.want {
				t.Errorf("reason %q, want %q", got, test.want)
			}
			l.only(t, "connection")
		})
	}
}

// TestLifeAfterShutdown has a connection outlive its Tracker.
func TestLifeAfterShutdown(t *testing.T) {
	for _, n := range lifeNetworks[:2] {
		t.Run(n.name, func(t *testing.T) {
			cb := new(balance)
			l := newLab(t, otelnetstats.WithCallback(cb))
			address := "127.0.0.1:0"
			if n.network == "unix" {
				address = filepath.Join(shortDir(t), "s")
			}
			conn, peer := n.open(t, l, listen(t, n.network, address))
			pass(t, conn) // is forgotten: Shutdown ends the connection's telemetry, whatever was before
			must(t, l.Shutdown(t.Context()), conn.SetDeadline(time.Time{}))
			exchange1(t, conn, peer)
			must(t, peer.Close())
			wantEOF(t, "conn", conn)
			must(t, conn.Close())
			record := lookup(t, conn)
			if got := record.CloseReason(); got != otelnetstats.ClosedShutdown {
				t.Errorf("reason %q, want %q", got, otelnetstats.ClosedShutdown)
			}
			if s := record.Stats(); s.Received.Bytes != 1 || s.Sent.Bytes != 1 {
				t.Errorf("Stats: %+v, want a byte in each direction", s)
			}
			if got := cb.closes.Load(); got != 1 {
				t.Errorf("closed %d times, want 1", got)
			}
			attrsOf(l.only(t, "connection").Attributes()).want(t, "span",
				attribute.String("netstats.connection.close.reason", "shutdown"), absent("error.type"),
				attribute.Int("netstats.receive.size", 0), attribute.Int("netstats.transmit.size", 0))
		})
	}
}

// TestErrorsAreThoseOfPlainConnections closes twice, and uses what is closed.
func TestErrorsAreThoseOfPlainConnections(t *testing.T) {
	l := newLab(t)
	for _, network := range []string{"tcp", "unix"} {
		t.Run(network, func(t *testing.T) {
			address := "127.0.0.1:0"
			if network == "unix" {
				address = filepath.Join(shortDir(t), "s")
			}
			ln := listen(t, network, address)
			serveOn(t, ln, wait)
			addr := ln.Addr().String()
			plain, tracked := dial(t, new(net.Dialer), network, addr), dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, network, addr)
			for i, call := range []func(net.Conn) error{
				net.Conn.Close,
				net.Conn.Close,
				func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
				func(c net.Conn) error { _, err := c.Write(make([]byte, 1)); return err },
				func(c net.Conn) error { return c.SetDeadline(time.Time{}) },
				func(c net.Conn) error { return c.(halfCloser).CloseWrite() },
				func(c net.Conn) error { return c.(halfCloser).CloseRead() },
				func(c net.Conn) error { _, err := (&net.Buffers{{1}, {2}}).WriteTo(c); return err },
				func(c net.Conn) error { _, err := io.Copy(c, &io.LimitedReader{R: c, N: 1}); return err },
			} {
				want, got := call(plain), call(tracked)
				if (want == nil) != (got == nil) || errors.Is(want, net.ErrClosed) != errors.Is(got, net.ErrClosed) {
					t.Errorf("call %d: %v, plain: %v", i, got, want)
				}
				if network == "unix" && i == 7 {
					continue // several writes, see the documentation
				}
				w, _ := errors.AsType[*net.OpError](want)
				g, _ := errors.AsType[*net.OpError](got)
				if (w == nil) != (g == nil) || w != nil && (w.Op != g.Op || w.Err.Error() != g.Err.Error() || w.Net != g.Net) {
					t.Errorf("call %d: %v, plain: %v", i, got, want)
				}
			}
		})
	}
}

// drop opens a connection that nobody holds, but for what use does with it.
// What is returned does not hold it either.
func drop(t *testing.T, l *lab, ln net.Listener, use func(net.Conn)) (record *otelnetstats.Conn, peer net.Conn) {
	t.Helper()
	conn, err := (&otelnetstats.Dialer{Tracker: l.Tracker}).DialContext(t.Context(), ln.Addr().Network(), ln.Addr().String())
	must(t, err)
	peer = accept(t, ln)
	use(conn)
	return lookup(t, conn), peer
}

// TestBlockedCallsAreNoLeaks waits in calls of connections that nothing else
// holds; once these return, the connections are found.
func TestBlockedCallsAreNoLeaks(t *testing.T) {
	for name, call := range map[string]func(net.Conn) error{
		"Read":  func(c net.Conn) error { _, err := c.Read(make([]byte, 1)); return err },
		"Write": func(c net.Conn) error { _, err := c.Write(make([]byte, 64<<20)); return err },
		"writev": func(c net.Conn) error {
			_, err := (&net.Buffers{make([]byte, 32<<20), make([]byte, 32<<20)}).WriteTo(c)
			return err
		},
		"Copy": func(c net.Conn) error { _, err := io.Copy(io.Discard, c); return err },
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			ln := listen(t, "tcp", "127.0.0.1:0")
			returned := make(chan error, 1)
			record, peer := drop(t, l, ln, func(c net.Conn) { go func() { returned <- call(c) }() })
			sentinel, _ := drop(t, l, ln, func(net.Conn) {}) // is found, so the collector had its chance
			leak(t, sentinel)
			if got := record.CloseReason(); got != "" {
				t.Fatalf("reason %q while the call waits", got)
			}
			must(t, peer.Close())
			<-returned
			leak(t, record)
		})
	}
}

// leak waits until the collector has found a connection.
func leak(t *testing.T, record *otelnetstats.Conn) {
	t.Helper()
	until(t, "the connection is found", func() bool {
		runtime.GC()
		return record.CloseReason() != ""
	})
	if got := record.CloseReason(); got != otelnetstats.ClosedLeaked {
		t.Errorf("reason %q, want %q", got, otelnetstats.ClosedLeaked)
	}
}
