package otelnetstats_test

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/netstats-go/netstats/internal/testnet/compare"
	"github.com/netstats-go/netstats/otelnetstats"
)

type nopIO struct{ otelnetstats.NopCallback }

func (nopIO) Read(context.Context, *otelnetstats.Conn, int)  {}
func (nopIO) Write(context.Context, *otelnetstats.Conn, int) {}

// An atomicConn counts bytes and nothing else: no counting costs less.
type atomicConn struct {
	net.Conn
	received, sent atomic.Int64
}

func (c *atomicConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.received.Add(int64(n))
	return n, err
}

func (c *atomicConn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	c.sent.Add(int64(n))
	return n, err
}

// freeConns are connections that cost nothing, plain and tracked.
func freeConns(b *testing.B) (names []string, conns []net.Conn) {
	names = []string{"plain", "atomic"}
	conns = []net.Conn{new(compare.FreeConn), &atomicConn{Conn: new(compare.FreeConn)}}
	for _, t := range tracked(b) {
		names = append(names, t.name)
		conns = append(conns, t.Register(b.Context(), new(compare.FreeConn)))
	}
	return names, conns
}

// compareFree compares what work costs with connections that cost nothing.
func compareFree(b *testing.B, work func(conn net.Conn, buf []byte, n int)) {
	names, conns := freeConns(b)
	buf := make([]byte, 64)
	variants := make([]compare.Variant, len(conns))
	for i, conn := range conns {
		variants[i] = compare.Variant{Name: names[i], Do: func(n int) { work(conn, buf, n) }}
	}
	compare.Run(b, 4_000, variants)
}

// BenchmarkOwn is the own cost of a Read or a Write.
func BenchmarkOwn(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		compareFree(b, func(conn net.Conn, buf []byte, n int) {
			for range n {
				_, _ = conn.Read(buf)
			}
		})
	})
	b.Run("write", func(b *testing.B) {
		compareFree(b, func(conn net.Conn, buf []byte, n int) {
			for range n {
				_, _ = conn.Write(buf)
			}
		})
	})
	b.Run("alternating", func(b *testing.B) {
		compareFree(b, func(conn net.Conn, buf []byte, n int) {
			for range n / 2 {
				_, _ = conn.Read(buf)
				_, _ = conn.Write(buf)
			}
		})
	})
}

// BenchmarkOwnParallel is the own cost with two goroutines at work.
func BenchmarkOwnParallel(b *testing.B) {
	b.Run("reader+writer", func(b *testing.B) {
		compareFree(b, func(conn net.Conn, buf []byte, n int) {
			both(
				func() {
					for range n {
						_, _ = conn.Read(buf)
					}
				},
				func() {
					for range n {
						_, _ = conn.Write(buf)
					}
				})
		})
	})
	b.Run("connections", func(b *testing.B) {
		names, first := freeConns(b)
		_, second := freeConns(b)
		buf := make([]byte, 64)
		variants := make([]compare.Variant, len(first))
		for i := range first {
			read := func(conn net.Conn, n int) func() {
				return func() {
					for range n {
						_, _ = conn.Read(buf)
					}
				}
			}
			variants[i] = compare.Variant{Name: names[i], Do: func(n int) { both(read(first[i], n), read(second[i], n)) }}
		}
		compare.Run(b, 4_000, variants)
	})
}

func both(f, g func()) {
	var wg sync.WaitGroup
	wg.Go(f)
	g()
	wg.Wait()
}

// BenchmarkMark is a mark on an unsampled and on a recording connection.
func BenchmarkMark(b *testing.B) {
	for _, t := range tracked(b)[:2] {
		b.Run(t.name, func(b *testing.B) {
			conn := t.Register(b.Context(), new(compare.FreeConn))
			b.ReportAllocs()
			for b.Loop() {
				otelnetstats.Mark(b.Context(), conn, "phase")
			}
		})
	}
}

// BenchmarkStatsOf is a look at a connection's numbers.
func BenchmarkStatsOf(b *testing.B) {
	conn := tracked(b)[0].Register(b.Context(), new(compare.FreeConn))
	b.ReportAllocs()
	for b.Loop() {
		otelnetstats.StatsOf(conn)
	}
}
