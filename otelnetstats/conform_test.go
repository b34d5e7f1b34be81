package otelnetstats_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"golang.org/x/net/nettest"

	"github.com/netstats-go/netstats/otelnetstats"
)

// foreign is somebody else's connection, with half-close and descriptor.
type foreign struct{ *net.TCPConn }

// A makePair makes both ends of a connection, what is tracked of it by l.
type makePair func(l *lab) (client, server net.Conn, err error)

// accepted returns a makePair that dials ln, which it closes when the test ends.
func accepted(t testing.TB, ln net.Listener, dialed, served func(*lab, net.Conn) net.Conn) makePair {
	t.Helper()
	t.Cleanup(func() { ln.Close() })
	return func(l *lab) (client, server net.Conn, err error) {
		client, err = net.Dial(ln.Addr().Network(), ln.Addr().String())
		if err != nil {
			return nil, nil, err
		}
		if server, err = ln.Accept(); err != nil {
			client.Close()
			return nil, nil, err
		}
		return dialed(l, client), served(l, server), nil
	}
}

func registered(l *lab, c net.Conn) net.Conn { return l.Register(context.Background(), c) }
func untracked(_ *lab, c net.Conn) net.Conn  { return c }

// trackedPair returns a makePair with a Dialer's client, TLS on top if there is a
// config, and a tracked listener's server.
func trackedPair(t testing.TB, network, address string, config *tls.Config) makePair {
	t.Helper()
	inner := listen(t, network, address)
	return func(l *lab) (client, server net.Conn, err error) {
		ln := l.Listener(inner)
		d := &otelnetstats.Dialer{Tracker: l.Tracker}
		dial := d.DialContext
		if config != nil {
			ln, dial = tls.NewListener(ln, config), d.TLS(config)
		}
		dialed := make(chan error, 1)
		go func() {
			var err error
			client, err = dial(t.Context(), network, inner.Addr().String())
			dialed <- err
		}()
		if server, err = ln.Accept(); err != nil {
			return nil, nil, err
		}
		if c, ok := server.(*tls.Conn); ok {
			err = c.Handshake()
		}
		if failed := <-dialed; failed != nil {
			err = failed
		}
		return client, server, err
	}
}

// testConn has nettest look at pairs, and then at what their life left behind.
func testConn(t *testing.T, pair makePair) {
	t.Helper()
	cb := new(balance)
	l := newLab(t, otelnetstats.WithCallback(cb))
	nettest.TestConn(t, func() (c1, c2 net.Conn, stop func(), err error) {
		c1, c2, err = pair(l)
		if err != nil {
			return nil, nil, nil, err
		}
		return c1, c2, func() { c1.Close(); c2.Close() }, nil
	})
	got := collect(t, l.cumulative)
	for _, name := range []string{"netstats.client.connection.count", "netstats.server.connection.count"} {
		if n := got.sum(name); n != 0 {
			t.Errorf("%s = %d, want 0", name, n)
		}
	}
	opens, closes, spans := cb.opens.Load(), cb.closes.Load(), int64(len(l.ended("connection")))
	if opens == 0 || closes != opens || spans != opens {
		t.Errorf("%d connections opened, %d closed, %d spans ended", opens, closes, spans)
	}
}

func TestConformity(t *testing.T) {
	dir := shortDir(t)
	pairs := map[string]makePair{
		"tcp":                 trackedPair(t, "tcp", "127.0.0.1:0", nil),
		"unix":                trackedPair(t, "unix", filepath.Join(dir, "a"), nil),
		"tcp, registered":     accepted(t, listen(t, "tcp", "127.0.0.1:0"), registered, registered),
		"unix, registered":    accepted(t, listen(t, "unix", filepath.Join(dir, "b")), registered, registered),
		"tcp, one end plain":  accepted(t, listen(t, "tcp", "127.0.0.1:0"), registered, untracked),
		"tcp, the other":      accepted(t, listen(t, "tcp", "127.0.0.1:0"), untracked, registered),
		"other people's conn": accepted(t, listen(t, "tcp", "127.0.0.1:0"), func(l *lab, c net.Conn) net.Conn { return l.Register(t.Context(), foreign{c.(*net.TCPConn)}) }, func(l *lab, c net.Conn) net.Conn { return l.Register(t.Context(), struct{ net.Conn }{c}) }),
		"pipe": func(l *lab) (net.Conn, net.Conn, error) {
			client, server := net.Pipe()
			return registered(l, client), registered(l, server), nil
		},
	}
	for name, pair := range pairs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			testConn(t, pair)
		})
	}
}

// TestConformityOfTLS runs those of nettest's subtests that a *tls.Conn over a
// plain connection passes: it does not recover from a deadline that passes
// during a write. They are run in a process of their own, as there is no other
// way to choose.
func TestConformityOfTLS(t *testing.T) {
	const chosen = "NETSTATS_CONFORMITY_OF_TLS"
	if os.Getenv(chosen) == "" {
		t.Parallel()
		cmd := exec.Command(os.Args[0], "-test.v",
			"-test.run=^TestConformityOfTLS$/^(BasicIO|PingPong|RacyRead|RacyWrite|ReadTimeout|WriteTimeout|PresentTimeout|CloseTimeout)$")
		cmd.Env = append(os.Environ(), chosen+"=1")
		if out, err := cmd.CombinedOutput(); err != nil || bytes.Count(out, []byte("--- PASS: ")) != 9 {
			t.Errorf("%v\n%s", err, out)
		}
		return
	}
	cert, pool := certificate()
	testConn(t, trackedPair(t, "tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert}, RootCAs: pool, ServerName: "server.test",
	}))
}

// shortDir is t.TempDir with a path that does not grow with the test's name:
// that of a unix socket is limited to about 100 bytes.
func shortDir(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "ns") //nolint:usetesting // see above
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
