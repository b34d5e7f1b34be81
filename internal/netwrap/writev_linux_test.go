package netwrap_test

import (
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/netwrap"
	"github.com/netstats-go/netstats/internal/testnet"
)

// A mixture writes to a connection by Write and net.Buffers in turn, and keeps
// the books that the counts are held against.
type mixture struct {
	conn      net.Conn
	announced atomic.Int64 // bytes of the calls that began
	returned  atomic.Int64 // bytes of the calls that returned
}

// write makes one random call.
func (m *mixture) write(r *rand.Rand) error {
	size := 1 + r.IntN(1<<r.IntN(18))
	m.announced.Add(int64(size))
	if r.IntN(2) == 0 {
		n, err := m.conn.Write(payload[:size])
		m.returned.Add(int64(n))
		return err
	}
	cut := r.IntN(size)
	buffers := net.Buffers{payload[:cut], payload[cut:size]}
	n, err := buffers.WriteTo(m.conn)
	m.returned.Add(n)
	return err
}

// writeAll makes calls from several goroutines at once.
func (m *mixture) writeAll(goroutines, calls int) error {
	errs := make([]error, goroutines)
	var wg sync.WaitGroup
	for g := range goroutines {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 0))
			for range calls {
				if err := m.write(r); err != nil {
					errs[g] = err
					return
				}
			}
		})
	}
	wg.Wait()
	return errors.Join(errs...)
}

// watch reads the count until stop is closed. Each reading must be at least
// what had returned before it and at most what had begun after it, and no less
// than the one before.
func (m *mixture) watch(rec *testnet.Record, stop <-chan struct{}) (readings int, err error) {
	for last := int64(0); ; readings++ {
		select {
		case <-stop:
			return readings, nil
		default:
		}
		least := max(last, m.returned.Load())
		_, sent := rec.Bytes()
		if most := m.announced.Load(); sent < least || sent > most {
			return readings, fmt.Errorf("reading %d is %d, want it in [%d, %d]", readings, sent, least, most)
		}
		last = sent
	}
}

func tracked(t *testing.T) (conn net.Conn, peer *net.TCPConn, rec *testnet.Record) {
	t.Helper()
	client, peer := testnet.TCPPair(t)
	rec = testnet.NewRecord()
	return netwrap.Conn(client, &rec.Record), peer, rec
}

// discard reads from peer until the end of the stream, and returns the number
// of bytes.
func discard(peer net.Conn) <-chan int64 {
	done := make(chan int64, 1)
	go func() {
		n, _ := io.Copy(struct{ io.Writer }{io.Discard}, struct{ io.Reader }{peer})
		done <- n
	}()
	return done
}

func TestWritevIsExactAfterEachCall(t *testing.T) {
	conn, peer, rec := tracked(t)
	arrived := discard(peer)
	m := mixture{conn: conn}
	r := rand.New(rand.NewPCG(1, 0))
	for range 500 {
		if err := m.write(r); err != nil {
			t.Fatal(err)
		}
		if _, sent := rec.Bytes(); sent != m.returned.Load() {
			t.Fatalf("counted %d bytes, want %d", sent, m.returned.Load())
		}
	}
	conn.Close()
	rec.WantBytes(t, 0, <-arrived)
}

func TestWritevUnderLoadConcurrentSafe(t *testing.T) {
	conn, peer, rec := tracked(t)
	arrived := discard(peer)
	underLoad(t, conn, rec, 4, 100)
	conn.Close()
	rec.WantBytes(t, 0, <-arrived)
}

// underLoad mixes writes from several goroutines while others read the count.
func underLoad(t *testing.T, conn net.Conn, rec *testnet.Record, goroutines, calls int) {
	t.Helper()
	m := mixture{conn: conn}
	stop := make(chan struct{})
	var watchers sync.WaitGroup
	var readings atomic.Int64
	for range 2 {
		watchers.Go(func() {
			n, err := m.watch(rec, stop)
			if err != nil {
				t.Error(err)
			}
			readings.Add(int64(n))
		})
	}
	if err := m.writeAll(goroutines, calls); err != nil {
		t.Error(err)
	}
	close(stop)
	watchers.Wait()
	if _, sent := rec.Bytes(); sent != m.returned.Load() {
		t.Errorf("counted %d bytes, want %d", sent, m.returned.Load())
	}
	t.Logf("%d readings over %d bytes", readings.Load(), m.returned.Load())
}

