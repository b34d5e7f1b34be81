package netwrap_test

import (
	"bytes"
	"io"
	"math/rand/v2"
	"net"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// books are what calls of one connection returned.
type books struct{ received, sent atomic.Int64 }

// use makes random calls, of all kinds that c has, until one finds c closed or
// there were enough.
func (k *books) use(c net.Conn, r *rand.Rand) {
	b := make([]byte, 1<<12)
	for range 200 {
		switch r.IntN(8) {
		case 0, 1:
			n, _ := c.Read(b[:r.IntN(len(b))])
			k.received.Add(int64(n))
		case 2, 3:
			n, _ := c.Write(b[:r.IntN(len(b))])
			k.sent.Add(int64(n))
		case 4:
			n, _ := (&net.Buffers{b[:r.IntN(len(b))], b[:r.IntN(len(b))]}).WriteTo(c)
			k.sent.Add(n)
		case 5:
			if from, ok := c.(io.ReaderFrom); ok {
				n, _ := from.ReadFrom(bytes.NewReader(b[:r.IntN(len(b))]))
				k.sent.Add(n)
			}
		case 6:
			n, _ := io.Copy(io.Discard, io.LimitReader(c, r.Int64N(1<<12)))
			k.received.Add(n)
		case 7:
			_ = c.SetDeadline(time.Now().Add(time.Duration(r.IntN(200)) * time.Microsecond))
			if r.IntN(10) == 0 {
				_ = c.SetDeadline(past)
			}
		}
	}
}

var past = time.Unix(1, 0)

// Several goroutines do what they like with both ends of a connection, and
// others close it. The counts are what the calls returned, and it ends once.
func TestAnythingAtOnceConcurrentSafe(t *testing.T) {
	for _, kind := range append(kinds, kind{"pipe", "", netwrap.Conn}) {
		t.Run(kind.name, func(t *testing.T) {
			client, server, err := dialed(kind.network)
			if err != nil {
				t.Fatal(err)
			}
			var wg sync.WaitGroup
			var ends [2]struct {
				conn net.Conn
				rec  *testnet.Record
				books
			}
			for i, inner := range []net.Conn{client, server} {
				end := &ends[i]
				end.rec = testnet.NewRecord()
				end.conn = kind.wrap(inner, &end.rec.Record)
				var users sync.WaitGroup
				for u := range 4 {
					users.Go(func() { end.use(end.conn, rand.New(rand.NewPCG(uint64(i), uint64(u)))) })
				}
				for range 2 {
					wg.Go(func() {
						for range 50 {
							_ = end.conn.SetDeadline(time.Now().Add(100 * time.Microsecond))
							end.rec.Sample()
							runtime.Gosched()
						}
						end.conn.Close()
					})
				}
				wg.Go(users.Wait)
			}
			wg.Wait()
			for i := range ends {
				end := &ends[i]
				end.rec.WantBytes(t, end.received.Load(), end.sent.Load())
				if end.rec.Wait(t); end.rec.Endings() != 0 {
					t.Errorf("the connection ended %d times", 1+end.rec.Endings())
				}
			}
		})
	}
}

// Both ends of many short connections are closed at once, while bytes move.
func TestCloseByBothConcurrentSafe(t *testing.T) {
	for range 20 {
		client, server, err := dialed("tcp")
		if err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for _, inner := range []net.Conn{client, server} {
			rec := testnet.NewRecord()
			c := netwrap.Conn(inner, &rec.Record)
			for range 3 {
				wg.Go(func() { c.Close() })
			}
			wg.Go(func() { _, _ = c.Write([]byte("hello")) })
			wg.Go(func() { _, _ = c.Read(make([]byte, 10)) })
			wg.Go(func() {
				if got := rec.Wait(t); got == connstat.Open || got == connstat.Leaked {
					t.Errorf("ended with reason %d", got)
				}
			})
		}
		wg.Wait()
	}
}
