package main

import (
	"errors"
	"fmt"
	"go/token"
	"regexp"
	"slices"
)

// check reports what the syntax of the semantic conventions does not allow, and
// what ours asks for on top. It stands in for weaver, their own tool, which is no
// Go program.
func check(groups []*group) error {
	c := checker{groups: make(map[string]*group), defined: make(map[string]*attribute), used: make(map[string]bool)}
	if len(groups) == 0 {
		c.errorf("there are no groups")
	}
	for _, g := range groups {
		c.register(g)
	}
	for _, g := range groups {
		c.group(g)
	}
	for _, g := range groups {
		for _, a := range g.Attributes {
			if a.ID != "" && !c.used[a.ID] {
				c.errorf("%s: nothing refers to %s", g.ID, a.ID)
			}
		}
	}
	return errors.Join(c.errs...)
}

type checker struct {
	groups  map[string]*group
	defined map[string]*attribute
	used    map[string]bool
	errs    []error
}

func (c *checker) errorf(format string, args ...any) {
	c.errs = append(c.errs, fmt.Errorf(format, args...))
}

// want reports what does not hold.
func (c *checker) want(holds bool, format string, args ...any) {
	if !holds {
		c.errorf(format, args...)
	}
}

// register notes what others may refer to.
func (c *checker) register(g *group) {
	c.want(g.ID != "", "a group has no id")
	c.want(c.groups[g.ID] == nil, "there are two groups %s", g.ID)
	c.groups[g.ID] = g
	for _, a := range g.Attributes {
		if a.ID == "" {
			continue
		}
		c.want(c.defined[a.ID] == nil, "there are two definitions of %s", a.ID)
		c.want(g.Type == "attribute_group", "%s: %s is to be defined in a group of attributes", g.ID, a.ID)
		c.defined[a.ID] = a
	}
}

var stabilities = []string{"stable", "development", "alpha", "beta", "release_candidate"}

func (c *checker) group(g *group) {
	c.want(g.Brief != "", "%s: no brief", g.ID)
	c.want(g.Type == "attribute_group" && g.Stability == "" || slices.Contains(stabilities, g.Stability),
		"%s: stability %q", g.ID, g.Stability)
	c.want(g.Extends == "" || c.groups[g.Extends] != nil, "%s extends %s, which there is not", g.ID, g.Extends)
	c.want(c.ends(g), "%s extends itself", g.ID)
	c.want(g.Type == "metric" || g.MetricName+g.Instrument+g.Unit == "", "%s: fields of a metric", g.ID)
	c.want(g.Type == "span" || g.SpanKind == "" && g.Events == nil, "%s: fields of a span", g.ID)
	c.want(g.Type == "event" || g.Name == "", "%s: the name of an event", g.ID)
	hints := g.Annotations.Netstats
	c.want(platform(hints.Platform), "%s: platform %q", g.ID, hints.Platform)
	c.want(hints.Form == "" || hints.Form == "log" && g.Type == "attribute_group", "%s: form %q", g.ID, hints.Form)
	c.want(!hints.Log || g.Type == "event", "%s: it is no event", g.ID)
	switch g.Type {
	case "metric":
		c.metric(g)
	case "span":
		c.span(g)
	case "event":
		c.event(g)
	case "attribute_group":
		c.want(g.Attributes != nil || g.Extends != "", "%s: neither attributes nor extends", g.ID)
	default:
		c.errorf("%s: type %q", g.ID, g.Type)
	}
	seen := make(map[string]bool)
	for _, a := range g.Attributes {
		c.want(!seen[a.ID+a.Ref], "%s: %s is there twice", g.ID, a.ID+a.Ref)
		seen[a.ID+a.Ref] = true
		c.attribute(g, a)
	}
}

// ends reports whether the chain of what a group extends does.
func (c *checker) ends(g *group) bool {
	for range c.groups {
		if g == nil || g.Extends == "" {
			return true
		}
		g = c.groups[g.Extends]
	}
	return false
}

var (
	dotted = regexp.MustCompile(`^[a-z][a-z0-9]*([._][a-z0-9]+)*$`)
	units  = regexp.MustCompile(`^(By|s|\{[a-z_]+\})$`)
)

func (c *checker) metric(g *group) {
	hints := g.Annotations.Netstats
	c.want(dotted.MatchString(g.MetricName) && g.ID == "metric."+g.MetricName, "%s: metric_name %q", g.ID, g.MetricName)
	c.want(slices.Contains([]string{"counter", "updowncounter", "gauge", "histogram"}, g.Instrument), "%s: instrument %q", g.ID, g.Instrument)
	c.want(units.MatchString(g.Unit), "%s: unit %q", g.ID, g.Unit)
	c.want(g.Instrument != "histogram" || !hints.Observable, "%s: there are no observable histograms", g.ID)
	c.want((g.Instrument == "histogram") == (hints.Buckets != nil), "%s: a histogram has buckets, and nothing else has", g.ID)
	c.identifier(g.ID, hints.Go)
	c.identifier(g.ID+": description", hints.Description)
	if b := hints.Buckets; b != nil {
		c.identifier(g.ID+": buckets", b.Go)
		c.want(len(b.Bounds) > 0 && slices.IsSorted(b.Bounds), "%s: bounds %v", g.ID, b.Bounds)
	}
}

