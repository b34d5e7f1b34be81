package auto

import (
	"fmt"
	"os"
	"slices"
	"strings"
)

// A choice is a variable that names exporters, and the names that package
// autoexport knows without further ado. A program may register others.
type choice struct {
	variable string
	known    []string
	several  bool // with commas in between
}

var (
	spanExporters   = choice{variable: "OTEL_TRACES_EXPORTER", known: []string{"otlp", "console", "none"}}
	metricReaders   = choice{variable: "OTEL_METRICS_EXPORTER", known: []string{"otlp", "prometheus", "console", "none"}}
	metricProducers = choice{variable: "OTEL_METRICS_PRODUCERS", known: []string{"prometheus", "none"}, several: true}
)

// explain adds to an error what was chosen, where that is not known: the error
// itself names neither the value nor the others.
func explain(err error, choices ...choice) error {
	for _, c := range choices {
		value := os.Getenv(c.variable)
		if err != nil && value != "" && !c.knows(value) {
			return fmt.Errorf("%s=%s: %w; known are %s", c.variable, value, err, strings.Join(c.known, ", "))
		}
	}
	return err
}

// knows reports whether all that a value names is known.
func (c choice) knows(value string) bool {
	names := []string{value}
	if c.several {
		names = strings.Split(value, ",")
	}
	return !slices.ContainsFunc(names, func(name string) bool { return !slices.Contains(c.known, name) })
}
