package tcpinfo_test

import (
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestMain(m *testing.M) { testnet.Main(m) }

// writev sends b in two parts by one writev.
func writev(t *testing.T, c *net.TCPConn, b []byte) {
	t.Helper()
	if n, err := (&net.Buffers{b[:len(b)/3], b[len(b)/3:]}).WriteTo(c); err != nil || n != int64(len(b)) {
		t.Fatalf("writev returned %d, %v", n, err)
	}
}

// want fails the test if the kernel is said to have accepted another number of
// bytes.
func want(t *testing.T, s *tcpinfo.Socket, sent int64) {
	t.Helper()
	if info, ok := s.Info(); !ok || !info.HasSent || info.Sent != sent {
		t.Errorf("got %+v, %v, want %d bytes sent", info, ok, sent)
	}
}

// inits are the ways to begin, with a connection that each is for.
var inits = map[string]struct {
	pair func(testing.TB) (c, peer *net.TCPConn)
	init func(*tcpinfo.Socket, *net.TCPConn) bool
}{
	"dialed":       {testnet.TCPPair, (*tcpinfo.Socket).InitDialed},
	"accepted":     {accepted, (*tcpinfo.Socket).InitAccepted},
	"any dialed":   {testnet.TCPPair, (*tcpinfo.Socket).Init},
	"any accepted": {accepted, (*tcpinfo.Socket).Init},
}

func accepted(t testing.TB) (c, peer *net.TCPConn) {
	t.Helper()
	peer, c = testnet.TCPPair(t)
	return c, peer
}

// The kernel counts the SYN of a connection that was dialed, and the FIN of this
// side, among what was acknowledged.
func TestSentByWritev(t *testing.T) {
	for name, test := range inits {
		for _, half := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/half-closed %v", name, half), func(t *testing.T) {
				c, peer := test.pair(t)
				var s tcpinfo.Socket
				if !test.init(&s, c) {
					t.Fatal("the socket does not tell")
				}
				b := make([]byte, 1000)
				writev(t, c, b)
				want(t, &s, 1000)
				testnet.Receive(t, peer, b)
				want(t, &s, 1000)
				writev(t, c, b)
				if half {
					testnet.Must(t, s.CloseWrite(c.CloseWrite))
				}
				want(t, &s, 2000)
				testnet.Receive(t, peer, b)
				want(t, &s, 2000)
				testnet.Must(t, peer.SetLinger(0))
				peer.Close()
				if _, err := c.Read(b); err == nil || errors.Is(err, io.EOF) {
					t.Fatalf("Read returned %v, want a reset", err)
				}
				want(t, &s, 2000)
			})
		}
	}
}

// A FIN that the Socket does not know of is not taken for a byte.
func TestForeignFIN(t *testing.T) {
	c, peer := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	writev(t, c, make([]byte, 1000))
	testnet.Must(t, c.CloseWrite())
	want(t, &s, 1000)
	testnet.Receive(t, peer, make([]byte, 1000))
	want(t, &s, 1000)
	abort(t, c, peer)
	want(t, &s, 1000)
}

// Bytes that were sent before are not counted, acknowledged or not.
func TestInitStartsWithWhatWasSentBefore(t *testing.T) {
	for _, received := range []bool{false, true} {
		client, peer := testnet.TCPPair(t)
		b := make([]byte, 123)
		testnet.Send(t, client, b)
		if received {
			testnet.Receive(t, peer, b)
		}
		var s tcpinfo.Socket
		s.Init(client)
		writev(t, client, b)
		want(t, &s, 123)
	}
}

// Where no writev was begun the kernel is not asked for bytes: what the calls
// returned is known, and all that can be had is a wrong number.
func TestWithoutWritevBytesAreNotAskedFor(t *testing.T) {
	if testnet.Race {
		t.Skip("with the race detector nobody can tell")
	}
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	if s.Writev() {
		t.Error("a zero Socket knows of a writev")
	}
	s.Init(client)
	b := make([]byte, 1000)
	testnet.Send(t, client, b)
	testnet.Receive(t, server, b)
	info, ok := s.Info()
	if !ok || info.HasSent || s.Writev() {
		t.Errorf("got %+v, %v, writev %v, want no bytes", info, ok, s.Writev())
	}
	if info.RTT <= 0 {
		t.Errorf("the round trip took %v", info.RTT)
	}
	writev(t, client, b)
	if info, ok = s.Info(); !ok || !info.HasSent || !s.Writev() {
		t.Errorf("got %+v, %v, writev %v, want bytes", info, ok, s.Writev())
	}
}

func TestInfoAfterClose(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	held, ok := s.Hold()
	if !ok {
		t.Fatal("an open connection cannot be held")
	}
	writev(t, client, make([]byte, 1000))
	client.Close()
	if info, ok := s.Info(); ok {
		t.Errorf("a closed connection returned %+v", info)
	}
	if _, ok := s.Hold(); ok {
		t.Error("a closed connection can be held")
	}
	if info, ok := held.Info(); !ok || info.Sent != 1000 {
		t.Errorf("what was held returned %+v, %v, want 1000 bytes sent", info, ok)
	}
}

