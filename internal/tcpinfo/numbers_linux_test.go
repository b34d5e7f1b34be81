package tcpinfo_test

import (
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/tcpinfo"
	"github.com/netstats-go/netstats/internal/testnet"
)

// The kernel has two numbers of bytes sent, of which the smaller one is taken. A
// mistake in one does not show as long as the other one is right; so here they are
// looked at one by one.

// wantNumbers fails the test if one of them does not come to be the number of bytes
// sent. While an acknowledgment comes in the second one may be too small.
func wantNumbers(t *testing.T, s *tcpinfo.Socket, sent int64) {
	t.Helper()
	var passed, acked int64
	for range 1000 {
		if passed, acked = s.Numbers(); passed == sent && acked == sent {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("%d bytes were passed on and %d acknowledged, or wait for it, want %d of each", passed, acked, sent)
}

// fill writes until no more is taken, and returns the number of bytes that were.
func fill(t *testing.T, c *net.TCPConn) (total int64) {
	t.Helper()
	b := make([]byte, 1<<18)
	for {
		testnet.Must(t, c.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		n, err := (&net.Buffers{b[:1000], b[1000:]}).WriteTo(c)
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			testnet.Must(t, c.SetWriteDeadline(time.Time{}))
			return total
		}
		testnet.Must(t, err)
	}
}

func TestEachNumberIsExact(t *testing.T) {
	half := func(t *testing.T, s *tcpinfo.Socket, c *net.TCPConn) { testnet.Must(t, s.CloseWrite(c.CloseWrite)) }
	for name, live := range map[string]func(t *testing.T, s *tcpinfo.Socket, c, peer *net.TCPConn) (sent int64){
		"nothing": func(*testing.T, *tcpinfo.Socket, *net.TCPConn, *net.TCPConn) int64 { return 0 },
		"acknowledged": func(t *testing.T, _ *tcpinfo.Socket, c, peer *net.TCPConn) int64 {
			writev(t, c, make([]byte, 1000))
			testnet.Receive(t, peer, make([]byte, 1000))
			return 1000
		},
		"waiting": func(t *testing.T, _ *tcpinfo.Socket, c, _ *net.TCPConn) int64 { return fill(t, c) },
		"half-closed": func(t *testing.T, s *tcpinfo.Socket, c, peer *net.TCPConn) int64 {
			writev(t, c, make([]byte, 1000))
			half(t, s, c)
			testnet.Receive(t, peer, make([]byte, 1000))
			return 1000
		},
		"half-closed with bytes waiting": func(t *testing.T, s *tcpinfo.Socket, c, _ *net.TCPConn) int64 {
			n := fill(t, c)
			half(t, s, c)
			return n
		},
		"half-closed with bytes waiting, without the Socket": func(t *testing.T, _ *tcpinfo.Socket, c, _ *net.TCPConn) int64 {
			n := fill(t, c)
			testnet.Must(t, c.CloseWrite())
			return n
		},
		"half-closed by both with bytes waiting, without the Socket": func(t *testing.T, _ *tcpinfo.Socket, c, peer *net.TCPConn) int64 {
			n := fill(t, c)
			testnet.Must(t, peer.CloseWrite())
			testnet.Must(t, c.CloseWrite())
			return n
		},
		"half-closed with bytes waiting, then reset": func(t *testing.T, s *tcpinfo.Socket, c, peer *net.TCPConn) int64 {
			n := fill(t, c)
			half(t, s, c)
			abort(t, c, peer)
			return n
		},
	} {
		for how, init := range inits {
			t.Run(name+"/"+how, func(t *testing.T) {
				c, peer := init.pair(t)
				var s tcpinfo.Socket
				if !init.init(&s, c) {
					t.Fatal("the socket does not tell")
				}
				sent := live(t, &s, c, peer)
				wantNumbers(t, &s, sent)
			})
		}
	}
}

// TestEachNumberStartsWithWhatWasSentBefore, acknowledged or not.
func TestEachNumberStartsWithWhatWasSentBefore(t *testing.T) {
	for _, received := range []bool{false, true} {
		c, peer := testnet.TCPPair(t)
		b := make([]byte, 123)
		testnet.Send(t, c, b)
		if received {
			testnet.Receive(t, peer, b)
		}
		var s tcpinfo.Socket
		s.Init(c)
		wantNumbers(t, &s, 0)
		writev(t, c, b)
		wantNumbers(t, &s, 123)
	}
}

// TestEachNumberIsExactAfterLoss: what the path loses is sent again, and counts once.
func TestEachNumberIsExactAfterLoss(t *testing.T) {
	network := testnet.NewLossyNetwork(t, 0, 1)
	c, peer := network.TCPPair(t)
	network.SetLoss(0.05)
	var s tcpinfo.Socket
	if !s.Init(c) {
		t.Fatal("the socket does not tell")
	}
	const size = 1 << 18
	read := make(chan error, 1)
	go func() {
		_, err := io.CopyN(io.Discard, peer, size)
		read <- err
	}()
	writev(t, c, make([]byte, size))
	testnet.Must(t, <-read)
	await(t, c, func(k testnet.Kernel) bool { return k.Unacked == 0 })
	wantNumbers(t, &s, size)
	if k := testnet.AskKernel(t, c); k.Bytes_retrans == 0 {
		t.Error("nothing was sent again, so nothing is proved")
	}
}

// TestCloseWriteAmidAReset: a FIN that CloseWrite has just queued is known of when a
// reset has the kernel forget it.
func TestCloseWriteAmidAReset(t *testing.T) {
	c, peer := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	sent := fill(t, c)
	testnet.Must(t, s.CloseWrite(func() error {
		err := c.CloseWrite()
		abort(t, c, peer)
		want(t, &s, sent)
		return err
	}))
	want(t, &s, sent)
}

// TestCloseWriteThatFails takes no place among the bytes.
func TestCloseWriteThatFails(t *testing.T) {
	c, _ := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	if err := s.CloseWrite(func() error { return io.ErrClosedPipe }); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("CloseWrite: %v", err)
	}
	writev(t, c, make([]byte, 1000))
	want(t, &s, 1000)
}

// TestInfoAmidAcknowledgments is exact, whatever is acknowledged while the kernel is
// asked.
func TestInfoAmidAcknowledgments(t *testing.T) {
	c, peer := testnet.TCPPair(t)
	var s tcpinfo.Socket
	s.Init(c)
	read := make(chan error, 1)
	go func() {
		_, err := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{peer})
		read <- err
	}()
	r := rand.New(rand.NewPCG(1, 0))
	b := make([]byte, 1<<16)
	sent := int64(0)
	for range 5000 {
		n := 1 + r.IntN(1<<r.IntN(17))
		writev(t, c, b[:n])
		sent += int64(n)
		if info, ok := s.Info(); !ok || info.Sent != sent {
			t.Fatalf("got %+v, %v, want %d bytes sent", info, ok, sent)
		}
	}
	testnet.Must(t, c.CloseWrite())
	testnet.Must(t, <-read)
}
