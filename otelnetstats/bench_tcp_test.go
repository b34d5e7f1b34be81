package otelnetstats_test

import (
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet/compare"
)

// dialAll opens a connection to addr for each variant.
func dialAll(b *testing.B, addr net.Addr) (names []string, conns []net.Conn) {
	b.Helper()
	open := func() net.Conn {
		c, err := net.Dial(addr.Network(), addr.String())
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { _ = c.Close() })
		return c
	}
	names, conns = []string{"plain"}, []net.Conn{open()}
	for _, t := range tracked(b) {
		names = append(names, t.name)
		conns = append(conns, t.Register(b.Context(), open()))
	}
	return names, conns
}

func compareTCP(b *testing.B, batch int, serve func(c *net.TCPConn), work func(b *testing.B, conn net.Conn, n int)) {
	names, conns := dialAll(b, compare.Serve(b, serve))
	variants := make([]compare.Variant, len(conns))
	for i, conn := range conns {
		variants[i] = compare.Variant{Name: names[i], Do: func(n int) { work(b, conn, n) }}
	}
	compare.Run(b, batch, variants)
}

// BenchmarkTCP is work with the kernel's part in it, over loopback.
func BenchmarkTCP(b *testing.B) {
	b.Run("pingpong-64B", func(b *testing.B) {
		compareTCP(b, 200, compare.Echo, pingPong)
	})
	b.Run("stream-64KiB", func(b *testing.B) {
		block := make([]byte, 64<<10)
		compareTCP(b, 200, compare.Discard, func(b *testing.B, conn net.Conn, n int) {
			for range n {
				if _, err := conn.Write(block); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("writev-16x1KiB", func(b *testing.B) {
		parts := make([][]byte, 16)
		for i := range parts {
			parts[i] = make([]byte, 1<<10)
		}
		compareTCP(b, 200, compare.Discard, func(b *testing.B, conn net.Conn, n int) {
			for range n {
				buffers := append(net.Buffers(nil), parts...)
				if _, err := buffers.WriteTo(conn); err != nil {
					b.Fatal(err)
				}
			}
		})
	})
	b.Run("sendfile-8MiB", benchmarkSendfile)
	b.Run("splice-1MiB", benchmarkSplice)
}

func pingPong(b *testing.B, conn net.Conn, n int) {
	buf := make([]byte, 64)
	for range n {
		if _, err := conn.Write(buf); err != nil {
			b.Fatal(err)
		}
		if _, err := io.ReadFull(conn, buf); err != nil {
			b.Fatal(err)
		}
	}
}

func benchmarkSendfile(b *testing.B) {
	const size = 8 << 20
	name := filepath.Join(b.TempDir(), "file")
	if err := os.WriteFile(name, make([]byte, size), 0o600); err != nil {
		b.Fatal(err)
	}
	file, err := os.Open(name)
	if err != nil {
		b.Fatal(err)
	}
	defer file.Close()
	compareTCP(b, 1, compare.Acknowledge(size), func(b *testing.B, conn net.Conn, n int) {
		for range n {
			if _, err := file.Seek(0, io.SeekStart); err != nil {
				b.Fatal(err)
			}
			if _, err := io.Copy(conn, file); err != nil {
				b.Fatal(err)
			}
			acknowledged(b, conn)
		}
	})
}

// benchmarkSplice copies from a plain connection to the compared one.
func benchmarkSplice(b *testing.B) {
	source := compare.Serve(b, func(c *net.TCPConn) {
		block := make([]byte, 1<<20)
		for {
			if _, err := c.Write(block); err != nil {
				return
			}
		}
	})
	from, err := net.Dial(source.Network(), source.String())
	if err != nil {
		b.Fatal(err)
	}
	defer from.Close()
	const size = 1 << 20
	compareTCP(b, 4, compare.Acknowledge(size), func(b *testing.B, conn net.Conn, n int) {
		for range n {
			if _, err := io.CopyN(conn, from, size); err != nil {
				b.Fatal(err)
			}
			acknowledged(b, conn)
		}
	})
}

// acknowledged waits until the peer has all.
func acknowledged(b *testing.B, conn net.Conn) {
	b.Helper()
	if _, err := io.ReadFull(conn, make([]byte, 1)); err != nil {
		b.Fatal(err)
	}
}

// BenchmarkDialClose opens and closes a connection.
func BenchmarkDialClose(b *testing.B) {
	addr := compare.Serve(b, compare.Discard)
	dial := func(f func(ctx context.Context, network, address string) (net.Conn, error)) func(int) {
		return func(n int) {
			for range n {
				c, err := f(b.Context(), addr.Network(), addr.String())
				if err != nil {
					b.Fatal(err)
				}
				_ = c.Close()
			}
		}
	}
	variants := []compare.Variant{{Name: "plain", Do: dial(new(net.Dialer).DialContext)}}
	for _, t := range tracked(b) {
		variants = append(variants, compare.Variant{Name: t.name, Do: dial(dialer(t.Tracker).DialContext)})
	}
	compare.Run(b, 1, variants)
}

// BenchmarkAcceptClose accepts a connection and closes it.
func BenchmarkAcceptClose(b *testing.B) {
	accept := func(l net.Listener) func(int) {
		b.Cleanup(func() { _ = l.Close() })
		return func(n int) {
			for range n {
				c, err := net.Dial(l.Addr().Network(), l.Addr().String())
				if err != nil {
					b.Fatal(err)
				}
				accepted, err := l.Accept()
				if err != nil {
					b.Fatal(err)
				}
				_ = accepted.Close()
				_ = c.Close()
			}
		}
	}
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			b.Fatal(err)
		}
		return l
	}
	variants := []compare.Variant{{Name: "plain", Do: accept(listen())}}
	for _, t := range tracked(b) {
		variants = append(variants, compare.Variant{Name: t.name, Do: accept(t.Listener(listen()))})
	}
	compare.Run(b, 1, variants)
}
