package testnet

import (
	"context"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"

	"golang.org/x/sys/unix"
)

// A LossyNetwork is a network namespace with one interface, behind which a
// mirror stands: what is sent to [LossyNetwork.Far] comes back from there, but
// for the packets that get lost.
//
// The mirror swaps the addresses of a packet, which leaves its checksums right.
type LossyNetwork struct {
	tun *os.File

	mu     sync.Mutex // guards all below
	random *rand.Rand
	loss   float64
	lost   int
}

// What is addressed to far arrives at near.
const (
	near = "10.99.0.1"
	far  = "10.99.0.2"
)

// NewLossyNetwork moves the calling goroutine to a new namespace with such a
// network, for good: the goroutine must not be used for anything else. loss is
// the share of packets that get lost. The test is skipped if it may not have a
// namespace or an interface.
func NewLossyNetwork(t *testing.T, loss float64, seed uint64) *LossyNetwork {
	t.Helper()
	runtime.LockOSThread() // and never unlocked: the thread ends with its goroutine
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Skipf("no network namespace for loss: %v", err)
	}
	tun, err := openTUN("lossy")
	if err != nil {
		t.Skipf("no interface for loss: %v", err)
	}
	for _, args := range [][]string{
		{"address", "add", near + "/24", "dev", "lossy"},
		{"link", "set", "lossy", "up"},
	} {
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			tun.Close()
			t.Skipf("ip %v: %v: %s", args, err, out)
		}
	}
	n := &LossyNetwork{tun: tun, random: rand.New(rand.NewPCG(seed, 0)), loss: loss}
	done := make(chan struct{})
	go func() {
		defer close(done)
		n.mirror()
	}()
	t.Cleanup(func() {
		tun.Close()
		<-done
	})
	return n
}

func openTUN(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	request, err := unix.NewIfreq(name)
	if err == nil {
		request.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, request)
	}
	if err != nil {
		unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "tun"), nil
}

func (n *LossyNetwork) mirror() {
	packet := make([]byte, 1<<16)
	for {
		size, err := n.tun.Read(packet)
		if err != nil {
			return
		}
		if size < 20 || packet[0]>>4 != 4 || n.loses() {
			continue
		}
		var src [4]byte
		copy(src[:], packet[12:16])
		copy(packet[12:16], packet[16:20])
		copy(packet[16:20], src[:])
		if _, err := n.tun.Write(packet[:size]); err != nil {
			return
		}
	}
}

func (n *LossyNetwork) loses() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.random.Float64() >= n.loss {
		return false
	}
	n.lost++
	return true
}

// Lost is the number of packets lost.
func (n *LossyNetwork) Lost() int {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.lost
}

// SetLoss changes the share of packets that get lost.
func (n *LossyNetwork) SetLoss(loss float64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.loss = loss
}

// TCPPair returns both ends of a connection through the network. It must be
// called in the goroutine that made the network.
func (n *LossyNetwork) TCPPair(t *testing.T) (client, server *net.TCPConn) {
	t.Helper()
	l, err := net.Listen("tcp4", near+":0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	var d net.Dialer
	d.SetMultipathTCP(false)
	c, err := d.DialContext(context.Background(), "tcp4", net.JoinHostPort(far, port)) //nolint:usetesting // not to be cancelled with the test
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	s, err := l.Accept()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.Close() })
	return c.(*net.TCPConn), s.(*net.TCPConn)
}
