package main

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

var markers = regexp.MustCompile(`(?ms)^<!-- generated: ([^\n]+) -->\n.*?^<!-- end of generated -->$`)

// fill writes the generated parts of a page between their markers. Each part has
// to have its place, and each place a part.
func (t *telemetry) fill(page string) ([]byte, error) {
	parts := t.parts()
	var unknown []string
	page = markers.ReplaceAllStringFunc(page, func(old string) string {
		name := markers.FindStringSubmatch(old)[1]
		part, ok := parts[name]
		if !ok {
			unknown = append(unknown, name)
			return old
		}
		delete(parts, name)
		return "<!-- generated: " + name + " -->\n\n" + part + "\n<!-- end of generated -->"
	})
	if unknown != nil {
		return nil, fmt.Errorf("these parts are not generated, or were before: %q", unknown)
	}
	if len(parts) > 0 {
		return nil, fmt.Errorf("there is no place for %q", slices.Sorted(maps.Keys(parts)))
	}
	return []byte(page), nil
}

// parts are the tables, by the names that they have on the page.
func (t *telemetry) parts() map[string]string {
	parts := map[string]string{
		"metrics":          t.metricTable(),
		"buckets":          t.bucketTable(),
		"prometheus names": t.prometheusTable(),
		"span events":      t.spanEventTable(),
		"log events":       t.logEventTable(),
	}
	for i := range t.Spans {
		parts["span "+t.Spans[i].action()] = t.Spans[i].table()
	}
	for _, s := range t.sections {
		parts["attributes "+s.id] = s.table()
	}
	for _, d := range t.Definitions {
		if len(d.Values) > fewValues {
			parts["values "+d.Name] = d.valueTable()
		}
	}
	return parts
}

// fewValues are told where the attribute is, more have a table of their own.
const fewValues = 5

// A table is one in Markdown.
type table struct{ strings.Builder }

func newTable(head ...string) *table {
	t := new(table)
	t.row(head...)
	t.row(slices.Repeat([]string{"---"}, len(head))...)
	return t
}

func (t *table) row(cells ...string) { t.WriteString("| " + strings.Join(cells, " | ") + " |\n") }

// code marks names as such.
func code(names ...string) string {
	if len(names) == 0 {
		return ""
	}
	return "`" + strings.Join(names, "`, `") + "`"
}

// together are attributes of which some go by a short name.
func together(short string, others []string) string {
	if short != "" && len(others) > 0 {
		short += ", "
	}
	return short + code(others...)
}

// metricTable has the metrics that are alike for clients and for servers in one row.
func (t *telemetry) metricTable() string {
	b := newTable("metric", "instrument", "unit", "attributes", "what it tells")
	for _, pair := range t.pairs() {
		m := pair[0]
		tells := m.Description
		if m.group.Note != "" {
			tells += " " + m.group.Note
		}
		if m.Platform != "" {
			tells += " " + system(m.Platform) + " only."
		}
		b.row(code(names(pair)...), m.Instrument, code(m.Unit), together(m.short, m.shown), tells)
	}
	return b.String()
}

func system(goos string) string { return map[string]string{"linux": "Linux"}[goos] }

func names(metrics []metric) []string {
	var list []string
	for _, m := range metrics {
		list = append(list, m.Name)
	}
	return list
}

// pairs are the metrics, a client's with the server's of the same kind.
func (t *telemetry) pairs() [][]metric {
	var pairs [][]metric
	for _, m := range t.Metrics {
		if i := slices.IndexFunc(pairs, func(pair []metric) bool { return twins(pair[0], m) }); i >= 0 {
			pairs[i] = append(pairs[i], m)
			continue
		}
		pairs = append(pairs, []metric{m})
	}
	return pairs
}

func twins(client, server metric) bool {
	return strings.Replace(client.Name, ".client.", ".server.", 1) == server.Name &&
		client.Instrument == server.Instrument && client.Unit == server.Unit && slices.Equal(client.shown, server.shown)
}

func (t *telemetry) bucketTable() string {
	b := newTable("histogram", "boundaries")
	for _, pair := range t.pairs() {
		if m := pair[0]; m.Bounds != nil {
			b.row(code(names(pair)...), numbers(m.Bounds, " "))
		}
	}
	return b.String()
}

func (t *telemetry) prometheusTable() string {
	b := newTable("metric", "in Prometheus")
	for _, m := range t.Metrics {
		b.row(code(m.Name), code(m.Prometheus))
	}
	return b.String()
}

func (t *telemetry) spanEventTable() string {
	b := newTable("event", "on", "attributes", "what it tells")
	for _, e := range t.Events {
		if len(e.Spans) > 0 {
			b.row(code(e.Name), strings.Join(e.Spans, ", "), code(e.Attributes...), e.brief)
		}
	}
	return b.String()
}

func (t *telemetry) logEventTable() string {
	b := newTable("log event", "attributes", "what it tells")
	for _, e := range t.Events {
		if e.Log != nil {
			b.row(code(e.Name), together(e.Log.short, e.Log.shown), e.brief)
		}
	}
	return b.String()
}

func (s *span) table() string {
	b := newTable("when", "attributes")
	for _, moment := range []struct {
		when       string
		attributes []string
	}{
		{"at its start", s.Start},
		{"right after, if it records", s.Early},
		{"at its end", s.End},
		{"at the end of the last of several parts", s.Last},
	} {
		var list []string
		for _, a := range moment.attributes {
			a, optIn := code(a), s.optIn[a]
			if optIn {
				a += " (opt-in)"
			}
			list = append(list, a)
		}
		if list != nil {
			b.row(moment.when, strings.Join(list, ", "))
		}
	}
	return b.String()
}

func (s *section) table() string {
	b := newTable("attribute", "type", "meaning")
	for _, d := range s.definitions {
		meaning := d.attribute.Brief
		if members := d.attribute.Type.Members; members != nil && len(members) <= fewValues {
			meaning += " It is " + told(members) + "."
		}
		if d.Platform != "" {
			meaning += " " + system(d.Platform) + " only."
		}
		b.row(code(d.Name), d.Type, meaning)
	}
	return b.String()
}

// told are values in a sentence.
func told(members []member) string {
	texts := make([]string, len(members))
	for i, m := range members {
		texts[i] = code(m.Value) + " (" + uncapitalized(m.Brief) + ")"
	}
	last := len(texts) - 1
	return strings.Join(texts[:last], ", ") + " or " + texts[last]
}

// uncapitalized leaves abbreviations as they are.
func uncapitalized(s string) string {
	if len(s) > 1 && strings.ToUpper(s[:2]) == s[:2] && s[1] != ' ' {
		return s
	}
	return strings.ToLower(s[:1]) + s[1:]
}

func (d *definition) valueTable() string {
	b := newTable("value", "meaning")
	for _, m := range d.attribute.Type.Members {
		b.row(code(m.Value), m.Brief)
	}
	return b.String()
}
