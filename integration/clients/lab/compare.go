package lab

import (
	"fmt"
	"maps"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/netstats-go/netstats/otelnetstats"
)

// Compare runs a use of the library plain, and then wrapped or captured, and
// fails the test where they differ. The use has closed its client when it
// returns, or by t.Cleanup.
func (r Recipe) Compare(t *testing.T, c Case, use func(t *testing.T, w *Way)) {
	t.Helper()
	x := &comparison{recipe: r, scenario: c, use: use}
	result := newResult(r, t.Name())
	defer result.save(t)
	plain := x.run(t, "plain", Resources{})
	other := x.run(t, watched(), plain.left)
	if t.Failed() {
		return
	}
	if d := plain.way.transcript.differs(&other.way.transcript); d != "" {
		t.Errorf("%s, other than plain: %s", other.way.name, d)
	}
	x.wantTelemetry(t, other, result)
	result.Left = plain.left
	result.Transcript = plain.way.transcript.digest()
	if c.Untraced == "" {
		x.trace(t, result)
	}
	result.Seconds = plain.took.Seconds() + other.took.Seconds()
}

// watched is the way that plain is compared with.
func watched() string {
	if captureBuild {
		return "captured"
	}
	return "wrapped"
}

// A comparison is what Compare does.
type comparison struct {
	recipe   Recipe
	scenario Case
	use      func(t *testing.T, w *Way)
}

// A run is one way, gone.
type run struct {
	way     *Way
	took    time.Duration
	links   []*link
	left    Resources
	conns   []*otelnetstats.Conn
	faults  map[string]int
	sockets map[string]*socket // if traced
}

func (x *comparison) run(t *testing.T, name string, limit Resources) *run {
	t.Helper()
	return x.runTraced(t, name, limit, false)
}

// runTraced runs the library one way. What it leaves in use may be limit.
func (x *comparison) runTraced(t *testing.T, name string, limit Resources, traced bool) *run {
	t.Helper()
	g := &run{way: &Way{name: name, Tracked: name != "plain", Traced: traced}}
	before := inUse()
	title := name
	if traced {
		title += ", traced"
	}
	begun := time.Now()
	t.Run(title, func(t *testing.T) {
		var trace *tracing
		if traced {
			trace = startTracing(t)
			defer func() { g.sockets = trace.stop(t) }()
		}
		x.live(t, g)
	})
	g.took = time.Since(begun)
	wait := brief
	if name != "plain" {
		wait = patience
	}
	g.left = left(before, limit, wait)
	if name != "plain" && (g.left.Goroutines > limit.Goroutines || g.left.Descriptors > limit.Descriptors) {
		t.Errorf("%s, %v are left; plain, %v", title, g.left, limit)
	}
	return g
}

// live lets the library live, in a test of its own so that what it cleans up is
// over when the connections are looked at.
func (x *comparison) live(t *testing.T, g *run) {
	t.Helper()
	w := g.way
	w.t, w.ctx = t, t.Context()
	if w.Tracked {
		w.telemetry, w.ctx = newTelemetry(w.ctx, t, w.name == "captured")
		if w.name == "wrapped" {
			w.Tracker = w.telemetry.tracker
		}
	}
	t.Run("use", func(t *testing.T) {
		w.t = t
		x.use(t, w)
	})
	w.t = t
	for _, r := range w.relays {
		links, left := r.close()
		g.links = append(g.links, links...)
		if left > 0 && w.name == "plain" {
			t.Logf("the library leaves %d connections open", left)
		}
	}
	for _, d := range w.datagrams {
		g.links = append(g.links, d.close()...)
	}
	if !w.Tracked {
		return
	}
	w.telemetry.wait(t)
	g.faults = w.telemetry.wantMetrics(t, w.telemetry.conns)
	g.conns = w.telemetry.close(t)
	w.telemetry.wantSpans(t, g.conns)
	x.wantBytes(t, g)
	if w.marks.Load() == 0 {
		t.Error("no connection was marked: show how that is done")
	}
}

// wantBytes compares what was counted of each connection with the relay's
// numbers.
func (x *comparison) wantBytes(t *testing.T, g *run) {
	t.Helper()
	links := make(map[string]*link)
	for _, k := range g.links {
		links[k.name()] = k
	}
	direct := 0
	for _, c := range g.conns {
		k := links[fmt.Sprint(c.LocalAddr())]
		if k == nil {
			direct++
			continue
		}
		delete(links, k.name())
		s, cut := c.Stats(), k.cut.Load()
		sent, received := k.sent.Load(), k.received.Load()
		wrong := s.Sent.Bytes < sent || s.Received.Bytes > received
		if wrong || !cut && (s.Sent.Bytes > sent || s.Received.Bytes < received) {
			t.Errorf("to %s, %d B sent and %d received; the relay had %d and %d",
				c.Address(), s.Sent.Bytes, s.Received.Bytes, sent, received)
		}
	}
	if direct > 0 && !x.scenario.Direct {
		t.Errorf("%d connections, not by way of the relay: %v", direct, g.conns)
	}
	for _, k := range links {
		if k.sent.Load() != 0 || k.received.Load() != 0 {
			t.Errorf("a connection that moved %d B and %d was not seen", k.sent.Load(), k.received.Load())
		}
	}
}

