package otelnetstats_test

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/netstats-go/netstats/internal/testnet"
	"github.com/netstats-go/netstats/otelnetstats"
)

// TestShapedConnectionsAreNeverOvercounted: where a queue of this host drops
// packets, the kernel's own number of sent bytes is too large, for good. Nothing
// that anybody is told may be.
func TestShapedConnectionsAreNeverOvercounted(t *testing.T) {
	if testing.Short() {
		t.Skip("slow queues take their time")
	}
	for _, shape := range []string{"none", "tbf", "pfifo", "htb"} {
		t.Run(shape, func(t *testing.T) {
			testnet.NewShapedNetwork(t, testnet.Shapes[shape])
			var told atomic.Int64
			l := newLab(t, otelnetstats.WithCallback(&hooks{
				write: func(_ context.Context, _ *otelnetstats.Conn, n int) { told.Add(int64(n)) },
			}))
			ln := listen(t, "tcp", "127.0.0.1:0")
			conn := dial(t, &otelnetstats.Dialer{Tracker: l.Tracker}, "tcp", ln.Addr().String())
			peer := accept(t, ln)
			arrived := make(chan int64, 1)
			go func() {
				n, _ := io.Copy(io.Discard, peer)
				arrived <- n
			}()
			var begun atomic.Int64 // bytes of the calls that began
			stop := make(chan struct{})
			var watchers sync.WaitGroup
			for name, reading := range map[string]func() int64{
				"StatsOf":    func() int64 { return statsOf(t, conn).Sent.Bytes },
				"a mark":     func() int64 { return mark(t, conn, "m").TotalSent },
				"metrics":    func() int64 { return collect(t, l.cumulative).sum("netstats.client.io", transmitted) },
				"a callback": told.Load,
			} {
				watchers.Go(func() {
					for {
						select {
						case <-stop:
							return
						default:
						}
						if n := reading(); n > begun.Load() {
							t.Errorf("%s says %d bytes, when calls with %d had begun", name, n, begun.Load())
							return
						}
					}
				})
			}
			b := make([]byte, 10_000)
			total := int64(0)
			for i := range 100 {
				begun.Add(2 * int64(len(b)))
				n, err := conn.Write(b)
				total += int64(n)
				must(t, err)
				m, err := (&net.Buffers{b[:i*100], b[i*100:]}).WriteTo(conn)
				total += m
				must(t, err)
			}
			close(stop)
			watchers.Wait()
			if n := statsOf(t, conn).Sent.Bytes; n != total {
				t.Errorf("StatsOf says %d bytes, want %d", n, total)
			}
			must(t, conn.Close())
			if n := <-arrived; n != total {
				t.Errorf("the peer got %d bytes, want %d", n, total)
			}
			if n := told.Load(); n != total {
				t.Errorf("the callback was told of %d bytes, want %d", n, total)
			}
			if n := collect(t, l.cumulative).sum("netstats.client.io", transmitted); n != total {
				t.Errorf("metrics say %d bytes, want %d", n, total)
			}
			attrsOf(l.only(t, "connection").Attributes()).want(t, "span", attribute.Int64("netstats.transmit.size", total))
			t.Logf("%d packets dropped", testnet.Dropped(t))
		})
	}
}
