package otelnetstats

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/attribute"
)

// lookupNames finds the metric attributes of names that are looked up, within a
// cap of their own: they need not be those of servers, and strangers choose them.
// It is safe for concurrent use.
type lookupNames struct {
	extra []attribute.KeyValue // the user's
	past  *lookupName          // all that is past the cap

	mu     sync.RWMutex // guards what follows
	names  map[string]*lookupName
	budget budget
	room   *room
}

// A lookupName is a name that metrics tell from others.
type lookupName struct {
	admitted
	attributeSet
}

func newLookupNames(cfg config) *lookupNames {
	n := &lookupNames{
		extra:  cfg.metricAttributes,
		names:  make(map[string]*lookupName),
		budget: budget{max: cfg.maxServers},
		room:   newRoom(maxExtended),
	}
	n.past = n.make(otherValue)
	return n
}

func (n *lookupNames) make(name string) *lookupName {
	made := new(lookupName)
	made.init(append([]attribute.KeyValue{keyDNSQuestionName.String(name)}, n.extra...))
	return made
}

// get returns what metrics say of a name. A name that does not exist has not
// answered.
func (n *lookupNames) get(name string, answered bool) *lookupName {
	if len(name) > maxName {
		return n.past // DNS has no such name
	}
	n.mu.RLock()
	known := n.names[name]
	n.mu.RUnlock()
	if known != nil && (!answered || known.settled.Load()) {
		return known
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.add(name, answered)
}

// add makes a name known, unless it is. The caller holds the lock.
func (n *lookupNames) add(name string, answered bool) *lookupName {
	if known := n.names[name]; known != nil {
		if answered {
			n.budget.answer(&known.admitted)
		}
		return known
	}
	added := n.make(clean(name, maxName))
	if !n.budget.admit(&added.admitted, answered) {
		return n.past
	}
	added.room = n.room
	added.past = func() *attributeSet { return &n.past.attributeSet }
	n.names[name] = added
	return added
}

// recordLookups records how long the lookups of a dial took.
func (t *Tracker) recordLookups(ctx context.Context, lookups []DNSLookup) {
	for i := range lookups {
		l := &lookups[i]
		name := t.names.get(l.Name, l.Err == nil)
		record(ctx, t.in.lookupDuration, &name.attributeSet, l.Duration, failure(l.Err))
	}
}
