package otelnetstats_test

import (
	"errors"
	"io"
	"net"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

// rawConn returns what liveness checks ask for.
func rawConn(t *testing.T, c net.Conn) syscall.RawConn {
	t.Helper()
	raw, err := c.(syscall.Conn).SyscallConn()
	must(t, err)
	return raw
}

// socketOf is the name by which the kernel lists the socket of c.
func socketOf(t *testing.T, c net.Conn) (name string) {
	t.Helper()
	var err error
	failed := rawConn(t, c).Control(func(fd uintptr) {
		name, err = os.Readlink(filepath.Join("/proc/self/fd", strconv.Itoa(int(fd))))
	})
	must(t, err, failed)
	return name
}

// hasOpen reports whether a descriptor of the process is of the named socket.
func hasOpen(t *testing.T, name string) bool {
	t.Helper()
	fds, err := os.ReadDir("/proc/self/fd")
	must(t, err)
	for _, fd := range fds {
		if link, err := os.Readlink(filepath.Join("/proc/self/fd", fd.Name())); err == nil && link == name {
			return true
		}
	}
	return false
}

// TestLeakedDescriptorsAreFreed has a connection that was dropped cost no more
// than a plain one would.
func TestLeakedDescriptorsAreFreed(t *testing.T) {
	for network, address := range map[string]string{"tcp": "127.0.0.1:0", "unix": filepath.Join(shortDir(t), "s")} {
		t.Run(network, func(t *testing.T) {
			l := newLab(t)
			var socket string
			record, peer := drop(t, l, listen(t, network, address), func(c net.Conn) {
				socket = socketOf(t, c)
				if !hasOpen(t, socket) {
					t.Errorf("%s is not open", socket)
				}
			})
			leak(t, record)
			wantEOF(t, "the peer", peer) // of the finalizer's making
			if hasOpen(t, socket) {
				t.Errorf("%s is open", socket)
			}
			until(t, "the span ends", func() bool { return len(l.ended("connection")) == 1 })
			if got := collect(t, l.cumulative).sum("netstats.client.connection.count"); got != 0 {
				t.Errorf("connection.count = %d, want 0", got)
			}
		})
	}
}

// TestClosedDescriptorsAreFreed has no record keep a socket open.
func TestClosedDescriptorsAreFreed(t *testing.T) {
	l := newLab(t)
	ln := listen(t, "tcp", "127.0.0.1:0")
	conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", ln.Addr().String())
	socket := socketOf(t, conn)
	if _, err := (&net.Buffers{{1}, {2}}).WriteTo(conn); err != nil {
		t.Fatal(err)
	}
	must(t, conn.Close())
	if hasOpen(t, socket) {
		t.Errorf("%s is open", socket)
	}
	if got := statsOf(t, conn).Sent.Bytes; got != 2 {
		t.Errorf("sent %d, want 2", got)
	}
}

// TestTCPInfoOnSpans has the kernel's numbers on the spans of TCP connections,
// however these end, and on no others.
func TestTCPInfoOnSpans(t *testing.T) {
	end := map[string]func(t *testing.T, conn, peer net.Conn){
		"local": func(*testing.T, net.Conn, net.Conn) {},
		"remote": func(t *testing.T, conn, peer net.Conn) {
			must(t, peer.Close())
			wantEOF(t, "conn", conn)
		},
		"reset": func(t *testing.T, conn, peer net.Conn) {
			abort(t, peer)
			if _, err := conn.Read(make([]byte, 1)); !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("Read: %v, want ECONNRESET", err)
			}
		},
		"reset, found by a write": func(t *testing.T, conn, peer net.Conn) {
			abort(t, peer)
			if _, err := conn.Write([]byte{1}); err == nil {
				t.Error("Write succeeds")
			}
		},
		"half-closed": func(t *testing.T, conn, _ net.Conn) { must(t, conn.(halfCloser).CloseWrite()) },
		"timeout":     func(t *testing.T, conn, _ net.Conn) { pass(t, conn) },
	}
	for _, n := range lifeNetworks {
		for name, end := range end {
			if n.network == "unix" && name != "local" {
				continue
			}
			t.Run(n.name+"/"+name, func(t *testing.T) {
				l := newLab(t)
				address := "127.0.0.1:0"
				if n.network == "unix" {
					address = filepath.Join(shortDir(t), "s")
				}
				conn, peer := n.open(t, l, listen(t, n.network, address))
				exchange1(t, conn, peer)
				end(t, conn, peer)
				must(t, conn.Close())
				wantTCPInfo(t, l, n.network == "tcp")
			})
		}
	}
	t.Run("shutdown", func(t *testing.T) {
		l := newLab(t)
		conn, peer := dialLife(t, l, listen(t, "tcp", "127.0.0.1:0"))
		exchange1(t, conn, peer)
		must(t, l.Shutdown(t.Context()))
		wantTCPInfo(t, l, true)
	})
	t.Run("pipe", func(t *testing.T) {
		l := newLab(t)
		conn, _ := net.Pipe()
		must(t, l.Register(t.Context(), conn).Close())
		wantTCPInfo(t, l, false)
	})
	t.Run("udp", func(t *testing.T) {
		l := newLab(t)
		must(t, dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "udp", closedUDP(t)).Close())
		wantTCPInfo(t, l, false)
	})
}

