package main

import (
	"bytes"
	"encoding/json"
	"strings"
)

// names is the list for programs: what checks dashboards reads it, and the test
// that compares all that is emitted with what is declared.
func (t *telemetry) names() ([]byte, error) {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	err := e.Encode(t)
	return b.Bytes(), err
}

// prometheus is the name of a metric by the translation that OpenTelemetry's
// exporter for Prometheus has by default, and that Prometheus has when it is sent
// OTLP: no dots, and suffixes for the unit and for counters. Of up-down counters it
// makes gauges.
func prometheus(name, unit, instrument string) string {
	name = underscored(name)
	switch unit {
	case "By":
		name += "_bytes"
	case "s":
		name += "_seconds"
	}
	if instrument == "counter" {
		name += "_total"
	}
	return name
}

// series are the names that a metric's samples have.
func series(name, instrument string) []string {
	if instrument != "histogram" {
		return []string{name}
	}
	return []string{name + "_bucket", name + "_count", name + "_sum"}
}

func underscored(name string) string { return strings.ReplaceAll(name, ".", "_") }
