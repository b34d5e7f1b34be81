package netwrap_test

import (
	"bytes"
	"io"
	"net"
	"os"
	"runtime"
	"testing"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

func TestReadAndWriteAllocateNothing(t *testing.T) {
	for name, make1 := range legs {
		t.Run(name, func(t *testing.T) {
			l := make1(t)
			b := make([]byte, 512)
			got := testing.AllocsPerRun(200, func() {
				testnet.Send(t, l.near, b)
				testnet.Receive(t, l.peer, b)
				testnet.Send(t, l.peer, b)
				testnet.Receive(t, l.near, b)
			})
			if got != 0 {
				t.Errorf("a round trip allocates %v times, want 0", got)
			}
		})
	}
	t.Run("foreign", func(t *testing.T) {
		c, peer := testnet.TCPPair(t)
		conn := netwrap.Conn(foreign{c}, &testnet.NewRecord().Record)
		b := make([]byte, 512)
		got := testing.AllocsPerRun(200, func() {
			testnet.Send(t, conn, b)
			testnet.Receive(t, peer, b)
			testnet.Send(t, peer, b)
			testnet.Receive(t, conn, b)
		})
		if got != 0 {
			t.Errorf("a round trip allocates %v times, want 0", got)
		}
	})
}

func TestCopiesAllocateNoMoreThanPlain(t *testing.T) {
	if testnet.Race {
		t.Skip("the race detector changes what is allocated")
	}
	const size = 1000
	name := t.TempDir() + "/file"
	if err := os.WriteFile(name, payload[:size], 0o600); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(name, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()

	memory := bytes.NewReader(payload[:size])
	var buffers net.Buffers
	chunks := make([][]byte, 3)
	limited := &io.LimitedReader{}
	for _, tt := range []struct {
		name string
		more float64
		send func(to, from net.Conn) (int64, error)
	}{
		{"memory", 0, func(to, _ net.Conn) (int64, error) {
			memory.Reset(payload[:size])
			return io.Copy(to, memory)
		}},
		{"reader", 0, func(to, _ net.Conn) (int64, error) {
			memory.Reset(payload[:size])
			*limited = io.LimitedReader{R: memory, N: size}
			return io.Copy(to, limited)
		}},
		// Here package os sends the file of the plain connection, and package net
		// that of the wrapper, as in the next case.
		{"file", 3, func(to, _ net.Conn) (int64, error) {
			rewind(t, f)
			return io.Copy(to, f)
		}},
		{"file, ReadFrom", 0, func(to, _ net.Conn) (int64, error) {
			rewind(t, f)
			return to.(io.ReaderFrom).ReadFrom(f)
		}},
		{"conn", 0, func(to, from net.Conn) (int64, error) {
			*limited = io.LimitedReader{R: from, N: size}
			return io.Copy(to, limited)
		}},
		{"buffers", 0, func(to, _ net.Conn) (int64, error) {
			chunks[0], chunks[1], chunks[2] = payload[:1], payload[1:10], payload[10:size]
			buffers = chunks
			return buffers.WriteTo(to)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			measure := func(wrap func(*net.TCPConn) net.Conn) float64 {
				c, peer := testnet.TCPPair(t)
				from, feeder := testnet.TCPPair(t)
				to, src := wrap(c), wrap(from)
				b := make([]byte, size)
				return testing.AllocsPerRun(100, func() {
					testnet.Send(t, feeder, payload[:size])
					if _, err := tt.send(to, src); err != nil {
						t.Fatal(err)
					}
					testnet.Receive(t, peer, b)
					if tt.name != "conn" {
						testnet.Receive(t, src, b)
					}
				})
			}
			plain := measure(func(c *net.TCPConn) net.Conn { return c })
			tracked := measure(func(c *net.TCPConn) net.Conn { return netwrap.Conn(c, &testnet.NewRecord().Record) })
			explicit := measure(func(c *net.TCPConn) net.Conn { return netwrap.PlainTCP(c, &testnet.NewRecord().Record) })
			t.Logf("%v plain, %v tracked, %v explicit", plain, tracked, explicit)
			if tracked > plain+tt.more {
				t.Errorf("%v allocations, want at most %v", tracked, plain+tt.more)
			}
		})
	}
}

func rewind(t testing.TB, f *os.File) {
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		t.Helper()
		t.Fatal(err)
	}
}

// What a wrapper costs in memory, its record not counted.
func TestWrapperIsSmall(t *testing.T) {
	if testnet.Race {
		t.Skip("the race detector changes what is allocated")
	}
	const n = 200
	inner := make([]*net.TCPConn, n)
	records := make([]*testnet.Record, n)
	for i := range inner {
		inner[i], _ = testnet.TCPPair(t)
		records[i] = testnet.NewRecord()
	}
	wrapped := make([]net.Conn, n)
	before := heap()
	for i := range inner {
		wrapped[i] = netwrap.Conn(inner[i], &records[i].Record)
	}
	got := (heap() - before) / n
	t.Logf("%d bytes", got)
	const limit = 160 // the wrapper, its RawConn, the cleanup and the weak pointer
	if got > limit {
		t.Errorf("a wrapper takes %d bytes, want at most %d", got, limit)
	}
	runtime.KeepAlive(wrapped)
}

func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
