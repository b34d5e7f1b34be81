package main

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// telemetry is what a registry comes to: each signal with all of its attributes.
// What has a name in JSON is in semconv/names.json.
type telemetry struct {
	Metrics     []metric         `json:"metrics"`
	Spans       []span           `json:"spans"`
	Events      []event          `json:"events"`
	Scope       []scopeAttribute `json:"scope_attributes"`
	Definitions []*definition    `json:"attributes"`

	sections []section
}

type metric struct {
	Name        string    `json:"name"`
	Prometheus  string    `json:"prometheus"`
	Series      []string  `json:"prometheus_series"`
	Instrument  string    `json:"instrument"`
	Unit        string    `json:"unit"`
	Description string    `json:"description"`
	Bounds      []float64 `json:"bounds,omitempty"`
	Platform    string    `json:"platform,omitempty"` // the only one that has it
	Attributes  []string  `json:"attributes"`
	Own         bool      `json:"own_attributes"` // users can add theirs

	group *group
	short string   // what tables call the attributes of the group that it extends
	shown []string // those beside them
}

type span struct {
	Name  string   `json:"name"`
	Kind  string   `json:"kind"`
	Start []string `json:"start"` // the attributes, by when they are set
	Early []string `json:"early"` // right after the start, if it records
	End   []string `json:"end"`
	Last  []string `json:"last"` // at the end of the last of several parts
	Own   bool     `json:"own_attributes"`

	optIn map[string]bool
}

// action is the first word of the span's name.
func (s *span) action() string { return strings.Fields(s.Name)[0] }

type event struct {
	Name       string    `json:"name"`
	Spans      []string  `json:"spans"` // the first words of their names
	Attributes []string  `json:"attributes"`
	Own        bool      `json:"own_attributes"`
	Log        *logEvent `json:"log,omitempty"`

	goName, brief string
}

// A logEvent is the form that an event has as a log event. It has all that the event
// of a span has, and what is on the span.
type logEvent struct {
	Attributes []string `json:"attributes"`
	Own        bool     `json:"own_attributes"`

	short string   // what tables call the attributes of the group that it extends
	shown []string // those beside them
}

type scopeAttribute struct {
	Name   string `json:"name"`
	Unseen string `json:"unseen,omitempty"` // why the tests of the package cannot see it
}

// A definition is an attribute as such.
type definition struct {
	Name     string   `json:"name"`
	Label    string   `json:"prometheus_label"`
	Type     string   `json:"type"`
	Platform string   `json:"platform,omitempty"`
	Values   []string `json:"values,omitempty"`
	Closed   bool     `json:"closed,omitempty"` // there are no other values

	attribute *attribute
	standard  bool
}

// A section is a group that defines attributes.
type section struct {
	id          string
	definitions []*definition
}

// resolve makes the telemetry of groups that were checked.
func resolve(groups []*group) (*telemetry, error) {
	r := resolver{groups: make(map[string]*group), t: new(telemetry)}
	for _, g := range groups {
		r.groups[g.ID] = g
		r.define(g)
	}
	for _, g := range groups {
		r.add(g)
	}
	if err := r.t.agree(); err != nil {
		return nil, err
	}
	return r.t, nil
}

type resolver struct {
	groups map[string]*group
	t      *telemetry
}

func (r *resolver) define(g *group) {
	s := section{id: g.ID}
	for _, a := range g.Attributes {
		if a.ID == "" {
			continue
		}
		hints := a.Annotations.Netstats
		d := &definition{
			Name: a.ID, Label: underscored(a.ID), Type: cmp.Or(a.Type.Name, "string"), Platform: hints.Platform, Closed: hints.Closed,
			attribute: a, standard: g.Annotations.Netstats.Standard,
		}
		for _, m := range a.Type.Members {
			d.Values = append(d.Values, m.Value)
		}
		s.definitions = append(s.definitions, d)
	}
	if s.definitions != nil {
		r.t.sections = append(r.t.sections, s)
		r.t.Definitions = append(r.t.Definitions, s.definitions...)
	}
}

func (r *resolver) add(g *group) {
	switch g.Type {
	case "metric":
		r.t.Metrics = append(r.t.Metrics, r.metric(g))
	case "span":
		r.t.Spans = append(r.t.Spans, r.span(g))
	case "event":
		r.t.Events = append(r.t.Events, r.event(g))
	}
	if g.Annotations.Netstats.Scope {
		for _, a := range g.Attributes {
			r.t.Scope = append(r.t.Scope, scopeAttribute{a.Ref, a.Annotations.Netstats.Unseen})
		}
	}
}

