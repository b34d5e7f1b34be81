package otelnetstats

import (
	"runtime"
	"slices"
	"sync"

	"github.com/netstats-go/netstats/internal/live"
)

const (
	// maxFrames bounds how far up the stack is looked at a dial.
	maxFrames = 32
	// maxOrigins bounds the stacks that a Tracker knows, and the callers of those
	// past that.
	maxOrigins = 1024
)

// A stack is what runtime.Callers found, innermost first, the rest zero.
type stack [maxFrames]uintptr

// origins are the places in the program that open connections, by their stacks:
// what takes long is done once for each.
type origins struct {
	mu      sync.RWMutex // guards the maps, of which each has at most maxOrigins
	known   map[stack]*live.Origin
	callers map[string]*live.Origin // for stacks past that
}

// origin returns where a connection comes from that is opened now, nil if nobody
// asked. It must be called by the goroutine that dials.
func (t *Tracker) origin() *live.Origin {
	if !t.cfg.caller && !t.cfg.dialStacks {
		return nil
	}
	var s stack
	n := runtime.Callers(3, s[:]) // from this function's caller's caller on
	return t.origins.find(&s, n, t.cfg.dialStacks)
}

// callerOf is the caller that users and telemetry are told of: none, unless that
// was asked for.
func (t *Tracker) callerOf(o *live.Origin) string {
	if o == nil || !t.cfg.caller {
		return ""
	}
	return o.Caller
}

func (os *origins) find(s *stack, n int, keep bool) *live.Origin {
	os.mu.RLock()
	o := os.known[*s]
	os.mu.RUnlock()
	if o != nil {
		return o
	}
	return os.add(s, newOrigin(*s, n, keep))
}

// newOrigin takes a copy of the stack, so that those that are known need no heap.
func newOrigin(s stack, n int, keep bool) *live.Origin {
	o := &live.Origin{Caller: callerIn(runtime.CallersFrames(s[:n]))}
	if keep {
		o.Stack = slices.Clone(s[:n])
	}
	return o
}

// add makes an origin known, unless it is, or there are too many.
func (os *origins) add(s *stack, o *live.Origin) *live.Origin {
	os.mu.Lock()
	defer os.mu.Unlock()
	if os.known == nil {
		os.known = make(map[stack]*live.Origin)
		os.callers = make(map[string]*live.Origin)
	}
	if known := os.known[*s]; known != nil {
		return known
	}
	if len(os.known) < maxOrigins {
		os.known[*s] = o
		return o
	}
	if known := os.callers[o.Caller]; known != nil {
		return known
	}
	o.Stack = nil
	if len(os.callers) < maxOrigins {
		os.callers[o.Caller] = o
	}
	return o
}
