package soak

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"runtime"
	"sync"
	"testing"
	"time"

	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/netstats-go/netstats/otelnetstats"
)

// inside is set in the process that runs in a network of its own.
const inside = "NETSTATS_SOAK_INSIDE"

func TestSoak(t *testing.T) {
	value := os.Getenv("NETSTATS_SOAK")
	if value == "" {
		t.Skip("NETSTATS_SOAK says how long to soak")
	}
	duration, err := time.ParseDuration(value)
	if err != nil {
		t.Fatal(err)
	}
	if os.Getenv(inside) == "" && os.Geteuid() == 0 {
		runInside(t)
		return
	}
	s := newSoak(t)
	s.run(duration/20, t) // what is made once
	before := s.settle(t)
	s.run(duration, t)
	after := s.settle(t)
	t.Logf("before: %v", before)
	t.Logf("after:  %v", after)
	t.Logf("%v", &s.done)
	after.compare(t, before)
	s.wantBalance(t)
}

// runInside runs the test again, in a network of its own.
func runInside(t *testing.T) {
	t.Helper()
	cmd := exec.Command("unshare", "-n", "sh", "-c", `ip link set lo up mtu 1500 && exec "$0" "$@"`,
		os.Args[0], "-test.run=^TestSoak$", "-test.v", "-test.timeout=0")
	cmd.Env = append(os.Environ(), inside+"=1")
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		t.Fatal(err)
	}
}

// shapes are what the network's queue is, in turn.
var shapes = []string{"", "tbf rate 200mbit burst 128kb latency 25ms", "pfifo limit 5", "tbf rate 50mbit burst 64kb limit 70kb"}

// shape changes the network's queue now and then.
func shape(ctx context.Context) {
	if os.Getenv(inside) == "" {
		return
	}
	for i := 0; sleep(ctx, 5*time.Second); i++ {
		_ = exec.Command("tc", "qdisc", "del", "dev", "lo", "root").Run() // there may be none
		if s := shapes[i%len(shapes)]; s != "" {
			_ = exec.Command("sh", "-c", "tc qdisc add dev lo root "+s).Run() // the kernel may not know it
		}
	}
	_ = exec.Command("tc", "qdisc", "del", "dev", "lo", "root").Run()
}

// sleep waits, and reports whether ctx is not done.
func sleep(ctx context.Context, d time.Duration) bool {
	select {
	case <-ctx.Done():
		return false
	case <-time.After(d):
		return true
	}
}

// A soak is what all that runs has in common.
type soak struct {
	tracker *otelnetstats.Tracker // of Dialers and Listeners
	readers *readers
	tracers *sdktrace.TracerProvider
	servers *servers
	done    counts
	round   uint64
}

func newSoak(t *testing.T) *soak {
	t.Helper()
	s := &soak{readers: newReaders(), servers: new(servers)}
	s.tracers = sdktrace.NewTracerProvider(
		sdktrace.WithBatcher(nowhere{}), sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(.3))))
	s.tracker = s.newTracker(t, s.readers.provider)
	s.servers.listen(t, s.tracker)
	return s
}

func (s *soak) newTracker(t *testing.T, meters *sdkmetric.MeterProvider, opts ...otelnetstats.Option) *otelnetstats.Tracker {
	t.Helper()
	tracker, err := otelnetstats.New(append(opts,
		otelnetstats.WithTracerProvider(s.tracers), otelnetstats.WithMeterProvider(meters),
		otelnetstats.WithCallback(&s.done), otelnetstats.WithCaller())...)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// nowhere is where spans are exported to.
type nowhere struct{}

func (nowhere) ExportSpans(context.Context, []sdktrace.ReadOnlySpan) error { return nil }
func (nowhere) Shutdown(context.Context) error                             { return nil }

// run has everything happen for a while.
func (s *soak) run(d time.Duration, t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	var wg sync.WaitGroup
	for i := range uint64(4) {
		s.round++
		c := &client{soak: s, random: rand.New(rand.NewPCG(s.round, i))}
		wg.Go(func() { c.run(ctx) })
	}
	wg.Go(func() { s.readers.run(ctx, t) })
	wg.Go(func() { s.captures(ctx, t) })
	wg.Go(func() { shape(ctx) })
	wg.Go(func() {
		for sleep(ctx, time.Second) {
			runtime.GC() // finds what was dropped
		}
	})
	wg.Wait()
}

// captures captures and releases in turn, with Trackers that come and go.
func (s *soak) captures(ctx context.Context, t *testing.T) {
	for sleep(ctx, 50*time.Millisecond) {
		meters := newReaders() // the totals of a Tracker go when it is shut down
		tracker := s.newTracker(t, meters.provider, otelnetstats.WithAccepted())
		for range 20 {
			capture, err := tracker.Capture()
			if errors.Is(err, otelnetstats.ErrNotCaptureBuild) {
				break
			}
			if err != nil {
				t.Error(err)
				return
			}
			sleep(ctx, 100*time.Millisecond)
			meters.read(t)
			capture.Release()
			sleep(ctx, 20*time.Millisecond)
		}
		if err := tracker.Shutdown(context.WithoutCancel(ctx)); err != nil {
			t.Error(err)
		}
	}
}

// A state is what must not grow.
type state struct {
	heap                    uint64
	goroutines, descriptors int
	open                    int64 // by the gauges
}

func (s state) String() string {
	return fmt.Sprintf("heap %d kB, %d goroutines, %d descriptors, %d connections open", s.heap>>10, s.goroutines, s.descriptors, s.open)
}

// settle waits until nothing is on its way any more.
func (s *soak) settle(t *testing.T) (now state) {
	t.Helper()
	s.servers.hangUp()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(100 * time.Millisecond) {
		runtime.GC()
		last := now
		now = s.state(t)
		if now.open == 0 && now.goroutines == last.goroutines && now.descriptors == last.descriptors {
			return now
		}
		if time.Now().After(deadline) {
			t.Errorf("it does not settle: %v", now)
			return now
		}
	}
}

func (s *soak) state(t *testing.T) state {
	t.Helper()
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return state{m.HeapAlloc, runtime.NumGoroutine(), len(entries), s.readers.open(t)}
}

func (s state) compare(t *testing.T, before state) {
	t.Helper()
	if s.goroutines > before.goroutines || s.descriptors > before.descriptors || s.open != 0 {
		t.Errorf("goroutines, descriptors or connections are left: %v, before %v", s, before)
	}
	if s.heap > before.heap+4<<20 {
		t.Errorf("the heap grew from %d to %d bytes", before.heap, s.heap)
	}
}

// wantBalance checks that all that was opened has ended.
func (s *soak) wantBalance(t *testing.T) {
	t.Helper()
	if opened, closed := s.done.opened.Load(), s.done.closed.Load(); opened != closed {
		t.Errorf("callbacks were told of %d connections opened and %d closed", opened, closed)
	}
	for range s.tracker.Conns() {
		t.Error("a connection is open")
	}
}