func wantTCPInfo(t *testing.T, l *lab, want bool) {
	t.Helper()
	got := attrsOf(l.only(t, "connection").Attributes())
	rtt, hasRTT := got["netstats.tcp.rtt"]
	retransmits, hasRetransmits := got["netstats.tcp.retransmits"]
	if hasRTT != want || hasRetransmits != want {
		t.Errorf("rtt %v, retransmits %v; want them: %t", rtt.AsInterface(), retransmits.AsInterface(), want)
	}
	asked := collect(t, l.cumulative).count("netstats."+got["netstats.connection.role"].AsString()+".tcp.rtt") > 0 // with the race detector, also at the close of one that moved nothing
	if asked != want {
		t.Errorf("the metric has a round-trip time: %t, want %t", asked, want)
	}
	if want && (rtt.AsFloat64() <= 0 || rtt.AsFloat64() > 1 || retransmits.AsInt64() != 0) {
		t.Errorf("rtt %v s, retransmits %d", rtt.AsFloat64(), retransmits.AsInt64())
	}
}

var errUnexpectedRead = errors.New("unexpected read from socket")

// peek is how Redis clients look at a pooled connection; read is how MySQL
// drivers do.
func peek(fd int, b []byte) (int, error) {
	n, _, err := unix.Recvfrom(fd, b, unix.MSG_PEEK|unix.MSG_DONTWAIT)
	return n, err
}

func read(fd int, b []byte) (int, error) { return unix.Read(fd, b) }

// liveness says whether a pooled connection may be used again.
func liveness(conn net.Conn, look func(fd int, b []byte) (int, error)) error {
	_ = conn.SetDeadline(time.Time{}) // one that passed would fail RawConn.Read
	sc, ok := conn.(syscall.Conn)
	if !ok {
		return errors.New("no syscall.Conn")
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return err
	}
	var found error
	err = raw.Read(func(fd uintptr) bool {
		switch n, err := look(int(fd), make([]byte, 1)); {
		case n == 0 && err == nil:
			found = io.EOF
		case n > 0:
			found = errUnexpectedRead
		case errors.Is(err, unix.EAGAIN):
		default:
			found = err
		}
		return true // do not wait
	})
	return errors.Join(err, found)
}