// What is held is let go: the peer sees the end.
func TestHeldIsClosed(t *testing.T) {
	client, server := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	held, _ := s.Hold()
	client.Close()
	held.Info()
	if n, err := server.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
		t.Errorf("the peer read %d, %v, want EOF", n, err)
	}
}

// TestHeldIsNotAskedWithoutWritev: where no writev was begun, nothing can have
// happened since.
func TestHeldIsNotAskedWithoutWritev(t *testing.T) {
	if testnet.Race {
		t.Skip("with the race detector nobody can tell")
	}
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	testnet.Send(t, client, []byte("hello"))
	held, _ := s.Hold()
	client.Close()
	if info, ok := held.Info(); ok {
		t.Errorf("the kernel was asked: %+v", info)
	}
}

// TestHeldIsNotInherited by programs that are started meanwhile, with which the
// connection would stay open.
func TestHeldIsNotInherited(t *testing.T) {
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	held, _ := s.Hold()
	defer held.Info()
	if flags, err := unix.FcntlInt(uintptr(held.Descriptor()), unix.F_GETFD, 0); err != nil || flags&unix.FD_CLOEXEC == 0 {
		t.Errorf("flags %#x, %v, want FD_CLOEXEC", flags, err)
	}
}

// TestPeer: what is known of the other end before the connection is closed.
func TestPeer(t *testing.T) {
	const (
		established = unix.BPF_TCP_ESTABLISHED
		finWait2    = unix.BPF_TCP_FIN_WAIT2
		closed      = unix.BPF_TCP_CLOSE
		closeWait   = unix.BPF_TCP_CLOSE_WAIT
		lastAck     = unix.BPF_TCP_LAST_ACK
	)
	for _, test := range []struct {
		name  string
		do    func(t *testing.T, c, peer *net.TCPConn)
		state uint8 // that the kernel comes to
		want  tcpinfo.Peer
	}{
		{"nothing", func(*testing.T, *net.TCPConn, *net.TCPConn) {}, established, tcpinfo.PeerUnknown},
		{"FIN", func(_ *testing.T, _, peer *net.TCPConn) { peer.Close() }, closeWait, tcpinfo.PeerClosed},
		{"half-close", func(t *testing.T, _, peer *net.TCPConn) { testnet.Must(t, peer.CloseWrite()) }, closeWait, tcpinfo.PeerClosed},
		{"half-close, answered while bytes wait", func(t *testing.T, c, peer *net.TCPConn) {
			fill(t, c)
			testnet.Must(t, peer.CloseWrite())
			awaitState(t, c, closeWait)
			testnet.Must(t, c.CloseWrite())
		}, lastAck, tcpinfo.PeerClosed},
		{"FIN, and a RST for what came after it", func(t *testing.T, c, peer *net.TCPConn) {
			peer.Close()
			awaitState(t, c, closeWait)
			testnet.Send(t, c, []byte("bye"))
		}, closed, tcpinfo.PeerClosed},
		{"RST", func(t *testing.T, c, peer *net.TCPConn) { abort(t, c, peer) }, closed, tcpinfo.PeerReset},
		{"RST that was read", func(t *testing.T, c, peer *net.TCPConn) {
			abort(t, c, peer)
			_, _ = c.Read(make([]byte, 1))
		}, closed, tcpinfo.PeerClosed},
		{"own FIN", func(t *testing.T, c, _ *net.TCPConn) { testnet.Must(t, c.CloseWrite()) }, finWait2, tcpinfo.PeerUnknown},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, peer := testnet.TCPPair(t)
			var s tcpinfo.Socket
			s.Init(c)
			test.do(t, c, peer)
			awaitState(t, c, test.state)
			left := test.name != "own FIN" && test.name != "nothing" && test.state != lastAck
			if info, ok := s.Info(); !ok || info.Peer != tcpinfo.PeerUnknown || info.PeerLeft != left {
				t.Errorf("Info: %+v, %v, want no reason, and whether the peer left: %v", info, ok, left)
			}
			if info, ok := s.Last(); !ok || info.Peer != test.want { // once: it takes the error away
				t.Errorf("Last: %+v, %v, want peer %d", info, ok, test.want)
			}
		})
	}
}

// TestPeerThatTimedOut: it does not answer, and the kernel gives up.
func TestPeerThatTimedOut(t *testing.T) {
	network := testnet.NewLossyNetwork(t, 0, 1)
	c, _ := network.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	raw, err := c.SyscallConn()
	testnet.Must(t, err)
	const limit = 50 // milliseconds
	var set error
	testnet.Must(t, raw.Control(func(fd uintptr) {
		set = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, limit)
	}))
	testnet.Must(t, set)
	network.SetLoss(1)
	testnet.Send(t, c, []byte("hello?"))
	awaitState(t, c, unix.BPF_TCP_CLOSE)
	if info, ok := s.Last(); !ok || info.Peer != tcpinfo.PeerTimedOut {
		t.Errorf("Last: %+v, %v, want peer %d", info, ok, tcpinfo.PeerTimedOut)
	}
}

