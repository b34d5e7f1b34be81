package otelnetstats

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/netstats-go/netstats/internal/live"
)

// deep calls f with a number of calls of its own on the stack.
func deep(depth int, f func()) {
	if depth > 0 {
		deep(depth-1, f)
		return
	}
	f()
}

func stackTracker(t testing.TB, opts ...Option) *Tracker {
	t.Helper()
	tracker, err := New(opts...)
	if err != nil {
		t.Fatal(err)
	}
	return tracker
}

// originHere is what a dial asks for, with the calls between left out.
func (t *Tracker) originHere() *live.Origin { return t.origin() }

func TestDialStacksAreInterned(t *testing.T) {
	tracker := stackTracker(t, WithDialStacks())
	var seen [3]*live.Origin
	for i := range seen {
		deep(min(i, 1), func() { seen[i] = tracker.originHere() })
	}
	if seen[1] != seen[2] {
		t.Error("the same place has two origins")
	}
	if seen[0] == seen[1] {
		t.Error("two places have the same origin")
	}
	names := ""
	for frames, more := runtime.CallersFrames(seen[1].Stack), true; more; {
		var f runtime.Frame
		f, more = frames.Next()
		names += f.Function + "\n"
	}
	if !strings.Contains(names, ".TestDialStacksAreInterned") {
		t.Errorf("the stack lacks the test:\n%s", names)
	}
	if tracker.callerOf(seen[1]) != "" {
		t.Error("the caller is told, though nobody asked for it")
	}
}

func TestStacksAreKeptOnRequest(t *testing.T) {
	var none, caller *live.Origin
	deep(1, func() { none = stackTracker(t).originHere() })
	deep(1, func() { caller = stackTracker(t, WithCaller()).originHere() })
	if none != nil {
		t.Error("an origin without being asked")
	}
	if caller == nil || caller.Stack != nil {
		t.Errorf("got %+v with WithCaller, want one without a stack", caller)
	}
}

// TestOriginsAreBounded, and the caller is told beyond that.
func TestOriginsAreBounded(t *testing.T) {
	tracker := stackTracker(t, WithDialStacks(), WithCaller())
	pc, _, _, _ := runtime.Caller(0)
	for i := range uintptr(3 * maxOrigins) {
		s := stack{pc, pc + 1, i}
		tracker.origins.find(&s, 3, true)
	}
	if n := len(tracker.origins.known); n != maxOrigins {
		t.Errorf("%d stacks are kept, want %d", n, maxOrigins)
	}
	if n := len(tracker.origins.callers); n > maxOrigins {
		t.Errorf("%d callers are kept, want at most %d", n, maxOrigins)
	}
	s := stack{pc, 1, 2, 3}
	if o := tracker.origins.find(&s, 4, true); o.Stack != nil {
		t.Error("a stack past the bound is kept")
	}
}

func TestSeenStacksDoNotAllocate(t *testing.T) {
	tracker := stackTracker(t, WithDialStacks(), WithCaller())
	deep(20, func() {
		if n := testing.AllocsPerRun(200, func() { tracker.originHere() }); n != 0 {
			t.Errorf("%v allocations, want 0", n)
		}
	})
}

func TestOriginsConcurrentSafe(t *testing.T) {
	tracker := stackTracker(t, WithDialStacks())
	var all sync.WaitGroup
	seen := make([]*live.Origin, 8)
	for i := range seen {
		all.Go(func() { deep(3, func() { seen[i] = tracker.originHere() }) })
	}
	all.Wait()
	for _, o := range seen {
		if o != seen[0] {
			t.Fatal("the same place has two origins")
		}
	}
}

// BenchmarkOrigin is what WithCaller and WithDialStacks cost a dial, beside the walk
// up the stack alone.
func BenchmarkOrigin(b *testing.B) {
	tracker := stackTracker(b, WithDialStacks(), WithCaller())
	var pcs stack
	for _, depth := range []int{5, 20, 40} {
		for name, f := range map[string]func(){
			"walk alone": func() { runtime.Callers(2, pcs[:]) },
			"origin":     func() { tracker.originHere() },
		} {
			b.Run(fmt.Sprintf("depth=%d/%s", depth, name), func(b *testing.B) {
				deep(depth, func() {
					b.ReportAllocs()
					for b.Loop() {
						f()
					}
				})
			})
		}
	}
}
