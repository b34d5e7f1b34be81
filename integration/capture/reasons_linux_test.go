package capture

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"net/http/httptest"
	"os"
	"runtime"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstats-go/netstats/otelnetstats"
)

// secure puts TLS on both ends of a connection, and moves a byte in each
// direction.
func secure(t *testing.T, near, far net.Conn) (conn, peer *tls.Conn) {
	t.Helper()
	server := httptest.NewTLSServer(nil) // has a certificate
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(server.Certificate())
	peer = tls.Server(far, &tls.Config{Certificates: server.TLS.Certificates})
	conn = tls.Client(near, &tls.Config{RootCAs: pool, ServerName: "example.com"})
	echoed := make(chan error, 1)
	go func() {
		_, err := io.CopyN(peer, peer, 1)
		echoed <- err
	}()
	_, err := conn.Write([]byte{1})
	must(t, err)
	_, err = io.ReadFull(conn, make([]byte, 1))
	must(t, err, <-echoed)
	return conn, peer
}

// awaitEnd waits until the kernel knows that the peer has closed the connection.
func awaitEnd(t *testing.T, conn net.Conn) {
	t.Helper()
	raw, err := conn.(*net.TCPConn).SyscallConn()
	must(t, err)
	for deadline := time.Now().Add(10 * time.Second); ; runtime.Gosched() {
		var info *unix.TCPInfo
		var asked error
		must(t, raw.Control(func(fd uintptr) { info, asked = unix.GetsockoptTCPInfo(int(fd), unix.IPPROTO_TCP, unix.TCP_INFO) }), asked)
		if info.State != unix.BPF_TCP_ESTABLISHED {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("the peer's end does not come")
		}
	}
}

// TestReasonsOfCapturedConnections are those that wrapped ones have: TLS and a
// look at the descriptor hide the end of the stream.
func TestReasonsOfCapturedConnections(t *testing.T) {
	exchange := func(t *testing.T, near, far net.Conn) {
		t.Helper()
		_, err := near.Write([]byte{1})
		must(t, err)
		_, err = io.ReadFull(far, make([]byte, 1))
		must(t, err)
	}
	for _, test := range []struct {
		name string
		live func(t *testing.T, near, far net.Conn) (last io.Closer)
		want otelnetstats.CloseReason
	}{
		{"closed", func(t *testing.T, near, far net.Conn) io.Closer {
			exchange(t, near, far)
			return near
		}, otelnetstats.ClosedLocal},
		{"closed by the peer, which nobody read", func(t *testing.T, near, far net.Conn) io.Closer {
			exchange(t, near, far)
			must(t, far.Close())
			awaitEnd(t, near)
			return near
		}, otelnetstats.ClosedRemote},
		{"killed in a pool, which peeks", func(t *testing.T, near, far net.Conn) io.Closer {
			exchange(t, near, far)
			must(t, far.Close())
			awaitEnd(t, near)
			raw, err := near.(syscall.Conn).SyscallConn()
			must(t, err, raw.Read(func(fd uintptr) bool {
				_, _, _ = syscall.Recvfrom(int(fd), make([]byte, 1), syscall.MSG_PEEK|syscall.MSG_DONTWAIT)
				return true
			}))
			return near
		}, otelnetstats.ClosedRemote},
		{"reset, which nobody saw", func(t *testing.T, near, far net.Conn) io.Closer {
			exchange(t, near, far)
			must(t, far.(*net.TCPConn).SetLinger(0), far.Close())
			awaitEnd(t, near)
			return near
		}, otelnetstats.ClosedReset},
		{"TLS closed by the peer in good order", func(t *testing.T, near, far net.Conn) io.Closer {
			conn, peer := secure(t, near, far)
			must(t, peer.Close())
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, io.EOF) {
				t.Errorf("Read: %v", err)
			}
			awaitEnd(t, near)
			return conn
		}, otelnetstats.ClosedRemote},
		{"TLS, a deadline passed", func(t *testing.T, near, far net.Conn) io.Closer {
			conn, _ := secure(t, near, far)
			must(t, conn.SetReadDeadline(time.Unix(1, 0)))
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("Read: %v", err)
			}
			return conn
		}, otelnetstats.ClosedTimeout},
		{"TLS, a deadline passed and another was set", func(t *testing.T, near, far net.Conn) io.Closer {
			conn, _ := secure(t, near, far)
			must(t, conn.SetReadDeadline(time.Unix(1, 0)))
			_, _ = conn.Read(make([]byte, 1))
			must(t, conn.SetReadDeadline(time.Time{}))
			return conn
		}, otelnetstats.ClosedLocal},
	} {
		t.Run(test.name, func(t *testing.T) {
			l := newLab(t)
			near, far := dial(t, t.Context(), new(net.Dialer), listen(t))
			c, _ := otelnetstats.Lookup(near)
			_ = test.live(t, near, far).Close()
			if got := c.CloseReason(); got != test.want {
				t.Errorf("reason %q, want %q", got, test.want)
			}
			l.capture.Release()
		})
	}
}
