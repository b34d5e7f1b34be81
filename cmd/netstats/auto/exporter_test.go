package auto

import "testing"

// A value that is not known is named, with those that are; what works does.
func TestUnknownExporter(t *testing.T) {
	for _, test := range []struct{ traces, metrics, producers, want string }{
		{"none", "none", "", ""},
		{"jaeger", "none", "", "netstats: traces: OTEL_TRACES_EXPORTER=jaeger: unknown exporter or metrics producer; known are otlp, console, none\n"},
		{"otlp,console", "none", "", "netstats: traces: OTEL_TRACES_EXPORTER=otlp,console: unknown exporter or metrics producer; known are otlp, console, none\n"},
		{"none", "statsd", "", "netstats: metrics: OTEL_METRICS_EXPORTER=statsd: unknown exporter or metrics producer; known are otlp, prometheus, console, none\n"},
		{"none", "otlp", "prometheus,x", "netstats: metrics: OTEL_METRICS_PRODUCERS=prometheus,x: unknown exporter or metrics producer; known are prometheus, none\n"},
		{"jaeger\n\x1b[2J", "x", "", "netstats: traces: OTEL_TRACES_EXPORTER=jaeger\\n\\x1b[2J: unknown exporter or metrics producer; known are otlp, console, none\n" +
			"netstats: metrics: OTEL_METRICS_EXPORTER=x: unknown exporter or metrics producer; known are otlp, prometheus, console, none\n"},
	} {
		t.Setenv(spanExporters.variable, test.traces)
		t.Setenv(metricReaders.variable, test.metrics)
		t.Setenv(metricProducers.variable, test.producers)
		p, err := newProviders(settings{export: true})
		got := ""
		if err != nil {
			got = complaint(err)
		}
		if got != test.want || p == nil {
			t.Errorf("got\n%s\nwant\n%s", got, test.want)
		}
		if err := p.shutdown(t.Context()); err != nil {
			t.Error(err)
		}
	}
}
