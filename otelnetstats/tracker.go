package otelnetstats

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"sync"
	"sync/atomic"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/bridge"
	"github.com/netstats-go/netstats/internal/connstat"
	"github.com/netstats-go/netstats/internal/live"
)

// A Tracker holds what its connections share: the providers, the instruments
// and the options. A program usually has one, made once by [New], or uses
// [Default].
//
// All methods are safe for concurrent use. A nil *Tracker tracks nothing: its
// methods return what they were given. So does a zero Tracker, which [New] has
// not made.
//
// Two Trackers on one MeterProvider, with the same attributes, report to the
// same streams. SDKs add their numbers up, which the specification does not
// promise; give them different metric attributes, or share one Tracker.
type Tracker struct {
	cfg     config
	tracer  trace.Tracer
	in      *instruments
	table   *seriesTable
	names   *lookupNames
	origins origins
	open    connstat.OpenSet
	parts   *parts
	down    atomic.Bool

	capture atomic.Pointer[Capture]
	hub     atomic.Pointer[live.Hub] // nil unless somebody shows connections
	hubMade sync.Once

	tlsWarning sync.Once
	strangers  strangers
}

// New returns a Tracker. Providers that are not given are the global ones, and
// may be set later: what was counted by then is in the totals as soon as there
// is a MeterProvider, while histograms and spans begin with their provider.
//
// With an error comes a Tracker all the same, that works without what failed.
func New(opts ...Option) (*Tracker, error) {
	t := &Tracker{cfg: newConfig(opts)}
	t.table = newSeriesTable(t.cfg)
	t.names = newLookupNames(t.cfg)
	t.tracer = t.cfg.tracers().Tracer(ScopeName,
		trace.WithInstrumentationVersion(Version),
		trace.WithInstrumentationAttributes(scopeAttributes()...),
		trace.WithSchemaURL(SchemaURL))
	meter := t.cfg.meters().Meter(ScopeName,
		metric.WithInstrumentationVersion(Version),
		metric.WithInstrumentationAttributes(scopeAttributes()...),
		metric.WithSchemaURL(SchemaURL))
	t.parts = newParts(t)
	in, err := newInstruments(meter, t.observe)
	t.in = in
	if err != nil {
		err = fmt.Errorf("otelnetstats: new tracker: %w", err)
	}
	return t, errors.Join(append(t.cfg.errs, err)...)
}

// scopeAttributes tell a capture build from others.
func scopeAttributes() []attribute.KeyValue {
	if bridge.Check() != nil {
		return nil
	}
	return []attribute.KeyValue{keyCaptureGenerator.String(bridge.Generator())}
}

// Default returns the Tracker of Dialers that have none. It is made on the
// global providers when Default is first called. After its Shutdown, it stays
// shut down.
func Default() *Tracker { return defaultTracker() }

var defaultTracker = sync.OnceValue(func() *Tracker {
	t, err := New()
	if err != nil {
		otel.Handle(err)
	}
	return t
})

// Conns returns the open connections, as they are when the loop begins. They
// may end while it runs.
func (t *Tracker) Conns() iter.Seq[*Conn] {
	return func(yield func(*Conn) bool) {
		if t.zero() {
			return
		}
		for _, rec := range t.open.Open() {
			if !rec.Ended() && !yield(connOf(rec)) {
				return
			}
		}
	}
}

// zero reports whether t is nil, or was not made by New.
func (t *Tracker) zero() bool { return t == nil || t.in == nil }

// off reports whether t tracks nothing more.
func (t *Tracker) off() bool { return t.zero() || t.down.Load() }

// wants reports whether a connection is to be tracked.
func (t *Tracker) wants(ctx context.Context, network, address string) (track bool) {
	if t.off() || untracked(ctx) {
		return false
	}
	if t.cfg.filter != nil {
		guard("WithFilter's function", func() { track = t.cfg.filter(ctx, network, address) })
		return track
	}
	return true
}
