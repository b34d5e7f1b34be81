package netwrap_test

import (
	"io"
	"net"
	"os"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// A free connection does nothing, so that what is measured is the wrapper's.
type free struct{}

func (free) Read(b []byte) (int, error)       { return len(b), nil }
func (free) Write(b []byte) (int, error)      { return len(b), nil }
func (free) Close() error                     { return nil }
func (free) LocalAddr() net.Addr              { return nil }
func (free) RemoteAddr() net.Addr             { return nil }
func (free) SetDeadline(time.Time) error      { return nil }
func (free) SetReadDeadline(time.Time) error  { return nil }
func (free) SetWriteDeadline(time.Time) error { return nil }

func BenchmarkOverhead(b *testing.B) {
	buf := make([]byte, 512)
	for _, bm := range []struct {
		name string
		conn net.Conn
	}{
		{"plain", free{}},
		{"tracked", netwrap.Conn(&free{}, &testnet.NewRecord().Record)},
	} {
		b.Run("Read/"+bm.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = bm.conn.Read(buf)
			}
		})
		b.Run("Write/"+bm.name, func(b *testing.B) {
			for b.Loop() {
				_, _ = bm.conn.Write(buf)
			}
		})
	}
}

// compare runs a benchmark over plain and tracked connections in turn.
func compare(b *testing.B, run func(b *testing.B, wrap func(*net.TCPConn) net.Conn)) {
	b.Run("plain", func(b *testing.B) { run(b, func(c *net.TCPConn) net.Conn { return c }) })
	b.Run("tracked", func(b *testing.B) {
		run(b, func(c *net.TCPConn) net.Conn { return netwrap.Conn(c, &testnet.NewRecord().Record) })
	})
}

func BenchmarkPingPong(b *testing.B) {
	compare(b, func(b *testing.B, wrap func(*net.TCPConn) net.Conn) {
		c, s := testnet.TCPPair(b)
		client, server := wrap(c), wrap(s)
		go func() {
			buf := make([]byte, 64)
			for {
				if _, err := io.ReadFull(server, buf); err != nil {
					return
				}
				if _, err := server.Write(buf); err != nil {
					return
				}
			}
		}()
		defer client.Close()
		buf := make([]byte, 64)
		for b.Loop() {
			testnet.Send(b, client, buf)
			testnet.Receive(b, client, buf)
		}
	})
}

func BenchmarkStream(b *testing.B) {
	compare(b, func(b *testing.B, wrap func(*net.TCPConn) net.Conn) {
		c, s := testnet.TCPPair(b)
		client, server := wrap(c), wrap(s)
		buf := make([]byte, 64<<10)
		b.SetBytes(int64(len(buf)))
		go func() {
			for {
				if _, err := client.Write(buf); err != nil {
					return
				}
			}
		}()
		got := make([]byte, len(buf))
		for b.Loop() {
			testnet.Receive(b, server, got)
		}
		client.Close()
	})
}

func BenchmarkWritev(b *testing.B) {
	compare(b, func(b *testing.B, wrap func(*net.TCPConn) net.Conn) {
		c, s := testnet.TCPPair(b)
		client := wrap(c)
		go discardAll(s)
		chunk := make([]byte, 1000)
		chunks := make([][]byte, 4)
		b.SetBytes(4000)
		for b.Loop() {
			for i := range chunks {
				chunks[i] = chunk
			}
			buffers := net.Buffers(chunks)
			if _, err := buffers.WriteTo(client); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkSendfile(b *testing.B) {
	const size = 64 << 20
	name := b.TempDir() + "/file"
	testnet.Must(b, os.WriteFile(name, make([]byte, size), 0o600))
	compare(b, func(b *testing.B, wrap func(*net.TCPConn) net.Conn) {
		c, s := testnet.TCPPair(b)
		client := wrap(c)
		go discardAll(s)
		f, err := os.Open(name)
		if err != nil {
			b.Fatal(err)
		}
		defer f.Close()
		b.SetBytes(size)
		for b.Loop() {
			if _, err := f.Seek(0, io.SeekStart); err != nil {
				b.Fatal(err)
			}
			if n, err := io.Copy(client, f); n != size || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

func BenchmarkSplice(b *testing.B) {
	const size = 16 << 20
	compare(b, func(b *testing.B, wrap func(*net.TCPConn) net.Conn) {
		from, feeder := testnet.TCPPair(b)
		to, sink := testnet.TCPPair(b)
		src, dst := wrap(from), wrap(to)
		go discardAll(sink)
		go func() {
			buf := make([]byte, 1<<20)
			for {
				if _, err := feeder.Write(buf); err != nil {
					return
				}
			}
		}()
		b.SetBytes(size)
		for b.Loop() {
			if n, err := io.Copy(dst, io.LimitReader(src, size)); n != size || err != nil {
				b.Fatal(n, err)
			}
		}
	})
}

// discardAll reads with a large buffer, so that the reader is not what limits.
func discardAll(c net.Conn) {
	buf := make([]byte, 1<<20)
	for {
		if _, err := c.Read(buf); err != nil {
			return
		}
	}
}

func BenchmarkDialClose(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			c.Close()
		}
	}()
	// In turn, so that what else the machine does falls on both.
	var plain, tracked time.Duration
	for b.Loop() {
		plain += dialClose(b, l, func(c *net.TCPConn) net.Conn { return c })
		tracked += dialClose(b, l, func(c *net.TCPConn) net.Conn { return netwrap.Conn(c, &testnet.NewRecord().Record) })
	}
	b.ReportMetric(float64(plain.Nanoseconds())/float64(b.N), "plain-ns/op")
	b.ReportMetric(float64(tracked.Nanoseconds())/float64(b.N), "tracked-ns/op")
	b.ReportMetric(float64(tracked)/float64(plain), "ratio")
}

func dialClose(b *testing.B, l net.Listener, wrap func(*net.TCPConn) net.Conn) time.Duration {
	start := time.Now()
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		b.Fatal(err)
	}
	wrap(c.(*net.TCPConn)).Close()
	return time.Since(start)
}