// fill writes buffers until no more are taken, and returns the bytes taken.
func fill(t *testing.T, conn net.Conn) (total int64) {
	t.Helper()
	for {
		testnet.Must(t, conn.SetWriteDeadline(time.Now().Add(20*time.Millisecond)))
		buffers := net.Buffers{payload[:1000], payload[:300_000]}
		n, err := buffers.WriteTo(conn)
		total += n
		if errors.Is(err, os.ErrDeadlineExceeded) {
			testnet.Must(t, conn.SetWriteDeadline(time.Time{}))
			return total
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

func TestWritevWithPendingData(t *testing.T) {
	conn, peer, rec := tracked(t)
	total := fill(t, conn)
	rec.WantBytes(t, 0, total)
	if k := testnet.AskKernel(t, inner(conn)); k.Notsent_bytes == 0 {
		t.Error("nothing is pending, so nothing is proved")
	}
	arrived := discard(peer)
	conn.Close()
	rec.WantBytes(t, 0, <-arrived)
}

type closeWriter interface{ CloseWrite() error }

func inner(conn net.Conn) *net.TCPConn {
	return conn.(interface{ NetConn() net.Conn }).NetConn().(*net.TCPConn)
}

func TestWritevHalfClosed(t *testing.T) {
	for _, tt := range []struct {
		name  string
		fill  func(*testing.T, net.Conn) int64
		first string
	}{
		{"with nothing sent", func(*testing.T, net.Conn) int64 { return 0 }, ""},
		{"with pending data", fill, ""},
		{"with pending data, after the peer", fill, "peer"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			conn, peer, rec := tracked(t)
			total := tt.fill(t, conn)
			if tt.first == "peer" {
				testnet.Must(t, peer.CloseWrite())
				if n, err := conn.Read(make([]byte, 1)); n != 0 || !errors.Is(err, io.EOF) {
					t.Fatalf("Read returned %d, %v, want EOF", n, err)
				}
			}
			for range 2 { // once is enough for the FIN
				if err := conn.(closeWriter).CloseWrite(); err != nil {
					t.Fatal(err)
				}
				rec.WantBytes(t, 0, total)
			}
			if got := <-discard(peer); got != total {
				t.Errorf("the peer got %d bytes, want %d", got, total)
			}
			rec.WantBytes(t, 0, total)
			conn.Close()
			rec.WantBytes(t, 0, total)
		})
	}
}

func TestWritevAfterReset(t *testing.T) {
	for _, half := range []bool{false, true} {
		t.Run(fmt.Sprint("half-closed ", half), func(t *testing.T) {
			conn, peer, rec := tracked(t)
			total := fill(t, conn)
			if half {
				testnet.Must(t, conn.(closeWriter).CloseWrite())
			}
			testnet.Must(t, peer.SetLinger(0))
			peer.Close()
			if _, err := conn.Read(make([]byte, 1)); err == nil || errors.Is(err, io.EOF) {
				t.Fatalf("Read after the reset returned %v", err)
			}
			rec.WantBytes(t, 0, total)
			if _, err := (&net.Buffers{payload[:10]}).WriteTo(conn); err == nil {
				t.Error("writev after the reset returned no error")
			}
			rec.WantBytes(t, 0, total)
			conn.Close()
			rec.WantBytes(t, 0, total)
		})
	}
}

func TestWritevWithLoss(t *testing.T) {
	network := testnet.NewLossyNetwork(t, 0.03, 1)
	client, peer := network.TCPPair(t)
	rec := testnet.NewRecord()
	conn := netwrap.Conn(client, &rec.Record)
	arrived := discard(peer)
	underLoad(t, conn, rec, 4, 250)
	kernel := testnet.AskKernel(t, client)
	testnet.Must(t, conn.(closeWriter).CloseWrite())
	rec.WantBytes(t, 0, <-arrived)
	conn.Close()
	if kernel.Bytes_retrans == 0 {
		t.Error("nothing was sent again, so nothing is proved")
	}
	info, _ := rec.Ask()
	t.Logf("%d packets lost, %d bytes sent again; %+v", network.Lost(), kernel.Bytes_retrans, info)
}

// A writev that is on its way while the connection is closed returns what it
// moved, which must be counted, too.
func TestWritevWhileClosingConcurrentSafe(t *testing.T) {
	client, peer := testnet.TCPPair(t)
	arrived := discard(peer)
	var m mixture
	rec := testnet.NewRecord()
	rec.AtEnd = func() { m.await(m.returned.Load() + 1) }
	m.conn = netwrap.Conn(client, &rec.Record)

	var wg sync.WaitGroup
	for g := range 3 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(g), 1))
			for {
				if err := m.write(r); err != nil {
					return
				}
			}
		})
	}
	m.await(1 << 18)
	m.conn.Close()
	wg.Wait()
	rec.WantBytes(t, 0, m.returned.Load())
	if got := <-arrived; got > m.returned.Load() {
		t.Errorf("the peer got %d bytes, want at most %d", got, m.returned.Load())
	}
}

// The same where nothing makes Close wait: what it finds under way must not go on
// after the kernel has been asked for the last time.
func TestWritevAmidCloseConcurrentSafe(t *testing.T) {
	rounds := 200
	if testnet.Race {
		rounds = 20
	}
	var (
		conn     net.Conn
		rec      *testnet.Record
		arrived  <-chan int64
		returned int64
	)
	check := func() {
		if rec == nil {
			return
		}
		rec.WantBytes(t, 0, returned)
		if got := <-arrived; got > returned {
			t.Errorf("the peer got %d bytes, want at most %d", got, returned)
		}
	}
	testnet.Meet(rounds, func(int) {
		check()
		var peer *net.TCPConn
		conn, peer, rec = tracked(t)
		arrived = discard(peer)
	}, func() { conn.Close() }, func() {
		returned, _ = (&net.Buffers{payload[:1], payload[:1<<18]}).WriteTo(conn)
	})
	check()
}

// Nothing tells of a writev but the kernel; so if the first one comes when the
// connection has been asked about for the last time before Close, it must be
// asked about after it.
func TestFirstWritevWhileClosing(t *testing.T) {
	client, peer := testnet.TCPPair(t)
	arrived := discard(peer)
	rec := testnet.NewRecord()
	conn := netwrap.Conn(client, &rec.Record)
	rec.AtEnd = func() {
		if n, err := (&net.Buffers{payload[:10], payload[:20]}).WriteTo(conn); n != 30 || err != nil {
			t.Errorf("writev returned %d, %v, want 30, nil", n, err)
		}
	}
	testnet.Must(t, conn.Close())
	rec.WantBytes(t, 0, 30)
	if got := <-arrived; got != 30 {
		t.Errorf("the peer got %d bytes, want 30", got)
	}
}

// await waits until the calls that returned have written n bytes.
func (m *mixture) await(n int64) {
	for m.returned.Load() < n {
		runtime.Gosched()
	}
}