// TestLivenessChecks has drivers find out that a server has gone.
func TestLivenessChecks(t *testing.T) {
	for name, look := range map[string]func(int, []byte) (int, error){"peek": peek, "read": read} {
		for _, n := range lifeNetworks {
			t.Run(name+"/"+n.name, func(t *testing.T) {
				l := newLab(t)
				address := "127.0.0.1:0"
				if n.network == "unix" {
					address = filepath.Join(shortDir(t), "s")
				}
				conn, peer := n.open(t, l, listen(t, n.network, address))
				exchange1(t, conn, peer)
				must(t, liveness(conn, look))
				pass(t, conn)
				must(t, liveness(conn, look)) // goes on after a deadline
				if name == "peek" {
					send(t, peer, 1)
					var err error
					until(t, "the byte arrives", func() bool { err = liveness(conn, look); return err != nil })
					if !errors.Is(err, errUnexpectedRead) {
						t.Errorf("with a byte unread: %v, want %v", err, errUnexpectedRead)
					}
					receive(t, conn, 1) // is still there, and is counted
				}
				before := statsOf(t, conn)
				must(t, peer.Close())
				var err error
				until(t, "the end is found", func() bool { err = liveness(conn, look); return err != nil })
				if !errors.Is(err, io.EOF) {
					t.Errorf("after the server closed: %v, want io.EOF", err)
				}
				if got := statsOf(t, conn); !sameStats(got, before) {
					t.Errorf("the checks were counted: %+v, want %+v", got, before)
				}
				must(t, conn.Close())
				if err := liveness(conn, look); !errors.Is(err, net.ErrClosed) {
					t.Errorf("after Close: %v, want net.ErrClosed", err)
				}
			})
		}
	}
}

// TestLivenessCheckBelowTLS asks the connection that a *tls.Conn is on top of.
func TestLivenessCheckBelowTLS(t *testing.T) {
	address, config := serveTLS(t)
	config = config.Clone()
	config.ServerName = "server.test"
	conn, err := (&otelnetstats.Dialer{Tracker: newLab(t).Tracker}).TLS(config)(t.Context(), "tcp", address)
	must(t, err)
	defer conn.Close()
	send(t, conn, 1)
	receive(t, conn, 1)
	must(t, liveness(conn.(interface{ NetConn() net.Conn }).NetConn(), peek))
}

// awaitState waits until the kernel has a TCP connection in another state than
// established, or closed if over.
func awaitState(t *testing.T, conn net.Conn, over bool) {
	t.Helper()
	c, ok := conn.(interface {
		NetConn() net.Conn
		syscall.Conn
	})
	if !ok || conn.LocalAddr().Network() != "tcp" {
		return
	}
	const established, closed = unix.BPF_TCP_ESTABLISHED, unix.BPF_TCP_CLOSE
	for deadline := time.Now().Add(20 * time.Second); ; runtime.Gosched() {
		state := testnet.AskKernel(t, c).State
		if state == closed || !over && state != established {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("state %d, and nothing comes", state)
		}
	}
}

// awaitEnd waits until the kernel knows that the peer closed its direction.
func awaitEnd(t *testing.T, conn net.Conn) { t.Helper(); awaitState(t, conn, false) }

// awaitReset waits until the kernel has closed the connection.
func awaitReset(t *testing.T, conn net.Conn) { t.Helper(); awaitState(t, conn, true) }

// TestAReadUnderWayHasItsError: the kernel tells once that the connection was reset,
// and the question who closed it is not to take that away. A connection that has a
// clean end in place of a reset looks complete.
func TestAReadUnderWayHasItsError(t *testing.T) {
	if testnet.Race {
		t.Skip("with the race detector nobody knows whether a read is under way")
	}
	for range 300 {
		client, server := testnet.TCPPair(t)
		conn := newLab(t).Register(t.Context(), client)
		send(t, conn, 1)
		receive(t, server, 1)
		must(t, server.SetLinger(0))
		read := make(chan error, 1)
		go func() { _, err := conn.Read(make([]byte, 1)); read <- err }()
		testnet.AwaitBlocked(t, "internal/poll.(*FD).Read", 1)
		must(t, server.Close()) // by a reset
		must(t, conn.Close())
		if err := <-read; errors.Is(err, io.EOF) {
			t.Fatal("a read that was under way found the end of the stream, and the connection was reset")
		}
	}
}
