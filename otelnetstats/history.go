package otelnetstats

import (
	"slices"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/connstat"
)

// A history is what resets and marks leave behind. A connection has none until
// it is first marked or reset.
type history struct {
	begin time.Time // when the connection was opened

	mu       sync.Mutex // guards all below; not held while user code runs
	opened   time.Time  // begin, or the latest ResetAll
	baseline reading    // at open, or the latest reset
	latest   reading    // at the latest of open, mark and reset
	at       time.Duration
	marks    []mark // the latest maxLaps, the oldest at next once full
	next     int
	made     marksMade
	visible  int      // of those made, how many since the latest reset
	forgone  [2]int64 // the laps of those visible that are no longer kept, added up
}

// marksMade are all marks ever made, whatever was reset.
type marksMade struct {
	count int
	bytes [2]int64 // of their laps, received and sent
}

// less is what is made but for one mark.
func (n marksMade) less(m mark) marksMade {
	return n.sub(marksMade{1, m.lap})
}

func (n marksMade) sub(o marksMade) marksMade {
	return marksMade{n.count - o.count, [2]int64{n.bytes[0] - o.bytes[0], n.bytes[1] - o.bytes[1]}}
}

// A reading is the state of a connection's counters, which only grow.
type reading struct{ received, sent connstat.Flow }

// A mark is a kept one. Laps add up to totals, as nothing is between them.
type mark struct {
	name  string
	at    time.Duration // since the connection was opened
	since time.Duration // the lap's
	lap   [2]int64      // bytes moved in it, received and sent
	more  *markMore     // nil for most
}

// markMore is what few marks have.
type markMore struct {
	attrs []attribute.KeyValue
	by    trace.SpanContext // the marker's span; not valid if it has none
}

// newMarkMore returns nil if there is nothing to keep.
func newMarkMore(attrs []attribute.KeyValue, by trace.SpanContext) *markMore {
	if len(attrs) == 0 && !by.IsValid() {
		return nil
	}
	return &markMore{cleanAttributes(attrs[:min(len(attrs), maxAttributes)]), by}
}

// asLap returns the mark as users see it.
func (h *history) asLap(m *mark, total [2]int64) Lap {
	lap := Lap{
		Name: m.name, At: h.begin.Add(m.at), Elapsed: m.since,
		Received: m.lap[0], Sent: m.lap[1],
		TotalReceived: total[0], TotalSent: total[1],
	}
	if m.more != nil {
		lap.Attributes = slices.Clone(m.more.attrs)
	}
	return lap
}

func newHistory(begin time.Time) *history {
	return &history{begin: begin, opened: begin}
}

// stats says what the counters amount to since the baseline.
func (h *history) stats(now reading) Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.statsLocked(now)
}

func (h *history) statsLocked(now reading) Stats {
	s := Stats{
		Opened:   h.opened,
		Received: flowSince(now.received, h.baseline.received),
		Sent:     flowSince(now.sent, h.baseline.sent),
	}
	kept := h.last(min(h.visible, len(h.marks)))
	s.MarksDropped = h.visible - len(kept)
	total := h.forgone
	for i := range kept {
		m := &kept[i]
		total[0] += m.lap[0]
		total[1] += m.lap[1]
		s.Marks = append(s.Marks, h.asLap(m, total))
	}
	return s
}

// flowSince never goes below zero: a counter read before the baseline was taken
// by another goroutine may be the smaller one.
func flowSince(now, base connstat.Flow) Flow {
	return Flow{max(0, now.Bytes-base.Bytes), max(0, now.Operations-base.Operations)}
}

// last returns the latest n marks kept, oldest first.
func (h *history) last(n int) []mark {
	all := slices.Concat(h.marks[h.next:], h.marks[:h.next])
	return all[len(all)-n:]
}

// reset makes read the baseline and returns the stats until then. read is
// called with the history locked, so that no mark falls in between.
func (h *history) reset(read func() reading, full bool) Stats {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := read()
	s := h.statsLocked(now)
	h.baseline, h.latest, h.at = now, now, connstat.Since(h.begin)
	h.visible, h.forgone = 0, [2]int64{}
	if full {
		h.opened = h.begin.Add(h.at)
	}
	return s
}

// add makes a mark.
func (h *history) add(read func() reading, name string, attrs []attribute.KeyValue, by trace.SpanContext) (mark, Lap) {
	h.mu.Lock()
	defer h.mu.Unlock()
	now := read()
	m := mark{name: clean(name, maxName), at: connstat.Since(h.begin), more: newMarkMore(attrs, by)}
	m.since = m.at - h.at
	m.lap = bytesSince(now, h.latest)
	h.latest, h.at = now, m.at
	h.keep(m)
	return m, h.asLap(&m, bytesSince(now, h.baseline))
}

func bytesSince(now, base reading) [2]int64 {
	return [2]int64{flowSince(now.received, base.received).Bytes, flowSince(now.sent, base.sent).Bytes}
}

func (h *history) keep(m mark) {
	h.made.count++
	h.made.bytes[0] += m.lap[0]
	h.made.bytes[1] += m.lap[1]
	h.visible++
	if len(h.marks) < maxLaps {
		h.marks = append(roomFor(h.marks, maxLaps), m)
		return
	}
	if h.visible > maxLaps {
		oldest := &h.marks[h.next]
		h.forgone[0] += oldest.lap[0]
		h.forgone[1] += oldest.lap[1]
	}
	h.marks[h.next] = m
	h.next = (h.next + 1) % maxLaps
}

// roomFor makes room for one more in a slice that grows to most elements.
func roomFor[T any](s []T, most int) []T {
	if len(s) < cap(s) {
		return s
	}
	return append(make([]T, 0, min(max(4, 2*len(s)), most)), s...)
}

// recent returns the latest marks, at most n, whatever was reset. h may be nil.
func (h *history) recent(n int) []mark {
	if h == nil || n <= 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.last(min(n, len(h.marks)))
}

// latestMark returns how many marks were ever made, and the name of the latest.
func (h *history) latestMark() (made int, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if n := len(h.marks); n > 0 {
		name = h.marks[(h.next+n-1)%n].name
	}
	return h.made.count, name
}

// marksMade returns all marks ever made. h may be nil.
func (h *history) marksMade() marksMade {
	if h == nil {
		return marksMade{}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.made
}
