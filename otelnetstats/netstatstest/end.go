package netstatstest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/otelnetstats"
)

// end compares what was seen with the budgets, when the test has ended.
func (w *Watcher) end() {
	w.t.Helper()
	w.settle()
	unread := unreadBodies()
	if err := w.leave(); err != nil {
		w.t.Errorf("netstatstest: %v", err)
	}
	entries := w.close()
	w.report(entries)
	if faults := w.faults(entries); len(faults) > 0 {
		w.t.Errorf("%s", text(faults, evidence{entries: entries, start: w.start, unread: unread}))
	}
	if err := w.keepArtifact(entries); err != nil {
		w.t.Errorf("netstatstest: %v", err)
	}
}

// settle closes what is idle in pools, and waits until nothing is open or there is no
// more time. A connection gets back into its pool some time after the last byte of a
// response was read, so that this is done again and again.
func (w *Watcher) settle() {
	pause := 100 * time.Microsecond
	for deadline := connstat.Now().Add(w.wait); ; time.Sleep(pause) {
		w.closeIdle()
		left := deadline.Sub(connstat.Now())
		if w.open() == 0 || left <= 0 {
			break
		}
		pause = min(2*pause, 10*time.Millisecond, left)
	}
	if w.open() > 0 {
		w.collect()
	}
}

// collect has the garbage collector find the connections that nobody holds. It has
// looked at them when it has found one thing that surely nobody holds.
func (w *Watcher) collect() {
	var found atomic.Bool // rather than a channel: the collector is outside of any bubble
	runtime.AddCleanup(new(entry), func(found *atomic.Bool) { found.Store(true) }, &found)
	deadline := connstat.Now().Add(time.Second)
	for runtime.GC(); !found.Load() && connstat.Now().Before(deadline); {
		time.Sleep(time.Millisecond)
	}
	for pause := range 5 { // they are told of by a goroutine of their Tracker
		if w.open() == 0 {
			return
		}
		time.Sleep(time.Duration(pause) * 10 * time.Millisecond)
	}
}

// closeIdle closes what is idle in pools. Its name is looked for on stacks. The
// default transport is everybody's, so that it is left alone if it cannot have any.
func (w *Watcher) closeIdle() {
	w.mu.Lock()
	w.settling = true
	pools := slices.Clone(w.pools)
	w.mu.Unlock()
	for _, p := range pools {
		p.CloseIdleConnections()
	}
	if p, ok := http.DefaultTransport.(Pool); ok && w.openIf(byHTTP) > 0 {
		p.CloseIdleConnections()
	}
}

func byHTTP(e *entry) bool { return e.stack.http }

// open is the number of connections that are open.
func (w *Watcher) open() int { return w.openIf(func(*entry) bool { return true }) }

// openIf is the number of those among them for which is returns true.
func (w *Watcher) openIf(is func(*entry) bool) (n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entries {
		if e.last == 0 && is(e) {
			n++
		}
	}
	return n
}

// leave has no more connections seen.
func (w *Watcher) leave() error {
	w.mu.Lock()
	w.over = true
	now := connstat.Now()
	for _, e := range w.entries {
		if e.last == 0 {
			e.leaked, e.ended = true, now
		}
	}
	w.mu.Unlock()
	var err error
	if w.capture {
		err = captured.leave(w)
	}
	return cmp.Or(w.tracker.Shutdown(context.Background()), err)
}

// close returns what was seen, in the order in which it began.
func (w *Watcher) close() []*entry {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, e := range w.entries {
		e.dropped = e.conn.CloseReason() == otelnetstats.ClosedLeaked
		e.leaked = e.leaked || e.dropped
	}
	return slices.Clone(w.entries)
}

// report tells the figures to whoever collects the attributes of tests.
func (w *Watcher) report(entries []*entry) {
	for _, f := range figures {
		value := strconv.FormatInt(f.of(entries), 10)
		if f == dialTime {
			value = time.Duration(f.of(entries)).String()
		}
		w.t.Attr(f.attr, value)
	}
}

// A fault is a budget that was not kept.
type fault struct {
	text   string
	figure *figure  // nil if it is of none
	guilty []*entry // those to be shown
	advice string   // instead of a likely cause
}

