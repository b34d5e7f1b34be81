package ledger

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	workers        = 4
	sessionTimeout = time.Minute
	// maxTransfer is more than any one call moves.
	maxTransfer = 1 << 17
	// maxFailures is how many failures are reported. Then the run ends.
	maxFailures = 10
)

var payload = make([]byte, maxTransfer)

// A run is one run of the test. All that is random in it follows from the seed
// and the number of a session. Another run with the same seed makes the same
// calls and faults, but not at the same times.
type run struct {
	t      *testing.T
	seed   uint64
	target int64  // calls to make
	file   string // has maxTransfer bytes
	start  time.Time

	calls, sessions               atomic.Int64 // begun
	checked, readToEnd, wereReset atomic.Int64 // endpoints
	failures                      atomic.Int64
}

func newRun(t *testing.T) *run {
	t.Helper()
	r := &run{
		t:      t,
		seed:   environment(t, "NETSTATS_LEDGER_SEED", rand.Uint64()),
		target: int64(environment(t, "NETSTATS_LEDGER_OPS", 5000)), //nolint:gosec // a wrong number is the caller's
		file:   filepath.Join(t.TempDir(), "payload"),
		start:  time.Now(),
	}
	if err := os.WriteFile(r.file, payload, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.repeat())
		}
	})
	// A crash loses what the test logged. Of a test that passes, go test shows
	// neither.
	fmt.Fprintln(os.Stderr, r.repeat())
	return r
}

func environment(t *testing.T, name string, otherwise uint64) uint64 {
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

// repeat says how to make the same calls and faults again.
func (r *run) repeat() string {
	return fmt.Sprintf("to repeat this run: NETSTATS_LEDGER_SEED=%d NETSTATS_LEDGER_OPS=%d go test ./internal/ledger", r.seed, r.target)
}

func (r *run) errorf(format string, args ...any) {
	r.t.Helper()
	if r.failures.Add(1) <= maxFailures {
		r.t.Errorf(format, args...)
	}
}

// succeeded reports whether err is nil. If it is not, the test fails.
func (r *run) succeeded(what string, err error) bool {
	if err != nil {
		r.t.Helper()
		r.errorf("%s: %v", what, err)
	}
	return err == nil
}

// unfinished reports whether there are calls left to make.
func (r *run) unfinished() bool {
	return r.calls.Load() < r.target && r.failures.Load() < maxFailures
}

// work has workers make the calls.
func (r *run) work(trackers []*tracker) {
	var wg sync.WaitGroup
	for i := range workers {
		w := newWorker(r, trackers, i)
		wg.Go(w.work)
	}
	wg.Wait()
}

func (r *run) summarize() {
	r.t.Logf("%d calls in %d sessions, seed %d, %v: %d endpoints checked, of which %d read to the end and %d were reset",
		r.calls.Load(), r.sessions.Load(), r.seed, time.Since(r.start).Round(time.Millisecond),
		r.checked.Load(), r.readToEnd.Load(), r.wereReset.Load())
}
