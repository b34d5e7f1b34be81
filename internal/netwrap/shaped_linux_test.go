package netwrap_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/testnet"
)

// Queues of this host drop packets whose bytes the kernel has counted as sent,
// and counts again. Whatever they do, the number of bytes is never more than the
// truth, and exact in the end.

// shaped runs a test with each of the queues there are.
func shaped(t *testing.T, test func(t *testing.T)) {
	for name, shape := range testnet.Shapes {
		t.Run(name, func(t *testing.T) {
			testnet.NewShapedNetwork(t, shape)
			test(t)
			t.Logf("%d packets dropped", testnet.Dropped(t))
		})
	}
}

// writers are the ways to send that differ in who counts.
var writers = map[string]func(t *testing.T, conn net.Conn, r *rand.Rand, size int) (int64, error){
	"Write": func(_ *testing.T, conn net.Conn, _ *rand.Rand, size int) (int64, error) {
		n, err := conn.Write(payload[:size])
		return int64(n), err
	},
	"writev": func(_ *testing.T, conn net.Conn, r *rand.Rand, size int) (int64, error) {
		cut := r.IntN(size)
		return (&net.Buffers{payload[:cut], payload[cut:size]}).WriteTo(conn)
	},
	"sendfile": func(t *testing.T, conn net.Conn, _ *rand.Rand, size int) (int64, error) {
		f := payloadFile(t)
		defer f.Close()
		return io.CopyN(conn, f, int64(size))
	},
}

var thePayloadFile struct {
	once sync.Once
	path string
}

// payloadFile opens a file that has the payload.
func payloadFile(t *testing.T) *os.File {
	thePayloadFile.once.Do(func() {
		dir, err := os.MkdirTemp("", "netwrap") //nolint:usetesting // for several tests
		if err != nil {
			t.Error(err)
			return
		}
		thePayloadFile.path = filepath.Join(dir, "payload")
		if err := os.WriteFile(thePayloadFile.path, payload, 0o600); err != nil {
			t.Error(err)
		}
	})
	f, err := os.Open(thePayloadFile.path)
	if err != nil {
		t.Error(err)
	}
	return f
}

// send makes random calls until the given number of bytes has been sent. In "mixed"
// each call is another way.
func (m *mixture) send(t *testing.T, way string, r *rand.Rand, total int64) error {
	ways := []string{"Write", "writev", "sendfile"}
	for m.returned.Load() < total {
		with := way
		if way == "mixed" {
			with = ways[r.IntN(len(ways))]
		}
		size := 1 + r.IntN(1<<r.IntN(18))
		m.announced.Add(int64(size))
		n, err := writers[with](t, m.conn, r, size)
		m.returned.Add(n)
		m.announced.Add(n - int64(size))
		if err != nil {
			return err
		}
	}
	return nil
}

const shapedTotal = 1 << 20

func TestShapedBytesAreExact(t *testing.T) {
	if testing.Short() {
		t.Skip("slow queues take their time")
	}
	for _, way := range []string{"Write", "writev", "sendfile", "mixed"} {
		for _, end := range []string{"close", "half-close", "reset"} {
			t.Run(way+"/"+end, func(t *testing.T) {
				shaped(t, func(t *testing.T) { shapedRun(t, way, end) })
			})
		}
	}
}

func shapedRun(t *testing.T, way, end string) {
	conn, peer, rec := tracked(t)
	var arrived <-chan int64
	if end == "reset" {
		arrived = discardSome(peer, shapedTotal/2)
	} else {
		arrived = discard(peer)
	}
	m := mixture{conn: conn}
	stop := make(chan struct{})
	var watchers sync.WaitGroup
	var readings atomic.Int64
	watchers.Go(func() {
		n, err := m.watch(rec, stop)
		if err != nil {
			t.Error(err)
		}
		readings.Add(int64(n))
	})
	err := m.send(t, way, rand.New(rand.NewPCG(7, 0)), shapedTotal)
	if err != nil && end != "reset" {
		t.Error(err)
	}
	if _, sent := rec.Bytes(); sent != m.returned.Load() {
		t.Errorf("right after the last call: counted %d bytes, want %d", sent, m.returned.Load())
	}
	if end == "half-close" {
		testnet.Must(t, conn.(closeWriter).CloseWrite())
		if _, sent := rec.Bytes(); sent != m.returned.Load() {
			t.Errorf("after CloseWrite: counted %d bytes, want %d", sent, m.returned.Load())
		}
		if got := <-arrived; got != m.returned.Load() {
			t.Errorf("the peer got %d bytes, want %d", got, m.returned.Load())
		}
	}
	testnet.Must(t, conn.Close())
	close(stop)
	watchers.Wait()
	rec.WantBytes(t, 0, m.returned.Load())
	if end == "close" {
		if got := <-arrived; got != m.returned.Load() {
			t.Errorf("the peer got %d bytes, want %d", got, m.returned.Load())
		}
	}
	t.Logf("%d readings over %d bytes", readings.Load(), m.returned.Load())
}

// discardSome reads n bytes and has the connection reset.
func discardSome(peer *net.TCPConn, n int64) <-chan int64 {
	done := make(chan int64, 1)
	go func() {
		got, _ := io.CopyN(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{peer}, n)
		_ = peer.SetLinger(0)
		peer.Close()
		done <- got
	}()
	return done
}

// TestExactRightAfterWritev: acknowledgments come in while the kernel is asked,
// between its two numbers. NETSTATS_WRITEVS says how often to try.
func TestExactRightAfterWritev(t *testing.T) {
	tries := 200
	if s := os.Getenv("NETSTATS_WRITEVS"); s != "" {
		if _, err := fmt.Sscan(s, &tries); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"none", "tbf"} {
		t.Run(name, func(t *testing.T) {
			testnet.NewShapedNetwork(t, testnet.Shapes[name])
			conn, peer, rec := tracked(t)
			testnet.Must(t, peer.SetReadDeadline(time.Now().Add(time.Hour)))
			discard(peer)
			r := rand.New(rand.NewPCG(3, 0))
			total := int64(0)
			for try := range tries {
				size := 1 + r.IntN(1<<(10+r.IntN(7)))
				n, err := (&net.Buffers{payload[:size/2], payload[size/2 : size]}).WriteTo(conn)
				total += n
				if err != nil && !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Fatal(err)
				}
				if _, sent := rec.Bytes(); sent != total {
					t.Fatalf("try %d: counted %d bytes, want %d", try, sent, total)
				}
			}
		})
	}
}

// TestExactWhenClosedRightAfterWritev: the same with the last question, about a
// connection that is closed.
func TestExactWhenClosedRightAfterWritev(t *testing.T) {
	for _, name := range []string{"none", "tbf"} {
		t.Run(name, func(t *testing.T) {
			testnet.NewShapedNetwork(t, testnet.Shapes[name])
			for range 20 {
				conn, peer, rec := tracked(t)
				arrived := discard(peer)
				n, err := (&net.Buffers{payload[:200_000], payload[:100_000]}).WriteTo(conn)
				if err != nil {
					t.Fatal(err)
				}
				testnet.Must(t, conn.Close())
				rec.WantBytes(t, 0, n)
				if got := <-arrived; got != n {
					t.Errorf("the peer got %d bytes, want %d", got, n)
				}
			}
		})
	}
}