// faults are the budgets that were not kept.
func (w *Watcher) faults(entries []*entry) (faults []fault) {
	faults = append(faults, w.straysAsFault()...)
	if w.sawNothing(entries) {
		return append(faults, fault{
			text:   "no connection was seen, so that no budget was tried",
			advice: "Give the program the Watcher's Dialer, Client or Tracker, or test a capture build by go tool netstats test. If nothing is to be dialed, say MaxDials(0).",
		})
	}
	for _, a := range w.allowed {
		faults = append(faults, a.check(entries)...)
	}
	for _, s := range w.withLeaks() {
		faults = append(faults, s.check(entries)...)
	}
	return faults
}

// sawNothing reports whether the test proves nothing: a capture sees what there is,
// a Dialer only what it was given to.
func (w *Watcher) sawNothing(entries []*entry) bool {
	return len(entries) == 0 && len(w.strays) == 0 && !w.capture && !w.t.Skipped() && !w.t.Failed() &&
		!slices.ContainsFunc(w.budgets, func(s scoped) bool {
			return s.budget == MaxDials(0) && s.server == "" && !s.each
		})
}

// straysAsFault are dials of which it is not known whose they are.
func (w *Watcher) straysAsFault() []fault {
	w.mu.Lock()
	defer w.mu.Unlock()
	if len(w.strays) == 0 {
		return nil
	}
	var guilty []*entry
	var names []string
	for _, s := range w.strays {
		guilty = append(guilty, s.entry)
		for _, other := range s.others {
			if other != w && !slices.Contains(names, other.t.Name()) {
				names = append(names, other.t.Name())
			}
		}
	}
	return []fault{{
		text:   fmt.Sprintf("%s may be of this test or of %s, which ran at the same time", counted("dial", "dials")(int64(len(guilty))), strings.Join(names, ", ")),
		guilty: guilty,
		advice: "Have the program dial with the Watcher's Context, or use its Dialer, or do not run these tests in parallel.",
	}}
}

// withLeaks are the budgets, and that nothing leaks where none of them allows it.
func (w *Watcher) withLeaks() []scoped {
	scopes := slices.Clone(w.budgets)
	var except []string
	for _, s := range w.budgets {
		if s.budget.figure != leaks {
			continue
		}
		if s.server == "" {
			return scopes
		}
		except = append(except, s.server)
	}
	return append(scopes, scoped{budget: MaxLeaks(0), except: except})
}

// check compares the budget with each group of connections that it is for.
func (s scoped) check(entries []*entry) (faults []fault) {
	for _, group := range s.groups(entries) {
		n := s.budget.figure.of(group)
		if n <= s.budget.limit {
			continue
		}
		to := ""
		switch {
		case s.each:
			to = " to " + show(group[0].server)
		case s.server != "":
			to = " to " + show(s.server)
		}
		faults = append(faults, fault{
			text:   fmt.Sprintf("%s%s: the budget is %v", s.budget.figure.text(n), to, s),
			figure: s.budget.figure,
			guilty: slices.DeleteFunc(slices.Clone(group), func(e *entry) bool { return !s.budget.figure.guilty(e) }),
		})
	}
	return faults
}

// groups are the connections that have to keep the budget together.
func (s scoped) groups(entries []*entry) (groups [][]*entry) {
	if s.each {
		return byServer(entries)
	}
	var group []*entry
	for _, e := range entries {
		if (s.server == "" || e.at(s.server)) && !slices.ContainsFunc(s.except, e.at) {
			group = append(group, e)
		}
	}
	if len(group) == 0 {
		return nil
	}
	return [][]*entry{group}
}

// byServer groups connections by their servers, in the order in which these were
// first dialed.
func byServer(entries []*entry) (groups [][]*entry) {
	index := make(map[string]int)
	for _, e := range entries {
		i, ok := index[e.server]
		if !ok {
			i = len(groups)
			index[e.server] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	return groups
}

// check looks for servers that are not allowed.
func (a allowance) check(entries []*entry) (faults []fault) {
	strangers := slices.DeleteFunc(slices.Clone(entries), a.holds)
	for _, group := range byServer(strangers) {
		faults = append(faults, fault{
			text:   fmt.Sprintf("%s to %s, which is not among %s", counted("dial", "dials")(int64(len(group))), show(group[0].server), a.text),
			guilty: group,
		})
	}
	return faults
}