func (r *resolver) metric(g *group) metric {
	hints := g.Annotations.Netstats
	m := metric{
		Name: g.MetricName, Instrument: instrument(g), Unit: g.Unit, Description: g.Brief, Platform: hints.Platform,
		Attributes: refs(r.attributes(g)), Own: r.own(g), group: g,
	}
	if hints.Buckets != nil {
		m.Bounds = hints.Buckets.Bounds
	}
	m.short, m.shown = r.shown(g)
	m.Prometheus = prometheus(m.Name, m.Unit, g.Instrument)
	m.Series = series(m.Prometheus, g.Instrument)
	return m
}

// shown are a group's attributes in tables: what they call those of the group that
// it extends, if they do, and the others.
func (r *resolver) shown(g *group) (short string, others []string) {
	if base := r.groups[g.Extends]; base != nil && base.Annotations.Netstats.Short != "" {
		return base.Annotations.Netstats.Short, refs(g.Attributes)
	}
	return "", refs(r.attributes(g))
}

// instrument is what the API calls it. Groups have the names of synchronous ones.
func instrument(g *group) string {
	kind := g.Instrument
	if kind == "updowncounter" {
		kind = "up-down counter"
	}
	if g.Annotations.Netstats.Observable {
		return "observable " + kind
	}
	return kind
}

func (r *resolver) span(g *group) span {
	s := span{
		Name: g.Annotations.Netstats.Name, Kind: g.SpanKind, Own: r.own(g), optIn: make(map[string]bool),
		Start: []string{}, Early: []string{}, End: []string{}, Last: []string{},
	}
	for _, a := range r.attributes(g) {
		s.optIn[a.Ref] = a.RequirementLevel.Word == "opt_in"
		set := a.Annotations.Netstats.Set
		if a.SamplingRelevant {
			s.Start = append(s.Start, a.Ref)
		}
		switch {
		case set == "early":
			s.Early = append(s.Early, a.Ref)
		case set == "last":
			s.Last = append(s.Last, a.Ref)
		case set == "end", !a.SamplingRelevant:
			s.End = append(s.End, a.Ref)
		}
	}
	return s
}

func (r *resolver) event(g *group) event {
	hints := g.Annotations.Netstats
	e := event{
		Name: g.Name, Spans: []string{}, Attributes: []string{}, goName: hints.Go, brief: g.Brief,
	}
	if hints.Log {
		e.Log = &logEvent{Attributes: refs(r.attributes(g)), Own: r.own(g)}
		e.Log.short, e.Log.shown = r.shown(g)
	}
	for _, id := range slices.Sorted(maps.Keys(r.groups)) {
		if s := r.groups[id]; slices.Contains(s.Events, g.ID) {
			e.Spans = append(e.Spans, strings.Fields(s.Annotations.Netstats.Name)[0])
		}
	}
	if len(e.Spans) > 0 {
		e.Attributes, e.Own = r.onSpan(g)
	}
	return e
}

// onSpan has the attributes of an event that is on a span: not those that only log
// events have.
func (r *resolver) onSpan(g *group) (names []string, own bool) {
	var list []*attribute
	for ; g != nil && g.Annotations.Netstats.Form == ""; g = r.groups[g.Extends] {
		list = slices.Concat(slices.DeleteFunc(slices.Clone(g.Attributes), logOnly), list)
		own = own || g.Annotations.Netstats.Own
	}
	return refs(list), own
}

func logOnly(a *attribute) bool { return a.Annotations.Netstats.Form == "log" }

// own reports whether users may add attributes: what a group extends may say so.
func (r *resolver) own(g *group) bool {
	for ; g != nil; g = r.groups[g.Extends] {
		if g.Annotations.Netstats.Own {
			return true
		}
	}
	return false
}

// attributes are a group's, after those of what it extends.
func (r *resolver) attributes(g *group) []*attribute {
	var list []*attribute
	for ; g != nil; g = r.groups[g.Extends] {
		list = slices.Concat(g.Attributes, list)
	}
	return list
}

func refs(list []*attribute) []string {
	names := []string{} // not null in JSON
	for _, a := range list {
		names = append(names, a.Ref)
	}
	return names
}

// agree reports identifiers that would have two meanings, and attributes that a
// signal has twice.
func (t *telemetry) agree() error {
	meanings := make(map[string]string)
	for _, b := range t.declarations() {
		for _, c := range b.constants {
			if old, ok := meanings[c.name]; ok && old != c.value {
				return fmt.Errorf("%s is to be %s and %s", c.name, old, c.value)
			}
			meanings[c.name] = c.value
		}
	}
	samples := make(map[string]bool)
	for _, m := range t.Metrics {
		if twice := repeated(m.Attributes); twice != "" {
			return fmt.Errorf("%s has %s twice", m.Name, twice)
		}
		for _, name := range m.Series {
			if samples[name] {
				return fmt.Errorf("%s: another metric has %s in Prometheus", m.Name, name)
			}
			samples[name] = true
		}
	}
	return nil
}

func repeated(names []string) string {
	for i, name := range names {
		if slices.Contains(names[:i], name) {
			return name
		}
	}
	return ""
}