// TestInfoLeavesThePendingError for the program, which is to find it by its next
// call.
func TestInfoLeavesThePendingError(t *testing.T) {
	c, peer := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	abort(t, c, peer)
	s.Info()
	if _, err := c.Read(make([]byte, 1)); !errors.Is(err, unix.ECONNRESET) {
		t.Errorf("Read returned %v, want a reset", err)
	}
}

func awaitState(t *testing.T, c *net.TCPConn, state uint8) {
	t.Helper()
	await(t, c, func(k testnet.Kernel) bool { return k.State == state })
}

// await waits until the kernel knows what has been done to a connection.
func await(t *testing.T, c *net.TCPConn, holds func(testnet.Kernel) bool) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); !holds(testnet.AskKernel(t, c)); runtime.Gosched() {
		if time.Now().After(deadline) {
			t.Fatal("the kernel does not come to know")
		}
	}
}

// abort has the peer reset the connection.
func abort(t *testing.T, c, peer *net.TCPConn) {
	t.Helper()
	testnet.Must(t, peer.SetLinger(0))
	peer.Close()
	awaitState(t, c, unix.BPF_TCP_CLOSE)
}

func TestInfoAllocatesNothing(t *testing.T) {
	if testnet.Race {
		t.Skip("the race detector changes what is allocated")
	}
	client, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(client)
	if got := testing.AllocsPerRun(100, func() { s.Info() }); got != 0 {
		t.Errorf("Info allocates %v times, want 0", got)
	}
	writev(t, client, make([]byte, 100))
	if got := testing.AllocsPerRun(100, func() { s.Last() }); got != 0 {
		t.Errorf("Last allocates %v times, want 0", got)
	}
}

func TestOnlyOpenConnectionsAreSuitable(t *testing.T) {
	closed, _ := testnet.TCPPair(t)
	closed.Close()
	reset, peer := testnet.TCPPair(t)
	abort(t, reset, peer)
	for name, c := range map[string]*net.TCPConn{
		"closed": closed, "zero": new(net.TCPConn), "reset": reset, "not connected": unconnected(t),
	} {
		var s tcpinfo.Socket
		if s.Init(c) {
			t.Errorf("%s: the socket is said to tell", name)
		}
		if info, ok := s.Info(); ok {
			t.Errorf("%s: Info returned %+v", name, info)
		}
	}
	var s tcpinfo.Socket
	if s.InitAccepted(closed) {
		t.Error("a socket that is closed already is said to tell")
	}
}

// unconnected returns a connection that is none yet, as with TCP Fast Open: its
// numbers start again.
func unconnected(t *testing.T) *net.TCPConn {
	t.Helper()
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM|unix.SOCK_CLOEXEC, 0)
	testnet.Must(t, err)
	f := os.NewFile(uintptr(fd), "unconnected")
	defer f.Close()
	c, err := net.FileConn(f)
	testnet.Must(t, err)
	t.Cleanup(func() { c.Close() })
	return c.(*net.TCPConn)
}

func TestMultipathTCPIsNotSuitable(t *testing.T) {
	plain, _ := testnet.TCPPair(t)
	new(tcpinfo.Socket).Init(plain) // from now on it is known that the kernel tells
	var lc net.ListenConfig
	lc.SetMultipathTCP(true)
	l, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var d net.Dialer
	d.SetMultipathTCP(true)
	client, err := d.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	server, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer server.Close()
	if multi, err := client.(*net.TCPConn).MultipathTCP(); !multi || err != nil {
		t.Skipf("no Multipath TCP here: %v", err)
	}
	var s tcpinfo.Socket
	if s.Init(client.(*net.TCPConn)) {
		t.Error("the client's socket is said to tell")
	}
	if s.InitAccepted(server.(*net.TCPConn)) {
		t.Error("the server's socket is said to tell")
	}
}

func TestRetransmitsAreKnown(t *testing.T) {
	network := testnet.NewLossyNetwork(t, 0.1, 1)
	client, server := network.TCPPair(t)
	raw, err := client.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	read := make(chan error)
	go func() {
		_, err := io.CopyN(io.Discard, server, 1<<20)
		read <- err
	}()
	testnet.Send(t, client, make([]byte, 1<<20))
	if err := <-read; err != nil {
		t.Fatal(err)
	}
	if info, ok := tcpinfo.Of(raw); !ok || info.Retransmits == 0 || info.HasSent {
		t.Errorf("got %+v, %v after %d packets were lost", info, ok, network.Lost())
	}
}