// wantTelemetry compares what is told of the connections with the recipe.
func (x *comparison) wantTelemetry(t *testing.T, g *run, result *Result) {
	t.Helper()
	ends, callers, hosts := make(map[string]int), make(map[string]int), make(map[string]int)
	for _, c := range g.conns {
		ends[string(c.CloseReason())]++
		callers[c.Caller()]++
		hosts[host(c)]++
		s := c.Stats()
		result.Sent += s.Sent.Bytes
		result.Received += s.Received.Bytes
		if n := len(s.Marks); n == 0 || s.Marks[n-1].Name != "close" {
			t.Errorf("the mark in the Close callback is missing: %v", s.Marks)
		}
	}
	for _, k := range g.links {
		result.Unread += k.received.Load()
	}
	result.Unread = max(0, result.Unread-result.Received)
	result.Connections, result.Ends, result.Faults = len(g.conns), ends, g.faults
	result.Callers, result.Hosts = slices.Sorted(maps.Keys(callers)), slices.Sorted(maps.Keys(hosts))
	result.Dials, result.Children = g.way.telemetry.dials()

	t.Logf("%d connections of %d dials, %d B sent, %d received, %d unread, ends %v %v, opened by %v",
		result.Connections, result.Dials, result.Sent, result.Received, result.Unread, ends, g.faults, result.Callers)
	if d := differs(x.scenario.Ends, ends); d != "" {
		t.Errorf("close reasons: %s", d)
	}
	if d := differs(x.scenario.Errors, g.faults); d != "" {
		t.Errorf("error.type: %s", d)
	}
	x.wantCallers(t, callers)
	x.wantHosts(t, hosts)
	x.wantParents(t, result.Dials, result.Children)
}

func (x *comparison) wantCallers(t *testing.T, callers map[string]int) {
	t.Helper()
	for got := range callers {
		if slices.Contains(strings.Split(x.recipe.Caller, ", "), got) {
			continue
		}
		if !captureBuild && strings.HasPrefix(got, ownPackage) {
			continue
		}
		t.Errorf("opened by %q, want %q", got, x.recipe.Caller)
	}
}

// ownPackage is how the paths of the recipes begin.
const ownPackage = "github.com/netstats-go/netstats/integration/clients/"

func (x *comparison) wantHosts(t *testing.T, hosts map[string]int) {
	t.Helper()
	for got := range hosts {
		isIP := net.ParseIP(got) != nil
		if x.recipe.Address == Name && isIP || x.recipe.Address == IP && !isIP {
			t.Errorf("server.address is %q, want %s", got, x.recipe.Address)
		}
	}
}

func (x *comparison) wantParents(t *testing.T, dials, children int) {
	t.Helper()
	if x.recipe.Parent == Always && children < dials || x.recipe.Parent == Never && children > 0 {
		t.Errorf("%d of %d dial spans are the caller's children: %q", children, dials, x.recipe.Parent)
	}
}

// fast are the system calls by which bytes move without a copy, or in one call
// that is one.
var fast = []string{"sendfile", "splice", "writev"}

// trace does all once more, and looks at the system calls: bytes have to be what
// they returned, and those that are fast are made wherever the library has them
// made if it is left alone.
func (x *comparison) trace(t *testing.T, result *Result) {
	t.Helper()
	if _, err := exec.LookPath("strace"); err != nil {
		missing(t, "strace")
		return
	}
	begun := time.Now()
	plain := x.runTraced(t, "plain", Resources{}, true)
	other := x.runTraced(t, watched(), plain.left, true)
	result.TracedSeconds = time.Since(begun).Seconds()
	if plain.sockets == nil || other.sockets == nil || t.Failed() {
		return
	}
	result.Traced = true
	for _, c := range other.conns {
		s := other.sockets[fmt.Sprint(c.LocalAddr())]
		if s == nil {
			s = new(socket)
		}
		if stats := c.Stats(); stats.Sent.Bytes != s.sent || stats.Received.Bytes != s.received {
			t.Errorf("to %s, %d B sent and %d received; the system calls moved %d and %d",
				c.Address(), stats.Sent.Bytes, stats.Received.Bytes, s.sent, s.received)
		}
	}
	result.Calls = map[string]map[string]int{"plain": plain.calls(), other.way.name: other.calls()}
	for _, name := range fast {
		if had, has := result.Calls["plain"][name], result.Calls[other.way.name][name]; had > 0 && has == 0 {
			t.Errorf("plain makes %d calls of %s, %s makes none", had, name, other.way.name)
		}
	}
}

// calls adds up the fast system calls on the library's side of connections.
func (g *run) calls() map[string]int {
	sum := make(map[string]int)
	for _, k := range g.links {
		if s := g.sockets[k.name()]; s != nil {
			for _, name := range fast {
				sum[name] += s.calls[name]
			}
		}
	}
	maps.DeleteFunc(sum, func(_ string, n int) bool { return n == 0 })
	return sum
}

// missing skips a test that needs what is not installed, or fails it where all
// must be there.
func missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("CI") != "" || os.Getenv(ResultsFile) != "" {
		t.Fatalf("%s is not installed", what)
	}
	t.Skipf("%s is not installed", what)
}
