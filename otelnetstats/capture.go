package otelnetstats

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"sync"

	"github.com/netstats-go/netstats/internal/bridge"
)

// What Capture can fail with; see there.
var (
	// ErrNotCaptureBuild is returned in a program that was built by the go
	// command alone.
	ErrNotCaptureBuild = bridge.ErrStock
	// ErrCaptureMismatch is returned in a program that was built by a netstats
	// command of another version than the library's.
	ErrCaptureMismatch = bridge.ErrMismatch
	// ErrCapturing is returned while another capture is on.
	ErrCapturing = bridge.ErrInstalled
)

var errOff = errors.New("otelnetstats: capture: the Tracker was shut down, or not made by New")

// maxCaptured bounds the closed connections that a Capture keeps.
const maxCaptured = 1024

// A Capture has every connection tracked that the process opens, in whatever
// library. Its methods are safe for concurrent use. A nil or zero Capture is one
// that was released.
type Capture struct {
	tracker   *Tracker
	hooks     *bridge.Hooks
	exporters exporters

	mu       sync.Mutex // guards all below; no user code runs under it
	open     map[*Conn]struct{}
	closed   []*Conn // a ring once full, the oldest at next
	next     int
	dropped  int
	released []*Conn // what Release returned
	over     bool
}

// Capture has every connection tracked from now on that the process opens
// through package net, in whatever library, and datagram sockets as well;
// accepted connections only with [WithAccepted]. Connections keep their types:
// what a library gets is a plain *net.TCPConn, and [Lookup], [StatsOf], [Mark]
// and [Reset] take it. Connections that exist already are not tracked.
//
// It works in a capture build only, a program built with `go tool netstats
// build`. In others it returns an error that is [ErrNotCaptureBuild] and says
// what to do. While one capture is on, a second is an error; nothing is
// displaced.
//
// A [Dialer] inside a captured program has its connections counted once, for
// its own Tracker. Dials with a context from [ContextWithoutTracking], those that
// [WithFilter] rejects, and those to the OTLP endpoints named by the
// environment (OTEL_EXPORTER_OTLP_ENDPOINT and its variants for signals, or
// else ports 4317 and 4318 of localhost) are left alone.
func (t *Tracker) Capture() (*Capture, error) {
	if t.off() {
		return nil, errOff
	}
	if err := bridge.Check(); err != nil {
		return nil, fmt.Errorf("otelnetstats: capture: %w", err)
	}
	k := &Capture{tracker: t, open: make(map[*Conn]struct{}), exporters: exportersFromEnvironment()}
	k.hooks = &bridge.Hooks{
		Dial:       k.dial,
		Socket:     k.socket,
		Adopted:    k.adopted,
		HalfClosed: halfClosed,
		Close:      closeCaptured,
	}
	if t.cfg.accepted {
		k.hooks.Accepted = k.accepted
	}
	if err := bridge.Install(k.hooks); err != nil {
		return nil, fmt.Errorf("otelnetstats: capture: %w", err)
	}
	t.capture.Store(k)
	if t.off() { // Shutdown came in between, and may not have seen the capture
		k.Release()
		return nil, errOff
	}
	return k, nil
}

// Release stops the capture and returns the connections seen since it began:
// all that are open, and the last 1,024 that closed, in the order in which they
// were opened. Open ones stay tracked until they close. A second call returns the
// same.
func (k *Capture) Release() []*Conn {
	if k == nil || k.hooks == nil {
		return nil
	}
	bridge.Remove(k.hooks)
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return k.released
	}
	k.over = true
	k.released = slices.AppendSeq(k.closed, maps.Keys(k.open))
	slices.SortFunc(k.released, func(a, b *Conn) int { return cmp.Compare(a.rec.ID, b.rec.ID) })
	k.open, k.closed = nil, nil
	return k.released
}

// Dropped is the number of closed connections that Release does not return.
func (k *Capture) Dropped() int {
	if k == nil {
		return 0
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.dropped
}

// saw notes a connection that was opened.
func (k *Capture) saw(c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.over && !c.rec.Ended() {
		k.open[c] = struct{}{}
	}
}

// ended notes that a connection has ended.
func (k *Capture) ended(c *Conn) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.over {
		return
	}
	delete(k.open, c)
	if len(k.closed) < maxCaptured {
		k.closed = append(k.closed, c)
		return
	}
	k.dropped++
	k.closed[k.next] = c
	k.next = (k.next + 1) % maxCaptured
}
