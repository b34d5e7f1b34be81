package ledger

import (
	"io"
	"net"
	"os"
	"path/filepath"
)

// A worker runs sessions, one after the other.
type worker struct {
	run    *run
	routes []*route // one for each tracker

	// These are the other side of calls that copy: source is a connection that
	// always has bytes to read, sink one that takes all, and scratch a file. Source
	// and sink are tracked, and their counts are checked, too.
	source, sink *endpoint
	scratch      *os.File
}

func newWorker(run *run, trackers []*tracker, number int) *worker {
	w := &worker{run: run}
	for _, t := range trackers {
		w.routes = append(w.routes, newRoute(t))
	}
	t := trackers[number%len(trackers)]
	w.source = t.dial("source", serve(run.t, flood))
	w.sink = t.dial("sink", serve(run.t, discard))
	if w.source == nil || w.sink == nil {
		run.t.FailNow()
	}
	scratch, err := os.Create(filepath.Join(run.t.TempDir(), "scratch"))
	if err != nil {
		run.t.Fatal(err)
	}
	run.t.Cleanup(func() { scratch.Close() })
	w.scratch = scratch
	return w
}

func (w *worker) work() {
	for w.run.unfinished() {
		w.session(uint64(w.run.sessions.Add(1))) //nolint:gosec // counts up
		w.emptyScratch()
	}
	w.source.finish()
	w.sink.finish()
}

// emptyScratch keeps the disk from filling up.
func (w *worker) emptyScratch() {
	w.run.succeeded("truncate", w.scratch.Truncate(0))
	_, err := w.scratch.Seek(0, io.SeekStart)
	w.run.succeeded("seek", err)
}

// A route leads through a proxy to a listener.
type route struct {
	tracker  *tracker
	proxy    *proxy
	listener net.Listener // tracked
}

func newRoute(t *tracker) *route {
	l := listen(t.run.t)
	p, err := newProxy(l.Addr().String())
	if err != nil {
		t.run.t.Fatal(err)
	}
	t.run.t.Cleanup(func() { p.close() })
	return &route{t, p, t.tracker.Listener(l)}
}
