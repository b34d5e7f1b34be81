package netwrap_test

import (
	"errors"
	"io"
	"net"
	"os"
	"syscall"
	"testing"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/testnet"
)

// The kernel knows who ended a connection, which it is asked about if anything may
// have happened to it.
func TestWhoEndedIsAsked(t *testing.T) {
	for _, test := range []struct {
		name string
		use  func(t *testing.T, conn net.Conn)
	}{
		{"read", func(t *testing.T, conn net.Conn) { testnet.Receive(t, conn, make([]byte, 1)) }},
		{"written", func(t *testing.T, conn net.Conn) { testnet.Send(t, conn, []byte{1}) }},
		{"written by writev only", func(t *testing.T, conn net.Conn) {
			_, err := (&net.Buffers{{1}, {2}}).WriteTo(conn)
			testnet.Must(t, err)
		}},
		{"its descriptor was given out", func(t *testing.T, conn net.Conn) {
			raw, err := conn.(syscall.Conn).SyscallConn()
			testnet.Must(t, err)
			testnet.Must(t, raw.Read(func(fd uintptr) bool {
				_, err = syscall.Read(int(fd), make([]byte, 1))
				return !errors.Is(err, syscall.EAGAIN)
			}))
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, peer, rec := tracked(t)
			testnet.Send(t, peer, []byte{1})
			test.use(t, conn)
			testnet.Must(t, peer.SetLinger(0))
			peer.Close()
			waitForReset(t, conn.(tcpStream))
			testnet.Must(t, conn.Close())
			if got := rec.Wait(t); got != connstat.Reset {
				t.Errorf("ended with reason %d, want %d", got, connstat.Reset)
			}
		})
	}
}

// Whose fault it is that a file cannot be sent.
func TestFilesAndConnectionsFailByThemselves(t *testing.T) {
	for _, test := range []struct {
		name string
		file func(t *testing.T) *os.File
		end  func(t *testing.T, conn net.Conn, peer *net.TCPConn)
		want connstat.Reason
	}{
		{"the file", openDir, func(*testing.T, net.Conn, *net.TCPConn) {}, connstat.Local},
		{"the connection", func(t *testing.T) *os.File { return openFile(t, os.O_RDONLY) }, func(t *testing.T, conn net.Conn, peer *net.TCPConn) {
			testnet.Must(t, peer.SetLinger(0))
			peer.Close()
			waitForReset(t, conn.(tcpStream))
		}, connstat.Reset},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, peer, rec := tracked(t)
			testnet.Send(t, conn, []byte("hello"))
			testnet.Receive(t, peer, make([]byte, 5))
			test.end(t, conn, peer)
			if _, err := conn.(io.ReaderFrom).ReadFrom(test.file(t)); err == nil {
				t.Error("the file was sent")
			}
			testnet.Must(t, conn.Close())
			if got := rec.Wait(t); got != test.want {
				t.Errorf("ended with reason %d, want %d", got, test.want)
			}
		})
	}
}
