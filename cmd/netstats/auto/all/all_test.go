package all

import "testing"

// A value that is not known is named, with those that are; what works does.
func TestUnknownExporter(t *testing.T) {
	for _, test := range []struct{ traces, metrics, producers, want string }{
		{"none", "none", "", ""},
		{"jaeger", "none", "", "traces: OTEL_TRACES_EXPORTER=jaeger: unknown exporter or metrics producer; known are otlp, console, none"},
		{"otlp,console", "none", "", "traces: OTEL_TRACES_EXPORTER=otlp,console: unknown exporter or metrics producer; known are otlp, console, none"},
		{"none", "statsd", "", "metrics: OTEL_METRICS_EXPORTER=statsd: unknown exporter or metrics producer; known are otlp, prometheus, console, none"},
		{"none", "otlp", "prometheus,x", "metrics: OTEL_METRICS_PRODUCERS=prometheus,x: unknown exporter or metrics producer; known are prometheus, none"},
		{
			"jaeger\n\x1b[2J", "x", "", "traces: OTEL_TRACES_EXPORTER=jaeger\n\x1b[2J: unknown exporter or metrics producer; known are otlp, console, none\n" +
				"metrics: OTEL_METRICS_EXPORTER=x: unknown exporter or metrics producer; known are otlp, prometheus, console, none",
		},
	} {
		t.Setenv(spanExporters.Variable, test.traces)
		t.Setenv(metricReaders.Variable, test.metrics)
		t.Setenv(metricProducers.Variable, test.producers)
		p, err := exporters.New(t.Context())
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != test.want || p == nil {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
		p.Shutdown(t.Context())
	}
}
