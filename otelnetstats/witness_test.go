package otelnetstats_test

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/netstats-go/netstats/internal/logevent"
	"github.com/netstats-go/netstats/otelnetstats"
)

// A fact is one thing that can be said of the telemetry, such as “span dial: at its
// start network.transport”. What was seen is a set of facts, and what is declared is
// one, so they can be compared.
type fact struct{ kind, name, on, about, what string }

func (f fact) String() string {
	s := f.kind + " " + f.name
	if f.on != "" {
		s += " on " + f.on
	}
	if f.about != "" {
		s += ": " + strings.TrimSpace(f.about+" "+f.what)
	}
	return s
}

// What facts are about.
const (
	anAttribute   = "attribute"
	attributes    = "attributes of the user's own"
	atStart       = "at its start"
	atEnd         = "at its end"
	aValue        = "value"
	anInstrument  = "is of the kind"
	hasBoundaries = "has the boundaries"
)

// A witness notes what all tests of the package see. It is a span processor, and
// its view is one that changes nothing. What it is told of one name more than once
// costs little and allocates nothing.
type witness struct {
	mu      sync.Mutex // guards what follows
	facts   map[fact]bool
	started map[trace.SpanID]int // how many attributes a span has started with
}

var _ sdktrace.SpanProcessor = (*witness)(nil)

// seen is what was.
var seen = &witness{facts: make(map[fact]bool), started: make(map[trace.SpanID]int)}

func (w *witness) all() map[fact]bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.facts)
}

func (w *witness) note(f fact) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.facts[f] = true
}

// noteAttribute notes an attribute of what f is of. The tests' own attributes have
// no dot in their names, which all of ours have but two.
func (w *witness) noteAttribute(f fact, kv attribute.KeyValue) {
	f.what = string(kv.Key)
	if !strings.Contains(f.what, ".") && f.what != "trace_id" && f.what != "span_id" {
		f.about, f.what = attributes, ""
	}
	w.note(f)
	if kv.Value.Type() == attribute.STRING && telemetry.closed(f.what) {
		w.note(fact{kind: "attribute", name: f.what, about: aValue, what: kv.Value.AsString()})
	}
}

// OnStart notes with what a span starts.
func (w *witness) OnStart(_ context.Context, s sdktrace.ReadWriteSpan) {
	if s.InstrumentationScope().Name != otelnetstats.ScopeName {
		return
	}
	action, _, _ := strings.Cut(s.Name(), " ")
	attrs := s.Attributes()
	for _, kv := range attrs {
		w.noteAttribute(fact{kind: "span", name: action, about: atStart}, kv)
	}
	w.note(fact{kind: "span", name: action, about: anInstrument, what: s.SpanKind().String()})
	w.mu.Lock()
	defer w.mu.Unlock()
	w.started[s.SpanContext().SpanID()] = len(attrs)
}

// OnEnd notes what a span has got since, and its events.
func (w *witness) OnEnd(s sdktrace.ReadOnlySpan) {
	if s.InstrumentationScope().Name != otelnetstats.ScopeName {
		return
	}
	action, _, _ := strings.Cut(s.Name(), " ")
	for _, kv := range s.Attributes()[w.attributesAtStart(s):] { // they stay in front
		w.noteAttribute(fact{kind: "span", name: action, about: atEnd}, kv)
	}
	for _, e := range s.Events() {
		w.note(fact{kind: "event", name: e.Name, on: action})
		for _, kv := range e.Attributes {
			w.noteAttribute(fact{kind: "event", name: e.Name, on: action, about: anAttribute}, kv)
		}
	}
}

func (w *witness) attributesAtStart(s sdktrace.ReadOnlySpan) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	id := s.SpanContext().SpanID()
	n := w.started[id]
	delete(w.started, id)
	return n
}

// A logWitness notes what log events a Tracker emits, and with which attributes.
type logWitness struct{ *witness }

func (logWitness) Enabled(context.Context, string, bool) bool { return true }

func (w logWitness) Emit(_ context.Context, e logevent.Event) {
	w.note(fact{kind: "log event", name: e.Name})
	for _, kv := range e.Attributes {
		w.noteAttribute(fact{kind: "log event", name: e.Name, about: anAttribute}, kv)
	}
}

func (*witness) Shutdown(context.Context) error   { return nil }
func (*witness) ForceFlush(context.Context) error { return nil }

var instrumentKinds = map[sdkmetric.InstrumentKind]string{
	sdkmetric.InstrumentKindCounter:                 "counter",
	sdkmetric.InstrumentKindUpDownCounter:           "up-down counter",
	sdkmetric.InstrumentKindHistogram:               "histogram",
	sdkmetric.InstrumentKindGauge:                   "gauge",
	sdkmetric.InstrumentKindObservableCounter:       "observable counter",
	sdkmetric.InstrumentKindObservableUpDownCounter: "observable up-down counter",
	sdkmetric.InstrumentKindObservableGauge:         "observable gauge",
}

// view notes an instrument, which the exported data do not tell, and matches none.
func (w *witness) view(i sdkmetric.Instrument) (stream sdkmetric.Stream, matches bool) {
	if i.Scope.Name == otelnetstats.ScopeName {
		w.note(fact{kind: "metric", name: i.Name, about: anInstrument, what: describe(instrumentKinds[i.Kind], i.Unit, i.Description)})
	}
	return stream, false
}

func describe(kind, unit, description string) string {
	return fmt.Sprintf("%s in %s: %s", kind, unit, description)
}

// noteMetrics notes what a reader has collected.
func (w *witness) noteMetrics(scopes []metricdata.ScopeMetrics) {
	for _, s := range scopes {
		if s.Scope.Name != otelnetstats.ScopeName {
			continue
		}
		for _, kv := range s.Scope.Attributes.ToSlice() {
			w.noteAttribute(fact{kind: "scope", name: "of all", about: anAttribute}, kv)
		}
		for _, m := range s.Metrics {
			w.noteMetric(m)
		}
	}
}

func (w *witness) noteMetric(m metricdata.Metrics) {
	for _, set := range setsOf(m) {
		w.note(fact{kind: "metric", name: m.Name})
		for _, kv := range set.ToSlice() {
			w.noteAttribute(fact{kind: "metric", name: m.Name, about: anAttribute}, kv)
		}
	}
	if data, ok := m.Data.(metricdata.Histogram[float64]); ok {
		for _, p := range data.DataPoints {
			w.note(fact{kind: "metric", name: m.Name, about: hasBoundaries, what: fmt.Sprint(p.Bounds)})
		}
	}
}
