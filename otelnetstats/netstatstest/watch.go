package netstatstest

import (
	"context"
	"net"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/otelnetstats"
)

// A Watcher sees the connections of one test. Its methods are safe for concurrent
// use. It is made by [Watch].
type Watcher struct {
	t       testing.TB
	start   time.Time
	wait    time.Duration
	budgets []scoped
	allowed []allowance

	tracker *otelnetstats.Tracker
	dialer  *otelnetstats.Dialer
	capture bool // what the process opens is seen, too; it does not change

	mu      sync.Mutex // guards all below; no code of others runs under it
	entries []*entry
	events  int // of entries that begin or end, which so have an order
	strays  []stray
	pools   []Pool
	// settling says that the test has ended, and pools are asked to close what is idle.
	settling bool
	control  bool // the control connection was seen
	over     bool
}

// Watch has the connections of a test watched from now on, and compares them with
// the options' budgets when the test ends. Without a budget it looks for leaks, as it
// does with any.
//
// It sees what is dialed by the Watcher's [Watcher.Dialer], [Watcher.Client] and
// [Watcher.Tracker]; in a capture build, which go tool netstats test makes, it sees
// what the test opens in any library. A test in which it saw nothing fails, unless
// that was expected by MaxDials(0).
//
// The end is a function given to t.Cleanup, and such functions run in reverse order:
// what was to be cleaned up before Watch was called, such as the server, is still
// there when connections are looked at, and what came later, such as a client, is
// gone. A server that is closed sooner takes the connections of its clients along,
// and hides that they leaked.
//
// With an option that makes no sense, the test ends at once.
func Watch(t testing.TB, options ...Option) *Watcher {
	t.Helper()
	w := &Watcher{t: t, start: connstat.Now(), wait: time.Second}
	for _, o := range options {
		if o == nil {
			continue
		}
		if err := o.apply(w); err != nil {
			t.Fatalf("netstatstest: %v", err)
		}
	}
	tracker, err := newTracker(&recorder{owner: w.owner})
	if err != nil {
		t.Fatalf("netstatstest: %v", err)
	}
	w.tracker = tracker
	w.dialer = &otelnetstats.Dialer{Tracker: tracker}
	if err := captured.join(w); err != nil {
		t.Fatalf("netstatstest: %v", err)
	}
	t.Cleanup(w.end)
	if err := w.dialControl(); err != nil {
		t.Fatalf("netstatstest: the control connection, which shows that connections are seen: %v", err)
	}
	return w
}

// Tracker is the one that watches: its WrapDial, Listener and Register are for what
// has no use for a Dialer. It reports to no provider.
func (w *Watcher) Tracker() *otelnetstats.Tracker { return w.tracker }

// Dialer opens connections that are watched, wherever the program under test takes a
// dialer.
func (w *Watcher) Dialer() *otelnetstats.Dialer { return w.dialer }

// DialContext does what that of the Dialer does.
func (w *Watcher) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	return w.dialer.DialContext(ctx, network, address)
}

// Client returns a new client with a pool of its own, of which the Watcher knows. Its
// Transport is a clone of [http.DefaultTransport], or of a zero one if that is not an
// *http.Transport.
func (w *Watcher) Client() *http.Client {
	transport := new(http.Transport)
	if t, ok := http.DefaultTransport.(*http.Transport); ok {
		transport = t.Clone()
	}
	transport.DialContext = w.dialer.DialContext
	w.Pool(transport)
	return &http.Client{Transport: transport}
}

// A Pool keeps connections that nobody needs for the moment. *[http.Client] and
// *[http.Transport] are some.
type Pool interface {
	CloseIdleConnections()
}

// Pool has the Watcher know of a pool. What it holds when the test ends is closed
// and counted, and is no leak. Those of [Watcher.Client] and of
// [http.DefaultTransport] are known.
func (w *Watcher) Pool(p Pool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.pools = append(w.pools, p)
}

// Captures reports whether this is a capture build, so that what the process opens by
// other means than the Watcher's is seen as well.
func (w *Watcher) Captures() bool { return w.capture }

type watcherKey struct{}

// Context is the test's, by which what is dialed with it is known to belong to this
// Watcher, whoever dials. In a capture build, tests that run in parallel are told
// apart by it, and by nothing else.
func (w *Watcher) Context() context.Context {
	return context.WithValue(w.t.Context(), watcherKey{}, w)
}

// watcherIn returns the Watcher whose context ctx is from, nil if there is none, or
// its test has ended.
func watcherIn(ctx context.Context) *Watcher {
	w, _ := ctx.Value(watcherKey{}).(*Watcher)
	if w == nil || w.ended() {
		return nil
	}
	return w
}

func (w *Watcher) ended() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.over
}

// owner is the one that a connection of the Watcher's own Tracker belongs to.
func (w *Watcher) owner(ctx context.Context) (*Watcher, []*Watcher) {
	if other := watcherIn(ctx); other != nil {
		return other, nil
	}
	if w.ended() {
		return nil, nil
	}
	return w, nil
}
