package otelnetstats_test

import (
	"io"
	"net"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/netstats-go/netstats/otelnetstats"
)

// TestDialersOfAllKinds: whatever a net.Dialer does to a socket, what writev
// sends on it is counted. With most, a new connection need not be looked at.
func TestDialersOfAllKinds(t *testing.T) {
	var lc net.ListenConfig
	lc.SetMultipathTCP(true)
	ln, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	must(t, err)
	serveOn(t, ln, wait)
	var multipath net.Dialer
	multipath.SetMultipathTCP(true)
	for name, base := range map[string]*net.Dialer{
		"zero":       {},
		"multipath":  &multipath,
		"fast open":  {Control: fastOpen},
		"keep-alive": {KeepAlive: -1},
	} {
		t.Run(name, func(t *testing.T) {
			l := newLab(t)
			for range 2 {
				conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker, Base: base}, "tcp", ln.Addr().String())
				send(t, conn, 7)
				buffers := net.Buffers{make([]byte, 100), make([]byte, 1000)}
				if _, err := buffers.WriteTo(conn); err != nil {
					t.Fatal(err)
				}
				if _, err := io.WriteString(conn, "end"); err != nil {
					t.Fatal(err)
				}
				if sent := statsOf(t, conn).Sent.Bytes; sent != 1110 {
					t.Errorf("%d bytes sent, want 1110", sent)
				}
			}
		})
	}
}

// fastOpen has the first write open the connection, where the system allows it.
func fastOpen(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_FASTOPEN_CONNECT, 1)
	})
}
