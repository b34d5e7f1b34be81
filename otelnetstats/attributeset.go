package otelnetstats

import (
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
)

const (
	// maxExtensions bounds the sets that extend one set: the values of error.type,
	// nearly all of them.
	maxExtensions = 32
	// maxSets bounds the sets of a kind, each of which is two where there is a
	// direction, maxExtended all their extensions, and maxClosed the sets that say why
	// connections ended. SDKs tell 1,999 sets of an instrument apart. With those that
	// are past a cap, that is never reached, unless there may be more servers than 200.
	maxSets     = 950
	maxExtended = 450
	maxClosed   = 1700
)

// An attributeSet is a set of metric attributes, as options. They are made once:
// a set is costly to make.
type attributeSet struct {
	set    attribute.Set
	record []metric.RecordOption
	add    []metric.AddOption
	room   *room                // for extensions
	past   func() *attributeSet // extended in its place if there is no room

	mu       sync.Mutex // guards extended
	extended map[attribute.KeyValue]attribute.Set
}

func (s *attributeSet) init(attrs []attribute.KeyValue) {
	s.set = attribute.NewSet(attrs...)
	with := metric.WithAttributeSet(s.set)
	s.record, s.add = []metric.RecordOption{with}, []metric.AddOption{with}
}

// with is the set with one attribute more, whose value is a string.
func (s *attributeSet) with(a attribute.KeyValue) attribute.Set {
	if set, ok := s.extend(a); ok {
		return set
	}
	return s.past().with(a)
}

// extend reports false if there is no room for one more set.
func (s *attributeSet) extend(a attribute.KeyValue) (extended attribute.Set, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if set, ok := s.extended[a]; ok {
		return set, true
	}
	if len(s.extended) >= maxExtensions {
		a = a.Key.String(otherValue)
		if set, ok := s.extended[a]; ok {
			return set, true
		}
	}
	if !s.room.take() {
		return attribute.Set{}, false
	}
	if s.extended == nil {
		s.extended = make(map[attribute.KeyValue]attribute.Set)
	}
	s.extended[a] = s.plus(a)
	return s.extended[a], true
}

// plus is a new set with one attribute more.
func (s *attributeSet) plus(a attribute.KeyValue) attribute.Set {
	return attribute.NewSet(append(s.set.ToSlice(), a)...)
}

// rooms are what the sets of a kind share.
type rooms struct{ sets, extended, closed *room }

func newRooms(maxServers int) rooms {
	sets := max(maxSets, int64(maxServers)*maxSetsPerServer)
	return rooms{newRoom(sets), newRoom(maxExtended), newRoom(maxClosed)}
}

// A room is how many sets there can be. A nil room is without end: it is that of
// the sets that stand for all that is past a cap, which are few.
type room struct{ left atomic.Int64 }

func newRoom(n int64) *room {
	r := new(room)
	r.left.Store(n)
	return r
}

// take takes one, if there is one.
func (r *room) take() bool {
	if r == nil {
		return true
	}
	for {
		left := r.left.Load()
		if left <= 0 {
			return false
		}
		if r.left.CompareAndSwap(left, left-1) {
			return true
		}
	}
}
