package ledger

import (
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// TestLedger makes generated calls on tracked TCP connections, with a proxy in
// the middle that makes faults, and holds what this package counted against what
// the calls returned, what the kernel says and what the proxy carried.
//
// NETSTATS_LEDGER_OPS is the number of calls. NETSTATS_LEDGER_SEED is printed by
// a test that fails: with it, the same calls and faults are made again, though
// not at the same times.
func TestLedger(t *testing.T) {
	run := &ledgerRun{
		t:      t,
		seed:   ledgerEnv(t, "NETSTATS_LEDGER_SEED", rand.Uint64()),
		target: int64(ledgerEnv(t, "NETSTATS_LEDGER_OPS", 5000)), //nolint:gosec // a wrong number is the caller's
		file:   filepath.Join(t.TempDir(), "payload"),
	}
	if err := os.WriteFile(run.file, make([]byte, ledgerMost), 0o600); err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	// Half of the sessions have all that can watch a connection, and half have
	// nothing, so that calls take their shortest path.
	bureaus := []*ledgerBureau{newLedgerBureau(run, true), newLedgerBureau(run, false)}
	var workers sync.WaitGroup
	for w := range ledgerWorkers {
		worker := newLedgerWorker(run, bureaus, w)
		workers.Go(worker.work)
	}
	workers.Wait()
	for _, b := range bureaus {
		b.close()
	}
	t.Logf("%d calls in %d sessions, seed %d, %v: %d ends balanced, of them %d read to the end, %d were reset",
		run.calls.Load(), run.sessions.Load(), run.seed, time.Since(start).Round(time.Millisecond),
		run.balanced.Load(), run.graceful.Load(), run.aborted.Load())
}

const (
	ledgerWorkers = 4
	// ledgerMost is more than any one call moves.
	ledgerMost = 1 << 17
	// ledgerPatience is how long a session may take.
	ledgerPatience = time.Minute
)

var ledgerPayload = make([]byte, ledgerMost)

func ledgerEnv(t *testing.T, name string, otherwise uint64) uint64 {
	t.Helper()
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// A ledgerRun is one run of the test.
type ledgerRun struct {
	t      *testing.T
	seed   uint64
	target int64
	file   string // has ledgerMost bytes

	calls, sessions             atomic.Int64
	balanced, graceful, aborted atomic.Int64
	failures                    atomic.Int64
}

// errorf reports what does not balance, and how to see it again.
func (r *ledgerRun) errorf(format string, args ...any) {
	if r.failures.Add(1) <= 10 {
		r.t.Errorf("NETSTATS_LEDGER_SEED=%d NETSTATS_LEDGER_OPS=%d: %s", r.seed, r.target, fmt.Sprintf(format, args...))
	}
}

// must is errorf for what the test itself cannot do without.
func (r *ledgerRun) must(what string, err error) bool {
	if err != nil {
		r.errorf("%s: %v", what, err)
	}
	return err == nil
}

// more reports whether there are calls left to make.
func (r *ledgerRun) more() bool { return r.calls.Load() < r.target && r.failures.Load() < 10 }

// A ledgerWorker goes through one session after the other.
type ledgerWorker struct {
	run     *ledgerRun
	bureaus []*ledgerBureau
	paths   []*ledgerPath // by bureau

	// What calls read from and write to: a connection that always has bytes, one
	// that takes all, and a file that does. The connections have books, too.
	source, sink *ledgerEnd
	scratch      *os.File
}

func newLedgerWorker(run *ledgerRun, bureaus []*ledgerBureau, number int) *ledgerWorker {
	w := &ledgerWorker{run: run, bureaus: bureaus}
	for _, b := range bureaus {
		w.paths = append(w.paths, newLedgerPath(run.t, b))
	}
	owner := bureaus[number%len(bureaus)]
	w.source = owner.dial("source", serve(run.t, ledgerFlood))
	w.sink = owner.dial("sink", serve(run.t, wait))
	scratch, err := os.Create(filepath.Join(run.t.TempDir(), "scratch"))
	if err != nil {
		run.t.Fatal(err)
	}
	run.t.Cleanup(func() { scratch.Close() })
	w.scratch = scratch
	return w
}

// ledgerFlood is a handler that sends for as long as it can.
func ledgerFlood(c net.Conn) {
	for {
		if _, err := c.Write(ledgerPayload); err != nil {
			return
		}
	}
}

func (w *ledgerWorker) work() {
	for w.run.more() {
		w.session(uint64(w.run.sessions.Add(1))) //nolint:gosec // counts up
	}
	for _, aux := range []*ledgerEnd{w.source, w.sink} {
		aux.settle()
	}
}

// A ledgerPath leads through a proxy to a tracked server.
type ledgerPath struct {
	bureau *ledgerBureau
	proxy  *Proxy
	server net.Listener
}

func newLedgerPath(t *testing.T, b *ledgerBureau) *ledgerPath {
	t.Helper()
	ln := listen(t)
	proxy, err := NewProxy(ln.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { proxy.Close() })
	return &ledgerPath{b, proxy, b.tracker.Listener(ln)}
}

// session is the life of one connection: what happens in it depends on the seed
// and its number only.
func (w *ledgerWorker) session(number uint64) {
	watchdog := time.AfterFunc(ledgerPatience, func() {
		panic(fmt.Sprintf("session %d of NETSTATS_LEDGER_SEED=%d NETSTATS_LEDGER_OPS=%d hangs", number, w.run.seed, w.run.target))
	})
	defer watchdog.Stop()
	r := rand.New(rand.NewPCG(w.run.seed, number))
	path := w.paths[int(number)%len(w.paths)] //nolint:gosec // counts up
	plan := newLedgerPlan(r)

	client := path.bureau.dial(fmt.Sprintf("session %d, client", number), path.proxy.Addr())
	if client == nil {
		return
	}
	passage, err := path.proxy.Accept(plan.forth, plan.back)
	if !w.run.must("proxy", err) {
		return
	}
	conn, err := path.server.Accept()
	if !w.run.must("accept", err) {
		return
	}
	server := path.bureau.end(fmt.Sprintf("session %d, server", number), conn)
	client.manner, server.manner = plan.client, plan.server

	var ends sync.WaitGroup
	ends.Go(func() { w.live(client, number, 1) })
	ends.Go(func() { w.live(server, number, 2) })
	ends.Wait()
	passage.Wait()
	client.balance(&passage.Forth, &passage.Back)
	server.balance(&passage.Back, &passage.Forth)
}

// live has an end make its calls and ends it.
func (w *ledgerWorker) live(e *ledgerEnd, session, side uint64) {
	hands := func(kind uint64, n int, act func(*ledgerHand)) *sync.WaitGroup {
		var wg sync.WaitGroup
		for i := range n {
			seed := session<<8 | side<<6 | kind<<5 | uint64(i)
			h := &ledgerHand{ledgerEnd: e, worker: w, r: rand.New(rand.NewPCG(w.run.seed, ^seed))}
			wg.Go(func() { act(h) })
		}
		return &wg
	}
	readers := hands(0, e.manner.readers, (*ledgerHand).readAll)
	writers := hands(1, e.manner.writers, (*ledgerHand).writeAll)
	writers.Wait()
	if e.manner.abrupt {
		e.close()
	} else {
		e.closeWrite()
	}
	readers.Wait()
	e.settle()
}

// A ledgerPlan is how a session goes.
type ledgerPlan struct {
	client, server ledgerManner
	forth, back    Faults
}

// A ledgerManner is how an end behaves. One that is neither abrupt nor lazy
// writes, closes its direction, reads to the end of the stream, and closes.
type ledgerManner struct {
	readers, writers int
	calls            int  // of each writer
	abrupt           bool // closes while calls are under way
	lazy             bool // reads a little only, and closes with something unread
	linger           bool // closes with an RST
}

func newLedgerPlan(r *rand.Rand) ledgerPlan {
	manner := func() ledgerManner {
		return ledgerManner{
			readers: 1 + r.IntN(2), writers: 1 + r.IntN(3), calls: 5 + r.IntN(60),
			abrupt: r.IntN(5) == 0, linger: r.IntN(10) == 0,
		}
	}
	p := ledgerPlan{client: manner(), server: manner(), forth: newLedgerFaults(r), back: newLedgerFaults(r)}
	// Two that do not read would wait for each other.
	switch r.IntN(12) {
	case 0:
		p.client.lazy = true
	case 1:
		p.server.lazy = true
	}
	return p
}

func newLedgerFaults(r *rand.Rand) (f Faults) {
	switch r.IntN(8) {
	case 0, 1:
		f.Slice, f.SliceFor = 1+r.IntN(2000), 1<<14
	case 2:
		f.Delay, f.Delays = time.Duration(r.IntN(2000))*time.Microsecond, r.IntN(8)
	case 3:
		f.At = 1 + r.Int64N(1<<r.IntN(20))
		f.Then = HalfClose + Fault(r.IntN(4))
	}
	return f
}

// A ledgerReader is an io.Reader and nothing else.
type ledgerReader struct{ io.Reader }

// A ledgerWriter is an io.Writer and nothing else.
type ledgerWriter struct{ io.Writer }
