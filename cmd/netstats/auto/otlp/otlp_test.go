package otlp

import "testing"

// What this variant lacks is said, with the one that has it; and what nobody has.
func TestWhatIsNotThere(t *testing.T) {
	const elsewhere = ": this program was built without it; build it with -exporters=all"
	for _, test := range []struct{ variable, value, want string }{
		{"OTEL_TRACES_EXPORTER", "otlp", ""},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", ""},
		{"OTEL_METRICS_PRODUCERS", "none", ""},
		{"OTEL_METRICS_EXPORTER", "prometheus", "metrics: OTEL_METRICS_EXPORTER=prometheus" + elsewhere},
		{"OTEL_METRICS_PRODUCERS", "none,prometheus", "metrics: OTEL_METRICS_PRODUCERS=none,prometheus" + elsewhere},
		{"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "grpc", "traces: OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=grpc" + elsewhere},
		{"OTEL_EXPORTER_OTLP_PROTOCOL", "grpc", "traces: OTEL_EXPORTER_OTLP_PROTOCOL=grpc" + elsewhere + "\nmetrics: OTEL_EXPORTER_OTLP_PROTOCOL=grpc" + elsewhere},
		{"OTEL_EXPORTER_OTLP_METRICS_PROTOCOL", "http/json", "metrics: OTEL_EXPORTER_OTLP_METRICS_PROTOCOL=http/json: unknown; known are http/protobuf"},
		{"OTEL_TRACES_EXPORTER", "jaeger", "traces: OTEL_TRACES_EXPORTER=jaeger: unknown; known are otlp, console, none"},
	} {
		t.Run(test.variable+"="+test.value, func(t *testing.T) {
			t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1")
			t.Setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "1") // nobody is there
			t.Setenv(test.variable, test.value)
			p, err := exporters.New(t.Context())
			got := ""
			if err != nil {
				got = err.Error()
			}
			if got != test.want || p == nil {
				t.Errorf("got\n%s\nwant\n%s", got, test.want)
			}
			p.Shutdown(t.Context())
		})
	}
}

// Where nothing is to be exported, it does not matter how.
func TestNone(t *testing.T) {
	for _, name := range []string{"OTEL_TRACES_EXPORTER", "OTEL_METRICS_EXPORTER"} {
		t.Setenv(name, "none")
	}
	t.Setenv("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
	p, err := exporters.New(t.Context())
	if err != nil {
		t.Error(err)
	}
	p.Shutdown(t.Context())
}