func (c *checker) span(g *group) {
	c.want(slices.Contains([]string{"client", "server", "producer", "consumer", "internal"}, g.SpanKind), "%s: span_kind %q", g.ID, g.SpanKind)
	c.want(g.Attributes != nil || g.Extends != "", "%s: neither attributes nor extends", g.ID)
	c.want(g.Annotations.Netstats.Name != "", "%s: no name", g.ID)
	for _, id := range g.Events {
		c.want(c.groups[id] != nil && c.groups[id].Type == "event", "%s has the event %s, which there is not", g.ID, id)
	}
}

func (c *checker) event(g *group) {
	c.want(dotted.MatchString(g.Name) && g.ID == "event."+g.Name, "%s: name %q", g.ID, g.Name)
	c.identifier(g.ID, g.Annotations.Netstats.Go)
}

func (c *checker) attribute(g *group, a *attribute) {
	id := g.ID + ": " + a.ID + a.Ref
	c.want((a.ID == "") != (a.Ref == ""), "%s: an attribute has either an id or a ref", id)
	c.want(level(a.RequirementLevel), "%s: requirement_level %v", id, a.RequirementLevel)
	c.want(platform(a.Annotations.Netstats.Platform), "%s: platform %q", id, a.Annotations.Netstats.Platform)
	if a.Ref != "" {
		c.reference(g, a, id)
		return
	}
	hints := a.Annotations.Netstats
	c.want(dotted.MatchString(a.ID), "%s: is that a name?", id)
	c.want(a.Brief != "", "%s: no brief", id)
	c.want(slices.Contains(stabilities, a.Stability), "%s: stability %q", id, a.Stability)
	c.want((a.Type.Members == nil) == (hints.Values == ""), "%s: an enumeration says what its values are called, and nothing else does", id)
	c.want(hints.Set+hints.Unseen+hints.Form == "", "%s: it is where the attribute is used that says more", id)
	c.want(examples(a), "%s: examples %v of type %s", id, a.Examples, a.Type.Name)
	c.identifier(id, hints.Go)
	c.members(a, id)
}

func (c *checker) reference(g *group, a *attribute, id string) {
	hints := a.Annotations.Netstats
	c.used[a.Ref] = true
	c.want(c.defined[a.Ref] != nil, "%s: is not defined", id)
	c.want(a.Type.Name == "" && a.Type.Members == nil && a.Stability == "", "%s: a reference has a definition of its own", id)
	c.want(hints.Go+hints.Values == "" && !hints.Closed, "%s: a reference has annotations of a definition", id)
	c.want(hints.Form == "" || hints.Form == "log" && g.Annotations.Netstats.Log, "%s: form %q", id, hints.Form)
	c.want(hints.Unseen == "" || g.Annotations.Netstats.Scope, "%s: unseen, and not of the scope", id)
	switch hints.Set {
	case "":
	case "early", "last":
		c.want(g.Type != "metric" && g.Type != "event" && !a.SamplingRelevant, "%s: set %q", id, hints.Set)
	case "end":
		c.want(g.Type != "metric" && g.Type != "event" && a.SamplingRelevant, "%s: set %q", id, hints.Set)
	default:
		c.errorf("%s: set %q", id, hints.Set)
	}
}

func (c *checker) members(a *attribute, id string) {
	ids, values := make(map[string]bool), make(map[string]bool)
	for _, m := range a.Type.Members {
		c.want(dotted.MatchString(m.ID) && !ids[m.ID], "%s: member %q", id, m.ID)
		c.want(m.Value != "" && !values[m.Value], "%s: the value %q of %s", id, m.Value, m.ID)
		c.want(slices.Contains(stabilities, m.Stability), "%s: the stability %q of %s", id, m.Stability, m.ID)
		c.want(m.Brief != "", "%s: no brief of %s", id, m.ID)
		ids[m.ID], values[m.Value] = true, true
	}
}

func (c *checker) identifier(of, s string) {
	c.want(token.IsIdentifier(s) && !token.IsExported(s), "%s: the identifier %q", of, s)
}

// platform reports whether s is one, of those that have something of their own.
func platform(s string) bool { return s == "" || s == "linux" }

func level(l requirementLevel) bool {
	switch l.Word {
	case "", "required", "opt_in":
		return l.Condition == ""
	case "recommended":
		return true
	case "conditionally_required":
		return l.Condition != ""
	}
	return false
}

// examples reports whether an attribute has examples of its type. Those that
// cannot be guessed have to.
func examples(a *attribute) bool {
	list, ok := a.Examples.([]any)
	if !ok && a.Examples != nil {
		list = []any{a.Examples}
	}
	if a.Type.Members != nil && a.Type.Name == "" {
		return all[string](list)
	}
	switch a.Type.Name {
	case "string":
		return len(list) > 0 && all[string](list)
	case "int":
		return all[int](list)
	case "double":
		return all[float64](list)
	case "boolean":
		return all[bool](list)
	}
	return false // there is no need of other types
}

func all[T any](list []any) bool {
	return !slices.ContainsFunc(list, func(v any) bool { _, ok := v.(T); return !ok })
}
