package connz

import (
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/netstats-go/netstats/internal/live"
)

// A fake is a Tracker's side of a hub, with connections that move as they are told.
type fake struct {
	conns []*fakeConn
	down  atomic.Bool
}

func (f *fake) Down() bool              { return f.down.Load() }
func (f *fake) Now() time.Time          { return time.Now() }
func (f *fake) Totals() (t live.Totals) { return t }

func (f *fake) Conns(yield func(live.Conn) bool) {
	for _, c := range f.conns {
		if !yield(c) {
			return
		}
	}
}

type fakeConn struct {
	id       live.Identity
	received int64
	asked    int
}

func (c *fakeConn) ID() uint64                             { return c.id.ID }
func (c *fakeConn) Identity(*live.Identity) *live.Identity { return &c.id }
func (c *fakeConn) Numbers() live.Numbers {
	return live.Numbers{Received: live.Flow{Bytes: c.received}}
}

func (c *fakeConn) Ask() (live.TCP, bool) {
	c.asked++
	return live.TCP{RTT: time.Duration(c.id.ID)}, true
}
func (c *fakeConn) Detail() (d live.Detail) { return d }
func (f *fake) open(id uint64) *fakeConn {
	c := &fakeConn{id: live.Identity{ID: id, Opened: time.Now()}}
	f.conns = append(f.conns, c)
	return c
}

// watch runs a test with a lookout in a bubble of its own.
func watch(t *testing.T, test func(*testing.T, *fake, *handler)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		f := new(fake)
		hub := live.NewHub(f)
		defer f.down.Store(true)
		test(t, f, &handler{hub: hub, lookout: &lookout{hub: hub}})
	})
}

func TestRatesAreOfTheTimeBetweenLooks(t *testing.T) {
	watch(t, func(t *testing.T, f *fake, h *handler) {
		c := f.open(1)
		want := func(when string, n int, known bool, rate float64) {
			t.Helper()
			r := h.lookout.look(false).items[n].rates
			if r.known != known || r.received != rate {
				t.Errorf("%s: %+v, want %v, %v", when, r, known, rate)
			}
		}
		c.received = 1 << 20
		time.Sleep(time.Second)
		want("at first", 0, false, 0)
		c.received += 500
		time.Sleep(time.Second)
		want("after a second", 0, true, 500)
		c.received += 10
		time.Sleep(100 * time.Millisecond)
		want("shortly after", 0, true, 500)
		c.received += 990
		f.open(2).received = 3000
		time.Sleep(900 * time.Millisecond)
		want("after another second", 0, true, 1000)
		want("opened meanwhile", 1, true, 3000)
		c.received += 6000
		time.Sleep(time.Minute)
		want("after a pause", 0, false, 0) // forgotten
		time.Sleep(time.Second)
		want("again", 0, true, 0)
	})
}

func TestSparksAreFilled(t *testing.T) {
	watch(t, func(t *testing.T, f *fake, h *handler) {
		c := f.open(1)
		h.lookout.shown(h.lookout.look(false).items)
		var last *item
		for range 10 {
			time.Sleep(2 * time.Second)
			c.received += 100
			last = h.lookout.look(false).items[0]
		}
		received, sent := last.spark.all(last.at)
		filled := 0
		for _, v := range received {
			if v == 50 {
				filled++
			} else if v != 0 {
				t.Errorf("a rate of %v, want 50", v)
			}
		}
		if filled < 9 || filled > 11 || received[sparkSlots-1] != 50 || tallest(sent) != 0 {
			t.Errorf("received %v, sent %v", received, sent)
		}
		if later, _ := last.spark.all(last.at.Add(3 * time.Minute)); tallest(later) != 0 {
			t.Errorf("three minutes later: %v", later)
		}
	})
}

// TestNothingIsKeptWhenNobodyLooks, and of those that are gone, nor more sparks than
// there is room for.
func TestNothingIsKeptWhenNobodyLooks(t *testing.T) {
	watch(t, func(t *testing.T, f *fake, h *handler) {
		for id := range uint64(maxSparks + 100) {
			f.open(id + 1)
		}
		look := h.lookout.look(false)
		h.lookout.shown(look.items)
		if _, sparks := h.lookout.kept(); sparks != maxSparks {
			t.Errorf("%d sparks, want %d", sparks, maxSparks)
		}
		f.conns = f.conns[:10]
		time.Sleep(time.Second)
		h.lookout.look(false)
		if known, sparks := h.lookout.kept(); known != 10 || sparks != 10 {
			t.Errorf("%d are known, with %d sparks, want 10", known, sparks)
		}
		time.Sleep(2 * idleAfter)
		synctest.Wait()
		if known, sparks := h.lookout.kept(); known != 0 || sparks != 0 {
			t.Errorf("%d are kept, with %d sparks", known, sparks)
		}
	})
}

// kept is how much there is in memory.
func (l *lookout) kept() (known, sparks int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	known = len(l.known)
	if l.last != nil {
		known = max(known, len(l.last.items))
	}
	return known, l.sparks
}

// TestTheKernelIsAskedOnlyAboutWhatIsShown, unless the order depends on it.
func TestTheKernelIsAskedOnlyAboutWhatIsShown(t *testing.T) {
	watch(t, func(t *testing.T, f *fake, h *handler) {
		for id := range uint64(1000) {
			f.open(id + 1)
		}
		asked := func() (n int) {
			for _, c := range f.conns {
				n += c.asked
				c.asked = 0
			}
			return n
		}
		h.sheet(view{state: "open", limit: maxRows})
		if n := asked(); n != maxRows {
			t.Errorf("the kernel was asked %d times, want %d", n, maxRows)
		}
		s := h.sheet(view{state: "open", limit: 3, sort: columnOf("open", "rtt"), down: true})
		if n := asked(); n != 1000 || s.items[0].ID != 1000 || s.items[2].ID != 998 {
			t.Errorf("the kernel was asked %d times, the first are %d and %d", n, s.items[0].ID, s.items[2].ID)
		}
	})
}

// BenchmarkLook is what a viewer costs once a second.
func BenchmarkLook(b *testing.B) {
	for _, n := range []int{100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			f := new(fake)
			hub := live.NewHub(f)
			defer f.down.Store(true)
			for id := range uint64(n) {
				f.open(id + 1)
			}
			h := &handler{hub: hub, lookout: &lookout{hub: hub}}
			b.ReportAllocs()
			for b.Loop() {
				if h.lookout.last != nil {
					h.lookout.last.until = time.Time{}
				}
				h.sheet(view{state: "open", limit: maxRows, names: true, sort: columnOf("open", "-received")})
			}
		})
	}
}
