package netstatstest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	"github.com/netstats-go/netstats/otelnetstats"
)

// captured is the capture that all Watchers of the process share: there can be one
// only. It is on while there is a Watcher, in capture builds.
var captured captureOfAll

type captureOfAll struct {
	mu       sync.Mutex // guards all below
	watchers []*Watcher
	tracker  *otelnetstats.Tracker // nil while nothing is captured
}

// join has w know what the process opens, if this is a capture build.
func (k *captureOfAll) join(w *Watcher) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.tracker == nil {
		tracker, err := newTracker(&recorder{owner: k.owner})
		if err != nil {
			return err
		}
		_, err = tracker.Capture()
		switch {
		case errors.Is(err, otelnetstats.ErrNotCaptureBuild):
			return nil
		case errors.Is(err, otelnetstats.ErrCapturing):
			return fmt.Errorf("the program captures its connections itself, so that the test cannot: leave Tracker.Capture out in tests: %w", err)
		case err != nil:
			return err
		}
		k.tracker = tracker
	}
	k.watchers = append(k.watchers, w)
	w.capture = true
	return nil
}

// leave has w know nothing more. With the last Watcher the capture ends.
func (k *captureOfAll) leave(w *Watcher) error {
	k.mu.Lock()
	k.watchers = slices.DeleteFunc(k.watchers, func(other *Watcher) bool { return other == w })
	var tracker *otelnetstats.Tracker
	if len(k.watchers) == 0 {
		tracker, k.tracker = k.tracker, nil
	}
	k.mu.Unlock()
	return tracker.Shutdown(context.Background())
}

// owner is the Watcher in ctx, or else the only one there is.
func (k *captureOfAll) owner(ctx context.Context) (*Watcher, []*Watcher) {
	if w := watcherIn(ctx); w != nil {
		return w, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.watchers) == 1 {
		return k.watchers[0], nil
	}
	return nil, slices.Clone(k.watchers)
}
