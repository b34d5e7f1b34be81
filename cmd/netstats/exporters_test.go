package main

import (
	"strings"
	"testing"
)

// What is linked in is what the command line says, else what the environment of a
// program that is run at once needs, else what most need.
func TestVariant(t *testing.T) {
	for _, test := range []struct{ command, flags, environment, want string }{
		{"run", "", "", "table"},
		{"test", "", "", "table"},
		{"build", "", "", "otlp"},
		{"install", "", "OTEL_TRACES_EXPORTER=none", "otlp"},
		{"run", "", "OTEL_EXPORTER_OTLP_ENDPOINT=http://x", "otlp"},
		{"run", "", "OTEL_EXPORTER_OTLP_ENDPOINT=", "table"},
		{"run", "", "OTEL_SERVICE_NAME=x", "table"},
		{"run", "", "OTEL_TRACES_EXPORTER=none OTEL_METRICS_EXPORTER=none", "table"},
		{"run", "", "OTEL_TRACES_EXPORTER=console", "otlp"},
		{"run", "", "OTEL_METRICS_EXPORTER=prometheus", "all"},
		{"test", "", "OTEL_EXPORTER_OTLP_PROTOCOL=grpc OTEL_EXPORTER_OTLP_ENDPOINT=x", "all"},
		{"run", "", "OTEL_EXPORTER_OTLP_ENDPOINT=x OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=grpc", "all"},
		{"run", "", "OTEL_METRICS_PRODUCERS=prometheus", "all"},
		{"run", "-exporters=none", "OTEL_METRICS_EXPORTER=prometheus", "table"},
		{"build", "-exporters none", "", "table"},
		{"build", "-exporters=all", "", "all"},
		{"build", "-exporters=otlp", "OTEL_METRICS_EXPORTER=prometheus", "otlp"},
	} {
		for _, v := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER", "OTEL_METRICS_PRODUCERS"} {
			t.Setenv(v, "")
		}
		for v := range strings.FieldsSeq(test.environment) {
			name, value, _ := strings.Cut(v, "=")
			t.Setenv(name, value)
		}
		c, err := parse(test.command, append(strings.Fields("-auto "+test.flags), "."))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.variant(); got != test.want {
			t.Errorf("%s %s %s: got %s, want %s", test.environment, test.command, test.flags, got, test.want)
		}
	}
}
