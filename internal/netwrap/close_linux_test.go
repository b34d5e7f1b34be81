package netwrap_test

import (
	"errors"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"strconv"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// TestFirstWritevMeetsClose has very many connections closed while the first writev
// begins: nothing else tells of its bytes, and whether it comes too late is for
// package poll to decide. NETSTATS_MEETINGS is how many.
func TestFirstWritevMeetsCloseConcurrentSafe(t *testing.T) {
	meetings := 2000
	if testing.Short() {
		meetings = 50
	}
	if text := os.Getenv("NETSTATS_MEETINGS"); text != "" {
		n, err := strconv.Atoi(text)
		testnet.Must(t, err)
		meetings = n
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	testnet.Must(t, err)
	defer listener.Close()
	go func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			discard(c.(*net.TCPConn))
		}
	}()
	counts := map[string]int{}
	for i := range meetings {
		counts[meet(t, listener.Addr().String(), uint64(i))]++
		if t.Failed() {
			t.Fatalf("meeting %d", i)
		}
	}
	t.Logf("%d meetings: %v", meetings, counts)
}

// meet has a connection's first writev and its Close begin at about the same time,
// and says which came first.
func meet(t *testing.T, address string, seed uint64) string {
	t.Helper()
	plain, err := net.Dial("tcp", address)
	testnet.Must(t, err)
	rec := testnet.NewRecord()
	conn := netwrap.Dialed(plain, &rec.Record)
	r := rand.New(rand.NewPCG(seed, 0))
	if r.IntN(2) == 0 {
		testnet.Send(t, conn, payload[:10]) // which Close asks the kernel for
	}
	_, sent := rec.Flows()
	var ready atomic.Int32
	together := func() { // both are running from here on
		ready.Add(1)
		for i := 1; ready.Load() < 2; i++ {
			if i%10_000 == 0 {
				runtime.Gosched()
			}
		}
	}
	closed := make(chan error)
	go func() {
		together()
		closed <- conn.Close()
	}()
	together()
	spin(r.IntN(3000)) // Close takes some microseconds, too
	size := 1 << r.IntN(17)
	n, err := (&net.Buffers{payload[:size], payload[:size]}).WriteTo(conn)
	testnet.Must(t, <-closed)
	if err != nil && !errors.Is(err, net.ErrClosed) {
		t.Errorf("writev: %v, want nil or %v", err, net.ErrClosed)
	}
	if _, got := rec.Flows(); got.Bytes-sent.Bytes != n {
		t.Errorf("%d bytes are counted of a writev that returned %d, %v", got.Bytes-sent.Bytes, n, err)
	}
	switch {
	case err == nil:
		return "writev first"
	case n > 0:
		return "writev cut short"
	}
	return "close first"
}

// spin takes some nanoseconds, and no rest.
func spin(n int) {
	for range n {
		runtime.KeepAlive(n)
	}
}

// TestSystemCallsOfClose are those of the plain connection, and one more if a byte
// moved: who closed is for the kernel to say.
func TestSystemCallsOfClose(t *testing.T) {
	if testnet.Race {
		t.Skip("with the race detector there is no look into package net's descriptors")
	}
	trace, done := testnet.Strace(t, "dup", "dup3", "fcntl", "getsockopt", "setsockopt", "close", "shutdown", "ioctl")
	if done {
		for name, want := range map[string]map[string]int{
			"unused": {"close": 1},
			"used":   {"close": 1, "getsockopt": 1},
			"writev": {"close": 1, "getsockopt": 2, "ioctl": 2},
		} {
			got := trace[name]
			if got["close"] == 0 {
				t.Errorf("%s: there is no close among %v", name, got)
			}
			for call, n := range got {
				if n > want[call] {
					t.Errorf("%s: %d calls of %s, want %d; all: %v", name, n, call, want[call], got)
				}
			}
		}
		return
	}
	closeAfter := func(name string, use func(conn net.Conn)) {
		client, peer := testnet.TCPPair(t)
		rec := testnet.NewRecord()
		conn := netwrap.Dialed(client, &rec.Record)
		use(conn)
		testnet.Mark(name)
		testnet.Must(t, conn.Close())
		testnet.Mark("")
		peer.Close()
	}
	closeAfter("warm up", func(net.Conn) {}) // the first looks for the bits of the lock
	closeAfter("unused", func(net.Conn) {})
	closeAfter("used", func(conn net.Conn) { testnet.Send(t, conn, payload[:1]) })
	closeAfter("writev", func(conn net.Conn) {
		_, err := (&net.Buffers{payload[:1], payload[:1]}).WriteTo(conn)
		testnet.Must(t, err)
	})
}
